package gateway

import (
	"bytes"
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
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

const (
	// A JSON answer up to this size is read whole before it is passed on. Its limit headers can then show what remains. A
	// larger answer passes as it comes.
	wholeAnswer = 1 << 20
)

// chunks are buffers for copying.
var chunks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// answer passes on the provider's answer and settles the request's usage.
func (c *call) answer(x *exchange, resp *http.Response, options meter.Options) error {
	body, readable, err := c.decoded(resp)
	switch {
	case errors.Is(err, errEncoding):
		c.settle(c.used(meter.Result{}))
		c.cause = errEncoding.Error()
		return c.counted(unreachable("The provider's answer is compressed in a way that it was not asked for and that cannot be read."))
	case err != nil:
		c.settle(c.unseen(x))
		return c.failure(x, err)
	}
	media, _, _ := strings.Cut(wire.HeaderValue(resp.Header, "Content-Type"), ";")
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

// meterOptions gives the meter the parts of the request that the answer's figures depend on.
func (c *call) meterOptions(hideUsage bool) meter.Options {
	o := meter.Options{HideUsage: hideUsage, Memory: c.g.answers, OtherModels: len(c.env.Demands.Models) > 0}
	switch c.ep.Operation {
	case wire.Messages:
		o.HourCache = c.env.CacheControl && mentions(c.body, `"1h"`)
	case wire.ChatCompletions, wire.CompactResponse:
		o.HourCache = c.est.longCache
	case wire.Responses:
		o.HourCache = c.est.longCache
		for _, t := range c.env.Demands.Tools {
			switch kind := wire.UndatedTool(t.Type); {
			case kind == "image_generation" && t.Model != "":
				o.ImageModel = t.Model
			case kind == "web_search_preview":
				o.SearchPreview = true
			case kind == "code_interpreter", kind == "shell":
				o.ContainerSize = c.containerSize(price.CodeInterpreter)
			}
		}
	case wire.GenerateContent, wire.StreamGenerateContent:
		o.Model = limit.NormalizeModel(c.target.Model)
	}
	return o
}

// answerWhole passes on an answer that was not asked for as a stream. It reads the whole answer first, so that the limit
// headers show what remains. An answer that begins like a stream, or with white space, passes at once.
func (c *call) answerWhole(x *exchange, resp *http.Response, body io.Reader, options meter.Options) error {
	chunk := chunks.Get().(*[32 << 10]byte)
	defer chunks.Put(chunk)
	body = &idleReader{body, x}
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
	head = c.shown(c.leaks.Whole(head), true)
	c.passHeader(resp, false)
	c.w.Header()["Content-Length"] = []string{strconv.Itoa(len(head))}
	c.writeHeader(resp.StatusCode)
	c.write(head)
	_ = c.ctl.Flush() // the client need not wait for the steps that follow
	return nil
}

// readSome reads at least one byte, unless the reader ends first.
func readSome(r io.Reader, p []byte) (n int, err error) {
	for n == 0 && err == nil {
		n, err = r.Read(p)
	}
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil // the next Read returns it again
	}
	return n, err
}

// passesAtOnce reports whether an answer begins like a stream, or with white space that keeps the connection alive
// while the model works. A byte order mark and a part of a stream's first word count too: such an answer may be a stream.
func passesAtOnce(p []byte) bool {
	p = bytes.TrimLeft(p, " \t\r\n")
	for _, start := range [...]string{":", "data:", "event:", "id:", "retry:", "\uFEFF"} {
		n := min(len(p), len(start))
		if string(p[:n]) == start[:n] {
			return true
		}
	}
	return false
}

var errMore = errors.New("answer too long to be read whole")

// readUpTo reads the rest of an answer that begins with head. If the bytes reach most, or if there is no more memory, it
// returns errMore with the bytes so far. It reads into head's array while that is large enough; taken is the memory that
// it took for a larger one. hint is the announced length.
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

// idleReader restarts the provider's idle timer with every read.
type idleReader struct {
	io.Reader
	x *exchange
}

func (r *idleReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.x.idle.Reset(r.x.quiet)
	return n, err
}

// stream passes on an answer as it comes. Its first byte waits until the reservation is durable, its end until the
// reservation is settled. watch is nil for an answer without text; edited says that it may leave out bytes.
func (c *call) stream(x *exchange, resp *http.Response, body io.Reader, watch *meter.Stream, edited bool) error {
	if watch != nil {
		defer watch.Close()
	}
	if err := c.durable(); err != nil {
		x.cancel(err)
		c.release()
		return err
	}
	if watch == nil {
		c.errors = provider.Complaints{} // the answer is not text
	}
	c.passHeader(resp, edited || c.errors.Provider != nil || c.veil.On)
	c.writeHeader(resp.StatusCode)
	_ = c.ctl.Flush()
	err := c.copy(x, body, watch)
	if c.ep.Metered() {
		c.settle(c.ending(x, watch, err))
	}
	if err != nil {
		c.abort(x)
	}
	return nil
}

// ending returns the usage of a stream that has ended or broken off.
func (c *call) ending(x *exchange, watch *meter.Stream, err error) used {
	var r meter.Result
	if watch != nil {
		r = watch.Result()
	}
	switch streamed := c.streamed(); {
	case err != nil && watch != nil && !watch.Finished(c.env.Answers) && c.holdStands(r):
		r.OutputKnown = false // the provider may have made more than its last figures cover
		return c.atHold(r)
	case err != nil && streamed && x.gone.Load():
		return c.partial(r, c.unheard(x))
	case err != nil && (streamed || !errors.Is(err, errClientGone)):
		return c.partial(r, 0)
	}
	return c.used(r)
}

// copy passes on bytes until the provider's answer ends, and returns the error that broke off the answer. After the client
// has gone, it reads on only if x.clientLeft says so.
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
			c.noteText(watch.Heard())
			if stage := watch.Stage(); stage != meter.Running {
				x.marked.Store(true) // first: a client that sees the marker may leave at once
				c.settleEarly(watch, stage, x.gone.Load())
			}
		}
		if pass = c.leaks.Next(c.shown(pass, err != nil), err != nil); len(pass) > 0 && !lost {
			if !c.write(pass) || c.ctl.Flush() != nil {
				lost = true
				if !x.clientLeft(c) {
					return errClientGone
				}
			}
		}
		if cap(out) > 2*len(chunk) { // grown by a long event that was held back
			out = nil
		}
		if c.ended && x.gone.Load() { // already settled, and nobody reads the rest
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

// shown returns what the client may see of a piece of the answer; last says that it is the end. It leaves out a stored key,
// errors about the account behind it, and a stored prompt where the provider repeats the request.
func (c *call) shown(p []byte, last bool) []byte {
	return c.errors.Next(c.redactor.Next(c.veil.Next(p), last), last)
}

// settleEarly settles a stream when its last event has come, before the client sees that event. A client that then asks for
// its usage gets the right figures. Gemini has no last event and may correct its figures up to the end. If the client has
// gone, the stream is settled as soon as its figures have come. A stream that lacks some of the requested answers goes on.
func (c *call) settleEarly(watch *meter.Stream, stage meter.Stage, gone bool) {
	if c.ended || !c.ep.Metered() || c.ep.Dialect.Spec().LateFigures || stage != meter.Complete && !gone || !watch.Finished(c.env.Answers) {
		return
	}
	if r := watch.Result(); r.Known() {
		c.settle(c.used(r))
	}
}

// durable waits until the reservation would survive a crash.
func (c *call) durable() error {
	if c.res == nil {
		return nil
	}
	err := c.res.Durable(context.Background())
	if err != nil {
		c.g.Log.Error("reservation not durable", "request", c.id, "error", err)
		return c.counted(&wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: time.Second,
			Message: "The request could not be recorded, so its answer is withheld."})
	}
	return nil
}

// abort breaks the client's connection, so that the answer cannot look complete.
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

// reset breaks the connection of an HTTP/1.0 client, which takes an orderly close for the
// end of the answer. Proxies such as nginx can be such clients.
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
