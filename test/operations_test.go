package test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// get reads a page of the server that is for operators.
func get(t *testing.T, url string, headers ...string) stack.Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return stack.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}

// ours are the lines of our own metrics.
var ours = regexp.MustCompile(`(?m)^airatelimit_\w*(_total|requests|reservations|count|ready)[{ ].*$`)

// awaitMetrics returns /metrics once it has every line: a request is counted when it has ended, which its client may
// see a moment earlier.
func awaitMetrics(t *testing.T, url string, lines ...string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		page := get(t, url+"/metrics").Body
		missing := ""
		for _, line := range lines {
			if !strings.Contains(page, "\n"+line+"\n") {
				missing = line
			}
		}
		if missing == "" {
			return page
		}
		if time.Now().After(deadline) {
			t.Fatalf("/metrics has no line %q:\n%s", missing, strings.Join(ours.FindAllString(page, -1), "\n"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 2, "modelLimits": {"claude*": {"requestLimit": -1, "tokenLimit": 0}}, "tiers": {"burst": {"requestLimit": -1, "requestsPerMinute": 0}}}`})
	s.Chat("secret-identity", "gpt-4o")
	s.Chat("secret-identity", "o3-mini")
	s.Chat("secret-identity", "gpt-4o")
	s.Chat("secret-identity", "claude-sonnet-4-5")
	s.Chat("secret-identity", "gpt-4o", "x-tier", "burst")
	s.Chat("secret-identity", "openai/secret-model@example.com", "x-tier", "burst")
	s.Post("/v1/secret-path", "secret-identity", "{}")
	page := awaitMetrics(t, s.URL,
		`airatelimit_requests_total{family="gpt",outcome="answered",provider="openai"} 1`,
		`airatelimit_requests_total{family="o",outcome="answered",provider="openai"} 1`,
		`airatelimit_requests_total{family="gpt",outcome="limit_exceeded",provider="openai"} 1`,
		`airatelimit_requests_total{family="claude",outcome="limit_exceeded",provider="anthropic"} 1`,
		`airatelimit_requests_total{family="gpt",outcome="burst_exceeded",provider="openai"} 1`,
		`airatelimit_requests_total{family="other",outcome="burst_exceeded",provider="openai"} 1`,
		`airatelimit_requests_total{family="",outcome="unsupported_endpoint",provider=""} 1`,
		`airatelimit_refusals_total{kind="requests"} 1`,
		`airatelimit_refusals_total{kind="tokens"} 1`,
		`airatelimit_refusals_total{kind="burst"} 2`,
		`airatelimit_added_seconds_count 2`,
		`airatelimit_upstream_first_byte_seconds_count{provider="openai"} 2`,
		`airatelimit_running_requests 0`, `airatelimit_held_reservations 0`, `airatelimit_ready 1`,
	)
	for _, secret := range []string{"secret-", s.ProjectKey, "@example.com"} {
		if strings.Contains(page, secret) {
			t.Errorf("/metrics tells %q", secret)
		}
	}
	// The writes of either ledger are seen, and that they took time.
	for _, name := range []string{"airatelimit_ledger_batch_size", "airatelimit_ledger_commit_seconds"} {
		for _, figure := range []string{"_count", "_sum"} {
			if n := value(t, page, name+figure); n <= 0 || figure == "_count" && n < 1 {
				t.Errorf("%s%s is %v after requests that were counted", name, figure, n)
			}
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "airatelimit_build_info"} {
		if !strings.Contains(page, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

// value is that of a metric without labels.
func value(t *testing.T, page, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("/metrics has no %s", name)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetricsAskForTheirToken(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"METRICS_TOKEN": "a-token"}})
	for authorization, want := range map[string]int{"": 401, "Bearer": 401, "Bearer a-toke": 401, "a-token": 401, "Bearer a-token": 200} {
		if a := get(t, s.URL+"/metrics", "Authorization", authorization); a.Status != want || want == 401 && strings.Contains(a.Body, "airatelimit_") {
			t.Errorf("with %q: status %d, want %d", authorization, a.Status, want)
		}
	}
}

// Running requests are seen while they run, and the number is back at zero afterwards, however they end.
func TestMetricsShowWhatRuns(t *testing.T) {
	t.Parallel()
	began, open := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 10}`, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\n")
		w.(http.Flusher).Flush()
		close(began)
		<-open
		panic(http.ErrAbortHandler)
	})})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		resp, err := http.DefaultClient.Do(s.Request(http.MethodPost, "/v1/chat/completions", "ann", `{"model":"gpt-4o","stream":true,"messages":[]}`))
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}()
	<-began
	awaitMetrics(t, s.URL, "airatelimit_running_requests 1", "airatelimit_held_reservations 1")
	close(open)
	<-ended
	awaitMetrics(t, s.URL, "airatelimit_running_requests 0", "airatelimit_held_reservations 0",
		`airatelimit_requests_total{family="gpt",outcome="provider_broke_off",provider="openai"} 1`)
}

// A trace reaches the collector by the end of the server. It has nothing of the request, the client cannot have itself
// recorded into a trace of its choice, and the provider is told of none.
func TestTracesReachTheCollector(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var raw []byte
	names := map[string]int{}
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &export); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		raw = append(raw, body...)
		for _, rs := range export.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, span := range ss.Spans {
					names[span.Name]++
					if strings.HasPrefix(string(span.TraceId), "\x4b\xf9\x2f") {
						t.Errorf("%s is in the client's trace", span.Name)
					}
				}
			}
		}
	}))
	defer sink.Close()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, Env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": sink.URL}})
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for range 2 {
		s.Chat("secret-identity", "gpt-4o-secret-model", "traceparent", parent)
	}
	s.Stop()
	mu.Lock()
	defer mu.Unlock()
	// The second is refused and has no upstream.
	for name, want := range map[string]int{"chat.completions": 2, "authenticate": 2, "receive": 2, "parse": 2, "reserve": 2, "upstream": 1, "settle": 1} {
		if names[name] != want {
			t.Errorf("%d spans %s, want %d: %v", names[name], name, want, names)
		}
	}
	for _, secret := range []string{"secret-", s.ProjectKey, stack.StoredKey, "hello there"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the traces tell %q", secret)
		}
	}
}

// A collector that takes nothing keeps no request and no shutdown waiting.
func TestTracesDelayNothing(t *testing.T) {
	t.Parallel()
	ctx, release := context.WithCancel(context.Background())
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-ctx.Done() }))
	defer sink.Close()
	defer release()
	s := stack.New(t, stack.Options{Env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": sink.URL}})
	if a := s.Chat("ann", "gpt-4o"); a.Status != http.StatusOK {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
	start := time.Now()
	s.Stop()
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

var profilesAddress = regexp.MustCompile(`serving profiles" address=(\S+)`)

func TestProfilesAreServedApart(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"PPROF_ADDR": "127.0.0.1:0"}})
	found := profilesAddress.FindStringSubmatch(s.Log.String())
	if found == nil {
		t.Fatalf("the log tells no address: %s", s.Log)
	}
	url := "http://" + found[1] + "/debug/pprof/"
	if a := get(t, url+"heap?debug=1"); a.Status != http.StatusOK || !strings.Contains(a.Body, "heap profile") {
		t.Errorf("status %d: %.100s", a.Status, a.Body)
	}
	if a := get(t, url, "Host", "rebound.example:6060"); a.Status != http.StatusForbidden {
		t.Errorf("under another host's name: status %d, want 403", a.Status)
	}
	if a := get(t, s.URL+"/debug/pprof/"); a.Status != http.StatusNotFound {
		t.Errorf("on the main listener: status %d, want 404", a.Status)
	}
	s.Stop()
	if resp, err := http.Get(url); err == nil {
		_ = resp.Body.Close()
		t.Error("profiles are served after the end")
	}
}

// docs/operations.md, Clocks: what a clock that was ahead leaves behind, and what helps.
func TestAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	today := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, Now: func() time.Time { return today.Add(time.Duration(ahead.Load())) }})
	ahead.Store(int64(48 * time.Hour))
	for _, identity := range []string{"ann", "cat"} {
		if a := s.Chat(identity, "gpt-4o"); a.Status != http.StatusOK {
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
	}
	ahead.Store(0)
	wantRefused := func(identity string) {
		t.Helper()
		if a := s.Chat(identity, "gpt-4o"); a.Status != http.StatusTooManyRequests || !strings.Contains(a.Body, `"resetsAt":"2026-11-25T00:00:00Z"`) {
			t.Errorf("%s: %d %s, want a refusal until the end of the day that the clock was in", identity, a.Status, a.Body)
		}
	}
	wantServed := func(identity string) {
		t.Helper()
		if a := s.Chat(identity, "gpt-4o"); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s, want 200", identity, a.Status, a.Body)
		}
	}
	wantRefused("ann")
	wantServed("bob") // who was not there
	if a := s.Control(http.MethodPost, "/identities/ann/reset", ""); a.Status != http.StatusOK || !strings.Contains(a.Body, `"requestsReset":1`) {
		t.Fatalf("reset: %d %s", a.Status, a.Body)
	}
	wantServed("ann")
	wantRefused("ann")
	s.Restart()
	if pgtest.Chosen() {
		wantRefused("cat")
	} else { // nobody remembers which day it was, but what was used in it
		wantServed("cat")
		ahead.Store(int64(48 * time.Hour))
		wantRefused("cat")
	}
}

// The client is told only that the provider cannot be reached; the log has the reason.
func TestLogSaysWhyAProviderCannotBeReached(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	s.Upstream.Close()
	stack.WantError(t, s.Chat("ann", "gpt-4o"), 502, "provider_unreachable")
	s.Log.Await(t, `cause="connection refused"`)
}

// A project that a newer version has stored costs nobody else anything, and is told of.
func TestAProjectThatCannotBeReadIsToldOf(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	const path = "/readyz"
	if a := get(t, s.URL+path); a.Status != http.StatusOK || a.Body != `{"status":"ready"}`+"\n" {
		t.Fatalf("%s: %d %s, want ready and nothing more", path, a.Status, a.Body)
	}
	was := s.Stored()
	s.Alter(`UPDATE projects SET settings = '{"name": "B", "unknownTier": "of a newer version"}' WHERE id = $1`, s.ProjectKey)
	s.Announce()
	s.Log.Await(t, `level=ERROR msg="project unreadable: its requests get 503" project=`+s.ProjectKey)
	s.Log.Await(t, "unknownTier")
	a := get(t, s.URL+path)
	if a.Status != http.StatusOK || !strings.Contains(a.Body, `"unreadableProjects":1`) || !strings.Contains(a.Body, `"status":"ready"`) {
		t.Errorf("%s: %d %s, want it ready, with a project that cannot be read", path, a.Status, a.Body)
	}
	if strings.Contains(a.Body, s.ProjectKey) {
		t.Errorf("%s tells anybody the project's key: %s", path, a.Body)
	}
	awaitMetrics(t, s.URL, "airatelimit_unreadable_projects 1")
	stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusServiceUnavailable)

	s.Alter(`UPDATE projects SET settings = $1 WHERE id = $2`, was, s.ProjectKey)
	s.Announce()
	s.Log.Await(t, `msg="project readable again, or deleted" project=`+s.ProjectKey)
	stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	if n := strings.Count(s.Log.String(), "project unreadable"); n != 1 {
		t.Errorf("the log says it %d times, want once", n)
	}
}
