package guard

import "math"

// Reader reads texts for training, as the guard reads them.
type Reader struct {
	norm    *normaliser
	text    Text
	extract extraction
	sums    sums
}

// NewReader returns a reader that corrects misspelt words into those words.
func NewReader(words []string) *Reader { return &Reader{norm: newNormaliser(words)} }

// Features returns the features of a text and how many tokens it has. They are valid until the next call.
func (r *Reader) Features(text string) (features []Feature, tokens int) {
	r.norm.read(&r.text, text)
	return r.extract.extract(&r.text), len(r.text.tokens)
}

// Words returns the folded words of a text, separated by spaces.
func (r *Reader) Words(text string) string {
	r.norm.read(&r.text, text)
	return r.text.Words()
}

// Best returns the window with the highest linear score, which weight and bias make.
func (r *Reader) Best(tokens int, features []Feature, weight []float32, bias float32) Window {
	return bestOf(r.sums.windows(tokens, features, func(h uint32) float32 { return weight[LinearPlace(h)] }, bias))
}

// Meanings returns the concepts of each token of the text that was read last, one bit each.
func (r *Reader) Meanings() []uint64 {
	all := make([]uint64, len(r.text.tokens))
	for i := range all {
		all[i] = uint64(r.text.tokens[i].concepts)
	}
	return all
}

// Score is how a text fares under a model.
type Score struct {
	Alone, WithRule float32 // the highest score, and the highest one of a piece in which a rule fires
	Kind            Category
}

// Score returns the scores of a text, its views included.
func (g *Guard) Score(text string) Score {
	w := g.pool.Get().(*work)
	defer g.pool.Put(w)
	low := float32(math.Inf(-1))
	s := Score{Alone: low, WithRule: low}
	texts := []string{text}
	for _, v := range g.views(text) {
		texts = append(texts, v.text)
	}
	for _, x := range texts {
		eachPiece(x, func(piece string, _ int) { g.scorePiece(w, piece, &s) })
	}
	return s
}

func (g *Guard) scorePiece(w *work, piece string, s *Score) {
	t := &w.text
	g.norm.read(t, piece)
	if len(t.tokens) == 0 {
		return
	}
	best, hidden := g.model.score(&w.sums, len(t.tokens), w.extract.extract(t))
	if best.Mean > s.Alone {
		s.Alone, s.Kind = best.Mean, g.model.kind(&hidden, t.concepts(best))
	}
	w.matches = within(best, matches(w.matches[:0], t))
	if len(w.matches) > 0 {
		s.WithRule = max(s.WithRule, best.Mean)
	}
}
