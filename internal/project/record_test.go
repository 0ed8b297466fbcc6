package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/airatelimit/airatelimit/internal/document"
)

func sealForTest(provider, key string) (string, error) { return "sealed:" + provider + ":" + key, nil }

func openForTest(provider, sealed string) (string, error) {
	key, ok := strings.CutPrefix(sealed, "sealed:"+provider+":")
	if !ok {
		return "", errors.New("sealed for another row")
	}
	return key, nil
}

func mustRecord(t testing.TB, doc string) Record {
	t.Helper()
	r, err := Record{Key: "pk_0123456789abcdefghij"}.With(mustParse(t, doc), sealForTest)
	if err != nil {
		t.Fatalf("With: %v", err)
	}
	return r
}

const keyed = `{"providers": {"openai": {"key": "sk-proj-0123456789abcdef"}, "mistral": {},
	"own": {"baseUrl": "https://a.example/v1", "dialect": "openai", "key": "own-0123456789abcd"}}}`

func TestKeysAreSealedAndShownAsMasks(t *testing.T) {
	t.Parallel()
	r := mustRecord(t, keyed)
	if stored := mustMarshal(t, r.Settings); strings.Contains(stored, "0123456789") {
		t.Errorf("the stored settings hold a key: %s", stored)
	}
	want := map[string]SealedKey{
		"openai": {Sealed: "sealed:openai:sk-proj-0123456789abcdef", Mask: "••••••••cdef"},
		"own":    {Sealed: "sealed:own:own-0123456789abcd", Mask: "••••••••abcd"},
	}
	if diff := cmp.Diff(want, r.Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if got := r.Document().Providers["openai"].Key; got != "••••••••cdef" {
		t.Errorf("the document shows the key as %q", got)
	}
	if diff := cmp.Diff(mustParse(t, keyed).Masked(), r.Document()); diff != "" {
		t.Errorf("the document is not the masked settings:\n%s", diff)
	}
}

func TestShortKeysAreMaskedWhole(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"": "", "abc": "••••••••", "0123456789abcde": "••••••••", "0123456789abcdef": "••••••••cdef"} {
		if got := mask(key); got != want {
			t.Errorf("mask(%q) = %q; want %q", key, got, want)
		}
		if got := mask(mask(key)); got != want {
			t.Errorf("the mask of %q is masked again: %q", key, got)
		}
	}
}

func TestFieldFailure_SavingAFormOverwritesTheKeyWithItsMask(t *testing.T) {
	t.Parallel()
	before := mustRecord(t, keyed)
	for name, patch := range map[string]string{
		"the whole form":    mustMarshal(t, before.Document()),
		"our mask":          `{"providers": {"openai": {"key": "••••••••cdef"}}}`,
		"stars":             `{"providers": {"openai": {"key": "****cdef"}}}`,
		"start and stars":   `{"providers": {"openai": {"key": "sk-p****cdef"}}}`,
		"ellipsis":          `{"providers": {"openai": {"key": "sk-proj…cdef"}}}`,
		"another key's":     `{"providers": {"openai": {"key": "••••••••zzzz"}}}`,
		"an empty field":    `{"providers": {"openai": {"key": ""}}}`,
		"without the field": `{"providers": {"openai": {}}}`,
		"without provider":  `{"providers": {}}`,
		"without providers": `{"name": ""}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, err := before.With(mustPatch(t, before.Document(), patch), sealForTest)
			if err != nil {
				t.Fatalf("With: %v", err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("saving changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAKeyGoesWhenItIsReplacedOrRemoved(t *testing.T) {
	t.Parallel()
	before := mustRecord(t, keyed)
	for patch, want := range map[string]string{
		`{"providers": {"openai": {"key": "sk-proj-new0123456789"}}}`: "openai=sealed:openai:sk-proj-new0123456789 own=sealed:own:own-0123456789abcd",
		`{"providers": {"openai": {"key": null}}}`:                    "own=sealed:own:own-0123456789abcd",
		`{"providers": {"openai": null}}`:                             "own=sealed:own:own-0123456789abcd",
		`{"providers": null}`:                                         "",
	} {
		after, err := before.With(mustPatch(t, before.Document(), patch), sealForTest)
		if err != nil {
			t.Errorf("%s: %v", patch, err)
		}
		var got []string
		for _, name := range slices.Sorted(maps.Keys(after.Keys)) {
			got = append(got, name+"="+after.Keys[name].Sealed)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("after %s: %v; want %s", patch, got, want)
		}
	}
}

// A key is kept for the host and the dialect that it was given for: whoever changes a base URL has not seen the key.
func TestFieldFailure_AStoredKeyGoesToAnotherVendorsEndpoint_HostAndDialect(t *testing.T) {
	t.Parallel()
	before := mustRecord(t, keyed)
	for name, tc := range map[string]struct {
		patch string
		path  string // of the error; "" for none
	}{
		"built in, to another host":    {`{"providers": {"openai": {"baseUrl": "https://b.example/v1"}}}`, "providers.openai.key"},
		"own, to another host":         {`{"providers": {"own": {"baseUrl": "https://b.example/v1"}}}`, "providers.own.key"},
		"own, with its mask":           {`{"providers": {"own": {"baseUrl": "https://b.example/v1", "key": "••••••••abcd"}}}`, "providers.own.key"},
		"own, with an empty field":     {`{"providers": {"own": {"baseUrl": "https://b.example/v1", "key": ""}}}`, "providers.own.key"},
		"own, to another port":         {`{"providers": {"own": {"baseUrl": "https://a.example:8443/v1"}}}`, "providers.own.key"},
		"own, without TLS":             {`{"providers": {"own": {"baseUrl": "http://a.example/v1"}}}`, "providers.own.key"},
		"own, to another path":         {`{"providers": {"own": {"baseUrl": "https://a.example/v2"}}}`, ""},
		"own, to another dialect":      {`{"providers": {"own": {"dialect": "gemini"}}}`, "providers.own.key"},
		"the same host":                {`{"providers": {"openai": {"baseUrl": "https://API.openai.com/v2"}}}`, ""},
		"with the key given again":     {`{"providers": {"openai": {"baseUrl": "https://b.example/v1", "key": "sk-0123456789abcdef"}}}`, ""},
		"without a key":                {`{"providers": {"openai": {"baseUrl": "https://b.example/v1", "key": null}}}`, ""},
		"a provider that has no key":   {`{"providers": {"mistral": {"baseUrl": "https://b.example/v1"}}}`, ""},
		"renamed, with the mask alone": {`{"providers": {"own": null, "own2": {"baseUrl": "https://a.example/v1", "dialect": "openai"}}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, err := before.With(mustPatch(t, before.Document(), tc.patch), sealForTest)
			var again *KeyRequired
			if tc.path == "" && err != nil || tc.path != "" && (!errors.As(err, &again) || again.Path != tc.path) {
				t.Fatalf("With: %v; want an error of %q", err, tc.path)
			}
			if _, kept := after.Keys["own2"]; kept {
				t.Error("a key was moved to another provider")
			}
		})
	}
}

func TestAMaskWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	// As a document of another project would contain it.
	foreign := mustRecord(t, keyed).Document()
	_, err := Record{}.With(foreign, sealForTest)
	var field *document.FieldError
	if !errors.As(err, &field) {
		t.Errorf("With: %v; want a *document.FieldError", err)
	}
	if _, err := (Record{}).With(mustParse(t, keyed), func(string, string) (string, error) { return "", errors.New("no") }); err == nil {
		t.Error("a key that cannot be sealed is accepted")
	}
}

// With any settings, showing the document and saving it again leaves every key as it was.
func TestMaskedThenPatchedNeverChangesAKey(t *testing.T) {
	t.Parallel()
	provider := rapid.SampledFrom([]string{"openai", "anthropic", "google", "mistral", "own-1", "own-2"})
	apiKey := rapid.StringMatching(`[A-Za-z0-9*_.-]{0,40}`).Filter(func(s string) bool {
		return !IsKey(s) && KeyOwner(s) == "" && !isMask(s) && !strings.Contains(s, "...")
	})
	rapid.Check(t, func(t *rapid.T) {
		doc := map[string]any{}
		for name, key := range rapid.MapOf(provider, apiKey).Draw(t, "keys") {
			p := map[string]any{"key": key}
			if strings.HasPrefix(name, "own") {
				p["baseUrl"], p["dialect"] = "https://a.example", "openai"
			}
			doc[name] = p
		}
		data, err := json.Marshal(map[string]any{"providers": doc})
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSettings(data)
		if err != nil {
			t.Fatalf("ParseSettings(%s): %v", data, err)
		}
		shown, err := json.Marshal(s.Masked())
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Patch(shown)
		if err != nil {
			t.Fatalf("Patch(%s): %v", shown, err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("saving what was shown changes (-before +after):\n%s", diff)
		}
		for name, p := range s.Providers {
			if len(p.Key) > 4 && strings.Contains(string(shown), fmt.Sprintf("%q", p.Key)) {
				t.Fatalf("the key of %s is shown: %s", name, shown)
			}
		}
	})
}
