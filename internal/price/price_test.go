package price_test

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCostOfListedModels(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, model string
		usage       price.Usage
		want        int64 // micro-USD
	}{
		{"nothing used costs nothing", "gpt-4o", price.Usage{}, 0},
		{"input and output", "gpt-4o", price.Usage{Input: 1000, Output: 500}, 2500 + 5000},
		{"a fraction of a micro-USD is rounded up", "gpt-4o-mini", price.Usage{Input: 1}, 1},
		{"rounding happens once over the sum", "gpt-4o-mini", price.Usage{Input: 5, Output: 1}, 2}, // 0.75 + 0.6
		{"cached input costs less", "gpt-4o", price.Usage{Input: 1000, CachedInput: 400}, 1500 + 500},
		{"cached input without a price costs what input does", "gpt-3.5-turbo", price.Usage{Input: 1000, CachedInput: 1000}, 500},
		{"a cached part beyond its whole is cut", "gpt-4o", price.Usage{Input: 10, CachedInput: 1000}, 13},
		{"an old snapshot has its old price", "gpt-4o-2024-05-13", price.Usage{Input: 1000, Output: 1000}, 20000},
		{"Anthropic's cache: read, five minutes, one hour", "claude-sonnet-4-5",
			price.Usage{Input: 4000, CachedInput: 1000, CacheWrite: 1000, CacheWrite1h: 1000}, 300 + 3750 + 6000 + 3000},
		{"audio input has its own price", "gemini-2.5-flash", price.Usage{Input: 1000, AudioInput: 600}, 600 + 120},
		{"at the size of the tier the ordinary price holds", "gemini-2.5-pro", price.Usage{Input: 200_000, Output: 1000}, 250_000 + 10_000},
		{"beyond it the whole request costs the tier's", "gemini-2.5-pro", price.Usage{Input: 200_001, Output: 1000}, 500_003 + 15_000},
		{"the tier's cached price too", "gpt-5.4", price.Usage{Input: 300_000, CachedInput: 300_000}, 150_000},
		{"reasoning is within output", "gpt-5", price.Usage{Output: 1000, Reasoning: 900}, 10_000},
		{"transcription by the minute", "whisper-1", price.Usage{AudioMillis: 90_000}, 9_000},
		{"speech by the character", "tts-1", price.Usage{Characters: 1000}, 15_000},
		{"better speech", "tts-1-hd", price.Usage{Characters: 1000}, 30_000},
		{"moderation is free", "omni-moderation-latest", price.Usage{Input: 1000}, 0},
		{"negative counts are nothing", "gpt-4o", price.Usage{Input: -5, Output: -7, Images: -1}, 0},
		{"what can't be paid saturates", "o1-pro", price.Usage{Input: math.MaxInt64, Output: math.MaxInt64}, math.MaxInt64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, ok := price.Lookup(tc.model)
			if !ok {
				t.Fatalf("Lookup(%q) found nothing", tc.model)
			}
			if got := p.Cost(tc.usage); got != tc.want {
				t.Errorf("Cost(%+v) = %d micro-USD, want %d", tc.usage, got, tc.want)
			}
		})
	}
}

func TestUnknownAndUnpricedModelsAreNotInTheBook(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"", "gpt-4o ", "GPT-4o", "grok-imagine-image", "mistral-ocr-latest", "lyria-3-pro-preview", "no-such-model"} {
		if p, ok := price.Lookup(model); ok {
			t.Errorf("Lookup(%q) = %+v, want nothing", model, p)
		}
	}
}

func TestModelsAreCallableSortedAndPriced(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"openai", "anthropic", "google", "xai", "mistral", "deepseek"} {
		models := price.Models(provider)
		if len(models) == 0 || !slices.IsSorted(models) {
			t.Errorf("Models(%q) = %q, want some, sorted", provider, models)
		}
		for _, m := range models {
			if _, ok := price.Lookup(m); !ok || m != strings.ToLower(m) {
				t.Errorf("Models(%q) lists %q, which Lookup doesn't find", provider, m)
			}
		}
	}
	if models := price.Models("anthropic"); slices.Contains(models, "claude-3-7-sonnet") {
		t.Error("Models lists claude-3-7-sonnet, which can't be called without its date")
	}
	if got := price.Models("nobody"); got != nil {
		t.Errorf("Models of an unknown provider = %q, want none", got)
	}
}

func TestUsageAddsUp(t *testing.T) {
	t.Parallel()
	u := price.Usage{Input: 10, CachedInput: 4, Output: 5, Reasoning: 2, Images: 1}
	got := u.Plus(price.Usage{Input: 1, CacheWrite: 1, CacheWrite1h: 1, AudioInput: 1, Output: math.MaxInt64, AudioMillis: 3, Characters: -4})
	want := price.Usage{Input: 11, CachedInput: 4, CacheWrite: 1, CacheWrite1h: 1, AudioInput: 1, Output: math.MaxInt64, Reasoning: 2, Images: 1, AudioMillis: 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Plus (-want +got):\n%s", diff)
	}
	if n := u.Tokens(); n != 15 {
		t.Errorf("Tokens() = %d, want 15", n)
	}
	if n := got.Tokens(); n != math.MaxInt64 {
		t.Errorf("Tokens() = %d, want saturation", n)
	}
}

func count() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, 2_000_000), rapid.Int64Range(0, math.MaxInt64),
		rapid.Just(int64(math.MaxInt64)), rapid.Int64Range(-10, 0))
}

func usage() *rapid.Generator[price.Usage] {
	return rapid.Custom(func(t *rapid.T) price.Usage {
		n := count()
		return price.Usage{
			Input: n.Draw(t, "input"), CachedInput: n.Draw(t, "cached"), CacheWrite: n.Draw(t, "write"), CacheWrite1h: n.Draw(t, "write1h"),
			AudioInput: n.Draw(t, "audio"), Output: n.Draw(t, "output"), Reasoning: n.Draw(t, "reasoning"), Images: n.Draw(t, "images"),
			ImageInput: n.Draw(t, "imageInput"), AudioOutput: n.Draw(t, "audioOutput"), ImageOutput: n.Draw(t, "imageOutput"),
			AudioMillis: n.Draw(t, "millis"), Characters: n.Draw(t, "characters"),
			Fees: [price.FeeKinds]int64{n.Draw(t, "searches"), n.Draw(t, "fileSearches"), n.Draw(t, "sessions"), n.Draw(t, "groundings")},
		}
	})
}

// anyPrice draws a listed price or one at the bounds of an override.
func anyPrice() *rapid.Generator[price.Price] {
	var listed []price.Price
	for _, provider := range []string{"openai", "anthropic", "google", "xai", "mistral", "deepseek"} {
		for _, m := range price.Models(provider) {
			p, _ := price.Lookup(m)
			listed = append(listed, p)
		}
	}
	bounds := rapid.Custom(func(t *rapid.T) price.Price {
		rate := func(name string) int64 { return rapid.Int64Range(0, 1_000_000_000_000).Draw(t, name) }
		rates := func() price.Rates {
			return price.Rates{Input: rate("in"), CachedInput: rate("cached"), CacheWrite: rate("write"), CacheWrite1h: rate("write1h"),
				AudioInput: rate("audioIn"), ImageInput: rate("imageIn"), Output: rate("out"), AudioOutput: rate("audioOut"), ImageOutput: rate("imageOut")}
		}
		return price.Price{Rates: rates(), Long: rates(), LongAbove: rapid.Int64Range(0, 1000).Draw(t, "above"),
			Image: rate("image"), AudioMilli: rate("minute"), Character: rate("character"),
			Fees: [price.FeeKinds]int64{rate("search"), rate("fileSearch"), rate("session"), rate("grounding")}}
	})
	return rapid.OneOf(rapid.SampledFrom(listed), bounds)
}

func TestCostIsNeverNegativeAndMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, u := anyPrice().Draw(t, "price"), usage().Draw(t, "usage")
		p.LongAbove = 0 // beyond it cheaper rates may hold
		cost := p.Cost(u)
		if cost < 0 {
			t.Fatalf("Cost(%+v) = %d", u, cost)
		}
		more := u
		whole := []*int64{&more.Input, &more.Output, &more.Images, &more.AudioMillis, &more.Characters, &more.Fees[price.WebSearch], &more.Fees[price.Grounding]}
		field := rapid.SampledFrom(whole).Draw(t, "field")
		*field = rapid.Int64Range(*field, math.MaxInt64).Draw(t, "to")
		if got := p.Cost(more); got < cost {
			t.Fatalf("Cost(%+v) = %d, less than Cost(%+v) = %d", more, got, u, cost)
		}
	})
}

func TestCostIsTheExactSumRoundedUpOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, u := anyPrice().Draw(t, "price"), usage().Draw(t, "usage")
		r := p.Rates
		if p.LongAbove > 0 && u.Input > p.LongAbove {
			r = p.Long
		}
		sum := new(big.Int)
		add := func(rate, count int64) {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(rate), big.NewInt(max(count, 0))))
		}
		whole := func(count, rate int64, parts ...[2]int64) {
			count = max(count, 0)
			for _, part := range parts {
				n := min(max(part[1], 0), count)
				add(part[0], n)
				count -= n
			}
			add(rate, count)
		}
		whole(u.Input, r.Input, [2]int64{r.CachedInput, u.CachedInput}, [2]int64{r.CacheWrite1h, u.CacheWrite1h},
			[2]int64{r.CacheWrite, u.CacheWrite}, [2]int64{r.AudioInput, u.AudioInput}, [2]int64{r.ImageInput, u.ImageInput})
		whole(u.Output, r.Output, [2]int64{r.AudioOutput, u.AudioOutput}, [2]int64{r.ImageOutput, u.ImageOutput})
		add(p.Image, u.Images)
		add(p.AudioMilli, u.AudioMillis)
		add(p.Character, u.Characters)
		for fee, uses := range u.Fees {
			add(p.Fees[fee], uses)
		}
		sum.Add(sum, big.NewInt(999_999)).Div(sum, big.NewInt(1_000_000))
		want := int64(math.MaxInt64)
		if sum.IsInt64() {
			want = sum.Int64()
		}
		if got := p.Cost(u); got != want {
			t.Fatalf("Cost(%+v) = %d, want %d", u, got, want)
		}
	})
}

func TestOutputWithinIsTheInverseOfCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, u, budget := anyPrice().Draw(t, "price"), usage().Draw(t, "usage"), count().Draw(t, "budget")
		n := p.OutputWithin(budget, u)
		if n < 0 {
			u.Output = 0
			if cost := p.Cost(u); cost <= budget {
				t.Fatalf("OutputWithin(%d) = %d, but %+v costs %d", budget, n, u, cost)
			}
			return
		}
		u.Output = n
		if cost := p.Cost(u); cost > budget {
			t.Fatalf("OutputWithin(%d) = %d, which costs %d", budget, n, cost)
		}
		if n == math.MaxInt64 {
			return
		}
		u.Output++
		if cost := p.Cost(u); cost <= budget {
			t.Fatalf("OutputWithin(%d) = %d, but one more costs %d", budget, n, cost)
		}
	})
}

func TestOutputWithin(t *testing.T) {
	t.Parallel()
	p, _ := price.Lookup("gpt-4o")
	parts := price.Price{Rates: price.Rates{Output: 2e6, AudioOutput: 5e6, ImageOutput: 30e6},
		Fees: [price.FeeKinds]int64{price.WebSearch: 40e6}}
	for _, tc := range []struct {
		name   string
		price  price.Price
		budget int64
		usage  price.Usage
		want   int64
	}{
		{"what is left buys output", p, 7500, price.Usage{Input: 1000, Output: 99}, 500},
		{"input alone fits exactly", p, 2500, price.Usage{Input: 1000}, 0},
		{"input alone exceeds", p, 2499, price.Usage{Input: 1000}, -1},
		{"nothing left and nothing used", p, 0, price.Usage{}, 0},
		{"less than nothing left", p, -1, price.Usage{}, -1},
		{"free output", price.Price{}, 0, price.Usage{Input: 10}, math.MaxInt64},
		{"dear images come first", parts, 100, price.Usage{ImageOutput: 10}, 3},
		{"text follows what the images leave", parts, 100, price.Usage{ImageOutput: 2}, 22},
		{"text follows sound and images", parts, 100, price.Usage{AudioOutput: 2, ImageOutput: 1}, 33},
		{"sound that is free", price.Price{Rates: price.Rates{Output: 2e6}}, 10, price.Usage{AudioOutput: 100}, 105},
		{"a fee leaves less", parts, 100, price.Usage{Fees: [price.FeeKinds]int64{price.WebSearch: 2}}, 10},
		{"a fee alone exceeds", parts, 100, price.Usage{Fees: [price.FeeKinds]int64{price.WebSearch: 3}}, -1},
	} {
		if got := tc.price.OutputWithin(tc.budget, tc.usage); got != tc.want {
			t.Errorf("%s: OutputWithin(%d, %+v) = %d, want %d", tc.name, tc.budget, tc.usage, got, tc.want)
		}
	}
}

func TestEveryListedTierCostsNoLessThanTheOrdinaryPrice(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"openai", "anthropic", "google", "xai", "mistral", "deepseek"} {
		for _, m := range price.Models(provider) {
			p, _ := price.Lookup(m)
			if p.LongAbove > 0 && (p.Long.Input < p.Input || p.Long.Output < p.Output || p.Long.CachedInput < p.CachedInput) {
				t.Errorf("%s: %+v is cheaper than %+v", m, p.Long, p.Rates)
			}
			if p.CachedInput == 0 && p.Input > 0 {
				t.Errorf("%s: cached input is free", m)
			}
		}
	}
}

func BenchmarkCost(b *testing.B) {
	p, _ := price.Lookup("gemini-2.5-pro")
	u := price.Usage{Input: 1234, CachedInput: 1000, AudioInput: 100, Output: 321}
	b.ReportAllocs()
	for b.Loop() {
		p.Cost(u)
	}
}

func BenchmarkOutputWithin(b *testing.B) {
	p, _ := price.Lookup("gemini-2.5-pro")
	b.ReportAllocs()
	for b.Loop() {
		p.OutputWithin(50_000, price.Usage{Input: 1234})
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		price.Lookup("gpt-4o-mini")
	}
}
