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

// Every node has a row in nodes and raises its beat. Whoever sees the beat of another
// stand still for too long deletes the row, if it still stands then: that declares the
// node dead. What is held by a node without a row is an orphan, and whoever finds it
// settles it as it stands. Two who do so at once do it once, as with any settlement.
//
// Time is each watcher's own: neither a clock of another node nor the database's has a
// part in it, and only time in which the watcher could see the database counts.
//
// A node that was only paused finds its row gone when it next begins a transaction, and
// goes on under a new id. A hold that slips in between is an orphan like the others.

// reportInterval is how often a node tells of what others have left and the database refuses.
const reportInterval = time.Hour

// nodes is what this node has seen of the others.
type nodes struct {
	mu      sync.Mutex // for registering anew
	silence time.Duration
	maxStep time.Duration // the most that one look adds to a silence

	seen       map[int64]pulse // only watch has these
	looked     time.Time
	reportedAt time.Time // of what others have left and the database refuses
	lastSwept  place     // the last orphan that was, where there may be more
	sweepSize  int       // so many are swept
}

// pulse is a beat and for how long it has been the last.
type pulse struct {
	beat    int64
	silence time.Duration
}

// registerAnew gives the node a new id, unless somebody has done so since it was old.
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

// leave removes the node's row.
func (l *Ledger) deregister(ctx context.Context) error {
	if _, err := l.query(ctx, deregister, nil, intParam(l.node.Load())); err != nil {
		return fmt.Errorf("remove this node from the table of nodes: %w", err)
	}
	return nil
}

// watch shows that this node lives, looks after the others, and finds out when the
// database is back.
func (l *Ledger) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			// What could not be done now is done at the next look. Only where this node cannot
			// show that it lives has it anything to say.
			_ = l.checkNodes(ctx, now)
		case <-l.failedNow:
			l.probe(ctx)
		}
	}
}

// probe tries until the database takes a beat.
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

// look beats, declares dead who has been silent for too long, and settles what the dead
// have left.
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
	if failureOf(err) == rejected && now.Sub(l.nodes.reportedAt) >= reportInterval { // which no later look will change
		l.nodes.reportedAt = now
		l.report(err)
	}
	return err
}

// listen reads the others' beats and returns who has been silent for too long.
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

// orphansAtOnce is how many holds are looked for, and settled, at once.
const defaultSweepSize = 1000

// place is where a hold stands in the order in which orphans are swept.
type place struct{ node, id int64 }

// sweep settles as they stand the holds of nodes that are gone. Those that cannot be settled keep it from
// none of the others, and no longer than a beat: the next one goes on where it has stopped.
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
			// Of what went wrong it is the refusals that must be told.
			if err := l.queue.wait(ctx, c); err != nil && (left == nil || failureOf(err) == rejected) {
				left = fmt.Errorf("settle what a node left running: %w", err)
			}
		}
		if len(orphans) < n.sweepSize {
			n.lastSwept = place{}
			break
		}
	}
	return left
}

// orphans finds the next to be swept.
func (l *Ledger) nextOrphans(ctx context.Context) (found []*call, err error) {
	last := l.nodes.lastSwept
	_, err = l.query(ctx, selectOrphans, func(r *record) {
		c := &call{kind: settleAtHold, key: ledger.Key{Project: r.text(), Identity: r.text()}, id: uint64(r.int())}
		last = place{id: int64(c.id), node: r.int()}
		found = append(found, c)
	}, intParam(last.node), intParam(last.id), intParam(int64(l.nodes.sweepSize)))
	if err != nil {
		return nil, fmt.Errorf("find what nodes left running: %w", err)
	}
	l.nodes.lastSwept = last
	return found, nil
}
