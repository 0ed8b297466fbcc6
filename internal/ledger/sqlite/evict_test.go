package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func TestEvictionLetsGoOfIdleAccountsOnly(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	idle, running, unwritten, recent, future := name("idle"), name("running"), name("unwritten"), name("recent"), name("future")
	settle(t, l, reserve(t, l, idle, upTo(9)))
	held := reserve(t, l, running, upTo(9))
	fold(t, l)
	settle(t, l, reserve(t, l, unwritten, upTo(9)))
	for key, now := range map[ledger.Key]time.Time{recent: noon.Add(time.Minute), future: noon.AddDate(0, 0, 1)} {
		if _, err := l.Reserve(t.Context(), ledger.Request{Key: key, Rules: upTo(0), Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	soon := noon.Add(time.Second)
	type where struct{ unpacked, packed bool }
	check := func(when string, want map[ledger.Key]where) {
		t.Helper()
		for key, want := range want {
			if got := (where{isUnpacked(l, key), isPacked(l, key)}); got != want {
				t.Errorf("%s, %s is in memory %+v, want %+v", when, key.Identity, got, want)
			}
		}
	}
	l.evict(soon, 0, time.Hour)
	stays := map[ledger.Key]where{running: {unpacked: true}, unwritten: {unpacked: true}, recent: {unpacked: true}, future: {unpacked: true}}
	check("packed", stays)
	check("packed", map[ledger.Key]where{idle: {packed: true}})
	l.shards[0].evictPacked(soon, time.Hour)
	for i := range l.shards {
		l.shards[i].evictPacked(soon, 0)
	}
	check("evicted", map[ledger.Key]where{idle: {}})
	settle(t, l, reserve(t, l, idle, upTo(9)))
	fold(t, l)
	settle(t, l, reserve(t, l, unwritten, upTo(9)))
	l.evict(soon, 0, 0)
	check("evicted", stays)
	check("evicted", map[ledger.Key]where{idle: {}})
	settle(t, l, held)
	fold(t, l)
	l.evict(noon.AddDate(0, 0, 2), 0, 0)
	if n := inMemory(l); n != 0 {
		t.Errorf("%d accounts in memory once all are idle, want none", n)
	}
}

// TestWhoWaitsForAnAccountLooksAgain: if the account is packed or evicted meanwhile, it is looked
// up again.
func TestWhoWaitsForAnAccountLooksAgain(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	for how, evict := range map[string]func(*Ledger){"packed": pack, "evicted": forget} {
		settle(t, l, reserve(t, l, alice, upTo(9)))
		fold(t, l)
		a := l.lock(alice) // found as if by a call that waits for its mutex
		a.mu.Unlock()
		evict(l)
		if isUnpacked(l, alice) || !a.evicted {
			t.Errorf("%s: in memory %t, evicted for a call that waits: %t", how, isUnpacked(l, alice), a.evicted)
		}
	}
}

// TestALockedAccountIsTheOneInMemory: a call that waits for an account while it is packed or
// evicted must look it up again, or two copies of it would count separately.
func TestALockedAccountIsTheOneInMemory(t *testing.T) {
	t.Parallel()
	for how, evict := range map[string]func(*Ledger){"packed": pack, "evicted": forget} {
		t.Run(how, func(t *testing.T) {
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
						evict(p.Ledger)
					}
				}
			}()
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 2000 {
						a, err := p.lockCounted(t.Context(), alice, limit.Daily, noon)
						if err != nil {
							t.Error(err)
							return
						}
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
		})
	}
}

func TestIdleAccountsArePackedAndLetGoOfInTime(t *testing.T) {
	t.Parallel()
	for what, use := range map[string]func(*testing.T, *Ledger){
		"a reservation": func(t *testing.T, l *Ledger) {
			res, err := l.Reserve(t.Context(), ledger.Request{Key: alice, Rules: upTo(9), Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			release(t, l, res)
		},
		"a look": func(t *testing.T, l *Ledger) {
			if _, err := l.Account(t.Context(), alice, limit.Daily, time.Now()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := openProcess(t)
			use(t, p.Ledger)
			time.Sleep(idleAfter / 2) // by the bubble's clock
			use(t, p.Ledger)
			since := time.Now()
			at := func(after time.Duration, wantUnpacked, wantPacked bool) {
				t.Helper()
				time.Sleep(time.Until(since.Add(after)))
				synctest.Wait()
				if got := isUnpacked(p.Ledger, alice); got != wantUnpacked {
					t.Errorf("%v after %s it is in memory unpacked: %t, want %t", after, what, got, wantUnpacked)
				}
				if got := isPacked(p.Ledger, alice); got != wantPacked {
					t.Errorf("%v after %s it is packed: %t, want %t", after, what, got, wantPacked)
				}
			}
			at(packAfter-evictionPeriod, true, false)
			at(packAfter+3*evictionPeriod, false, true)
			at(idleAfter-evictionPeriod, false, true)
			at(idleAfter+(evictionTurns+2)*evictionPeriod, false, false)
		})
	}
}

// TestACrowdIsLetGoOfSooner: above the memory limit, idle accounts are evicted within seconds.
func TestACrowdIsLetGoOfSooner(t *testing.T) {
	t.Parallel()
	const names = 200
	for _, crowded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := openProcess(t)
			for i := range names {
				res, err := p.Reserve(t.Context(), ledger.Request{Key: name(fmt.Sprint(i)), Rules: upTo(9), Now: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				settle(t, p.Ledger, res)
			}
			time.Sleep(packAfter + 2*evictionPeriod) // by the bubble's clock
			synctest.Wait()
			most := p.size()
			if most < 50*names || most > unpackedBytes*names/2 {
				t.Errorf("%d accounts take %d bytes, packed as they are", names, most)
			}
			if crowded {
				most /= 10
			}
			p.memoryLimit.Store(int64(most))
			time.Sleep(idleUnderPressure + (evictionTurns+2)*evictionPeriod)
			synctest.Wait()
			if n := inMemory(p.Ledger); p.size() > most || !crowded && n != names {
				t.Errorf("over the limit %t: %d of %d are in memory and take %d bytes; the limit is %d", crowded, n, names, p.size(), most)
			}
		})
	}
}

// TestMadeUpIdentitiesCostNoMemory: identities that a client makes up, one for each request, must
// not stay in memory, admitted or not.
func TestMadeUpIdentitiesCostNoMemory(t *testing.T) {
	// Not parallel: it measures the whole heap.
	names, wave := 8_000, 2_000
	if ledgertest.Long() {
		names, wave = 50_000, 10_000
	}
	p := openProcess(t)
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
		if _, err := gift(p.Ledger, alice, nil); err != nil { // everything before is written
			t.Fatal(err)
		}
		p.Forget(t)
		if n := inMemory(p.Ledger); n != 0 {
			t.Fatalf("%d accounts in memory after %d names, want none", n, i+1)
		}
		if first == 0 {
			first = heap()
		}
	}
	// Eight bytes for each name are too few to keep any of them.
	if now := heap(); now > first+2<<20+8*uint64(names) {
		t.Errorf("heap grew from %d to %d KiB", first>>10, now>>10)
	}
}

// TestMemoryOfACrowdIsGivenBack: memory is freed although other accounts stay.
func TestMemoryOfACrowdIsGivenBack(t *testing.T) {
	// Not parallel: it measures the whole heap.
	const crowd, others = 30_000, 200
	l := stalled(t)
	look := func(n int, kind string, at time.Time) {
		for i := range n {
			if _, err := l.Reserve(t.Context(), ledger.Request{Key: name(fmt.Sprintf("%s %030d", kind, i)), Rules: upTo(0), Now: at}); err != nil {
				t.Fatal(err)
			}
			if i%2000 == 1999 {
				l.evict(noon.Add(time.Hour), 0, never)
			}
		}
		l.evict(noon.Add(time.Hour), 0, never)
	}
	look(others, "other", noon.Add(time.Minute))
	before := heap()
	look(crowd, "made up", noon)
	with := heap()
	for i := range l.shards {
		l.shards[i].evictPacked(noon.Add(time.Minute), 0)
	}
	after := heap()
	if n := inMemory(l); n != others {
		t.Fatalf("%d accounts are in memory, want %d", n, others)
	}
	// The rest belongs to reading the file, to maps that were larger, and to the other accounts.
	if grown := float64(after) - float64(before); grown > (float64(with)-float64(before))/4 {
		t.Errorf("of %d KiB for made-up identities %d KiB are left", (with-before)>>10, int(grown)>>10)
	}
	runtime.KeepAlive(l)
}

// TestAccountsOfOneHash: accounts with the same hash are all found, even after one of them is
// evicted.
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
	s.accounts[at+1].lastUsed = uint32(noon.Add(time.Second).Unix())
	l.evict(noon.Add(time.Second), 0, 0)
	if first.evicted || !last.evicted || s.find(alice, at) != first {
		t.Errorf("the first is gone: %t, the last: %t; want the last alone, which nobody is behind", first.evicted, last.evicted)
	}
	for range keys {
		l.evict(noon.Add(time.Hour), 0, 0)
	}
	if n := inMemory(l); n != 0 {
		t.Errorf("%d accounts in memory once all are idle, want none", n)
	}
}

// TestAPackedAccountOfTheSameHash: a packed account is found behind another with the same hash,
// and is in memory once.
func TestAPackedAccountOfTheSameHash(t *testing.T) {
	t.Parallel()
	s := &stalled(t).shards[3]
	const hash = 7
	first, second := s.find(alice, hash), s.find(bob, hash)
	second.loaded, second.state.Credits = true, limit.Amounts{5}
	s.packed.put(hash, appendPacked(nil, second), 0)
	delete(s.accounts, hash+1)
	if got := s.find(alice, hash); got != first {
		t.Errorf("the first is %+v, want %+v", got, first)
	}
	if got := s.find(bob, hash); got.state.Credits != second.state.Credits {
		t.Errorf("the second is %+v, want what was packed", got)
	}
	if n := len(s.packed.places); n != 0 {
		t.Errorf("%d are packed and in memory too", n)
	}
}

// TestRequestsBesideEviction: usage, credits and settings are exact while accounts are packed,
// evicted, folded and read again.
func TestRequestsBesideEviction(t *testing.T) {
	t.Parallel()
	const names, workers = 30, 6
	requests := 400
	if ledgertest.Long() {
		requests = 4_000
	}
	p := openProcess(t)
	var (
		used, gifts, tier [names]atomic.Int64
		done              = make(chan struct{})
		evicting, working sync.WaitGroup
	)
	for _, beside := range []func(){
		func() { pack(p.Ledger) },
		func() { forget(p.Ledger) },
		func() { _, _ = p.List(t.Context(), ledger.Find{Project: alice.Project, Limit: 1}) }, // folds everything
	} {
		evicting.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					beside()
					runtime.Gosched()
				}
			}
		})
	}
	most := int64(1 << 40)
	rules := func(period limit.Period) *limit.Rules {
		r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&most}}}, "m", period, false)
		return &r
	}
	change := func(i int, to int64) error {
		_, err := p.Change(t.Context(), ledger.Change{Keys: []ledger.Key{name(fmt.Sprint(i))}, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
				accounts[0].Settings = &ledger.Settings{Tier: fmt.Sprint(to)}
				gifts[i].Add(1)
				tier[i].Store(to)
				return ledger.Outcome{}, nil
			}})
		return err
	}
	request := func(i int, n int64) error {
		key, period := name(fmt.Sprint(i)), limit.Daily
		if n%10 == 0 {
			period = limit.Monthly
		}
		for {
			set, known, err := p.Settings(t.Context(), key)
			if err != nil || !known && set != nil {
				return fmt.Errorf("settings %+v, known %t, %w", set, known, err)
			}
			res, err := p.Reserve(t.Context(), ledger.Request{Key: key, Settings: set, Rules: rules(period), Now: noon, Ask: limit.Ask{Estimate: limit.Amounts{1, n, n}}})
			switch {
			case errors.Is(err, ledger.ErrStale):
				if _, err := p.Account(t.Context(), key, limit.Daily, noon); err != nil {
					return err
				}
				continue
			case err != nil:
				return err
			case n%5 == 0:
				return p.Release(t.Context(), res)
			}
			used[i].Add(n)
			return errors.Join(p.Settle(t.Context(), res, ledger.Actual{Amounts: limit.Amounts{0, n, n}}),
				p.Settle(t.Context(), res, ledger.Actual{Amounts: limit.Amounts{0, n, n}})) // only the first end counts
		}
	}
	for w := range workers {
		working.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for range requests {
				i, n := rng.IntN(names), rng.Int64N(100)
				err := error(nil)
				if n == 1 {
					err = change(i, rng.Int64N(1000))
				} else {
					err = request(i, n)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	close(done)
	evicting.Wait()
	check := func(when string) {
		t.Helper()
		for i := range names {
			a, err := p.Account(t.Context(), name(fmt.Sprint(i)), limit.Daily, noon)
			if err != nil {
				t.Fatal(err)
			}
			n := used[i].Load()
			if got := a.State.Total(); got[limit.Tokens] != n || got[limit.Cost] != n || len(a.State.Holds) != 0 {
				t.Errorf("%s identity %d has used %v and holds %v, want %d and nothing", when, i, got, a.State.Holds, n)
			}
			if got := a.State.Credits[limit.Requests]; got != gifts[i].Load() {
				t.Errorf("%s identity %d has credits for %d requests, want %d", when, i, got, gifts[i].Load())
			}
			if gifts[i].Load() > 0 && (a.Settings == nil || a.Settings.Tier != fmt.Sprint(tier[i].Load())) {
				t.Errorf("%s identity %d has settings %+v, want tier %d", when, i, a.Settings, tier[i].Load())
			}
		}
	}
	check("in memory")
	pack(p.Ledger)
	check("packed")
	p.Forget(t)
	check("read again")
	p.Restart(t)
	check("after a restart")
}
