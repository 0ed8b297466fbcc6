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

// The bounds of what the control plane asks of PostgreSQL. The server gives up first where it can: it would go on
// with a statement whose client has gone.
const (
	// connectTime bounds a connection attempt to each host, unless the URL says connect_timeout.
	connectTime = 5 * time.Second
	// readTime bounds a look at projects: whoever asks is better told that nothing can be said.
	readTime = 2 * time.Second
	// loadTime bounds the reading of what has changed, which at the start is every project.
	loadTime = 30 * time.Second
	// changeTime bounds a change, lockTime its wait for a lock, and statementTime one statement of it.
	changeTime, lockTime, statementTime = 20 * time.Second, 5 * time.Second, 10 * time.Second
	// goodbye is how long the ends of connections may take. A server that is silent would keep us waiting, and nothing
	// is lost with them.
	goodbye = time.Second
)

// openPostgres opens the PostgreSQL at a checked URL and upgrades its schema.
func openPostgres(ctx context.Context, url string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unparsed(err)
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
	if err = db.ping(ctx); err == nil {
		err = migratePool(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(explainConnect(err), db.Close())
	}
	return db, nil
}

// unparsed says why the client of PostgreSQL does not take a URL. Its own error quotes parts of it, and may so show a
// password; what it says of a file is about sslrootcert and its like.
func unparsed(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("DATABASE_URL: a file that it names cannot be read: %w. Correct sslrootcert, sslcert or sslkey", file)
	}
	return errors.New("DATABASE_URL: a parameter has a value that is not understood. Look at those behind the question mark, and for characters in the password that need % codes")
}

// explainConnect says what to do where the server does not take a user or has no such database, and what to set where
// the connection's encryption fails: platforms give their databases certificates that they have signed themselves, or none.
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
		return fmt.Errorf("DATABASE_URL: the server has no such database. Make it with createdb, or correct the name: %w", err)
	case ok && strings.HasPrefix(refused.Code, classNotAuthorized):
		return fmt.Errorf("DATABASE_URL: the server does not take this user or password. Correct them, with %% codes for / ? # @ in the password: %w", err)
	case otherName:
		return fmt.Errorf("DATABASE_URL: the server's certificate is not one of %q. Give the name that it has, or add sslmode=verify-ca to verify the certificate alone, or sslmode=require to encrypt without verifying: %w", name.Host, err)
	case isInvalid && invalid.Reason == x509.Expired:
		return fmt.Errorf("DATABASE_URL: the server's certificate has expired, or a clock is wrong. Renew it, or add sslmode=require to encrypt without verifying: %w", err)
	case authority, isInvalid:
		return fmt.Errorf("DATABASE_URL: the server's certificate is not trusted. Add sslmode=require or sslrootcert=PATH: %w", err)
	case noTLS, strings.Contains(err.Error(), "server refused TLS connection"):
		return fmt.Errorf("DATABASE_URL: the server does not encrypt connections. Add sslmode=disable, if the network is yours: %w", err)
	}
	return err
}

// ping needs as long as a connection may take, and a statement. Several hosts are tried one after the other.
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
	case <-time.After(goodbye):
	}
	return err
}

// begin starts a transaction that changes something.
func (db *DB) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := db.Write.BeginTx(ctx, nil)
	return db.bounded(ctx, tx, err, lockTime, statementTime)
}

// snapshot starts a transaction that sees one instant, for who reads for so long.
func (db *DB) snapshot(ctx context.Context, reads time.Duration) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Pool != nil {
		opts.Isolation = sql.LevelRepeatableRead // SQLite has nothing less
	}
	tx, err := db.Read.BeginTx(ctx, opts)
	return db.bounded(ctx, tx, err, min(lockTime, reads), reads)
}

// bounded has PostgreSQL wait for no lock, and run no statement, for longer than it should in a transaction that has
// just begun. The settings end with it: a session's would be another client's behind a pooler.
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

// milliseconds writes a time as PostgreSQL's settings have it.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// read has something read, within a time. What it reads is of one instant with PostgreSQL, where the server is told of
// the time too; a file has its readers wait for nobody.
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
	defer tx.Rollback() //nolint:errcheck // it only reads
	return do(ctx, tx)
}

// Differences is what of a PostgreSQL its operator should know.
type Differences struct {
	// Ahead is by how much its clock is before this process's.
	Ahead time.Duration
	// Forgets is whether it says that something is kept before it is (synchronous_commit).
	Forgets bool
}

// Differences looks at PostgreSQL's clock and settings. A file has none.
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

// PostgreSQL's codes of errors: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	classConnection    = "08"
	classNotAuthorized = "28" // a user or password that is not taken
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

// MayPass reports whether an error of a start is of a database that is not up, or not yet, or busy.
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
