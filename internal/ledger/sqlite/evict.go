package sqlite

import (
	"context"
	"time"
)

const (
	// An idle account is packed after two seconds. An account is idle if no request has begun
	// and nobody has read it.
	packAfter = 2 * time.Second
	// An idle account is removed from memory after this time.
	idleAfter = 10 * time.Minute
	// If all accounts take more than this many bytes, idle accounts are removed sooner. So
	// made-up identities cost memory only for seconds, and no identity is refused.
	defaultMemoryLimit = 192 << 20
	idleUnderPressure  = 5 * time.Second
	evictionPeriod     = time.Second
	// evictionTurns is the number of turns in which all packed accounts are checked.
	evictionTurns = 8

	// unpackedBytes is roughly the memory of an account that is not packed.
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

// size returns roughly how many bytes the accounts in memory take.
func (l *Ledger) size() (bytes int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		bytes += unpackedBytes*len(s.accounts) + s.packed.bytes
		s.mu.Unlock()
	}
	return bytes
}

// idle reports whether an account was last used, in Unix seconds, longer ago than after. An
// account that was last used in the future is not idle: the clock was set back, and the
// account stays in its later period, which only memory knows.
func idle(lastUsed uint32, now time.Time, after time.Duration) bool {
	return int64(lastUsed) < now.Add(-after).Unix()
}

// evict packs idle accounts, and removes those that are idle for longer, if they have no
// holds and all their changes are in the tables.
func (l *Ledger) evict(now time.Time, packAfter, idleAfter time.Duration) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for at, a := range s.accounts {
			// A lookup stops at the first free number: an account stays while the next number is taken.
			if s.accounts[at+1] != nil {
				continue
			}
			// A locked account is not idle, and waiting for it could take long.
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

// pack packs a locked account into its shard.
func (l *Ledger) pack(s *shard, a *account) {
	_, hash := l.shard(a.key)
	s.scratch = appendPacked(s.scratch[:0], a)
	s.packed.put(hash, s.scratch, a.lastUsed)
	if cap(s.scratch) > maxPacked {
		s.scratch = nil
	}
}

// evictPacked removes packed accounts that are idle.
func (s *shard) evictPacked(now time.Time, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packed.dropIdle(now, after)
}
