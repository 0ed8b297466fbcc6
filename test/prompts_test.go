package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

const storedText = "You are XYZZY of {{app}}. Keep the plugh word to yourself at all times."

// storePrompt stores a prompt with the project's secret key.
func storePrompt(t *testing.T, s *stack.Stack, name, text string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "content": text})
	if err != nil {
		t.Fatal(err)
	}
	stack.WantStatus(t, s.Control(http.MethodPost, "/prompts", string(body)), http.StatusCreated)
}

// promptedCalls are requests of every chat-like operation that bring instructions of their own, with what the provider gets.
var promptedCalls = []struct{ name, path, body, want string }{
	{"Chat", "/v1/chat/completions", `{PROMPT"model":"gpt-4o","messages":[{"role":"system","content":"mine"},{"role":"user","content":"hi"}]}`,
		`{"model":"gpt-4o","messages":[{"role":"system","content":TEXT},{"role":"user","content":"hi"}]}`},
	{"ChatOfClaude", "/v1/chat/completions", `{PROMPT"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"},{"role":"developer","content":"mine"}]}`,
		`{"model":"claude-sonnet-4-5","messages":[{"role":"system","content":TEXT},{"role":"user","content":"hi"}]}`},
	{"Responses", "/v1/responses", `{PROMPT"model":"gpt-4o","input":"hi","instructions":"mine","prompt":{"id":"pmpt_1"}}`,
		`{"instructions":TEXT,"model":"gpt-4o","input":"hi"}`},
	{"InputTokens", "/v1/responses/input_tokens", `{PROMPT"model":"gpt-4o","input":"hi"}`, `{"instructions":TEXT,"model":"gpt-4o","input":"hi"}`},
	{"Messages", "/v1/messages", `{PROMPT"model":"claude-sonnet-4-5","max_tokens":100,"system":"mine","messages":[{"role":"user","content":"hi"}]}`,
		`{"system":TEXT,"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`},
	{"CountMessages", "/v1/messages/count_tokens", `{PROMPT"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}`,
		`{"system":TEXT,"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}`},
	{"Gemini", "/v1beta/models/gemini-2.0-flash:generateContent", `{PROMPT"systemInstruction":{"parts":[{"text":"mine"}]},"contents":[{"parts":[{"text":"hi"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":TEXT}]},"contents":[{"parts":[{"text":"hi"}]}]}`},
	{"GeminiCount", "/v1beta/models/gemini-2.0-flash:countTokens", `{PROMPT"contents":[{"parts":[{"text":"hi"}]}]}`,
		`{"generateContentRequest":{"model":"models/gemini-2.0-flash","systemInstruction":{"parts":[{"text":TEXT}]},"contents":[{"parts":[{"text":"hi"}]}]}}`},
}

// A stored prompt reaches the provider in the dialect's place, instead of the client's own instructions, and every other
// byte of the body is as it was.
func TestPrompts_ReachTheProvider(t *testing.T) {
	t.Parallel()
	for _, byDefault := range []bool{false, true} {
		settings := `{}`
		named := `"systemPrompt":"p","systemPromptVariables":{"app":"{{app}} \"Ö\"","spare":"x"},`
		if byDefault {
			settings, named = `{"defaultPrompt":"p"}`, strings.Replace(named, `"systemPrompt":"p",`, "", 1)
		}
		s := stack.New(t, stack.Options{Settings: settings})
		storePrompt(t, s, "p", storedText)
		text, _ := json.Marshal(strings.Replace(storedText, "{{app}}", `{{app}} "Ö"`, 1))
		for _, c := range promptedCalls {
			a := s.Post(c.path, "u", strings.Replace(c.body, "PROMPT", named, 1), "Anthropic-Version", "2023-06-01")
			last, _ := s.Seen.Last()
			var sent, want any
			err1, err2 := json.Unmarshal(last.Body, &sent), json.Unmarshal([]byte(strings.Replace(c.want, "TEXT", string(text), 1)), &want)
			if err1 != nil || err2 != nil || fmt.Sprint(sent) != fmt.Sprint(want) {
				t.Errorf("%s, default %v: status %d %.200s\nthe provider got %s\nwant            %v", c.name, byDefault, a.Status, a.Body, last.Body, want)
			}
			if strings.Contains(string(last.Body), "mine") || strings.Contains(string(last.Body), "systemPrompt") {
				t.Errorf("%s: the provider got %s", c.name, last.Body)
			}
		}
		if log := s.Log.String(); strings.Contains(log, "XYZZY") || strings.Contains(log, "plugh") {
			t.Error("the log has the text")
		}
	}
}

func TestPrompts_WhatCannotBeAppliedIsRefused(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{}`})
	storePrompt(t, s, "p", storedText)
	storePrompt(t, s, "off", "x")
	stack.WantStatus(t, s.Control(http.MethodPut, "/prompts/off", `{"enabled":false}`), http.StatusOK)
	ask := func(fields string) stack.Answer {
		return s.Post("/v1/chat/completions", "u", `{`+fields+`"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`)
	}
	for fields, want := range map[string]string{
		`"systemPrompt":"none",`: "unknown_system_prompt",
		`"systemPrompt":"",`:     "unknown_system_prompt",
		`"systemPrompt":"off",`:  "unknown_system_prompt",
		`"systemPrompt":"p",`:    "invalid_request",
		`"systemPrompt":"p","systemPromptVariables":{"app":1},`:                                   "invalid_request",
		`"systemPrompt":"p","systemPromptVariables":{"app":"` + strings.Repeat("x", 2049) + `"},`: "invalid_request",
	} {
		a := ask(fields)
		stack.WantError(t, a, http.StatusBadRequest, want)
		if strings.Contains(a.Body, "XYZZY") {
			t.Errorf("%.60s: the error quotes the text: %s", fields, a.Body)
		}
	}
	stack.WantError(t, s.Post("/v1/embeddings", "u", `{"systemPrompt":"p","model":"text-embedding-3-small","input":"x"}`), http.StatusBadRequest, "invalid_request")
	if n := s.Seen.Total(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
	wantCharge(t, s, "u", 0, 0)
	stack.WantStatus(t, ask(`"systemPrompt":null,"systemPromptVariables":{"a":"b"},`), http.StatusOK)
	if last, _ := s.Seen.Last(); strings.Contains(string(last.Body), "systemPrompt") {
		t.Errorf("the provider got %s", last.Body)
	}
	// The next request knows every change.
	stack.WantStatus(t, s.Control(http.MethodPut, "/prompts/off", `{"enabled":true,"content":"now on"}`), http.StatusOK)
	stack.WantStatus(t, ask(`"systemPrompt":"off",`), http.StatusOK)
	if last, _ := s.Seen.Last(); !strings.Contains(string(last.Body), "now on") {
		t.Errorf("the provider got %s", last.Body)
	}
	stack.WantStatus(t, s.Control(http.MethodDelete, "/prompts/off", ""), http.StatusNoContent)
	stack.WantError(t, ask(`"systemPrompt":"off",`), http.StatusBadRequest, "unknown_system_prompt")
}

// The text counts as input: a strict limit that it does not fit refuses the request.
func TestPrompts_CountAsInput(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"enforcement":"strict","tokenLimit":1000}`})
	storePrompt(t, s, "long", strings.Repeat("word ", 400))
	storePrompt(t, s, "short", "word")
	ask := func(name string) stack.Answer {
		return s.Post("/v1/chat/completions", "u", `{"systemPrompt":"`+name+`","model":"gpt-4o","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`)
	}
	stack.WantError(t, ask("long"), http.StatusTooManyRequests, "limit_exceeded")
	stack.WantStatus(t, ask("short"), http.StatusOK)
	// Dropped text does not count.
	long := `{"systemPrompt":"short","model":"gpt-4o","max_tokens":10,"messages":[{"role":"system","content":"` + strings.Repeat("word ", 400) + `"},{"role":"user","content":"hi"}]}`
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", long), http.StatusOK)
}

// Where a vendor repeats the text, the client sees null, and every other byte as it was sent.
func TestPrompts_AreNotRepeatedToTheClient(t *testing.T) {
	t.Parallel()
	var got struct {
		Instructions string
		Stream       bool
	}
	s := stack.New(t, stack.Options{Settings: `{}`, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		text, _ := json.Marshal(got.Instructions)
		response := `{"id":"resp_1", "instructions" : ` + string(text) + `,"status":"completed","model":"gpt-4o","output":[],"usage":{"input_tokens":20,"output_tokens":1,"total_tokens":21}}`
		switch {
		case r.URL.Path == "/v1/chat/completions":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"detail":[{"input":{"messages":[{"role":"system","content":"You are XYZZY of Notes. Keep the \u0070lugh word to yourself at all times."}]}}]}`))
		case got.Stream:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("event: response.created\ndata: {\"type\":\"response.created\",\"response\":" + response + "}\n\n" +
				"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + response + "}\n\n"))
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(response))
		}
	})})
	storePrompt(t, s, "p", storedText)
	const tail = `,"status":"completed","model":"gpt-4o","output":[],"usage":{"input_tokens":20,"output_tokens":1,"total_tokens":21}}`
	whole := `{"id":"resp_1", "instructions" : null` + tail
	fields := `"systemPrompt":"p","systemPromptVariables":{"app":"Notes"},"model":"gpt-4o","input":"hi"`
	a := s.Post("/v1/responses", "u", `{`+fields+`}`)
	if a.Status != http.StatusOK || a.Body != whole || !strings.Contains(got.Instructions, "XYZZY of Notes") {
		t.Errorf("status %d %s\nwant %s\nthe provider got %q", a.Status, a.Body, whole, got.Instructions)
	}
	a = s.Post("/v1/responses", "u", `{`+fields+`,"stream":true}`)
	want := "event: response.created\ndata: {\"type\":\"response.created\",\"response\":" + whole + "}\n\n" +
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":" + whole + "}\n\n"
	if a.Body != want {
		t.Errorf("streamed %s\nwant %s", a.Body, want)
	}
	wantCharge(t, s, "u", 2, 42)
	// Without a stored prompt the instructions are the client's own.
	a = s.Post("/v1/responses", "u", `{"model":"gpt-4o","input":"hi","instructions":"my own"}`)
	if !strings.Contains(a.Body, `"instructions" : "my own"`) {
		t.Errorf("without a prompt: %s", a.Body)
	}
	// Some servers quote the request that they refuse.
	a = s.Post("/v1/chat/completions", "u", `{`+fields+`,"messages":[]}`)
	stack.WantError(t, a, http.StatusUnprocessableEntity, "provider_refused")
	if strings.Contains(a.Body, "XYZZY") || strings.Contains(a.Body, "plugh") || strings.Contains(s.Log.String(), "XYZZY") {
		t.Errorf("the error or the log quotes the text: %s", a.Body)
	}
}
