package limit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The first value of a chain is the cap in force, and each cap of the levels stands in the chain, in the list of
// overridden ones, or concerns other models.
func TestAChainNamesTheCapInForce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		levels := someLevels(rng)
		model := []string{"gpt-4o", "gpt-4o-2024-08-06", "claude-sonnet-4", "other"}[rng.IntN(4)]
		rules := Resolve(levels, model, Daily, false)
		overridden := rules.Overridden()
		for m := range Metric(NumMetrics) {
			var first *Place
			chain := rules.Chain(m)
			for i := range chain {
				if first == nil && chain[i].Value != nil {
					first = &chain[i]
				} else if chain[i].Value != nil && !slices.Contains(overridden, chain[i]) {
					t.Fatalf("%+v, %s: %+v is neither in force nor overridden", levels, model, chain[i])
				}
			}
			l, ok := rules.Limit(m)
			switch {
			case first == nil || *first.Value == Unlimited:
				if ok {
					t.Fatalf("%+v, %s: limit %v, want none, by the chain %+v", levels, model, l, chain)
				}
			case !ok || l.Max != *first.Value || (l.Scope == ScopeModel) != first.OfModel || l.Model != first.Key:
				t.Fatalf("%+v, %s: limit %v (%v), want the first of %+v", levels, model, l, ok, chain)
			}
			if first != nil && slices.Contains(overridden, *first) {
				t.Fatalf("%+v, %s: %+v is in force and overridden", levels, model, first)
			}
		}
	}
}

func someLevels(rng *rand.Rand) Levels {
	level := func() *Level {
		if rng.IntN(4) == 0 {
			return nil
		}
		l := &Level{Caps: someCaps(rng)}
		for _, key := range []string{"*", "claude-*", "gpt-*", "gpt-4o"} {
			if rng.IntN(2) == 0 {
				l.Models = append(l.Models, NewModelCaps(key, someCaps(rng)))
			}
		}
		return l
	}
	return Levels{Identity: level(), Tier: level(), Project: level()}
}

func someCaps(rng *rand.Rand) (c Caps) {
	for m := range c {
		if rng.IntN(2) == 0 {
			n := rng.Int64N(4) - 1
			c[m] = &n
		}
	}
	return c
}

func TestAPoolIsTheModelsThatCount(t *testing.T) {
	t.Parallel()
	n := func(n int64) *int64 { return &n }
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := State{Period: Daily, Start: Daily.Start(at), Used: []ModelUsage{
		{Model: "gpt-4o", Counted: Amounts{3}}, {Model: "cheap", Counted: Amounts{1}}, {Model: "unused"},
	}, Holds: []Hold{{Model: "other", At: at, Amounts: Amounts{1}}, {Model: "old", At: at.AddDate(0, 0, -1), Amounts: Amounts{1}}}}
	levels := Levels{Project: &Level{Caps: Caps{Requests: n(10)}, Models: []ModelCaps{NewModelCaps("gpt-4o", Caps{Requests: n(5)})}}}
	for model, want := range map[string][]string{"gpt-4o": {"gpt-4o"}, "new": {"cheap", "other"}} {
		rules := Resolve(levels, model, Daily, false)
		if diff := cmp.Diff(want, s.Pool(&rules, Requests)); diff != "" {
			t.Errorf("pool of %s (-want +got):\n%s", model, diff)
		}
	}
	own := Resolve(Levels{Identity: &Level{Caps: Caps{Requests: n(9)}}, Project: levels.Project}, "new", Daily, false)
	if diff := cmp.Diff([]string{"cheap", "gpt-4o", "other"}, s.Pool(&own, Requests)); diff != "" {
		t.Errorf("pool of an identity's limit (-want +got):\n%s", diff)
	}
}
