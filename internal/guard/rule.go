package guard

import (
	"math/bits"
	"slices"
)

// Rule finds one kind of attack by concepts that stand close together, in any order: languages differ in it.
type Rule struct {
	Name     string
	Severity Severity
	Catches  string // an example
	Spares   string // one like it that is no attack

	needs   []concepts // one concept of each must be there
	without concepts   // none of these may stand between them
	span    int        // tokens from the first to the last
	marked  bool       // the text must have a delimiter before the first, as messages and templates have
}

// match is where a rule fires: tokens, last included.
type match struct {
	category    Category
	rule        *Rule
	order       int // of the rule in its table
	first, last int
}

// positions are the last tokens of each concept.
type positions [numConcepts]int

func newPositions() (p positions) {
	for i := range p {
		p[i] = -1 << 30
	}
	return p
}

// latest returns the last token of any of some concepts.
func (p *positions) latest(c concepts) int {
	at := -1 << 30
	for ; c != 0; c &= c - 1 {
		at = max(at, p[bits.TrailingZeros64(uint64(c))])
	}
	return at
}

// rulesOf are the rules by a concept that they need, so that a token is only compared with rules that it can complete.
var rulesOf = func() (by [numConcepts][]match) {
	for _, table := range tables {
		for i := range table.rules {
			r := &table.rules[i]
			all := concepts(0)
			for _, need := range r.needs {
				all |= need
			}
			for ; all != 0; all &= all - 1 {
				bit := bits.TrailingZeros64(uint64(all))
				by[bit] = append(by[bit], match{category: table.category, rule: r, order: i})
			}
		}
	}
	return by
}()

// maxMatches bounds the matches of a text that are kept.
const maxMatches = 32

// matches appends the places where rules fire in a text, each rule once for a place.
func matches(found []match, t *Text) []match {
	p := newPositions()
	marked := -1 << 30
	for i := range t.tokens {
		tok := &t.tokens[i]
		if tok.before&^0xff != 0 || tok.before != 0 && tok.before != '\n' && tok.before != ':' {
			marked = i
		}
		for c := tok.concepts; c != 0; c &= c - 1 {
			p[bits.TrailingZeros64(uint64(c))] = i
		}
		for c := tok.concepts; c != 0 && len(found) < maxMatches; c &= c - 1 {
			for _, m := range rulesOf[bits.TrailingZeros64(uint64(c))] {
				first, ok := m.rule.complete(&p, i)
				if !ok || m.rule.marked && first-marked > 1 {
					continue
				}
				m.first, m.last = first, i
				found = appendMatch(found, m)
			}
		}
	}
	return found
}

// complete reports whether the rule's concepts all stand before the end of token i, and where the first does.
func (r *Rule) complete(p *positions, i int) (first int, ok bool) {
	first = i
	for _, need := range r.needs {
		at := p.latest(need)
		if i-at >= r.span {
			return 0, false
		}
		first = min(first, at)
	}
	return first, p.latest(r.without) < first-1
}

// within leaves the matches that overlap the suspected window: elsewhere in a long text a rule says nothing about it.
func within(w Window, found []match) []match {
	return slices.DeleteFunc(found, func(m match) bool { return m.last < w.First || m.first >= w.Last })
}

// distinct leaves out a match where an earlier rule of its category fires at the same place.
func distinct(found []match) []match {
	return slices.DeleteFunc(slices.Clone(found), func(m match) bool {
		return slices.ContainsFunc(found, func(other match) bool {
			return other.category == m.category && other.order < m.order && other.first <= m.last && m.first <= other.last
		})
	})
}

// appendMatch adds a match, or extends the last one of its rule where they overlap.
func appendMatch(found []match, m match) []match {
	for j := range found {
		if found[j].rule == m.rule && m.first <= found[j].last {
			found[j].last = m.last
			return found
		}
	}
	return append(found, m)
}
