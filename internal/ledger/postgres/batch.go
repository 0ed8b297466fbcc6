package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	// One attempt at a transaction takes no longer, whatever the database does.
	attemptTimeout = 2 * time.Second
	// A decision waits so long for a row before it lets the others of its batch go on.
	lockTimeout = "500ms"
	// How often a batch that crossed another transaction begins again at once, and one
	// whose connection was cut looks for a better one.
	mostCrossings, mostCuts = 20, 20
)

var errLocked = errors.New("the account is locked by another session")

// batch is what one transaction does: calls on several accounts, in the order in which
// they were made.
type batch struct {
	q     *queue
	calls []*call
	wants []want // the accounts, in the order of their keys
	began time.Time

	unknown bool    // the last attempt may have been committed
	then    []*call // what follows from the calls that were made
	blocked []*call // those on accounts that somebody else keeps locked
}

func newBatch(q *queue, calls []*call) *batch {
	b := &batch{q: q, calls: calls, began: time.Now()}
	whole := make(map[ledger.Key]bool, len(calls))
	for _, c := range calls {
		if c.kind != barrier {
			// Of who is thought to have nothing set, it is what they have if they do.
			guess := c.kind == reserve && c.settings == nil
			whole[c.key] = whole[c.key] || c.kind == look || c.kind == read || guess
		}
	}
	b.wants = make([]want, 0, len(whole))
	for key, w := range whole {
		b.wants = append(b.wants, want{key, w})
	}
	slices.SortFunc(b.wants, func(x, y want) int { return x.key.Compare(y.key) })
	return b
}

// process makes calls in one batch, in as many attempts as it takes, and returns what could
// not be done now and must be. Skip passes over accounts that are locked by somebody else.
func (q *queue) process(calls []*call, skip bool) remains {
	b := newBatch(q, calls)
	if len(b.wants) == 0 { // barriers
		q.answer(calls)
		return remains{}
	}
	for crossings, cuts := 0, 0; ; {
		err := b.attempt(skip)
		if err == nil {
			q.l.recovered()
			return remains{calls: q.patient(b.blocked), locked: true, then: b.then}
		}
		again := false
		switch failureOf(err) {
		case crossed:
			crossings++
			again = crossings < mostCrossings
		case cut:
			cuts++
			again = cuts < mostCuts && !b.unknown && time.Since(b.began) < attemptTimeout/2
		case waited:
			if skip {
				return remains{calls: q.patient(calls), locked: true}
			}
			skip, again = true, true
		}
		if !again {
			return b.giveUp(err)
		}
	}
}

// patient refuses the calls that have waited for a locked account for too long, and returns
// the others.
func (q *queue) patient(calls []*call) (rest []*call) {
	var late []*call
	now := time.Now()
	for _, c := range calls {
		if c.answer != nil && now.After(c.deadline) {
			late = append(late, c)
		} else {
			rest = append(rest, c)
		}
	}
	q.refuse(late, errLocked)
	return rest
}

// giveUp tells those who wait that the database could not be had, and returns what must be
// written. Reservations that may have been made without anybody knowing are released.
func (b *batch) giveUp(err error) remains {
	var undo []*call
	if b.unknown {
		for _, c := range b.calls {
			// There is no decision on an account that was blocked.
			if c.kind == reserve && c.err == nil && c.res != nil && c.res.Decision.Refusal == limit.Admitted {
				undo = append(undo, &call{kind: release, key: c.key, id: c.id, fence: true})
			}
		}
	} else if f := failureOf(err); f == away || f == cut {
		b.q.l.fail(err)
	}
	return remains{calls: append(b.q.refuse(b.calls, err), undo...), away: true}
}

// attempt makes the calls in one transaction. They are answered where it returns nil, but
// for those on blocked accounts.
func (b *batch) attempt(skip bool) error {
	b.unknown, b.blocked = false, nil
	for _, c := range b.calls {
		c.res = nil // of an attempt that was undone
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
		// Only now: this one may be the only connection that the pool has.
		if anew := l.registerAnew(ctx, t.node); anew != nil {
			return anew
		}
	}
	return err
}

// make makes the calls in a transaction that has begun.
func (b *batch) make(t *transaction, skip bool) error {
	if err := t.lock(b.wants, locking{timeout: lockTimeout, skip: skip}); err != nil {
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
		b.done(t) // nothing to wait for: what was read is true
		return nil
	}
	if err := t.commit(statements); err != nil {
		b.unknown = t.unknown
		return t.failed(err)
	}
	b.done(t)
	return nil
}

// done answers the calls on accounts that were not blocked.
func (b *batch) done(t *transaction) {
	blocked := map[ledger.Key]bool{}
	for _, a := range t.accounts {
		if a.blocked {
			blocked[a.key] = true
		}
	}
	if len(blocked) == 0 {
		b.answer(b.calls)
		return
	}
	var made []*call
	for _, c := range b.calls {
		if blocked[c.key] {
			b.blocked = append(b.blocked, c)
		} else {
			made = append(made, c)
		}
	}
	b.answer(made)
}

// answer tells who waits, and who watches before.
func (b *batch) answer(made []*call) {
	if observe := b.q.l.observe; observe != nil {
		observe(len(made), time.Since(b.began))
	}
	for _, c := range made {
		if next := c.next(); next != nil {
			b.then = append(b.then, next)
		}
	}
	b.q.answer(made)
}

// failed returns err, and sees to it that a connection that is no good, or leads to a
// server that is not, is not used again.
func (t *transaction) failed(err error) error {
	if f := failureOf(err); f == away || f == cut {
		t.s.broken = true
	}
	return err
}
