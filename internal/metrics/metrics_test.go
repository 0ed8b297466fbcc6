package metrics

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// answered is a request that took 1 ms before it was sent on, of which 300 µs were the client's, 1 s at the
// provider, half of it before its first byte, and 200 µs after that.
func answered() gateway.Seen {
	const us = time.Microsecond
	return gateway.Seen{
		Outcome: "answered", Status: 200, Provider: "openai", Family: "gpt",
		Charged: ledger.Actual{Amounts: limit.Amounts{1, 30, 1500}, InputTokens: 10, OutputTokens: 20},
		Times: gateway.Times{Began: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Done: 1_001_200 * us,
			Steps: gateway.Steps{Asked: 100 * us, Read: 400 * us, Decided: 500 * us, Sent: 1000 * us, Answered: 501_000 * us, Last: 1_001_000 * us}},
	}
}

// page is what Prometheus gets.
func page(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func wantLines(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+got, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
}

func TestRequestIsCounted(t *testing.T) {
	t.Parallel()
	m := New("v1")
	m.Request(answered())
	m.Request(answered())
	m.Request(gateway.Seen{Outcome: "limit_exceeded", Refused: "costUsd", Status: 429, Provider: "anthropic", Family: "claude"})
	m.Request(gateway.Seen{Outcome: "unsupported_endpoint", Status: 404})
	m.Request(gateway.Seen{Outcome: "answered", Unchecked: true, Status: 200, Provider: "xai", Family: "grok"})
	for _, status := range []int{400, 429, 529} {
		m.Request(gateway.Seen{Outcome: "provider_error", Status: status, Provider: "custom", Family: "llama"})
	}
	wantLines(t, page(m),
		`airatelimit_requests_total{family="gpt",outcome="answered",provider="openai"} 2`,
		`airatelimit_requests_total{family="claude",outcome="limit_exceeded",provider="anthropic"} 1`,
		`airatelimit_requests_total{family="",outcome="unsupported_endpoint",provider=""} 1`,
		`airatelimit_requests_total{family="llama",outcome="provider_refused",provider="custom"} 1`,
		`airatelimit_requests_total{family="llama",outcome="provider_limited",provider="custom"} 1`,
		`airatelimit_requests_total{family="llama",outcome="provider_error",provider="custom"} 1`,
		`airatelimit_refusals_total{kind="costUsd"} 1`,
		`airatelimit_unchecked_total 1`,
		`airatelimit_tokens_total{direction="input",provider="openai"} 20`,
		`airatelimit_tokens_total{direction="output",provider="openai"} 40`,
		`airatelimit_cost_usd_total{provider="openai"} 0.003`,
		// 1000 − 300 + 200 µs, of the two that a provider answered.
		`airatelimit_added_seconds_bucket{le="0.0005"} 0`,
		`airatelimit_added_seconds_bucket{le="0.001"} 2`,
		`airatelimit_added_seconds_sum 0.0018`,
		`airatelimit_added_seconds_count 2`,
		`airatelimit_upstream_first_byte_seconds_sum{provider="openai"} 1`,
		`airatelimit_upstream_first_byte_seconds_count{provider="anthropic"} 0`,
		`airatelimit_build_info{go="`+runtime.Version()+`",version="v1"} 1`,
	)
}

// An alert on an increase sees none in a series that begins with its first failure.
func TestFailuresAreThereFromTheStart(t *testing.T) {
	t.Parallel()
	m := New("v1")
	before := page(m)
	for _, outcome := range failures {
		for _, by := range providers {
			wantLines(t, before, `airatelimit_failures_total{outcome="`+outcome+`",provider="`+by+`"} 0`)
		}
		wantLines(t, before, `airatelimit_requests_total{family="",outcome="`+outcome+`",provider=""} 0`)
		m.Request(gateway.Seen{Outcome: outcome, Status: 500, Provider: "openai", Family: "gpt"})
	}
	m.Request(gateway.Seen{Outcome: "provider_error", Status: 429, Provider: "openai", Family: "gpt"})
	m.Request(gateway.Seen{Outcome: "limit_exceeded", Status: 429, Provider: "openai", Family: "gpt"})
	wantLines(t, page(m), `airatelimit_failures_total{outcome="provider_error",provider="openai"} 1`,
		`airatelimit_failures_total{outcome="provider_limited",provider="openai"} 2`,
		`airatelimit_failures_total{outcome="internal_error",provider="openai"} 1`,
		`airatelimit_requests_total{family="gpt",outcome="internal_error",provider="openai"} 1`)
}

// No text of a request becomes a label.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := New("v1")
	s := answered()
	s.Outcome, s.Provider, s.Family, s.Refused = "x", "pk_0000000000000000000000", "ann@example.com", "y"
	m.Request(s)
	got := page(m)
	wantLines(t, got, `airatelimit_requests_total{family="other",outcome="other",provider="other"} 1`, `airatelimit_refusals_total{kind="other"} 1`)
	if strings.Contains(got, "pk_0") || strings.Contains(got, "ann@") {
		t.Errorf("text of a request is exported:\n%s", got)
	}
}

func TestLedgerAndStateAreExported(t *testing.T) {
	t.Parallel()
	m := New("v1")
	m.Ledger().Batch(3, 2*time.Millisecond)
	m.Watch(State{Running: func() int64 { return 7 }, Holding: func() int64 { return 5 }, Unreadable: func() int { return 3 }, RefreshFailure: func() int64 { return 2 }})
	m.WatchReady(func() bool { return true })
	wantLines(t, page(m), "airatelimit_ledger_batch_size_sum 3", "airatelimit_ledger_commit_seconds_sum 0.002",
		"airatelimit_running_requests 7", "airatelimit_held_reservations 5", "airatelimit_unreadable_projects 3", "airatelimit_ready 1", "airatelimit_project_refresh_failures_total 2")
}

// The way of exporting is what linters of metrics expect.
func TestMetricsPassPrometheusLinter(t *testing.T) {
	t.Parallel()
	m := New("v1")
	m.Request(answered())
	m.Watch(State{Running: func() int64 { return 0 }, Holding: func() int64 { return 0 }, Unreadable: func() int { return 0 }, RefreshFailure: func() int64 { return 0 }})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "airatelimit_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Every code that a request can end with has its own count.
func TestOutcomesAreComplete(t *testing.T) {
	t.Parallel()
	codes := regexp.MustCompile(`(?:Code:|\.Code[,=][^"\n]*|outcome(?:, c\.status)? = |e\.Code = |refuse\(http\.\w+, |fail\(http\.\w+, )\s*"([a-z_]+)"`)
	found := map[string]bool{}
	for _, dir := range []string{"gateway", "identity", "provider", "wire"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, match := range codes.FindAllStringSubmatch(string(source), -1) {
				found[match[1]] = true
				if !slices.Contains(outcomes, match[1]) {
					t.Errorf("%s: %q is not among the outcomes", file, match[1])
				}
			}
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d codes found: %v", len(found), found)
	}
}

func TestRequestAllocatesNothing(t *testing.T) {
	m := New("v1")
	s := answered()
	m.Request(s)
	if n := testing.AllocsPerRun(100, func() { m.Request(s) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	m := New("v1")
	for name, s := range map[string]gateway.Seen{"answered": answered(), "refused": {Outcome: "limit_exceeded", Refused: "requests", Status: 429, Provider: "openai", Family: "gpt"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Request(s)
			}
		})
	}
}
