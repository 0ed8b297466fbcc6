package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// fickle is a provider whose models fail as their names say: gpt-fail-503, gpt-fail-stream. Others answer.
type fickle struct {
	mu   sync.Mutex
	seen []string // the models that were asked for
	body []string
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var asked struct {
		Model  string
		Stream bool
	}
	_ = json.Unmarshal(body, &asked)
	if _, rest, ok := strings.Cut(r.URL.Path, "/models/"); ok {
		asked.Model, _, _ = strings.Cut(rest, ":")
	}
	f.mu.Lock()
	f.seen, f.body = append(f.seen, asked.Model), append(f.body, string(body))
	f.mu.Unlock()
	kind, fails := strings.CutPrefix(asked.Model, "gpt-fail-")
	status, err := strconv.Atoi(kind)
	switch {
	case fails && err == nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error": {"message": "It failed", "type": "some_error", "code": null}}`)
	case kind == "hangup":
		panic(http.ErrAbortHandler)
	case asked.Stream:
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, events[kind])
		if kind == "broken" {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	case strings.HasPrefix(asked.Model, "gemini"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}`)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"c","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, asked.Model)
	}
}

func (f *fickle) asked() (models []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	models, f.seen = f.seen, nil
	return models
}

const aChunk = `data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}` + "\n\n"

var events = map[string]string{
	"stream":  `data: {"error": {"message": "Overloaded", "type": "server_error", "code": 503}}` + "\n\n",
	"request": `data: {"error": {"message": "Bad", "type": "invalid_request_error", "code": 400}}` + "\n\n",
	"broken":  aChunk,
	"":        aChunk + `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\ndata: [DONE]\n\n",
}

func withAlias(t *testing.T, settings string) (*stack.Stack, *fickle) {
	t.Helper()
	f := &fickle{}
	return stack.New(t, stack.Options{Upstream: f, Settings: settings}), f
}

func one(model string, fallbacks ...string) string {
	all, _ := json.Marshal(fallbacks)
	return fmt.Sprintf(`{"variants": [{"model": %q, "weight": 100}], "fallbacks": %s}`, model, all)
}

var fallbackRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| (yes|no)[^|]*\|$`)

// docs/aliases.md says what is tried again and what never.
func TestAliases_AreTriedAgainAsThePageSays(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{
		"the first event of a stream is an error of the provider":           "stream",
		"the first event of a stream is an error about the request":         "request",
		"the provider hangs up unanswered":                                  "hangup",
		"a stream breaks off after its first event":                         "broken",
		"the connection is refused":                                         "refused",
		"the request goes on with `previous_response_id` or `conversation`": "conversation",
	}
	rows := fallbackRow.FindAllStringSubmatch(section(readPage(t, "docs/aliases.md"), "## Fallbacks"), -1)
	aliases := map[string]json.RawMessage{}
	for _, row := range rows {
		kind := kinds[row[1]]
		if kind == "" {
			kind = row[1]
		}
		model := "gpt-fail-" + kind
		switch kind {
		case "refused":
			model = "closed/gpt-x"
		case "conversation":
			model = "gpt-fail-503"
		}
		aliases["alias-"+kind] = json.RawMessage(one(model, "gpt-works"))
	}
	all, err := json.Marshal(map[string]any{"aliases": aliases, "requestLimit": 100,
		"providers": map[string]any{"closed": map[string]any{"baseUrl": "http://127.0.0.1:1/v1", "dialect": "openai", "key": "closed-0123456789abcdef"}}})
	if err != nil {
		t.Fatal(err)
	}
	s, f := withAlias(t, string(all))
	for _, row := range rows {
		kind, stream, path, more := kinds[row[1]], false, "/v1/chat/completions", ""
		switch kind {
		case "":
			kind = row[1]
		case "stream", "request", "broken":
			stream = true
		case "conversation":
			path, more = "/v1/responses", `,"previous_response_id":"resp_1","input":"Hi"`
		}
		body := fmt.Sprintf(`{"model":"alias-%s","stream":%t,"messages":[{"role":"user","content":"Hi"}]%s}`, kind, stream, more)
		a, err := http.DefaultClient.Do(s.Request("POST", path, "user-"+kind, body))
		if err != nil {
			t.Fatalf("%s: %v", row[1], err)
		}
		got, _ := io.ReadAll(a.Body) // a broken stream ends broken
		_ = a.Body.Close()
		used, again := a.Header.Get("X-Model-Used"), strings.HasSuffix(strings.Join(f.asked(), " "), "gpt-works")
		if want := row[2] == "yes"; again != want || (used == "gpt-works") != want || a.Header.Get("X-Model-Requested") != "alias-"+kind {
			t.Errorf("%s: another model was tried %t and %q used for %q, want %s: status %d %s", row[1], again, used, a.Header.Get("X-Model-Requested"), row[2], a.StatusCode, got)
		}
	}
	if len(rows) != 18 {
		t.Errorf("the page has %d rows, want 18", len(rows))
	}
}

// Each attempt is reserved under the limits of its own model, and the one before leaves no trace.
func TestAliases_EachAttemptCountsForItsModel(t *testing.T) {
	t.Parallel()
	s, f := withAlias(t, `{"aliases": {"assistant": `+one("gpt-fail-503", "gpt-fail-500", "gpt-works")+`},
		"modelLimits": {"gpt-works": {"requestLimit": 2}, "gpt-fail-503": {"requestLimit": 1}}}`)
	for range 2 {
		stack.WantStatus(t, s.Chat("user-1", "assistant"), 200)
		if got := strings.Join(f.asked(), " "); got != "gpt-fail-503 gpt-fail-500 gpt-works" {
			t.Errorf("asked for %s", got)
		}
	}
	// The limit of the last one is used up: the client gets the error of the last attempt.
	a := s.Chat("user-1", "assistant")
	stack.WantStatus(t, a, 500)
	if got := a.Header.Get("X-Model-Used"); got != "gpt-fail-500" {
		t.Errorf("used %q, want the last one that was asked", got)
	}
	for _, l := range s.Usage("user-1")["limits"].([]any) {
		limit := l.(map[string]any)
		want := map[any]float64{"gpt-works": 2, "gpt-fail-503": 0}[limit["model"]]
		if limit["used"] != want {
			t.Errorf("limit %v, want %v used", limit, want)
		}
	}
	if got := s.Usage("user-1")["usage"].(map[string]any)["requests"]; got != 2.0 {
		t.Errorf("%v requests counted, want the 2 that were answered", got)
	}
}

// Limits, allowedModels and the body speak of the real model; every other byte stays.
func TestAliases_StandForTheRealModel(t *testing.T) {
	t.Parallel()
	s, f := withAlias(t, `{"allowedModels": ["gpt-works", "gemini-2.5-flash"], "modelLimits": {"gpt-works": {"requestLimit": 1}},
		"tiers": {"pro": {}}, "aliases": {"Assistant": {"variants": [{"model": "openai/gpt-works", "weight": 100}], "tiers": {"pro": [{"model": "gpt-secret", "weight": 100}]}},
		"flash": {"variants": [{"model": "gemini-2.5-flash", "weight": 100}]}}}`)
	a := s.Post("/v1/chat/completions", "user-1", "{ \"messages\" : [{\"role\":\"user\",\"content\":\"assistant\"}],\n\"model\":\t\"assistant\" , \"x\":1.0}")
	stack.WantStatus(t, a, 200)
	if got, want := f.body[0], "{ \"messages\" : [{\"role\":\"user\",\"content\":\"assistant\"}],\n\"model\":\t\"gpt-works\" , \"x\":1.0}"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if used, requested := a.Header.Get("X-Model-Used"), a.Header.Get("X-Model-Requested"); used != "gpt-works" || requested != "assistant" {
		t.Errorf("used %q for %q", used, requested)
	}
	stack.WantError(t, s.Chat("user-1", "assistant"), 429, "limit_exceeded")
	stack.WantError(t, s.Chat("user-2", "assistant", "x-tier", "pro"), 403, "model_not_allowed")
	f.asked()
	g := s.Post("/v1beta/models/flash:generateContent", "user-3", `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`)
	stack.WantStatus(t, g, 200)
	if got := strings.Join(f.asked(), " "); got != "gemini-2.5-flash" || g.Header.Get("X-Model-Used") != got {
		t.Errorf("Gemini was asked for %q, and %q is shown", got, g.Header.Get("X-Model-Used"))
	}
	list := s.Do(s.Request("GET", "/v1/models", "user-1", ""))
	stack.WantStatus(t, list, 200)
	for _, name := range []string{`"Assistant"`, `"flash"`} {
		if !strings.Contains(string(list.Body), name) {
			t.Errorf("the list of models lacks %s: %s", name, list.Body)
		}
	}
	plain := s.Chat("user-4", "gpt-works")
	if got := plain.Header.Get("X-Model-Used"); got != "" {
		t.Errorf("a request that names a model has X-Model-Used %q", got)
	}
}

// Answers of the Responses API can be referred to, so that their fallbacks stay with the provider.
func TestAliases_ResponsesStayWithTheProvider(t *testing.T) {
	t.Parallel()
	s, f := withAlias(t, `{"aliases": {"assistant": `+one("gpt-fail-503", "grok-4", "gpt-fail-502")+`}}`)
	a := s.Post("/v1/responses", "user-1", `{"model":"assistant","input":"Hi"}`)
	stack.WantStatus(t, a, 502)
	if got := strings.Join(f.asked(), " "); got != "gpt-fail-503 gpt-fail-502" {
		t.Errorf("asked for %s, want no other provider's model", got)
	}
}
