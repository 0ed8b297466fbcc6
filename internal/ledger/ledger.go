// Package ledger keeps what every identity may use and has used.
//
// A request is reserved before it is forwarded and settled, or released, when it ends.
// The invariants, which ledgertest tries to break on every store:
//
//   - admitted ≤ limit, for every limit in force, at every instant
//   - a refused request changes nothing; a released one leaves no trace, one that is settled
//     with nothing only its place in the burst bucket; settling twice equals settling once
//   - every reservation ends: settled, released or, when its process died, settled at
//     its hold when the store is next looked at
//   - held returns to zero when nothing runs, and nothing is ever negative
//   - once Durable has returned, a reservation outlives its process
//   - the same calls in the same order give the same decisions on every store
//
// The decisions themselves are limit's; a store makes them atomic and keeps them.
package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// Errors of ledgers, to be tested with errors.Is.
var (
	// ErrUnavailable means that nothing can be decided or kept now. Nothing was counted.
	ErrUnavailable = errors.New("ledger unavailable")
	// ErrLocked comes along with ErrUnavailable where it is this account that cannot be had:
	// something beside the nodes keeps it locked.
	ErrLocked = errors.New("the account is locked by another session")
	// ErrStale means that an identity's settings are no longer those that a request was
	// resolved with. Nothing was counted; Settings returns what they are now.
	ErrStale = errors.New("the identity's settings have changed")
	// ErrUnknown is for an Apply to return where an identity does not exist.
	ErrUnknown = errors.New("unknown identity")
	// ErrReused means that an idempotency key came with a different request before.
	ErrReused = errors.New("idempotency key was used for a different request")
)

// Unavailable wraps what a store could not do, and why, as ErrUnavailable. A caller that has
// gone away is no fault of the store's.
func Unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err)
}

// Key names an account: one identity in one project.
type Key struct{ Project, Identity string }

// Compare orders keys; accounts are locked in this order.
func (k Key) Compare(o Key) int {
	switch {
	case k.Project != o.Project && k.Project < o.Project:
		return -1
	case k.Project != o.Project:
		return 1
	case k.Identity < o.Identity:
		return -1
	case k.Identity > o.Identity:
		return 1
	}
	return 0
}

// Settings are what a developer has set for one identity. They are replaced, never
// changed in place, so a pointer to them may be read without a lock.
type Settings struct {
	Tier          string          `json:"tier,omitempty"`
	Level         limit.Level     `json:"level"`
	LimitResponse map[string]any  `json:"limitResponse,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Disabled      bool            `json:"disabled,omitempty"`
}

// UnmarshalJSON keeps numbers in a limit response as the developer wrote them.
func (s *Settings) UnmarshalJSON(data []byte) error {
	type plain Settings
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode((*plain)(s))
}

// Request asks to reserve.
type Request struct {
	Key      Key
	Settings *Settings // as Settings returned them, that Rules were resolved from
	Rules    *limit.Rules
	Ask      limit.Ask
	Now      time.Time
}

// Reservation is the outcome of Reserve. Where Decision.Refusal is not limit.Admitted
// nothing was reserved, and there is nothing to settle or release.
type Reservation struct {
	ID       uint64
	Key      Key
	Decision limit.Decision
	Rules    *limit.Rules

	// Commit, where not nil, waits until the reservation outlives the process.
	Commit interface {
		Wait(ctx context.Context) error
	}
}

// Durable waits until the reservation, or the settlement that has taken its place,
// outlives the process. An answer's first byte waits for it. It returns ErrUnavailable
// where the reservation could not be kept.
func (r *Reservation) Durable(ctx context.Context) error {
	if r.Commit == nil {
		return nil
	}
	return r.Commit.Wait(ctx)
}

// Passed is the Commit of a reservation that was made by Pass.
type Passed struct{ ended atomic.Bool }

// Wait returns nil at once: nobody may wait for a store that is away.
func (p *Passed) Wait(context.Context) error { return nil }

// End reports whether the reservation ends with this call.
func (p *Passed) End() bool { return !p.ended.Swap(true) }

// Actual is what a request really used.
type Actual struct {
	Amounts                   limit.Amounts
	InputTokens, OutputTokens int64 // of Amounts' tokens, for the statistics
}

// Account is what is kept of one identity.
type Account struct {
	Key                  Key
	Known                bool      // was created, or has been seen since it was deleted
	Settings             *Settings // nil where nothing was set
	CreatedAt, UpdatedAt time.Time // zero where not known
	State                limit.State

	tookRequests, tookTokens bool
}

// Reset takes back what was used in the current period and returns its sum.
func (a *Account) Reset(requests, tokens bool) limit.Amounts {
	a.tookRequests, a.tookTokens = a.tookRequests || requests, a.tookTokens || tokens
	var sum limit.Amounts
	for _, u := range a.State.Reset(requests, tokens) {
		sum = sum.Add(u.Counted).Add(u.Credited)
	}
	return sum
}

// TookBack returns what Reset has taken back of the period, for a store to write.
func (a *Account) TookBack() (requests, tokens bool) { return a.tookRequests, a.tookTokens }

// Change alters accounts, all or none, between one request's decision and the next.
type Change struct {
	Keys   []Key        // at least one, in any order, all of one project; one that stands twice is an error
	Period limit.Period // of the project
	Now    time.Time

	// Once, where not nil, makes sure that the change is applied once.
	Once *Once

	// Apply alters the accounts, which come in the order of Keys; they are copies. It
	// must be a pure function of them. An error drops everything and is returned.
	Apply func(accounts []*Account) (Outcome, error)
}

// Once identifies a change that may be sent several times.
type Once struct {
	Key         string
	Fingerprint [32]byte // of the request: the same key with another is ErrReused
}

// Outcome is what a change answers, kept beside it so that a repetition gets the same.
type Outcome struct {
	Status int
	Body   []byte
	Audit  []Entry
}

// Entry is a line in the audit trail.
type Entry struct {
	Identity, Action, Reason string
	Detail                   json.RawMessage
}

// Ledger is what a store provides.
type Ledger interface {
	// Settings returns what was set for an identity, or nil, without waiting if it can. It
	// may be what was set a while ago, as far as another node set something since. Where
	// known is false nobody has looked, and nil is no more than likely. Reserve tells of
	// both; Account tells what is set.
	Settings(ctx context.Context, key Key) (settings *Settings, known bool, err error)
	// Reserve decides on a request and sets aside what it needs. It returns
	// ErrUnavailable where it cannot, and ErrStale where the identity's settings are not
	// those of the request any more.
	Reserve(ctx context.Context, req Request) (*Reservation, error)
	// Pass lets a request through without a decision, for projects that prefer that to a
	// refusal after ErrUnavailable. Nothing is set aside. What Settle is told is counted as
	// soon as it can be, and lost where the process ends before that.
	Pass(req Request) *Reservation
	// Settle ends a reservation with what was used. Where that is nothing, as of a request that
	// the provider refused, the request has still taken its place in the burst bucket. Of several
	// calls to Settle and Release with one reservation the first counts.
	Settle(ctx context.Context, res *Reservation, actual Actual) error
	// Release ends a reservation whose request was never made.
	Release(ctx context.Context, res *Reservation) error
	// Account returns a copy of what is kept of an identity, in the period of now.
	Account(ctx context.Context, key Key, period limit.Period, now time.Time) (Account, error)
	// Change applies a change and returns when it is durable. Where its Once was
	// applied before it returns the outcome of that time. After ErrUnavailable, or an
	// error of ctx, it may be applied or not: who must know sends it again with a Once.
	Change(ctx context.Context, c Change) (Outcome, error)
	// List returns the known identities that are asked for, in the order of their names.
	List(ctx context.Context, f Find) (Found, error)
}
