package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a text, or one character of a script that puts no spaces between words.
type token struct {
	lo, hi     uint32   // the folded word, in Text.buf
	start, end uint32   // where it stands in the source, in bytes
	concepts   concepts // its meanings in the lexicon
	before     uint32   // hash of the delimiter before it; 0 for none
	colon      bool     // a colon follows
	alone      bool     // one character of a script without spaces
}

// Text is a text as the rules and the model read it: its words, folded to one spelling. Disguises that work on single
// characters are gone.
type Text struct {
	source string
	buf    []byte // the folded words, one after the other
	tokens []token
	alt    []byte // the word being read, with the Latin letters that its characters look like

	letters, latin int      // of the source
	suspects       []uint32 // tokens of another script whose characters all look Latin
	alts           []byte   // the Latin spellings of suspects, each ended by a space
	spare          []token
	cost           []int32 // of splitting a joined word
	step           []int32
}

// word returns the folded word of a token.
func (t *Text) word(i int) []byte { return t.buf[t.tokens[i].lo:t.tokens[i].hi] }

// Words returns the folded words of the text, separated by spaces.
func (t *Text) Words() string {
	var b strings.Builder
	for i := range t.tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.Write(t.word(i))
	}
	return b.String()
}

// scripts of a word's letters.
const (
	scriptLatin = 1 << iota
	scriptOther
	scriptAlike // of another script, and like a Latin letter
)

// Classes of ASCII characters.
const (
	isPunct = iota
	isLetter
	isDigit
	isSpace
	isQuote // stands inside words
)

var asciiClass = func() (c [utf8.RuneSelf]uint8) {
	for i := range c {
		switch {
		case 'a' <= i && i <= 'z', 'A' <= i && i <= 'Z':
			c[i] = isLetter
		case '0' <= i && i <= '9':
			c[i] = isDigit
		case i <= ' ' || i == 0x7f:
			c[i] = isSpace
		case i == '\'':
			c[i] = isQuote
		}
	}
	return c
}()

// normaliser folds texts. Its words are those into which misspelt words are corrected.
type normaliser struct {
	words     *trie
	skeletons map[uint64][]string
}

func newNormaliser(words []string) *normaliser {
	n := &normaliser{words: newTrie(), skeletons: map[uint64][]string{}}
	for _, w := range words {
		n.words.add(w, 1, false)
		if key, ok := skeleton([]byte(w)); ok {
			n.skeletons[key] = append(n.skeletons[key], w)
		}
	}
	return n
}

// reading is the state while a text is read from left to right.
type reading struct {
	*Text
	n       *normaliser
	lo      int // where the word being read begins in buf
	start   int // and in the source
	end     int // where its last character ends in the source
	scripts uint8
	before  uint32   // the hash of the delimiter since the last word
	leet    bool     // digits and signs in words stand for letters
	chunk   int      // where the run of characters without a space ends
	lettery bool     // that run has a letter
	ones    []uint32 // where the word has an i that can be an l
}

// read folds source into t. The result has at most one token a byte, and is linear in the source.
func (n *normaliser) read(t *Text, source string) {
	*t = Text{source: source, buf: t.buf[:0], tokens: t.tokens[:0], alt: t.alt[:0],
		suspects: t.suspects[:0], alts: t.alts[:0], spare: t.spare[:0], cost: t.cost, step: t.step}
	r := reading{Text: t, n: n, leet: looksLeet(source)}
	for i := 0; i < len(source); {
		if c := source[i]; c < utf8.RuneSelf {
			r.ascii(i, c)
			i++
			continue
		}
		char, size := utf8.DecodeRuneInString(source[i:])
		r.rune(i, size, char)
		i += size
	}
	r.endWord()
	r.latinise()
	r.joinLetters()
	for i := range t.tokens {
		t.tokens[i].concepts = meanings.of(t, i)
	}
}

func (r *reading) ascii(i int, c byte) {
	class := asciiClass[c]
	if r.leet && class != isLetter && class != isSpace {
		if l := r.leetLetter(i, c); l != 0 {
			if c == '1' || c == '!' || c == '|' {
				r.ones = append(r.ones, uint32(len(r.buf)))
			}
			r.letter(i, 1, rune(l), scriptLatin, 0)
			return
		}
	}
	switch class {
	case isLetter:
		r.letter(i, 1, rune(c|0x20), scriptLatin, 0)
	case isDigit:
		r.letter(i, 1, rune(c), 0, 0)
	case isSpace:
		r.endWord()
		if c == '\n' {
			r.delimit('\n')
		}
	case isQuote:
		if len(r.buf) == r.lo || i+1 >= len(r.source) || r.source[i+1] < utf8.RuneSelf && asciiClass[r.source[i+1]] != isLetter {
			r.endWord()
		}
	default:
		r.punctuation(c)
	}
}

func (r *reading) punctuation(c byte) {
	r.endWord()
	if c == ':' && len(r.tokens) > 0 {
		r.tokens[len(r.tokens)-1].colon = true
	}
	switch c {
	case ',', '.', '?', '!', '"', '(', ')', '-', ';', '&', '%', '$', '@', '+', '^', '`':
		if c != '-' || r.before == 0 {
			return
		}
	}
	r.delimit(c)
}

func (r *reading) delimit(c byte) { r.before = (r.before<<8 | uint32(c)) & 0xffffff }

// rune reads a character beyond ASCII.
func (r *reading) rune(i, size int, c rune) {
	switch k := kindOf(c); k.kind {
	case charNothing:
	case charAlone:
		r.endWord()
		r.letter(i, size, c, scriptOther, 0)
		r.endWord()
		r.tokens[len(r.tokens)-1].alone = true
	case charLatin:
		r.letter(i, size, k.to, scriptLatin, 0)
	case charOther:
		r.letter(i, size, k.to, scriptOther, k.alike)
	case charDigit:
		r.letter(i, size, k.to, 0, 0)
	case charBracket:
		r.endWord()
		r.delimit('[')
	case charTag:
		r.ascii(i, byte(k.to))
	case charFolded:
		r.folded(i, size, folds()[c])
	case charSpelled:
		r.folded(i, size, spelled[c])
	default:
		r.endWord()
	}
}

// folded reads what a character stands for.
func (r *reading) folded(i, size int, s string) {
	for _, p := range s {
		switch {
		case p >= utf8.RuneSelf:
			if k := kindOf(p); k.kind != charFolded && k.kind != charSpelled {
				r.rune(i, size, p)
			}
		case asciiClass[p] == isLetter:
			r.letter(i, size, p|0x20, scriptLatin, 0)
		default:
			r.ascii(i, byte(p))
		}
	}
}

// digitOf returns the ASCII digit of a decimal digit of any script: each script has them in a row that begins at a multiple
// of ten code points from the first.
func digitOf(c rune) rune {
	for zero := c; zero > c-10; zero-- {
		if !unicode.IsDigit(zero - 1) {
			return '0' + (c - zero)
		}
	}
	return '0'
}

// letter adds a character to the word being read. alike is the Latin letter that it looks like; 0 for none.
func (r *reading) letter(i, size int, c rune, script uint8, alike byte) {
	if len(r.buf) == r.lo {
		r.start = i
	}
	if script != 0 {
		r.letters++
	}
	if script == scriptLatin {
		r.latin++
	}
	if script == scriptOther && r.scripts&scriptOther == 0 {
		r.alt = append(r.alt[:0], r.buf[r.lo:]...)
	}
	r.scripts |= script
	r.buf = utf8.AppendRune(r.buf, c)
	if r.scripts&scriptOther != 0 {
		switch {
		case alike != 0:
			r.alt = append(r.alt, alike)
			r.scripts |= scriptAlike
		default:
			r.alt = utf8.AppendRune(r.alt, c)
		}
	}
	r.end = i + size
}

// endWord makes a token of the word being read.
func (r *reading) endWord() {
	if len(r.buf) == r.lo {
		return
	}
	t := token{lo: uint32(r.lo), hi: uint32(len(r.buf)), start: uint32(r.start), end: uint32(r.end), before: r.before}
	switch {
	case r.scripts&(scriptLatin|scriptAlike) == scriptLatin|scriptAlike:
		r.buf = append(r.buf[:r.lo], r.alt...)
		t.hi = uint32(len(r.buf))
	case r.scripts == scriptOther|scriptAlike && allASCII(r.alt):
		r.suspects = append(r.suspects, uint32(len(r.tokens)))
		r.alts = append(append(r.alts, r.alt...), ' ')
	}
	r.correctOnes(&t)
	r.n.correct(r.Text, &t)
	r.tokens = append(r.tokens, t)
	r.lo, r.scripts, r.before, r.ones = len(r.buf), 0, 0, r.ones[:0]
	if r.n.words.count > 0 && t.hi-t.lo >= joinedWord && allLetters(r.buf[t.lo:t.hi]) {
		r.split(len(r.tokens) - 1)
	}
}

// joinedWord is the least length of a word that is tried as several words without spaces.
const joinedWord = 16

func allASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func allLetters(b []byte) bool {
	for _, c := range b {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// latinise rewrites words of letters that look Latin in a text that is mostly Latin.
func (r *reading) latinise() {
	if len(r.suspects) == 0 || 2*r.latin < r.letters {
		return
	}
	rest := string(r.alts)
	for _, i := range r.suspects {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		t := &r.tokens[i]
		t.lo = uint32(len(r.buf))
		r.buf = append(r.buf, word...)
		t.hi = uint32(len(r.buf))
		r.n.correct(r.Text, t)
	}
	r.lo = len(r.buf)
}

// correctOnes turns the i of a word in leetspeak into l, where that makes a known word.
func (r *reading) correctOnes(t *token) {
	if len(r.ones) == 0 || r.scripts != scriptLatin || r.n.words.has(r.buf[t.lo:t.hi]) {
		return
	}
	for _, at := range r.ones {
		r.buf[at] = 'l'
	}
	if !r.n.words.has(r.buf[t.lo:t.hi]) {
		for _, at := range r.ones {
			r.buf[at] = 'i'
		}
	}
}

// correct turns a misspelt word into the known word with its first and last letter and its inner letters in any order. The
// known word has the same length, so it takes the place of the word.
func (n *normaliser) correct(t *Text, tok *token) {
	word := t.buf[tok.lo:tok.hi]
	key, ok := skeleton(word)
	if !ok {
		return
	}
	same := n.skeletons[key]
	for _, w := range same {
		if w == string(word) {
			return
		}
	}
	for _, w := range same {
		if len(w) == len(word) {
			copy(word, w)
			return
		}
	}
}

// skeleton returns a number that is the same for words with one first and last letter and the same letters between them in
// any order. ok is false for words that are too short to be misspelt so, and those with other than Latin letters.
func skeleton(word []byte) (key uint64, ok bool) {
	n := len(word)
	if n < 4 || n > 24 {
		return 0, false
	}
	for _, c := range word {
		if c < 'a' || c > 'z' {
			return 0, false
		}
		key += letterKeys[c-'a']
	}
	return key ^ uint64(word[0])<<48 ^ uint64(word[n-1])<<56 ^ uint64(n)<<40, true
}

// letterKeys are one number a letter, whose sums differ for different letters.
var letterKeys = func() (keys [26]uint64) {
	x := uint64(0x9e3779b97f4a7c15)
	for i := range keys {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		keys[i] = x & (1<<40 - 1) >> 5
	}
	return keys
}()

// fold reads a word of the lexicon, without its concepts.
func (n *normaliser) fold(t *Text, word string) {
	*t = Text{source: word, buf: t.buf[:0], tokens: t.tokens[:0]}
	r := reading{Text: t, n: n}
	for i, c := range word {
		size := utf8.RuneLen(c)
		if c < utf8.RuneSelf {
			r.ascii(i, byte(c))
			continue
		}
		r.rune(i, size, c)
	}
	r.endWord()
}
