package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// Time limits of the control plane's statements. PostgreSQL gets most of them too, because it would continue a statement
// whose client has gone.
const (
	// connectTime limits a connection attempt to each host, unless the URL has connect_timeout.
	connectTime = 5 * time.Second
	// readTime limits a small read, for which an early error is better than a long wait.
	readTime = 2 * time.Second
	// loadTime limits the read of all changed projects; at the start that is every project.
	loadTime = 30 * time.Second
	// changeTime limits a change, lockTime its wait for a lock, and statementTime each of its statements.
	changeTime, lockTime, statementTime = 20 * time.Second, 5 * time.Second, 10 * time.Second
	// closeTime limits the wait for connections to close. A silent server must not delay the exit, and nothing is lost.
	closeTime = time.Second
)

// openPostgres opens the PostgreSQL at a checked URL and upgrades its schema.
func openPostgres(ctx context.Context, url string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, explainParse(err)
	}
	c := cfg.ConnConfig
	// No statement stays prepared, because behind a pooler the next execution may run on another connection.
	c.DefaultQueryExecMode, c.StatementCacheCapacity, c.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "airatelimit"
	}
	// After a failover the old primary may live on as a replica. Its connections are closed, and a new connection finds
	// the new primary.
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
	if err = db.ping(ctx); err == nil {
		err = migratePool(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(explainConnect(err), db.Close())
	}
	return db, nil
}

// explainParse explains why pgx does not accept a URL. The error of pgx may quote a password, so only its error about a
// file, such as sslrootcert, is kept.
func explainParse(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("DATABASE_URL: a file that it names cannot be read: %w. Correct sslrootcert, sslcert or sslkey", file)
	}
	return errors.New("DATABASE_URL: a parameter has an invalid value. Check the parameters after the question mark, and use % codes for special characters in the password")
}

// explainConnect adds the remedy to an error about the user, the database or the encryption of a connection. Platforms
// often give their databases a self-signed certificate, or none.
func explainConnect(err error) error {
	if err == nil {
		return nil
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	name, otherName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	refused, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && refused.Code == codeNoDatabase:
		return fmt.Errorf("DATABASE_URL: the server has no such database. Create it with createdb, or correct the name: %w", err)
	case ok && strings.HasPrefix(refused.Code, classNotAuthorized):
		return fmt.Errorf("DATABASE_URL: the server does not accept this user or password. Correct them, with %% codes for / ? # @ in the password: %w", err)
	case otherName:
		return fmt.Errorf("DATABASE_URL: the server's certificate is not valid for %q. Use the certificate's host name, or add sslmode=verify-ca to verify only the certificate, or sslmode=require to encrypt without verifying: %w", name.Host, err)
	case isInvalid && invalid.Reason == x509.Expired:
		return fmt.Errorf("DATABASE_URL: the server's certificate has expired, or a clock is wrong. Renew the certificate, or add sslmode=require to encrypt without verifying: %w", err)
	case authority, isInvalid:
		return fmt.Errorf("DATABASE_URL: the server's certificate is not trusted. Add sslmode=require or sslrootcert=PATH: %w", err)
	case noTLS, strings.Contains(err.Error(), "server refused TLS connection"):
		return fmt.Errorf("DATABASE_URL: the server does not encrypt connections. If the network is private, add sslmode=disable: %w", err)
	}
	return err
}

// ping allows connectTime for each host, since they are tried one after the other, and readTime for the statement.
func (db *DB) ping(ctx context.Context) error {
	c := db.Pool.Config().ConnConfig
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+len(c.Fallbacks))*c.ConnectTimeout+readTime)
	defer cancel()
	return db.Pool.Ping(ctx)
}

func (db *DB) closePool() error {
	err := db.Write.Close()
	closed := make(chan struct{})
	go func() {
		db.Pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeTime):
	}
	return err
}

// begin starts a transaction that changes something.
func (db *DB) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := db.Write.BeginTx(ctx, nil)
	return db.bounded(ctx, tx, err, lockTime, statementTime)
}

// snapshot starts a read-only transaction that sees one instant. Each statement may take as long as reads.
func (db *DB) snapshot(ctx context.Context, reads time.Duration) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Pool != nil {
		opts.Isolation = sql.LevelRepeatableRead // SQLite has nothing less
	}
	tx, err := db.Read.BeginTx(ctx, opts)
	return db.bounded(ctx, tx, err, min(lockTime, reads), reads)
}

// bounded sets PostgreSQL's time limits for a transaction that has just begun. They end with the transaction, because
// behind a pooler a session's settings would reach other clients.
func (db *DB) bounded(ctx context.Context, tx *sql.Tx, err error, lock, statement time.Duration) (*sql.Tx, error) {
	if err != nil || db.Pool == nil {
		return tx, err
	}
	_, err = tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
		set_config('idle_in_transaction_session_timeout', '30s', true)`, milliseconds(lock), milliseconds(statement))
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// milliseconds formats a duration for a PostgreSQL setting.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// read runs do with a time limit. With PostgreSQL do reads one instant, and the server enforces the limit too.
func (db *DB) read(ctx context.Context, within time.Duration, do func(ctx context.Context, q queryer) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if db.Pool == nil {
		return do(ctx, db.Read)
	}
	tx, err := db.snapshot(ctx, within)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // the transaction only reads
	return do(ctx, tx)
}

// Differences are the facts about a PostgreSQL that its operator should know.
type Differences struct {
	// Ahead is how far the database's clock is ahead of this process's.
	Ahead time.Duration
	// Forgets reports that a crash may lose committed transactions (synchronous_commit=off).
	Forgets bool
}

// Differences checks PostgreSQL's clock and settings. With SQLite it returns the zero value.
func (db *DB) Differences(ctx context.Context) (d Differences, err error) {
	if db.Pool == nil {
		return d, nil
	}
	err = db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		var micros int64
		var commit string
		asked := time.Now()
		err := q.QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_setting('synchronous_commit')`).
			Scan(&micros, &commit)
		took := time.Since(asked)
		d.Ahead = time.UnixMicro(micros).Sub(asked.Add(took / 2))
		d.Forgets = commit == "off"
		return err
	})
	return d, err
}

// PostgreSQL's error codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	classConnection    = "08"
	classNotAuthorized = "28" // user or password not accepted
	classResources     = "53"
	codeStartingUp     = "57P03"
	codeAdminShutdown  = "57P01"
	codeCrashShutdown  = "57P02"
	codeCanceled       = "57014" // by statement_timeout
	codeLocked         = "55P03" // by lock_timeout
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeUndefinedTable = "42P01"
	codeReadOnly       = "25006"
	codeNoDatabase     = "3D000"
)

// MayPass reports whether a start's error may pass by itself: the database is down, starting or busy.
func MayPass(err error) bool {
	if answered, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answered.Code {
		case codeStartingUp, codeAdminShutdown, codeCrashShutdown, codeCanceled, codeLocked, codeSerialization, codeDeadlock, codeReadOnly:
			return true
		}
		class := answered.Code[:min(2, len(answered.Code))]
		return class == classConnection || class == classResources
	}
	if pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	_, network := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	return network || name
}
