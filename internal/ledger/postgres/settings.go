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
	// unconfirmedFor is how long cached settings are given out that no Reserve confirms.
	maxUnconfirmed = time.Second
)

// cache holds what was set for identities, so that a request need not ask for it before
// it is decided on: the decision confirms it, in the transaction that it takes anyway.
// Most have nothing set, and those are not in it: nothing is what is assumed of who is not
// found, however many there are.
//
// Entries live in two generations. What is asked for moves into the young one; when that
// is full it becomes the old one, and what was in the old one is forgotten.
type cache struct {
	mu            sync.Mutex
	recent, older map[ledger.Key]*cached
}

// cached are the settings of one revision. The same pointer is given out for as long as
// the revision stands.
type cached struct {
	settings *ledger.Settings
	revision int64
	givenAt  time.Time // out for the first time since they were confirmed
	stale    bool      // a Reserve has seen another revision
}

// find returns an entry, or nil. It needs the mutex.
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

// put needs the mutex.
func (c *cache) put(key ledger.Key, e *cached) {
	if len(c.recent) >= cacheSize {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = make(map[ledger.Key]*cached)
	}
	c.recent[key] = e
}

// give returns cached settings, and whether they, or none, may be used without asking.
func (c *cache) get(key ledger.Key, now time.Time) (settings *ledger.Settings, found, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(key)
	if e == nil {
		return nil, false, true
	}
	// Who has been enabled again must find out at once, and no Reserve would tell.
	good = !e.settings.Disabled
	if e.givenAt.IsZero() {
		e.givenAt = now
	}
	return e.settings, true, good && !e.stale && now.Sub(e.givenAt) < maxUnconfirmed
}

// learn takes over what was read, and returns the settings to be given out for it.
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

// confirm reports whether settings that were given out are those of the account. Where
// they are not they are not given out again.
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

// forget needs the mutex.
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

// clear forgets everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent, c.older = nil, nil
}

// Settings implements ledger.Ledger. While the database is away it returns what was last
// known.
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
