package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// List implements ledger.Ledger.
func (l *Ledger) List(ctx context.Context, f ledger.Find) (ledger.Found, error) {
	if !keepable(f.Project) || !keepable(f.Text) || !keepable(f.After) {
		return ledger.Found{}, nil // no identity can have such a name
	}
	done, err := l.acquireSlot(ctx)
	if err != nil {
		return ledger.Found{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	s, err := l.connect(ctx)
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	defer s.close()
	low, all, high := f.Range()
	bounds := func(from string, more ...param) []param {
		return append([]param{textParam(f.Project), textParam(from), textParam(high)}, more...)
	}
	s.send(setLimits, textParam(listTimeout), textParam(changeLockTimeout))
	s.send(countNames, bounds(all, intParam(ledger.MaxScan), textParam(f.Within()), intParam(ledger.MaxCount+1))...)
	s.send(listNames, bounds(low, intParam(ledger.MaxScan), textParam(f.Within()), intParam(int64(f.Limit+1)), intParam(int64(f.Offset)))...)
	if f.Within() != "" { // otherwise a page that is not full is the last one
		s.send(scanNames, bounds(low, intParam(ledger.MaxScan-1))...)
	}
	var (
		total   int
		names   = make([]string, 0, f.Limit+1)
		scanned string
	)
	err = errors.Join(s.sync(), s.each(nil),
		s.each(func(r *record) { total = int(r.int()) }),
		s.each(func(r *record) { names = append(names, r.text()) }))
	if f.Within() != "" {
		err = errors.Join(err, s.each(func(r *record) { scanned = r.text() }))
	}
	if err := errors.Join(err, s.done(0)); err != nil {
		s.broken = true
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	return f.Page(names, scanned, total), nil
}

// Accounts implements ledger.Ledger. It reads all accounts in one round trip and locks none. Another one sums the usage of
// those whose usage was summed for another period.
func (l *Ledger) Accounts(ctx context.Context, keys []ledger.Key, period limit.Period, now time.Time) ([]ledger.Account, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if slices.ContainsFunc(keys, func(key ledger.Key) bool { return !keepableKey(key) }) {
		return nil, errKey
	}
	if why := l.Healthy(); why != nil {
		return nil, ledger.Unavailable("read identities", why)
	}
	if err := l.queue.caughtUp(ctx, keys); err != nil {
		return nil, err
	}
	done, err := l.acquireSlot(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	t, err := l.begin(ctx)
	if err != nil {
		return nil, ledger.Unavailable("read identities", err)
	}
	defer t.s.close()
	out, err := t.read(keys, period, now)
	if err != nil {
		return nil, ledger.Unavailable("read identities", t.failed(err))
	}
	return out, nil
}

// read returns accounts in the order of their keys.
func (t *transaction) read(keys []ledger.Key, period limit.Period, now time.Time) ([]ledger.Account, error) {
	wants, moments := make([]want, len(keys)), make([]moment, len(keys))
	for i, key := range keys {
		wants[i] = want{key, true}
	}
	if err := t.lock(wants, locking{timeout: changeLockTimeout, none: true}); err != nil {
		return nil, err
	}
	for i, a := range t.accounts {
		moments[i] = moment{a, period, now}
	}
	if err := t.advance(moments...); err != nil {
		return nil, err
	}
	out := make([]ledger.Account, len(keys))
	for i, a := range t.accounts {
		settings, err := t.l.cache.peek(a)
		if err != nil {
			return nil, err
		}
		out[i] = a.view(settings)
	}
	return out, nil
}
