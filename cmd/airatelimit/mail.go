package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/server"
)

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test mail, and print what the receiving server says."`
}

type mailTestCmd struct {
	Address string `arg:"" help:"The mail address to send to."`
}

func (c mailTestCmd) Run(ctx context.Context, a *app) error {
	to, ok := account.Address(c.Address)
	if !ok {
		return usageError("that is no mail address: give one like ann@example.com")
	}
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	if cfg.ResendAPIKey == "" && cfg.SMTPURL == nil {
		return errors.New("no mail is set up: set RESEND_API_KEY or SMTP_URL, and EMAIL_FROM. See docs/operations.md")
	}
	answer, err := server.Mail(cfg, slog.New(slog.DiscardHandler)).Send(ctx, mail.Test(secret.NewID("test-"), to, address(cfg)))
	if err != nil {
		return fmt.Errorf("mail to %s: %w", to, err)
	}
	fmt.Fprintf(a.out, "Mail to %s was %s.\nIf it does not arrive, look into the spam folder, and check SPF and DKIM (docs/operations.md).\n", to, answer)
	return nil
}
