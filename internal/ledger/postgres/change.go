package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

const (
	// A change may wait longer for a row than a decision: no other call waits with it.
	changeLockTimeout = "1500ms"
	// One attempt at a change may have a thousand accounts, and a list may read all names of a
	// project.
	changeTimeout = 10 * time.Second
	listTimeout   = "8s"
	// How often, and for how long, a change is retried after a conflict or a broken connection.
	maxChangeTries  = 20
	changeRetryTime = 3 * time.Second
	// slotTimeout is how long a change or a list waits for a connection.
	slotTimeout = 5 * time.Second
)

// Change implements ledger.Ledger.
func (l *Ledger) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	keys := slices.SortedFunc(slices.Values(c.Keys), ledger.Key.Compare)
	if len(slices.Compact(slices.Clone(keys))) != len(c.Keys) {
		return ledger.Outcome{}, errors.New("a change names an identity twice")
	}
	for _, key := range keys {
		if !keepableKey(key) {
			return ledger.Outcome{}, errKey
		}
	}
	if why := l.Healthy(); why != nil {
		return ledger.Outcome{}, ledger.Unavailable("change identities", why)
	}
	if err := l.queue.caughtUp(ctx, keys); err != nil {
		return ledger.Outcome{}, err
	}
	done, err := l.acquireSlot(ctx)
	if err != nil {
		return ledger.Outcome{}, err
	}
	defer done()
	began := time.Now()
	for try := 1; ; try++ {
		out, err := l.change(ctx, c, keys)
		if err == nil {
			return out, nil
		}
		if refused, ok := errors.AsType[*applyError](err); ok {
			return ledger.Outcome{}, refused.error
		}
		// A change that may have been committed is retried only with a Once, which finds it.
		_, unknown := errors.AsType[*commitUnknownError](err)
		f := failureOf(err)
		if f == unavailable || f == rejected || unknown && c.Once == nil || try >= maxChangeTries || time.Since(began) > changeRetryTime {
			return ledger.Outcome{}, ledger.Unavailable("change identities", err)
		}
	}
}

// acquireSlot waits until a change or a list may take a connection. Together they may take half
// of the connections that the lanes leave. So no decision and no beat has to wait for a
// connection, however many changes wait for a row.
func (l *Ledger) acquireSlot(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, slotTimeout, ledger.Unavailable("wait for other changes", context.DeadlineExceeded))
	defer cancel()
	select {
	case l.changeSlots <- struct{}{}:
		return func() { <-l.changeSlots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// commitUnknownError means that a commit may or may not have been made.
type commitUnknownError struct{ error }

func (e *commitUnknownError) Unwrap() error { return e.error }

// applyError is an error of the change itself.
type applyError struct{ error }

// change makes one attempt. It completes the attempt even if ctx ends.
func (l *Ledger) change(ctx context.Context, c ledger.Change, keys []ledger.Key) (ledger.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	t, err := l.begin(ctx)
	if err != nil {
		return ledger.Outcome{}, err
	}
	defer t.s.close()
	wants := make([]want, len(keys))
	for i, key := range keys {
		wants[i] = want{key, true}
	}
	how := locking{timeout: changeLockTimeout}
	var before *ledger.Outcome
	var reused bool
	if c.Once != nil {
		how.also = func() { t.s.send(readOnce, textParam(c.Keys[0].Project), textParam(ledger.EscapeName(c.Once.Key))) }
		how.more = func() error {
			return t.s.each(func(r *record) {
				reused = string(r.bytes()) != string(c.Once.Fingerprint[:])
				before = &ledger.Outcome{Status: int(r.int()), Body: slices.Clone(r.bytes())}
			})
		}
	}
	if err := t.lock(wants, how); err != nil {
		return ledger.Outcome{}, t.failed(err)
	}
	switch {
	case reused:
		return ledger.Outcome{}, &applyError{ledger.ErrReused}
	case before != nil:
		return *before, nil
	}
	return t.apply(c)
}

// apply applies a change to the accounts, which are locked, and commits.
func (t *transaction) apply(c ledger.Change) (ledger.Outcome, error) {
	moments := make([]moment, len(t.accounts))
	for i, a := range t.accounts {
		moments[i] = moment{a, c.Period, c.Now}
	}
	if err := t.advance(moments...); err != nil {
		return ledger.Outcome{}, t.failed(err)
	}
	views, accounts, err := t.views(c)
	if err != nil {
		return ledger.Outcome{}, err
	}
	out, err := c.Apply(views)
	if err != nil {
		return ledger.Outcome{}, &applyError{err}
	}
	w := changeWrites{settings: rowsOf(updateSettings), resets: rowsOf(resetUsage), audit: rowsOf(insertAudit)}
	for i, a := range accounts {
		if err := w.add(a, views[i]); err != nil {
			return ledger.Outcome{}, &applyError{err}
		}
	}
	for _, e := range out.Audit {
		w.record(c, e)
	}
	statements := 0
	if c.Once != nil {
		// This comes before the other writes: a second change with the same key waits here, before
		// it has written anything.
		t.s.send(insertOnce, textParam(c.Keys[0].Project), textParam(ledger.EscapeName(c.Once.Key)), bytesParam(c.Once.Fingerprint[:]),
			intParam(int64(out.Status)), bytesParam(out.Body), intParam(c.Now.UnixMicro()))
		statements++
	}
	statements += t.write(w.parts()...)
	if err := t.commit(statements); err != nil {
		if t.commitUnknown {
			err = &commitUnknownError{err}
		}
		return ledger.Outcome{}, t.failed(err)
	}
	w.updateCache(&t.l.cache)
	return out, nil
}

// views returns copies of the accounts for the change, and the accounts, both in the order of
// c.Keys.
func (t *transaction) views(c ledger.Change) ([]*ledger.Account, []*account, error) {
	byKey := make(map[ledger.Key]*account, len(t.accounts))
	for _, a := range t.accounts {
		byKey[a.key] = a
	}
	views, accounts := make([]*ledger.Account, len(c.Keys)), make([]*account, len(c.Keys))
	for i, key := range c.Keys {
		a := byKey[key]
		var err error
		if a.settingsBefore, err = t.l.cache.decode(a); err != nil {
			return nil, nil, err
		}
		v := a.view(a.settingsBefore)
		views[i], accounts[i] = &v, a
	}
	return views, accounts, nil
}

// changeWrites are the writes of a change besides the accounts' rows.
type changeWrites struct {
	settings, resets, audit table
	updates                 []cacheUpdate
}

// cacheUpdate is settings to put into the cache when a change is committed.
type cacheUpdate struct {
	key      ledger.Key
	settings *ledger.Settings
	revision int64
}

// add takes over an account that the change has altered.
func (w *changeWrites) add(a *account, v *ledger.Account) error {
	if v.Settings != a.settingsBefore {
		text, err := encodeSettings(v.Settings)
		if err != nil {
			return err
		}
		a.revision++
		w.settings.row().text(a.key.Project, a.key.Identity, text).int(a.revision)
		w.updates = append(w.updates, cacheUpdate{a.key, v.Settings, a.revision})
	}
	if requests, tokens := v.TookBack(); requests || tokens {
		start := v.State.Start
		w.resets.row().text(a.key.Project, a.key.Identity).
			int(boolInt(requests), boolInt(tokens), ledger.HourOf(start), ledger.HourOf(v.State.Period.End(start)))
	}
	a.known, a.state, a.changed = v.Known, v.State, true
	a.createdAt, a.updatedAt = unixOrZero(v.CreatedAt, time.Time.UnixMicro), unixOrZero(v.UpdatedAt, time.Time.UnixMicro)
	return nil
}

func boolInt(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// record adds a line to the audit trail.
func (w *changeWrites) record(c ledger.Change, e ledger.Entry) {
	detail, changes := e.Texts()
	row := w.audit.row()
	for _, s := range []string{c.Keys[0].Project, e.Identity, e.Action, e.Reason, detail, string(e.Actor.Kind), e.Actor.ID,
		e.Actor.Email, e.Target, changes, e.RequestID} {
		row.text(cleaned(s))
	}
	row.int(c.Now.UnixMicro())
}

func (w *changeWrites) parts() []part {
	return []part{{updateSettings, &w.settings}, {resetUsage, &w.resets}, {insertAudit, &w.audit}}
}

func (w *changeWrites) updateCache(c *cache) {
	for _, n := range w.updates {
		c.store(n.key, n.settings, n.revision)
	}
}
