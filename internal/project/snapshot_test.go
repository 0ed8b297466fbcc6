package project

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/wire"

	"pgregory.net/rapid"
)

func mustSnapshot(t testing.TB, doc string) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(mustRecord(t, doc), openForTest)
	if err != nil {
		t.Fatalf("NewSnapshot: %v", err)
	}
	return s
}

func TestSnapshotHoldsWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"name": "a", "limitPeriod": "weekly", "requestLimit": 5, "costLimitUsd": 0.1,
		"modelLimits": {"GPT-4o": {"tokenLimit": 7}, "claude-*": {"requestLimit": -1}},
		"tiers": {"pro": {"requestLimit": 500, "requestsPerMinute": 60, "allowedModels": [" GPT-4o "], "limitResponse": {"message": "m"}}}, "defaultTier": "pro", "unknownTier": "reject",
		"trustTierHeader": false, "refusalStatus": 402, "limitResponse": {"deepLink": "d"}, "enforcement": "strict", "onDisconnect": "drain", "failOpen": true, "defaultPrompt": "p",
		"security": {"enabled": true}}`)
	n := func(n int64) *int64 { return &n }
	want := &limit.Level{
		Caps: limit.Caps{limit.Requests: n(5), limit.Cost: n(100_000)},
		Models: []limit.ModelCaps{
			{Key: "claude-*", Caps: limit.Caps{limit.Requests: n(-1)}},
			{Key: "gpt-4o", Caps: limit.Caps{limit.Tokens: n(7)}},
		},
	}
	if diff := cmp.Diff(want, s.Level, cmpopts.IgnoreUnexported(limit.ModelCaps{})); diff != "" {
		t.Errorf("level (-want +got):\n%s", diff)
	}
	tier, ok := s.Tier("pro")
	wantTier := &Tier{Name: "pro", Level: &limit.Level{Caps: limit.Caps{limit.Requests: n(500)}, RequestsPerMinute: n(60)},
		LimitResponse: map[string]any{"message": "m"}, AllowedModels: []string{"GPT-4o"}, allowed: limit.NewModelSet([]string{"gpt-4o"})}
	if diff := cmp.Diff(wantTier, tier, cmpopts.IgnoreUnexported(limit.ModelCaps{}), cmp.AllowUnexported(Tier{})); !ok || diff != "" {
		t.Errorf("tier (-want +got):\n%s", diff)
	}
	if _, ok := s.Tier("Pro"); ok {
		t.Error("tiers are found in another letter case")
	}
	if s.Name != "a" || s.Period != limit.Weekly || s.DefaultTier != "pro" || s.UnknownTier != TierReject || s.TrustTierHeader || s.RefusalStatus != 402 || !s.Strict || !s.Drain || !s.FailOpen ||
		s.DefaultPrompt != "p" || !s.Security.Enabled || s.LimitResponse["deepLink"] != "d" {
		t.Errorf("snapshot %+v", s)
	}
}

func TestTheZeroRecordIsAProjectThatLimitsNothing(t *testing.T) {
	t.Parallel()
	s, err := NewSnapshot(Record{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Strict || s.Drain || s.FailOpen || s.UnknownTier != TierDefault || !s.TrustTierHeader || s.RefusalStatus != 429 ||
		s.Period != limit.Daily || !s.Allowed(nil, "any") || !s.OriginAllowed("https://any") {
		t.Errorf("snapshot %+v", s)
	}
	if diff := cmp.Diff(&limit.Level{}, s.Level); diff != "" {
		t.Errorf("level sets something:\n%s", diff)
	}
}

func TestLevelsSurviveTheWayThroughFields(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"requestLimit": 0, "costLimitUsd": 1.5, "requestsPerMinute": -1, "modelLimits": {"gpt-4o": {"tokenLimit": 7, "costLimitUsd": -1}, "*": {}}}`)
	l := s.Level()
	if diff := cmp.Diff(s.LevelFields, FieldsOf(l)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(l, FieldsOf(l).Level(), cmpopts.IgnoreUnexported(limit.ModelCaps{})); diff != "" {
		t.Errorf("level (-want +got):\n%s", diff)
	}
}

func TestLevelFieldsCanBeReadAlone(t *testing.T) {
	t.Parallel()
	var f LevelFields
	set := func(doc string) error {
		v, err := document.Parse("", []byte(doc))
		if err != nil {
			return err
		}
		return f.Fields().Set("", v)
	}
	for _, doc := range []string{
		`{"requestLimit": 5, "modelLimits": {"gpt-4o": {"tokenLimit": 7}}}`, `{"tokenLimit": 9, "requestLimit": null}`, `{"costLimitUsd": 0.25}`,
	} {
		if err := set(doc); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
	}
	const want = `{"requestLimit":null,"tokenLimit":9,"costLimitUsd":0.25,"requestsPerMinute":null,"concurrentRequests":null,` +
		`"modelLimits":{"gpt-4o":{"requestLimit":null,"tokenLimit":7,"costLimitUsd":null}}}`
	if got := mustMarshal(t, f); got != want {
		t.Errorf("fields:\n got %s\nwant %s", got, want)
	}
	for _, raw := range []string{`"5"`, `-2`, `{`, ``} {
		if err := set(`{"tokenLimit": ` + raw + `}`); err == nil || *f.TokenLimit != 9 {
			t.Errorf("tokenLimit %s: %v, and it is %d", raw, err, *f.TokenLimit)
		}
	}
	if err := set(`{"tier": "pro"}`); err == nil {
		t.Error("an unknown field is accepted")
	}
}

func TestAllowedModelsMatchAsModelLimitsDo(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"allowedModels": ["GPT-4o", "claude-*"]}`)
	for model, want := range map[string]bool{
		"gpt-4o": true, " GPT-4O ": true, "gpt-4o-2024-08-06": true, "gpt-4o-latest": true, "gpt-4o-mini": false, "gpt-4": false,
		"claude-": true, "claude-opus-4": true, "openai/gpt-4o": false, "": false,
	} {
		if got := s.Allowed(nil, model); got != want {
			t.Errorf("Allowed(%q) = %v; want %v", model, got, want)
		}
	}
}

func TestATiersAllowedModelsNarrowTheProjects(t *testing.T) {
	t.Parallel()
	tiers := `"tiers": {"open": {}, "mini": {"allowedModels": ["gpt-4o-mini", "o1*"]}, "all": {"allowedModels": ["*"]}, "none": {"allowedModels": []}}`
	for _, tc := range []struct {
		project, tier string
		allowed       []string
	}{
		{`null`, "", []string{"gpt-4o", "gpt-4o-mini", "o1-pro"}},
		{`null`, "open", []string{"gpt-4o", "gpt-4o-mini", "o1-pro"}},
		{`null`, "all", []string{"gpt-4o", "gpt-4o-mini", "o1-pro"}},
		{`null`, "mini", []string{"gpt-4o-mini", "o1-pro"}},
		{`null`, "none", nil},
		{`["gpt-4o*"]`, "", []string{"gpt-4o", "gpt-4o-mini"}},
		{`["gpt-4o*"]`, "open", []string{"gpt-4o", "gpt-4o-mini"}},
		{`["gpt-4o*"]`, "all", []string{"gpt-4o", "gpt-4o-mini"}}, // it cannot widen
		{`["gpt-4o*"]`, "mini", []string{"gpt-4o-mini"}},
		{`["gpt-4o"]`, "mini", nil},
	} {
		s := mustSnapshot(t, `{"allowedModels": `+tc.project+`, `+tiers+`}`)
		tier, _ := s.Tier(tc.tier)
		var got []string
		for _, model := range []string{"gpt-4o", "gpt-4o-mini", "o1-pro"} {
			if s.Allowed(tier, model) {
				got = append(got, model)
			}
		}
		if diff := cmp.Diff(tc.allowed, got); diff != "" {
			t.Errorf("project %s, tier %q (-want +got):\n%s", tc.project, tc.tier, diff)
		}
		if got, want := s.Restricts(tier), len(tc.allowed) < 3 || tc.tier == "all"; got != want {
			t.Errorf("project %s, tier %q: Restricts = %t, want %t", tc.project, tc.tier, got, want)
		}
	}
}

// A model is allowed where each list that there is has a key which covers it.
func TestAllowedIsWhatBothListsCover(t *testing.T) {
	t.Parallel()
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"*", "gpt*", "gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "claude-*", "o1-pro"}), 0, 3, rapid.ID)
	rapid.Check(t, func(t *rapid.T) {
		lists := [2][]string{keys.Draw(t, "project"), keys.Draw(t, "tier")}
		doc := Settings{Tiers: map[string]TierFields{"t": {AllowedModels: lists[1]}}, AllowedModels: lists[0]}
		if len(lists[0]) == 0 {
			doc.AllowedModels = nil // a project's list is never empty
		}
		s, err := NewSnapshot(Record{Settings: doc}, nil)
		if err != nil {
			t.Fatal(err)
		}
		model := rapid.SampledFrom([]string{"gpt-4o", "GPT-4o-2024-08-06", "gpt-4o-mini", "gpt-5", "claude-sonnet-5", "o1-pro", "made-up"}).Draw(t, "model")
		want := true
		for _, list := range [][]string{doc.AllowedModels, lists[1]} {
			want = want && (list == nil || slices.ContainsFunc(list, func(key string) bool {
				return limit.NewModelSet([]string{key}).Has(model)
			}))
		}
		if got := s.Allowed(s.Tiers["t"], model); got != want {
			t.Fatalf("%s with %q and %q: allowed %t, want %t", model, doc.AllowedModels, lists[1], got, want)
		}
	})
}

func TestPriceIsTheProjectsOwnBeforeTheBooks(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"prices": {
		"gpt-4o": {"inputUsdPerMillion": 7, "outputUsdPerMillion": 7},
		"my-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1},
		"my-big-*": {"inputUsdPerMillion": 2, "outputUsdPerMillion": 2},
		"my-big-one": {"inputUsdPerMillion": 3, "outputUsdPerMillion": 3}}}`)
	for model, want := range map[string]int64{
		"gpt-4o": 7, "GPT-4o-2024-08-06": 7, "my-small": 1, "my-big-two": 2, "my-big-one": 3, "my-big-one-2025-01-01": 3,
	} {
		if p, ok := s.Price(model); !ok || p.Input != want*1e6 {
			t.Errorf("Price(%s) = %d, %v; want %d USD a million", model, p.Input, ok, want)
		}
	}
	mini, _ := price.Lookup("gpt-4o-mini")
	for _, model := range []string{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", " GPT-4o-mini"} {
		if p, ok := s.Price(model); !ok || p != mini {
			t.Errorf("Price(%s) = %+v, %v; want the book's", model, p, ok)
		}
	}
	if p, ok := s.Price("unheard-of"); ok {
		t.Errorf("an unknown model has the price %+v", p)
	}
}

func TestOriginsAreComparedWithoutLetterCase(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"allowedOrigins": ["https://App.example.com", "http://localhost:5173", "capacitor://localhost"]}`)
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "HTTPS://APP.example.com": true, "http://localhost:5173": true, "capacitor://localhost": true,
		"http://app.example.com": false, "https://app.example.com.evil.example": false, "https://evil.example": false, "null": false, "": false,
		"http://localhost": false, "https://app.example.com:444": false,
	} {
		if got := s.OriginAllowed(origin); got != want {
			t.Errorf("OriginAllowed(%q) = %v; want %v", origin, got, want)
		}
	}
}

// A server's behaviour follows from its host, not from the project's name for it.
func TestProvidersVendor(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"providers": {
		"le-chat": {"baseUrl": "https://API.mistral.ai/v1", "dialect": "openai"},
		"own": {"baseUrl": "https://mistral.example/v1", "dialect": "openai"},
		"xai": {"baseUrl": "https://eu.example/v1"}, "deepseek": {"baseUrl": "https://api.mistral.ai/v1"}}}`)
	for name, want := range map[string]string{"le-chat": "mistral", "mistral": "mistral", "own": "", "xai": "xai", "deepseek": "mistral"} {
		if p, _ := s.Provider(name); p.Vendor != want {
			t.Errorf("%s is at the vendor %q, want %q", name, p.Vendor, want)
		}
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"providers": {
		"anthropic": {"baseUrl": "https://proxy.example/claude/", "key": "sk-ant-0123456789abcdef"},
		"own": {"baseUrl": "https://a.example", "dialect": "gemini", "models": ["Own-*", "own-big-*"]},
		"zz": {"baseUrl": "https://z.example/v1", "dialect": "openai", "models": ["own-b*"]}}}`)
	if diff := cmp.Diff([]string{"anthropic", "deepseek", "google", "mistral", "openai", "own", "xai", "zz"}, s.ProviderNames()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for name, want := range map[string]Provider{
		"anthropic": {Name: "anthropic", Dialect: wire.Anthropic, BaseURL: "https://proxy.example/claude", Builtin: true, Vendor: "anthropic", Key: "sk-ant-0123456789abcdef"},
		"own":       {Name: "own", Dialect: wire.Gemini, BaseURL: "https://a.example"},
		"openai":    {Name: "openai", Dialect: wire.OpenAI, BaseURL: "https://api.openai.com/v1", Builtin: true, Vendor: "openai"},
	} {
		p, ok := s.Provider(name)
		if !ok {
			t.Fatalf("no provider %s", name)
		}
		if diff := cmp.Diff(want, *p, cmpopts.IgnoreUnexported(Provider{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if p.Stored() != (want.Key != "") {
			t.Errorf("%s.Stored() = %v", name, p.Stored())
		}
	}
	if got := s.Configured(); len(got) != 3 || got[0].Name != "anthropic" || got[2].Name != "zz" {
		t.Errorf("configured: %v", got)
	}
	for model, want := range map[string]string{"own-1": "own", "own-b1": "zz", "own-big-1": "own", "gpt-4o": ""} {
		p, _ := s.Claim(model)
		if got := nameOf(p); got != want {
			t.Errorf("Claim(%s) = %q; want %q", model, got, want)
		}
	}
}

func nameOf(p *Provider) string {
	if p == nil {
		return ""
	}
	return p.Name
}

// Ciphertext is never used as a key: neither where it cannot be opened nor where it opens to nothing.
func TestFieldFailure_CiphertextSentAsTheKeyWhenDecryptionFails(t *testing.T) {
	t.Parallel()
	r := mustRecord(t, `{"requestLimit": 5, "providers": {"openai": {"key": "sk-proj-0123456789abcdef"}}}`)
	broken := errors.New("cannot be opened")
	for name, open := range map[string]func(string, string) (string, error){
		"fails":                  func(string, string) (string, error) { return "", broken },
		"fails with a text":      func(_, sealed string) (string, error) { return sealed, broken },
		"opens to an empty text": func(string, string) (string, error) { return "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := NewSnapshot(r, open)
			if err != nil {
				t.Fatalf("one broken key breaks the project: %v", err)
			}
			p, _ := s.Provider("openai")
			if p.Key != "" || p.KeyError == nil || !p.Stored() {
				t.Errorf("key %q, error %v, stored %v; want no key and an error", p.Key, p.KeyError, p.Stored())
			}
		})
	}
}

func TestRecordsThatWithCannotHaveMadeAreRefused(t *testing.T) {
	t.Parallel()
	tier, base := "gone", "nowhere"
	for name, s := range map[string]Settings{
		"a key in the settings": {Providers: map[string]ProviderFields{"openai": {Key: "sk-x"}}},
		"a missing tier":        {DefaultTier: &tier},
		"an unknown period":     {LimitPeriod: "yearly"},
		"a broken base URL":     {Providers: map[string]ProviderFields{"openai": {BaseURL: &base}}},
		"a price without parts": {Prices: map[string]price.Override{"m": {}}},
	} {
		if _, err := NewSnapshot(Record{Settings: s}, openForTest); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkPrice(b *testing.B) {
	s := mustSnapshot(b, `{"prices": {"my-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Price("gpt-4o-2024-08-06"); !ok {
			b.Fatal("no price")
		}
	}
}

func BenchmarkAllowed(b *testing.B) {
	s := mustSnapshot(b, `{"allowedModels": ["claude-*", "gemini-*", "gpt-4o"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if !s.Allowed(nil, "gpt-4o-2024-08-06") {
			b.Fatal("not allowed")
		}
	}
}

func TestPricesAreLaidOverThePriceBook(t *testing.T) {
	t.Parallel()
	book, err := ParsePriceBook([]byte(`{
		"gpt-4o": {"inputUsdPerMillion": 2, "outputUsdPerMillion": 8},
		"new-model": {"inputUsdPerMillion": 3, "outputUsdPerMillion": 6},
		"claude-4-sonnet": {"inputUsdPerMillion": 4, "outputUsdPerMillion": 16}}`))
	if err != nil {
		t.Fatal(err)
	}
	if book.Models() != 3 {
		t.Errorf("the book has %d models, want 3", book.Models())
	}
	plain := mustSnapshot(t, `{"prices": {"gpt-4o-mini": {"inputUsdPerMillion": 7, "outputUsdPerMillion": 7}, "claude-sonnet-4-20250514": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 20},
		"own*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}, "own-b": {"feesUsdPerThousand": {"webSearch": 1}}}}`)
	booked := plain.WithBook(book)
	for _, tc := range []struct {
		model        string
		plain, under int64 // pico-USD a token of input, without and with the book; -1: not known
	}{
		{"gpt-4o", 25e5, 2e6},
		{"gpt-4o-2024-08-06", 25e5, 2e6},
		{"GPT-4o:nitro ", 25e5, 2e6},
		{"gpt-4o-2024-05-13", 5e6, 2e6},
		{"gpt-4o-mini", 7e6, 7e6},
		{"new-model", -1, 3e6},
		{"new-model-2026-11-30", -1, 3e6},
		{"claude-sonnet-4", 3e6, 4e6},
		{"claude-sonnet-4-20250514", 5e6, 5e6},
		{"own-a", 1e6, 1e6},
		{"own-b", -1, -1},
		{"unknown", -1, -1},
		{"ft:gpt-4o-mini-2024-07-18:acme::1", 3e5, 3e5},
		{"ft:gpt-4.5-preview:acme::1", -1, -1},
		{"gemini-2.5-flash-preview-05-20", 15e4, 15e4},
		{"claude-4-5-haiku@20251001", 1e6, 1e6},
	} {
		for of, want := range map[*Snapshot]int64{plain: tc.plain, booked: tc.under} {
			p, ok := of.Price(tc.model)
			if !ok {
				p.Input = -1
			}
			if p.Input != want {
				t.Errorf("%s costs %d, want %d (with the book: %t)", tc.model, p.Input, want, of == booked)
			}
		}
	}
	if p, _ := booked.Price("gpt-4o"); p.MaxOutput != 16384 || p.Fees[price.WebSearch] != 1e10 {
		t.Errorf("what the book leaves out is lost: %+v", p)
	}
	// The tools of a vendor cost what they usually do, with models that the book does not know, too.
	own := mustSnapshot(t, `{"prices": {"gpt-99": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}, "claude-fable-9": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1, "feesUsdPerThousand": {"webSearch": 0}},
		"llama": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`)
	for model, want := range map[string][2]int64{"gpt-99": {1e10, 3e10}, "claude-fable-9": {}, "llama": {}} {
		if p, ok := own.Price(model); !ok || p.Fees[price.WebSearch] != want[0] || p.Fees[price.CodeInterpreter] != want[1] {
			t.Errorf("%s: fees %v, want %v of a search and a container", model, p.Fees, want)
		}
	}
	if p, ok := own.Price("gpt-98"); ok {
		t.Errorf("gpt-98 has the price %+v, want none", p)
	}
	if p, ok := plain.WithBook(nil).Price("gpt-4o"); !ok || p.Input != 25e5 {
		t.Errorf("without a book: %+v", p)
	}
}

func TestPriceBookNamesTheEntryAtFault(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		``:                                   "the document is not valid JSON",
		`[]`:                                 "the document must be an object of prices by model, not an array",
		`{"m": {}}`:                          "m: sets no price",
		`{"m": 1}`:                           "m: must be an object, not 1",
		`{"m": {"inputUsdPerMillion": 1}}`:   "m: outputUsdPerMillion is missing",
		`{"m": {"inputUsdPerMillion": "1"}}`: `m.inputUsdPerMillion: must be a number or null, not "1"`,
		`{"m": {"input": 1}}`:                "m.input: is not known",
		`{"m": {"feesUsdPerThousand": {"webSearch": -1}}}`:                                               "m.feesUsdPerThousand.webSearch: must be USD from 0, not -1",
		`{"m": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1, "above": {"inputUsdPerMillion": 1}}}`: "m: above.outputUsdPerMillion is missing",
		`{"m": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1, "above": {"inputTokens": 1.5}}}`:      "m.above.inputTokens: must be a whole number of tokens from 1, not 1.5",
		`{"m": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}, "M": {"imageUsd": 1}}`:               `M: is the same model as "m"`,
		`{"m\u200b": {"imageUsd": 1}}`: "has characters that cannot be seen",
	} {
		_, err := ParsePriceBook([]byte(doc))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", doc, err, want)
		}
	}
}

func TestAllowedObjectsAreIDsAndTheirBeginnings(t *testing.T) {
	t.Parallel()
	s, err := ParseSettings([]byte(`{"name":"x","providers":{"openai":{"allowedObjects":["vs_1","file-*"]},"google":{"allowedObjects":[]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := NewSnapshot(Record{Key: "pk_0123456789012345678901", Settings: s}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		provider, id string
		want         bool
	}{
		{"openai", "vs_1", true}, {"openai", "vs_12", false}, {"openai", "VS_1", false}, {"openai", "file-9", true}, {"openai", "file", false},
		{"openai", "", false}, {"google", "vs_1", false}, {"google", "", false}, {"anthropic", "vs_1", false},
	} {
		p, _ := snapshot.Provider(c.provider)
		if got := p.AllowsObject(c.id); got != c.want {
			t.Errorf("%s allows %q: %v, want %v", c.provider, c.id, got, c.want)
		}
	}
	for _, list := range []string{`"vs_1"`, `[1]`, `[""]`, `["a*b"]`, `["a\u0000"]`, `["a","a"]`} {
		if _, err := ParseSettings([]byte(`{"name":"x","providers":{"openai":{"allowedObjects":` + list + `}}}`)); err == nil {
			t.Errorf("allowedObjects %s is taken", list)
		}
	}
}
