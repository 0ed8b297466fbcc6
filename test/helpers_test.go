package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
)

// dialect is a vendor's way to ask for text.
type dialect struct {
	name, model string
	path        func(model string, stream bool) string
	body        func(model string, stream bool) string
	keyHeader   string
}

var openAI = dialect{
	name: "OpenAI", model: "gpt-4o", keyHeader: "Authorization",
	path: func(string, bool) string { return "/v1/chat/completions" },
	body: func(model string, stream bool) string {
		return fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"one two three four"}]}`, model, stream)
	},
}

var anthropic = dialect{
	name: "Anthropic", model: "claude-sonnet-4-5", keyHeader: "X-Api-Key",
	path: func(string, bool) string { return "/v1/messages" },
	body: func(model string, stream bool) string {
		return fmt.Sprintf(`{"model":%q,"stream":%v,"max_tokens":100,"messages":[{"role":"user","content":"one two three four"}]}`, model, stream)
	},
}

var gemini = dialect{
	name: "Gemini", model: "gemini-2.0-flash", keyHeader: "X-Goog-Api-Key",
	path: func(model string, stream bool) string {
		if stream {
			return "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
		}
		return "/v1beta/models/" + model + ":generateContent"
	},
	body: func(string, bool) string {
		return `{"contents":[{"role":"user","parts":[{"text":"one two three four"}]}]}`
	},
}

var dialects = []dialect{openAI, anthropic, gemini}

// The echo provider counts the words of "one two three four" and of "echo: " and the same.
const (
	inputWords  = 4
	outputWords = 5
)

// request asks for text as the dialect does. Headers come in pairs.
func (d dialect) request(s *stack.Stack, identity string, stream bool, headers ...string) *http.Request {
	r := s.Request(http.MethodPost, d.path(d.model, stream), identity, d.body(d.model, stream), headers...)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	return r
}

// charge is what an identity has used.
type charge struct {
	requests, tokens int64
	cost             float64
}

func charged(s *stack.Stack, identity string) charge {
	u := s.Usage(identity)["usage"].(map[string]any)
	return charge{int64(u["requests"].(float64)), int64(u["tokens"].(float64)), u["costUsd"].(float64)}
}

func wantCharge(t *testing.T, s *stack.Stack, identity string, requests, tokens int64) {
	t.Helper()
	if got := charged(s, identity); got.requests != requests || got.tokens != tokens {
		t.Errorf("%s is charged %d requests and %d tokens, want %d and %d", identity, got.requests, got.tokens, requests, tokens)
	}
}

// change alters an identity as the control plane does.
func change(t *testing.T, s *stack.Stack, identity string, apply func(*ledger.Account)) {
	t.Helper()
	_, err := s.Ledger.Change(context.Background(), ledger.Change{
		Keys: []ledger.Key{{Project: s.ProjectKey, Identity: identity}}, Period: limit.Daily, Now: time.Now(),
		Apply: func(a []*ledger.Account) (ledger.Outcome, error) {
			apply(a[0])
			return ledger.Outcome{}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func echoBefore(hook func(*http.Request)) echo.Options { return echo.Options{Before: hook} }

// do sends a request from any goroutine; a failure has status 0 and the error as its body.
func do(r *http.Request) stack.Answer {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return stack.Answer{Body: err.Error()}
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return stack.Answer{Header: resp.Header, Body: string(body) + " … " + err.Error()}
	}
	return stack.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}

func itoa(n int) string { return strconv.Itoa(n) }

// rawConn is a connection to the server that says what it likes.
type rawConn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, s *stack.Stack) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &rawConn{conn, t, bufio.NewReader(conn)}
}

func (c *rawConn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *rawConn) close() { _ = c.Conn.Close() }

// answer reads one response.
func (c *rawConn) answer() stack.Answer {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatalf("response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("response body: %v after %q", err, body)
	}
	return stack.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}
