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

// health tells the log when the ledger can do nothing any more, and why, and when it can again: once each, however many
// requests meet it.
type health struct {
	log *slog.Logger

	mu    sync.Mutex
	away  bool
	since time.Time // of the first failure
	last  time.Time // and the last
	calls int       // that have failed
}

func newHealth(log *slog.Logger) *health { return &health{log: log} }

// run looks at the ledger until ctx ends: it may be away without anybody asking it for anything.
func (h *health) run(ctx context.Context, healthy func() error) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.look(now, healthy())
		}
	}
}

func (h *health) look(now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		h.fails(now, err)
	case h.away && now.Sub(h.last) >= healthQuiet:
		h.log.Info("limits can be checked again", "after", h.last.Sub(h.since), "failed_calls", h.calls)
		h.away, h.calls = false, 0
	}
}

// met takes note of what a call of the ledger has come to.
func (h *health) met(err error) {
	if err == nil || !errors.Is(err, ledger.ErrUnavailable) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails(time.Now(), err)
	h.calls++
}

// fails needs the mutex.
func (h *health) fails(now time.Time, err error) {
	if !h.away {
		h.away, h.since = true, now
		h.log.Error("limits cannot be checked", "error", err)
	}
	h.last = now
}

// watched is a ledger whose failures are met.
type watched struct {
	ledger.Ledger
	health *health
}

// Settings implements ledger.Ledger.
func (w watched) Settings(ctx context.Context, key ledger.Key) (*ledger.Settings, bool, error) {
	s, known, err := w.Ledger.Settings(ctx, key)
	w.health.met(err)
	return s, known, err
}

// Reserve implements ledger.Ledger.
func (w watched) Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error) {
	r, err := w.Ledger.Reserve(ctx, req)
	w.health.met(err)
	return r, err
}

// Account implements ledger.Ledger.
func (w watched) Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error) {
	a, err := w.Ledger.Account(ctx, key, period, now)
	w.health.met(err)
	return a, err
}

// Change implements ledger.Ledger.
func (w watched) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	o, err := w.Ledger.Change(ctx, c)
	w.health.met(err)
	return o, err
}

// List implements ledger.Ledger.
func (w watched) List(ctx context.Context, project, search string, limit, offset int) ([]string, int, error) {
	names, n, err := w.Ledger.List(ctx, project, search, limit, offset)
	w.health.met(err)
	return names, n, err
}
