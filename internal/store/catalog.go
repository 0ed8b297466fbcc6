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

// PollInterval is how often a [Catalog] should look for changes by other processes. With PostgreSQL every node's poll
// costs the database a little, and a notification usually arrives first.
func (db *DB) PollInterval() time.Duration {
	if db.Pool != nil {
		return time.Second
	}
	return 250 * time.Millisecond
}

// Catalog holds every project's snapshot in memory for the data plane. A known project costs no query,
// an unknown one at most one indexed read and no memory.
type Catalog struct {
	store     *Store
	state     atomic.Pointer[catalogState]
	refreshes atomic.Int64 // how many have begun

	mu      sync.Mutex // serializes refreshes; a lookup of a known project never takes it
	lastErr error      // the result of the last refresh

	failures atomic.Int64 // failed refreshes of Run
	messages chan string  // between nodes
	versions chan Versions
}

// Versions are the versions of a project's settings after one number, up to and including another.
type Versions struct {
	Project   string
	After, To int64
}

// mostVersions is how many Versions wait to be received.
const mostVersions = 256

// catalogState is never changed once it is published.
type catalogState struct {
	revision   int64
	projects   map[string]entry
	unreadable map[string]string // project key → why the project cannot be read, wholly or in part
}

// entry is a project's snapshot, or the error that prevents one.
type entry struct {
	snapshot *project.Snapshot
	err      error
	version  int64 // of the settings
}

// NewCatalog reads every project. A later change through s is in the catalog when the call that made it returns.
// A change by another process is in the catalog after the next refresh by [Catalog.Run] or [Catalog.Refresh].
func NewCatalog(ctx context.Context, s *Store) (*Catalog, error) {
	c := &Catalog{store: s, messages: make(chan string, mostMessages), versions: make(chan Versions, mostVersions)}
	c.state.Store(&catalogState{})
	if err := c.Refresh(ctx); err != nil {
		return nil, err
	}
	s.changed.Store(c)
	return c, nil
}

// Project returns the snapshot of the project with the key pk_…, or [project.ErrNotFound]. Another process may have
// created an unknown key a moment ago, so the catalog is refreshed before it is refused.
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

// Run refreshes at each tick until ctx ends. While the database is unavailable the last state stands.
//
// It logs each project that this process cannot read, once for each error.
func (c *Catalog) Run(ctx context.Context, tick <-chan time.Time, log *slog.Logger) {
	failing := false
	var logged map[string]string
	for {
		unreadable := c.state.Load().unreadable
		logUnreadable(log, logged, unreadable)
		logged = unreadable
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
			log.Error("project refresh failing: last known projects stay in use", "error", err)
		}
		if err == nil && failing {
			log.Info("project refresh working again")
		}
		failing = err != nil
	}
}

// maxNamed is how many unreadable projects one refresh names in the log. A node may be unable to read any project, for
// example after a downgrade.
const maxNamed = 20

// logUnreadable logs the differences between two maps of unreadable projects.
func logUnreadable(log *slog.Logger, before, now map[string]string) {
	named := 0
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if now[key] == before[key] {
			continue
		}
		if named++; named <= maxNamed {
			log.Error("project unreadable: its requests get 503", "project", key, "error", now[key])
		}
	}
	if named > maxNamed {
		log.Error("more projects unreadable", "projects", named-maxNamed)
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, still := now[key]; !still {
			log.Info("project readable again, or deleted", "project", key)
		}
	}
}

// Projects returns how many projects exist, and how many of them this process cannot read, wholly or in part.
func (c *Catalog) Projects() (known, unreadable int) {
	s := c.state.Load()
	return len(s.projects), len(s.unreadable)
}

// Failures returns how many refreshes of Run have failed.
func (c *Catalog) Failures() int64 { return c.failures.Load() }

// Refresh loads the changes since the last refresh. Without a change that is one small read. Concurrent callers share
// one refresh, so requests with unknown keys do not each cost a read.
func (c *Catalog) Refresh(ctx context.Context) error {
	seen := c.refreshes.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refreshes.Load() > seen {
		return c.lastErr // of a refresh that began after this call
	}
	c.refreshes.Add(1)
	// The other callers must not fail because this caller's client has disconnected.
	c.lastErr = c.refresh(context.WithoutCancel(ctx))
	return c.lastErr
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
	last := c.state.Swap(next)
	c.tell(last, next)
	return nil
}

// tell sends the versions by which two states differ.
func (c *Catalog) tell(last, next *catalogState) {
	for key, now := range next.projects {
		before, known := last.projects[key]
		if !known || now.version <= before.version {
			continue
		}
		select {
		case c.versions <- Versions{key, before.version, now.version}:
		default:
		}
	}
}

// NewVersions returns the new versions of settings, whoever has made them. While nobody receives them, the latest are lost.
func (c *Catalog) NewVersions() <-chan Versions { return c.versions }

func (c *Catalog) fresh(revision int64) bool {
	s := c.state.Load()
	return s.projects != nil && s.revision >= revision
}

// load builds the next state from the last one and the projects that have changed since. One transaction reads them,
// so the state is that of one instant.
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
	keys, err := texts(tx.QueryContext(ctx, `SELECT id FROM projects`))
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
	prompts, err := c.store.preparePrompts(ctx, tx, last.revision, last.projects)
	if err != nil {
		return nil, err
	}
	for _, r := range changed {
		e := c.store.entry(r, last.projects[r.Key].snapshot)
		if e.err == nil {
			e.snapshot = e.snapshot.WithPrompts(prompts[r.Key])
		}
		next.projects[r.Key] = e
	}
	next.unreadable = unreadable(next.projects)
	return next, nil
}

// unreadable returns the error text of each project that cannot be read, by its key.
func unreadable(projects map[string]entry) map[string]string {
	why := map[string]string{}
	for key, e := range projects {
		if e.err != nil {
			why[key] = e.err.Error()
			continue
		}
		for _, p := range e.snapshot.Configured() {
			if p.KeyError != nil {
				why[key] = fmt.Sprintf("stored key of %s: %v", p.Name, p.KeyError)
			}
		}
		for name, p := range e.snapshot.Prompts() {
			if p.Err != nil {
				why[key] = fmt.Sprintf("stored prompt %q: %v", name, p.Err)
			}
		}
	}
	return why
}

// entry opens the record's provider keys, once for each revision of the record. A key that cannot be opened is an error
// of its provider alone; the project's other providers work.
//
// While an encryption key is replaced, a node with only the earlier key cannot open resealed provider keys. It keeps
// the provider key of the last snapshot if the mask is still the same.
func (s *Store) entry(r record, last *project.Snapshot) entry {
	if r.damage != nil {
		return entry{err: r.damage, version: r.Version}
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
	return entry{snapshot: snapshot, err: err, version: r.Version}
}
