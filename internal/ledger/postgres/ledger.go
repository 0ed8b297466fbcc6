// Package postgres keeps the ledger in PostgreSQL, for any number of nodes.
//
// The database holds the truth; a node keeps only running calls and a cache of settings. A
// decision is made in a transaction that locks the account's row (see transaction.go). Calls
// gather into batches, which share one transaction with two round trips (queue.go, batch.go).
// A reservation is durable when Reserve returns it. The end of a request is queued at once
// and written with the next batch, however long the database is unavailable.
//
//	Reserve  Settle  Release  Account  Settings       Change
//	   │                                                │ waits for the earlier calls
//	   ▼                                                │ of its accounts
//	line of the account        queue.go                 │
//	   │ up to 512 calls                                │
//	   ▼                                                ▼
//	batch, in one of 4 lanes   batch.go             change.go
//	   └───────────────────┬────────────────────────────┘
//	                       ▼                                 transaction.go
//	    trip 1: BEGIN, lock the accounts' rows, read the holds
//	    limit.Decide or the change, in this process            decide.go
//	    trip 2: write rows, holds and usage; COMMIT
//	                       ▼
//	    committed             answer the callers
//	    conflict, cut off     again, unless it may have been committed
//	    row locked elsewhere  again without that account, whose calls wait
//	    rejected              again in two halves, until the rejected call is alone
//	    unavailable           refuse the callers, keep the ends of requests for later
//
// A node only knows which other nodes live. When a node dies, the others settle its orphans
// (nodes.go). A connection keeps no state that matters between two transactions, so a
// connection pooler may be in front of the database.
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
	// Lanes is how many batches may be at the database at once. The default is 4, or one less
	// than the pool's connections if that is fewer.
	Lanes int
	// Beat is the time between two beats of a node. The default is 5 s. A node without a beat
	// for six times as long is declared dead.
	Beat time.Duration
	// Observe, if not nil, is called for every committed batch: how many calls it had, and the
	// time from its beginning, connecting included, to the end of its commit. It must be quick.
	Observe func(calls int, took time.Duration)
	// Report, if not nil, is called with errors that an operator must look at, because the
	// database rejects the data: the end of a request, whose hold stays until its node ends, or
	// an orphan, which is retried at every beat and reported at the start and every hour. It
	// must be quick.
	Report func(error)
}

// Ledger is a ledger.Ledger. Create it with Open.
type Ledger struct {
	pool        *pgxpool.Pool
	opts        Options
	queue       *queue
	cache       cache
	nodes       nodes
	node        atomic.Int64  // this node's id in the table of nodes
	changeSlots chan struct{} // a semaphore for changes and lists: see acquireSlot

	failed    atomic.Pointer[error] // why nothing can be decided now; nil if all is well
	failedNow chan struct{}         // signals that failed was set

	stop context.CancelFunc
	idle sync.WaitGroup
}

var _ ledger.Ledger = (*Ledger)(nil)

var (
	errClosed = errors.New("the ledger is closed")
	errKey    = errors.New("the name of a project or an identity must be UTF-8 without NUL characters")
)

// Open registers this node and settles the orphans of dead nodes. The caller owns the pool
// and closes it after Close.
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
		err = fmt.Errorf("settle the orphans of dead nodes: %w", err)
		// Orphans that cannot be settled do not prevent the start: they are retried at every beat.
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

// Close is Shutdown with enough time for a database that is available.
func (l *Ledger) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout+attemptTimeout)
	defer cancel()
	return l.Shutdown(ctx)
}

// Shutdown writes the queued ends of requests and stops, before ctx ends. Nothing may be called
// after it. Requests that still run become orphans, which other nodes or the next start settle.
func (l *Ledger) Shutdown(ctx context.Context) error {
	if l.stop != nil {
		l.stop()
	}
	tries := ctx
	if by, ok := ctx.Deadline(); ok { // leave time for the last attempt
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

// passed is a running request that Pass has let through.
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
			actual.Amounts[m] = ledger.Bounded(n)
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

// callOf makes a call from a request. Its id is random, so that no hold on any node has it.
func callOf(k kind, req ledger.Request) *call {
	return &call{
		kind: k, key: req.Key, id: rand.Uint64()>>1 | 1, period: req.Rules.Period, now: req.Now,
		settings: req.Settings, rules: req.Rules, ask: req.Ask,
	}
}

func keepableKey(key ledger.Key) bool { return keepable(key.Project) && keepable(key.Identity) }
