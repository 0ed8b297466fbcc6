package meter

import (
	"bytes"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

var (
	done     = []byte("[DONE]")
	usageKey = []byte(`"usage"`)
	errorKey = []byte(`"error"`)
)

// chat is chat completions and completions.
var chat = format{
	whole:     (*meter).chatWhole,
	usage:     countedUsage,
	event:     (*meter).chatEvent,
	long:      func(m *meter, l *bulk) { m.chatEvent(nil, []byte(l.object("", "usage"))) },
	finished:  func(m *meter, answers int64) bool { return m.res.Complete || m.branches.begun(answers) },
	usageOnly: true,
}

// embeddings are answers of embeddings, and of moderations that are billed.
var embeddings = format{whole: wholeObject((*meter).embeddings), usage: countedUsage, figures: true}

// moderations are free.
var moderations = format{whole: wholeObject((*meter).moderation), usage: countedUsage}

// countedUsage is the usage of answers that count it once.
func countedUsage(m *meter) billed {
	return billed{usage: m.counts.usage(), said: m.counts.outputSaid}
}

// chatEvent reads a chunk of a chat or completions stream, and reports whether it carries only usage.
func (m *meter) chatEvent(name, data []byte) (usageOnly bool) {
	if bytes.Equal(bytes.Trim(data, space), done) {
		m.res.Complete = true
		return false
	}
	choices := gjson.GetBytes(data, "choices")
	m.chatText(choices)
	if string(name) == "error" {
		m.failed()
	}
	if bytes.Contains(data, errorKey) {
		m.failedIf(gjson.GetBytes(data, "error"))
	}
	if !hasUsage(data) || !complete(data) { // true for nearly every chunk
		return false
	}
	usage := gjson.GetBytes(data, "usage")
	usageOnly = usage.IsObject() && onlyUsage(data)
	if !usage.IsObject() {
		usage = gjson.GetBytes(data, "x_groq.usage") // Groq's place for usage that was not asked for
	}
	if !usage.IsObject() {
		usage = choices.Get("0.usage") // Moonshot's
	}
	m.take(chatUsage(usage))
	if m.named {
		m.answeredBy(gjson.GetBytes(data, "model"))
	}
	return usageOnly
}

// envelope are the members that vendors repeat in every chunk of a chat stream. They carry no content.
// OpenAI pads chunks with obfuscation, and OpenRouter names the provider.
var envelope = map[string]bool{
	"id": true, "object": true, "created": true, "model": true, "system_fingerprint": true, "service_tier": true,
	"obfuscation": true, "provider": true, "usage": true,
}

// onlyUsage reports whether a chunk has no choices and no other content besides its usage.
func onlyUsage(data []byte) bool {
	only := true
	gjson.ParseBytes(data).ForEach(func(key, v gjson.Result) bool {
		switch {
		case v.Type == gjson.Null || envelope[key.Str]:
		case key.Str == "choices":
			only = v.IsArray() && !v.Get("0").Exists()
		default:
			only = false
		}
		return only
	})
	return only
}

// hasUsage reports whether data may have an object named usage anywhere. Vendors that were asked for usage put a null in
// every chunk; such a chunk need not be read again.
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

// chatWhole reads a body only once, because nearly every answer that was not streamed is one.
func (m *meter) chatWhole(body []byte) bool {
	var choices, failure, usage, model []byte
	whole := members(body, func(key, value []byte) {
		switch string(key) {
		case "choices":
			choices = value
		case "error":
			failure = value
		case "usage":
			usage = value
		case "model":
			model = value
		}
	})
	if !whole {
		return false
	}
	c, ok := chatUsage(parsed(usage))
	if !ok || c.usage().Output == 0 {
		m.chatText(parsed(choices))
	}
	m.take(c, ok)
	m.answeredBy(parsed(model))
	m.failedIf(parsed(failure))
	return true
}

// chatText counts the text of choices and notes which choices have ended.
func (m *meter) chatText(choices gjson.Result) {
	choices.ForEach(func(_, c gjson.Result) bool {
		index, ended := int64(0), false
		c.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "index":
				index = v.Int()
			case "finish_reason":
				ended = v.Type == gjson.String
			case "delta", "message":
				m.res.OutputText += text(v)
			case "text": // of completions
				m.res.OutputText += length(v)
			}
			return true
		})
		m.branches.see(index, ended)
		return true
	})
}

// chatUsage reads a usage object of chat completions, completions and embeddings, from any OpenAI-style vendor.
func chatUsage(v gjson.Result) (counts, bool) {
	// One pass over the object that keeps only figures, because every answer has one.
	var (
		r reader
		c counts
	)
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens":
			c.input = r.count(v)
		case "completion_tokens":
			c.output = r.count(v)
			c.outputSaid = c.outputSaid || v.Type == gjson.Number
		case "total_tokens":
			c.total = r.count(v)
			c.outputSaid = c.outputSaid || v.Type == gjson.Number
		case "prompt_cache_hit_tokens", "cached_tokens": // DeepSeek's, Moonshot's
			c.cached = max(c.cached, part(v))
		case "cache_creation_input_tokens": // from servers that translate Anthropic's API
			c.written = max(c.written, part(v))
		case "prompt_tokens_details":
			c.inputParts(v)
		case "completion_tokens_details":
			c.outputParts(v)
		case "prompt_audio_seconds": // Mistral's
			c.millis, _ = millis(v)
		case "num_search_queries": // Perplexity's
			c.fees[price.WebSearch] = part(v)
		case "server_tool_use": // OpenRouter's
			c.fees[price.WebSearch] = part(v.Get("web_search_requests"))
		}
		return true
	})
	if !r.ok() {
		return counts{}, false
	}
	return c, true
}

// inputParts reads prompt_tokens_details.
func (c *counts) inputParts(v gjson.Result) {
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "cached_tokens":
			c.cached = max(c.cached, part(v))
		case "cache_write_tokens", "cache_creation_tokens":
			c.written = max(c.written, part(v))
		case "audio_tokens":
			c.audioIn = part(v)
		case "image_tokens":
			c.imageIn = part(v)
		}
		return true
	})
}

// outputParts reads completion_tokens_details.
func (c *counts) outputParts(v gjson.Result) {
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "reasoning_tokens":
			c.reasoning = part(v)
		case "audio_tokens":
			c.audioOut = part(v)
		case "image_tokens":
			c.imageOut = part(v)
		}
		return true
	})
}

// tokens takes the figures of a usage object of Responses, images or audio, if it is readable.
func (m *meter) tokens(v gjson.Result) { m.take(tokenUsage(v)) }

func tokenUsage(v gjson.Result) (counts, bool) {
	var r reader
	output, total := v.Get("output_tokens"), v.Get("total_tokens")
	c := counts{input: r.count(v.Get("input_tokens")), output: r.count(output), total: r.count(total)}
	if !r.ok() {
		return counts{}, false
	}
	c.outputSaid = output.Type == gjson.Number || total.Type == gjson.Number
	details := v.Get("input_tokens_details")
	if !details.Exists() {
		details = v.Get("input_token_details") // the spelling of transcriptions
	}
	c.cached, c.written = part(details.Get("cached_tokens")), part(details.Get("cache_write_tokens"))
	c.audioIn, c.imageIn = part(details.Get("audio_tokens")), part(details.Get("image_tokens"))
	details = v.Get("output_tokens_details")
	c.reasoning = part(details.Get("reasoning_tokens"))
	c.audioOut, c.imageOut = part(details.Get("audio_tokens")), part(details.Get("image_tokens"))
	return c, true
}

func (m *meter) embeddings(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	// Embeddings have no output, and some vendors give only one of the two figures.
	c, ok := chatUsage(gjson.GetBytes(body, "usage"))
	c.input = max(c.input, c.total-c.output)
	c.outputSaid = true
	m.take(c, ok)
}

// moderation notes an answer that is free and has no usage.
func (m *meter) moderation(body []byte) {
	m.free = gjson.GetBytes(body, "results").IsArray()
	m.failedIf(gjson.GetBytes(body, "error"))
}
