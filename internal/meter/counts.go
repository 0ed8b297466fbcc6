package meter

import (
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// reader reads the counts of a usage object. An absent or null count is unknown. An impossible count (negative, fractional
// or above maxFigure) makes the whole object unreadable.
type reader struct{ found, absurd bool }

// count reads one count, 0 if it is unknown.
func (r *reader) count(v gjson.Result) int64 {
	if v.Type == gjson.Null { // absent or null
		return 0
	}
	n, ok := figure(v)
	r.found, r.absurd = r.found || ok, r.absurd || !ok
	return n
}

func (r *reader) ok() bool { return r.found && !r.absurd }

// counts are the counts of an answer's usage objects so far, in tokens. Parts are contained in their wholes.
type counts struct {
	input, output, total       int64
	cached, written, written1h int64 // of input
	audioIn, imageIn           int64 // of input
	audioOut, imageOut         int64 // of output
	reasoning                  int64 // of output
	millis                     int64 // of sound in the input
	fees                       [price.FeeKinds]int64
	outputSaid                 bool // the output or a total was given, even as zero
}

// take adds a later usage object. Counts are cumulative, so a later count replaces an earlier one. A zero does not, because
// servers write zero for "not given here".
func (c *counts) take(later counts) {
	replace(&c.input, later.input)
	replace(&c.output, later.output)
	replace(&c.total, later.total)
	replace(&c.cached, later.cached)
	replace(&c.written, later.written)
	replace(&c.written1h, later.written1h)
	replace(&c.audioIn, later.audioIn)
	replace(&c.imageIn, later.imageIn)
	replace(&c.audioOut, later.audioOut)
	replace(&c.imageOut, later.imageOut)
	replace(&c.reasoning, later.reasoning)
	replace(&c.millis, later.millis)
	for i, n := range later.fees {
		c.fees[i] = max(c.fees[i], n)
	}
	c.outputSaid = c.outputSaid || later.outputSaid
}

func replace(into *int64, n int64) {
	if n > 0 {
		*into = n
	}
}

// usage is the counts as they are billed. The part of a total that no count covers is output: every vendor's total contains
// reasoning, but xAI's and Gemini's output counts leave it out, unlike OpenAI's. If the input leaves out sound, or is
// missing, that part is input.
func (c *counts) usage() price.Usage {
	input, output := c.input, c.output
	if beyond := c.total - input - output; beyond > 0 {
		if c.millis > 0 || input == 0 && output > 0 {
			input += beyond
		} else {
			output += beyond
		}
	}
	cached := min(c.cached, input)
	u := price.Usage{
		Input:       input,
		CachedInput: cached,
		AudioInput:  min(c.audioIn, input),
		ImageInput:  min(c.imageIn, input),
		Output:      output,
		Reasoning:   min(c.reasoning, output),
		AudioOutput: min(c.audioOut, output),
		ImageOutput: min(c.imageOut, output),
		AudioMillis: c.millis,
		Fees:        c.fees,
	}
	u.CacheWrite1h = min(c.written1h, input)
	u.CacheWrite = min(c.written, input) - min(u.CacheWrite1h, min(c.written, input))
	return u
}
