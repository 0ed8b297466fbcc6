package trace

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/airatelimit/airatelimit/internal/gateway"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// receiver is a collector that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*tracepb.Span
	resource map[string]string
	status   int
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status, resource: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var export collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &export); err != nil || req.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", req.URL.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range export.ResourceSpans {
			for _, a := range rs.Resource.Attributes {
				r.resource[a.Key] = a.Value.GetStringValue()
			}
			for _, ss := range rs.ScopeSpans {
				r.spans = append(r.spans, ss.Spans...)
			}
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func newTracer(t *testing.T, url string, log io.Writer) *Tracer {
	t.Helper()
	tr, err := New(t.Context(), url+"/v1/traces", "v1", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// answered is a request with one millisecond to each of its parts.
func answered() gateway.Seen {
	const ms = time.Millisecond
	return gateway.Seen{ID: "req_1", Operation: "chat.completions", Outcome: "answered", Status: 200, Provider: "openai", Family: "gpt",
		Times: gateway.Times{Began: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Done: 7 * ms,
			Steps: gateway.Steps{Asked: ms, Read: 2 * ms, Decided: 3 * ms, Sent: 4 * ms, Answered: 5 * ms, Last: 6 * ms}}}
}

func finish(t *testing.T, tr *Tracer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := tr.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestRequestBecomesATrace(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, http.StatusOK)
	tr := newTracer(t, r.URL, io.Discard)
	tr.Request(answered())
	finish(t, tr)

	if r.resource["service.name"] != "airatelimit" || r.resource["service.version"] != "v1" {
		t.Errorf("resource %v", r.resource)
	}
	parts := map[string][2]int{"chat.completions": {0, 7}, "authenticate": {0, 1}, "receive": {1, 2}, "parse": {2, 3}, "reserve": {3, 4}, "upstream": {4, 6}, "settle": {6, 7}}
	if len(r.spans) != len(parts) {
		t.Fatalf("%d spans, want %d: %v", len(r.spans), len(parts), r.spans)
	}
	root := r.spans[len(r.spans)-1]
	base := uint64(answered().Times.Began.UnixNano())
	for _, s := range r.spans {
		want, ok := parts[s.Name]
		from, to := (s.StartTimeUnixNano-base)/1e6, (s.EndTimeUnixNano-base)/1e6
		if !ok || from != uint64(want[0]) || to != uint64(want[1]) {
			t.Errorf("%s from %d to %d ms, want %v", s.Name, from, to, want)
		}
		if string(s.TraceId) != string(root.TraceId) || s != root && string(s.ParentSpanId) != string(root.SpanId) {
			t.Errorf("%s is not a part of the request", s.Name)
		}
		if s.Name == "upstream" && (len(s.Events) != 1 || s.Events[0].TimeUnixNano != base+5e6) {
			t.Errorf("upstream has events %v, want its first byte", s.Events)
		}
	}
	got := map[string]string{}
	for _, a := range root.Attributes {
		got[a.Key] = a.Value.String()
	}
	for key, want := range map[string]string{"airatelimit.request": "req_1", "airatelimit.outcome": "answered", "airatelimit.provider": "openai",
		"airatelimit.family": "gpt", "http.response.status_code": "200"} {
		if !strings.Contains(got[key], want) {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
	if len(root.ParentSpanId) != 0 || len(root.Links) != 0 || len(got) != 5 {
		t.Errorf("root with parent %x, links %v, attributes %v", root.ParentSpanId, root.Links, got)
	}
}

// A request that ended early has the parts it came to.
func TestRefusedRequestHasItsParts(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, http.StatusOK)
	tr := newTracer(t, r.URL, io.Discard)
	early := answered()
	early.Operation, early.Provider, early.Family, early.Status, early.Outcome = "", "", "", 404, "unsupported_endpoint"
	early.Times = gateway.Times{Began: early.Times.Began, Done: early.Times.Done}
	tr.Request(early)
	failed := answered()
	failed.Status, failed.Outcome = 502, "provider_unreachable"
	failed.Times.Answered, failed.Times.Last = 0, 0
	tr.Request(failed)
	finish(t, tr)

	var names []string
	for _, s := range r.spans {
		names = append(names, s.Name)
		if s.Name == "chat.completions" && s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
			t.Errorf("a 502 has status %v", s.Status)
		}
	}
	if got, want := strings.Join(names, " "), "authenticate unmatched authenticate receive parse reserve upstream chat.completions"; got != want {
		t.Errorf("spans %s, want %s", got, want)
	}
}

// A collector that refuses, or takes nothing, keeps no request waiting, and the end only as long as it was told.
func TestCollectorAwayDelaysNothing(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"Refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"Hangs":   func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(handler)
			defer srv.Close()
			var log lockedBuffer
			tr := newTracer(t, srv.URL, &log)
			start := time.Now()
			for range 600 { // more than the queue takes: they have seven spans each
				tr.Request(answered())
			}
			if took := time.Since(start); took > 8*time.Second { // it gives up on one sending after ten
				t.Errorf("600 requests took %s with the collector away", took)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			start = time.Now()
			_ = tr.Close(ctx)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("Close took %s, want what it was given", took)
			}
			if got := log.String(); name == "Refuses" && strings.Count(got, "trace export failing") != 1 {
				t.Errorf("log: %q, want it told once", got)
			}
		})
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func BenchmarkRequest(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	tr, err := New(b.Context(), srv.URL, "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close(context.Background()) //nolint:errcheck // a benchmark
	b.ReportAllocs()
	for b.Loop() {
		tr.Request(answered())
	}
}
