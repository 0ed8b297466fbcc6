package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/store"
)

type backupCmd struct {
	File string `arg:"" help:"The copy, which must not be there yet."`
}

func (backupCmd) Help() string {
	return "Copies the SQLite file as of one moment, beside a running server and without holding it up. To restore, stop the " +
		"server and put the copy in the file's place, without what stands beside it (-wal, -shm, .journal-a and .journal-b). The keys in DATA_DIR are not in it: keep them too."
}

func (c backupCmd) Run(ctx context.Context, a *app) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	if cfg.Database.Postgres() {
		return errors.New("PostgreSQL comes with its own: pg_dump --format=custom --file=FILE \"$DATABASE_URL\", or the continuous archiving of whoever runs it")
	}
	err = store.Backup(ctx, cfg.Database, c.File)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already: give a name that is not", c.File)
	case err != nil:
		return fmt.Errorf("back up %s: %w", cfg.Database.Name, err)
	}
	fmt.Fprintf(a.out, "Copied %s to %s.\n", cfg.Database.Name, c.File)
	return nil
}
