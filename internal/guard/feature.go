package guard

import "math/bits"

// Feature is a hashed property of a text, and the token where it ends.
type Feature struct {
	Hash  uint32
	Token uint32
}

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// Kinds of features, mixed into their hashes.
const (
	featWord uint32 = iota + 1
	featPair
	featTriple
	featLetters
	featStems
	featConcepts
	featSequence
	featDelimiter
	featColon
	featRunes
	featGap
)

func hashBytes(b []byte) uint32 {
	h := uint32(fnvOffset)
	for _, c := range b {
		h = (h ^ uint32(c)) * fnvPrime
	}
	return h
}

// mix combines hashes to one whose bits depend on all of theirs.
func mix(kind, a, b uint32) uint32 {
	h := (kind*0x9e3779b1 ^ a) * 0x85ebca6b
	h ^= h >> 15
	h = (h ^ b) * 0xc2b2ae35
	h ^= h >> 13
	h *= 0x27d4eb2f
	return h ^ h>>16
}

const (
	gramLetters  = 5  // of a run of letters within a word
	stemLetters  = 5  // of a word's beginning
	pairReach    = 5  // tokens between the stems of a pair
	runeReach    = 6  // tokens between pairs of characters
	conceptReach = 12 // tokens between concepts of a pair
	memoryReach  = 64 // tokens within which a feature counts once
	memorySize   = 1 << 12
)

// extraction is the state while features are taken from a text.
type extraction struct {
	features []Feature
	memory   [memorySize]Feature
	words    []uint32 // hashes of the tokens' words
	stems    []uint32 // and of their beginnings
	last     [conceptReach]conceptAt
	spans    []int
}

type conceptAt struct {
	concepts concepts
	token    int
}

// extract returns the features of a text in the order of their tokens. They are valid until the next call.
func (x *extraction) extract(t *Text) []Feature {
	x.features, x.words, x.stems = x.features[:0], x.words[:0], x.stems[:0]
	clear(x.memory[:])
	recent := 0
	for i := range t.tokens {
		tok := &t.tokens[i]
		word := t.buf[tok.lo:tok.hi]
		x.wordFeatures(t, i, word)
		if tok.alone {
			x.runeFeatures(t, i)
		} else {
			x.letterFeatures(i, word)
			x.stemFeatures(t, i)
		}
		if tok.before != 0 {
			x.emit(i, mix(featDelimiter, tok.before, x.words[i]))
		}
		if tok.colon {
			x.emit(i, mix(featColon, x.words[i], 0))
		}
		if tok.concepts != 0 {
			recent = x.conceptFeatures(tok, i, recent)
		}
	}
	return x.features
}

// emit adds a feature, unless the same one was seen within the last tokens: else lists and nested formulas would add up
// without limit.
func (x *extraction) emit(i int, h uint32) {
	slot := &x.memory[h>>20]
	if slot.Hash == h && slot.Token != 0 && i+1-int(slot.Token) < memoryReach {
		return
	}
	*slot = Feature{h, uint32(i + 1)}
	x.features = append(x.features, Feature{h, uint32(i)})
}

func (x *extraction) wordFeatures(t *Text, i int, word []byte) {
	h := hashBytes(word)
	if word[0] <= '9' && word[0] >= '0' && digitsOnly(word) {
		h = '0'
	}
	stem := h
	if len(word) > stemLetters && !t.tokens[i].alone {
		stem = hashBytes(word[:runesIn(word, stemLetters)])
	}
	x.words, x.stems = append(x.words, h), append(x.stems, stem)
	if !t.tokens[i].alone {
		x.emit(i, mix(featWord, h, 0))
	}
	if i > 0 {
		pair := mix(featPair, x.words[i-1], h)
		x.emit(i, pair)
		if i > 1 {
			x.emit(i, mix(featTriple, x.words[i-2], pair))
		}
	}
}

func digitsOnly(word []byte) bool {
	for _, c := range word {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// runesIn returns how many bytes the first n characters take.
func runesIn(word []byte, n int) int {
	for i, c := range word {
		if c&0xc0 != 0x80 {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return len(word)
}

// letterFeatures are runs of letters within a word and its ends.
func (x *extraction) letterFeatures(i int, word []byte) {
	x.spans = x.spans[:0]
	for j, c := range word {
		if c&0xc0 != 0x80 {
			x.spans = append(x.spans, j)
		}
	}
	n := len(x.spans)
	if n < gramLetters-1 {
		return
	}
	x.spans = append(x.spans, len(word))
	for j := -1; j+gramLetters <= n+1; j++ {
		from, to := max(j, 0), min(j+gramLetters, n)
		h := hashBytes(word[x.spans[from]:x.spans[to]])
		edge := uint32(0)
		if j < 0 {
			edge = 1
		}
		if j+gramLetters > n {
			edge |= 2
		}
		x.emit(i, mix(featLetters, h, edge))
	}
}

func (x *extraction) stemFeatures(t *Text, i int) {
	for j := max(0, i-pairReach); j < i; j++ {
		if !t.tokens[j].alone {
			x.emit(i, mix(featStems, x.stems[j], x.stems[i]))
		}
	}
}

// runeFeatures are four characters in a row, and pairs of two with a gap, in scripts without spaces.
func (x *extraction) runeFeatures(t *Text, i int) {
	if i < 1 || !t.tokens[i-1].alone {
		return
	}
	here := mix(featRunes, x.words[i-1], x.words[i])
	if i >= 3 && t.tokens[i-3].alone {
		x.emit(i, mix(featRunes, mix(featRunes, x.words[i-3], x.words[i-2]), here))
	}
	for j := max(1, i-runeReach-1); j < i-2; j++ {
		if t.tokens[j].alone && t.tokens[j-1].alone {
			x.emit(i, mix(featGap, mix(featRunes, x.words[j-1], x.words[j]), here))
		}
	}
}

// conceptFeatures are pairs of concepts, and sequences of three.
func (x *extraction) conceptFeatures(tok *token, i, recent int) int {
	n := len(x.last)
	var before concepts
	for k := 1; k <= min(recent, n); k++ {
		at := x.last[(recent-k)%n]
		if i-at.token > conceptReach {
			break
		}
		for a := at.concepts &^ before; a != 0; a &= a - 1 { // the nearest of each concept
			for b := tok.concepts; b != 0; b &= b - 1 {
				first, second := uint32(bits.TrailingZeros64(uint64(a))), uint32(bits.TrailingZeros64(uint64(b)))
				x.emit(i, mix(featConcepts, first, second))
			}
		}
		before |= at.concepts
	}
	if recent > 1 {
		a, b := x.last[(recent-2)%n], x.last[(recent-1)%n]
		if i-a.token <= 2*conceptReach {
			x.emit(i, mix(featSequence, mix(featSequence, uint32(a.concepts), uint32(b.concepts)), uint32(tok.concepts)))
		}
	}
	x.last[recent%n] = conceptAt{tok.concepts, i}
	return recent + 1
}
