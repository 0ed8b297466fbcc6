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
	// A failure is over after healthQuiet without another one. The ledger's own health is not enough: if the database
	// refuses only the statements of requests, the ledger is healthy until the next request.
	healthQuiet = 5 * time.Second
)

// health logs when calls of the ledger begin to fail, with the error, and when they work again. It logs each once,
// however many requests fail.
type health struct {
	log     *slog.Logger
	healthy func() error // the ledger's

	mu       sync.Mutex
	limits   outage // of all decisions
	accounts outage // of decisions about single accounts
	changes  outage // of the control plane's calls
}

// outage is a kind of call that fails.
type outage struct {
	begins, ends string // log messages
	ongoing      bool
	since, last  time.Time // the first and the last failure
	calls        int       // failed calls
}

func newHealth(log *slog.Logger, healthy func() error) *health {
	return &health{
		log: log, healthy: healthy,
		limits:   outage{begins: "limits unavailable", ends: "limits available again"},
		accounts: outage{begins: "account locked: its limits unavailable", ends: "no account locked recently"},
		changes:  outage{begins: "changes and lists of identities unavailable", ends: "changes and lists of identities available again"},
	}
}

// run checks the ledger until ctx ends, because it may fail while no request comes.
func (h *health) run(ctx context.Context) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.check(now)
		}
	}
}

func (h *health) check(now time.Time) {
	err := h.healthy()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.fails(&h.limits, now, err)
	}
	for _, o := range []*outage{&h.limits, &h.accounts} {
		if now.Sub(o.last) >= healthQuiet {
			h.over(o)
		}
	}
}

// decided notes the error of a call for a request.
func (h *health) decided(err error) {
	switch {
	case !errors.Is(err, ledger.ErrUnavailable):
	case errors.Is(err, ledger.ErrLocked):
		h.failed(&h.accounts, err)
	default:
		h.failed(&h.limits, err)
	}
}

// changed notes the error of a call for the control plane. These calls are rare, so only a successful one ends an
// outage.
func (h *health) changed(err error) {
	switch {
	case err == nil:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.over(&h.changes)
	case !errors.Is(err, ledger.ErrUnavailable):
	case h.healthy() != nil:
		h.failed(&h.limits, err)
	default:
		h.failed(&h.changes, err)
	}
}

func (h *health) failed(o *outage, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails(o, time.Now(), err)
	o.calls++
}

// over needs the mutex.
func (h *health) over(o *outage) {
	if !o.ongoing {
		return
	}
	h.log.Info(o.ends, "after", o.last.Sub(o.since), "failed_calls", o.calls)
	o.ongoing, o.calls = false, 0
}

// fails needs the mutex.
func (h *health) fails(o *outage, now time.Time, err error) {
	if !o.ongoing {
		o.ongoing, o.since = true, now
		h.log.Error(o.begins, "error", err)
	}
	o.last = now
}

// watched is a ledger that reports its failures to health.
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

// Accounts implements ledger.Ledger.
func (w watched) Accounts(ctx context.Context, keys []ledger.Key, period limit.Period, now time.Time) ([]ledger.Account, error) {
	as, err := w.Ledger.Accounts(ctx, keys, period, now)
	w.health.changed(err)
	return as, err
}

// Change implements ledger.Ledger.
func (w watched) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	o, err := w.Ledger.Change(ctx, c)
	w.health.changed(err)
	return o, err
}

// History implements ledger.Ledger.
func (w watched) History(ctx context.Context, s ledger.Span) ([]ledger.Bucket, error) {
	found, err := w.Ledger.History(ctx, s)
	w.health.changed(err)
	return found, err
}

// List implements ledger.Ledger.
func (w watched) List(ctx context.Context, f ledger.Find) (ledger.Found, error) {
	found, err := w.Ledger.List(ctx, f)
	w.health.changed(err)
	return found, err
}
