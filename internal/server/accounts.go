package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// Mail returns the way in which a configuration sends mails. Links are printed in the log only outside production.
func Mail(cfg config.Config, log *slog.Logger) mail.Sender {
	switch {
	case cfg.ResendAPIKey != "":
		return mail.Resend{Key: cfg.ResendAPIKey, From: cfg.EmailFrom}
	case cfg.SMTPURL != nil:
		return mail.SMTP{URL: cfg.SMTPURL, From: cfg.EmailFrom}
	case cfg.Production:
		return mail.None{Log: log}
	}
	return mail.Log{Log: log}
}

// warnOfMail logs what keeps mails from arriving: receivers doubt a mail whose sender and link are of different domains.
func warnOfMail(cfg config.Config, log *slog.Logger) {
	if cfg.ResendAPIKey == "" && cfg.SMTPURL == nil {
		return
	}
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" {
		return
	}
	from, site := mail.Domain(cfg.EmailFrom), strings.ToLower(u.Hostname())
	if from != site && !strings.HasSuffix(from, "."+site) && !strings.HasSuffix(site, "."+from) {
		log.Warn("EMAIL_FROM and PUBLIC_URL have different domains: mails may be taken for spam", "email_from", from, "public_url", site)
	}
}

// offerSetup makes a link by which the first account can be made, and returns its token, or "" if there is an account.
func (a *app) offerSetup(ctx context.Context, s *store.Store) (token string, err error) {
	now := a.now()
	token = secret.NewToken()
	offered, err := s.OfferSetup(ctx, account.Ask{ID: secret.NewID("si_"), Kind: account.BySetup, Token: secret.Hash(token),
		Expires: now.Add(account.SetupTime)}, now)
	if err != nil {
		return "", fmt.Errorf("offer the setup: %w", err)
	}
	if !offered {
		return "", nil
	}
	return token, nil
}

// newcomer says how the first account is made. While there is one, it says nothing. In production a log is read by more
// people than may own the server, so it has no link.
func (a *app) newcomer(ctx context.Context, url string, s *store.Store, opts Options) error {
	if opts.Program == "" && opts.Out == nil {
		return nil
	}
	some, err := s.HasUsers(ctx)
	if err != nil || some {
		return err
	}
	next := opts.Program + " login-link you@example.com"
	if a.production {
		if opts.Out == nil {
			a.log.Info("no account yet", "next", next)
			return nil
		}
		fmt.Fprintf(opts.Out, "Nobody has an account yet. Make the first one with this server's environment:\n\n  %s\n\n", next)
		return nil
	}
	token, err := a.offerSetup(ctx, s)
	if err != nil || token == "" {
		return err
	}
	link := url + "/login#setup=" + token
	if opts.Out == nil {
		a.log.Info("no account yet: this link makes the first one, once, within 30 minutes", "link", link)
		return nil
	}
	fmt.Fprintf(opts.Out, "Nobody has an account yet. This link makes the first one, once, within 30 minutes:\n\n  %s\n\n", link)
	return nil
}
