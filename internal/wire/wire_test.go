package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse_readsTheEnvelope(t *testing.T) {
	t.Parallel()
	prompt := "assistant-v1"
	for _, c := range []struct {
		name, path, body string
		want             Envelope
	}{
		{"ChatMinimal", chat, `{"model":"gpt-4o","messages":[]}`,
			Envelope{Model: "gpt-4o", Answers: 1}},
		{"ChatAll", chat, `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"max_tokens":5,"max_completion_tokens":7,"n":3,"systemPrompt":"assistant-v1","systemPromptVariables":{"a":1}}`,
			Envelope{Model: "gpt-4o", Stream: true, IncludeUsage: true, Capped: true, MaxOutput: 7, Answers: 3, SystemPrompt: &prompt}},
		{"Nulls", chat, `{"model":"m","stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,"n":null,"best_of":null,"systemPrompt":null,"systemPromptVariables":null,"models":null}`,
			Envelope{Model: "m", Answers: 1}},
		{"IncludeUsageNull", chat, `{"model":"m","stream":true,"stream_options":{"include_usage":null}}`,
			Envelope{Model: "m", Stream: true, Answers: 1}},
		{"StreamFalse", chat, `{"model":"m","stream":false}`, Envelope{Model: "m", Answers: 1}},
		{"EscapedKeysAndValues", chat, `{"\u006dodel":"gpt\u002d4o\/x","str\u0065am":true}`,
			Envelope{Model: "gpt-4o/x", Stream: true, Answers: 1}},
		{"ModelOtherwhereIgnored", chat, `{"messages":[{"model":"dear","stream":true,"n":9}],"model":"cheap","x":{"max_tokens":1}}`,
			Envelope{Model: "cheap", Answers: 1}},
		{"CapOfZeroIsNone", chat, `{"model":"m","max_tokens":0}`, Envelope{Model: "m", Answers: 1}},
		{"CapOfZeroBesideAnother", chat, `{"model":"m","max_completion_tokens":0,"max_tokens":5}`, Envelope{Model: "m", Answers: 1}},
		{"CapOfZeroInResponses", responses, `{"model":"m","max_output_tokens":0}`, Envelope{Model: "m", Answers: 1}},
		{"AnthropicCapOfZero", messages, `{"model":"m","max_tokens":0}`, Envelope{Model: "m", Capped: true, Answers: 1}},
		{"LargestCap", chat, `{"model":"m","max_tokens":9223372036854775807}`, Envelope{Model: "m", Capped: true, MaxOutput: 1<<63 - 1, Answers: 1}},
		{"CapOfAnotherEndpoint", chat, `{"model":"m","max_output_tokens":1,"messages":[]}`, Envelope{Model: "m", Answers: 1}},
		{"Responses", responses, `{"model":"m","max_output_tokens":64,"input":"hi"}`, Envelope{Model: "m", Capped: true, MaxOutput: 64, Answers: 1}},
		{"Anthropic", messages, `{"model":"claude-sonnet-4-5","max_tokens":1024,"stream":true}`,
			Envelope{Model: "claude-sonnet-4-5", Stream: true, Capped: true, MaxOutput: 1024, Answers: 1}},
		{"OnePrompt", legacy, `{"model":"m","prompt":"a","n":2}`, Envelope{Model: "m", Answers: 2}},
		{"PromptsTimesChoices", legacy, `{"model":"m","prompt":["a","b","c"],"n":2}`, Envelope{Model: "m", Answers: 6}},
		{"BestOfBeatsN", legacy, `{"model":"m","prompt":["a","b"],"n":2,"best_of":5}`, Envelope{Model: "m", Answers: 10}},
		{"TokensAreOnePrompt", legacy, `{"model":"m","prompt":[1,2,3]}`, Envelope{Model: "m", Answers: 1}},
		{"ListsOfTokens", legacy, `{"model":"m","prompt":[[1,2],[3]]}`, Envelope{Model: "m", Answers: 2}},
		{"NoPrompts", legacy, `{"model":"m","prompt":[]}`, Envelope{Model: "m", Answers: 1}},
		{"PromptTwiceCountsTheLonger", legacy, `{"model":"m","prompt":["a","b"],"prompt":"a"}`, Envelope{Model: "m", Answers: 2}},
		{"ChatPromptIsNone", chat, `{"model":"m","prompt":["a","b"]}`, Envelope{Model: "m", Answers: 1}},
		{"Images", "/v1/images/generations", `{"model":"gpt-image-1","prompt":"a cat","n":4}`, Envelope{Model: "gpt-image-1", Answers: 4}},
		{"Speech", "/v1/audio/speech", `{"model":"tts-1","input":"gr\u00fcn \ud83d\ude00 é\n"}`, Envelope{Model: "tts-1", Answers: 1, Characters: 9}},
		{"Gemini", generate, `{"contents":[],"generationConfig":{"maxOutputTokens":100,"candidateCount":2}}`,
			Envelope{Model: "gemini-2.5-flash", Capped: true, MaxOutput: 100, Answers: 2}},
		{"GeminiProtobufNames", generate, `{"generation_config":{"max_output_tokens":100,"candidate_count":2}}`,
			Envelope{Model: "gemini-2.5-flash", Capped: true, MaxOutput: 100, Answers: 2}},
		{"GeminiZeroCapIsNone", generate, `{"generationConfig":{"maxOutputTokens":0}}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiNulls", generate, `{"model":null,"generationConfig":null}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiEmpty", generate, `{}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiStreamsByPath", "/v1beta/models/gemini-2.5-flash:streamGenerateContent", `{}`, Envelope{Model: "gemini-2.5-flash", Stream: true, Answers: 1}},
		{"GeminiIgnoresOthersFields", generate, `{"stream":true,"max_tokens":5,"n":7}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiModelInBody", generate, `{"model":"models/gemini-2.5-flash"}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiModelInBodyBare", generate, `{"model":"gemini-2.5-flash"}`, Envelope{Model: "gemini-2.5-flash", Answers: 1}},
		{"GeminiBatch", batchEmbed, `{"requests":[{"model":"models/gemini-embedding-001"},{"model":"gemini-embedding-001"},{}]}`,
			Envelope{Model: "gemini-embedding-001", Answers: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := accept(t, c.path, c.body)
			c.want.Endpoint = at(t, c.path)
			c.want.Input.TextBytes, c.want.Input.ControlBytes = int64(len(c.body)), controlBytes(t, c.path, c.body)
			if diff := cmp.Diff(&c.want, got, cmpopts.IgnoreUnexported(Envelope{})); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_refusesDuplicatesAndCaseVariants(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"model": `"m"`, "models": `null`, "fallbacks": `[]`, "tools": `[]`, "deferred": `false`, "max_tool_calls": `1`, "stream": `true`, "stream_options": `{}`, "max_tokens": `1`, "max_completion_tokens": `1`,
		"max_output_tokens": `1`, "n": `1`, "best_of": `1`, "systemPrompt": `"p"`, "systemPromptVariables": `{}`,
	}
	for name, value := range values {
		for _, path := range []string{chat, messages, generate} {
			model := `"model":"m",`
			if name == "model" || path == generate {
				model = ""
			}
			if name == "model" && path == generate {
				value = `"gemini-2.5-flash"`
			}
			escaped := fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
			t.Run(path+"/"+name, func(t *testing.T) {
				t.Parallel()
				refuse(t, path, fmt.Sprintf(`{%s"%s":%s,"%s":%s}`, model, name, value, name, value), name, "more than once")
				refuse(t, path, fmt.Sprintf(`{%s"%s":%s,"%s":%s}`, model, name, value, escaped, value), name, "more than once")
				refuse(t, path, fmt.Sprintf(`{%s"%s":%s}`, model, strings.ToUpper(name), value), name, "letter case")
				refuse(t, path, fmt.Sprintf(`{%s"%s":%s,"%s":%s}`, model, name, value, strings.ToUpper(name), value), name, "letter case")
				if kelvin := strings.Replace(name, "k", "\u212a", 1); kelvin != name {
					refuse(t, path, fmt.Sprintf(`{%s"%s":%s}`, model, kelvin, value), name, "letter case")
					refuse(t, path, fmt.Sprintf(`{%s"%s":%s}`, model, strings.Replace(name, "k", `\u212A`, 1), value), name, "letter case")
				}
				if long := strings.Replace(name, "s", "\u017f", 1); long != name {
					refuse(t, path, fmt.Sprintf(`{%s"%s":%s}`, model, long, value), name, "letter case")
				}
			})
		}
	}
}

func TestParse_refusesDuplicatesInside(t *testing.T) {
	t.Parallel()
	const cap, count, config = "generationConfig.maxOutputTokens", "generationConfig.candidateCount", "generationConfig"
	for _, c := range []struct{ name, path, body, param, says string }{
		{"IncludeUsage", chat, `{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}`, "stream_options.include_usage", "more than once"},
		{"IncludeUsageCase", chat, `{"model":"m","stream_options":{"Include_usage":true}}`, "stream_options.include_usage", "letter case"},
		{"Config", generate, `{"generationConfig":{},"generationConfig":{}}`, config, "more than once"},
		{"ConfigInBothSpellings", generate, `{"generationConfig":{},"generation_config":{}}`, config, "more than once"},
		{"ConfigCase", generate, `{"generationconfig":{}}`, config, "letter case"},
		{"ConfigCaseSnake", generate, `{"Generation_Config":{}}`, config, "letter case"},
		{"Cap", generate, `{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":2}}`, cap, "more than once"},
		{"CapInBothSpellings", generate, `{"generationConfig":{"max_output_tokens":1,"maxOutputTokens":2}}`, cap, "more than once"},
		{"CapCase", generate, `{"generationConfig":{"MaxOutputTokens":1}}`, cap, "letter case"},
		{"CandidatesInBothSpellings", generate, `{"generationConfig":{"candidate_count":1,"candidateCount":2}}`, count, "more than once"},
		{"BatchModelTwice", batchEmbed, `{"requests":[{"model":"gemini-embedding-001","model":"gemini-embedding-001"}]}`, "model", "more than once"},
		{"BatchModelCase", batchEmbed, `{"requests":[{"Model":"x"}]}`, "model", "letter case"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuse(t, c.path, c.body, c.param, c.says)
		})
	}
}

func TestParse_refusesWrongTypes(t *testing.T) {
	t.Parallel()
	const cap = "generationConfig.maxOutputTokens"
	for _, c := range []struct{ name, path, body, param, says string }{
		{"ModelMissing", chat, `{}`, "model", "`model` is missing"},
		{"ModelMissingAnthropic", messages, `{"messages":[]}`, "model", "`model` is missing"},
		{"ModelNull", chat, `{"model":null}`, "model", "must be a string, got null"},
		{"ModelNumber", chat, `{"model":4}`, "model", "must be a string, got a number"},
		{"ModelArray", chat, `{"model":["m"]}`, "model", "must be a string, got an array"},
		{"ModelEmpty", chat, `{"model":""}`, "model", "is empty"},
		{"ModelBlank", chat, `{"model":"  \u00a0"}`, "model", "is empty"},
		{"ModelControl", chat, `{"model":"a\nb"}`, "model", "control characters"},
		{"ModelNUL", chat, `{"model":"gpt-4o\u0000"}`, "model", "control characters"},
		{"ModelHalfSurrogate", chat, `{"model":"gpt\ud800"}`, "model", "broken Unicode"},
		{"ModelTooLong", chat, `{"model":"` + strings.Repeat("m", 257) + `"}`, "model", "longer than 256"},
		{"ModelWithZeroWidthSpace", chat, `{"model":"gpt\u200b-4o"}`, "model", "not printed"},
		{"ModelWithVariationSelector", messages, `{"model":"claude\ufe0f"}`, "model", "not printed"},
		{"ModelWithFiller", chat, `{"model":"gpt\u3164"}`, "model", "not printed"},
		{"ModelWithNoBreakSpace", chat, `{"model":"gpt\u00a04o"}`, "model", "not printed"},
		{"ModelsNoList", chat, `{"model":"openrouter/cheap","models":"dear"}`, "models", "must be a list of models"},
		{"FallbacksNoList", messages, `{"model":"m","fallbacks":{}}`, "fallbacks", "must be a list of models"},
		{"ToolTypeTwice", responses, `{"model":"m","tools":[{"type":"web_search","type":"function"}]}`, "tools.type", "more than once"},
		{"ToolUsesTwice", messages, `{"model":"m","tools":[{"type":"web_search_20250305","max_uses":1,"max_uses":9}]}`, "tools.max_uses", "more than once"},
		{"ToolModelInOtherCase", messages, `{"model":"m","tools":[{"type":"advisor_20260301","Model":"dear"}]}`, "tools.model", "letter case"},
		{"BackgroundAsText", responses, `{"model":"m","background":"true"}`, "background", "true or false"},
		{"ControlInExtraBody", chat, `{"model":"m","extra_body":{"models":["dear"]}}`, "extra_body", "top of the body"},
		{"ToolsInExtraBody", chat, `{"model":"m","extra_body":{"google":{"tools":[{"google_search":{}}]}}}`, "extra_body", "top of the body"},
		{"ControlDeepInExtraBody", chat, `{"model":"m","extra_body":{"google":{"model":"dear"}}}`, "extra_body", "top of the body"},
		{"KeyWithNUL", chat, `{"model":"m","x":[{"a\u0000b":1}]}`, "", "NUL"},
		{"KeyWithHalfAPair", generate, `{"contents":[{"parts":[{"functionCall":{"args":{"\ud83d":1}}}]}]}`, "", "surrogate"},
		{"StreamString", chat, `{"model":"m","stream":"true"}`, "stream", "`stream` must be true or false, got a string"},
		{"StreamNumber", chat, `{"model":"m","stream":1}`, "stream", "got a number"},
		{"CapString", chat, `{"model":"m","max_tokens":"5"}`, "max_tokens", "`max_tokens` must be a whole number, got a string"},
		{"CapBool", chat, `{"model":"m","max_tokens":true}`, "max_tokens", "got a boolean"},
		{"CapFraction", chat, `{"model":"m","max_completion_tokens":5.0}`, "max_completion_tokens", "without fraction"},
		{"CapExponent", chat, `{"model":"m","max_tokens":1e3}`, "max_tokens", "without fraction or exponent"},
		{"CapNegative", chat, `{"model":"m","max_tokens":-1}`, "max_tokens", "of 0 or more"},
		{"CapMinusZero", chat, `{"model":"m","max_tokens":-0}`, "max_tokens", "of 0 or more"},
		{"CapTooLarge", chat, `{"model":"m","max_tokens":9223372036854775808}`, "max_tokens", "fits 64 bits"},
		{"CapResponses", responses, `{"model":"m","max_output_tokens":{}}`, "max_output_tokens", "got an object"},
		{"NZero", chat, `{"model":"m","n":0}`, "n", "from 1 to 128"},
		{"NNegative", chat, `{"model":"m","n":-1}`, "n", "from 1 to 128"},
		{"NTooMany", chat, `{"model":"m","n":129}`, "n", "from 1 to 128"},
		{"NHuge", chat, `{"model":"m","n":99999999999999999999}`, "n", "from 1 to 128"},
		{"NFraction", chat, `{"model":"m","n":1.5}`, "n", "without fraction"},
		{"NString", chat, `{"model":"m","n":"2"}`, "n", "got a string"},
		{"BestOf", legacy, `{"model":"m","best_of":0}`, "best_of", "from 1 to 128"},
		{"StreamOptions", chat, `{"model":"m","stream_options":true}`, "stream_options", "must be an object, got a boolean"},
		{"StreamOptionsArray", chat, `{"model":"m","stream_options":[]}`, "stream_options", "must be an object, got an array"},
		{"IncludeUsage", chat, `{"model":"m","stream_options":{"include_usage":1}}`, "stream_options.include_usage", "must be true or false"},
		{"SystemPrompt", chat, `{"model":"m","systemPrompt":{}}`, "systemPrompt", "must be a string, got an object"},
		{"SystemPromptVariables", chat, `{"model":"m","systemPromptVariables":"a"}`, "systemPromptVariables", "must be an object"},
		{"GeminiConfig", generate, `{"generationConfig":[{"maxOutputTokens":5}]}`, "generationConfig", "must be an object, got an array"},
		{"GeminiCapString", generate, `{"generationConfig":{"maxOutputTokens":"5"}}`, cap, "must be a whole number, got a string"},
		{"GeminiCandidates", generate, `{"generationConfig":{"candidateCount":0}}`, "generationConfig.candidateCount", "from 1 to 128"},
		{"GeminiOtherModel", generate, `{"model":"models/gemini-2.5-pro"}`, "model", "not the model in the path"},
		{"GeminiModelNumber", generate, `{"model":1}`, "model", "must be a string"},
		{"GeminiBatchOtherModel", batchEmbed, `{"requests":[{"model":"models/gemini-embedding-001"},{"model":"models/dear"}]}`, "model", "not the model in the path"},
		{"GeminiCountedRequestsOtherModel", "/v1beta/models/gemini-2.5-flash:countTokens", `{"generateContentRequest":{"model":"models/dear"}}`, "model", "not the model in the path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuse(t, c.path, c.body, c.param, c.says)
		})
	}
}

func TestParse_contentTypes(t *testing.T) {
	t.Parallel()
	body := `{"model":"m"}`
	for _, c := range []struct{ name, path, contentType, says string }{
		{"JSON", chat, "application/json", ""},
		{"JSONWithCharset", chat, "application/json; charset=UTF-8", ""},
		{"JSONInOtherCase", chat, "Application/JSON", ""},
		{"Absent", chat, "", ""},
		{"PlainText", chat, "text/plain;charset=UTF-8", ""},
		{"JSONWhereFormsMay", "/v1/images/edits", "application/json", ""},
		{"OtherCharset", chat, "application/json; charset=utf-16", "must be UTF-8"},
		{"Form", chat, "multipart/form-data; boundary=x", "does not take multipart/form-data"},
		{"FormForGenerations", "/v1/images/generations", "multipart/form-data; boundary=x", "does not take multipart/form-data"},
		{"OtherMultipart", "/v1/images/edits", "multipart/mixed; boundary=x", "does not take multipart/mixed"},
		{"URLEncoded", chat, "application/x-www-form-urlencoded", "does not take application/x-www-form-urlencoded"},
		{"URLEncodedWhereFormsMay", "/v1/images/edits", "application/x-www-form-urlencoded", "does not take"},
		{"TwoTypes", chat, "application/json, multipart/form-data", "cannot be read"},
		{"Garbage", chat, ";;", "cannot be read"},
		{"TwoBoundaries", "/v1/images/edits", "multipart/form-data; boundary=a; boundary=b", "cannot be read"},
		{"NoBoundary", "/v1/images/edits", "multipart/form-data", "no multipart boundary"},
		{"BoundaryInPieces", "/v1/images/edits", "multipart/form-data; boundary*0=a; boundary*1=b", "multipart boundary must be"},
		{"BoundaryEscaped", "/v1/images/edits", `multipart/form-data; boundary="a\b"`, "multipart boundary must be"},
		{"BoundaryTooLong", "/v1/images/edits", "multipart/form-data; boundary=" + strings.Repeat("b", 71), "multipart boundary must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, err := Parse(at(t, c.path), c.contentType, []byte(body))
			if c.says == "" {
				if err != nil {
					t.Errorf("got %v, want it accepted", err)
				}
				return
			}
			wantRefusal(t, e, err, "", c.says)
		})
	}
}

func TestParse_endpointsWithoutBody(t *testing.T) {
	t.Parallel()
	ep, err := Match("GET", "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(ep, "", nil)
	if err != nil || e.Endpoint != ep {
		t.Errorf("got %+v, %v; want an envelope of the endpoint alone", e, err)
	}
}

// FuzzParse compares Parse with the standard decoder: every accepted body is JSON, and other readers see the same model,
// stream flag and output cap.
func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"model":"gpt-4o","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`,
		`{"model":"a","model":"b"}`, `{"Model":"a"}`, `{"\u006dodel":"a\ud800"}`, "{\"\u212a\":1,\"model\":\"m\"}",
		`{"model":"m","input":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"id":"x"}],"tools":[{"type":"web_search"}]}`,
		`{"generationConfig":{"maxOutputTokens":9},"contents":[{"parts":{"inlineData":{"mimeType":"image/png","data":"` + png + `"}}}]}`,
		`{"model":"m","messages":[{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}]}]}`,
		`{"model":"m","prompt":["a",["b"],1,[2]],"n":3,"best_of":4}`,
		`{"model":"m","fallbacks":[{"model":"a","max_tokens":3},"b"],"models":["c"],"tools":[{"type":"file_search","vector_store_ids":["vs"]},{"type":"advisor_20260301","model":"d","max_uses":1}]}`,
		`{"model":"m","background":true,"max_tool_calls":3,"prompt":{"id":"p"},"prediction":{"content":"x"},"api_base":"x","plugins":[{"id":"web"}],"container":{"id":"c"}}`,
	} {
		for i := range paths {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		path := paths[int(which)%len(paths)]
		e, err := Parse(at(t, path), "", body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is no JSON: %q", body)
		}
		if e.Answers < 1 || e.MaxOutput < 0 || e.Input.TextBytes < e.Input.ControlBytes || e.Input.ControlBytes < 0 || e.Input.TextBytes > int64(len(body)) || e.Characters < 0 {
			t.Errorf("impossible measures: %+v", e)
		}
		if again := e.Apply(Edit{}); !bytes.Equal(again, body) || len(body) > 0 && &again[0] != &body[0] {
			t.Errorf("an empty edit made another body")
		}
		var seen struct {
			Model               any
			Stream              any
			MaxTokens           *int64 `json:"max_tokens"`
			MaxCompletionTokens *int64 `json:"max_completion_tokens"`
			MaxOutputTokens     *int64 `json:"max_output_tokens"`
		}
		if err := json.Unmarshal(body, &seen); err != nil {
			t.Fatalf("another reader refuses a field that was accepted: %v", err)
		}
		checkDemands(t, e, body)
		if e.Endpoint.Dialect == Gemini {
			if s, ok := seen.Model.(string); ok && strings.TrimPrefix(s, "models/") != e.Model {
				t.Errorf("model is %q to another reader, %q in the path", s, e.Model)
			}
			return
		}
		if seen.Model != e.Model {
			t.Errorf("model is %q to another reader, %q to us", seen.Model, e.Model)
		}
		if on, _ := seen.Stream.(bool); on != e.Stream {
			t.Errorf("stream is %v to another reader, %v to us", seen.Stream, e.Stream)
		}
		caps := []*int64{seen.MaxTokens}
		switch e.Endpoint.Operation {
		case ChatCompletions:
			caps = append(caps, seen.MaxCompletionTokens)
		case Responses:
			caps = []*int64{seen.MaxOutputTokens}
		}
		for _, n := range caps {
			if n != nil && (!e.Capped || e.MaxOutput < *n) {
				t.Errorf("a cap of %d is %v, %d to us", *n, e.Capped, e.MaxOutput)
			}
		}
	})
}

// checkDemands compares the demands found in a body with the standard decoder's.
func checkDemands(t *testing.T, e *Envelope, body []byte) {
	t.Helper()
	var seen struct {
		Background bool
		Models     []any
		Fallbacks  any
		Tools      any
		Calls      *int64 `json:"max_tool_calls"`
	}
	_ = json.Unmarshal(body, &seen) // a field of another type is the zero value
	d := &e.Demands
	if seen.Background && e.Endpoint.Operation.responses() {
		t.Error("a background response was accepted")
	}
	if seen.Calls != nil && (!d.CallsBounded || d.ToolCalls != *seen.Calls) {
		t.Errorf("max_tool_calls is %d to another reader; to us %v, %d", *seen.Calls, d.CallsBounded, d.ToolCalls)
	}
	named := func(model any, param string) {
		s, ok := model.(string)
		if ok && !slices.ContainsFunc(d.Models, func(n Named) bool { return n.Model == s }) && !(s == "default" && d.Chooses == param) {
			t.Errorf("%s names %q to another reader, and not to us: %v", param, s, d.Models)
		}
	}
	for _, m := range seen.Models {
		named(m, "models")
	}
	entries, _ := seen.Fallbacks.([]any)
	for _, entry := range entries {
		named(entry, "fallbacks")
		if o, ok := entry.(map[string]any); ok {
			named(o["model"], "fallbacks")
		}
	}
	if e.Endpoint.Dialect == Gemini {
		return
	}
	tools, _ := seen.Tools.([]any)
	hosted := 0
	for _, tool := range tools {
		o, _ := tool.(map[string]any)
		named(o["model"], "tools")
		if kind, ok := o["type"].(string); ok && !isClientTool(kind) && kind != "shell" && kind != "tool_search" {
			hosted++
		}
		stores, _ := o["vector_store_ids"].([]any)
		for _, id := range stores {
			if s, ok := id.(string); ok && !slices.Contains(d.Objects, Object{"vector_store_ids", s}) {
				t.Errorf("a tool refers to %q to another reader, and not to us: %v", s, d.Objects)
			}
		}
	}
	if len(d.Tools) < hosted {
		t.Errorf("%d hosted tools to another reader, %d to us", hosted, len(d.Tools))
	}
}

// paths are one endpoint for each way to read a body.
var paths = []string{chat, legacy, responses, "/v1/audio/speech", "/v1/images/edits", messages, generate, batchEmbed}

func BenchmarkParse_chat1KB(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"model":"gpt-4o-mini","stream":true,"temperature":0.7,"max_completion_tokens":512,"messages":[{"role":"system","content":"You are a helpful assistant. Answer briefly and in the user's language."}`)
	for body.Len() < 950 {
		body.WriteString(`,{"role":"user","content":"How do I boil an egg \"just right\"?\nIt is a large one."},{"role":"assistant","content":"Seven minutes."}`)
	}
	body.WriteString(`]}`)
	benchmarkParse(b, chat, body.Bytes())
}

func BenchmarkParse_image1MB(b *testing.B) {
	image := "iVBORw0KGgo" + strings.Repeat("AbCd0+/9", 1<<17)
	benchmarkParse(b, messages, []byte(`{"model":"claude-sonnet-4-5","max_tokens":1024,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+image+`"}},{"type":"text","text":"What is this?"}]}]}`))
}

func BenchmarkParse_text1MB(b *testing.B) {
	benchmarkParse(b, chat, []byte(`{"model":"gpt-4o","messages":[{"role":"user","content":"`+strings.Repeat(`Er sagte: \"grün\".\n`, 1<<20/22)+`"}]}`))
}

func benchmarkParse(b *testing.B, path string, body []byte) {
	ep := at(b, path)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(ep, "application/json", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Match("POST", chat); err != nil {
			b.Fatal(err)
		}
		if _, err := Match("POST", generate); err != nil {
			b.Fatal(err)
		}
	}
}

func TestModerationsMayNameNoModel(t *testing.T) {
	t.Parallel()
	ep, err := Match("POST", "/v1/moderations")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"input":"x"}`)
	e, err := Parse(ep, "application/json", body)
	if err != nil || e.Model != "omni-moderation-latest" {
		t.Fatalf("model %+v, %v; want the vendor's default", e, err)
	}
	if got := string(e.Apply(Edit{})); got != string(body) {
		t.Errorf("sent %s, want the body as it came", got)
	}
}
