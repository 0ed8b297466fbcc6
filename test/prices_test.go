package test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// PRICE_BOOK is laid over the built-in book, and a project's own prices over both.
func TestPriceBook_IsLaidOverTheBuiltInOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "prices.json")
	book := `{"gpt-4o": {"inputUsdPerMillion": 1000, "outputUsdPerMillion": 1000}, "gpt-9": {"inputUsdPerMillion": 2000, "outputUsdPerMillion": 2000},
		"gpt-4.1": {"inputUsdPerMillion": 7, "outputUsdPerMillion": 7}}`
	if err := os.WriteFile(file, []byte(book), 0o600); err != nil {
		t.Fatal(err)
	}
	s := stack.New(t, stack.Options{
		Settings: `{"costLimitUsd": 50, "prices": {"gpt-4.1": {"inputUsdPerMillion": 3000, "outputUsdPerMillion": 3000}}}`,
		Env:      map[string]string{"PRICE_BOOK": file},
	})
	for model, want := range map[string]float64{"gpt-4o": 0.001, "gpt-4o-2024-08-06": 0.001, "gpt-9": 0.002, "gpt-4.1": 0.003} {
		a := s.Chat(model, model)
		stack.WantStatus(t, a, http.StatusOK)
		tokens := a.JSON(t)["usage"].(map[string]any)["total_tokens"].(float64)
		cost := s.Usage(model)["usage"].(map[string]any)["costUsd"].(float64)
		if diff := cost - want*tokens; diff > 1e-6 || diff < -1e-6 {
			t.Errorf("%v tokens of %s cost %v USD, want %v a token", tokens, model, cost, want)
		}
	}
	stack.WantError(t, s.Chat("u", "gpt-8"), http.StatusBadRequest, "unpriced_model")
}

// A name of a model that is not the one in the settings meets its limit all the same.
func TestLimits_OneModelUnderEveryName(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"modelLimits": {"claude-sonnet-4": {"requestLimit": 0}, "gpt-4o-2024-08-06": {"requestLimit": 0}, "llama3:8b": {"requestLimit": 0}},
		"providers": {"openrouter": {"baseUrl": "http://127.0.0.1:1/v1", "dialect": "openai", "models": ["llama3:*", "llama3"], "key": "k"}}}`})
	for _, model := range []string{
		"claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-20250514", "claude-4-sonnet", "Claude-Sonnet-4-0", "claude-sonnet-4@default",
		"claude-sonnet-4@20250514", "anthropic/claude-sonnet-4-latest",
		"gpt-4o", "gpt-4o-2024-05-13", "gpt-4o-2024-11-20", "gpt-4o-latest", "gpt-4o:nitro", "gpt-4o-2024-08-06:free", "openai/gpt-4o@default", " GPT-4o ",
		"llama3:70b", "llama3", "openrouter/llama3:latest",
	} {
		a := s.Chat("u", model)
		if _, code := stack.ErrorOf(t, a); code != "limit_exceeded" {
			t.Errorf("%q: status %d, code %q, want limit_exceeded", model, a.Status, code)
		}
	}
	for _, model := range []string{"gpt-4o-mini", "gpt-4o-mini:nitro", "claude-sonnet-4-5", "claude-sonnet-4-5@default", "gpt-4o-search-preview"} {
		stack.WantStatus(t, s.Chat("u", model), http.StatusOK)
	}
	for _, model := range []string{"gpt-4o\u200b", "gpt-4o\u00ad", "gpt-4o-mini\u2060", "openai/gpt-4o\ufeff", "gpt-4o\ufe0f", "gpt-4o\u3164"} {
		stack.WantError(t, s.Chat("u", model), http.StatusBadRequest, "invalid_request")
	}
}

// The same names pass a list of allowed models, and no others.
func TestModels_AreAllowedUnderEveryName(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels": ["claude-4-sonnet", "gpt-4o-2024-08-06", "gemini-2.0-flash-001"]}`})
	for model, want := range map[string]int{
		"claude-sonnet-4-0": 200, "claude-sonnet-4@default": 200, "gpt-4o": 200, "gpt-4o:nitro": 200, "gemini-2.0-flash": 200,
		"claude-sonnet-4-5": 403, "gpt-4o-mini": 403, "gpt-4o-mini:nitro": 403, "gemini-2.0-flash-lite-001": 403,
	} {
		stack.WantStatus(t, s.Chat("u", model), want)
	}
}

// A fine-tuned model leads to the vendor of the model that it was made of, at the price of such models.
func TestModels_FineTunedOnesHaveAVendorAndAPrice(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"costLimitUsd": 1}`})
	stack.WantStatus(t, s.Chat("u", "ft:gpt-4o-mini-2024-07-18:acme::1"), http.StatusOK)
	if cost := s.Usage("u")["usage"].(map[string]any)["costUsd"].(float64); cost <= 0 {
		t.Errorf("a fine-tuned model cost %v", cost)
	}
	stack.WantError(t, s.Chat("u", "ft:llama-3:acme::1"), http.StatusBadRequest, "unknown_model")
}
