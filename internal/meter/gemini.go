package meter

import (
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// chunk reads a GenerateContentResponse: the whole of an answer or one of its stream. Counts are of the answer so far, so the last
// chunk's are the answer's.
func (m *meter) chunk(data []byte) {
	ended := false
	gjson.GetBytes(data, "candidates").ForEach(func(_, c gjson.Result) bool {
		ended = ended || c.Get("finishReason").Type == gjson.String
		m.geminiText(c.Get("content.parts"))
		return true
	})
	// A prompt that is blocked has no candidates.
	if ended || gjson.GetBytes(data, "promptFeedback.blockReason").Type == gjson.String {
		m.res.Complete = true
	}
	m.failedIf(gjson.GetBytes(data, "error"))
	usage := gjson.GetBytes(data, "usageMetadata")
	if !usage.IsObject() || !complete(data) {
		return
	}
	u, ok := geminiUsage(usage)
	if !ok {
		return
	}
	if u.Output == 0 && m.res.OutputText > 0 && !m.res.Complete {
		// Some models count output in their last chunk only.
		m.res.Usage, m.geminiInput = u, true
		return
	}
	m.known(u)
}

func (m *meter) geminiText(parts gjson.Result) {
	parts.ForEach(func(_, p gjson.Result) bool {
		p.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "text":
				m.res.OutputText += length(v)
			case "functionCall", "executableCode":
				m.res.OutputText += text(v)
			}
			return true
		})
		return true
	})
}

// geminiUsage reads usageMetadata, which leaves out counts that are zero. What tools gave the model is input beside
// the prompt, what it thought is output beside the candidates; cached content is part of the prompt.
func geminiUsage(v gjson.Result) (price.Usage, bool) {
	found, sane := false, true
	count := func(field string) int64 {
		f := v.Get(field)
		if !f.Exists() || f.Type == gjson.Null {
			return 0
		}
		n, ok := figure(f)
		found, sane = found || ok, sane && ok
		return n
	}
	prompt, tools := count("promptTokenCount"), count("toolUsePromptTokenCount")
	candidates, thoughts := count("candidatesTokenCount"), count("thoughtsTokenCount")
	u := price.Usage{
		Input:       prompt + tools,
		CachedInput: part(v.Get("cachedContentTokenCount"), prompt),
		Output:      candidates + thoughts,
		Reasoning:   thoughts,
	}
	heard := audioOf(v.Get("promptTokensDetails")) + audioOf(v.Get("toolUsePromptTokensDetails"))
	u.AudioInput = min(max(heard-audioOf(v.Get("cacheTokensDetails")), 0), u.Input)
	return u, found && sane
}

// audioOf is the audio tokens of a list of counts by modality.
func audioOf(list gjson.Result) (n int64) {
	list.ForEach(func(_, e gjson.Result) bool {
		if e.Get("modality").Str == "AUDIO" {
			n = saturate(n, part(e.Get("tokenCount"), maxFigure))
		}
		return true
	})
	return n
}

// geminiWhole reads a whole answer, or a stream's array that came as one.
func (m *meter) geminiWhole(body []byte) {
	if complete(body) {
		m.chunk(body)
		return
	}
	o := objects{limit: len(body)}
	o.write(body, m.chunk)
}

func (m *meter) geminiEmbed(body []byte) {
	m.failedIf(gjson.GetBytes(body, "error"))
	if u, ok := geminiUsage(gjson.GetBytes(body, "usageMetadata")); ok {
		m.known(u)
	}
}
