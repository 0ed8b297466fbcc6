package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/airatelimit/airatelimit/internal/activity"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/postgres"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// databaseLedger is a ledger that reports its database's health.
type databaseLedger interface {
	ledger.Ledger
	// Healthy returns why the ledger can decide or store nothing now, or nil.
	Healthy() error
}

const (
	// A node may start before its database, or while the database restarts.
	databaseWait  = 30 * time.Second
	databaseRetry = 500 * time.Millisecond
)

// opened is an open database with the parts that use it.
type opened struct {
	db      *store.DB
	store   *store.Store
	catalog *store.Catalog
	rollups *store.Rollups
	live    *live.Hub
	counts  *activity.Recorder
	ledger  databaseLedger
}

// awaitDatabase opens the database. It retries for databaseWait if the error may pass by itself. a.closers close everything
// that it has opened, also after an error.
func (a *app) awaitDatabase(ctx context.Context, d config.Database, keys *secret.Keyring, beat time.Duration) (o opened, err error) {
	if d.Warning != "" {
		a.log.Warn("DATABASE_URL is not fully secure", "reason", d.Warning)
	}
	if !d.Postgres() {
		unlock, err := store.Lock(d.Path)
		if err != nil {
			return o, err
		}
		a.closers.add(func(context.Context) error { return unlock() })
	}
	logged := ""
	for deadline := time.Now().Add(databaseWait); ; {
		o, err = a.openDatabase(ctx, d, keys, beat)
		switch {
		case err == nil, ctx.Err() != nil, !store.MayPass(err):
			return o, err
		case time.Now().After(deadline):
			return o, fmt.Errorf("the database could not be opened for %s: %w", databaseWait, err)
		}
		if text := err.Error(); text != logged {
			a.wait("the database cannot be opened yet; the log says why")
			a.log.Warn("waiting for the database", "error", err)
			logged = text
		}
		select {
		case <-ctx.Done():
			return o, ctx.Err()
		case <-time.After(databaseRetry):
		}
	}
}

// openDatabase tries once to open the database. After an error nothing is left open.
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
	o.rollups, o.live = store.NewRollups(o.db, a.now), &live.Hub{}
	o.counts = activity.New(o.live, o.rollups)
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
		a.log.Error("usage refused by the database", "error", err)
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
		a.log.Warn("journal partly unreadable: the latest usage is lost, as after a power failure", "bytes", n)
	}
	return l, nil
}

// checkpoint keeps SQLite's write-ahead log short until ctx ends, and logs when the journal cannot be folded into the
// tables. A failed checkpoint is harmless: the log grows until a commit checkpoints it.
func checkpoint(ctx context.Context, db *store.DB, l *sqlite.Ledger, log *slog.Logger) {
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
			log.Debug("checkpoint failed", "error", err)
		}
		err := l.Behind()
		switch {
		case err != nil && !behind:
			log.Error("database not writable: requests continue until the journal is full", "error", err)
		case err == nil && behind:
			log.Info("journal folded into the database again")
		}
		behind = err != nil
	}
}

// prune calls [store.DB.Prune] at intervals until ctx ends. After an error the next run removes the rest.
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
			log.Warn("pruning incomplete", "error", err)
		}
		if removed > 0 {
			log.Debug("pruned", "rows", removed)
		}
	}
}

// noteInterval is how often the uses of stored keys are written.
const noteInterval = time.Minute

// noteKeyUses writes how stored keys have fared, each minute and at the end. What cannot be written is lost: it is for people
// to look at.
func noteKeyUses(ctx context.Context, s *store.Store, uses *provider.Uses, log *slog.Logger) {
	tick := time.NewTicker(noteInterval)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		if err := s.NoteKeyUses(context.WithoutCancel(ctx), uses.Take()); err != nil {
			log.Warn("uses of provider keys not noted", "error", err)
		}
	}
}
