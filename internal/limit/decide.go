package limit

import (
	"math"
	"time"
)

// Ask is what a request wants to set aside.
type Ask struct {
	Tier     string
	Free     bool    // counts against the burst and what runs at once only, in no period
	Estimate Amounts // upper estimate; Requests is 1
	Least    Amounts // what it cannot do with less than; looked at under strict rules
}

// Refusal says why a request was not admitted.
type Refusal uint8

// The refusals, in the order in which they are looked for: the lasting one first.
const (
	Admitted Refusal = iota
	OverLimit
	OverBurst
	OverConcurrency
)

// Standing is how far a limit is used.
type Standing struct {
	Limit
	Used      int64     // settled; requests count from admission on
	Held      int64     // by running requests
	Allowance int64     // what is left of the period's, held amounts left out
	Credit    int64     // what is left of gifts, held amounts left out; 0 where they do not lift the limit
	ResetsAt  time.Time // zero where a reset brings nothing
}

// Remaining returns what can still be used: what is left of the allowance, and credits.
func (st *Standing) Remaining() int64 {
	if st.Credit > math.MaxInt64-st.Allowance {
		return math.MaxInt64
	}
	return st.Allowance + st.Credit
}

// canHold reports whether so much fits where nothing runs and a new period has begun, with
// so many credits.
func (st *Standing) canHold(least, credits int64) bool {
	fresh := Standing{Allowance: st.Max, Credit: credits}
	return st.Max > 0 && fresh.Remaining() >= least
}

// BurstStanding is how full the burst bucket is.
type BurstStanding struct {
	Max       int64 // requests a minute; Unlimited where there is no such limit
	Remaining int64
	FullIn    time.Duration // until the whole burst is there again
}

// Decision is the outcome of Decide.
type Decision struct {
	Refusal Refusal
	Metric  Metric // whose limit refused, for OverLimit
	Lasting bool   // waiting does not lift the refusal: no reset, no refill, no other request's end
	Hold    Hold   // to Admit, where admitted

	RetryIn    time.Duration // until the burst bucket has room again, for OverBurst that is not Lasting
	Concurrent int64         // the limit, for OverConcurrency

	// Standings of the limits in force, this request included where it was admitted.
	Standings [NumMetrics]Standing
	InForce   [NumMetrics]bool
	Burst     BurstStanding
}

// Decide says whether a request may start now and what it sets aside. It changes
// nothing. The state must have been advanced to now and be of the rules' period.
//
// A request starts while used + held < limit, or while there are credits. A model limit of
// 0 blocks whatever credits there are. A request holds its estimate, but not more than what
// is left, so that a large or missing output cap does not lock out who has plenty. Under
// strict rules it is refused where what is left is less than its least.
//
// Of several limits that refuse, one that waiting does not lift is named first: nobody is
// told to try again later where later is no better.
func Decide(s *State, r *Rules, ask Ask, now time.Time) Decision {
	d := Decision{Hold: Hold{Model: r.Model, Tier: ask.Tier, At: later(now, s.Start), Amounts: ask.Estimate.clamp()}}
	exempt := s.Unlimited(now)
	used, held := s.sums(r)
	if ask.Free {
		d.Hold.Amounts = Amounts{}
	}
	for m := range Metric(NumMetrics) {
		if !r.set[m] || ask.Free {
			continue
		}
		st := s.standing(r.limits[m], used[m], held[m])
		if !exempt {
			room, least := st.Remaining(), int64(1)
			if r.Strict {
				least = max(least, ask.Least[m])
			}
			if room < least {
				d.refuse(OverLimit, m, st.Blocks() || !st.canHold(least, s.Credits[m]))
			}
			h := &d.Hold
			h.limited[m] = true
			h.Amounts[m] = min(h.Amounts[m], room)
			h.Credit[m] = max(0, h.Amounts[m]-st.Allowance)
		}
		d.Standings[m], d.InForce[m] = st, true
	}
	d.Burst.Max = Unlimited
	if !exempt {
		d.limitBurst(r.perMinute, s.ahead(now))
		if r.concurrent >= 0 && int64(len(s.Holds)) >= r.concurrent {
			d.Concurrent = r.concurrent
			d.refuse(OverConcurrency, Requests, r.concurrent == 0)
		}
	}
	if d.Refusal == Admitted {
		d.include()
		return d
	}
	if d.Refusal == OverLimit && d.Lasting {
		d.Standings[d.Metric].ResetsAt = time.Time{}
	}
	d.Hold = Hold{}
	return d
}

// refuse notes a refusal, unless there is one already that counts for more.
func (d *Decision) refuse(why Refusal, m Metric, lasting bool) {
	if d.Refusal == Admitted || lasting && !d.Lasting {
		d.Refusal, d.Metric, d.Lasting = why, m, lasting
	}
}

// limitBurst applies the limit of n requests a minute by GCRA, with an emission interval
// of a minute divided by n and a tolerance of the minute less one interval (ITU-T I.371,
// Annex A, virtual scheduling). Ahead is by how much the bucket is ahead of the clock.
func (d *Decision) limitBurst(n int64, ahead time.Duration) {
	d.Burst.Max = n
	switch {
	case n == Unlimited:
		return
	case n == 0:
		d.refuse(OverBurst, Requests, true)
		return
	}
	n = min(n, int64(time.Minute)) // one a nanosecond
	interval := (time.Minute + time.Duration(n) - 1) / time.Duration(n)
	tolerance := interval * time.Duration(n-1)
	d.Burst.FullIn = ahead
	if ahead > tolerance {
		d.RetryIn = ahead - tolerance
		d.refuse(OverBurst, Requests, false)
		return
	}
	d.Burst.Remaining = int64((tolerance-ahead)/interval) + 1
	d.Hold.interval = interval
}

// include counts the admitted request in the standings.
func (d *Decision) include() {
	if d.Hold.interval > 0 {
		d.Burst.Remaining--
		d.Burst.FullIn += d.Hold.interval
	}
	for m := range Metric(NumMetrics) {
		if !d.InForce[m] {
			continue
		}
		st := &d.Standings[m]
		own := d.Hold.Amounts[m] - d.Hold.Credit[m]
		st.Allowance = max(0, st.Allowance-own)
		st.Credit -= d.Hold.Credit[m]
		st.Held = satAdd(st.Held, own)
		if m == Requests {
			st.Used = satAdd(st.Used, own)
		}
	}
}

// Release puts the admitted request, which was never made, out of what remains of the limits
// and of the burst. It is for once.
func (d *Decision) Release() {
	d.Settle(Amounts{})
	if d.Hold.interval > 0 {
		d.Burst.Remaining++
		d.Burst.FullIn -= d.Hold.interval
	}
}

// Settle puts what the admitted request has used, nothing where it cost nothing, in the
// place of what was held for it in what remains of the limits, as State.Settle does in the
// account. It is for once.
func (d *Decision) Settle(used Amounts) {
	for m := range Metric(NumMetrics) {
		if !d.InForce[m] {
			continue
		}
		st := &d.Standings[m]
		others := satAdd(st.Used, st.Held)
		if m == Requests {
			others = st.Used // which has the running ones
		}
		// Who is exempt from limits may have used, and holds, more than there is.
		own, counted := d.Hold.Amounts[m]-d.Hold.Credit[m], used[m]
		others -= own
		st.Credit += d.Hold.Credit[m]
		if d.Hold.limited[m] {
			credited := min(max(0, counted-max(own, st.Max-others)), st.Credit)
			st.Credit -= credited
			counted -= credited
		}
		st.Allowance = max(0, st.Max-satAdd(others, counted))
	}
}

// Standing returns how far the limit in force for a metric is used. There must be one.
func (s *State) Standing(r *Rules, m Metric) Standing {
	used, held := s.sums(r)
	return s.standing(r.limits[m], used[m], held[m])
}

func (s *State) standing(l Limit, used, held int64) Standing {
	st := Standing{Limit: l, Used: used, Held: held, Allowance: max(0, l.Max-used-held)}
	if l.Max > 0 {
		st.ResetsAt = s.Period.End(s.Start)
	}
	if !l.Blocks() {
		st.Credit = s.credit(l.Metric)
	}
	if l.Metric == Requests {
		st.Used = satAdd(st.Used, held)
	}
	return st
}

// Standings returns how far every limit of an identity is used, whichever model it calls.
func (s *State) Standings(ls Levels) []Standing {
	limits := ls.All()
	used, held := make([]int64, len(limits)), make([]int64, len(limits))
	for i := range s.Used {
		ls.tally(limits, used, s.Used[i].Model, s.Used[i].Counted)
	}
	for i := range s.Holds {
		if h := &s.Holds[i]; s.current(h) {
			ls.tally(limits, held, h.Model, h.Amounts.Sub(h.Credit))
		}
	}
	all := make([]Standing, len(limits))
	for i, l := range limits {
		all[i] = s.standing(l, used[i], held[i])
	}
	return all
}

// tally adds usage to the sums of the limits that it counts towards. Its name is looked up once,
// however many limits there are.
func (ls *Levels) tally(limits []Limit, sums []int64, name string, n Amounts) {
	by := ls.governedBy(modelOf(name))
	for i := range limits {
		if l := &limits[i]; l.takes(by[l.Metric]) {
			sums[i] = satAdd(sums[i], n[l.Metric])
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
