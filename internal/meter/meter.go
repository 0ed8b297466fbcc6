// Package meter reads the usage of a request from the provider's answer, whole or streamed, in every format that the
// gateway serves.
//
// Invariants:
//
//   - Figures are the vendor's own or unknown. They are unknown if an answer has no usage, has impossible figures or was
//     cut off. The result then has the amount of text, from which the caller estimates.
//   - A stream is passed on as it comes, byte for byte. Only one chat event is left out: the usage that the gateway asked
//     for on the client's behalf.
//   - Figures and bytes do not depend on how a stream is cut into pieces.
//   - No answer, garbage included, makes a meter panic or hold more than one event in memory.
package meter

import (
	"math/bits"
	"strings"
	"sync"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// Kind is the format of an answer.
type Kind uint8

// The formats of answers.
const (
	OpenAIChat        Kind = iota // chat completions and completions, of every OpenAI-style vendor
	OpenAIResponses               // responses
	OpenAIEmbeddings              // embeddings
	OpenAIModerations             // moderations, which are free
	OpenAIImages                  // image generations and edits
	OpenAIAudio                   // transcriptions and translations; speech streamed as events
	AnthropicMessages             // messages
	GeminiGenerate                // generateContent, and streamGenerateContent as events or as a JSON array
	GeminiEmbed                   // embedContent and batchEmbedContents

	NumKinds = int(GeminiEmbed) + 1
)

// format describes a kind of answer.
type format struct {
	// whole reads an answer that was not streamed and reports whether it is whole. Figures of a truncated answer are not read.
	whole func(m *meter, body []byte) bool
	usage func(m *meter) billed

	// event reads one event and reports whether it carries only usage. It is nil if the answer is never streamed. Only chat
	// streams need the name; in other streams the data repeats it as its type.
	event func(m *meter, name, data []byte) (usageOnly bool)
	// long reads an event that was too long to be kept whole. It is nil as event is.
	long func(m *meter, l *bulk)
	// finished reports, after the end of a stream in which some answers have begun, whether all requested answers have come.
	// It is nil if the end itself says so.
	finished func(m *meter, answers int64) bool

	array     bool // a stream may come as a JSON array of chunks
	usageOnly bool // a stream may have events that carry only usage, which can be left out
	figures   bool // the answer is only numbers, neither text nor media
	timed     bool // the vendor may bill by the length of sound
}

// billed is the usage that an answer has reported.
type billed struct {
	usage  price.Usage
	others []Pass
	beside price.Usage // the part of others that is a part of the answer itself
	said   bool        // the answer said how much output there was
}

// formats are the kinds of answers.
var formats = [NumKinds]*format{
	OpenAIChat:        &chat,
	OpenAIResponses:   &responses,
	OpenAIEmbeddings:  &embeddings,
	OpenAIModerations: &moderations,
	OpenAIImages:      &images,
	OpenAIAudio:       &audio,
	AnthropicMessages: &messages,
	GeminiGenerate:    &generated,
	GeminiEmbed:       &embedded,
}

// Result is the usage and the state of an answer.
type Result struct {
	// Usage is the vendor's figures for the requested model so far.
	Usage price.Usage
	// Others are passes of other models within the request, billed at those models' prices. Usage does not contain
	// them.
	Others []Pass
	// Model is the model that the answer names, if Options.OtherModels is set.
	Model string
	// InputKnown says that the vendor bills the input part of Usage. The output may be unknown all the same, as
	// in a stream that was cut off. An input of zero tokens counts as unknown, because every prompt has some.
	InputKnown bool
	// OutputKnown says that the vendor bills the output part for the answer so far. An output of zero counts as unknown if
	// there is text.
	OutputKnown bool
	// OutputText is the bytes of answer text that came, for estimates: content, reasoning, refusals and tool arguments,
	// but not encoded images and sound. It is zero for a whole chat answer with known figures, because counting would be
	// most of the work.
	OutputText int64
	// Images is the number of finished images that came.
	Images int64
	// Complete says that the answer came to its documented end.
	Complete bool
	// Failed says that the answer reports an error.
	Failed bool
	// NoAnswer says that the answer reports an error and that no content came before it.
	NoAnswer bool
}

// Known reports whether the vendor bills Usage for the answer so far. Otherwise an estimate must replace the unknown part.
func (r Result) Known() bool { return r.InputKnown && r.OutputKnown }

// Pass is the usage of another model than the requested one within a request.
type Pass struct {
	Model string // as the vendor names it
	Usage price.Usage
}

// Tokens is all tokens of the request, including other models'.
func (r Result) Tokens() int64 {
	u := price.Usage{Input: r.Usage.Input, Output: r.Usage.Output}
	for _, o := range r.Others {
		u = u.Plus(o.Usage)
	}
	return u.Tokens()
}

// Cost is the price of the request in micro-USD: Usage at p, and the passes of other models at their price by lookup, or
// at p if lookup has none. Each model's part is rounded up.
func (r Result) Cost(p price.Price, lookup func(model string) (price.Price, bool)) int64 {
	sum := p.Cost(r.Usage)
	for _, o := range r.Others {
		q, ok := lookup(o.Model)
		if !ok {
			q = p
		}
		sum = saturate(sum, q.Cost(o.Usage))
	}
	return sum
}

// Options are the parts of a request that its answer's figures depend on, and how a stream is passed on.
type Options struct {
	// Model is the requested model, as the vendor names it.
	Model string
	// OtherModels says that the request names models that may answer instead of the requested one.
	OtherModels bool
	// ImageModel is the model that the request names for the image tool of the Responses API.
	ImageModel string
	// HourCache says that the request asks for the longer lifetime of cache writes: an hour of Anthropic, 12 of OpenAI.
	HourCache bool
	// SearchPreview says that the request offers the tool web_search_preview. Its searches have a fee of their own.
	SearchPreview bool
	// ContainerSize is the price of a container that the request asks for, in containers of 1 GB. 0 means 1.
	ContainerSize int64
	// HideUsage leaves out the events of a chat stream that carry only usage, for clients that did not ask for them. An
	// event is then passed on when it is complete.
	HideUsage bool
	// Memory bounds what all streams together keep of long events. Nil means no bound.
	Memory *Memory
}

// Whole reads the body of an answer that was not streamed.
func Whole(k Kind, o Options, body []byte) Result {
	m := meters.Get().(*meter)
	defer meters.Put(m)
	*m = newMeter(k, o)
	m.whole(body)
	r := m.result()
	*m = meter{} // keeps no part of the answer
	return r
}

// meters are reused, because calls through a format put a meter on the heap.
var meters = sync.Pool{New: func() any { return new(meter) }}

// meter is the state of reading one answer.
type meter struct {
	format     *format
	model      string
	imageModel string
	hourCache  bool
	named      bool // Options.OtherModels
	searchFee  price.Fee
	container  int64 // Options.ContainerSize

	res       Result
	figures   bool  // usage was readable
	textThen  int64 // res.OutputText at the time of the last figure of output
	counts    counts
	anthropic anthropicUsage
	gemini    geminiCounts
	hosted    hosted
	branches  branches
	queries   int64       // of Google Search that grounded the answer
	sum       price.Usage // of the finished images of a stream
	metered   int64       // finished images of a stream that came with usage
	free      bool        // the answer came, and is free
	blocked   bool        // Gemini did not take the prompt
	media     bool        // the answer has output other than text
	pictures  bool        // the answer has images
}

func newMeter(k Kind, o Options) meter {
	m := meter{format: formats[k], model: o.Model, imageModel: o.ImageModel, hourCache: o.HourCache, named: o.OtherModels, searchFee: price.WebSearch,
		container: max(o.ContainerSize, 1)}
	if o.SearchPreview {
		m.searchFee = price.WebSearchPreview
	}
	return m
}

// take adds readable counts to the answer's figures.
func (m *meter) take(c counts, ok bool) {
	if !ok {
		return
	}
	m.figures = true
	if m.hourCache {
		c.written, c.written1h = 0, max(c.written, c.written1h)
	}
	m.counts.take(c)
	if c.outputSaid && (c.output > 0 || c.total > c.input) || m.res.OutputText == 0 {
		m.textThen = m.res.OutputText
	}
}

// result decides which figures are known. Some vendors repeat usage in every event: no figure covers text that came after
// the last usage.
func (m *meter) result() Result {
	r := m.res
	b := m.format.usage(m)
	r.Usage, r.Others = b.usage, b.others
	timed := m.format.timed && r.Usage.AudioMillis > 0
	silent := r.OutputText == 0 && r.Images == 0 && !m.media
	r.InputKnown = m.free || timed || r.Usage.Input+b.beside.Input > 0
	r.OutputKnown = m.free || timed && m.figures ||
		(m.figures || m.metered > 0) && b.said && r.OutputText == m.textThen && (r.Usage.Output+b.beside.Output > 0 || silent)
	return r
}

// stage returns how much of the answer has come.
func (m *meter) stage() Stage {
	switch {
	case m.res.Complete:
		return Complete
	case m.branches.ended():
		return Ended
	}
	return Running
}

func (m *meter) whole(body []byte) {
	if m.format.whole(m, body) {
		m.res.Complete = true
	}
}

// wholeObject makes a format's whole of a function that reads one complete JSON object.
func wholeObject(read func(m *meter, body []byte)) func(m *meter, body []byte) bool {
	return func(m *meter, body []byte) bool {
		if !complete(body) {
			return false
		}
		read(m, body)
		return true
	}
}

// answeredBy notes the model that an answer names.
func (m *meter) answeredBy(v gjson.Result) {
	if m.named && v.Str != "" {
		m.res.Model = strings.Clone(v.Str)
	}
}

// failedIf marks the answer as failed if it has an error of its own.
func (m *meter) failedIf(e gjson.Result) {
	if e.IsObject() || e.Type == gjson.String {
		m.failed()
	}
}

func (m *meter) failed() {
	if m.res.Failed {
		return
	}
	m.res.Failed = true
	m.res.NoAnswer = m.res.OutputText == 0 && m.res.Images == 0 && !m.figures && !m.media &&
		m.branches.seen == 0 && m.anthropic.input+m.anthropic.cacheRead+m.anthropic.cacheWrite == 0
}

// branches are the parallel parts of one answer: choices, candidates, blocks.
type branches struct{ seen, over uint64 }

// maxBranches is the number of branches that are distinguished. Further ones share a bit.
const maxBranches = 64

// see notes that a branch exists and, with ended, that it has ended.
func (b *branches) see(index int64, ended bool) {
	bit := uint64(1) << min(max(index, 0), maxBranches-1)
	b.seen |= bit
	if ended {
		b.over |= bit
	}
}

// resume notes that an ended answer goes on with another block.
func (b *branches) resume() { b.seen, b.over = 1, 0 }

// begun reports whether so many branches have begun, as far as they are distinguished.
func (b *branches) begun(answers int64) bool {
	return int64(bits.OnesCount64(b.seen)) >= min(answers, maxBranches)
}

// ended reports whether all branches that began have ended.
func (b *branches) ended() bool { return b.seen != 0 && b.seen == b.over }
