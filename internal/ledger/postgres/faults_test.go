package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// patience is how long a test waits for an event.
const patience = 30 * time.Second

// wire lets a test observe and break the traffic between a pool and the server.
type wire struct {
	trips atomic.Int64                                   // a trip is a write and the read that follows
	write atomic.Pointer[func(c *wired, p []byte) error] // called before a write; its error breaks the connection
}

func (w *wire) through(c *pgxpool.Config) {
	dial := c.ConnConfig.DialFunc
	c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &wired{Conn: conn, wire: w}, nil
	}
}

type wired struct {
	net.Conn
	wire    *wire
	wrote   atomic.Bool
	instead atomic.Pointer[net.Conn] // the replacement that a test has set
}

func (c *wired) conn() net.Conn {
	if other := c.instead.Load(); other != nil {
		return *other
	}
	return c.Conn
}

func (c *wired) replace(other net.Conn) { c.instead.Store(&other) }

func (c *wired) Close() error                       { return c.conn().Close() }
func (c *wired) SetDeadline(t time.Time) error      { return c.conn().SetDeadline(t) }
func (c *wired) SetReadDeadline(t time.Time) error  { return c.conn().SetReadDeadline(t) }
func (c *wired) SetWriteDeadline(t time.Time) error { return c.conn().SetWriteDeadline(t) }

func (c *wired) Write(p []byte) (int, error) {
	// The pool pings a connection that was idle for a second. The ping does not belong to a batch.
	c.wrote.Store(!bytes.Contains(p, []byte("-- ping")))
	if f := c.wire.write.Load(); f != nil {
		if err := (*f)(c, p); err != nil {
			return 0, err
		}
	}
	return c.conn().Write(p)
}

func (c *wired) Read(p []byte) (int, error) {
	n, err := c.conn().Read(p)
	// Only after the write: the driver begins to read while a slow write is still going on.
	if c.wrote.Swap(false) {
		c.wire.trips.Add(1)
	}
	return n, err
}

// onCommit runs a function at the next commit, once.
func (w *wire) onCommit(f func(c *wired, p []byte) error) {
	var once sync.Once
	g := func(c *wired, p []byte) (err error) {
		if bytes.Contains(p, []byte("COMMIT\x00")) {
			once.Do(func() { err = f(c, p) })
		}
		return err
	}
	w.write.Store(&g)
}

// A batch takes two round trips, whatever is in it.
func TestTwoRoundTripsABatch(t *testing.T) {
	t.Parallel()
	var w wire
	var begun, committed, batches, calls atomic.Int64
	const lanes = 2
	pool := newPool(t, migrated.Database(t), w.through, func(c *pgxpool.Config) { c.MinConns, c.MaxConns = lanes, lanes })
	p := openOn(t, pool, func(o *Options) {
		o.Lanes = lanes
		o.Observe = func(n int, _ time.Duration) { batches.Add(1); calls.Add(int64(n)) }
	})
	// Connecting is a trip too, and so is the end of a transaction without writes, which comes
	// after its answer.
	quiet := func() bool { return pool.Stat().IdleConns() == lanes }
	await.Soon(t, "every connection is there and idle", quiet)
	count := func(_ *wired, sent []byte) error {
		if bytes.Contains(sent, []byte(begin)) {
			begun.Add(1)
		}
		if bytes.Contains(sent, []byte("COMMIT\x00")) {
			committed.Add(1)
		}
		return nil
	}
	w.write.Store(&count)
	trips := w.trips.Load()
	for range 20 {
		p.reserveMany(t, 50, 1_000_000)
	}
	await.Soon(t, "every connection is idle", quiet)
	writing := committed.Load()
	p.reserveMany(t, 100, 0) // refusals, half of them of unknown identities
	await.Soon(t, "every connection is idle", quiet)
	// On a very busy machine a connection may be given up, and the next one needs a few trips.
	more := 4 * (pool.Stat().NewConnsCount() - lanes)
	if trips = w.trips.Load() - trips; trips > 2*begun.Load()+more {
		t.Errorf("%d round trips for %d batches, want two each", trips, begun.Load())
	}
	if n := committed.Load() - writing; n != 0 {
		t.Errorf("%d batches of refusals are committed: what has nothing to write waits for no disk", n)
	}
	if batches.Load() != writing {
		t.Errorf("%d batches were observed, want the %d that were committed", batches.Load(), writing)
	}
	if calls.Load() < 2*batches.Load() {
		t.Errorf("%d calls in %d batches: calls at the same time should share one", calls.Load(), batches.Load())
	}
}

// reserveMany makes that many requests at once, each of another identity, and ends them.
func (p *process) reserveMany(t *testing.T, n int, most int64) {
	t.Helper()
	var wg sync.WaitGroup
	r := requests(most)
	for i := range n {
		wg.Go(func() {
			key := named(fmt.Sprint(i))
			res, err := p.Reserve(context.Background(), ledger.Request{Key: key, Rules: r, Now: noon, Ask: limit.Ask{Estimate: limit.Amounts{1, 1, 1}}})
			if err != nil {
				t.Errorf("reserve: %v", err)
				return
			}
			if res.Decision.Refusal == limit.Admitted {
				settled(t, p.Ledger, res, 1)
			}
		})
	}
	wg.Wait()
	for i := range n {
		used(t, p.Ledger, named(fmt.Sprint(i)), noon)
	}
}

// If a connection breaks during a commit, it is unknown whether the commit was made. The request
// is not made then, and leaves no trace in either case.
func TestCommitWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	broken := errors.New("the wire is cut")
	for name, harm := range map[string]func(c *wired, p []byte) error{
		"it was made": func(c *wired, p []byte) error {
			_, _ = c.Conn.Write(p)
			_, _ = c.Conn.Read(make([]byte, 1)) // by now it is committed
			_ = c.Conn.Close()
			return broken
		},
		"it was not": func(c *wired, _ []byte) error {
			_ = c.Conn.Close()
			return broken
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w wire
			p := openOn(t, newPool(t, migrated.Database(t), w.through))
			key, r := named("alice"), requests(2)
			for _, before := range []int64{0, 1} { // a new and a known identity
				w.onCommit(harm)
				if _, err := ask(p.Ledger, key, r, noon); !errors.Is(err, ledger.ErrUnavailable) {
					t.Fatalf("reserve: %v, want ErrUnavailable", err)
				}
				wantUsed(t, p.Ledger, key, noon, limit.Amounts{before, 7 * before, 70 * before})
				res := admitted(t, p.Ledger, key, r, noon)
				if res == nil {
					t.Fatal("refused: a request that was not made counts")
				}
				// The end of a request is always written.
				w.onCommit(harm)
				settled(t, p.Ledger, res, 7)
				await.Soon(t, "it is settled", func() bool {
					a, err := p.Account(t.Context(), key, limit.Daily, noon)
					return err == nil && len(a.State.Holds) == 0
				})
				wantUsed(t, p.Ledger, key, noon, limit.Amounts{before + 1, 7 * (before + 1), 70 * (before + 1)})
			}
			// A passed request is counted once, even if it is unknown whether it was counted.
			w.onCommit(harm)
			settled(t, p.Ledger, p.Pass(ledger.Request{Key: key, Rules: r, Now: noon}), 5)
			await.Soon(t, "it is counted", func() bool {
				a, err := p.Account(t.Context(), key, limit.Daily, noon)
				return err == nil && a.State.Total()[limit.Tokens] > 14
			})
			wantUsed(t, p.Ledger, key, noon, limit.Amounts{3, 19, 190})
			wantConsistent(t, p.pool)
		})
	}
}

// A passed request is counted once, even if its node lost the connection during the commit and
// was declared dead, so that other nodes settled its orphans.
func TestPassedIsCountedOnceByWhoWasDeclaredDead(t *testing.T) {
	t.Parallel()
	var w wire
	url := migrated.Database(t)
	cutOff, other := openOn(t, newPool(t, url, w.through)), openOn(t, newPool(t, url))
	key, r := named("alice"), requests(100)
	settled(t, other.Ledger, admitted(t, other.Ledger, key, r, noon), 7)
	wantUsed(t, other.Ledger, key, noon, limit.Amounts{1, 7, 70})
	var gone atomic.Bool
	harm := func(c *wired, sent []byte) error {
		if gone.Load() {
			return net.ErrClosed
		}
		if bytes.Contains(sent, []byte("COMMIT\x00")) {
			_, _ = c.Conn.Write(sent)
			_, _ = c.Conn.Read(make([]byte, 1)) // by now it is committed
			_ = c.Conn.Close()
			gone.Store(true)
			return net.ErrClosed
		}
		return nil
	}
	w.write.Store(&harm)
	settled(t, cutOff.Ledger, cutOff.Pass(ledger.Request{Key: key, Rules: r, Now: noon}), 5)
	await.Soon(t, "it is cut off", gone.Load)
	if _, err := other.pool.Exec(t.Context(), `DELETE FROM nodes WHERE id = $1`, cutOff.node.Load()); err != nil {
		t.Fatal(err)
	}
	if err := other.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantUsed(t, other.Ledger, key, noon, limit.Amounts{2, 12, 120})
	w.write.Store(nil)
	await.Soon(t, "it is back", func() bool {
		_, err := cutOff.Account(t.Context(), key, limit.Daily, noon)
		return err == nil
	})
	wantUsed(t, cutOff.Ledger, key, noon, limit.Amounts{2, 12, 120})
}

// If it is unknown whether a change was committed, the change returns ErrUnavailable. With a Once
// it is retried, and applied once.
func TestChangeWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	gift := func(once *ledger.Once) error {
		_, err := p.Change(t.Context(), ledger.Change{Keys: []ledger.Key{named("alice")}, Period: limit.Daily, Now: noon, Once: once,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
				return ledger.Outcome{Status: 200}, nil
			}})
		return err
	}
	made := func(c *wired, sent []byte) error {
		_, _ = c.Conn.Write(sent)
		_, _ = c.Conn.Read(make([]byte, 1))
		_ = c.Conn.Close()
		return net.ErrClosed
	}
	w.onCommit(made)
	if err := gift(nil); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("change: %v, want ErrUnavailable", err)
	}
	for i := range 3 {
		w.onCommit(made)
		if err := gift(&ledger.Once{Key: fmt.Sprint(i)}); err != nil {
			t.Errorf("change with a key: %v", err)
		}
	}
	a, err := p.Account(t.Context(), named("alice"), limit.Daily, noon)
	if err != nil || a.State.Credits[limit.Requests] != 4 {
		t.Errorf("%d credits, %v; want the 4 that were given", a.State.Credits[limit.Requests], err)
	}
}

// A transaction on a broken connection may reach the server long after its request was given up.
// It fails then.
func TestCommitThatArrivesLate(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	arrive, arrived := make(chan struct{}), make(chan struct{})
	w.onCommit(func(c *wired, sent []byte) error {
		held, late := bytes.Clone(sent), c.Conn
		c.replace(closed{late})
		go func() {
			defer close(arrived)
			<-arrive
			_, _ = late.Write(held)
			_ = late.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, late)
			_ = late.Close()
		}()
		return net.ErrClosed
	})
	key := named("alice")
	if _, err := ask(p.Ledger, key, requests(1), noon); !errors.Is(err, ledger.ErrUnavailable) {
		t.Fatalf("reserve: %v, want ErrUnavailable", err)
	}
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{}) // the release came before the hold
	close(arrive)
	<-arrived
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{})
	if admitted(t, p.Ledger, key, requests(1), noon) == nil {
		t.Error("refused: a request that was given up counts")
	}
}

// closed is a broken connection: only its address is left.
type closed struct{ net.Conn }

func (closed) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (closed) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (closed) Close() error                     { return nil }
func (closed) SetDeadline(time.Time) error      { return nil }
func (closed) SetReadDeadline(time.Time) error  { return nil }
func (closed) SetWriteDeadline(time.Time) error { return nil }

// Connections break all the time: admitted requests count, others do not, and no hold is left.
func TestConnectionsAreCut(t *testing.T) {
	t.Parallel()
	nodes := several(t, 2)
	db := nodes[0].pool.Config().ConnConfig.Database
	cluster := pgtest.Shared(t)
	ctx, stop := context.WithCancel(t.Context())
	var cutter, wg sync.WaitGroup
	var cuts atomic.Int64
	cutter.Go(func() {
		conn, err := pgx.Connect(ctx, cluster.URL("postgres"))
		if err != nil {
			t.Errorf("connect: %v", err)
			return
		}
		defer conn.Close(context.Background()) //nolint:errcheck // only a connection for the test
		for ctx.Err() == nil {
			done, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = $1 AND random() < 0.4`, db)
			if err == nil {
				cuts.Add(done.RowsAffected())
			}
			time.Sleep(3 * time.Millisecond)
		}
	})
	r := requests(1_000_000)
	var counted [5]atomic.Int64
	for w := range 32 {
		wg.Go(func() {
			for i := range 40 {
				node, name := nodes[(w+i)%2].Ledger, (w+i)%5
				res, err := ask(node, named(fmt.Sprint(name)), r, noon)
				switch {
				case errors.Is(err, ledger.ErrUnavailable):
					time.Sleep(time.Millisecond)
				case err != nil:
					t.Errorf("reserve: %v", err)
				case i%4 == 0:
					if err := node.Release(context.Background(), res); err != nil {
						t.Errorf("release: %v", err)
					}
				default:
					counted[name].Add(1)
					settled(t, node, res, 7)
				}
			}
		})
	}
	wg.Wait()
	stop()
	cutter.Wait()
	for _, node := range nodes { // one that was cut just now shows it at its next use
		node.pool.Reset()
	}
	for name := range counted {
		key, want := named(fmt.Sprint(name)), counted[name].Load()
		await.Soon(t, "nothing runs", func() bool {
			a, err := nodes[0].Account(t.Context(), key, limit.Daily, noon)
			return err == nil && len(a.State.Holds) == 0
		})
		wantUsed(t, nodes[1].Ledger, key, noon, limit.Amounts{want, 7 * want, 70 * want})
	}
	if cuts.Load() == 0 {
		t.Error("no connection was cut")
	}
}

// An account that a forgotten session keeps locked refuses only its own requests, after a while.
// Requests that ended meanwhile are written when it is free.
func TestLockedAccountStopsNobodyElse(t *testing.T) {
	t.Parallel()
	p := openOn(t, newPool(t, migrated.Database(t)), func(o *Options) { o.Lanes = 2 })
	alice, bob, r := named("alice"), named("bob"), requests(100)
	running := admitted(t, p.Ledger, alice, r, noon)
	lock, err := p.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(context.Background()) //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := lock.Exec(t.Context(), `SELECT FROM identities WHERE identity = 'alice' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	settled(t, p.Ledger, running, 7)
	refused := make(chan error, 1)
	go func() {
		_, err := ask(p.Ledger, alice, r, noon)
		refused <- err
	}()
	for range 20 {
		began := time.Now()
		res := admitted(t, p.Ledger, bob, r, noon)
		if res == nil {
			t.Fatal("bob is refused")
		}
		if took := time.Since(began); took > patience/10 {
			t.Errorf("bob waited for %s", took)
		}
		settled(t, p.Ledger, res, 1)
	}
	wantUsed(t, p.Ledger, bob, noon, limit.Amounts{20, 20, 200})
	if err := <-refused; !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("alice: %v, want ErrUnavailable", err)
	}
	if err := p.Healthy(); err != nil {
		t.Errorf("one locked account made the ledger unavailable: %v", err)
	}
	if err := lock.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantUsed(t, p.Ledger, alice, noon, limit.Amounts{1, 7, 70})
}

// If the database rejects a write of one account, only this write fails: not the calls in the
// same batch, nor later ones, because it is not retried.
func TestRefusedWritesFailAlone(t *testing.T) {
	t.Parallel()
	var (
		mu       sync.Mutex
		reported []error
	)
	pool := newPool(t, migrated.Database(t))
	p := openOn(t, pool, func(o *Options) {
		o.Lanes = 1
		o.Report = func(err error) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(reported, err)
		}
	})
	mallory, eve, r := named("mallory"), named("eve"), requests(1000)
	running := admitted(t, p.Ledger, mallory, r, noon)
	for _, s := range []string{
		`ALTER TABLE usage ADD CHECK (identity <> 'mallory')`,
		`ALTER TABLE holds ADD CHECK (identity <> 'eve')`,
	} {
		if _, err := pool.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, p.Ledger, running, 7)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for range 3 {
				key := named(fmt.Sprint(i))
				if res := admitted(t, p.Ledger, key, r, noon); res != nil {
					settled(t, p.Ledger, res, 1)
				}
			}
		})
		wg.Go(func() {
			if _, err := ask(p.Ledger, eve, r, noon); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("eve: %v, want ErrUnavailable", err)
			}
			if res := admitted(t, p.Ledger, mallory, r, noon); res != nil {
				if err := p.Release(t.Context(), res); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		wantUsed(t, p.Ledger, named(fmt.Sprint(i)), noon, limit.Amounts{3, 3, 30})
	}
	if got, n := used(t, p.Ledger, mallory, noon); got != (limit.Amounts{1, 0, 0}) || n != 1 {
		t.Errorf("%v are used with %d running, want the request running that cannot be counted", got, n)
	}
	wantUsed(t, p.Ledger, eve, noon, limit.Amounts{})
	mu.Lock()
	if len(reported) != 1 || !strings.Contains(reported[0].Error(), "usage_identity_check") {
		t.Errorf("reported: %q, want the one end of a request that is not counted, and why", reported)
	}
	reported = nil
	mu.Unlock()

	// A node that must settle this orphan still starts, and reports it.
	p.Restart(t)
	settled(t, p.Ledger, admitted(t, p.Ledger, named("0"), r, noon), 1)
	wantUsed(t, p.Ledger, named("0"), noon, limit.Amounts{4, 4, 40})
	mu.Lock()
	if len(reported) != 1 || !strings.Contains(reported[0].Error(), "usage_identity_check") {
		t.Errorf("reported at the next start: %q, want what cannot be settled, and why", reported)
	}
	reported = nil
	mu.Unlock()
	for _, after := range []time.Duration{0, reportInterval, reportInterval + time.Minute} {
		if err := p.checkNodes(t.Context(), time.Now().Add(after)); failureOf(err) != rejected {
			t.Errorf("a look at what cannot be settled: %v, want that it is refused", err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(reported) != 1 || !strings.Contains(reported[0].Error(), "usage_identity_check") {
		t.Errorf("reported by looks at once, and in an hour: %q, want once what cannot be settled, and why", reported)
	}
}

// While the database is unavailable, requests are refused at once, or passed if the project
// prefers that. Running requests still end, and are counted when it is back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t, pgtest.Options{})
	address, err := cluster.CreateDatabase("away", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := migrated.Prepare(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	p := openOn(t, newPool(t, address))
	key, r := named("alice"), requests(100)
	running := admitted(t, p.Ledger, key, r, noon)
	released := admitted(t, p.Ledger, key, r, noon)
	if err := cluster.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := ask(p.Ledger, key, r, noon); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("reserve: %v, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("refused after %s", took)
	}
	await.Soon(t, "it is known", func() bool { return p.Healthy() != nil })
	began = time.Now()
	for range 1000 {
		if _, err := ask(p.Ledger, key, r, noon); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("reserve: %v, want ErrUnavailable", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("a thousand refusals took %s", took)
	}
	settled(t, p.Ledger, running, 7)
	if err := p.Release(t.Context(), released); err != nil {
		t.Errorf("release: %v", err)
	}
	for range 50 {
		res := p.Pass(ledger.Request{Key: key, Rules: r, Now: noon, Ask: limit.Ask{Tier: "pro"}})
		if err := res.Durable(t.Context()); err != nil {
			t.Errorf("an answer waits for what cannot be: %v", err)
		}
		settled(t, p.Ledger, res, 3)
		settled(t, p.Ledger, res, 3)
	}
	p.queue.mu.Lock()
	if waiting := len(p.queue.lines[key].calls); waiting > 4 {
		t.Errorf("%d calls wait to be written: requests that passed should be added up", waiting)
	}
	p.queue.mu.Unlock()
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await.Soon(t, "the ledger is back", func() bool { return p.Healthy() == nil })
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{51, 157, 1570})
	wantConsistent(t, p.pool)
}

// A server that does not answer makes no call wait for long.
func TestServerThatHangs(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	key, r := named("alice"), requests(100)
	settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
	lost := func(c *wired, p []byte) error {
		if _, is := c.conn().(*silent); is {
			return nil
		}
		if len(p) == 16 { // a separate connection to cancel a statement: it cannot be made
			return net.ErrClosed
		}
		c.Conn.Close() //nolint:errcheck // it hangs only for the client
		c.replace(&silent{closed: closed{c.Conn}, done: make(chan struct{})})
		return nil
	}
	w.write.Store(&lost)
	began := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := ask(p.Ledger, key, r, noon); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("reserve: %v, want ErrUnavailable", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("refused after %s", took)
	}
	w.write.Store(nil)
	await.Soon(t, "the ledger is back", func() bool {
		_, err := p.Account(t.Context(), key, limit.Daily, noon)
		return err == nil
	})
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{1, 7, 70})
}

// silent is a connection that accepts all writes and never answers.
type silent struct {
	closed
	once sync.Once
	done chan struct{}
}

func (s *silent) Read([]byte) (int, error) {
	<-s.done
	return 0, net.ErrClosed
}
func (s *silent) Write(p []byte) (int, error) { return len(p), nil }
func (s *silent) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// SetDeadline is how the end of a context reaches a connection, and limits the time to close it.
func (s *silent) SetDeadline(t time.Time) error {
	if !t.IsZero() {
		_ = s.Close()
	}
	return nil
}
func (s *silent) SetReadDeadline(t time.Time) error { return s.SetDeadline(t) }

// Everything works through a pooler that gives every transaction another connection.
func TestThroughAPooler(t *testing.T) {
	t.Parallel()
	through := pgtest.Shared(t).Pooler(t)
	address := through(migrated.Database(t))
	if _, err := url.Parse(address); err != nil || !strings.HasPrefix(address, "postgres") {
		t.Fatalf("the pooler's URL is %q", address)
	}
	nodes := []*process{openOn(t, newPool(t, address)), openOn(t, newPool(t, address))}
	key := named("alice")
	if got := race(t, nodes, 300, key, requests(100), at(noon)); got != 100 {
		t.Errorf("%d of 300 admitted, want 100", got)
	}
	wantUsed(t, nodes[0].Ledger, key, noon, limit.Amounts{100, 700, 7000})
	for _, n := range nodes {
		if got := n.statements(t, false); got != 0 {
			t.Errorf("%d statements were prepared in processes that are others' next", got)
		}
	}
}

// statements returns how many statements are prepared on the idle connections of the pool. If
// deallocate is true, it removes them first, as an administrator or a pooler may.
func (p *process) statements(t testing.TB, deallocate bool) (n int) {
	t.Helper()
	for _, c := range p.pool.AcquireAllIdle(t.Context()) {
		defer c.Release()
		if deallocate {
			if _, err := c.Conn().PgConn().Exec(t.Context(), "DEALLOCATE ALL").ReadAll(); err != nil {
				t.Fatal(err)
			}
		}
		n += len(preparedOf(c.Conn().PgConn()).names)
	}
	return n
}

// Statements are prepared once for each connection. If they are removed, the next calls still
// succeed.
func TestStatementsArePrepared(t *testing.T) {
	t.Parallel()
	p := openOn(t, newPool(t, migrated.Database(t), func(c *pgxpool.Config) { c.MaxConns = 2 }), func(o *Options) { o.Lanes = 1 })
	key, r := named("alice"), requests(100)
	spend := func(times int64) { // the number of requests until then
		t.Helper()
		settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
		wantUsed(t, p.Ledger, key, noon, limit.Amounts{times, 7 * times, 70 * times})
	}
	for i := range int64(3) {
		spend(1 + i)
	}
	for i := range int64(3) {
		await.Soon(t, "those of a reservation and a settlement are prepared", func() bool { return p.statements(t, true) >= 5 })
		spend(4 + i)
	}
	if err := p.Healthy(); err != nil {
		t.Errorf("not healthy: %v", err)
	}
}

// Any number of changes that wait for a locked row takes no connection from a decision or a beat.
func TestChangesLeaveConnections(t *testing.T) {
	t.Parallel()
	url := migrated.Database(t)
	p := openOn(t, newPool(t, url, func(c *pgxpool.Config) { c.MaxConns = 8 }))
	alice, bob, r := named("alice"), named("bob"), requests(100)
	for _, key := range []ledger.Key{alice, bob} {
		settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 1)
	}
	wantUsed(t, p.Ledger, alice, noon, limit.Amounts{1, 1, 10})
	lock, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(context.Background()) //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := lock.Exec(t.Context(), `SELECT FROM identities WHERE identity = 'alice' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var given atomic.Int64
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			_, err := p.Change(t.Context(), ledger.Change{Keys: []ledger.Key{alice}, Period: limit.Daily, Now: noon,
				Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
					accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
					return ledger.Outcome{}, nil
				}})
			switch {
			case err == nil:
				given.Add(1)
			case !errors.Is(err, ledger.ErrUnavailable):
				t.Errorf("change: %v, want ErrUnavailable", err)
			}
		})
	}
	await.Soon(t, "changes wait", func() bool { return p.pool.Stat().AcquiredConns() >= 2 })
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.List(canceled, ledger.Find{Project: "pk_test", Limit: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v, want that it is not waited for", err)
	}
	for range 20 {
		if res := admitted(t, p.Ledger, bob, r, noon); res != nil {
			settled(t, p.Ledger, res, 1)
		}
		if err := p.beat(t.Context()); err != nil {
			t.Error(err)
		}
		if err := p.Healthy(); err != nil {
			t.Fatalf("changes of one locked account made the ledger unavailable: %v", err)
		}
	}
	await.Soon(t, "only the 2 connections are taken that changes may have", func() bool { return p.pool.Stat().AcquiredConns() <= 2 })
	if err := lock.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	a, err := p.Account(t.Context(), alice, limit.Daily, noon)
	if err != nil || a.State.Credits[limit.Requests] != given.Load() {
		t.Errorf("%d credits, %v; want the %d that were given", a.State.Credits[limit.Requests], err, given.Load())
	}
}
