package postgres

import (
	"context"
	"errors"
	"math"
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
	var found ledger.Found
	err := l.readSlowly(ctx, func(s *session) error {
		sendList(s, f)
		err := errors.Join(s.sync(), s.each(nil))
		if err == nil {
			found, err = readList(s, f)
		}
		return err
	})
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	return found, nil
}

// readSlowly reads in one round trip that may take long. send sends its statements and reads their results, after those of
// setLimits.
func (l *Ledger) readSlowly(ctx context.Context, send func(s *session) error) error {
	done, err := l.acquireSlot(ctx)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	s, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.send(setLimits, textParam(listTimeout), textParam(changeLockTimeout))
	if err := send(s); err != nil {
		s.broken = true
		return err
	}
	return nil
}

// History implements ledger.Ledger.
func (l *Ledger) History(ctx context.Context, h ledger.Span) ([]ledger.Bucket, error) {
	if !keepableKey(h.Key) {
		return nil, errKey
	}
	if err := l.queue.caughtUp(ctx, []ledger.Key{h.Key}); err != nil {
		return nil, err
	}
	var all []ledger.Bucket
	err := l.readSlowly(ctx, func(s *session) error {
		s.send(readHistory, textParam(h.Key.Project), textParam(h.Key.Identity), intParam(h.From), intParam(h.To), intParam(h.Step), intParam(int64(h.Split)))
		return errors.Join(s.sync(), s.each(nil), s.each(func(r *record) {
			all = append(all, ledger.Bucket{Hour: r.int(), Name: ledger.UnescapeName(r.text()), Amounts: r.amounts()})
		}), s.done(0))
	})
	if err != nil {
		return nil, ledger.Unavailable("read the history of an identity", err)
	}
	return all, nil
}

// sendList sends the queries of a list.
func sendList(s *session, f ledger.Find) {
	low, all, high := f.Range()
	bounds := func(from string, more ...param) []param {
		return append([]param{textParam(f.Project), textParam(from), textParam(high)}, more...)
	}
	scan, most := intParam(int64(f.Window())), intParam(ledger.MaxCount+1)
	where := append([]param{textParam(f.Within())}, whereParams(f.Where)...)
	switch {
	case f.Uncounted:
	case f.Where.IsZero():
		s.send(countNames, bounds(all, scan, where[0], most)...)
	default:
		s.send(countWhereNames, append(bounds(all, scan), append(slices.Clone(where), most)...)...)
	}
	if f.Recent {
		from := []param{textParam(f.Project), intParam(math.MaxInt64), textParam("")}
		if f.After != "" {
			from = []param{textParam(f.Project), intParam(f.AfterAt.UnixMicro()), textParam(f.After)}
		}
		args := append(append(slices.Clone(from), intParam(ledger.MaxRecentScan)), where...)
		s.send(listRecentNames, append(args, textParam(all), textParam(high), intParam(int64(f.Limit+1)))...)
		if f.Scans() {
			s.send(scanRecentNames, append(from, intParam(1), intParam(ledger.MaxRecentScan-1))...)
		}
		return
	}
	page := []param{intParam(int64(f.Limit + 1)), intParam(int64(f.Offset))}
	if f.Where.IsZero() {
		s.send(listNames, append(bounds(low, scan, where[0]), page...)...)
	} else {
		s.send(listWhereNames, append(bounds(low, scan), append(where, page...)...)...)
	}
	if f.Scans() { // otherwise a page that is not full is the last one
		s.send(scanNames, bounds(low, intParam(1), intParam(int64(f.Window()-1)))...)
	}
}

// readList reads the results of the queries that sendList sent.
func readList(s *session, f ledger.Find) (ledger.Found, error) {
	var (
		total   int
		places  []ledger.Place
		scanned ledger.Place
		err     error
	)
	place := func(r *record) ledger.Place {
		p := ledger.Place{Name: r.text()}
		if f.Recent {
			p.At = timeOf(r.int(), time.UnixMicro)
		}
		return p
	}
	if !f.Uncounted {
		err = s.each(func(r *record) { total = int(r.int()) })
	}
	err = errors.Join(err, s.each(func(r *record) { places = append(places, place(r)) }))
	if f.Scans() {
		err = errors.Join(err, s.each(func(r *record) { scanned = place(r) }))
	}
	return f.Page(places, scanned, total), errors.Join(err, s.done(0))
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
