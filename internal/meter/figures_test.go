package meter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/google/go-cmp/cmp"
)

// sse writes events as a stream.
func sse(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("data: " + e + "\n\n")
	}
	return b.String()
}

func fee(f price.Fee, n int64) (u price.Usage) {
	u.Fees[f] = n
	return u
}

// TestFigures reads usage as vendors were seen to send it. Bodies that begin with data: are streams, and are cut at every
// byte.
func TestFigures(t *testing.T) {
	t.Parallel()
	const (
		chatText   = `{"choices":[{"index":0,"delta":{"content":"twelve bytes"}}]}`
		chatEnd    = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
		startZero  = `{"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}`
		start      = `{"type":"message_start","message":{"usage":{"input_tokens":1500,"cache_read_input_tokens":70,"output_tokens":1}}}`
		block      = `{"type":"content_block_start","content_block":{"type":"text","text":""}}`
		blockText  = `{"type":"content_block_delta","delta":{"type":"text_delta","text":"twelve bytes"}}`
		stop       = `{"type":"message_stop"}`
		candidate  = `{"candidates":[{"index":0,"content":{"parts":[{"text":"twelve bytes"}]}%s}],"usageMetadata":{%s}}`
		response   = `{"object":"response","status":"completed","output":[%s],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}%s}`
		searchCall = `{"type":"web_search_call","action":{"type":"search"}}`
	)
	usage := func(u string) string { return `{"choices":[],"usage":` + u + `}` }
	delta := func(why, u string) string {
		return `{"type":"message_delta","delta":{"stop_reason":"` + why + `"},"usage":{` + u + `}}`
	}
	for _, tc := range []struct {
		name   string
		kind   meter.Kind
		opts   meter.Options
		body   string
		want   price.Usage
		input  bool // is known
		output bool // is known
		others []meter.Pass
	}{
		// A later zero or null lowers no earlier figure.
		{"chat: zeros after figures", meter.OpenAIChat, meter.Options{}, sse(chatText, usage(`{"prompt_tokens":20,"completion_tokens":57,"total_tokens":77}`), usage(`{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`), "[DONE]"),
			price.Usage{Input: 20, Output: 57}, true, true, nil},
		{"chat: nulls after figures", meter.OpenAIChat, meter.Options{}, sse(chatText, usage(`{"prompt_tokens":20,"completion_tokens":57}`), usage(`{"prompt_tokens":null,"completion_tokens":60,"total_tokens":null}`), "[DONE]"),
			price.Usage{Input: 20, Output: 60}, true, true, nil},
		{"chat: cached tokens told once", meter.OpenAIChat, meter.Options{}, sse(usage(`{"prompt_tokens":20,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":16}}`), usage(`{"prompt_tokens":20,"completion_tokens":5}`)),
			price.Usage{Input: 20, CachedInput: 16, Output: 5}, true, true, nil},
		{"chat: a later figure replaces a larger one", meter.OpenAIChat, meter.Options{}, sse(usage(`{"prompt_tokens":20,"completion_tokens":9}`), usage(`{"prompt_tokens":18,"completion_tokens":7}`)),
			price.Usage{Input: 18, Output: 7}, true, true, nil},
		{"messages: a shorter list of passes", meter.AnthropicMessages, meter.Options{}, sse(start, blockText, `{"type":"message_delta","delta":{},"usage":{"output_tokens":9,"iterations":[{"type":"message","input_tokens":10,"output_tokens":4},{"type":"message","input_tokens":20,"output_tokens":5}]}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9,"iterations":[]}}`, stop),
			price.Usage{Input: 30, Output: 9}, true, true, nil},
		{"responses: an end that leaves its items out", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.output_item.done","item":`+searchCall+`}`, `{"type":"response.output_item.done","item":{"type":"code_interpreter_call","container_id":"a"}}`, `{"type":"response.completed","response":`+fmt.Sprintf(response, "", "")+`}`),
			price.Usage{Input: 10, Output: 5, Fees: [price.FeeKinds]int64{price.WebSearch: 1, price.CodeInterpreter: 1}}, true, true, nil},
		{"responses: a second end without xAI's counts", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.completed","response":{"usage":{"input_tokens":10,"output_tokens":5,"server_side_tool_usage_details":{"web_search_calls":2,"file_search_calls":1,"code_interpreter_calls":4}}}}`, `{"type":"response.done","response":{"usage":{"input_tokens":10,"output_tokens":5}}}`),
			price.Usage{Input: 10, Output: 5, Fees: [price.FeeKinds]int64{price.WebSearch: 2, price.FileSearch: 1, price.CodeInterpreter: 4}}, true, true, nil},
		{"responses: a second end with zeros of the image tool", meter.OpenAIResponses, meter.Options{ImageModel: "gpt-image-9"}, sse(`{"type":"response.completed","response":`+fmt.Sprintf(response, "", `,"tool_usage":{"image_gen":{"input_tokens":3,"output_tokens":70}}`)+`}`, `{"type":"response.done","response":`+fmt.Sprintf(response, "", `,"tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0}}`)+`}`),
			price.Usage{Input: 10, Output: 5}, true, true, []meter.Pass{{Model: "gpt-image-9", Usage: price.Usage{Input: 3, Output: 70}}}},
		{"messages: every count keeps its figure", meter.AnthropicMessages, meter.Options{}, sse(start, blockText, delta("end_turn", `"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":40`), delta("end_turn", `"output_tokens":0`), stop),
			price.Usage{Input: 1570, CachedInput: 70, Output: 40}, true, true, nil},
		{"gemini: thoughts told before the end", meter.GeminiGenerate, meter.Options{}, sse(fmt.Sprintf(candidate, "", `"promptTokenCount":9,"thoughtsTokenCount":30`), fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":9,"candidatesTokenCount":8`)),
			price.Usage{Input: 9, Output: 38, Reasoning: 30}, true, true, nil},

		// Zeros that cannot be true are no figures.
		{"chat: no output beside text", meter.OpenAIChat, meter.Options{}, sse(chatText, usage(`{"prompt_tokens":20,"completion_tokens":0,"total_tokens":20}`), "[DONE]"), price.Usage{Input: 20}, true, false, nil},
		{"chat: no input", meter.OpenAIChat, meter.Options{}, `{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":0,"completion_tokens":9,"total_tokens":9}}`, price.Usage{Output: 9}, false, true, nil},
		{"chat: the total has the input", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":0,"completion_tokens":9,"total_tokens":29}}`, price.Usage{Input: 20, Output: 9}, true, true, nil},
		{"chat: nothing said", meter.OpenAIChat, meter.Options{}, `{"choices":[{"message":{"content":""}}],"usage":{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}}`, price.Usage{Input: 10}, true, true, nil},
		{"messages: no input", meter.AnthropicMessages, meter.Options{}, sse(startZero, blockText, delta("end_turn", `"output_tokens":14`), stop), price.Usage{Output: 14}, false, true, nil},
		{"messages: no output beside text", meter.AnthropicMessages, meter.Options{}, sse(start, blockText, delta("end_turn", `"output_tokens":0`), stop), price.Usage{Input: 1570, CachedInput: 70, Output: 1}, true, false, nil},
		{"responses: no output beside text", meter.OpenAIResponses, meter.Options{}, `{"output":[{"type":"message","content":[{"type":"output_text","text":"hello"}]}],"usage":{"input_tokens":9,"output_tokens":0}}`, price.Usage{Input: 9}, true, false, nil},
		{"gemini: no output beside text", meter.GeminiGenerate, meter.Options{}, fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":9,"totalTokenCount":9`), price.Usage{Input: 9}, true, false, nil},
		{"gemini: no output beside a picture", meter.GeminiGenerate, meter.Options{}, `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBO"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9}}`, price.Usage{Input: 9}, true, false, nil},
		{"embeddings: no input", meter.OpenAIEmbeddings, meter.Options{}, `{"data":[],"usage":{"prompt_tokens":0,"total_tokens":0}}`, price.Usage{}, false, true, nil},
		{"images: no usage", meter.OpenAIImages, meter.Options{}, `{"data":[{"b64_json":"iVBO"}]}`, price.Usage{Images: 1}, false, false, nil},
		{"images: one of two without usage", meter.OpenAIImages, meter.Options{}, sse(`{"type":"image_generation.completed","usage":{"input_tokens":5,"output_tokens":100}}`, `{"type":"image_generation.completed"}`), price.Usage{Input: 5, Output: 100, ImageOutput: 100, Images: 2}, true, false, nil},

		// The larger of a total and the sum of its parts counts.
		{"chat: a total that is too small", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":10,"completion_tokens":57,"total_tokens":40}}`, price.Usage{Input: 10, Output: 57}, true, true, nil},
		{"responses: a total that is too small", meter.OpenAIResponses, meter.Options{}, `{"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":120}}`, price.Usage{Input: 100, Output: 50}, true, true, nil},
		{"gemini: a total that has more", meter.GeminiGenerate, meter.Options{}, fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":407`), price.Usage{Input: 10, Output: 397}, true, true, nil},
		{"embeddings: a total that has more", meter.OpenAIEmbeddings, meter.Options{}, `{"data":[],"usage":{"prompt_tokens":7,"total_tokens":10}}`, price.Usage{Input: 10}, true, true, nil},
		{"gemini: only the total has the output", meter.GeminiGenerate, meter.Options{}, fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":12,"totalTokenCount":500`), price.Usage{Input: 12, Output: 488}, true, true, nil},

		// Fees of hosted tools.
		{"responses: searches, not pages", meter.OpenAIResponses, meter.Options{}, fmt.Sprintf(response, searchCall+`,{"type":"web_search_call","action":{"type":"open_page"}},{"type":"file_search_call"},{"type":"code_interpreter_call","container_id":"a"},{"type":"code_interpreter_call","container_id":"a"},{"type":"code_interpreter_call","container_id":"b"}`, ""),
			price.Usage{Input: 10, Output: 5, Fees: [price.FeeKinds]int64{price.WebSearch: 1, price.FileSearch: 1, price.CodeInterpreter: 2}}, true, true, nil},
		{"responses: containers of a hosted shell, and a local one", meter.OpenAIResponses, meter.Options{}, fmt.Sprintf(response, `{"type":"shell_call","environment":{"type":"container_reference","container_id":"a"}},{"type":"code_interpreter_call","container_id":"a"},{"type":"shell_call","environment":{"type":"container_reference","container_id":"b"}},{"type":"shell_call","environment":{"type":"local"}},{"type":"shell_call"}`, ""),
			price.Usage{Input: 10, Output: 5}.Plus(fee(price.CodeInterpreter, 2)), true, true, nil},
		{"responses: a large container", meter.OpenAIResponses, meter.Options{ContainerSize: 64}, fmt.Sprintf(response, `{"type":"code_interpreter_call","container_id":"a"}`, ""),
			price.Usage{Input: 10, Output: 5}.Plus(fee(price.CodeInterpreter, 64)), true, true, nil},
		{"responses: searches of the preview tool", meter.OpenAIResponses, meter.Options{SearchPreview: true}, fmt.Sprintf(response, searchCall, ""),
			price.Usage{Input: 10, Output: 5}.Plus(fee(price.WebSearchPreview, 1)), true, true, nil},
		{"responses: xAI's counts of tools", meter.OpenAIResponses, meter.Options{}, `{"output":[` + searchCall + `,{"type":"code_interpreter_call"}],"usage":{"input_tokens":10,"output_tokens":5,"server_side_tool_usage_details":{"web_search_calls":2,"x_search_calls":3,"code_interpreter_calls":4,"file_search_calls":1,"document_search_calls":0,"mcp_calls":9}}}`,
			price.Usage{Input: 10, Output: 5, Fees: [price.FeeKinds]int64{price.WebSearch: 5, price.FileSearch: 1, price.CodeInterpreter: 4}}, true, true, nil},
		{"responses: the larger count of searches", meter.OpenAIResponses, meter.Options{}, fmt.Sprintf(response, searchCall, `,"tool_usage":{"web_search":{"num_requests":3}}`), price.Usage{Input: 10, Output: 5}.Plus(fee(price.WebSearch, 3)), true, true, nil},
		{"responses: searches of a stream that broke off", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.output_item.done","item":` + searchCall + `}`), fee(price.WebSearch, 1), false, false, nil},
		{"responses: searches are counted once", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.output_item.done","item":`+searchCall+`}`, `{"type":"response.completed","response":`+fmt.Sprintf(response, searchCall, "")+`}`), price.Usage{Input: 10, Output: 5}.Plus(fee(price.WebSearch, 1)), true, true, nil},
		{"responses: the image tool's model of the request", meter.OpenAIResponses, meter.Options{ImageModel: "gpt-image-9"}, fmt.Sprintf(response, "", `,"tool_usage":{"image_gen":{"input_tokens":3,"output_tokens":70,"output_tokens_details":{"image_tokens":70}}}`),
			price.Usage{Input: 10, Output: 5}, true, true, []meter.Pass{{Model: "gpt-image-9", Usage: price.Usage{Input: 3, Output: 70, ImageOutput: 70}}}},
		{"responses: the image tool's model of the answer", meter.OpenAIResponses, meter.Options{ImageModel: "gpt-image-9"}, fmt.Sprintf(response, "", `,"tools":[{"type":"image_generation","model":"gpt-image-1"}],"tool_usage":{"image_gen":{"input_tokens":3,"output_tokens":70}}`),
			price.Usage{Input: 10, Output: 5}, true, true, []meter.Pass{{Model: "gpt-image-1", Usage: price.Usage{Input: 3, Output: 70}}}},
		{"messages: searches", meter.AnthropicMessages, meter.Options{}, `{"content":[],"usage":{"input_tokens":10,"output_tokens":5,"server_tool_use":{"web_search_requests":4,"web_fetch_requests":9}}}`, price.Usage{Input: 10, Output: 5}.Plus(fee(price.WebSearch, 4)), true, true, nil},
		{"chat: searches of OpenRouter", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":10,"completion_tokens":5,"server_tool_use":{"web_search_requests":2}}}`, price.Usage{Input: 10, Output: 5}.Plus(fee(price.WebSearch, 2)), true, true, nil},
		{"gemini 2: a grounded prompt", meter.GeminiGenerate, meter.Options{Model: "gemini-2.5-flash"}, fmt.Sprintf(candidate, `,"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","b"]}`, `"promptTokenCount":9,"candidatesTokenCount":8`), price.Usage{Input: 9, Output: 8}.Plus(fee(price.Grounding, 1)), true, true, nil},
		{"gemini 3: its queries", meter.GeminiGenerate, meter.Options{Model: "gemini-3-flash"}, fmt.Sprintf(candidate, `,"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","b"]}`, `"promptTokenCount":9,"candidatesTokenCount":8`), price.Usage{Input: 9, Output: 8}.Plus(fee(price.Grounding, 2)), true, true, nil},
		{"gemini: offered and not grounded", meter.GeminiGenerate, meter.Options{Model: "gemini-3-flash"}, fmt.Sprintf(candidate, `,"finishReason":"STOP","groundingMetadata":{}`, `"promptTokenCount":9,"candidatesTokenCount":8`), price.Usage{Input: 9, Output: 8}, true, true, nil},

		// Anthropic's refusals.
		{"refusal before output", meter.AnthropicMessages, meter.Options{}, `{"content":[],"stop_reason":"refusal","stop_details":{"category":"cyber"},"usage":{"input_tokens":900,"output_tokens":0}}`, price.Usage{}, true, true, nil},
		{"refusal without a category", meter.AnthropicMessages, meter.Options{}, sse(start, `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"category":null}},"usage":{"output_tokens":0}}`, stop), price.Usage{}, true, true, nil},
		{"refusal of a billed category", meter.AnthropicMessages, meter.Options{}, `{"content":[],"stop_reason":"refusal","stop_details":{"category":"frontier_llm"},"usage":{"input_tokens":900,"output_tokens":0}}`, price.Usage{Input: 900}, true, true, nil},
		{"refusal after output", meter.AnthropicMessages, meter.Options{}, sse(start, block, blockText, delta("refusal", `"output_tokens":8`), stop), price.Usage{Input: 1570, CachedInput: 70, Output: 8}, true, true, nil},
		{"refusal after a block without text", meter.AnthropicMessages, meter.Options{}, sse(start, `{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":"aGk="}}`, delta("refusal", `"output_tokens":8`), stop), price.Usage{Input: 1570, CachedInput: 70, Output: 8}, true, true, nil},
		{"an empty turn is no refusal", meter.AnthropicMessages, meter.Options{}, `{"content":[],"stop_reason":"end_turn","usage":{"input_tokens":900,"output_tokens":0}}`, price.Usage{Input: 900}, true, true, nil},
		{"a fallback after a silent refusal", meter.AnthropicMessages, meter.Options{}, `{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3,"iterations":[{"type":"message","input_tokens":10,"output_tokens":0},{"type":"fallback_message","model":"b","input_tokens":12,"output_tokens":3}]}}`,
			price.Usage{}, true, true, []meter.Pass{{Model: "b", Usage: price.Usage{Input: 12, Output: 3}}}},

		// Writes to caches.
		{"messages: an hour, told at the start", meter.AnthropicMessages, meter.Options{}, sse(`{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":20},"output_tokens":1}}}`, delta("end_turn", `"cache_creation_input_tokens":60,"output_tokens":9`)),
			price.Usage{Input: 61, CacheWrite1h: 60, Output: 9}, true, true, nil},
		{"messages: both lifetimes", meter.AnthropicMessages, meter.Options{}, sse(`{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":15,"ephemeral_1h_input_tokens":5},"output_tokens":1}}}`, delta("end_turn", `"cache_creation_input_tokens":60,"output_tokens":9`)),
			price.Usage{Input: 61, CacheWrite: 15, CacheWrite1h: 45, Output: 9}, true, true, nil},
		{"messages: an hour, asked for", meter.AnthropicMessages, meter.Options{HourCache: true}, sse(`{"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}`, delta("end_turn", `"cache_creation_input_tokens":60,"output_tokens":9`)),
			price.Usage{Input: 61, CacheWrite1h: 60, Output: 9}, true, true, nil},
		{"messages: five minutes", meter.AnthropicMessages, meter.Options{HourCache: true}, sse(`{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":20},"output_tokens":1}}}`, delta("end_turn", `"cache_creation_input_tokens":60,"output_tokens":9`)),
			price.Usage{Input: 61, CacheWrite: 60, Output: 9}, true, true, nil},
		{"responses: writes", meter.OpenAIResponses, meter.Options{}, `{"usage":{"input_tokens":100,"output_tokens":1,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":80}}}`, price.Usage{Input: 100, CachedInput: 10, CacheWrite: 80, Output: 1}, true, true, nil},

		// Other vendors' names.
		{"chat: Moonshot's cache", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":100,"completion_tokens":5,"cached_tokens":90}}`, price.Usage{Input: 100, CachedInput: 90, Output: 5}, true, true, nil},
		{"chat: DeepSeek's cache, told twice", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":90},"prompt_cache_hit_tokens":90,"prompt_cache_miss_tokens":10}}`, price.Usage{Input: 100, CachedInput: 90, Output: 5}, true, true, nil},
		{"transcription of Mistral", meter.OpenAIAudio, meter.Options{}, `{"text":"hello","usage":{"prompt_audio_seconds":203,"prompt_tokens":4,"total_tokens":3264,"completion_tokens":635}}`, price.Usage{Input: 2629, AudioInput: 2625, Output: 635, AudioMillis: 203_000}, true, true, nil},
		{"chat: sound and pictures", meter.OpenAIChat, meter.Options{}, `{"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"audio_tokens":20,"image_tokens":30},"completion_tokens_details":{"audio_tokens":40,"image_tokens":5}}}`, price.Usage{Input: 100, AudioInput: 20, ImageInput: 30, Output: 50, AudioOutput: 40, ImageOutput: 5}, true, true, nil},
		{"images: text and pictures", meter.OpenAIImages, meter.Options{}, `{"data":[{}],"usage":{"input_tokens":371,"output_tokens":439,"input_tokens_details":{"image_tokens":352},"output_tokens_details":{"image_tokens":430,"text_tokens":9}}}`, price.Usage{Input: 371, ImageInput: 352, Output: 439, ImageOutput: 430, Images: 1}, true, true, nil},
		{"gemini: text of an image model", meter.GeminiGenerate, meter.Options{}, fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":10,"candidatesTokenCount":20,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":20}]`), price.Usage{Input: 10, Output: 20}, true, true, nil},
		{"gemini: pictures by modality", meter.GeminiGenerate, meter.Options{}, fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":300,"candidatesTokenCount":1310,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":20},{"modality":"IMAGE","tokenCount":1290}],"promptTokensDetails":[{"modality":"IMAGE","tokenCount":258}]`), price.Usage{Input: 300, ImageInput: 258, Output: 1310, ImageOutput: 1290}, true, true, nil},

		// Other ends.
		{"responses: response.done", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.done","response":{"usage":{"input_tokens":10,"output_tokens":5}}}`), price.Usage{Input: 10, Output: 5}, true, true, nil},
		{"responses: response.cancelled with figures", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.output_text.delta","delta":"hello"}`, `{"type":"response.cancelled","response":{"status":"cancelled","usage":{"input_tokens":10,"output_tokens":5}}}`), price.Usage{Input: 10, Output: 5}, true, true, nil},
		{"responses: response.cancelled", meter.OpenAIResponses, meter.Options{}, sse(`{"type":"response.output_text.delta","delta":"hello"}`, `{"type":"response.cancelled","response":{"status":"cancelled","usage":null}}`), price.Usage{}, false, false, nil},
		{"gemini: text after the figures of another candidate", meter.GeminiGenerate, meter.Options{}, sse(fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":10,"candidatesTokenCount":5`), `{"candidates":[{"index":1,"content":{"parts":[{"text":"more"}]}}]}`), price.Usage{Input: 10, Output: 5}, true, false, nil},
		{"gemini: text after the last count of it", meter.GeminiGenerate, meter.Options{}, sse(fmt.Sprintf(candidate, "", `"promptTokenCount":10,"candidatesTokenCount":5`), fmt.Sprintf(candidate, `,"finishReason":"STOP"`, `"promptTokenCount":10,"totalTokenCount":10`)), price.Usage{Input: 10, Output: 5}, true, false, nil},
		{"chat: text after the figures", meter.OpenAIChat, meter.Options{}, sse(chatText, usage(`{"prompt_tokens":20,"completion_tokens":3}`), chatText, chatEnd, "[DONE]"), price.Usage{Input: 20, Output: 3}, true, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			check := func(got meter.Result) {
				t.Helper()
				if diff := cmp.Diff(tc.want, got.Usage); diff != "" {
					t.Errorf("usage (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tc.others, got.Others); diff != "" {
					t.Errorf("others (-want +got):\n%s", diff)
				}
				if got.InputKnown != tc.input || got.OutputKnown != tc.output {
					t.Errorf("input known %v, output known %v; want %v, %v", got.InputKnown, got.OutputKnown, tc.input, tc.output)
				}
			}
			body := []byte(tc.body)
			if !strings.HasPrefix(tc.body, "data:") {
				check(meter.Whole(tc.kind, tc.opts, body))
			}
			got, out := run(tc.kind, tc.opts, body)
			check(got)
			same(t, tc.kind, tc.opts, body, got, out)
		})
	}
}

// No zero or absent figure lowers an earlier one, in any order of usage objects. Content before a figure does not hide it.
func TestFigures_ZerosChangeNothing(t *testing.T) {
	t.Parallel()
	figures := `{"prompt_tokens":20,"completion_tokens":57,"total_tokens":77,"prompt_tokens_details":{"cached_tokens":16}}`
	want := price.Usage{Input: 20, CachedInput: 16, Output: 57}
	blanks := []string{`0`, `null`, ``}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		blank := func() string {
			var fields []string
			for _, name := range []string{"prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"} {
				if b := blanks[r.IntN(len(blanks))]; b != "" {
					fields = append(fields, `"`+name+`":`+b)
				}
			}
			return `{"choices":[],"usage":{` + strings.Join(fields, ",") + `}}`
		}
		var events []string
		for range r.IntN(4) {
			events = append(events, blank())
		}
		events = append(events, `{"choices":[{"index":0,"delta":{"content":"some text"}}]}`, `{"choices":[],"usage":`+figures+`}`)
		for range r.IntN(4) {
			events = append(events, blank())
		}
		stream := sse(events...)
		got, _ := run(meter.OpenAIChat, meter.Options{}, []byte(stream))
		if got.Usage != want || !got.Known() {
			t.Fatalf("%s: %+v, want %+v", stream, got, want)
		}
	}
}

// The first bytes of an answer say whether it is events or JSON, whatever its Content-Type and whatever comes before them
// to keep the connection alive.
func TestStream_FormIsToldByTheFirstBytes(t *testing.T) {
	t.Parallel()
	const (
		object = `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`
		events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
	)
	want := price.Usage{Input: 3, Output: 2}
	for _, lead := range []string{"", "\n", "\n\n\r\n \t", "\uFEFF", " \uFEFF\n"} {
		for _, body := range []string{object, object + "\n", events, ": ping\n" + events} {
			for _, hide := range []bool{false, true} {
				stream := lead + body
				got, out := run(meter.OpenAIChat, meter.Options{HideUsage: hide}, []byte(stream))
				if !got.Known() || got.Usage != want || !got.Complete {
					t.Errorf("%q: %+v, want %+v", stream, got, want)
				}
				if !strings.HasPrefix(string(out), lead) {
					t.Errorf("%q: the client sees %q", stream, out)
				}
				same(t, meter.OpenAIChat, meter.Options{HideUsage: hide}, []byte(stream), got, out)
			}
		}
	}
}

// Bytes that keep a connection alive pass at once, although events are held back until they are complete.
func TestStream_HeartbeatsPassAtOnce(t *testing.T) {
	t.Parallel()
	for _, beat := range []string{"\n", " ", "\r\n", ": keep-alive\n", ": keep-alive\n\n", ":\r\n"} {
		s := meter.NewStream(meter.OpenAIChat, meter.Options{HideUsage: true})
		for i := range 3 {
			if out := s.Write(nil, []byte(beat)); string(out) != beat {
				t.Errorf("heartbeat %d: the client sees %q, want %q", i, out, beat)
			}
		}
		event := "data: {\"choices\":[]}\n\n"
		if out := s.Write(nil, []byte(event)); string(out) != event {
			t.Errorf("after %q: the client sees %q, want %q", beat, out, event)
		}
		if out := s.Write(nil, []byte(": between\n")); string(out) != ": between\n" {
			t.Errorf("a comment between events: the client sees %q", out)
		}
	}
}

// An event that carries more than the added usage is shown.
func TestStream_OnlyUsageIsHidden(t *testing.T) {
	t.Parallel()
	for fields, hidden := range map[string]bool{
		`"choices":[]`:   true,
		`"choices":null`: true,
		`"id":"c","object":"o","created":1,"model":"m"`:     true,
		`"choices":[],"service_tier":null,"obfuscation":""`: true,
		`"choices":[],"timings":null`:                       true,
		`"choices":[],"timings":{"predicted_n":7}`:          false,
		`"choices":[],"citations":["https://example.com"]`:  false,
		`"choices":[],"error":{"message":"x"}`:              false,
		`"choices":[{"index":0,"delta":{}}]`:                false,
	} {
		stream := sse(`{` + fields + `,"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
		if _, out := run(meter.OpenAIChat, meter.Options{HideUsage: true}, []byte(stream)); (len(out) == 0) != hidden {
			t.Errorf("%s: hidden is %v, want %v", fields, len(out) == 0, hidden)
		}
	}
}

// The end marker of a stream is noticed, so that the stream can be read on for its figures after its client left.
func TestStream_Stage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind   meter.Kind
		events []string
		want   []meter.Stage
	}{
		"chat": {meter.OpenAIChat, []string{`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, `[DONE]`},
			[]meter.Stage{meter.Running, meter.Ended, meter.Complete}},
		"two choices": {meter.OpenAIChat, []string{`{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, `{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`},
			[]meter.Stage{meter.Running, meter.Running, meter.Ended}},
		"messages": {meter.AnthropicMessages, []string{`{"type":"content_block_start","content_block":{}}`, `{"type":"content_block_stop"}`, `{"type":"content_block_start","content_block":{}}`, `{"type":"message_delta","delta":{},"usage":{"output_tokens":1}}`, `{"type":"message_stop"}`},
			[]meter.Stage{meter.Running, meter.Ended, meter.Running, meter.Ended, meter.Complete}},
		"responses": {meter.OpenAIResponses, []string{`{"type":"response.output_text.delta","delta":"x"}`, `{"type":"response.output_text.done"}`, `{"type":"response.output_item.added"}`, `{"type":"response.completed","response":{}}`},
			[]meter.Stage{meter.Running, meter.Ended, meter.Running, meter.Complete}},
		"done":      {meter.OpenAIResponses, []string{`{"type":"response.done","response":{}}`}, []meter.Stage{meter.Complete}},
		"cancelled": {meter.OpenAIResponses, []string{`{"type":"response.cancelled","response":{}}`}, []meter.Stage{meter.Complete}},
	} {
		s := meter.NewStream(tc.kind, meter.Options{})
		for i, e := range tc.events {
			s.Write(nil, []byte(sse(e)))
			if got := s.Stage(); got != tc.want[i] {
				t.Errorf("%s, after %s: stage %d, want %d", name, e, got, tc.want[i])
			}
		}
	}
}

// An answer that is an error from its beginning is distinguished from one that failed midway.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		sse(`{"error":{"message":"overloaded"}}`):                                                           true,
		sse(`{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`, `{"error":{"message":"overloaded"}}`): false,
		`{"error":{"message":"overloaded"}}`:                                                                true,
		`{"error":{"message":"overloaded"},"usage":{"prompt_tokens":1}}`:                                    false,
		`{"error":{"message":"overloaded"},"choices":[{"index":0,"message":{"content":"half"}}]}`:           false,
		sse(`{"choices":[{"index":0,"delta":{"content":"x"}}]}`, `[DONE]`):                                  false,
	} {
		if got, _ := run(meter.OpenAIChat, meter.Options{}, []byte(body)); got.NoAnswer != want {
			t.Errorf("%s: NoAnswer %v, want %v", body, got.NoAnswer, want)
		}
	}
}
