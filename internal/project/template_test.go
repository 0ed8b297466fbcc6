package project

import (
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// With the template starter a leaked project key costs little: every tier is bounded, and so is what names none.
func TestTheStarterTemplateBoundsEveryUser(t *testing.T) {
	t.Parallel()
	for _, v := range vendors {
		s, err := FromTemplate("starter", v.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got := warned(s.Warnings(nil)); got != "" {
			t.Errorf("%s: warnings %s", v.Name, got)
		}
		snapshot := mustSnapshot(t, mustMarshal(t, s))
		if snapshot.DefaultTier != "free" || snapshot.UnknownTier != TierDefault || !snapshot.Strict || snapshot.Period != limit.Daily || len(snapshot.Tiers) != 2 {
			t.Errorf("%s: settings %s", v.Name, mustMarshal(t, s))
		}
		for name, tier := range snapshot.Tiers {
			if c := tier.Level.Caps[limit.Cost]; c == nil || *c <= 0 || *c > 1_000_000 {
				t.Errorf("%s: tier %s costs up to %v micro-USD a day, want at most a dollar", v.Name, name, c)
			}
		}
		if len(snapshot.AllowedModels) != 2 {
			t.Fatalf("%s: allows %v, want a cheap model and a dear one", v.Name, snapshot.AllowedModels)
		}
		cheap, ok := snapshot.Price(snapshot.AllowedModels[0])
		dear, ok2 := snapshot.Price(snapshot.AllowedModels[1])
		if !ok || !ok2 || cheap.Output > dear.Output {
			t.Errorf("%s: %v cost %d and %d pico-USD a token of output, want the cheap one first", v.Name, snapshot.AllowedModels, cheap.Output, dear.Output)
		}
	}
}

func TestTheStarterTemplateAllowsTheProvidersModels(t *testing.T) {
	t.Parallel()
	for providers, want := range map[string]string{
		"":                  "gpt-4o-mini gpt-4o",
		"own":               "gpt-4o-mini gpt-4o",
		"anthropic":         "claude-haiku-4-5 claude-sonnet-5",
		"anthropic openai":  "gpt-4o-mini gpt-4o claude-haiku-4-5 claude-sonnet-5",
		"own google openai": "gpt-4o-mini gpt-4o gemini-2.5-flash gemini-2.5-pro",
	} {
		s, err := FromTemplate("starter", strings.Fields(providers)...)
		if got := strings.Join(s.AllowedModels, " "); err != nil || got != want {
			t.Errorf("with %q it allows %s, %v; want %s", providers, got, err, want)
		}
	}
}

func TestTheOtherTemplates(t *testing.T) {
	t.Parallel()
	single, err := FromTemplate("single")
	if err != nil || len(single.Tiers) != 0 || single.CostLimitUSD == nil || single.Enforcement != "strict" || len(single.Warnings(nil)) != 0 {
		t.Errorf("single: %s, %v, warnings %v; want one cost limit and nothing to say", mustMarshal(t, single), err, single.Warnings(nil))
	}
	count, err := FromTemplate("count")
	if err != nil || mustMarshal(t, count) != mustMarshal(t, Default()) {
		t.Errorf("count: %s, %v; want no limits", mustMarshal(t, count), err)
	}
	if w := warned(count.Warnings(nil)); !strings.Contains(w, "has no limit, and the project key is public") {
		t.Errorf("count does not tell what it exposes: %q", w)
	}
	if _, err := FromTemplate("other"); err == nil || !strings.Contains(err.Error(), "starter, single, count") {
		t.Errorf("an unknown template: %v; want the known ones named", err)
	}
	if !slices.Contains(Templates, "starter") || Templates[0] != "starter" {
		t.Errorf("the templates are %v, want starter first", Templates)
	}
}
