package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

const (
	// foldEvery is how long changes stay in the journal before they are folded.
	foldEvery = 250 * time.Millisecond
	// foldSize is how much is folded in one transaction, in bytes of the journal. When the
	// journal is larger, it is folded at once.
	foldSize = 4 << 20
	// foldRetry is the time between two attempts to fold that fail.
	foldRetry = time.Second
)

// attempt is one attempt to fold all changes that were staged when it began.
type attempt struct {
	over chan struct{}
	err  error // read it after over
}

func newAttempt() *attempt { return &attempt{over: make(chan struct{})} }

// wait starts the attempt and waits until it is over. It returns only errors of ctx.
func (a *attempt) wait(ctx context.Context, w *writer) error {
	signal(w.wanted)
	select {
	case <-a.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitFold folds all records up to a sequence and waits until they are in the tables.
func (w *writer) awaitFold(ctx context.Context, sequence uint64) error {
	for w.folded.Load() < sequence {
		w.mu.Lock()
		a := w.next
		w.mu.Unlock()
		if err := a.wait(ctx, w); err != nil {
			return err
		}
		if a.err != nil && w.folded.Load() < sequence {
			return fmt.Errorf("%w: %w", ledger.ErrUnavailable, a.err)
		}
	}
	return nil
}

// run folds when foldEvery is over or a caller waits for it, until the writer is closed.
func (w *writer) run() {
	defer close(w.done)
	for closing := false; !closing; {
		select {
		case <-w.due.C:
		case <-w.wanted:
		case <-w.closing:
			closing = true
		}
		w.closeErr = w.fold()
		switch {
		case w.closeErr != nil && closing:
			w.closeErr = w.fold() // the journal may now have room for the unwritten records
		case w.closeErr != nil:
			w.due.Reset(foldRetry)
		}
	}
	if w.closeErr != nil {
		w.closeErr = fmt.Errorf("not everything was written: %w", w.closeErr)
	}
	w.due.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next.err = errClosed
	close(w.next.over)
}

// fold folds all staged changes. It does not fold changes that could not be appended: every
// change is in the journal before it is in the tables.
func (w *writer) fold() error {
	w.folding.Lock()
	defer w.folding.Unlock()
	w.mu.Lock()
	a := w.next
	w.next = newAttempt()
	w.mu.Unlock()

	var appended error
	err := w.foldFull() // a segment that an earlier attempt left
	if err == nil {
		appended = w.alternate()
		err = w.foldFull()
	}
	if err == nil {
		w.foldErr.Store(nil)
		err = appended
	} else {
		w.foldErr.Store(&err)
	}
	a.err = err
	close(a.over)
	return err
}

// alternate appends the staged changes and swaps the segments: the active one is folded next,
// and records are appended to the other, which is empty.
func (w *writer) alternate() error {
	w.appending.Lock()
	defer w.appending.Unlock()
	err := w.append()
	w.active, w.full = w.full, w.active
	return err
}

// foldFull folds the segment in full and empties it.
func (w *writer) foldFull() error {
	size := w.full.size
	if size == 0 {
		return nil
	}
	if err := w.syncFolded(); err != nil {
		return err
	}
	rs, err := w.full.records(w.epoch)
	if err == nil {
		err = w.foldRecords(rs)
	}
	if err != nil {
		return err
	}
	if err := w.full.clear(); err != nil {
		return err
	}
	w.appending.Lock()
	defer w.appending.Unlock()
	w.grow(-size)
	return nil
}

// syncFolded reads from the tables up to which record they are folded, if the last commit
// failed: it may have been made in spite of the error.
func (w *writer) syncFolded() error {
	if !w.commitUnknown {
		return nil
	}
	var epoch, folded uint64
	if err := w.stmt.progress.QueryRow().Scan(&epoch, &folded); err != nil {
		return err
	}
	if epoch != w.epoch {
		return errForeign
	}
	w.folded.Store(folded)
	w.commitUnknown = false
	return nil
}

// foldRecords folds the records that are not in the tables yet. If it cannot read a record,
// it folds those before it and returns the error.
func (w *writer) foldRecords(rs *records) error {
	m := w.merge
	m.begin(w.folded.Load())
	defer m.begin(0) // frees the memory of a large fold
	for {
		left := rs.left
		sequence, changes, end := rs.next()
		if end == nil && sequence > m.through+1 {
			rs.left, end = left, errGap
		}
		if end != nil {
			if err := w.commit(m); err != nil || end == io.EOF { //nolint:errorlint // never wrapped
				return err
			}
			return end
		}
		if sequence <= m.through {
			continue
		}
		if err := m.add(sequence, changes); err != nil {
			return err
		}
		if m.size >= foldSize {
			if err := w.commit(m); err != nil {
				return err
			}
			m.begin(m.through)
		}
	}
}

// commit writes a merge to the tables. The same transaction notes up to which record they are
// folded.
func (w *writer) commit(m *merge) error {
	folded := w.folded.Load()
	if m.through == folded {
		return nil
	}
	w.commitUnknown = true
	if err := w.stmt.write(m, w.epoch, folded); err != nil {
		return err
	}
	w.commitUnknown = false
	w.folded.Store(m.through)
	for i := range m.onces {
		w.onFolded(onceKey{m.onces[i].project, m.onces[i].once.Key})
	}
	return nil
}

// replay folds the journal of the previous process. It returns how many bytes it could not
// read, without an incomplete record at the end, which was being appended when the process
// died.
func (w *writer) replay() (dropped int64, err error) {
	var folded uint64
	if err := w.stmt.progress.QueryRow().Scan(&w.epoch, &folded); err != nil {
		return 0, err
	}
	w.folded.Store(folded)
	if w.active.first(w.epoch) > w.full.first(w.epoch) {
		w.active, w.full = w.full, w.active
	}
	for _, s := range [...]*segment{w.active, w.full} {
		rs, err := s.records(w.epoch)
		if err == nil {
			err = w.foldRecords(rs)
		}
		switch {
		case errors.Is(err, errCorrupt), errors.Is(err, errGap):
			dropped += rs.left
		case err != nil && !errors.Is(err, errTorn) && !errors.Is(err, errForeign):
			return dropped, err
		}
	}
	return dropped, nil
}
