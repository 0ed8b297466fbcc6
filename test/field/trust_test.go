package field

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/stack"
)

// TestTrust has the failures under "Trust" that are about what leaves us and what comes back.
func TestTrust(t *testing.T) {
	t.Parallel()

	t.Run("headers that steer another gateway send the stored key to an attacker", func(t *testing.T) {
		t.Parallel()
		stolen := make(chan string, 10)
		attacker := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
		t.Cleanup(attacker.Close)
		s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if host := r.Header.Get("x-portkey-custom-host"); host != "" {
				onward, _ := http.NewRequest(http.MethodPost, host, nil)
				onward.Header.Set("Authorization", r.Header.Get("Authorization"))
				_, _ = http.DefaultClient.Do(onward) //nolint:bodyclose // the test fails where it happens
			}
			_, _ = io.WriteString(w, "{}")
		})})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o", "x-portkey-custom-host", attacker.URL), http.StatusOK)
		select {
		case key := <-stolen:
			t.Errorf("the attacker got %q", key)
		default:
		}
	})

	t.Run("the provider's errors and headers tell of the developer's account", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Openai-Organization", "org-AbCdEf1234")
			w.Header().Set("X-Ratelimit-Limit-Requests", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"Rate limit reached in organization org-AbCdEf1234: Limit 3"}}`)
		})})
		a := s.Chat("ann", "gpt-4o")
		stack.WantError(t, a, http.StatusTooManyRequests, "provider_limited")
		if shown := fmt.Sprint(a.Header, a.Body); strings.Contains(shown, "AbCdEf1234") || a.Header.Get("X-Ratelimit-Limit-Requests") != "" {
			t.Errorf("the app's user reads %s", shown)
		}
	})

	t.Run("an early answer on a connection that stays open is read as the next request's (desync)", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Patience: gateway.Patience{Linger: 50 * time.Millisecond}})
		for _, body := range []string{"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Content-Length: 500\r\n\r\n"} {
			got := exchange(t, s, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"+body+"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
				t.Errorf("%q got %d answers, want one: %s", body, n, got)
			}
		}
	})

	t.Run("bodies that never end fill the memory", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Env: map[string]string{"BODY_MEMORY_MB": "4", "MAX_BODY_MB": "4"},
			Patience: gateway.Patience{Linger: 50 * time.Millisecond}})
		head := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: %s\r\nX-Identity: ann\r\nContent-Length: %d\r\n\r\n", s.ProjectKey, 4<<20)
		if got := exchange(t, s, head+strings.Repeat("x", 3<<20)); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
			t.Errorf("3 MB of a body, more than may grow in 4 MB, got %.200s", got)
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	})
}

// exchange sends text and returns everything that comes until the connection ends.
func exchange(t *testing.T, s *stack.Stack, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // read to its end
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, text) // it may be closed meanwhile
	got, _ := io.ReadAll(bufio.NewReader(c))
	return string(got)
}
