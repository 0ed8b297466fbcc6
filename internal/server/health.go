package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	healthPoll = time.Second
	// After the last failure so much time without another is taken for the end of them: where the database refuses what
	// requests need, and takes everything else, the ledger is well again until the next request.
	healthQuiet = 5 * time.Second
)

// health tells the log when the ledger cannot do something any more, and why, and when that is over: once each, however
// many requests meet it.
type health struct {
	log     *slog.Logger
	healthy func() error // the ledger's

	mu       sync.Mutex
	limits   trouble // with every decision
	accounts trouble // with single accounts
	changes  trouble // with what the control plane asks for
}

// trouble is something that the ledger cannot do.
type trouble struct {
	begins, ends string // what the log says
	away         bool
	since, last  time.Time // the first and the last failure
	calls        int       // that have failed
}

func newHealth(log *slog.Logger, healthy func() error) *health {
	return &health{
		log: log, healthy: healthy,
		limits:   trouble{begins: "limits cannot be checked", ends: "limits can be checked again"},
		accounts: trouble{begins: "an identity's limits cannot be checked", ends: "no locked account has been met for a while"},
		changes:  trouble{begins: "identities cannot be changed or listed", ends: "identities can be changed and listed again"},
	}
}

// run looks at the ledger until ctx ends: it may be away without anybody asking it for anything.
func (h *health) run(ctx context.Context) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.look(now)
		}
	}
}

func (h *health) look(now time.Time) {
	err := h.healthy()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.fails(&h.limits, now, err)
	}
	for _, t := range []*trouble{&h.limits, &h.accounts} {
		if now.Sub(t.last) >= healthQuiet {
			h.over(t)
		}
	}
}

// decided takes note of what a call has come to that a request needs.
func (h *health) decided(err error) {
	switch {
	case !errors.Is(err, ledger.ErrUnavailable):
	case errors.Is(err, ledger.ErrLocked):
		h.met(&h.accounts, err)
	default:
		h.met(&h.limits, err)
	}
}

// changed takes note of what a call has come to that only the control plane needs. They are so rare that only one that
// succeeds tells that others may.
func (h *health) changed(err error) {
	switch {
	case err == nil:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.over(&h.changes)
	case !errors.Is(err, ledger.ErrUnavailable):
	case h.healthy() != nil:
		h.met(&h.limits, err)
	default:
		h.met(&h.changes, err)
	}
}

func (h *health) met(t *trouble, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails(t, time.Now(), err)
	t.calls++
}

// over needs the mutex.
func (h *health) over(t *trouble) {
	if !t.away {
		return
	}
	h.log.Info(t.ends, "after", t.last.Sub(t.since), "failed_calls", t.calls)
	t.away, t.calls = false, 0
}

// fails needs the mutex.
func (h *health) fails(t *trouble, now time.Time, err error) {
	if !t.away {
		t.away, t.since = true, now
		h.log.Error(t.begins, "error", err)
	}
	t.last = now
}

// watched is a ledger whose failures are met.
type watched struct {
	ledger.Ledger
	health *health
}

// Settings implements ledger.Ledger.
func (w watched) Settings(ctx context.Context, key ledger.Key) (*ledger.Settings, bool, error) {
	s, known, err := w.Ledger.Settings(ctx, key)
	w.health.decided(err)
	return s, known, err
}

// Reserve implements ledger.Ledger.
func (w watched) Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error) {
	r, err := w.Ledger.Reserve(ctx, req)
	w.health.decided(err)
	return r, err
}

// Account implements ledger.Ledger.
func (w watched) Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error) {
	a, err := w.Ledger.Account(ctx, key, period, now)
	w.health.decided(err)
	return a, err
}

// Change implements ledger.Ledger.
func (w watched) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	o, err := w.Ledger.Change(ctx, c)
	w.health.changed(err)
	return o, err
}

// List implements ledger.Ledger.
func (w watched) List(ctx context.Context, f ledger.Find) (ledger.Found, error) {
	found, err := w.Ledger.List(ctx, f)
	w.health.changed(err)
	return found, err
}
