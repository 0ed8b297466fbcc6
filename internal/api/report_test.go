package api

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/rollup"
	"github.com/airatelimit/airatelimit/internal/store"
)

// rollUp adds entries up.
func (f *fixture) rollUp(entries ...rollup.Entry) {
	f.t.Helper()
	var w rollup.Writer
	for _, e := range entries {
		e.Project = f.project
		w.Add(&e)
	}
	r := store.NewRollups(f.db, f.clock)
	err := r.Append(f.t.Context(), w.Bytes())
	if err == nil {
		err = r.Round(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// read reads a report of the project.
func (f *fixture) read(path string, header ...string) response {
	f.t.Helper()
	return f.send("GET", "/api/projects/"+f.project+path, "", header...)
}

func usedBy(identity, model string, hoursAgo, n int64) rollup.Entry {
	return rollup.Entry{Kind: rollup.Used, Identity: identity, Model: model, Tier: "free", Hour: ledger.HourOf(noon) - hoursAgo,
		Requests: n, Tokens: 10 * n, Micros: 1000 * n}
}

func refused(code, metric, model string, n int64) rollup.Entry {
	return rollup.Entry{Kind: rollup.Ended, Outcome: rollup.Refused, Code: code, Metric: metric, Model: model, Tier: "free",
		Hour: ledger.HourOf(noon), At: noon.UnixMicro(), Requests: n}
}

func answered(n int64) rollup.Entry {
	return rollup.Entry{Kind: rollup.Ended, Outcome: rollup.Answered, Hour: ledger.HourOf(noon), At: noon.UnixMicro(), Requests: n}
}

// wantJSON compares an answer with JSON, without the time at which a report was made.
func (r response) wantJSON(want string) {
	r.t.Helper()
	got := decode[map[string]any](r.want(http.StatusOK))
	delete(got, "asOf")
	wanted := decode[map[string]any](response{t: r.t, body: []byte(want)})
	if diff := cmp.Diff(wanted, got); diff != "" {
		r.t.Errorf("answer (-want +got):\n%s\n%s", diff, r.body)
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 2), usedBy("b", "o3", 1, 3), usedBy("a", "gpt-4o", 30, 5), refused("burst_exceeded", "", "", 4), answered(1),
		rollup.Entry{Kind: rollup.Created, Hour: ledger.HourOf(noon)},
		rollup.Entry{Kind: rollup.Near, Identity: "a", Tier: "free", Metric: "requests", Scope: "tier", At: noon.Add(time.Hour).UnixMicro(), Requests: 9, Tokens: 10})
	o := decode[Overview](f.read("/overview").want(200))
	if want := (reportFigures{5, 50, "0.005", 4, 2, 1}); o.Now != want {
		t.Errorf("now %+v, want %+v", o.Now, want)
	}
	if want := (reportFigures{5, 50, "0.005", 0, 1, 0}); o.Before != want {
		t.Errorf("before %+v, want %+v", o.Before, want)
	}
	if n := len(o.Spark.Requests); n != 24 || o.Spark.Requests[23] != 2 || o.Spark.Requests[22] != 3 || o.Spark.Refused[23] != 4 {
		t.Errorf("spark %+v", o.Spark)
	}
	from := noon.Truncate(time.Hour).Add(-23 * time.Hour)
	if o.NearLimit != 1 || !o.AsOf.Equal(noon) || !o.LastRequest.Equal(noon) || !o.Range.From.Equal(from) || !o.ComparedTo.To.Equal(from) {
		t.Errorf("%+v", o)
	}
	for _, r := range []string{"7d", "30d", "90d"} {
		if o := decode[Overview](f.read("/overview?range=" + r).want(200)); o.Now.Requests != 10 || o.Now.ActiveIdentities != 2 {
			t.Errorf("%s: %+v, want 10 requests of 2 identities", r, o.Now)
		}
	}
	f.read("/overview?range=1y").faults("query.range")
}

func TestReportsHaveETags(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 1))
	for _, path := range []string{"/overview", "/usage", "/usage/top", "/limits/near", "/models", "/first-request"} {
		tag := f.read(path).want(200).header.Get("ETag")
		f.travel(time.Second) // asOf is another
		if r := f.read(path, "If-None-Match", tag).want(http.StatusNotModified); len(r.body) > 0 || tag == "" || r.header.Get("ETag") != tag {
			t.Errorf("%s: %q and body %q", path, r.header.Get("ETag"), r.body)
		}
		f.read(path, "If-None-Match", `"other"`).want(200)
	}
	tag := f.read("/overview").header.Get("ETag")
	f.rollUp(usedBy("a", "gpt-4o", 0, 1))
	f.read("/overview", "If-None-Match", tag).want(200)
}

func TestUsageOverTime(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 2), usedBy("b", "o3", 1, 3), usedBy("b", "o3", 24, 7), answered(5),
		refused("limit_exceeded", "requests", "gpt-4o", 4), refused("limit_exceeded", "requests", "", 2), refused("burst_exceeded", "", "o3", 1))
	f.read("/usage?by=hour&from=2026-11-22T11:30:00Z&split=model&metric=costUsd").wantJSON(`{"from": "2026-11-22T11:00:00Z", "to": "2026-11-22T13:00:00Z",
		"by": "hour", "metric": "costUsd", "keys": ["o3", "gpt-4o"], "totals": [0.003, 0.002],
		"buckets": [{"at": "2026-11-22T11:00:00Z", "values": [0.003, 0]}, {"at": "2026-11-22T12:00:00Z", "values": [0, 0.002]}]}`)
	f.read("/usage?from=2026-11-21&to=2026-11-22").wantJSON(`{"from": "2026-11-21T00:00:00Z", "to": "2026-11-23T00:00:00Z",
		"by": "day", "metric": "requests", "keys": ["all"], "totals": [12],
		"buckets": [{"at": "2026-11-21T00:00:00Z", "values": [7]}, {"at": "2026-11-22T00:00:00Z", "values": [5]}]}`)
	day := `"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "by": "day"`
	for query, want := range map[string]string{
		"split=outcome":                      `"metric": "requests", "keys": ["refused", "answered"], "totals": [7, 5], "buckets": [{"at": "2026-11-22T00:00:00Z", "values": [7, 5]}]`,
		"split=code&metric=refused":          `"metric": "refused", "keys": ["limit_exceeded", "burst_exceeded"], "totals": [6, 1], "buckets": [{"at": "2026-11-22T00:00:00Z", "values": [6, 1]}]`,
		"model=gpt-4o-2024-08-06":            `"metric": "requests", "keys": ["gpt-4o"], "totals": [2], "buckets": [{"at": "2026-11-22T00:00:00Z", "values": [2]}]`,
		"tier=free&split=tier&metric=tokens": `"metric": "tokens", "keys": ["free"], "totals": [50], "buckets": [{"at": "2026-11-22T00:00:00Z", "values": [50]}]`,
		"split=model&code=limit_exceeded&metric=refused": `"metric": "refused", "keys": ["gpt-4o", "other"], "totals": [4, 2],
			"buckets": [{"at": "2026-11-22T00:00:00Z", "values": [4, 2]}]`,
		"tier=nobody": `"metric": "requests", "keys": [], "totals": [], "buckets": [{"at": "2026-11-22T00:00:00Z", "values": []}]`,
	} {
		f.read("/usage?from=2026-11-22&" + query).wantJSON(`{` + day + `, ` + want + `}`)
	}
	for query, location := range map[string]string{
		"by=hour&from=2026-11-01": "query.from", "from=2025-01-01": "query.from", "from=2026-12-01": "query.from", "from=yesterday": "query.from",
		"to=x": "query.to", "split=identity": "query.split", "by=week": "query.by", "metric=money": "query.metric",
		"split=tier&model=o3": "query.model", "split=tier&outcome=refused&metric=refused": "query.outcome",
	} {
		f.read("/usage?" + query).faults(location)
	}
	f.read("/usage?model=o3&tier=free").want(400)
}

func TestKeysBeyondTheFirstAreOther(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	var entries []rollup.Entry
	for i := range int64(11) {
		entries = append(entries, usedBy("a", fmt.Sprint("model-", i, "x"), 0, 100-i))
	}
	f.rollUp(entries...)
	u := decode[UsageOverTime](f.read("/usage?split=model&from=2026-11-22").want(200))
	if n := len(u.Keys); n != 9 || u.Keys[0] != "model-0x" || u.Keys[8] != "other" || u.Totals[8] != "273" || u.Buckets[0].Values[8] != "273" {
		t.Errorf("keys %q with %v, want eight and other with 273", u.Keys, u.Totals)
	}
}

func TestTopUsage(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 2), usedBy("b", "o3", 1, 3), usedBy("b", "o3", 25, 5), refused("burst_exceeded", "", "", 4),
		rollup.Entry{Kind: rollup.Turned, Identity: "=cmd", Hour: ledger.HourOf(noon), Requests: 4})
	week := `"from": "2026-11-16T00:00:00Z", "to": "2026-11-23T00:00:00Z", "complete": true`
	b := `{"key": "b", "requests": 8, "tokens": 80, "costUsd": 0.008, "share": 0.8}`
	f.read("/usage/top").wantJSON(`{` + week + `, "items": [` + b + `, {"key": "a", "requests": 2, "tokens": 20, "costUsd": 0.002, "share": 0.2}]}`)
	f.read("/usage/top?limit=1&metric=tokens").wantJSON(`{` + week + `, "items": [` + b + `]}`)
	f.read("/usage/top?of=model&limit=1").wantJSON(`{` + week + `, "items": [` + strings.Replace(b, `"b"`, `"o3"`, 1) + `]}`)
	f.read("/usage/top?of=tier").wantJSON(`{` + week + `, "items": [{"key": "free", "requests": 10, "tokens": 100, "costUsd": 0.01, "share": 1}]}`)
	f.read("/usage/top?of=refusedIdentity").wantJSON(`{` + week + `, "items": [{"key": "=cmd", "requests": 4, "tokens": 0, "costUsd": 0, "share": 1}]}`)
	f.read("/usage/top?from=2026-11-22&to=2026-11-22&limit=1").wantJSON(`{"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "complete": true,
		"items": [{"key": "b", "requests": 3, "tokens": 30, "costUsd": 0.003, "share": 0.6}]}`)
	f.read("/usage/top?limit=201").faults("query.limit")
	f.read("/usage/top?of=project").faults("query.of")
}

// A near limit is checked in the account: what a reset, a gift or new settings have changed counts.
func TestNearLimits(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for range 4 {
		f.use("alice", 1, 1)
		f.use("bob", 1, 1)
	}
	near := func(identity string) rollup.Entry {
		return rollup.Entry{Kind: rollup.Near, Identity: identity, Metric: "requests", Scope: "project", At: noon.Add(12 * time.Hour).UnixMicro(), Requests: 4, Tokens: 5}
	}
	f.rollUp(near("alice"), near("bob"), near("gone"))
	item := func(identity string) string {
		return `{"identity": "` + identity + `", "tier": null, "metric": "requests", "scope": "project", "model": null, "limit": 5, "used": 4, "remaining": 1,
			"resetsAt": "2026-11-23T00:00:00Z"}`
	}
	f.read("/limits/near").wantJSON(`{"items": [` + item("alice") + `, ` + item("bob") + `]}`)
	f.read("/limits/near?metric=tokens").wantJSON(`{"items": []}`)
	f.read("/limits/near?threshold=0.9").wantJSON(`{"items": []}`)
	f.send("POST", "/alice/reset", "").want(200)
	f.read("/limits/near").wantJSON(`{"items": [` + item("bob") + `]}`)
	f.read("/limits/near?threshold=0.1").faults("query.threshold")
}

func TestModelsReport(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"allowedModels": ["gpt-4o", "o3"], "requestLimit": 5, "modelLimits": {"gpt-*": {"requestLimit": 2}}, "tiers": {"pro": {"costLimitUsd": 1}}}`)
	f.rollUp(usedBy("a", "gpt-4o", 2, 3), usedBy("a", "mystery-1b", 0, 1))
	f.read("/models").wantJSON(`{"items": [
		{"model": "gpt-4o", "provider": "openai", "lastSeenAt": "2026-11-22T10:00:00Z", "requests30d": 3, "share": 0.75, "priced": true,
			"limitedBy": ["modelLimits.gpt-*", "requestLimit", "tiers.pro.costLimitUsd"]},
		{"model": "mystery-1b", "provider": null, "lastSeenAt": "2026-11-22T12:00:00Z", "requests30d": 1, "share": 0.25, "priced": false,
			"limitedBy": ["requestLimit", "tiers.pro.costLimitUsd"]},
		{"model": "o3", "provider": "openai", "lastSeenAt": null, "requests30d": 0, "share": 0, "priced": true,
			"limitedBy": ["requestLimit", "tiers.pro.costLimitUsd"]}]}`)
	if m := decode[Models](f.read("/models?q=MYST").want(200)); len(m.Items) != 1 || m.Items[0].Model != "mystery-1b" {
		t.Errorf("%+v, want mystery-1b", m.Items)
	}
}

func TestFirstRequest(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.read("/first-request").wantJSON(`{"at": null, "rejected": null}`)
	f.rollUp(refused("missing_identity", "", "", 1))
	f.read("/first-request").wantJSON(`{"at": null, "rejected": {"at": "2026-11-22T12:00:00Z", "code": "missing_identity", "message": "Name the end user: -H 'x-identity: me'."}}`)
	f.rollUp(answered(1))
	f.read("/first-request").wantJSON(`{"at": "2026-11-22T12:00:00Z", "rejected": null}`)
}

// Reports show nothing of another project, and are open to every member.
func TestReportsOfOthersAreClosed(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 1))
	viewer, stranger := f.signIn("viewer@example.com", account.Viewer), f.signIn("stranger@example.com", "")
	other, _ := f.create(someProject)
	for _, path := range []string{"/overview", "/usage", "/usage/top", "/limits/near", "/models", "/first-request"} {
		f.as(viewer, "GET", "/api/projects/"+f.project+path, "").want(200)
		f.as(stranger, "GET", "/api/projects/"+f.project+path, "").problem(404)
		f.send("GET", "/api/projects/"+other+path, "").problem(403)
	}
	f.read("/live").problem(403) // sessions only
	f.as(stranger, "GET", "/api/projects/"+f.project+"/live", "").problem(404)
}

// The stream has the events of its project, each second a tick, and ends when the server drains.
func TestLive(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	cookie := f.signIn("viewer@example.com", account.Viewer)
	o := f.options()
	draining := make(chan bool, 1)
	drains := false
	o.Draining = func() bool {
		select {
		case drains = <-draining:
		default:
		}
		return drains
	}
	s := httptest.NewServer(New(o))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/projects/"+f.project+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("status %d, %s", answer.StatusCode, got)
	}
	lines := bufio.NewScanner(answer.Body)
	next := func(prefix string) string {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return text
			}
		}
		t.Fatalf("the stream ended before %q: %v", prefix, lines.Err())
		return ""
	}
	next("retry:")
	f.live.Publish("pk_other", live.Event{Rejected: &live.Rejected{Code: "of another project"}})
	f.live.Publish(f.project, live.Event{Request: &live.Request{At: noon, Identity: "a\nb", Status: 200, CostUSD: "0.1"}})
	if got := next("event: "); got != "request" {
		t.Errorf("the first event is %q", got)
	}
	if got := next("data: "); !strings.HasPrefix(got, `{"at":"2026-11-22T12:00:00Z","identity":"a\nb","tier":"",`) {
		t.Errorf("data %s", got)
	}
	if got := next("event: "); got != "tick" {
		t.Errorf("the second event is %q", got)
	}
	if got := next("data: "); got != `{"perSecond":1,"dropped":0}` {
		t.Errorf("tick %s", got)
	}
	draining <- true
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
