package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// ErrNewer is the error of a database that a newer version of AI Ratelimit has upgraded. A SQLite file always is one
// then; a PostgreSQL, which an older node may share with newer ones during a rollout, only where it says that the older
// one no longer understands it (docs/decisions/0006-rollouts.md).
var ErrNewer = errors.New("the database was upgraded by a newer version of airatelimit: start that version, or restore a backup from before the upgrade")

// migrateFile brings a SQLite file up to date. A file lock lets one process do it while others that start at
// the same moment wait: SQLite's own lock covers one transaction, not the look before it.
func migrateFile(ctx context.Context, db *sql.DB, path string) error {
	unlock, err := awaitFileLock(ctx, path+".migrate")
	if err != nil {
		return fmt.Errorf("wait for the upgrade of the schema: %w", err)
	}
	defer unlock() //nolint:errcheck // it is gone with the descriptor
	folder, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectSQLite3, folder, func(int64) (bool, error) { return false, nil })
}

// migrationLock is the advisory lock of who upgrades a PostgreSQL: any number that others are unlikely to choose.
const migrationLock = 0x41_49_52_4c // AIRL

// lockPoll is how often a process that starts looks whether another still upgrades the schema.
const lockPoll = 50 * time.Millisecond

// migratePool brings a PostgreSQL up to date. The lock is held by a transaction that is open meanwhile, on a
// connection of its own: one of a session would be lost in a pooler. Who does not get it gives its connection back
// before it tries again: waiting in the database, a few nodes would have all that a pooler has.
func migratePool(ctx context.Context, db *DB) error {
	for {
		tx, locked, err := lockMigration(ctx, db)
		if err != nil {
			return fmt.Errorf("wait for the upgrade of the schema: %w", err)
		}
		if locked {
			defer tx.Rollback() //nolint:errcheck // it holds the lock, and nothing else
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the upgrade of the schema: %w", ctx.Err())
		case <-time.After(lockPoll):
		}
	}
	folder, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return err
	}
	return db.upgrade(ctx, folder)
}

// upgradeLockTime is how long a migration waits for a table. Everything that comes after it waits behind it: so it gives
// up soon, is undone, and is tried again at the next start.
const upgradeLockTime = 200 * time.Millisecond

// errTableLocked explains an upgrade that has given up.
var errTableLocked = errors.New("somebody keeps a table locked that the upgrade changes, a pg_dump perhaps, or a session that has forgotten its transaction")

// upgrade applies the migrations in a folder. No migration keeps the requests of other nodes waiting for what it waits
// for itself.
func (db *DB) upgrade(ctx context.Context, folder fs.FS) error {
	h := sql.OpenDB(hastyConnector{stdlib.GetPoolConnector(db.Pool)})
	h.SetMaxIdleConns(0) // the pool keeps them
	err := migrate(ctx, h, goose.DialectPostgres, folder, func(version int64) (bool, error) {
		oldest, err := oldestSchema(ctx, db)
		return version >= oldest, err
	})
	if answered, ok := errors.AsType[*pgconn.PgError](err); ok && answered.Code == codeLocked {
		err = fmt.Errorf("%w: %w", errTableLocked, err)
	}
	return errors.Join(err, h.Close())
}

// hastyConnector makes connections whose transactions wait for no lock for long.
type hastyConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c hastyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return hastyConn{conn.(*stdlib.Conn)}, nil
}

type hastyConn struct{ *stdlib.Conn }

// BeginTx implements driver.ConnBeginTx.
func (c hastyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	_, err = c.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true)`,
		[]driver.NamedValue{{Ordinal: 1, Value: milliseconds(upgradeLockTime)}})
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// lockMigration takes the lock for as long as the transaction is open, or leaves neither.
func lockMigration(ctx context.Context, db *DB) (tx *sql.Tx, locked bool, err error) {
	if tx, err = db.Write.BeginTx(ctx, nil); err != nil {
		return nil, false, err
	}
	var timeout string
	err = tx.QueryRowContext(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '0', true), pg_try_advisory_xact_lock($1)`,
		migrationLock).Scan(&timeout, &locked)
	if err == nil && locked {
		return tx, true, nil
	}
	return nil, false, errors.Join(err, tx.Rollback())
}

// migrate applies the migrations in a folder that the database has not seen. Where it has seen others, understood says
// whether a binary whose newest is version may use it.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder fs.FS, understood func(version int64) (bool, error)) error {
	p, err := goose.NewProvider(dialect, db, folder,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if current > newest {
		ok, err := understood(newest)
		switch {
		case err != nil:
			return fmt.Errorf("read who may use the schema: %w", err)
		case !ok:
			return fmt.Errorf("%w (its schema is version %d, this one knows %d)", ErrNewer, current, newest)
		}
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("upgrade the schema: %w", err)
	}
	return nil
}

// newestMigration is the version of the newest migration in a folder.
func newestMigration(folder string) (version int64, err error) {
	files, err := migrations.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		v, err := goose.NumericComponent(f.Name())
		if err != nil {
			return 0, err
		}
		version = max(version, v)
	}
	return version, nil
}

// oldestSchema is the oldest version of the schema whose binaries may use the database.
func oldestSchema(ctx context.Context, db *DB) (version int64, err error) {
	err = db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `SELECT oldest_schema FROM installation WHERE id = 1`).Scan(&version)
	})
	if answered, ok := errors.AsType[*pgconn.PgError](err); ok && answered.Code == codeUndefinedTable {
		return 0, nil
	}
	return version, err
}
