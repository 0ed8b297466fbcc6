package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// writer commits what the accounts record, a batch at a time: while one is being
// committed the next one gathers, so the cost of a commit is shared by all who wait for
// it. What happens to one account within a batch is merged: a request that is reserved
// and settled in one batch is one upsert, one that is released nothing.
//
// A batch that cannot be committed is tried again until it can: memory has moved on and
// the file must follow. Until then its waiters are told, and nothing new is admitted.
type writer struct {
	conn *sql.Conn
	stmt statements

	mu      sync.Mutex
	pending *batch
	closed  bool

	wake   chan struct{}
	failed atomic.Pointer[error]
	done   chan struct{}
}

// batch is what one transaction writes. It is changed under the writer's mutex until the
// writer takes it, and not at all after that.
type batch struct {
	deltas  []*delta
	entries []entry
	onces   []onceRow

	settled chan struct{} // closed when committed, or when the first attempt failed
	err     error         // of the first attempt, to be read after settled
	stored  atomic.Bool   // committed, at whichever attempt
}

// delta is what one batch writes of one account.
type delta struct {
	key    ledger.Key
	opened []limit.Hold
	closed []uint64
	usage  []usage
	row    *row
}

// usage is an amount to be added to a row of the usage table.
type usage struct {
	hour              int64 // unix
	model, tier       string
	takenBack         bool
	counted, credited limit.Amounts
	input, output     int64
}

type entry struct {
	project string
	at      time.Time
	ledger.Entry
}

type onceRow struct {
	project string
	once    *ledger.Once
	outcome ledger.Outcome
	at      time.Time
}

const hourSeconds = 3600

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, pending: newBatch(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := w.stmt.prepare(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	go w.run()
	return w, nil
}

func newBatch() *batch { return &batch{settled: make(chan struct{})} }

// Wait implements the Commit of a ledger.Reservation.
func (b *batch) Wait(ctx context.Context) error {
	select {
	case <-b.settled:
	default:
		select {
		case <-b.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if b.err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, b.err)
	}
	return nil
}

// record adds what change notes to the account's part of the pending batch. The account
// must be locked.
func (w *writer) record(a *account, change func(*delta)) *batch {
	w.mu.Lock()
	b := w.pending
	if a.batch != b {
		a.batch, a.delta = b, &delta{key: a.key}
		b.deltas = append(b.deltas, a.delta)
	}
	change(a.delta)
	w.mu.Unlock()
	w.signal()
	return b
}

// recordAll adds what belongs to a whole change rather than to one account. The accounts
// of the change must be locked and be recorded under the same locks; atomicity comes
// from calling within, which holds the writer's mutex throughout.
func (w *writer) recordAll(accounts []*account, change func(b *batch, deltas []*delta)) *batch {
	w.mu.Lock()
	b := w.pending
	deltas := make([]*delta, len(accounts))
	for i, a := range accounts {
		if a.batch != b {
			a.batch, a.delta = b, &delta{key: a.key}
			b.deltas = append(b.deltas, a.delta)
		}
		deltas[i] = a.delta
	}
	change(b, deltas)
	w.mu.Unlock()
	w.signal()
	return b
}

// pendingOf returns the batch that still has something to write of an account, or nil.
func (w *writer) pendingOf(a *account) *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.batch == nil || a.batch.stored.Load() {
		return nil
	}
	return a.batch
}

func (w *writer) failure() error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
	return w.conn.Close()
}

// run commits batch after batch until the writer is closed and nothing is pending.
func (w *writer) run() {
	defer close(w.done)
	for range w.wake {
		for {
			w.mu.Lock()
			b, closed := w.pending, w.closed
			if b.empty() {
				w.mu.Unlock()
				if closed {
					return
				}
				break
			}
			w.pending = newBatch()
			w.mu.Unlock()
			if !w.store(b) {
				return
			}
		}
	}
}

func (b *batch) empty() bool {
	return len(b.deltas) == 0 && len(b.entries) == 0 && len(b.onces) == 0
}

// store commits a batch, however often it has to try. It reports false where it gave up
// because the writer was closed.
func (w *writer) store(b *batch) bool {
	wait := 50 * time.Millisecond
	for attempt := 0; ; attempt++ {
		err := w.commit(b)
		if err == nil {
			b.stored.Store(true)
			w.failed.Store(nil)
			if attempt == 0 {
				close(b.settled)
			}
			return true
		}
		w.failed.Store(&err)
		if attempt == 0 {
			b.err = err
			close(b.settled)
		}
		w.mu.Lock()
		closed := w.closed
		w.mu.Unlock()
		if closed {
			return false
		}
		time.Sleep(wait)
		wait = min(2*wait, time.Second)
	}
}

// commit writes a batch in one transaction.
func (w *writer) commit(b *batch) (err error) {
	// The context never ends: a commit that was begun is seen through.
	ctx := context.Background()
	if _, err := w.stmt.begin.ExecContext(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = w.stmt.rollback.ExecContext(ctx)
		}
	}()
	for _, d := range b.deltas {
		if err := w.stmt.writeDelta(ctx, d); err != nil {
			return err
		}
	}
	for i := range b.entries {
		if err := w.stmt.writeEntry(ctx, &b.entries[i]); err != nil {
			return err
		}
	}
	for i := range b.onces {
		if err := w.stmt.writeOnce(ctx, &b.onces[i]); err != nil {
			return err
		}
	}
	_, err = w.stmt.commit.ExecContext(ctx)
	return err
}

// close notes the end of a hold. One that was opened in the same batch leaves nothing.
func (d *delta) close(id uint64) {
	for i := range d.opened {
		if d.opened[i].ID == id {
			d.opened = slices.Delete(d.opened, i, i+1)
			return
		}
	}
	d.closed = append(d.closed, id)
}

// use adds to a row of the usage table.
func (d *delta) use(u usage) {
	for i := range d.usage {
		if o := &d.usage[i]; o.hour == u.hour && o.model == u.model && o.tier == u.tier && o.takenBack == u.takenBack {
			o.counted, o.credited = o.counted.Add(u.counted), o.credited.Add(u.credited)
			o.input += u.input
			o.output += u.output
			return
		}
	}
	d.usage = append(d.usage, u)
}

// setRow notes the account's row as it is now.
func (d *delta) setRow(a *account) {
	r := a.row
	r.credits, r.unlimitedUntil, r.burst = a.state.Credits, a.state.UnlimitedUntil, a.state.Burst
	d.row = &r
}

func usageOf(s limit.Settlement, actual ledger.Actual) usage {
	return usage{
		hour: s.Hold.At.Unix() / hourSeconds, model: s.Hold.Model, tier: s.Hold.Tier,
		counted: s.Counted, credited: s.Credited,
		input: actual.InputTokens, output: actual.OutputTokens,
	}
}
