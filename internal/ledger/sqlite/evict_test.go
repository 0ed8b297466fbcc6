package sqlite

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func inMemory(l *Ledger, key ledger.Key) bool {
	s, at := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[at]
	return a != nil && a.key == key
}

// evict lets go of accounts, and packs none.
func evict(l *Ledger, before time.Time) { l.evict(before, before) }

func isPacked(l *Ledger, key ledger.Key) bool {
	s, hash := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, yes := s.packed.places[hash]
	return yes
}

func TestEvictionLetsGoOfIdleAccountsOnly(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	idle, running, unwritten, recent := name("idle"), name("running"), name("unwritten"), name("recent")
	settle(t, l, reserve(t, l, idle, upTo(9)))
	held := reserve(t, l, running, upTo(9))
	fold(t, l)
	settle(t, l, reserve(t, l, unwritten, upTo(9)))
	if _, err := l.Reserve(t.Context(), ledger.Request{Key: recent, Rules: upTo(0), Now: noon.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[ledger.Key]bool{idle: false, running: true, unwritten: true, recent: true} {
		evict(l, noon.Add(time.Second))
		if got := inMemory(l, key); got != want {
			t.Errorf("%s is in memory: %t, want %t", key.Identity, got, want)
		}
	}
	settle(t, l, held)
	fold(t, l)
	evict(l, noon.Add(time.Hour))
	if n := l.size(); n != 0 {
		t.Errorf("%d accounts in memory once all are idle, want none", n)
	}
}

// TestALockedAccountIsTheOneInMemory: who found an account and waits for it while it is
// let go of must look again, or two of them would count apart.
func TestALockedAccountIsTheOneInMemory(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	done := make(chan struct{})
	evicting := make(chan struct{})
	go func() {
		defer close(evicting)
		for {
			select {
			case <-done:
				return
			default:
				p.Forget(t)
				packing{p}.Forget(t)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				a := p.lock(alice)
				s, at := p.shard(alice)
				s.mu.Lock()
				current := s.accounts[at]
				s.mu.Unlock()
				a.mu.Unlock()
				if a != current {
					t.Errorf("locked %p, in memory is %p", a, current)
					return
				}
			}
		})
	}
	wg.Wait()
	close(done)
	<-evicting
}

func TestIdleAccountsArePackedAndLetGoOfInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openProcess(t)
		res, err := p.Reserve(t.Context(), ledger.Request{Key: alice, Rules: upTo(9), Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		release(t, p.Ledger, res)
		since := time.Now()
		at := func(after time.Duration, wantUnpacked, wantPacked bool) {
			time.Sleep(time.Until(since.Add(after))) // of the bubble's clock
			synctest.Wait()
			if got := inMemory(p.Ledger, alice); got != wantUnpacked {
				t.Errorf("after %v it is in memory: %t, want %t", after, got, wantUnpacked)
			}
			if got := isPacked(p.Ledger, alice); got != wantPacked {
				t.Errorf("after %v it is packed: %t, want %t", after, got, wantPacked)
			}
		}
		at(packAfter-evictionPeriod, true, false)
		at(packAfter+3*evictionPeriod, false, true)
		at(idleAfter-evictionPeriod, false, true)
		at(idleAfter+(evictionTurns+2)*evictionPeriod, false, false)
	})
}

// TestACrowdIsLetGoOfSooner: where more identities than that are in memory they leave it within seconds.
func TestACrowdIsLetGoOfSooner(t *testing.T) {
	t.Parallel()
	for _, crowded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := openProcess(t)
			p.crowd = 20
			names := p.crowd
			if crowded {
				names++
			}
			for i := range names {
				res, err := p.Reserve(t.Context(), ledger.Request{Key: name(fmt.Sprint(i)), Rules: upTo(9), Now: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				settle(t, p.Ledger, res)
			}
			time.Sleep(idleInCrowd + (evictionTurns+2)*evictionPeriod) // of the bubble's clock
			synctest.Wait()
			if n := p.size(); crowded == (n == names) {
				t.Errorf("%d of %d are in memory; a crowd are more than %d", n, names, p.crowd)
			}
		})
	}
}

// TestMadeUpIdentitiesCostNoMemory: names that somebody makes up, one a request, must not
// stay, admitted or not.
func TestMadeUpIdentitiesCostNoMemory(t *testing.T) {
	// Not parallel: it looks at the whole heap.
	names, wave := 8_000, 2_000
	if ledgertest.Long() {
		names, wave = 50_000, 10_000
	}
	p := openProcess(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var first uint64
	for i := range names {
		key := name(fmt.Sprint("made up ", i))
		if _, _, err := p.Settings(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			settle(t, p.Ledger, reserve(t, p.Ledger, key, upTo(9)))
		} else if res, err := tryReserve(p.Ledger, key, upTo(0)); err != nil || res.Decision.Refusal == limit.Admitted {
			t.Fatalf("%+v, %v", res, err)
		}
		if (i+1)%wave != 0 {
			continue
		}
		if _, err := gift(p.Ledger, alice, nil); err != nil { // all before is written
			t.Fatal(err)
		}
		p.Forget(t)
		if n := p.size(); n != 0 {
			t.Fatalf("%d accounts in memory after %d names, want none", n, i+1)
		}
		if first == 0 {
			first = heap()
		}
	}
	// Eight bytes a name is less than any of them could be kept in.
	if now := heap(); now > first+2<<20+8*uint64(names) {
		t.Errorf("heap grew from %d to %d KiB", first>>10, now>>10)
	}
}

// TestAccountsOfOneHash: those that would stand in one place are found all the same, also
// when one of them has been let go of.
func TestAccountsOfOneHash(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	s := &l.shards[3]
	const at = 7
	keys := []ledger.Key{alice, bob, name("carol")}
	all := map[*account]bool{}
	for range 2 {
		for _, key := range keys {
			a := s.find(key, at)
			if a.key != key {
				t.Errorf("found the account of %s, want that of %s", a.key.Identity, key.Identity)
			}
			all[a] = true
		}
	}
	if len(all) != len(keys) {
		t.Errorf("%d accounts for %d keys", len(all), len(keys))
	}
	first, last := s.find(alice, at), s.find(keys[2], at)
	s.accounts[at+1].lastUsed = uint32(noon.Unix())
	evict(l, noon)
	if first.gone || !last.gone || s.find(alice, at) != first {
		t.Errorf("the first is gone: %t, the last: %t; want the last alone, which nobody is behind", first.gone, last.gone)
	}
	for range keys {
		evict(l, noon.Add(time.Hour))
	}
	if n := l.size(); n != 0 {
		t.Errorf("%d accounts in memory once all are idle, want none", n)
	}
}
