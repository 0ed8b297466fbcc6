// Package meter reads what a request used out of the provider's answer, whole or streamed, in every format that
// is served.
//
// Figures are the vendor's own or not known: an answer without usage, with figures that can't be true, or cut off
// says so, and tells how much text it had so that an estimate can stand in. A stream is passed on as it comes, byte for byte; the one
// thing ever left out is the chat event that exists only because usage was asked for on the client's behalf. However a stream is cut into
// pieces, figures and bytes are the same, and no answer, garbage included, makes a meter panic or hold more than
// one event in memory.
package meter

import (
	"strings"

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
)

// Result is what an answer says about itself.
type Result struct {
	// Usage is the vendor's figures for the model that was asked, as far as they were seen.
	Usage price.Usage
	// Others are passes that other models made within the request and that are billed at those models' prices. They
	// are not contained in Usage.
	Others []Pass
	// Model is the model that the answer names, where Options.OtherModels asks for it.
	Model string
	// InputKnown says that the input part of Usage is what the vendor bills, though the output may not be: a stream
	// that was cut off after its beginning. An input of zero tokens is never known, because every prompt has some.
	InputKnown bool
	// OutputKnown says that the output part is what the vendor bills for the answer as far as it came. An output of zero
	// beside text is not known.
	OutputKnown bool
	// OutputText is for estimates: a whole chat answer whose figures are known leaves it zero, because counting it would
	// be most of the work of reading that answer. It is the bytes of answer text seen: content, reasoning, refusals and tool arguments, but not encoded
	// images and sound.
	OutputText int64
	// Images is the finished images seen.
	Images int64
	// Complete says that the answer came to its documented end.
	Complete bool
	// Failed says that the answer reports an error.
	Failed bool
	// NoAnswer says that it reports an error and that nothing of an answer came before.
	NoAnswer bool
}

// Known reports whether Usage is what the vendor bills for the answer as far as it came. Otherwise an estimate must stand for
// what is not known.
func (r Result) Known() bool { return r.InputKnown && r.OutputKnown }

// Pass is what another model than the one asked used within a request.
type Pass struct {
	Model string // as the vendor names it
	Usage price.Usage
}

// Tokens is all tokens of the request, other models' included.
func (r Result) Tokens() int64 {
	u := price.Usage{Input: r.Usage.Input, Output: r.Usage.Output}
	for _, o := range r.Others {
		u = u.Plus(o.Usage)
	}
	return u.Tokens()
}

// Cost is the price of the request in micro-USD: Usage at p, and the passes of other models at what lookup has for
// them, else at p. Each model's part is rounded up.
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

// Options says what of the request its answer's figures depend on, and how a stream is passed on.
type Options struct {
	// Model is the model that was asked, as the vendor names it.
	Model string
	// OtherModels says that the request names models which may answer in the place of the one that was asked.
	OtherModels bool
	// ImageModel is the model that the request names for the image tool of the Responses API.
	ImageModel string
	// HourCache says that the request asks for cache writes that last an hour.
	HourCache bool
	// HideUsage leaves out the events of a chat stream that carry usage and nothing else: for clients that had not
	// asked for them. An event is then passed on when it is complete.
	HideUsage bool
	// Memory bounds what all streams together keep of long events. Nil is without bound.
	Memory *Memory
}

// Whole reads the body of an answer that wasn't streamed.
func Whole(k Kind, o Options, body []byte) Result {
	m := newMeter(k, o)
	m.whole(body)
	return m.result()
}

// meter is the state of reading one answer.
type meter struct {
	kind       Kind
	model      string
	imageModel string
	hourCache  bool
	named      bool // the model that the answer names is wanted

	res       Result
	figures   bool  // usage was readable
	textThen  int64 // res.OutputText when the last figure of output was read
	counts    counts
	anthropic anthropicUsage
	gemini    geminiCounts
	hosted    hosted
	branches  branches
	queries   int64       // of Google Search that grounded the answer
	sum       price.Usage // of the finished images of a stream
	metered   int64       // finished images of a stream that came with usage
	free      bool        // answered, and free
	blocked   bool        // Gemini did not take the prompt
	media     bool        // there was output other than text
	pictures  bool        // there were images among it
}

func newMeter(k Kind, o Options) meter {
	return meter{kind: k, model: o.Model, imageModel: o.ImageModel, hourCache: o.HourCache, named: o.OtherModels}
}

// take adds readable counts to the answer's figures.
func (m *meter) take(c counts, ok bool) {
	if !ok {
		return
	}
	m.figures = true
	m.counts.take(c)
	if c.outputSaid && (c.output > 0 || c.total > c.input) || m.res.OutputText == 0 {
		m.textThen = m.res.OutputText
	}
}

// result decides what of the figures covers what was seen. Some vendors repeat usage in every event: text that came after the
// last of them is in no figure.
func (m *meter) result() Result {
	r := m.res
	said := m.counts.outputSaid
	var beside price.Usage // which is part of the answer itself
	switch m.kind {
	case AnthropicMessages:
		r.Usage, r.Others = m.anthropic.usage(m.hourCache)
		m.free = m.anthropic.unbilled()
		said = m.anthropic.outputSaid
		for _, o := range r.Others {
			beside = beside.Plus(o.Usage)
		}
	case GeminiGenerate, GeminiEmbed:
		r.Usage = m.geminiUsage()
		said = true // what is zero is left out
	case OpenAIImages:
		r.Usage = m.sum.Plus(m.counts.usage())
		r.Usage.Images = r.Images
		said = said || m.metered == r.Images && m.metered > 0
	default:
		r.Usage = m.counts.usage()
	}
	if m.kind == OpenAIResponses {
		r.Others = m.hosted.add(&r.Usage, r.Others, m.imageModel)
	}
	timed := m.kind == OpenAIAudio && r.Usage.AudioMillis > 0
	silent := r.OutputText == 0 && r.Images == 0 && !m.media
	r.InputKnown = m.free || timed || r.Usage.Input+beside.Input > 0
	r.OutputKnown = m.free || timed && m.figures ||
		(m.figures || m.metered > 0) && said && r.OutputText == m.textThen && (r.Usage.Output+beside.Output > 0 || silent)
	return r
}

// stage tells how far the answer has come.
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
	if !complete(body) && (m.kind != GeminiGenerate || !completeArray(body)) {
		return
	}
	defer func() { m.res.Complete = true }()
	switch m.kind {
	case OpenAIChat:
		m.chatWhole(body)
	case OpenAIResponses:
		m.responsesWhole(body)
	case OpenAIEmbeddings:
		m.embeddings(body)
	case OpenAIModerations:
		m.moderation(body)
	case OpenAIImages:
		m.imagesWhole(body)
	case OpenAIAudio:
		m.audioWhole(body)
	case AnthropicMessages:
		m.messagesWhole(body)
	case GeminiGenerate:
		m.geminiWhole(body)
	case GeminiEmbed:
		m.geminiEmbed(body)
	}
}

// event reads one event and reports whether it is a chat event that carries nothing but usage. Only chat streams need
// the name; in the others data repeats it as its type.
func (m *meter) event(name, data []byte) (usageOnly bool) {
	switch m.kind {
	case OpenAIChat:
		return m.chatEvent(name, data)
	case OpenAIResponses:
		m.responsesEvent(data)
	case OpenAIImages:
		m.imagesEvent(data)
	case OpenAIAudio:
		m.audioEvent(data)
	case AnthropicMessages:
		m.messagesEvent(data)
	case GeminiGenerate:
		m.chunk(data)
	}
	return false
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

// branches are the answers that run side by side within one: choices, candidates, blocks.
type branches struct{ seen, over uint64 }

// see notes that a branch exists and, with ended, that it has come to its end. Those beyond 64 share a place.
func (b *branches) see(index int64, ended bool) {
	bit := uint64(1) << min(max(index, 0), 63)
	b.seen |= bit
	if ended {
		b.over |= bit
	}
}

// resume notes that what had ended goes on: another block has begun.
func (b *branches) resume() { b.seen, b.over = 1, 0 }

// ended reports whether all branches that began have ended.
func (b *branches) ended() bool { return b.seen != 0 && b.seen == b.over }
