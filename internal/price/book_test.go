package price_test

import (
	"slices"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/price"
)

var vendors = []string{"openai", "anthropic", "google", "xai", "mistral", "deepseek"}

// TestEveryCurrentModelHasAPrice: a cost limit can apply to every model that the six vendors offer today.
func TestEveryCurrentModelHasAPrice(t *testing.T) {
	t.Parallel()
	free := []string{"gemma-4-26b-a4b-it", "gemma-4-31b-it", "omni-moderation-latest", "text-moderation-latest", "text-moderation-stable"}
	for _, vendor := range vendors {
		models := price.Models(vendor)
		if len(models) < 5 {
			t.Errorf("%s lists %q", vendor, models)
		}
		for _, m := range models {
			p, ok := price.Lookup(m)
			if !ok {
				t.Errorf("%s of %s has no price", m, vendor)
			}
			if got, want := p.Input+p.AudioMilli+p.Character == 0, slices.Contains(free, m); got != want {
				t.Errorf("%s is free: %t, want %t", m, got, want)
			}
			if price.Vendor(m) != vendor {
				t.Errorf("%s is %q's, want %s", m, price.Vendor(m), vendor)
			}
		}
	}
	// A few models of each vendor, so that a misread list is noticed.
	for _, m := range []string{"gpt-6.2-sol", "gpt-6.2-astra", "gpt-6.1-terra", "claude-fable-5-2", "claude-sonnet-5-5", "claude-haiku-5-5", "gemini-4-carbon", "gemini-4-hydrogen",
		"gemini-4-neon", "mistral-large-4", "gpt-6-sol", "gpt-6-astra", "gpt-6-luna", "gpt-5.6-terra", "gpt-5.5", "gpt-4o-transcribe", "gpt-image-2", "computer-use-preview",
		"claude-opus-5-5", "claude-fable-5-1", "claude-sonnet-5", "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-embedding-2",
		"grok-4.7", "mistral-medium-2604", "devstral-latest", "voxtral-small-latest", "deepseek-v4-pro"} {
		if !slices.Contains(price.Models(price.Vendor(m)), m) {
			t.Errorf("%s is not listed", m)
		}
	}
}

func TestModalitiesAndFeesHaveTheirPrices(t *testing.T) {
	t.Parallel()
	fee := func(f price.Fee, n int64) (u price.Usage) { u.Fees[f] = n; return u }
	for _, tc := range []struct {
		name, model string
		usage       price.Usage
		want        int64 // micro-USD
	}{
		{"images in and out", "gpt-image-2", price.Usage{Input: 371, ImageInput: 352, Output: 439, ImageOutput: 439}, 16081},
		{"text of an image model", "gemini-2.5-flash-image", price.Usage{Input: 10, Output: 2000}, 5003},
		{"its images", "gemini-2.5-flash-image", price.Usage{Input: 10, Output: 1290, ImageOutput: 1290}, 38703},
		{"sound out", "gpt-audio", price.Usage{Output: 1000, AudioOutput: 1000}, 64_000},
		{"sound in", "gpt-4o-transcribe", price.Usage{Input: 1000, AudioInput: 1000}, 6_000},
		{"writes to an hour's cache", "claude-sonnet-4-5", price.Usage{Input: 150_030, CachedInput: 90_000, CacheWrite1h: 60_000, Output: 100}, 388_590},
		{"writes to a five minutes' cache", "claude-sonnet-4-5", price.Usage{Input: 150_030, CachedInput: 90_000, CacheWrite: 60_000, Output: 100}, 253_590},
		{"writes to OpenAI's cache", "gpt-6-sol", price.Usage{Input: 1000, CacheWrite: 1000}, 2_500},
		{"the same in a long request", "gpt-6-sol", price.Usage{Input: 300_000, CacheWrite: 300_000}, 1_500_000},
		{"OpenAI's web search", "gpt-5.5", fee(price.WebSearch, 3), 30_000},
		{"of a search model", "gpt-4o-search-preview", fee(price.WebSearch, 1), 25_000},
		{"of a model that does not reason", "gpt-4.1", fee(price.WebSearch, 1), 10_000},
		{"the preview tool of such a model", "gpt-4.1-mini-2025-04-14", fee(price.WebSearchPreview, 1), 25_000},
		{"of its fine-tunes", "ft:gpt-4.1", fee(price.WebSearchPreview, 1), 25_000},
		{"of a model that reasons", "gpt-5.5", fee(price.WebSearchPreview, 1), 10_000},
		{"the preview tool of other vendors", "claude-haiku-4-5", fee(price.WebSearchPreview, 1), 10_000},
		{"OpenAI's file search", "gpt-4.1-nano", fee(price.FileSearch, 2), 5_000},
		{"OpenAI's code interpreter", "gpt-5.5", fee(price.CodeInterpreter, 1), 30_000},
		{"Anthropic's web search", "claude-haiku-4-5", fee(price.WebSearch, 4), 40_000},
		{"a grounded prompt", "gemini-2.5-flash", fee(price.Grounding, 1), 35_000},
		{"a query of Gemini 3", "gemini-3.8-flash", fee(price.Grounding, 2), 28_000},
		{"and of what is another name of it", "gemini-flash-latest", fee(price.Grounding, 1), 14_000},
		{"xAI's web search", "grok-4.7", fee(price.WebSearch, 1), 5_000},
		{"xAI's tier begins at its bound", "grok-4.7", price.Usage{Input: 200_000}, 800_000},
		{"and not below it", "grok-4.7", price.Usage{Input: 199_999}, 399_998},
		{"a short request of Claude Haiku 5.5", "claude-haiku-5-5", price.Usage{Input: 100_000, CachedInput: 50_000, CacheWrite1h: 10_000, Output: 1000}, 500 + 2_000 + 4_000 + 500},
		{"a long one", "claude-haiku-5-5", price.Usage{Input: 110_000, CachedInput: 50_000, CacheWrite: 10_000, Output: 1000}, 2_500 + 6_250 + 25_000 + 2_500},
		{"a long request's cache of GPT-6.2", "gpt-6.2-sol", price.Usage{Input: 300_000, CachedInput: 100_000, CacheWrite: 100_000}, 20_000 + 500_000 + 400_000},
		{"its cache for 12 hours", "gpt-6.2-sol", price.Usage{Input: 1000, CacheWrite1h: 1000}, 5_000},
		{"a query of Gemini 4", "gemini-4-neon", fee(price.Grounding, 1), 14_000},
		{"Gemini 4 Carbon since December", "gemini-4-carbon", price.Usage{Input: 1000, CachedInput: 500, Output: 100}, 2_000 + 100 + 2_000},
		{"images of GPT-Image-2.6", "gpt-image-2.6-sunburst", price.Usage{Input: 371, ImageInput: 352, Output: 439, ImageOutput: 439}, 16081},
		{"an hour of sound", "gpt-transcribe", price.Usage{AudioMillis: 3_600_000}, 270_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, ok := price.LookupAt(tc.model, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
			if got := p.Cost(tc.usage); !ok || got != tc.want {
				t.Errorf("Cost(%+v) of %s = %d micro-USD, want %d", tc.usage, tc.model, got, tc.want)
			}
		})
	}
}

// TestAPriceChangesWithTheTime: by the day, as Google announced, and by the hour, as DeepSeek bills.
func TestAPriceChangesWithTheTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		model, at string
		want      int64 // pico-USD a token of input
	}{
		{"gemini-3.8-flash", "2026-12-31T23:59:59Z", 750_000},
		{"gemini-3.8-flash", "2027-01-01T00:00:00Z", 1_500_000},
		{"gemini-3.8-flash", "2026-12-31T23:59:59-01:00", 1_500_000},
		{"gemini-flash-latest", "2027-03-01T00:00:00Z", 1_500_000},
		{"gpt-5.6-sol", "2026-12-01T00:00:00Z", 4_000_000},
		{"deepseek-v4-pro", "2026-12-01T00:59:59Z", 660_000},
		{"deepseek-v4-pro", "2026-12-01T01:00:00Z", 1_320_000},
		{"deepseek-v4-pro", "2026-12-01T04:00:00Z", 660_000},
		{"deepseek-v4-pro", "2026-12-01T14:30:00+08:00", 1_320_000},
		{"deepseek-chat", "2026-12-01T09:59:59Z", 300_000},
		{"deepseek-flash", "2026-12-01T10:00:00Z", 150_000},
		{"gpt-4o", "2026-12-01T01:00:00Z", 2_500_000},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := price.LookupAt(tc.model, at); !ok || p.Input != tc.want {
			t.Errorf("%s at %s costs %d, want %d", tc.model, tc.at, p.Input, tc.want)
		}
	}
}

// TestNoKindOfTokenIsFree: if input or output has a price, every kind of token of that side has one.
func TestNoKindOfTokenIsFree(t *testing.T) {
	t.Parallel()
	for _, m := range price.Names() {
		p, _ := price.Lookup(m)
		for _, r := range []price.Rates{p.Rates, p.Long} {
			if r.Input > 0 && min(r.CachedInput, r.CacheWrite, r.CacheWrite1h, r.AudioInput, r.ImageInput) == 0 {
				t.Errorf("%s: some input is free: %+v", m, r)
			}
			if r.Output > 0 && min(r.AudioOutput, r.ImageOutput) == 0 {
				t.Errorf("%s: some output is free: %+v", m, r)
			}
			if r.CacheWrite < r.Input || r.CacheWrite1h < r.CacheWrite {
				t.Errorf("%s: writing to a cache is cheaper than reading: %+v", m, r)
			}
		}
		if p.LongAbove > 0 && (p.Long.Input < p.Input || p.Long.Output < p.Output) {
			t.Errorf("%s: long requests are cheaper: %+v", m, p)
		}
	}
}
