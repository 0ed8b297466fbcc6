package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// testTransport counts the connections that it has open.
type testTransport struct {
	*Transport
	open atomic.Int64
}

func newTestTransport(t *testing.T, config TransportConfig) *testTransport {
	t.Helper()
	config.AllowPrivate = true
	transport := &testTransport{Transport: NewTransport(config)}
	dial := transport.http.DialContext
	transport.http.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		transport.open.Add(1)
		return &countedConn{Conn: c, closed: sync.OnceFunc(func() { transport.open.Add(-1) })}, nil
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err
}

// keeps waits until no more than so many connections are open. Those that are kept stay open.
func (t *testTransport) keeps(tb testing.TB, want int64) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); t.open.Load() > want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			break
		}
	}
	if n := t.open.Load(); n != want {
		tb.Errorf("%d connections are kept; want %d", n, want)
	}
}

func post(t *testing.T, ctx context.Context, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// exchange sends a request and returns the answer's status and body.
func exchange(t *testing.T, transport http.RoundTripper, req *http.Request) (int, string) {
	t.Helper()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Whatever the framing and the size, what was sent arrives and what is answered comes back, over one connection.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		var connections atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if secure != (r.ProtoMajor == 2) {
				t.Errorf("TLS %t: HTTP/%d; want 2 with TLS", secure, r.ProtoMajor)
			}
			if r.ContentLength != int64(len(body)) || len(r.TransferEncoding) > 0 {
				t.Errorf("length %d, transfer encoding %q for %d bytes", r.ContentLength, r.TransferEncoding, len(body))
			}
			switch r.URL.Path {
			case "/length":
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			case "/interim":
				w.WriteHeader(http.StatusEarlyHints)
			case "/nothing":
				w.WriteHeader(http.StatusNoContent)
				return
			}
			half := len(body) / 2
			_, _ = w.Write(body[:half])
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(body[half:])
		}))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		server.EnableHTTP2 = true
		var config TransportConfig
		if secure {
			server.StartTLS()
			config.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
		} else {
			server.Start()
		}
		transport := newTestTransport(t, config)
		for _, path := range []string{"/length", "/chunked", "/interim"} {
			for _, size := range []int{0, 1, 4095, 32 << 10} {
				echoes(t, transport, server.URL+path, size)
			}
		}
		if status, got := exchange(t, transport, post(t, t.Context(), server.URL+"/nothing", "x")); status != 204 || got != "" {
			t.Errorf("status %d, %q; want 204 and nothing", status, got)
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("TLS %t: %d connections were made; want 1", secure, n)
		}
		// Of these the answer may end before it is known here that all of the request has gone out.
		for _, size := range []int{64 << 10, 1 << 20, 10 << 20} {
			echoes(t, transport, server.URL+"/length", size)
		}
		transport.CloseIdleConnections()
		server.Close()
	}
}

func echoes(t *testing.T, transport http.RoundTripper, url string, size int) {
	t.Helper()
	want := strings.Repeat("x", size)
	var progress Progress
	if status, got := exchange(t, transport, post(t, WithProgress(t.Context(), &progress), url, want)); status != 200 || got != want {
		t.Errorf("%s: status %d and %d bytes of %d", url, status, len(got), size)
	}
	for deadline := time.Now().Add(10 * time.Second); !progress.Sent.Load() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // the answer may be here first
	}
	if !progress.Begun.Load() || !progress.Sent.Load() {
		t.Errorf("%s: begun %t, sent %t; want both", url, progress.Begun.Load(), progress.Sent.Load())
	}
}

// raw serves connections by hand: each is given to serve and then closed.
func raw(t *testing.T, serve func(n int, c net.Conn)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // nothing to be done about it
				serve(n, c)
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

// takeRequest reads a small request and returns it.
func takeRequest(c net.Conn) string {
	var seen []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(seen, []byte("\r\n\r\nx")) {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		seen = append(seen, buf[:n]...)
	}
	return string(seen)
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A connection that the provider closed while it was idle is not used, whenever that is noticed.
func TestConnectionsClosedMeanwhileAreNotUsed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 10)
	url := raw(t, func(_ int, c net.Conn) {
		takeRequest(c)
		_, _ = io.WriteString(c, okAnswer)
		_ = c.Close()
		closed <- struct{}{}
	})
	transport := newTestTransport(t, TransportConfig{})
	for i := range 5 {
		if status, got := exchange(t, transport, post(t, t.Context(), url, "x")); status != 200 || got != "ok" {
			t.Errorf("request %d: %d %q", i, status, got)
		}
		<-closed
		transport.keeps(t, 0)
	}
}

// What may have reached the provider is not sent again.
func TestWhatMayHaveArrivedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	url := raw(t, func(n int, c net.Conn) {
		for {
			got := takeRequest(c)
			if got == "" {
				return
			}
			if strings.Contains(got, "dempotency") {
				t.Errorf("sent %q; want no Idempotency-Key", got)
			}
			if requests.Add(1) == 2 {
				return // without an answer
			}
			_, _ = io.WriteString(c, okAnswer)
		}
	})
	transport := newTestTransport(t, TransportConfig{})
	exchange(t, transport, post(t, t.Context(), url, "x"))
	var progress Progress
	ctx := WithProgress(t.Context(), &progress)
	req := post(t, ctx, url, "x")
	req.Header.Set("Idempotency-Key", "k") // which the standard library's transport takes as leave to
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("no error")
	}
	if !progress.Begun.Load() || requests.Load() != 2 {
		t.Errorf("told of sending: %t, requests %d; want true, 2", progress.Begun.Load(), requests.Load())
	}
}

// A request of which no whole header was written is sent again, whole: the provider had closed the connection while it was
// idle. Any other is not.
func TestWhatWasNotSentIsSentAgain(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	transport := newTestTransport(t, TransportConfig{})
	dial := transport.http.DialContext
	var shut atomic.Bool
	transport.http.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return &shutConn{Conn: c, shut: &shut}, err
	}
	var progress Progress
	for name, tc := range map[string]struct {
		length int // of a header
		again  int
	}{
		"nothing is written": {8 << 10, 1}, // more than net/http keeps until it writes
		"may be written":     {1, 0},
	} {
		progress.Begun.Store(false)
		shut.Store(false)
		exchange(t, transport, post(t, t.Context(), server.URL, "first"))
		requests.Store(0)
		shut.Store(true)
		asked := 0
		req := post(t, WithProgress(t.Context(), &progress), server.URL, "second")
		req.Header.Set("X", strings.Repeat("x", tc.length))
		rewind := req.GetBody
		req.GetBody = func() (io.ReadCloser, error) {
			asked++
			shut.Store(false)
			return rewind()
		}
		resp, err := transport.RoundTrip(req)
		if (err == nil) != (tc.again == 1) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			got, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(got) != "second" {
				t.Errorf("%s: %q arrived; want second", name, got)
			}
		}
		if asked != tc.again || int(requests.Load()) != tc.again || !progress.Begun.Load() {
			t.Errorf("%s: the body was asked for %d times, %d requests arrived, begun %t; want %d, %d, true",
				name, asked, requests.Load(), progress.Begun.Load(), tc.again, tc.again)
		}
	}
}

// shutConn writes nothing while it is shut.
type shutConn struct {
	net.Conn
	shut *atomic.Bool
}

func (c *shutConn) Write(p []byte) (int, error) {
	if c.shut.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// Answers that break off, lie or do not end are errors, and their connections are not used again.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string
		body   bool // it is the body that breaks
	}{
		"nothing":          {"", false},
		"no status":        {"hello\r\n\r\n", false},
		"half a header":    {"HTTP/1.1 200 OK\r\nContent-", false},
		"short":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", true},
		"half a chunk":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", true},
		"no last chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", true},
		"odd chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", true},
		"endless header":   {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", mostAnswerHeader), false},
		"endless interim":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", mostInterim) + okAnswer, false},
		"switch protocols": {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(_ int, c net.Conn) {
				takeRequest(c)
				_, _ = io.WriteString(c, tc.answer)
			})
			transport := newTestTransport(t, TransportConfig{})
			resp, err := transport.RoundTrip(post(t, t.Context(), url, "x"))
			if tc.body && err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if err == nil {
				t.Error("no error")
			}
			transport.keeps(t, 0)
		})
	}
}

// Answers after which a connection is at its end, or carries what nobody asked for.
func TestConnectionsThatAreNotKept(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"says close":   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0":     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"until it end": "HTTP/1.1 200 OK\r\n\r\nok",
		"one too many": okAnswer + okAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(_ int, c net.Conn) {
				takeRequest(c)
				_, _ = io.WriteString(c, answer)
			})
			transport := newTestTransport(t, TransportConfig{})
			for range 2 {
				if status, got := exchange(t, transport, post(t, t.Context(), url, "x")); status != 200 || got != "ok" {
					t.Errorf("%d %q; want 200, ok", status, got)
				}
				transport.keeps(t, 0)
			}
		})
	}
}

// A provider that refuses a large request before it has read it is heard.
func TestAnswersBeforeTheRequestIsRead(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	url := raw(t, func(_ int, c net.Conn) {
		_, _ = c.Read(make([]byte, 100))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		<-heard
		_, _ = io.Copy(io.Discard, c)
	})
	transport := newTestTransport(t, TransportConfig{})
	var progress Progress
	if status, got := exchange(t, transport, post(t, WithProgress(t.Context(), &progress), url, strings.Repeat("x", 30<<20))); status != 413 || got != "big" {
		t.Errorf("%d %q; want 413, big", status, got)
	}
	if !progress.Begun.Load() || progress.Sent.Load() {
		t.Errorf("begun %t, sent %t; want true, false", progress.Begun.Load(), progress.Sent.Load())
	}
	close(heard)
	transport.keeps(t, 0)
}

// The end of its context ends a request wherever it is, and its connection.
func TestCancelledRequests(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"before the answer": "",
		"within its header": "HTTP/1.1 200 OK\r\nConte",
		"within its body":   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan struct{})
			url := raw(t, func(_ int, c net.Conn) {
				takeRequest(c)
				_, _ = io.WriteString(c, answer)
				close(arrived)
				_, _ = c.Read(make([]byte, 1)) // until it is closed
			})
			transport := newTestTransport(t, TransportConfig{})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-arrived
				cancel()
			}()
			resp, err := transport.RoundTrip(post(t, ctx, url, "x"))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if err == nil {
				t.Error("no error")
			}
			transport.keeps(t, 0)
		})
	}
}

// An answer that is closed before its end closes its connection: nothing more is read.
func TestClosedAnswers(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	url := raw(t, func(_ int, c net.Conn) {
		takeRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok")
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	resp, err := newTestTransport(t, TransportConfig{}).RoundTrip(post(t, t.Context(), url, "x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the connection is still open")
	}
	if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes and %v from a closed answer", n, err)
	}
}

// Nothing that a header or an address may contain can become another header or request.
func TestWhatCannotBeSentIsNotSent(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*http.Request){
		"header value":   func(r *http.Request) { r.Header["X"] = []string{"a\r\nY: b"} },
		"header name":    func(r *http.Request) { r.Header["X: a\r\nY"] = []string{"b"} },
		"query":          func(r *http.Request) { r.URL.RawQuery = "a\r\nX: b" },
		"host":           func(r *http.Request) { r.Host = "a\r\nX: b" },
		"unknown length": func(r *http.Request) { r.ContentLength = -1 },
		"short body":     func(r *http.Request) { r.ContentLength = 5 },
		"broken body":    func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrNoProgress)) },
	} {
		asked := make(chan int, 10)
		url := raw(t, func(_ int, c net.Conn) {
			n, _ := c.Read(make([]byte, 1))
			asked <- n
		})
		transport := newTestTransport(t, TransportConfig{})
		req := post(t, t.Context(), url, "x")
		spoil(req)
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: sent", name)
		}
		transport.keeps(t, 0)
		for range len(asked) {
			if <-asked > 0 {
				t.Errorf("%s: the provider was asked", name)
			}
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") }))
	defer server.Close()
	server.Config.ErrorLog = nil
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, tc := range map[string]struct {
		config *tls.Config
		url    string
	}{
		"unknown authority": {nil, server.URL},
		"another host":      {&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)},
	} {
		resp, err := newTestTransport(t, TransportConfig{TLS: tc.config}).RoundTrip(post(t, t.Context(), tc.url, "x"))
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// What is idle for too long is closed, and no more is kept than may be.
func TestIdleConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const asked = mostIdleEach + 10
	var arrived, asking sync.WaitGroup
	arrived.Add(asked)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		arrived.Wait() // each on a connection of its own
	}))
	defer server.Close()
	transport := newTestTransport(t, TransportConfig{})
	for range asked {
		req := post(t, t.Context(), server.URL, "x")
		asking.Go(func() {
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	asking.Wait()
	transport.keeps(t, mostIdleEach)
	if got := transport.http.IdleConnTimeout; got != keepIdle {
		t.Errorf("connections are kept for %v; want %v", got, keepIdle)
	}
	transport.CloseIdleConnections()
	transport.keeps(t, 0)
}

func BenchmarkRoundTrip(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	for name, transport := range map[string]http.RoundTripper{
		"ours": NewTransport(TransportConfig{AllowPrivate: true}), "standard library": &http.Transport{},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader("hello"))
				if err != nil {
					b.Fatal(err)
				}
				resp, err := transport.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
