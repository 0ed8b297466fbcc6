package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

type loginLinkCmd struct {
	Email string `arg:"" help:"The mail address of the account."`
}

func (loginLinkCmd) Help() string {
	return "Prints a link that signs in once, within 15 minutes, and makes the account if there is none, whatever SIGNUP says. The first account " +
		"becomes the owner of all projects that commands have made. The page asks for the address, because the link was not asked for in its browser."
}

func (c loginLinkCmd) Run(ctx context.Context, a *app) error {
	email, ok := account.Address(c.Email)
	if !ok {
		return usageError("that is no mail address: give one like ann@example.com")
	}
	return withExisting(ctx, a, func(s *store.Store, cfg config.Config) error {
		now, token := time.Now().UTC().Truncate(time.Microsecond), secret.NewToken()
		created, err := s.OfferLogin(ctx, account.Ask{ID: secret.NewID("si_"), Kind: account.ByOperator, Email: email, Token: secret.Hash(token),
			Expires: now.Add(account.LinkTime)}, now)
		if err != nil {
			return err
		}
		if created {
			fmt.Fprintf(a.out, "Made an account for %s in %s.\n", email, cfg.Database.Name)
		}
		fmt.Fprintf(a.out, "This link signs in as %s, once, until %s:\n\n  %s/login#t=%s\n\n", email, now.Add(account.LinkTime).Format("15:04 UTC"), address(cfg), token)
		return nil
	})
}

// address is that of the server, for links: PUBLIC_URL, else where it listens on this machine.
func address(cfg config.Config) string {
	return cmp.Or(cfg.PublicURL, fmt.Sprintf("http://localhost:%d", cfg.Port))
}
