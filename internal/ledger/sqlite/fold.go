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
	// foldEvery is how long what is journaled stays out of the tables.
	foldEvery = 250 * time.Millisecond
	// foldSize is how much is folded at once, in bytes of the journal. Where so much has
	// gathered it is folded before its time.
	foldSize = 4 << 20
	// retryFold is the time between two attempts to fold that fail.
	foldRetry = time.Second
)

// attempt is one attempt to fold all that was journaled when it began.
type attempt struct {
	over chan struct{}
	err  error // to be read after over
}

func newAttempt() *attempt { return &attempt{over: make(chan struct{})} }

// wait has the attempt made and waits until it is over. It returns an error of ctx only.
func (a *attempt) wait(ctx context.Context, w *writer) error {
	signal(w.wanted)
	select {
	case <-a.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitFold has what was told up to a record folded, and waits until it is.
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

// run folds, when it is time or somebody waits for it, until the writer is closed.
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
			w.closeErr = w.fold() // there may be room now for what could not be appended
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

// fold folds all that is told by now. Of what could not be appended it folds nothing: what
// is in the tables was in the journal before.
func (w *writer) fold() error {
	w.folding.Lock()
	defer w.folding.Unlock()
	w.mu.Lock()
	a := w.next
	w.next = newAttempt()
	w.mu.Unlock()

	var appended error
	err := w.foldFull() // what an earlier attempt could not
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

// alternate appends what has gathered, and gives the segment to be folded in exchange for
// the other, which is empty.
func (w *writer) alternate() error {
	w.appending.Lock()
	defer w.appending.Unlock()
	err := w.append()
	w.active, w.full = w.full, w.active
	return err
}

// foldFull folds the segment that is not appended to, and empties it.
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

// look reads how far the tables are, where the last commit has failed: it may have been
// one all the same.
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

// foldRecords writes to the tables what of the records is not there yet. It returns why it
// could not read on, if so, when what it has read is there.
func (w *writer) foldRecords(rs *records) error {
	m := w.merge
	m.begin(w.folded.Load())
	defer m.begin(0) // of a large fold nothing is kept
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

// commit writes what records come to, in one transaction with how far the tables are then.
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

// replay folds what a former process has journaled. It returns how many bytes of it could
// not be read, a record at the end aside that was being appended when the process died.
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
