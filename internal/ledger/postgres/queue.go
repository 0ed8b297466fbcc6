package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	// What one transaction takes on, so that none is long.
	maxCalls = 512
	// How long calls gather for, at most, while a batch is at the database. What a
	// transaction costs hardly depends on how many share it, so one after the other is
	// cheapest; where one takes longer than this the next does not wait for it.
	maxGatherTime = 2 * time.Millisecond
	// How long the ends of requests wait, at most, for a call that somebody waits for, to go
	// along with it. A batch of their own would make the next call on the account wait.
	endsGatherTime = 4 * time.Millisecond
	// How long a call waits for an account that somebody else keeps locked.
	callTimeout = 2 * time.Second
	// How often a locked account is looked at again.
	lockRetryPause = 25 * time.Millisecond
	// How long what must be written waits between attempts while the database is away.
	minPause, maxPause = 50 * time.Millisecond, 500 * time.Millisecond
	// How long a ledger that is closed tries to write what is left, where nobody says otherwise.
	closeTimeout = 2 * time.Second
)

// queue holds the calls that are to be made, a line for each account. The calls of an
// account are made in their order, and by one batch at a time; lanes take what has gathered
// in all lines that no other is busy with.
type queue struct {
	l *Ledger

	mu       sync.Mutex
	change   sync.Cond // of anything below
	lines    map[ledger.Key]*line
	ready    []*line   // that a lane may take, the first come first
	since    time.Time // of the first of them
	urgent   int       // how many of them hold a call that somebody waits for
	alarm    time.Time // when something looks whether they have gathered for long enough, zero for never
	inFlight int       // batches at the database
	paused   bool      // the database is away: nothing is tried until pause is over
	pause    time.Duration

	closing context.Context // for how long what is left is tried, when no more comes; nil while it may
	closed  bool            // the lanes have ended: what comes now is lost
}

// line is what waits of one account.
type line struct {
	key     ledger.Key
	calls   []*call
	waited  bool // somebody waits for one of them
	busy    bool // a lane has calls of it
	locked  bool // somebody else kept the account locked when it was last tried
	queued  bool // it is in ready,
	urgent  bool // and counted as urgent
	delayed bool // until it is tried again
}

func newQueue(l *Ledger) *queue {
	q := &queue{l: l, lines: make(map[ledger.Key]*line)}
	q.change.L = &q.mu
	return q
}

// push adds a call.
func (q *queue) push(c *call) {
	q.mu.Lock()
	if !q.closed {
		q.add(c)
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	q.refuse([]*call{c}, errClosed)
}

// add needs the mutex.
func (q *queue) add(c *call) {
	n := q.lines[c.key]
	if n == nil {
		n = &line{key: c.key}
		q.lines[c.key] = n
	}
	// While the database is away passed requests may come for hours.
	if last := len(n.calls) - 1; last >= 0 && n.calls[last].join(c) {
		return
	}
	n.calls = append(n.calls, c)
	n.waited = n.waited || c.answer != nil
	q.offer(n)
}

// offer makes a line ready if it can be taken. It needs the mutex.
func (q *queue) offer(n *line) {
	if n.busy || n.delayed || len(n.calls) == 0 {
		return
	}
	if !n.queued {
		if len(q.ready) == 0 {
			q.since = time.Now()
		}
		n.queued = true
		q.ready = append(q.ready, n)
	}
	if n.waited && !n.urgent {
		n.urgent = true
		q.urgent++
	}
	q.wake()
}

// wake has a lane take what is ready, now or when it has gathered for long enough. One
// timer does for all: where others have taken what it was set for it goes on for what has
// come since. It needs the mutex.
func (q *queue) wake() {
	if len(q.ready) == 0 || q.paused {
		return
	}
	if q.due() {
		q.change.Signal()
		return
	}
	at := q.since.Add(q.gatherTime())
	if !q.alarm.IsZero() && !at.Before(q.alarm) {
		return
	}
	q.alarm = at
	time.AfterFunc(time.Until(at), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.alarm.Equal(at) { // none before it was set since
			q.alarm = time.Time{}
		}
		q.wake()
	})
}

// after does something under the mutex after a time, and has the lanes look again.
func (q *queue) runAfter(d time.Duration, do func()) {
	time.AfterFunc(d, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		do()
		q.change.Broadcast()
	})
}

// do makes a call and waits for its answer. Where ctx ends first a reservation that was
// made all the same is released.
func (q *queue) do(ctx context.Context, c *call) error {
	c.expectAnswer()
	q.push(c)
	return q.wait(ctx, c)
}

// wait waits for the answer of a call.
func (q *queue) wait(ctx context.Context, c *call) error {
	select {
	case <-c.answer:
		return c.err
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.answered {
		return c.err
	}
	c.abandoned = true
	return ctx.Err()
}

// waits has the call answered.
func (c *call) expectAnswer() {
	c.answer, c.deadline = make(chan struct{}), time.Now().Add(callTimeout)
}

// caughtUp waits until all that was asked before is written: of some accounts and, so that
// a change is the last word on what came before it, of all others that are not locked.
func (q *queue) caughtUp(ctx context.Context, keys []ledger.Key) error {
	var turns []*call
	q.mu.Lock()
	own := make(map[ledger.Key]bool, len(keys))
	for _, key := range keys {
		own[key] = true
	}
	for key, n := range q.lines {
		if !n.locked || own[key] {
			c := &call{kind: barrier, key: key}
			c.expectAnswer()
			turns = append(turns, c)
			q.add(c)
		}
	}
	q.mu.Unlock()
	for _, c := range turns {
		select {
		case <-c.answer:
		case <-ctx.Done():
			return ctx.Err()
		}
		if c.err != nil && own[c.key] {
			return c.err
		}
	}
	return nil
}

// answer tells who waits that their calls are done.
func (q *queue) answer(calls []*call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range calls {
		switch {
		case c.answer == nil:
		case c.abandoned:
			if c.kind == reserve && c.err == nil && c.res.Decision.Refusal == limit.Admitted {
				q.add(&call{kind: release, key: c.key, id: c.id})
			}
		default:
			c.answered = true
			close(c.answer)
		}
	}
}

// refuse tells those who wait why their calls were not made, and returns the calls that
// must be made all the same.
func (q *queue) refuse(calls []*call, why error) (kept []*call) {
	var waiting []*call
	for _, c := range calls {
		if c.answer == nil {
			kept = append(kept, c)
			continue
		}
		c.err = fmt.Errorf("%w: %w", ledger.ErrUnavailable, why)
		waiting = append(waiting, c)
	}
	q.answer(waiting)
	return kept
}

// lane makes one batch after the other, until the queue is closed and empty or cannot be
// emptied. Several lanes run at once.
func (q *queue) lane() {
	for {
		lines, calls := q.take()
		if lines == nil {
			return
		}
		if why := q.l.Healthy(); why != nil {
			calls = q.refuse(calls, why)
		}
		var left remainder
		if len(calls) > 0 {
			left = q.process(calls, anyLocked(lines))
		}
		q.give(lines, left)
	}
}

// take waits for a batch and returns its lines and calls, or nil when there will be none.
func (q *queue) take() (lines []*line, calls []*call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.due() {
		if q.closing != nil && (len(q.lines) == 0 || q.closing.Err() != nil) {
			return nil, nil
		}
		q.change.Wait()
	}
	for len(q.ready) > 0 && len(calls) < maxCalls {
		n := q.ready[0]
		q.ready = q.ready[1:]
		if n.urgent {
			q.urgent--
		}
		n.queued, n.urgent, n.busy = false, false, true
		lines, calls = append(lines, n), n.next(calls, maxCalls-len(calls))
	}
	if len(q.ready) == 0 {
		q.ready = nil
	}
	q.since = time.Now()
	q.inFlight++
	q.wake() // another lane for what is left
	return lines, calls
}

// next moves so many of the line's calls to others. What is left goes on when they are back.
func (n *line) next(calls []*call, most int) []*call {
	most = min(most, len(n.calls))
	calls, n.calls = append(calls, n.calls[:most]...), n.calls[most:]
	if len(n.calls) == 0 {
		n.calls = nil
	}
	n.waited = anyWaited(n.calls)
	return calls
}

func anyWaited(calls []*call) bool {
	return slices.ContainsFunc(calls, func(c *call) bool { return c.answer != nil })
}

// due reports whether a batch should go. It needs the mutex.
func (q *queue) due() bool {
	return len(q.ready) > 0 && !q.paused && (len(q.ready) >= maxCalls || time.Since(q.since) >= q.gatherTime())
}

// patience is how long what is ready gathers for. It needs the mutex.
func (q *queue) gatherTime() time.Duration {
	switch {
	case q.urgent > 0 && q.inFlight == 0, q.closing != nil:
		return 0
	case q.urgent > 0:
		return maxGatherTime
	}
	return endsGatherTime
}

// remains is what a batch leaves to do.
type remainder struct {
	calls       []*call // that could not be made,
	locked      bool    // their accounts being locked by somebody else,
	unavailable bool    // the database being away
}

// give returns the lines of a batch, with what is left of its calls.
func (q *queue) give(lines []*line, left remainder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight--
	again := byKey(left.calls)
	for _, n := range lines {
		n.busy, n.locked = false, left.locked && len(again[n.key]) > 0
		if first := again[n.key]; len(first) > 0 {
			n.calls = append(first, n.calls...)
			n.waited = n.waited || anyWaited(first)
		}
		switch {
		case n.locked:
			n.delayed = true
			q.runAfter(lockRetryPause, func() {
				n.delayed = false
				q.offer(n)
			})
		case len(n.calls) == 0:
			delete(q.lines, n.key)
		default:
			q.offer(n)
		}
	}
	switch {
	case !left.unavailable:
		q.pause = 0
	case !q.paused:
		q.paused, q.pause = true, min(max(minPause, 2*q.pause), maxPause)
		q.runAfter(q.pause, func() {
			q.paused = false
			q.wake()
		})
	}
	q.change.Broadcast()
}

func byKey(calls []*call) map[ledger.Key][]*call {
	if len(calls) == 0 {
		return nil
	}
	m := make(map[ledger.Key][]*call)
	for _, c := range calls {
		m[c.key] = append(m[c.key], c)
	}
	return m
}

func anyLocked(lines []*line) bool {
	for _, n := range lines {
		if n.locked {
			return true
		}
	}
	return false
}

// close has the lanes end when the queue is empty, or when ctx ends, until stop is called.
func (q *queue) close(ctx context.Context) (stop func() bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closing = ctx
	q.change.Broadcast()
	return context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.change.Broadcast()
	})
}

// rest returns how many calls are left when the lanes have ended, and answers who waits.
func (q *queue) abandon() (lost int) {
	q.mu.Lock()
	q.closed = true
	var left []*call
	for _, n := range q.lines {
		left = append(left, n.calls...)
	}
	q.mu.Unlock()
	return len(q.refuse(left, errClosed))
}
