package echo

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Figures of the instant answers, in tokens.
const (
	InstantInput  = 16
	InstantOutput = 128
)

const instantText = "echo: the quick brown fox jumps over the lazy dog and runs away into the deep dark woods"

var (
	instantBody   = makeInstantBody()
	instantFrames = makeInstantFrames()
	instantUsage  = []byte(`data: {"id":"chatcmpl-echo","object":"chat.completion.chunk","created":1750000000,"model":"echo","choices":[],"usage":` + instantFigures + "}\n\n")
	instantDone   = []byte("data: [DONE]\n\n")
)

const instantFigures = `{"prompt_tokens":16,"completion_tokens":128,"total_tokens":144}`

func makeInstantBody() []byte {
	text := strings.Repeat(instantText+". ", 8)
	return []byte(`{"id":"chatcmpl-echo","object":"chat.completion","created":1750000000,"model":"echo","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		text + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":` + instantFigures + `}`)
}

func makeInstantFrames() [][]byte {
	frame := func(delta, finish string) []byte {
		return []byte(`data: {"id":"chatcmpl-echo","object":"chat.completion.chunk","created":1750000000,"model":"echo","choices":[{"index":0,"delta":` +
			delta + `,"logprobs":null,"finish_reason":` + finish + "}]}\n\n")
	}
	frames := [][]byte{frame(`{"role":"assistant","content":""}`, "null")}
	for _, word := range words(instantText) {
		frames = append(frames, frame(`{"content":"`+word+`"}`, "null"))
	}
	return append(frames, frame("{}", `"stop"`))
}

// Instant returns the upstream of the benchmark. At any path, it reads the whole body and answers with a constant chat
// completion of about 1 KB. If the body has `"stream":true`, the answer is a constant stream of about 20 events, each
// flushed; with `"include_usage":true` it has a usage event. The figures are [InstantInput] and [InstantOutput]. Nothing is
// checked.
func Instant() http.Handler {
	bodies := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	length := []string{strconv.Itoa(len(instantBody))}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		body.Reset()
		if _, err := io.Copy(body, r.Body); err != nil {
			return
		}
		h := w.Header()
		if !says(body.Bytes(), `"stream":true`) {
			h["Content-Type"] = jsonType
			h["Content-Length"] = length
			_, _ = w.Write(instantBody)
			return
		}
		h["Content-Type"] = streamType
		rc := http.NewResponseController(w)
		for _, frame := range instantFrames {
			if _, err := w.Write(frame); err != nil || rc.Flush() != nil {
				return
			}
		}
		if says(body.Bytes(), `"include_usage":true`) {
			_, _ = w.Write(instantUsage)
			_ = rc.Flush()
		}
		_, _ = w.Write(instantDone)
	})
}

var (
	jsonType   = []string{"application/json"}
	streamType = []string{"text/event-stream; charset=utf-8"}
)

// says reports whether a body has a field, written as compact JSON or with a space after the colon.
func says(body []byte, field string) bool {
	name, val, _ := strings.Cut(field, ":")
	i := bytes.Index(body, []byte(name+":"))
	if i < 0 {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(body[i+len(name)+1:], " "), []byte(val))
}
