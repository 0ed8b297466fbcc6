// Package server wires the parts together and runs them: one listener, and a shutdown
// that loses nothing.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/api"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/metrics"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// Options are for tests and for the demo; the zero value is for everybody else.
type Options struct {
	// Log takes the log; nil writes to standard error as the configuration says.
	Log *slog.Logger
	// Listener is used in place of one on the configured port.
	Listener net.Listener
	// Setup runs once everything is open, before the first request.
	Setup func(ctx context.Context, s *store.Store) error
	// Ledger is given the ledger once it is open.
	Ledger func(ledger.Ledger)
	// Patience is the gateway's with clients; HeaderTimeout bounds how long a request's header may take to come.
	Patience      gateway.Patience
	HeaderTimeout time.Duration
	// Now is the time by which periods and bursts are counted; nil is time.Now.
	Now func() time.Time
	// Beat is how often a node on PostgreSQL shows that it lives; zero is the ledger's own.
	Beat time.Duration
	// Version is this program's, for the metrics and traces.
	Version string
	// Ready is called with the address once requests are served.
	Ready func(addr net.Addr)
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute

	// How long answers may take to leave once their handlers have returned, and how long
	// handlers that were cut off may take to settle.
	flushTime  = 2 * time.Second
	settleTime = 10 * time.Second
)

// Run serves until ctx ends. Then it answers new requests with 503, lets running ones go
// on for the configured time, ends and settles the rest, and returns nil.
func Run(ctx context.Context, cfg config.Config, opts Options) (err error) {
	log := opts.Log
	if log == nil {
		var flush func()
		log, flush = newLog(cfg, os.Stderr)
		defer flush()
	}
	app, err := open(ctx, cfg, log, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.close()) }()
	if opts.Setup != nil {
		if err := opts.Setup(ctx, app.store); err != nil {
			return err
		}
	}
	if opts.Ledger != nil {
		opts.Ledger(app.ledger)
	}
	ln := opts.Listener
	if ln == nil {
		if ln, err = net.Listen("tcp", ":"+strconv.Itoa(cfg.Port)); err != nil {
			return fmt.Errorf("listen on port %d: %w (PORT chooses another)", cfg.Port, err)
		}
	}
	stopProfiles, err := app.serveProfiles(cfg.ProfilesAddr)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer stopProfiles()
	return app.serve(ctx, ln, cfg, opts)
}

// app is everything that is open while the server runs.
type app struct {
	log          *slog.Logger
	store        *store.Store
	ledger       keptLedger
	metrics      *metrics.Metrics
	metricsToken string
	routes       http.Handler

	unhealthy string // why requests cannot be taken when the ledger is not healthy

	running    running
	background context.Context // of what runs beside requests
	stop       context.CancelFunc
	ending     context.Context // ends when running requests are cut off
	end        context.CancelFunc
	close      func() error
}

// open opens the database and makes the routes. What it opened is closed by app.close, in
// the opposite order.
func open(ctx context.Context, cfg config.Config, log *slog.Logger, opts Options) (a *app, err error) {
	var closers []func() error
	closeAll := func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()

	secrets, err := cfg.Secrets()
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewKeyring(secrets.Encryption, secrets.EncryptionOld...)
	if err != nil {
		return nil, err
	}
	told := metrics.New(opts.Version)
	db, ledger, err := openDatabase(ctx, cfg, keys, log, opts.Beat, told.Ledger(), &closers)
	if err != nil {
		return nil, err
	}

	a = &app{log: log, store: store.New(db, keys), ledger: ledger, metrics: told, metricsToken: cfg.MetricsToken, close: closeAll}
	a.unhealthy = "the database cannot be written"
	if cfg.Database.Postgres() {
		a.unhealthy = "the database cannot be reached"
	}
	catalog, err := store.NewCatalog(ctx, a.store)
	if err != nil {
		return nil, err
	}
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	a.background, a.stop = context.WithCancel(context.Background())
	a.ending, a.end = context.WithCancel(context.Background())
	poll := time.NewTicker(db.PollInterval())
	var background sync.WaitGroup
	background.Go(func() { catalog.Run(a.background, poll.C, log) })
	background.Go(func() { catalog.Listen(a.background, log) })
	if l, ok := ledger.(*sqlite.Ledger); ok {
		background.Go(func() { tend(a.background, db, l, log) })
	}
	background.Go(func() { prune(a.background, db, now, log) })
	stopPacing := paceGC()
	transport := provider.NewTransport(provider.TransportConfig{AllowPrivate: cfg.AllowPrivateUpstreams})
	closers = append(closers, func() error {
		a.stop()
		stopPacing()
		poll.Stop()
		background.Wait()
		transport.CloseIdleConnections()
		return nil
	})

	observe, err := a.observer(ctx, cfg, opts.Version, &closers)
	if err != nil {
		return nil, err
	}
	data := gateway.New(gateway.Options{
		Projects: catalog, Ledger: ledger, Transport: transport, Log: log,
		MaxBody: cfg.MaxBodyBytes, UpstreamTimeout: cfg.UpstreamTimeout,
		Now: now, Draining: a.running.draining, Ending: a.ending, Patience: opts.Patience, Observe: observe,
	})
	a.watch(data, catalog)
	control := api.New(api.Options{Ledger: ledger, Projects: catalog, Secrets: a.store, Now: now, Log: log, MaxBody: cfg.MaxBodyBytes})
	a.routes = a.mount(data, control)
	return a, nil
}

// serve runs the listener until ctx ends, and drains.
func (a *app) serve(ctx context.Context, ln net.Listener, cfg config.Config, opts Options) error {
	srv := &http.Server{
		Handler:           a.counting(a.routes),
		ReadHeaderTimeout: cmp.Or(opts.HeaderTimeout, headerTimeout),
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(refusing{ln}) }()
	a.log.Info("serving", "address", ln.Addr().String())
	if opts.Ready != nil {
		opts.Ready(ln.Addr())
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	idle := a.running.drain()
	a.log.Info("draining", "running", a.running.count(), "for_at_most", cfg.Drain)
	select {
	case <-idle:
	case <-time.After(cfg.Drain):
		a.log.Warn("ending what still runs", "running", a.running.count())
	}
	// Ending the exchanges makes their handlers settle. The end of an answer may be in the
	// server's buffers when its handler has returned: Shutdown lets it out. Closing the
	// connections is for those that wait for a client.
	a.end()
	flushed, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = srv.Shutdown(flushed)
	_ = srv.Close()
	select {
	case <-idle:
	case <-time.After(settleTime):
		a.log.Error("some requests did not end; they are settled at their holds on the next start")
	}
	a.log.Info("stopped")
	return nil
}

// counting keeps count of the requests that run. Those that come while the server drains
// are answered at once and not waited for.
func (a *app) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.running.enter() {
			defer a.running.leave()
		}
		next.ServeHTTP(w, r)
	})
}

// running counts requests until the server drains, and tells when none is left.
type running struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // not nil once draining; closed when n is zero
}

func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle != nil {
		return false
	}
	r.n++
	return true
}

func (r *running) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.idle != nil {
		close(r.idle)
	}
}

func (r *running) drain() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = make(chan struct{})
	if r.n == 0 {
		close(r.idle)
	}
	return r.idle
}

func (r *running) draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.idle != nil
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}
