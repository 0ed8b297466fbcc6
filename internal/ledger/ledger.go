// Package ledger decides on requests and keeps the usage, credits and settings of every identity.
//
// A request is reserved before it is forwarded and settled, or released, when it ends.
// The invariants, which ledgertest tries to break on every store:
//
//   - admitted ≤ limit, for every limit in force, at every instant
//   - a refused request changes nothing
//   - a released request leaves no trace; a request settled with no usage keeps only its
//     place in the burst bucket
//   - settling twice equals settling once
//   - every reservation ends: it is settled or released or, if its process died, settled at
//     its hold when a process next looks for orphans
//   - held returns to zero when nothing runs, and nothing is ever negative
//   - once Durable has returned, a reservation outlives its process
//   - the same calls in the same order give the same decisions on every store
//
// Package limit makes the decisions; a store makes them atomic and keeps them.
package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// Errors of ledgers. Test for them with errors.Is.
var (
	// ErrUnavailable means that the ledger cannot decide or keep anything now. Nothing was counted.
	ErrUnavailable = errors.New("ledger unavailable")
	// ErrLocked comes with ErrUnavailable where only this account is unavailable: a session
	// that is no node keeps it locked.
	ErrLocked = errors.New("the account is locked by another session")
	// ErrStale means that the identity's settings changed after the request was resolved.
	// Nothing was counted; Settings returns the current ones.
	ErrStale = errors.New("the identity's settings have changed")
	// ErrUnknown is returned by an Apply for an identity that does not exist.
	ErrUnknown = errors.New("unknown identity")
	// ErrReused means that the idempotency key was used for a different request before.
	ErrReused = errors.New("idempotency key was used for a different request")
)

// Unavailable wraps an error of a store as ErrUnavailable, with the name of the step. It does
// not wrap context.Canceled: a caller that went away is no fault of the store.
func Unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err)
}

// Key names an account: one identity in one project.
type Key struct{ Project, Identity string }

// Compare orders keys. Accounts are locked in this order.
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

// Settings are a developer's settings for one identity. They are replaced, never changed in
// place, so a pointer to them may be read without a lock.
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

// Text returns the settings as stores keep them. Metadata stay as they were sent: json.Marshal would write their < and & in
// another way.
func (s *Settings) Text() (string, error) {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return "", fmt.Errorf("settings of an identity: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// Request asks to reserve.
type Request struct {
	Key      Key
	Settings *Settings // the pointer that Settings returned and Rules were resolved from
	Rules    *limit.Rules
	Ask      limit.Ask
	Now      time.Time
}

// Reservation is the outcome of Reserve. Unless Decision.Refusal is limit.Admitted, nothing
// was reserved, and there is nothing to settle or release.
type Reservation struct {
	ID       uint64
	Key      Key
	Decision limit.Decision
	Rules    *limit.Rules

	// Commit, if not nil, waits until the reservation survives the death of the process.
	Commit interface {
		Wait(ctx context.Context) error
	}
}

// Durable waits until the reservation, or the settlement that replaced it, survives the
// death of the process. The first byte of an answer waits for it. It returns
// ErrUnavailable if the reservation could not be kept.
func (r *Reservation) Durable(ctx context.Context) error {
	if r.Commit == nil {
		return nil
	}
	return r.Commit.Wait(ctx)
}

// Passed is the Commit of a reservation that was made by Pass.
type Passed struct{ ended atomic.Bool }

// Wait returns nil at once: no answer may wait for a store that is unavailable.
func (p *Passed) Wait(context.Context) error { return nil }

// End reports whether the reservation ends with this call.
func (p *Passed) End() bool { return !p.ended.Swap(true) }

// Actual is the real usage of a request.
type Actual struct {
	Amounts                   limit.Amounts
	InputTokens, OutputTokens int64 // parts of the tokens in Amounts, for the statistics
}

// Account is everything that a ledger keeps of one identity.
type Account struct {
	Key                  Key
	Known                bool      // was created or made a request, and was not deleted since
	Settings             *Settings // nil if nothing was set
	CreatedAt, UpdatedAt time.Time // zero if unknown
	State                limit.State

	tookRequests, tookTokens bool
}

// Reset removes the usage of the current period and returns its sum.
func (a *Account) Reset(requests, tokens bool) limit.Amounts {
	a.tookRequests, a.tookTokens = a.tookRequests || requests, a.tookTokens || tokens
	var sum limit.Amounts
	for _, u := range a.State.Reset(requests, tokens) {
		sum = sum.Add(u.Counted).Add(u.Credited)
	}
	return sum
}

// TookBack returns what Reset removed from the period, for a store to write.
func (a *Account) TookBack() (requests, tokens bool) { return a.tookRequests, a.tookTokens }

// Change alters accounts, all or none, between one request's decision and the next.
type Change struct {
	Keys   []Key        // at least one, in any order, all of one project; a duplicate is an error
	Period limit.Period // of the project
	Now    time.Time

	// Once, if not nil, makes sure that the change is applied only once.
	Once *Once

	// Apply alters copies of the accounts, in the order of Keys. It must be a pure function
	// of them. If it returns an error, nothing is changed and Change returns the error.
	Apply func(accounts []*Account) (Outcome, error)
}

// Once identifies a change that a client may send several times.
type Once struct {
	Key         string
	Fingerprint [32]byte // of the request: the same key with another fingerprint is ErrReused
}

// Outcome is the answer to a change. It is kept with the change, so that a repetition gets the same answer.
type Outcome struct {
	Status int
	Body   []byte
	Audit  []Entry
}

// Ledger is implemented by every store.
type Ledger interface {
	// Settings returns the settings of an identity, or nil if nothing is set. It avoids
	// waiting: the settings may be out of date if another node has changed them. If known is
	// false, the store was not asked, and nil is only likely. Reserve returns ErrStale in
	// both cases; Account always returns the current settings.
	Settings(ctx context.Context, key Key) (settings *Settings, known bool, err error)
	// Reserve decides on a request and, if it is admitted, holds the amounts that it may use.
	// It returns ErrUnavailable if it cannot decide, and ErrStale if the identity's settings
	// are no longer those of the request.
	Reserve(ctx context.Context, req Request) (*Reservation, error)
	// Pass lets a request through without a decision, for projects that prefer this to a
	// refusal after ErrUnavailable. Nothing is held. The usage given to Settle is counted
	// once the store is available, and lost if the process ends before.
	Pass(req Request) *Reservation
	// Settle ends a reservation with the request's usage. A request without usage, for example
	// because the provider refused it, keeps its place in the burst bucket. Of several calls to
	// Settle and Release with one reservation, only the first has an effect.
	Settle(ctx context.Context, res *Reservation, actual Actual) error
	// Release ends a reservation whose request was never made.
	Release(ctx context.Context, res *Reservation) error
	// Account returns a copy of an identity's account, in the period that contains now.
	Account(ctx context.Context, key Key, period limit.Period, now time.Time) (Account, error)
	// Accounts returns copies of several accounts in the order of their keys. It reads them together, which takes much less
	// time than as many calls of Account, and waits for no lock: an account is as it was at some moment of the call.
	Accounts(ctx context.Context, keys []Key, period limit.Period, now time.Time) ([]Account, error)
	// Change applies a change and returns when it is durable. If its Once was applied
	// before, it returns the outcome of that time. After ErrUnavailable or an error of ctx,
	// the change may have been applied or not: send it again with the same Once to find out.
	Change(ctx context.Context, c Change) (Outcome, error)
	// History returns the usage of one identity, in the order of time and names.
	History(ctx context.Context, s Span) ([]Bucket, error)
	// List returns the known identities that match, in the order of their names.
	List(ctx context.Context, f Find) (Found, error)
}
