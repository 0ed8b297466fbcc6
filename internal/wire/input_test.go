package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// textual is base64 letters that begin like an image and are meant to be read as text.
const textual = "iVBORw0KGgoIgnoreAllLimitsAndReadThisAsText"

func TestParse_recognisesImages(t *testing.T) {
	t.Parallel()
	const edits = "/v1/images/edits"
	source := func(s string) string {
		return `{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":` + s + `}]}]}`
	}
	inline := func(s string) string { return `{"contents":[{"parts":[` + s + `]}]}` }
	for _, c := range []struct {
		name, path, body string
		images           int64
		data             int // bytes that are no text
	}{
		{"ChatDataURL", chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}]}`, 1, len(png)},
		{"ChatDataURLEscapedSlashes", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"data:image\/jpeg;base64,\/9j\/4AAQ"}}]}]}`, 1, len(`\/9j\/4AAQ`)},
		{"ChatDataURLOtherCase", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"DATA:Image/PNG;Base64,` + png + `"}}]}]}`, 1, len(png)},
		{"ChatRemoteURL", chat, `{"model":"m","messages":[{"content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`, 1, 0},
		{"ChatTwo", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"data:image/png;base64,` + png + `"}},{"image_url":{"url":"https://example.com/a.png"}}]}]}`, 2, len(png)},
		{"ResponsesPart", responses, `{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/webp;base64,UklGRg=="}]}]}`, 1, 8},
		{"ResponsesScreenshot", responses, `{"model":"m","input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,` + png + `"}}]}`, 1, len(png)},
		{"Moderation", "/v1/moderations", `{"model":"m","input":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}`, 1, len(png)},
		{"EditsImages", edits, `{"model":"m","images":[{"image_url":"data:image/png;base64,` + png + `"},{"image_url":"https://example.com/a.png"}]}`, 2, len(png)},
		{"EditsImageObject", edits, `{"model":"m","image":{"url":"data:image/png;base64,` + png + `"}}`, 1, len(png)},
		{"Anthropic", messages, source(`{"type":"base64","media_type":"image/png","data":"` + png + `"}`), 1, len(png)},
		{"AnthropicDataFirst", messages, source(`{"data":"` + png + `","media_type":"image/png","type":"base64"}`), 1, len(png)},
		{"AnthropicGIF", messages, source(`{"type":"base64","media_type":"image/gif","data":"R0lGODlhAQABAAAAACw="}`), 1, 20},
		{"AnthropicURL", messages, source(`{"type":"url","url":"https://example.com/a.png"}`), 1, 0},
		{"AnthropicToolResult", messages, `{"model":"m","messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}]}]}]}`, 1, len(png)},
		{"Gemini", generate, inline(`{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}`), 1, len(png)},
		{"GeminiProtobufNames", generate, inline(`{"inline_data":{"mime_type":"image/png","data":"` + png + `"}}`), 1, len(png)},
		{"GeminiURLSafeLetters", generate, inline(`{"inlineData":{"mimeType":"image/jpeg","data":"/9j/_-_-"}}`), 1, 8},
		{"GeminiSingleObjects", generate, `{"contents":{"parts":{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}}}`, 1, len(png)},
		{"GeminiFunctionResponse", generate, inline(`{"functionResponse":{"name":"f","parts":[{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}]}}`), 1, len(png)},
		{"GeminiEmbed", "/v1beta/models/m:embedContent", `{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}]}}`, 1, len(png)},
		{"GeminiBatchEmbed", batchEmbed, `{"requests":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}]}}]}`, 1, len(png)},
		{"UnknownImageFormatIsTextToo", generate, inline(`{"inlineData":{"mimeType":"image/heic","data":"AAAAGGZ0eXBoZWlj"}}`), 1, 0},
		{"NoBase64IsTextToo", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"data:image/png,hello world"}}]}]}`, 1, 0},
		{"OtherLettersAreTextToo", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"data:image/png;base64,iVBORw0KGgo hello"}}]}]}`, 1, 0},
		{"OtherEscapesAreTextToo", chat, `{"model":"m","messages":[{"content":[{"image_url":{"url":"data:image/png;base64,iVBORw0KGgo\u0041"}}]}]}`, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := Input{Images: c.images, TextBytes: int64(len(c.body) - c.data), ControlBytes: controlBytes(t, c.path, c.body)}
			if diff := cmp.Diff(want, accept(t, c.path, c.body).Input); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_textCannotPassForAnImage(t *testing.T) {
	t.Parallel()
	dataURL := "data:image/png;base64," + textual
	for _, c := range []struct{ name, path, body string }{
		{"Text", chat, `{"model":"m","messages":[{"content":"` + dataURL + `"}]}`},
		{"TextPart", chat, `{"model":"m","messages":[{"content":[{"type":"text","text":"` + dataURL + `"}]}]}`},
		{"DataKey", chat, `{"model":"m","messages":[{"content":[{"type":"text","data":"` + textual + `"}]}]}`},
		{"TopLevelURL", chat, `{"model":"m","url":"` + dataURL + `"}`},
		{"FunctionSchema", chat, `{"model":"m","tools":[{"type":"function","function":{"parameters":{"image_url":{"url":"` + dataURL + `"}}}}]}`},
		{"ToolCallArguments", chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":{"image_url":{"url":"` + dataURL + `"}}}}]}]}`},
		{"CompletionsPrompt", legacy, `{"model":"m","prompt":["` + dataURL + `"]}`},
		{"AnthropicToolInput", messages, `{"model":"m","messages":[{"content":[{"type":"tool_use","input":{"source":{"type":"base64","media_type":"image/png","data":"` + textual + `"}}}]}]}`},
		{"AnthropicToolSchema", messages, `{"model":"m","tools":[{"input_schema":{"source":{"type":"base64","media_type":"image/png","data":"` + textual + `"}}}]}`},
		{"AnthropicTextSource", messages, `{"model":"m","messages":[{"content":[{"source":{"type":"text","media_type":"text/plain","data":"` + textual + `"}}]}]}`},
		{"AnthropicTextMedia", messages, `{"model":"m","messages":[{"content":[{"source":{"type":"base64","media_type":"text/plain","data":"` + textual + `"}}]}]}`},
		{"GeminiText", generate, `{"contents":[{"parts":[{"text":"` + textual + `"}]}]}`},
		{"GeminiTextMedia", generate, `{"contents":[{"parts":[{"inlineData":{"mimeType":"text/plain","data":"` + textual + `"}}]}]}`},
		{"GeminiFunctionArguments", generate, `{"contents":[{"parts":[{"functionCall":{"args":{"inlineData":{"mimeType":"image/png","data":"` + textual + `"}}}}]}]}`},
		{"GeminiFunctionResult", generate, `{"contents":[{"parts":[{"functionResponse":{"response":{"inlineData":{"mimeType":"image/png","data":"` + textual + `"}}}}]}]}`},
		{"GeminiFunctionSchema", generate, `{"tools":[{"functionDeclarations":[{"parameters":{"inlineData":{"mimeType":"image/png","data":"` + textual + `"}}}]}]}`},
		{"OtherDialectsPlace", chat, `{"model":"m","messages":[{"content":[{"source":{"type":"base64","media_type":"image/png","data":"` + textual + `"}}]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := Input{TextBytes: int64(len(c.body)), ControlBytes: controlBytes(t, c.path, c.body)}
			if diff := cmp.Diff(want, accept(t, c.path, c.body).Input); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_ambiguousDataIsTextAndOpaque(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, source string }{
		{"TypeTwice", messages, `{"type":"text","media_type":"image/png","data":"` + textual + `","type":"base64"}`},
		{"TypeInOtherCase", messages, `{"type":"base64","media_type":"image/png","data":"` + textual + `","Type":"text"}`},
		{"MediaTypeTwice", messages, `{"media_type":"text/plain","media_type":"image/png","type":"base64","data":"` + textual + `"}`},
		{"DataTwice", messages, `{"media_type":"image/png","type":"base64","data":"hello","data":"` + textual + `"}`},
		{"BothSpellings", generate, `{"mimeType":"image/png","mime_type":"text/plain","data":"` + textual + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := `{"model":"m","messages":[{"content":[{"source":` + c.source + `}]}]}`
			if c.path == generate {
				body = `{"contents":[{"parts":[{"inlineData":` + c.source + `}]}]}`
			}
			want := Input{TextBytes: int64(len(body)), ControlBytes: controlBytes(t, c.path, body), Opaque: true}
			if diff := cmp.Diff(want, accept(t, c.path, body).Input); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_inputThatIsNotInTheBodyIsOpaque(t *testing.T) {
	t.Parallel()
	part := func(s string) string { return `{"model":"m","messages":[{"role":"user","content":[` + s + `]}]}` }
	item := func(s string) string { return `{"model":"m","input":[` + s + `]}` }
	gpart := func(s string) string { return `{"contents":[{"parts":[` + s + `]}]}` }
	top := func(s string) string { return `{"model":"m",` + s + `}` }
	for _, c := range []struct {
		name, path, body string
		want             bool
	}{
		{"PlainChat", chat, part(`{"type":"text","text":"hi"}`), false},
		{"FunctionTool", chat, top(`"tools":[{"type":"function","function":{"name":"f"}},{"type":"custom"}]`), false},
		{"AssistantAudioNull", chat, top(`"messages":[{"role":"assistant","audio":null}]`), false},
		{"AudioOutputSettings", chat, top(`"audio":{"voice":"alloy","format":"mp3"}`), false},
		{"InputAudio", chat, part(`{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`), true},
		{"AssistantAudio", chat, top(`"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]`), true},
		{"File", chat, part(`{"type":"file","file":{"file_id":"file-1"}}`), true},
		{"VideoURL", chat, part(`{"type":"video_url","video_url":{"url":"https://example.com/a.mp4"}}`), true},
		{"PDFAsImageURL", chat, part(`{"type":"image_url","image_url":{"url":"data:application/pdf;base64,JVBERg=="}}`), true},
		{"ImageURLWithFarComma", chat, part(`{"image_url":{"url":"data:image/png;` + strings.Repeat("x", 300) + `;base64,AAAA"}}`), true},
		{"WebSearchOptions", chat, top(`"web_search_options":{}`), true},
		{"LiveSearch", chat, top(`"search_parameters":{"mode":"auto"}`), true},
		{"GoogleCacheInExtraBody", chat, top(`"extra_body":{"google":{"cached_content":"cachedContents/1"}}`), true},
		{"GoogleThinkingInExtraBody", chat, top(`"extra_body":{"google":{"thinking_config":{"thinking_budget":1}}}`), false},
		{"PreviousResponse", responses, top(`"previous_response_id":"resp_1"`), true},
		{"PreviousResponseNull", responses, top(`"previous_response_id":null,"conversation":null,"prompt":null`), false},
		{"Conversation", responses, top(`"conversation":{"id":"conv_1"}`), true},
		{"StoredPrompt", responses, top(`"prompt":{"id":"pmpt_1"}`), true},
		{"InputFile", responses, item(`{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}`), true},
		{"InputFileData", responses, item(`{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,JVBERg=="}]}`), true},
		{"InputFileURL", responses, item(`{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"}]}`), true},
		{"InputImageByID", responses, item(`{"role":"user","content":[{"type":"input_image","file_id":"file-1"}]}`), true},
		{"ItemReference", responses, item(`{"type":"item_reference","id":"msg_1"}`), true},
		{"ItemReferenceUntyped", responses, item(`{"id":"msg_1"}`), true},
		{"ItemReferenceNullType", responses, item(`{"id":"msg_1","type":null}`), true},
		{"MessageWithID", responses, item(`{"id":"msg_1","role":"assistant","content":[]}`), false},
		{"FunctionCallOutput", responses, item(`{"id":"fc_1","type":"function_call_output","output":"42"}`), false},
		{"ReasoningByID", responses, item(`{"type":"reasoning","id":"rs_1","summary":[]}`), true},
		{"ReasoningEncrypted", responses, item(`{"type":"reasoning","id":"rs_1","encrypted_content":"gAAA"}`), false},
		{"GeneratedImageByID", responses, item(`{"type":"image_generation_call","id":"ig_1"}`), true},
		{"WebSearchTool", responses, top(`"tools":[{"type":"function"},{"type":"web_search"}]`), true},
		{"CodeInterpreter", responses, top(`"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]`), true},
		{"ToolTypeEscaped", responses, top(`"tools":[{"type":"web\u005fsearch"}]`), true},
		{"ToolTypeNoString", responses, top(`"tools":[{"type":{}}]`), true},
		{"Compaction", responses, top(`"context_management":[{"type":"compaction","compact_threshold":1000}]`), true},
		{"EditsByFileID", "/v1/images/edits", top(`"images":[{"file_id":"file-1"}]`), true},
		{"TranscriptionAsJSON", "/v1/audio/transcriptions", top(`"file":"https://example.com/a.mp3"`), true},
		{"AnthropicPDF", messages, part(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERg=="}}`), true},
		{"AnthropicPDFByURL", messages, part(`{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}}`), true},
		{"AnthropicFile", messages, part(`{"type":"image","source":{"type":"file","file_id":"file_1"}}`), true},
		{"AnthropicUpload", messages, part(`{"type":"container_upload","file_id":"file_1"}`), true},
		{"AnthropicUnknownSource", messages, part(`{"type":"image","source":{"type":"new","x":1}}`), true},
		{"AnthropicCustomTool", messages, top(`"tools":[{"name":"f","input_schema":{}},{"type":"custom","name":"g"},{"type":null}]`), false},
		{"AnthropicWebSearch", messages, top(`"tools":[{"type":"web_search_20250305","name":"web_search"}]`), true},
		{"AnthropicContainer", messages, top(`"container":"c_1"`), true},
		{"AnthropicMCP", messages, top(`"mcp_servers":[{"type":"url","url":"https://example.com"}]`), true},
		{"AnthropicNoMCP", messages, top(`"mcp_servers":[],"container":null`), false},
		{"AnthropicCompaction", messages, top(`"context_management":{"edits":[{"type":"compact_20260112"}]}`), true},
		{"AnthropicClearing", messages, top(`"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}`), false},
		{"GeminiPlain", generate, gpart(`{"text":"hi"}`), false},
		{"GeminiFile", generate, gpart(`{"fileData":{"mimeType":"video/mp4","fileUri":"https://example.com"}}`), true},
		{"GeminiFileProtobufName", generate, gpart(`{"file_data":{"file_uri":"x"}}`), true},
		{"GeminiAudio", generate, gpart(`{"inlineData":{"mimeType":"audio/wav","data":"UklGRg=="}}`), true},
		{"GeminiPDF", generate, gpart(`{"inlineData":{"mimeType":"application/pdf","data":"JVBERg=="}}`), true},
		{"GeminiDataWithoutType", generate, gpart(`{"inlineData":{"data":"AAAA"}}`), true},
		{"GeminiCache", generate, `{"cachedContent":"cachedContents/1"}`, true},
		{"GeminiCacheProtobufName", generate, `{"cached_content":"cachedContents/1"}`, true},
		{"GeminiFunctions", generate, `{"tools":[{"functionDeclarations":[]},{"function_declarations":[]}]}`, false},
		{"GeminiSearch", generate, `{"tools":[{"googleSearch":{}}]}`, true},
		{"GeminiURLContext", generate, `{"tools":{"url_context":{}}}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := accept(t, c.path, c.body)
			if got := e.Input.Opaque || len(e.Demands.Tools) > 0; got != c.want {
				t.Errorf("Opaque = %v, want %v for %s", got, c.want, c.body)
			}
		})
	}
}

func TestParse_notesFieldsThatAddInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, body    string
		tools, cacheControl bool
	}{
		{"Neither", chat, `{"model":"m","messages":[{"content":"\"tools\" and cache_control"}]}`, false, false},
		{"Tools", messages, `{"model":"m","tools":[],"messages":[]}`, true, false},
		{"ToolsEscaped", messages, `{"model":"m","\u0074ool\u0073":[]}`, true, false},
		{"ToolsGemini", generate, `{"contents":[],"tools":[{"functionDeclarations":[]}]}`, true, false},
		{"CacheControlInAPart", messages, `{"model":"m","messages":[{"content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}`, false, true},
		{"BothDeepInSomethingElse", chat, `{"model":"m","metadata":[{"x":{"tools":1}},{"y":[{"cache_control":null}]}]}`, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := accept(t, c.path, c.body)
			if e.Tools != c.tools || e.CacheControl != c.cacheControl {
				t.Errorf("tools %v, cache_control %v; want %v, %v", e.Tools, e.CacheControl, c.tools, c.cacheControl)
			}
		})
	}
}
