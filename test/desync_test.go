package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/stack"
)

// smuggled is what must never be read as a request of its own: it stands where a body's bytes are due.
const smuggled = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"

// early are requests, up to their last header, that are answered before their body is looked at, and the answer's status.
func early(s *stack.Stack) map[string]int {
	ours := "\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n"
	return map[string]int{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n":                                                                       401,
		"POST /v1/chat/completions HTTP/1.1" + ours + "Content-Encoding: gzip\r\n":                                                400,
		"POST /v1/messages HTTP/1.1\r\nHost: x\r\n":                                                                               401,
		"POST /v1beta/models/gemini-2.0-flash:generateContent HTTP/1.1" + ours + "Origin: https://x.example\r\nX-Identity: v\r\n": 400,
		"POST /v1/files HTTP/1.1" + ours:                                                                                          404,
		"POST /nowhere HTTP/1.1\r\nHost: x\r\n":                                                                                   404,
		"POST /healthz HTTP/1.1\r\nHost: x\r\n":                                                                                   404,
		"GET /v1/usage HTTP/1.1" + ours:                                                                                           200,
		"GET /v1/models HTTP/1.1" + ours:                                                                                          200,
		"OPTIONS /v1/models HTTP/1.1\r\nHost: x\r\n":                                                                              204,
		"GET /healthz HTTP/1.1\r\nHost: x\r\n":                                                                                    200,
		"GET /readyz HTTP/1.1\r\nHost: x\r\n":                                                                                     200,
		"GET /metrics HTTP/1.1\r\nHost: x\r\n":                                                                                    200,
		"GET /api/health HTTP/1.1\r\nHost: x\r\n":                                                                                 200,
		"GET / HTTP/1.1\r\nHost: x\r\n":                                                                                           200,
		"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n":                                                                           200,
		"POST /api/none HTTP/1.1\r\nHost: x\r\n":                                                                                  404,
		"PATCH /api/openapi.json HTTP/1.1\r\nHost: x\r\n":                                                                         405,
		"POST /api/projects/" + s.ProjectKey + "/identities HTTP/1.1\r\nHost: x\r\n":                                              401,
		"POST /api/projects/" + s.ProjectKey + "/identities/a HTTP/1.1\r\nHost: x\r\nX-Why: method\r\n":                           405,
		"POST /api/projects/" + s.ProjectKey + "/identities HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nAuthorization: Bearer " + s.SecretKey + "\r\n": 415,
		"POST /api/projects/" + s.ProjectKey + "/identities HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nAuthorization: Bearer " + s.SecretKey + "\r\n":     415,
		"GET /api/projects/" + s.ProjectKey + "/identities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.SecretKey + "\r\n":                              200,
	}
}

// An answer that is given before the request's body has ended closes the connection: what comes on it afterwards is the
// rest of the body, and would be read as a request.
func TestDesync_EarlyAnswersCloseTheConnection(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Patience: gateway.Patience{Linger: 50 * time.Millisecond}})
	bodies := map[string]struct{ first, then string }{
		"a malformed chunk":              {"Transfer-Encoding: chunked\r\n\r\nzz\r\n", smuggled},
		"a malformed chunk, later":       {"Transfer-Encoding: chunked\r\n\r\n", "zz\r\n" + smuggled},
		"a chunk without its line end":   {"Transfer-Encoding: chunked\r\n\r\n2\r\n{}" + smuggled, ""},
		"a length, then the body":        {fmt.Sprintf("Content-Length: %d\r\n\r\n", len(smuggled)), smuggled},
		"a whole body, then a request":   {"Content-Length: 2\r\n\r\n{}" + smuggled, ""},
		"a whole body, a request later":  {"Content-Length: 2\r\n\r\n{}", smuggled},
		"chunks with a trailer":          {"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Identity: v\r\n\r\n" + smuggled, ""},
		"a body that waits for continue": {fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(smuggled)), smuggled},
		"too large a body":               {"Content-Length: 99999999999\r\n\r\n" + smuggled, "\x00"},
	}
	for head, status := range early(s) {
		for name, body := range bodies {
			status := status
			if name == "too large a body" {
				if !strings.Contains(head, " /v1") {
					continue // the others read on for ten seconds
				}
				if status != 404 && status != 204 {
					status = 413
				}
			}
			t.Run(fmt.Sprintf("%.40s/%s", head, name), func(t *testing.T) {
				t.Parallel()
				c := dial(t, s)
				c.send(head + body.first)
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Fatalf("no answer: %v", err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Fatalf("answer: %v", err)
				}
				if resp.StatusCode != status || !resp.Close {
					t.Errorf("status %d, connection closes: %v; want %d and that it closes", resp.StatusCode, resp.Close, status)
				}
				_, _ = io.WriteString(c.Conn, body.then) // it may be closed already
				if more, _ := io.ReadAll(c.r); len(more) > 0 {
					t.Errorf("the body was answered as a request: %q", more)
				}
			})
		}
	}
}

// A client that withholds the rest of its body is not waited for, and what it sends afterwards is not a request.
func TestDesync_WithheldBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Patience: gateway.Patience{Body: 50 * time.Millisecond, Linger: 50 * time.Millisecond}})
	ours := "Host: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n"
	for name, request := range map[string]string{
		"before it is known who asks": "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
		"while the body is read":      "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Content-Length: 500\r\n\r\n{",
		"within a chunk":              "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Transfer-Encoding: chunked\r\n\r\n50\r\n{",
		"where no body is read":       "GET /v1/usage HTTP/1.1\r\n" + ours + "Content-Length: 500\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, s)
			c.send(request)
			resp, err := http.ReadResponse(c.r, nil)
			if err != nil || !resp.Close {
				t.Fatalf("answer %v, %v; want one after which the connection closes", resp, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if more, err := io.ReadAll(c.r); err != nil || len(more) > 0 {
				t.Fatalf("then %q, %v; want the connection's end", more, err)
			}
		})
	}
}

// Answers that come after the body leave the connection open: its next bytes are the next request.
func TestDesync_LaterAnswersKeepTheConnection(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1}`})
	ours := "Host: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n"
	body := openAI.body("gpt-4o", false)
	whole := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", ours, len(body), body)
	chunked := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-Identity: v\r\n\r\n", ours, len(body), body)
	bodiless := "GET /v1/usage HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	control := fmt.Sprintf("POST /api/projects/%s/identities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		s.ProjectKey, s.SecretKey)
	c := dial(t, s)
	c.send(whole + chunked + bodiless + control + smuggled)
	for i, want := range []int{200, 429, 401, 400, 200} {
		if a := c.answer(); a.Status != want {
			t.Fatalf("answer %d has status %d, want %d: %s", i, a.Status, want, a.Body)
		}
	}
}
