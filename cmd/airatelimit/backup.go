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
	File string `arg:"" help:"The file to write, which must not exist yet."`
}

func (backupCmd) Help() string {
	return "Copies the SQLite file as of one moment. The server may run meanwhile and is not delayed. To restore, stop the " +
		"server, remove the files beside the database (-wal, -shm, .journal-a and .journal-b), and put the copy in its place. The keys in DATA_DIR are not in the copy: back them up too."
}

func (c backupCmd) Run(ctx context.Context, a *app) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	if cfg.Database.Postgres() {
		return errors.New("backup copies SQLite files only. For PostgreSQL use pg_dump --format=custom --file=FILE \"$DATABASE_URL\", or its operator's continuous archiving")
	}
	err = store.Backup(ctx, cfg.Database, c.File)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s already exists: give the name of a new file", c.File)
	case err != nil:
		return fmt.Errorf("back up %s: %w", cfg.Database.Name, err)
	}
	fmt.Fprintf(a.out, "Copied %s to %s.\n", cfg.Database.Name, c.File)
	return nil
}
