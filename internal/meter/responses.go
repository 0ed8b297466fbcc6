package meter

import (
	"strings"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/tidwall/gjson"
)

// responses is OpenAI's Responses API.
var responses = format{
	whole: wholeObject((*meter).responsesWhole),
	usage: func(m *meter) billed {
		b := countedUsage(m)
		m.hosted.addFees(&b.usage, m.searchFee, m.container)
		b.others = m.hosted.images(m.imageModel)
		return b
	},
	event: func(m *meter, _, data []byte) bool { m.responsesEvent(data); return false },
	long: func(m *meter, l *bulk) {
		m.responsesEvent([]byte(`{"type":"` + l.kind() + `","response":` + l.object("", "usage", "tool_usage") + `}`))
	},
}

// images are image generations and edits.
var images = format{
	whole: wholeObject((*meter).imagesWhole),
	usage: func(m *meter) billed {
		b := billed{usage: m.sum.Plus(m.counts.usage()), said: m.counts.outputSaid || m.metered == m.res.Images && m.metered > 0}
		b.usage.Images = m.res.Images
		return b
	},
	event:    func(m *meter, _, data []byte) bool { m.imagesEvent(data); return false },
	long:     func(m *meter, l *bulk) { m.imagesEvent([]byte(l.object(`"type":"`+l.kind()+`"`, "usage"))) },
	finished: func(m *meter, answers int64) bool { return m.res.Images >= answers },
}

// audio is transcriptions, translations, and speech that is streamed as events.
var audio = format{
	whole: wholeObject((*meter).audioWhole),
	usage: countedUsage,
	event: func(m *meter, _, data []byte) bool { m.audioEvent(data); return false },
	long:  func(m *meter, l *bulk) { m.audioEvent([]byte(l.object(`"type":"`+l.kind()+`"`, "usage"))) },
	timed: true,
}

// responsesEvent reads an event of a Responses stream. The last event has the whole response with its usage, however it
// ended.
func (m *meter) responsesEvent(data []byte) {
	kind := gjson.GetBytes(data, "type").Str
	switch kind {
	case "response.completed", "response.incomplete", "response.failed", "response.done", "response.cancelled", "response.canceled":
		m.res.Complete = true
		response := gjson.GetBytes(data, "response")
		if complete(data) {
			m.response(response)
		}
		if kind == "response.failed" || response.Get("status").Str == "failed" {
			m.failed()
		}
	case "response.output_item.done":
		m.branches.see(0, true)
		m.hosted.item(gjson.GetBytes(data, "item"))
	case "response.output_item.added":
		m.branches.resume()
	case "response.output_text.done", "response.content_part.done":
		m.branches.see(0, true)
	case "error":
		m.failed()
	case "response.audio.delta": // encoded sound
	default:
		if strings.HasSuffix(kind, ".delta") {
			m.branches.resume()
			m.res.OutputText += length(gjson.GetBytes(data, "delta"))
		}
	}
}

func (m *meter) responsesWhole(body []byte) {
	response := gjson.ParseBytes(body)
	m.res.OutputText += text(response.Get("output"))
	m.response(response)
	m.failedIf(response.Get("error"))
	if response.Get("status").Str == "failed" {
		m.failed()
	}
}

// response reads a whole response object: its usage, and the usage of its hosted tools.
func (m *meter) response(v gjson.Result) {
	m.answeredBy(v.Get("model"))
	m.tokens(v.Get("usage"))
	m.hosted.items(v.Get("output"))
	tools := v.Get("tool_usage")
	m.hosted.searches = max(m.hosted.searches, part(tools.Get("web_search.num_requests")))
	m.hosted.counted(v.Get("usage.server_side_tool_usage_details"))
	if c, ok := tokenUsage(tools.Get("image_gen")); ok {
		m.hosted.image.take(c)
	}
	if model := v.Get(`tools.#(type=="image_generation").model`).Str; model != "" {
		m.hosted.imageModel = model
	}
}

// hosted is the usage of tools that the vendor runs.
type hosted struct {
	searches, fileSearches int64
	runs                   int64    // of code, if the answer counts them
	containers             []string // the containers that ran code
	image                  counts   // of the image model
	imageModel             string   // "" if the answer does not name it
}

// maxContainers bounds how many containers of one answer are distinguished.
const maxContainers = 64

// items counts the items of a whole response's output. The output may leave out items that came as events, so the larger
// count applies.
func (h *hosted) items(output gjson.Result) {
	var whole hosted
	output.ForEach(func(_, item gjson.Result) bool {
		whole.item(item)
		return true
	})
	h.searches = max(h.searches, whole.searches)
	h.fileSearches = max(h.fileSearches, whole.fileSearches)
	if len(whole.containers) > len(h.containers) {
		h.containers = whole.containers
	}
}

// item counts an item of a response's output. OpenAI bills searches, but not opening a page or searching in it.
func (h *hosted) item(v gjson.Result) {
	switch v.Get("type").Str {
	case "web_search_call":
		if action := v.Get("action.type").Str; action == "" || action == "search" {
			h.searches++
		}
	case "file_search_call":
		h.fileSearches++
	case "code_interpreter_call":
		h.container(v.Get("container_id").String())
	case "shell_call": // a local shell has no container
		if id := v.Get("environment.container_id"); id.Exists() {
			h.container(id.String())
		}
	}
}

// counted takes xAI's counts of the tools that ran.
func (h *hosted) counted(v gjson.Result) {
	h.searches = max(h.searches, part(v.Get("web_search_calls"))+part(v.Get("x_search_calls")))
	h.fileSearches = max(h.fileSearches, part(v.Get("file_search_calls"))+part(v.Get("document_search_calls")))
	h.runs = max(h.runs, part(v.Get("code_interpreter_calls")))
}

// container notes a container, which is billed once. A call that names none counts as a container of its own.
func (h *hosted) container(id string) {
	if len(h.containers) == maxContainers {
		return
	}
	for _, c := range h.containers {
		if c == id && id != "" {
			return
		}
	}
	h.containers = append(h.containers, id)
}

// defaultImageModel is the image tool's model if neither the request nor the answer names one.
const defaultImageModel = "gpt-image-2"

// addFees adds the fees to u. search is the fee of a search, size that of a container.
func (h *hosted) addFees(u *price.Usage, search price.Fee, size int64) {
	u.Fees[search] = max(u.Fees[search], h.searches)
	u.Fees[price.FileSearch] = max(u.Fees[price.FileSearch], h.fileSearches)
	u.Fees[price.CodeInterpreter] = max(u.Fees[price.CodeInterpreter], h.runs, int64(len(h.containers))*size)
}

// images returns the usage of the image model.
func (h *hosted) images(asked string) []Pass {
	u := h.image.usage()
	if u.Tokens() == 0 {
		return nil
	}
	model := h.imageModel
	if model == "" {
		model = asked
	}
	if model == "" {
		model = defaultImageModel
	}
	return []Pass{{Model: model, Usage: u}}
}

// imagesWhole counts images and reads the usage, which only models billed by tokens give.
func (m *meter) imagesWhole(body []byte) {
	if n, ok := figure(gjson.GetBytes(body, "data.#")); ok {
		m.res.Images = n
	}
	m.take(imageUsage(gjson.GetBytes(body, "usage")))
	m.failedIf(gjson.GetBytes(body, "error"))
}

// imageUsage reads the usage of an image endpoint. Its output counts as images unless the usage says otherwise.
func imageUsage(v gjson.Result) (counts, bool) {
	c, ok := tokenUsage(v)
	if ok && !v.Get("output_tokens_details").Exists() {
		c.imageOut = c.usage().Output
	}
	return c, ok
}

// imagesEvent reads an event of an image stream. Every finished image comes with its own usage.
func (m *meter) imagesEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "image_generation.completed", "image_edit.completed":
		m.res.Images++
		m.res.Complete = true
		c, ok := imageUsage(usageOf(data))
		if ok && c.outputSaid {
			m.metered++
		}
		m.sum = m.sum.Plus(c.usage())
	case "error":
		m.failed()
	}
}

// usageOf is the usage of a complete event.
func usageOf(data []byte) gjson.Result {
	if !complete(data) {
		return gjson.Result{}
	}
	return gjson.GetBytes(data, "usage")
}

// audioWhole reads a transcription. Models are billed by tokens or by the duration of the sound. Verbose answers have the
// duration even without usage.
func (m *meter) audioWhole(body []byte) {
	m.res.OutputText += length(gjson.GetBytes(body, "text"))
	m.audio(gjson.GetBytes(body, "usage"))
	if n, ok := millis(gjson.GetBytes(body, "duration")); ok && !m.figures {
		m.take(counts{millis: n, outputSaid: true}, true)
	}
	m.failedIf(gjson.GetBytes(body, "error"))
}

// audio takes the usage of a transcription: seconds, or tokens, or both in Mistral's case, under the names that chat uses.
func (m *meter) audio(usage gjson.Result) {
	if n, ok := millis(usage.Get("seconds")); ok {
		m.take(counts{millis: n, outputSaid: true}, true)
		return
	}
	c, ok := tokenUsage(usage)
	if !usage.Get("input_tokens").Exists() {
		c, ok = chatUsage(usage)
		if c.millis > 0 {
			c.audioIn = c.usage().Input - c.input
		}
	}
	m.take(c, ok)
}

// audioEvent reads an event of a transcription or of speech.
func (m *meter) audioEvent(data []byte) {
	switch gjson.GetBytes(data, "type").Str {
	case "transcript.text.delta", "transcription.text.delta":
		m.res.OutputText += length(gjson.GetBytes(data, "delta"))
		m.res.OutputText += length(gjson.GetBytes(data, "text")) // Mistral's
	case "transcript.text.done", "speech.audio.done", "transcription.done":
		m.res.Complete = true
		m.audio(usageOf(data))
	case "error":
		m.failed()
	}
}
