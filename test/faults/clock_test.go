package faults

import (
	"sync"
	"testing"
	"time"
)

// A node's clock was thirty hours ahead and is right again. What was begun by the wrong time stays where it was counted: an
// account that has come to tomorrow goes on with what tomorrow has left, and gets no other tomorrow when that comes. One that
// was not asked for meanwhile has noticed nothing. The burst bucket, filled thirty hours from now, is an empty one, which
// fills within a minute.
func TestClockIsRightAgain(t *testing.T) {
	t.Parallel()
	for name, db := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, db(t), `"limitPeriod": "daily", "tiers": {"requests": {"requestLimit": 40}, "burst": {"requestsPerMinute": 5}}`)
			now := time.Now()
			midnight := now.UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
			noon := midnight.Add(-12 * time.Hour).Sub(now)
			c := newClock(t, noon)
			f.serveByClocks(c)
			ask := func(identity, tier string, n, want int) {
				t.Helper()
				got := 0
				for range n {
					if f.ask(f.nodes[0], identity, tier, whole) == answered {
						got++
					}
				}
				if got != want {
					t.Errorf("%s: %d of %d answered, want %d", identity, got, n, want)
				}
			}
			ask("ann", "requests", 10, 10)
			ask("bob", "requests", 10, 10)

			c.set(noon + 30*time.Hour)
			ask("ann", "requests", 15, 15)
			ask("bea", "burst", 3, 3)

			c.set(noon)
			ask("ann", "requests", 50, 25)
			ask("bob", "requests", 50, 30)
			ask("bea", "burst", 1, 0)
			c.set(noon + time.Minute)
			ask("bea", "burst", 5, 5)
			c.set(noon + 11*time.Hour)
			ask("ann", "requests", 5, 0)
			c.set(noon + 13*time.Hour)
			ask("ann", "requests", 5, 0)
			ask("bob", "requests", 50, 40)
			c.set(noon + 37*time.Hour)
			ask("ann", "requests", 50, 40)

			f.nodes[0].Stop() // which writes everything
			f.agree()
			for identity, want := range map[string][2]int64{"ann": {10, 80}, "bob": {40, 40}} {
				if today, later := f.byDay(identity, midnight); today != want[0] || later != want[1] {
					t.Errorf("%s: %d counted today and %d later, want %v", identity, today, later, want)
				}
			}
		})
	}
}

// One of two nodes is an hour ahead, and comes to midnight first. Whichever node an identity asks, in the hour before
// midnight and across it, each day admits its hundred and no more, and no request is in both or in neither.
func TestOneClockIsAnHourAhead(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), `"requestLimit": 100, "limitPeriod": "daily"`)
	now := time.Now()
	midnight := now.UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
	before, after := midnight.Add(-30*time.Minute).Sub(now), midnight.Add(10*time.Minute).Sub(now)
	right, ahead := newClock(t, before), newClock(t, before+time.Hour)
	f.serveByClocks(right, ahead)

	// For these it is still today, whatever others have come to.
	for i := range 150 {
		f.ask(f.nodes[0], "behind", "", whole)
		if i < 50 {
			f.ask(f.nodes[1], "ahead", "", whole)
		}
	}
	if first, second := f.byDay("behind", midnight); first != 100 || second != 0 {
		t.Errorf("behind: %d and %d counted, want the first day's hundred", first, second)
	}
	if first, second := f.byDay("ahead", midnight); first != 0 || second != 50 {
		t.Errorf("ahead: %d and %d counted, want fifty of the second day", first, second)
	}
	var fire sync.WaitGroup
	for i := range 450 {
		if i == 225 { // with requests under way
			right.set(after)
			ahead.set(after + time.Hour)
		}
		identity := []string{"behind", "ahead", "crossing"}[i%3]
		fire.Go(func() { f.ask(f.nodes[i/3%2], identity, "", whole) })
		if i%25 == 24 {
			f.await("half of them have ended", func() bool { return len(f.requests)-f.ended() < 12 })
		}
	}
	fire.Wait()
	for _, identity := range []string{"behind", "ahead", "crossing"} {
		f.burst(150, identity, "", whole)
		first, second := f.byDay(identity, midnight)
		if first > 100 || second != 100 {
			t.Errorf("%s: %d counted on the first day and %d on the second, want a hundred at most and a hundred", identity, first, second)
		}
		if sum := f.tallies()[identity].answered; sum != first+second {
			t.Errorf("%s: %d answered, %d and %d counted on the two days", identity, sum, first, second)
		}
		for i, p := range f.nodes {
			if u := f.usageOf(p, identity, ""); u.Usage.Requests != 100 {
				t.Errorf("%s: node %d says %d requests on the second day, want 100", identity, i, u.Usage.Requests)
			}
		}
	}
	f.agree()
}
