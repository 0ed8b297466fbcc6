package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/store"
)

type migrateCmd struct {
	From string `required:"" placeholder:"sqlite:PATH" help:"The file to copy. No server may be using it. It does not change."`
	To   string `required:"" placeholder:"postgresql://…" help:"The empty PostgreSQL to copy it to, as DATABASE_URL names it."`
}

func (migrateCmd) Help() string {
	return "Copies projects, keys, identities, usage, the audit trail and stored answers to calls with an Idempotency-Key, and compares " +
		"counts and sums. It copies everything or nothing. " +
		"Needs the environment that the nodes will have, above all ENCRYPTION_KEY."
}

func (c migrateCmd) Run(ctx context.Context, a *app) (err error) {
	from, err := config.ParseDatabase(c.From)
	if err != nil {
		return usageError("--from " + err.Error())
	}
	to, err := config.ParseDatabase(c.To)
	if err != nil {
		return usageError("--to " + err.Error())
	}
	if from.Postgres() || !to.Postgres() {
		return usageError("migrate copies only from sqlite:PATH to postgresql://…")
	}
	cfg, keys, err := a.configuration()
	if err != nil {
		return err
	}
	if to.Warning != "" {
		fmt.Fprintln(a.err, "airatelimit: --to: "+to.Warning)
	}
	target, err := store.Open(ctx, to.Location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	copied, err := store.Copy(ctx, from.Path, target, keys, ledger.EscapeName)
	if errors.Is(err, store.ErrNotEmpty) {
		return fmt.Errorf("%s: %w", to.Name, err)
	}
	if err != nil {
		return fmt.Errorf("nothing was copied: %w", err)
	}
	for _, t := range copied {
		fmt.Fprintf(a.out, "%8d  %s\n", t.Rows, t.Table)
	}
	fmt.Fprintf(a.out, "Copied %s to %s; counts and sums agree. Start the nodes with that DATABASE_URL.\n", from.Name, to.Name)
	if a.getenv("ENCRYPTION_KEY") == "" {
		fmt.Fprintf(a.out, "Give every node the key in %s as ENCRYPTION_KEY, and the key in %s as JWT_SECRET.\n",
			filepath.Join(cfg.DataDir, "encryption-key"), filepath.Join(cfg.DataDir, "jwt-secret"))
	}
	return nil
}
