package limit

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, model string
		want       bool
	}{
		{"gpt-4o", "gpt-4o", true},
		{"gpt-4o", "gpt-4o-2024-08-06", true},
		{"gpt-4o", "gpt-4o-latest", true},
		{"gpt-4o", "gpt-4o-mini", false},
		{"gpt-4o", "gpt-4o-mini-2024-07-18", false},
		{"gpt-4o", "gpt-4", false},
		{"gpt-4o", "xgpt-4o", false},
		{"gpt-4o-2024-08-06", "gpt-4o", false},
		{"gpt-4o-2024-08-06", "gpt-4o-2024-05-13", false},
		{"gpt-4", "gpt-4-0613", true},
		{"gpt-4", "gpt-4-turbo", false},
		{"gpt-4", "gpt-4-32k-0613", false},
		{"gpt-4", "gpt-4-1106-preview", false}, // another model, not a snapshot of gpt-4
		{"o1", "o1-2024-12-17", true},
		{"o1", "o1-mini", false},
		{"claude-3-5-sonnet", "claude-3-5-sonnet-20241022", true},
		{"claude-3-5-sonnet", "claude-3-5-sonnet@20240620", true},
		{"claude-3-5-sonnet", "claude-3-5-sonnet-latest", true},
		{"claude-3", "claude-3-5-sonnet-20241022", false},
		{"claude-opus-4", "claude-opus-4-1-20250805", false},
		{"gemini-2.0-flash", "gemini-2.0-flash-001", true},
		{"gemini-2.0-flash", "gemini-2.0-flash-lite", false},
		{"gemini-2.0-flash", "gemini-2.0-flash-lite-001", false},
		{"gemini-2.5-flash", "gemini-2.5-flash-preview-05-20", true},
		{"gemini-2.5-flash", "gemini-2.5-flash-preview-09-2025", true},
		{"mistral-large", "mistral-large-2411", true},
		{"gpt-4o", "gpt-4o-2024-08-0", false},
		{"gpt-4o", "gpt-4o-2024-08-066", false},
		{"gpt-4o", "gpt-4o-12345", false},
		{"gpt-4o", "gpt-4o-", false},
		{"gpt-4o", "gpt-4o-2024-08-06x", false},
		{"gpt*", "gpt-4o", true},
		{"gpt*", "gp", false},
		{"gpt-4o*", "gpt-4o", true},
		{"*", "anything", true},
		{"*", "", true},
		{"g*t", "gpt", false}, // only a trailing star is one
	} {
		if _, got := Match(c.key, c.model); got != c.want {
			t.Errorf("Match(%q, %q) = %t, want %t", c.key, c.model, got, c.want)
		}
	}
}

func TestLongestKeyRanksHighest(t *testing.T) {
	t.Parallel()
	const model = "gpt-4o-2024-08-06"
	keys := []string{"*", "g*", "gpt*", "gpt-4o*", "gpt-4o", "gpt-4o-*", "gpt-4o-2024-08-06*", "gpt-4o-2024-08-06"}
	last := -1
	for _, key := range keys {
		rank, ok := Match(key, model)
		if !ok || rank <= last {
			t.Errorf("Match(%q) = %d, %t; want more than the %d of the key before it", key, rank, ok, last)
		}
		last = rank
	}
}

func TestBaseModel(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{
		"gpt-4o":                           "gpt-4o",
		"gpt-4o-2024-08-06":                "gpt-4o",
		"chatgpt-4o-latest":                "chatgpt-4o",
		"gpt-4o-mini-2024-07-18":           "gpt-4o-mini",
		"gpt-4-0613":                       "gpt-4",
		"gpt-4-1106-preview":               "gpt-4-1106-preview",
		"gpt-3.5-turbo-16k":                "gpt-3.5-turbo-16k",
		"o3-mini-2025-01-31":               "o3-mini",
		"claude-3-5-sonnet-20241022":       "claude-3-5-sonnet",
		"claude-3-opus@20240229":           "claude-3-opus",
		"claude-opus-4-1-20250805":         "claude-opus-4-1",
		"claude-opus-4-1":                  "claude-opus-4-1",
		"gemini-2.0-flash-001":             "gemini-2.0-flash",
		"gemini-2.5-flash-preview-05-20":   "gemini-2.5-flash",
		"gemini-2.5-flash-preview-09-2025": "gemini-2.5-flash",
		"mistral-large-2411":               "mistral-large",
		"grok-4-0709":                      "grok-4",
		"":                                 "",
		"-latest":                          "-latest",
	} {
		if got := BaseModel(model); got != want {
			t.Errorf("BaseModel(%q) = %q, want %q", model, got, want)
		}
	}
}

func TestNormalizeModel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		" GPT-4o\n": "gpt-4o", "gpt-4o": "gpt-4o", "": "", "Gemini-2.0-FLASH-001": "gemini-2.0-flash-001",
		"\u212a-model": "k-model", // the Kelvin sign is a K
	} {
		if got := NormalizeModel(name); got != want {
			t.Errorf("NormalizeModel(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestDatedNamesCountAsTheModel: a name that prices as a model must be limited as it too.
func TestDatedNamesCountAsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.StringMatching(`[a-z]{1,5}(-[0-9a-z.]{1,6}){0,3}`).Draw(t, "base")
		suffix := rapid.StringMatching(`(-20[0-9]{2}-[0-9]{2}-[0-9]{2}|-[0-9]{3,4}|[-@:]20[0-9]{6}|-latest|-preview-[0-9]{2}-[0-9]{2})(-v[0-9])?`).Draw(t, "suffix")
		model := base + suffix
		if got := BaseModel(model); got != model {
			if _, ok := Match(got, model); !ok {
				t.Fatalf("BaseModel(%q) = %q, which does not match it", model, got)
			}
		}
		_, matches := Match(base, model)
		stripped := strings.HasPrefix(base, BaseModel(model)) && BaseModel(model) != model
		if matches && !stripped {
			t.Fatalf("%q covers %q, whose base model is %q", base, model, BaseModel(model))
		}
	})
}
