package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/api"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// translateErrors makes a server answer malformed requests with the gateway's errors. Call it before Serve, and give Serve
// the listener that it returns.
//
// net/http itself answers malformed requests, for example those with control characters or too many bytes in the header. It
// answers in plain text. No other answer is written while no handler runs.
func translateErrors(srv *http.Server, ln net.Listener, docsURL string, patience time.Duration) net.Listener {
	type key struct{}
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, c) }
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if c, ok := c.(*conn); ok && state == http.StateIdle {
			c.handled.Store(false)
			c.ended = true
		}
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(key{}).(*conn); ok {
			c.handled.Store(true)
		}
		next.ServeHTTP(w, r)
	})
	return listener{ln, docsURL, patience}
}

type listener struct {
	net.Listener
	docsURL  string        // of the folder docs, for errors to refer to
	patience time.Duration // for a client to read its answer
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp, docsURL: l.docsURL, patience: l.patience}, nil
	}
	return c, err
}

// conn keeps the beginning of a request, because the path shows the client's dialect. net/http does not read while it
// answers a malformed request or while a connection becomes idle.
type conn struct {
	*net.TCPConn
	docsURL  string
	patience time.Duration
	writeBy  time.Time   // the write deadline
	handled  atomic.Bool // a handler has been called for the current request
	ended    bool        // the request in head has been answered
	head     [2048]byte
	n        int
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if c.ended { // until now the next request may have come with the last one, to the same API
		c.n, c.ended = 0, false
	}
	c.n += copy(c.head[c.n:], p[:n])
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if !c.handled.Load() {
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(p)), nil)
		if err == nil && resp.StatusCode >= http.StatusBadRequest {
			var answer bytes.Buffer
			_ = translated(string(c.head[:c.n]), resp, c.docsURL).Write(&answer) // cannot fail
			_, err := c.write(answer.Bytes())
			return len(p), err
		}
	}
	return c.write(p)
}

// ReadFrom implements io.ReaderFrom through Write: the embedded one would bypass it.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{c}, r) }

// writeShare is how many bytes a client must read within half of the connection's patience.
const writeShare = 256 << 10

// write writes with a deadline, so that a client that does not read cannot hold its request for long. The deadline stays set
// after the write, because every later write passes here. It is renewed only after half of its time.
func (c *conn) write(p []byte) (n int, err error) {
	for {
		if now := time.Now(); c.writeBy.Sub(now) < c.patience/2 {
			c.writeBy = now.Add(c.patience)
			if err := c.SetWriteDeadline(c.writeBy); err != nil {
				return n, err
			}
		}
		part := p[n:min(len(p), n+writeShare)]
		written, err := c.TCPConn.Write(part)
		if n += written; err != nil || n == len(p) {
			return n, err
		}
	}
}

// translated is net/http's answer to a malformed request, which begins with head, as the client reads it.
func translated(head string, answer *http.Response, docsURL string) *http.Response {
	head, _, _ = strings.Cut(head, "\r\n\r\n")
	_, path, _ := strings.Cut(head, " ")
	path, _, _ = strings.Cut(path, " ")
	path, _, _ = strings.Cut(path, "?")
	_, reason, _ := strings.Cut(answer.Status, " ")
	reason = strings.ToLower(strings.TrimPrefix(reason, http.StatusText(answer.StatusCode)))
	e := wire.Error{Status: answer.StatusCode, Code: "invalid_request", Message: "The request is not valid HTTP" + reason + "."}
	switch {
	case e.Status == http.StatusRequestHeaderFieldsTooLarge:
		e.Message = "The request has too large headers: at most 64 KB in all."
	case e.Status == http.StatusBadRequest && badIdentity.MatchString(head):
		e.Code, e.Param, e.Message = "invalid_identity", "x-identity", "x-identity contains characters that cannot be printed."
	}
	e.DocURL = wire.DocURL(docsURL, e.Code)
	id, dialect := newRequestID(), wire.DialectOf(path)
	h := http.Header{"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}, "X-Request-Id": {id}}
	if name := dialect.Spec().RequestIDHeader; name != "" {
		h.Set(name, id)
	}
	body := e.Body(dialect, id)
	if strings.HasPrefix(path, "/api/") {
		h.Set("Content-Type", "application/problem+json")
		body = api.Problem(e.Status, e.Code, e.Message, docsURL)
	}
	return &http.Response{StatusCode: e.Status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Close: true,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

// badIdentity matches, in the head of a request, an identity that no header may hold.
var badIdentity = regexp.MustCompile(`(?i)\nX-Identity:[^\n]*([\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r[^\n])`)
