package price_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func override(t *testing.T, doc string) price.Override {
	t.Helper()
	var o price.Override
	if err := json.Unmarshal([]byte(doc), &o); err != nil {
		t.Fatal(err)
	}
	if err := o.Check(); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return o
}

func TestOverrideSetsEveryRate(t *testing.T) {
	t.Parallel()
	o := override(t, `{"inputUsdPerMillion": 1.0, "outputUsdPerMillion": 2.0, "cachedInputUsdPerMillion": 0.1, "cacheWriteUsdPerMillion": 1.25,
		"cacheWrite1hUsdPerMillion": 3.0, "imageInputUsdPerMillion": 8.0, "imageOutputUsdPerMillion": 30.0, "audioInputUsdPerMillion": 9,
		"audioOutputUsdPerMillion": 0.5, "imageUsd": 0.04, "audioUsdPerMinute": 0.006, "charactersUsdPerMillion": 15,
		"feesUsdPerThousand": {"webSearch": 10, "fileSearch": 2.5, "codeInterpreter": 30, "grounding": 35},
		"above": {"inputTokens": 200000, "inputUsdPerMillion": 2.0, "outputUsdPerMillion": 3.0, "cacheWriteUsdPerMillion": 4}}`)
	want := price.Price{
		Rates: price.Rates{Input: 1e6, CachedInput: 1e5, CacheWrite: 125e4, CacheWrite1h: 3e6, AudioInput: 9e6, ImageInput: 8e6, Output: 2e6, AudioOutput: 5e5, ImageOutput: 30e6},
		// An unset price in above keeps its proportion to plain tokens, if that makes it dearer.
		Long:      price.Rates{Input: 2e6, CachedInput: 2e5, CacheWrite: 4e6, CacheWrite1h: 6e6, AudioInput: 18e6, ImageInput: 16e6, Output: 3e6, AudioOutput: 3e6, ImageOutput: 45e6},
		LongAbove: 200_000, Image: 4e10, AudioMilli: 1e5, Character: 15e6,
		Fees: [price.FeeKinds]int64{price.WebSearch: 1e10, price.WebSearchPreview: 1e10, price.FileSearch: 25e8, price.CodeInterpreter: 3e10, price.Grounding: 35e9},
	}
	// The book only adds the longest answer to the set prices.
	known, _ := price.Lookup("gemini-2.5-pro")
	for _, base := range []price.Price{{}, known} {
		want.MaxOutput, want.Context = base.MaxOutput, base.Context
		got, ok := o.Over(base, base.Context > 0)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("known %t; price (-want +got):\n%s", ok, diff)
		}
	}
}

// TestWhatAnOverrideLeavesOutIsNotFree: unset prices are the book's, and tokens keep their proportion.
func TestWhatAnOverrideLeavesOutIsNotFree(t *testing.T) {
	t.Parallel()
	fee := func(f price.Fee) (u price.Usage) { u.Fees[f] = 1; return u }
	for _, tc := range []struct {
		name, model, override string
		usage                 price.Usage
		want                  int64 // micro-USD; -1: the price is not known
	}{
		{"cached input costs what input does", "gpt-4o", `{"inputUsdPerMillion": 2, "outputUsdPerMillion": 4}`, price.Usage{Input: 1000, CachedInput: 1000}, 2000},
		{"half the list price, half of that of cache writes", "claude-sonnet-4-5", `{"inputUsdPerMillion": 1.5, "outputUsdPerMillion": 7.5}`,
			price.Usage{Input: 2000, CacheWrite: 1000, CacheWrite1h: 1000}, 1875 + 3000},
		{"sound", "gpt-audio", `{"inputUsdPerMillion": 1.25, "outputUsdPerMillion": 5}`,
			price.Usage{Input: 1000, AudioInput: 1000, Output: 1000, AudioOutput: 1000}, 16_000 + 32_000},
		{"images", "gpt-image-1.5", `{"inputUsdPerMillion": 5, "outputUsdPerMillion": 20}`,
			price.Usage{Input: 1000, ImageInput: 1000, Output: 1000, ImageOutput: 1000}, 8_000 + 64_000},
		{"long requests cost what short ones do", "gemini-2.5-pro", `{"inputUsdPerMillion": 1, "outputUsdPerMillion": 10}`,
			price.Usage{Input: 300_000, Output: 1000}, 300_000 + 10_000},
		{"but where it is said", "gemini-2.5-pro",
			`{"inputUsdPerMillion": 1, "outputUsdPerMillion": 10, "above": {"inputTokens": 250000, "inputUsdPerMillion": 2, "outputUsdPerMillion": 20}}`,
			price.Usage{Input: 300_000, Output: 1000}, 600_000 + 20_000},
		{"long requests keep the book's price beside a fee", "gemini-2.5-pro", `{"feesUsdPerThousand": {"grounding": 1}}`, price.Usage{Input: 300_000}, 750_000},
		{"fees", "gpt-5.5", `{"inputUsdPerMillion": 5, "outputUsdPerMillion": 30}`, fee(price.WebSearch), 10_000},
		{"other fees than the one that is set", "gpt-5.5", `{"feesUsdPerThousand": {"webSearch": 1}}`, fee(price.CodeInterpreter), 30_000},
		{"the fee that is set", "gpt-5.5", `{"feesUsdPerThousand": {"webSearch": 1}}`, fee(price.WebSearch), 1_000},
		{"the fee that is set, of OpenAI's preview tool too", "gpt-4.1", `{"feesUsdPerThousand": {"webSearch": 1}}`, fee(price.WebSearchPreview), 1_000},
		{"the preview tool's fee beside another", "gpt-4.1", `{"feesUsdPerThousand": {"fileSearch": 1}}`, fee(price.WebSearchPreview), 25_000},
		{"tokens beside a fee", "gpt-5.5", `{"feesUsdPerThousand": {"webSearch": 1}}`, price.Usage{Input: 1000}, 5_000},
		{"fees alone, of an unknown model", "m", `{"feesUsdPerThousand": {"webSearch": 1}}`, price.Usage{}, -1},
		{"tokens beside a price by the minute", "gpt-4o-transcribe", `{"audioUsdPerMinute": 0.006}`, price.Usage{Input: 1000, AudioMillis: 60_000}, 2_500 + 6_000},
		{"every kind of an unknown model's tokens", "m", `{"inputUsdPerMillion": 1, "outputUsdPerMillion": 2}`,
			price.Usage{Input: 60, CachedInput: 10, CacheWrite: 10, CacheWrite1h: 10, AudioInput: 10, ImageInput: 10, Output: 30, AudioOutput: 10, ImageOutput: 10}, 120},
		{"an unknown model's writes for an hour cost at least what others do", "m", `{"inputUsdPerMillion": 1, "outputUsdPerMillion": 2, "cacheWriteUsdPerMillion": 5}`,
			price.Usage{Input: 10, CacheWrite1h: 10}, 50},
		{"what is set to 0 is free", "gpt-5.5", `{"inputUsdPerMillion": 0, "outputUsdPerMillion": 0}`, price.Usage{Input: 1e6, CacheWrite: 100, Output: 1e6}, 0},
		{"an image", "dall-e-3", `{"imageUsd": 0.04}`, price.Usage{Images: 2}, 80_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, ok := override(t, tc.override).Over(price.Lookup(tc.model))
			if got := p.Cost(tc.usage); ok && got != tc.want || !ok && tc.want >= 0 {
				t.Errorf("%s of %s: cost %d micro-USD, known %t; want %d", tc.override, tc.model, got, ok, tc.want)
			}
		})
	}
}

func TestATinyPriceDoesNotBecomeFree(t *testing.T) {
	t.Parallel()
	if p, _ := override(t, `{"charactersUsdPerMillion": 1e-9}`).Over(price.Price{}, false); p.Character == 0 {
		t.Error("a price of 1e-9 USD a million characters is 0")
	}
}

// TestAnOverrideIsNeverCheaperThanItSays: with any book, no unset kind of token costs less than plain tokens.
func TestAnOverrideIsNeverCheaperThanItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in, out := rapid.Float64Range(0, 1e6).Draw(t, "in"), rapid.Float64Range(0, 1e6).Draw(t, "out")
		p, ok := price.Override{TokenPrices: price.TokenPrices{Input: &in, Output: &out}}.Over(anyPrice().Draw(t, "book"), true)
		if !ok {
			t.Fatal("the price is not known")
		}
		if p.LongAbove == 0 {
			p.Long = p.Rates
		}
		for _, r := range []price.Rates{p.Rates, p.Long} {
			if min(r.CachedInput, r.CacheWrite, r.CacheWrite1h, r.AudioInput, r.ImageInput, r.Input) < p.Input || min(r.AudioOutput, r.ImageOutput, r.Output) < p.Output {
				t.Fatalf("%v in, %v out make %+v", in, out, r)
			}
		}
	})
}

func TestOverrideRefusesWhatIsNotAPrice(t *testing.T) {
	t.Parallel()
	one := new(1.0)
	plain := price.TokenPrices{Input: one, Output: one}
	for _, tc := range []struct {
		name     string
		override price.Override
		want     string
	}{
		{"nothing set", price.Override{}, "sets no price"},
		{"no fee set", price.Override{FeesUSDPerThousand: &price.FeePrices{}}, "sets no price"},
		{"negative", price.Override{TokenPrices: price.TokenPrices{Input: new(-0.5), Output: one}}, "inputUsdPerMillion must be a number from 0 to 1000000, not -0.5"},
		{"not a number", price.Override{TokenPrices: price.TokenPrices{Input: one, Output: new(math.NaN())}}, "outputUsdPerMillion must be"},
		{"infinite", price.Override{ImageUSD: new(math.Inf(1))}, "imageUsd must be"},
		{"beyond reason", price.Override{AudioUSDPerMinute: new(1e6 + 1)}, "audioUsdPerMinute must be"},
		{"a negative fee", price.Override{FeesUSDPerThousand: &price.FeePrices{Grounding: new(-1.0)}}, "feesUsdPerThousand.grounding must be"},
		{"output alone", price.Override{TokenPrices: price.TokenPrices{Output: one}}, "inputUsdPerMillion is missing"},
		{"input alone", price.Override{TokenPrices: price.TokenPrices{Input: one}}, "outputUsdPerMillion is missing"},
		{"cached input alone", price.Override{TokenPrices: price.TokenPrices{CachedInput: one}}, "inputUsdPerMillion is missing"},
		{"image output alone", price.Override{TokenPrices: price.TokenPrices{ImageOutput: one}}, "inputUsdPerMillion is missing"},
		{"above alone", price.Override{Above: &price.AbovePrices{InputTokens: one, TokenPrices: plain}}, "inputUsdPerMillion is missing"},
		{"above without a bound", price.Override{TokenPrices: plain, Above: &price.AbovePrices{TokenPrices: plain}}, "above.inputTokens must be"},
		{"above a part of a token", price.Override{TokenPrices: plain, Above: &price.AbovePrices{InputTokens: new(1.5), TokenPrices: plain}}, "above.inputTokens must be"},
		{"above without output", price.Override{TokenPrices: plain, Above: &price.AbovePrices{InputTokens: one, TokenPrices: price.TokenPrices{Input: one}}},
			"above.outputUsdPerMillion is missing"},
		{"above, negative", price.Override{TokenPrices: plain, Above: &price.AbovePrices{InputTokens: one, TokenPrices: price.TokenPrices{Input: one, Output: one, AudioInput: new(-1.0)}}},
			"above.audioInputUsdPerMillion must be"},
	} {
		err := tc.override.Check()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", tc.name, err, tc.want)
		}
	}
}
