// Package guard recognises attempts to get at an app's system prompt or to talk a model out of its instructions. Text goes
// in, a verdict comes out: there is no clock, no network and no state, and no text is kept.
//
// Three layers can be read apart. The normaliser (normal.go) folds a text to plain words, and views (view.go) are the texts
// that it hides. Rules (tables.go) find concepts that stand close together. The model (model.go) scores windows of words;
// cmd/guardtrain trains it. A hit needs a high score, or a lower one and a rule.
//
// The work is linear in the text. Folding yields at most one token a byte, and all views together have at most viewShare
// times the bytes of the text.
package guard

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Category is a kind of attack, by its name in settings.
type Category string

// The categories.
const (
	SystemPromptExtraction Category = "systemPromptExtraction"
	RoleManipulation       Category = "roleManipulation"
	InstructionOverride    Category = "instructionOverride"
	BoundaryBreaking       Category = "boundaryBreaking"
	Obfuscation            Category = "obfuscation"
	DirectLeakage          Category = "directLeakage"
)

// Categories are all categories.
var Categories = []Category{SystemPromptExtraction, RoleManipulation, InstructionOverride, BoundaryBreaking, Obfuscation, DirectLeakage}

// Severity is how sure a hit is and how much it tries.
type Severity string

// The severities.
const (
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Layers of a hit. A hit in a view names the disguise first, as in "base64/rules".
const (
	LayerRules  = "rules"
	LayerModel  = "model"
	LayerOutput = "output"
)

// RuleModel is the rule of a hit that no rule but the model found.
const RuleModel = "model"

// Hit is a reason to refuse a text, and where it stands, in bytes.
type Hit struct {
	Category   Category
	Rule       string
	Severity   Severity
	Start, End int
	Layer      string
}

// Verdict is what the guard finds in a text.
type Verdict struct {
	Hits    []Hit
	Skipped int // bytes that were not read, because the text is longer than MaxText
}

// MaxText is how many bytes of one text are read. Of a longer one, its beginning and its end are.
const MaxText = 4 << 20

// Guard judges texts. Several goroutines may use it at once.
type Guard struct {
	model *Model
	norm  *normaliser
	pool  sync.Pool // of *work
}

// New returns a guard with that model.
func New(m *Model) *Guard {
	g := &Guard{model: m, norm: newNormaliser(m.Words)}
	g.pool.New = func() any { return new(work) }
	return g
}

//go:embed model.bin
var modelFile []byte

// Default returns the guard with the model that the program carries. The first call reads it.
var Default = sync.OnceValue(func() *Guard {
	m, err := ReadModel(modelFile)
	if err != nil {
		panic("guard: " + err.Error()) // a test reads the file
	}
	return New(m)
})

// work is the memory that judging a text takes.
type work struct {
	text    Text
	extract extraction
	sums    sums
	matches []match
}

// Policy is what a project asks of the guard.
type Policy struct {
	Heuristics bool // the lower thresholds
	categories [6]bool
	allowed    []phrase
}

type phrase [][]byte

// NewPolicy returns the policy for some categories, nil for all, and phrases that are never a hit.
func (g *Guard) NewPolicy(categories []Category, heuristics bool, allowPhrases []string) *Policy {
	p := &Policy{Heuristics: heuristics}
	for i, c := range Categories {
		p.categories[i] = categories == nil || slices.Contains(categories, c)
	}
	var t Text
	for _, s := range allowPhrases {
		g.norm.read(&t, s)
		var words phrase
		for i := range t.tokens {
			words = append(words, slices.Clone(t.word(i)))
		}
		if len(words) > 0 {
			p.allowed = append(p.allowed, words)
		}
	}
	return p
}

func (p *Policy) watches(c Category) bool {
	i := slices.Index(Categories, c)
	return i >= 0 && p.categories[i]
}

// Judge reads a text.
func (g *Guard) Judge(text string, p *Policy) (v Verdict) {
	w := g.pool.Get().(*work)
	defer g.pool.Put(w)
	head, tail := cut(text)
	v.Skipped = len(text) - len(head) - len(tail)
	g.whole(w, head, 0, p, &v)
	if tail != "" {
		g.whole(w, tail, len(text)-len(tail), p, &v)
	}
	return v
}

// cut returns the parts of a text that are read.
func cut(text string) (head, tail string) {
	if len(text) <= MaxText {
		return text, ""
	}
	from, to := MaxText/2, len(text)-MaxText/2
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	return text[:from], text[to:]
}

// whole judges a text and its views.
func (g *Guard) whole(w *work, text string, offset int, p *Policy, v *Verdict) {
	g.pieces(w, text, p, func(h Hit) {
		h.Start, h.End = h.Start+offset, h.End+offset
		v.add(h, p)
	})
	for _, hidden := range g.views(text) {
		found := false
		g.pieces(w, hidden.text, p, func(h Hit) {
			found = true
			h.Start, h.End, h.Layer = offset+hidden.start, offset+hidden.end, hidden.kind+"/"+h.Layer
			v.add(h, p)
		})
		if found {
			v.add(Hit{Category: Obfuscation, Rule: "disguised", Severity: High, Start: offset + hidden.start, End: offset + hidden.end, Layer: hidden.kind}, p)
		}
	}
	slices.SortStableFunc(v.Hits, func(a, b Hit) int { return cmp.Compare(a.Start, b.Start) })
}

// maxHits bounds the hits of a verdict.
const maxHits = 64

func (v *Verdict) add(h Hit, p *Policy) {
	if p.watches(h.Category) && len(v.Hits) < maxHits {
		v.Hits = append(v.Hits, h)
	}
}

const (
	// pieceSize is how many bytes of a text are read at once, and pieceOverlap how many of them again with the next piece,
	// so that an attack across the border is seen.
	pieceSize    = 16 << 10
	pieceOverlap = 512
)

// eachPiece calls do with each piece of a text and where it begins.
func eachPiece(text string, do func(piece string, start int)) {
	for start := 0; ; {
		end := min(start+pieceSize, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end--
		}
		do(text[start:end], start)
		if end == len(text) {
			return
		}
		start = end - pieceOverlap
		for !utf8.RuneStart(text[start]) {
			start++
		}
	}
}

// pieces judges a text piece by piece.
func (g *Guard) pieces(w *work, text string, p *Policy, hit func(Hit)) {
	eachPiece(text, func(piece string, start int) {
		g.piece(w, piece, p, func(h Hit) {
			h.Start, h.End = h.Start+start, h.End+start
			hit(h)
		})
	})
}

func (g *Guard) piece(w *work, text string, p *Policy, hit func(Hit)) {
	t := &w.text
	g.norm.read(t, text)
	for _, words := range p.allowed {
		t.remove(words)
	}
	if len(t.tokens) == 0 {
		return
	}
	m := g.model
	best, hidden := m.score(&w.sums, len(t.tokens), w.extract.extract(t))
	alone, withRule := m.Alone, m.WithRule
	if p.Heuristics {
		alone, withRule = m.AloneSuspicious, m.WithRuleSuspicious
	}
	if best.Mean < withRule {
		return
	}
	w.matches = within(best, matches(w.matches[:0], t))
	for _, found := range distinct(w.matches) {
		hit(Hit{Category: found.category, Rule: found.rule.Name, Severity: found.rule.Severity, Layer: LayerRules,
			Start: int(t.tokens[found.first].start), End: int(t.tokens[found.last].end)})
	}
	if len(w.matches) > 0 || best.Mean < alone {
		return
	}
	hit(Hit{Category: m.kind(&hidden, t.concepts(best)), Rule: RuleModel, Severity: m.severity(best.Mean), Layer: LayerModel,
		Start: int(t.tokens[best.First].start), End: int(t.tokens[best.Last-1].end)})
}

// concepts returns the concepts of a window.
func (t *Text) concepts(w Window) (c concepts) {
	for i := w.First; i < w.Last; i++ {
		c |= t.tokens[i].concepts
	}
	return c
}

// severity grades a score of the model alone.
func (m *Model) severity(score float32) Severity {
	switch {
	case score < m.Alone:
		return Low
	case score < m.Alone+2:
		return Medium
	}
	return High
}

// remove takes the places where a phrase stands out of the text.
func (t *Text) remove(words phrase) {
	kept := t.tokens[:0]
	for i := 0; i < len(t.tokens); {
		if n := len(words); t.stands(words, i) {
			i += n
			continue
		}
		kept = append(kept, t.tokens[i])
		i++
	}
	t.tokens = kept
}

func (t *Text) stands(words phrase, i int) bool {
	if i+len(words) > len(t.tokens) {
		return false
	}
	for j, w := range words {
		if string(t.word(i+j)) != string(w) {
			return false
		}
	}
	return true
}

// Message says what a refusal for a hit of the category says.
func (c Category) Message() string {
	switch c {
	case SystemPromptExtraction:
		return "Attempt to extract system prompt detected"
	case RoleManipulation:
		return "Attempt to change the assistant's role detected"
	case InstructionOverride:
		return "Attempt to override instructions detected"
	case BoundaryBreaking:
		return "Attempt to forge the boundaries of messages detected"
	case Obfuscation:
		return "Disguised instructions detected"
	case DirectLeakage:
		return "Attempt to leak secrets detected"
	}
	return "Message refused by the security policy"
}

// ParseCategory returns the category with that name.
func ParseCategory(name string) (Category, bool) {
	i := slices.IndexFunc(Categories, func(c Category) bool { return strings.EqualFold(string(c), name) })
	return Categories[max(i, 0)], i >= 0
}
