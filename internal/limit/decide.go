package limit

import (
	"math"
	"time"
)

// Ask is the amounts that a request wants to hold.
type Ask struct {
	Tier     string
	Free     bool    // counts only against the burst and concurrency limits, in no period
	Estimate Amounts // upper estimate; Requests is 1
	Minimum  Amounts // what it needs to start; used only under strict rules
}

// Refusal says why a request was not admitted.
type Refusal uint8

// The refusals, in the order in which they are checked.
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
	Allowance int64     // the rest of the limit in this period, without held amounts
	Credit    int64     // the rest of the credits, without held amounts; 0 if credits do not lift the limit
	ResetsAt  time.Time // zero if a reset allows nothing more
}

// Remaining returns the amount that can still be used: the remaining allowance and credits.
func (st *Standing) Remaining() int64 {
	if st.Credit > math.MaxInt64-st.Allowance {
		return math.MaxInt64
	}
	return st.Allowance + st.Credit
}

// canHold reports whether an amount fits at the start of a period in which nothing runs, with
// these credits.
func (st *Standing) canHold(amount, credits int64) bool {
	fresh := Standing{Allowance: st.Max, Credit: credits}
	return fresh.Remaining() >= amount
}

// BurstStanding is how full the burst bucket is.
type BurstStanding struct {
	Max       int64 // requests a minute; Unlimited if there is no such limit
	Remaining int64
	FullIn    time.Duration // until the bucket is full
}

// Decision is the outcome of Decide.
type Decision struct {
	Refusal Refusal
	Metric  Metric // of the limit that refused, for OverLimit
	Lasting bool   // waiting does not help: no reset, refill or end of another request lifts the refusal
	Hold    Hold   // for Admit, if admitted

	RetryIn    time.Duration // until the burst bucket has room, for an OverBurst that is not Lasting
	Concurrent int64         // the limit, for OverConcurrency

	// Standings of the limits in force. They include this request if it was admitted.
	Standings [NumMetrics]Standing
	InForce   [NumMetrics]bool
	Burst     BurstStanding
}

// Decide says whether a request may start now and how much it holds. It changes nothing. The
// state must have been advanced to now and have the period of the rules.
//
// A request may start while used + held < limit, or while there are credits. A model limit
// of 0 refuses it whatever credits there are. A request holds its estimate, but no more than
// the remaining amount: a large or missing output cap must not refuse an identity that has
// plenty left. Strict rules refuse a request if its minimum exceeds the remaining amount.
//
// If several limits refuse, a lasting refusal is named first: an identity is told to retry
// later only if that can help.
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
			room, needed := st.Remaining(), int64(1)
			if r.Strict {
				needed = max(needed, ask.Minimum[m])
			}
			if room < needed {
				d.refuse(OverLimit, m, st.Blocks() || !st.canHold(needed, s.Credits[m]))
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

// refuse sets a refusal. An earlier refusal stays, unless only the new one is lasting.
func (d *Decision) refuse(why Refusal, m Metric, lasting bool) {
	if d.Refusal == Admitted || lasting && !d.Lasting {
		d.Refusal, d.Metric, d.Lasting = why, m, lasting
	}
}

// limitBurst applies the limit of n requests a minute by GCRA (ITU-T I.371, Annex A, virtual
// scheduling). The emission interval is a minute divided by n, the tolerance a minute minus
// one interval. ahead is how far the bucket is ahead of the clock.
func (d *Decision) limitBurst(n int64, ahead time.Duration) {
	d.Burst.Max = n
	switch {
	case n == Unlimited:
		return
	case n == 0:
		d.refuse(OverBurst, Requests, true)
		return
	}
	n = min(n, int64(time.Minute)) // one request a nanosecond
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

// include adds the admitted request to the standings.
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

// Release removes the admitted request, which was never made, from the standings of the
// limits and the burst bucket. Call it once.
func (d *Decision) Release() {
	d.Settle(Amounts{})
	if d.Hold.interval > 0 {
		d.Burst.Remaining++
		d.Burst.FullIn -= d.Hold.interval
	}
}

// Settle replaces the hold of the admitted request by its usage in the remaining amounts of the
// limits, as State.Settle does in the account. Call it once.
func (d *Decision) Settle(used Amounts) {
	for m := range Metric(NumMetrics) {
		if !d.InForce[m] {
			continue
		}
		st := &d.Standings[m]
		others := satAdd(st.Used, st.Held)
		if m == Requests {
			others = st.Used // includes the running requests
		}
		// An identity that is exempt from limits may use and hold more than the limit.
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

// Standing returns how far the limit in force for a metric is used. A limit must be in force.
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

// tally adds usage to the sums of the limits that it counts towards. It looks the name up only
// once, however many limits there are.
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
