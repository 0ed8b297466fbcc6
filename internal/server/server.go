// Package server wires the parts together and runs them. It has one listener, and its shutdown loses no usage.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/activity"
	"github.com/airatelimit/airatelimit/internal/api"
	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/metrics"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Options are for tests and for the demo; everything else uses the zero value.
type Options struct {
	// Log is the logger; nil writes to standard error as configured.
	Log *slog.Logger
	// Listener is used in place of one on the configured port.
	Listener net.Listener
	// Setup runs when everything is open, before the first request.
	Setup func(ctx context.Context, s *store.Store) error
	// Ledger is called with the ledger when it is open.
	Ledger func(ledger.Ledger)
	// Patience holds the gateway's time limits for clients. HeaderTimeout limits the time to receive a request's header.
	Patience      gateway.Patience
	HeaderTimeout time.Duration
	// WriteTimeout is how long a write to a client may take; zero is 1 min.
	WriteTimeout time.Duration
	// Now is the clock for periods and bursts; nil is time.Now.
	Now func() time.Time
	// Beat is the interval of a PostgreSQL node's beats; zero uses the ledger's default.
	Beat time.Duration
	// Version is the program's version, for the metrics and traces.
	Version string
	// Program is the command that starts this program, for the hint in the log; "" logs no hint.
	Program string
	// Out takes the hint as text for people; nil for none.
	Out io.Writer
	// Ready is called with the address when requests are served.
	Ready func(addr net.Addr)
}

const (
	headerTimeout = 10 * time.Second
	headerBytes   = 64 << 10 // net/http allows 4 KB more, and answers 431 before authentication
	idleTimeout   = 2 * time.Minute

	// stopTime limits the shutdown after running requests have ended or were cut off: answers are flushed, handlers
	// settle, and the ledger closes, whose database may be unavailable. deploy/ and docs/operations.md allow for it.
	stopTime = 15 * time.Second
	// The first steps get a small part of stopTime, so that the ledger has enough left.
	flushTime  = 2 * time.Second // to send answers whose handlers have returned
	settleTime = 2 * time.Second // to settle requests that were cut off
	traceFlush = 2 * time.Second // to send the last traces

	// A load balancer learns from a refused request that this node stops, and sends the next request elsewhere.
	// Connections close after quietTime without a request, because a request on a closing connection would be lost.
	// maxQuiet limits that wait.
	quietTime, maxQuiet = 100 * time.Millisecond, 2 * time.Second
)

// Run serves until ctx ends. Then it answers new requests with 503, waits the configured time for running ones, cuts off
// and settles the rest, and returns nil. It listens from the start; until everything is open, requests get 503. If ctx
// ends before that, Run returns at once.
func Run(ctx context.Context, cfg config.Config, opts Options) (err error) {
	log := opts.Log
	if log == nil {
		var flush func()
		log, flush = newLog(cfg, os.Stderr)
		defer flush()
	}
	ln := opts.Listener
	if ln == nil {
		if ln, err = net.Listen("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))); err != nil {
			return fmt.Errorf("listen on port %d: %w (set PORT to another port, or HOST to another address)", cfg.Port, err)
		}
	}
	a := newApp(cfg, log, opts)
	stopProfiles, err := a.serveProfiles(cfg.ProfilesAddr)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer stopProfiles()
	srv := &http.Server{
		Handler:           a.counting(a.mount()),
		ReadHeaderTimeout: cmp.Or(opts.HeaderTimeout, headerTimeout),
		MaxHeaderBytes:    headerBytes,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	served := translateErrors(srv, ln, cfg.DocsURL, cmp.Or(opts.WriteTimeout, time.Minute))
	go func() { failed <- srv.Serve(served) }()
	log.Info("starting", "address", ln.Addr().String())

	if err := a.open(ctx, cfg, opts); err != nil {
		closed := errors.Join(srv.Close(), a.close())
		if ctx.Err() != nil {
			log.Info("stopped while starting")
			return closed
		}
		return errors.Join(err, closed)
	}
	log.Info("serving", "address", ln.Addr().String())
	if err := a.welcome(ctx, cmp.Or(cfg.PublicURL, localURL(ln.Addr())), opts); err != nil {
		log.Warn("first account not offered", "error", err)
	}
	if opts.Ready != nil {
		opts.Ready(ln.Addr())
	}
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), a.close())
	case <-ctx.Done():
	}
	return a.shutdown(srv, cfg.Drain)
}

// welcome prints the server's address and, while there is no account or no project, how to create one.
func (a *app) welcome(ctx context.Context, url string, opts Options) error {
	projects, _ := a.planes.Load().projects()
	next := opts.Program + ` project create --name "My app"`
	if opts.Out == nil {
		if opts.Program != "" && projects == 0 {
			a.log.Info("no project yet", "next", next)
		}
		return a.newcomer(ctx, url, a.store, opts)
	}
	fmt.Fprintf(opts.Out, "AI Ratelimit serves at %s\n", url)
	if projects == 0 {
		fmt.Fprintf(opts.Out, "There is no project yet. Create one in another terminal, in this folder and with this environment:\n\n  %s\n\n", next)
	}
	return a.newcomer(ctx, url, a.store, opts)
}

// localURL is the address by which a browser on this machine reaches a listener.
func localURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// app is everything that is open while the server runs.
type app struct {
	log          *slog.Logger
	now          func() time.Time
	metrics      *metrics.Metrics
	metricsToken string
	bodies       *budget.Budget // memory for the bodies of all requests
	prices       *project.PriceBook
	docsURL      string
	production   bool
	store        *store.Store // nil while the process starts
	planes       atomic.Pointer[planes]
	awaits       atomic.Pointer[string] // the reason for which the start waits, shown to operators
	unhealthy    string                 // the reason in /readyz while the ledger is not healthy

	running running
	ending  context.Context // ends when running requests are cut off
	end     context.CancelFunc
	closers closers
}

// planes are the handlers of all requests but the probes.
type planes struct {
	data, control http.Handler
	healthy       func() error                   // the ledger's; nil while the process starts
	projects      func() (known, unreadable int) // nil while the process starts
}

// newApp returns an app that answers probes, and other requests with 503, while the process starts.
func newApp(cfg config.Config, log *slog.Logger, opts Options) *app {
	a := &app{log: log, now: opts.Now, metrics: metrics.New(opts.Version), metricsToken: cfg.MetricsToken, prices: cfg.Prices,
		bodies: budget.New(cfg.BodyMemoryBytes), docsURL: cfg.DocsURL, production: cfg.Production}
	if n := a.prices.Models(); n > 0 {
		log.Info("price overrides loaded", "entries", n)
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.unhealthy = "the database cannot be written"
	if cfg.Database.Postgres() {
		a.unhealthy = "the database cannot be reached"
	}
	a.ending, a.end = context.WithCancel(context.Background())
	a.wait("the database is being opened and, if necessary, upgraded")
	a.metrics.WatchReady(func() bool { status, _ := a.status(); return status == statusReady })
	starting := gateway.Options{Projects: notYet{}, Observe: a.metrics.Request}
	a.planes.Store(&planes{data: a.gateway(cfg, opts, starting)})
	return a
}

// notYet stands in for the projects while the server starts.
type notYet struct{}

// Project implements identity.Projects.
func (notYet) Project(context.Context, string) (*project.Snapshot, error) {
	return nil, &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable",
		Message: "This server is starting. Try again in a moment.", RetryAfter: time.Second}
}

// gateway makes a gateway from the common options and o.
func (a *app) gateway(cfg config.Config, opts Options, o gateway.Options) *gateway.Gateway {
	o.Log, o.Now, o.Patience = a.log, a.now, opts.Patience
	o.MaxBody, o.Bodies, o.UpstreamTimeout = cfg.MaxBodyBytes, a.bodies, cfg.UpstreamTimeout
	o.Draining, o.Ending, o.DocsURL = a.running.draining, a.ending, cfg.DocsURL
	return gateway.New(o)
}

// open opens the database and puts both planes into service. a.close closes everything it has opened, also after an
// error.
func (a *app) open(ctx context.Context, cfg config.Config, opts Options) error {
	secrets, err := cfg.Secrets()
	if err != nil {
		return err
	}
	keys, err := secret.NewKeyring(secrets.Encryption, secrets.EncryptionOld...)
	if err != nil {
		return err
	}
	a.logKeys(cfg, keys)
	o, err := a.awaitDatabase(ctx, cfg.Database, keys, opts.Beat)
	if err != nil {
		return err
	}
	if opts.Setup != nil {
		if err := opts.Setup(ctx, o.store); err != nil {
			return err
		}
	}
	if opts.Ledger != nil {
		opts.Ledger(o.ledger)
	}
	a.store = o.store
	health := newHealth(a.log, o.ledger.Healthy)
	mails := mail.NewQueue(Mail(cfg, a.log), a.log)
	warnOfMail(cfg, a.log)
	runner := api.NewRunner(o.ledger, o.catalog, o.store, a.now, a.log)
	uses := new(provider.Uses)
	a.runBackground(o, health, mails, runner, uses)
	observe, err := a.observer(ctx, cfg, opts.Version)
	if err != nil {
		return err
	}
	echoes, stopEcho := serveEcho(a.log)
	transport := provider.NewTransport(provider.TransportConfig{AllowPrivate: cfg.AllowPrivateUpstreams, Echo: echoes.Dial})
	a.closers.add(func(context.Context) error {
		transport.CloseIdleConnections()
		stopEcho()
		return nil
	})
	ledger := watched{o.ledger, health}
	data := a.gateway(cfg, opts, gateway.Options{Projects: o.catalog, Ledger: ledger, Transport: transport, Observe: observe, KeyUses: uses,
		Record: o.counts.Request})
	control := api.New(api.Options{Ledger: ledger, Projects: o.catalog, Secrets: o.store, Accounts: o.store, Prompts: o.store, Transport: transport, Records: o.store, Today: o.rollups, Prices: o.store.Prices, Now: a.now, Log: a.log,
		Operations: o.store, Runner: runner,
		Reports: o.rollups, Live: o.live, Draining: a.running.draining,
		MaxBody: cfg.MaxBodyBytes, Bodies: a.bodies, DocsURL: cfg.DocsURL,
		Version: opts.Version, Signup: account.Signup(cfg.Signup), Mail: mails, Pepper: secrets.JWT, PublicURL: cfg.PublicURL,
		Production: cfg.Production, HTTPS: cfg.HTTPS(), Origins: cfg.CORSOrigins, Proxies: cfg.TrustedProxies})
	a.planes.Store(&planes{data: data, control: control, healthy: o.ledger.Healthy, projects: o.catalog.Projects})
	a.watch(data, o.catalog)
	return nil
}

// logKeys logs which keys the environment does not set.
func (a *app) logKeys(cfg config.Config, keys *secret.Keyring) {
	if keys.ID() == "" {
		a.log.Info("ENCRYPTION_KEY not set: provider keys cannot be stored, apps send their own")
	}
	if !cfg.Database.Postgres() {
		return
	}
	for _, name := range cfg.Kept() {
		a.log.Warn("key not set: this node uses the one in DATA_DIR, and all nodes on one PostgreSQL need the same", "variable", name, "data_dir", cfg.DataDir)
	}
}

// runBackground starts the background tasks, which run until the app closes.
func (a *app) runBackground(o opened, h *health, mails *mail.Queue, operations *api.Runner, uses *provider.Uses) {
	background, stop := context.WithCancel(context.Background())
	poll := time.NewTicker(o.db.PollInterval())
	var working sync.WaitGroup
	working.Go(func() { o.catalog.Run(background, poll.C, a.log) })
	working.Go(func() { o.catalog.Listen(background, a.log) })
	working.Go(func() { announceSettings(background, o.catalog.NewVersions(), o.store, o.live, a.log) })
	working.Go(func() { h.run(background) })
	working.Go(func() { mails.Run(background) })
	working.Go(func() { operations.Run(background) })
	working.Go(func() { prune(background, o.db, a.now, a.log) })
	working.Go(func() { noteKeyUses(background, o.store, uses, a.log) })
	working.Go(func() { o.rollups.Run(background, store.FoldInterval, a.log) })
	working.Go(func() { o.counts.Run(background, activity.FlushInterval, a.log) })
	if o.db.Pool != nil {
		working.Go(func() { o.live.Link(background, o.db, o.catalog.Messages(), a.now) })
	}
	if l, ok := o.ledger.(*sqlite.Ledger); ok {
		working.Go(func() { checkpoint(background, o.db, l, a.log) })
	} else {
		working.Go(func() { (&differences{log: a.log}).run(background, o.db) })
	}
	stopPacing := paceGC()
	a.closers.add(func(ctx context.Context) error {
		stop()
		stopPacing()
		poll.Stop()
		done := make(chan struct{})
		go func() {
			working.Wait()
			close(done)
		}()
		// The ledger closes after this. A query that hangs must not use up its time.
		select {
		case <-done:
		case <-time.After(settleTime):
		case <-ctx.Done():
		}
		return nil
	})
}

// shutdown drains requests, then closes everything. The steps after the drain share one deadline.
func (a *app) shutdown(srv *http.Server, drain time.Duration) error {
	idle := a.running.drain()
	a.log.Info("draining", "running", a.running.count(), "timeout", drain)
	select {
	case <-idle:
	case <-time.After(drain):
		a.log.Warn("drain timed out: running requests are cut off", "running", a.running.count())
	}
	a.running.quiet(min(drain, maxQuiet))
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	// After a.end the handlers settle and return. Shutdown flushes the answers that are still in the server's buffers.
	// Close ends the connections that wait for a client.
	a.end()
	flushed, cancelFlush := context.WithTimeout(ctx, flushTime)
	defer cancelFlush()
	_ = srv.Shutdown(flushed)
	_ = srv.Close()
	select {
	case <-idle:
	case <-time.After(settleTime):
		a.log.Error("requests left unsettled: a later start settles them at their holds", "running", a.running.count())
	}
	err := a.closers.close(ctx)
	a.log.Info("stopped")
	return err
}

// close closes everything after a failed start, or after the listener has failed.
func (a *app) close() error {
	a.end()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return a.closers.close(ctx)
}

// closers close everything that was opened, the last first. Each returns when its context ends, at the latest.
type closers []func(ctx context.Context) error

func (c *closers) add(close func(ctx context.Context) error) { *c = append(*c, close) }

func (c closers) close(ctx context.Context) error {
	var errs []error
	for _, close := range slices.Backward(c) {
		errs = append(errs, close(ctx))
	}
	return errors.Join(errs...)
}

// counting counts the running requests. Requests that arrive while the server drains are refused at once, so they are
// not counted.
func (a *app) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.running.enter() {
			defer a.running.leave()
		}
		next.ServeHTTP(w, r)
	})
}

// running counts requests until the server drains, and signals when none is left.
type running struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // not nil once draining; closed when n is zero
	last time.Time     // when the drain began or, if later, the last request was refused
}

func (r *running) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle != nil {
		r.last = time.Now()
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
	r.idle, r.last = make(chan struct{}), time.Now()
	if r.n == 0 {
		close(r.idle)
	}
	return r.idle
}

// quiet returns after quietTime without a request, or after most.
func (r *running) quiet(most time.Duration) {
	for deadline := time.Now().Add(most); ; {
		r.mu.Lock()
		rest := min(quietTime-time.Since(r.last), time.Until(deadline))
		r.mu.Unlock()
		if rest <= 0 {
			return
		}
		time.Sleep(rest)
	}
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
