package meter

import (
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// anthropicCounts are the counts of a usage object, or of one pass of it. In a stream they are cumulative: a later
// event replaces those that it names.
type anthropicCounts struct {
	input, cacheWrite, cacheWrite1h, cacheRead int64
	output, thinking                           int64
	hasInput, hasOutput                        bool
}

func (c *anthropicCounts) take(v gjson.Result) {
	replace := func(into *int64, field string) bool {
		n, ok := figure(v.Get(field))
		if ok {
			*into = n
		}
		return ok
	}
	c.hasInput = replace(&c.input, "input_tokens") || c.hasInput
	c.hasOutput = replace(&c.output, "output_tokens") || c.hasOutput
	replace(&c.cacheWrite, "cache_creation_input_tokens")
	replace(&c.cacheRead, "cache_read_input_tokens")
	replace(&c.cacheWrite1h, "cache_creation.ephemeral_1h_input_tokens")
	replace(&c.thinking, "output_tokens_details.thinking_tokens")
}

// usage is the counts with all input together, as everybody else counts: Anthropic's input_tokens leave out what
// went through the cache.
func (c *anthropicCounts) usage() price.Usage {
	hour := min(c.cacheWrite1h, c.cacheWrite)
	return price.Usage{
		Input:        c.input + c.cacheWrite + c.cacheRead,
		CachedInput:  c.cacheRead,
		CacheWrite:   c.cacheWrite - hour,
		CacheWrite1h: hour,
		Output:       c.output,
		Reasoning:    min(c.thinking, c.output),
	}
}

// anthropicUsage is what an answer's usage objects have said.
type anthropicUsage struct {
	anthropicCounts
	passes passes
}

func (a *anthropicUsage) take(v gjson.Result) {
	a.anthropicCounts.take(v)
	if p, ok := passesOf(v.Get("iterations")); ok {
		a.passes = p
	}
}

// usage is what the model that was asked used.
func (a *anthropicUsage) usage() price.Usage {
	if a.passes.sampled {
		return a.passes.own
	}
	return a.anthropicCounts.usage().Plus(a.passes.own)
}

// passes are the passes that one request took, of which the counts beside them only contain the sampling ones.
type passes struct {
	sampled bool        // sampling passes are listed, so that own stands for the counts
	own     price.Usage // of the model that was asked: sampling and compaction
	others  []Pass      // of an advisor or a fallback model, billed at that model's price
}

// passesOf reads usage.iterations. A list with an entry that can't be read is not used.
func passesOf(list gjson.Result) (p passes, ok bool) {
	if !list.IsArray() {
		return p, false
	}
	ok = true
	list.ForEach(func(_, v gjson.Result) bool {
		var c anthropicCounts
		c.take(v)
		if ok = c.hasInput && c.hasOutput; !ok {
			return false
		}
		switch kind := v.Get("type").Str; kind {
		case "fallback_message", "advisor_message":
			p.sampled = p.sampled || kind == "fallback_message"
			p.others = append(p.others, Pass{Model: v.Get("model").String(), Usage: c.usage()})
		default:
			p.sampled = p.sampled || kind == "message"
			p.own = p.own.Plus(c.usage())
		}
		return true
	})
	return p, ok
}

// messagesEvent reads an event of a messages stream. message_start has the input and only a beginning of the output;
// message_delta, near the end, has both as they came to be.
func (m *meter) messagesEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "content_block_delta":
		m.res.OutputText += text(gjson.GetBytes(data, "delta"))
	case "content_block_start":
		m.res.OutputText += text(gjson.GetBytes(data, "content_block"))
	case "message_start":
		if complete(data) {
			m.anthropic.take(gjson.GetBytes(data, "message.usage"))
			m.res.Usage = m.anthropic.usage()
		}
	case "message_delta":
		m.messageDelta(usageOf(data))
	case "message_stop":
		m.res.Complete = true
	case "error":
		m.res.Failed = true
	}
}

func (m *meter) messageDelta(usage gjson.Result) {
	_, final := figure(usage.Get("output_tokens"))
	m.anthropic.take(usage)
	m.res.Usage, m.res.Others = m.anthropic.usage(), m.anthropic.passes.others
	if final && m.anthropic.hasInput {
		m.known(m.res.Usage)
	}
}

func (m *meter) messagesWhole(body []byte) {
	m.res.OutputText += text(gjson.GetBytes(body, "content"))
	m.failedIf(gjson.GetBytes(body, "error"))
	m.messageDelta(gjson.GetBytes(body, "usage"))
}
