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
		if a != nil && !a.blocked && c.ofPeriod() && a.exists && !(a.counted && a.state.Period == c.period) &&
			!slices.ContainsFunc(other, func(m moment) bool { return m.account == a }) {
			other = append(other, moment{a, c.period, c.now})
		}
	}
	if err := t.count(other); err != nil {
		return err
	}
	for _, c := range b.calls {
		a := accounts[c.key]
		if a == nil || a.blocked {
			continue
		}
		if c.ofPeriod() {
			if err := t.count([]moment{{a, c.period, c.now}}); err != nil {
				return err
			}
		}
		c.apply(a, t.l)
	}
	return nil
}

// apply makes a call on its account.
func (c *call) apply(a *account, l *Ledger) {
	c.err = nil
	switch c.kind {
	case reserve:
		c.reserve(a, l)
	case settle:
		c.settle(a)
	case stand:
		i := slices.IndexFunc(a.state.Holds, func(h limit.Hold) bool { return h.ID == c.id })
		if i >= 0 {
			c.actual = ledger.Actual{Amounts: a.state.Holds[i].Amounts}
			c.settle(a)
		}
	case release:
		c.release(a)
	case pass:
		c.pass(a)
	case look:
		var settings *ledger.Settings
		if settings, c.err = l.cache.decode(a); c.err == nil {
			c.account = a.view(settings)
		}
	}
}

func (c *call) reserve(a *account, l *Ledger) {
	if !l.cache.confirm(a, c.settings) {
		c.err = ledger.ErrStale
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
	a.see(c.now)
	a.changed = a.changed || a.moved || !burst.Equal(a.state.Burst)
}

func (c *call) settle(a *account) {
	done, ok := a.state.Settle(c.id, c.actual.Amounts, a.rules(c.rules))
	if !ok {
		return
	}
	a.changed = true
	a.use(usageOf(done, c.actual))
	if !a.counted {
		a.state.Used = nil
	}
}

// rules are those of a settlement, nil where what is left under them is not known.
func (a *account) rules(r *limit.Rules) *limit.Rules {
	if !a.counted {
		return nil
	}
	return r
}

func usageOf(s limit.Settlement, actual ledger.Actual) usage {
	return usage{
		hour: hourOf(s.Hold.At), model: s.Hold.Model, tier: s.Hold.Tier,
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

// pass counts what a request used that nobody has decided on.
func (c *call) pass(a *account) {
	at := c.now
	if at.Before(a.state.Start) {
		at = a.state.Start
	}
	a.state.Admit(limit.Hold{ID: c.id, Model: c.rules.Model, Tier: c.ask.Tier, At: at}, c.now)
	done, _ := a.state.Settle(c.id, c.actual.Amounts, nil)
	a.see(c.now)
	a.changed = true
	a.use(usageOf(done, c.actual))
}

// kind is what a call asks for.
type kind uint8

const (
	reserve kind = iota
	settle
	release
	stand   // settle as it stands
	pass    // count what was not decided on
	look    // Account
	barrier // only its turn
)

// call is one thing that is asked of the ledger, on its way through a partition.
type call struct {
	kind     kind
	key      ledger.Key
	id       uint64 // of the hold
	period   limit.Period
	now      time.Time
	settings *ledger.Settings
	rules    *limit.Rules
	ask      limit.Ask
	actual   ledger.Actual
	fence    bool // whether the hold was ever made is not known

	res     *ledger.Reservation
	account ledger.Account
	err     error

	answer   chan struct{} // nil where nobody waits
	deadline time.Time     // for who waits
	left     bool          // nobody waits any more; belongs to the partition's mutex
	answered bool          // likewise
}

// ofPeriod reports whether the call needs to know what was used in its period.
func (c *call) ofPeriod() bool { return c.kind == reserve || c.kind == look || c.kind == pass }
