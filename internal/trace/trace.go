// Package trace sends an OpenTelemetry trace of each request of the data plane to a collector, by OTLP over HTTP.
//
// Invariants of every trace:
//
//   - It shows where time went and how a request ended. It names no project, identity, key or model, and holds no text
//     of a request.
//   - Its spans are made after the request has ended, from the times that the gateway noted. A running request does no
//     work for its trace.
//   - It is a root trace. A traceparent from the client is ignored, because anybody can run the app: a client could
//     force the recording of all its requests, or add them to other traces.
//   - A slow or unreachable collector delays no request: traces beyond the queue are dropped.
package trace

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/airatelimit/airatelimit/internal/gateway"
)

// Tracer sends traces. Create it with New.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	giveUp   context.CancelFunc // cancels an export that runs
}

// New returns a Tracer that sends to a collector's URL, path included. The standard OTEL_* variables set everything
// else: the sampler, the queue, headers, certificates, the service's name and attributes.
func New(ctx context.Context, url, version string, log *slog.Logger) (*Tracer, error) {
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url))
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "airatelimit"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	ending, giveUp := context.WithCancel(context.Background())
	p := sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithBatcher(&logging{SpanExporter: client, log: log, ending: ending}))
	return &Tracer{provider: p, tracer: p.Tracer("github.com/airatelimit/airatelimit"), giveUp: giveUp}, nil
}

// Close sends the remaining traces, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	defer t.giveUp()
	return t.provider.Shutdown(ctx)
}

// Request records a request that has ended.
func (t *Tracer) Request(s gateway.Seen) {
	name := s.Operation
	if name == "" {
		name = "unmatched"
	}
	at := &s.Times
	ctx, root := t.tracer.Start(context.Background(), name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(at.Began))
	if !root.IsRecording() {
		return
	}
	root.SetAttributes(
		attribute.String("airatelimit.request", s.ID),
		attribute.String("airatelimit.outcome", s.Outcome),
		attribute.Int("http.response.status_code", s.Status))
	if s.Provider != "" {
		root.SetAttributes(attribute.String("airatelimit.provider", s.Provider), attribute.String("airatelimit.family", s.Family))
	}
	if s.Status >= 500 || s.Outcome == "provider_broke_off" {
		root.SetStatus(codes.Error, s.Outcome)
	}
	t.steps(ctx, at)
	root.End(trace.WithTimestamp(at.Began.Add(at.Done)))
}

// steps records the steps that a request has reached. Each ends where the next begins.
func (t *Tracer) steps(ctx context.Context, at *gateway.Times) {
	steps := [...]struct {
		name string
		from time.Duration
		kind trace.SpanKind
	}{
		{"authenticate", 0, trace.SpanKindInternal},
		{"receive", at.Asked, trace.SpanKindInternal},
		{"parse", at.Read, trace.SpanKindInternal},
		{"reserve", at.Decided, trace.SpanKindInternal},
		{"upstream", at.Sent, trace.SpanKindClient},
		{"settle", at.Last, trace.SpanKindInternal},
	}
	for i, step := range steps {
		if i > 0 && step.from == 0 {
			continue
		}
		end := at.Done
		for _, next := range steps[i+1:] {
			if next.from > 0 {
				end = next.from
				break
			}
		}
		_, span := t.tracer.Start(ctx, step.name, trace.WithSpanKind(step.kind), trace.WithTimestamp(at.Began.Add(step.from)))
		if step.name == "upstream" && at.Answered > 0 {
			span.AddEvent("first byte", trace.WithTimestamp(at.Began.Add(at.Answered)))
		}
		span.End(trace.WithTimestamp(at.Began.Add(end)))
	}
}

// logging logs when exports begin to fail, and when they work again.
type logging struct {
	sdk.SpanExporter
	log     *slog.Logger
	ending  context.Context
	failing atomic.Bool
}

// ExportSpans implements sdk.SpanExporter. It logs errors and returns nil.
func (l *logging) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ending, cancel)()
	err := l.SpanExporter.ExportSpans(ctx, spans)
	switch was := l.failing.Swap(err != nil); {
	case err != nil && !was:
		l.log.Warn("trace export failing: traces are dropped", "error", err)
	case err == nil && was:
		l.log.Info("trace export working again")
	}
	return nil
}
