package meter

import (
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// messages is Anthropic's Messages API.
var messages = format{
	whole: wholeObject((*meter).messagesWhole),
	usage: func(m *meter) billed {
		b := billed{said: m.anthropic.outputSaid}
		b.usage, b.others = m.anthropic.usage(m.hourCache)
		for _, o := range b.others {
			b.beside = b.beside.Plus(o.Usage)
		}
		m.free = m.anthropic.unbilled()
		return b
	},
	event: func(m *meter, _, data []byte) bool { m.messagesEvent(data); return false },
	long:  func(*meter, *bulk) {}, // the events with figures are short
}

// anthropicCounts are the counts of a usage object, or of one pass of it. In a stream they are cumulative: a later
// event replaces the counts that it names, but a zero replaces none.
type anthropicCounts struct {
	input, cacheWrite, cacheRead int64
	write5m, write1h             int64 // the parts of cacheWrite by lifetime, as far as they are known
	output, thinking             int64
	searches                     int64
	outputSaid                   bool
}

// take reads a usage object. It returns the object's output count and whether the object is readable.
func (c *anthropicCounts) take(v gjson.Result) (output int64, ok bool) {
	var r reader
	said := v.Get("output_tokens")
	input := r.count(v.Get("input_tokens"))
	output = r.count(said)
	if !r.ok() {
		return 0, false
	}
	replace(&c.input, input)
	replace(&c.output, output)
	c.outputSaid = c.outputSaid || said.Type == gjson.Number
	replace(&c.cacheWrite, part(v.Get("cache_creation_input_tokens")))
	replace(&c.cacheRead, part(v.Get("cache_read_input_tokens")))
	replace(&c.write5m, part(v.Get("cache_creation.ephemeral_5m_input_tokens")))
	replace(&c.write1h, part(v.Get("cache_creation.ephemeral_1h_input_tokens")))
	replace(&c.thinking, part(v.Get("output_tokens_details.thinking_tokens")))
	replace(&c.searches, part(v.Get("server_tool_use.web_search_requests")))
	return output, said.Type == gjson.Number
}

// usage is the counts with all input together, as other vendors count: Anthropic's input_tokens leave out cached and
// cache-written tokens. hour says that the request asks for one-hour cache writes.
func (c *anthropicCounts) usage(hour bool) price.Usage {
	written := max(c.cacheWrite, c.write5m+c.write1h)
	long := min(c.write1h, written)
	// The last event of a stream has the sum of the cache writes without its parts. The rest that no part covers gets
	// the longest lifetime that was seen or requested.
	if rest := written - long - min(c.write5m, written-long); rest > 0 && (c.write1h > 0 || hour && c.write5m == 0) {
		long += rest
	}
	u := price.Usage{
		Input:        c.input + written + c.cacheRead,
		CachedInput:  c.cacheRead,
		CacheWrite:   written - long,
		CacheWrite1h: long,
		Output:       c.output,
		Reasoning:    min(c.thinking, c.output),
	}
	u.Fees[price.WebSearch] = c.searches
	return u
}

// anthropicUsage is the statements of an answer about its usage and its end.
type anthropicUsage struct {
	anthropicCounts
	passes     passes
	lastOutput int64 // the output count of the last usage object
	blocks     bool  // content has come
	refused    bool  // the model's safety classifiers declined
	category   string
}

func (a *anthropicUsage) take(v gjson.Result) (ok bool) {
	a.lastOutput, ok = a.anthropicCounts.take(v)
	if p, listed := passesOf(v.Get("iterations")); listed && len(p.list) >= len(a.passes.list) {
		a.passes = p
	}
	return ok
}

// ended reads the reason for a message's end.
func (a *anthropicUsage) ended(v gjson.Result) {
	if v.Get("stop_reason").Str == "refusal" {
		a.refused, a.category = true, v.Get("stop_details.category").Str
	}
}

// unbilled reports whether the answer is a refusal that Anthropic does not bill: a refusal before any output, except in
// the categories that are billed since 2026-09-24.
// https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
func (a *anthropicUsage) unbilled() bool {
	if !a.refused || a.blocks || a.lastOutput > 0 {
		return false
	}
	switch a.category {
	case "bio", "frontier_llm", "reasoning_extraction":
		return false
	}
	return true
}

// usage is the usage of the requested model, and the passes of others. Passes before an unbilled refusal are billed.
func (a *anthropicUsage) usage(hour bool) (price.Usage, []Pass) {
	own, others := a.passes.sum(hour, a.unbilled())
	if !a.passes.sampled && !a.unbilled() {
		own = own.Plus(a.anthropicCounts.usage(hour))
	}
	own.Fees[price.WebSearch] = a.searches
	return own, others
}

// passes are the passes of one request. The counts beside the list contain only its sampling passes.
type passes struct {
	list     []pass
	sampled  bool // sampling passes are listed, so the list replaces the counts
	fallback bool // another model answered after one declined
}

type pass struct {
	counts anthropicCounts
	model  string // "" for the requested model
}

// passesOf reads usage.iterations. A list with an unreadable entry is not used.
func passesOf(list gjson.Result) (p passes, ok bool) {
	if !list.IsArray() {
		return p, false
	}
	ok = true
	list.ForEach(func(_, v gjson.Result) bool {
		var one pass
		if _, ok = one.counts.take(v); !ok || !v.Get("input_tokens").Exists() {
			ok = false
			return false
		}
		switch kind := v.Get("type").Str; kind {
		case "fallback_message", "advisor_message":
			p.sampled = p.sampled || kind == "fallback_message"
			p.fallback = p.fallback || kind == "fallback_message"
			one.model = v.Get("model").String()
		default:
			p.sampled = p.sampled || kind == "message"
		}
		p.list = append(p.list, one)
		return true
	})
	return p, ok
}

// output is the output of all passes.
func (p *passes) output() (n int64) {
	for _, one := range p.list {
		n += one.counts.output
	}
	return n
}

// sum adds up the passes of the requested model, and lists the others. A pass that declined before any output and was
// followed by a fallback is not billed. With unbilled, the last pass is not billed either.
func (p *passes) sum(hour, unbilled bool) (own price.Usage, others []Pass) {
	for i, one := range p.list {
		silent := one.counts.output == 0
		if last := i == len(p.list)-1; silent && (p.fallback && !last || unbilled && last) {
			continue
		}
		if u := one.counts.usage(hour); one.model != "" {
			others = append(others, Pass{Model: one.model, Usage: u})
		} else {
			own = own.Plus(u)
		}
	}
	return own, others
}

// messagesEvent reads an event of a messages stream. message_start has the input and a first count of the output;
// message_delta, near the end, has the final counts of both.
func (m *meter) messagesEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "content_block_delta":
		m.res.OutputText += text(gjson.GetBytes(data, "delta"))
	case "content_block_start":
		m.anthropic.blocks = true
		m.branches.resume()
		m.res.OutputText += text(gjson.GetBytes(data, "content_block"))
	case "content_block_stop":
		m.branches.see(0, true)
	case "message_start":
		if complete(data) {
			m.anthropic.take(gjson.GetBytes(data, "message.usage"))
			m.answeredBy(gjson.GetBytes(data, "message.model"))
		}
	case "message_delta":
		if complete(data) {
			m.branches.see(0, true)
			m.messageEnd(gjson.GetBytes(data, "delta"), gjson.GetBytes(data, "usage"))
		}
	case "message_stop":
		m.res.Complete = true
	case "error":
		m.failed()
	}
}

// messageEnd reads the reason for a message's end, and its usage.
func (m *meter) messageEnd(why, usage gjson.Result) {
	m.anthropic.ended(why)
	said := m.anthropic.take(usage)
	if said && (m.anthropic.lastOutput > 0 || m.anthropic.passes.output() > 0 || m.res.OutputText == 0) {
		m.figures, m.textThen = true, m.res.OutputText
	}
}

func (m *meter) messagesWhole(body []byte) {
	content := gjson.GetBytes(body, "content")
	m.anthropic.blocks = content.Get("0").Exists()
	m.res.OutputText += text(content)
	m.answeredBy(gjson.GetBytes(body, "model"))
	m.messageEnd(gjson.ParseBytes(body), gjson.GetBytes(body, "usage"))
	m.failedIf(gjson.GetBytes(body, "error"))
}
