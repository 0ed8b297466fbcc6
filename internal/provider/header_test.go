package provider

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head builds headers as a server presents them.
func head(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestWhatGoesToAProvider(t *testing.T) {
	t.Parallel()
	in := head(
		"X-Project-Key", "pk_x", "x-identity", "user", "x-tier", "pro", "x-provider", "openai",
		"Authorization", "Bearer x", "x-api-key", "x", "x-goog-api-key", "x", "api-key", "x",
		"Cookie", "a=b", "Forwarded", "for=1", "X-Forwarded-For", "1", "X-Forwarded-Host", "h", "X-Forwarded-Proto", "https", "X-Real-IP", "1", "Via", "1.1 x",
		"True-Client-IP", "1", "CF-Connecting-IP", "1", "Origin", "https://a", "Sec-Fetch-Mode", "cors", "Access-Control-Request-Method", "POST",
		"Connection", "keep-alive, X-Hop", "Connection", "x-hop-2", "X-Hop", "1", "X-Hop-2", "1", "Keep-Alive", "timeout=5", "TE", "trailers", "Trailer", "x",
		"Transfer-Encoding", "chunked", "Upgrade", "h2c", "HTTP2-Settings", "x", "Proxy-Authorization", "x", "Proxy-Connection", "x",
		"Content-Length", "5", "Expect", "100-continue", "Accept-Encoding", "gzip, br", "Host", "x",
		"X-HTTP-Method-Override", "GET", "X-HTTP-Method", "GET", "X-Method-Override", "GET", "X-Goog-FieldMask", "candidates", "X-Original-URL", "/v1/files", "X-Rewrite-URL", "/v1/files",
		// these pass
		"Content-Type", "application/json", "Accept", "text/event-stream", "User-Agent", "OpenAI/JS", "anthropic-version", "2023-06-01", "anthropic-beta", "a", "anthropic-beta", "b",
		"OpenAI-Beta", "x", "X-Stainless-Lang", "js", "traceparent", "00-x", "X-Request-Id", "client's", "Referer", "https://app.example/",
		"OpenAI-Organization", "org-x", "OpenAI-Project", "proj", "X-Goog-User-Project", "p",
	)
	before := in.Clone()
	want := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "User-Agent": {"OpenAI/JS"}, "Anthropic-Version": {"2023-06-01"},
		"Anthropic-Beta": {"a", "b"}, "Openai-Beta": {"x"}, "X-Stainless-Lang": {"js"}, "Traceparent": {"00-x"}, "X-Request-Id": {"client's"},
		"Referer": {"https://app.example/"}, "Openai-Organization": {"org-x"}, "Openai-Project": {"proj"}, "X-Goog-User-Project": {"p"}, "Accept-Encoding": {"identity"},
	}
	if diff := cmp.Diff(want, OutgoingHeader(in, false)); diff != "" {
		t.Errorf("with the client's key (-want +got):\n%s", diff)
	}
	for _, name := range []string{"Openai-Organization", "Openai-Project", "X-Goog-User-Project", "Referer"} {
		delete(want, name)
	}
	if diff := cmp.Diff(want, OutgoingHeader(in, true)); diff != "" {
		t.Errorf("with a stored key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("the request's headers changed:\n%s", diff)
	}
	if got := OutgoingHeader(http.Header{}, false); cmp.Diff(http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {""}}, got) != "" {
		t.Errorf("of no headers: %v", got)
	}
}

func TestWhatComesBack(t *testing.T) {
	t.Parallel()
	src := head(
		"Connection", "X-Hop", "X-Hop", "1", "Keep-Alive", "x", "Transfer-Encoding", "chunked", "Trailer", "x", "Proxy-Authenticate", "x",
		"Set-Cookie", "__cf_bm=x", "Alt-Svc", "h3", "Strict-Transport-Security", "max-age=1", "Access-Control-Allow-Origin", "https://x", "X-Request-Id", "req_1",
		"Content-Type", "application/json", "Content-Length", "5", "Cf-Ray", "x", "Openai-Processing-Ms", "5", "Openai-Version", "2020-10-01", "Retry-After", "1", "X-Own", "a", "X-Own", "b",
		"x-ratelimit-limit-requests", "5", "x-ratelimit-remaining-tokens", "5", "RateLimit", "x", "RateLimit-Policy", "x", "x-ratelimitbysize-limit-minute", "5",
		"openai-organization", "org", "openai-project", "p", "anthropic-organization-id", "o", "anthropic-ratelimit-requests-limit", "5", "x-goog-user-project", "p", "x-goog-quota-remaining", "5",
	)
	passes := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"5"}, "Cf-Ray": {"x"}, "Openai-Processing-Ms": {"5"}, "Openai-Version": {"2020-10-01"}, "Retry-After": {"1"}, "X-Own": {"a", "b"},
		"X-Provider-Request-Id": {"req_1"},
	}
	account := http.Header{
		"Openai-Organization": {"org"}, "Openai-Project": {"p"}, "Anthropic-Organization-Id": {"o"}, "Anthropic-Ratelimit-Requests-Limit": {"5"}, "X-Goog-User-Project": {"p"}, "X-Goog-Quota-Remaining": {"5"},
	}
	limits := http.Header{
		"X-Ratelimit-Limit-Requests": {"5"}, "X-Ratelimit-Remaining-Tokens": {"5"}, "Ratelimit": {"x"}, "Ratelimit-Policy": {"x"}, "X-Ratelimitbysize-Limit-Minute": {"5"},
	}
	for name, tc := range map[string]struct {
		stored, ours bool
		want         []http.Header
	}{
		"client's key":                  {false, false, []http.Header{passes, account, limits}},
		"client's key, limits of ours":  {false, true, []http.Header{passes, account}},
		"stored key":                    {true, false, []http.Header{passes}},
		"stored key and limits of ours": {true, true, []http.Header{passes}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := make(http.Header)
			for _, h := range tc.want {
				for name, values := range h {
					want[name] = values
				}
			}
			got := make(http.Header)
			ResponseHeader(got, src, tc.stored, tc.ours)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("to the client (-want +got):\n%s", diff)
			}
		})
	}
	got := make(http.Header)
	ResponseHeader(got, head("request-id", "req_2"), true, true)
	if diff := cmp.Diff(http.Header{"Request-Id": {"req_2"}, "X-Provider-Request-Id": {"req_2"}}, got); diff != "" {
		t.Errorf("Anthropic's request id (-want +got):\n%s", diff)
	}
}

// A POST with an Idempotency-Key reaches the provider once, even when the provider hangs up on the connection that it
// was sent on. Go's transport sends it again when it sees the header in its canonical spelling, as the second half
// shows.
func TestAPostWithAnIdempotencyKeyIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		in := head(name, "k-1")
		if n := sendOnDyingConnection(t, name, OutgoingHeader(in, true)); n != 1 {
			t.Errorf("%s: the provider got the request %d times; want once", name, n)
		}
		if n := sendOnDyingConnection(t, name, in); n != 2 {
			t.Errorf("%s: Go's transport no longer sends it again (%d times): the workaround may go", name, n)
		}
	}
}

// sendOnDyingConnection sends one request on a connection that the server closes without an answer, after an earlier
// one on it was answered, and returns how often the request arrived.
func sendOnDyingConnection(t *testing.T, name string, h http.Header) int64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var arrived atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					if req.URL.Path == "/paid" {
						if req.Header.Get(name) != "k-1" {
							t.Errorf("%s = %q at the provider", name, req.Header.Get(name))
						}
						arrived.Add(1)
						return
					}
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	transport := NewTransport(TransportConfig{AllowPrivate: true})
	defer transport.CloseIdleConnections()
	for _, path := range []string{"/first", "/paid"} {
		req, err := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		if path == "/paid" {
			req.Header = h
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return arrived.Load()
}
