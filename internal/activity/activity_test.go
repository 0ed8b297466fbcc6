package activity

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func snapshot(t testing.TB) *project.Snapshot {
	t.Helper()
	settings, err := project.ParseSettings([]byte(`{"allowedModels": ["my-model", "gpt-*"]}`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := project.NewSnapshot(project.Record{Key: "pk_1", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ended(p *project.Snapshot, outcome, identity, model string) gateway.Ended {
	return gateway.Ended{Seen: gateway.Seen{Outcome: outcome, Times: gateway.Times{Began: noon}}, Project: p, Metered: true,
		Identity: identity, Model: model, Tier: "free"}
}

// kept collects what a recorder keeps.
type kept struct {
	fail bool
	all  []rollup.Entry

	alarms []rollup.Alarm
}

func (k *kept) Append(_ context.Context, entries []byte) error {
	if k.fail {
		return errors.New("the database is away")
	}
	return rollup.Read(entries, func(e *rollup.Entry) { k.all = append(k.all, *e) })
}

func (k *kept) AddAlarms(_ context.Context, alarms []rollup.Alarm) error {
	if k.fail {
		return errors.New("the database is away")
	}
	k.alarms = append(k.alarms, alarms...)
	return nil
}

func (k *kept) of(kind rollup.Kind) (all []rollup.Entry) {
	for _, e := range k.all {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

func TestRequestsAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	p, k := snapshot(t), &kept{fail: true}
	r := New(&live.Hub{}, k)
	answered := ended(p, "answered", "alice", "gpt-4o")
	answered.Charged.Amounts = limit.Amounts{1, 20, 300}
	r.Request(answered)
	r.Request(answered)
	if err := r.Flush(t.Context()); err == nil {
		t.Error("nothing says that the counts are not kept")
	}
	k.fail = false
	r.Request(ended(p, "model_not_allowed", "mallory", "made-up-by-a-client"))
	r.Request(ended(p, "unpriced_model", "alice", "my-model"))
	r.Request(ended(nil, "invalid_project_key", "", ""))
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	hour := ledger.HourOf(noon)
	want := map[string]rollup.Entry{
		"": {Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Answered, Hour: hour, At: noon.UnixMicro(), Requests: 2, Tokens: 40, Micros: 600},
		"model_not_allowed": {Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Refused, Code: "model_not_allowed", Tier: "free",
			Hour: hour, At: noon.UnixMicro(), Requests: 1},
		"unpriced_model": {Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Refused, Code: "unpriced_model", Model: "my-model", Tier: "free",
			Hour: hour, At: noon.UnixMicro(), Requests: 1},
	}
	got := map[string]rollup.Entry{}
	for _, e := range k.of(rollup.Ended) {
		got[e.Code] = e
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if turned := k.of(rollup.Turned); len(turned) != 2 {
		t.Errorf("refused identities %+v, want mallory and alice", turned)
	}
}

// However many names clients make up, memory and rows are bounded, and no refusal is lost.
func TestMadeUpNamesAreBounded(t *testing.T) {
	t.Parallel()
	p, k := snapshot(t), &kept{}
	r := New(&live.Hub{}, k)
	const n = 3000
	for i := range n {
		e := ended(p, "limit_exceeded", fmt.Sprint("identity-", i), fmt.Sprint("model-", i))
		r.Request(e)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, turned := k.of(rollup.Ended), k.of(rollup.Turned)
	if len(counts) != 1 || counts[0].Requests != n || counts[0].Model != "" || len(turned) > mostTurned {
		t.Errorf("%d counts, the first %+v, and %d identities; want one of %d and at most %d", len(counts), counts[0], len(turned), n, mostTurned)
	}
}

func TestLimitsThatAreNearlyUsedUpAreNoted(t *testing.T) {
	t.Parallel()
	p, k := snapshot(t), &kept{}
	r := New(&live.Hub{}, k)
	for i, left := range []int64{6, 5, 2} {
		e := ended(p, "answered", "alice", "gpt-4o")
		d := &limit.Decision{InForce: [limit.NumMetrics]bool{true}}
		d.Standings[limit.Requests] = limit.Standing{Limit: limit.Limit{Metric: limit.Requests, Scope: limit.ScopeModel, Model: "gpt-4o", Max: 10},
			Allowance: left, ResetsAt: noon.Add(time.Hour)}
		e.Decision = d
		r.Request(e)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(k.of(rollup.Near)); got != i {
			t.Errorf("with %d left, %d notes, want %d", left, got, i)
		}
	}
	want := rollup.Entry{Kind: rollup.Near, Project: "pk_1", Identity: "alice", Tier: "free", Metric: "requests", Scope: "model", Model: "gpt-4o",
		At: noon.Add(time.Hour).UnixMicro(), Requests: 8, Tokens: 10}
	if diff := cmp.Diff(want, k.of(rollup.Near)[1]); diff != "" {
		t.Errorf("near (-want +got):\n%s", diff)
	}
}

func TestWatchersAreTold(t *testing.T) {
	t.Parallel()
	p, k, hub := snapshot(t), &kept{}, &live.Hub{}
	r := New(hub, k)
	w := hub.Watch("pk_1")
	defer w.Stop()
	r.Request(ended(p, "missing_identity", "", ""))
	e := ended(p, "answered", "alice", "gpt-4o")
	e.Charged.Amounts = limit.Amounts{1, 20, 300}
	r.Request(e)
	if got := (<-w.Events).Rejected; got == nil || got.Code != "missing_identity" || got.Message != live.Advice("missing_identity") {
		t.Errorf("rejected %+v", got)
	}
	if got := (<-w.Events).Request; got == nil || got.Identity != "alice" || got.Tokens != 20 || got.CostUSD != "0.0003" || got.Code != "" {
		t.Errorf("request %+v", got)
	}
}

func BenchmarkRequest(b *testing.B) {
	r := New(&live.Hub{}, &kept{})
	e := ended(snapshot(b), "answered", "alice", "gpt-4o")
	b.ReportAllocs()
	for b.Loop() {
		r.Request(e)
	}
}
