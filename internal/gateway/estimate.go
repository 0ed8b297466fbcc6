package gateway

import (
	"bytes"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Figures for estimates, all in tokens.
const (
	bytesPerToken = 4    // of text, as it usually is
	usualOutput   = 1000 // of an answer that was asked for without a cap
	unknownOutput = 16_384
	unknownInput  = 128_000 // the context of a model that the price book does not know

	usualImageInput = 800
	// The most that an image in a request costs: gpt-4o-mini charges 2,833 and 5,667 a
	// tile, of which there are at most eight; the other vendors stay below 5,000.
	mostImageInput     = 5_000
	mostImageInputMini = 2_833 + 8*5_667
	mostImageOutput    = 6_240 // gpt-image, high quality, the larger sizes

	// What vendors add to what the body says: a few tokens a message, which its JSON
	// outweighs, and Anthropic's prompt for the use of tools.
	hiddenInput      = 32
	hiddenToolsInput = 800

	leastResponseOutput = 16 // max_output_tokens may not be less
)

// estimate says what a request may use before it has.
type estimate struct {
	likely price.Usage // without output: what an answer that breaks off is charged for
	input  price.Usage // the most its input can come to
	output int64       // tokens of output: the most where it is capped, else the usual
	capped bool        // output is a bound
	price  price.Price
	priced bool
}

// estimateOf looks at a parsed request. Output has a bound where the client set a cap or
// where the operation has no output that tokens measure.
func (c *call) estimateOf() estimate {
	e := estimate{}
	e.price, e.priced = c.caller.Project.Price(c.target.Model)
	in := c.env.Input

	e.likely.Input = tokensOf(in.TextBytes) + in.Images*usualImageInput
	e.input.Input = in.TextBytes - in.ControlBytes + in.Images*c.imageBound() + hiddenInput
	if c.env.Tools {
		e.input.Input += hiddenToolsInput
	}
	if in.Opaque {
		e.input.Input += known(e.price.Context, unknownInput)
		e.input.AudioInput = e.input.Input
	}
	// Caches are dearer to write than input is to read; who asks for them may write all.
	if c.env.CacheControl {
		e.input.CacheWrite1h = e.input.Input
	}

	switch c.ep.Operation {
	case wire.Embeddings, wire.EmbedContent, wire.BatchEmbedContents:
		e.capped = true
	case wire.Moderations:
		e.likely, e.input, e.capped = price.Usage{}, price.Usage{}, true
	case wire.ImageGenerations, wire.ImageEdits:
		e.output, e.capped = mostImageOutput*c.env.Answers, true
		e.likely.Images, e.input.Images = c.env.Answers, c.env.Answers
		if e.price.Output == 0 && e.price.Input == 0 {
			e.output = 0
		}
	case wire.Speech:
		// A second of speech is about 15 characters and 20 tokens.
		e.output, e.capped = 2*c.env.Characters, true
		e.likely.Characters, e.input.Characters = c.env.Characters, c.env.Characters
		if e.price.Character > 0 {
			e.likely.Input, e.input.Input, e.output = 0, 0, 0
		}
	case wire.Transcriptions, wire.Translations:
		// Sound that people record is rarely below 32 kbit/s, four bytes a millisecond.
		millis := int64(len(c.body)) / 4
		e.likely = price.Usage{AudioMillis: millis}
		e.input, e.output, e.capped = e.likely, millis/100, true
		if e.price.AudioMilli > 0 {
			e.output = 0
		}
	default:
		e.capped = c.env.Capped
		if e.output = usualOutput * c.env.Answers; e.capped {
			e.output = satMul(c.env.MaxOutput, c.env.Answers)
		}
	}
	return e
}

// mentions reports whether a body can hold a word of ASCII letters, which JSON may spell
// with escapes that no encoder makes of letters.
func mentions(body []byte, word string) bool {
	if bytes.Contains(body, []byte(word)) {
		return true
	}
	escape := []byte(`\u00`)
	for {
		i := bytes.Index(body, escape)
		if i < 0 {
			return false
		}
		body = body[i+len(escape):]
		if len(body) > 0 && body[0] >= '4' && body[0] <= '7' {
			return true
		}
	}
}

func (c *call) imageBound() int64 {
	if limit.BaseModel(limit.NormalizeModel(c.target.Model)) == "gpt-4o-mini" {
		return mostImageInputMini
	}
	return mostImageInput
}

// generates reports whether the operation's output is text that a cap can shorten.
func generates(op wire.Operation) bool {
	switch op {
	case wire.ChatCompletions, wire.Completions, wire.Responses, wire.Messages,
		wire.GenerateContent, wire.StreamGenerateContent:
		return true
	}
	return false
}

// writes reports whether the operation's output is text, which a compaction's is too although nothing can cap it.
func writes(op wire.Operation) bool { return generates(op) || op == wire.CompactResponse }

// amounts prices usage.
func (e *estimate) amounts(u price.Usage) limit.Amounts {
	a := limit.Amounts{limit.Requests: 1, limit.Tokens: u.Tokens()}
	if e.priced {
		a[limit.Cost] = e.price.Cost(u)
	}
	return a
}

// ask is what the request sets aside. What came with an output cap holds its upper bound,
// so that several at once cannot exceed a limit; what came without holds what is usual.
func (e *estimate) ask() limit.Amounts {
	u := e.likely
	if e.capped {
		u = e.input
	}
	u.Output = e.output
	return e.amounts(u)
}

// askStrict sets the output to what a strict limit can be shown to cover: the cap that
// the client set, or the model's own.
func (e *estimate) askStrict(op wire.Operation, answers int64) (most, least limit.Amounts) {
	if writes(op) && !e.capped {
		e.output = satMul(known(e.price.MaxOutput, unknownOutput), answers)
	}
	u := e.input
	u.Output = e.output
	most = e.amounts(u)
	if generates(op) {
		u.Output = min(e.output, leastOutput(op)*answers)
	}
	return most, e.amounts(u)
}

func leastOutput(op wire.Operation) int64 {
	if op == wire.Responses {
		return leastResponseOutput
	}
	return 1
}

// granted is the output, over all answers, that a hold covers.
func (e *estimate) granted(h *limit.Hold) int64 {
	output := e.output
	if h.Limited(limit.Tokens) {
		output = min(output, h.Amounts[limit.Tokens]-e.input.Input)
	}
	if h.Limited(limit.Cost) {
		output = min(output, e.price.OutputWithin(h.Amounts[limit.Cost], e.input))
	}
	return output
}

func known(n, otherwise int64) int64 {
	if n > 0 {
		return n
	}
	return otherwise
}

// satMul multiplies two figures that are not negative.
func satMul(a, b int64) int64 {
	const most = 1 << 53
	if b > 0 && a > most/b {
		return most
	}
	return a * b
}

// tokensOf estimates the tokens of text by its bytes.
func tokensOf(bytes int64) int64 { return (bytes + bytesPerToken - 1) / bytesPerToken }

// atMost is an estimate of output within the cap that the provider was given.
func (e *estimate) atMost(output int64) int64 {
	if e.capped {
		return min(output, e.output)
	}
	return output
}

// unmetered is the output of an answer that says nothing of its usage: its text where it
// had some, else what was estimated.
func (e *estimate) unmetered(op wire.Operation, text, answers int64) int64 {
	switch {
	case e.price.AudioMilli > 0:
		return 0 // billed by time, and says nothing of tokens
	case text > 0:
		return e.atMost(tokensOf(text))
	case generates(op):
		return min(e.output, usualOutput*answers)
	}
	return e.output
}
