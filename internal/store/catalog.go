package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// PollInterval is how often a [Catalog] should look for what other processes changed.
const PollInterval = 250 * time.Millisecond

// Catalog holds every project's snapshot in memory for the data plane. A known project costs no query,
// an unknown one at most one indexed read and no memory.
type Catalog struct {
	store *Store
	state atomic.Pointer[catalogState]
	mu    sync.Mutex // serializes refreshes; readers never take it

	failures atomic.Int64 // of Run to refresh
}

// catalogState is never changed once it is published.
type catalogState struct {
	revision int64
	projects map[string]entry
}

// entry is a project's snapshot, or why its record can't be one.
type entry struct {
	snapshot *project.Snapshot
	err      error
}

// NewCatalog reads every project. From then on changes made through s are in the catalog when the call
// that made them returns; those of other processes are once [Catalog.Run] or [Catalog.Refresh] has looked.
func NewCatalog(ctx context.Context, s *Store) (*Catalog, error) {
	c := &Catalog{store: s}
	c.state.Store(&catalogState{})
	if err := c.Refresh(ctx); err != nil {
		return nil, err
	}
	s.changed.Store(c)
	return c, nil
}

// Project returns the snapshot of the project with the key pk_…, or [project.ErrNotFound]. A key that isn't known
// may have been made by another process a moment ago, so the revision is looked at first.
func (c *Catalog) Project(ctx context.Context, key string) (*project.Snapshot, error) {
	if e, ok := c.state.Load().projects[key]; ok {
		return e.snapshot, e.err
	}
	if err := c.Refresh(ctx); err != nil {
		return nil, err
	}
	if e, ok := c.state.Load().projects[key]; ok {
		return e.snapshot, e.err
	}
	return nil, project.ErrNotFound
}

// Run refreshes at each tick until ctx ends. While the database is away the last state stands.
func (c *Catalog) Run(ctx context.Context, tick <-chan time.Time, log *slog.Logger) {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		err := c.Refresh(ctx)
		if err != nil && ctx.Err() == nil {
			c.failures.Add(1)
		}
		if err != nil && !failing && ctx.Err() == nil {
			log.Error("projects can't be read: going on with what is known", "error", err)
		}
		failing = err != nil
	}
}

// Failures is how often Run could not refresh.
func (c *Catalog) Failures() int64 { return c.failures.Load() }

// Refresh takes over what has changed since the last look: one small read when nothing has.
func (c *Catalog) Refresh(ctx context.Context) error {
	revision, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	if c.fresh(revision) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fresh(revision) {
		return nil // another goroutine did it meanwhile
	}
	next, err := c.load(ctx)
	if err != nil {
		return fmt.Errorf("read projects: %w", err)
	}
	c.state.Store(next)
	return nil
}

func (c *Catalog) fresh(revision int64) bool {
	s := c.state.Load()
	return s.projects != nil && s.revision >= revision
}

// load builds the state of one instant, in one transaction, from the last state and the projects that
// have changed since.
func (c *Catalog) load(ctx context.Context) (*catalogState, error) {
	tx, err := c.store.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	last, next := c.state.Load(), &catalogState{projects: map[string]entry{}}
	if next.revision, err = revision(ctx, tx); err != nil {
		return nil, err
	}
	keys, err := projectKeys(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		next.projects[key] = last.projects[key]
	}
	changed, err := query(ctx, tx, "p.revision > ?", last.revision)
	if err != nil {
		return nil, err
	}
	for _, r := range changed {
		next.projects[r.Key] = c.store.entry(r)
	}
	return next, nil
}

func projectKeys(ctx context.Context, q queryer) ([]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT id FROM projects`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// entry opens the record's keys, once for as long as the record stands. One that can't be opened is an
// error in its provider, and the project's other providers work.
func (s *Store) entry(r record) entry {
	if r.damage != nil {
		return entry{err: r.damage}
	}
	snapshot, err := project.NewSnapshot(r.Record, func(provider, sealed string) (string, error) {
		key, err := s.keys.Open(sealed, sealedFor(r.Key, provider))
		return string(key), err
	})
	return entry{snapshot: snapshot, err: err}
}
