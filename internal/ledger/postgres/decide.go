package postgres

import (
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// decide applies the calls of a batch, one after the other, to the accounts that are
// locked. Calls on blocked ones are left alone.
func (b *batch) decide(t *transaction) error {
	accounts := make(map[ledger.Key]*account, len(t.accounts))
	for _, a := range t.accounts {
		accounts[a.key] = a
	}
	var other []moment // accounts that were last summed up for another period
	for _, c := range b.calls {
		a := accounts[c.key]
		if a != nil && !a.blocked && c.kind == reserve && a.exists && !(a.summed && a.state.Period == c.period) &&
			!slices.ContainsFunc(other, func(m moment) bool { return m.account == a }) {
			other = append(other, moment{a, c.period, c.now})
		}
	}
	if err := t.enter(other...); err != nil {
		return err
	}
	for _, c := range b.calls {
		if a := accounts[c.key]; a != nil && !a.blocked {
			if err := c.apply(a, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply makes a call on its account. An error is the transaction's.
func (c *call) apply(a *account, t *transaction) error {
	c.err = nil
	switch c.kind {
	case reserve:
		if err := t.advance(moment{a, c.period, c.now}); err != nil {
			return err
		}
		c.reserve(a, &t.l.cache)
	case pass:
		if err := t.enter(moment{a, c.period, c.now}); err != nil {
			return err
		}
		if !c.counted {
			c.pass(a)
		}
	case readSettings:
		c.settings, c.err = t.l.cache.decode(a)
	case readAccount:
		return c.readAccount(a, t)
	case settle:
		return c.settle(a, t)
	case settleAtHold:
		if h := a.hold(c.id); h != nil {
			c.actual = ledger.Actual{Amounts: h.Amounts}
			return c.settle(a, t)
		}
	case release:
		c.release(a)
	}
	return nil
}

// look views the account in the period of a moment. It does so on a copy: who only looks
// must not bring the account into a period that others have not come to.
func (c *call) readAccount(a *account, t *transaction) error {
	settings, err := t.l.cache.decode(a)
	if err != nil {
		c.err = err
		return nil
	}
	seen := *a
	seen.state = seen.view(nil).State
	if err := t.advance(moment{&seen, c.period, c.now}); err != nil {
		return err
	}
	c.account = seen.view(settings)
	return nil
}

func (c *call) reserve(a *account, cache *cache) {
	if !cache.confirm(a, c.settings) {
		c.err = ledger.ErrStale
		if c.settings == nil { // what is set was asked for too: see newBatch
			_, _ = cache.decode(a) // so that it is known when it is asked for next, or fails there
		}
		return
	}
	c.res = &ledger.Reservation{Key: c.key, Rules: c.rules}
	c.res.Decision = limit.Decide(&a.state, c.rules, c.ask, c.now)
	if c.res.Decision.Refusal != limit.Admitted {
		return
	}
	h := &c.res.Decision.Hold
	h.ID, c.res.ID = c.id, c.id
	burst := a.state.Burst
	a.state.Admit(*h, c.now)
	a.markKnown(c.now)
	a.changed = a.changed || a.newPeriod || !burst.Equal(a.state.Burst)
}

func (c *call) settle(a *account, t *transaction) error {
	h := a.hold(c.id)
	if h == nil {
		return nil
	}
	if c.rules != nil {
		// What is left of the allowance is looked up in the period of the admission, whatever
		// the project has made of it since.
		if err := t.enter(moment{a, c.rules.Period, h.At}); err != nil {
			return err
		}
	}
	if done, _ := a.state.Settle(c.id, c.actual.Amounts, c.rules); !done.IsZero() {
		a.changed = true
		a.use(usageOf(done, c.actual))
	}
	return nil
}

// hold returns a running one, or nil.
func (a *account) hold(id uint64) *limit.Hold {
	for i := range a.state.Holds {
		if a.state.Holds[i].ID == id {
			return &a.state.Holds[i]
		}
	}
	return nil
}

func usageOf(s limit.Settlement, actual ledger.Actual) usage {
	return usage{
		hour: hourOf(s.Hold.At), model: s.Model, tier: s.Hold.Tier,
		counted: s.Counted, credited: s.Credited,
		input: bounded(actual.InputTokens), output: bounded(actual.OutputTokens),
	}
}

func (c *call) release(a *account) {
	if !a.exists && c.fence {
		// What may still be on its way in a connection that broke would make this row.
		// It cannot, where it is there.
		a.changed = true
		return
	}
	burst := a.state.Burst
	if _, ok := a.state.Release(c.id); ok && !burst.Equal(a.state.Burst) {
		a.changed = true
	}
}

// pass counts what a request has used that nobody has decided on, and notes that it has: a
// transaction of which nobody knows whether it was committed can be made again then.
func (c *call) pass(a *account) {
	h := limit.Hold{ID: c.id, Model: c.rules.Model, Tier: c.ask.Tier, At: c.now}
	if h.At.Before(a.state.Start) {
		h.At = a.state.Start
	}
	for m, n := range c.actual.Amounts {
		h.Amounts[m] = bounded(n)
	}
	a.state.Admit(h, c.now)
	a.markKnown(c.now)
	done, _ := a.state.Settle(c.id, c.actual.Amounts, c.rules)
	a.changed = true
	a.use(usageOf(done, c.actual))
	a.passedIDs = append(a.passedIDs, c.id)
}

// join adds another passed request to this one, where both are of one row of usage.
func (c *call) join(o *call) bool {
	if c.kind != pass || o.kind != pass || c.commitUnknown || c.rules.Model != o.rules.Model || c.rules.Period != o.rules.Period ||
		c.ask.Tier != o.ask.Tier || hourOf(c.now) != hourOf(o.now) {
		return false
	}
	c.actual = ledger.Actual{
		Amounts:      c.actual.Amounts.Add(o.actual.Amounts),
		InputTokens:  bounded(c.actual.InputTokens + o.actual.InputTokens),
		OutputTokens: bounded(c.actual.OutputTokens + o.actual.OutputTokens),
	}
	return true
}

// kind is what a call asks for.
type kind uint8

const (
	reserve kind = iota
	settle
	release
	settleAtHold // settle as it stands
	pass         // count what was not decided on
	readSettings // Settings
	readAccount  // Account
	barrier      // only its turn
)

// call is one thing that is asked of the ledger, on its way through the queue.
type call struct {
	kind          kind
	key           ledger.Key
	id            uint64 // of the hold
	period        limit.Period
	now           time.Time
	settings      *ledger.Settings
	rules         *limit.Rules
	ask           limit.Ask
	actual        ledger.Actual
	fence         bool // whether the hold was ever made is not known
	commitUnknown bool // whether what passed has been counted is not known,
	counted       bool // and now it is

	res     *ledger.Reservation
	account ledger.Account
	err     error

	answer    chan struct{} // nil where nobody waits
	deadline  time.Time     // for who waits
	abandoned bool          // nobody waits any more; belongs to the queue's mutex
	answered  bool          // likewise
}
