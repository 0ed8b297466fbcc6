package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestApply_changesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	lower := Edit{MaxOutput: 10, CapField: "max_tokens"}
	usage := Edit{IncludeUsage: true}
	for _, c := range []struct {
		name, path, body string
		edit             Edit
		want             string
	}{
		{"Model", chat, "{ \"model\" :\t\"a\" , \"x\":[1.0, \"\\u0041\"] }\n", Edit{Model: "b"}, "{ \"model\" :\t\"b\" , \"x\":[1.0, \"\\u0041\"] }\n"},
		{"ModelQuoted", chat, `{"model":"a"}`, Edit{Model: "b\"\\<\n"}, `{"model":"b\"\\<\n"}`},
		{"ModelUnderEscapedKey", chat, `{"\u006dodel":"a"}`, Edit{Model: "b"}, `{"\u006dodel":"b"}`},
		{"CapLowered", chat, `{"model":"a","max_tokens":11}`, lower, `{"model":"a","max_tokens":10}`},
		{"OtherCapLowered", chat, `{"model":"a","max_completion_tokens": 4096 ,"b":1}`, lower, `{"model":"a","max_completion_tokens": 10 ,"b":1}`},
		{"EachCapLowered", chat, `{"max_tokens":50,"model":"a","max_completion_tokens":5,"max_output_tokens":99}`, lower, `{"max_tokens":10,"model":"a","max_completion_tokens":5,"max_output_tokens":10}`},
		{"CapInserted", chat, `{"model":"a"}`, lower, `{"max_tokens":10,"model":"a"}`},
		{"CapInsertedAfterSpace", chat, "\n{ \"model\":\"a\"}", lower, "\n{\"max_tokens\":10, \"model\":\"a\"}"},
		{"NullCapReplaced", chat, `{"model":"a","max_tokens":null}`, lower, `{"model":"a","max_tokens":10}`},
		{"OtherNullCapStays", chat, `{"model":"a","max_completion_tokens":null}`, lower, `{"max_tokens":10,"model":"a","max_completion_tokens":null}`},
		{"CapForZero", chat, `{"model":"a","max_tokens":0}`, lower, `{"model":"a","max_tokens":10}`},
		{"CapForZeroBesideAnother", chat, `{"model":"a","max_completion_tokens":0,"max_tokens":5}`, lower, `{"model":"a","max_completion_tokens":10,"max_tokens":5}`},
		{"CapForAnotherZero", chat, `{"model":"a","max_completion_tokens":0}`, lower, `{"max_tokens":10,"model":"a","max_completion_tokens":10}`},
		{"ResponsesCap", responses, `{"model":"a"}`, Edit{MaxOutput: 16, CapField: "max_output_tokens"}, `{"max_output_tokens":16,"model":"a"}`},
		{"UsageInserted", chat, `{"model":"a","stream":true}`, usage, `{"stream_options":{"include_usage":true},"model":"a","stream":true}`},
		{"UsageAdded", chat, `{"model":"a","stream_options":{"x":1}}`, usage, `{"model":"a","stream_options":{"include_usage":true,"x":1}}`},
		{"UsageAddedToEmpty", chat, `{"model":"a","stream_options":{ }}`, usage, `{"model":"a","stream_options":{"include_usage":true }}`},
		{"UsageForNull", chat, `{"model":"a","stream_options":null}`, usage, `{"model":"a","stream_options":{"include_usage":true}}`},
		{"UsageTurnedOn", chat, `{"model":"a","stream_options":{"include_usage":false}}`, usage, `{"model":"a","stream_options":{"include_usage":true}}`},
		{"UsageNullTurnedOn", chat, `{"model":"a","stream_options":{"include_usage": null}}`, usage, `{"model":"a","stream_options":{"include_usage": true}}`},
		{"AllAtOnce", chat, `{"n":1,"model":"a"}`, Edit{Model: "b", MaxOutput: 5, CapField: "max_completion_tokens", IncludeUsage: true},
			`{"stream_options":{"include_usage":true},"max_completion_tokens":5,"n":1,"model":"b"}`},
		{"AnthropicCap", messages, `{"model":"a","max_tokens":1024}`, lower, `{"model":"a","max_tokens":10}`},
		{"GeminiCapLowered", generate, `{"generationConfig":{"maxOutputTokens":99}}`, lower, `{"generationConfig":{"maxOutputTokens":10}}`},
		{"GeminiCapLoweredProtobufName", generate, `{"generation_config":{"max_output_tokens":99}}`, lower, `{"generation_config":{"max_output_tokens":10}}`},
		{"GeminiCapInserted", generate, `{"generationConfig":{"topK":1}}`, lower, `{"generationConfig":{"maxOutputTokens":10,"topK":1}}`},
		{"GeminiCapInsertedIntoEmpty", generate, `{"generation_config":{}}`, lower, `{"generation_config":{"maxOutputTokens":10}}`},
		{"GeminiCapForNull", generate, `{"generationConfig":{"max_output_tokens":null}}`, lower, `{"generationConfig":{"max_output_tokens":10}}`},
		{"GeminiCapForZero", generate, `{"generationConfig":{"maxOutputTokens":0}}`, lower, `{"generationConfig":{"maxOutputTokens":10}}`},
		{"GeminiConfigForNull", generate, `{"generationConfig":null}`, lower, `{"generationConfig":{"maxOutputTokens":10}}`},
		{"GeminiConfigInserted", generate, `{"contents":[]}`, lower, `{"generationConfig":{"maxOutputTokens":10},"contents":[]}`},
		{"GeminiConfigInsertedIntoEmpty", generate, `{}`, lower, `{"generationConfig":{"maxOutputTokens":10}}`},
		{"GeminiModelRepeated", generate, `{"model":"models\/gemini-2.5-flash"}`, Edit{Model: "x"}, `{"model":"models/x"}`},
		{"GeminiBatchModels", batchEmbed, `{"requests":[{"model":"models/gemini-embedding-001"},{},{"model":"gemini-embedding-001"}]}`, Edit{Model: "x"},
			`{"requests":[{"model":"models/x"},{},{"model":"x"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := accept(t, c.path, c.body).Apply(c.edit)
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if !json.Valid(got) {
				t.Errorf("got invalid JSON: %s", got)
			}
		})
	}
}

func TestApply_returnsTheSameSliceWhereNothingChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, body string
		edit             Edit
	}{
		{"NoEdit", chat, `{"model":"a"}`, Edit{}},
		{"SameModel", chat, `{"model":"a"}`, Edit{Model: "a"}},
		{"CapLowEnough", chat, `{"model":"a","max_tokens":10}`, Edit{MaxOutput: 10, CapField: "max_tokens"}},
		{"CapOfZeroInAnthropic", messages, `{"model":"a","max_tokens":0}`, Edit{MaxOutput: 10, CapField: "max_tokens"}},
		{"NoCapField", chat, `{"model":"a"}`, Edit{MaxOutput: 10}},
		{"NoCapFieldGemini", generate, `{}`, Edit{MaxOutput: 10}},
		{"UnknownCapField", chat, `{"model":"a"}`, Edit{MaxOutput: 10, CapField: "limit"}},
		{"UsageAskedForAlready", chat, `{"model":"a","stream_options":{"include_usage":true}}`, Edit{IncludeUsage: true}},
		{"UsageInAnthropic", messages, `{"model":"a"}`, Edit{IncludeUsage: true}},
		{"GeminiModelInPathOnly", generate, `{}`, Edit{Model: "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := []byte(c.body)
			e, err := Parse(at(t, c.path), "", body)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Apply(c.edit); &got[0] != &body[0] || len(got) != len(body) {
				t.Errorf("got another slice: %s", got)
			}
		})
	}
}

func TestApply_leavesTheParsedBodyAlone(t *testing.T) {
	t.Parallel()
	const body = `{"model":"a","max_tokens":99}`
	e := accept(t, chat, body)
	e.Apply(Edit{Model: "a much longer name", MaxOutput: 1, CapField: "max_tokens", IncludeUsage: true})
	if got := string(e.Apply(Edit{})); got != body {
		t.Errorf("body became %s", got)
	}
}

// FuzzApply: an edited body is the same document except for the edit, for this package and the standard decoder.
func FuzzApply(f *testing.F) {
	for _, body := range []string{
		`{"model":"a","max_tokens":100,"stream_options":{}}`, `{ "model":"a" ,"max_completion_tokens":null}`, `{"stream":true,"model":"a","stream_options":null}`,
		`{"generationConfig":{"maxOutputTokens":9}}`, `{}`, `{"generation_config":null,"model":"models/gemini-2.5-flash"}`,
		`{"requests":[{"model":"gemini-embedding-001"}]}`, `{"n":1e400,"model":"a"}`,
	} {
		for i := range paths {
			f.Add(uint8(i), []byte(body), "b", int64(50), true)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte, name string, limit int64, include bool) {
		path := paths[int(which)%len(paths)]
		e, err := Parse(at(t, path), "", body)
		if err != nil || !utf8.ValidString(name) {
			return
		}
		edit := Edit{Model: name, MaxOutput: max(limit, 0), CapField: "max_tokens", IncludeUsage: include}
		if e.Endpoint.Operation == Responses {
			edit.CapField = "max_output_tokens"
		}
		got := e.Apply(edit)
		before, after := document(t, body), document(t, got)
		if e.Endpoint.Dialect == Gemini {
			setGemini(before, e, edit)
		} else {
			setOpenAI(before, e, edit)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("document of %q after %+v (-want +got):\n%s", body, edit, diff)
		}
		if checkModel(name) != nil || e.Endpoint.Dialect == Gemini {
			return
		}
		again, err := Parse(e.Endpoint, "", got)
		if err != nil {
			t.Fatalf("the edited body is refused: %v", err)
		}
		if again.Model != name || edit.MaxOutput > 0 && (!again.Capped || again.MaxOutput > edit.MaxOutput) {
			t.Errorf("got model %q, cap %d; want %q, at most %d", again.Model, again.MaxOutput, name, edit.MaxOutput)
		}
		if more := again.Apply(edit); !bytes.Equal(more, got) {
			t.Errorf("the same edit again changes the body: %s", more)
		}
	})
}

// document decodes a body with the standard decoder and keeps the spelling of numbers.
func document(t *testing.T, body []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("invalid JSON: %v in %q", err, body)
	}
	return doc
}

// lowered returns a cap after an edit.
func lowered(v any, edit Edit) any {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil && i > edit.MaxOutput {
			return number64(edit.MaxOutput)
		}
	}
	return v
}

func number64(n int64) json.Number {
	text, _ := json.Marshal(n)
	return json.Number(text)
}

func setOpenAI(doc map[string]any, e *Envelope, edit Edit) {
	if edit.Model != "" {
		doc["model"] = edit.Model
	}
	if edit.MaxOutput > 0 {
		for _, name := range []string{"max_tokens", "max_completion_tokens", "max_output_tokens"} {
			if v, ok := doc[name]; ok {
				doc[name] = lowered(v, edit)
			}
		}
		if !e.Capped {
			doc[edit.CapField] = number64(edit.MaxOutput)
		}
	}
	if edit.IncludeUsage && e.Endpoint.Dialect == OpenAI {
		options, ok := doc["stream_options"].(map[string]any)
		if !ok {
			options = map[string]any{}
			doc["stream_options"] = options
		}
		options["include_usage"] = true
	}
}

func setGemini(doc map[string]any, e *Envelope, edit Edit) {
	rename := func(o map[string]any) {
		if s, ok := o["model"].(string); ok && edit.Model != "" && edit.Model != e.Model {
			o["model"] = strings.TrimSuffix(s, e.Model) + edit.Model
		}
	}
	rename(doc)
	for _, key := range []string{"requests", "generateContentRequest", "generate_content_request"} {
		renameWithin(doc[key], rename)
	}
	if edit.MaxOutput == 0 {
		return
	}
	key := "generationConfig"
	if _, ok := doc["generation_config"]; ok {
		key = "generation_config"
	}
	config, ok := doc[key].(map[string]any)
	if !ok {
		config = map[string]any{}
		doc[key] = config
	}
	name := "maxOutputTokens"
	if _, ok := config["max_output_tokens"]; ok {
		name = "max_output_tokens"
	}
	config[name] = lowered(config[name], edit)
	if !e.Capped {
		config[name] = number64(edit.MaxOutput)
	}
}

// renameWithin renames the model in each nested request, at any depth.
func renameWithin(v any, rename func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			renameWithin(inner, rename)
		}
	case map[string]any:
		rename(v)
		for _, key := range []string{"requests", "generateContentRequest", "generate_content_request"} {
			renameWithin(v[key], rename)
		}
	}
}
