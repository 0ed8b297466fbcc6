package provider

import (
	"slices"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
)

func TestFamily(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{
		"gpt-4o": "gpt", "GPT-4o-2024-08-06": "gpt", "chatgpt-4o-latest": "gpt", "gpt-image-1": "image", "gpt-4o-mini-tts": "audio",
		"o3-mini": "o", "O1": "o", "o": "other", "omni-moderation-latest": "moderation", "text-embedding-3-small": "embedding",
		"claude-sonnet-4-5": "claude", "gemini-2.5-flash": "gemini", "models/gemini-2.5-flash": "gemini", "gemini-embedding-001": "embedding",
		"gemma-3": "gemma", "grok-4": "grok", "codestral-latest": "mistral", "mistral-embed": "embedding", "deepseek-chat": "deepseek",
		"meta-llama/llama-3": "llama", "qwen/qwen-2.5": "qwen", "whisper-1": "audio", "dall-e-3": "image", "": "", " ": "",
		"my-own": "other", "/": "other", "ann@example.com": "other", "\xff\xfe": "other",
	} {
		if got := Family(model); got != want {
			t.Errorf("Family(%q) = %q, want %q", model, got, want)
		}
	}
}

// The price book's models are known ones.
func TestFamilyKnowsThePriceBook(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"openai", "anthropic", "google", "xai", "mistral", "deepseek"} {
		for _, model := range price.Models(vendor) {
			if got := Family(model); got == "other" || !slices.Contains(Families, got) {
				t.Errorf("Family(%q) = %q", model, got)
			}
		}
	}
}

func FuzzFamily(f *testing.F) {
	f.Add("gpt-4o")
	f.Add("a/b\x00")
	f.Fuzz(func(t *testing.T, model string) {
		if got := Family(model); got != "" && !slices.Contains(Families, got) {
			t.Errorf("Family(%q) = %q, which is not one of Families", model, got)
		}
	})
}

func BenchmarkFamily(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Family("gpt-4o-mini")
	}
}
