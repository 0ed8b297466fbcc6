package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// TransportConfig is what an operator may choose about connections to providers.
type TransportConfig struct {
	AllowPrivate bool        // lets providers, and the proxy, live on private, loopback and the like addresses
	Proxy        *url.URL    // http, https or socks5, for providers with https; nil connects directly
	TLS          *tls.Config // nil verifies against the system's roots
}

const (
	dialTimeout      = 10 * time.Second // to connect, and again for TLS
	keepIdle         = 90 * time.Second // a connection that nobody uses
	mostIdle         = 1024             // connections, over all providers
	mostIdleEach     = 256
	mostAnswerHeader = 256 << 10 // bytes
	mostInterim      = 5         // 1xx answers, with which an answer fails

	// An HTTP/2 connection carries many requests: one that died silently must not hold them for their whole timeout.
	pingAfter   = 30 * time.Second // without a frame from the provider
	pingTimeout = 15 * time.Second
)

// ErrHTTP2 reports that an HTTP/2 connection or stream ended before the answer: the provider refused it, went away or failed.
var ErrHTTP2 = errors.New("the HTTP/2 stream ended")

var errInterim = errors.New("the provider switches protocols, or sends interim answers without end")

// Transport sends requests to providers, by HTTP/2 where they offer it with TLS.
//
// It follows no redirects, nor does its caller: a redirect would take a key to a server that nobody chose. It asks for no
// compression. It obeys no proxy of the environment: with a proxy the address that is checked is the proxy's, and the proxy
// resolves the provider's name.
//
// A request that may have begun at the provider is not sent again.
type Transport struct{ http *http.Transport }

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport returns a transport. Unless private addresses are allowed a connection to
// one fails with ErrForbiddenAddress.
func NewTransport(c TransportConfig) *Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	if !c.AllowPrivate {
		dialer.ControlContext = publicOnly
	}
	config := c.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    dialTimeout,
		DisableCompression:     true,
		MaxIdleConns:           mostIdle,
		MaxIdleConnsPerHost:    mostIdleEach,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: mostAnswerHeader,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if c.Proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) {
			if req.URL.Scheme != "https" {
				return nil, nil // it would see keys
			}
			return c.Proxy, nil
		}
	}
	return &Transport{t}
}

// RoundTrip implements http.RoundTripper. A connection that cannot be made is a *net.OpError whose Op is "dial", or
// "proxyconnect" with a proxy. The context's Progress is kept up to date. The body goes out with the header in one write
// where net/http knows its type to be in memory: *bytes.Reader within io.NopCloser.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := checkRequest(req); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	for {
		s := newSending(req)
		resp, err := t.http.RoundTrip(s.req)
		if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
			_ = resp.Body.Close()
			return nil, errInterim
		}
		if err == nil || req.Context().Err() != nil {
			return resp, err
		}
		if s.http2.Load() {
			return nil, fmt.Errorf("%w: %w", ErrHTTP2, err)
		}
		if !s.reused.Load() || s.Begun.Load() || req.GetBody == nil {
			return nil, err
		}
		// The provider had closed the connection while it was idle. A new connection ends the loop.
		req = req.WithContext(req.Context())
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.http.CloseIdleConnections() }

// checkRequest refuses what net/http would send in another form: in chunks, or with an empty Host.
func checkRequest(req *http.Request) error {
	switch {
	case req.ContentLength < 0:
		return errors.New("the length of a request must be known")
	case !httpguts.ValidHostHeader(req.Host):
		return fmt.Errorf("the address %q cannot be sent", req.URL.Redacted())
	}
	return nil
}

// Progress tells how far a request has come.
type Progress struct {
	Begun atomic.Bool // the provider may have all of the request's header, and have begun
	Sent  atomic.Bool // the request has gone out whole, and nothing reads its body any more; some time after that
}

type progressKey struct{}

// WithProgress returns a context whose requests tell their progress, one request at a time.
func WithProgress(ctx context.Context, p *Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// ProgressOf returns the progress of a context, or nil.
func ProgressOf(ctx context.Context) *Progress {
	p, _ := ctx.Value(progressKey{}).(*Progress)
	return p
}

// sending is a request on its way.
//
// net/http gets no GetBody, so it sends no request with a body again that it has begun to send: over HTTP/2 it would after
// a PROTOCOL_ERROR, when the provider may have begun. Every request to a provider has a body.
type sending struct {
	*Progress
	req     *http.Request // as net/http gets it
	trace   httptrace.ClientTrace
	http2   atomic.Bool // the connection speaks HTTP/2
	reused  atomic.Bool // the connection has carried another request
	interim atomic.Int32
}

func newSending(req *http.Request) *sending {
	s := &sending{Progress: ProgressOf(req.Context())}
	if s.Progress == nil {
		s.Progress = new(Progress)
	}
	s.trace = httptrace.ClientTrace{GotConn: s.gotConn, WroteHeaders: s.wroteHeaders, WroteRequest: s.wroteRequest, Got1xxResponse: s.gotInterim}
	s.req = req.WithContext(httptrace.WithClientTrace(req.Context(), &s.trace))
	s.req.Header = headerToSend(req.Header)
	s.req.GetBody = nil
	if req.ContentLength == 0 {
		s.req.Body = http.NoBody // a body of unknown length to net/http otherwise
	}
	return s
}

// gotConn notes the connection. Over HTTP/2 a request may go out from here on: net/http does not wait for the writing to
// end when the request is cancelled.
func (s *sending) gotConn(info httptrace.GotConnInfo) {
	c, ok := info.Conn.(*tls.Conn)
	http2 := ok && c.ConnectionState().NegotiatedProtocol == "h2"
	s.http2.Store(http2)
	s.reused.Store(info.Reused)
	if http2 {
		s.Begun.Store(true)
	}
}

// wroteHeaders may come before the header has left net/http's buffer, never after.
func (s *sending) wroteHeaders() { s.Begun.Store(true) }

func (s *sending) wroteRequest(info httptrace.WroteRequestInfo) {
	if info.Err == nil {
		s.Sent.Store(true)
	}
}

// gotInterim bounds the answers before the answer.
func (s *sending) gotInterim(int, textproto.MIMEHeader) error {
	if s.interim.Add(1) >= mostInterim {
		return errInterim
	}
	return nil
}

// idempotency are the headers by which net/http takes a POST for one that may be sent twice.
var idempotency = [...]string{"Idempotency-Key", "X-Idempotency-Key"}

// headerToSend returns the header as net/http gets it: without idempotency keys, and without a User-Agent of net/http's own.
func headerToSend(h http.Header) http.Header {
	_, named := h["User-Agent"]
	change := !named
	for _, name := range idempotency {
		_, ok := h[name]
		change = change || ok
	}
	if !change {
		return h
	}
	h = h.Clone()
	for _, name := range idempotency {
		delete(h, name)
	}
	if !named {
		h["User-Agent"] = nil
	}
	return h
}
