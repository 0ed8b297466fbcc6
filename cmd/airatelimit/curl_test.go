package main

import (
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
)

func TestCurlCallsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	const (
		own   = `"groq": {"baseUrl": "https://api.groq.com/openai/v1", "dialect": "openai", "models": ["llama-*", "llama-3.1-8b-instant"]`
		token = `Authorization: Bearer $`
	)
	for _, tc := range []struct{ name, doc, model, authorization string }{
		{"nothing", `{}`, "gpt-4o-mini", token + "OPENAI_API_KEY"},
		{"a stored key", `{"providers": {"anthropic": {"key": "sk-ant-0123456789-0123"}}}`, "claude-haiku-4-5", ""},
		{"a model limit", `{"modelLimits": {"gemini-2.5-pro": {"requestLimit": 5}}}`, "gemini-2.5-pro", token + "GEMINI_API_KEY"},
		{"a model that is blocked", `{"modelLimits": {"gpt-4o": {"requestLimit": 0}}}`, "gpt-4o-mini", token + "OPENAI_API_KEY"},
		{"limits that are not for chat", `{"modelLimits": {"gpt-*": {"requestLimit": 5}, "text-embedding-3-small": {"requestLimit": 5}}}`, "gpt-4o-mini", token + "OPENAI_API_KEY"},
		{"a limit, and a key stored for another", `{"modelLimits": {"gemini-2.5-pro": {"requestLimit": 5}}, "providers": {"openai": {"key": "sk-proj-0123456789-01"}}}`, "gpt-4o-mini", ""},
		{"allowed models", `{"allowedModels": ["claude-*", "claude-sonnet-4-5"], "providers": {"openai": {"key": "sk-proj-0123456789-01"}}}`, "claude-sonnet-4-5", token + "ANTHROPIC_API_KEY"},
		{"its own provider", `{"providers": {` + own + `, "key": "gsk_0123456789abcdef"}}}`, "groq/llama-3.1-8b-instant", ""},
		{"its own provider without a key", `{"allowedModels": ["llama-*"], "providers": {` + own + `}}}`, "groq/llama-3.1-8b-instant", token + "GROQ_API_KEY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := project.ParseSettings([]byte(tc.doc))
			if err != nil {
				t.Fatal(err)
			}
			rec, err := project.Record{Key: "pk_test"}.With(s, func(string, string) (string, error) { return "sealed", nil })
			if err != nil {
				t.Fatal(err)
			}
			target, err := example(rec)
			if err != nil {
				t.Fatal(err)
			}
			got, err := curl(rec.Key, target, "http://localhost:8080")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"http://localhost:8080/v1/chat/completions", "'x-project-key: pk_test'", `"model":"` + tc.model + `"`, tc.authorization} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in\n%s", want, got)
				}
			}
			if tc.authorization == "" && strings.Contains(got, "Authorization") {
				t.Errorf("asks for a key although one is stored:\n%s", got)
			}
		})
	}
}

func TestExampleModelsHaveAPrice(t *testing.T) {
	t.Parallel()
	for _, v := range project.Vendors() {
		if _, ok := price.Lookup(v.Example); !ok {
			t.Errorf("%s: no price for %s; there are %v", v.Name, v.Example, price.Models(v.Name))
		}
	}
}
