package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// ErrNewer is the error of a database that a newer version of AI Ratelimit has upgraded.
var ErrNewer = errors.New("the database was upgraded by a newer version of airatelimit: start that version, or restore a backup from before the upgrade")

// migrate brings the schema up to date. A file lock lets one process do it while others that start at
// the same moment wait: SQLite's own lock covers one transaction, not the look before it.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	unlock, err := lockFile(path+".migrate", true)
	if err != nil {
		return fmt.Errorf("wait for the upgrade of the schema: %w", err)
	}
	defer unlock()
	dir, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > newest {
		return fmt.Errorf("%w (its schema is version %d, this one knows %d)", ErrNewer, current, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("upgrade the schema: %w", err)
	}
	return nil
}
