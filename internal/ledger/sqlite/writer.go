package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// writer keeps what the accounts tell it: in the journal at once, from where a process
// that is killed finds it again, and in the tables soon after (see fold.go).
//
// What is told gathers in a record. Whoever waits for it appends what has gathered by
// then, in one write, and those who come meanwhile find it done. A hold needs no place in
// the journal before its answer begins (see ticket.go).
//
// An append that fails is tried again until it works: memory has moved on and the journal
// must follow. Until then whoever waits is told, and nothing new is admitted.
//
// Of its mutexes folding is taken first, then appending, then mu.
type writer struct {
	conn     *sql.Conn
	stmt     statements
	epoch    uint64        // of this process's journal
	onFolded func(onceKey) // called when an idempotency key is in the tables

	mu       sync.Mutex
	record   []byte // what has gathered, after room for the header; empty where nothing has
	changes  int    // in that record
	sequence uint64 // of that record
	pending  tickets
	timer    *time.Timer // looks after what nobody waits for
	timerSet bool
	next     *attempt // to fold, which has not begun
	closed   bool

	appending  sync.Mutex
	active     *segment // is appended to
	size       int64    // of both segments
	nearlyFull atomic.Bool
	unwritten  []byte // records that could not be appended
	spare      []byte // the room of the record before
	appended   atomic.Uint64
	appendErr  atomic.Pointer[error] // why nothing can be appended now

	folding       sync.Mutex
	full          *segment // is folded, and empty when it is
	merge         *merge
	commitUnknown bool // whether the last commit was one
	folded        atomic.Uint64
	foldErr       atomic.Pointer[error] // why nothing can be folded now

	due      *time.Timer   // to fold
	wanted   chan struct{} // to fold at once
	closing  chan struct{}
	observe  atomic.Pointer[ledger.Observer]
	done     chan struct{}
	closeErr error // why not everything was folded, to be read after done
}

const (
	// retryAfter is the time between two attempts to append.
	appendRetry = 100 * time.Millisecond
	// journalSize is how large the journal may grow while it cannot be folded, in bytes.
	maxJournalSize = 64 << 20
	// spareSize is how much room for a record is worth keeping, in bytes.
	maxSpareRecord = 1 << 20
)

var (
	errClosed = errors.New("the ledger is closed")
	errFull   = errors.New("the journal is full")
)

// openWriter folds what a former process has journaled, settles what it left running, and
// begins a journal of its own. It returns how many bytes it could not read of the former.
// The caller runs it.
func openWriter(ctx context.Context, db *sql.DB, landed func(onceKey)) (opened *writer, dropped int64, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, 0, err
	}
	w := &writer{
		conn: conn, onFolded: landed, merge: newMerge(), next: newAttempt(), due: time.NewTimer(foldEvery),
		wanted: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.release(false))
		}
	}()
	if err := w.stmt.prepare(ctx, w.conn); err != nil {
		return nil, 0, err
	}
	if err := w.openJournal(ctx); err != nil {
		return nil, 0, fmt.Errorf("open the journal: %w", err)
	}
	if dropped, err = w.replay(); err != nil {
		return nil, 0, fmt.Errorf("fold the journal of a former process: %w", err)
	}
	if err := w.begin(ctx); err != nil {
		return nil, 0, fmt.Errorf("settle what a former process left running: %w", err)
	}
	return w, dropped, nil
}

// openJournal opens the journal of the database that the connection has open.
func (w *writer) openJournal(ctx context.Context) error {
	var path string
	err := w.conn.QueryRowContext(ctx, `SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path)
	if err != nil {
		return err
	}
	if w.active, err = openSegment(path + ".journal-a"); err != nil {
		return err
	}
	w.full, err = openSegment(path + ".journal-b")
	return err
}

// begin begins a new epoch with an empty journal.
func (w *writer) begin(ctx context.Context) error {
	w.epoch = rand.Uint64() >> 1
	if err := succeed(ctx, w.conn, w.epoch); err != nil {
		return err
	}
	w.sequence = 1
	w.folded.Store(0)
	return errors.Join(w.active.clear(), w.full.clear())
}

// tell begins the record, where nothing has gathered yet, for something of an account to
// be appended. It needs the writer's mutex.
func (w *writer) stage(a *account) {
	if len(w.record) == 0 {
		w.record = append(w.record, make([]byte, recordHeader)...)
	}
	a.lastStaged = w.sequence
	w.changes++
}

// tellAll tells what belongs to several accounts, or to none, and must be kept all or not
// at all. The accounts must be locked. It returns the record's sequence.
func (w *writer) stageAll(accounts []*account, change func(record []byte) []byte) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range accounts {
		w.stage(a)
	}
	w.record = change(w.record)
	w.arm()
	return w.sequence
}

// unfolded returns the last record with something of an account, where that is not in the
// tables yet.
func (w *writer) unfolded(a *account) (sequence uint64, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return a.lastStaged, a.lastStaged > w.folded.Load()
}

// last returns the sequence of the last record, the one that is gathering included.
func (w *writer) last() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.record) == 0 {
		return w.sequence - 1
	}
	return w.sequence
}

func (w *writer) appendFailure() error {
	if err := w.appendErr.Load(); err != nil {
		return *err
	}
	return nil
}

// stuck returns why nothing can be folded now.
func (w *writer) foldFailure() error {
	if err := w.foldErr.Load(); err != nil {
		return *err
	}
	return nil
}

// keep returns when a record is in the journal, by whoever appended it.
func (w *writer) awaitAppend(sequence uint64) error {
	if w.appended.Load() >= sequence {
		return nil
	}
	w.appending.Lock()
	defer w.appending.Unlock()
	if w.appended.Load() >= sequence {
		return nil
	}
	err := w.appendFailure()
	if err == nil {
		err = w.append()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	return nil
}

// append appends what has gathered, and before it what could not be appended. Where it
// fails it will be tried again. It needs appending.
func (w *writer) append() error {
	w.mu.Lock()
	record, sequence, changes := w.record, w.sequence, w.changes
	if len(record) > 0 {
		w.record, w.spare = w.spare[:0], nil
		w.sequence++
		w.changes = 0
	}
	w.mu.Unlock()
	began := time.Now()
	if len(record) > 0 {
		seal(record, sequence)
	} else {
		record, sequence = nil, sequence-1
	}
	if err := w.write(record); err != nil {
		w.appendErr.Store(&err)
		w.mu.Lock()
		w.armAfter(appendRetry)
		w.mu.Unlock()
		return err
	}
	w.appended.Store(sequence)
	if o := w.observe.Load(); o != nil && o.Batch != nil && changes > 0 {
		o.Batch(changes, time.Since(began))
	}
	if w.appendErr.Load() != nil {
		w.appendErr.Store(nil)
	}
	return nil
}

func (w *writer) write(record []byte) error {
	records := record
	if len(w.unwritten) > 0 {
		w.unwritten = append(w.unwritten, record...)
		records = w.unwritten
	}
	if len(records) == 0 {
		return nil
	}
	err := w.room(len(records))
	before := w.active.size
	if err == nil {
		err = w.active.append(w.epoch, records)
	}
	if err != nil && len(w.unwritten) == 0 {
		w.unwritten = record
	}
	if err != nil {
		return err
	}
	w.unwritten = nil
	if cap(record) <= maxSpareRecord {
		w.spare = record
	}
	w.grow(w.active.size - before)
	switch {
	case before == 0:
		w.due.Reset(foldEvery)
	case w.active.size > foldSize:
		signal(w.wanted)
	}
	return nil
}

// grow notes that the journal has grown by so many bytes, or shrunk. It needs appending.
func (w *writer) grow(bytes int64) {
	w.size += bytes
	w.nearlyFull.Store(w.size > maxJournalSize/2)
}

// room returns an error where the journal may not grow by so many bytes. A record that is
// larger than it may be has it for itself.
func (w *writer) room(bytes int) error {
	if w.size == 0 || w.size+int64(bytes) <= maxJournalSize {
		return nil
	}
	signal(w.wanted)
	if err := w.foldFailure(); err != nil {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return errFull
}

// arm makes sure that what is young or has gathered is looked at in time. It needs the
// writer's mutex.
func (w *writer) arm() { w.armAfter(pendingTime) }

func (w *writer) armAfter(d time.Duration) {
	if w.timerSet || w.closed {
		return
	}
	w.timerSet = true
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.flush)
		return
	}
	w.timer.Reset(d)
}

// ripen promotes the tickets that have been young for long enough and appends what nobody
// waits for.
func (w *writer) flush() {
	w.mu.Lock()
	w.timerSet = false
	w.promoteOld()
	w.mu.Unlock()

	w.appending.Lock()
	if !errors.Is(w.appendFailure(), errClosed) {
		_ = w.append() // which is tried again, and told in Healthy
	}
	w.appending.Unlock()

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending.first != nil {
		w.arm()
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close folds what is still to be folded and returns why it could not, if so. What it
// could append is not lost: the next process folds it.
func (w *writer) close() error {
	w.mu.Lock()
	for w.pending.first != nil {
		w.promote(w.pending.first)
	}
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	close(w.closing)
	<-w.done

	w.appending.Lock()
	defer w.appending.Unlock()
	closed := errClosed
	w.appendErr.Store(&closed)
	return errors.Join(w.closeErr, w.release(w.closeErr == nil))
}

// release closes what the writer has open, and removes the journal where nothing in it is
// needed any more.
func (w *writer) release(remove bool) error {
	w.stmt.closeAll()
	var errs []error
	for _, s := range [...]*segment{w.active, w.full} {
		if s != nil {
			errs = append(errs, s.close(remove))
		}
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

func usageOf(s limit.Settlement, actual ledger.Actual) usage {
	return usage{
		hour: hourOf(s.Hold.At), model: s.Model, tier: s.Hold.Tier,
		counted: s.Counted, credited: s.Credited,
		input: bounded(actual.InputTokens), output: bounded(actual.OutputTokens),
	}
}

func bounded(n int64) int64 { return min(max(0, n), limit.Most) }
