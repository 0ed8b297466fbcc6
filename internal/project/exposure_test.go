package project

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func exposureOf(t *testing.T, doc string) Exposure {
	t.Helper()
	s, err := ParseSettings([]byte(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return s.Exposure(nil)
}

// figure shows a figure of an exposure.
func figure(u *USD) string {
	if u == nil {
		return "unbounded"
	}
	return u.String()
}

func TestExposure(t *testing.T) {
	t.Parallel()
	// gpt-4o: a context of 128,000 tokens at $2.50 and an answer of 16,384 at $10 a million are $0.48384.
	for _, tc := range []struct{ name, doc, want, unbounded string }{
		{"nothing is set", `{}`, "unbounded", "costLimitUsd"},
		{"a strict limit of cost", `{"costLimitUsd": 2, "enforcement": "strict"}`, "2", ""},
		{"an hourly one, 24 times a day", `{"costLimitUsd": 2, "enforcement": "strict", "limitPeriod": "hourly"}`, "48", ""},
		{"a monthly one can be spent in a day", `{"costLimitUsd": 30, "enforcement": "strict", "limitPeriod": "monthly"}`, "30", ""},
		{"a soft one can be exceeded by a request", `{"costLimitUsd": 2, "allowedModels": ["gpt-4o"]}`, "2.48384", ""},
		{"requests at the price of the model", `{"requestLimit": 10, "allowedModels": ["gpt-4o"]}`, "4.8384", ""},
		{"tokens at the price of the dearest", `{"tokenLimit": 1000000, "allowedModels": ["gpt-4o"], "enforcement": "strict"}`, "10", ""},
		{"the lower one of two", `{"requestLimit": 10, "costLimitUsd": 1, "allowedModels": ["gpt-4o"], "enforcement": "strict"}`, "1", ""},
		{"a burst bounds too", `{"requestsPerMinute": 1, "allowedModels": ["gpt-4o"]}`, "697.21344", ""},
		{"the dearest tier that anybody can claim", `{"enforcement": "strict", "defaultTier": "free", "tiers": {"free": {"costLimitUsd": 0.05}, "pro": {"costLimitUsd": 3}}}`, "3", ""},
		{"only the default tier where claims are not trusted", `{"enforcement": "strict", "trustTierHeader": false, "defaultTier": "free", "tiers": {"free": {"costLimitUsd": 0.05}, "pro": {"costLimitUsd": 3}}}`, "0.05", ""},
		{"a limit of each model", `{"enforcement": "strict", "allowedModels": ["gpt-4o", "gpt-4o-mini"], "modelLimits": {"gpt-4o": {"costLimitUsd": 1}, "gpt-4o-mini": {"costLimitUsd": 2}}}`, "3", ""},
		{"a model without a limit", `{"enforcement": "strict", "allowedModels": ["gpt-4o", "gpt-4o-mini"], "modelLimits": {"gpt-4o": {"costLimitUsd": 1}}}`, "unbounded", "costLimitUsd"},
		{"a blocked model", `{"enforcement": "strict", "costLimitUsd": 0, "modelLimits": {"gpt-4o": {"requestLimit": 0}}}`, "0", ""},
		{"a model of unknown price that only requests limit", `{"requestLimit": 5, "allowedModels": ["my-model"], "providers": {"own": {"baseUrl": "https://x.example/v1", "dialect": "openai"}}}`, "unbounded", "costLimitUsd"},
		{"one of unknown price is refused under a limit of cost", `{"enforcement": "strict", "costLimitUsd": 1, "allowedModels": ["my-model"]}`, "0", ""},
		{"no default tier", `{"enforcement": "strict", "tiers": {"pro": {"costLimitUsd": 3}}}`, "unbounded", "defaultTier"},
		{"invented tiers get out of the default tier", `{"enforcement": "strict", "defaultTier": "free", "unknownTier": "project", "tiers": {"free": {"costLimitUsd": 3}}}`, "unbounded", "unknownTier"},
		{"open while the database is away", `{"enforcement": "strict", "costLimitUsd": 1, "failOpen": true}`, "1", "failOpen"},
	} {
		e := exposureOf(t, tc.doc)
		var paths []string
		for _, w := range e.Unbounded {
			paths = append(paths, w.Path)
		}
		if got := figure(e.PerIdentity); got != tc.want || strings.Join(paths, " ") != tc.unbounded {
			t.Errorf("%s: %s, unbounded by %q; want %s, %q", tc.name, got, paths, tc.want, tc.unbounded)
		}
		if e.PerIdentity != nil && *e.TenThousand != 10_000**e.PerIdentity {
			t.Errorf("%s: ten thousand identities spend %s, want 10,000 times %s", tc.name, figure(e.TenThousand), figure(e.PerIdentity))
		}
	}
}

// The templates that limit cost have a figure; the one that only counts says that it has none.
func TestExposureOfTemplates(t *testing.T) {
	t.Parallel()
	for name, bounded := range map[string]bool{"starter": true, "single": true, "count": false} {
		s, err := FromTemplate(name)
		if err != nil {
			t.Fatal(err)
		}
		if e := s.Exposure(nil); (e.PerIdentity != nil) != bounded || len(e.Advice) == 0 {
			t.Errorf("%s: %s with %d pieces of advice, want bounded %v, and advice", name, figure(e.PerIdentity), len(e.Advice), bounded)
		}
	}
}

// Every piece of advice lowers the figure, or removes an entry without a bound.
func TestEveryPieceOfAdviceLowersTheExposure(t *testing.T) {
	t.Parallel()
	rounds := 150
	if os.Getenv("LONG") != "" {
		rounds = 3000
	}
	rng := rand.New(rand.NewPCG(3, 4))
	given := map[string]int{}
	for range rounds {
		doc := someSettings(rng)
		before := exposureOf(t, doc)
		for _, a := range before.Advice {
			given[strings.Split(a.Path, ".")[0]]++
			after := exposureOf(t, withField(t, doc, a.Path, a.Value))
			lower := before.PerIdentity == nil && after.PerIdentity != nil ||
				before.PerIdentity != nil && after.PerIdentity != nil && *after.PerIdentity < *before.PerIdentity
			if !lower && len(after.Unbounded) >= len(before.Unbounded) {
				t.Fatalf("%s\n%s = %v: %s and %d without a bound, before %s and %d", doc, a.Path, a.Value,
					figure(after.PerIdentity), len(after.Unbounded), figure(before.PerIdentity), len(before.Unbounded))
			}
		}
	}
	for _, path := range []string{"costLimitUsd", "tiers", "enforcement", "trustTierHeader", "allowedModels", "failOpen", "defaultTier"} {
		if given[path] == 0 {
			t.Errorf("no advice about %s in %d rounds", path, rounds)
		}
	}
}

// withField returns a document with one field replaced, as a merge patch replaces it.
func withField(t *testing.T, doc, path string, value any) string {
	t.Helper()
	names := strings.Split(path, ".")
	for i := len(names) - 1; i >= 0; i-- {
		value = map[string]any{names[i]: value}
	}
	patch, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mustParse(t, doc).Merge(patch)
	if err != nil {
		t.Fatalf("%s: %v", patch, err)
	}
	return mustMarshal(t, s)
}

func someSettings(rng *rand.Rand) string {
	var fields []string
	add := func(format string, args ...any) { fields = append(fields, fmt.Sprintf(format, args...)) }
	level := func() []string {
		var fs []string
		for field, values := range map[string][]string{
			"requestLimit": {"0", "5", "-1", "1000"}, "tokenLimit": {"1000", "100000000", "-1"}, "costLimitUsd": {"0", "0.02", "3", "-1", "900"},
			"requestsPerMinute": {"1", "60"}, "modelLimits": {`{"gpt-4o": {"requestLimit": 5}}`, `{"*": {"costLimitUsd": 7}}`, `{"gpt-*": {"tokenLimit": 5000}, "gpt-4o": {"costLimitUsd": -1}}`},
		} {
			if rng.IntN(4) == 0 {
				fs = append(fs, fmt.Sprintf("%q: %s", field, values[rng.IntN(len(values))]))
			}
		}
		return fs
	}
	fields = append(fields, level()...)
	if rng.IntN(2) == 0 {
		add(`"tiers": {"free": {%s}, "pro": {%s}}`, strings.Join(level(), ", "), strings.Join(level(), ", "))
		if rng.IntN(3) > 0 {
			add(`"defaultTier": "free"`)
		}
	}
	for field, values := range map[string][]string{
		"enforcement": {`"soft"`, `"strict"`}, "trustTierHeader": {"true", "false"}, "unknownTier": {`"default"`, `"project"`, `"reject"`},
		"failOpen": {"true", "false"}, "limitPeriod": {`"hourly"`, `"daily"`, `"monthly"`},
		"allowedModels": {`["gpt-4o", "gpt-4o-mini"]`, `["gpt-*"]`, `["my-model"]`},
	} {
		if rng.IntN(2) == 0 {
			add("%q: %s", field, values[rng.IntN(len(values))])
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}
