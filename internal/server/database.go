package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/postgres"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// keptLedger is a ledger on a database.
type keptLedger interface {
	ledger.Ledger
	// Healthy returns why nothing can be decided or kept now, or nil.
	Healthy() error
}

const (
	// A node may start before its database, or while that is restarted.
	databaseWait  = 30 * time.Second
	databaseRetry = 500 * time.Millisecond
)

// opened is an open database, and what is kept in it.
type opened struct {
	db      *store.DB
	store   *store.Store
	catalog *store.Catalog
	ledger  keptLedger
}

// awaitDatabase opens the database as soon as it can be, if that is soon. What it has opened a.closers close, an error
// or not.
func (a *app) awaitDatabase(ctx context.Context, d config.Database, keys *secret.Keyring, beat time.Duration) (o opened, err error) {
	if d.Warning != "" {
		a.log.Warn("DATABASE_URL: " + d.Warning)
	}
	if !d.Postgres() {
		unlock, err := store.Lock(d.Path)
		if err != nil {
			return o, err
		}
		a.closers.add(func(context.Context) error { return unlock() })
	}
	said := ""
	for deadline := time.Now().Add(databaseWait); ; {
		o, err = a.openDatabase(ctx, d, keys, beat)
		switch {
		case err == nil, ctx.Err() != nil, !store.MayPass(err):
			return o, err
		case time.Now().After(deadline):
			return o, fmt.Errorf("the database could not be opened for %s: %w", databaseWait, err)
		}
		if text := err.Error(); text != said {
			a.wait("the database cannot be opened yet; the log says why")
			a.log.Warn("waiting for the database", "error", err)
			said = text
		}
		select {
		case <-ctx.Done():
			return o, ctx.Err()
		case <-time.After(databaseRetry):
		}
	}
}

// openDatabase leaves nothing open where it fails.
func (a *app) openDatabase(ctx context.Context, d config.Database, keys *secret.Keyring, beat time.Duration) (o opened, err error) {
	var opening closers
	defer func() {
		if err != nil {
			closing, cancel := context.WithTimeout(context.Background(), databaseRetry)
			defer cancel()
			err = errors.Join(err, opening.close(closing))
			return
		}
		a.closers = append(a.closers, opening...)
	}()
	if o.db, err = store.Open(ctx, d.Location); err != nil {
		return o, err
	}
	opening.add(func(context.Context) error { return o.db.Close() })
	o.store = store.New(o.db, keys)
	o.store.Prices = a.prices
	if err := o.store.AdoptKeys(ctx); err != nil {
		return o, err
	}
	if o.catalog, err = store.NewCatalog(ctx, o.store); err != nil {
		return o, err
	}
	if o.db.Pool == nil {
		l, err := a.openFile(ctx, o.db)
		if err != nil {
			return o, err
		}
		o.ledger = l
		opening.add(func(context.Context) error { return l.Close() })
		return o, nil
	}
	l, err := postgres.Open(ctx, o.db.Pool, postgres.Options{Beat: beat, Observe: a.metrics.Ledger().Batch, Report: func(err error) {
		a.log.Error("the database refuses what is to be counted", "error", err)
	}})
	if err != nil {
		return o, err
	}
	o.ledger = l
	opening.add(l.Shutdown)
	return o, nil
}

// openFile opens the ledger in a SQLite file.
func (a *app) openFile(ctx context.Context, db *store.DB) (*sqlite.Ledger, error) {
	l, err := sqlite.Open(ctx, db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		return nil, err
	}
	l.Observe(a.metrics.Ledger())
	if n := l.Dropped(); n > 0 {
		a.log.Warn("a part of the journal could not be read: what was counted last is lost, as after a loss of power", "bytes", n)
	}
	return l, nil
}

// tend keeps SQLite's log short until ctx ends, and tells where the journal cannot be folded
// into the file. That a checkpoint fails is no reason to stop: the log grows, and commits fold
// it back themselves in the end.
func tend(ctx context.Context, db *store.DB, l *sqlite.Ledger, log *slog.Logger) {
	tick := time.NewTicker(store.CheckpointInterval)
	defer tick.Stop()
	behind := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := db.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			log.Debug("checkpoint", "error", err)
		}
		err := l.Behind()
		switch {
		case err != nil && !behind:
			log.Error("the database cannot be written: requests go on in the journal, until that is full", "error", err)
		case err == nil && behind:
			log.Info("the database has what was in the journal")
		}
		behind = err != nil
	}
}

// prune removes what is of no use any more, now and then until ctx ends. That it fails is no reason to stop: the next
// time goes on where this one stopped.
func prune(ctx context.Context, db *store.DB, now func() time.Time, log *slog.Logger) {
	tick := time.NewTicker(store.PruneInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		removed, err := db.Prune(ctx, now())
		if err != nil && ctx.Err() == nil {
			log.Warn("what is of no use any more was not all removed", "error", err)
		}
		if removed > 0 {
			log.Debug("removed what is of no use any more", "rows", removed)
		}
	}
}
