package project

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/document"
)

func mustMerge(t testing.TB, s Settings, patch string) Settings {
	t.Helper()
	s, err := s.Merge([]byte(patch))
	if err != nil {
		t.Fatalf("Merge(%s): %v", patch, err)
	}
	return s
}

const mergeBase = `{"name": "a", "requestLimit": 5, "limitPeriod": "hourly", "allowedModels": ["gpt-4o", "o3"],
	"modelLimits": {"gpt-4o": {"requestLimit": 1, "tokenLimit": 9}, "o3": {"requestLimit": 2}},
	"tiers": {"free": {"requestLimit": 3}, "pro": {"requestLimit": 50, "modelLimits": {"o3": {"requestLimit": 7}}, "limitResponse": {"message": "m", "deepLink": "app://x"}}},
	"defaultTier": "free", "limitResponse": {"message": "<no> & never", "extra": {"a": 1, "b": [1.50, null]}},
	"security": {"enabled": true, "mode": "log"}, "trustTierHeader": false,
	"prices": {"my-model": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 2, "cachedInputUsdPerMillion": 0.1}},
	"providers": {"openai": {"key": "sk-proj-0123456789abcdef"}, "own": {"baseUrl": "https://a.example/v1", "dialect": "openai", "key": "own-0123456789abcdef"}}}`

// Every depth merges by RFC 7396: an object changes what it lists, null removes, anything else replaces.
func TestAMergePatchChangesOnlyWhatItLists(t *testing.T) {
	t.Parallel()
	s := mustParse(t, mergeBase)
	for patch, want := range map[string][]string{
		`{}`:                                                        nil,
		`{"requestLimit": 7}`:                                       {`requestLimit: 5 → 7`},
		`{"requestLimit": null}`:                                    {`requestLimit: 5 → null`},
		`{"limitPeriod": null}`:                                     {`limitPeriod: "hourly" → "daily"`},
		`{"trustTierHeader": null}`:                                 {`trustTierHeader: false → true`},
		`{"allowedModels": ["o3"]}`:                                 {`allowedModels: ["gpt-4o","o3"] → ["o3"]`},
		`{"allowedModels": null}`:                                   {`allowedModels: ["gpt-4o","o3"] → null`},
		`{"tiers": {"pro": {"requestLimit": 60}}}`:                  {`tiers.pro.requestLimit: 50 → 60`},
		`{"tiers": {"pro": {"requestLimit": null}}}`:                {`tiers.pro.requestLimit: 50 → null`},
		`{"tiers": {"pro": null}}`:                                  {`tiers.pro: removed (was {"limitResponse":{"deepLink":"app://x","message":"m"},"modelLimits":{"o3":{"requestLimit":7}},"requestLimit":50})`},
		`{"tiers": {"new": {"tokenLimit": 1}}}`:                     {`tiers.new: {"tokenLimit":1} (new)`},
		`{"tiers": {"pro": {"modelLimits": {"o3": null}}}}`:         {`tiers.pro.modelLimits.o3: removed (was {"requestLimit":7})`},
		`{"tiers": {"pro": {"limitResponse": {"deepLink": null}}}}`: {`tiers.pro.limitResponse.deepLink: removed (was "app://x")`},
		`{"tiers": null, "defaultTier": null}`:                      {`defaultTier: "free" → null`, `tiers.free: removed (was {"requestLimit":3})`, `tiers.pro: removed (was {"limitResponse":{"deepLink":"app://x","message":"m"},"modelLimits":{"o3":{"requestLimit":7}},"requestLimit":50})`},
		`{"modelLimits": {"gpt-4o": {"tokenLimit": null, "requestLimit": 2}}}`:   {`modelLimits.gpt-4o.requestLimit: 1 → 2`, `modelLimits.gpt-4o.tokenLimit: 9 → null`},
		`{"modelLimits": {"gpt-4o": null, "unknown": null}}`:                     {`modelLimits.gpt-4o: removed (was {"requestLimit":1,"tokenLimit":9})`},
		`{"limitResponse": {"extra": {"a": null, "c": "<b>"}}}`:                  {`limitResponse.extra.a: removed (was 1)`, `limitResponse.extra.c: "<b>" (new)`},
		`{"limitResponse": null}`:                                                {`limitResponse: {"extra":{"a":1,"b":[1.50,null]},"message":"<no> & never"} → null`},
		`{"security": {"mode": null}}`:                                           {`security.mode: "log" → "block"`},
		`{"prices": {"my-model": {"cachedInputUsdPerMillion": null}}}`:           {`prices.my-model.cachedInputUsdPerMillion: removed (was 0.1)`},
		`{"prices": {"my-model": null}}`:                                         {`prices.my-model: removed (was {"cachedInputUsdPerMillion":0.1,"inputUsdPerMillion":1,"outputUsdPerMillion":2})`},
		`{"providers": {"own": {"models": ["x-*"]}}}`:                            {`providers.own.models: null → ["x-*"]`},
		`{"providers": {"own": {"key": null}}}`:                                  {`providers.own.key: "••••••••cdef" → null`},
		`{"providers": {"own": {"key": "••••••••cdef"}, "openai": {"key": ""}}}`: nil,
		`{"providers": {"own": {"key": "new-0123456789abcdef"}}}`:                {`providers.own.key: replaced (the new one has the same mask)`},
		`{"providers": {"own": null}}`:                                           {`providers.own: removed (was {"baseUrl":"https://a.example/v1","dialect":"openai","key":"••••••••cdef"})`},
		`{"providers": null}`:                                                    {`providers.openai: removed (was {"key":"••••••••cdef"})`, `providers.own: removed (was {"baseUrl":"https://a.example/v1","dialect":"openai","key":"••••••••cdef"})`},
		`{"providers": {"mistral": null}}`:                                       nil,
	} {
		t.Run(patch, func(t *testing.T) {
			t.Parallel()
			after := mustMerge(t, s, patch)
			changes, err := after.Changes(s)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				got = append(got, c.Text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if again := mustMarshal(t, mustMerge(t, after, `{}`)); again != mustMarshal(t, after) {
				t.Errorf("another empty patch changes %s into %s", mustMarshal(t, after), again)
			}
		})
	}
	if mustMarshal(t, s) != mustMarshal(t, mustParse(t, mergeBase)) {
		t.Error("Merge changed its receiver")
	}
}

// The real keys survive a merge, whatever is merged.
func TestAMergeKeepsTheKeys(t *testing.T) {
	t.Parallel()
	s := mustParse(t, mergeBase)
	got := mustMerge(t, s, `{"providers": {"openai": {"key": "sk-…"}, "own": {"baseUrl": "https://b.example/v1", "key": "***"}}}`)
	for name, want := range map[string]string{"openai": "sk-proj-0123456789abcdef", "own": "own-0123456789abcdef"} {
		if got.Providers[name].Key != want {
			t.Errorf("key of %s %q, want %q", name, got.Providers[name].Key, want)
		}
	}
}

func TestABrokenMergePatchIsRefusedByTheFieldsPath(t *testing.T) {
	t.Parallel()
	s := mustParse(t, mergeBase)
	for patch, path := range map[string]string{
		`[]`: "", `{`: "", `null`: "",
		`{"requstLimit": 1}`:                                       "requstLimit",
		`{"requstLimit": null}`:                                    "requstLimit",
		`{"RequestLimit": 1}`:                                      "RequestLimit",
		`{"tiers": {"pro": {"requstLimit": null}}}`:                "tiers.pro.requstLimit",
		`{"tiers": {"pro": {"modelLimits": {"o3": {"x": null}}}}}`: "tiers.pro.modelLimits.o3.x",
		`{"providers": {"own": {"apiKey": null}}}`:                 "providers.own.apiKey",
		`{"providers": {"xai": {"key": "•••"}}}`:                   "providers.xai.key",
		`{"tiers": {"free": null}}`:                                "defaultTier",
		`{"tiers": {"pro": 5}}`:                                    "tiers.pro",
		`{"requestLimit": "many"}`:                                 "requestLimit",
		`{"security": {"mode": "loud"}}`:                           "security.mode",
		`{"version": 3}`:                                           "version",
	} {
		_, err := s.Merge([]byte(patch))
		var field *document.FieldError
		if !errors.As(err, &field) || field.Path != path {
			t.Errorf("Merge(%s): %v, want an error of %q", patch, err, path)
		}
	}
}

// A node of an earlier version keeps a block of settings that it does not know, and takes it back from a client that has
// read it.
func TestAMergeKeepsBlocksOfANewerVersion(t *testing.T) {
	t.Parallel()
	s, err := ReadSettings([]byte(`{"name": "A", "pools": {"a": [1.50, null], "b": null}}`))
	if err != nil {
		t.Fatal(err)
	}
	const kept = `"pools":{"a":[1.50,null],"b":null}`
	for _, patch := range []string{`{"name": "B"}`, `{"name": null, "tiers": {"x": {}}}`, `{"name": "B", ` + kept + `}`} {
		if got := mustMarshal(t, mustMerge(t, s, patch)); !strings.Contains(got, kept) {
			t.Errorf("after %s: %s, want %s in it", patch, got, kept)
		}
	}
	for _, patch := range []string{`{"pools": {"a": 1}}`, `{"pools": null}`} {
		if _, err := s.Merge([]byte(patch)); err == nil {
			t.Errorf("%s changes what this version does not know", patch)
		}
	}
}

func TestARestoredVersionKeepsTheKeys(t *testing.T) {
	t.Parallel()
	now := Record{Settings: mustParse(t, `{"providers": {"openai": {}, "own": {"baseUrl": "https://a.example", "dialect": "anthropic"}, "late": {"baseUrl": "https://b.example/v1", "dialect": "openai"},
		"moved": {"baseUrl": "https://b.example/v1", "dialect": "openai"}, "deepseek": {"baseUrl": "https://b.example/v1"}}}`),
		Keys: map[string]SealedKey{"openai": {Mask: "••••••••new1"}, "own": {Mask: "••••••••new2"}, "late": {Mask: "••••••••new3"}, "xai": {Mask: "••••••••new4"},
			"moved": {Mask: "••••••••new6"}, "deepseek": {Mask: "••••••••new7"}}}
	then := Record{Settings: mustParse(t, `{"name": "then", "providers": {"openai": {}, "own": {"baseUrl": "https://a.example/v1", "dialect": "openai"}, "mistral": {},
		"moved": {"baseUrl": "https://a.example/v1", "dialect": "openai"}}}`),
		Keys: map[string]SealedKey{"own": {Mask: "••••••••old2"}, "mistral": {Mask: "••••••••old5"}}}.Document()
	got, gone := now.Restored(then)
	keys := map[string]string{}
	for name, p := range got.Providers {
		keys[name] = p.Key
	}
	want := map[string]string{"openai": "••••••••new1", "own": "", "mistral": "", "xai": "••••••••new4", "moved": ""}
	if diff := cmp.Diff(want, keys); diff != "" || got.Name != "then" {
		t.Errorf("restored %q with keys (-want +got):\n%s", got.Name, diff)
	}
	if diff := cmp.Diff([]string{"deepseek", "mistral", "moved", "own"}, gone); diff != "" {
		t.Errorf("keys that are gone (-want +got):\n%s", diff)
	}
}
