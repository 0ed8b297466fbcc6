package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// PollInterval is how often a [Catalog] should look for what other processes changed: with PostgreSQL a node more
// costs the database a little each time, and hears of changes before.
func (db *DB) PollInterval() time.Duration {
	if db.Pool != nil {
		return time.Second
	}
	return 250 * time.Millisecond
}

// Catalog holds every project's snapshot in memory for the data plane. A known project costs no query,
// an unknown one at most one indexed read and no memory.
type Catalog struct {
	store *Store
	state atomic.Pointer[catalogState]
	begun atomic.Int64 // refreshes

	mu   sync.Mutex // serializes refreshes; who finds a project never takes it
	last error      // of the last refresh

	failures atomic.Int64 // of Run to refresh
}

// catalogState is never changed once it is published.
type catalogState struct {
	revision int64
	projects map[string]entry
	unread   map[string]string // why, by the keys of the projects that cannot be read, wholly or in part
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
//
// It logs each project that this process cannot read, once for as long as that is so.
func (c *Catalog) Run(ctx context.Context, tick <-chan time.Time, log *slog.Logger) {
	failing := false
	var told map[string]string
	for {
		told = tell(log, told, c.state.Load().unread)
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
		if err == nil && failing {
			log.Info("projects can be read again")
		}
		failing = err != nil
	}
}

// mostTold is how many projects a look names in the log; a node that an older version has followed may read none.
const mostTold = 20

// tell logs what has changed about projects that cannot be read, and returns what is then told of.
func tell(log *slog.Logger, told, now map[string]string) map[string]string {
	named := 0
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if now[key] == told[key] {
			continue
		}
		if named++; named <= mostTold {
			log.Error("a project cannot be read: its requests get 503", "project", key, "error", now[key])
		}
	}
	if named > mostTold {
		log.Error("further projects cannot be read", "projects", named-mostTold)
	}
	for _, key := range slices.Sorted(maps.Keys(told)) {
		if _, still := now[key]; !still {
			log.Info("a project can be read again, or is gone", "project", key)
		}
	}
	return now
}

// Projects is how many projects there are, and how many of them this process cannot read, wholly or in part.
func (c *Catalog) Projects() (known, unread int) {
	s := c.state.Load()
	return len(s.projects), len(s.unread)
}

// Failures is how often Run could not refresh.
func (c *Catalog) Failures() int64 { return c.failures.Load() }

// Refresh takes over what has changed since the last look: one small read when nothing has. Of many callers at once,
// with keys that nobody knows, one reads for all.
func (c *Catalog) Refresh(ctx context.Context) error {
	seen := c.begun.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun.Load() > seen {
		return c.last // it has looked after this call had begun
	}
	c.begun.Add(1)
	// The others that wait must not fail because this one's client has gone.
	c.last = c.refresh(context.WithoutCancel(ctx))
	return c.last
}

func (c *Catalog) refresh(ctx context.Context) error {
	revision, err := c.store.Revision(ctx)
	if err != nil {
		return err
	}
	if c.fresh(revision) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
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
	tx, err := c.store.db.snapshot(ctx, loadTime)
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
	changed, err := query(ctx, tx, "p.revision > $1", last.revision)
	if err != nil {
		return nil, err
	}
	for _, r := range changed {
		next.projects[r.Key] = c.store.entry(r, last.projects[r.Key].snapshot)
	}
	next.unread = unread(next.projects)
	return next, nil
}

// unread says of each project that cannot be read why.
func unread(projects map[string]entry) map[string]string {
	why := map[string]string{}
	for key, e := range projects {
		if e.err != nil {
			why[key] = e.err.Error()
			continue
		}
		for _, p := range e.snapshot.Configured() {
			if p.KeyError != nil {
				why[key] = fmt.Sprintf("the stored key of %s: %v", p.Name, p.KeyError)
			}
		}
	}
	return why
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
//
// While nodes get a new encryption key one after the other, those that have only the earlier one cannot open what was
// sealed anew. They go on with the key of the last snapshot, if it is still the same by its mask.
func (s *Store) entry(r record, last *project.Snapshot) entry {
	if r.damage != nil {
		return entry{err: r.damage}
	}
	snapshot, err := project.NewSnapshot(r.Record, func(provider, sealed string) (string, error) {
		key, err := s.keys.Open(sealed, sealedFor(r.Key, provider))
		if errors.Is(err, secret.ErrUnknownKey) && last != nil {
			if p, ok := last.Provider(provider); ok && r.Keys[provider].Hides(p.Key) {
				return p.Key, nil
			}
		}
		return string(key), err
	})
	if err == nil {
		snapshot = snapshot.WithBook(s.Prices)
	}
	return entry{snapshot: snapshot, err: err}
}
