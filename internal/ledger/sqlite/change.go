package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// Change implements ledger.Ledger.
func (l *Ledger) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	if l.writer.failure() != nil {
		return ledger.Outcome{}, ledger.ErrUnavailable
	}
	if c.Once != nil {
		release, err := l.once.enter(ctx, onceKey{c.Keys[0].Project, c.Once.Key})
		if err != nil {
			return ledger.Outcome{}, err
		}
		defer release()
		if out, found, err := l.applied(ctx, c.Keys[0].Project, c.Once); found || err != nil {
			return out, err
		}
	}
	accounts, err := l.lockAll(ctx, c)
	if err != nil {
		return ledger.Outcome{}, err
	}
	outcome, batch, err := l.apply(accounts, c)
	for _, a := range accounts {
		a.mu.Unlock()
	}
	if err != nil {
		return ledger.Outcome{}, err
	}
	return outcome, batch.Wait(ctx)
}

// lockAll locks the accounts of a change in the order of their keys and returns them in
// that of the change.
func (l *Ledger) lockAll(ctx context.Context, c ledger.Change) ([]*account, error) {
	order := slices.SortedFunc(slices.Values(c.Keys), ledger.Key.Compare)
	locked := make(map[ledger.Key]*account, len(order))
	for _, key := range order {
		a, err := l.lockCounted(ctx, key, c.Period, c.Now)
		if err != nil {
			for _, a := range locked {
				a.mu.Unlock()
			}
			return nil, err
		}
		locked[key] = a
	}
	accounts := make([]*account, len(c.Keys))
	for i, key := range c.Keys {
		accounts[i] = locked[key]
	}
	return accounts, nil
}

func (l *Ledger) apply(accounts []*account, c ledger.Change) (ledger.Outcome, *batch, error) {
	views := make([]*ledger.Account, len(accounts))
	for i, a := range accounts {
		views[i] = a.view()
	}
	outcome, err := c.Apply(views)
	if err != nil {
		return ledger.Outcome{}, nil, err
	}
	for i, a := range accounts {
		v := views[i]
		a.state = v.State
		a.row = row{stored: true, known: v.Known, settings: v.Settings, createdAt: v.CreatedAt, updatedAt: v.UpdatedAt}
	}
	b := l.writer.recordAll(accounts, func(b *batch, deltas []*delta) {
		for i, a := range accounts {
			deltas[i].setRow(a)
			for _, u := range views[i].TakenBack() {
				deltas[i].use(takeBack(u, c.Now))
			}
		}
		for _, e := range outcome.Audit {
			b.entries = append(b.entries, entry{c.Keys[0].Project, c.Now, e})
		}
		if c.Once != nil {
			b.onces = append(b.onces, onceRow{c.Keys[0].Project, c.Once, outcome, c.Now})
		}
	})
	return outcome, b, nil
}

// takeBack is the row of the usage table that cancels u in sums from now on. It stands in
// the hour of the reset and so in every period that the reset belongs to.
func takeBack(u limit.ModelUsage, now time.Time) usage {
	return usage{
		hour: now.Unix() / hourSeconds, model: u.Model, takenBack: true,
		counted: limit.Amounts{}.Sub(u.Counted), credited: limit.Amounts{}.Sub(u.Credited),
	}
}

// applied looks up whether a change was applied before.
func (l *Ledger) applied(ctx context.Context, project string, once *ledger.Once) (ledger.Outcome, bool, error) {
	var (
		fingerprint []byte
		out         ledger.Outcome
	)
	err := l.reads.once.QueryRowContext(ctx, project, once.Key).Scan(&fingerprint, &out.Status, &out.Body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return out, false, nil
	case err != nil:
		return out, false, unavailable("look up an idempotency key", err)
	case string(fingerprint) != string(once.Fingerprint[:]):
		return out, true, ledger.ErrReused
	}
	return out, true, nil
}

// List implements ledger.Ledger.
func (l *Ledger) List(ctx context.Context, project, search string, limit, offset int) ([]string, int, error) {
	var total int
	if err := l.reads.count.QueryRowContext(ctx, project, search).Scan(&total); err != nil {
		return nil, 0, unavailable("count identities", err)
	}
	rows, err := l.reads.list.QueryContext(ctx, project, search, limit, offset)
	if err != nil {
		return nil, 0, unavailable("list identities", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	names := make([]string, 0, limit)
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, 0, unavailable("list identities", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, unavailable("list identities", err)
	}
	return names, total, nil
}

// onceFlights lets one change with an idempotency key run at a time: the next one finds
// what it left.
type onceFlights struct {
	mu      sync.Mutex
	running map[onceKey]chan struct{}
}

type onceKey struct{ project, key string }

func (f *onceFlights) enter(ctx context.Context, k onceKey) (release func(), err error) {
	for {
		f.mu.Lock()
		running, busy := f.running[k]
		if !busy {
			if f.running == nil {
				f.running = make(map[onceKey]chan struct{})
			}
			done := make(chan struct{})
			f.running[k] = done
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				delete(f.running, k)
				f.mu.Unlock()
				close(done)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
