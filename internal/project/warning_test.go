package project

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// warned are the paths and texts of warnings, a line each.
func warned(all []Warning) string {
	var out strings.Builder
	for _, w := range all {
		out.WriteString(w.Path + ": " + w.Text + "\n")
	}
	return out.String()
}

// bounded is a document that nothing is to be said about.
const bounded = `"allowedModels": ["gpt-4o", "gpt-4o-mini"], "costLimitUsd": 1`

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, doc, want string }{
		{"none", `{` + bounded + `}`, ""},

		{"nothing set", `{}`, "costLimitUsd: A user has no limit, and the project key is public: it can cost what your provider accounts allow. Set costLimitUsd.\n"},
		{"unlimited on purpose", `{"costLimitUsd": -1}`, "costLimitUsd: A user has no limit, and the project key is public: it can cost what your provider accounts allow. Set costLimitUsd.\n"},
		{"only tiers", `{"tiers": {"free": {"costLimitUsd": 1}}}`,
			"defaultTier: Anybody without a tier has no limit, and the project key is public: it can cost what your provider accounts allow. Set costLimitUsd.\n"},
		{"the default tier bounds", `{"tiers": {"free": {"costLimitUsd": 1}}, "defaultTier": "free"}`, ""},
		{"made-up tiers", `{"tiers": {"free": {"costLimitUsd": 1}}, "defaultTier": "free", "unknownTier": "project"}`,
			"unknownTier: Anybody who invents a tier in x-tier has no limit, and the project key is public: it can cost what your provider accounts allow. Set costLimitUsd.\n"},
		{"made-up tiers are ignored", `{"tiers": {"free": {"costLimitUsd": 1}}, "defaultTier": "free", "unknownTier": "project", "trustTierHeader": false}`, ""},
		{"a tier without limits", `{"tiers": {"free": {"costLimitUsd": 1}, "pro": {}}, "defaultTier": "free"}`,
			"tiers.pro: Anybody who claims this tier in x-tier has no limit, and the project key is public: it can cost what your provider accounts allow. Set costLimitUsd.\n"},
		{"a tier without limits that the server gives", `{"tiers": {"free": {"costLimitUsd": 1}, "pro": {}}, "defaultTier": "free", "trustTierHeader": false}`, ""},
		{"unlisted models", `{"modelLimits": {"gpt-4o": {"costLimitUsd": 1}}}`,
			"costLimitUsd: A user has no limit on models that modelLimits does not name. Set costLimitUsd, or modelLimits[\"*\"], or list the models in allowedModels.\n"},
		{"unlisted models have a limit", `{"modelLimits": {"gpt-4o": {"costLimitUsd": 1}, "*": {"costLimitUsd": 1}}}`, ""},
		{"listed models without a limit", `{"allowedModels": ["gpt-4o", "gpt-4o-mini"], "modelLimits": {"gpt-4o": {"costLimitUsd": 1}}}`,
			"costLimitUsd: A user may use gpt-4o-mini without a limit. Set costLimitUsd.\n"},
		{"an unlimited model", `{` + bounded + `, "modelLimits": {"gpt-4o-mini": {"costLimitUsd": -1}}}`,
			"costLimitUsd: A user may use gpt-4o-mini without a limit. Set costLimitUsd.\n"},
		{"tokens are enough", `{"allowedModels": ["gpt-4o"], "tokenLimit": 100000}`, ""},
		{"few requests of a cheap model", `{"allowedModels": ["gpt-4o-mini"], "requestLimit": 20}`, ""},
		{"while the database is away", `{` + bounded + `, "failOpen": true}`,
			"failOpen: Every request passes unchecked while the database is away. Set it to false to refuse them then.\n"},

		{"a price without that of long requests", `{` + bounded + `, "prices": {"gpt-5.5": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 30}, "gpt-4o": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 30}}}`,
			"prices.gpt-5.5: The vendor bills requests above 271999 input tokens at a higher price, which this one leaves out. Set above.\n"},
		{"a price with it", `{` + bounded + `, "prices": {"gpt-5.5": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 30, "above": {"inputTokens": 1000, "inputUsdPerMillion": 5, "outputUsdPerMillion": 30}}}}`, ""},

		{"a misspelt key", `{` + bounded + `, "modelLimits": {"gtp-4o": {"requestLimit": 5}}}`,
			"modelLimits.gtp-4o: \"gtp-4o\" matches no model of the price book: check the spelling. For a model of your own set its price in prices.\n"},
		{"a pattern that matches nothing", `{"costLimitUsd": 1, "allowedModels": ["gpt-4o", "gtp-*"]}`,
			"allowedModels[1]: \"gtp-*\" matches no model of the price book: check the spelling. For a model of your own set its price in prices.\n"},
		{"models with a price", `{` + bounded + `, "modelLimits": {"mine-1": {"requestLimit": 5}, "mine-2*": {}}, "prices": {"mine-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`, ""},
		{"models of an own provider", `{` + bounded + `, "modelLimits": {"llama-3": {"requestLimit": 5}}, "providers": {"groq": {"baseUrl": "https://a.example/v1", "dialect": "openai", "models": ["llama-*"]}}}`, ""},
		{"a snapshot", `{` + bounded + `, "modelLimits": {"gpt-4o-2024-08-06": {"requestLimit": 5}}}`,
			"modelLimits.gpt-4o-2024-08-06: \"gpt-4o-2024-08-06\" is a snapshot or another name of gpt-4o, and means every name of that model. Write gpt-4o to say so.\n"},
		{"an allowed snapshot", `{"costLimitUsd": 1, "allowedModels": ["gpt-4o-2024-08-06", "mistral-large-latest"]}`,
			"allowedModels[0]: \"gpt-4o-2024-08-06\" is a snapshot or another name of gpt-4o, and means every name of that model. Write gpt-4o to say so.\n"},
		{"two names of one model", `{` + bounded + `, "modelLimits": {"gpt-4o": {"requestLimit": 5}, "gpt-4o-2024-08-06": {"requestLimit": 2}}}`,
			"modelLimits.gpt-4o-2024-08-06: \"gpt-4o-2024-08-06\" is a snapshot or another name of gpt-4o, and means every name of that model. Write gpt-4o to say so.\n" +
				"modelLimits.gpt-4o-2024-08-06: \"gpt-4o\" and \"gpt-4o-2024-08-06\" are names of one model, and what both set counts from the longer one. Remove one of them.\n"},

		{"tiers alike", `{` + bounded + `, "tiers": {"Pro": {}, "pro": {}}}`,
			"tiers.pro: differs from the tier \"Pro\" only in letter case, which counts in x-tier. Rename one of them.\n"},
		{"a tier that may nothing", `{` + bounded + `, "tiers": {"none": {"allowedModels": []}}}`,
			"tiers.none.allowedModels: is empty, so this tier may call no model. Set it to null to allow what the project allows.\n"},
		{"a tier cannot widen", `{` + bounded + `, "tiers": {"pro": {"allowedModels": ["gpt-4o", "o3", "gpt-*"]}}}`,
			"tiers.pro.allowedModels[1]: allows nothing: the project's allowedModels do not have \"o3\", and a tier's only narrow them. Add it there.\n"},

		{"* and a general limit", `{"costLimitUsd": 1, "requestLimit": 5, "modelLimits": {"*": {"requestLimit": 9}}}`,
			"requestLimit: does nothing: modelLimits[\"*\"] sets a requestLimit for every model. Remove one of the two.\n"},
		{"* and a key that leaves it open", `{"allowedModels": ["gpt-4o", "gpt-4o-mini"], "tokenLimit": 9, "modelLimits": {"gpt-4o": {"requestLimit": 5}, "*": {"costLimitUsd": 1}}}`,
			"modelLimits.gpt-4o: has no costLimitUsd, and \"*\" is only for models without a key. Set it here too.\n"},
		{"which the project sets", `{` + bounded + `, "tiers": {"free": {"modelLimits": {"gpt-4o": {"requestLimit": 5}, "*": {"costLimitUsd": 2}}}}}`, ""},

		{"an unknown variable", `{` + bounded + `, "limitResponse": {"message": "{{used}} of {{limit}}", "more": [{"a": "{{ usage }}"}]}}`,
			"limitResponse.message: {{used}} is not filled in and stays as it is written. There are usage, limit, remaining, limitType, period, tier, model, identity, resetsAt.\n" +
				"limitResponse.more[0].a: {{ usage }} is not filled in and stays as it is written. There are usage, limit, remaining, limitType, period, tier, model, identity, resetsAt.\n"},
		{"in a tier", `{` + bounded + `, "tiers": {"pro": {"limitResponse": {"message": "{{name}}"}}}}`,
			"tiers.pro.limitResponse.message: {{name}} is not filled in and stays as it is written. There are usage, limit, remaining, limitType, period, tier, model, identity, resetsAt.\n"},
		{"what does nothing yet", `{` + bounded + `, "security": {"enabled": true}, "defaultPrompt": "p"}`,
			"security: is kept, but does nothing in this version\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := warned(mustParse(t, tc.doc).Warnings(nil)); got != tc.want {
				t.Errorf("warnings of %s:\n got %s\nwant %s", tc.doc, got, tc.want)
			}
		})
	}
}

// A name in the operator's price book is no misspelling.
func TestWarningsKnowTheOperatorsPrices(t *testing.T) {
	t.Parallel()
	book, err := ParsePriceBook([]byte(`{"mine-1": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, `{"costLimitUsd": 1, "allowedModels": ["mine-1", "mine-*", "mine-2"]}`)
	const want = "allowedModels[2]: \"mine-2\" matches no model of the price book: check the spelling. For a model of your own set its price in prices.\n"
	if got := warned(s.Warnings(book)); got != want {
		t.Errorf("warnings:\n got %s\nwant %s", got, want)
	}
}

// Five requests a day are cheap or dear, depending on the model.
func TestRequestsAloneAreALooseLimitForDearModels(t *testing.T) {
	t.Parallel()
	const unpriced = `"prices": {"gpt-4o": {"inputUsdPerMillion": 0, "outputUsdPerMillion": 0}}`
	for doc, want := range map[string]bool{
		`{"allowedModels": ["o1-pro"], "requestLimit": 5}`:                                                 true,
		`{"allowedModels": ["o1-pro"], "requestLimit": 0}`:                                                 false,
		`{"allowedModels": ["o1-pro"], "requestLimit": 5, "costLimitUsd": 1}`:                              false,
		`{"allowedModels": ["gpt-4o"], "requestLimit": 500}`:                                               true,
		`{"allowedModels": ["gpt-4o"], "requestLimit": 500, ` + unpriced + `}`:                             false,
		`{"requestLimit": 500}`:                                                                            true,
		`{"allowedModels": ["gpt-4o"], "modelLimits": {"*": {"requestLimit": 1000000000000000}}}`:          true,
		`{"allowedModels": ["gpt-4o-mini"], "tiers": {"a": {"requestLimit": 5}}, "defaultTier": "a"}`:      false,
		`{"allowedModels": ["gpt-4o-mini"], "tiers": {"a": {"requestLimit": 500000}}, "defaultTier": "a"}`: true,
	} {
		got := warned(mustParse(t, doc).Warnings(nil))
		if strings.Contains(got, "is limited in requests alone for") != want || !want && got != "" {
			t.Errorf("%s: warns %t of it, want %t: %s", doc, !want, want, got)
		}
	}
}

func TestTheDearestModelsAreNamedFirst(t *testing.T) {
	t.Parallel()
	got := warned(mustParse(t, `{"allowedModels": ["gpt-4o", "o1-pro", "gpt-4o-2024-08-06"], "requestLimit": 500}`).Warnings(nil))
	if !strings.Contains(got, "in requests alone for o1-pro, gpt-4o") {
		t.Errorf("warnings %s; want o1-pro before gpt-4o", got)
	}
}

func TestRemovedTiers(t *testing.T) {
	t.Parallel()
	before := mustParse(t, `{"tiers": {"free": {}, "pro": {}, "max": {}}}`)
	for doc, want := range map[string]string{
		`{"tiers": {"free": {}}, "defaultTier": "free"}`:                           "tiers.max: was removed, and 2 identities carry it: their requests get the default tier \"free\". Set another tier for them, or put this one back.\n",
		`{"tiers": {"free": {}, "pro": {}}}`:                                       "tiers.max: was removed, and 2 identities carry it: their requests get the project's own limits. Set another tier for them, or put this one back.\n",
		`{"tiers": {"free": {}}, "defaultTier": "free", "unknownTier": "project"}`: "tiers.max: was removed, and 2 identities carry it: their requests get the project's own limits. Set another tier for them, or put this one back.\n",
		`{"tiers": {"Pro": {}}, "unknownTier": "reject"}`:                          "tiers.free: was removed, and 2 identities carry it: their requests are refused. Set another tier for them, or put this one back.\n",
	} {
		after := mustParse(t, doc)
		gone := after.RemovedTiers(before)
		if len(gone) == 0 {
			t.Fatalf("%s: no tier was removed", doc)
		}
		if got := warned([]Warning{after.RemovedTierWarning(gone[0], 2)}); got != want {
			t.Errorf("%s:\n got %s\nwant %s", doc, got, want)
		}
	}
	if gone := before.RemovedTiers(before); gone != nil {
		t.Errorf("removed without a change: %v", gone)
	}
}

// A document of a megabyte may have tens of thousands of keys and tiers. Checking it takes a moment all the same, and the
// answer is a page and not a book.
func TestWarnings_AreBounded(t *testing.T) {
	t.Parallel()
	const n = 5000
	list := func(form string) string {
		var all strings.Builder
		for i := range n {
			if i > 0 {
				all.WriteString(",")
			}
			fmt.Fprintf(&all, form, i)
		}
		return all.String()
	}
	limits := list(`"gpt-4o-%d": {"requestLimit": 1}`)
	stars := list(`"gpt-4o-%d*": {"requestLimit": 1}`)
	allowed := list(`"gpt-4o-%d"`)
	priced := list(`"gpt-4o-%d": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}`)
	for name, doc := range map[string]string{
		"model limits":                 `{"modelLimits": {` + limits + `}}`,
		"model limits and *":           `{"modelLimits": {"*": {"tokenLimit": 1}, ` + limits + `}}`,
		"model limits with prices":     `{"modelLimits": {` + limits + `}, "prices": {` + priced + `}}`,
		"prefixes":                     `{"modelLimits": {` + stars + `}}`,
		"prefixes and *":               `{"modelLimits": {"*": {"tokenLimit": 1}, ` + stars + `}}`,
		"allowed models":               `{"allowedModels": [` + allowed + `]}`,
		"allowed models with prices":   `{"allowedModels": [` + allowed + `], "prices": {` + priced + `}}`,
		"requests alone with prices":   `{"requestLimit": 5, "allowedModels": [` + allowed + `], "prices": {` + priced + `}}`,
		"allowed models of a tier":     `{"allowedModels": [` + allowed + `], "tiers": {"a": {"allowedModels": [` + allowed + `]}}, "defaultTier": "a"}`,
		"tiers":                        `{"tiers": {` + list(`"tier-%d": {}`) + `}}`,
		"tiers with limits":            `{"costLimitUsd": 1, "tiers": {` + list(`"tier-%d": {"costLimitUsd": 1}`) + `}}`,
		"tiers that differ in case":    `{"costLimitUsd": 1, "tiers": {` + list(`"tier-%d": {}`) + "," + list(`"TIER-%d": {}`) + `}}`,
		"tiers with unknown variables": `{"costLimitUsd": 1, "tiers": {` + list(`"tier-%d": {"limitResponse": {"message": "{{used}}"}}`) + `}}`,
		"unknown variables":            `{"costLimitUsd": 1, "limitResponse": {"message": "` + strings.Repeat("{{used}}", n/10) + `"}}`,
	} {
		s, err := ParseSettings([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := s.Warnings(nil)
		if len(all) > maxWarnings+1 {
			t.Errorf("%s: %d warnings, want at most %d and one that says so", name, len(all), maxWarnings)
		}
		if name != "tiers with limits" && name != "prefixes" && (len(all) == 0 || !strings.Contains(all[len(all)-1].Text, "The check ended here")) {
			t.Errorf("%s: the last warning does not say that others may be missing: %v", name, all[max(0, len(all)-1):])
		}
		if name == "allowed models" && !strings.Contains(warned(all), "costLimitUsd: A user has no limit") {
			t.Errorf("%s: unbounded cost is not among the warnings:\n%s", name, warned(all))
		}
	}
	p := mustSnapshot(t, `{"prices": {`+priced+`}}`)
	fields := mustParse(t, `{"modelLimits": {`+limits+`}}`).LevelFields
	if all := p.IdentityWarnings(fields, nil); len(all) == 0 || len(all) > maxWarnings+1 {
		t.Errorf("an identity: %d warnings, want 1 to %d", len(all), maxWarnings+1)
	}
}

// Twice the keys take twice the time at most, until the check ends early.
func BenchmarkWarnings(b *testing.B) {
	for _, n := range []int{500, 1000, 5000, 10_000} {
		var keys strings.Builder
		for i := range n {
			fmt.Fprintf(&keys, `, "gpt-4o-%d": {"requestLimit": 1}`, i)
		}
		s := mustParse(b, `{"modelLimits": {"*": {"tokenLimit": 1}`+keys.String()+`}}`)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Warnings(nil)
			}
		})
	}
}

func TestWarnings_OfALargeProjectAreWhole(t *testing.T) {
	t.Parallel()
	var tiers, limits []string
	for i := range 40 {
		limits = append(limits, fmt.Sprintf(`"mine-%d": {"requestLimit": 1, "tokenLimit": 1}`, i))
		tiers = append(tiers, fmt.Sprintf(`"tier-%d": {"costLimitUsd": 1}`, i))
	}
	doc := `{"modelLimits": {"*": {"tokenLimit": 1}, ` + strings.Join(limits, ",") + `}, "tiers": {` + strings.Join(tiers, ",") + `}, "defaultTier": "tier-0",
		"prices": {"mine-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`
	s, err := ParseSettings([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Warnings(nil); len(all) != 0 {
		t.Errorf("warns of\n%s", warned(all))
	}
}

// openRouter is a project as at an aggregator of models: n models with a price each, patterns of the provider, and tiers.
func openRouter(n int) string {
	var models, prices, tiers, limits, patterns []string
	for i := range n {
		model := fmt.Sprintf("maker-%d/model-%dx:free", i%20, i)
		models = append(models, strconv.Quote(model))
		prices = append(prices, strconv.Quote(model)+`: {"inputUsdPerMillion": 1000, "outputUsdPerMillion": 1000}`)
		limits = append(limits, strconv.Quote(model)+`: {"requestLimit": 1000}`)
	}
	for i := range 20 {
		patterns = append(patterns, fmt.Sprintf(`"maker-%d/*"`, i))
	}
	for i := range 8 {
		tiers = append(tiers, fmt.Sprintf(`"tier-%d": {"requestLimit": 1000, "allowedModels": [%s], "modelLimits": {%s}}`, i,
			strings.Join(models, ","), strings.Join(limits, ",")))
	}
	return `{"requestLimit": 1000, "allowedModels": [` + strings.Join(models, ",") + `, "misspelt-1"],
		"modelLimits": {` + strings.Join(limits, ",") + `, "misspelt-2": {"requestLimit": 1}, "misspelt-*": {"requestLimit": 1}},
		"providers": {"openrouter": {"baseUrl": "https://openrouter.ai/api/v1", "dialect": "openai", "models": [` + strings.Join(patterns, ",") + `]}},
		"prices": {` + strings.Join(prices, ",") + `},
		"tiers": {` + strings.Join(tiers, ",") + `, "other": {"costLimitUsd": 1, "allowedModels": ["misspelt-3", "maker-1/*"]}}, "defaultTier": "tier-0"}`
}

// A project of 300 models with 300 prices is a usual one: each mistake in it is found.
func TestWarnings_OfAnAggregatorsProjectAreWhole(t *testing.T) {
	t.Parallel()
	all := warned(mustParse(t, openRouter(300)).Warnings(nil))
	for _, want := range []string{
		`allowedModels[300]: "misspelt-1" matches no model`,
		`modelLimits.misspelt-2: "misspelt-2" matches no model`,
		`modelLimits.misspelt-*: "misspelt-*" matches no model`,
		`tiers.other.allowedModels[0]: "misspelt-3" matches no model`,
		`tiers.other.allowedModels[0]: allows nothing`,
		"tiers.tier-0: A user in this tier is limited in requests alone for maker-",
		"tiers.tier-7: Anybody who claims this tier in x-tier is limited in requests alone for maker-",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q among\n%s", want, all)
		}
	}
	if strings.Contains(all, "maker-1/*") || strings.Contains(all, "The check ended here") {
		t.Errorf("want the mistakes alone:\n%s", all)
	}
	p := mustSnapshot(t, openRouter(300))
	limits := map[string]ModelLimit{"misspelt-4": {}}
	for i := range 100 {
		limits[fmt.Sprintf("maker-%d/model-%dx", i%20, i)], limits[fmt.Sprintf("maker-%d/mod-%d*", i%20, i)] = ModelLimit{}, ModelLimit{}
	}
	if all := warned(p.IdentityWarnings(LevelFields{ModelLimits: limits}, nil)); strings.Count(all, "\n") != 1 || !strings.Contains(all, "misspelt-4") {
		t.Errorf("an identity: want misspelt-4 alone:\n%s", all)
	}
}

// A check that has to end tells what it has found before.
func TestWarnings_OfAnEndedCheckStay(t *testing.T) {
	t.Parallel()
	const doc = `{"modelLimits": {"gpt-4o-mini": {"costLimitUsd": 1}}}`
	const want = "costLimitUsd: A user has no limit on models that modelLimits does not name"
	offered := len((&warner{}).offers()) * resolveSteps
	for steps, whole := range map[int]bool{2 * resolveSteps: false, offered + 5*resolveSteps: false, 3 * offered: true} {
		w := warner{Settings: mustParse(t, doc), snapshot: mustSnapshot(t, doc), steps: steps}
		w.unbounded("costLimitUsd", nil, "A user")
		if all := warned(w.result()); !strings.Contains(all, want) || strings.Contains(all, "The check ended here") == whole {
			t.Errorf("after %d steps: %s", steps, all)
		}
	}
	const listed = `{"allowedModels": ["gpt-4o", "gpt-4o-mini", "gpt-4.1"]}`
	w := warner{Settings: mustParse(t, listed), snapshot: mustSnapshot(t, listed), steps: offered + 5*resolveSteps}
	w.unbounded("costLimitUsd", nil, "A user")
	if all := warned(w.result()); !strings.Contains(all, "A user may use gpt-4.1, gpt-4o without a limit") {
		t.Errorf("before the last model: %s", all)
	}
}
