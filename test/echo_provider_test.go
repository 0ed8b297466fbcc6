package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// The built-in echo is no provider of a project that does not list it, and answers nothing by accident in one that does.
func TestEcho_AnswersOnlyWhereItIsListed(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, model := range []string{"echo", "echo/gpt-4o"} {
		stack.WantError(t, s.Chat("u", model), 400, "unknown_model")
	}
	stack.WantError(t, s.Chat("u", "mine", "X-Provider", "echo"), 400, "unknown_model")
	stack.WantStatus(t, s.Control("POST", "/providers/test", `{"name": "echo"}`), 200)
	stack.WantStatus(t, s.Control("PUT", "/providers/echo", `{"models": ["mine"]}`), 200)

	stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
	if n := s.Seen.Total(); n != 1 {
		t.Errorf("the vendor has seen %d requests, want that for its own model", n)
	}
	for _, model := range []string{"echo", "echo-mini", "mine", "echo/gpt-4o", "echo/any/thing"} {
		a := s.Chat("u", model)
		stack.WantStatus(t, a, 200)
		if !strings.Contains(a.Body, echo.Prefix+"hello there") {
			t.Errorf("%s: %s", model, a.Body)
		}
	}
	if n := s.Seen.Total(); n != 1 {
		t.Errorf("the vendor has seen %d requests, want none of the echo's", n)
	}
	stack.WantStatus(t, s.Control("DELETE", "/providers/echo", ""), 204)
	stack.WantError(t, s.Chat("u", "echo"), 400, "unknown_model")
}

// The echo answers every dialect and operation, whole and streamed, without a key, also where private addresses are
// forbidden. The usage that it reports is counted.
func TestEcho_AnswersInEveryDialect(t *testing.T) {
	t.Parallel()
	for _, passThrough := range []bool{false, true} {
		s := stack.New(t, stack.Options{PassThrough: passThrough, Settings: `{"providers": {"echo": {}}}`, Env: map[string]string{"ALLOW_PRIVATE_UPSTREAMS": "false"}})
		const hi = `"messages": [{"role": "user", "content": "one two"}]`
		counted := 0
		for _, tc := range []struct {
			path, body, want string
			free             bool
		}{
			{"/v1/chat/completions", `{"model": "echo", ` + hi + `}`, `"total_tokens":5`, false},
			{"/v1/chat/completions", `{"model": "echo", "stream": true, ` + hi + `}`, "data: [DONE]", false},
			{"/v1/completions", `{"model": "echo", "prompt": "one two"}`, `"text":"echo: one two"`, false},
			{"/v1/responses", `{"model": "echo", "input": "one two"}`, `"total_tokens":5`, false},
			{"/v1/responses", `{"model": "echo", "input": "one two", "stream": true}`, "response.completed", false},
			{"/v1/responses/input_tokens", `{"model": "echo", "input": "one two"}`, `"input_tokens":2`, true},
			{"/v1/embeddings", `{"model": "echo", "input": "one two"}`, `"embedding":[`, false},
			{"/v1/moderations", `{"model": "echo", "input": "one two"}`, `"flagged":false`, false},
			{"/v1/images/generations", `{"model": "echo", "prompt": "one two"}`, `"revised_prompt"`, false},
			{"/v1/messages", `{"model": "echo", "max_tokens": 9, ` + hi + `}`, `"output_tokens":3`, false},
			{"/v1/messages", `{"model": "echo", "max_tokens": 9, "stream": true, ` + hi + `}`, "event: message_stop", false},
			{"/v1/messages/count_tokens", `{"model": "echo", ` + hi + `}`, `"input_tokens":2`, true},
			{"/v1beta/models/echo:generateContent", `{"contents": [{"parts": [{"text": "one two"}]}]}`, `"totalTokenCount":5`, false},
			{"/v1beta/models/echo:streamGenerateContent?alt=sse", `{"contents": [{"parts": [{"text": "one two"}]}]}`, `"finishReason":"STOP"`, false},
			{"/v1/models/echo:generateContent", `{"contents": [{"parts": [{"text": "one two"}]}]}`, `"totalTokenCount":5`, false},
			{"/v1beta/models/echo:countTokens", `{"contents": [{"parts": [{"text": "one two"}]}]}`, `"totalTokens":2`, true},
			{"/v1beta/models/echo:embedContent", `{"content": {"parts": [{"text": "one two"}]}}`, `"values":[`, false},
		} {
			a := s.Post(tc.path, "u", tc.body, "Anthropic-Version", map[bool]string{true: "2023-06-01"}[strings.HasPrefix(tc.path, "/v1/messages")])
			if a.Status != 200 || !strings.Contains(a.Body, tc.want) {
				t.Errorf("%s %s: status %d, want %q in %s", tc.path, tc.body, a.Status, tc.want, a.Body)
			}
			if !tc.free {
				counted++
			}
		}
		stack.WantStatus(t, s.Do(s.Request("GET", "/v1/models/echo-mini", "u", "")), 200)
		if got := s.Usage("u")["usage"].(map[string]any)["requests"]; got != float64(counted) {
			t.Errorf("%v requests are counted, want %d", got, counted)
		}
		if n := s.Seen.Total(); n != 0 {
			t.Errorf("the vendors have seen %d requests", n)
		}
	}
}

// Anybody with the project key may ask the echo: nobody can choose that it fails, or make it work without a bound.
func TestEcho_IsBounded(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"providers": {"echo": {"models": ["gpt-4o-fault-hang"]}}}`})
	stack.WantStatus(t, s.Chat("u", "gpt-4o-fault-hang"), 200)
	long, err := json.Marshal(strings.Repeat("word ", 100_000))
	if err != nil {
		t.Fatal(err)
	}
	a := s.Post("/v1/chat/completions", "u", `{"model": "echo", "messages": [{"role": "user", "content": `+string(long)+`}]}`)
	stack.WantStatus(t, a, 200)
	if len(a.Body) > 6<<10 || !strings.Contains(a.Body, `"finish_reason":"length"`) || !strings.Contains(a.Body, `"prompt_tokens":100000`) {
		t.Errorf("a long text: %d bytes: %.300s", len(a.Body), a.Body)
	}
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", `{"model": "echo", "n": 100, "messages": [{"role": "user", "content": "hi"}]}`), 400)
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", `{"model": "echo", "messages": [{"role": "user", "content": "`+strings.Repeat("x", 2<<20)+`"}]}`), 413)
	stack.WantStatus(t, s.Chat("u", "echo"), 200)
}

// A newcomer creates a project from the template starter, and reaches the limit of the dear model: with the template's usual
// models, which the echo is told to answer for, and with the echo's own.
func TestEcho_ANewcomerReachesALimit(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	_, token := stack.SignIn(t, s.Store(), "ann@example.com")
	call := func(method, path, body string) stack.Answer {
		t.Helper()
		r := s.Request(method, "/api/projects"+path, "", body)
		r.Header.Del("x-project-key")
		r.Header.Set("Cookie", "airatelimit="+token)
		r.Header.Set("If-Match", "*")
		return s.Do(r)
	}
	for _, tc := range []struct{ settings, provider, cheap, dear string }{
		{`{}`, `{"models": ["gpt-4o", "gpt-4o-mini"]}`, "gpt-4o-mini", "gpt-4o"},
		{`{"providers": {"echo": {}}}`, `{}`, "echo-mini", "echo"},
	} {
		a := call(http.MethodPost, "", `{"name": "My app", "template": "starter", "settings": `+tc.settings+`}`)
		stack.WantStatus(t, a, http.StatusCreated)
		pk := a.JSON(t)["project"].(map[string]any)["projectId"].(string)
		stack.WantStatus(t, call(http.MethodPut, "/"+pk+"/providers/echo?test=true", tc.provider), 200)
		ask := func(model string) stack.Answer { return s.Chat("me", model, "x-project-key", pk) }
		for n := range 5 {
			stack.WantStatus(t, ask(tc.dear), 200)
			if n < 2 {
				stack.WantStatus(t, ask(tc.cheap), 200)
			}
		}
		refused := ask(tc.dear)
		stack.WantError(t, refused, 429, "limit_exceeded")
		if object, _ := stack.ErrorOf(t, refused); fmt.Sprint(object["limit"].(map[string]any)["used"]) != "5" || object["deepLink"] != "app://upgrade" {
			t.Errorf("the refusal is %s", refused.Body)
		}
		explained := call(http.MethodPost, "/"+pk+"/limits/explain", `{"identity": "me", "model": "`+tc.dear+`"}`)
		stack.WantStatus(t, explained, 200)
		if !strings.Contains(explained.Body, `"provider":"echo"`) || !strings.Contains(explained.Body, `"priced":true`) || !strings.Contains(explained.Body, `"code":"limit_exceeded"`) {
			t.Errorf("explained as %s", explained.Body)
		}
	}
}
