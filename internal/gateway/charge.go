package gateway

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// used is the usage that a request is charged for.
type used struct {
	meter.Result
	held bool // the charge is at least the hold's price of this usage
}

// used charges an answer that ended. The vendor's figures count if there are any. Missing figures are estimated; under a
// strict limit, those of the hold replace them. If the answer is an error, only its visible text is estimated.
func (c *call) used(r meter.Result) used {
	switch {
	case r.Known():
		c.fillSound(&r.Usage)
	case r.Images > 0 && c.est.price.Image > 0: // billed by the image
		r.Usage = price.Usage{Images: r.Images}
	case c.holdStands(r):
		return c.atHold(r)
	case r.Failed, r.InputKnown && !r.Complete:
		return c.partial(r, 0)
	default:
		output := max(r.Usage.Output, c.est.unmetered(c.ep.Operation, r.OutputText, c.env.Answers))
		r = c.estimated(r, output)
	}
	return used{Result: c.bounded(r)}
}

// partial charges an answer that broke off: the vendor's count of the input if it came, and an estimate of the output from
// the streamed text plus unheard tokens. Under a strict limit, the figures of the hold replace missing ones.
func (c *call) partial(r meter.Result, unheard int64) used {
	switch {
	case r.Known():
	case c.holdStands(r):
		return c.atHold(r)
	default:
		r = c.estimated(r, max(r.Usage.Output, c.est.atMost(tokensOf(r.OutputText)+unheard)))
		if r.Images > 0 && c.est.price.Image > 0 {
			r.Usage.Images = r.Images
		}
	}
	return used{Result: c.bounded(r)}
}

// unseen charges a request whose answer is unknown. If the client left, the usual output counts too, because waiting for it
// would have cost as much.
func (c *call) unseen(x *exchange) used {
	switch {
	case !x.gone.Load():
		return c.partial(meter.Result{}, 0)
	case c.streamed():
		return c.partial(meter.Result{}, c.unheard(x))
	}
	return c.used(meter.Result{})
}

// estimated fills in figures that the vendor left out.
func (c *call) estimated(r meter.Result, output int64) meter.Result {
	if !r.InputKnown {
		r.Usage = withOutputOf(c.est.likely, r.Usage)
	}
	if !r.OutputKnown {
		r.Usage.Output = output
		if c.est.likely.Images > 0 { // an image model
			r.Usage.ImageOutput = output
		}
	}
	return r
}

// fillSound estimates the figure that a transcription is billed by, if the answer has only another one. The figure is the
// recording's length or its tokens.
func (c *call) fillSound(u *price.Usage) {
	if !c.est.priced || !transcribes(c.ep.Operation) {
		return
	}
	switch byTime := c.est.price.AudioMilli > 0; {
	case byTime && u.AudioMillis == 0 && c.caller.Project.Strict:
		u.AudioMillis = c.est.input.AudioMillis
	case byTime && u.AudioMillis == 0:
		u.AudioMillis = c.est.likely.AudioMillis
	case !byTime && u.AudioMillis > 0 && u.Input == 0:
		u.AudioInput = satMul(u.AudioMillis, soundTokens) / 1000
		u.Input = u.AudioInput
	}
}

// withOutputOf returns usage with the output of made, and the larger of both counts of images and fees.
func withOutputOf(usage, made price.Usage) price.Usage {
	usage.Output, usage.Reasoning = made.Output, made.Reasoning
	usage.AudioOutput, usage.ImageOutput = made.AudioOutput, made.ImageOutput
	usage.Images = max(usage.Images, made.Images)
	usage.Fees = most(usage.Fees, made.Fees)
	return usage
}

func most(a, b [price.FeeKinds]int64) [price.FeeKinds]int64 {
	for i := range a {
		a[i] = max(a[i], b[i])
	}
	return a
}

// holdStands reports whether an answer's unknown figures are charged at the hold: a strict limit on tokens or cost must
// never be exceeded. An answer that is an error from its beginning has no unknown output.
func (c *call) holdStands(r meter.Result) bool {
	if !c.caller.Project.Strict || c.res == nil || r.NoAnswer {
		return false
	}
	h := &c.res.Decision.Hold
	return h.Limited(limit.Tokens) || h.Limited(limit.Cost)
}

// atHold fills in missing figures with those of the hold.
func (c *call) atHold(r meter.Result) used {
	alone := c.est.passes == 1 && c.est.turns == 1 && c.est.extra == limit.Amounts{}
	if !r.InputKnown || !alone {
		r.Usage = withOutputOf(c.est.input, r.Usage)
	}
	if !r.OutputKnown || !alone {
		r.Usage.Output = max(r.Usage.Output, c.est.output)
		r.Usage.Images = max(r.Usage.Images, c.est.input.Images)
		r.Usage.Fees = most(r.Usage.Fees, c.est.input.Fees)
	}
	return used{Result: c.bounded(r), held: true}
}

// actual is the charge for the request. A held usage is priced as the hold was: every model that may have worked, at its
// highest rates.
func (u used) actual(c *call) ledger.Actual {
	a := ledger.Actual{InputTokens: u.Usage.Input, OutputTokens: u.Usage.Output}
	a.Amounts = limit.Amounts{limit.Requests: 1, limit.Tokens: u.Tokens()}
	if c.est.priced {
		a.Amounts[limit.Cost] = u.Cost(c.priceOf(u.Result), c.price)
	}
	if u.held {
		for m, n := range c.est.hold(u.Usage) {
			a.Amounts[m] = max(a.Amounts[m], n)
		}
	}
	return a
}

// priceOf is the price of the model that answered. It is the requested model, unless the answer names another model of the
// request, under any name, and lists no passes. If the answer names a model that the request does not name, a strict limit
// counts the highest price of the models that may have answered.
func (c *call) priceOf(r meter.Result) price.Price {
	if r.Model == "" || len(r.Others) > 0 {
		return c.est.price
	}
	answered := bareModel(r.Model)
	if answered == bareModel(c.target.Model) {
		return c.est.price
	}
	dearest := c.est.price
	for _, m := range c.env.Demands.Models {
		p, ok := c.price(m.Model)
		switch {
		case !ok:
		case bareModel(m.Model) == answered:
			return p
		case m.Param == "models" || m.Param == "fallbacks":
			dearest = dearest.Dearest(p)
		}
	}
	if c.caller.Project.Strict {
		return dearest
	}
	return c.est.price
}

// bareModel is a model's canonical name without directories, which not every provider repeats.
func bareModel(name string) string {
	name = limit.CanonicalModel(name)
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Bounds of one answer's usage. They keep a provider's absurd figures out of limits and metrics. They are far above honest
// figures: the largest context windows and answers of the models of 2026, times more passes than any request with tools
// was seen to take.
const (
	widestContext  = 2_000_000  // tokens of the largest window of a vendor with a price list
	unknownContext = 10_000_000 // tokens, for a model that the price book does not know
	longestAnswer  = 262_144    // tokens
	plainPasses    = 2          // of a request without hosted tools
	toolPasses     = 16         // of a request with hosted tools
	maxOthers      = 32         // passes of other models, if the request does not bound them higher
	maxFees        = 1000
	longestSound   = 48 * 60 * 60 * 1000 // milliseconds
)

// bounded lowers figures to the most that the model can have read and written in one request, and logs if it lowered any.
func (c *call) bounded(r meter.Result) meter.Result {
	passes := int64(plainPasses)
	if len(c.env.Demands.Tools) > 0 {
		passes = toolPasses
	}
	passes = satMul(passes, satMul(max(c.env.Answers, 1), max(c.est.passes, 1)))
	context := int64(unknownContext)
	if c.est.price.Context > 0 {
		context = max(c.est.price.Context, widestContext)
	}
	answer := max(longestAnswer, 2*c.est.price.MaxOutput, min(c.env.MaxOutput, unknownContext))
	atMost := price.Usage{
		Input:       max(satMul(context, passes), c.est.input.Input),
		Output:      max(satMul(answer, passes), c.est.output),
		Images:      4 * max(c.env.Answers, 1),
		AudioMillis: max(longestSound, c.est.input.AudioMillis),
		Fees:        c.est.input.Fees,
	}
	for i, n := range atMost.Fees {
		atMost.Fees[i] = max(n, maxFees)
	}
	over := lower(&r.Usage, atMost)
	if most := max(maxOthers, c.est.turns+c.est.passes); int64(len(r.Others)) > most {
		r.Others, over = r.Others[:most], true
	}
	for i := range r.Others {
		one := price.Usage{Input: unknownContext, Output: longestAnswer, Images: atMost.Images, Fees: atMost.Fees}
		if u := r.Others[i].Usage; lower(&u, one) {
			if over = true; i == 0 {
				r.Others = slices.Clone(r.Others)
			}
			r.Others[i].Usage = u
		}
	}
	if over {
		c.g.Log.Warn("implausible usage lowered", slog.String("request", c.id), slog.String("provider", c.target.Provider.Name),
			slog.String("model", c.target.Model), slog.Int64("input_tokens", r.Usage.Input), slog.Int64("output_tokens", r.Usage.Output))
	}
	return r
}

// lower lowers the billed counts of u to most and reports whether any was above it.
func lower(u *price.Usage, most price.Usage) (over bool) {
	for _, f := range [...]struct {
		count *int64
		most  int64
	}{{&u.Input, most.Input}, {&u.Output, most.Output}, {&u.Images, most.Images}, {&u.AudioMillis, most.AudioMillis}} {
		if *f.count > f.most {
			*f.count, over = f.most, true
		}
	}
	for i := range u.Fees {
		if u.Fees[i] > most.Fees[i] {
			u.Fees[i], over = most.Fees[i], true
		}
	}
	return over
}

// kinds are the formats of the operations' answers.
var kinds = [wire.NumOperations]meter.Kind{
	wire.ChatCompletions:       meter.OpenAIChat,
	wire.Completions:           meter.OpenAIChat,
	wire.Responses:             meter.OpenAIResponses,
	wire.CompactResponse:       meter.OpenAIResponses,
	wire.Embeddings:            meter.OpenAIEmbeddings,
	wire.Moderations:           meter.OpenAIEmbeddings,
	wire.ImageGenerations:      meter.OpenAIImages,
	wire.ImageEdits:            meter.OpenAIImages,
	wire.Speech:                meter.OpenAIAudio,
	wire.Transcriptions:        meter.OpenAIAudio,
	wire.Translations:          meter.OpenAIAudio,
	wire.Messages:              meter.AnthropicMessages,
	wire.GenerateContent:       meter.GeminiGenerate,
	wire.StreamGenerateContent: meter.GeminiGenerate,
	wire.EmbedContent:          meter.GeminiEmbed,
	wire.BatchEmbedContents:    meter.GeminiEmbed,
}

// kind is the format of the operation's answers.
func (c *call) kind() meter.Kind {
	if c.ep.Operation == wire.Moderations && c.est.free {
		return meter.OpenAIModerations
	}
	return kinds[c.ep.Operation]
}
