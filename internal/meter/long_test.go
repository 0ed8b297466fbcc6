package meter_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/price"
)

// An event or answer that is too long to be kept passes as it comes. Its figures are read at either end.
func TestLong(t *testing.T) {
	t.Parallel()
	picture := strings.Repeat("iVBORw0KGgo", 120_000) // 1.3 MB
	numbers := strings.Repeat(`0.125,`, 220_000)
	for _, tc := range []struct {
		name string
		kind meter.Kind
		body string
		want price.Usage
	}{
		{"embeddings, figures at the end", meter.OpenAIEmbeddings, `{"data":[` + numbers + `0],"usage":{"prompt_tokens":7,"total_tokens":7}}`, price.Usage{Input: 7}},
		{"embeddings, figures at the beginning", meter.OpenAIEmbeddings, `{"usage":{"prompt_tokens":7,"total_tokens":7},"data":[` + numbers + `0]}`, price.Usage{Input: 7}},
		{"figures within a string", meter.OpenAIEmbeddings, `{"data":["\"usage\":{\"prompt_tokens\":1}",` + numbers + `0],"usage":{"prompt_tokens":7},"x":"\"usage"}`, price.Usage{Input: 7}},
		{"images", meter.OpenAIImages, `{"data":[{"b64_json":"` + picture + `"},{"b64_json":"x"}],"usage":{"input_tokens":5,"output_tokens":100}}`, price.Usage{Input: 5, Output: 100, ImageOutput: 100, Images: 2}},
		{"an image's event", meter.OpenAIImages, sse(`{"type":"image_generation.completed","b64_json":"` + picture + `","usage":{"input_tokens":5,"output_tokens":100}}`), price.Usage{Input: 5, Output: 100, ImageOutput: 100, Images: 1}},
		{"a response with an image", meter.OpenAIResponses, sse(`{"type":"response.completed","response":{"output":[{"type":"image_generation_call","result":"` + picture + `"}],"tool_usage":{"web_search":{"num_requests":2}},"usage":{"input_tokens":5,"output_tokens":9}}}`), price.Usage{Input: 5, Output: 9}.Plus(fee(price.WebSearch, 2))},
		{"Gemini's picture", meter.GeminiGenerate, sse(`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + picture + `"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1290}}`), price.Usage{Input: 3, Output: 1290, ImageOutput: 1290}},
		{"Gemini's picture in an array", meter.GeminiGenerate, `[{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + picture + `"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1290}}]`, price.Usage{Input: 3, Output: 1290, ImageOutput: 1290}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1 << 10, 1000, 32 << 10, len(tc.body)} {
				var cuts []int
				for i := size; i < len(tc.body); i += size {
					cuts = append(cuts, i)
				}
				got, out := run(tc.kind, meter.Options{Memory: meter.NewMemory(64 << 20)}, []byte(tc.body), cuts...)
				if !got.Known() || got.Usage != tc.want || !got.Complete {
					t.Errorf("pieces of %d: %+v, want %+v", size, got, tc.want)
				}
				if string(out) != tc.body {
					t.Errorf("pieces of %d: the client sees other bytes", size)
				}
			}
		})
	}
}

// All streams together keep no more of their unfinished events than Memory allows, and give the memory back.
func TestMemory(t *testing.T) {
	t.Parallel()
	const most = 4 << 20
	memory := meter.NewMemory(most)
	var streams []*meter.Stream
	for i := range 50 {
		kind := []meter.Kind{meter.OpenAIChat, meter.GeminiGenerate, meter.OpenAIResponses}[i%3]
		s := meter.NewStream(kind, meter.Options{HideUsage: true, Memory: memory})
		streams = append(streams, s)
		s.Write(nil, []byte([]string{"data: ", "[{\"", "{\""}[i%3]))
	}
	piece := []byte(strings.Repeat("x", 32<<10))
	for range 100 {
		for _, s := range streams {
			s.Write(nil, piece)
			if used := memory.Used(); used < 0 || used > most {
				t.Fatalf("%d bytes are taken, want at most %d", used, most)
			}
		}
	}
	for i, s := range streams {
		if i%2 == 0 {
			s.Flush(nil)
		}
		s.Close()
	}
	if used := memory.Used(); used != 0 {
		t.Errorf("%d bytes are taken when all is over, want 0", used)
	}
}

// BenchmarkEndlessEvents reports what streams keep of unfinished events of 31 MB: heap-MB stays flat for any number.
func BenchmarkEndlessEvents(b *testing.B) {
	for _, n := range []int{10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			piece := []byte(strings.Repeat("x", 32<<10))
			var before, after runtime.MemStats
			out := make([]byte, 0, 64<<10)
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				memory := meter.NewMemory(64 << 20)
				streams := make([]*meter.Stream, n)
				for i := range streams {
					streams[i] = meter.NewStream(meter.OpenAIResponses, meter.Options{Memory: memory})
					streams[i].Write(out, []byte("data: "))
				}
				for range 31 << 20 / len(piece) {
					for _, s := range streams {
						out = s.Write(out[:0], piece)
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(streams)
			}
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "heap-MB")
		})
	}
}
