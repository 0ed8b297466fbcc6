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
	if l.writer.appendFailure() != nil || l.writer.foldFailure() != nil {
		return ledger.Outcome{}, ledger.ErrUnavailable
	}
	if c.Once == nil {
		return l.change(ctx, c, nil)
	}
	f, err := l.once.enter(ctx, l.writer, onceKey{c.Keys[0].Project, c.Once.Key})
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
	outcome, sequence, err := l.apply(accounts, c, f)
	if err != nil {
		return ledger.Outcome{}, err
	}
	// The journal is durable enough, but a repetition looks up its answer in the tables.
	return outcome, l.writer.awaitFold(ctx, sequence)
}

// lockAll locks the accounts of a change in the order of their keys and returns them in the
// order of the change.
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

// apply applies a change to the accounts, which are locked, and unlocks them. It returns the
// sequence of the record with the change.
func (l *Ledger) apply(accounts []*account, c ledger.Change, f *flight) (ledger.Outcome, uint64, error) {
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
		return ledger.Outcome{}, 0, err
	}
	rows := make([]row, len(accounts))
	for i, a := range accounts {
		rows[i] = a.row
		if err := rows[i].set(views[i]); err != nil {
			return ledger.Outcome{}, 0, err
		}
	}
	for i, a := range accounts {
		a.state, a.row = views[i].State, rows[i]
	}
	sequence := l.writer.stageAll(accounts, func(record []byte) []byte {
		for i, a := range accounts {
			if r, yes := takenBack(views[i]); yes {
				record = appendReset(record, a.key, &r)
			}
			record = appendRow(record, a)
		}
		for _, e := range outcome.Audit {
			record = appendEntry(record, &entry{c.Keys[0].Project, microsOf(c.Now), e})
		}
		if f != nil {
			record = appendOnce(record, &onceRow{c.Keys[0].Project, *c.Once, outcome, microsOf(c.Now)})
		}
		return record
	})
	if f != nil {
		f.sequence = sequence
	}
	return outcome, sequence, nil
}

// takenBack returns the reset of an account, if there was one.
func takenBack(v *ledger.Account) (r reset, yes bool) {
	requests, tokens := v.TookBack()
	start := v.State.Start
	return reset{requests, tokens, ledger.HourOf(start), ledger.HourOf(v.State.Period.End(start))}, requests || tokens
}

// applied looks up the outcome of a change that was applied before.
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
		return out, false, ledger.Unavailable("look up an idempotency key", err)
	case string(fingerprint) != string(once.Fingerprint[:]):
		return out, true, ledger.ErrReused
	}
	return out, true, nil
}

// flights lets only one change with the same idempotency key run at a time: the next one
// finds the outcome in the tables.
type flights struct {
	mu      sync.Mutex
	running map[onceKey]*flight
}

type onceKey struct{ project, key string }

// flight is a change that is not in the tables yet. Its caller may give up before it is
// folded; until then nobody else may apply the change.
type flight struct {
	of         *flights
	key        onceKey
	callerDone chan struct{}
	sequence   uint64 // of the record with the change, 0 if it was not applied; read it after callerDone
}

func (fs *flights) enter(ctx context.Context, w *writer, k onceKey) (*flight, error) {
	for {
		fs.mu.Lock()
		other := fs.running[k]
		if other == nil {
			own := &flight{of: fs, key: k, callerDone: make(chan struct{})}
			fs.running[k] = own
			fs.mu.Unlock()
			return own, nil
		}
		fs.mu.Unlock()
		select {
		case <-other.callerDone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := w.awaitFold(ctx, other.sequence); err != nil {
			return nil, err
		}
		fs.end(k, other)
	}
}

// leave notes that the flight's caller is done.
func (f *flight) leave() {
	if f.sequence == 0 {
		f.of.end(f.key, f)
	}
	close(f.callerDone)
}

// folded ends the flight of a key that is in the tables.
func (fs *flights) folded(k onceKey) { fs.end(k, nil) }

// end ends a flight or, if f is nil, the flight of the key.
func (fs *flights) end(k onceKey, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f == nil || fs.running[k] == f {
		delete(fs.running, k)
	}
}
