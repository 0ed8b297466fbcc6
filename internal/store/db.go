// Package store keeps the control plane's records in SQLite or PostgreSQL: projects, their sealed provider keys and
// the revision that tells readers of a change. It also opens and upgrades the database, the ledger's tables included.
//
// Invariants: a provider key is on disk only sealed; every change of a project is one transaction that
// also moves the revision. With SQLite the control plane writes through one connection and the ledger through
// another, so writers queue instead of failing with "database is locked". With PostgreSQL nothing outlives a
// transaction on a connection, but for the listener's own: a pooler may hand out another one each time.
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

// readers and ledgerReaders are the numbers of connections that may read at the same time. Reads are of one or a few
// rows, so more would only cost page caches.
const (
	readers       = 4
	ledgerReaders = 2
)

// DB is an open database: a SQLite file, as four handles on it, or a PostgreSQL, as a pool.
type DB struct {
	// Write is the one connection that changes the file. Its transactions take SQLite's write lock
	// when they begin, so that what they read stays true until they commit.
	Write *sql.DB
	// Ledger is another such connection, which the ledger keeps to itself: its transactions must not queue behind
	// the control plane's, but for SQLite's own lock. With PostgreSQL it is nil.
	Ledger *sql.DB
	// LedgerRead is for the ledger what Read is for all others: a request must not wait for reports. With PostgreSQL it
	// is nil.
	LedgerRead *sql.DB
	// Read is a small pool that refuses to write. Readers see the last commit and never wait for
	// a writer.
	Read *sql.DB
	// Pool is PostgreSQL's, and nil with SQLite. Write and Read are then one handle, over it.
	Pool *pgxpool.Pool
}

// Open opens the database at a location: postgresql://…, sqlite:PATH, or the path of a SQLite file alone. It upgrades
// the schema to this binary's; one that a newer binary has made is [ErrNewer], see there.
//
// A SQLite file is made (mode 0600, its folder 0700) if it isn't there. Several processes may open one database, at the
// same moment too; the one that serves a file also takes [Lock].
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

// Close closes all handles. The last process to close a file folds its write-ahead log into it.
func (db *DB) Close() error {
	if db.Pool != nil {
		return db.closePool()
	}
	return errors.Join(db.Read.Close(), db.LedgerRead.Close(), db.Ledger.Close(), db.Write.Close())
}

// touch makes the empty file if it isn't there, before SQLite would: SQLite gives its -wal and -shm
// files the mode of the database, and would itself choose 0644. It returns the file's one true name, so
// that two paths to one file find the same locks beside it.
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

// commonPragmas hold for both handles. The busy timeout (ms) is what lets a command write beside the
// serving process; a double-quoted typo must be an error, not a string (_dqs).
func commonPragmas() url.Values {
	return url.Values{
		"_busy_timeout": {"5000"},
		"_foreign_keys": {"on"},
		"_dqs":          {"0"},
		"_pragma":       {"temp_store(memory)"},
	}
}

// writePragmas: with a write-ahead log, synchronous=NORMAL loses nothing when the process dies and at
// most the last commits when the machine does; it never corrupts. The log is folded back every
// 4000 pages (16 MB), which keeps that pause rare and the log small enough to read through.
func writePragmas() url.Values {
	q := commonPragmas()
	q.Set("_journal_mode", "wal")
	q.Set("_synchronous", "normal")
	q.Set("_txlock", "immediate")
	q.Add("_pragma", "wal_autocheckpoint(4000)")
	q.Add("_pragma", "journal_size_limit(67108864)")
	return q
}

// ledgerPragmas: its transactions touch rows all over the tables, which should be in memory (KB), and changes wait
// for them, so folding the log back is left to [DB.Checkpoint] unless that falls far behind.
func ledgerPragmas() url.Values {
	q := writePragmas()
	q.Add("_pragma", "cache_size(-4096)")
	q.Add("_pragma", "wal_autocheckpoint(16000)")
	return q
}

// CheckpointInterval is how often a serving process should call [DB.Checkpoint].
const CheckpointInterval = 500 * time.Millisecond

// Checkpoint folds back what is in the write-ahead log by now, beside readers and writers and without waiting for
// them. It returns how many pages of the log are not folded back yet.
func (db *DB) Checkpoint(ctx context.Context) (left int, err error) {
	var busy, logged, folded int
	err = db.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &logged, &folded)
	return logged - folded, err
}

// readPragmas: whatever is written makes the pages that a reader keeps worthless, which the ledger does four times a second,
// so there is no use for many (KB).
func readPragmas() url.Values {
	q := commonPragmas()
	q.Set("_query_only", "on")
	q.Add("_pragma", "cache_size(-512)")
	return q
}
