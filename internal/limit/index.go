package limit

import (
	"slices"
	"strings"
)

// Index finds the most specific of many normalized keys that cover a model (see Covers). The time that it takes depends on
// how many lengths the keys have, not on their number. The zero Index has no keys.
type Index struct {
	names    map[string]int // positions of the keys without a star
	prefixes map[string]int // positions of the keys with a star, by their prefix
	lengths  []int          // of names and prefixes, each once, the longest first
}

// NewIndex returns an index of normalized keys. Of equal keys, the first one counts.
func NewIndex(keys []string) Index {
	ix := Index{names: make(map[string]int), prefixes: make(map[string]int)}
	for at, key := range keys {
		name, star := strings.CutSuffix(key, "*")
		into := ix.names
		if star {
			into = ix.prefixes
		}
		if _, twice := into[name]; !twice {
			into[name] = at
			ix.lengths = append(ix.lengths, len(name))
		}
	}
	slices.SortFunc(ix.lengths, func(a, b int) int { return b - a })
	ix.lengths = slices.Compact(ix.lengths)
	return ix
}

// Find returns the position and the rank of the most specific key that covers a normalized model. Every key that covers a
// model is the beginning of its name.
func (ix *Index) Find(model string) (at, rank int, found bool) {
	for _, n := range ix.lengths {
		if n > len(model) {
			continue
		}
		start := model[:n]
		if at, ok := ix.names[start]; ok {
			if rank, ok := Covers(start, model); ok {
				return at, rank, true
			}
		}
		if at, ok := ix.prefixes[start]; ok {
			return at, 2 * n, true // as Covers ranks it
		}
	}
	return 0, 0, false
}
