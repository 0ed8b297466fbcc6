// Package price turns a request's usage into money.
//
// All money is integer: prices are pico-USD a unit, costs are micro-USD. A request is rounded up once, over the whole sum,
// so the order of adding does not matter. Cost is never negative, never falls when a count rises, and saturates at
// math.MaxInt64 instead of overflowing. OutputWithin is its exact inverse.
package price

import (
	"math"
	"math/bits"
)

// picosPerMicro is the number of pico-USD in a micro-USD. It is also one USD a million tokens, in pico-USD a
// token.
const picosPerMicro = 1_000_000

// Usage is the usage of one request, in the units that vendors bill. Parts are contained in their wholes.
type Usage struct {
	Input        int64 // all input tokens, cached and cache-written ones included
	CachedInput  int64 // part of Input that was read from a cache
	CacheWrite   int64 // part of Input that was written to a five-minute cache
	CacheWrite1h int64 // part of Input that was written to a one-hour cache, or to OpenAI's of 12 hours
	AudioInput   int64 // part of Input that is audio and was not read from a cache
	ImageInput   int64 // part of Input that is images and was not read from a cache
	Output       int64 // all output tokens, reasoning included
	Reasoning    int64 // part of Output; reported, with the price of Output
	AudioOutput  int64 // part of Output that is audio
	ImageOutput  int64 // part of Output that is images
	Images       int64 // generated images, for models billed by the image
	AudioMillis  int64 // milliseconds of audio transcribed, for models billed by time
	Characters   int64 // characters spoken, for models billed by the character

	Fees [FeeKinds]int64 // uses of hosted tools, by Fee
}

// Fee is a kind of charge that vendors bill for each use of a hosted tool, in addition to tokens.
type Fee uint8

// The kinds of fees.
const (
	WebSearch        Fee = iota // a search of the web
	FileSearch                  // a search of the developer's stored files
	CodeInterpreter             // a container that ran code
	Grounding                   // a prompt, or with newer models a query, that Google Search grounded
	WebSearchPreview            // a search of OpenAI's tool web_search_preview, which costs more with models that do not reason
	FeeKinds                    // the number of kinds
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

// Price is the price of a model. The zero Price is free.
type Price struct {
	Rates           // for requests of ordinary size
	Long      Rates // for the whole of a request whose input exceeds LongAbove
	LongAbove int64 // input tokens; 0: Long is not used

	Image      int64 // pico-USD a generated image
	AudioMilli int64 // pico-USD a millisecond of audio
	Character  int64 // pico-USD a character spoken

	Fees [FeeKinds]int64 // pico-USD a use of a hosted tool, by Fee

	MaxOutput int64 // the most tokens of one answer; 0: not known
	Context   int64 // tokens of the context window; 0: not known
}

// Cost is the price of u in micro-USD, rounded up. Negative counts are 0; a part that exceeds its whole is cut to it.
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

// OutputWithin is the most output tokens with which Cost(u) stays within budget, in micro-USD. It ignores u's own Output,
// but it prices the first tokens as u's AudioOutput and ImageOutput, which Cost cuts to the whole in that order. It is
// math.MaxInt64 if the last part is free, and -1 if the rest of u alone exceeds the budget.
func (p Price) OutputWithin(budget int64, u Usage) int64 {
	if budget < 0 {
		return -1
	}
	if budget == math.MaxInt64 {
		return math.MaxInt64 // Cost saturates at it
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

// outputPart is a part of a usage's output and its price in pico-USD a token.
type outputPart struct{ count, rate int64 }

// outputParts divides output of any size into parts, in the order in which the whole is used up. The last part is unlimited.
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

// fixed is the cost of u without its output.
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

// add adds a×b; a negative factor counts as 0.
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

// sub subtracts t. If t is more than s it reports false, and s is meaningless.
func (s *picos) sub(t picos) bool {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, t.lo, 0)
	s.hi, borrow = bits.Sub64(s.hi, t.hi, borrow)
	return borrow == 0
}

// div is how many whole units of rate fit into s: math.MaxInt64 if rate is 0 or s too large.
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
