package project

import (
	"fmt"
	"testing"
)

func aliasOf(first, middle, last int64) *Alias {
	return &Alias{"assistant", AliasFields{Seed: "2026-12", Variants: []Variant{{"a", first}, {"b", middle}, {"c", last}}}}
}

// The shares are those of the weights, and each identity stays with its variant.
func TestVariantsAreSharedByWeight(t *testing.T) {
	t.Parallel()
	const identities = 20_000
	a, got := aliasOf(60, 30, 10), map[string]int{}
	for i := range identities {
		name := fmt.Sprintf("user-%d", i)
		model := a.Models(name, nil)[0]
		if again := a.Models(name, nil)[0]; again != model {
			t.Fatalf("%s gets %s, then %s", name, model, again)
		}
		got[model]++
	}
	for model, percent := range map[string]int{"a": 60, "b": 30, "c": 10} {
		if want := identities * percent / 100; got[model] < want*9/10 || got[model] > want*11/10 {
			t.Errorf("%d identities get %s, want about %d", got[model], model, want)
		}
	}
}

// If the last variant grows out of the first one's share, no identity changes but those that change from the first to the last.
func TestAGrowingVariantMovesNobodyElse(t *testing.T) {
	t.Parallel()
	for _, middle := range []int64{0, 25} {
		for last := int64(0); last < 75; last++ {
			before, after, moved := aliasOf(100-middle-last, middle, last), aliasOf(99-middle-last, middle, last+1), 0
			for i := range 2000 {
				name := fmt.Sprintf("user-%d", i)
				from, to := before.Models(name, nil)[0], after.Models(name, nil)[0]
				if from == to {
					continue
				}
				if moved++; from != "a" || to != "c" {
					t.Fatalf("last variant %d%% to %d%%: %s moves from %s to %s", last, last+1, name, from, to)
				}
			}
			if moved == 0 || moved > 60 {
				t.Errorf("last variant %d%% to %d%%: %d of 2000 identities move, want about 20", last, last+1, moved)
			}
		}
	}
}

func TestSeedAliasAndIdentityChooseTheVariant(t *testing.T) {
	t.Parallel()
	a := aliasOf(50, 0, 50)
	seed, name := *a, *a
	seed.Seed, name.Name = "other", "helper"
	moved := map[string]int{}
	for i := range 1000 {
		id := fmt.Sprintf("user-%d", i)
		was := a.Models(id, nil)[0]
		for what, other := range map[string]*Alias{"seed": &seed, "alias": &name} {
			if other.Models(id, nil)[0] != was {
				moved[what]++
			}
		}
	}
	for what, n := range moved {
		if n < 400 || n > 600 {
			t.Errorf("another %s moves %d of 1000 identities, want about half", what, n)
		}
	}
	if len(moved) != 2 {
		t.Errorf("moved %v, want by seed and by alias", moved)
	}
}

func TestATierHasItsOwnVariants(t *testing.T) {
	t.Parallel()
	a := &Alias{"assistant", AliasFields{Variants: []Variant{{"a", 100}}, Tiers: map[string][]Variant{"pro": {{"b", 100}}}, Fallbacks: []string{"B", "c"}}}
	for tier, want := range map[*Tier]string{nil: "[a B c]", {Name: "free"}: "[a B c]", {Name: "pro"}: "[b c]"} {
		if got := fmt.Sprint(a.Models("user-1", tier)); got != want {
			t.Errorf("in %v: %s, want %s", tier, got, want)
		}
	}
}
