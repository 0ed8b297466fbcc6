package project

import (
	"errors"
	"slices"
	"testing"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// The echo serves no project that does not list it.
func TestTheEchoIsThereWhereItIsListed(t *testing.T) {
	t.Parallel()
	if _, there := mustSnapshot(t, `{}`).Provider(Echo); there {
		t.Error("a project without the echo has it")
	}
	s := mustSnapshot(t, `{"providers": {"echo": {"models": ["mine", "own-*"]}, "openai": {}}}`)
	p, there := s.Provider(Echo)
	if !there || !p.Echoes() || !p.Builtin || p.Stored() || !slices.Equal(p.Named, []string{"echo-mini", "echo", "mine"}) {
		t.Fatalf("the echo is %+v, %t", p, there)
	}
	for _, model := range []string{"echo", "echo-mini", "mine", "own-1"} {
		if by, _ := s.Claim(model); by != p {
			t.Errorf("%s is served by %v, want the echo", model, by)
		}
	}
	if by, _ := s.Claim("gpt-4o"); by != nil {
		t.Errorf("gpt-4o is claimed by %s", by.Name)
	}
}

// The echo speaks every dialect, and any other provider its own.
func TestTheEchoSpeaksEveryDialect(t *testing.T) {
	t.Parallel()
	bases := map[wire.Dialect]string{wire.OpenAI: "echo://echo/v1/x", wire.Anthropic: "echo://echo/x", wire.Gemini: "echo://echo/x"}
	openai, _ := mustSnapshot(t, `{}`).Provider("openai")
	for d := range wire.Dialect(wire.NumDialects) {
		p := NewEcho().In(d)
		u, err := p.URL("/x")
		if p.Dialect != d || !p.Echoes() || err != nil || u.String() != bases[d] {
			t.Errorf("%s: the echo speaks %s at %v, %v; want %s", d, p.Dialect, u, err, bases[d])
		}
		if openai.In(d) != openai {
			t.Errorf("%s: openai is another provider", d)
		}
	}
}

// A model that another provider's settings name stays that provider's.
func TestTheEchoTakesNoModelFromOthers(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"providers": {"echo": {}, "own": {"baseUrl": "https://a.example/v1", "dialect": "openai", "models": ["Echo"]}}}`)
	if by, _ := s.Claim("echo"); by == nil || by.Name != "own" {
		t.Errorf("echo is served by %v, want own", by)
	}
	if by, _ := s.Claim("echo-mini"); by == nil || by.Name != Echo {
		t.Errorf("echo-mini is served by %v, want the echo", by)
	}
}

func TestTheEchosModelsAreFreeUnlessTheyHaveAPrice(t *testing.T) {
	t.Parallel()
	s := mustSnapshot(t, `{"providers": {"echo": {}}, "prices": {"echo": {"inputUsdPerMillion": 2, "outputUsdPerMillion": 3}}}`)
	echo, _ := s.Provider(Echo)
	openai, _ := s.Provider("openai")
	for _, tc := range []struct {
		by     *Provider
		model  string
		input  int64 // pico-USD a token
		priced bool
	}{
		{echo, "nobody-knows", 0, true},
		{echo, "echo-mini", 0, true},
		{echo, "echo", 2_000_000, true},
		{echo, "gpt-4o", 2_500_000, true},
		{openai, "nobody-knows", 0, false},
		{nil, "nobody-knows", 0, false},
	} {
		if p, priced := s.PriceAt(tc.by, tc.model); priced != tc.priced || p.Input != tc.input {
			t.Errorf("%s at %v: %d pico-USD a token, %t; want %d, %t", tc.model, tc.by, p.Input, priced, tc.input, tc.priced)
		}
	}
}

func TestTheEchoTakesModelsAlone(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]string{"baseUrl": `"https://a.example"`, "dialect": `"openai"`, "key": `"sk-0123456789abcdef"`,
		"allowedObjects": `["a"]`, "streamUsage": `false`, "forwardHeaders": `["X-A"]`, "returnHeaders": `["X-A"]`} {
		_, err := ParseSettings([]byte(`{"providers": {"echo": {"` + field + `": ` + value + `}}}`))
		var wrong *document.FieldError
		if !errors.As(err, &wrong) || wrong.Path != "providers.echo."+field {
			t.Errorf("%s: %v, want it refused", field, err)
		}
	}
	if _, err := ParseSettings([]byte(`{"providers": {"echo": {}}, "aliases": {"echo-mini": {"variants": [{"model": "gpt-4o", "weight": 100}]}}}`)); err == nil {
		t.Error("an alias with the name of the echo's model is taken")
	}
}

func TestTheEchoBesideOthersIsWarnedOf(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"costLimitUsd": 1, "providers": {"echo": {}}}`:               false,
		`{"costLimitUsd": 1, "providers": {"echo": {}, "openai": {}}}`: true,
	} {
		warnings := mustParse(t, doc).Warnings(nil)
		if got := slices.ContainsFunc(warnings, func(w Warning) bool { return w.Path == "providers.echo" }); got != want {
			t.Errorf("%s: warnings %v, want one of the echo: %t", doc, warnings, want)
		}
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for other, want := range map[string]bool{
		"https://a.example/v1":         true,
		"https://A.example:443/v2":     true,
		"https://a.example":            true,
		"http://a.example/v1":          false,
		"https://a.example:8443/v1":    false,
		"https://a.example.evil/v1":    false,
		"https://b.example/v1":         false,
		"https://a.example:80/v1":      false,
		"https://user@b.example/v1":    false,
		"https://b.example/a.example":  false,
		"://":                          false,
		"https://a.example%2eevil/v1":  false,
		"https://xn--a-example/v1":     false,
		"https://a.example\\@evil/v1":  false,
		"https://a.example@evil.com/x": false,
	} {
		if got := SameHost("https://a.example/v1", other); got != want {
			t.Errorf("%s is the same host: %t, want %t", other, got, want)
		}
	}
}
