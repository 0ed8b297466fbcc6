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
	"net/http/httptrace"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/airatelimit/airatelimit/test/await"
)

func newTestTransport(t *testing.T, config TransportConfig) *Transport {
	t.Helper()
	config.AllowPrivate = true
	transport := NewTransport(config)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
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
func exchange(t *testing.T, transport *Transport, req *http.Request) (int, string) {
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

func (t *Transport) idleCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// Bodies of every framing and size arrive, and their answers come back, over one connection.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		var connections atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
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
		server.EnableHTTP2 = true // is offered, and not taken
		var config TransportConfig
		if secure {
			server.StartTLS()
			config.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
		} else {
			server.Start()
		}
		transport := newTestTransport(t, config)
		for _, path := range []string{"/length", "/chunked", "/interim"} {
			for _, size := range []int{0, 1, 4095, inline / 2} {
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
		for _, size := range []int{inline - 300, inline - 200, inline, inline + 1, 1 << 20, 10 << 20} {
			echoes(t, transport, server.URL+"/length", size)
		}
		transport.CloseIdleConnections()
		server.Close()
	}
}

func echoes(t *testing.T, transport *Transport, url string, size int) {
	t.Helper()
	want := strings.Repeat("x", size)
	if status, got := exchange(t, transport, post(t, t.Context(), url, want)); status != 200 || got != want {
		t.Errorf("%s: status %d and %d bytes of %d", url, status, len(got), size)
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
		awaitClosed(t, transport)
	}
}

// awaitClosed returns when the end of the idle connection has arrived.
func awaitClosed(t *testing.T, transport *Transport) {
	t.Helper()
	await.Within(t, 10*time.Second, "the connection is closed", func() bool {
		transport.mu.Lock()
		defer transport.mu.Unlock()
		for _, list := range transport.idle {
			if slices.ContainsFunc(list, (*conn).quiet) {
				return false
			}
		}
		return true
	})
}

// A request that may have reached the provider is not sent again.
func TestWhatMayHaveArrivedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	url := raw(t, func(n int, c net.Conn) {
		for takeRequest(c) != "" {
			if requests.Add(1) == 2 {
				return // without an answer
			}
			_, _ = io.WriteString(c, okAnswer)
		}
	})
	transport := newTestTransport(t, TransportConfig{})
	exchange(t, transport, post(t, t.Context(), url, "x"))
	wrote := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { wrote = true }})
	req := post(t, ctx, url, "x")
	req.Header.Set("Idempotency-Key", "k") // which the standard library's transport takes as leave to
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("no error")
	}
	if !wrote || requests.Load() != 2 {
		t.Errorf("told of sending: %t, requests %d; want true, 2", wrote, requests.Load())
	}
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
		"endless header":   {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHeader), false},
		"endless interim":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim) + okAnswer, false},
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
			if n := transport.idleCount(); n != 0 {
				t.Errorf("%d connections are kept", n)
			}
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
				if n := transport.idleCount(); n != 0 {
					t.Errorf("%d connections are kept", n)
				}
			}
		})
	}
}

// A provider that refuses a large request before it has read it is heard.
func TestAnswersBeforeTheRequestIsRead(t *testing.T) {
	t.Parallel()
	url := raw(t, func(_ int, c net.Conn) {
		_, _ = c.Read(make([]byte, 100))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		_, _ = io.Copy(io.Discard, c)
	})
	transport := newTestTransport(t, TransportConfig{})
	if status, got := exchange(t, transport, post(t, t.Context(), url, strings.Repeat("x", 30<<20))); status != 413 || got != "big" {
		t.Errorf("%d %q; want 413, big", status, got)
	}
	if n := transport.idleCount(); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
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
			if n := transport.idleCount(); n != 0 {
				t.Errorf("%d connections are kept", n)
			}
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
	transport := newTestTransport(t, TransportConfig{})
	for name, spoil := range map[string]func(*http.Request){
		"header value":   func(r *http.Request) { r.Header["X"] = []string{"a\r\nY: b"} },
		"header name":    func(r *http.Request) { r.Header["X: a\r\nY"] = []string{"b"} },
		"query":          func(r *http.Request) { r.URL.RawQuery = "a\r\nX: b" },
		"host":           func(r *http.Request) { r.Host = "a\r\nX: b" },
		"unknown length": func(r *http.Request) { r.ContentLength = -1 },
		"short body":     func(r *http.Request) { r.ContentLength = 5 },
		"broken body":    func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrNoProgress)) },
	} {
		reached := false
		url := raw(t, func(int, net.Conn) { reached = true })
		req := post(t, t.Context(), url, "x")
		spoil(req)
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: sent", name)
		}
		if reached {
			t.Errorf("%s: the provider was asked", name)
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

// Connections that are idle for too long are closed, and the number of idle ones is bounded.
func TestIdleConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	transport := newTestTransport(t, TransportConfig{})
	to := origin{"http", "x"}
	var far []net.Conn
	for range maxIdlePerHost + 10 {
		near, other := net.Pipe()
		far = append(far, other)
		transport.put(newConn(transport, to, near))
	}
	if n := transport.idleCount(); n != maxIdlePerHost {
		t.Errorf("%d connections are idle; want %d", n, maxIdlePerHost)
	}
	transport.reap(time.Now().Add(keepIdle / 2))
	if n := transport.idleCount(); n != maxIdlePerHost {
		t.Errorf("%d connections are idle before their time; want %d", n, maxIdlePerHost)
	}
	transport.reap(time.Now().Add(keepIdle + time.Second))
	if n := transport.idleCount(); n != 0 {
		t.Errorf("%d connections are idle after their time", n)
	}
	for i, c := range far {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("connection %d: %v; want it closed", i, err)
		}
	}
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

// A provider may refuse a request before it has read its body. The goroutine that writes the rest must end with the
// connection: it holds the body.
func TestUploadEndsWithItsExchange(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.CopyN(io.Discard, c, 1<<10)
				_, _ = io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
				_, _ = io.CopyN(io.Discard, c, 1<<20)
			}()
		}
	}()
	transport := newTestTransport(t, TransportConfig{})
	body := strings.Repeat("x", 32<<20)
	for range 3 {
		status, answer := exchange(t, transport, post(t, t.Context(), "http://"+listener.Addr().String(), body))
		if status != http.StatusUnauthorized || answer != "no" {
			t.Fatalf("got %d %q, want 401 and its body", status, answer)
		}
	}
	stacks := make([]byte, 1<<20)
	await.Soon(t, "the uploads end", func() bool {
		return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("(*conn).send.func"))
	})
}
