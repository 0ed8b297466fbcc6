package guard

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Measured on sentences of stored prompts in answers: see docs/guard.md.
const (
	leakGram   = 4  // words of the prompt that an answer has in a row count as covered
	leakRun    = 15 // covered words in a row are a leak
	leakShare  = 25 // and so are so many
	leakWindow = 50 // of the last words
	leastRun   = 8  // of a prompt that is shorter than leakRun

	// LeakHold is how many words of an answer are held back, so that a leak is not complete when it is found.
	LeakHold = leakRun
)

// Prompt is a stored prompt, prepared for the check of answers. It holds hashes of its words.
type Prompt struct {
	grams map[uint32]bool // hashes of words in a row; true for sentences that address the model
	run   int             // covered words in a row that are a leak
}

// NewPrompt prepares a stored prompt.
func NewPrompt(text string) *Prompt {
	p := &Prompt{grams: map[uint32]bool{}}
	words := 0
	var g grams // across sentences, as an answer has them
	for _, sentence := range sentences(text) {
		addressed := addresses(sentence)
		eachWord(sentence, func(w uint32) {
			words++
			if h, ok := g.add(w); ok {
				p.grams[h] = p.grams[h] || addressed
			}
		})
	}
	p.run = min(leakRun, max(leastRun, words))
	return p
}

// sentences cuts a prompt at ends of sentences and lines. A very short sentence goes with the one before.
func sentences(text string) (all []string) {
	start := 0
	for i, c := range text {
		switch c {
		case '.', '!', '?', '\n', '。', '！', '？', '।':
			if end := i + utf8.RuneLen(c); strings.Count(text[start:end], " ") >= leakGram || c == '\n' {
				all = append(all, text[start:end])
				start = end
			}
		}
	}
	return append(all, text[start:])
}

// addresses reports whether a sentence of a prompt tells the model something about itself, and is no fact that the model is
// meant to repeat.
func addresses(sentence string) bool {
	var t Text
	(&normaliser{words: newTrie()}).read(&t, sentence)
	for i := range t.tokens {
		c := t.tokens[i].concepts
		if c&(you|refuse|machine) != 0 || i == 0 && c&(no|do|reveal|translate|role|begin) != 0 {
			return true
		}
		switch string(t.word(i)) {
		case "never", "always", "must", "dont", "only", "avoid", "keep", "use", "respond", "answer":
			return true
		}
	}
	return false
}

// grams hashes words in a row.
type grams struct {
	last  [leakGram]uint32
	count int
}

func (g *grams) add(word uint32) (hash uint32, ok bool) {
	copy(g.last[:], g.last[1:])
	g.last[leakGram-1] = word
	g.count++
	h := uint32(fnvOffset)
	for _, w := range g.last {
		h = mix(featWord, h, w)
	}
	return h, g.count >= leakGram
}

// eachWord calls do with the hash of each word of a text. A character of a script without spaces is a word.
func eachWord(text string, do func(word uint32)) {
	var w wordReader
	w.read(text, do)
	w.end(do)
}

// wordReader finds words in text that comes in pieces.
type wordReader struct {
	hash  uint32
	begun bool
}

func (w *wordReader) read(piece string, do func(word uint32)) {
	for _, c := range piece {
		switch {
		case unspaced(c):
			w.end(do)
			w.letter(c)
			w.end(do)
		case unicode.IsLetter(c), unicode.IsDigit(c):
			w.letter(unicode.ToLower(c))
		case c == '\'' || c == '’' || unicode.IsMark(c):
		default:
			w.end(do)
		}
	}
}

func (w *wordReader) letter(c rune) {
	if !w.begun {
		w.begun, w.hash = true, fnvOffset
	}
	w.hash = (w.hash ^ uint32(c)) * fnvPrime
}

func (w *wordReader) end(do func(word uint32)) {
	if w.begun {
		w.begun = false
		do(w.hash)
	}
}

// Exempt returns the words of the prompt that a user wrote: an answer may repeat them.
func (p *Prompt) Exempt(into map[uint32]bool, text string) {
	var g grams
	eachWord(text, func(word uint32) {
		if h, ok := g.add(word); ok {
			if _, of := p.grams[h]; of {
				into[h] = true
			}
		}
	})
}

// Leak says whether an answer repeats a stored prompt.
type Leak uint8

// The kinds of a leak.
const (
	NoLeak     Leak = iota
	FactLeak        // sentences that may be meant for the user
	PromptLeak      // sentences that address the model
)

// Answer follows one answer as it comes.
type Answer struct {
	prompt *Prompt
	exempt map[uint32]bool
	words  wordReader
	grams  grams
	lines  [2]coverage // of sentences that address the model, and of all
	found  Leak
	Count  int // words so far
}

// coverage is how far the latest words are those of the prompt.
type coverage struct {
	run    int
	recent uint64 // the last words, one bit each, set where covered
}

// NewAnswer returns the check of an answer. exempt are grams that may be repeated; it may be nil.
func NewAnswer(p *Prompt, exempt map[uint32]bool) *Answer { return &Answer{prompt: p, exempt: exempt} }

// Add reads the next piece of the answer, and returns what the answer is so far.
func (a *Answer) Add(piece string) Leak {
	a.words.read(piece, a.word)
	return a.found
}

// End reads the word that the end of the answer completes.
func (a *Answer) End() Leak {
	a.words.end(a.word)
	return a.found
}

func (a *Answer) word(w uint32) {
	a.Count++
	h, ok := a.grams.add(w)
	addressed, of := a.prompt.grams[h]
	of = of && ok && !a.exempt[h]
	if a.lines[1].add(of, a.prompt.run) {
		a.found = max(a.found, FactLeak)
	}
	if a.lines[0].add(of && addressed, a.prompt.run) {
		a.found = PromptLeak
	}
}

// add notes whether the gram that ends with a word is covered, and reports a leak.
func (c *coverage) add(covered bool, leak int) bool {
	c.recent <<= 1
	if !covered {
		c.run = 0
		return false
	}
	c.run = max(leakGram, c.run+1)
	c.recent |= 1<<leakGram - 1
	return c.run >= leak || bits.OnesCount64(c.recent&(1<<leakWindow-1)) >= leakShare
}
