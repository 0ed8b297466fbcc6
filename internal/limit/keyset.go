package limit

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// KeySet holds normalized model keys, prepared for many comparisons.
type KeySet struct {
	names    map[string]bool // canonical, of the keys without a star
	sorted   []string        // names
	prefixes []pattern       // the keys with a star
}

// pattern is a key with the canonical form of its name, or of its prefix.
type pattern struct {
	ModelCaps
	name string
}

func newPattern(key string) pattern {
	p := pattern{ModelCaps: NewModelCaps(key, Caps{})}
	if prefix, star := strings.CutSuffix(key, "*"); star {
		p.name = canonical(prefix)
	} else {
		p.name = p.models[0]
	}
	return p
}

func (p *pattern) covers(model string) bool {
	_, ok := p.match(model)
	return ok
}

// NewKeySet returns the set of normalized keys.
func NewKeySet(keys iter.Seq[string]) *KeySet {
	s := &KeySet{names: make(map[string]bool)}
	for key := range keys {
		if p := newPattern(key); strings.HasSuffix(key, "*") {
			s.prefixes = append(s.prefixes, p)
		} else {
			s.names[p.name] = true
		}
	}
	s.sorted = slices.Sorted(maps.Keys(s.names))
	return s
}

// Has reports whether a key of the set covers a canonical model.
func (s *KeySet) Has(model string) bool {
	if s.names[model] {
		return true
	}
	for i := range s.prefixes {
		if s.prefixes[i].covers(model) {
			return true
		}
	}
	return false
}

// Overlaps reports whether some model may be covered by both a normalized key and a key of the set.
func (s *KeySet) Overlaps(key string) bool {
	p := newPattern(key)
	if s.names[p.name] {
		return true
	}
	if prefix, star := strings.CutSuffix(key, "*"); star && s.coveredBy(&p, prefix) {
		return true
	}
	for i := range s.prefixes {
		if other := &s.prefixes[i]; other.covers(p.name) || p.covers(other.name) {
			return true
		}
	}
	return false
}

// coveredBy reports whether the key prefix* covers one of the names. Such a name has the prefix, or is a beginning of it (see
// begins), or is another name of a model that has it.
func (s *KeySet) coveredBy(p *pattern, prefix string) bool {
	if i, _ := slices.BinarySearch(s.sorted, prefix); i < len(s.sorted) && strings.HasPrefix(s.sorted[i], prefix) {
		return true
	}
	for end := range len(prefix) {
		if name := prefix[:end]; s.names[name] && begins(name, prefix) {
			return true
		}
	}
	return slices.ContainsFunc(p.models, func(name string) bool { return s.names[name] })
}

// Prefixes is how many keys with a star there are. Has and Overlaps compare with each of them, and look the others up.
func (s *KeySet) Prefixes() int { return len(s.prefixes) }
