package sqlite

import (
	"context"
	"time"
)

const (
	// An account that nothing was asked of for so long is packed: that no request has begun,
	// and nobody has looked at it.
	packAfter = 2 * time.Second
	// It is let go of after this,
	idleAfter = 10 * time.Minute
	// or sooner where all take more than so many bytes: names that somebody makes up cost
	// memory for seconds, and lock nobody out.
	defaultMemoryLimit = 192 << 20
	idleUnderPressure  = 5 * time.Second
	evictionPeriod     = time.Second
	// evictionTurns is in how many turns what is packed is gone through, a part each.
	evictionTurns = 8

	// unpackedBytes is about what an account takes that is not packed.
	unpackedBytes = 400
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
			if int64(l.size()) > l.memoryLimit.Load() {
				after = idleUnderPressure
			}
			l.evict(now, packAfter, after)
			for i := turn % evictionTurns; i < len(l.shards); i += evictionTurns {
				l.shards[i].evictPacked(now, after)
			}
		}
	}
}

// size is about how many bytes the accounts in memory take.
func (l *Ledger) size() (bytes int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		bytes += unpackedBytes*len(s.accounts) + s.packed.bytes
		s.mu.Unlock()
	}
	return bytes
}

// idle reports whether an account was last used, in Unix seconds, before so long. One that was
// used in time to come is not: the clock was set back, and who has come to a later period goes
// on in it, which the tables do not tell.
func idle(lastUsed uint32, now time.Time, after time.Duration) bool {
	return int64(lastUsed) < now.Add(-after).Unix()
}

// evict packs accounts that are idle, or lets go of those that are for longer, if they have
// nothing running and are in the tables as they are.
func (l *Ledger) evict(now time.Time, packAfter, idleAfter time.Duration) {
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
			if idle(a.lastUsed, now, packAfter) && len(a.state.Holds) == 0 {
				if _, yes := l.writer.unfolded(a); !yes {
					if a.loaded && !idle(a.lastUsed, now, idleAfter) {
						l.pack(s, a)
					}
					a.evicted = true
					delete(s.accounts, at)
				}
			}
			a.mu.Unlock()
		}
		s.mu.Unlock()
	}
}

// pack packs an account, which is locked, into the shard that it is from.
func (l *Ledger) pack(s *shard, a *account) {
	_, hash := l.shard(a.key)
	s.scratch = appendPacked(s.scratch[:0], a)
	s.packed.put(hash, s.scratch, a.lastUsed)
	if cap(s.scratch) > maxPacked {
		s.scratch = nil
	}
}

// evictPacked lets go of packed accounts that are idle.
func (s *shard) evictPacked(now time.Time, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packed.dropIdle(now, after)
}
