package sqlite

import (
	"context"
	"database/sql"
	"errors"
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
// A hold needs no place in the file before its answer begins: until then it is young, and
// most requests are settled in one write without their hold ever being written. One whose
// answer does not come soon is written meanwhile, so that its first byte has no commit to
// wait for (see ticket).
//
// A batch that cannot be committed is tried again until it can: memory has moved on and
// the file must follow. Until then whoever waits is told, and nothing new is admitted.
type writer struct {
	conn *sql.Conn
	stmt statements

	committing sync.Mutex // held by who uses conn
	retry      *batch     // could not be committed by who waited for it; needs committing

	mu      sync.Mutex
	pending *batch
	young   tickets
	timer   *time.Timer // runs while something is young, or pending and asked for by nobody
	timed   bool

	wake    chan struct{}
	closing chan struct{}
	failed  atomic.Pointer[error] // why nothing can be kept now
	observe atomic.Pointer[ledger.Observer]
	done    chan struct{}
	lost    error // why not everything was written, to be read after done
}

// batch is what one transaction writes. It is changed under the writer's mutex until the
// writer takes it, and not at all after that.
type batch struct {
	deltas  []*delta
	entries []entry
	onces   []onceRow

	told   chan struct{} // closed when committed, or when that has failed or must wait for one that has
	err    error         // of the failure, to be read after told
	stored atomic.Bool   // committed, at whichever attempt
}

// delta is what one batch writes of one account.
type delta struct {
	of     *account
	opened []limit.Hold
	closed []uint64
	usage  []usage
	reset  *reset
	row    *writtenRow
}

// reset takes back what was used in a period, the usage of this delta included. What
// comes after it is a delta of its own.
type reset struct {
	requests, tokens bool
	from, to         int64 // hours
}

// usage is an amount to be added to a row of the usage table.
type usage struct {
	hour              int64
	model, tier       string
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
	stored  func() // called when it is in the file, before anybody is told
}

var errClosed = errors.New("the ledger is closed")

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		conn: conn, pending: newBatch(),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	if err := w.stmt.prepare(ctx, conn); err != nil {
		w.stmt.closeAll()
		return nil, errors.Join(err, conn.Close())
	}
	go w.run()
	return w, nil
}

func newBatch() *batch { return &batch{told: make(chan struct{})} }

// Wait implements the Commit of a ledger.Reservation.
func (b *batch) Wait(ctx context.Context) error {
	select {
	case <-b.told:
	default:
		select {
		case <-b.told:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if b.err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, b.err)
	}
	return nil
}

// tell lets those go on who wait for the batch, once. It needs the writer's mutex.
func (b *batch) tell(err error) {
	select {
	case <-b.told:
	default:
		b.err = err
		close(b.told)
	}
}

// late reports whether those who wait for the batch were told that it failed. It needs
// the writer's mutex.
func (b *batch) late() bool { return b.err != nil }

func (b *batch) empty() bool {
	return len(b.deltas) == 0 && len(b.entries) == 0 && len(b.onces) == 0
}

// recordAll adds to the pending batch what belongs to several accounts, or to none, and
// must be kept all or not at all. The accounts must be locked.
func (w *writer) recordAll(accounts []*account, change func(b *batch, deltas []*delta)) *batch {
	w.mu.Lock()
	b := w.pending
	deltas := make([]*delta, len(accounts))
	for i, a := range accounts {
		deltas[i] = w.deltaOf(a)
	}
	change(b, deltas)
	w.mu.Unlock()
	w.signal()
	return b
}

// deltaOf returns the account's part of the pending batch. It needs the writer's mutex.
func (w *writer) deltaOf(a *account) *delta {
	if a.batch != w.pending || a.delta.reset != nil {
		a.batch, a.delta = w.pending, &delta{of: a}
		w.pending.deltas = append(w.pending.deltas, a.delta)
	}
	return a.delta
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

// close commits what is pending and returns why it could not, if so.
func (w *writer) close() error {
	w.mu.Lock()
	for w.young.first != nil {
		w.promote(w.young.first)
	}
	w.mu.Unlock()
	close(w.closing)
	<-w.done
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.stmt.closeAll()
	return errors.Join(w.lost, w.conn.Close())
}

func (w *writer) isClosing() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

// run commits what nobody commits who waits for it, until the writer is closed and
// nothing is pending.
func (w *writer) run() {
	defer close(w.done)
	defer w.fail(nil, errClosed)
	for {
		closing := w.isClosing() // before take: what was recorded before close is seen
		w.gather()
		found, err := w.commitNext()
		switch {
		case err != nil:
			w.lost = fmt.Errorf("not everything was written: %w", err)
			return
		case found:
		case closing:
			return
		default:
			select {
			case <-w.wake:
			case <-w.closing:
			}
		}
	}
}

// commitNext commits the next batch, if there is one. It returns an error where it gave up.
func (w *writer) commitNext() (found bool, err error) {
	w.committing.Lock()
	defer w.committing.Unlock()
	b := w.retry
	if b == nil {
		b = w.take()
	}
	w.retry = nil
	if b == nil {
		return false, nil
	}
	return true, w.store(b)
}

// hurry has a batch committed that somebody waits for: by the waiter itself, which spares
// it two switches between goroutines, where nobody else commits and few wait.
func (w *writer) hurry(b *batch) {
	w.mu.Lock()
	alone := w.pending == b && w.young.n < company && w.failed.Load() == nil
	w.mu.Unlock()
	if !alone || !w.committing.TryLock() {
		w.signal()
		return
	}
	defer w.committing.Unlock()
	w.mu.Lock()
	if w.pending != b || w.retry != nil { // somebody was faster, or is needed
		w.mu.Unlock()
		w.signal()
		return
	}
	w.pending = newBatch()
	w.mu.Unlock()
	if err := w.commit(b); err != nil {
		w.fail(b, err)
		w.retry = b
		w.signal()
		return
	}
	w.succeed(b)
}

// take returns the pending batch and begins the next one, or nil where there is nothing
// to write.
func (w *writer) take() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.pending
	if b.empty() {
		return nil
	}
	w.pending = newBatch()
	return b
}

// store commits a batch, however often it has to try. It gives up, and returns why, where
// the writer is closed meanwhile.
func (w *writer) store(b *batch) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := w.commit(b)
		if err == nil {
			w.succeed(b)
			return nil
		}
		w.fail(b, err)
		if w.isClosing() {
			return err
		}
		select {
		case <-time.After(wait):
		case <-w.closing: // one more attempt
		}
	}
}

// fail makes the ledger unavailable and tells whoever waits, for b or what comes after it.
func (w *writer) fail(b *batch, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed.Store(&err)
	if b != nil {
		b.tell(err)
	}
	w.pending.tell(err)
}

// succeed lets go of a batch that is in the file. After a failure the ledger is available
// again when what gathered meanwhile, whose waiters were told, is written too.
func (w *writer) succeed(b *batch) {
	for i := range b.onces {
		b.onces[i].stored()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// An idle account must keep no memory for what it once had to write.
	for _, d := range b.deltas {
		if d.of.batch == b {
			d.of.batch, d.of.delta = nil, nil
		}
	}
	b.deltas, b.entries, b.onces = nil, nil, nil
	b.stored.Store(true)
	if w.pending.late() && w.pending.empty() {
		w.pending = newBatch()
	}
	if !w.pending.late() {
		w.failed.Store(nil)
	}
	b.tell(nil)
}

// commit writes a batch in one transaction.
func (w *writer) commit(b *batch) (err error) {
	// The context never ends: a commit that was begun is seen through.
	ctx := context.Background()
	start := time.Now()
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
	if _, err = w.stmt.commit.ExecContext(ctx); err != nil {
		return err
	}
	if o := w.observe.Load(); o != nil && o.Batch != nil {
		o.Batch(len(b.deltas)+len(b.entries)+len(b.onces), time.Since(start))
	}
	return nil
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
		if o := &d.usage[i]; o.hour == u.hour && o.model == u.model && o.tier == u.tier {
			o.counted, o.credited = o.counted.Add(u.counted), o.credited.Add(u.credited)
			o.input, o.output = bounded(o.input+u.input), bounded(o.output+u.output)
			return
		}
	}
	d.usage = append(d.usage, u)
}

// setRow notes the account's row as it is now.
func (d *delta) setRow(a *account) {
	d.row = &writtenRow{a.row, a.state.Credits, a.state.UnlimitedUntil, a.state.Burst}
}

func usageOf(s limit.Settlement, actual ledger.Actual) usage {
	return usage{
		hour: hourOf(s.Hold.At), model: s.Hold.Model, tier: s.Hold.Tier,
		counted: s.Counted, credited: s.Credited,
		input: bounded(actual.InputTokens), output: bounded(actual.OutputTokens),
	}
}

func bounded(n int64) int64 { return min(max(0, n), limit.Most) }
