package meter_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/meter"
)

// chunks is a stream of n events, one a write, as a vendor sends them.
func chunks(n int, format, last string) (events [][]byte, size int64) {
	for i := range n {
		events = append(events, fmt.Appendf(nil, format, fmt.Sprintf("word%d ", i)))
	}
	events = append(events, []byte(last))
	for _, e := range events {
		size += int64(len(e))
	}
	return events, size
}

func BenchmarkStream(b *testing.B) {
	for _, bc := range []struct {
		name         string
		kind         meter.Kind
		opts         meter.Options
		format, last string
	}{
		{"chat", meter.OpenAIChat, meter.Options{},
			`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}]}` + "\n\n",
			`data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":300,"total_tokens":309}}` + "\n\ndata: [DONE]\n\n"},
		{"chat, usage null and hidden", meter.OpenAIChat, meter.Options{HideUsage: true},
			`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"%s"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n",
			`data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":300,"total_tokens":309}}` + "\n\ndata: [DONE]\n\n"},
		{"messages", meter.AnthropicMessages, meter.Options{},
			"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}` + "\n\n",
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
		{"responses", meter.OpenAIResponses, meter.Options{},
			"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"%s"}` + "\n\n",
			"event: response.completed\n" + `data: {"type":"response.completed","response":{"usage":{"input_tokens":9,"output_tokens":300,"total_tokens":309}}}` + "\n\n"},
		{"gemini", meter.GeminiGenerate, meter.Options{},
			`data: {"candidates":[{"content":{"parts":[{"text":"%s"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,"totalTokenCount":14}}` + "\n\n",
			`data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":300,"totalTokenCount":309}}` + "\n\n"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			events, size := chunks(300, bc.format, bc.last)
			var out []byte
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				s := meter.NewStream(bc.kind, bc.opts)
				for _, e := range events {
					out = s.Write(out[:0], e)
				}
				s.Flush(out[:0])
			}
		})
	}
}

func BenchmarkWhole(b *testing.B) {
	body := fmt.Appendf(nil, `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":300,"total_tokens":309}}`,
		strings.Repeat("word\\n", 300))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		meter.Whole(meter.OpenAIChat, meter.Options{}, body)
	}
}

func BenchmarkWholeImage(b *testing.B) {
	body := append(append([]byte(`{"data":[{"b64_json":"`), bytes.Repeat([]byte("iVBORw0K"), 1<<17)...), `"}],"usage":{"input_tokens":1,"output_tokens":1}}`...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		meter.Whole(meter.OpenAIImages, meter.Options{}, body)
	}
}
