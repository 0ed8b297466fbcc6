// Package postgres keeps the ledger in PostgreSQL, for any number of nodes.
//
// The database holds the truth, and a node nothing but what runs: a decision is made in a
// transaction that locks the account's row, on what the row says then (see transaction.go).
// Calls gather into batches, so that a transaction and its two round trips are shared by
// all who wait for it (queue.go, batch.go). A reservation is durable when it is made.
// The end of a request is noted at once and written with the next batch, however long the
// database is away.
//
// Nodes know nothing of each other but that they live; what one leaves behind the others
// settle (nodes.go). No connection keeps any state between two transactions, so a pooler
// may stand in between.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// Options of a Ledger. The zero value has the defaults.
type Options struct {
	// Lanes is how many batches may be at the database at once: 4, or what the pool leaves
	// where it has fewer connections.
	Lanes int
	// Beat is how often a node shows that it lives: 5 s. One that has not for six times
	// as long is declared dead.
	Beat time.Duration
	// Observe, where not nil, is told of every batch that was committed: how many calls it held,
	// and how long it took from its beginning, the connection included, to the end of its commit.
	// It must be quick.
	Observe func(calls int, took time.Duration)
	// Report, where not nil, is told what the database refuses to write, for somebody to look at:
	// the end of a request, whose hold stays until its node ends, or what a node has left,
	// which is tried again at every look and told of at the start and every hour. It must be quick.
	Report func(error)
}

// Ledger is a ledger.Ledger. Create it with Open.
type Ledger struct {
	pool        *pgxpool.Pool
	opts        Options
	queue       *queue
	cache       cache
	nodes       nodes
	node        atomic.Int64  // own id in the table of nodes
	changeSlots chan struct{} // holds a token for each connection beside the lanes: see turn

	failed    atomic.Pointer[error] // why nothing can be decided now
	failedNow chan struct{}         // failed has been set

	stop context.CancelFunc
	idle sync.WaitGroup
}

var _ ledger.Ledger = (*Ledger)(nil)

var (
	errClosed = errors.New("the ledger is closed")
	errKey    = errors.New("the name of a project or an identity is not UTF-8 without NUL")
)

// Open registers a node and settles what nodes that are gone have left running. The caller
// owns the pool and closes it after Close.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (*Ledger, error) {
	if o.Lanes <= 0 {
		o.Lanes = int(max(1, min(4, pool.Config().MaxConns-1)))
	}
	if o.Beat <= 0 {
		o.Beat = 5 * time.Second
	}
	l := &Ledger{pool: pool, opts: o, failedNow: make(chan struct{}, 1)}
	l.changeSlots = make(chan struct{}, max(1, (int(pool.Config().MaxConns)-o.Lanes)/2))
	l.nodes.silence = 6 * o.Beat
	l.nodes.maxStep = 2 * o.Beat
	l.nodes.sweepSize = defaultSweepSize
	if err := l.registerAnew(ctx, 0); err != nil {
		return nil, err
	}
	l.queue = newQueue(l)
	for range o.Lanes {
		l.idle.Go(l.queue.lane)
	}
	if err := l.sweep(ctx); err != nil {
		err = fmt.Errorf("settle what other processes left running: %w", err)
		// What cannot be settled is no reason not to serve: it is looked at again.
		switch {
		case failureOf(err) == rejected:
			l.nodes.reportedAt = time.Now()
			l.report(err)
		case !errors.Is(err, ledger.ErrLocked):
			return nil, errors.Join(err, l.Close())
		}
	}
	background, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.idle.Go(func() { l.watch(background, o.Beat) })
	return l, nil
}

// Close is Shutdown with the time that it takes where the database is up.
func (l *Ledger) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout+attemptTimeout)
	defer cancel()
	return l.Shutdown(ctx)
}

// Shutdown writes what is still to be written and stops, before ctx ends. Nothing may be called
// after it. What still runs is settled as it stands by other nodes, or at the next start.
func (l *Ledger) Shutdown(ctx context.Context) error {
	if l.stop != nil {
		l.stop()
	}
	tries := ctx
	if by, ok := ctx.Deadline(); ok { // the last attempt has its time too
		var cancel context.CancelFunc
		tries, cancel = context.WithDeadline(ctx, by.Add(-attemptTimeout))
		defer cancel()
	}
	defer l.queue.close(tries)()
	l.idle.Wait()
	lost := l.queue.abandon()
	err := l.deregister(ctx)
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d ends of requests could not be written", lost))
	}
	return err
}

// Healthy returns why nothing can be decided or kept now, or nil.
func (l *Ledger) Healthy() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// fail makes the ledger unavailable until something succeeds.
func (l *Ledger) fail(err error) {
	l.failed.Store(&err)
	select {
	case l.failedNow <- struct{}{}:
	default:
	}
}

func (l *Ledger) recovered() {
	if l.failed.Load() != nil {
		l.failed.Store(nil)
	}
}

func (l *Ledger) report(err error) {
	if l.opts.Report != nil {
		l.opts.Report(err)
	}
}

// Reserve implements ledger.Ledger. The reservation is durable.
func (l *Ledger) Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error) {
	c := callOf(reserve, req)
	if err := l.do(ctx, c); err != nil {
		return nil, err
	}
	return c.res, nil
}

// Pass implements ledger.Ledger.
func (l *Ledger) Pass(req ledger.Request) *ledger.Reservation {
	c := callOf(pass, req)
	return &ledger.Reservation{ID: c.id, Key: c.key, Rules: c.rules, Commit: &passed{call: c}}
}

// passed is what Pass keeps of a request until it ends.
type passed struct {
	ledger.Passed
	call *call
}

// Settle implements ledger.Ledger. It returns before the settlement is written.
func (l *Ledger) Settle(_ context.Context, res *ledger.Reservation, actual ledger.Actual) error {
	if p, ok := res.Commit.(*passed); ok {
		if !p.End() || !keepableKey(res.Key) || actual.Amounts.IsZero() {
			return nil
		}
		for m, n := range actual.Amounts {
			actual.Amounts[m] = bounded(n)
		}
		p.call.actual = actual
		l.queue.push(p.call)
		return nil
	}
	l.queue.push(&call{kind: settle, key: res.Key, id: res.ID, rules: res.Rules, actual: actual})
	return nil
}

// Release implements ledger.Ledger. It returns before the release is written.
func (l *Ledger) Release(_ context.Context, res *ledger.Reservation) error {
	if p, ok := res.Commit.(*passed); ok {
		p.End()
		return nil
	}
	l.queue.push(&call{kind: release, key: res.Key, id: res.ID})
	return nil
}

// Account implements ledger.Ledger.
func (l *Ledger) Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error) {
	c := &call{kind: readAccount, key: key, period: period, now: now}
	if err := l.do(ctx, c); err != nil {
		return ledger.Account{}, err
	}
	return c.account, nil
}

// do makes a call and waits for its answer.
func (l *Ledger) do(ctx context.Context, c *call) error {
	if why := l.Healthy(); why != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, why)
	}
	if !keepableKey(c.key) {
		return errKey
	}
	return l.queue.do(ctx, c)
}

// callOf makes a call of a request, with an id that no hold on any node has.
func callOf(k kind, req ledger.Request) *call {
	return &call{
		kind: k, key: req.Key, id: rand.Uint64()>>1 | 1, period: req.Rules.Period, now: req.Now,
		settings: req.Settings, rules: req.Rules, ask: req.Ask,
	}
}

func keepableKey(key ledger.Key) bool { return keepable(key.Project) && keepable(key.Identity) }
