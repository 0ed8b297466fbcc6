package limit

import (
	"math"
	"time"
)

// State is an account's usage, holds and credits. Only its methods change it; stores persist
// their results.
type State struct {
	Period Period
	Start  time.Time // of the period that Used belongs to

	Used  []ModelUsage // in this period, by model: see MaxNames
	Holds []Hold       // of running requests, of any period

	Credits        Amounts   // not yet used; held credits are included
	UnlimitedUntil time.Time // before this time no limit refuses anything
	Burst          time.Time // GCRA theoretical arrival time; zero when the bucket is full
}

// ModelUsage is one model's settled usage in the current period.
type ModelUsage struct {
	Model    string  // normalized; merged usage has the name of one model and a suffix
	Counted  Amounts // counts towards limits
	Credited Amounts // used from credits; does not count towards limits
}

// Hold is the amounts that one running request has set aside.
type Hold struct {
	ID      uint64
	Model   string // normalized
	Tier    string
	At      time.Time // of admission: the usage of the request belongs to the period of this time
	Amounts Amounts
	Credit  Amounts // the part of Amounts that credits cover

	// limited marks the metrics for which a limit was in force at admission. A hold that was
	// read from a store without its Terms has no marks: it is settled as it stands.
	limited [NumMetrics]bool

	// A release gives interval back to the burst bucket, but at most slack. slack is the
	// smallest time by which the bucket was ahead of the clock at any admission since.
	// Without this bound, a bucket that was full in between would gain a token.
	interval, slack time.Duration
}

// Terms are the facts of an admission that the end of the hold needs besides its amounts. A
// store that keeps holds outside of memory keeps them too.
type Terms struct {
	Limited         [NumMetrics]bool
	Interval, Slack time.Duration
}

// Terms returns the hold's terms.
func (h *Hold) Terms() Terms { return Terms{h.limited, h.interval, h.slack} }

// SetTerms restores the terms of a hold that was read from a store.
func (h *Hold) SetTerms(t Terms) { h.limited, h.interval, h.slack = t.Limited, t.Interval, t.Slack }

// Advance moves the state to the period that contains now. It never moves back: if the clock
// is set back, usage counts on in the later period. Only a wrong clock can leave the burst
// bucket more than two minutes ahead. Advance then makes the bucket empty, so that it starts
// to refill now.
func (s *State) Advance(now time.Time) {
	s.Enter(now)
	if s.ahead(now) > 2*time.Minute {
		s.Burst = now.Add(time.Minute)
	}
}

// Enter moves the state to the period that contains t, for usage that began at t and may be
// recorded much later. It does not touch the burst bucket.
func (s *State) Enter(t time.Time) {
	if start := s.Period.Start(t); start.After(s.Start) {
		s.Start, s.Used = start, nil
	}
}

// Unlimited reports whether the account is exempt from limits at now.
func (s *State) Unlimited(now time.Time) bool { return now.Before(s.UnlimitedUntil) }

// Total returns the usage of the current period over all models, including what credits paid
// for. Requests count from admission on.
func (s *State) Total() Amounts {
	var sum Amounts
	for i := range s.Used {
		sum = sum.Add(s.Used[i].Counted).Add(s.Used[i].Credited)
	}
	for i := range s.Holds {
		if s.current(&s.Holds[i]) {
			sum[Requests] += s.Holds[i].Amounts[Requests]
		}
	}
	return sum
}

// current reports whether a hold belongs to the current period.
func (s *State) current(h *Hold) bool { return !h.At.Before(s.Start) }

// sums returns the settled and held amounts that count towards the limits in force, without
// held credits. Usage of the model that the rules were resolved for always counts.
func (s *State) sums(r *Rules) (used, held Amounts) {
	if r.set == [NumMetrics]bool{} {
		return used, held
	}
	for i := range s.Used {
		u := &s.Used[i]
		r.add(&used, u.Model, u.Counted)
	}
	for i := range s.Holds {
		if h := &s.Holds[i]; s.current(h) {
			r.add(&held, h.Model, h.Amounts.Sub(h.Credit))
		}
	}
	return used, held
}

// add adds usage to the sums of the limits that it counts towards.
func (r *Rules) add(sums *Amounts, name string, n Amounts) {
	if name == r.Model {
		*sums = sums.Add(n)
		return
	}
	by := r.Levels.governedBy(modelOf(name))
	for m := range sums {
		if r.set[m] && r.limits[m].takes(by[m]) {
			sums[m] = satAdd(sums[m], n[m])
		}
	}
}

// credit returns the credits of a metric that no running request holds.
func (s *State) credit(m Metric) int64 {
	free := s.Credits[m]
	for i := range s.Holds {
		free -= s.Holds[i].Credit[m]
	}
	return max(0, free)
}

// Admit adds a hold that Decide admitted at now. The caller has set its ID.
func (s *State) Admit(h Hold, now time.Time) {
	if h.interval > 0 {
		ahead := s.ahead(now)
		for i := range s.Holds {
			s.Holds[i].slack = min(s.Holds[i].slack, ahead)
		}
		s.Burst = now.Add(ahead + h.interval)
		h.slack = math.MaxInt64
	}
	s.Holds = append(s.Holds, h)
}

// ahead returns how far the burst bucket is ahead of the clock: zero when it is full.
func (s *State) ahead(now time.Time) time.Duration { return max(0, s.Burst.Sub(now)) }

// Settlement is the change by the end of a request, for the store to write.
type Settlement struct {
	Hold     Hold
	Model    string // the name under which the usage is kept
	Counted  Amounts
	Credited Amounts // already subtracted from Credits
}

// IsZero reports whether the request used nothing, so that there is no usage to write.
func (d *Settlement) IsZero() bool { return d.Counted.IsZero() && d.Credited.IsZero() }

// Settle ends a hold with the real usage of the request. Usage beyond the hold is taken from
// the remaining allowance under rules, which are those of the admission, then from credits.
// The rest counts beyond the limit. When the period is over, the remaining allowance is
// unknown; credits then pay only for a request that held credits at its admission. A request
// that used nothing leaves only its place in the burst bucket.
// It reports false, and changes nothing, if there is no such hold.
func (s *State) Settle(id uint64, actual Amounts, rules *Rules) (Settlement, bool) {
	h, ok := s.remove(id)
	if !ok {
		return Settlement{}, false
	}
	actual = actual.clamp()
	done := Settlement{Hold: h, Model: h.Model, Counted: actual}
	known := rules != nil && rules.Period == s.Period && s.current(&h)
	for m := range Metric(NumMetrics) {
		if h.Credit[m] == 0 && !(known && h.limited[m]) {
			continue
		}
		allowance, free := h.Amounts[m]-h.Credit[m], s.credit(m)
		if actual[m] <= allowance || free == 0 {
			continue
		}
		if known && rules.set[m] {
			used, held := s.sums(rules)
			allowance = max(allowance, rules.limits[m].Max-used[m]-held[m])
		}
		beyond := max(0, actual[m]-allowance)
		done.Credited[m] = min(beyond, free)
		done.Counted[m] = actual[m] - done.Credited[m]
		s.Credits[m] -= done.Credited[m]
	}
	if s.current(&h) && !done.IsZero() {
		var ls *Levels
		if rules != nil {
			ls = &rules.Levels
			s.mergeExcess(ls)
		}
		done.Model = s.nameFor(h.Model, ls)
		s.add(done.Model, done.Counted, done.Credited)
	}
	return done, true
}

// Release ends the hold of a request that was never made, and gives its place in the burst
// bucket back. It reports false, and changes nothing, if there is no such hold.
func (s *State) Release(id uint64) (Hold, bool) {
	h, ok := s.remove(id)
	if !ok {
		return Hold{}, false
	}
	if back := min(h.interval, h.slack); back > 0 {
		s.Burst = s.Burst.Add(-back)
		for i := range s.Holds {
			s.Holds[i].slack = max(0, s.Holds[i].slack-back)
		}
	}
	return h, true
}

func (s *State) remove(id uint64) (Hold, bool) {
	for i := range s.Holds {
		if s.Holds[i].ID == id {
			h := s.Holds[i]
			last := len(s.Holds) - 1
			s.Holds[i], s.Holds[last] = s.Holds[last], Hold{}
			s.Holds = s.Holds[:last]
			return h, true
		}
	}
	return Hold{}, false
}

// Reset removes the usage of the current period and returns it, by model. It removes cost
// together with tokens, since tokens cause the cost. Running requests stay: they count when
// they end.
func (s *State) Reset(requests, tokens bool) []ModelUsage {
	taken := make([]ModelUsage, 0, len(s.Used))
	for i := range s.Used {
		u := &s.Used[i]
		t := ModelUsage{Model: u.Model}
		for m, take := range [NumMetrics]bool{requests, tokens, tokens} {
			if take {
				t.Counted[m], u.Counted[m] = u.Counted[m], 0
				t.Credited[m], u.Credited[m] = u.Credited[m], 0
			}
		}
		taken = append(taken, t)
	}
	return taken
}

// AddCredits adds to the credits.
func (s *State) AddCredits(credits Amounts) { s.Credits = s.Credits.Add(credits) }

// Limited reports whether the hold was admitted under a limit for the metric, so that the
// usage of the request can exceed the limit.
func (h *Hold) Limited(m Metric) bool { return h.limited[m] }
