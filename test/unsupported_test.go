package test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// An endpoint that is not served is named in the client's dialect, and the log names the path without what
// may be a key.
func TestUnsupported_TellsClientAndLog(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, c := range []struct {
		method, path, header string
		dialect              int
		says, logged         string
	}{
		{"GET", "/v1/files?x=pk_secret0123456789", "Authorization", 0, "does not serve files", "path=/v1/files\n"},
		{"GET", "/v1/files", "Anthropic-Version", 1, "does not serve files", "path=/v1/files\n"},
		{"GET", "/v1beta/cachedContents", "X-Goog-Api-Key", 2, "does not serve cached contents", "path=/v1beta/cachedContents\n"},
		{"POST", "/v1/messages/batches", "X-Api-Key", 1, "Message Batches API", "path=/v1/messages/batches\n"},
		{"GET", "/v1/realtime", "Authorization", 0, "It is planned", "path=/v1/realtime\n"},
		{"DELETE", "/v1/responses/sk-secret0123456789", "Authorization", 0, "does not serve stored responses", "method=DELETE path=/v1/responses/...\n"},
		{"POST", "/chat/completions", "Authorization", 0, "followed by /v1", "path=/chat/completions\n"},
		{"POST", "/v1/v1/chat/completions", "Authorization", 0, "followed by /v1", "path=/v1/v1/chat/completions\n"},
		{"POST", "/v1/chat/completion", "Authorization", 0, "nearest endpoint is POST /v1/chat/completions", "path=/v1/chat/completion\n"},
	} {
		a := s.Do(s.Request(c.method, c.path, "u", "", c.header, "Bearer sk-secret0123456789"))
		wantErrorShape(t, a, c.dialect, 404, "unsupported_endpoint")
		if !strings.Contains(a.Body, c.says) {
			t.Errorf("%s %s: %s; want it to say %q", c.method, c.path, a.Body, c.says)
		}
		s.Log.Await(t, c.logged)
	}
	if log := s.Log.String(); strings.Contains(log, "secret0123456789") {
		t.Errorf("the log shows a key: %s", log)
	}
	// So is what else is refused there.
	a := s.Do(s.Request("GET", "/v1/models", "", "", "Anthropic-Version", "2023-06-01", "X-Api-Key", s.SecretKey))
	wantErrorShape(t, a, 1, 401, "secret_key_in_app")

	stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
	s.Log.Await(t, "outcome=answered")
	if log := s.Log.String(); strings.Contains(log, "path=/v1/chat/completions\n") {
		t.Errorf("the log names the path of an endpoint that is served: %s", log)
	}
	if n := s.Seen.Total(); n != 1 {
		t.Errorf("the provider got %d requests, want 1", n)
	}
}

// A compaction is counted as any answer of the Responses API, the count of input tokens is free; both obey allowedModels.
func TestResponses_CompactionCountsAndCountingDoesNot(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels":["gpt-4o"],"requestLimit":1}`})
	const body = `{"model":"gpt-4o","input":"one two three four"}`
	for range 3 {
		a := s.Post("/v1/responses/input_tokens", "u", body)
		stack.WantStatus(t, a, 200)
		if doc := a.JSON(t); doc["object"] != "response.input_tokens" || doc["input_tokens"] != 4.0 {
			t.Errorf("got %s", a.Body)
		}
	}
	wantCharge(t, s, "u", 0, 0)
	a := s.Post("/v1/responses/compact", "u", body)
	stack.WantStatus(t, a, 200)
	if a.JSON(t)["object"] != "response.compaction" {
		t.Errorf("got %s", a.Body)
	}
	wantCharge(t, s, "u", 1, inputWords+outputWords)
	if a := s.Post("/v1/responses/compact", "u", body); a.Status == 200 {
		t.Errorf("a second compaction passes a limit of one request: %s", a.Body)
	}
	for _, path := range []string{"/v1/responses/compact", "/v1/responses/input_tokens"} {
		stack.WantError(t, s.Post(path, "v", strings.Replace(body, "gpt-4o", "gpt-4.1", 1)), 403, "model_not_allowed")
		stack.WantStatus(t, s.Do(s.Request(http.MethodGet, path, "v", "")), 404)
	}
}

// Nothing caps a compaction, so a strict limit holds the most that the model can write.
func TestResponses_StrictHoldsAWholeCompaction(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"enforcement":"strict","tokenLimit":10000}`})
	const input = `"input":"one two three four"}`
	if a := s.Post("/v1/responses/compact", "u", `{"model":"gpt-4o",`+input); a.Status == 200 { // 16,384 tokens of output
		t.Errorf("a compaction of up to 16,384 tokens passes a limit of 10,000: %s", a.Body)
	}
	stack.WantStatus(t, s.Post("/v1/responses", "u", `{"model":"gpt-4o",`+input), 200)
}
