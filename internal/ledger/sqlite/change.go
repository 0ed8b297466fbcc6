package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// Change implements ledger.Ledger.
func (l *Ledger) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	if l.writer.failure() != nil {
		return ledger.Outcome{}, ledger.ErrUnavailable
	}
	if c.Once == nil {
		return l.change(ctx, c, nil)
	}
	f, err := l.once.enter(ctx, onceKey{c.Keys[0].Project, c.Once.Key})
	if err != nil {
		return ledger.Outcome{}, err
	}
	defer f.leave()
	if out, found, err := l.applied(ctx, c.Keys[0].Project, c.Once); found || err != nil {
		return out, err
	}
	return l.change(ctx, c, f)
}

func (l *Ledger) change(ctx context.Context, c ledger.Change, f *flight) (ledger.Outcome, error) {
	accounts, err := l.lockAll(ctx, c)
	if err != nil {
		return ledger.Outcome{}, err
	}
	outcome, batch, err := l.apply(accounts, c, f)
	if err != nil {
		return ledger.Outcome{}, err
	}
	return outcome, batch.Wait(ctx)
}

// lockAll locks the accounts of a change in the order of their keys and returns them in
// that of the change.
func (l *Ledger) lockAll(ctx context.Context, c ledger.Change) ([]*account, error) {
	order := slices.SortedFunc(slices.Values(c.Keys), ledger.Key.Compare)
	if len(slices.Compact(order)) != len(c.Keys) {
		return nil, errors.New("a change names an identity twice")
	}
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

// apply applies a change to the accounts, which are locked, and unlocks them.
func (l *Ledger) apply(accounts []*account, c ledger.Change, f *flight) (ledger.Outcome, *batch, error) {
	defer func() {
		for _, a := range accounts {
			a.mu.Unlock()
		}
	}()
	views := make([]*ledger.Account, len(accounts))
	for i, a := range accounts {
		views[i] = a.view()
	}
	outcome, err := c.Apply(views)
	if err != nil {
		return ledger.Outcome{}, nil, err
	}
	rows := make([]row, len(accounts))
	for i, a := range accounts {
		rows[i] = a.row
		if err := rows[i].set(views[i]); err != nil {
			return ledger.Outcome{}, nil, err
		}
	}
	for i, a := range accounts {
		a.state, a.row = views[i].State, rows[i]
	}
	b := l.writer.recordAll(accounts, func(b *batch, deltas []*delta) {
		for i, a := range accounts {
			deltas[i].setRow(a)
			deltas[i].takeBack(views[i])
		}
		for _, e := range outcome.Audit {
			b.entries = append(b.entries, entry{c.Keys[0].Project, c.Now, e})
		}
		if f != nil {
			f.batch = b
			b.onces = append(b.onces, onceRow{c.Keys[0].Project, c.Once, outcome, c.Now, f.land})
		}
	})
	return outcome, b, nil
}

// takeBack notes what was reset of an account.
func (d *delta) takeBack(v *ledger.Account) {
	if requests, tokens := v.TookBack(); requests || tokens {
		start := v.State.Start
		d.reset = &reset{requests, tokens, hourOf(start), hourOf(v.State.Period.End(start))}
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

// flights lets one change with an idempotency key run at a time: the next one finds what
// it left in the file.
type flights struct {
	mu      sync.Mutex
	running map[onceKey]*flight
}

type onceKey struct{ project, key string }

// flight is a change that is on its way to the file. Its caller may leave before it has
// landed, and then nobody else may apply it meanwhile.
type flight struct {
	of    *flights
	key   onceKey
	left  chan struct{}
	batch *batch // that writes it, nil where it was not applied; to be read after left
}

func (fs *flights) enter(ctx context.Context, k onceKey) (*flight, error) {
	for {
		fs.mu.Lock()
		other := fs.running[k]
		if other == nil {
			own := &flight{of: fs, key: k, left: make(chan struct{})}
			fs.running[k] = own
			fs.mu.Unlock()
			return own, nil
		}
		fs.mu.Unlock()
		select {
		case <-other.left:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if other.batch != nil {
			if err := other.batch.Wait(ctx); err != nil {
				return nil, err
			}
		}
	}
}

// leave ends the part of the flight's caller.
func (f *flight) leave() {
	if f.batch == nil {
		f.land()
	}
	close(f.left)
}

// land ends the flight: it is in the file, or will never be.
func (f *flight) land() {
	f.of.mu.Lock()
	delete(f.of.running, f.key)
	f.of.mu.Unlock()
}
