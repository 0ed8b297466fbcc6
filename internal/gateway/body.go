package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

const (
	// A body must bring bodyChunk bytes, or its end, in every Patience.Body.
	bodyChunk = 16 << 10

	maxHeaders     = 100
	maxHeaderBytes = 64 << 10
)

// checkSize refuses what is too large before anything else is looked at.
func (c *call) checkSize() error {
	if c.g.Draining() {
		wire.NotTaken(c.w.Header())
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

// checkEncoding refuses a body that could not be read, before it is.
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

// readBody reads the body whole. Forwarding it while it arrives would save little and
// make Go's transport drop answers that come before its end. The buffer grows with what
// has come, not with what was announced.
func (c *call) readBody() error {
	defer c.ctl.SetReadDeadline(time.Time{}) //nolint:errcheck // recorders in tests have none
	var (
		buf   = make([]byte, 0, min(max(c.r.ContentLength+1, 512), 64<<10))
		due   = 0
		limit = int(c.g.MaxBody)
	)
	for {
		if len(buf) >= due {
			_ = c.ctl.SetReadDeadline(time.Now().Add(c.g.Patience.Body))
			due = len(buf) + bodyChunk
		}
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), limit+1))
			copy(grown, buf)
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
			c.w.Header().Set("Connection", "close")
			return badRequest("", "The body stopped arriving. Send it in one go.")
		case err != nil:
			return badRequest("", "The body broke off. Send it again.")
		}
	}
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
