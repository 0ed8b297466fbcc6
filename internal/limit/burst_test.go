package limit

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func perMinute(n int64) Rules {
	return Resolve(Levels{Project: &Level{RequestsPerMinute: &n}}, "gpt-4o", Daily, false)
}

// try decides on a request of one unit, and admits it if it may start.
func try(s *State, r *Rules, id uint64, now time.Time) Decision {
	s.Advance(now)
	d := Decide(s, r, Ask{Estimate: Amounts{1, 1, 1}}, now)
	if d.Refusal == Admitted {
		d.Hold.ID = id
		s.Admit(d.Hold, now)
	}
	return d
}

func TestBurstIsABucketThatRefillsEvenly(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 2, 3, 7, 60, 61, 1000, 99_999} {
		s, r, now := &State{}, perMinute(n), at("2026-11-22T12:00:00Z")
		id := uint64(0)
		for i := range n {
			id++
			d := try(s, &r, id, now)
			if d.Refusal != Admitted || d.Burst.Remaining != n-i-1 {
				t.Fatalf("%d a minute: request %d at once: %v with %d remaining, want it admitted with %d", n, i+1, d.Refusal, d.Burst.Remaining, n-i-1)
			}
			s.Settle(id, Amounts{1}, &r)
		}
		d := try(s, &r, 0, now)
		if d.Refusal != OverBurst || d.RetryIn <= 0 || d.RetryIn > time.Minute/time.Duration(n)+time.Nanosecond {
			t.Fatalf("%d a minute: request %d at once: %v, retry in %s", n, n+1, d.Refusal, d.RetryIn)
		}
		if d := try(s, &r, 0, now.Add(d.RetryIn-1)); d.Refusal != OverBurst {
			t.Fatalf("%d a minute: admitted before RetryIn", n)
		}
		now = now.Add(d.RetryIn)
		if d := try(s, &r, id+1, now); d.Refusal != Admitted {
			t.Fatalf("%d a minute: refused after RetryIn by %s", n, d.RetryIn)
		}
		if d := try(s, &r, id+2, now); d.Refusal != OverBurst {
			t.Fatalf("%d a minute: two tokens after the time of one", n)
		}
	}
}

func TestBurstIsFullAgainAfterFullIn(t *testing.T) {
	t.Parallel()
	s, r, now := &State{}, perMinute(6), at("2026-11-22T12:00:00Z")
	for id := range uint64(4) {
		d := try(s, &r, id, now)
		if want := time.Duration(id+1) * 10 * time.Second; d.Burst.FullIn != want {
			t.Errorf("after request %d the burst is full in %s, want %s", id+1, d.Burst.FullIn, want)
		}
	}
	if d := Decide(s, &r, Ask{}, now.Add(40*time.Second)); d.Burst.Remaining != 5 {
		t.Errorf("once full, %d remain after a request, want 5", d.Burst.Remaining)
	}
}

func TestBurstOfZeroBlocks(t *testing.T) {
	t.Parallel()
	r := perMinute(0)
	if d := try(&State{}, &r, 1, at("2026-11-22T12:00:00Z")); d.Refusal != OverBurst || !d.Lasting || d.RetryIn != 0 {
		t.Errorf("got %v, lasting %t, retry in %s; want OverBurst that no time lifts", d.Refusal, d.Lasting, d.RetryIn)
	}
}

func TestHugeBurstsDoNotOverflow(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1e10, 59_999_999_999, 6e10, 6e10 + 1, math.MaxInt64} {
		s, r := &State{}, perMinute(n)
		for id := range uint64(100) {
			if d := try(s, &r, id, at("2026-11-22T12:00:00Z")); d.Refusal != Admitted || d.Burst.Remaining < 0 {
				t.Fatalf("%d a minute: request %d: %v, %d remaining", n, id, d.Refusal, d.Burst.Remaining)
			}
		}
	}
}

// TestClockSetBackLocksNobodyOut: after a wrong clock is set right, the bucket must refill at
// once, and not only when the wrong time is reached again.
func TestClockSetBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{time.Millisecond, time.Second, time.Hour, 25 * time.Hour, 400 * 24 * time.Hour} {
		s, r, now := &State{}, perMinute(2), at("2026-11-22T12:00:00Z")
		try(s, &r, 1, now)
		try(s, &r, 2, now)
		now = now.Add(-back)
		if d := try(s, &r, 3, now); d.Refusal != OverBurst {
			t.Errorf("set back by %s: %v at once, want OverBurst: an empty bucket stays empty", back, d.Refusal)
		}
		now = now.Add(time.Minute + min(back, time.Minute))
		for id := range uint64(3) {
			if d := try(s, &r, 4+id, now); (d.Refusal == Admitted) != (id < 2) {
				t.Errorf("set back by %s: request %d later: %v", back, id, d.Refusal)
			}
		}
	}
}

func TestReleaseGivesItsTokenBack(t *testing.T) {
	t.Parallel()
	s, r, now := &State{}, perMinute(3), at("2026-11-22T12:00:00Z")
	for id := range uint64(3) {
		try(s, &r, id, now)
	}
	s.Release(1)
	if d := try(s, &r, 4, now); d.Refusal != Admitted {
		t.Errorf("after a release: %v, want admitted", d.Refusal)
	}
	if d := try(s, &r, 5, now); d.Refusal != OverBurst {
		t.Errorf("a release gave back more than its token: %v", d.Refusal)
	}
}

// arrival computes the bucket's theoretical arrival time anew, from the admissions that were not
// released.
type admission struct {
	at       time.Time
	interval time.Duration
	released bool
}

func arrival(all []admission) (tat time.Time) {
	for _, a := range all {
		if !a.released {
			tat = later(tat, a.at).Add(a.interval)
		}
	}
	return tat
}

// TestReleasesAreNeverMoreGenerous runs random admissions, ends and releases. With one request at
// a time, the bucket must be as if released requests had never been made. With several, it may be
// emptier, but never fuller.
func TestReleasesAreNeverMoreGenerous(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 8} {
		rapid.Check(t, func(t *rapid.T) {
			s, now := &State{}, at("2026-11-22T12:00:00Z")
			var all []admission
			var running []int
			limits := []Rules{perMinute(1), perMinute(3), perMinute(7), perMinute(20), perMinute(-1)}
			one := rapid.IntRange(0, len(limits)-1).Draw(t, "limit")
			mixed := rapid.Bool().Draw(t, "mixed limits")
			t.Repeat(map[string]func(*rapid.T){
				"reserve": func(t *rapid.T) {
					if len(running) == most {
						t.Skip("enough run")
					}
					i := one
					if mixed {
						i = rapid.IntRange(0, len(limits)-1).Draw(t, "limit")
					}
					r := &limits[i]
					ideal := max(0, arrival(all).Sub(now))
					d := try(s, r, uint64(len(all)), now)
					if d.Refusal == Admitted && r.perMinute > 0 {
						interval := (time.Minute + time.Duration(r.perMinute) - 1) / time.Duration(r.perMinute)
						if tolerance := interval * time.Duration(r.perMinute-1); ideal > tolerance {
							t.Fatalf("admitted %s ahead, tolerance is %s", ideal, tolerance)
						}
						all = append(all, admission{at: now, interval: interval})
					} else if d.Refusal == Admitted {
						all = append(all, admission{at: now})
					}
					if d.Refusal == Admitted {
						running = append(running, len(all)-1)
					}
				},
				"end": func(t *rapid.T) {
					if len(running) == 0 {
						t.Skip("nothing runs")
					}
					i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
					id := running[i]
					running = slices.Delete(running, i, i+1)
					if rapid.Bool().Draw(t, "release") {
						s.Release(uint64(id))
						all[id].released = true
					} else {
						s.Settle(uint64(id), Amounts{1}, nil)
					}
				},
				"wait": func(t *rapid.T) {
					now = now.Add(time.Duration(rapid.Int64Range(0, int64(25*time.Second)).Draw(t, "for")))
				},
				"": func(t *rapid.T) {
					got, want := max(0, s.Burst.Sub(now)), max(0, arrival(all).Sub(now))
					if got < want || most == 1 && got != want {
						t.Fatalf("bucket is %s ahead of the clock, want %s", got, want)
					}
				},
			})
		})
	}
}
