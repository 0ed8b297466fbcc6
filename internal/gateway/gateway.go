// Package gateway is the data plane: it decides whether a request may be made, forwards it untouched and accounts for its
// usage. Start reading at call.handle.
//
// Invariants of every request:
//
//   - its reservation is settled or released exactly once, however the request ends
//   - nothing of an answer reaches the client before its reservation is durable
//   - nothing of a prompt, an answer or a key is kept or logged
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Ledger is the part of a ledger that the gateway needs.
type Ledger interface {
	Settings(ctx context.Context, key ledger.Key) (settings *ledger.Settings, known bool, err error)
	Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error)
	Pass(req ledger.Request) *ledger.Reservation
	Settle(ctx context.Context, res *ledger.Reservation, actual ledger.Actual) error
	Release(ctx context.Context, res *ledger.Reservation) error
	Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error)
}

// Options make a Gateway.
type Options struct {
	Projects  identity.Projects
	Ledger    Ledger
	Transport http.RoundTripper // must not follow redirects, decompress or retry on its own
	Log       *slog.Logger
	DocsURL   string // where the folder docs is published, for errors to refer to; "": nowhere

	MaxBody         int64          // bytes of a request's body
	Bodies          *budget.Budget // memory for the bodies of all requests; nil: unlimited
	UpstreamTimeout time.Duration  // until the provider's first byte, and between its bytes
	Now             func() time.Time
	Draining        func() bool     // reports whether new requests are refused
	Ending          context.Context // its end cuts off the requests that still run
	Patience        Patience

	KeyUses *provider.Uses // notes how stored keys fare; may be nil

	// Observe, if not nil, is called with every request that has ended. The goroutine that served the request calls
	// it, so it must not block.
	Observe func(Seen)
	// Record, if not nil, is called like Observe, with what only the request's project may see.
	Record func(Ended)
}

// Patience is how long the gateway waits for a client. A zero field has its default.
type Patience struct {
	Body   time.Duration // for 16 KB more of a request's body: 30 s
	Linger time.Duration // for a refused client to finish sending: 10 s
	Drain  time.Duration // for the rest of a stream after its client left, if the project drains: 1 min

	// Whole is how long a whole answer is still read after its client left: 5 min.
	Whole time.Duration
	// Figures is how long a stream is still read if its client left after the end marker: 2 s.
	Figures time.Duration
}

func (p Patience) orDefaults() Patience {
	return Patience{
		Body:   cmp.Or(p.Body, 30*time.Second),
		Linger: cmp.Or(p.Linger, wire.LingerTime),
		Drain:  cmp.Or(p.Drain, time.Minute),

		Whole:   cmp.Or(p.Whole, 5*time.Minute),
		Figures: cmp.Or(p.Figures, 2*time.Second),
	}
}

// Gateway serves the data plane.
type Gateway struct {
	Options
	running, holding, drained atomic.Int64
	lastDate                  atomic.Pointer[dated]

	answers *meter.Memory // for answers that are being read
	windows *meter.Memory // for answers that are being decompressed
	plain   plainServers
	judged  judgements
}

// answerMemory bounds the bytes that the gateway holds of all answers together: answers that it reads whole, and
// unfinished events. Beyond the bound, it reads only their beginnings and ends.
const answerMemory = 64 << 20

// New returns a Gateway.
func New(o Options) *Gateway {
	o.Patience = o.Patience.orDefaults()
	return &Gateway{Options: o, answers: meter.NewMemory(answerMemory), windows: meter.NewMemory(windowMemory)}
}

// call is one request on its way through the gateway.
type call struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	ctl   http.ResponseController
	id    string
	start time.Time
	now   time.Time // the time of the decision, after the body arrived
	at    Steps

	ep       wire.Endpoint
	unserved string // the path as sent, if no endpoint has it; else ""
	body     []byte
	bodyRead bool
	memory   int64 // bytes taken from the budget for bodies
	window   int   // bytes taken from Gateway.windows
	env      *wire.Envelope
	sound    soundLength
	pauses   pauses

	subject
	instruction
	guarding
	aliased
	upstream
	reservation

	outcome string // for the log and the metrics
	cause   string // for the log: why the provider did not answer
	status  int
	started bool // the answer's header has been written
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{g: g, w: w, r: r, ctl: *http.NewResponseController(w), id: newRequestID(), start: g.Now()}
	g.running.Add(1)
	defer c.finish()
	c.commonHeaders()
	if r.Method == http.MethodOptions {
		c.preflight()
		return
	}
	if err := c.handle(r.Context()); err != nil {
		c.fail(err)
	}
}

// handle takes a request through the data plane, step by step. The first step that fails answers the request. Nothing is
// counted before the reservation.
func (c *call) handle(ctx context.Context) (err error) {
	path, query := requestTarget(c.r)
	c.ep, err = wire.Match(c.r.Method, path)
	if err != nil {
		c.ep.Dialect, c.unserved = wire.DialectOf(path), path
	}
	if err != nil || c.ep.Operation == wire.ListModels || c.ep.Operation == wire.GetModel {
		c.ep.Dialect = wire.CallerDialect(c.ep.Dialect, path, c.r.Header, query)
	}
	if err := identity.CheckSecret(c.r, path, query); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if err := c.checkSize(); err != nil {
		return err
	}
	if c.caller, err = identity.Authenticate(ctx, c.g.Projects, c.r); err != nil {
		return asUnavailable(err)
	}
	if c.ep.Operation == wire.OwnUsage {
		return c.usage(ctx)
	}
	// These settings may come from a cache. The reservation of a metered request checks them again.
	if err := c.identify(ctx, !c.ep.Metered()); err != nil {
		return err
	}
	if c.ep.Own() {
		return c.models(query)
	}

	var edit wire.Edit
	if err = c.receive(); err == nil {
		edit, err = c.admit(ctx, query)
	} else if c.assumed {
		// A disabled identity gets this error before others, as it does if its settings are known.
		if err := c.identify(ctx, true); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return c.forward(ctx, query, edit)
}

// receive reads and parses the body, and refuses one that holds a secret key.
func (c *call) receive() (err error) {
	if err := c.checkEncoding(); err != nil {
		return err
	}
	c.at.Asked = c.elapsed()
	if err := c.readBody(); err != nil {
		c.giveMemory(c.memory) // at once: the wait for the client can be long
		return err
	}
	c.at.Read = c.elapsed()
	if err := identity.CheckSecretBody(c.body); err != nil {
		return err
	}
	c.env, err = c.parse(c.body)
	return err
}

// finish reports the request. After a panic it also settles the reservation.
func (c *call) finish() {
	if p := recover(); p != nil {
		if c.res != nil { // the provider may have been asked
			c.settle(c.partial(meter.Result{}, 0))
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // the value that net/http looks for
			c.report()
			panic(p)
		}
		c.g.Log.Error("panic", "request", c.id, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		if c.started {
			c.outcome = "internal_error"
			c.report()
			panic(http.ErrAbortHandler)
		}
		c.fail(&wire.Error{Status: http.StatusInternalServerError, Code: "internal_error",
			Message: "The gateway failed while it processed the request. Try again. If it fails again, report the x-request-id."})
	}
	if !c.ep.Metered() {
		c.settleFree()
	}
	if c.started && !c.bodyRead {
		wire.Linger(c.w, c.r, c.g.Patience.Linger)
	}
	c.report()
}

// report writes the request's end to the log and passes it to Observe.
func (c *call) report() {
	c.giveMemory(c.memory)
	c.giveWindows()
	c.g.running.Add(-1)
	if c.outcome == "" {
		c.outcome = "answered"
	}
	c.noteLeak()
	now := c.g.Now()
	c.log(now)
	seen := c.seen(now)
	if c.g.Observe != nil {
		c.g.Observe(seen)
	}
	if c.g.Record != nil {
		c.g.Record(c.describe(seen))
	}
}

// log writes the request's line. It bypasses slog.Logger, which would look up the line's
// source position each time.
func (c *call) log(now time.Time) {
	h := c.g.Log.Handler()
	if !h.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 14),
		slog.String("request", c.id), slog.Int("status", c.status), slog.String("outcome", c.outcome),
		slog.Duration("took", now.Sub(c.start)))
	if c.ep.Method != "" {
		attrs = append(attrs, slog.String("operation", c.ep.Operation.String()))
	}
	if c.unserved != "" {
		attrs = append(attrs, slog.String("method", wire.ShownMethod(c.r.Method)), slog.String("path", wire.ShownPath(c.unserved)))
	}
	if c.caller.Project != nil {
		attrs = append(attrs, slog.String("project", c.caller.Project.Key))
	}
	if c.target.Provider != nil {
		attrs = append(attrs, slog.String("provider", c.target.Provider.Name), slog.String("model", c.target.Model))
	}
	if c.res != nil {
		attrs = append(attrs, slog.Int64("tokens", c.charged.Amounts[limit.Tokens]), slog.Int64("micros", c.charged.Amounts[limit.Cost]))
	}
	if c.cause != "" {
		attrs = append(attrs, slog.String("cause", c.cause))
	}
	if c.passed {
		attrs = append(attrs, slog.Bool("unchecked", true))
	}
	line := slog.NewRecord(now, slog.LevelInfo, "request", 0)
	line.AddAttrs(attrs...)
	_ = h.Handle(context.Background(), line) // a log that fails must not fail a request
}

// asUnavailable turns an internal error into the answer "unavailable", or into errClientGone if the client has gone.
func asUnavailable(err error) error {
	if _, ok := errors.AsType[*wire.Error](err); ok || err == nil {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, errClientGone) {
		return errClientGone
	}
	return &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable",
		Message: "Limits cannot be checked right now. Try again in a moment.", RetryAfter: time.Second}
}
