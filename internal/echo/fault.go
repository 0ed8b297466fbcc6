package echo

import (
	"compress/gzip"
	"net/http"
	"strings"
)

// Fault is a way in which a request fails.
type Fault uint8

// The faults. Faults midway happen before the middle word of a stream, or after half the bytes of a whole answer.
const (
	None         Fault = iota
	RateLimited        // the vendor's 429, with Retry-After: 1
	ServerError        // the vendor's 500
	Overloaded         // the vendor's 503, or Anthropic's 529
	KeyRefused         // the vendor's error about a wrong key, which quotes the key: 401, or 400 in Gemini's API
	KeyForbidden       // a 403 about the key, which quotes the key
	Redirect           // 307 to /elsewhere on the same host
	Hang               // no answer until the client goes or the provider is closed
	Close              // the connection is closed without an answer
	HangMidway         // half the answer, then nothing until the client goes or the provider is closed
	Break              // half the answer, then the connection is closed
	Truncate           // half the answer, which ends properly in HTTP
	StreamError        // half the stream, then the vendor's error event; for a whole answer like ServerError
	Unterminated       // the last event of a stream lacks its blank line
	Garbage            // 200 and a body that is not JSON
	Gzip               // the answer is compressed, whatever the client accepts
	WithoutUsage       // the answer has no usage
	HugeStream         // an answer of HugeWords words
	HugeEvent          // an answer of one word of HugeBytes bytes
	faults
)

// Sizes of the huge answers, before the request's output cap.
const (
	HugeWords = 20_000 // words of HugeStream, each 256 bytes with its blank
	HugeBytes = 8 << 20
)

var faultNames = [faults]string{"none", "rate-limited", "server-error", "overloaded", "key-refused", "key-forbidden",
	"redirect", "hang", "close", "hang-midway", "break", "truncate", "stream-error", "unterminated", "garbage", "gzip",
	"without-usage", "huge-stream", "huge-event"}

// String returns the fault's name, as used in model names and in FaultHeader.
func (f Fault) String() string {
	if f >= faults {
		return "unknown"
	}
	return faultNames[f]
}

// ParseFault returns the fault of a name.
func ParseFault(name string) (Fault, bool) {
	for f, n := range faultNames {
		if n == name {
			return Fault(f), true
		}
	}
	return None, false
}

func (p *Provider) fault(r *http.Request, model string) Fault {
	if p.opts.Public {
		return None
	}
	if p.opts.Fault != nil {
		if f := p.opts.Fault(r, model); f != None {
			return f
		}
	}
	name := r.Header.Get(FaultHeader)
	if _, suffix, ok := strings.Cut(model, "-fault-"); ok && name == "" {
		name = suffix
	}
	f, _ := ParseFault(name)
	return f
}

// invalidKey is OpenAI's code for a key that does not exist.
const invalidKey = "invalid_api_key"

// strike carries out a fault that replaces the whole answer, and reports whether it did.
func (c *call) strike() bool {
	switch c.fault {
	case RateLimited:
		c.w.Header().Set("Retry-After", "1")
		c.refuse(problem{Status: http.StatusTooManyRequests, Type: "requests", Code: "rate_limit_exceeded",
			Message: "Rate limit reached for " + c.model + "."})
	case ServerError:
		c.refuse(broken)
	case Overloaded:
		status := http.StatusServiceUnavailable
		if c.dialect == anthropic {
			status = statusOverloaded
		}
		c.refuse(problem{Status: status, Message: "Overloaded"})
	case KeyRefused:
		status := http.StatusUnauthorized
		if c.dialect == gemini {
			status = http.StatusBadRequest
		}
		c.refuse(problem{Status: status, Code: invalidKey, Message: "Incorrect API key provided: " + c.key() + "."})
	case KeyForbidden:
		c.refuse(problem{Status: http.StatusForbidden, Code: "key_forbidden", Message: "The API key " + c.key() + " may not do this."})
	case Redirect:
		c.w.Header().Set("Location", "/elsewhere")
		c.w.WriteHeader(http.StatusTemporaryRedirect)
	case Hang:
		c.hang()
	case Close:
		panic(http.ErrAbortHandler)
	case Garbage:
		c.whole("application/json", []byte("<html>This is not what you asked for.</html>"))
	case Gzip:
		c.w = &gzipWriter{ResponseWriter: c.w}
		return false
	default:
		return false
	}
	return true
}

var broken = problem{Status: http.StatusInternalServerError, Message: "The server had an error while processing the request."}

// hang waits until the client disconnects or the provider is closed, and then drops the connection.
func (c *call) hang() {
	select {
	case <-c.r.Context().Done():
	case <-c.p.closed:
	}
	panic(http.ErrAbortHandler)
}

// gzipWriter compresses an answer. Every flush reaches the client.
type gzipWriter struct {
	http.ResponseWriter
	zip *gzip.Writer
}

func (w *gzipWriter) WriteHeader(status int) {
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Encoding", "gzip")
	w.ResponseWriter.WriteHeader(status)
}

func (w *gzipWriter) Write(p []byte) (int, error) {
	if w.zip == nil {
		w.zip = gzip.NewWriter(w.ResponseWriter)
	}
	return w.zip.Write(p)
}

func (w *gzipWriter) FlushError() error {
	if w.zip != nil {
		if err := w.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *gzipWriter) close() {
	if w.zip != nil {
		_ = w.zip.Close() // fails only when the client has gone
	}
}
