package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

func TestAResetTakesBackWhatItSays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, want string }{
		{``, `{"identity":"u","tokensReset":30,"requestsReset":2,"costUsdReset":0.000012,"message":"Took back 30 tokens, 2 requests and $0.000012.","period":"daily"}`},
		{`{}`, `{"identity":"u","tokensReset":30,"requestsReset":2,"costUsdReset":0.000012,"message":"Took back 30 tokens, 2 requests and $0.000012.","period":"daily"}`},
		{`{"resetRequests": false}`, `{"identity":"u","tokensReset":30,"requestsReset":0,"costUsdReset":0.000012,"message":"Took back 30 tokens and $0.000012.","period":"daily"}`},
		{`{"resetTokens": false, "resetRequests": null}`, `{"identity":"u","tokensReset":0,"requestsReset":2,"costUsdReset":0,"message":"Took back 2 requests.","period":"daily"}`},
	} {
		f := setup(t, someProject)
		f.use("u", 10, 5)
		f.use("u", 20, 7)
		if got := string(f.send("POST", "/u/reset", tc.body).want(200).body); got != tc.want+"\n" {
			t.Errorf("reset %s\n got %s want %s", tc.body, got, tc.want)
		}
		back := decode[Reset](f.send("POST", "/u/reset", tc.body))
		if back.TokensReset != 0 || back.RequestsReset != 0 {
			t.Errorf("reset %s again takes back %+v, want nothing", tc.body, back)
		}
	}
}

func TestAResetInFlightLeavesTheRunningRequestCounted(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"requestLimit": 1}`)
	running := f.reserve("u")
	if got := decode[Reset](f.send("POST", "/u/reset", "").want(200)); got.RequestsReset != 0 {
		t.Errorf("a running request was taken back: %+v", got)
	}
	if got := f.reserve("u").Decision.Refusal; got != limit.OverLimit {
		t.Errorf("beside the running one: %v, want over the limit", got)
	}
	if err := f.ledger.Settle(t.Context(), running, ledger.Actual{Amounts: limit.Amounts{limit.Requests: 1, limit.Tokens: 3}}); err != nil {
		t.Fatal(err)
	}
	if got := decode[Identity](f.send("GET", "/u", "")); got.Usage.Requests != 1 || got.Usage.Tokens != 3 {
		t.Errorf("usage %+v, want the running request", got.Usage)
	}
	if got := decode[Reset](f.send("POST", "/u/reset", "").want(200)); got.RequestsReset != 1 || got.TokensReset != 3 {
		t.Errorf("reset %+v, want 1 request and 3 tokens", got)
	}
	if got := f.reserve("u").Decision.Refusal; got != limit.Admitted {
		t.Errorf("after the reset: %v, want admitted", got)
	}
}

func TestUsageIsThatOfTheSetTierElseTheDefault(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"requestLimit": 5, "tiers": {"free": {"requestLimit": 10}, "pro": {"requestLimit": 500}}, "defaultTier": "free", "unknownTier": "reject"}`)
	f.use("u", 12, 0)
	got := decode[ledger.Usage](f.send("GET", "/u/usage", "").want(200))
	want := []ledger.LimitUsage{{Metric: "requests", Scope: "tier", Limit: "10", Used: "1", Remaining: "9"}}
	if diff := cmp.Diff(want, got.Limits); diff != "" || got.Tier == nil || *got.Tier != "free" || got.Period != "daily" || got.Usage.Tokens != 12 {
		t.Errorf("usage %+v (-want +got):\n%s", got, diff)
	}
	f.send("PUT", "/u", `{"tier": "pro"}`).want(200)
	got = decode[ledger.Usage](f.send("GET", "/u/usage", "").want(200))
	if *got.Tier != "pro" || got.Limits[0].Limit != "500" {
		t.Errorf("usage %+v, want pro's", got)
	}
	_, err := f.store.UpdateProject(t.Context(), f.project, func(s project.Settings) (project.Settings, error) {
		return s.Patch([]byte(`{"tiers": {"free": {"requestLimit": 10}}}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	f.send("GET", "/u/usage", "").problem(409)
	f.send("PUT", "/u", `{"requestLimit": 7}`).want(200) // the tier that is gone stays, and does not stand in the way
	f.send("PUT", "/u", `{"tier": null}`).want(200)
	if got = decode[ledger.Usage](f.send("GET", "/u/usage", "").want(200)); *got.Tier != "free" || got.Limits[0].Scope != "identity" {
		t.Errorf("usage %+v, want free's, under a limit of its own", got)
	}
}
