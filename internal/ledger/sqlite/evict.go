package sqlite

import (
	"context"
	"time"
)

const (
	// An account that nothing was asked of for so long is let go of,
	idleAfter = 10 * time.Minute
	// or sooner where there are more than that many: names that somebody makes up cost
	// memory for seconds, and lock nobody out.
	crowd          = 250_000
	idleInCrowd    = 5 * time.Second
	evictionPeriod = 5 * time.Second
)

func (l *Ledger) evictIdle(ctx context.Context) {
	tick := time.NewTicker(evictionPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			after := idleAfter
			if l.size() > crowd {
				after = idleInCrowd
			}
			l.evict(now.Add(-after))
		}
	}
}

func (l *Ledger) size() (n int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.accounts)
		s.mu.Unlock()
	}
	return n
}

// evict lets go of accounts that were last used before a time, have nothing running and
// are in the tables as they are.
func (l *Ledger) evict(before time.Time) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for at, a := range s.accounts {
			// Nobody may find the end of the accounts before the one that stands there.
			if s.accounts[at+1] != nil {
				continue
			}
			// An account that is in use is not idle; waiting for it could take long.
			if !a.mu.TryLock() {
				continue
			}
			if int64(a.lastUsed) < before.Unix() && len(a.state.Holds) == 0 {
				if _, yes := l.writer.unfolded(a); !yes {
					a.gone = true
					delete(s.accounts, at)
				}
			}
			a.mu.Unlock()
		}
		s.mu.Unlock()
	}
}
