package provider

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Credential is what goes to a provider beside its URL and the body. Either part may contain a key: neither is for logs.
type Credential struct {
	Header http.Header
	Query  string // raw, without the question mark
}

// Authorize returns the headers and the query with which a request goes to its target: the stored key in the place
// where the vendor's own API has it, or else the client's key in the place where the client put it, and no other.
//
// The error is a *wire.Error: missing_provider_key, key_provider_mismatch, invalid_request for a query that would
// change the answer's form, or unavailable where the stored key cannot be opened. Then nothing is sent: neither the
// sealed text nor the client's key stands in for it.
//
// caller is the project key that the request came with: nothing that holds it goes out.
func Authorize(t Target, ep wire.Endpoint, in http.Header, rawQuery, caller string) (Credential, error) {
	query, err := forwardQuery(t.Provider, ep.Dialect, rawQuery)
	if err != nil {
		return Credential{}, err
	}
	place, key, err := credential(t.Provider, ep.Dialect, in, rawQuery)
	if err != nil {
		return Credential{}, err
	}
	header := OutgoingHeader(in, t.Provider, t.Stored, caller)
	if key == "" {
		return Credential{Header: header, Query: query}, nil
	}
	switch place {
	case project.PlaceBearer:
		header["Authorization"] = []string{"Bearer " + key}
	case project.PlaceAPIKey:
		header["X-Api-Key"] = []string{key}
	case project.PlaceGoogAPIKey:
		header["X-Goog-Api-Key"] = []string{key}
	case project.PlaceQuery:
		if query != "" {
			query += "&"
		}
		query += "key=" + url.QueryEscape(key)
	}
	return Credential{Header: header, Query: query}, nil
}

// credential chooses the key to send and its place. The key is "" where the provider is a server of the developer's own,
// such as Ollama or vLLM, that asks for none: it has no stored key and the client sent none.
func credential(p *project.Provider, d wire.Dialect, in http.Header, rawQuery string) (project.Place, string, error) {
	native := nativePlace(d)
	if p.KeyError != nil {
		return 0, "", refuse(http.StatusServiceUnavailable, "unavailable", "",
			"The project's stored key for %s cannot be opened. Set it again in the project's settings.", p.Name)
	}
	if p.Key != "" {
		return native, p.Key, nil
	}
	keys, err := project.KeysOf(in, rawQuery)
	if err != nil {
		return 0, "", refuse(http.StatusBadRequest, "invalid_request", "", "The request has %v. Send one.", err)
	}
	place, ok := pick(keys, native)
	if !ok && !p.Builtin && p.Vendor == "" {
		return native, "", nil
	}
	if !ok {
		return 0, "", refuse(http.StatusUnauthorized, "missing_provider_key", "",
			"There is no API key for %s: store one in the project's settings, or send the provider's own as the vendor's SDK does "+
				"and the project key in x-project-key.", p.Name)
	}
	key := keys[place]
	if !belongs(key, p) {
		return 0, "", refuse(http.StatusBadRequest, "key_provider_mismatch", "",
			"The API key sent is not one of %s, which serves this model, so it was not forwarded. Send the key of %s, or call "+
				"a model of the key's own vendor.", p.Name, p.Name)
	}
	return place, key, nil
}

// pick returns the place of the client's provider key: the endpoint's own place first.
func pick(keys project.SentKeys, native project.Place) (project.Place, bool) {
	if forProvider(keys[native]) {
		return native, true
	}
	for place := range project.Place(project.NumPlaces) {
		if forProvider(keys[place]) {
			return place, true
		}
	}
	return 0, false
}

// forProvider reports whether a sent key is not one of ours.
func forProvider(key string) bool { return key != "" && !strings.HasPrefix(key, "pk_") }

// nativePlace is where the vendor's own API has the key. The OpenAI-compatible endpoints of all vendors take a bearer.
func nativePlace(d wire.Dialect) project.Place {
	switch d {
	case wire.Anthropic:
		return project.PlaceAPIKey
	case wire.Gemini:
		return project.PlaceGoogAPIKey
	default:
		return project.PlaceBearer
	}
}

// belongs reports whether a key that a client sent may go to a provider, as far as its shape tells. A provider of the
// project's own gets a built-in vendor's key only if it is that vendor's server under another name.
func belongs(key string, p *project.Provider) bool {
	// Ours, which a developer mistook for the provider's.
	if _, _, ok := secret.ParseSecretKey(key); ok {
		return false
	}
	if p.Builtin {
		return project.KeyFits(key, p.Name)
	}
	owner := project.KeyOwner(key)
	if owner == "" {
		return true
	}
	vendor, ok := project.VendorOf(owner)
	return !ok || sameHost(vendor.BaseURL, p.BaseURL)
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && strings.EqualFold(ua.Host, ub.Host)
}

// hiding are Google's query parameters that reshape an answer so that its usage cannot be read, or replace the
// method, the headers or the key that were checked (Google's "system parameters"). Those with a $ are refused as a whole.
var hiding = map[string]bool{
	"fields": true, "callback": true, "access_token": true, "oauth_token": true, "quotauser": true, "userproject": true,
	"uploadtype": true, "upload_protocol": true, "content-type": true, "x-http-method-override": true,
}

func checkGeminiParameter(name, v string) error {
	lower := strings.ToLower(name)
	switch {
	case lower == "alt" && (v == "json" || v == "sse"):
		return nil
	case lower == "alt":
		return refuse(http.StatusBadRequest, "invalid_request", "alt", "The query parameter alt can be json or sse.")
	case hiding[lower] || strings.HasPrefix(lower, "$"):
		return refuse(http.StatusBadRequest, "invalid_request", name,
			"The query parameter %s is not supported: it changes what is asked or what the answer shows of its usage. Leave it out.", quote(name))
	}
	return nil
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
