package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

const (
	// In every Patience.Body a body must bring bodyChunk bytes, or 1/bodyShare of its size so far, whichever is more, or
	// end: a body that holds more memory must come faster.
	bodyChunk = 16 << 10
	bodyShare = 16

	// firstBuffer is the largest first buffer of a body. A body that fits into it may use memory that larger ones must
	// leave spare.
	firstBuffer = 64 << 10

	maxHeaders     = 100
	maxHeaderBytes = 64 << 10
)

// checkSize refuses requests that are too large, and all requests during shutdown, before any other check.
func (c *call) checkSize() error {
	if c.g.Draining() {
		wire.NotTaken(c.w.Header(), c.r.Header)
		return &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable",
			Message: "This server is shutting down. Try again.", RetryAfter: time.Second}
	}
	if c.r.ContentLength > c.g.MaxBody {
		return c.tooLarge()
	}
	count, size := 0, 0
	for name, values := range c.r.Header {
		for _, v := range values {
			count++
			size += len(name) + len(v)
		}
		if provider.Repeated(name, values) {
			return badRequest(strings.ToLower(name), "The header "+strings.ToLower(name)+" is there twice. Send it once.")
		}
	}
	if count > maxHeaders || size > maxHeaderBytes {
		return badRequest("", "The request has too many or too large headers: at most 100, and 64 KB in all.")
	}
	return nil
}

// checkEncoding refuses a compressed body before it is read.
func (c *call) checkEncoding() error {
	for _, encoding := range c.r.Header["Content-Encoding"] {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return badRequest("", "The body must not be compressed: send it without Content-Encoding.")
		}
	}
	return nil
}

func (c *call) tooLarge() error {
	return &wire.Error{Status: http.StatusRequestEntityTooLarge, Code: "request_too_large",
		Message: "The body is larger than the " + formatMegabytes(c.g.MaxBody) + " that this server takes."}
}

// readBody reads the whole body. Forwarding it while it arrives would save little, and
// Go's transport would drop answers that come before the body's end. The buffer grows with
// the bytes received, not with the announced length; its memory is taken from the budget first.
func (c *call) readBody() error {
	defer c.ctl.SetReadDeadline(time.Time{}) //nolint:errcheck // recorders in tests have none
	size := int64(512)
	if c.r.ContentLength >= 0 {
		size = min(c.r.ContentLength+1, firstBuffer)
	}
	if err := c.takeMemory(size, 0); err != nil {
		return err
	}
	var (
		buf   = make([]byte, 0, size)
		due   = 0
		limit = int(c.g.MaxBody)
	)
	for {
		if len(buf) >= due {
			_ = c.ctl.SetReadDeadline(time.Now().Add(c.g.Patience.Body))
			due = len(buf) + max(bodyChunk, len(buf)/bodyShare)
		}
		if len(buf) == cap(buf) {
			grown, err := c.grow(buf, limit)
			if err != nil {
				return err
			}
			buf = grown
		}
		n, err := c.r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			return c.tooLarge()
		case errors.Is(err, io.EOF):
			c.body, c.bodyRead = buf, true
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return badRequest("", "The body stopped arriving, or came too slowly. Send it in one go.")
		case err != nil:
			return badRequest("", "The body broke off. Send it again.")
		}
	}
}

// grow returns a buffer of up to twice the size with the same bytes. It is smaller if the announced length needs less.
func (c *call) grow(buf []byte, limit int) ([]byte, error) {
	size := min(2*cap(buf), limit+1)
	if whole := c.r.ContentLength + 1; whole > int64(cap(buf)) && whole < int64(size) {
		size = int(whole)
	}
	if err := c.takeMemory(int64(size), c.g.Bodies.Spare()); err != nil { // both buffers exist during the copy
		return nil, err
	}
	grown := make([]byte, len(buf), size)
	copy(grown, buf)
	c.giveMemory(int64(cap(buf)))
	return grown, nil
}

// takeMemory takes n bytes for the body from the budget of all bodies, of which spare bytes must remain.
func (c *call) takeMemory(n, spare int64) error {
	if !c.g.Bodies.Take(n, spare) {
		return &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", RetryAfter: time.Second,
			Message: "This server has too many large requests in memory. Try again in a moment."}
	}
	c.memory += n
	return nil
}

func (c *call) giveMemory(n int64) {
	c.memory -= n
	c.g.Bodies.Give(n)
}

// dropBody frees the body once the provider has all of it, in each attempt: an answer can last for minutes, and other
// requests need the memory.
func (c *call) dropBody(x *exchange, resp *http.Response) {
	if !x.first.sent.Load() || !x.body.sent.Load() {
		return
	}
	x.first.Reset(nil)
	x.body.Reset(nil)
	c.body, resp.Request = nil, nil
	c.env.Forget()
	c.giveMemory(c.memory)
}

// added is about the most bytes that an edit adds, besides a stored prompt.
const added = 4 << 10

// edited returns the body to send. If that is a copy, its memory is taken from the budget too.
func (c *call) edited(edit wire.Edit) ([]byte, error) {
	n := int64(len(c.body) + added)
	if err := c.takeMemory(n, 0); err != nil {
		return nil, err
	}
	out := c.env.Apply(edit)
	if len(out) > 0 && len(c.body) > 0 && &out[0] == &c.body[0] {
		c.giveMemory(n)
	}
	return out, nil
}

// requestTarget returns the path and the query as the client spelled them.
func requestTarget(r *http.Request) (path, query string) {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	path, query, _ = strings.Cut(target, "?")
	return path, query
}

func formatMegabytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MB" }
