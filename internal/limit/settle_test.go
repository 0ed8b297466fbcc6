package limit

import (
	"math"
	"testing"
	"time"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		caps     Caps
		used     Amounts // of gpt-4o, before the request
		credits  Amounts
		estimate Amounts
		actual   Amounts
		counted  Amounts
		credited Amounts
	}{
		{"less than held", caps(5, 1000, nil), Amounts{}, Amounts{0, 99, 0}, Amounts{1, 500, 0}, Amounts{1, 300, 7}, Amounts{1, 300, 7}, Amounts{}},
		{"explicit zero", caps(5, 1000, nil), Amounts{}, Amounts{}, Amounts{1, 500, 0}, Amounts{1, 0, 0}, Amounts{1, 0, 0}, Amounts{}},
		{"outgrown within the allowance", caps(5, 1000, nil), Amounts{}, Amounts{0, 99, 0}, Amounts{1, 100, 0}, Amounts{1, 900, 0}, Amounts{1, 900, 0}, Amounts{}},
		{"outgrown beyond the allowance, into credits", caps(5, 1000, nil), Amounts{0, 800, 0}, Amounts{0, 99, 0}, Amounts{1, 100, 0}, Amounts{1, 250, 0}, Amounts{1, 200, 0}, Amounts{0, 50, 0}},
		{"outgrown beyond both is counted", caps(5, 1000, nil), Amounts{0, 800, 0}, Amounts{0, 99, 0}, Amounts{1, 100, 0}, Amounts{1, 500, 0}, Amounts{1, 401, 0}, Amounts{0, 99, 0}},
		{"outgrown without credits is counted", caps(5, 1000, nil), Amounts{0, 800, 0}, Amounts{}, Amounts{1, 100, 0}, Amounts{1, 500, 0}, Amounts{1, 500, 0}, Amounts{}},
		{"held on credits", caps(5, nil, nil), Amounts{5, 0, 0}, Amounts{2, 0, 0}, Amounts{1, 100, 0}, Amounts{1, 100, 0}, Amounts{0, 100, 0}, Amounts{1, 0, 0}},
		{"held on both, used on the allowance alone", caps(nil, 1000, nil), Amounts{0, 900, 0}, Amounts{0, 500, 0}, Amounts{1, 300, 0}, Amounts{1, 80, 0}, Amounts{1, 80, 0}, Amounts{}},
		{"held on both, used on both", caps(nil, 1000, nil), Amounts{0, 900, 0}, Amounts{0, 500, 0}, Amounts{1, 300, 0}, Amounts{1, 180, 0}, Amounts{1, 100, 0}, Amounts{0, 80, 0}},
		{"no limit draws no credits", Caps{}, Amounts{}, Amounts{3, 500, 9}, Amounts{1, 300, 0}, Amounts{1, 1000, 10}, Amounts{1, 1000, 10}, Amounts{}},
		{"negative figures are none", caps(5, 1000, nil), Amounts{0, 900, 0}, Amounts{0, 500, 0}, Amounts{1, 300, 0}, Amounts{1, -180, math.MinInt64}, Amounts{1, 0, 0}, Amounts{}},
		{"absurd figures are clamped", Caps{}, Amounts{}, Amounts{}, Amounts{1, 300, 0}, Amounts{1, math.MaxInt64, MaxAmount + 1}, Amounts{1, MaxAmount, MaxAmount}, Amounts{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, r := stateOf(c.used, c.credits), project(c.caps, false)
			running(t, s, &r, noon, c.estimate)
			done, ok := s.Settle(1, c.actual, &r)
			if !ok || done.Counted != c.counted || done.Credited != c.credited {
				t.Errorf("counted %v, credited %v, %t; want %v and %v", done.Counted, done.Credited, ok, c.counted, c.credited)
			}
			if want := c.credits.Sub(c.credited); s.Credits != want {
				t.Errorf("credits left %v, want %v", s.Credits, want)
			}
			if got, want := s.Total(), c.used.Add(c.counted).Add(c.credited); got != want || len(s.Holds) != 0 {
				t.Errorf("used %v with %d running, want %v with none", got, len(s.Holds), want)
			}
		})
	}
}

func TestSettlingTwiceIsSettlingOnce(t *testing.T) {
	t.Parallel()
	s, r := stateOf(Amounts{}, Amounts{}), project(caps(5, 1000, nil), false)
	running(t, s, &r, noon, Amounts{1, 100, 0}, Amounts{1, 100, 0})
	s.Settle(1, Amounts{1, 50, 0}, &r)
	after := clone(s)
	if _, ok := s.Settle(1, Amounts{1, 70, 0}, &r); ok {
		t.Error("settled again")
	}
	if _, ok := s.Release(1); ok {
		t.Error("released what was settled")
	}
	same(t, after, s, "the second end changed something")
}

func TestReleaseLeavesNoTrace(t *testing.T) {
	t.Parallel()
	r := Resolve(Levels{Project: &Level{Caps: caps(5, 1000, 100), RequestsPerMinute: new(int64(7))}}, "gpt-4o", Daily, false)
	s := stateOf(Amounts{5, 990, 3}, Amounts{9, 9, 9})
	s.Burst = noon.Add(20 * time.Second)
	before := clone(s)
	running(t, s, &r, noon, Amounts{1, 15, 7})
	if _, ok := s.Release(1); !ok {
		t.Error("not released")
	}
	same(t, before, s, "a released request left a trace")
	if _, ok := s.Release(1); ok {
		t.Error("released twice")
	}
}

// TestRequestBelongsToThePeriodOfItsAdmission: usage of a request that ends after midnight does
// not count in the new day, and its released hold adds nothing to the new day.
func TestRequestBelongsToThePeriodOfItsAdmission(t *testing.T) {
	t.Parallel()
	r := project(caps(3, 1000, nil), false)
	s := stateOf(Amounts{}, Amounts{})
	running(t, s, &r, noon, Amounts{1, 600, 0}, Amounts{1, 100, 0})
	tomorrow := noon.Add(24 * time.Hour)
	s.Advance(tomorrow)
	if st := s.Standing(&r, Requests); st.Used != 0 || st.Remaining() != 3 {
		t.Errorf("the new day begins with %d used, %d remaining; want 0 and 3", st.Used, st.Remaining())
	}
	done, _ := s.Settle(1, Amounts{1, 500, 0}, &r)
	if !done.Hold.At.Equal(noon) || done.Counted != (Amounts{1, 500, 0}) {
		t.Errorf("settled %v at %s, want it counted at %s", done.Counted, done.Hold.At, noon)
	}
	s.Release(2)
	if got := s.Total(); got != (Amounts{}) {
		t.Errorf("the new day has %v used, want nothing", got)
	}
}

// TestAnOlderPeriodsAllowanceIsNotKnown: for a request that ends in a later period, credits pay
// only if it held credits: for these, and for usage beyond its hold.
func TestAnOlderPeriodsAllowanceIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		used     int64
		credited int64
	}{
		{"there was plenty", 0, 0},
		{"credits were drawn already", 950, 350},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := project(caps(nil, 1000, nil), false)
			s := stateOf(Amounts{0, c.used, 0}, Amounts{0, 5000, 0})
			running(t, s, &r, noon, Amounts{1, 100, 0})
			s.Advance(noon.Add(24 * time.Hour))
			if done, _ := s.Settle(1, Amounts{1, 400, 0}, &r); done.Credited[Tokens] != c.credited {
				t.Errorf("%d of credits were drawn, want %d", done.Credited[Tokens], c.credited)
			}
		})
	}
}

// TestAnotherPeriodsUsageIsNotComparedWithTheLimit: the project changed from daily to monthly
// while a request ran. The usage of the month does not count towards the limit of the day.
func TestAnotherPeriodsUsageIsNotComparedWithTheLimit(t *testing.T) {
	t.Parallel()
	r := project(caps(nil, 1000, nil), false)
	s := stateOf(Amounts{}, Amounts{0, 5000, 0})
	running(t, s, &r, noon, Amounts{1, 100, 0})
	s.Period, s.Start = Monthly, Monthly.Start(noon)
	s.Used = []ModelUsage{{Model: "gpt-4o", Counted: Amounts{50, 20_000, 0}}}
	if done, _ := s.Settle(1, Amounts{1, 400, 0}, &r); !done.Credited.IsZero() {
		t.Errorf("credits drawn: %v, want none: the day's allowance was not used up", done.Credited)
	}
}

func TestResetInFlight(t *testing.T) {
	t.Parallel()
	r := project(caps(5, 1000, nil), false)
	s := stateOf(Amounts{4, 400, 40}, Amounts{})
	running(t, s, &r, noon, Amounts{1, 100, 0})
	taken := s.Reset(true, true)
	if len(taken) != 1 || taken[0].Counted != (Amounts{4, 400, 40}) {
		t.Errorf("took back %+v, want 4 requests, 400 tokens, 40 micros", taken)
	}
	if st := s.Standing(&r, Requests); st.Used != 1 || st.Remaining() != 4 {
		t.Errorf("after the reset %d used, %d remaining; want the running one and 4", st.Used, st.Remaining())
	}
	s.Settle(1, Amounts{1, 90, 9}, &r)
	if got := s.Total(); got != (Amounts{1, 90, 9}) {
		t.Errorf("used %v after it ended, want what it used", got)
	}
}

func TestResetTakesWhatIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		requests, tokens bool
		want             Amounts
	}{
		{true, true, Amounts{}},
		{true, false, Amounts{0, 400, 40}},
		{false, true, Amounts{4, 0, 0}}, // cost is reset with tokens
		{false, false, Amounts{4, 400, 40}},
	} {
		s := stateOf(Amounts{4, 400, 40}, Amounts{})
		s.Reset(c.requests, c.tokens)
		if got := s.Total(); got != c.want {
			t.Errorf("Reset(%t, %t) leaves %v, want %v", c.requests, c.tokens, got, c.want)
		}
	}
}

func TestGiftsAddUpWithoutOverflow(t *testing.T) {
	t.Parallel()
	s := stateOf(Amounts{}, Amounts{1, 2, 3})
	s.AddCredits(Amounts{10, 20, 30})
	if want := (Amounts{11, 22, 33}); s.Credits != want {
		t.Errorf("credits %v, want %v", s.Credits, want)
	}
	s.AddCredits(Amounts{math.MaxInt64, 0, 0})
	s.AddCredits(Amounts{math.MaxInt64, 0, 0})
	if s.Credits[Requests] != MaxAmount {
		t.Errorf("credits %d, want %d", s.Credits[Requests], int64(MaxAmount))
	}
}

// TestTwoRunningRequestsDoNotShareACredit: held credits are not available to the next request.
func TestTwoRunningRequestsDoNotShareACredit(t *testing.T) {
	t.Parallel()
	r := project(caps(0, nil, nil), false)
	s := stateOf(Amounts{}, Amounts{1, 0, 0})
	running(t, s, &r, noon, Amounts{1})
	if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, noon); d.Refusal != OverLimit {
		t.Fatalf("two requests on one credit: %d", d.Refusal)
	}
	s.Release(1)
	if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, noon); d.Refusal != Admitted {
		t.Errorf("the credit did not come back: %d", d.Refusal)
	}
}

// When a request has ended, its usage replaces its hold. An exempt identity may hold and use more
// than the limit.
func TestDecision_Settle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		exempt        bool
		used, credits Amounts
		held          Amounts // by another request
		estimate      Amounts
		actual        Amounts
		remaining     Amounts
	}{
		{name: "less than held", estimate: Amounts{1, 500, 0}, actual: Amounts{1, 20, 0}, remaining: Amounts{9, 980, 0}},
		{name: "nothing", estimate: Amounts{1, 500, 0}, remaining: Amounts{10, 1000, 0}},
		{name: "exempt", exempt: true, used: Amounts{1, 100, 0}, estimate: Amounts{1, 500, 0}, actual: Amounts{1, 20, 0}, remaining: Amounts{8, 880, 0}},
		{name: "exempt, holding more than there is", exempt: true, estimate: Amounts{1, 50_000, 0}, actual: Amounts{1, 20, 0}, remaining: Amounts{9, 980, 0}},
		{name: "exempt, nothing", exempt: true, estimate: Amounts{1, 50_000, 0}, remaining: Amounts{10, 1000, 0}},
		{name: "exempt, of what is used up", exempt: true, used: Amounts{20, 1500, 0}, estimate: Amounts{1, 500, 0}, actual: Amounts{1, 20, 0}},
		{name: "beside another", held: Amounts{1, 300, 0}, estimate: Amounts{1, 500, 0}, actual: Amounts{1, 20, 0}, remaining: Amounts{8, 680, 0}},
		{name: "held on credits too", used: Amounts{0, 900, 0}, credits: Amounts{0, 500, 0}, estimate: Amounts{1, 300, 0}, actual: Amounts{1, 80, 0}, remaining: Amounts{9, 20 + 500, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, r := stateOf(c.used, c.credits), project(caps(10, 1000, nil), false)
			if c.exempt {
				s.UnlimitedUntil = noon.Add(time.Hour)
			}
			if !c.held.IsZero() {
				s.Admit(Decide(s, &r, Ask{Estimate: c.held}, noon).Hold, noon)
			}
			d := Decide(s, &r, Ask{Estimate: c.estimate}, noon)
			d.Settle(c.actual)
			if got := (Amounts{d.Standings[Requests].Remaining(), d.Standings[Tokens].Remaining()}); got != c.remaining {
				t.Errorf("%v remain, want %v", got, c.remaining)
			}
		})
	}
}
