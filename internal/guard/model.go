package guard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"strings"
)

// Sizes of the model.
const (
	LinearBits = 19 // places of the linear weights
	EmbedBits  = 17 // places of the embeddings
	EmbedSize  = 16
	HiddenSize = 32
	KindCount  = 5 // Kinds
	KindInputs = HiddenSize + numConcepts

	// The sum of a window's weights is divided by (its features + normOffset) to the power of normPower.
	normOffset = 20
	normPower  = 0.6

	shortWindow, longWindow = 16, 48 // tokens
)

// Kinds are the classes of attacks that the model tells apart.
var Kinds = [KindCount]Category{SystemPromptExtraction, InstructionOverride, RoleManipulation, BoundaryBreaking, Obfuscation}

// Model is what training finds: a linear score and a small network over the features of a window.
type Model struct {
	Words []string // those into which misspelt words are corrected

	LinearScale, LinearBias float32
	Linear                  []int8 // 1<<LinearBits

	EmbedScale float32
	Embed      []int8 // 1<<EmbedBits × EmbedSize
	Hidden     [HiddenSize][EmbedSize]float32
	HiddenBias [HiddenSize]float32
	Out        [HiddenSize]float32
	OutBias    float32
	Kind       [KindCount][KindInputs]float32 // by the hidden values, then by the concepts of the window
	KindBias   [KindCount]float32

	// The thresholds of a score: of the model alone, and where a rule fires too. The second pair is for heuristics.
	Alone, WithRule                     float32
	AloneSuspicious, WithRuleSuspicious float32
}

// LinearPlace returns the place of a feature among the linear weights.
func LinearPlace(hash uint32) uint32 { return hash >> (32 - LinearBits) }

// EmbedPlace returns the place of a feature among the embeddings.
func EmbedPlace(hash uint32) uint32 { return hash & (1<<EmbedBits - 1) }

// norms are the divisors of windows by their number of features.
var norms = func() (n [4096]float32) {
	for i := range n {
		n[i] = float32(1 / math.Pow(float64(i+normOffset), normPower))
	}
	return n
}()

// Norm returns the factor of a sum over n features.
func Norm(n int) float32 { return norms[min(n, len(norms)-1)] }

// Window is a range of tokens, its features, and its linear score.
type Window struct {
	First, Last  int // tokens, Last excluded
	From, To     int // features, To excluded
	Linear, Mean float32
}

// sums are what stands before each token of a text.
type sums struct {
	weight []float32 // of the features before each token
	count  []int32
}

// windows returns the best short and the best long window of a text with that many tokens and those features. weight is
// called once for each feature.
func (s *sums) windows(tokens int, features []Feature, weight func(hash uint32) float32, bias float32) [2]Window {
	s.weight, s.count = append(s.weight[:0], 0), append(s.count[:0], 0)
	sum, f := float32(0), 0
	for i := range tokens {
		for ; f < len(features) && int(features[f].Token) == i; f++ {
			sum += weight(features[f].Hash)
		}
		s.weight, s.count = append(s.weight, sum), append(s.count, int32(f))
	}
	return [2]Window{s.best(tokens, shortWindow, bias), s.best(tokens, longWindow, bias)}
}

func (s *sums) best(tokens, size int, bias float32) Window {
	best := Window{Linear: float32(math.Inf(-1))}
	for first := 0; first == 0 || first+size <= tokens; first++ {
		last := min(first+size, tokens)
		from, to := s.count[first], s.count[last]
		score := (s.weight[last]-s.weight[first])*Norm(int(to-from)) + bias
		if score > best.Linear {
			best = Window{First: first, Last: last, From: int(from), To: int(to), Linear: score}
		}
	}
	return best
}

// network returns the network's score of a window's features, and fills in the hidden values.
func (m *Model) network(features []Feature, hidden *[HiddenSize]float32) float32 {
	var sum [EmbedSize]int32
	for _, f := range features {
		e := m.Embed[EmbedPlace(f.Hash)*EmbedSize:][:EmbedSize]
		for k, v := range e {
			sum[k] += int32(v)
		}
	}
	factor := m.EmbedScale * Norm(len(features))
	out := m.OutBias
	for h := range hidden {
		x := m.HiddenBias[h]
		for k, v := range sum {
			x += m.Hidden[h][k] * (float32(v) * factor)
		}
		hidden[h] = max(x, 0)
		out += m.Out[h] * hidden[h]
	}
	return out
}

// kind returns the most likely class of an attack.
func (m *Model) kind(hidden *[HiddenSize]float32, c concepts) Category {
	best, at := float32(math.Inf(-1)), 0
	for k := range m.Kind {
		x := m.KindBias[k]
		for h, v := range hidden {
			x += m.Kind[k][h] * v
		}
		for rest := c; rest != 0; rest &= rest - 1 {
			x += m.Kind[k][HiddenSize+bits.TrailingZeros64(uint64(rest))]
		}
		if x > best {
			best, at = x, k
		}
	}
	return Kinds[at]
}

// score returns the window of a text with the best linear score, and the mean of its linear score and that of the network.
func (m *Model) score(s *sums, tokens int, features []Feature) (best Window, hidden [HiddenSize]float32) {
	best = bestOf(s.windows(tokens, features, func(h uint32) float32 { return float32(m.Linear[LinearPlace(h)]) }, 0))
	best.Linear = best.Linear*m.LinearScale + m.LinearBias
	best.Mean = (best.Linear + m.network(features[best.From:best.To], &hidden)) / 2
	return best, hidden
}

// bestOf returns the window with the higher score, the short one if they are equal.
func bestOf(w [2]Window) Window {
	if w[1].Linear > w[0].Linear {
		return w[1]
	}
	return w[0]
}

// magic begins a model's file and names its format.
const magic = "guard model 1\n"

// Bytes returns the model as its file has it.
func (m *Model) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	words := strings.Join(m.Words, " ")
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a buffer takes everything
	write(uint32(len(words)))
	b.WriteString(words)
	for _, v := range m.parts() {
		write(v)
	}
	return b.Bytes()
}

// ReadModel reads a model's file.
func ReadModel(data []byte) (*Model, error) {
	r := bytes.NewReader(data)
	head := make([]byte, len(magic))
	var size uint32
	if _, err := r.Read(head); err != nil || string(head) != magic {
		return nil, errors.New("this is no model of the guard")
	}
	if err := binary.Read(r, binary.LittleEndian, &size); err != nil || int(size) > len(data) {
		return nil, errors.New("the model of the guard is cut off")
	}
	words := make([]byte, size)
	m := &Model{Linear: make([]int8, 1<<LinearBits), Embed: make([]int8, EmbedSize<<EmbedBits)}
	for _, v := range append([]any{words}, m.parts()...) {
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			return nil, errors.New("the model of the guard is cut off")
		}
	}
	m.Words = strings.Fields(string(words))
	return m, nil
}

// parts are the numbers of the file, in order.
func (m *Model) parts() []any {
	return []any{&m.LinearScale, &m.LinearBias, m.Linear, &m.EmbedScale, m.Embed, &m.Hidden, &m.HiddenBias, &m.Out, &m.OutBias,
		&m.Kind, &m.KindBias, &m.Alone, &m.WithRule, &m.AloneSuspicious, &m.WithRuleSuspicious}
}
