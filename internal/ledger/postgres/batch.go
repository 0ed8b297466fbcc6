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
	p     *partition
	calls []*call
	wants []want // the accounts, in the order of their keys
	began time.Time

	unknown bool    // the last attempt may have been committed
	blocked []*call // those on accounts that somebody else keeps locked
}

func newBatch(p *partition, calls []*call) *batch {
	b := &batch{p: p, calls: calls, began: time.Now()}
	whole := make(map[ledger.Key]bool, len(calls))
	for _, c := range calls {
		if c.kind != barrier {
			whole[c.key] = whole[c.key] || c.kind == look
		}
	}
	b.wants = make([]want, 0, len(whole))
	for key, w := range whole {
		b.wants = append(b.wants, want{key, w})
	}
	slices.SortFunc(b.wants, func(x, y want) int { return x.key.Compare(y.key) })
	return b
}

// process makes the calls of a batch, in as many attempts as it takes. What cannot be done
// now and must be is parked. Skip passes over accounts that are locked by somebody else.
func (p *partition) process(calls []*call, skip bool) {
	b := newBatch(p, calls)
	if len(b.wants) == 0 { // barriers
		p.answer(calls)
		return
	}
	for crossings, cuts := 0, 0; ; {
		err := b.attempt(skip)
		if err == nil {
			p.away, p.pause = false, 0
			p.l.recovered()
			p.park(b.blocked, lockPause)
			return
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
				p.park(calls, lockPause)
				return
			}
			skip, again = true, true
		}
		if !again {
			p.giveUp(b, err)
			return
		}
	}
}

// giveUp tells those who wait that the database could not be had, and keeps what must be
// written. Reservations that may have been made without anybody knowing are released.
func (p *partition) giveUp(b *batch, err error) {
	var undo []*call
	if b.unknown {
		for _, c := range b.calls {
			// There is no decision on an account that was blocked.
			if c.kind == reserve && c.err == nil && c.res != nil && c.res.Decision.Refusal == limit.Admitted {
				undo = append(undo, &call{kind: release, key: c.key, id: c.id, fence: true})
			}
		}
	} else if f := failureOf(err); f == away || f == cut {
		p.l.fail(err)
	}
	p.parked = append(p.refuse(b.calls, err), undo...)
	p.away = true
	p.pause = min(max(leastPause, 2*p.pause), mostPause)
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
	l := b.p.l
	t, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer t.s.close()
	if err := t.lock(b.wants, locking{timeout: lockTimeout, skip: skip}); err != nil {
		return t.failed(err)
	}
	if !t.alive {
		return errors.Join(l.registerAnew(ctx, t.node), errNodeGone)
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
	if observe := b.p.l.observe; observe != nil {
		observe(len(made), time.Since(b.began))
	}
	b.p.answer(made)
}

// failed returns err, and sees to it that a connection that is no good, or leads to a
// server that is not, is not used again.
func (t *transaction) failed(err error) error {
	if f := failureOf(err); f == away || f == cut {
		t.s.broken = true
	}
	return err
}
