package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// A made-up tier gets what no tier at all gets, so that nobody escapes the limits of the default tier by naming another.
func TestTiers_AnUnknownOneIsTheDefaultOne(t *testing.T) {
	t.Parallel()
	const tiers = `"tiers":{"free":{"requestLimit":1},"pro":{"requestLimit":2}},"defaultTier":"free"`
	for name, tc := range map[string]struct {
		settings string
		admitted map[string]int // by x-tier, of three requests
	}{
		"default":       {`{` + tiers + `}`, map[string]int{"": 1, "premium": 1, "Pro": 1, "pro": 2}},
		"project":       {`{` + tiers + `,"unknownTier":"project"}`, map[string]int{"": 1, "premium": 3, "pro": 2}},
		"reject":        {`{` + tiers + `,"unknownTier":"reject"}`, map[string]int{"": 1, "premium": 0, "pro": 2}},
		"not trusted":   {`{` + tiers + `,"trustTierHeader":false}`, map[string]int{"": 1, "premium": 1, "pro": 1, "a\u00adb": 1}},
		"not, rejected": {`{` + tiers + `,"trustTierHeader":false,"unknownTier":"reject"}`, map[string]int{"": 1, "premium": 1, "pro": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tier, want := range tc.admitted {
				s, got := stack.New(t, stack.Options{Settings: tc.settings}), 0
				for range 3 {
					if s.Chat("u", "gpt-4o", "X-Tier", tier).Status == 200 {
						got++
					}
				}
				if got != want {
					t.Errorf("x-tier %q: %d of 3 requests admitted, want %d", tier, got, want)
				}
			}
		})
	}
}

// A tier set on the server counts where x-tier is not trusted.
func TestTiers_SetOnTheServer(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tiers":{"free":{"requestLimit":0},"pro":{}},"defaultTier":"free","trustTierHeader":false}`})
	stack.WantError(t, s.Chat("u", "gpt-4o", "X-Tier", "pro"), 429, "limit_exceeded")
	stack.WantStatus(t, s.Control("POST", "/identities", `{"identity":"u","tier":"pro"}`), 201)
	stack.WantStatus(t, s.Chat("u", "gpt-4o", "X-Tier", "free"), 200)
}

// A tier's models narrow the project's, in requests and in the list of models alike.
func TestTiers_AllowedModels(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["gpt-4o","gpt-4o-mini","claude-*"],"defaultTier":"free",
		"tiers":{"free":{"allowedModels":["gpt-4o-mini","o3"]},"pro":{},"none":{"allowedModels":[]}}}`})
	for _, c := range []struct {
		tier, model string
		status      int
	}{
		{"", "gpt-4o-mini", 200}, {"", "gpt-4o", 403}, {"premium", "gpt-4o", 403}, {"free", "claude-sonnet-4-5", 403},
		{"free", "o3", 403}, {"pro", "gpt-4o", 200}, {"pro", "o3", 403}, {"none", "gpt-4o-mini", 403},
	} {
		a := s.Chat("u", c.model, "X-Tier", c.tier)
		stack.WantStatus(t, a, c.status)
		if c.status == 403 {
			stack.WantError(t, a, 403, "model_not_allowed")
		}
	}
	second := `{"model":"gpt-4o-mini","models":["gpt-4o"],"messages":[{"role":"user","content":"hi"}]}`
	stack.WantError(t, s.Post("/v1/chat/completions", "u", second, "X-Tier", "premium"), 403, "model_not_allowed")
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", second, "X-Tier", "pro"), 200)
	mini := func(name string) bool { return strings.HasPrefix(name, "gpt-4o-mini") }
	for tier, some := range map[string]bool{"": true, "premium": true, "none": false} {
		got := modelsIn(t, s, tier)
		if len(slices.DeleteFunc(slices.Clone(got), mini)) > 0 || slices.ContainsFunc(got, mini) != some {
			t.Errorf("x-tier %q lists %v; want nothing but gpt-4o-mini, and that: %t", tier, got, some)
		}
	}
	if got := modelsIn(t, s, "pro"); !slices.Contains(got, "gpt-4o") || !slices.Contains(got, "claude-sonnet-4-5") || slices.Contains(got, "o3") {
		t.Errorf("x-tier pro lists %v, want gpt-4o and Claude's models without o3", got)
	}
}

func modelsIn(t *testing.T, s *stack.Stack, tier string) (names []string) {
	t.Helper()
	a := s.Do(s.Request("GET", "/v1/models", "u", "", "X-Tier", tier))
	stack.WantStatus(t, a, 200)
	for _, m := range a.JSON(t)["data"].([]any) {
		names = append(names, m.(map[string]any)["id"].(string))
	}
	return names
}

// Before a tier is renamed or removed nobody sees who carries it: the store counts them.
func TestTiers_CarriersAreCounted(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tiers":{"free":{},"p\"ro":{}}}`})
	for identity, tier := range map[string]string{"a": `p\"ro`, "b": `p\"ro`, "c": "free"} {
		stack.WantStatus(t, s.Control("POST", "/identities", `{"identity":"`+identity+`","tier":"`+tier+`"}`), 201)
	}
	stack.WantStatus(t, s.Control("POST", "/identities", `{"identity":"d","requestLimit":1}`), 201)
	stack.WantStatus(t, s.Chat("e", "gpt-4o", "X-Tier", "free"), 200)
	for tier, want := range map[string]int{`p"ro`: 2, "free": 1, "gone": 0} {
		if got, err := s.Store().TierCarriers(t.Context(), s.ProjectKey, tier); err != nil || got != want {
			t.Errorf("%d identities carry %s, %v; want %d", got, tier, err, want)
		}
	}
	if got, err := s.Store().TierCarriers(t.Context(), "pk_another", "free"); err != nil || got != 0 {
		t.Errorf("another project: %d, %v; want 0", got, err)
	}
}
