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
	"bytes"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/sse"
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

// maxEvent is the longest event, in bytes, that figures are read from. It is large because events that carry an image
// carry its usage too; what is longer passes unread.
const maxEvent = 32 << 20

// Result is what an answer says about itself.
type Result struct {
	// Usage is the vendor's figures for the model that was asked, as far as they were seen.
	Usage price.Usage
	// Others are passes that other models made within the request and that are billed at those models' prices. They
	// are not contained in Usage.
	Others []Pass
	// Known says that Usage is what the vendor bills for the answer as far as it came. Without it an estimate must stand.
	Known bool
	// InputKnown says that the input part of Usage is the vendor's, though the output may not be: a stream that was cut off after
	// its beginning.
	InputKnown bool
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
}

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

// Whole reads the body of an answer that wasn't streamed.
func Whole(k Kind, body []byte) Result {
	m := meter{kind: k}
	m.whole(body)
	return m.result()
}

// Options says how a stream is passed on.
type Options struct {
	// HideUsage leaves out the events of a chat stream whose choices are an empty array and that carry a usage object:
	// for clients that had not asked for them. An event is then passed on when it is complete.
	HideUsage bool
}

// Stream meters an answer on its way to the client.
type Stream struct {
	meter
	hide    bool
	begun   bool
	array   bool
	events  sse.Scanner
	objects objects
}

// NewStream is a meter for one stream of format k.
func NewStream(k Kind, o Options) *Stream {
	return &Stream{
		meter:   meter{kind: k},
		hide:    o.HideUsage && k == OpenAIChat,
		events:  sse.Scanner{Limit: maxEvent},
		objects: objects{limit: maxEvent},
	}
}

// Write reads bytes from upstream, cut anywhere, and appends to dst what the client shall see of them: the same bytes at once,
// or with HideUsage the events that are complete.
func (s *Stream) Write(dst, p []byte) []byte {
	if !s.hide {
		dst = append(dst, p...)
	}
	s.detect(p)
	if s.array {
		s.objects.write(p, s.chunk)
		return dst
	}
	for {
		f, rest, ok := s.events.Next(p)
		if !ok {
			return dst
		}
		dst, p = s.frame(dst, f), rest
	}
}

// Flush ends the stream: an event without its blank line counts, and what was held back is appended to dst.
func (s *Stream) Flush(dst []byte) []byte {
	if f, ok := s.events.Flush(); ok {
		dst = s.frame(dst, f)
	}
	return dst
}

// Result is what the stream has said so far.
func (s *Stream) Result() Result { return s.result() }

// detect tells Gemini's JSON array from events by the first byte that isn't white space.
func (s *Stream) detect(p []byte) {
	if s.begun || s.kind != GeminiGenerate {
		return
	}
	if p = bytes.TrimLeft(p, " \t\r\n"); len(p) > 0 {
		s.begun = true
		s.array = p[0] == '[' || p[0] == '{'
	}
}

func (s *Stream) frame(dst []byte, f sse.Frame) []byte {
	hidden := false
	if !f.Part && f.Data != nil {
		hidden = s.event(f.Event, f.Data)
	}
	if s.hide && !hidden {
		dst = append(dst, f.Raw...)
	}
	return dst
}

// meter is the state of reading one answer.
type meter struct {
	kind      Kind
	res       Result
	figures   bool  // res.Usage is readable figures
	textThen  int64 // res.OutputText when they were read
	anthropic anthropicUsage

	geminiInput bool // Gemini has counted the input, not yet the output
}

// result decides whether the figures cover what was seen. Some vendors repeat usage in every event: text that came after the
// last of them, in a stream that then broke off, is in no figure.
func (m *meter) result() Result {
	r := m.res
	r.InputKnown = m.figures || m.anthropic.hasInput || m.geminiInput
	r.Known = m.figures && (r.Complete || r.OutputText == m.textThen)
	return r
}

// known takes u as the answer's figures.
func (m *meter) known(u price.Usage) {
	m.res.Usage, m.figures, m.textThen = u, true, m.res.OutputText
}

func (m *meter) whole(body []byte) {
	if !complete(body) && (m.kind != GeminiGenerate || !completeArray(body)) {
		return
	}
	m.res.Complete = true
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

// failedIf marks the answer as failed if it has an error of its own.
func (m *meter) failedIf(e gjson.Result) {
	if e.IsObject() || e.Type == gjson.String {
		m.res.Failed = true
	}
}
