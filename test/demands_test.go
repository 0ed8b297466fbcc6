package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

const (
	chatPath      = "/v1/chat/completions"
	responsesPath = "/v1/responses"
	messagesPath  = "/v1/messages"
	geminiPath    = "/v1beta/models/gemini-2.5-flash:generateContent"
)

// spy is a provider that answers anything with little and remembers what it was sent.
type spy struct {
	mu    sync.Mutex
	calls int
	body  string
}

func (v *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.calls, v.body = v.calls+1, string(body)
	v.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/messages"):
		_, _ = io.WriteString(w, `{"type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`)
	case strings.HasSuffix(r.URL.Path, "/responses"):
		_, _ = io.WriteString(w, `{"object":"response","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`)
	case strings.Contains(r.URL.Path, ":generate"):
		_, _ = io.WriteString(w, `{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}`)
	default:
		_, _ = io.WriteString(w, `{"object":"chat.completion","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`)
	}
}

func (v *spy) seen() (calls int, body string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls, v.body
}

// spied is a stack with a spy.
type spied struct {
	*stack.Stack
	*spy
}

func newSpied(t *testing.T, settings string, passThrough bool) spied {
	v := new(spy)
	return spied{stack.New(t, stack.Options{Settings: settings, PassThrough: passThrough, Upstream: v}), v}
}

// A demand is a body that asks for something beside an answer.
type demand struct{ name, path, body string }

// refused sends each demand and wants the same refusal, in its dialect, that names a part of the message; nothing is sent on
// or counted.
func refused(t *testing.T, s spied, status int, code, says string, demands ...demand) {
	t.Helper()
	for _, d := range demands {
		before, _ := s.seen()
		a := s.Post(d.path, d.name, d.body)
		stack.WantError(t, a, status, code)
		if object, _ := stack.ErrorOf(t, a); !strings.Contains(fmt.Sprint(object["message"]), says) {
			t.Errorf("%s: message %q, want it to say %q", d.name, object["message"], says)
		}
		if after, _ := s.seen(); after != before {
			t.Errorf("%s: the provider was asked", d.name)
		}
		wantCharge(t, s.Stack, d.name, 0, 0)
	}
}

// passed sends each demand and wants it to reach the provider byte for byte.
func passed(t *testing.T, s spied, demands ...demand) {
	t.Helper()
	for _, d := range demands {
		a := s.Post(d.path, d.name, d.body)
		stack.WantStatus(t, a, 200)
		if _, seen := s.seen(); seen != d.body {
			t.Errorf("%s: the provider saw %s, want %s", d.name, seen, d.body)
		}
	}
}

func TestDemands_BackgroundIsRefused(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{"requestLimit":10}`, false)
	refused(t, s, 400, "unsupported_parameter", "background",
		demand{"whole", responsesPath, `{"model":"gpt-4o","input":"x","background":true}`},
		demand{"streamed", responsesPath, `{"model":"gpt-4o","input":"x","background":true,"stream":true,"max_output_tokens":20}`})
	passed(t, s, demand{"foreground", responsesPath, `{"model":"gpt-4o","input":"x","background":false}`})
}

// A second model is checked as the first: by the project's list, the tier's, and a model limit of 0.
func TestDemands_SecondModelsAreChecked(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{"allowedModels":["gpt-4o","claude-haiku-4-5","claude-opus-4-5","gpt-image-1"],"tiers":{"free":{"allowedModels":["gpt-4o","claude-haiku-4-5"]}}}`, false)
	allowed := []demand{
		{"fallback", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"fallbacks":[{"model":"claude-opus-4-5"}]}`},
		{"adviser", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-5"}]}`},
		{"image", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"image_generation","model":"gpt-image-1"}]}`},
	}
	passed(t, s, allowed...)
	refused(t, s, 403, "model_not_allowed", "claude-opus-4-1",
		demand{"fallbacks", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"fallbacks":[{"model":"claude-opus-4-5"},{"model":"claude-opus-4-1"}]}`},
		demand{"advisers", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"tools":[{"type":"advisor_20260301","model":"claude-opus-4-1"}]}`},
		demand{"models", chatPath, `{"model":"gpt-4o","messages":[],"models":["gpt-4o","claude-opus-4-1"]}`},
		demand{"a tool's settings", chatPath, `{"model":"gpt-4o","messages":[],"tools":[{"type":"openrouter:advisor","parameters":{"model":"claude-opus-4-1"}}]}`})
	refused(t, s, 400, "invalid_request", "allows only some",
		demand{"default", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"fallbacks":"default"}`},
		demand{"an image of no model", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"image_generation"}]}`},
		demand{"an image of no model beside another", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"image_generation","model":"gpt-image-1"},{"type":"image_generation","name":"b"}]}`},
		demand{"an image whose model is hidden", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"image_generation","x":{"model":"gpt-image-1"}}]}`},
		demand{"a router", chatPath, `{"model":"gpt-4o","messages":[],"plugins":[{"id":"auto-router"}]}`})
	for _, d := range allowed {
		stack.WantError(t, s.Post(d.path, "free "+d.name, d.body, "X-Tier", "free"), 403, "model_not_allowed")
	}

	blocked := newSpied(t, `{"modelLimits":{"claude-opus-4-5":{"requestLimit":0}}}`, false)
	refused(t, blocked, 429, "limit_exceeded", "claude-opus-4-5", allowed[:2]...)
	passed(t, blocked, allowed[2], demand{"default", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"fallbacks":"default"}`})
}

// Objects of the account of a stored key, by dialect.
var objects = []demand{
	{"vector store", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"file_search","vector_store_ids":["ID"]}]}`},
	{"input file", responsesPath, `{"model":"gpt-4o","input":[{"role":"user","content":[{"type":"input_file","file_id":"ID"}]}]}`},
	{"chat file", chatPath, `{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"ID"}}]}]}`},
	{"container", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"code_interpreter","container":"ID"}]}`},
	{"files of a container", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["ID"]}}]}`},
	{"stored prompt", responsesPath, `{"model":"gpt-4o","prompt":{"id":"ID"}}`},
	{"connector", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"mcp","server_label":"l","connector_id":"ID"}]}`},
	{"Anthropic's file", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"ID"}}]}]}`},
	{"Anthropic's container", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"container":"ID"}`},
	{"cache", geminiPath, `{"contents":[],"cachedContent":"ID"}`},
	{"Google's file", geminiPath, `{"contents":[{"parts":[{"fileData":{"fileUri":"ID"}}]}]}`},
	{"Google's store", geminiPath, `{"contents":[],"tools":[{"fileSearch":{"fileSearchStoreNames":["ID"]}}]}`},
}

func withID(id string) (out []demand) {
	for _, d := range objects {
		d.body = strings.ReplaceAll(d.body, "ID", id)
		out = append(out, d)
	}
	return out
}

func TestDemands_ObjectsOfTheAccountAreRefused(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{}`, false)
	refused(t, s, 400, "invalid_request", "allowedObjects", withID("theirs_1")...)
	passed(t, s,
		demand{"previous response", responsesPath, `{"model":"gpt-4o","input":"x","previous_response_id":"resp_1"}`},
		demand{"conversation", responsesPath, `{"model":"gpt-4o","input":"x","conversation":{"id":"conv_1"}}`},
		demand{"a container of its own", responsesPath, `{"model":"gpt-4o","input":"x","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`},
		demand{"an argument", messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":"x"}}]}]}`})

	listed := newSpied(t, `{"providers":{"openai":{"allowedObjects":["theirs_1"]},"anthropic":{"allowedObjects":["theirs_*"]},"google":{"allowedObjects":["theirs_1"]}}}`, false)
	passed(t, listed, withID("theirs_1")...)
	for _, d := range withID("other_1") {
		d.name = "another " + d.name
		refused(t, listed, 400, "invalid_request", "allowedObjects", d)
	}

	through := newSpied(t, `{}`, true)
	for _, d := range withID("theirs_1") {
		key := map[string][2]string{messagesPath: {"X-Api-Key", "sk-ant-of-the-client"}, geminiPath: {"X-Goog-Api-Key", "AIzaOfTheClient"}}[d.path]
		if key[0] == "" {
			key = [2]string{"Authorization", "Bearer sk-of-the-client"}
		}
		stack.WantStatus(t, through.Post(d.path, d.name, d.body, key[0], key[1]), 200)
	}
}

// A form refers to objects under the names that JSON has for them.
func TestDemands_ObjectsInFormsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{"providers":{"mistral":{"allowedObjects":["ours_*"]}}}`, false)
	for id, status := range map[string]int{"theirs_1": 400, "ours_1": 200} {
		form := "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nvoxtral-mini-latest\r\n" +
			"--B\r\nContent-Disposition: form-data; name=\"file_id\"\r\n\r\n" + id + "\r\n--B--\r\n"
		a := s.Post("/v1/audio/transcriptions", "u", form, "Content-Type", "multipart/form-data; boundary=B")
		stack.WantStatus(t, a, status)
	}
}

func TestDemands_FieldsThatSteerAGatewayAreRefused(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{}`, false)
	for _, field := range []string{"api_base", "base_url", "api_key", "baseURL", "user_config", "extra_headers", "vertex_credentials"} {
		refused(t, s, 400, "invalid_request", field,
			demand{"chat " + field, chatPath, `{"model":"gpt-4o","messages":[],"` + field + `":"https://attacker.example"}`},
			demand{"messages " + field, messagesPath, `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"` + field + `":"x"}`})
	}
	form, kind := formOf(t, "file", []byte("x"), "model", "whisper-1", "api_base", "https://attacker.example")
	stack.WantError(t, s.Post("/v1/audio/transcriptions", "form", form, "Content-Type", kind), 400, "invalid_request")

	through := newSpied(t, `{}`, true)
	stack.WantStatus(t, through.Post(chatPath, "u", `{"model":"gpt-4o","messages":[],"base_url":"x"}`, "Authorization", "Bearer sk-of-the-client"), 200)
}

// Under a strict limit a hosted tool is bounded or refused; under a soft one it passes.
func TestDemands_HostedToolsAreBoundedUnderAStrictLimit(t *testing.T) {
	t.Parallel()
	responses := func(s string) string { return `{"model":"gpt-4o","input":"x","max_output_tokens":50` + s + `}` }
	messages := func(s string) string {
		return `{"model":"claude-haiku-4-5","max_tokens":50,"messages":[{"role":"user","content":"x"}]` + s + `}`
	}
	chat := func(s string) string { return `{"model":"gpt-4o","messages":[],"max_completion_tokens":50` + s + `}` }
	gemini := func(s string) string {
		return `{"contents":[],"generationConfig":{"maxOutputTokens":50},"tools":[` + s + `]}`
	}
	unbounded := []demand{
		{"web search", responsesPath, responses(`,"tools":[{"type":"web_search"}]`)},
		{"file search", responsesPath, responses(`,"tools":[{"type":"file_search"}]`)},
		{"code interpreter", responsesPath, responses(`,"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]`)},
		{"image generation", responsesPath, responses(`,"tools":[{"type":"image_generation"}]`)},
		{"hosted shell", responsesPath, responses(`,"tools":[{"type":"shell","environment":{"type":"container_auto"}}]`)},
		{"unknown tool", responsesPath, responses(`,"max_tool_calls":1,"tools":[{"type":"teleport"}]`)},
		{"remote servers", responsesPath, responses(`,"max_tool_calls":1,"tools":[{"type":"mcp","server_label":"l","server_url":"https://example.com"}]`)},
		{"added later", responsesPath, `{"model":"gpt-4o","max_output_tokens":50,"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"web_search"}]}]}`},
		{"search options", chatPath, chat(`,"web_search_options":{}`)},
		{"live search", chatPath, chat(`,"search_parameters":{"mode":"on"}`)},
		{"plugins", chatPath, chat(`,"plugins":[{"id":"web"}]`)},
		{"search model", chatPath, `{"model":"gpt-4o-search-preview","messages":[],"max_completion_tokens":50}`},
		{"OpenRouter's search", chatPath, `{"model":"gpt-4o:online","messages":[],"max_completion_tokens":50}`},
		{"OpenRouter's search and another variant", chatPath, `{"model":"gpt-4o:online:nitro","messages":[],"max_completion_tokens":50}`},
		{"second search model", chatPath, chat(`,"models":["gpt-4o-search-preview"]`)},
		{"Anthropic's web search", messagesPath, messages(`,"tools":[{"type":"web_search_20260318","name":"web_search"}]`)},
		{"Anthropic's web fetch", messagesPath, messages(`,"tools":[{"type":"web_fetch_20260318","name":"web_fetch"}]`)},
		{"Anthropic's code execution", messagesPath, messages(`,"tools":[{"type":"code_execution_20260521","name":"code_execution"}]`)},
		{"adviser", messagesPath, messages(`,"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-5"}]`)},
		{"tool search", messagesPath, messages(`,"tools":[{"type":"tool_search_tool_regex_20251119","name":"t"}]`)},
		{"Anthropic's remote servers", messagesPath, messages(`,"mcp_servers":[{"type":"url","url":"https://example.com","name":"n"}]`)},
		{"grounding", geminiPath, gemini(`{"googleSearch":{}}`)},
		{"grounding by its protobuf name", geminiPath, gemini(`{"google_search":{}}`)},
		{"Google's code", geminiPath, gemini(`{"codeExecution":{}}`)},
		{"an animation", "/v1/images/generations", `{"model":"gpt-image-1","prompt":"x","output_format":"gif"}`},
		{"frames of an animation", responsesPath, responses(`,"max_tool_calls":1,"tools":[{"type":"image_generation","model":"gpt-image-1","frame_count":100}]`)},
		{"any fallback", messagesPath, messages(`,"fallbacks":"default"`)},
		{"a fallback's own cap", messagesPath, messages(`,"fallbacks":[{"model":"claude-haiku-4-5","max_tokens":64000}]`)},
	}
	bounded := []demand{
		{"searches", responsesPath, responses(`,"max_tool_calls":2,"tools":[{"type":"web_search"},{"type":"file_search"},{"type":"function","name":"f"}]`)},
		{"a word", responsesPath, responses(`,"tools":[{"type":"function","name":"f","parameters":{"enum":["gif"]}}]`)},
		{"no search", responsesPath, responses(`,"max_tool_calls":0,"tools":[{"type":"web_search"}]`)},
		{"Anthropic's searches", messagesPath, messages(`,"tools":[{"type":"web_search_20260318","name":"web_search","max_uses":2},{"name":"f","input_schema":{}}]`)},
		{"an adviser", messagesPath, messages(`,"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-5","max_uses":1,"max_tokens":2048}]`)},
		{"functions", geminiPath, gemini(`{"functionDeclarations":[]}`)},
		{"the client's tools", messagesPath, messages(`,"tools":[{"type":"bash_20250124","name":"bash"},{"type":"memory_20250818","name":"memory"}]`)},
	}
	const prices = `"prices":{"gpt-4o-search-preview":{"inputUsdPerMillion":2.5,"outputUsdPerMillion":10}}`
	const strict = `{"enforcement":"strict","costLimitUsd":1000,` + prices + `}`
	s := newSpied(t, strict, false)
	refused(t, s, 400, "unbounded_cost", "strict limit", unbounded...)
	passed(t, s, bounded...)
	passed(t, newSpied(t, `{"costLimitUsd":1000,`+prices+`}`, false), unbounded...)

	// A limit that is too small for what the tools may cost refuses them, whatever the request itself costs.
	small := newSpied(t, `{"enforcement":"strict","costLimitUsd":0.01}`, false)
	for _, d := range bounded[:5] {
		if d.name != "no search" && d.name != "a word" {
			stack.WantError(t, small.Post(d.path, d.name, d.body), 429, "limit_exceeded")
		}
	}
}
