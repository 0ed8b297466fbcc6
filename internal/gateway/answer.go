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

	"github.com/airatelimit/airatelimit/internal/ledger"
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
func (c *call) answer(x *exchange, resp *http.Response, hideUsage bool) error {
	body, err := decoded(resp)
	if err != nil {
		c.settle(c.partial(meter.Result{}))
		return c.failure(x, err)
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case c.streams(media):
		watch := meter.NewStream(c.kind(), meter.Options{HideUsage: hideUsage})
		return c.stream(x, resp, body, watch, hideUsage)
	case c.ep.Operation == wire.Speech:
		return c.stream(x, resp, body, nil, false)
	}
	return c.answerWhole(x, resp, body)
}

// streams reports whether an answer is to be read as a stream. Some providers call
// theirs text/plain, or nothing.
func (c *call) streams(media string) bool {
	return media == "text/event-stream" || c.ep.Operation == wire.StreamGenerateContent ||
		c.env.Stream && media != "application/json"
}

// decoded returns the answer's content. The provider was asked for identity, because that
// is what can be metered and what every client reads; one that compresses all the same is
// decompressed.
func decoded(resp *http.Response) (io.Reader, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return resp.Body, nil
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	return z, nil
}

// answerWhole passes on an answer that is not streamed.
func (c *call) answerWhole(x *exchange, resp *http.Response, body io.Reader) error {
	chunk := chunks.Get().(*[32 << 10]byte)
	defer chunks.Put(chunk)
	head, err := readUpTo(chunk[:0], &quietReader{body, x}, wholeAnswer, resp.ContentLength)
	c.at.Last = c.elapsed()
	switch {
	case errors.Is(err, errMore):
		return c.stream(x, resp, io.MultiReader(bytes.NewReader(head), body), newLargeAnswer(c.kind()), false)
	case err != nil:
		c.settle(c.partial(meter.Result{}))
		return c.failure(x, err)
	}
	if c.ep.Metered() {
		c.settle(c.used(meter.Whole(c.kind(), head)))
	} else {
		c.settleFree()
	}
	if err := c.durable(); err != nil {
		return err
	}
	c.passHeader(resp, false)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(head)))
	c.writeHeader(resp.StatusCode)
	c.write(head)
	_ = c.ctl.Flush() // before what is left to do, which the client need not wait for
	return nil
}

var errMore = errors.New("there is more")

// readUpTo reads to the end, or returns errMore with what it has read. It reads into buf
// where that is large enough; hint is the length that was announced.
func readUpTo(buf []byte, r io.Reader, most int, hint int64) ([]byte, error) {
	if hint >= int64(cap(buf)) {
		buf = make([]byte, 0, min(hint+1, int64(most)))
	}
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) >= most:
			return buf, errMore
		case len(buf) == cap(buf):
			grown := make([]byte, len(buf), min(2*cap(buf), most))
			copy(grown, buf)
			buf = grown
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

// watcher meters an answer that passes as it comes.
type watcher interface {
	Write(dst, p []byte) []byte
	Flush(dst []byte) []byte
	Result() meter.Result
}

// stream passes on an answer as it comes, edited if the watcher may leave something out.
// Its first byte waits for the reservation to be durable, its end for the settlement to
// be made.
func (c *call) stream(x *exchange, resp *http.Response, body io.Reader, watch watcher, edited bool) error {
	if err := c.durable(); err != nil {
		x.cancel(err)
		c.release()
		return err
	}
	c.passHeader(resp, edited)
	c.writeHeader(resp.StatusCode)
	_ = c.ctl.Flush()
	err := c.copy(x, body, watch)
	if c.ep.Metered() {
		c.settle(c.ending(watch, err))
	}
	if err != nil {
		c.abort(x)
	}
	return nil
}

// ending says what a stream that ended, or broke off, has used.
func (c *call) ending(watch watcher, err error) used {
	var r meter.Result
	if watch != nil {
		r = watch.Result()
	}
	if err != nil && !r.Known {
		return c.partial(r)
	}
	return c.used(r)
}

// copy passes bytes on until the provider's answer ends, and returns what broke it off.
// Where the client goes away first it reads on only if the project drains.
func (c *call) copy(x *exchange, body io.Reader, watch watcher) error {
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
			c.settleEarly(watch)
		}
		if len(pass) > 0 && !lost {
			if !c.write(pass) || c.ctl.Flush() != nil {
				lost = true
				if x.left(c.grace()); c.grace() == 0 {
					return errClientGone
				}
			}
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
// correct its figures to the end.
func (c *call) settleEarly(watch watcher) {
	if c.ended || !c.ep.Metered() || c.ep.Dialect == wire.Gemini {
		return
	}
	if r := watch.Result(); r.Complete && r.Known {
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

// used is what a request is charged for.
type used struct {
	meter.Result
}

// used takes the vendor's figures where there are any; else the estimate stands, of an
// answer that is an error or has half of the figures no more than what it shows.
func (c *call) used(r meter.Result) used {
	switch {
	case r.Known:
		return used{r}
	case r.Failed, r.InputKnown:
		return c.partial(r)
	}
	r.Usage = c.est.likely
	r.Usage.Output = c.est.unmetered(c.ep.Operation, r.OutputText, c.env.Answers)
	if r.Images > 0 {
		r.Usage.Images = r.Images
	}
	return used{r}
}

// partial estimates an answer that broke off: the vendor's count of the input where it
// came, and the text that had streamed by then.
func (c *call) partial(r meter.Result) used {
	if r.Known {
		return used{r}
	}
	output := max(r.Usage.Output, c.est.atMost(tokensOf(r.OutputText)))
	if !r.InputKnown {
		r.Usage = c.est.likely
		if c.est.price.Image > 0 {
			r.Usage.Images = r.Images
		}
	}
	r.Usage.Output = output
	return used{r}
}

func (u used) actual(c *call) ledger.Actual {
	a := ledger.Actual{InputTokens: u.Usage.Input, OutputTokens: u.Usage.Output}
	a.Amounts = limit.Amounts{limit.Requests: 1, limit.Tokens: u.Tokens()}
	if c.est.priced {
		a.Amounts[limit.Cost] = u.Cost(c.est.price, c.caller.Project.Price)
	}
	return a
}

// kind is the format of the operation's answers.
func (c *call) kind() meter.Kind {
	switch c.ep.Operation {
	case wire.Responses, wire.CompactResponse:
		return meter.OpenAIResponses
	case wire.Embeddings:
		return meter.OpenAIEmbeddings
	case wire.Moderations:
		return meter.OpenAIModerations
	case wire.ImageGenerations, wire.ImageEdits:
		return meter.OpenAIImages
	case wire.Speech, wire.Transcriptions, wire.Translations:
		return meter.OpenAIAudio
	case wire.Messages:
		return meter.AnthropicMessages
	case wire.GenerateContent, wire.StreamGenerateContent:
		return meter.GeminiGenerate
	case wire.EmbedContent, wire.BatchEmbedContents:
		return meter.GeminiEmbed
	}
	return meter.OpenAIChat
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
