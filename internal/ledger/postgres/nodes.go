package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// Every node has a row in the table nodes and raises its beat there. If a node sees that
// another beat has not changed for too long, it deletes the row, unless the beat changes at
// that moment: this declares the node dead. A hold of a node without a row is an orphan. Any
// node that finds an orphan settles it as it stands. If two nodes do so at once, it is
// settled once, like any hold.
//
// Each node measures this time by its own clock. The clocks of other nodes and of the database
// do not matter, and only time in which the node can reach the database counts.
//
// A node that was only paused finds that its row is missing when it begins its next
// transaction, and goes on under a new id. A hold that it makes before that is an orphan too.

// reportInterval is the time between two reports of orphans that the database rejects.
const reportInterval = time.Hour

// nodes is this node's knowledge of the others.
type nodes struct {
	mu      sync.Mutex // held while the node registers anew
	silence time.Duration
	maxStep time.Duration // the most that one check adds to a node's silence

	seen       map[int64]pulse // this and the fields below are used by one goroutine at a time
	looked     time.Time
	reportedAt time.Time // when orphans that the database rejects were last reported
	lastSwept  place     // the last orphan that sweep has seen, if there may be more
	sweepSize  int       // how many orphans are settled at once
}

// pulse is a node's last beat and how long it has not changed.
type pulse struct {
	beat    int64
	silence time.Duration
}

// registerAnew gives the node a new id, unless its id is no longer old.
func (l *Ledger) registerAnew(ctx context.Context, old int64) error {
	l.nodes.mu.Lock()
	defer l.nodes.mu.Unlock()
	if l.node.Load() != old {
		return nil
	}
	id := rand.Int64()
	if _, err := l.query(ctx, register, nil, intParam(id)); err != nil {
		return fmt.Errorf("register this node: %w", err)
	}
	l.node.Store(id)
	return nil
}

// deregister removes the node's row.
func (l *Ledger) deregister(ctx context.Context) error {
	if _, err := l.query(ctx, deregister, nil, intParam(l.node.Load())); err != nil {
		return fmt.Errorf("remove this node from the table of nodes: %w", err)
	}
	return nil
}

// watch checks the nodes at every beat, and probes the database after a failure.
func (l *Ledger) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			// A failure is retried at the next beat. If the beat itself fails, checkNodes makes
			// the ledger unavailable.
			_ = l.checkNodes(ctx, now)
		case <-l.failedNow:
			l.probe(ctx)
		}
	}
}

// probe retries until the database accepts a beat.
func (l *Ledger) probe(ctx context.Context) {
	for pause := minPause; l.Healthy() != nil; pause = min(2*pause, maxPause) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if l.beat(ctx) == nil {
			l.recovered()
		}
	}
}

// beat shows that this node lives.
func (l *Ledger) beat(ctx context.Context) error {
	own := l.node.Load()
	rows, err := l.query(ctx, beat, nil, intParam(own))
	if err != nil {
		return fmt.Errorf("show that this node lives: %w", err)
	}
	if rows == 0 {
		return l.registerAnew(ctx, own)
	}
	return nil
}

// checkNodes beats, declares nodes dead that have been silent for too long, and settles
// orphans.
func (l *Ledger) checkNodes(ctx context.Context, now time.Time) error {
	if err := l.beat(ctx); err != nil {
		if ctx.Err() == nil {
			l.fail(err)
		}
		return err
	}
	silent, err := l.readPulses(ctx, now)
	if err != nil {
		return err
	}
	for id, p := range silent {
		if _, err := l.query(ctx, declare, nil, intParam(id), intParam(p.beat)); err != nil {
			return fmt.Errorf("declare a node dead: %w", err)
		}
	}
	err = l.sweep(ctx)
	if failureOf(err) == rejected && now.Sub(l.nodes.reportedAt) >= reportInterval { // no retry will change that
		l.nodes.reportedAt = now
		l.report(err)
	}
	return err
}

// readPulses reads the beats of the other nodes and returns the nodes that have been silent
// for too long.
func (l *Ledger) readPulses(ctx context.Context, now time.Time) (silent map[int64]pulse, err error) {
	n := &l.nodes
	var passed time.Duration
	if !n.looked.IsZero() {
		passed = min(max(0, now.Sub(n.looked)), n.maxStep)
	}
	seen := make(map[int64]pulse, len(n.seen))
	silent = make(map[int64]pulse)
	if _, err := l.query(ctx, readBeats, func(r *record) {
		id, beat := r.int(), r.int()
		p, known := n.seen[id]
		if !known || p.beat != beat {
			p = pulse{beat: beat}
		} else {
			p.silence += passed
		}
		if seen[id] = p; p.silence >= n.silence {
			silent[id] = p
		}
	}, intParam(l.node.Load())); err != nil {
		return nil, fmt.Errorf("read the nodes' beats: %w", err)
	}
	n.seen, n.looked = seen, now
	return silent, nil
}

// defaultSweepSize is how many orphans are read and settled at once.
const defaultSweepSize = 1000

// place is a hold's place in the order in which orphans are settled.
type place struct{ node, id int64 }

// sweep settles orphans as they stand. It goes on after an orphan that it cannot settle, but
// then takes no longer than a beat: the next sweep goes on where it stopped.
func (l *Ledger) sweep(ctx context.Context) (left error) {
	n := &l.nodes
	for began := time.Now(); left == nil || time.Since(began) < l.opts.Beat; {
		orphans, err := l.nextOrphans(ctx)
		if err != nil {
			return errors.Join(left, err)
		}
		for _, c := range orphans {
			c.expectAnswer()
			l.queue.push(c)
		}
		for _, c := range orphans {
			// A rejection is returned rather than any other error, since it must be reported.
			if err := l.queue.wait(ctx, c); err != nil && (left == nil || failureOf(err) == rejected) {
				left = fmt.Errorf("settle an orphan: %w", err)
			}
		}
		if len(orphans) < n.sweepSize {
			n.lastSwept = place{}
			break
		}
	}
	return left
}

// nextOrphans reads the next orphans to settle.
func (l *Ledger) nextOrphans(ctx context.Context) (found []*call, err error) {
	last := l.nodes.lastSwept
	_, err = l.query(ctx, selectOrphans, func(r *record) {
		c := &call{kind: settleAtHold, key: ledger.Key{Project: r.text(), Identity: r.text()}, id: uint64(r.int())}
		last = place{id: int64(c.id), node: r.int()}
		found = append(found, c)
	}, intParam(last.node), intParam(last.id), intParam(int64(l.nodes.sweepSize)))
	if err != nil {
		return nil, fmt.Errorf("find orphans: %w", err)
	}
	l.nodes.lastSwept = last
	return found, nil
}
