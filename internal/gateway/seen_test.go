package gateway

import (
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

func TestAddedLeavesOutTheClientAndTheProvider(t *testing.T) {
	t.Parallel()
	at := Times{Steps: Steps{Asked: 1, Read: 101, Sent: 110, Answered: 500, Last: 1000}, Done: 1003}
	if got, ok := at.Added(); got != 13 || !ok {
		t.Errorf("Added = %d, %v; want 13, true", got, ok)
	}
	at.Last = 0
	if _, ok := at.Added(); ok {
		t.Error("a request that no provider answered has an added time")
	}
}

// finished is a call at its end.
func finished(model string, p *project.Provider, d *limit.Decision) *call {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := &call{g: New(Options{Now: func() time.Time { return now }}), id: "req_1", start: now, outcome: "answered", status: 200}
	c.decision = d
	c.ep, c.target = wire.Endpoint{Method: "POST", Operation: wire.ChatCompletions}, provider.Target{Provider: p, Model: model}
	return c
}

func TestSeenNamesNothingOfTheProject(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		model            string
		provider         *project.Provider
		decision         *limit.Decision
		by, family, kind string
	}{
		{"gpt-4o", &project.Provider{Name: "openai", Builtin: true}, nil, "openai", "gpt", ""},
		{"ann@example.com", &project.Provider{Name: "their-own"}, &limit.Decision{}, "custom", "other", ""},
		{"o3", &project.Provider{Name: "openai", Builtin: true}, &limit.Decision{Refusal: limit.OverLimit, Metric: limit.Cost}, "openai", "o", "costUsd"},
		{"o3", &project.Provider{Name: "openai", Builtin: true}, &limit.Decision{Refusal: limit.OverBurst}, "openai", "o", "burst"},
		{"", nil, &limit.Decision{Refusal: limit.OverConcurrency}, "", "", "concurrency"},
	} {
		s := finished(tc.model, tc.provider, tc.decision).seen(time.Now())
		if s.Provider != tc.by || s.Family != tc.family || s.Refused != tc.kind || s.Operation != "chat.completions" {
			t.Errorf("%q: %+v, want %q, %q, %q", tc.model, s, tc.by, tc.family, tc.kind)
		}
	}
}

// BenchmarkSeen measures the cost of Observe to the gateway: five reads of the clock, and making a Seen.
func BenchmarkSeen(b *testing.B) {
	c := finished("gpt-4o-mini", &project.Provider{Name: "openai", Builtin: true}, &limit.Decision{})
	c.g.Now, c.start = time.Now, time.Now()
	observe := func(s Seen) { c.at.Asked = s.Times.Done }
	b.ReportAllocs()
	for b.Loop() {
		c.at = Steps{Asked: c.elapsed(), Read: c.elapsed(), Sent: c.elapsed(), Answered: c.elapsed(), Last: c.elapsed()}
		observe(c.seen(c.start))
	}
}
