package gateway

import (
	"context"
	"errors"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

// subject is the caller of a request and the settings that apply.
type subject struct {
	caller   identity.Caller
	settings *ledger.Settings
	assumed  bool // the identity's settings were not read: it is assumed to have none
	exempt   bool // no limit refuses the request, by the last read of the account
	tier     *project.Tier
}

// identify reads the identity's settings, from its account if fresh, and refuses a
// disabled identity.
func (c *call) identify(ctx context.Context, fresh bool) (err error) {
	if c.settings, err = c.readSettings(ctx, fresh); err != nil {
		return asUnavailable(err)
	}
	return c.asker().CheckEnabled()
}

// asker is the subject as the shared decisions see it.
func (c *call) asker() admission.Subject {
	return admission.Subject{Project: c.caller.Project, Identity: c.caller.Identity, Settings: c.settings, Tier: c.tier}
}

// readSettings returns the identity's settings. Unless fresh, they may come from a cache
// or be assumed, and the reservation checks them. While the ledger is unavailable and the
// project fails open, they are the last known ones.
func (c *call) readSettings(ctx context.Context, fresh bool) (*ledger.Settings, error) {
	c.assumed = false
	if fresh {
		account, err := c.account(ctx)
		if err == nil || !c.passes(err) {
			return account.Settings, err
		}
	}
	settings, known, err := c.g.Ledger.Settings(ctx, c.key())
	c.assumed = !known && !fresh && err == nil
	if err != nil && !c.passes(err) {
		return nil, err
	}
	return settings, nil
}

// account reads the identity's account, which alone says whether the identity is exempt from
// limits. It ignores ctx's end: a client that half closed its connection still gets the answer.
func (c *call) account(ctx context.Context) (ledger.Account, error) {
	account, err := c.g.Ledger.Account(context.WithoutCancel(ctx), c.key(), c.caller.Project.Period, c.start)
	c.exempt = err == nil && account.State.Unlimited(c.start)
	return account, err
}

// passes reports whether the project lets the request through although err keeps its limits from being checked.
func (c *call) passes(err error) bool {
	return c.caller.Project.FailOpen && errors.Is(err, ledger.ErrUnavailable) && !errors.Is(err, context.Canceled)
}

// selectTier finds the tier: the one in the identity's settings, else the one that the
// request claims, else the project's default.
func (c *call) selectTier() (err error) {
	if c.caller.BadTier != nil {
		return c.caller.BadTier
	}
	c.tier, err = identity.Tier(c.caller.Project, c.settings, c.caller.Tier)
	return err
}
