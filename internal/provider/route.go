// Package provider chooses the provider for a request's model, its key and the headers in both directions, and makes the
// connections to providers.
//
// Invariants:
//
//   - A request whose model no rule claims is not sent.
//   - A key reaches only its own vendor. A stored key reaches only the endpoints of the contract.
//   - A project key reaches no provider.
//   - An address is checked after it is resolved.
package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Target is the destination of a request.
type Target struct {
	Provider *project.Provider
	Model    string // the name that is sent: the requested name without a NAME/ prefix
	Path     string // below the provider's base URL, escaped
	Stored   bool   // the project's stored key is sent, not the client's
}

// vendorOf returns the built-in provider of a model by its normalized name, or "". It looks at the vendors' prefixes,
// then at the price book, then at a fine-tuned model's base model.
func vendorOf(model string) string {
	if vendor := project.VendorFor(model); vendor != "" {
		return vendor
	}
	if tuned, ok := limit.FineTuned(model); ok {
		return vendorOf(tuned)
	}
	if strings.ContainsRune(model, '/') {
		return "" // no vendor's own model has such a name
	}
	if vendor := price.Vendor(model); vendor != "" {
		return vendor
	}
	return price.Vendor(limit.BaseModel(model))
}

// Route finds the upstream for a model called at an endpoint. xProvider is the x-provider header, "" if there is none.
//
// The rules apply in this order:
//
//  1. the project's model patterns and the prefix NAME/ of a provider's name: the longer one wins, and the pattern if both
//     have the same length
//  2. the built-in names
//  3. x-provider
//  4. the only provider that the settings list
//
// At Gemini's own endpoints, a built-in name of a vendor without those endpoints does not decide: text-embedding-004 looks
// like OpenAI's. x-provider decides then, or else Google is chosen.
//
// The error is a *wire.Error: unknown_model, or invalid_request if the model's name has invisible characters or its
// provider does not serve the endpoint.
func Route(p *project.Snapshot, ep wire.Endpoint, model, xProvider string) (Target, error) {
	if !limit.ValidModel(strings.TrimSpace(model)) {
		return Target{}, refuse(http.StatusBadRequest, "invalid_request", "model",
			"The model %s has characters that cannot be seen. Send the name as the provider writes it.", quote(model))
	}
	header, err := named(p, xProvider)
	if err != nil {
		return Target{}, err
	}
	to, sent := claim(p, model)
	if to == nil || ep.Dialect.Spec().ModelInPath && onlyByName(p, to, model) {
		to = header
	}
	if to == nil && ep.Dialect.Spec().ModelInPath && vendorOf(limit.NormalizeModel(model)) != "" {
		to, _ = p.Provider(project.Native(ep.Dialect))
	}
	if only := p.Configured(); to == nil && len(only) == 1 {
		to = only[0]
	}
	if to == nil {
		return Target{}, unknownModel(p, model)
	}
	to = to.In(ep.Dialect)
	if to.Dialect.Spec().ModelInPath || to.Quirks().CollectionNames {
		sent = withoutCollection(sent)
	}
	if model != "" && strings.TrimSpace(sent) == "" {
		return Target{}, refuse(http.StatusBadRequest, "unknown_model", "model",
			"The name %s is only a prefix of the provider %s. Add the model's name after it.", quote(model), to.Name)
	}
	path, err := endpointPath(to, ep, sent)
	if err != nil {
		return Target{}, err
	}
	return Target{Provider: to, Model: sent, Path: path, Stored: to.Stored()}, nil
}

// claim returns the provider that the model's name selects, or nil, and the name to send.
func claim(p *project.Snapshot, model string) (to *project.Provider, sent string) {
	normalized := limit.NormalizeModel(model)
	to, rank := p.Claim(normalized)
	if i := strings.IndexByte(normalized, '/'); i > 0 {
		// The prefix of a provider's name counts as its pattern NAME/*.
		if named, ok := p.Provider(normalized[:i]); ok && (to == nil || 2*(i+1) > rank) {
			_, rest, _ := strings.Cut(model, "/")
			return named, strings.TrimSpace(rest)
		}
	}
	if to != nil {
		return to, model
	}
	if vendor := vendorOf(normalized); vendor != "" {
		to, _ = p.Provider(vendor)
		return to, model
	}
	// models/gemini-2.5-flash is how Google's own API spells a model's full name.
	if bare := withoutCollection(normalized); bare != normalized {
		if vendor, ok := p.Provider(vendorOf(bare)); ok && vendor.Dialect.Spec().ModelInPath {
			return vendor, model
		}
	}
	return nil, model
}

// onlyByName reports whether a provider that does not speak Gemini's dialect claims a model by its built-in name alone.
func onlyByName(p *project.Snapshot, to *project.Provider, model string) bool {
	normalized := limit.NormalizeModel(model)
	by, _ := p.Claim(normalized)
	return !to.Dialect.Spec().ModelInPath && by == nil && vendorOf(normalized) == to.Name
}

// withoutCollection cuts "models/" off a model's name: Google takes both spellings, so a limit must see one.
func withoutCollection(model string) string {
	const collection = "models/"
	for {
		trimmed := strings.TrimSpace(model)
		if len(trimmed) < len(collection) || !strings.EqualFold(trimmed[:len(collection)], collection) {
			return model
		}
		model = trimmed[len(collection):]
	}
}

// named returns the provider that the x-provider header names, nil if it is empty.
func named(p *project.Snapshot, header string) (*project.Provider, error) {
	name := strings.ToLower(strings.TrimSpace(header))
	if name == "" {
		return nil, nil
	}
	if to, ok := p.Provider(name); ok {
		return to, nil
	}
	return nil, refuse(http.StatusBadRequest, "unknown_model", "x-provider",
		"The project has no provider %s. x-provider can be %s.", quote(header), strings.Join(p.ProviderNames(), ", "))
}

func unknownModel(p *project.Snapshot, model string) *wire.Error {
	names := strings.Join(p.ProviderNames(), ", ")
	if strings.TrimSpace(model) == "" {
		return refuse(http.StatusBadRequest, "unknown_model", "model",
			"The request names no model. Name one, or its provider in the header x-provider (%s).", names)
	}
	return refuse(http.StatusBadRequest, "unknown_model", "model",
		"No provider is known for the model %s. Write it as PROVIDER/MODEL, name the provider in the header x-provider, "+
			"or add the model to a provider in the project's settings. The providers are %s.", quote(model), names)
}

// quote shows a client's text in an error, at most 100 bytes of it.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

func refuse(status int, code, param, format string, args ...any) *wire.Error {
	return &wire.Error{Status: status, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// endpointPath returns the path of an endpoint below the provider's base URL. It is built from constants and, where the path
// names it, the model. No other part of the client's path is in it.
func endpointPath(to *project.Provider, ep wire.Endpoint, model string) (string, error) {
	path, ok := to.Dialect.Spec().Paths[ep.Operation]
	if !ok {
		return "", refuse(http.StatusBadRequest, "invalid_request", "model",
			"The model %s belongs to %s, which serves %s, not %s.", quote(model), to.Name, to.Dialect.Spec().Serves, ep.Path)
	}
	before, after, named := strings.Cut(path, "{model}")
	if !named {
		return path, nil
	}
	// A lenient server could take a name with path punctuation for another endpoint.
	if model == "" || strings.ContainsAny(model, "/:%?#\\") || model == "." || model == ".." {
		return "", refuse(http.StatusBadRequest, "unknown_model", "model", "%s is not a model's name. Send the name as the provider writes it.", quote(model))
	}
	if rest, beta := strings.CutPrefix(before, "/v1beta/"); beta && strings.HasPrefix(ep.Path, "/v1/") {
		before = "/v1/" + rest
	}
	return before + url.PathEscape(strings.TrimSpace(model)) + after, nil
}
