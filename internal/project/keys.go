package project

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// IsKey reports whether s has the form of a project key: "pk_" and at most 128 characters in all. The project need not
// exist.
func IsKey(s string) bool {
	const most = 128
	rest, ok := strings.CutPrefix(s, "pk_")
	if !ok || rest == "" || len(s) > most {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// TokenStart begins the tokens that later versions give to verified identities. Until then a request with such a token is
// refused.
const TokenStart = "st_"

// Place is one of the places in which the vendors' SDKs put their API key.
type Place uint8

// The places: "Authorization: Bearer", x-api-key (Anthropic), x-goog-api-key and ?key= (Google).
const (
	PlaceBearer Place = iota
	PlaceAPIKey
	PlaceGoogAPIKey
	PlaceQuery

	NumPlaces = 4
)

var placeNames = [NumPlaces]string{"Authorization", "x-api-key", "x-goog-api-key", "the query parameter key"}

// NativePlace is the key's place in a dialect's own API. The OpenAI-compatible endpoints of all vendors take a bearer token.
func NativePlace(d wire.Dialect) Place {
	return Place(slices.Index(placeNames[:], d.Spec().KeyPlace))
}

// String returns the place's name for developers.
func (p Place) String() string { return placeNames[p] }

// SentKeys are the keys of a request by place, both project keys and providers' keys; "" for none.
type SentKeys [NumPlaces]string

// KeysOf finds the keys of a request. One place with two different keys is an error, which quotes neither.
func KeysOf(h http.Header, rawQuery string) (SentKeys, error) {
	var keys SentKeys
	for _, s := range h["Authorization"] {
		if err := keys.add(PlaceBearer, bearer(s)); err != nil {
			return keys, err
		}
	}
	for _, s := range h["X-Api-Key"] {
		if err := keys.add(PlaceAPIKey, s); err != nil {
			return keys, err
		}
	}
	for _, s := range h["X-Goog-Api-Key"] {
		if err := keys.add(PlaceGoogAPIKey, s); err != nil {
			return keys, err
		}
	}
	for rawQuery != "" {
		var parameter string
		parameter, rawQuery, _ = strings.Cut(rawQuery, "&")
		if name, s, _ := strings.Cut(parameter, "="); isKeyParameter(name) {
			if unescaped, err := url.QueryUnescape(s); err == nil {
				s = unescaped
			}
			if err := keys.add(PlaceQuery, s); err != nil {
				return keys, err
			}
		}
	}
	return keys, nil
}

func (k *SentKeys) add(p Place, s string) error {
	s = strings.TrimSpace(s)
	if s == "" || s == k[p] {
		return nil
	}
	if k[p] != "" {
		return fmt.Errorf("two different keys in %s", p)
	}
	k[p] = s
	return nil
}

// bearer returns the token of an Authorization header, or "" for another scheme.
func bearer(s string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(s), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// isKeyParameter reports whether a query parameter's name, as written, is that of the API key.
func isKeyParameter(name string) bool {
	if strings.ContainsAny(name, "%+") {
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
	}
	return strings.EqualFold(name, "key")
}
