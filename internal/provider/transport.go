package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// TransportConfig is the operator's choices for connections to providers.
type TransportConfig struct {
	AllowPrivate bool        // allows providers at private, loopback and similar addresses
	TLS          *tls.Config // nil verifies against the system's roots

	// Echo connects to the built-in provider echo, for URLs with project.EchoScheme; nil if there is none.
	Echo func(context.Context) (net.Conn, error)
}

const (
	dialTimeout     = 10 * time.Second // to connect, and again for TLS
	keepIdle        = 90 * time.Second // for an idle connection
	maxIdle         = 1024             // connections, over all providers
	maxIdlePerHost  = 256
	maxAnswerHeader = 256 << 10 // bytes
	maxInterim      = 5         // 1xx answers before the answer
)

// Transport sends requests to providers by HTTP/1.1. Each request has a connection to itself and runs in the goroutine of
// its caller. The standard library's Transport passes every request to a goroutine that writes and one that reads; waking
// them costs more than the rest of a short request. docs/decisions/0007-upstream-connections.md has the figures. The
// standard library still parses the answers.
//
// A Transport follows no redirects, and its callers must not either: a redirect would take a key to a server that nobody
// chose. It asks for no compression. It uses no proxy, not even one of the environment: the checked address would be the
// proxy's, and the proxy would resolve the provider's name unchecked.
//
// A request is sent again, on another connection, only if none of its bytes was written.
type Transport struct {
	dialer net.Dialer
	tls    *tls.Config
	echo   func(context.Context) (net.Conn, error)

	mu     sync.Mutex
	idle   map[origin][]*conn // the most recently used one is the last
	n      int
	reaper *time.Timer // runs while a connection is idle
}

var _ http.RoundTripper = (*Transport)(nil)

// origin is where a connection leads.
type origin struct{ scheme, host string }

// NewTransport returns a transport. Unless private addresses are allowed, a connection to one fails with
// ErrForbiddenAddress.
func NewTransport(c TransportConfig) *Transport {
	t := &Transport{dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}, idle: make(map[origin][]*conn), echo: c.Echo}
	if !c.AllowPrivate {
		t.dialer.ControlContext = publicOnly
	}
	t.tls = c.TLS.Clone()
	if t.tls == nil {
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.tls.NextProtos = []string{"http/1.1"}
	t.tls.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	return t
}

// RoundTrip implements http.RoundTripper. If no connection can be made, the error is a *net.OpError whose Op is "dial". It
// calls WroteHeaders of the request's httptrace.ClientTrace when the first bytes are written.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	buf := sending.Get().(*[inline]byte)
	defer sending.Put(buf)
	m, err := newMessage(buf[:0], req)
	if err != nil {
		return nil, err
	}
	for {
		c := t.take(m.to)
		if c == nil {
			if c, err = t.connect(req.Context(), req.URL); err != nil {
				return nil, err
			}
			return c.exchange(req, m)
		}
		resp, err := c.exchange(req, m)
		if !errors.Is(err, errNothingSent) || req.Context().Err() != nil {
			return resp, err
		}
		// The provider had closed the connection while it was idle.
	}
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.reap(time.Now().Add(2 * keepIdle)) }

// connect makes a connection.
func (t *Transport) connect(ctx context.Context, u *url.URL) (*conn, error) {
	if u.Scheme == project.EchoScheme {
		return t.connectEcho(ctx, u)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	raw, err := t.dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	c := newConn(t, origin{u.Scheme, u.Host}, raw)
	if u.Scheme != "https" {
		return c, nil
	}
	config := t.tls.Clone()
	config.ServerName = u.Hostname()
	secure := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS with %s: %w", u.Host, err)
	}
	c.net = secure
	return c, nil
}

// connectEcho makes a connection to the echo, which is in this process: there is no address to check.
func (t *Transport) connectEcho(ctx context.Context, u *url.URL) (*conn, error) {
	err := errors.New("there is no echo")
	if t.echo != nil {
		var raw net.Conn
		if raw, err = t.echo(ctx); err == nil {
			return newConn(t, origin{u.Scheme, u.Host}, raw), nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: project.EchoScheme, Err: err}
}

// take returns an idle connection that the provider has not closed, or nil.
func (t *Transport) take(to origin) *conn {
	for {
		t.mu.Lock()
		list := t.idle[to]
		if len(list) == 0 {
			t.mu.Unlock()
			return nil
		}
		c := list[len(list)-1]
		list[len(list)-1] = nil
		t.idle[to] = list[:len(list)-1]
		t.n--
		t.mu.Unlock()
		if c.quiet() {
			return c
		}
		_ = c.net.Close()
	}
}

// put keeps a connection for another request.
func (t *Transport) put(c *conn) {
	c.idleSince = time.Now()
	t.mu.Lock()
	keep := t.n < maxIdle && len(t.idle[c.to]) < maxIdlePerHost
	if keep {
		t.idle[c.to] = append(t.idle[c.to], c)
		t.n++
		if t.reaper == nil {
			t.reaper = time.AfterFunc(keepIdle, func() { t.reap(time.Now()) })
		}
	}
	t.mu.Unlock()
	if !keep {
		_ = c.net.Close()
	}
}

// reap closes the connections that have been idle for keepIdle at now.
func (t *Transport) reap(now time.Time) {
	var old []*conn
	t.mu.Lock()
	for to, list := range t.idle {
		n := 0
		for n < len(list) && now.Sub(list[n].idleSince) >= keepIdle {
			n++
		}
		old = append(old, list[:n]...)
		if t.idle[to] = append([]*conn(nil), list[n:]...); n == len(list) {
			delete(t.idle, to)
		}
	}
	t.n -= len(old)
	switch {
	case t.reaper == nil:
	case t.n == 0:
		t.reaper.Stop()
		t.reaper = nil
	default:
		t.reaper.Reset(keepIdle)
	}
	t.mu.Unlock()
	for _, c := range old {
		_ = c.net.Close()
	}
}

// wroteHeaders tells the request's trace that the provider may have begun to work.
func wroteHeaders(ctx context.Context) {
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}
