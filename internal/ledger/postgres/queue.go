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
	// maxCalls is the most calls of one transaction, so that none takes long.
	maxCalls = 512
	// maxGatherTime is the longest time that calls gather while a batch is at the database.
	// The cost of a transaction hardly depends on its number of calls, so one batch after the
	// other is cheapest. A batch does not wait longer than this for the one before it.
	maxGatherTime = 2 * time.Millisecond
	// endsGatherTime is the longest time that ends of requests wait for a call that a caller
	// waits for, to share its batch. A batch of their own would delay the account's next call.
	endsGatherTime = 4 * time.Millisecond
	// callTimeout is how long a call waits for an account that another session keeps locked.
	callTimeout = 2 * time.Second
	// lockRetryPause is the time between two attempts at a locked account.
	lockRetryPause = 25 * time.Millisecond
	// The shortest and the longest pause between attempts while the database is unavailable.
	minPause, maxPause = 50 * time.Millisecond, 500 * time.Millisecond
	// closeTimeout is how long Close tries to write the queued ends of requests.
	closeTimeout = 2 * time.Second
)

// queue has the waiting calls, in one line for each account. The calls of an account are made
// in their order, by one batch at a time. A lane takes the calls of all lines that are ready.
type queue struct {
	l *Ledger

	mu       sync.Mutex
	change   sync.Cond // signals a change of the fields below
	lines    map[ledger.Key]*line
	ready    []*line   // lines that a lane may take, in the order in which they became ready
	since    time.Time // when the first of them became ready
	urgent   int       // how many of them have a call that a caller waits for
	alarm    time.Time // when wake is called again; zero for never
	inFlight int       // batches at the database
	paused   bool      // the database is unavailable: nothing is tried until pause is over
	pause    time.Duration

	closing context.Context // not nil after close: until it ends, lanes try to empty the queue
	closed  bool            // the lanes have ended: new calls are refused
}

// line is the waiting calls of one account.
type line struct {
	key     ledger.Key
	calls   []*call
	waited  bool // a caller waits for one of them
	busy    bool // a lane is making calls of it
	locked  bool // another session kept the account locked at the last attempt
	queued  bool // it is in ready
	urgent  bool // it is counted in the queue's urgent
	delayed bool // until lockRetryPause is over
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

// add adds a call to its line. The caller holds the mutex.
func (q *queue) add(c *call) {
	n := q.lines[c.key]
	if n == nil {
		n = &line{key: c.key}
		q.lines[c.key] = n
	}
	// Passed requests are joined: while the database is unavailable they may come for hours.
	if last := len(n.calls) - 1; last >= 0 && n.calls[last].join(c) {
		return
	}
	n.calls = append(n.calls, c)
	n.waited = n.waited || c.answer != nil
	q.offer(n)
}

// offer makes a line ready if a lane may take it. The caller holds the mutex.
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

// wake makes a lane take the ready lines, now or when they have gathered for long enough. It
// sets no second timer for a later time: when the first one fires, it calls wake again. The
// caller holds the mutex.
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
		if q.alarm.Equal(at) { // no earlier timer was set since
			q.alarm = time.Time{}
		}
		q.wake()
	})
}

// runAfter calls do under the mutex after a time, and wakes all lanes.
func (q *queue) runAfter(d time.Duration, do func()) {
	time.AfterFunc(d, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		do()
		q.change.Broadcast()
	})
}

// do makes a call and waits for its answer. If ctx ends first, a reservation that is still
// made is released.
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

// expectAnswer makes the queue answer the call.
func (c *call) expectAnswer() {
	c.answer, c.deadline = make(chan struct{}), time.Now().Add(callTimeout)
}

// caughtUp waits until all earlier calls are written: those of the accounts in keys, and those
// of all other accounts that are not locked, so that a change comes after them.
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

// answer answers calls that are done.
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

// refuse answers the calls that a caller waits for with an error, and returns the other calls,
// which must still be made.
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

// lane makes one batch after the other, until the queue is closed and is empty or the time to
// empty it is over. Several lanes run at once.
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

// take waits for a batch and returns its lines and calls, or nil when the lane must end.
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
	q.wake() // another lane for the other lines
	return lines, calls
}

// next moves up to most of the line's calls to calls. The others wait until give returns the line.
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

// due reports whether a lane should take a batch now. The caller holds the mutex.
func (q *queue) due() bool {
	return len(q.ready) > 0 && !q.paused && (len(q.ready) >= maxCalls || time.Since(q.since) >= q.gatherTime())
}

// gatherTime returns how long ready lines gather calls. The caller holds the mutex.
func (q *queue) gatherTime() time.Duration {
	switch {
	case q.urgent > 0 && q.inFlight == 0, q.closing != nil:
		return 0
	case q.urgent > 0:
		return maxGatherTime
	}
	return endsGatherTime
}

// remainder is the work that a batch has left.
type remainder struct {
	calls       []*call // calls that could not be made
	locked      bool    // because another session keeps their accounts locked
	unavailable bool    // because the database is unavailable
}

// give returns the lines of a batch to the queue, with the calls that are left.
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

// close makes the lanes end when the queue is empty or when ctx ends. The caller calls stop
// when they have ended.
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

// abandon refuses the calls that are left after the lanes have ended. It returns how many of
// them had to be written.
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
