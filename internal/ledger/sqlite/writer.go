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
)

// writer keeps the changes of accounts: in the journal at once, so that the next process
// finds them after a kill, and in the tables soon after (see fold.go).
//
// Changes are staged in a record. A request that waits for its change appends the whole
// record in one write; other requests that wait for the same record find it appended. A
// hold must be in the journal only when its answer begins (see ticket.go).
//
// A failed append is retried until it succeeds, since memory already has the changes. Until
// then a request that waits for its change gets an error, and no new request is admitted.
//
// The mutexes are locked in this order: folding, appending, mu.
type writer struct {
	conn     *sql.Conn
	stmt     statements
	epoch    uint64        // of this process's journal
	onFolded func(onceKey) // called when an idempotency key is in the tables

	mu       sync.Mutex
	record   []byte // staged changes, after room for the header; empty if there are none
	changes  int    // number of changes in record
	sequence uint64 // of record
	pending  tickets
	timer    *time.Timer // appends changes that no request waits for
	timerSet bool
	next     *attempt // the next attempt to fold
	closed   bool

	appending  sync.Mutex
	active     *segment // the segment that records are appended to
	size       int64    // of both segments
	nearlyFull atomic.Bool
	unwritten  []byte // records that could not be appended
	spare      []byte // the buffer of an earlier record
	appended   atomic.Uint64
	appendErr  atomic.Pointer[error] // why nothing can be appended now

	folding       sync.Mutex
	full          *segment // the segment to fold; empty once it is folded
	merge         *merge
	commitUnknown bool // the last commit failed, but may have been made
	folded        atomic.Uint64
	foldErr       atomic.Pointer[error] // why nothing can be folded now

	due      *time.Timer   // for the next fold
	wanted   chan struct{} // signals run to fold at once
	closing  chan struct{}
	observe  atomic.Pointer[ledger.Observer]
	done     chan struct{}
	closeErr error // why not everything was folded; read it after done
}

const (
	// appendRetry is the time between two attempts to append.
	appendRetry = 100 * time.Millisecond
	// maxJournalSize is the largest size of the journal while it cannot be folded, in bytes.
	maxJournalSize = 64 << 20
	// maxSpareRecord is the largest record buffer that is reused, in bytes.
	maxSpareRecord = 1 << 20
)

var (
	errClosed = errors.New("the ledger is closed")
	errFull   = errors.New("the journal is full")
)

// openWriter folds the journal of the previous process, settles its orphans and begins a new
// journal. dropped is how many bytes of the previous journal it could not read. The caller
// must call run.
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
		return nil, 0, fmt.Errorf("fold the journal of the previous process: %w", err)
	}
	if err := w.begin(ctx); err != nil {
		return nil, 0, fmt.Errorf("settle the orphans of the previous process: %w", err)
	}
	return w, dropped, nil
}

// openJournal opens the journal beside the database file of the connection.
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

// stage prepares the record for a change of an account, which the caller then appends to it.
// The caller holds the writer's mutex.
func (w *writer) stage(a *account) {
	if len(w.record) == 0 {
		w.record = append(w.record, make([]byte, recordHeader)...)
	}
	a.lastStaged = w.sequence
	w.changes++
}

// stageAll stages changes of several accounts, or of none, which are kept all or not at all.
// The accounts must be locked. It returns the record's sequence.
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

// unfolded reports whether an account has changes that are not in the tables yet, and returns
// the sequence of the last record with one.
func (w *writer) unfolded(a *account) (sequence uint64, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return a.lastStaged, a.lastStaged > w.folded.Load()
}

// last returns the sequence of the last record. A record with staged changes counts.
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

// foldFailure returns why nothing can be folded now, or nil.
func (w *writer) foldFailure() error {
	if err := w.foldErr.Load(); err != nil {
		return *err
	}
	return nil
}

// awaitAppend returns when a record is in the journal. If nobody else has appended it, it
// appends it.
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

// append appends the records that could not be appended before, then the staged changes. If
// it fails, it is retried later. The caller holds appending.
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

// grow adds to the size of the journal; bytes is negative when the journal shrinks. The
// caller holds appending.
func (w *writer) grow(bytes int64) {
	w.size += bytes
	w.nearlyFull.Store(w.size > maxJournalSize/2)
}

// room returns an error if the journal may not grow by so many bytes. An empty journal takes
// a record of any size.
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

// arm makes sure that pending tickets and staged changes are flushed in time. The caller
// holds the writer's mutex.
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

// flush promotes the tickets that have been pending for long enough and appends the changes
// that no request waits for.
func (w *writer) flush() {
	w.mu.Lock()
	w.timerSet = false
	w.promoteOld()
	w.mu.Unlock()

	w.appending.Lock()
	if !errors.Is(w.appendFailure(), errClosed) {
		_ = w.append() // it is retried; Healthy returns the error
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

// close folds all changes. It returns an error if it cannot. Records in the journal are not
// lost: the next process folds them.
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

// release closes the statements, the journal and the connection. If remove is true, it
// removes the journal.
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
