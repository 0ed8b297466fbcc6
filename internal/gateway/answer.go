package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/wire"
)

const (
	// A JSON answer up to this size is read before it is passed on, so that what remains
	// can be told with it. A larger one passes as it comes.
	wholeAnswer = 1 << 20
)

// chunks are buffers for copying.
var chunks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// answer passes on what the provider answered and settles what it used.
func (c *call) answer(x *exchange, resp *http.Response, options meter.Options) error {
	body, readable, err := decoded(resp)
	if err != nil {
		c.settle(c.unseen(x))
		return c.failure(x, err)
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	streamed := c.streamed() || strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
	switch {
	case !readable, c.ep.Operation == wire.Speech && !streamed:
		return c.stream(x, resp, body, nil, false)
	case streamed:
		return c.stream(x, resp, body, meter.NewStream(c.kind(), options), options.HideUsage)
	}
	options.HideUsage = false
	return c.answerWhole(x, resp, body, options)
}

// streamed reports whether the client asked for a stream.
func (c *call) streamed() bool {
	return c.env.Stream || c.ep.Operation == wire.StreamGenerateContent
}

// meterOptions is what of the request its answer's figures depend on.
func (c *call) meterOptions(hideUsage bool) meter.Options {
	o := meter.Options{HideUsage: hideUsage, Memory: c.g.answers, OtherModels: len(c.env.Demands.Models) > 0}
	switch c.ep.Operation {
	case wire.Messages:
		o.HourCache = c.env.CacheControl && mentions(c.body, `"1h"`)
	case wire.Responses:
		for _, t := range c.env.Demands.Tools {
			if wire.UndatedTool(t.Type) == "image_generation" && t.Model != "" {
				o.ImageModel = t.Model
			}
		}
	case wire.GenerateContent, wire.StreamGenerateContent:
		o.Model = limit.NormalizeModel(c.target.Model)
	}
	return o
}

// decoded returns the answer's content and whether it can be read. The provider was asked for identity, because that
// is what can be metered and what every client reads; one that sends gzip all the same is decompressed, and any other
// encoding passes as it is.
func decoded(resp *http.Response) (body io.Reader, readable bool, err error) {
	switch strings.ToLower(strings.TrimSpace(strings.Join(resp.Header["Content-Encoding"], ","))) {
	case "", "identity":
		return resp.Body, true, nil
	case "gzip", "x-gzip":
	default:
		return resp.Body, false, nil
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		return nil, false, err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	return z, true, nil
}

// answerWhole passes on an answer to a request that is not for a stream. It is read before it is passed on, so that what
// remains can be told with it, unless its first bytes are those of a stream or keep the connection alive.
func (c *call) answerWhole(x *exchange, resp *http.Response, body io.Reader, options meter.Options) error {
	chunk := chunks.Get().(*[32 << 10]byte)
	defer chunks.Put(chunk)
	body = &quietReader{body, x}
	n, err := readSome(body, chunk[:])
	head := chunk[:n]
	if err == nil && passesAtOnce(head) {
		return c.stream(x, resp, io.MultiReader(bytes.NewReader(head), body), meter.NewStream(c.kind(), options), false)
	}
	if err == nil {
		var taken int
		head, taken, err = readUpTo(head, body, wholeAnswer, resp.ContentLength, c.g.answers)
		defer c.g.answers.Give(taken)
	}
	c.at.Last = c.elapsed()
	switch {
	case errors.Is(err, errMore):
		return c.stream(x, resp, io.MultiReader(bytes.NewReader(head), body), meter.NewStream(c.kind(), options), false)
	case err != nil && !errors.Is(err, io.EOF):
		c.settle(c.unseen(x))
		return c.failure(x, err)
	}
	if c.ep.Metered() {
		c.settle(c.used(meter.Whole(c.kind(), options, head)))
	} else {
		c.settleFree()
	}
	if x.gone.Load() {
		return errClientGone
	}
	if err := c.durable(); err != nil {
		return err
	}
	c.passHeader(resp, false)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(head)))
	c.writeHeader(resp.StatusCode)
	c.write(c.redactor.Next(head, true))
	_ = c.ctl.Flush() // before what is left to do, which the client need not wait for
	return nil
}

// readSome reads at least a byte, or to the end.
func readSome(r io.Reader, p []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = r.Read(p)
	}
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // it comes again
	}
	return n, err
}

// passesAtOnce reports whether an answer that begins so is a stream, or begins with white space that keeps the
// connection alive while the answer is made.
func passesAtOnce(p []byte) bool {
	p = bytes.TrimLeft(p, " \t\r\n")
	if len(p) == 0 || p[0] == ':' {
		return true
	}
	for _, field := range [...]string{"data:", "event:", "id:", "retry:"} {
		if bytes.HasPrefix(p, []byte(field)) {
			return true
		}
	}
	return false
}

var errMore = errors.New("there is more")

// readUpTo reads on from head to the end, or returns errMore with what it has read: more than most bytes, or more than
// there is memory for. It reads into head's array where that is large enough, and returns how much memory it took for
// another; hint is the length that was announced.
func readUpTo(head []byte, r io.Reader, most int, hint int64, memory *meter.Memory) (buf []byte, taken int, err error) {
	buf = head
	grow := func(size int) bool {
		if !memory.Take(size) {
			return false
		}
		grown := make([]byte, len(buf), size)
		copy(grown, buf)
		memory.Give(taken)
		buf, taken = grown, size
		return true
	}
	if hint >= int64(cap(buf)) && !grow(int(min(hint+1, int64(most)))) {
		return buf, taken, errMore
	}
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, taken, nil
		case err != nil:
			return buf, taken, err
		case len(buf) >= most, len(buf) == cap(buf) && !grow(min(2*cap(buf), most)):
			return buf, taken, errMore
		}
	}
}

// quietReader gives the provider its time anew with every byte it sends.
type quietReader struct {
	io.Reader
	x *exchange
}

func (q *quietReader) Read(p []byte) (int, error) {
	n, err := q.Reader.Read(p)
	q.x.idle.Reset(q.x.quiet)
	return n, err
}

// stream passes on an answer as it comes, edited if the watcher may leave something out.
// Its first byte waits for the reservation to be durable, its end for the settlement to
// be made.
func (c *call) stream(x *exchange, resp *http.Response, body io.Reader, watch *meter.Stream, edited bool) error {
	if err := c.durable(); err != nil {
		x.cancel(err)
		c.release()
		return err
	}
	c.passHeader(resp, edited)
	c.writeHeader(resp.StatusCode)
	_ = c.ctl.Flush()
	err := c.copy(x, body, watch)
	if watch != nil {
		watch.Close()
	}
	if c.ep.Metered() {
		c.settle(c.ending(x, watch, err))
	}
	if err != nil {
		c.abort(x)
	}
	return nil
}

// ending says what a stream that ended, or broke off, has used.
func (c *call) ending(x *exchange, watch *meter.Stream, err error) used {
	var r meter.Result
	if watch != nil {
		r = watch.Result()
	}
	switch streamed := c.streamed(); {
	case err != nil && streamed && x.gone.Load():
		return c.partial(r, c.unheard(x))
	case err != nil && (streamed || !errors.Is(err, errClientGone)):
		return c.partial(r, 0)
	}
	return c.used(r)
}

// copy passes bytes on until the provider's answer ends, and returns what broke it off.
// Where the client goes away first it reads on for as long as left says.
func (c *call) copy(x *exchange, body io.Reader, watch *meter.Stream) error {
	chunk := chunks.Get().(*[32 << 10]byte)
	defer chunks.Put(chunk)
	var out []byte
	lost := false
	for {
		n, err := body.Read(chunk[:])
		x.idle.Reset(x.quiet)
		if err != nil {
			c.at.Last = c.elapsed()
		}
		ended := errors.Is(err, io.EOF)
		pass := chunk[:n]
		if watch != nil {
			out = watch.Write(slices.Grow(out[:0], n), pass)
			if ended {
				out = watch.Flush(out)
			}
			pass = out
			c.hears(watch.Heard())
			if stage := watch.Stage(); stage != meter.Running {
				x.marked.Store(true) // before the client sees it, and may leave
				c.settleEarly(watch, stage, x.gone.Load())
			}
		}
		if pass = c.errors.Next(c.redactor.Next(pass, err != nil), err != nil); len(pass) > 0 && !lost {
			if !c.write(pass) || c.ctl.Flush() != nil {
				lost = true
				if !x.left(c) {
					return errClientGone
				}
			}
		}
		if cap(out) > 2*len(chunk) { // a long event has been held back
			out = nil
		}
		if c.ended && x.gone.Load() { // nothing is left to learn
			return errClientGone
		}
		switch {
		case ended && (lost || x.gone.Load()):
			return errClientGone
		case ended:
			return nil
		case err != nil:
			return err
		}
	}
}

// settleEarly settles a stream whose own last event has come, before the client sees it:
// who then asks what is left gets the right answer. Gemini has no such event, and may
// correct its figures to the end. A stream whose client has gone is settled as soon as its figures have come.
func (c *call) settleEarly(watch *meter.Stream, stage meter.Stage, gone bool) {
	if c.ended || !c.ep.Metered() || c.ep.Dialect == wire.Gemini || stage != meter.Complete && !gone {
		return
	}
	if r := watch.Result(); r.Known() {
		c.settle(c.used(r))
	}
}

// durable waits until the reservation would survive us.
func (c *call) durable() error {
	if c.res == nil {
		return nil
	}
	err := c.res.Durable(context.Background())
	if err != nil {
		c.g.Log.Error("commit", "request", c.id, "error", err)
		return &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: time.Second,
			Message: "The request could not be recorded, so its answer is withheld. " + c.fate()}
	}
	return nil
}

// abort breaks the client's connection, so that what it got cannot look complete.
func (c *call) abort(x *exchange) {
	if x.gone.Load() {
		c.outcome = "client_gone"
	} else {
		c.outcome = "provider_broke_off"
	}
	if !c.r.ProtoAtLeast(1, 1) {
		c.reset()
	}
	panic(http.ErrAbortHandler)
}

// reset breaks the connection of an HTTP/1.0 client, to whom its close in good order is
// the end of the answer. Proxies such as nginx are such clients.
func (c *call) reset() {
	conn, _, err := c.ctl.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
