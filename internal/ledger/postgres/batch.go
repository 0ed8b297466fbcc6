package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	// attemptTimeout limits one attempt at a transaction, whatever the database does.
	attemptTimeout = 2 * time.Second
	// statementTimeout limits the statements of decisions and of nodes.
	statementTimeout = "2s"
	// lockTimeout is how long a batch waits for a locked row. Then it goes on without it.
	lockTimeout = "500ms"
	// How often a batch is retried at once after a conflict with another transaction, and
	// after a broken connection.
	maxConflicts, maxReconnects = 20, 20
)

// batch is the calls of one transaction, on several accounts, in their order.
type batch struct {
	q     *queue
	calls []*call
	wants []want // the accounts to lock, in the order of their keys
	began time.Time

	attempted time.Time // when the last attempt began

	commitUnknown bool    // the last attempt may have been committed
	blocked       []*call // calls on accounts that another session keeps locked
}

func newBatch(q *queue, calls []*call) *batch {
	b := &batch{q: q, calls: calls, began: time.Now()}
	whole := make(map[ledger.Key]bool, len(calls))
	for _, c := range calls {
		if c.kind != barrier {
			// A reservation that assumes no settings needs them read, in case there are some.
			guess := c.kind == reserve && c.settings == nil
			whole[c.key] = whole[c.key] || c.kind == readAccount || c.kind == readSettings || guess
		}
	}
	b.wants = make([]want, 0, len(whole))
	for key, w := range whole {
		b.wants = append(b.wants, want{key, w})
	}
	slices.SortFunc(b.wants, func(x, y want) int { return x.key.Compare(y.key) })
	return b
}

// process makes calls in one batch, in as many attempts as it takes. It returns the calls
// that could not be made and must be made later. If skip is true, it does not wait for
// accounts that another session keeps locked.
func (q *queue) process(calls []*call, skip bool) remainder {
	b := newBatch(q, calls)
	if len(b.wants) == 0 { // barriers
		q.answer(calls)
		return remainder{}
	}
	for crossings, cuts := 0, 0; ; {
		err := b.attempt(skip)
		if err == nil {
			q.l.recovered()
			return remainder{calls: q.refuseLate(b.blocked, ledger.ErrLocked), locked: true}
		}
		again := false
		switch failureOf(err) {
		case conflicted:
			crossings++
			again = crossings < maxConflicts
		case disconnected:
			cuts++
			again = cuts < maxReconnects && !b.commitUnknown && time.Since(b.began) < attemptTimeout/2
		case lockTimedOut:
			if skip { // not a row but something larger is locked
				return remainder{calls: q.refuseLate(calls, err), locked: true}
			}
			skip, again = true, true
		case rejected:
			return b.split(skip, err)
		}
		if !again {
			return b.giveUp(err)
		}
	}
}

// refuseLate refuses the calls that have waited for a lock until their deadline, and returns
// the others.
func (q *queue) refuseLate(calls []*call, why error) (rest []*call) {
	var late []*call
	now := time.Now()
	for _, c := range calls {
		if c.answer != nil && now.After(c.deadline) {
			late = append(late, c)
		} else {
			rest = append(rest, c)
		}
	}
	q.refuse(late, why)
	return rest
}

// giveUp refuses the calls that a caller waits for, and returns the calls that must be
// written. It adds releases for reservations that may have been committed unseen.
func (b *batch) giveUp(err error) remainder {
	var undo []*call
	if b.commitUnknown {
		for _, c := range b.calls {
			c.commitUnknown = c.commitUnknown || c.kind == pass
			// A call on a blocked account has no decision.
			if c.kind == reserve && c.err == nil && c.res != nil && c.res.Decision.Refusal == limit.Admitted {
				undo = append(undo, &call{kind: release, key: c.key, id: c.id, fence: true})
			}
		}
	} else if f := failureOf(err); f == unavailable || f == disconnected {
		b.q.l.fail(fmt.Errorf("a batch of %d calls: %w", len(b.calls), err))
	}
	return remainder{calls: append(b.q.refuse(b.calls, err), undo...), unavailable: true}
}

// split makes the calls of a rejected batch in two batches, which are split again if the
// database rejects them, until the rejected call is alone. So the other calls do not fail with
// it, and it is not retried forever.
func (b *batch) split(skip bool, why error) remainder {
	q := b.q
	if len(b.calls) == 1 {
		for _, c := range q.refuse(b.calls, why) {
			q.l.report(fmt.Errorf("the end of a request of project %s is not counted: the database rejects it: %w", c.key.Project, why))
		}
		return remainder{}
	}
	first, second, together := b.halves()
	left := q.process(first, skip)
	if left.unavailable || together && len(left.calls) > 0 {
		left.calls = append(left.calls, second...) // in their order
		return left
	}
	more := q.process(second, skip)
	return remainder{calls: append(left.calls, more.calls...), locked: left.locked || more.locked, unavailable: more.unavailable}
}

// halves returns the calls in two parts. Calls on one account stay in one part, unless all
// calls are on the same account: then together is true.
func (b *batch) halves() (first, second []*call, together bool) {
	keys := make(map[ledger.Key]int)
	for _, c := range b.calls {
		if _, known := keys[c.key]; !known {
			keys[c.key] = len(keys)
		}
	}
	for i, c := range b.calls {
		at, of := keys[c.key], len(keys)
		if of == 1 {
			at, of, together = i, len(b.calls), true
		}
		if at < of/2 {
			first = append(first, c)
		} else {
			second = append(second, c)
		}
	}
	return first, second, together
}

// attempt makes the calls in one transaction. If it returns nil, they are answered, except
// those on blocked accounts.
func (b *batch) attempt(skip bool) error {
	b.commitUnknown, b.blocked, b.attempted = false, nil, time.Now()
	for _, c := range b.calls {
		c.res = nil // from an attempt that was rolled back
	}
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	l := b.q.l
	t, err := l.begin(ctx)
	if err != nil {
		return err
	}
	err = b.make(t, skip)
	t.s.close()
	if errors.Is(err, errNodeGone) {
		// Only after close: the pool may have only one connection.
		if anew := l.registerAnew(ctx, t.node); anew != nil {
			return anew
		}
	}
	return err
}

// make makes the calls in a transaction that has begun.
func (b *batch) make(t *transaction, skip bool) error {
	how := locking{timeout: lockTimeout, skip: skip}
	b.checkPassed(t, &how)
	if err := t.lock(b.wants, how); err != nil {
		return t.failed(err)
	}
	if !t.alive {
		return errNodeGone
	}
	if err := b.decide(t); err != nil {
		return t.failed(err)
	}
	statements := t.write()
	if statements == 0 {
		b.q.answer(b.made(t)) // nothing to commit
		return nil
	}
	if err := t.commit(statements); err != nil {
		b.commitUnknown = t.commitUnknown
		return t.failed(err)
	}
	made := b.made(t)
	if observe := b.q.l.opts.Observe; observe != nil { // before the callers go on
		observe(len(made), time.Since(b.attempted))
	}
	b.q.answer(made)
	return nil
}

// checkPassed lets a transaction find out which passed requests an earlier commit has counted.
func (b *batch) checkPassed(t *transaction, how *locking) {
	var unsure []*call
	keys := rowsOf(readPassed)
	for _, c := range b.calls {
		if c.commitUnknown {
			unsure = append(unsure, c)
			keys.row().text(c.key.Project, passedKey(c.id))
		}
	}
	if len(unsure) > 0 {
		how.also = func() { t.s.sendTable(readPassed, &keys) }
		how.more = func() error { return t.s.each(func(r *record) { unsure[r.int()-1].counted = true }) }
	}
}

// made returns the calls on accounts that are not blocked, and sets b.blocked to the others.
func (b *batch) made(t *transaction) (made []*call) {
	blocked := map[ledger.Key]bool{}
	for _, a := range t.accounts {
		if a.blocked {
			blocked[a.key] = true
		}
	}
	if len(blocked) == 0 {
		return b.calls
	}
	for _, c := range b.calls {
		if blocked[c.key] {
			b.blocked = append(b.blocked, c)
		} else {
			made = append(made, c)
		}
	}
	return made
}

// failed returns err. After it, a connection that is broken, or leads to a server that is
// unavailable, is not used again.
func (t *transaction) failed(err error) error {
	if f := failureOf(err); f == unavailable || f == disconnected {
		t.s.broken = true
	}
	return err
}
