package sqlite

import (
	"context"
	"time"
)

const (
	// An account that nothing was asked of for so long is packed,
	packAfter = 2 * time.Second
	// and let go of after that,
	idleAfter = 10 * time.Minute
	// or sooner where there are more than that many: names that somebody makes up cost
	// memory for seconds, and lock nobody out.
	crowd          = 1 << 20
	idleInCrowd    = 5 * time.Second
	evictionPeriod = time.Second
	// evictionTurns is in how many turns what is packed is gone through, a part each.
	evictionTurns = 8
)

func (l *Ledger) evictIdle(ctx context.Context) {
	tick := time.NewTicker(evictionPeriod)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			after := idleAfter
			if l.size() > l.crowd {
				after = idleInCrowd
			}
			l.evict(now.Add(-packAfter), now.Add(-after))
			for i := turn % evictionTurns; i < len(l.shards); i += evictionTurns {
				l.shards[i].evictPacked(now.Add(-after))
			}
		}
	}
}

// size is the number of accounts in memory, packed or not.
func (l *Ledger) size() (n int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.accounts) + len(s.packed.places)
		s.mu.Unlock()
	}
	return n
}

// evict packs accounts that were last used before a time, and lets go of those that were last used before
// another, if they have nothing running and are in the tables as they are.
func (l *Ledger) evict(pack, before time.Time) {
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
			letGo := int64(a.lastUsed) < before.Unix()
			if (letGo || int64(a.lastUsed) < pack.Unix()) && len(a.state.Holds) == 0 {
				if _, yes := l.writer.unfolded(a); !yes && (letGo || !a.loaded || l.pack(s, a)) {
					a.gone = true
					delete(s.accounts, at)
				}
			}
			a.mu.Unlock()
		}
		s.mu.Unlock()
	}
}

// pack packs an account, if it is not too large.
func (l *Ledger) pack(s *shard, a *account) bool {
	s.scratch = appendPacked(s.scratch[:0], a)
	if len(s.scratch) > packedMost {
		return false
	}
	_, hash := l.shard(a.key)
	s.packed.put(hash, s.scratch, a.lastUsed)
	return true
}

// evictPacked lets go of packed accounts that were last used before a time.
func (s *shard) evictPacked(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packed.dropIdle(before.Unix())
}
