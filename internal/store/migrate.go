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

// ErrNewer means that a newer version of AI Ratelimit has upgraded the database. With SQLite every newer schema is
// refused. With PostgreSQL an older node may run beside newer ones during a rollout, so a newer schema is refused only
// if the database says that this version cannot use it (docs/decisions/0006-rollouts.md).
var ErrNewer = errors.New("the database was upgraded by a newer version of airatelimit: start that version, or restore a backup from before the upgrade")

// migrateFile upgrades the schema of a SQLite file. Processes that start at the same moment wait at a file lock, because
// SQLite's own lock does not cover the check before the migration's transaction.
func migrateFile(ctx context.Context, db *sql.DB, path string) error {
	unlock, err := awaitFileLock(ctx, path+".migrate")
	if err != nil {
		return fmt.Errorf("wait for the upgrade of the schema: %w", err)
	}
	defer unlock() //nolint:errcheck // closing the descriptor releases it in any case
	folder, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectSQLite3, folder, func(int64) (bool, error) { return false, nil })
}

// migrationLock is the advisory lock of the process that upgrades a PostgreSQL. The number is arbitrary.
const migrationLock = 0x41_49_52_4c // AIRL

// lockPoll is how often a starting process checks whether another still upgrades the schema.
const lockPoll = 50 * time.Millisecond

// migratePool upgrades the schema of a PostgreSQL. An open transaction on a connection of its own holds the lock, because
// a pooler would lose a session's lock. A process without the lock returns its connection before it tries again: a few
// nodes that wait inside the database could use up a pooler's connections.
func migratePool(ctx context.Context, db *DB) error {
	for {
		tx, locked, err := lockMigration(ctx, db)
		if err != nil {
			return fmt.Errorf("wait for the upgrade of the schema: %w", err)
		}
		if locked {
			defer tx.Rollback() //nolint:errcheck // the transaction only holds the lock
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

// upgradeLockTime is how long a migration waits for a table lock. Later statements queue behind it, so it gives up soon,
// is rolled back, and is tried again at the next start.
const upgradeLockTime = 200 * time.Millisecond

// errTableLocked explains why an upgrade has given up.
var errTableLocked = errors.New("another session keeps a table locked that the upgrade changes, perhaps a pg_dump or a session idle in a transaction. Wait for that session or end it; the next start tries again")

// upgrade applies the migrations in a folder. A migration that waits for a lock must not delay other nodes' requests.
func (db *DB) upgrade(ctx context.Context, folder fs.FS) error {
	h := sql.OpenDB(impatientConnector{stdlib.GetPoolConnector(db.Pool)})
	h.SetMaxIdleConns(0) // the pool keeps idle connections
	err := migrate(ctx, h, goose.DialectPostgres, folder, func(version int64) (bool, error) {
		oldest, err := oldestSchema(ctx, db)
		return version >= oldest, err
	})
	if answered, ok := errors.AsType[*pgconn.PgError](err); ok && answered.Code == codeLocked {
		err = fmt.Errorf("%w: %w", errTableLocked, err)
	}
	return errors.Join(err, h.Close())
}

// impatientConnector makes connections whose transactions wait at most upgradeLockTime for a lock.
type impatientConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c impatientConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return impatientConn{conn.(*stdlib.Conn)}, nil
}

type impatientConn struct{ *stdlib.Conn }

// BeginTx implements driver.ConnBeginTx.
func (c impatientConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
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

// lockMigration returns a transaction that holds the lock. If the lock is taken, no transaction stays open.
func lockMigration(ctx context.Context, db *DB) (tx *sql.Tx, locked bool, err error) {
	if tx, err = db.Write.BeginTx(ctx, nil); err != nil {
		return nil, false, err
	}
	err = tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, migrationLock).Scan(&locked)
	if err == nil && locked {
		// The snapshot of the SELECT stays until the next statement, and CREATE INDEX CONCURRENTLY would wait for it.
		_, err = tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	}
	if err == nil && locked {
		return tx, true, nil
	}
	return nil, false, errors.Join(err, tx.Rollback())
}

// migrate applies the folder's migrations that the database lacks. If the database has newer ones, compatible reports
// whether a binary whose newest migration is version may use it.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder fs.FS, compatible func(version int64) (bool, error)) error {
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
		ok, err := compatible(newest)
		switch {
		case err != nil:
			return fmt.Errorf("read the oldest compatible schema: %w", err)
		case !ok:
			return fmt.Errorf("%w (its schema is version %d, this airatelimit's is %d)", ErrNewer, current, newest)
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

// oldestSchema returns the oldest schema version whose binaries may use the database.
func oldestSchema(ctx context.Context, db *DB) (version int64, err error) {
	err = db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `SELECT oldest_schema FROM installation WHERE id = 1`).Scan(&version)
	})
	if answered, ok := errors.AsType[*pgconn.PgError](err); ok && answered.Code == codeUndefinedTable {
		return 0, nil
	}
	return version, err
}
