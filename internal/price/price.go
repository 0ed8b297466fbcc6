// Package price turns what a request consumed into money.
//
// Money is integer throughout: prices are pico-USD a unit, costs are micro-USD, and a request is rounded up once, over the
// whole sum, so that no order of adding loses or gains anything. Cost is never negative, never falls when a count rises, and
// saturates at math.MaxInt64 instead of overflowing; OutputWithin is its exact inverse.
package price

import (
	"math"
	"math/bits"
)

// picosPerMicro is pico-USD in a micro-USD. By chance of units it is also the price in pico-USD a token of
// one USD a million tokens.
const picosPerMicro = 1_000_000

// Usage is what one request consumed, in the units that vendors bill. Parts are contained in their wholes.
type Usage struct {
	Input        int64 // all input tokens, cached and cache-written ones included
	CachedInput  int64 // part of Input that was read from a cache
	CacheWrite   int64 // part of Input that was written to a five-minute cache
	CacheWrite1h int64 // part of Input that was written to a one-hour cache
	AudioInput   int64 // part of Input that is audio and was not read from a cache
	ImageInput   int64 // part of Input that is images and was not read from a cache
	Output       int64 // all output tokens, reasoning included
	Reasoning    int64 // part of Output; told, not priced apart
	AudioOutput  int64 // part of Output that is audio
	ImageOutput  int64 // part of Output that is images
	Images       int64 // images made, for models billed by the image
	AudioMillis  int64 // milliseconds of audio transcribed, for models billed by time
	Characters   int64 // characters spoken, for models billed by the character

	Fees [FeeKinds]int64 // uses of hosted tools, by Fee
}

// Fee is a kind of charge that vendors bill by the use of a hosted tool, beside its tokens.
type Fee uint8

// The kinds of fees.
const (
	WebSearch       Fee = iota // a search of the web
	FileSearch                 // a search of the developer's stored files
	CodeInterpreter            // a container that code ran in
	Grounding                  // a prompt, or a query of newer models, that Google Search grounded
	FeeKinds                   // how many kinds there are
)

// Tokens is Input plus Output, saturating at math.MaxInt64.
func (u Usage) Tokens() int64 { return addCount(u.Input, u.Output) }

// Plus is the sum of two usages, each count saturating at math.MaxInt64.
func (u Usage) Plus(v Usage) Usage {
	sum := Usage{
		Input:        addCount(u.Input, v.Input),
		CachedInput:  addCount(u.CachedInput, v.CachedInput),
		CacheWrite:   addCount(u.CacheWrite, v.CacheWrite),
		CacheWrite1h: addCount(u.CacheWrite1h, v.CacheWrite1h),
		AudioInput:   addCount(u.AudioInput, v.AudioInput),
		ImageInput:   addCount(u.ImageInput, v.ImageInput),
		Output:       addCount(u.Output, v.Output),
		Reasoning:    addCount(u.Reasoning, v.Reasoning),
		AudioOutput:  addCount(u.AudioOutput, v.AudioOutput),
		ImageOutput:  addCount(u.ImageOutput, v.ImageOutput),
		Images:       addCount(u.Images, v.Images),
		AudioMillis:  addCount(u.AudioMillis, v.AudioMillis),
		Characters:   addCount(u.Characters, v.Characters),
	}
	for i := range sum.Fees {
		sum.Fees[i] = addCount(u.Fees[i], v.Fees[i])
	}
	return sum
}

func addCount(a, b int64) int64 {
	a, b = max(a, 0), max(b, 0)
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Rates are prices in pico-USD a token.
type Rates struct {
	Input        int64
	CachedInput  int64
	CacheWrite   int64
	CacheWrite1h int64
	AudioInput   int64
	ImageInput   int64
	Output       int64
	AudioOutput  int64
	ImageOutput  int64
}

// Price is what a model costs. Where nothing is set the model is free.
type Price struct {
	Rates           // for requests of ordinary size
	Long      Rates // for the whole of a request whose input exceeds LongAbove
	LongAbove int64 // input tokens; 0: Long is not used

	Image      int64 // pico-USD an image made
	AudioMilli int64 // pico-USD a millisecond of audio
	Character  int64 // pico-USD a character spoken

	Fees [FeeKinds]int64 // pico-USD a use of a hosted tool, by Fee

	MaxOutput int64 // most tokens one answer can have; 0: not known
	Context   int64 // tokens of the context window; 0: not known
}

// Cost is the price of u in micro-USD, rounded up. Negative counts are nothing; a part that exceeds its whole is cut to it.
func (p Price) Cost(u Usage) int64 {
	r := p.rates(u.Input)
	sum := p.fixed(r, u)
	left := max(u.Output, 0)
	for _, part := range outputParts(r, u) {
		n := min(part.count, left)
		sum.add(part.rate, n)
		left -= n
	}
	return sum.micros()
}

// OutputWithin is the most output tokens that u may have for Cost(u) to stay within budget micro-USD. It ignores u's own
// Output, but it prices the first tokens as u's AudioOutput and ImageOutput, which Cost cuts to the whole in that order. It is
// math.MaxInt64 where the last part is free, and -1 where the rest of u alone exceeds the budget.
func (p Price) OutputWithin(budget int64, u Usage) int64 {
	if budget < 0 {
		return -1
	}
	if budget == math.MaxInt64 {
		return math.MaxInt64 // where Cost saturates
	}
	r := p.rates(u.Input)
	var left picos
	left.add(budget, picosPerMicro)
	if !left.sub(p.fixed(r, u)) {
		return -1
	}
	var within int64
	for _, part := range outputParts(r, u) {
		n := min(part.count, left.div(part.rate))
		within = addCount(within, n)
		if n < part.count {
			break
		}
		var cost picos
		cost.add(part.rate, n)
		left.sub(cost)
	}
	return within
}

// outputPart is some of a usage's output and its price in pico-USD a token.
type outputPart struct{ count, rate int64 }

// outputParts divides output of any size into its parts, in the order in which the whole is used up. The last part has no end.
func outputParts(r Rates, u Usage) [3]outputPart {
	return [3]outputPart{
		{max(u.AudioOutput, 0), r.AudioOutput},
		{max(u.ImageOutput, 0), r.ImageOutput},
		{math.MaxInt64, r.Output},
	}
}

func (p Price) rates(input int64) Rates {
	if p.LongAbove > 0 && input > p.LongAbove {
		return p.Long
	}
	return p.Rates
}

// fixed is what u costs without its output.
func (p Price) fixed(r Rates, u Usage) picos {
	left := max(u.Input, 0)
	take := func(n int64) int64 {
		n = min(max(n, 0), left)
		left -= n
		return n
	}
	var sum picos
	sum.add(r.CachedInput, take(u.CachedInput))
	sum.add(r.CacheWrite1h, take(u.CacheWrite1h))
	sum.add(r.CacheWrite, take(u.CacheWrite))
	sum.add(r.AudioInput, take(u.AudioInput))
	sum.add(r.ImageInput, take(u.ImageInput))
	sum.add(r.Input, left)
	sum.add(p.Image, u.Images)
	sum.add(p.AudioMilli, u.AudioMillis)
	sum.add(p.Character, u.Characters)
	for fee, uses := range u.Fees {
		sum.add(p.Fees[fee], uses)
	}
	return sum
}

// picos is an amount of pico-USD in 128 bits. It saturates.
type picos struct{ hi, lo uint64 }

// add adds a×b; factors below zero count as zero.
func (s *picos) add(a, b int64) {
	if a <= 0 || b <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, carry = bits.Add64(s.hi, hi, carry)
	if carry != 0 {
		s.hi, s.lo = math.MaxUint64, math.MaxUint64
	}
}

// sub subtracts t, or reports that t is more than s.
func (s *picos) sub(t picos) bool {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, t.lo, 0)
	s.hi, borrow = bits.Sub64(s.hi, t.hi, borrow)
	return borrow == 0
}

// div is how many whole units of rate fit into s: math.MaxInt64 where they are free or do not end.
func (s picos) div(rate int64) int64 {
	if rate <= 0 || s.hi >= uint64(rate) {
		return math.MaxInt64
	}
	n, _ := bits.Div64(s.hi, s.lo, uint64(rate))
	return int64(min(n, math.MaxInt64))
}

// micros rounds up to micro-USD.
func (s picos) micros() int64 {
	if s.hi >= picosPerMicro {
		return math.MaxInt64
	}
	q, rem := bits.Div64(s.hi, s.lo, picosPerMicro)
	if q >= math.MaxInt64 {
		return math.MaxInt64
	}
	if rem > 0 {
		q++
	}
	return int64(q)
}
