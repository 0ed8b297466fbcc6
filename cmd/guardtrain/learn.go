package main

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/guard"
)

const (
	seed         = 13
	vocabulary   = 3000 // words into which misspelt ones are corrected, of attacks and as many of others
	publicWeight = 8    // of an attack that somebody else wrote, in the linear score
	netWeight    = 10   // and in the network

	linearEpochs = 7
	linearRate   = 0.3
	linearDecay  = 0.85
	linearL2     = 2e-6

	netEpochs = 4
	netRate   = 0.05

	mistypedShare = 5 // one of so many attacks is learned with typing errors too
	embeddedShare = 6 // and one of so many within an ordinary text
)

// example is a text to learn from.
type example struct {
	features []guard.Feature
	tokens   int
	attack   bool
	public   bool
	kind     int      // of an attack, in guard.Kinds
	meanings []uint64 // concepts of each token
	best     guard.Window
}

// concepts returns the concepts of the best window.
func (e *example) concepts() (c uint64) {
	for _, m := range e.meanings[e.best.First:e.best.Last] {
		c |= m
	}
	return c
}

// wordsOf returns the most frequent words of the attacks, and of the other texts, that have at least four Latin letters.
func wordsOf(rows []row) []string {
	r := guard.NewReader(nil)
	counts := [2]map[string]int{{}, {}}
	for _, row := range rows {
		count, weight := counts[0], 1
		if row.attack() {
			count = counts[1]
			if !row.own() {
				weight = publicWeight
			}
		}
		seen := map[string]bool{}
		for w := range strings.FieldsSeq(r.Words(row.Text)) {
			if len(w) >= 4 && len(w) <= 20 && !seen[w] && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == "" {
				seen[w] = true
				count[w] += weight
			}
		}
	}
	// Short words are needed where words without spaces are split.
	words := strings.Fields("all any the and you your me my now not its is to in of do as how out new act say see who why what tell show give")
	for _, count := range counts {
		words = append(words, frequent(count)...)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func frequent(count map[string]int) []string {
	words := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	words = withoutMisspelt(words, count)
	return words[:min(len(words), vocabulary)]
}

// withoutMisspelt leaves out words that are probably a more frequent word with its inner letters mixed. Collections of attacks
// have such words too.
func withoutMisspelt(words []string, count map[string]int) (kept []string) {
	const lessFrequent = 5
	most := map[string]int{}
	for _, w := range words { // the most frequent first
		inner := []byte(w[1 : len(w)-1])
		slices.Sort(inner)
		key := w[:1] + string(inner) + w[len(w)-1:]
		if lessFrequent*count[w] < most[key] {
			continue
		}
		most[key] = max(most[key], count[w])
		kept = append(kept, w)
	}
	return kept
}

// kinds are the classes of attacks by the kinds of the collections.
var kinds = map[string]int{"extraction": 0, "override": 1, "role": 2, "boundary": 3, "obfuscation": 4}

// examples reads rows into examples, and adds attacks with typing errors and within ordinary texts.
func examples(rows []row, reader *guard.Reader) []example {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var ordinary []string
	for _, r := range rows {
		if !r.attack() && r.ordinary() && len(r.Text) > 40 && len(r.Text) < 1500 {
			ordinary = append(ordinary, r.Text)
		}
	}
	out := make([]example, 0, len(rows)+len(rows)/4)
	add := func(r *row, text string) {
		features, tokens := reader.Features(text)
		if tokens > 0 {
			out = append(out, example{features: slices.Clone(features), tokens: tokens, meanings: reader.Meanings(), attack: r.attack(), public: !r.own(), kind: kinds[r.Kind]})
		}
	}
	for i := range rows {
		r := &rows[i]
		add(r, r.Text)
		if !r.attack() {
			continue
		}
		if rnd.IntN(mistypedShare) == 0 {
			add(r, mistype(rnd, r.Text, 0.25))
		}
		if rnd.IntN(embeddedShare) == 0 && len(ordinary) > 0 {
			add(r, embed(rnd, r.Text, ordinary[rnd.IntN(len(ordinary))]))
		}
	}
	return out
}

// embed puts an attack before, after or into an ordinary text.
func embed(rnd *rand.Rand, attack, ordinary string) string {
	gap := []string{" ", "\n", "\n\n"}[rnd.IntN(3)]
	switch rnd.IntN(3) {
	case 0:
		return attack + gap + ordinary
	case 1:
		return ordinary + gap + attack
	}
	if at := strings.Index(ordinary, ". "); at > 0 {
		return ordinary[:at+1] + gap + attack + gap + ordinary[at+2:]
	}
	return ordinary + gap + attack
}

// train learns a model from rows. Its thresholds are not set.
func train(rows []row) *guard.Model {
	m := &guard.Model{Words: wordsOf(rows)}
	reader := guard.NewReader(m.Words)
	set := examples(rows, reader)
	weights, bias := trainLinear(set, reader)
	quantiseLinear(m, weights, bias)
	for i := range weights {
		weights[i] = float32(m.Linear[i])
	}
	for i := range set {
		set[i].best = reader.Best(set[i].tokens, set[i].features, weights, 0)
	}
	trainNet(m, set)
	return m
}

func order(rnd *rand.Rand, n int) []int { return rnd.Perm(n) }

func logistic(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// trainLinear learns the linear weights. From the second epoch on, only the best window of each text is learned.
func trainLinear(set []example, reader *guard.Reader) (weights []float32, bias float32) {
	weights = make([]float32, 1<<guard.LinearBits)
	squares := make([]float32, 1<<guard.LinearBits)
	biasSquares := float32(0)
	rnd := rand.New(rand.NewPCG(seed, 2))
	rate := float32(linearRate)
	for epoch := range linearEpochs {
		for _, i := range order(rnd, len(set)) {
			e := &set[i]
			features := e.features
			if epoch > 0 {
				w := reader.Best(e.tokens, features, weights, bias)
				features = features[w.From:w.To]
			}
			norm := guard.Norm(len(features))
			sum := float32(0)
			for _, f := range features {
				sum += weights[guard.LinearPlace(f.Hash)]
			}
			p := logistic(sum*norm + bias)
			grad := p
			if e.attack {
				grad = p - 1
				if e.public {
					grad *= publicWeight
				}
			}
			if grad < 1e-4 && grad > -1e-4 {
				continue
			}
			biasSquares += grad * grad
			bias -= rate * grad / float32(math.Sqrt(float64(biasSquares)+1e-8))
			step := grad * norm
			for _, f := range features {
				at := guard.LinearPlace(f.Hash)
				g := step + linearL2*weights[at]
				squares[at] += g * g
				weights[at] -= rate * g / float32(math.Sqrt(float64(squares[at])+1e-8))
			}
		}
		rate *= linearDecay
	}
	return weights, bias
}

// quantiseLinear rounds the weights to a byte. Those beyond half of the largest are clipped.
func quantiseLinear(m *guard.Model, weights []float32, bias float32) {
	largest := float32(0)
	for _, w := range weights {
		largest = max(largest, w, -w)
	}
	m.LinearScale, m.LinearBias = largest/2/127, bias
	m.Linear = make([]int8, len(weights))
	for i, w := range weights {
		m.Linear[i] = round(w / m.LinearScale)
	}
}

func round(x float32) int8 { return int8(math.RoundToEven(float64(max(-127, min(127, x))))) }
