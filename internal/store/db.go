// Package store keeps the control plane's records in SQLite or PostgreSQL: projects, their sealed provider keys and
// the revision, by which readers notice a change. It also opens and upgrades the database, including the ledger's tables.
//
// Invariants: a provider key is on disk only sealed. Every change of a project is one transaction that also raises the
// revision. With SQLite the control plane writes through one connection and the ledger through another, so writers
// queue instead of failing with "database is locked". With PostgreSQL no session state outlives a transaction, because
// a pooler may assign another connection each time; only the listener has a connection of its own.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/jackc/pgx/v5/pgxpool"
	"modernc.org/sqlite"
)

// readers and ledgerReaders are the sizes of the read pools. A read returns one or a few rows, so more connections would
// only cost page caches.
const (
	readers       = 4
	ledgerReaders = 2
)

// DB is an open database: four handles on a SQLite file, or a PostgreSQL pool.
type DB struct {
	// Write is the control plane's write connection. Its transactions take SQLite's write lock when they begin, so
	// that their reads stay true until they commit.
	Write *sql.DB
	// Ledger is the ledger's own write connection, so that the ledger's transactions wait for the control plane's only
	// at SQLite's lock. With PostgreSQL it is nil.
	Ledger *sql.DB
	// LedgerRead is the ledger's own read pool, so that a request does not wait for reports. With PostgreSQL it is nil.
	LedgerRead *sql.DB
	// Read is a small read-only pool. Readers see the last commit and never wait for a writer.
	Read *sql.DB
	// Pool is nil with SQLite. With PostgreSQL, Write and Read are one handle over it.
	Pool *pgxpool.Pool
}

// Open opens the database at a location: postgresql://…, sqlite:PATH, or the path of a SQLite file alone. It upgrades
// the schema to this binary's. A newer schema may be [ErrNewer].
//
// A missing SQLite file is created (mode 0600, its folder 0700). Several processes may open one database at the same
// moment; the process that serves a SQLite file also takes [Lock].
func Open(ctx context.Context, location string) (*DB, error) {
	d, err := config.ParseDatabase(location)
	switch scheme, _, _ := strings.Cut(location, "://"); {
	case err == nil && d.Postgres():
		db, err := openPostgres(ctx, d.Location)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", d.Name, err)
		}
		return db, nil
	case scheme == "postgresql" || scheme == "postgres":
		return nil, fmt.Errorf("the database's URL %w", err)
	case err != nil:
		d = config.File(location)
	}
	db, err := openFile(ctx, d.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", d.Path, err)
	}
	return db, nil
}

func openFile(ctx context.Context, path string) (*DB, error) {
	file, err := touch(path)
	if err != nil {
		return nil, err
	}
	w, err := handle(file, writePragmas(), 1)
	if err != nil {
		return nil, err
	}
	if err := migrateFile(ctx, w, file); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	l, err := handle(file, ledgerPragmas(), 1)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	r, err := handle(file, readPragmas(), readers)
	if err != nil {
		return nil, errors.Join(err, w.Close(), l.Close())
	}
	lr, err := handle(file, readPragmas(), ledgerReaders)
	if err != nil {
		return nil, errors.Join(err, w.Close(), l.Close(), r.Close())
	}
	return &DB{Write: w, Ledger: l, LedgerRead: lr, Read: r}, nil
}

// Close closes all handles. The last process to close a SQLite file checkpoints its write-ahead log.
func (db *DB) Close() error {
	if db.Pool != nil {
		return db.closePool()
	}
	return errors.Join(db.Read.Close(), db.LedgerRead.Close(), db.Ledger.Close(), db.Write.Close())
}

// touch creates the file if it is missing, with mode 0600: SQLite would choose 0644, and gives its -wal and -shm files
// the mode of the database. It returns the file's real path, so that two paths to one file share the locks beside it.
func touch(path string) (file string, err error) {
	if file, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(file)
}

func handle(path string, query url.Values, conns int) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	h := sql.OpenDB(c)
	h.SetMaxOpenConns(conns)
	h.SetMaxIdleConns(conns) // a connection's pragmas and page cache are worth keeping
	return h, nil
}

// commonPragmas hold for every handle. The busy timeout (ms) lets a command write beside the serving process. With _dqs
// off, a misspelt column in double quotes is an error and not a string.
func commonPragmas() url.Values {
	return url.Values{
		"_busy_timeout": {"5000"},
		"_foreign_keys": {"on"},
		"_dqs":          {"0"},
		"_pragma":       {"temp_store(memory)"},
	}
}

// writePragmas: with a write-ahead log, synchronous=NORMAL loses nothing when the process dies, and at most the last
// commits when the machine does; it never corrupts. A checkpoint every 4000 pages (16 MB) keeps pauses rare and the log
// short.
func writePragmas() url.Values {
	q := commonPragmas()
	q.Set("_journal_mode", "wal")
	q.Set("_synchronous", "normal")
	q.Set("_txlock", "immediate")
	q.Add("_pragma", "wal_autocheckpoint(4000)")
	q.Add("_pragma", "journal_size_limit(67108864)")
	return q
}

// ledgerPragmas: the ledger's transactions touch rows all over the tables, so its cache is larger (KB). Changes wait for
// these transactions, so checkpoints are left to [DB.Checkpoint] unless it falls far behind.
func ledgerPragmas() url.Values {
	q := writePragmas()
	q.Add("_pragma", "cache_size(-4096)")
	q.Add("_pragma", "wal_autocheckpoint(16000)")
	return q
}

// CheckpointInterval is how often a serving process should call [DB.Checkpoint].
const CheckpointInterval = 500 * time.Millisecond

// Checkpoint writes the pages of the write-ahead log into the database file, without waiting for readers or writers. It
// returns how many pages are left in the log.
func (db *DB) Checkpoint(ctx context.Context) (left int, err error) {
	var busy, logged, checkpointed int
	err = db.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &logged, &checkpointed)
	return logged - checkpointed, err
}

// readPragmas: the cache (KB) is small, because every write makes a reader's cached pages stale, and the ledger writes
// four times a second.
func readPragmas() url.Values {
	q := commonPragmas()
	q.Set("_query_only", "on")
	q.Add("_pragma", "cache_size(-512)")
	return q
}
