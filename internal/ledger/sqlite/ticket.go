package sqlite

import (
	"context"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// patience is how long a hold may stay young, and what nobody waits for unwritten.
const patience = 5 * time.Millisecond

const (
	// Where so many are young, their answers are about to come: a commit that lets them
	// join for a moment costs each of them less.
	company     = 12
	companyTime = time.Millisecond
)

// ticket is a reservation's way to the file: young, then in a batch with its hold, or,
// where it was settled young, with what it used. Its fields belong to the writer's mutex.
type ticket struct {
	w          *writer
	a          *account
	hold       limit.Hold
	admitted   time.Time
	batch      *batch // nil while young, and where it was released young
	prev, next *ticket
}

// tickets are the young ones, the oldest first.
type tickets struct {
	first, last *ticket
	n           int
}

func (ts *tickets) push(t *ticket) {
	ts.n++
	if t.prev = ts.last; t.prev != nil {
		t.prev.next = t
	} else {
		ts.first = t
	}
	ts.last = t
}

func (ts *tickets) remove(t *ticket) {
	ts.n--
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

// Wait implements the Commit of a ledger.Reservation.
func (t *ticket) Wait(ctx context.Context) error {
	t.w.mu.Lock()
	if t.batch == nil {
		t.w.promote(t)
	}
	b := t.batch
	t.w.mu.Unlock()
	select {
	case <-b.told:
	default:
		t.w.hurry(b)
	}
	return b.Wait(ctx)
}

// admit takes a ticket for a hold, and notes the account's row where that has changed.
// The account must be locked.
func (w *writer) admit(a *account, h limit.Hold, rowChanged bool) *ticket {
	t := &ticket{w: w, a: a, hold: h, admitted: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.young.push(t)
	if rowChanged {
		w.deltaOf(a).setRow(a)
	}
	w.arm()
	return t
}

// end notes what the end of a ticket's request left, nil for nothing, and whether it
// changed the account's row. Nobody is woken: who cannot wait asks the ticket. The account
// must be locked.
func (w *writer) end(t *ticket, left *usage, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wasYoung := t.batch == nil
	if wasYoung {
		w.young.remove(t)
		if t.batch = w.pending; left == nil && !rowChanged {
			return
		}
	}
	d := w.deltaOf(t.a)
	if !wasYoung {
		d.close(t.hold.ID)
	}
	if left != nil {
		d.use(*left)
	}
	if rowChanged {
		d.setRow(t.a)
	}
	w.arm()
}

// count notes what was used without a reservation, and whether that changed the account's
// row. The account must be locked.
func (w *writer) count(a *account, u usage, rowChanged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.deltaOf(a)
	d.use(u)
	if rowChanged {
		d.setRow(a)
	}
	w.arm()
}

// promote puts a young ticket's hold into the pending batch. It needs the writer's mutex.
func (w *writer) promote(t *ticket) {
	w.young.remove(t)
	d := w.deltaOf(t.a)
	d.opened = append(d.opened, t.hold)
	t.batch = w.pending
}

// arm makes sure that what is young or pending is looked at in time. It needs the
// writer's mutex.
func (w *writer) arm() {
	switch {
	case w.timed:
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(patience, w.ripen)
	default:
		w.timer.Reset(patience)
	}
	w.timed = true
}

// gather gives those who are about to join the pending batch the time to do so.
func (w *writer) gather() {
	w.mu.Lock()
	wait := w.young.n >= company && !w.pending.empty()
	w.mu.Unlock()
	if wait {
		time.Sleep(companyTime)
	}
}

// ripen promotes the tickets that have been young for long enough, and has the pending
// batch written.
func (w *writer) ripen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timed = false
	due := time.Now().Add(-patience)
	for w.young.first != nil && !w.young.first.admitted.After(due) {
		w.promote(w.young.first)
	}
	if w.young.first != nil {
		w.arm()
	}
	if !w.pending.empty() {
		w.signal()
	}
}
