package meter

import (
	"bytes"
	"strings"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// generated is the answer to generateContent, and to streamGenerateContent as events or as a JSON array.
var generated = format{
	whole:    (*meter).geminiWhole,
	usage:    geminiFigures,
	event:    func(m *meter, _, data []byte) bool { m.chunk(data); return false },
	long:     (*meter).longChunk,
	finished: func(m *meter, answers int64) bool { return m.branches.begun(answers) },
	array:    true,
}

// embedded is the answer to embedContent and batchEmbedContents.
var embedded = format{whole: wholeObject((*meter).geminiEmbed), usage: geminiFigures, figures: true}

// geminiFigures is the usage of an answer. Google leaves zeros out, so that output is always said.
func geminiFigures(m *meter) billed { return billed{usage: m.geminiUsage(), said: true} }

// longChunk reads a chunk that was too long to be kept whole.
func (m *meter) longChunk(l *bulk) {
	candidates := `"candidates":[{}]`
	if bytes.Contains(l.tail, []byte(`"finishReason"`)) || bytes.Contains(l.head, []byte(`"finishReason"`)) {
		candidates = `"candidates":[{"finishReason":"STOP"}]`
	}
	m.pictures = m.pictures || bytes.Contains(l.head, []byte(`"image/`))
	m.chunk([]byte(l.object(candidates, "usageMetadata")))
}

// geminiCounts are the counts of usageMetadata, which cover the answer so far and leave out zeros.
type geminiCounts struct {
	prompt, tools, candidates, thoughts, total int64
	cached, audioIn, imageIn                   int64
	audioOut, imageOut                         int64
}

// take reads usageMetadata. It reports whether it is readable, and whether it counts the answer's text.
func (g *geminiCounts) take(v gjson.Result) (ok, output bool) {
	// One pass over the object, because every chunk has one.
	var r reader
	var later geminiCounts
	v.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "promptTokenCount":
			later.prompt = r.count(v)
		case "toolUsePromptTokenCount":
			later.tools = r.count(v)
		case "candidatesTokenCount":
			later.candidates = r.count(v)
		case "thoughtsTokenCount":
			later.thoughts = r.count(v)
		case "totalTokenCount":
			later.total = r.count(v)
		case "cachedContentTokenCount":
			later.cached = part(v)
		case "promptTokensDetails", "toolUsePromptTokensDetails":
			addModalities(v, &later.audioIn, &later.imageIn)
		case "cacheTokensDetails":
			var audio, image int64
			addModalities(v, &audio, &image)
			later.audioIn -= audio
			later.imageIn -= image
		case "candidatesTokensDetails":
			addModalities(v, &later.audioOut, &later.imageOut)
		}
		return true
	})
	if !r.ok() {
		return false, false
	}
	replace(&g.prompt, later.prompt)
	replace(&g.tools, later.tools)
	replace(&g.candidates, later.candidates)
	replace(&g.thoughts, later.thoughts)
	replace(&g.total, later.total)
	replace(&g.cached, later.cached)
	replace(&g.audioIn, later.audioIn)
	replace(&g.imageIn, later.imageIn)
	replace(&g.audioOut, later.audioOut)
	replace(&g.imageOut, later.imageOut)
	return true, later.candidates > 0 || later.total > later.prompt+later.tools+later.thoughts
}

// usage is the counts as they are billed. Input is the prompt, cached content included, and the results of tools. Output
// is the candidates, the thoughts, and the part of the total that no count covers.
func (g *geminiCounts) usage() price.Usage {
	input, output := g.prompt+g.tools, g.candidates+g.thoughts
	switch beyond := g.total - input - output; {
	case beyond > 0 && input == 0 && output > 0:
		input = beyond
	case beyond > 0:
		output += beyond
	}
	return price.Usage{
		Input:       input,
		CachedInput: min(g.cached, input),
		AudioInput:  min(g.audioIn, input),
		ImageInput:  min(g.imageIn, input),
		Output:      output,
		Reasoning:   g.thoughts,
		AudioOutput: min(g.audioOut, output),
		ImageOutput: min(g.imageOut, output),
	}
}

// addModalities adds the tokens of sound and images in a list of counts by modality.
func addModalities(list gjson.Result, audio, image *int64) {
	list.ForEach(func(_, e gjson.Result) bool {
		switch e.Get("modality").Str {
		case "AUDIO":
			*audio = saturate(*audio, part(e.Get("tokenCount")))
		case "IMAGE":
			*image = saturate(*image, part(e.Get("tokenCount")))
		}
		return true
	})
}

// chunk reads a GenerateContentResponse: a whole answer or a chunk of its stream.
func (m *meter) chunk(data []byte) {
	gjson.GetBytes(data, "candidates").ForEach(func(_, c gjson.Result) bool {
		index, ended := int64(0), false
		c.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "index":
				index = v.Int()
			case "finishReason":
				ended = v.Type == gjson.String
			case "content":
				m.geminiParts(v.Get("parts"))
			case "groundingMetadata":
				m.grounding(v)
			}
			return true
		})
		m.branches.see(index, ended)
		return true
	})
	// The answer to a blocked prompt has no candidates.
	m.blocked = m.blocked || gjson.GetBytes(data, "promptFeedback.blockReason").Type == gjson.String
	m.res.Complete = m.branches.ended() || m.blocked
	m.failedIf(gjson.GetBytes(data, "error"))
	usage := gjson.GetBytes(data, "usageMetadata")
	if !usage.IsObject() || !complete(data) {
		return
	}
	ok, output := m.gemini.take(usage)
	m.figures = m.figures || ok
	if output {
		m.textThen = m.res.OutputText
	}
}

func (m *meter) geminiParts(parts gjson.Result) {
	parts.ForEach(func(_, p gjson.Result) bool {
		p.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "text":
				m.res.OutputText += length(v)
			case "functionCall", "executableCode":
				m.res.OutputText += text(v)
			case "inlineData":
				m.media = true
				m.pictures = m.pictures || strings.HasPrefix(v.Get("mimeType").Str, "image/")
			}
			return true
		})
		return true
	})
}

// grounding counts what Google bills for grounding an answer: each query from Gemini 3 on, the prompt before that.
// https://ai.google.dev/gemini-api/docs/pricing
func (m *meter) grounding(v gjson.Result) {
	if !v.IsObject() {
		return
	}
	queries, _ := figure(v.Get("webSearchQueries.#"))
	chunks, _ := figure(v.Get("groundingChunks.#"))
	if queries+chunks > 0 {
		m.queries = max(m.queries, queries, 1)
	}
}

// groundings is the number of billed groundings of the answer.
func (m *meter) groundings() int64 {
	version, ok := strings.CutPrefix(m.model, "gemini-")
	if ok && len(version) > 0 && version[0] >= '3' && version[0] <= '9' {
		return m.queries
	}
	return min(m.queries, 1)
}

// geminiUsage is the usage of a generated answer. If it has images but no count of them, all candidate tokens count as
// images.
func (m *meter) geminiUsage() price.Usage {
	u := m.gemini.usage()
	if m.pictures && u.ImageOutput == 0 {
		u.ImageOutput = u.Output - min(u.Reasoning, u.Output)
	}
	u.Fees[price.Grounding] = m.groundings()
	return u
}

// geminiWhole reads a whole answer, or a stream that came as one JSON array.
func (m *meter) geminiWhole(body []byte) bool {
	switch {
	case complete(body):
		m.chunk(body)
	case completeArray(body):
		o := objects{limit: len(body)}
		o.write(body, m.chunk, nil)
	default:
		return false
	}
	return true
}

func (m *meter) geminiEmbed(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	m.figures, _ = m.gemini.take(gjson.GetBytes(body, "usageMetadata"))
}
