package project

import (
	"net/url"
	"slices"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Echo is the name of the built-in provider that repeats the user's text, in the dialect of each request. It is for trying
// things out. A project has it only if its settings list it. It needs no key, and its models are free unless they have a
// price.
const Echo = "echo"

// EchoScheme is the scheme of the echo's URLs. No base URL in settings can have it, and a connection to it stays within the
// process.
const EchoScheme = "echo"

// EchoModels are the echo's own models, a cheap one and a dear one, as the template starter needs them. The echo answers
// under any other name too.
var EchoModels = []string{"echo-mini", "echo"}

// NewEcho returns the echo as a provider without settings.
func NewEcho() *Provider {
	var all [wire.NumDialects]*Provider
	for d := range wire.Dialect(wire.NumDialects) {
		p := &Provider{Name: Echo, Dialect: d, Builtin: true, Vendor: Native(d), BaseURL: EchoScheme + "://" + Echo, dialects: &all}
		if d == wire.OpenAI {
			p.BaseURL += "/v1"
		}
		p.base, _ = url.Parse(p.BaseURL) // a constant
		all[d] = p
	}
	return all[wire.OpenAI]
}

// Echoes reports whether the provider is the echo.
func (p *Provider) Echoes() bool { return p.dialects != nil }

// In returns the provider for requests of a dialect. The echo speaks all of them, any other provider its own.
func (p *Provider) In(d wire.Dialect) *Provider {
	if p.dialects == nil {
		return p
	}
	return p.dialects[d]
}

// PriceAt returns a model's price at a provider, which may be nil. The echo's models are free unless they have a price.
func (s *Snapshot) PriceAt(by *Provider, model string) (price.Price, bool) {
	p, known := s.Price(model)
	return p, known || by != nil && by.Echoes()
}

// checkEcho refuses fields that would do nothing.
func (p ProviderFields) checkEcho(path string) error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"baseUrl", p.BaseURL != nil}, {"dialect", p.Dialect != nil}, {"key", p.Key != ""}, {"allowedObjects", p.AllowedObjects != nil},
		{"streamUsage", p.StreamUsage != nil}, {"forwardHeaders", p.ForwardHeaders != nil}, {"returnHeaders", p.ReturnHeaders != nil},
	} {
		if field.set {
			return document.Errorf(document.Join(path, field.name),
				"does nothing: the built-in provider echo has no address and no key; leave it out, or give your provider another name")
		}
	}
	return nil
}

// echoModels returns the echo's own models that no provider's settings name, or none if the settings do not list the echo.
func (s Settings) echoModels() (own []string) {
	if _, listed := s.Providers[Echo]; !listed {
		return nil
	}
	for _, model := range EchoModels {
		named := false
		for _, p := range s.Providers {
			named = named || slices.ContainsFunc(p.Models, func(key string) bool { return limit.NormalizeModel(key) == model })
		}
		if !named {
			own = append(own, model)
		}
	}
	return own
}
