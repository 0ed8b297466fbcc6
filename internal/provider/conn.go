package provider

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http/httpguts"
)

// inline is how many bytes of a request are written before its answer is read. They fit into a connection's buffers, so the
// write does not block even if the provider answers first. The rest of a larger request is written in another goroutine,
// because the provider may refuse the request before it has read all of it.
const inline = 64 << 10

// sending are buffers for requests.
var sending = sync.Pool{New: func() any { return new([inline]byte) }}

var (
	errNothingSent = errors.New("the connection was closed before anything was sent")
	errHeaderSize  = errors.New("the provider's headers are too large")
	errBodyClosed  = errors.New("the answer has been closed")
	errInterim     = errors.New("the provider switches protocols, or sends interim answers without end")
)

// conn is a connection to a provider. One request uses it at a time.
type conn struct {
	t    *Transport
	to   origin
	net  net.Conn
	raw  syscall.RawConn // of the TCP connection; nil if the system has none
	in   *bufio.Reader   // buffers Read
	left int64           // bytes that may still be read

	idleSince time.Time
	forget    func() bool // stops watching the request's context
	upload    chan error  // gets the result of the goroutine that writes the rest; nil if there is none
}

func newConn(t *Transport, to origin, raw net.Conn) *conn {
	c := &conn{t: t, to: to, net: raw}
	if s, ok := raw.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.in = bufio.NewReader(c)
	return c
}

// Read reads at most c.left bytes from the connection. It is for c.in.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeaderSize
	}
	n, err := c.net.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// exchange sends a request and reads the header of its answer. The connection returns to the transport, or is closed, when
// the answer's body has been read or closed. After an error it is closed at once.
func (c *conn) exchange(req *http.Request, m message) (*http.Response, error) {
	c.forget = context.AfterFunc(req.Context(), func() { _ = c.net.Close() })
	sent, err := c.send(req, m)
	if err != nil && !sent {
		c.finish(false)
		return nil, fmt.Errorf("%w: %w", errNothingSent, err)
	}
	// A provider may refuse a request before it has read all of it, and close the connection. Its answer says more than the
	// error of the write.
	resp, rerr := c.receive(req)
	if rerr != nil {
		c.finish(false)
		return nil, errors.Join(err, rerr)
	}
	again := err == nil && !resp.Close
	if resp.Body == http.NoBody {
		c.finish(again)
		return resp, nil
	}
	resp.Body = &answer{c: c, src: resp.Body, again: again}
	return resp, nil
}

// send writes the request, or its beginning. It reports whether any byte was written.
func (c *conn) send(req *http.Request, m message) (sent bool, err error) {
	n, err := c.net.Write(m.first)
	if n > 0 {
		wroteHeaders(req.Context())
	}
	if err != nil || m.rest == 0 {
		return n > 0, err
	}
	upload := make(chan error, 1)
	c.upload = upload // finish may forget it before the goroutine ends
	go func() {
		_, err := io.CopyN(c.net, req.Body, m.rest)
		upload <- err
	}()
	return true, nil
}

// receive reads the header of the answer.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	c.left = maxAnswerHeader
	for range maxInterim {
		resp, err := http.ReadResponse(c.in, req)
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errInterim
		case resp.StatusCode >= 200:
			c.left = math.MaxInt64
			return resp, nil
		}
	}
	return nil, errInterim
}

// finish ends an exchange. It keeps the connection if another request may use it, and otherwise closes it.
func (c *conn) finish(again bool) {
	again = c.forget() && again && c.in.Buffered() == 0
	if c.upload != nil {
		select {
		case err := <-c.upload:
			again = again && err == nil
		default:
			again = false
		}
		c.upload = nil
	}
	if again {
		c.t.put(c)
		return
	}
	_ = c.net.Close()
}

// answer is the body of an answer.
type answer struct {
	c     *conn
	src   io.Reader
	again bool
	ended error // the result of every further Read
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	if a.ended != nil {
		return 0, a.ended
	}
	n, err := a.src.Read(p)
	if err != nil {
		a.end(err, a.again && err == io.EOF) //nolint:errorlint // only a bare io.EOF is a complete body
	}
	return n, err
}

// Close implements io.Closer. It does not wait for the unread rest.
func (a *answer) Close() error {
	a.end(errBodyClosed, false)
	return nil
}

func (a *answer) end(err error, again bool) {
	if a.ended == nil {
		a.ended = err
		a.c.finish(again)
	}
}

// message is a request as it is sent.
type message struct {
	to    origin
	first []byte // the head and the beginning of the body
	rest  int64  // bytes of the body that are not in first
}

// newMessage writes the head of a request, and as much of its body as fits, to buf.
func newMessage(buf []byte, req *http.Request) (message, error) {
	m := message{to: origin{req.URL.Scheme, req.URL.Host}, rest: req.ContentLength}
	if m.rest < 0 {
		return m, errors.New("the length of a request must be known")
	}
	var err error
	if m.first, err = appendHead(buf, req); err != nil {
		return m, err
	}
	room := m.first[len(m.first):cap(m.first)]
	n, err := io.ReadFull(req.Body, room[:min(int64(len(room)), m.rest)])
	m.first, m.rest = m.first[:len(m.first)+n], m.rest-int64(n)
	if err != nil {
		return m, fmt.Errorf("read the request: %w", err)
	}
	return m, nil
}

// appendHead appends a request's line and headers.
func appendHead(b []byte, req *http.Request) ([]byte, error) {
	target := req.URL.RequestURI()
	if !httpguts.ValidHeaderFieldValue(target) || !httpguts.ValidHostHeader(req.Host) {
		return nil, fmt.Errorf("the address %q cannot be sent", req.URL.Redacted())
	}
	b = append(append(append(b, req.Method...), ' '), target...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), req.Host...), "\r\n"...)
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("the header %q cannot be sent", name)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return nil, fmt.Errorf("the value of the header %q cannot be sent", name)
			}
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	if req.Method != http.MethodGet {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), req.ContentLength, 10), "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}
