// Package field has a test for each failure that limiters of this field have had in public, end
// to end where it can be seen from there. A subtest's name is the failure in the words of
// docs/field-failures.md, which says where the others are tested and how each is prevented.
package field

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

// patience is how long a test waits for what happens at once. It is generous: a busy machine must not
// fail a test.
const patience = await.Patience

func TestMain(m *testing.M) {
	if at := os.Getenv(serveAt); at != "" {
		os.Exit(serve(at))
	}
	// A request that is let through although it should not be may be one that the provider never answers.
	http.DefaultClient.Timeout = patience
	os.Exit(m.Run())
}

// Requests of the dialects, by an end user who says two words. The echo provider bills those and the
// three of its answer.
const (
	chatPath     = "/v1/chat/completions"
	chatBody     = `{"model":"gpt-4o","messages":[{"role":"user","content":"hello there"}]}`
	messagesPath = "/v1/messages"
	messagesBody = `{"model":"claude-sonnet-4-5","max_tokens":50,"messages":[{"role":"user","content":"hello there"}]}`
	geminiPath   = "/v1beta/models/gemini-2.0-flash:generateContent"
	geminiBody   = `{"contents":[{"role":"user","parts":[{"text":"hello there"}]}]}`

	input, output = 2, 3
)

// version is the header that Anthropic's API requires.
var version = []string{"anthropic-version", "2023-06-01"}

// with adds fields to a JSON object.
func with(body, fields string) string { return strings.TrimSuffix(body, "}") + "," + fields + "}" }

// limited is a server whose project has these settings.
func limited(t *testing.T, settings string) *stack.Stack {
	t.Helper()
	return stack.New(t, stack.Options{Settings: settings})
}

// gated is a server whose provider answers when the gate is opened.
func gated(t *testing.T, settings string) (*stack.Stack, *await.Gate) {
	t.Helper()
	g := await.NewGate()
	return stack.New(t, stack.Options{Settings: settings, Echo: echo.Options{Before: g.Hold}}), g
}

// burst sends n requests of which none is answered by the provider before all have been decided on, and
// returns the answers to those that reached it and to those that did not.
func burst(t *testing.T, g *await.Gate, n int, send func(i int) stack.Answer) (admitted, refused []stack.Answer) {
	t.Helper()
	answers := make(chan stack.Answer, n)
	for i := range n {
		go func() { answers <- send(i) }()
	}
	reached := 0
	for reached+len(refused) < n {
		select {
		case <-g.Arrived:
			reached++
		case a := <-answers:
			refused = append(refused, a)
		case <-time.After(patience):
			t.Fatalf("%d requests reached the provider and %d were refused, of %d", reached, len(refused), n)
		}
	}
	g.Open()
	for range reached {
		a := receive(t, answers, "an answer")
		admitted = append(admitted, a)
	}
	return admitted, refused
}

// wantBurst checks how many of n simultaneous requests were answered, and that the others got a 429.
func wantBurst(t *testing.T, g *await.Gate, n, want int, send func(i int) stack.Answer) {
	t.Helper()
	admitted, refused := burst(t, g, n, send)
	if len(admitted) != want {
		t.Errorf("%d of %d simultaneous requests admitted, want %d", len(admitted), n, want)
	}
	for _, a := range admitted {
		stack.WantStatus(t, a, http.StatusOK)
	}
	for _, a := range refused {
		stack.WantStatus(t, a, http.StatusTooManyRequests)
	}
}

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
	}
	return v
}

// usageOf asks the server what an identity has used.
func usageOf(t *testing.T, s *stack.Stack, identity string, headers ...string) (u ledger.Usage) {
	t.Helper()
	a := s.Do(s.Request(http.MethodGet, "/v1/usage", identity, "", headers...))
	if a.Status != http.StatusOK {
		t.Fatalf("usage: status %d: %s", a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &u); err != nil {
		t.Fatal(err)
	}
	return u
}

func wantUsed(t *testing.T, s *stack.Stack, identity string, requests, tokens int64) {
	t.Helper()
	if u := usageOf(t, s, identity).Usage; u.Requests != requests || u.Tokens != tokens {
		t.Errorf("%s used %d requests and %d tokens, want %d and %d", identity, u.Requests, u.Tokens, requests, tokens)
	}
}

// held returns how many tokens running requests have set aside of the identity's token limit.
func held(t *testing.T, s *stack.Stack, identity string, headers ...string) int64 {
	t.Helper()
	for _, l := range usageOf(t, s, identity, headers...).Limits {
		if l.Metric == "tokens" {
			return integer(t, l.Limit) - integer(t, l.Used) - integer(t, l.Remaining)
		}
	}
	t.Fatalf("%s has no token limit", identity)
	return 0
}

func integer(t *testing.T, n json.Number) int64 {
	t.Helper()
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// header returns a header that is a number.
func header(t *testing.T, a stack.Answer, name string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(a.Header.Get(name), 10, 64)
	if err != nil {
		t.Fatalf("header %s is %q, want a number", name, a.Header.Get(name))
	}
	return n
}

// reading is a stream whose client is still there.
type reading struct {
	*http.Response
	lines *bufio.Scanner
}

// open starts to read a streamed answer.
func open(t *testing.T, s *stack.Stack, path, identity, body string, headers ...string) *reading {
	t.Helper()
	resp, err := http.DefaultClient.Do(s.Request(http.MethodPost, path, identity, body, headers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, want 200", resp.StatusCode)
	}
	return &reading{resp, bufio.NewScanner(resp.Body)}
}

// events reads n events.
func (r *reading) events(t *testing.T, n int) {
	t.Helper()
	for n > 0 {
		if !r.lines.Scan() {
			t.Fatalf("the stream ended before %d more events: %v", n, r.lines.Err())
		}
		if strings.HasPrefix(r.lines.Text(), "data:") {
			n--
		}
	}
}

// leave goes away in the middle of the answer.
func (r *reading) leave() { _ = r.Body.Close() }

// control calls the control plane and wants a status.
func control(t *testing.T, s *stack.Stack, want int, method, path, body string) stack.Answer {
	t.Helper()
	a := s.Control(method, path, body)
	if a.Status != want {
		t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, a.Status, want, a.Body)
	}
	return a
}

// set writes what is set for an identity: an object without its name.
func set(t *testing.T, s *stack.Stack, identity, object string) {
	t.Helper()
	fields := strings.TrimSuffix(strings.TrimPrefix(object, "{"), "}")
	if fields != "" {
		fields = "," + fields
	}
	a := s.Control(http.MethodPost, "/identities", `{"identity":"`+identity+`"`+fields+`}`)
	if a.Status != http.StatusOK && a.Status != http.StatusCreated {
		t.Fatalf("set %s: status %d: %s", identity, a.Status, a.Body)
	}
}

// addProject makes another project on the same server and returns its key, as a pair of headers.
func addProject(t *testing.T, s *stack.Stack, st *store.Store, settings string) []string {
	t.Helper()
	doc, err := project.ParseSettings(s.Document())
	if err == nil {
		doc, err = doc.Patch([]byte(settings))
	}
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := st.CreateProject(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"x-project-key", rec.Key}
}

// change patches the project's settings, as `project config --set` does.
func change(t *testing.T, s *stack.Stack, st *store.Store, document string) {
	t.Helper()
	_, err := st.UpdateProject(t.Context(), s.ProjectKey, func(now project.Settings) (project.Settings, error) {
		return now.Patch([]byte(document))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a server's time, which only moves when it is told to.
type clock struct{ at atomic.Pointer[time.Time] }

// newClock starts at noon of the first of a month.
func newClock() *clock {
	c := new(clock)
	start := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	c.at.Store(&start)
	return c
}

func (c *clock) now() time.Time { return *c.at.Load() }

func (c *clock) advance(d time.Duration) {
	then := c.now().Add(d)
	c.at.Store(&then)
}
