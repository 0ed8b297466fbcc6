package limit

import (
	"encoding/json"
	"slices"
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
		{"gpt-4o-2024-08-06", "gpt-4o", true}, // the key may be any name of the model
		{"gpt-4o-2024-08-06", "gpt-4o-2024-05-13", true},
		{"gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", false},
		{"gpt-4o", "gpt-4o:nitro", true},
		{"gpt-4o:nitro", "gpt-4o", true},
		{"gpt-4o", "gpt-4o@default", true},
		{"gpt-4o", "gpt-4o-2024-08-06@default:free", true},
		{"gpt-4o", "gpt-4o-mini:nitro", false},
		{"llama3", "llama3:latest", true},
		{"llama3:8b", "llama3:70b", true},
		{"openai/gpt-4o", "openai/gpt-4o-2024-08-06:nitro", true},
		{"openai/gpt-4o", "openai/gpt-4o@preset/mine", true},
		{"openai/gpt-4o@preset/mine", "openai/gpt-4o-2024-08-06:nitro@preset/other", true},
		{"openai/gpt-4o", "openai/gpt-4o-mini@preset/mine", false},
		{"openai/gpt-4o", "gpt-4o", false},
		{"gpt-4o", " GPT-4o ", true},
		{"claude-sonnet-4", "claude-sonnet-4-0", true},
		{"claude-sonnet-4", "claude-4-sonnet", true},
		{"claude-sonnet-4-0", "claude-sonnet-4-20250514", true},
		{"claude-sonnet-4-20250514", "claude-sonnet-4@20250514", true},
		{"claude-4-sonnet", "anthropic/claude-sonnet-4", false},
		{"anthropic/claude-4-sonnet", "anthropic/claude-sonnet-4", true},
		{"claude-sonnet-4", "claude-sonnet-4-5", false},
		{"claude-sonnet-4*", "claude-4-sonnet", true},
		{"claude-4-*", "claude-sonnet-4", true},
		{"anthropic/claude-4-*", "anthropic/claude-sonnet-4", true},
		{"gpt-4o-2024*", "gpt-4o", true},
		{"gpt-4o-2024-08-06*", "gpt-4o", true},
		{"gpt-4o-2024*", "gpt-4o-mini", false},
		{"gpt-4o:*", "gpt-4o", true},
		{"gpt-4o-m*", "gpt-4o", false},
		{"ft:gpt-4o-2024-08-06:acme::a", "ft:gpt-4o-2024-08-06:acme::a", true},
		{"ft:gpt-4o-2024-08-06:acme::a", "ft:gpt-4o-2024-08-06:acme::b", false},
		{"ft:*", "ft:gpt-4o-2024-08-06:acme::b", true},
		{"gpt-4o", "ft:gpt-4o", false},
		{"gpt-4", "gpt-4-0613", true},
		{"gpt-4", "gpt-4-turbo", false},
		{"gpt-4", "gpt-4-32k-0613", false},
		{"gpt-4", "gpt-4-1106-preview", false}, // another model, no snapshot of gpt-4
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
		{"g*t", "gpt", false}, // only a star at the end is special
	} {
		if _, got := matches(c.key, c.model); got != c.want {
			t.Errorf("matches(%q, %q) = %t, want %t", c.key, c.model, got, c.want)
		}
	}
}

func TestLongestKeyRanksHighest(t *testing.T) {
	t.Parallel()
	const model = "gpt-4o-2024-08-06"
	keys := []string{"*", "g*", "gpt*", "gpt-4o*", "gpt-4o", "gpt-4o-*", "gpt-4o-2024-08-06*", "gpt-4o-2024-08-06"}
	last := -1
	for _, key := range keys {
		rank, ok := matches(key, model)
		if !ok || rank <= last {
			t.Errorf("matches(%q) = %d, %t; want more than the %d of the key before it", key, rank, ok, last)
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
		"claude-sonnet-4-0":                "claude-sonnet-4",
		"gpt-4o:nitro":                     "gpt-4o",
		"gpt-4o-2024-08-06:nitro":          "gpt-4o",
		"claude-3-5-sonnet-20241022-v2:0":  "claude-3-5-sonnet",
		":nitro":                           ":nitro",
		"openai/gpt-4o@preset/mine":        "openai/gpt-4o",
		"a@preset/b@preset/c":              "a",
		"@preset/mine":                     "@preset/mine",
		"@cf/meta/llama-3:fast":            "@cf/meta/llama-3",
		"hf:meta-llama/llama-3":            "hf:meta-llama/llama-3",
		"ft:gpt-4o-2024-08-06:acme::a":     "ft:gpt-4o-2024-08-06:acme::a",
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

// TestDatedNamesCountAsTheModel: a name that has a model's price must have its limits too.
func TestDatedNamesCountAsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.StringMatching(`[a-z]{1,5}(-[0-9a-z.]{1,6}){0,3}`).Draw(t, "base")
		suffix := rapid.StringMatching(`(-20[0-9]{2}-[0-9]{2}-[0-9]{2}|-[0-9]{3,4}|[-@:]20[0-9]{6}|-latest|-preview-[0-9]{2}-[0-9]{2})(-v[0-9])?`).Draw(t, "suffix")
		model := base + suffix
		if got := BaseModel(model); got != model {
			if _, ok := matches(got, model); !ok {
				t.Fatalf("BaseModel(%q) = %q, which does not match it", model, got)
			}
		}
		_, matches := matches(base, model)
		stripped := strings.HasPrefix(base, BaseModel(model)) && BaseModel(model) != model
		if matches && !stripped {
			t.Fatalf("%q covers %q, whose base model is %q", base, model, BaseModel(model))
		}
	})
}

// TestOneModelOneLimit: all names of one model meet the same limit, whichever of them is in the
// settings, and no other model meets it.
func TestOneModelOneLimit(t *testing.T) {
	t.Parallel()
	var books []string
	for canonical := range spellings {
		books = append(books, canonical)
	}
	slices.Sort(books)
	variant := rapid.StringMatching(`(-20[0-9]{2}-[0-9]{2}-[0-9]{2}|-20[0-9]{6}|-0[0-9]{2}|-latest|-0)?([:@][a-z0-9-]{1,9}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.SampledFrom(books).Draw(t, "model")
		spelling := func(what string) string {
			name := rapid.SampledFrom(spellings[model]).Draw(t, what) + variant.Draw(t, what+"'s variant")
			if rapid.Bool().Draw(t, what+" in capitals") {
				name = " " + strings.ToUpper(name) + " "
			}
			return name
		}
		a, b := spelling("key"), spelling("request")
		if CanonicalModel(a) != model || CanonicalModel(b) != model {
			t.Fatalf("CanonicalModel(%q) = %q, of %q %q; want %q", a, CanonicalModel(a), b, CanonicalModel(b), model)
		}
		if _, ok := matches(NormalizeModel(a), b); !ok {
			t.Fatalf("the key %q does not cover %q", a, b)
		}
		other := rapid.SampledFrom(books).Draw(t, "other model")
		if _, ok := matches(NormalizeModel(a), other); ok != (other == model) {
			t.Fatalf("the key %q covers %q: %t", a, other, ok)
		}
		// A prefix of one name covers the model under all its names.
		for _, at := range []int{rapid.IntRange(0, len(model)).Draw(t, "length")} {
			prefix := model[:at] + "*"
			ra, oka := matches(prefix, a)
			rb, okb := matches(prefix, b)
			if !oka || !okb || ra != rb {
				t.Fatalf("%q covers %q: %d, %t, and %q: %d, %t", prefix, a, ra, oka, b, rb, okb)
			}
		}
		if set := NewModelSet([]string{a}); !set.Has(b) || set.Has(other) != (other == model) {
			t.Fatalf("%q allows %q: %t, and %q: %t", a, b, set.Has(b), other, set.Has(other))
		}
		level := &Level{Models: []ModelCaps{NewModelCaps(NormalizeModel(a), requestCap(7))}}
		ra, rb := Resolve(Levels{Project: level}, a, Daily, false), Resolve(Levels{Tier: level}, b, Daily, false)
		la, _ := ra.Limit(Requests)
		lb, _ := rb.Limit(Requests)
		if la.Max != 7 || lb.Max != 7 || ra.Model != rb.Model {
			t.Fatalf("limits of %q and %q under the key %q: %s and %s", a, b, a, la, lb)
		}
	})
}

func TestCanonicalNamesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for canonical, names := range spellings {
		if got := CanonicalModel(canonical); got != canonical {
			t.Errorf("CanonicalModel(%q) = %q", canonical, got)
		}
		for _, name := range names {
			if got := CanonicalModel(name); got != canonical {
				t.Errorf("CanonicalModel(%q) = %q, want %q", name, got, canonical)
			}
		}
	}
}

func TestPriceAndProviderOfASnapshotAreItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key, model string
		want       bool
	}{
		{"gpt-4o", "gpt-4o", true},
		{"gpt-4o", "gpt-4o-2024-08-06", true},
		{"gpt-4o", "gpt-4o:nitro", true},
		{"gpt-4o-2024-08-06", "gpt-4o-2024-08-06:nitro", true},
		{"gpt-4o-2024-08-06", "gpt-4o", false},
		{"gpt-4o-2024-08-06", "gpt-4o-2024-05-13", false},
		{"llama3:8b", "llama3:70b", false},
		{"gpt-4o", "gpt-4o-mini", false},
		{"gpt-4o*", "gpt-4o-mini", true},
		{"ft:gpt-4o", "ft:gpt-4o:acme::a", false},
	} {
		if _, got := Covers(c.key, c.model); got != c.want {
			t.Errorf("Covers(%q, %q) = %t, want %t", c.key, c.model, got, c.want)
		}
	}
}

func TestNamesThatCannotBeSeenAreNone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"gpt-4o": true, "": true, "meta-llama/llama-3 70b": true, "qwen3:8b": true, "模型-1": true,
		"gpt-4o\u200b": false, "gpt\u00ad-4o": false, "gpt-4o\x00": false, "gpt-4o\n": false, "\ufeffgpt-4o": false, "gpt-4o\u2060": false,
		"gpt-4o\ufe0f": false, "gpt-4o\u034f": false, "gpt-4o\u3164": false, "gpt-4o\u2800": false, "gpt-4o\u00a0": false, "gpt-4o\xff": false,
		"gpt-4o\u202e": false, "gpt-4o\U000e0041": false,
	} {
		if got := ValidModel(name); got != want {
			t.Errorf("ValidModel(%q) = %t, want %t", name, got, want)
		}
	}
}

// Caps match the same after they are stored and read.
func TestKeptCapsMatchAsBefore(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"gpt-4o", "claude-sonnet-4-*", "claude-*", "*"} {
		before := NewModelCaps(key, requestCap(5))
		text, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		var after ModelCaps
		if err := json.Unmarshal(text, &after); err != nil {
			t.Fatal(err)
		}
		slices.Sort(before.models)
		slices.Sort(after.models)
		if after.Key != key || *after.Caps[Requests] != 5 || !slices.Equal(before.models, after.models) {
			t.Errorf("%s became %+v, want %+v", key, after, before)
		}
	}
}

// TestLongNamesAreReadInLinearTime: a client may make up a name that is as long as a body.
func TestLongNamesAreReadInLinearTime(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"-0", "-2024-08-06", "-latest", ":x", "-", "a", "-v1", "/x-0"} {
		CanonicalModel("a" + strings.Repeat(part, 1<<20/len(part))) // takes minutes if each part is checked from the start
	}
}

// FuzzCanonicalModel: whatever a client sends, its canonical name is a fixed point, and a key covers what it names.
func FuzzCanonicalModel(f *testing.F) {
	for _, name := range []string{"gpt-4o-2024-08-06:nitro", "anthropic/claude-4-sonnet@default", "ft:gpt-4o:a::b", "-0", "a/", "@cf/x", "x-0-0-latest", "K\u212a", "*", ":", "a :b", "a/b@preset/c-0", "@preset/@preset/x", "0-00000000\r-0", "x-2024-08-06 :b", "b/ :c"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		canonical := CanonicalModel(name)
		if again := CanonicalModel(canonical); again != canonical {
			t.Fatalf("CanonicalModel(%q) = %q, of which it is %q", name, canonical, again)
		}
		key := NormalizeModel(name)
		if _, ok := matches(key, name); !ok && !strings.HasSuffix(key, "*") {
			t.Fatalf("%q does not cover itself", key)
		}
		if _, ok := matches(canonical, name); !ok && !strings.HasSuffix(canonical, "*") {
			t.Fatalf("%q does not cover %q", canonical, name)
		}
		if _, ok := Covers(key, key); !ok {
			t.Fatalf("%q does not cover itself as it is", key)
		}
	})
}

// matches reports whether a normalized key of limits or of allowed models covers a model, and the key's rank.
func matches(key, model string) (rank int, ok bool) {
	mc := NewModelCaps(key, Caps{})
	return mc.match(CanonicalModel(model))
}
