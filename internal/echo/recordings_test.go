package echo_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
)

// recordings holds real answers of the vendors; where they are not at hand the test is skipped.
const recordings = "../../../shared/recordings"

// shape adds the paths of all fields in v to paths, such as "response.usage.input_tokens". Elements of an
// array share a path. What the request decided (a tool's schema) has no part in it.
func shape(paths map[string]bool, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			paths[at+"."+name] = true
			shape(paths, at+"."+name, field)
		}
	case []any:
		for _, element := range v {
			shape(paths, at+"[]", element)
		}
	}
}

// shapes returns the field paths of JSON documents by their type; those without one share "".
func shapes(t *testing.T, documents []string) map[string]map[string]bool {
	t.Helper()
	byType := map[string]map[string]bool{}
	for _, doc := range documents {
		var v map[string]any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		kind, _ := v["type"].(string)
		if byType[kind] == nil {
			byType[kind] = map[string]bool{}
		}
		shape(byType[kind], "", v)
	}
	return byType
}

func dataLines(body string) (lines []string) {
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && data != "[DONE]" {
			lines = append(lines, data)
		}
	}
	return lines
}

// TestAnswersHaveTheFieldsOfTheVendors compares, event type by event type, which fields there are.
func TestAnswersHaveTheFieldsOfTheVendors(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{Extra: echo.Extra{Reasoning: 1}})
	for _, tc := range []struct {
		recording, path, body string
		missing, extra        []string // which differ, and why that is right
	}{
		{"openai-chat.json", asks[1].path, asks[1].body, nil, nil},
		{"openai-chat.stream.jsonl", asks[0].path, `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
			[]string{".obfuscation"}, nil}, // random padding against traffic analysis
		{"openai-completions.stream.jsonl", "/v1/completions", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"prompt":"hi"}`,
			nil, []string{".usage.prompt_tokens_details", ".usage.completion_tokens_details"}}, // newer than the recorded model
		{"openai-embeddings.json", "/v1/embeddings", `{"model":"m","input":"x"}`, nil, nil},
		{"openai-responses-reasoning.stream.jsonl", asks[2].path, asks[2].body,
			// reasoning items, padding, and what the recorded requests asked for
			[]string{".obfuscation", ".response.tools[]", ".response.output[].encrypted_content", ".response.output[].summary", ".item.encrypted_content", ".item.summary",
				".response.output[].arguments", ".response.output[].call_id", ".response.output[].name", ".item.arguments", ".item.call_id", ".item.name", ".response.prompt_cache_retention"},
			[]string{".response.usage.input_tokens_details.cache_write_tokens"}}, // newer than the recording
		{"anthropic-text.json", asks[4].path, asks[4].body, []string{".usage.inference_geo"}, nil},
		{"anthropic-text.stream.jsonl", asks[3].path, asks[3].body, []string{".message.usage.inference_geo"}, nil},
		{"gemini-text.json", asks[6].path, asks[6].body, []string{".candidates[].content.parts[].thoughtSignature"}, nil},
		{"gemini-text.stream.jsonl", asks[5].path, asks[5].body, []string{".candidates[].content.parts[].thoughtSignature"}, nil},
	} {
		recorded, err := os.ReadFile(filepath.Join(recordings, tc.recording))
		if err != nil {
			t.Skip(err)
		}
		_, body := answer(t, url+tc.path, tc.body)
		want, got := []string{string(recorded)}, []string{body}
		if strings.HasSuffix(tc.recording, "l") {
			want, got = strings.Split(strings.TrimSpace(string(recorded)), "\n"), dataLines(body)
		}
		wantShapes := shapes(t, want)
		for kind, fields := range shapes(t, got) {
			wanted, known := wantShapes[kind]
			if !known {
				t.Errorf("%s: the vendor sends no %q", tc.recording, kind)
			}
			differ(t, tc.recording+" "+kind+": missing", wanted, fields, tc.missing)
			differ(t, tc.recording+" "+kind+": made up", fields, wanted, tc.extra)
		}
	}
}

// differ reports the paths in a that are not in b, but for the allowed ones and what is below them.
func differ(t *testing.T, what string, a, b map[string]bool, allowed []string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(a)) {
		if !b[path] && !slices.ContainsFunc(allowed, func(p string) bool { return strings.HasPrefix(path, p) }) {
			t.Errorf("%s %s", what, path)
		}
	}
}
