package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

const (
	// cacheSize is how many identities' settings a generation of the cache holds.
	cacheSize = 50_000
	// maxUnconfirmed is how long cached settings are returned without a Reserve that confirms them.
	maxUnconfirmed = time.Second
)

// cache keeps the settings of identities, so that a request need not read them before its
// decision: the decision confirms them in its own transaction. Most identities have no
// settings and are not in the cache: an identity that is not found is assumed to have none.
//
// There are two generations. An entry that is used moves into the recent one. When that is
// full, it becomes the older one, and the entries of the former older one are dropped.
type cache struct {
	mu            sync.Mutex
	recent, older map[ledger.Key]*cached
}

// cached are the settings of one revision. As long as the revision is current, the same
// pointer is returned.
type cached struct {
	settings *ledger.Settings
	revision int64
	givenAt  time.Time // when they were first returned since they were confirmed
	stale    bool      // a Reserve has seen another revision
}

// find returns an entry, or nil. The caller holds the mutex.
func (c *cache) find(key ledger.Key) *cached {
	if e := c.recent[key]; e != nil {
		return e
	}
	e := c.older[key]
	if e != nil {
		c.put(key, e)
	}
	return e
}

// put adds an entry. The caller holds the mutex.
func (c *cache) put(key ledger.Key, e *cached) {
	if len(c.recent) >= cacheSize {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = make(map[ledger.Key]*cached)
	}
	c.recent[key] = e
}

// get returns cached settings. good reports whether they, or none if nothing was found, may be
// used without asking the database.
func (c *cache) get(key ledger.Key, now time.Time) (settings *ledger.Settings, found, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(key)
	if e == nil {
		return nil, false, true
	}
	// A disabled identity makes no Reserve that could show that it was enabled again.
	good = !e.settings.Disabled
	if e.givenAt.IsZero() {
		e.givenAt = now
	}
	return e.settings, true, good && !e.stale && now.Sub(e.givenAt) < maxUnconfirmed
}

// store takes settings that were read, and returns the pointer to use for them.
func (c *cache) store(key ledger.Key, settings *ledger.Settings, revision int64) *ledger.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.find(key); e != nil && e.revision == revision {
		e.givenAt, e.stale = time.Time{}, false
		return e.settings
	}
	if settings == nil {
		c.forget(key)
		return nil
	}
	c.put(key, &cached{settings: settings, revision: revision})
	return settings
}

// confirm reports whether settings that get returned are those of the account. If they are
// not, they are not returned again.
func (c *cache) confirm(a *account, given *ledger.Settings) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(a.key)
	if e != nil && e.revision == a.revision && e.settings == given {
		e.givenAt, e.stale = time.Time{}, false
		return true
	}
	if e != nil && e.revision != a.revision {
		e.stale = true
	}
	return given == nil && !a.hasSettings
}

// forget removes an entry. The caller holds the mutex.
func (c *cache) forget(key ledger.Key) {
	delete(c.recent, key)
	delete(c.older, key)
}

// decode returns the settings of an account that was locked whole.
func (c *cache) decode(a *account) (*ledger.Settings, error) {
	c.mu.Lock()
	e := c.find(a.key)
	c.mu.Unlock()
	if e != nil && e.revision == a.revision {
		return c.store(a.key, e.settings, a.revision), nil
	}
	settings, err := decodeSettings(a.settings)
	if err != nil {
		return nil, err
	}
	return c.store(a.key, settings, a.revision), nil
}

// peek is decode for an account that was read without a lock: its settings may be out of date already, so they do not
// enter the cache.
func (c *cache) peek(a *account) (*ledger.Settings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range [...]*cached{c.recent[a.key], c.older[a.key]} {
		if e != nil && e.revision == a.revision {
			return e.settings, nil
		}
	}
	return decodeSettings(a.settings)
}

// clear removes all entries.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent, c.older = nil, nil
}

// Settings implements ledger.Ledger. While the database is unavailable, it returns the last
// known settings.
func (l *Ledger) Settings(ctx context.Context, key ledger.Key) (settings *ledger.Settings, known bool, err error) {
	settings, known, good := l.cache.get(key, time.Now())
	if good {
		return settings, known, nil
	}
	c := &call{kind: readSettings, key: key}
	if err := l.do(ctx, c); err != nil {
		if errors.Is(err, ledger.ErrUnavailable) {
			return settings, true, nil
		}
		return nil, false, err
	}
	return c.settings, true, nil
}
