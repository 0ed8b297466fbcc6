package limit

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A set compares as Match does, key by key.
func TestKeySet(t *testing.T) {
	t.Parallel()
	names := []string{"gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "openai/gpt-4o:free", "claude-sonnet-4.5", "claude-sonnet-4-5-20250929",
		"mine", "mine-2", "gpt-*", "gpt-4o*", "gpt-4o-2024*", "*", "openai/*", "openai/g*", "claude-*", "claude-sonnet-4.*", "mine*", "mine-2*"}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.SampledFrom(names)).Draw(t, "keys")
		key := rapid.SampledFrom(names).Draw(t, "key")
		name := func(key string) string { return strings.TrimSuffix(key, "*") }
		matches := func(key, model string) bool {
			_, ok := matches(key, model)
			return ok
		}
		set := NewKeySet(slices.Values(keys))
		if got, want := set.Overlaps(key), slices.ContainsFunc(keys, func(k string) bool { return matches(k, name(key)) || matches(key, name(k)) }); got != want {
			t.Fatalf("%q overlaps %q: %t, want %t", keys, key, got, want)
		}
		if got, want := set.Has(CanonicalModel(name(key))), NewModelSet(keys).Has(name(key)); got != want {
			t.Fatalf("%q has %q: %t, want %t", keys, name(key), got, want)
		}
	})
}
