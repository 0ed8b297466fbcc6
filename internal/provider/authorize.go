package provider

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Credential is the header and the query of a request to a provider. Either may contain a key, so neither may be logged.
type Credential struct {
	Header http.Header
	Query  string // raw, without the question mark
}

// Authorize returns the headers and the query for a request to its target. They hold one key: the stored key in its place
// of the vendor's own API, or else the client's key in the client's own place.
//
// The error is a *wire.Error: missing_provider_key, key_provider_mismatch, invalid_request for a query that would
// change the answer's form, or unavailable if the stored key cannot be opened. In the last case, neither the sealed text
// nor the client's key replaces it.
//
// caller is the project key of the request: no header or parameter that holds it is sent.
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
	if place == project.PlaceQuery {
		if query != "" {
			query += "&"
		}
		query += "key=" + url.QueryEscape(key)
	} else {
		setKey(header, place, key)
	}
	return Credential{Header: header, Query: query}, nil
}

// setKey puts a key into its place in a header.
func setKey(header http.Header, place project.Place, key string) {
	switch place {
	case project.PlaceBearer:
		header["Authorization"] = []string{"Bearer " + key}
	case project.PlaceAPIKey:
		header["X-Api-Key"] = []string{key}
	case project.PlaceGoogAPIKey:
		header["X-Goog-Api-Key"] = []string{key}
	}
}

// credential chooses the key to send and its place. The key is "" for a server of the developer's own that needs no key,
// such as Ollama or vLLM: it has no stored key, and the client sent none. It is "" for the echo too.
func credential(p *project.Provider, d wire.Dialect, in http.Header, rawQuery string) (project.Place, string, error) {
	native := project.NativePlace(d)
	if p.Echoes() {
		return native, "", nil // it needs no key, and gets none
	}
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
			"The sent API key is not a key of %s, which serves this model, so it was not forwarded. Send a key of %s, or call "+
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

// forProvider reports whether a sent key is not a project key.
func forProvider(key string) bool { return key != "" && !strings.HasPrefix(key, "pk_") }

// belongs reports whether a client's key may go to a provider, judged by the key's shape. A project's own provider gets a
// built-in vendor's key only if it is that vendor's server under another name.
func belongs(key string, p *project.Provider) bool {
	// The developer has mistaken a key of the gateway for a provider's.
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
	return !ok || project.SameHost(vendor.BaseURL, p.BaseURL)
}

// hiding are Google's query parameters ("system parameters") that make the usage of an answer unreadable, or that replace
// the checked method, headers or key. All parameters with a $ are refused.
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
			"The query parameter %s is not supported: it changes the request or hides its usage. Leave it out.", quote(name))
	}
	return nil
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
