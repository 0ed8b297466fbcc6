package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	// What one transaction takes on, so that none is long.
	mostCalls = 512
	// How long a call waits for an account that somebody else keeps locked.
	callPatience = 2 * time.Second
	// How often a locked account is looked at again.
	lockPause = 25 * time.Millisecond
	// How long a ledger that is closed tries to write what is left.
	closePatience = 2 * time.Second
	// How long what must be written waits between attempts while the database is away.
	leastPause, mostPause = 50 * time.Millisecond, 500 * time.Millisecond
)

// partition takes the calls on a part of the accounts, in their order. While one batch of
// them is at the database the next one gathers, so the cost of a transaction is shared by
// all who are in it.
type partition struct {
	l       *Ledger
	wake    chan struct{}
	closing chan struct{}

	mu    sync.Mutex
	queue []*call

	// Only run has these.
	parked []*call       // what could not be done yet; comes before the queue
	pause  time.Duration // before parked is tried again
	away   bool          // parked because the database was away
}

func newPartition(l *Ledger) *partition {
	return &partition{l: l, wake: make(chan struct{}, 1), closing: make(chan struct{})}
}

// push adds calls to the queue, together.
func (p *partition) push(calls ...*call) {
	p.mu.Lock()
	p.queue = append(p.queue, calls...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// do makes a call and waits for its answer. Where ctx ends first a reservation that was
// made all the same is released.
func (p *partition) do(ctx context.Context, c *call) error {
	c.answer, c.deadline = make(chan struct{}), time.Now().Add(callPatience)
	p.push(c)
	select {
	case <-c.answer:
		return c.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.answered {
		return c.err
	}
	c.left = true
	return ctx.Err()
}

// answer tells who waits that their calls are done.
func (p *partition) answer(calls []*call) {
	var unwanted []*call
	p.mu.Lock()
	for _, c := range calls {
		switch {
		case c.answer == nil:
		case c.left:
			if c.kind == reserve && c.err == nil && c.res.Decision.Refusal == limit.Admitted {
				unwanted = append(unwanted, &call{kind: release, key: c.key, id: c.id})
			}
		default:
			c.answered = true
			close(c.answer)
		}
	}
	p.mu.Unlock()
	if len(unwanted) > 0 {
		p.push(unwanted...)
	}
}

// refuse tells those who wait why their calls were not made, and returns the calls that
// must be made all the same.
func (p *partition) refuse(calls []*call, why error) (kept []*call) {
	var waiting []*call
	for _, c := range calls {
		if c.answer == nil {
			kept = append(kept, c)
			continue
		}
		c.err = fmt.Errorf("%w: %w", ledger.ErrUnavailable, why)
		waiting = append(waiting, c)
	}
	p.answer(waiting)
	return kept
}

// run takes batches until the partition is closed and nothing is left to do, or what is
// left cannot be done.
func (p *partition) run() {
	var until time.Time
	for {
		calls, closing := p.take()
		if closing && until.IsZero() {
			until = time.Now().Add(closePatience)
		}
		if len(calls) == 0 && closing {
			return
		}
		if why := p.l.Healthy(); why != nil {
			calls = p.refuse(calls, why)
		}
		skip := len(p.parked) > 0
		p.parked = nil
		if len(calls) > 0 {
			p.process(calls, skip)
		}
		if closing && len(p.parked) > 0 && time.Now().After(until) {
			p.l.lose(len(p.refuse(p.parked, errClosed)))
			return
		}
	}
}

// take waits for something to do and returns it, what was parked first.
func (p *partition) take() (calls []*call, closing bool) {
	if len(p.parked) > 0 {
		p.rest()
	} else if !p.pending() {
		select {
		case <-p.wake:
		case <-p.closing:
		}
	}
	select {
	case <-p.closing: // before the queue is looked at: what came before closing is seen
		closing = true
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.queue), mostCalls)
	calls = append(p.parked[:len(p.parked):len(p.parked)], p.queue[:n]...)
	if p.queue = p.queue[n:]; len(p.queue) == 0 {
		p.queue = nil
	}
	return calls, closing
}

func (p *partition) pending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) > 0
}

// rest waits until it is worth trying again what is parked. New calls end the wait where
// only some account is locked; where the database is away they would find the same.
func (p *partition) rest() {
	wake := p.wake
	if p.away {
		wake = nil
	}
	t := time.NewTimer(p.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	}
}

// park keeps calls for another attempt. Who has waited for too long is told so.
func (p *partition) park(calls []*call, pause time.Duration) {
	var late []*call
	now := time.Now()
	for _, c := range calls {
		if c.answer != nil && now.After(c.deadline) {
			late = append(late, c)
			continue
		}
		p.parked = append(p.parked, c)
	}
	p.refuse(late, errLocked)
	p.pause = pause
}
