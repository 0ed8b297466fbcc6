package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// connectTime bounds a connection attempt to each host, unless the URL says connect_timeout.
	connectTime = 5 * time.Second
	// readTime bounds a look at projects: whoever asks is better told that nothing can be said.
	readTime = 2 * time.Second
	// loadTime bounds the reading of what has changed, which at the start is every project.
	loadTime = 30 * time.Second
)

// openPostgres opens the PostgreSQL at a checked URL and upgrades its schema.
func openPostgres(ctx context.Context, url string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c := cfg.ConnConfig
	// A statement is described and executed in one go, and none is left prepared: through a pooler the next may run on
	// another connection.
	c.DefaultQueryExecMode, c.StatementCacheCapacity, c.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "airatelimit"
	}
	// After a failover the old primary may live on as a replica. A connection to it is of no use any more, and a new
	// one finds its way.
	fatal := c.OnPgError
	c.OnPgError = func(conn *pgconn.PgConn, answered *pgconn.PgError) bool {
		return answered.Code != codeReadOnly && fatal(conn, answered)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	h := stdlib.OpenDBFromPool(pool)
	db := &DB{Write: h, Read: h, Pool: pool}
	err = pool.Ping(ctx)
	if err == nil {
		err = migratePool(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// begin starts a transaction that changes something. With PostgreSQL it waits for no lock, and runs no statement, for
// long; the settings end with it.
func (db *DB) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := db.Write.BeginTx(ctx, nil)
	if err != nil || db.Pool == nil {
		return tx, err
	}
	_, err = tx.ExecContext(ctx, `SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '10s', true),
		set_config('idle_in_transaction_session_timeout', '30s', true)`)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// snapshot starts a transaction that sees one instant.
func (db *DB) snapshot(ctx context.Context) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Pool != nil {
		opts.Isolation = sql.LevelRepeatableRead // SQLite has nothing less
	}
	return db.Read.BeginTx(ctx, opts)
}

// PostgreSQL's codes of errors: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeTooManyConnections = "53300"
	codeStartingUp         = "57P03"
	codeAdminShutdown      = "57P01"
	codeCrashShutdown      = "57P02"
	codeUndefinedTable     = "42P01"
	codeReadOnly           = "25006"
)

// Unreachable reports whether an error of [Open] is of a database that is not up, or not yet: it may pass.
func Unreachable(err error) bool {
	var answered *pgconn.PgError
	if errors.As(err, &answered) {
		switch answered.Code {
		case codeTooManyConnections, codeStartingUp, codeAdminShutdown, codeCrashShutdown:
			return true
		}
		return false
	}
	var network *net.OpError
	var name *net.DNSError
	return errors.As(err, &network) || errors.As(err, &name) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
