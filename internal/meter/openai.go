package meter

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

var (
	done     = []byte("[DONE]")
	usageKey = []byte(`"usage"`)
	errorKey = []byte(`"error"`)
)

// chatEvent reads a chunk of a chat or completions stream. The last usage that isn't null is the answer's.
func (m *meter) chatEvent(name, data []byte) (usageOnly bool) {
	if bytes.Equal(bytes.Trim(data, space), done) {
		m.res.Complete = true
		return false
	}
	choices := gjson.GetBytes(data, "choices")
	m.chatText(choices)
	if string(name) == "error" {
		m.res.Failed = true
	}
	if bytes.Contains(data, errorKey) {
		m.failedIf(gjson.GetBytes(data, "error"))
	}
	if !hasUsage(data) || !complete(data) { // nearly every chunk
		return false
	}
	usage := gjson.GetBytes(data, "usage")
	usageOnly = usage.IsObject() && choices.IsArray() && !choices.Get("0").Exists()
	if !usage.IsObject() {
		usage = gjson.GetBytes(data, "x_groq.usage") // Groq's place for it where nobody asked
	}
	if !usage.IsObject() {
		usage = choices.Get("0.usage") // Moonshot's
	}
	if u, ok := chatUsage(usage); ok {
		m.known(u)
	}
	return usageOnly
}

// hasUsage reports whether an object named usage may be anywhere in data. Vendors that were asked for usage put a null in every
// chunk; those are not worth reading again.
func hasUsage(data []byte) bool {
	for {
		i := bytes.Index(data, usageKey)
		if i < 0 {
			return false
		}
		data = data[i+len(usageKey):]
		value := bytes.TrimLeft(data, space+":")
		if len(value) > 0 && value[0] == '{' {
			return true
		}
	}
}

func (m *meter) chatWhole(body []byte) {
	var choices, failure, usage gjson.Result
	// The body as it is: it does not change while it is read, and nothing of it is kept.
	gjson.Parse(unsafe.String(unsafe.SliceData(body), len(body))).ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "choices":
			choices = v
		case "error":
			failure = v
		case "usage":
			usage = v
		}
		return true
	})
	m.failedIf(failure)
	if u, ok := chatUsage(usage); ok {
		m.known(u)
		return
	}
	m.chatText(choices)
}

func (m *meter) chatText(choices gjson.Result) {
	choices.ForEach(func(_, c gjson.Result) bool {
		c.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "delta", "message":
				m.res.OutputText += text(v)
			case "text": // of completions
				m.res.OutputText += length(v)
			}
			return true
		})
		return true
	})
}

// chatUsage reads a usage object of chat completions, completions and embeddings. Output is what is left of the total, where there
// is one: OpenAI's completion_tokens contain reasoning, xAI's and Gemini's don't, everybody's total does.
func chatUsage(v gjson.Result) (price.Usage, bool) {
	// One pass: this is read of every answer.
	var prompt, completion, total, hits, cached, written, sound, reasoning gjson.Result
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens":
			prompt = v
		case "completion_tokens":
			completion = v
		case "total_tokens":
			total = v
		case "prompt_cache_hit_tokens": // DeepSeek's
			hits = v
		case "prompt_tokens_details":
			cached, written, sound = v.Get("cached_tokens"), v.Get("cache_write_tokens"), v.Get("audio_tokens")
		case "completion_tokens_details":
			reasoning = v.Get("reasoning_tokens")
		}
		return true
	})
	input, ok := figure(prompt)
	if !ok {
		return price.Usage{}, false
	}
	output, ok := outputOf(total, completion, input)
	if !ok {
		return price.Usage{}, false
	}
	if !cached.Exists() {
		cached = hits
	}
	return price.Usage{
		Input:       input,
		CachedInput: part(cached, input),
		CacheWrite:  part(written, input),
		AudioInput:  part(sound, input),
		Output:      output,
		Reasoning:   part(reasoning, output),
	}, true
}

// outputOf is the total without the input, or where there is no such total the count of output.
func outputOf(total, output gjson.Result, input int64) (int64, bool) {
	if n, ok := figure(total); ok && n >= input {
		return n - input, true
	}
	return figure(output)
}

// responsesEvent reads an event of a Responses stream. Its last one has the whole response, usage included, whether it is
// completed, incomplete or failed.
func (m *meter) responsesEvent(data []byte) {
	kind := gjson.GetBytes(data, "type").Str
	switch kind {
	case "response.completed", "response.incomplete", "response.failed":
		m.res.Complete = true
		m.res.Failed = m.res.Failed || kind == "response.failed"
		if complete(data) {
			m.tokens(gjson.GetBytes(data, "response.usage"))
		}
	case "error":
		m.res.Failed = true
	case "response.audio.delta": // encoded sound
	default:
		if strings.HasSuffix(kind, ".delta") {
			m.res.OutputText += length(gjson.GetBytes(data, "delta"))
		}
	}
}

func (m *meter) responsesWhole(body []byte) {
	m.res.OutputText += text(gjson.GetBytes(body, "output"))
	m.failedIf(gjson.GetBytes(body, "error"))
	if gjson.GetBytes(body, "status").Str == "failed" {
		m.res.Failed = true
	}
	m.tokens(gjson.GetBytes(body, "usage"))
}

// tokens takes a usage object as Responses, images and audio have it as the answer's figures, if it is readable.
func (m *meter) tokens(v gjson.Result) {
	if u, ok := tokenUsage(v); ok {
		m.known(u)
	}
}

func tokenUsage(v gjson.Result) (price.Usage, bool) {
	input, ok := figure(v.Get("input_tokens"))
	if !ok {
		return price.Usage{}, false
	}
	output, ok := outputOf(v.Get("total_tokens"), v.Get("output_tokens"), input)
	if !ok {
		return price.Usage{}, false
	}
	details := v.Get("input_tokens_details")
	if !details.Exists() {
		details = v.Get("input_token_details") // so spelt by transcriptions
	}
	return price.Usage{
		Input:       input,
		CachedInput: part(details.Get("cached_tokens"), input),
		CacheWrite:  part(details.Get("cache_write_tokens"), input),
		AudioInput:  part(details.Get("audio_tokens"), input),
		Output:      output,
		Reasoning:   part(v.Get("output_tokens_details.reasoning_tokens"), output),
	}, true
}

func (m *meter) embeddings(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	usage := gjson.GetBytes(body, "usage")
	if u, ok := chatUsage(usage); ok {
		m.known(u)
		return
	}
	// Embeddings have no output, and some vendors give one of the two figures only.
	for _, field := range []string{"prompt_tokens", "total_tokens"} {
		if n, ok := figure(usage.Get(field)); ok {
			m.known(price.Usage{Input: n})
			return
		}
	}
}

// moderation is free and has no usage: that it was answered is all there is to know.
func (m *meter) moderation(body []byte) {
	if gjson.GetBytes(body, "results").IsArray() {
		m.known(price.Usage{})
	}
	m.failedIf(gjson.GetBytes(body, "error"))
}

// imagesWhole counts images; models that are billed by tokens say how many.
func (m *meter) imagesWhole(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	if n, ok := figure(gjson.GetBytes(body, "data.#")); ok {
		m.res.Images = n
		m.known(price.Usage{})
	}
	m.tokens(gjson.GetBytes(body, "usage"))
	m.res.Usage.Images = m.res.Images
}

// imagesEvent reads an event of an image stream. Every finished image comes with its own usage.
func (m *meter) imagesEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "image_generation.completed", "image_edit.completed":
		m.res.Images++
		m.res.Complete = true
		before := m.res.Usage
		before.Images++
		u, _ := tokenUsage(usageOf(data))
		m.known(before.Plus(u))
	case "error":
		m.res.Failed = true
	}
}

// usageOf is the usage of an event that came whole.
func usageOf(data []byte) gjson.Result {
	if !complete(data) {
		return gjson.Result{}
	}
	return gjson.GetBytes(data, "usage")
}

// audioWhole reads a transcription. Models are billed by tokens or by the duration of the sound; verbose answers without usage
// tell the duration too.
func (m *meter) audioWhole(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	m.res.OutputText += length(gjson.GetBytes(body, "text"))
	if m.audio(gjson.GetBytes(body, "usage")); m.figures {
		return
	}
	if n, ok := millis(gjson.GetBytes(body, "duration")); ok {
		m.known(price.Usage{AudioMillis: n})
	}
}

func (m *meter) audio(usage gjson.Result) {
	if n, ok := millis(usage.Get("seconds")); ok {
		m.known(price.Usage{AudioMillis: n})
		return
	}
	m.tokens(usage)
}

// audioEvent reads an event of a transcription or of speech.
func (m *meter) audioEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "transcript.text.delta":
		m.res.OutputText += length(gjson.GetBytes(data, "delta"))
	case "transcript.text.done", "speech.audio.done":
		m.res.Complete = true
		m.audio(usageOf(data))
	case "error":
		m.res.Failed = true
	}
}
