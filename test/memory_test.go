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

// withhold sends all of a request with a body of size bytes but its end, and returns the connection.
func withhold(t *testing.T, s *stack.Stack, identity string, size int) *rawConn {
	t.Helper()
	c := dial(t, s)
	c.send(fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: %s\r\nX-Identity: %s\r\nContent-Length: %d\r\n\r\n", s.ProjectKey, identity, size+1<<20))
	// A client that is refused meanwhile may find the connection closed.
	_, _ = io.WriteString(c.Conn, `{"x":"`+strings.Repeat("x", size-6))
	return c
}

// Bodies have an amount of memory together. Whoever withholds the ends of large ones takes all that large ones may have,
// is refused beyond it, and leaves room for usual requests.
func TestMemory_WithheldBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"BODY_MEMORY_MB": "8", "MAX_BODY_MB": "4"}})
	const clients = 24
	statuses := make(chan int, clients)
	for i := range clients {
		c := withhold(t, s, "w"+itoa(i), 3<<20)
		go func() {
			resp, err := http.ReadResponse(c.r, nil)
			if err != nil {
				statuses <- 0
				return
			}
			statuses <- resp.StatusCode
		}()
	}
	// 3 MB each: at most two fit into seven eighths of 8 MB.
	for range clients - 2 {
		select {
		case status := <-statuses:
			if status != http.StatusServiceUnavailable {
				t.Fatalf("status %d, want 503", status)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("more bodies are in memory than fit")
		}
	}
	for i, d := range dialects {
		stack.WantStatus(t, s.Do(d.request(s, "usual", false)), 200)
		large := strings.Replace(d.body(d.model, false), "four", strings.Repeat("w ", 3<<20/2), 1)
		a := s.Post(d.path(d.model, false), "large", large, "Anthropic-Version", "2023-06-01")
		wantErrorShape(t, a, i, 503, "unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if a := s.Control("POST", "/identities/bulk", `{"items":[`+strings.Repeat(" ", 3<<20)+`]}`); a.Status != 503 {
		t.Errorf("the control plane: status %d: %s", a.Status, a.Body)
	}
}

// The memory of bodies is given back after refusals, broken connections, answers, and clients that are too slow.
func TestMemory_ComesBack(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"BODY_MEMORY_MB": "16", "MAX_BODY_MB": "4"},
		Patience: gateway.Patience{Body: 300 * time.Millisecond, Linger: 50 * time.Millisecond}})
	large := strings.Replace(openAI.body("gpt-4o", false), "four", strings.Repeat("w ", 2<<20/2), 1)
	for range 6 {
		stack.WantStatus(t, s.Post("/v1/chat/completions", "u", large), 200)
		withhold(t, s, "broken", 2<<20).close()
		c := withhold(t, s, "slow", 2<<20)
		if a := c.answer(); a.Status != 400 {
			t.Fatalf("a body that stops arriving: status %d, %v: %s", a.Status, a.Header, a.Body)
		}
	}
}

// A body is forgotten when the provider has it: answers that last take no memory from other requests.
func TestMemory_RunningAnswersHoldNoBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"BODY_MEMORY_MB": "16", "MAX_BODY_MB": "4"},
		Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"a"}}]}`+"\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})})
	large := strings.Replace(openAI.body("gpt-4o", true), "four", strings.Repeat("w ", 3<<20/2), 1)
	for i := range 12 { // of 3 MB each, and each sent as an edited copy
		resp, err := http.DefaultClient.Do(s.Request("POST", "/v1/chat/completions", "u"+itoa(i), large))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		if resp.StatusCode != 200 {
			t.Fatalf("stream %d: status %d, want 200", i, resp.StatusCode)
		}
	}
}

// A body that comes byte by byte is refused the sooner the more memory it has.
func TestMemory_TricklingBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Patience: gateway.Patience{Body: 400 * time.Millisecond, Linger: 50 * time.Millisecond}})
	c := withhold(t, s, "u", 4<<20)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
			}
			if _, err := io.WriteString(c.Conn, "x"); err != nil {
				return
			}
		}
	}()
	if a := c.answer(); a.Status != 400 {
		t.Errorf("status %d, want 400: %s", a.Status, a.Body)
	}
}
