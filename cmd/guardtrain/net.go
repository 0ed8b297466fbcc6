package main

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/airatelimit/airatelimit/internal/guard"
)

const (
	kindEpochs = 3

	embedSize  = guard.EmbedSize
	hiddenSize = guard.HiddenSize
)

// param is a number that is learned, and the sum of the squares of its gradients.
type param struct{ value, squares float32 }

func (p *param) learn(grad float32) {
	p.squares += grad * grad
	p.value -= netRate * grad / float32(math.Sqrt(float64(p.squares)+1e-8))
}

// net is the network while it is trained.
type net struct {
	embed      []param
	hidden     [hiddenSize][embedSize]param
	hiddenBias [hiddenSize]param
	out        [hiddenSize]param
	outBias    param
}

func newNet(rnd *rand.Rand) *net {
	n := &net{embed: make([]param, embedSize<<guard.EmbedBits)}
	for i := range n.embed {
		n.embed[i].value = float32(rnd.NormFloat64()) * 0.05
	}
	for h := range n.hidden {
		for k := range n.hidden[h] {
			n.hidden[h][k].value = float32(rnd.NormFloat64() * math.Sqrt(2.0/embedSize))
		}
		n.out[h].value = float32(rnd.NormFloat64() * math.Sqrt(2.0/hiddenSize))
	}
	return n
}

// forward returns the score of features, and fills in the input and the hidden values.
func (n *net) forward(features []guard.Feature, in *[embedSize]float32, hidden *[hiddenSize]float32) float32 {
	*in = [embedSize]float32{}
	for _, f := range features {
		e := n.embed[guard.EmbedPlace(f.Hash)*embedSize:][:embedSize]
		for k := range e {
			in[k] += e[k].value
		}
	}
	norm := guard.Norm(len(features))
	for k := range in {
		in[k] *= norm
	}
	out := n.outBias.value
	for h := range hidden {
		x := n.hiddenBias[h].value
		for k, v := range in {
			x += n.hidden[h][k].value * v
		}
		hidden[h] = max(x, 0)
		out += n.out[h].value * hidden[h]
	}
	return out
}

// backward learns from the gradient of the score.
func (n *net) backward(features []guard.Feature, in *[embedSize]float32, hidden *[hiddenSize]float32, grad float32) {
	var back [embedSize]float32
	for h, v := range hidden {
		if v > 0 {
			g := grad * n.out[h].value
			for k := range back {
				back[k] += g * n.hidden[h][k].value
				n.hidden[h][k].learn(g * in[k])
			}
			n.hiddenBias[h].learn(g)
		}
		n.out[h].learn(grad * v)
	}
	n.outBias.learn(grad)
	norm := guard.Norm(len(features))
	for k := range back {
		back[k] *= norm
	}
	for _, f := range features {
		e := n.embed[guard.EmbedPlace(f.Hash)*embedSize:][:embedSize]
		for k := range e {
			e[k].learn(back[k])
		}
	}
}

// trainNet learns the network from the best windows, then the classes of attacks from its hidden values.
func trainNet(m *guard.Model, set []example) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	n := newNet(rnd)
	var in [embedSize]float32
	var hidden [hiddenSize]float32
	for range netEpochs {
		for _, i := range order(rnd, len(set)) {
			e := &set[i]
			features := e.features[e.best.From:e.best.To]
			grad := logistic(n.forward(features, &in, &hidden))
			if e.attack {
				grad--
				if e.public {
					grad *= netWeight
				}
			}
			if grad > 1e-4 || grad < -1e-4 {
				n.backward(features, &in, &hidden, grad)
			}
		}
	}
	quantiseNet(m, n)
	trainKinds(m, n, set, rnd)
}

func quantiseNet(m *guard.Model, n *net) {
	largest := float32(0)
	for _, p := range n.embed {
		largest = max(largest, p.value, -p.value)
	}
	m.EmbedScale = largest / 2 / 127
	m.Embed = make([]int8, len(n.embed))
	for i := range n.embed {
		m.Embed[i] = round(n.embed[i].value / m.EmbedScale)
		n.embed[i].value = float32(m.Embed[i]) * m.EmbedScale
	}
	for h := range n.hidden {
		for k := range n.hidden[h] {
			m.Hidden[h][k] = n.hidden[h][k].value
		}
		m.HiddenBias[h], m.Out[h] = n.hiddenBias[h].value, n.out[h].value
	}
	m.OutBias = n.outBias.value
}

// trainKinds learns which class of attack the hidden values and the concepts of a window mean.
func trainKinds(m *guard.Model, n *net, set []example, rnd *rand.Rand) {
	var weights [guard.KindCount][guard.KindInputs]param
	var bias [guard.KindCount]param
	var in [embedSize]float32
	var hidden [hiddenSize]float32
	for range kindEpochs {
		for _, i := range order(rnd, len(set)) {
			e := &set[i]
			if !e.attack {
				continue
			}
			n.forward(e.features[e.best.From:e.best.To], &in, &hidden)
			inputs := kindInputs(&hidden, e.concepts())
			var p [guard.KindCount]float64
			total := 0.0
			for k := range p {
				x := bias[k].value
				for h, v := range inputs {
					x += weights[k][h].value * v
				}
				p[k] = math.Exp(float64(max(-60, min(60, x))))
				total += p[k]
			}
			for k := range p {
				grad := float32(p[k] / total)
				if k == e.kind {
					grad--
				}
				bias[k].learn(grad)
				for h, v := range inputs {
					if v != 0 {
						weights[k][h].learn(grad * v)
					}
				}
			}
		}
	}
	for k := range weights {
		for h := range weights[k] {
			m.Kind[k][h] = weights[k][h].value
		}
		m.KindBias[k] = bias[k].value
	}
}

// kindInputs are the hidden values, and 1 for each concept that is there.
func kindInputs(hidden *[hiddenSize]float32, concepts uint64) (in [guard.KindInputs]float32) {
	copy(in[:], hidden[:])
	for c := concepts; c != 0; c &= c - 1 {
		in[hiddenSize+bits.TrailingZeros64(c)] = 1
	}
	return in
}
