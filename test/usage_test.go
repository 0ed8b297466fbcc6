package test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
)

// GET /v1/usage tells what was used and what is left, in the contract's shape.
func TestUsage_Shape(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":1000,"costLimitUsd":2.5,"tiers":{"free":{"requestLimit":9,"modelLimits":{"gpt-4o":{"requestLimit":5}}}}}`})
	for range 3 {
		stack.WantStatus(t, s.Do(openAI.request(s, "u", false, "X-Tier", "free")), 200)
	}
	stack.WantStatus(t, s.Chat("u", "gpt-4o-mini", "X-Tier", "free"), 200)
	change(t, s, "u", func(a *ledger.Account) {
		a.State.AddCredits(limit.Amounts{limit.Tokens: 10_000, limit.Cost: 1_500_000})
	})
	got := s.Usage("u", "X-Tier", "free")
	resets, err := time.Parse(time.RFC3339, got["resetsAt"].(string))
	if err != nil || !resets.Equal(limit.Daily.End(time.Now())) && !resets.Equal(limit.Daily.End(time.Now().Add(-time.Minute))) {
		t.Errorf("resetsAt is %v", got["resetsAt"])
	}
	delete(got, "resetsAt")
	cost := got["usage"].(map[string]any)["costUsd"].(float64)
	if cost <= 0 || cost > 0.01 {
		t.Errorf("costUsd is %v", cost)
	}
	row := func(metric, scope string, model any, limit, used, remaining float64) map[string]any {
		return map[string]any{"metric": metric, "scope": scope, "model": model, "limit": limit, "used": used, "remaining": remaining}
	}
	want := map[string]any{
		"identity": "u", "tier": "free", "period": "daily", "enabled": true, "unlimitedUntil": nil,
		"limits": []any{
			row("requests", "tier", nil, 9, 1, 8), row("requests", "model", "gpt-4o", 5, 3, 2),
			row("tokens", "project", nil, 1000, 3*9+5, 10_000+1000-3*9-5), row("costUsd", "project", nil, 2.5, cost, 1.5+2.5-cost),
		},
		"usage":   map[string]any{"requests": 4.0, "tokens": 32.0, "costUsd": cost},
		"credits": map[string]any{"requests": 0.0, "tokens": 10000.0, "costUsd": 1.5},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// Asking costs nothing, works for identities that nobody has seen, and survives a restart.
func TestUsage_CostsNothing(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1,"requestsPerMinute":1,"concurrentRequests":0}`})
	for range 5 {
		wantCharge(t, s, "never-seen", 0, 0)
	}
	if s.Usage("never-seen")["tier"] != nil {
		t.Error("an identity without a tier has one")
	}
	a := s.Do(s.Request("GET", "/v1/usage", "", ""))
	stack.WantError(t, a, 400, "missing_identity")
}

func TestUsage_SurvivesRestart(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":2}`})
	stack.WantStatus(t, s.Do(anthropic.request(s, "u", true)), 200)
	s.Restart()
	wantCharge(t, s, "u", 1, inputWords+outputWords)
	stack.WantStatus(t, s.Do(gemini.request(s, "u", true)), 200)
	s.Restart()
	stack.WantError(t, s.Do(openAI.request(s, "u", false)), 429, "limit_exceeded")
	wantCharge(t, s, "u", 2, 2*(inputWords+outputWords))
}
