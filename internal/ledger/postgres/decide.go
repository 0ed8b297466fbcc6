package postgres

import (
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// decide applies the calls of a batch, one after the other, to the locked accounts. It skips
// calls on blocked accounts.
func (b *batch) decide(t *transaction) error {
	accounts := make(map[ledger.Key]*account, len(t.accounts))
	for _, a := range t.accounts {
		accounts[a.key] = a
	}
	var other []moment // accounts whose usage was summed for another period
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

// apply makes a call on its account. If it returns an error, the transaction has failed.
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

// readAccount reads the account in the period of the call. It works on a copy: a read must
// not move the account into a new period.
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
		if c.settings == nil { // the settings were read: see newBatch
			_, _ = cache.decode(a) // into the cache, for the next call of Settings, which returns any error
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
		// The remaining allowance is that of the period at admission, even if the project has
		// changed its period since.
		if err := t.enter(moment{a, c.rules.Period, h.At}); err != nil {
			return err
		}
	}
	if done, _ := a.state.Settle(c.id, c.actual.Amounts, c.rules); !done.IsZero() {
		a.changed = true
		a.used = ledger.AddUsage(a.used, ledger.UsageOf(done, c.actual))
	}
	return nil
}

// hold returns the hold with an id, or nil.
func (a *account) hold(id uint64) *limit.Hold {
	for i := range a.state.Holds {
		if a.state.Holds[i].ID == id {
			return &a.state.Holds[i]
		}
	}
	return nil
}

func (c *call) release(a *account) {
	if !a.exists && c.fence {
		// A transaction on a broken connection may still be running and insert this row with
		// the hold. It fails if the row exists already.
		a.changed = true
		return
	}
	burst := a.state.Burst
	if _, ok := a.state.Release(c.id); ok && !burst.Equal(a.state.Burst) {
		a.changed = true
	}
}

// pass counts the usage of a request that passed without a decision, and stores that it is
// counted, so that the transaction can be retried after an unknown commit.
func (c *call) pass(a *account) {
	h := limit.Hold{ID: c.id, Model: c.rules.Model, Tier: c.ask.Tier, At: c.now}
	if h.At.Before(a.state.Start) {
		h.At = a.state.Start
	}
	for m, n := range c.actual.Amounts {
		h.Amounts[m] = ledger.Bounded(n)
	}
	a.state.Admit(h, c.now)
	a.markKnown(c.now)
	done, _ := a.state.Settle(c.id, c.actual.Amounts, c.rules)
	a.changed = true
	a.used = ledger.AddUsage(a.used, ledger.UsageOf(done, c.actual))
	a.passedIDs = append(a.passedIDs, c.id)
}

// join adds another passed request to this one, if both belong to the same row of usage. It
// reports whether they do.
func (c *call) join(o *call) bool {
	if c.kind != pass || o.kind != pass || c.commitUnknown || c.rules.Model != o.rules.Model || c.rules.Period != o.rules.Period ||
		c.ask.Tier != o.ask.Tier || ledger.HourOf(c.now) != ledger.HourOf(o.now) {
		return false
	}
	c.actual = ledger.Actual{
		Amounts:      c.actual.Amounts.Add(o.actual.Amounts),
		InputTokens:  ledger.Bounded(c.actual.InputTokens + o.actual.InputTokens),
		OutputTokens: ledger.Bounded(c.actual.OutputTokens + o.actual.OutputTokens),
	}
	return true
}

// kind is the purpose of a call.
type kind uint8

const (
	reserve kind = iota
	settle
	release
	settleAtHold // settle an orphan as it stands
	pass         // count a request that passed without a decision
	readSettings // for Ledger.Settings
	readAccount  // for Ledger.Account
	barrier      // do nothing: its answer shows that earlier calls are done
)

// call is one call of the ledger on its way through the queue.
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
	fence         bool // it is unknown whether the hold was made
	commitUnknown bool // it is unknown whether the passed request was counted
	counted       bool // the passed request was counted

	res     *ledger.Reservation
	account ledger.Account
	err     error

	answer    chan struct{} // nil if no caller waits
	deadline  time.Time     // for a caller that waits
	abandoned bool          // the caller waits no longer; the queue's mutex guards it
	answered  bool          // the answer was given; the queue's mutex guards it
}
