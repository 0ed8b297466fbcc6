package limit

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// An index finds the key that a look at every key finds.
func TestIndexFindsTheMostSpecificKey(t *testing.T) {
	t.Parallel()
	model := rapid.StringMatching(`(a|b|x/)?(gpt|g)?(-4|-4o|-mini){0,2}(-2024-08-06|-0613|-latest|:free|@v1)?`)
	key := rapid.Custom(func(t *rapid.T) string {
		name := model.Draw(t, "name")
		if rapid.Bool().Draw(t, "star") {
			return name[:rapid.IntRange(0, len(name)).Draw(t, "length")] + "*"
		}
		return name
	}).Filter(func(key string) bool { return key != "" })
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(key, 0, 12).Draw(t, "keys")
		name := model.Draw(t, "model")
		want, wantRank := -1, 0
		for i, key := range keys {
			if rank, ok := Covers(key, name); ok && (want < 0 || rank > wantRank) {
				want, wantRank = i, rank
			}
		}
		ix := NewIndex(keys)
		at, rank, found := ix.Find(name)
		if found != (want >= 0) || found && (at != want || rank != wantRank) {
			t.Fatalf("key %d of rank %d covers %q, found %t; want %d of rank %d", at, rank, name, found, want, wantRank)
		}
	})
	if _, _, found := new(Index).Find("gpt-4o"); found {
		t.Error("an empty index has a key")
	}
}

func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("model-%d", i)
		}
		ix := NewIndex(keys)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, _, ok := ix.Find("model-0-2024-08-06"); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
