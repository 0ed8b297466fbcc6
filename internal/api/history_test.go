package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("u", 10, 1_000_000)
	f.now = noon.Add(25 * time.Hour)
	f.use("u", 5, 500_000)
	f.send("POST", "/u/reset", "").want(200)
	day := f.send("GET", "/u/history?from=2026-11-21&to=2026-11-23", "").want(200)
	const want = `{"asOf":"2026-11-23T13:00:00Z","from":"2026-11-21T00:00:00Z","to":"2026-11-24T00:00:00Z","by":"day","keys":["all"],"buckets":[` +
		`{"at":"2026-11-21T00:00:00Z","values":[{"requests":0,"tokens":0,"costUsd":0}]},` +
		`{"at":"2026-11-22T00:00:00Z","values":[{"requests":1,"tokens":10,"costUsd":1}]},` +
		`{"at":"2026-11-23T00:00:00Z","values":[{"requests":1,"tokens":5,"costUsd":0.5}]}],"totals":{"requests":2,"tokens":15,"costUsd":1.5}}` + "\n"
	if diff := cmp.Diff(want, string(day.body)); diff != "" {
		t.Errorf("by day (-want +got):\n%s", diff)
	}
	tag := day.header.Get("ETag")
	f.now = f.now.Add(time.Minute)
	if again := f.send("GET", "/u/history?from=2026-11-21&to=2026-11-23", "").header.Get("ETag"); again != tag || tag == "" {
		t.Errorf("ETag %q, then %q: nothing has changed", tag, again)
	}
	hour := decode[History](f.send("GET", "/u/history?by=hour&split=model&from=2026-11-23T13:00:00Z", "").want(200))
	if len(hour.Buckets) != 1 || hour.Keys[0] != "gpt-4o" || hour.Buckets[0].Values[0].Tokens != 5 {
		t.Errorf("by hour: %+v", hour)
	}
	if usual := decode[History](f.send("GET", "/u/history", "").want(200)); len(usual.Buckets) != 30 || usual.Totals.Requests != 2 {
		t.Errorf("by default %d buckets, %+v", len(usual.Buckets), usual.Totals)
	}
	if none := f.send("GET", "/u/history?split=tier&from=2026-01-01&to=2026-01-01", "").want(200); decode[History](none).Keys == nil {
		t.Errorf("no usage: %s", none.body)
	}
	f.send("GET", "/nobody/history", "").problem(404)
	for query, fault := range map[string]string{
		"from=yesterday": "query.from", "to=0001-01-01": "query.to", "from=2026-11-24": "query.from", "by=week": "query.by", "split=code": "query.split",
		"by=hour&from=2026-11-01": "query.from", "from=2025-10-01": "query.from",
	} {
		f.send("GET", "/u/history?"+query, "").faults(fault)
	}
}

func TestAHistoryHasEightKeysAndOther(t *testing.T) {
	t.Parallel()
	var found []ledger.Bucket
	for i := range 10 {
		found = append(found, ledger.Bucket{Hour: 24, Name: fmt.Sprint("m", i), Amounts: limit.Amounts{int64(i + 1), 1, 0}})
	}
	h := historyOf(found, 0, 48, 24, false)
	if len(h.Keys) != 9 || h.Keys[0] != "m9" || h.Keys[8] != "other" || h.Buckets[1].Values[8].Requests != 1+2 || h.Totals.Requests != 55 {
		t.Errorf("%+v", h)
	}
}
