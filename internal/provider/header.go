package provider

import (
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Only listed headers of a client go to a provider. Another gateway behind this one would obey unlisted headers
// (x-portkey-custom-host, helicone-*, cf-aig-*) and could send a stored key to a host that they name.

// forwarded are the request headers that go to every provider, besides those with the prefix stainless.
var forwarded = project.HeaderSet{
	"Content-Type": true, "Accept": true, "User-Agent": true,
	"Openai-Beta": true, "Anthropic-Version": true, "Anthropic-Beta": true, "Anthropic-Dangerous-Direct-Browser-Access": true,
	"X-Goog-Api-Client": true, "X-Client-Request-Id": true,
}

// stainless is the prefix of headers in which the vendors' SDKs describe themselves.
const stainless = "X-Stainless-"

// forwardedUnstored are request headers that go out only with a client's own key: they choose the account that pays.
var forwardedUnstored = project.HeaderSet{"Openai-Organization": true, "Openai-Project": true, "X-Goog-User-Project": true}

// once are the request headers that may come only once, because servers read repeated ones differently.
var once = project.HeaderSet{
	"Content-Type": true, "User-Agent": true, "Anthropic-Version": true, "Anthropic-Dangerous-Direct-Browser-Access": true,
	"X-Goog-Api-Client": true, "X-Client-Request-Id": true, "Openai-Organization": true, "Openai-Project": true, "X-Goog-User-Project": true,
	"Origin": true, "Expect": true,
}

// onceEach are headers of the gateway that may come more than once with the same value.
var onceEach = project.HeaderSet{"X-Project-Key": true, "X-Tier": true, "X-Provider": true}

// Repeated reports whether a request header that may come only once came more often.
func Repeated(name string, values []string) bool {
	switch {
	case len(values) < 2:
		return false
	case once[name], strings.HasPrefix(name, stainless):
		return true
	case !onceEach[name]:
		return false
	}
	for _, v := range values[1:] {
		if strings.TrimSpace(v) != strings.TrimSpace(values[0]) {
			return true
		}
	}
	return false
}

// identityOnly is the same for every request: the transport only reads it.
var identityOnly = []string{"identity"}

// OutgoingHeader returns the client's headers that go to a provider. Authorize adds the key. Values are shared with in.
// stored says that the project's stored key is used; caller is the project key. Connection is ignored: no listed header is
// hop-by-hop, and a client must not remove a listed one.
func OutgoingHeader(in http.Header, p *project.Provider, stored bool, caller string) http.Header {
	out := make(http.Header, min(len(in), len(forwarded))+2)
	for name, values := range in {
		if (forwarded[name] || p.Forward[name] || !stored && forwardedUnstored[name] || ofStainless(name)) && !anyProjectKey(values, caller) {
			out[name] = values
		}
	}
	// Answers are read for their usage and passed on unchanged, so they must not come compressed.
	out["Accept-Encoding"] = identityOnly
	return out
}

// ofStainless reports whether a header's name has the prefix stainless. Some servers read an underscore as a hyphen, and
// so another name.
func ofStainless(name string) bool {
	return strings.HasPrefix(name, stainless) && !strings.Contains(name, "_")
}

func anyProjectKey(values []string, caller string) bool {
	for _, v := range values {
		if holdsProjectKey(v, caller) {
			return true
		}
	}
	return false
}

// holdsProjectKey reports whether text contains the caller's project key, or a word that looks like another one.
func holdsProjectKey(s, caller string) bool {
	if caller != "" && strings.Contains(s, caller) {
		return true
	}
	for {
		i := strings.Index(s, "pk_")
		if i < 0 {
			return false
		}
		start := i == 0 || !isWord(s[i-1])
		s = s[i:]
		end := 3
		for end < len(s) && isWord(s[end]) {
			end++
		}
		if start && project.IsKey(s[:end]) {
			return true
		}
		s = s[end:]
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
}

// returned are the response headers of a provider that a client always sees. They describe the body, or say nothing about
// an account.
var returned = [...]string{
	"Content-Type", "Content-Length", "Content-Encoding", "Retry-After", "Openai-Processing-Ms", "Openai-Version", "Openai-Model",
}

// ResponseHeader adds to dst the response headers of a provider that the client may see. stored says that the project's
// stored key was used: headers that describe its account, and values that hold the key, are left out. limited says that
// limits of the gateway are in force, whose x-ratelimit-* headers replace the provider's. Values are shared with src. The
// provider's request id becomes X-Provider-Request-Id; the caller sets X-Request-Id.
func ResponseHeader(dst, src http.Header, p *project.Provider, stored, limited bool) {
	for _, name := range returned {
		if values, ok := src[name]; ok {
			pass(dst, name, values, p, stored)
		}
	}
	if !stored || p.Return != nil {
		for name, values := range src {
			limits := strings.HasPrefix(name, "X-Ratelimit-")
			if p.Return[name] || !stored && (limits && !limited || strings.HasPrefix(name, "Anthropic-")) {
				pass(dst, name, values, p, stored)
			}
		}
	}
	for _, name := range [...]string{"X-Request-Id", "Request-Id"} {
		if values := src[name]; len(values) > 0 && values[0] != "" {
			pass(dst, "X-Provider-Request-Id", values[:1], p, stored)
			break
		}
	}
}

func pass(dst http.Header, name string, values []string, p *project.Provider, stored bool) {
	if stored {
		for _, v := range values {
			if p.Quotes(v) {
				return
			}
		}
	}
	dst[name] = values
}

// Passed reports whether a header of an answer is the provider's and should be exposed to browser apps.
func Passed(p *project.Provider, name string) bool {
	return p.Return[name] || strings.HasPrefix(name, "Anthropic-") || strings.HasPrefix(name, "X-Ratelimit-")
}

// forwardQuery returns the query parameters that go to the provider: those that the endpoint's dialect documents, in the
// one spelling that all servers read alike. Others are dropped. Google's parameters that would change the request or hide
// its usage are refused, so that the client notices.
func forwardQuery(p *project.Provider, d wire.Dialect, rawQuery string) (string, error) {
	var kept string
	for rawQuery != "" {
		var parameter string
		parameter, rawQuery, _ = strings.Cut(rawQuery, "&")
		name, v, _ := strings.Cut(parameter, "=")
		name, v = unescape(name), unescape(v)
		switch {
		case d == wire.Anthropic && name == "beta" && v == "true":
			kept = "beta=true"
		case p.Dialect == wire.Gemini:
			if err := checkGeminiParameter(name, v); err != nil {
				return "", err
			}
			if d != wire.Gemini || name != "alt" {
				continue
			}
			if asked := "alt=" + v; kept == "" || kept == asked {
				kept = asked
				continue
			}
			return "", refuse(http.StatusBadRequest, "invalid_request", "alt", "The query parameter alt is there twice. Send it once.")
		}
	}
	return kept, nil
}
