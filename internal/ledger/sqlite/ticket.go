package sqlite

import (
	"context"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// patience is how long a hold stays young at the least, and twice that at the most, and
// how long what nobody waits for stays out of the journal.
const pendingTime = 50 * time.Millisecond

// ticket is a reservation's way to the journal: young, then told with its hold, or, where
// it was settled young, with what it used. Its fields belong to the writer's mutex.
type ticket struct {
	w            *writer
	a            *account
	hold         *limit.Hold
	pending      bool
	admittedTick uint64 // the tick of its admission
	sequence     uint64 // of the record with what is told of it, once it is not young
	prev, next   *ticket
}

// tickets are the young ones, the oldest first.
type tickets struct {
	first, last *ticket
	ticks       uint64 // how often they were looked at
}

func (ts *tickets) push(t *ticket) {
	t.pending, t.admittedTick = true, ts.ticks
	if t.prev = ts.last; t.prev != nil {
		t.prev.next = t
	} else {
		ts.first = t
	}
	ts.last = t
}

func (ts *tickets) remove(t *ticket) {
	t.pending = false
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		ts.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		ts.last = t.prev
	}
	t.prev, t.next = nil, nil
}

// Wait implements the Commit of a ledger.Reservation. It waits for a write, and where more
// is told than can be folded, so that this never fills the journal, for a fold.
func (t *ticket) Wait(ctx context.Context) error {
	w := t.w
	w.mu.Lock()
	if t.pending {
		w.promote(t)
	}
	sequence, next := t.sequence, w.next
	w.mu.Unlock()
	if err := w.awaitAppend(sequence); err != nil || !w.nearlyFull.Load() || w.foldFailure() != nil {
		return err
	}
	return next.wait(ctx, w)
}

// admit takes a ticket, and tells the account's row where that has changed. The account
// must be locked.
func (w *writer) admit(t *ticket, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending.push(t)
	if rowChanged {
		w.stage(t.a)
		w.record = appendRow(w.record, t.a)
	}
	w.arm()
}

// end tells what the end of a ticket's request left, nil for nothing, and the account's
// row where that has changed. The account must be locked.
func (w *writer) end(t *ticket, left *usage, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	young := t.pending
	if young {
		w.pending.remove(t)
		t.sequence = w.sequence
		if left == nil && !rowChanged {
			t.sequence-- // nothing of its own to wait for
			return
		}
	}
	w.stage(t.a)
	if !young {
		w.record = appendClosed(w.record, t.hold.ID)
	}
	if left != nil {
		w.record = appendUsed(w.record, t.a.key, left)
	}
	if rowChanged {
		w.record = appendRow(w.record, t.a)
	}
	w.arm()
}

// count tells what was used without a reservation, and the account's row where that has
// changed. The account must be locked.
func (w *writer) count(a *account, u usage, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stage(a)
	w.record = appendUsed(w.record, a.key, &u)
	if rowChanged {
		w.record = appendRow(w.record, a)
	}
	w.arm()
}

// promote tells a young ticket's hold. It needs the writer's mutex.
func (w *writer) promote(t *ticket) {
	w.pending.remove(t)
	w.stage(t.a)
	w.record = appendOpened(w.record, t.a.key, t.hold)
	t.sequence = w.sequence
}

// promoteOld promotes the tickets that were young when they were last looked at. It needs
// the writer's mutex.
func (w *writer) promoteOld() {
	for w.pending.first != nil && w.pending.first.admittedTick < w.pending.ticks {
		w.promote(w.pending.first)
	}
	w.pending.ticks++
}
