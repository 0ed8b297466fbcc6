package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestErrorsOfTheStandardLibraryAreTranslated(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Connection", r.Header.Get("X-Connection"))
		http.Error(w, "text of a handler", http.StatusBadRequest)
	})}
	served := translateErrors(srv, ln, "", time.Minute)
	go func() { _ = srv.Serve(served) }()
	t.Cleanup(func() { _ = srv.Close() })

	fine := "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
	for name, tc := range map[string]struct {
		send, kind, body string
		status           int
	}{
		"a handler's answer":                   {fine, "text/plain; charset=utf-8", "text of a handler\n", 400},
		"a handler's last answer":              {strings.Replace(fine, "Host", "X-Connection: close\r\nHost", 1), "text/plain; charset=utf-8", "text of a handler\n", 400},
		"OpenAI":                               {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "application/json", `"code":"invalid_request"`, 400},
		"Anthropic":                            {"POST /v1/messages HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "application/json", `{"type":"error"`, 400},
		"Gemini":                               {"POST /v1beta/models/x:generateContent HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "application/json", `"status":"INVALID_ARGUMENT"`, 400},
		"control plane":                        {"GET /api/projects HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "application/problem+json", `"detail":"The request is not valid HTTP`, 400},
		"an identity with a control character": {"POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: x\r\nx-identity: a\x01b\r\n\r\n", "application/json", `"param":"x-identity","code":"invalid_identity"`, 400},
		"the same for Anthropic":               {"POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Identity: a\x7f\r\n\r\n", "application/json", `"error_code":"invalid_identity"`, 400},
		"an identity with a bare return":       {"POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Identity: a\rb\r\n\r\n", "application/json", `"error_code":"invalid_identity"`, 400},
		"another header than identity":         {"POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Identity: a\r\nX: \x01\r\n\r\nX-Identity: \x01", "application/json", `"error_code":"invalid_request"`, 400},
		"no host":                              {"GET / HTTP/1.1\r\n\r\n", "application/json", "missing required host header", 400},
		"another version":                      {"GET / HTTP/3.1\r\nHost: x\r\n\r\n", "application/json", "The request is not valid HTTP", 505},
		"an unknown transfer encoding":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n", "application/json", "The request is not valid HTTP", 501},
		"an unknown expectation":               {strings.Replace(fine, "Host", "Expect: x\r\nHost", 1), "application/json", "The request is not valid HTTP", 417},
		"after a request on its way":           {fine + "POST /v1/messages HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", "application/json", `{"type":"error"`, 400},
		"headers that are far too large":       {"GET /v1/models HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20+8<<10), "application/json", "at most 64 KB", 431},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tc.send); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			if strings.HasPrefix(tc.send, fine) && tc.send != fine {
				if _, body := read(t, r); body != "text of a handler\n" {
					t.Fatalf("the first answer is %q", body)
				}
			}
			resp, body := read(t, r)
			if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != tc.kind || !strings.Contains(body, tc.body) {
				t.Errorf("status %d, %s: %s; want %d, %s with %s", resp.StatusCode, resp.Header.Get("Content-Type"), body, tc.status, tc.kind, tc.body)
			}
			if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("a browser may guess the type: %v", resp.Header)
			}
		})
	}
}

func read(t *testing.T, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// The write deadline outlives an answer. It must not end a later one.
func TestAConnectionOutlivesItsWriteDeadline(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const patience = 100 * time.Millisecond
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			_, _ = io.WriteString(w, "part ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(patience + patience/10)
		}
	})}
	served := translateErrors(srv, ln, "", patience)
	go func() { _ = srv.Serve(served) }()
	t.Cleanup(func() { _ = srv.Close() })

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for i := range 2 {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "part part " || err != nil {
			t.Fatalf("answer %d: %q, %v", i, body, err)
		}
	}
}
