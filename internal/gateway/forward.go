package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// errorBody bounds how many bytes of a provider's error are searched for complaints about a stored key.
const errorBody = 256 << 10

// exchange is one request to the provider and its answer. retryPlain may send the request a second time.
type exchange struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	gone   atomic.Bool // the client has gone, or no longer reads
	marked atomic.Bool // the stream's end marker has come
	idle   *time.Timer
	quiet  time.Duration
	stop   func() bool // stops watching the client
	first  outgoingBody
	body   *outgoingBody // of the latest attempt
}

// outgoingBody is a request's body on its way to the provider.
type outgoingBody struct {
	bytes.Reader
	taken atomic.Bool // the transport has begun to send the request
	sent  atomic.Bool // the transport has read all of the body
	trace httptrace.ClientTrace
}

// Read implements io.Reader. After the last byte it does not touch the embedded Reader again, which dropBody then empties.
func (b *outgoingBody) Read(p []byte) (int, error) {
	if b.sent.Load() {
		return 0, io.EOF
	}
	n, err := b.Reader.Read(p)
	if b.Len() == 0 {
		b.sent.Store(true)
	}
	return n, err
}

// WriteTo implements io.WriterTo. Like Read, it does not touch the embedded Reader after it has set sent.
func (b *outgoingBody) WriteTo(w io.Writer) (int64, error) {
	if b.sent.Load() {
		return 0, nil
	}
	n, err := b.Reader.WriteTo(w)
	if b.Len() == 0 {
		b.sent.Store(true)
	}
	return n, err
}

// rewind makes the next Read start at the body's first byte.
func (b *outgoingBody) rewind() {
	b.sent.Store(false)
	_, _ = b.Seek(0, io.SeekStart) // cannot fail
}

// Close implements io.Closer.
func (*outgoingBody) Close() error { return nil }

var (
	errClientGone = errors.New("client went away")
	errIdle       = errors.New("provider sent nothing for too long")
)

// begin starts an exchange. Its context is cancelled if the provider sends nothing for too long, if the client has gone and
// its grace is over, or if the server ends.
func (c *call) begin(ctx context.Context) *exchange {
	x := &exchange{quiet: c.g.UpstreamTimeout}
	x.body = &x.first
	x.ctx, x.cancel = context.WithCancelCause(c.g.Ending)
	x.idle = time.AfterFunc(x.quiet, func() { x.cancel(errIdle) })
	x.stop = context.AfterFunc(ctx, func() { x.clientLeft(c) })
	return x
}

// end releases the resources of an exchange.
func (x *exchange) end() {
	x.stop()
	x.idle.Stop()
	x.cancel(nil)
}

// maxDrained bounds the answers that are read at once after their clients left. Each may hold an answer of 1 MB.
const maxDrained = 1024

// grace is how long an answer is still read after its client left, so that leaving is not cheaper than staying. A whole
// answer is read to its end, as is a stream if the project drains. Any other stream is read on for its figures only if its
// end marker has come.
func (c *call) grace(x *exchange) time.Duration {
	switch {
	case c.res == nil || !c.ep.Metered():
		return 0
	case !c.streamed():
		return c.g.Patience.Whole
	case c.caller.Project.Drain:
		return c.g.Patience.Drain
	case x.marked.Load():
		return c.g.Patience.Figures
	}
	return 0
}

// clientLeft notes that the client has gone or no longer reads, and ends the exchange at once or after its grace. It
// reports whether the answer is still read.
func (x *exchange) clientLeft(c *call) bool {
	if x.gone.Swap(true) {
		return x.ctx.Err() == nil
	}
	grace := c.grace(x)
	if grace == 0 || c.g.drained.Add(1) > maxDrained {
		if grace > 0 {
			c.g.drained.Add(-1)
		}
		x.cancel(errClientGone)
		return false
	}
	t := time.AfterFunc(grace, func() { x.cancel(errClientGone) })
	context.AfterFunc(x.ctx, func() {
		t.Stop()
		c.g.drained.Add(-1)
	})
	return true
}

// forward sends the request to the provider and answers with the provider's answer. If the provider fails before the answer
// begins, it goes on with the next model of an alias.
func (c *call) forward(ctx context.Context, query string, edit wire.Edit) error {
	x := c.begin(ctx)
	defer x.end()
	req, err := c.outgoing(x, edit)
	if err != nil {
		return c.unanswered(x, err)
	}
	c.at.Sent = c.elapsed()
	resp, err := c.send(x, req)
	if err == nil && edit.IncludeUsage {
		resp, err = c.retryPlain(x, resp, &edit)
	}
	if c.mayFallBack(x) && c.failedFirst(x, resp, err) {
		next, ok, stopped := c.fallBack(ctx, query)
		switch {
		case stopped != nil:
			return stopped
		case ok:
			if resp != nil {
				_ = resp.Body.Close()
			}
			x.end()
			return c.forward(ctx, query, next)
		}
	}
	if err != nil {
		return c.unanswered(x, err)
	}
	c.at.Answered = c.elapsed()
	defer resp.Body.Close() //nolint:errcheck // a failed close changes nothing
	x.idle.Reset(x.quiet)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.passError(x, resp)
	}
	options := c.meterOptions(edit.IncludeUsage)
	c.checkAnswer()
	c.dropBody(x, resp)
	c.errors = provider.Complaints{Dialect: c.ep.Dialect, DocsURL: c.g.DocsURL}
	if c.target.Stored {
		c.g.KeyUses.Used(c.caller.Project.Key, c.target.Provider.Name, c.now)
		c.errors.Provider, c.errors.Found = c.target.Provider, c.logComplaint
	}
	if c.text != "" {
		c.errors.Quotes = c.repeats
	}
	return c.answer(x, resp, options)
}

// outgoing makes the provider's request. It fills x.body with the edited body.
func (c *call) outgoing(x *exchange, edit wire.Edit) (*http.Request, error) {
	target, err := c.target.Provider.URL(c.target.Path)
	if err != nil {
		return nil, badRequest("model", "The model's name cannot be part of a URL. Send the name as the provider writes it.")
	}
	target.RawQuery = c.cred.Query
	sent, err := c.edited(edit)
	if err != nil {
		return nil, err
	}
	body := x.body
	body.Reset(sent)
	body.trace.WroteHeaders = func() { body.taken.Store(true) }
	req := blank.WithContext(httptrace.WithClientTrace(x.ctx, &body.trace))
	req.Method, req.URL, req.Host, req.Header = c.r.Method, target, target.Host, c.cred.Header
	if sent := wire.HeaderValue(req.Header, "Content-Type"); sent != "application/json" {
		req.Header["Content-Type"] = []string{c.env.ContentType(sent)}
	}
	req.Body, req.ContentLength = body, int64(body.Len())
	return req, nil
}

// blank is the template of outgoing requests: WithContext copies it.
var blank = &http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// send makes the exchange. A failed dial is tried once more: the provider cannot have begun.
func (c *call) send(x *exchange, req *http.Request) (*http.Response, error) {
	resp, err := c.g.Transport.RoundTrip(req)
	if x.unreached(err) && x.ctx.Err() == nil {
		x.body.rewind()
		resp, err = c.g.Transport.RoundTrip(req)
	}
	return resp, err
}

// unreached reports whether an exchange failed because no connection was made.
func (x *exchange) unreached(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" && !x.body.taken.Load()
}

// unanswered accounts for a request without an answer. A request that never reached the provider costs nothing; if the
// provider had refused the attempt before, it costs what a refusal costs. Otherwise its input counts and, if the client left,
// the usual output too.
func (c *call) unanswered(x *exchange, err error) error {
	switch {
	case x.body.taken.Load():
		c.settle(c.unseen(x))
	case x.body != &x.first:
		c.settleFree()
	default:
		c.release()
	}
	if ours, ok := errors.AsType[*wire.Error](err); ok {
		return ours
	}
	return c.failure(x, err)
}

// failure is the answer to a request whose exchange failed with err before any byte of the provider's answer was passed on.
// The reservation has been settled or released.
func (c *call) failure(x *exchange, err error) error {
	cause := context.Cause(x.ctx)
	c.cause = reasonOf(err, cause)
	var timeout net.Error
	switch {
	case errors.Is(cause, errClientGone):
		return errClientGone
	case c.g.Ending.Err() != nil:
		return c.counted(&wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "This server is shutting down."})
	case errors.Is(err, provider.ErrForbiddenAddress):
		return unreachable("The provider's address is not allowed: it resolves to a private network. ALLOW_PRIVATE_UPSTREAMS=true lifts this.")
	case !x.body.taken.Load():
		return unreachable("The provider cannot be reached. Nothing was counted; try again.")
	case errors.Is(cause, errIdle), errors.As(err, &timeout) && timeout.Timeout():
		return c.counted(&wire.Error{Status: http.StatusGatewayTimeout, Code: "provider_timeout", Message: "The provider did not answer in time."})
	}
	return c.counted(unreachable("The provider closed the connection before its answer was complete."))
}

// counted adds to an error whether the failed request counts. SDKs are told not to repeat one that counts: the provider may
// have answered it, and would bill it twice.
func (c *call) counted(e *wire.Error) *wire.Error {
	if c.charged.Amounts[limit.Requests] > 0 {
		e.NoRetry = true
		e.Message += " The request counts, because it may have been carried out."
	} else {
		e.Message += " Nothing was counted."
	}
	return e
}

func unreachable(message string) *wire.Error {
	return &wire.Error{Status: http.StatusBadGateway, Code: "provider_unreachable", Message: message}
}

// errorHead reads the beginning of a provider's error. The rest is still in body.
func (c *call) errorHead(resp *http.Response) (head []byte, body io.Reader, err error) {
	if body, _, err = c.decoded(resp); err == nil {
		head, err = io.ReadAll(io.LimitReader(body, errorBody))
	}
	return head, body, err
}

// passError answers with the provider's own error. The request costs nothing in the period but keeps its place in the burst
// bucket: otherwise anyone could use up the provider's own limits for free. An error about a stored key is replaced,
// because the provider's text could quote the key.
func (c *call) passError(x *exchange, resp *http.Response) error {
	c.settleFree()
	head, body, err := c.errorHead(resp)
	c.at.Last = c.elapsed()
	if c.target.Stored {
		if refused := c.complaint(resp, head); refused != nil {
			return refused
		}
	}
	switch {
	case errors.Is(err, errEncoding):
		c.cause = errEncoding.Error()
		return unreachable("The provider refused the request, and its error is compressed in a way that cannot be read. Nothing was counted.")
	case err != nil:
		return c.failure(x, err)
	}
	if c.repeats(head) {
		return c.hiddenError(resp.StatusCode)
	}
	c.outcome = "provider_error"
	c.passHeader(resp, false)
	c.writeHeader(resp.StatusCode)
	if !c.write(c.redactor.Next(head, false)) || c.copy(x, body, nil) != nil {
		c.abort(x)
	}
	return nil
}

// logComplaint logs a provider's complaint about the stored key or its account, for the developer.
func (c *call) logComplaint(about provider.Complaint) {
	c.g.Log.Warn("stored key or its account refused", "request", c.id, "project", c.caller.Project.Key,
		"provider", c.target.Provider.Name, "reason", about.Reason)
	if about.Kind != provider.AccountLimited {
		c.g.KeyUses.Failed(c.caller.Project.Key, c.target.Provider.Name, c.g.Now(), about.Reason)
	}
}

// complaint replaces an error about the stored key or its account, and logs it for the developer. It returns nil for other
// errors.
func (c *call) complaint(resp *http.Response, body []byte) error {
	about := provider.Complain(resp.StatusCode, body, c.target.Provider)
	if about.Kind == provider.NoComplaint {
		return nil
	}
	c.logComplaint(about)
	switch about.Kind {
	case provider.AccountLimited:
		limited := &wire.Error{Status: http.StatusTooManyRequests, Code: "provider_limited",
			Message: "The provider takes no more requests from this app at the moment. Try again shortly."}
		switch wait := provider.RetryDelay(resp.Header, body); {
		case wait > admission.LongestWait:
			limited.NoRetry = true
			limited.Message = "The provider takes no more requests from this app for now. Try again later."
		case wait > 0:
			limited.RetryAfter = wait
		}
		return limited
	case provider.AboutAccount:
		return &wire.Error{Status: http.StatusBadGateway, Code: "provider_auth_failed", NoRetry: true,
			Message: "The provider refused the account of this app. The app's developer has to act; the server's log says why."}
	}
	return &wire.Error{Status: http.StatusBadGateway, Code: "provider_auth_failed", NoRetry: true,
		Message: "The provider refused the stored key of this project. The app's developer has to set a valid key."}
}
