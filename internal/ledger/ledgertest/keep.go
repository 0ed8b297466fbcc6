package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// durable: once Durable has returned, a crash does not undo the request. Its usage is unknown, so
// it is settled at its hold.
func durable(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(2, 1000, -1))
	res := mustReserve(t, s, key, r, 300, noon)
	if err := res.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Crash(t)
	want := limit.Amounts{1, 300, 3000}
	a := account(t, s, key, limit.Daily, noon)
	if a.State.Total() != want || len(a.State.Holds) != 0 || !a.Known {
		t.Errorf("after a crash: used %v, %d running, known %t; want %v, none, true", a.State.Total(), len(a.State.Holds), a.Known, want)
	}
	// Reservations of the old process have no effect in the new one.
	settle(t, s, res, 1)
	release(t, s, res)
	wantTotal(t, s, key, limit.Daily, noon, want)
	spend(t, s, key, r, 1, noon)
	wantRefused(t, s, key, r, noon)
	settled(t, s)
	s.Crash(t)
	wantRefused(t, s, key, r, noon)
}

func settledSurvives(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(-1, 1000, -1))
	spend(t, s, key, r, 100, noon)
	big := mustReserve(t, s, key, r, 800, noon)
	if err := big.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t, s, big, 200)
	gone := mustReserve(t, s, key, r, 300, noon)
	if err := gone.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	release(t, s, gone)
	settled(t, s)
	for range 3 {
		s.Crash(t)
		wantTotal(t, s, key, limit.Daily, noon, limit.Amounts{2, 300, 3000})
	}
	s.Restart(t)
	wantTotal(t, s, key, limit.Daily, noon, limit.Amounts{2, 300, 3000})
}

func creditsSurvive(t *testing.T, s Store) {
	key := identity("alice")
	ls := caps(1, -1, -1)
	ls.Project.RequestsPerMinute = new(int64(4))
	r := daily(ls)
	until := time.Date(2027, 1, 1, 0, 0, 0, 500_000_000, time.UTC)
	change(t, s, noon, gift(limit.Amounts{3, 70, 5}), key)
	spend(t, s, key, r, 10, noon) // uses the allowance
	spend(t, s, key, r, 10, noon) // uses a credit
	running := mustReserve(t, s, key, r, 10, noon)
	if err := running.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Crash(t) // the credit of the running request is used
	a := account(t, s, key, limit.Daily, noon)
	if want := (limit.Amounts{1, 70, 5}); a.State.Credits != want {
		t.Errorf("credits %v after a crash, want %v", a.State.Credits, want)
	}
	if want := (limit.Amounts{3, 30, 300}); a.State.Total() != want {
		t.Errorf("used %v, want %v: what credits paid is used too", a.State.Total(), want)
	}
	if want := noon.Add(45 * time.Second); !a.State.Burst.Equal(want) {
		t.Errorf("burst bucket at %s, want %s", a.State.Burst, want)
	}
	spend(t, s, key, r, 10, noon)
	wantRefused(t, s, key, r, noon)
	wantRefused(t, s, key, r, noon.Add(time.Hour))

	change(t, s, noon, func(a *ledger.Account) { a.State.UnlimitedUntil = until }, key)
	s.Crash(t)
	if a := account(t, s, key, limit.Daily, noon); !a.State.UnlimitedUntil.Equal(until) {
		t.Errorf("unlimited until %s, want %s", a.State.UnlimitedUntil, until)
	}
	spend(t, s, key, r, 10, noon)
	change(t, s, noon, func(a *ledger.Account) { a.State.UnlimitedUntil = time.Time{} }, key)
	s.Crash(t)
	wantRefused(t, s, key, r, noon.Add(time.Hour))
}

// crashUnderLoad: if the process dies, at least the running requests that may have been answered
// are counted, and never more than the limit.
func crashUnderLoad(t *testing.T, s Store) {
	const most = 100
	for round := range rounds(3) {
		key, r := identity(fmt.Sprint(round)), daily(caps(most, -1, -1))
		var answered atomic.Int64
		together(32, func(w int) {
			rng := rand.New(rand.NewPCG(uint64(round), uint64(w)))
			for range 8 {
				res := reserve(t, s, key, r, 1, noon)
				if res == nil {
					return
				}
				if rng.IntN(3) == 0 {
					release(t, s, res)
					continue
				}
				if rng.IntN(2) == 0 {
					if err := res.Durable(t.Context()); err != nil {
						t.Errorf("durable: %v", err)
					}
					answered.Add(1)
				}
				if rng.IntN(2) == 0 {
					settle(t, s, res, 1)
				}
			}
		})
		s.Crash(t)
		a := account(t, s, key, limit.Daily, noon)
		if got := a.State.Total()[limit.Requests]; got < answered.Load() || got > most || len(a.State.Holds) != 0 {
			t.Errorf("%d counted after a crash, want at least the %d answered and at most %d", got, answered.Load(), most)
		}
	}
}
