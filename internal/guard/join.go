package guard

import "unicode/utf8"

// letterRun is the least number of single letters in a row that are read as spelled-out words.
const letterRun = 5

// joinLetters joins runs of single letters, such as "i g n o r e  a l l". The rarer separator within a run is the break
// between words. A run with one separator is split into known words.
func (r *reading) joinLetters() {
	first := -1
	for i := 0; i <= len(r.tokens); i++ {
		if i < len(r.tokens) && r.single(i) {
			if first < 0 {
				first = i
			}
			continue
		}
		if first >= 0 && i-first >= letterRun {
			r.spellOut()
			return
		}
		first = -1
	}
}

// single reports whether a token is one letter or digit of a script with spaces.
func (t *Text) single(i int) bool {
	tok := &t.tokens[i]
	if tok.alone {
		return false
	}
	_, size := utf8.DecodeRune(t.buf[tok.lo:tok.hi])
	return size == int(tok.hi-tok.lo)
}

// spellOut copies the tokens and joins every run of single letters.
func (r *reading) spellOut() {
	old := r.tokens
	r.tokens = r.spare[:0]
	for i := 0; i < len(old); {
		end := i
		for end < len(old) && isSingle(r.Text, &old[end]) {
			end++
		}
		if end-i < letterRun {
			end = max(end, i+1)
			r.tokens = append(r.tokens, old[i:end]...)
		} else {
			r.join(old[i:end])
		}
		i = end
	}
	r.spare = old[:0]
}

func isSingle(t *Text, tok *token) bool {
	_, size := utf8.DecodeRune(t.buf[tok.lo:tok.hi])
	return !tok.alone && size == int(tok.hi-tok.lo)
}

// join makes words of a run of single letters.
func (r *reading) join(run []token) {
	usual, kinds := r.separator(run)
	from := 0
	for i := 1; i <= len(run); i++ {
		if i < len(run) && (kinds == 1 || r.between(run, i) == usual) {
			continue
		}
		word := token{lo: uint32(len(r.buf)), start: run[from].start, end: run[i-1].end, before: run[from].before}
		for _, letter := range run[from:i] {
			r.buf = append(r.buf, r.buf[letter.lo:letter.hi]...)
		}
		word.hi = uint32(len(r.buf))
		r.n.correct(r.Text, &word)
		r.tokens = append(r.tokens, word)
		if kinds == 1 && allLetters(r.buf[word.lo:word.hi]) {
			r.split(len(r.tokens) - 1)
		}
		from = i
	}
	r.lo = len(r.buf)
}

// between returns what stands before the i-th letter of a run. Letters of one character, such as ½, have nothing between them.
func (r *reading) between(run []token, i int) string {
	return r.source[run[i-1].end:max(run[i-1].end, run[i].start)]
}

// separator returns the most frequent string between the letters of a run, and whether there are one or more kinds. It counts
// the first few kinds only.
func (r *reading) separator(run []token) (usual string, kinds int) {
	var seen [4]string
	var count [4]int
	for i := 1; i < len(run); i++ {
		sep := r.between(run, i)
		for k := range seen {
			if k == kinds {
				seen[k], kinds = sep, kinds+1
			}
			if seen[k] == sep {
				count[k]++
				break
			}
		}
	}
	best := 0
	for k := range kinds {
		if count[k] > count[best] {
			best = k
		}
	}
	return seen[best], kinds
}

const (
	longestWord = 20  // of the known words that a joined word is split into
	unknownCost = 4   // of a letter that belongs to no known word, where a known word costs 3
	longestJoin = 400 // letters of a joined word that are looked at at once
)

// split cuts the i-th token, which must be the last, into known words, if most of its letters belong to such.
func (r *reading) split(i int) {
	whole := r.tokens[i]
	word := r.buf[whole.lo:min(whole.hi, whole.lo+longestJoin)]
	if r.n.words.has(word) {
		return
	}
	if cap(r.cost) < len(word)+1 {
		r.cost, r.step = make([]int32, longestJoin+1), make([]int32, longestJoin+1)
	}
	cost, step := r.cost[:len(word)+1], r.step[:len(word)+1]
	for j := range cost {
		cost[j] = int32(j)*unknownCost + 1
		step[j] = 0
	}
	cost[0] = 0
	known := r.cheapest(word, cost, step)
	if 5*known < 4*len(word) {
		return
	}
	r.tokens = r.tokens[:i]
	at := len(r.tokens)
	for j := len(word); j > 0; {
		n := max(int(step[j]), 1)
		piece := token{lo: whole.lo + uint32(j-n), hi: whole.lo + uint32(j), start: whole.start, end: whole.end}
		j -= n
		if n == 1 && step[j+1] == 0 { // unknown letters are left out
			continue
		}
		r.tokens = append(r.tokens, piece)
	}
	for a, b := at, len(r.tokens)-1; a < b; a, b = a+1, b-1 {
		r.tokens[a], r.tokens[b] = r.tokens[b], r.tokens[a]
	}
	if at < len(r.tokens) {
		r.tokens[at].before = whole.before
	}
	if rest := whole.lo + uint32(len(word)); rest < whole.hi {
		r.tokens = append(r.tokens, token{lo: rest, hi: whole.hi, start: whole.start, end: whole.end})
	}
}

// cheapest fills in the cheapest way to split each beginning of a word, and returns how many letters belong to known words.
func (r *reading) cheapest(word []byte, cost, step []int32) (known int) {
	for j := range word {
		if c := cost[j] + unknownCost; c < cost[j+1] {
			cost[j+1], step[j+1] = c, 0
		}
		at := r.n.words.root[word[j]]
		for k := j + 1; k <= min(len(word), j+longestWord) && at != 0; k++ {
			if k-j > 1 && r.n.words.nodes[at].whole != 0 {
				if c := cost[j] + 3; c <= cost[k] {
					cost[k], step[k] = c, int32(k-j)
				}
			}
			if k < len(word) {
				at = r.n.words.down(at, word[k])
			}
		}
	}
	for j := len(word); j > 0; j -= max(int(step[j]), 1) {
		known += int(step[j])
	}
	return known
}
