package project

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/wire"
)

var update = flag.Bool("update", false, "write the messages that broken settings give to testdata/broken/errors.golden")

func mustParse(t testing.TB, doc string) Settings {
	t.Helper()
	s, err := ParseSettings([]byte(doc))
	if err != nil {
		t.Fatalf("ParseSettings(%s): %v", doc, err)
	}
	return s
}

func mustPatch(t testing.TB, s Settings, doc string) Settings {
	t.Helper()
	s, err := s.Patch([]byte(doc))
	if err != nil {
		t.Fatalf("Patch(%s): %v", doc, err)
	}
	return s
}

func mustMarshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	return string(b)
}

// A model key may start with a provider's name where that is part of what another provider is sent.
func TestModelKeysWithAProvidersName(t *testing.T) {
	t.Parallel()
	const router = `"openrouter": {"baseUrl": "https://openrouter.ai/api/v1", "dialect": "openai"}`
	for doc, path := range map[string]string{
		`{"modelLimits": {"meta-llama/llama-3": {"requestLimit": 1}}, "providers": {` + router + `}}`:                                             "",
		`{"modelLimits": {"openai/gpt-4o": {"requestLimit": 1}}, "providers": {` + router + `}}`:                                                  "",
		`{"modelLimits": {"openai/gpt-4o": {"requestLimit": 1}}, "providers": {"openai": {"models": ["openai/*"]}}}`:                              "",
		`{"allowedModels": ["openrouter*", "qwen/qwen3"]}`:                                                                                        "",
		`{"modelLimits": {"openrouter/meta-llama/llama-3": {"requestLimit": 1}}, "providers": {` + router + `}}`:                                  "modelLimits.openrouter/meta-llama/llama-3",
		`{"modelLimits": {"openai/gpt-4o": {"requestLimit": 1}}, "providers": {"own": {"baseUrl": "https://a.example", "dialect": "anthropic"}}}`: "modelLimits.openai/gpt-4o",
	} {
		_, err := ParseSettings([]byte(doc))
		var field *document.FieldError
		if got := ""; !errors.As(err, &field) && path != "" || field != nil && field.Path != path {
			if field != nil {
				got = field.Path
			}
			t.Errorf("%s: refused at %q, want %q: %v", doc, got, path, err)
		}
	}
	// Settings stored before this was checked are still read.
	stored := Default()
	stored.ModelLimits = map[string]ModelLimit{"openai/gpt-4o": {}}
	if _, err := NewSnapshot(Record{Key: "pk_stored", Settings: stored}, nil); err != nil {
		t.Errorf("a stored project: %v", err)
	}
}

// Every broken document is refused by name of the field at fault. The messages are in errors.golden, to be read.
func TestBrokenSettingsAreRefusedByTheFieldsPath(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/broken/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no broken settings: %v", err)
	}
	var got strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSettings(data)
		var field *document.FieldError
		if !errors.As(err, &field) {
			t.Errorf("%s: error %v; want a *document.FieldError", file, err)
			continue
		}
		fmt.Fprintf(&got, "%s\n\t%s\n", strings.TrimSuffix(filepath.Base(file), ".json"), err)
	}
	const golden = "testdata/broken/errors.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("messages (-want +got); -update accepts them:\n%s", diff)
	}
}

// `project config --get` followed by `--set` changes nothing, whatever was set.
func TestSettingsReadBackAreTheSame(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/good/*.json")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := mustParse(t, string(data))
			shown := mustMarshal(t, s.Masked())
			again := mustPatch(t, s, shown)
			if diff := cmp.Diff(s, again); diff != "" {
				t.Errorf("get, then set changes (-before +after):\n%s", diff)
			}
			if got := mustMarshal(t, again.Masked()); got != shown {
				t.Errorf("shown again:\n got %s\nwant %s", got, shown)
			}
		})
	}
}

func TestTheContractsDocument(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/good/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc, shown map[string]json.RawMessage
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(mustMarshal(t, mustParse(t, string(data)))), &shown); err != nil {
		t.Fatal(err)
	}
	for name := range doc {
		if _, ok := shown[name]; !ok {
			t.Errorf("%s is not shown", name)
		}
	}
	for name := range shown {
		if _, ok := doc[name]; !ok {
			t.Errorf("%s is shown but not in the contract", name)
		}
	}
}

func TestEverythingIsShownWithItsDefault(t *testing.T) {
	t.Parallel()
	const want = `{"name":"","limitPeriod":"daily","requestLimit":null,"tokenLimit":null,"costLimitUsd":null,` +
		`"requestsPerMinute":null,"concurrentRequests":null,"modelLimits":{},"tiers":{},"defaultTier":null,"unknownTier":"default","trustTierHeader":true,` +
		`"limitResponse":null,"refusalStatus":429,"allowedModels":null,"allowedOrigins":null,"enforcement":"soft","onDisconnect":"cancel","failOpen":false,` +
		`"security":{"enabled":false,"mode":"block","categories":["systemPromptExtraction","roleManipulation","instructionOverride",` +
		`"boundaryBreaking","obfuscation","directLeakage"],"heuristics":false,"outputCheck":true,"toolResults":false,"allowPhrases":[]},"defaultPrompt":null,"providers":{},"prices":{},"aliases":{}}`
	if got := mustMarshal(t, mustParse(t, `{}`)); got != want {
		t.Errorf("default settings:\n got %s\nwant %s", got, want)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(want), &doc); err != nil {
		t.Fatal(err)
	}
	for name := range doc {
		doc[name] = nil
	}
	if got := mustMarshal(t, mustParse(t, mustMarshal(t, doc))); got != want {
		t.Errorf("with null everywhere:\n got %s\nwant %s", got, want)
	}
	if got := mustParse(t, mustMarshal(t, Settings{})); got.LimitPeriod != "daily" || got.Enforcement != "soft" {
		t.Errorf("the zero Settings cannot be read back: %+v", got)
	}
}

func TestPatchChangesOnlyWhatItLists(t *testing.T) {
	t.Parallel()
	const before = `{"name": "a", "requestLimit": 5, "limitPeriod": "hourly", "tiers": {"free": {}, "pro": {}}, "defaultTier": "pro",
		"security": {"enabled": true, "mode": "log", "categories": ["obfuscation"]}, "failOpen": true,
		"providers": {"openai": {"key": "sk-proj-0123456789abcdef"}, "own": {"baseUrl": "https://a.example/v1", "dialect": "openai"}}}`
	for name, tc := range map[string]struct{ patch, want string }{
		"nothing":              {`{}`, `{}`},
		"a value replaces":     {`{"requestLimit": 7}`, `{"requestLimit": 7}`},
		"null resets":          {`{"requestLimit": null, "limitPeriod": null, "failOpen": null}`, `{"requestLimit": null, "limitPeriod": "daily", "failOpen": false}`},
		"a map is replaced":    {`{"tiers": {"pro": {}}}`, `{"tiers": {"pro": {}}}`},
		"security by field":    {`{"security": {"enabled": false}}`, `{"security": {"enabled": false, "mode": "log", "categories": ["obfuscation"]}}`},
		"security reset":       {`{"security": null}`, `{"security": null}`},
		"provider by field":    {`{"providers": {"openai": {"models": ["x-*"]}}}`, `{"providers": {"openai": {"key": "sk-proj-0123456789abcdef", "models": ["x-*"]}}}`},
		"provider removed":     {`{"providers": {"own": null}}`, `{"providers": {"own": null}}`},
		"provider added":       {`{"providers": {"xai": {"key": "xai-0123456789abcdef"}}}`, `{"providers": {"xai": {"key": "xai-0123456789abcdef"}}}`},
		"removing what is not": {`{"providers": {"mistral": null}}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustParse(t, before)
			shown := mustMarshal(t, s)
			got := mustPatch(t, s, tc.patch)
			// The expectation is written as a change of the given document.
			want := mustParse(t, overlay(t, before, tc.want))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after the patch (-want +got):\n%s", diff)
			}
			if mustMarshal(t, s) != shown {
				t.Error("Patch changed its receiver")
			}
		})
	}
}

// overlay replaces members of one JSON object by those of another, and within providers one by one.
func overlay(t *testing.T, doc, over string) string {
	t.Helper()
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal([]byte(doc), &a), json.Unmarshal([]byte(over), &b)); err != nil {
		t.Fatal(err)
	}
	for name, v := range b {
		if name != "providers" {
			a[name] = v
			continue
		}
		for provider, p := range v.(map[string]any) {
			a[name].(map[string]any)[provider] = p
			if p == nil {
				delete(a[name].(map[string]any), provider)
			}
		}
	}
	return mustMarshal(t, a)
}

func TestAPatchThatBreaksTheWholeIsRefused(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"tiers": {"pro": {}}, "defaultTier": "pro", "providers": {"own": {"baseUrl": "https://a.example/v1", "dialect": "openai"}}}`)
	for patch, path := range map[string]string{
		`{"tiers": {}}`:   "defaultTier",
		`{"tiers": null}`: "defaultTier",
		`{"providers": {"own": {"dialect": null}}}`: "providers.own.dialect",
		`{"providers": {"own": {"baseUrl": null}}}`: "providers.own.baseUrl",
	} {
		_, err := s.Patch([]byte(patch))
		var field *document.FieldError
		if !errors.As(err, &field) || field.Path != path {
			t.Errorf("Patch(%s): %v; want an error of %s", patch, err, path)
		}
	}
}

// A document that was stored when "project" was the default says so, and goes on meaning it.
func TestAStoredUnknownTierKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]string{
		`{"unknownTier": "project"}`: TierProject, `{"unknownTier": "reject"}`: TierReject, `{"unknownTier": "default"}`: TierDefault, `{}`: TierDefault,
	} {
		s, err := ReadSettings([]byte(stored))
		if err != nil || s.UnknownTier != want {
			t.Errorf("%s is read as %q, %v; want %q", stored, s.UnknownTier, err, want)
		}
	}
}

// Nothing allowed is not the same as nothing said.
func TestATiersEmptyListIsKept(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"tiers": {"none": {"allowedModels": []}, "all": {"allowedModels": null}}}`)
	again := mustParse(t, mustMarshal(t, s))
	if none, all := again.Tiers["none"].AllowedModels, again.Tiers["all"].AllowedModels; none == nil || len(none) != 0 || all != nil {
		t.Errorf("read again: %#v and %#v, want an empty list and nil", none, all)
	}
}

// A new tier sets nothing: it must not turn every limit into zero and lock everyone out.
func TestFieldFailure_ANewTierDefaultsToZeroAndBlocksEveryone(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"requestLimit": 5, "tiers": {"new": {}, "nulls": {"requestLimit": null, "tokenLimit": null, "costLimitUsd": null,
		"requestsPerMinute": null, "concurrentRequests": null, "modelLimits": null, "limitResponse": null}}}`)
	again := mustParse(t, mustMarshal(t, s))
	for _, s := range []Settings{s, again} {
		for name := range s.Tiers {
			l := s.Tiers[name].Level()
			if diff := cmp.Diff(limit.Level{}, l); diff != "" {
				t.Errorf("tier %s sets something:\n%s", name, diff)
			}
		}
	}
}

// -1 is unlimited and 0 blocks, at every level and for every metric.
func TestFieldFailure_MinusOneMeansUnlimitedEverywhere(t *testing.T) {
	t.Parallel()
	for _, minusOne := range []string{"-1", "-1.0", "-1e0", "-10e-1"} {
		all := fmt.Sprintf(`{"requestLimit": %[1]s, "tokenLimit": %[1]s, "costLimitUsd": %[1]s}`, minusOne)
		level := fmt.Sprintf(`{"requestLimit": %[1]s, "tokenLimit": %[1]s, "costLimitUsd": %[1]s, "requestsPerMinute": %[1]s,
			"concurrentRequests": %[1]s, "modelLimits": {"gpt-4o": %[2]s}}`, minusOne, all)
		s := mustParse(t, level[:len(level)-1]+`, "tiers": {"pro": `+level+`}}`)
		for name, l := range map[string]limit.Level{"project": s.Level(), "tier": s.Tiers["pro"].Level()} {
			figures := []*int64{l.RequestsPerMinute, l.ConcurrentRequests}
			figures = append(figures, l.Caps[:]...)
			figures = append(figures, l.Models[0].Caps[:]...)
			for i, n := range figures {
				if n == nil || *n != limit.Unlimited {
					t.Errorf("%s written %s, figure %d: %v; want unlimited", name, minusOne, i, n)
				}
			}
		}
	}
	s := mustParse(t, `{"requestLimit": 0, "costLimitUsd": 0.0, "tokenLimit": -0}`)
	for m, n := range s.Level().Caps {
		if n == nil || *n != 0 {
			t.Errorf("%v: %v; want 0, which blocks", limit.Metric(m), n)
		}
	}
}

// A misspelt limit must be refused, or the developer believes in a limit that is not there.
func TestFieldFailure_ALimitFieldSilentlyDropped(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		`{"requestLimit ": 5}`, `{"request_limit": 5}`, `{"costLimit": 5}`, `{"costLimitUSD": 5}`,
		`{"modelLimits": {"gpt-4o": {"requests": 5}}}`, `{"tiers": {"pro": {"limits": {}}}}`,
	} {
		if _, err := ParseSettings([]byte(doc)); err == nil || !strings.Contains(err.Error(), "is not known") {
			t.Errorf("ParseSettings(%s): %v; want the unknown field refused", doc, err)
		}
	}
}

// During a rollout an older node reads what a newer one has stored, goes by what it knows, and keeps the rest.
func TestStoredByANewerVersion(t *testing.T) {
	t.Parallel()
	const stored = `{"name": "A", "requestLimit": 5, "newSetting": {"a": [1.50, null]}, "another": "x",
		"tiers": {"pro": {"requestLimit": 50, "newLimit": 3}}, "security": {"enabled": true, "newCheck": true},
		"providers": {"own": {"baseUrl": "https://own.example/v1", "dialect": "openai", "newField": 1}},
		"modelLimits": {"gpt-4o": {"requestLimit": 1, "newLimit": 2}}}`
	s, err := ReadSettings([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	if pro := s.Tiers["pro"].Level().Caps[limit.Requests]; *s.Level().Caps[limit.Requests] != 5 || *pro != 50 || !s.Security.Enabled || s.Providers["own"].BaseURL == nil {
		t.Errorf("read as %s", mustMarshal(t, s))
	}
	again := mustMarshal(t, mustPatch(t, s, `{"name": "B"}`))
	for _, kept := range []string{`"name":"B"`, `"newSetting":{"a":[1.50,null]}`, `"another":"x"`} {
		if !strings.Contains(again, kept) {
			t.Errorf("after a change of the name %s is missing in %s", kept, again)
		}
	}
	if _, err := ReadSettings([]byte(again)); err != nil {
		t.Errorf("what was kept cannot be read again: %v", err)
	}
	if _, err := s.Patch([]byte(`{"newSetting": 1}`)); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("a call that sets what is not known: %v, want a refusal", err)
	}
}

// Settings that are refused today may have been stored earlier.
func TestStoredByAnOlderVersion(t *testing.T) {
	t.Parallel()
	const stored = `{"modelLimits": {"openai/gpt-4o": {"requestLimit": 1}}}`
	s, err := ReadSettings([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Patch([]byte(`{"name": "B"}`)); err == nil {
		t.Error("it can be saved again as it is")
	}
	mustPatch(t, s, `{"modelLimits": null}`)
}

// Only the fields of the contract can be written: not a record's own columns.
func TestFieldFailure_AnyColumnCanBeWrittenThroughSettings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"key", "Key", "secretId", "secretHash", "revision", "createdAt", "id", "ownerId", "keys", "LevelFields"} {
		if _, err := ParseSettings([]byte(fmt.Sprintf(`{%q: "x"}`, name))); err == nil {
			t.Errorf("%s can be written", name)
		}
	}
}

func TestPeriodsAreThoseOfTheLimits(t *testing.T) {
	t.Parallel()
	for _, p := range []limit.Period{limit.Hourly, limit.Daily, limit.Weekly, limit.Monthly} {
		snap, err := NewSnapshot(Record{Settings: mustParse(t, fmt.Sprintf(`{"limitPeriod": %q}`, p))}, nil)
		if err != nil || snap.Period != p {
			t.Errorf("period %s: snapshot has %v, %v", p, snap.Period, err)
		}
	}
}

func TestDialectsAreThoseOfTheWire(t *testing.T) {
	t.Parallel()
	for _, d := range []wire.Dialect{wire.OpenAI, wire.Anthropic, wire.Gemini} {
		if got, ok := wire.ParseDialect(d.String()); !ok || got != d {
			t.Errorf("parseDialect(%s) = %v, %v", d, got, ok)
		}
	}
}

func FuzzParseSettings(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.json", "testdata/broken/*.json"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSettings(data)
		if err != nil {
			var field *document.FieldError
			if !errors.As(err, &field) || len(err.Error()) > 4096 {
				t.Fatalf("error %T of %d bytes", err, len(err.Error()))
			}
			return
		}
		for _, w := range s.Warnings(nil) {
			if w.Path == "" || w.Text == "" {
				t.Fatalf("warning %+v", w)
			}
		}
		shown := mustMarshal(t, s)
		again, err := ReadSettings([]byte(shown))
		if err != nil {
			t.Fatalf("what was accepted cannot be read back: %v\n%s", err, shown)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("read back (-before +after):\n%s", diff)
		}
		rec, err := Record{Key: "pk_fuzz"}.With(s, func(_, key string) (string, error) { return key, nil })
		if err != nil {
			t.Fatalf("With: %v", err)
		}
		if _, err := NewSnapshot(rec, func(_, sealed string) (string, error) { return sealed, nil }); err != nil {
			t.Fatalf("NewSnapshot: %v\n%s", err, shown)
		}
	})
}
