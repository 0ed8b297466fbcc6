package server

import (
	"context"
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
	Close() error
}

const (
	// A node may start before its database, or while that is restarted.
	databaseWait  = 30 * time.Second
	databaseRetry = 500 * time.Millisecond
)

// openDatabase opens what the configuration names, and the ledger in it. What it has opened closers close, in the
// opposite order, an error or not.
func openDatabase(ctx context.Context, cfg config.Config, keys *secret.Keyring, log *slog.Logger, beat time.Duration, observe ledger.Observer, closers *[]func() error) (*store.DB, keptLedger, error) {
	if cfg.Database.Warning != "" {
		log.Warn("DATABASE_URL: " + cfg.Database.Warning)
	}
	if !cfg.Database.Postgres() {
		unlock, err := store.Lock(cfg.Database.Path)
		if err != nil {
			return nil, nil, err
		}
		*closers = append(*closers, unlock)
	}
	db, err := awaitDatabase(ctx, cfg.Database, log)
	if err != nil {
		return nil, nil, err
	}
	*closers = append(*closers, db.Close)
	if err := db.Claim(ctx, keys); err != nil {
		return nil, nil, err
	}
	kept, err := openLedger(ctx, db, beat, observe, log)
	if err != nil {
		return nil, nil, err
	}
	*closers = append(*closers, kept.Close)
	return db, kept, nil
}

// awaitDatabase opens the database as soon as it is up, if that is soon.
func awaitDatabase(ctx context.Context, d config.Database, log *slog.Logger) (*store.DB, error) {
	for deadline := time.Now().Add(databaseWait); ; {
		db, err := store.Open(ctx, d.Location)
		if err == nil || !store.MayPass(err) {
			return db, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the database could not be reached for %s: %w", databaseWait, err)
		}
		log.Warn("waiting for the database", "error", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(databaseRetry):
		}
	}
}

func openLedger(ctx context.Context, db *store.DB, beat time.Duration, observe ledger.Observer, log *slog.Logger) (keptLedger, error) {
	if db.Pool != nil {
		return postgres.Open(ctx, db.Pool, postgres.Options{Beat: beat, Observe: observe.Batch})
	}
	l, err := sqlite.Open(ctx, db.Ledger, db.Read)
	if err != nil {
		return nil, err
	}
	l.Observe(observe)
	if n := l.Dropped(); n > 0 {
		log.Warn("a part of the journal could not be read: what was counted last is lost, as after a loss of power", "bytes", n)
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
