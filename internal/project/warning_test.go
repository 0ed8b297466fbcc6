package project

import (
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
			"defaultPrompt: is kept, but does nothing in this version\nsecurity: is kept, but does nothing in this version\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := warned(mustParse(t, tc.doc).Warnings(nil)); got != tc.want {
				t.Errorf("warnings of %s:\n got %s\nwant %s", tc.doc, got, tc.want)
			}
		})
	}
}

// What the operator's price book has is no misspelling.
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
