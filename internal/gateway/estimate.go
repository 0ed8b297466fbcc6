package gateway

import (
	"bytes"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Figures for estimates, all in tokens.
const (
	bytesPerToken = 4    // of usual text
	usualOutput   = 1000 // of an answer without an output cap
	unknownOutput = 16_384
	unknownInput  = 128_000 // the context of a model that the price book does not know

	usualNotShown = 8_000 // input from stored conversations and files, whose length is unknown

	usualImageInput     = 800
	usualImageInputMini = 2_833 + 4*5_667 // to gpt-4o-mini
	// The most that an image in a request costs. gpt-4o-mini charges 2,833 and 5,667 a tile, for at most eight tiles.
	// GPT-5.4 and 5.5 take 10,000 patches in full detail; the smallest model counts up to 2.46 tokens a patch. OpenAI gives
	// no bound for later models; one photograph was seen to cost 14,364 tokens. Google's older models charge 258 a tile, and
	// a long strip has dozens of tiles. The other vendors stay below 5,000. Qwen, whose vendor is not built in, reads up to
	// 16,384 tokens an image.
	maxImageInput       = 5_000
	maxImageInputMini   = 2_833 + 8*5_667
	maxImageInputFine   = 25_000
	maxImageInputFull   = 40_000
	maxImageInputTiled  = 20_000
	maxImageInputEdited = 8_000 // by gpt-image: 6,240 in high fidelity, plus tiles

	// The most that an image model writes: gpt-image-1 and 1.5 in high quality at their larger sizes. Later models draw up
	// to 4K, and OpenAI gives no table for them.
	maxImageOutput     = 6_240
	maxImageOutputFull = 40_000
	partialImages      = 3 * 100 // each partial image of a stream adds 100

	// Input that vendors add to the body: a few tokens for each message, fewer than the bytes of its JSON, and Anthropic's
	// prompt for the use of tools.
	hiddenInput      = 32
	hiddenToolsInput = 800
	hiddenTypedTool  = 2_000 // a vendor's own description of one of its tools

	// Tokens for each second of sound, read or transcribed. OpenAI's price of a minute is that of 1,000 tokens. Mistral
	// counts 16 a second. Nobody speaks more than 25 a second.
	soundTokens = 25
	// Recordings are rarely below 32 kbit/s, four times the lowest bit rate of MPEG audio.
	usualSound = 4

	minResponseOutput = 16 // the smallest max_output_tokens that OpenAI takes
)

// estimate is the usage that a request may come to, known before it is sent.
type estimate struct {
	likely price.Usage // the likely usage without output; the charge of an answer that breaks off
	input  price.Usage // the most that its input can be
	output int64       // tokens of output: the bound if capped, else the usual
	capped bool        // output is a bound
	price  price.Price
	priced bool
	free   bool // the vendor charges nothing and counts nothing

	longCache bool // it may write to OpenAI's cache for 12 hours

	held     price.Price   // prices holds: every model that may be billed, at its highest rates
	passes   int64         // how many models may read the input and answer
	rejected int64         // part of output: the prediction, which the answer may not follow
	turns    int64         // how often the input may be read, with uses of hosted tools in between
	extra    limit.Amounts // the highest usage of the models of tools
}

// price returns a model's price at the request's provider.
func (c *call) price(model string) (price.Price, bool) {
	return c.caller.Project.PriceAt(c.target.Provider, model)
}

// estimateOf estimates a parsed request. The output is bounded if the client set a cap, or if the operation bounds it.
func (c *call) estimateOf() estimate {
	e := estimate{}
	e.price, e.priced = c.price(c.target.Model)
	in := c.env.Input

	imageBound := c.imageBound()
	e.likely.Input = tokensOf(in.TextBytes) + in.Images*usualImage(imageBound)
	if in.Opaque {
		e.likely.Input += min(usualNotShown, known(e.price.Context, unknownInput))
	}
	e.input.Input = in.TextBytes - in.ControlBytes + in.Images*imageBound + hiddenInput
	e.input.ImageInput = in.Images * imageBound
	if c.env.Tools {
		e.input.Input += hiddenToolsInput
	}
	e.input.Input += c.env.Demands.TypedTools * hiddenTypedTool
	e.input.Input += c.notShown(e.price)
	if in.Opaque {
		e.input.AudioInput = e.input.Input
	}
	e.longCache = c.ep.Dialect.Spec().CachesUnasked && c.longCache(e.price)
	// A cache write costs more than plain input, and a request that asks for caching may write all of its input.
	if c.env.CacheControl {
		e.input.CacheWrite1h = e.input.Input
	} else if e.price.CacheWrite > e.price.Input && c.ep.Dialect.Spec().CachesUnasked { // as OpenAI's newer models
		if e.longCache {
			e.input.CacheWrite1h = e.input.Input
		} else {
			e.input.CacheWrite = e.input.Input
		}
	}

	switch c.ep.Operation {
	case wire.Embeddings, wire.EmbedContent, wire.BatchEmbedContents:
		e.capped = true
	case wire.Moderations:
		e.capped = true
		if e.free = c.freeModeration(e.price, e.priced); e.free {
			e.likely, e.input = price.Usage{}, price.Usage{}
		}
	case wire.ImageGenerations, wire.ImageEdits:
		e.output, e.capped = (maxImageTokens(c.target.Model)+partialImages)*c.env.Answers, true
		e.likely.Images, e.input.Images = c.env.Answers, c.env.Answers
		if e.price.Output == 0 && e.price.Input == 0 {
			e.output = 0
		}
	case wire.Speech:
		// A second of speech is about 15 characters and 20 tokens.
		e.output, e.capped = 2*c.env.Characters, true
		if c.caller.Project.Strict { // the speech may be slow, or full of pauses
			e.output = max(e.output, known(e.price.MaxOutput, unknownOutput))
		}
		e.likely.Characters, e.input.Characters = c.env.Characters, c.env.Characters
		if e.price.Character > 0 {
			e.likely.Input, e.input.Input, e.output = 0, 0, 0
		}
	case wire.Transcriptions, wire.Translations:
		length := c.measureSound()
		e.likely, e.input = price.Usage{AudioMillis: length.millis}, price.Usage{AudioMillis: length.millis}
		if !length.known {
			e.likely.AudioMillis /= usualSound
		}
		e.output, e.capped = satMul(length.millis, soundTokens)/1000, true
		if e.price.AudioMilli > 0 {
			e.output = 0
			break
		}
		e.input.AudioInput = e.output
		e.input.Input = e.output + max(in.TextBytes, 0)
		e.likely.Input = satMul(e.likely.AudioMillis, soundTokens) / 1000
		e.likely.AudioInput = e.likely.Input
	default:
		e.capped = c.env.Capped
		if e.output = usualOutput * c.env.Answers; e.capped {
			e.output = satMul(c.env.MaxOutput, c.env.Answers)
		}
		// Tokens of the prediction that the answer does not follow are billed as output, in addition to the cap.
		e.rejected = satMul(c.env.Demands.Prediction, c.env.Answers)
		e.output = addSat(e.output, e.rejected)
	}
	c.addDemands(&e)
	return e
}

// freeModeration reports whether a moderation is free: a vendor's that bills none, or one by a model with a known price
// of 0.
func (c *call) freeModeration(p price.Price, priced bool) bool {
	return c.target.Provider.Quirks().ModerationsAreFree || priced && p.Input == 0 && p.Output == 0
}

// maxImageTokens is the most that an image model writes for one image.
func maxImageTokens(model string) int64 {
	if name := limit.NormalizeModel(model); strings.HasPrefix(name, "gpt-image-1") || strings.HasPrefix(name, "dall-e") {
		return maxImageOutput
	}
	return maxImageOutputFull
}

// longCache reports whether a request to a model of OpenAI may write to its cache for 12 hours, which costs more.
func (c *call) longCache(p price.Price) bool {
	return p.CacheWrite1h > p.CacheWrite && mentions(c.body, `"12h"`)
}

// mentions reports whether a body can hold a word of ASCII letters. JSON may escape letters. No encoder does that, so any
// escaped letter counts as a mention.
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

// imageBound is the most tokens that an image in the request costs, whichever of its models reads it. It is 0 without images.
func (c *call) imageBound() int64 {
	switch {
	case c.env.Input.Images == 0:
		return 0
	case c.ep.Operation == wire.ImageEdits:
		return maxImageInputEdited
	}
	most := imageBoundOf(c.target.Model)
	for _, m := range c.env.Demands.Models {
		most = max(most, imageBoundOf(m.Model))
	}
	return most
}

// usualImage is the usual cost, in tokens, of an image that costs at most bound.
func usualImage(bound int64) int64 {
	if bound == maxImageInputMini {
		return usualImageInputMini
	}
	return usualImageInput
}

func imageBoundOf(model string) int64 {
	name := limit.NormalizeModel(model)
	name = name[strings.LastIndexByte(name, '/')+1:] // OpenRouter's names have their vendor before them
	switch {
	case limit.BaseModel(name) == "gpt-4o-mini":
		return maxImageInputMini
	case strings.HasPrefix(name, "gpt-5.") && !fewPatches(name):
		return maxImageInputFine
	case strings.HasPrefix(name, "gpt-") && !fewPatches(name):
		return maxImageInputFull
	case strings.HasPrefix(name, "gemini-"), price.Vendor(name) == "":
		return maxImageInputTiled
	}
	return maxImageInput
}

// fewPatches reports whether an OpenAI model is older than the models that read images in full detail.
func fewPatches(name string) bool {
	for _, older := range [...]string{"gpt-3", "gpt-4", "gpt-5-", "gpt-5.1", "gpt-5.2", "gpt-5.3"} {
		if strings.HasPrefix(name, older) {
			return true
		}
	}
	return name == "gpt-5"
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

// writes reports whether the operation's output is text. A compaction's output is text too, although no cap applies to it.
func writes(op wire.Operation) bool { return generates(op) || op == wire.CompactResponse }

// hold prices a usage for the hold: every model that may be billed reads the input and writes the output.
func (e *estimate) hold(u price.Usage) limit.Amounts {
	a := limit.Amounts{limit.Requests: 1, limit.Tokens: addSat(satMul(u.Tokens(), e.passes), e.extra[limit.Tokens])}
	if e.priced {
		// Each model's cost is rounded up.
		a[limit.Cost] = addSat(e.held.Cost(u), e.extra[limit.Cost]+e.passes-1)
	}
	return a
}

// ask is the hold that the request asks for. With an output cap it is the upper bound, so that several requests at once
// cannot exceed a limit. Without a cap it is the usual usage.
func (e *estimate) ask() limit.Amounts {
	u := e.likely
	if e.capped {
		u = e.input
	}
	u.Fees = e.input.Fees
	u.Output = e.output
	return e.hold(u)
}

// askStrict sets the output to its provable bound, for a strict limit: the client's cap or the model's own. It sets the
// input to the sum over all turns. The minimum is the same request with the smallest output.
func (e *estimate) askStrict(op wire.Operation, answers int64) (estimate, minimum limit.Amounts) {
	if writes(op) && !e.capped {
		e.output = satMul(known(e.held.MaxOutput, unknownOutput), answers)
	}
	for _, n := range [...]*int64{&e.input.Input, &e.input.AudioInput, &e.input.ImageInput, &e.input.CacheWrite, &e.input.CacheWrite1h} {
		*n = satMul(*n, e.turns)
	}
	u := e.input
	u.Output = e.output
	estimate = e.hold(u)
	if generates(op) {
		u.Output = min(e.output, minOutput(op)*answers+e.rejected)
	}
	return estimate, e.hold(u)
}

func minOutput(op wire.Operation) int64 {
	if op == wire.Responses {
		return minResponseOutput
	}
	return 1
}

// granted is the output that a hold covers, for all answers together.
func (e *estimate) granted(h *limit.Hold) int64 {
	output := e.output
	if h.Limited(limit.Tokens) {
		output = min(output, (h.Amounts[limit.Tokens]-e.extra[limit.Tokens])/e.passes-e.input.Input)
	}
	if h.Limited(limit.Cost) {
		output = min(output, e.held.OutputWithin(h.Amounts[limit.Cost]-e.extra[limit.Cost]-e.passes+1, e.input))
	}
	return output - e.rejected
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

// atMost lowers an estimated output to the cap that the provider got.
func (e *estimate) atMost(output int64) int64 {
	if e.capped {
		return min(output, e.output)
	}
	return output
}

// unmetered estimates the output of an answer without usage figures: from the answer's text or, without text, as before the
// answer.
func (e *estimate) unmetered(op wire.Operation, text, answers int64) int64 {
	switch {
	case e.price.AudioMilli > 0:
		return 0 // billed by time, not by tokens
	case text > 0:
		return e.atMost(tokensOf(text))
	case generates(op):
		return min(e.output, usualOutput*answers)
	case op == wire.ImageGenerations, op == wire.ImageEdits:
		return min(e.output, maxImageOutput*answers)
	}
	return e.output
}
