package test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

func modelsOf(t *testing.T, s *stack.Stack, path string) []string {
	t.Helper()
	a := s.Do(s.Request("GET", path, "u", ""))
	stack.WantStatus(t, a, 200)
	doc := a.JSON(t)
	var names []string
	for _, m := range doc[map[string]string{"/v1/models": "data", "/v1beta/models": "models"}[path]].([]any) {
		m := m.(map[string]any)
		if id, ok := m["id"].(string); ok {
			if m["object"] != "model" || m["owned_by"] == "" {
				t.Errorf("model is %v", m)
			}
			names = append(names, id)
			continue
		}
		names = append(names, m["name"].(string))
	}
	return names
}

// The list is what the project allows, or else the price book's models of its providers; each of them is allowed when called.
func TestModels_ListsWhatIsAllowed(t *testing.T) {
	t.Parallel()
	server := echo.New(echo.Options{})
	t.Cleanup(server.Close)
	upstream := httptest.NewServer(server)
	t.Cleanup(upstream.Close)
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["gpt-4o","claude-sonnet-4*","gemini-2.0-flash","thing","mine","Qwen/Qwen2.5-72B-Instruct","GPT-4.1"],
		"providers":{"own":{"baseUrl":"` + upstream.URL + `/v1","dialect":"openai","models":["mine"],"key":"` + stack.StoredKey + `"}}}`})
	got := modelsOf(t, s, "/v1/models")
	for _, want := range []string{"gpt-4o", "claude-sonnet-4-5", "gemini-2.0-flash", "mine", "own/thing", "own/Qwen/Qwen2.5-72B-Instruct", "gpt-4.1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
	for _, name := range got {
		if !strings.HasPrefix(name, "gpt-4o") && !strings.HasPrefix(name, "claude-sonnet-4") && !strings.HasPrefix(name, "gemini-2.0-flash") && !strings.HasPrefix(name, "gpt-4.1") && name != "mine" && !strings.HasPrefix(name, "own/") || name == "gpt-4o-mini" {
			t.Errorf("%s is listed", name)
		}
	}
	if got := modelsOf(t, s, "/v1beta/models"); len(got) == 0 || slices.ContainsFunc(got, func(n string) bool { return !strings.HasPrefix(n, "models/gemini-2.0-flash") }) {
		t.Errorf("Gemini's list is %v", got)
	}
	for model, status := range map[string]int{"gpt-4o": 200, "gpt-4o-2024-08-06": 200, "GPT-4o": 200, "openai/gpt-4o": 200, "claude-sonnet-4-5": 200,
		"own/thing":   200,
		"gpt-4o-mini": 403, "own/other": 403, "thing": 400, "gpt-4": 403, "o3": 403, "claude-opus-4-1": 403} {
		if a := s.Chat("u", model); a.Status != status {
			t.Errorf("%s: status %d, want %d: %s", model, a.Status, status, a.Body)
		}
	}
}

// A listed model can be called as it is listed, letter case included: to many servers a model's name in another one is
// none.
func TestModels_AreListedAsTheyAreCalled(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["Qwen/Qwen2.5-72B-Instruct","Llama-3","openai/gpt-oss"],
		"providers":{"own":{"baseUrl":"http://127.0.0.1:1/v1","dialect":"openai","models":["llama-*"],"key":"k"}}}`})
	want := []string{"Llama-3", "own/Qwen/Qwen2.5-72B-Instruct", "own/openai/gpt-oss"}
	if got := modelsOf(t, s, "/v1/models"); !slices.Equal(got, want) {
		t.Errorf("listed are %v, want %v", got, want)
	}
	for _, name := range want {
		stack.WantError(t, s.Chat("u", name), 502, "provider_unreachable") // where it would be sent
	}
	if got := modelsOf(t, s, "/v1beta/models"); len(got) != 0 {
		t.Errorf("Gemini's list is %v, want none", got)
	}
}

// A limit's key that names the provider too would cover nothing, and is refused; a model whose own name has a slash is
// limited by that.
func TestModels_LimitsByTheNameThatIsSent(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"modelLimits":{"meta-llama/Llama-3":{"requestLimit":1},"anthropic/claude-x":{"requestLimit":0}},
		"providers":{"openrouter":{"baseUrl":"http://127.0.0.1:1/v1","dialect":"openai","key":"k"}}}`})
	for model, status := range map[string]int{"openrouter/meta-llama/llama-3": 502, "openrouter/anthropic/claude-x": 429, "openrouter/meta-llama/llama-3.1": 502} {
		a := s.Chat("u", model)
		stack.WantStatus(t, a, status)
		if got := a.Header.Get("X-Ratelimit-Limit-Requests") != ""; got != (model != "openrouter/meta-llama/llama-3.1") {
			t.Errorf("%s is limited: %v", model, got)
		}
	}
	a := s.Control(http.MethodPost, "/identities", `{"identity":"u","modelLimits":{"openrouter/meta-llama/llama-3":{"requestLimit":1}}}`)
	if a.Status != 400 || !strings.Contains(a.Body, `body.modelLimits.openrouter/meta-llama/llama-3`) || !strings.Contains(a.Body, `write \"meta-llama/llama-3\"`) {
		t.Errorf("status %d: %s; want 400 that tells how to write it", a.Status, a.Body)
	}
	stack.WantStatus(t, s.Control(http.MethodPost, "/identities", `{"identity":"u","modelLimits":{"meta-llama/llama-3":{"requestLimit":0}}}`), 200)
	stack.WantError(t, s.Chat("u", "openrouter/meta-llama/llama-3"), 429, "limit_exceeded")
}

func TestModels_PriceBookWhereAllIsAllowed(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	got := modelsOf(t, s, "/v1/models")
	for _, want := range []string{"gpt-4o", "claude-sonnet-4-5", "gemini-2.0-flash"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("not in order: %v", got)
	}
	wantCharge(t, s, "u", 0, 0)
	if s.Seen.Total() != 0 {
		t.Error("the provider was asked")
	}
	// Further models of the book are not listed where a call would not find their provider.
	for _, name := range got {
		if a := s.Chat("u", name); strings.Contains(a.Body, "unknown_model") {
			t.Errorf("%s is listed, and the answer to it is %s", name, a.Body)
		}
	}
}

// One model is answered in the shape of whoever asks, if it is one that can be called.
func TestModels_One(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["gpt-4o","claude-sonnet-4-5","gemini-2.0-flash","mine","Qwen/Qwen3","openrouter/*"],
		"providers":{"own":{"baseUrl":"http://127.0.0.1:1/v1","dialect":"openai","models":["mine"],"key":"` + stack.StoredKey + `"}}}`})
	get := func(path string, headers ...string) stack.Answer {
		return s.Do(s.Request(http.MethodGet, path, "u", "", headers...))
	}
	for path, want := range map[string]string{
		"/v1/models/gpt-4o":                 `{"id":"gpt-4o","object":"model","created":0,"owned_by":"openai"}`,
		"/v1/models/gpt%2D4o":               `{"id":"gpt-4o","object":"model","created":0,"owned_by":"openai"}`,
		"/v1/models/gpt-4o-2024-08-06":      `{"id":"gpt-4o-2024-08-06","object":"model","created":0,"owned_by":"openai"}`,
		"/v1/models/openai/gpt-4o":          `{"id":"openai/gpt-4o","object":"model","created":0,"owned_by":"openai"}`,
		"/v1/models/mine":                   `{"id":"mine","object":"model","created":0,"owned_by":"own"}`,
		"/v1/models/own%2FQwen%2FQwen3":     `{"id":"own/Qwen/Qwen3","object":"model","created":0,"owned_by":"own"}`,
		"/v1/models/own/qwen/qwen3":         `{"id":"own/Qwen/Qwen3","object":"model","created":0,"owned_by":"own"}`,
		"/v1/models/claude-sonnet-4-5":      `{"id":"claude-sonnet-4-5","object":"model","created":0,"owned_by":"anthropic"}`,
		"/v1/models/own/openrouter/x:nitro": `{"id":"own/openrouter/x:nitro","object":"model","created":0,"owned_by":"own"}`,
	} {
		if a := get(path); a.Status != 200 || a.Body != want {
			t.Errorf("%s: status %d, %s; want %s", path, a.Status, a.Body, want)
		}
	}
	claude := get("/v1/models/claude-sonnet-4-5", "Anthropic-Version", "2023-06-01").JSON(t)
	if claude["type"] != "model" || claude["id"] != "claude-sonnet-4-5" || claude["display_name"] == "" || claude["created_at"] != "1970-01-01T00:00:00Z" {
		t.Errorf("Anthropic's: %v", claude)
	}
	for _, flash := range []stack.Answer{get("/v1beta/models/gemini-2.0-flash"), get("/v1/models/gemini-2.0-flash", "X-Goog-Api-Key", s.ProjectKey)} {
		if doc := flash.JSON(t); doc["name"] != "models/gemini-2.0-flash" || !slices.Contains(doc["supportedGenerationMethods"].([]any), any("generateContent")) {
			t.Errorf("Gemini's: %s", flash.Body)
		}
	}
	stack.WantError(t, get("/v1/models/gpt-4.1"), 403, "model_not_allowed")
	stack.WantError(t, get("/v1/models/nobody-1"), 404, "unknown_model")
	stack.WantError(t, get("/v1/models/gpt-nonsense"), 404, "unknown_model")
	wantErrorShape(t, get("/v1/models/nobody-1", "Anthropic-Version", "2023-06-01"), 1, 404, "unknown_model")
	wantErrorShape(t, get("/v1beta/models/gpt-4o"), 2, 404, "unknown_model")
	wantErrorShape(t, s.Do(s.Request(http.MethodGet, "/v1/models/gpt-4o", "", "", "Anthropic-Version", "2023-06-01")), 1, 400, "missing_identity")
	if s.Seen.Total() != 0 {
		t.Error("the provider was asked")
	}
}

// A tier's narrowing holds for one model as it does for the list and for calls.
func TestModels_OneInATier(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["gpt-4o","gpt-4.1"],"tiers":{"free":{"allowedModels":["gpt-4.1"]}}}`})
	for tier, want := range map[string]int{"": 200, "free": 403} {
		a := s.Do(s.Request(http.MethodGet, "/v1/models/gpt-4o", "u", "", "X-Tier", tier))
		if a.Status != want {
			t.Errorf("in the tier %q: status %d, want %d: %s", tier, a.Status, want, a.Body)
		}
		stack.WantStatus(t, s.Chat("u", "gpt-4o", "X-Tier", tier), want)
	}
}

// The models that a project's own provider names are listed beside those of the price book, each callable.
func TestModels_OfOwnProviders(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"providers":{"own":{"baseUrl":"http://127.0.0.1:1/v1","dialect":"openai","models":["Mine-1","llama-*"],"key":"k"},
		"claudes":{"baseUrl":"http://127.0.0.1:1","dialect":"anthropic","models":["my-claude"],"key":"k"}}}`})
	got := modelsOf(t, s, "/v1/models")
	for _, want := range []string{"Mine-1", "my-claude", "gpt-4o"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
	a := s.Do(s.Request("GET", "/v1/models", "u", "", "Anthropic-Version", "2023-06-01"))
	if !strings.Contains(a.Body, `"my-claude"`) || !strings.Contains(a.Body, `"claude-sonnet-4-5"`) || !strings.Contains(a.Body, `"Mine-1"`) || !strings.Contains(a.Body, `"has_more":false`) {
		t.Errorf("Anthropic's list is %s", a.Body)
	}
}

// Lists are paged as the vendors page them: following the cursor gives each model once.
func TestModels_Pages(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["claude-sonnet-*","gemini-2*"]}`})
	version := []string{"Anthropic-Version", "2023-06-01"}
	list := func(path string, headers ...string) map[string]any {
		a := s.Do(s.Request("GET", path, "u", "", headers...))
		stack.WantStatus(t, a, 200)
		return a.JSON(t)
	}
	names := func(doc map[string]any, list, name string) (all []string) {
		for _, m := range doc[list].([]any) {
			all = append(all, m.(map[string]any)[name].(string))
		}
		return all
	}
	whole := list("/v1/models", version...)
	want := names(whole, "data", "id")
	if len(want) < 5 || whole["has_more"] != false || whole["first_id"] != want[0] || whole["last_id"] != want[len(want)-1] {
		t.Fatalf("whole: %v", whole)
	}
	var got []string
	for after, more := "", true; more; {
		page := list("/v1/models?limit=2&after_id="+after, version...)
		got = append(got, names(page, "data", "id")...)
		more = page["has_more"].(bool)
		after, _ = page["last_id"].(string)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Anthropic's pages: %v, want %v", got, want)
	}
	before := list("/v1/models?limit=2&before_id="+want[3], version...)
	if got := names(before, "data", "id"); !slices.Equal(got, want[1:3]) || before["has_more"] != true {
		t.Errorf("before %s: %v, want %v", want[3], before, want[1:3])
	}

	want = names(list("/v1beta/models"), "models", "name")
	got = nil
	for token, more := "", true; more; {
		page := list("/v1beta/models?pageSize=2&pageToken=" + token)
		got = append(got, names(page, "models", "name")...)
		token, more = page["nextPageToken"].(string)
	}
	if len(want) < 3 || !slices.Equal(got, want) {
		t.Errorf("Gemini's pages: %v, want %v", got, want)
	}
	wantErrorShape(t, s.Do(s.Request("GET", "/v1/models?limit=0", "u", "", version...)), 1, 400, "invalid_request")
	wantErrorShape(t, s.Do(s.Request("GET", "/v1beta/models?pageSize=x", "u", "")), 2, 400, "invalid_request")
}

// A model goes to the provider that its name tells, never to a guess.
func TestModels_ProviderFromModel(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for model, sent := range map[string]string{
		"gpt-4o": "gpt-4o", "chatgpt-4o-latest": "chatgpt-4o-latest", "o4-mini": "o4-mini", "claude-sonnet-4-5": "claude-sonnet-4-5",
		"gemini-2.0-flash": "gemini-2.0-flash", "grok-4": "grok-4", "mistral-large-latest": "mistral-large-latest", "deepseek-chat": "deepseek-chat",
		"openai/my-model": "my-model", "mistral/a/b": "a/b",
	} {
		stack.WantStatus(t, s.Chat("u", model), 200)
		seen, _ := s.Seen.Last()
		if seen.Model != sent {
			t.Errorf("%s was sent as %s", model, seen.Model)
		}
		if path := map[bool]string{true: "/v1beta/openai/chat/completions", false: "/v1/chat/completions"}[strings.HasPrefix(model, "gemini")]; seen.Path != path {
			t.Errorf("%s went to %s, want %s", model, seen.Path, path)
		}
	}
	for _, model := range []string{"nobody-1", "o", "openai/", "nobody/gpt-4o", "gpt"} {
		stack.WantError(t, s.Chat("u", model), 400, "unknown_model")
	}
	stack.WantStatus(t, s.Chat("u", "nobody-1", "X-Provider", "mistral"), 200)
	stack.WantError(t, s.Chat("u", "gpt-4o", "X-Provider", "nobody"), 400, "unknown_model")
}
