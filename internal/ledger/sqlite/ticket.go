package sqlite

import (
	"context"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// pendingTime is the least time that a hold stays pending; the longest is twice as long. It is
// also how long changes that no request waits for stay out of the journal.
const pendingTime = 50 * time.Millisecond

// ticket brings a reservation into the journal. At first it is pending. Then its hold is
// staged, or, if it is settled while it is pending, only its usage. The writer's mutex guards
// its fields.
type ticket struct {
	w            *writer
	a            *account
	hold         *limit.Hold
	pending      bool
	admittedTick uint64 // the value of ticks at its admission
	sequence     uint64 // of the record with its change, once it is no longer pending
	prev, next   *ticket
}

// tickets is the list of pending tickets, the oldest first.
type tickets struct {
	first, last *ticket
	ticks       uint64 // how often promoteOld was called
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

// Wait implements the Commit of a ledger.Reservation. It waits for an append and, if the
// journal is nearly full, for a fold, so that answers never fill the journal.
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

// admit makes a ticket pending, and stages the account's row if it has changed. The account
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

// end stages the end of a ticket's request: its usage, which is nil for none, and the
// account's row if it has changed. The account must be locked.
func (w *writer) end(t *ticket, used *ledger.UsageRow, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pending := t.pending
	if pending {
		w.pending.remove(t)
		t.sequence = w.sequence
		if used == nil && !rowChanged {
			t.sequence-- // there is no change to wait for
			return
		}
	}
	w.stage(t.a)
	if !pending {
		w.record = appendClosed(w.record, t.hold.ID)
	}
	if used != nil {
		w.record = appendUsed(w.record, t.a.key, used)
	}
	if rowChanged {
		w.record = appendRow(w.record, t.a)
	}
	w.arm()
}

// count stages usage without a reservation, and the account's row if it has changed. The
// account must be locked.
func (w *writer) count(a *account, u ledger.UsageRow, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stage(a)
	w.record = appendUsed(w.record, a.key, &u)
	if rowChanged {
		w.record = appendRow(w.record, a)
	}
	w.arm()
}

// promote stages the hold of a pending ticket. The caller holds the writer's mutex.
func (w *writer) promote(t *ticket) {
	w.pending.remove(t)
	w.stage(t.a)
	w.record = appendOpened(w.record, t.a.key, t.hold)
	t.sequence = w.sequence
}

// promoteOld promotes the tickets that were already pending at the previous call. The caller
// holds the writer's mutex.
func (w *writer) promoteOld() {
	for w.pending.first != nil && w.pending.first.admittedTick < w.pending.ticks {
		w.promote(w.pending.first)
	}
	w.pending.ticks++
}
