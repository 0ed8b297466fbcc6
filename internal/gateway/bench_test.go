package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

// oneProject is a catalog of one.
type oneProject struct{ *project.Snapshot }

func (p oneProject) Project(context.Context, string) (*project.Snapshot, error) {
	return p.Snapshot, nil
}

// instant is a provider that answers without a network.
type instant struct {
	contentType string
	body        string
	length      int64
}

func (p instant) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {p.contentType}, "Date": {"Sun, 22 Nov 2026 12:00:00 GMT"}},
		Body:   io.NopCloser(strings.NewReader(p.body)), ContentLength: p.length,
	}, nil
}

// sink is a client's connection that accepts every write.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header              { return s.header }
func (s *sink) Write(p []byte) (int, error)      { return len(p), nil }
func (s *sink) WriteHeader(status int)           { s.status = status }
func (s *sink) Flush()                           {}
func (s *sink) EnableFullDuplex() error          { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) reset()                           { clear(s.header); s.status = 0 }

const (
	benchHuge  = `"requestLimit":1000000000000,"tokenLimit":1000000000000000,"costLimitUsd":100000000`
	benchBody  = `{"model":"gpt-4o-mini","max_completion_tokens":512,"messages":[{"role":"user","content":"How do I boil an egg just right?"}]}`
	benchUsage = `"usage":{"prompt_tokens":16,"completion_tokens":128,"total_tokens":144}`
)

// BenchmarkServeHTTP is one request through the gateway on the real ledger, three limits
// in force and a stored key, without network and log: admitted, streamed, refused.
func BenchmarkServeHTTP(b *testing.B) {
	whole := instant{"application/json", `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("Seven minutes. ", 48) + `"},"finish_reason":"stop"}],` + benchUsage + `}`, 0}
	whole.length = int64(len(whole.body))
	events := instant{"text/event-stream", strings.Repeat(`data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}`+"\n\n", 20) +
		`data: {"choices":[],` + benchUsage + "}\n\ndata: [DONE]\n\n", -1}
	for _, bc := range []struct {
		name, limits, body string
		provider           instant
		status             int
	}{
		{"whole", benchHuge, benchBody, whole, http.StatusOK},
		{"stream", benchHuge, strings.Replace(benchBody, "{", `{"stream":true,`, 1), events, http.StatusOK},
		{"refused", `"requestLimit":0`, benchBody, whole, http.StatusTooManyRequests},
	} {
		b.Run(bc.name, func(b *testing.B) {
			g := benchGateway(b, bc.limits, bc.provider)
			body := bytes.NewReader(nil)
			w := &sink{header: http.Header{}}
			r := &http.Request{
				Method: http.MethodPost, URL: &url.URL{Path: "/v1/chat/completions"}, RequestURI: "/v1/chat/completions",
				Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(body), ContentLength: int64(len(bc.body)),
				Header: http.Header{"Content-Type": {"application/json"}, "X-Project-Key": {benchKey}, "X-Identity": {"user-1"}},
			}
			b.ReportAllocs()
			for b.Loop() {
				w.reset()
				body.Reset([]byte(bc.body))
				g.ServeHTTP(w, r)
				if w.status != bc.status {
					b.Fatalf("status %d, want %d", w.status, bc.status)
				}
			}
		})
	}
}

const benchKey = "pk_0000000000000000000000"

func benchGateway(b *testing.B, limits string, provider http.RoundTripper) *gateway.Gateway {
	b.Helper()
	settings, err := project.ParseSettings([]byte(`{"name":"bench",` + limits + `,"providers":{"openai":{"key":"sk-bench-0123456789"}}}`))
	if err != nil {
		b.Fatal(err)
	}
	asIs := func(_, key string) (string, error) { return key, nil }
	rec, err := project.Record{Key: benchKey}.With(settings, asIs)
	if err != nil {
		b.Fatal(err)
	}
	snapshot, err := project.NewSnapshot(rec, asIs)
	if err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	l, err := sqlite.Open(b.Context(), db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return gateway.New(gateway.Options{
		Projects: oneProject{snapshot}, Ledger: l, Transport: provider, Log: slog.New(slog.DiscardHandler),
		MaxBody: 1 << 20, UpstreamTimeout: time.Minute, Now: time.Now,
		Draining: func() bool { return false }, Ending: b.Context(),
	})
}
