package gateway

import (
	"context"
	"errors"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// reservation is the decision of the limits, and what was counted.
type reservation struct {
	est      estimate
	rules    limit.Rules
	decision *limit.Decision
	res      *ledger.Reservation
	charged  ledger.Actual
	passed   bool // let through without a decision, because limits are unknown
	held     bool // counted in Gateway.holding
	ended    bool // the reservation has been settled or released
}

// maxResolutions bounds how often a request is decided on while its identity's settings keep changing.
const maxResolutions = 5

// admit decides on the request under the identity's settings at the moment of the decision, and returns the edit that the
// body needs. If the settings were assumed or have changed meanwhile, admit reads them and decides again.
func (c *call) admit(ctx context.Context, query string) (edit wire.Edit, err error) {
	for range maxResolutions {
		edit, err = c.decide(ctx, query)
		stale := errors.Is(err, ledger.ErrStale)
		if err == nil || !stale && !c.assumed {
			return edit, err
		}
		if err := c.identify(ctx, !stale); err != nil {
			return edit, err
		}
		if !stale && c.settings == nil && !c.exempt { // the identity has no settings, as was assumed
			return edit, err
		}
	}
	return edit, asUnavailable(ledger.ErrStale)
}

// decide takes the steps that depend on the identity's settings.
func (c *call) decide(ctx context.Context, query string) (edit wire.Edit, err error) {
	if err := c.selectTier(); err != nil {
		return edit, err
	}
	c.instruct()
	if err := c.route(query); err != nil {
		return edit, err
	}
	if c.refused != nil {
		return edit, c.refused
	}
	if err := c.judge(); err != nil {
		return edit, err
	}
	edit = c.baseEdit()
	err = c.reserve(ctx, &edit)
	return edit, err
}

// reserve resolves the limits in force and reserves the request's estimate, or returns the
// refusal or ledger.ErrStale. Under strict enforcement it adds the output cap to the edit.
// An unmetered request is reserved only if a limit on burst or concurrency is in force.
func (c *call) reserve(ctx context.Context, edit *wire.Edit) error {
	p := c.caller.Project
	c.now = c.g.Now()
	c.at.Decided = max(1, c.now.Sub(c.start))
	asker := c.asker()
	c.rules = asker.Rules(c.target.Model)
	if !c.ep.Metered() {
		if !c.rules.Paced() {
			return nil
		}
		return c.ask(ctx, limit.Ask{Tier: asker.TierName(), Free: true})
	}
	c.est = c.estimateOf()
	waived, err := c.waive(ctx)
	if err != nil {
		return err
	}
	ask := limit.Ask{Tier: asker.TierName(), Estimate: c.est.ask()}
	if p.Strict {
		ask.Estimate, ask.Minimum = c.est.askStrict(c.ep.Operation, c.env.Answers)
	}
	if err := c.ask(ctx, ask); err != nil || c.passed {
		return err
	}
	if h := &c.decision.Hold; waived != nil && (h.Limited(limit.Tokens) || h.Limited(limit.Cost)) {
		c.release() // the exemption has ended since the settings were read
		return waived
	}
	if p.Strict && generates(c.ep.Operation) {
		c.capOutput(edit)
	}
	return nil
}

// ask lets the ledger decide, and returns the refusal or ledger.ErrStale. While the ledger is
// unavailable and the project fails open, it lets the call through.
func (c *call) ask(ctx context.Context, ask limit.Ask) error {
	req := ledger.Request{Key: c.key(), Settings: c.settings, Rules: &c.rules, Ask: ask, Now: c.now}
	res, err := c.g.Ledger.Reserve(ctx, req)
	c.assumed = false // the ledger has read the settings, or cannot
	switch {
	case errors.Is(err, ledger.ErrStale):
		return err
	case err != nil && c.passes(err):
		c.pass(req)
		return nil
	case err != nil:
		return asUnavailable(err)
	}
	c.decision = &res.Decision
	if res.Decision.Refusal != limit.Admitted {
		return c.asker().Refusal(&res.Decision, c.target.Model, c.now)
	}
	c.res = res
	c.held = true
	c.g.holding.Add(1)
	return nil
}

// pass lets the request through without a decision, and marks the answer.
func (c *call) pass(req ledger.Request) {
	c.passed, c.res = true, c.g.Ledger.Pass(req)
	c.w.Header().Set("X-Ratelimit-Unchecked", "true")
}

// settle ends the reservation with the usage. Only the first call of settle, settleFree or
// release has an effect.
func (c *call) settle(u used) {
	if !c.ep.Metered() {
		c.settleFree()
		return
	}
	c.charge(u.actual(c))
}

// settleFree ends the reservation of a request that was sent and costs nothing in the period.
func (c *call) settleFree() { c.charge(ledger.Actual{}) }

func (c *call) charge(actual ledger.Actual) {
	if c.res == nil || c.ended {
		return
	}
	c.ended, c.charged = true, actual
	c.uncount()
	// A client that leaves must not keep its usage from being counted.
	if err := c.g.Ledger.Settle(context.Background(), c.res, c.charged); err != nil {
		c.g.Log.Error("settlement failed", "request", c.id, "error", err)
	}
	if c.decision != nil { // nil for a request that was let through
		c.decision.Settle(c.charged.Amounts) // the headers show the usage, not the hold
	}
}

// release ends the reservation of a request that never reached the provider.
func (c *call) release() {
	if c.res == nil || c.ended {
		return
	}
	c.ended = true
	c.uncount()
	if err := c.g.Ledger.Release(context.Background(), c.res); err != nil {
		c.g.Log.Error("release failed", "request", c.id, "error", err)
	}
	if c.decision != nil { // nil for a request that was let through
		c.decision.Release()
	}
}
