package price

import (
	"fmt"
	"math"
	"slices"
)

// Dated is the day on which the book's figures were the vendors' list prices.
const Dated = "2026-07-02"

// listing is one model of the book as a price list prints it: USD a million tokens.
type listing struct {
	name      string
	in, out   float64
	cached    float64 // cache reads; 0: they cost what input does
	write     float64 // writes to a five-minute cache; 0: they cost what input does. One-hour writes are twice the input price
	audio     float64 // audio input; 0: it costs what input does
	long      tier
	context   int64   // tokens
	max       int64   // output tokens
	perMinute float64 // audio
	perMChars float64 // a million characters spoken
}

// tier is what a whole request costs whose input exceeds above tokens.
type tier struct {
	above           int64
	in, out, cached float64
}

// book holds the list prices of the models that apps use, by provider. A model without a price in these units is left out:
// it is unpriced, not free. That goes for images whose price depends on their size. A snapshot must be listed where its price
// differs from that of its undated name, and where no undated name can be called.
var book = map[string][]listing{
	"openai": {
		{name: "gpt-3.5-turbo", in: 0.5, out: 1.5, context: 16385, max: 4096},
		{name: "gpt-4", in: 30, out: 60, context: 8192, max: 8192},
		{name: "gpt-4-turbo", in: 10, out: 30, context: 128000, max: 4096},
		{name: "gpt-4.1", in: 2, out: 8, cached: 0.5, context: 1047576, max: 32768},
		{name: "gpt-4.1-mini", in: 0.4, out: 1.6, cached: 0.1, context: 1047576, max: 32768},
		{name: "gpt-4.1-nano", in: 0.1, out: 0.4, cached: 0.025, context: 1047576, max: 32768},
		{name: "gpt-4o", in: 2.5, out: 10, cached: 1.25, context: 128000, max: 16384},
		{name: "gpt-4o-2024-05-13", in: 5, out: 15, context: 128000, max: 4096},
		{name: "gpt-4o-2024-08-06", in: 2.5, out: 10, cached: 1.25, context: 128000, max: 16384},
		{name: "gpt-4o-2024-11-20", in: 2.5, out: 10, cached: 1.25, context: 128000, max: 16384},
		{name: "gpt-4o-mini", in: 0.15, out: 0.6, cached: 0.075, context: 128000, max: 16384},
		{name: "gpt-5", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5-chat-latest", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5-codex", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5-mini", in: 0.25, out: 2, cached: 0.025, context: 400000, max: 128000},
		{name: "gpt-5-nano", in: 0.05, out: 0.4, cached: 0.005, context: 400000, max: 128000},
		{name: "gpt-5-pro", in: 15, out: 120, context: 400000, max: 272000},
		{name: "gpt-5.1", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5.1-chat-latest", in: 1.25, out: 10, cached: 0.125, context: 128000, max: 16384},
		{name: "gpt-5.1-codex", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5.1-codex-max", in: 1.25, out: 10, cached: 0.125, context: 400000, max: 128000},
		{name: "gpt-5.1-codex-mini", in: 0.25, out: 2, cached: 0.025, context: 400000, max: 128000},
		{name: "gpt-5.2", in: 1.75, out: 14, cached: 0.175, context: 400000, max: 128000},
		{name: "gpt-5.2-chat-latest", in: 1.75, out: 14, cached: 0.175, context: 128000, max: 16384},
		{name: "gpt-5.2-codex", in: 1.75, out: 14, cached: 0.175, context: 400000, max: 128000},
		{name: "gpt-5.2-pro", in: 21, out: 168, context: 400000, max: 128000},
		{name: "gpt-5.3-chat-latest", in: 1.75, out: 14, cached: 0.175, context: 128000, max: 16384},
		{name: "gpt-5.3-codex", in: 1.75, out: 14, cached: 0.175, context: 400000, max: 128000},
		{name: "gpt-5.3-codex-spark", in: 1.75, out: 14, cached: 0.175, context: 128000, max: 32000},
		{name: "gpt-5.4", in: 2.5, out: 15, cached: 0.25, long: tier{above: 272000, in: 5, out: 22.5, cached: 0.5}, context: 1050000, max: 128000},
		{name: "gpt-5.4-mini", in: 0.75, out: 4.5, cached: 0.075, context: 400000, max: 128000},
		{name: "gpt-5.4-nano", in: 0.2, out: 1.25, cached: 0.02, context: 400000, max: 128000},
		{name: "gpt-5.4-pro", in: 30, out: 180, long: tier{above: 272000, in: 60, out: 270}, context: 1050000, max: 128000},
		{name: "gpt-5.5", in: 5, out: 30, cached: 0.5, long: tier{above: 272000, in: 10, out: 45, cached: 1}, context: 1050000, max: 128000},
		{name: "gpt-5.5-pro", in: 30, out: 180, long: tier{above: 272000, in: 60, out: 270}, context: 1050000, max: 128000},
		{name: "gpt-image-2", in: 5, out: 30, cached: 1.25},
		{name: "o1", in: 15, out: 60, cached: 7.5, context: 200000, max: 100000},
		{name: "o1-pro", in: 150, out: 600, context: 200000, max: 100000},
		{name: "o3", in: 2, out: 8, cached: 0.5, context: 200000, max: 100000},
		{name: "o3-deep-research", in: 10, out: 40, cached: 2.5, context: 200000, max: 100000},
		{name: "o3-mini", in: 1.1, out: 4.4, cached: 0.55, context: 200000, max: 100000},
		{name: "o3-pro", in: 20, out: 80, context: 200000, max: 100000},
		{name: "o4-mini", in: 1.1, out: 4.4, cached: 0.275, context: 200000, max: 100000},
		{name: "o4-mini-deep-research", in: 2, out: 8, cached: 0.5, context: 200000, max: 100000},
		{name: "text-embedding-3-large", in: 0.13, out: 0, context: 8191},
		{name: "text-embedding-3-small", in: 0.02, out: 0, context: 8191},
		{name: "text-embedding-ada-002", in: 0.1, out: 0, context: 8192},
		// From here on OpenAI's own price list. These would otherwise be taken for snapshots of cheaper or dearer models:
		{name: "gpt-3.5-turbo-1106", in: 1, out: 2, context: 16385, max: 4096},
		{name: "gpt-4-0125-preview", in: 10, out: 30, context: 128000, max: 4096},
		{name: "gpt-4-1106-preview", in: 10, out: 30, context: 128000, max: 4096},
		{name: "gpt-4-turbo-preview", in: 10, out: 30, context: 128000, max: 4096},
		{name: "gpt-3.5-turbo-instruct", in: 1.5, out: 2, context: 4096, max: 4096},
		// Speech is billed by the minute heard or the character spoken; moderation is free.
		{name: "whisper-1", perMinute: 0.006},
		{name: "tts-1", perMChars: 15},
		{name: "tts-1-hd", perMChars: 30},
		{name: "omni-moderation-latest"},
		{name: "text-moderation-latest"},
		{name: "text-moderation-stable"},
	},
	"anthropic": {
		{name: "claude-3-5-sonnet-20240620", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 8192},
		{name: "claude-3-5-sonnet-20241022", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 8192},
		{name: "claude-3-7-sonnet-20250219", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 64000},
		{name: "claude-3-haiku-20240307", in: 0.25, out: 1.25, cached: 0.03, write: 0.3, context: 200000, max: 4096},
		{name: "claude-3-opus-20240229", in: 15, out: 75, cached: 1.5, write: 18.75, context: 200000, max: 4096},
		// Its cache write is 1.25 x input as for every Claude; lists that print 0.30 repeat the read price.
		{name: "claude-3-sonnet-20240229", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 4096},
		{name: "claude-fable-5", in: 10, out: 50, cached: 1, write: 12.5, context: 1000000, max: 128000},
		{name: "claude-haiku-4-5", in: 1, out: 5, cached: 0.1, write: 1.25, context: 200000, max: 64000},
		{name: "claude-haiku-4-5-20251001", in: 1, out: 5, cached: 0.1, write: 1.25, context: 200000, max: 64000},
		{name: "claude-opus-4-0", in: 15, out: 75, cached: 1.5, write: 18.75, context: 200000, max: 32000},
		{name: "claude-opus-4-1", in: 15, out: 75, cached: 1.5, write: 18.75, context: 200000, max: 32000},
		{name: "claude-opus-4-1-20250805", in: 15, out: 75, cached: 1.5, write: 18.75, context: 200000, max: 32000},
		{name: "claude-opus-4-20250514", in: 15, out: 75, cached: 1.5, write: 18.75, context: 200000, max: 32000},
		{name: "claude-opus-4-5", in: 5, out: 25, cached: 0.5, write: 6.25, context: 200000, max: 64000},
		{name: "claude-opus-4-5-20251101", in: 5, out: 25, cached: 0.5, write: 6.25, context: 200000, max: 64000},
		{name: "claude-opus-4-6", in: 5, out: 25, cached: 0.5, write: 6.25, context: 1000000, max: 128000},
		{name: "claude-opus-4-7", in: 5, out: 25, cached: 0.5, write: 6.25, context: 1000000, max: 128000},
		{name: "claude-opus-4-8", in: 5, out: 25, cached: 0.5, write: 6.25, context: 1000000, max: 128000},
		{name: "claude-sonnet-4-0", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 64000},
		{name: "claude-sonnet-4-20250514", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 64000},
		{name: "claude-sonnet-4-5", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 64000},
		{name: "claude-sonnet-4-5-20250929", in: 3, out: 15, cached: 0.3, write: 3.75, context: 200000, max: 64000},
		{name: "claude-sonnet-4-6", in: 3, out: 15, cached: 0.3, write: 3.75, context: 1000000, max: 64000},
		{name: "claude-sonnet-5", in: 2, out: 10, cached: 0.2, write: 2.5, context: 1000000, max: 128000},
	},
	"google": {
		{name: "gemini-2.0-flash", in: 0.1, out: 0.4, cached: 0.025, context: 1048576, max: 8192},
		{name: "gemini-2.0-flash-lite", in: 0.075, out: 0.3, context: 1048576, max: 8192},
		{name: "gemini-2.5-flash", in: 0.3, out: 2.5, cached: 0.03, audio: 1, context: 1048576, max: 65536},
		{name: "gemini-2.5-flash-image", in: 0.3, out: 30, cached: 0.075, context: 32768, max: 32768},
		{name: "gemini-2.5-flash-lite", in: 0.1, out: 0.4, cached: 0.01, audio: 0.3, context: 1048576, max: 65536},
		{name: "gemini-2.5-flash-preview-tts", in: 0.5, out: 10, context: 8192, max: 16384},
		{name: "gemini-2.5-pro", in: 1.25, out: 10, cached: 0.125, long: tier{above: 200000, in: 2.5, out: 15, cached: 0.25}, context: 1048576, max: 65536},
		{name: "gemini-2.5-pro-preview-tts", in: 1, out: 20, context: 8192, max: 16384},
		{name: "gemini-3-flash-preview", in: 0.5, out: 3, cached: 0.05, audio: 1, context: 1048576, max: 65536},
		{name: "gemini-3-pro-image-preview", in: 2, out: 120, context: 131072},
		{name: "gemini-3-pro-preview", in: 2, out: 12, cached: 0.2, long: tier{above: 200000, in: 4, out: 18, cached: 0.4}, context: 1048576, max: 65536},
		{name: "gemini-3.1-flash-image-preview", in: 0.5, out: 60, context: 65536, max: 65536},
		{name: "gemini-3.1-flash-lite", in: 0.25, out: 1.5, cached: 0.025, audio: 0.5, context: 1048576, max: 65536},
		{name: "gemini-3.1-flash-lite-preview", in: 0.25, out: 1.5, cached: 0.025, audio: 0.5, context: 1048576, max: 65536},
		{name: "gemini-3.1-pro-preview", in: 2, out: 12, cached: 0.2, long: tier{above: 200000, in: 4, out: 18, cached: 0.4}, context: 1048576, max: 65536},
		{name: "gemini-3.1-pro-preview-customtools", in: 2, out: 12, cached: 0.2, long: tier{above: 200000, in: 4, out: 18, cached: 0.4}, context: 1048576, max: 65536},
		{name: "gemini-3.5-flash", in: 1.5, out: 9, cached: 0.15, audio: 1.5, context: 1048576, max: 65536},
		{name: "gemini-embedding-001", in: 0.15, out: 0, context: 2048},
		{name: "gemini-flash-latest", in: 0.3, out: 2.5, cached: 0.075, audio: 1, context: 1048576, max: 65536},
		{name: "gemini-flash-lite-latest", in: 0.1, out: 0.4, cached: 0.025, context: 1048576, max: 65536},
	},
	"xai": {
		{name: "grok-4.20-0309-non-reasoning", in: 1.25, out: 2.5, cached: 0.2, long: tier{above: 200000, in: 2.5, out: 5, cached: 0.4}, context: 1000000, max: 30000},
		{name: "grok-4.20-0309-reasoning", in: 1.25, out: 2.5, cached: 0.2, long: tier{above: 200000, in: 2.5, out: 5, cached: 0.4}, context: 1000000, max: 30000},
		{name: "grok-4.20-multi-agent-0309", in: 1.25, out: 2.5, cached: 0.2, long: tier{above: 200000, in: 2.5, out: 5, cached: 0.4}, context: 1000000, max: 30000},
		{name: "grok-4.3", in: 1.25, out: 2.5, cached: 0.2, long: tier{above: 200000, in: 2.5, out: 5, cached: 0.4}, context: 1000000, max: 30000},
		{name: "grok-build-0.1", in: 1, out: 2, cached: 0.2, long: tier{above: 200000, in: 2, out: 4, cached: 0.4}, context: 256000, max: 256000},
	},
	"mistral": {
		{name: "codestral-latest", in: 0.3, out: 0.9, context: 256000, max: 4096},
		{name: "devstral-2512", in: 0.4, out: 2, context: 262144, max: 262144},
		{name: "devstral-latest", in: 0.4, out: 2, context: 262144, max: 262144},
		{name: "devstral-medium-2507", in: 0.4, out: 2, context: 128000, max: 128000},
		{name: "devstral-medium-latest", in: 0.4, out: 2, context: 262144, max: 262144},
		{name: "devstral-small-2505", in: 0.1, out: 0.3, context: 128000, max: 128000},
		{name: "devstral-small-2507", in: 0.1, out: 0.3, context: 128000, max: 128000},
		{name: "labs-devstral-small-2512", in: 0, out: 0, context: 256000},
		{name: "magistral-medium-latest", in: 2, out: 5, context: 128000, max: 16384},
		{name: "magistral-small", in: 0.5, out: 1.5, context: 128000, max: 128000},
		{name: "ministral-3b-latest", in: 0.04, out: 0.04, context: 128000, max: 128000},
		{name: "ministral-8b-latest", in: 0.1, out: 0.1, context: 128000, max: 128000},
		{name: "mistral-embed", in: 0.1, out: 0, context: 8000},
		{name: "mistral-large-2411", in: 2, out: 6, context: 131072, max: 16384},
		{name: "mistral-large-2512", in: 0.5, out: 1.5, context: 262144, max: 262144},
		{name: "mistral-large-latest", in: 0.5, out: 1.5, context: 262144, max: 262144},
		{name: "mistral-medium-2505", in: 0.4, out: 2, context: 131072, max: 131072},
		{name: "mistral-medium-2508", in: 0.4, out: 2, context: 262144, max: 262144},
		{name: "mistral-medium-2604", in: 1.5, out: 7.5, context: 262144, max: 262144},
		{name: "mistral-medium-latest", in: 0.4, out: 2},
		{name: "mistral-nemo", in: 0.15, out: 0.15, context: 128000, max: 128000},
		{name: "mistral-small-2506", in: 0.1, out: 0.3, context: 128000, max: 16384},
		{name: "mistral-small-2603", in: 0.15, out: 0.6, context: 256000, max: 256000},
		{name: "mistral-small-latest", in: 0.15, out: 0.6, context: 256000, max: 256000},
		{name: "open-mistral-7b", in: 0.25, out: 0.25, context: 8000, max: 8000},
		{name: "open-mistral-nemo", in: 0.15, out: 0.15, context: 128000, max: 128000},
		{name: "open-mixtral-8x22b", in: 2, out: 6, context: 64000, max: 64000},
		{name: "open-mixtral-8x7b", in: 0.7, out: 0.7, context: 32000, max: 32000},
		{name: "pixtral-12b", in: 0.15, out: 0.15, context: 128000, max: 128000},
		{name: "pixtral-large-latest", in: 2, out: 6, context: 128000, max: 128000},
	},
	"deepseek": {
		{name: "deepseek-chat", in: 0.14, out: 0.28, cached: 0.0028, context: 1000000, max: 384000},
		{name: "deepseek-reasoner", in: 0.14, out: 0.28, cached: 0.0028, context: 1000000, max: 384000},
		{name: "deepseek-v4-flash", in: 0.14, out: 0.28, cached: 0.0028, context: 1000000, max: 384000},
		{name: "deepseek-v4-pro", in: 0.435, out: 0.87, cached: 0.003625, context: 1000000, max: 384000},
	}}

// undated names models whose every snapshot costs the same but which are only callable by a snapshot's name: what
// is left when the date is cut off still finds the price.
var undated = map[string]string{
	"claude-3-5-sonnet": "claude-3-5-sonnet-20241022",
	"claude-3-7-sonnet": "claude-3-7-sonnet-20250219",
	"claude-3-haiku":    "claude-3-haiku-20240307",
	"claude-3-opus":     "claude-3-opus-20240229",
	"claude-3-sonnet":   "claude-3-sonnet-20240229",
	"claude-opus-4":     "claude-opus-4-20250514",
	"claude-sonnet-4":   "claude-sonnet-4-20250514",
	"codestral":         "codestral-latest",
	"gpt-5-chat":        "gpt-5-chat-latest",
	"magistral-medium":  "magistral-medium-latest",
	"ministral-3b":      "ministral-3b-latest",
	"ministral-8b":      "ministral-8b-latest",
	"omni-moderation":   "omni-moderation-latest",
	"pixtral-large":     "pixtral-large-latest",
	"text-moderation":   "text-moderation-latest",
}

var prices = index()

func index() map[string]Price {
	m := make(map[string]Price)
	for _, list := range book {
		for _, l := range list {
			if _, twice := m[l.name]; twice {
				panic(fmt.Sprintf("price: %s is listed twice", l.name))
			}
			m[l.name] = l.price()
		}
	}
	for name, listed := range undated {
		p, ok := m[listed]
		if !ok {
			panic(fmt.Sprintf("price: %s refers to %s, which is not listed", name, listed))
		}
		m[name] = p
	}
	return m
}

// Lookup finds a model in the built-in book by its exact name in lower case. Dates and versions are the caller's to
// cut off when the whole name is not found.
func Lookup(model string) (Price, bool) {
	p, ok := prices[model]
	return p, ok
}

// Models lists the book's callable models of a provider, sorted: "openai", "anthropic", "google", "xai", "mistral" or
// "deepseek"; none of any other.
func Models(provider string) []string {
	var names []string
	for _, l := range book[provider] {
		names = append(names, l.name)
	}
	slices.Sort(names)
	return names
}

func (l listing) price() Price {
	p := Price{
		Rates:      rates(l.in, l.out, l.cached, l.write, l.audio),
		LongAbove:  l.long.above,
		AudioMilli: picosPer(l.perMinute, 60_000),
		Character:  picosPer(l.perMChars, 1e6),
		MaxOutput:  l.max,
		Context:    l.context,
	}
	if l.long.above > 0 {
		p.Long = rates(l.long.in, l.long.out, l.long.cached, 0, 0)
	}
	return p
}

func rates(in, out, cached, write, audio float64) Rates {
	r := Rates{Input: perMillion(in), Output: perMillion(out)}
	or := func(usd float64) int64 {
		if usd == 0 {
			return r.Input
		}
		return perMillion(usd)
	}
	r.CachedInput, r.CacheWrite, r.AudioInput = or(cached), or(write), or(audio)
	r.ImageInput, r.AudioOutput, r.ImageOutput = r.Input, r.Output, r.Output
	r.CacheWrite1h = r.Input
	if write > 0 {
		r.CacheWrite1h = 2 * r.Input
	}
	return r
}

// perMillion is pico-USD a token from USD a million tokens.
func perMillion(usd float64) int64 { return int64(math.Round(usd * picosPerMicro)) }
