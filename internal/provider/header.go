package provider

import (
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
)

// withheld are the request headers that never go to a provider.
var withheld = map[string]bool{
	// ours
	"X-Project-Key": true, "X-Identity": true, "X-Tier": true, "X-Provider": true,
	// keys, of which Authorize adds the one that belongs there; Api-Key is Azure's place for one
	"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Api-Key": true,
	// the client's, of no concern to the provider. Anthropic refuses a server's call that carries an Origin
	"Cookie": true, "Cookie2": true, "Via": true, "Origin": true, "Baggage": true, "Cdn-Loop": true,
	// hop by hop (RFC 9110, 7.6.1), beside those that Connection names
	"Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Http2-Settings": true,
	// the transport's business: the body is whole and its length known
	"Content-Length": true, "Expect": true, "Accept-Encoding": true, "Host": true,
	// would make the upstream serve something else than what was checked, or hide its usage
	"X-Goog-Fieldmask": true, "X-Http-Method": true, "X-Original-Url": true, "X-Rewrite-Url": true, "X-Original-Host": true, "X-Host": true,
}

// withheldStored are those that do not go out with a stored key: they choose the account that pays, or restrict a
// key that is not the client's.
var withheldStored = map[string]bool{
	"X-Goog-User-Project": true, "Openai-Organization": true, "Openai-Project": true, "Referer": true,
}

// identityOnly is the same for every request: the transport only reads it.
var identityOnly = []string{"identity"}

// OutgoingHeader returns the client's headers that go to a provider. It contains no key: Authorize adds that. Values
// are shared with in; stored tells that the project's own key is used, caller is the project's key.
func OutgoingHeader(in http.Header, stored bool, caller string) http.Header {
	out := make(http.Header, len(in)+3)
	perHop := connectionOptions(in)
	for name, values := range in {
		if withheld[name] || stored && withheldStored[name] || perHop[name] || withheldPrefix(name) || fromProxy(name) || anyProjectKey(name, values, caller) {
			continue
		}
		out[name] = values
	}
	// Answers are read for their usage and passed on unchanged, so they must not come compressed.
	out["Accept-Encoding"] = identityOnly
	return out
}

func withheldPrefix(name string) bool {
	return strings.HasPrefix(name, "Proxy-") || strings.HasPrefix(name, "Sec-") ||
		strings.HasPrefix(name, "Access-Control-") || strings.Contains(name, "Method-Override")
}

// proxies start the names of headers in which hosting platforms and proxies tell of the client: its address, its
// country, its connection.
var proxies = [...]string{"Cf-", "Fly-", "X-Vercel-", "X-Envoy-", "X-Appengine-", "X-Azure-", "X-Amz-Cf-", "X-Nf-"}

// fromProxy reports whether a header tells of the client what a proxy in front of us has seen. Cloudflare's cf-aig-*
// are none: a client steers an AI gateway with them.
func fromProxy(name string) bool {
	for _, suffix := range [...]string{"-Ip", "-Ipv6", "-Addr", "-Address"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	for _, prefix := range proxies {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, "Cf-Aig-") {
			return true
		}
	}
	return strings.Contains(name, "Forwarded") // Forwarded, X-Forwarded-For, X-Original-Forwarded-For
}

// connectionOptions returns the headers that Connection names, or nil. What most clients say there, keep-alive or
// close, is about the connection itself.
func connectionOptions(h http.Header) map[string]bool {
	var names map[string]bool
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name == "" || strings.EqualFold(name, "keep-alive") || strings.EqualFold(name, "close") {
				continue
			}
			if names == nil {
				names = make(map[string]bool)
			}
			names[http.CanonicalHeaderKey(name)] = true
		}
	}
	return names
}

func anyProjectKey(name string, values []string, caller string) bool {
	if caller != "" && strings.Contains(name, "_") && strings.Contains(strings.ToLower(name), strings.ToLower(caller)) {
		return true
	}
	for _, v := range values {
		if holdsProjectKey(v, caller) {
			return true
		}
	}
	return false
}

// holdsProjectKey reports whether text contains a project key, as a Referer or a proxy's own header can: the caller's,
// wherever it stands, or what looks like another one.
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

// dropped are the response headers that never reach a client: those of one connection, cookies, and those that speak
// of the provider's origin and would be taken to speak of ours.
var dropped = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Set-Cookie": true, "Set-Cookie2": true,
	"Alt-Svc": true, "Strict-Transport-Security": true, "Clear-Site-Data": true, "Nel": true, "Report-To": true, "Reporting-Endpoints": true,
	"X-Request-Id": true, // ours takes its place
}

// droppedStored are those that name or describe the account of a stored key.
var droppedStored = map[string]bool{
	"Openai-Organization": true, "Openai-Project": true, "Anthropic-Organization-Id": true, "Anthropic-Workspace-Id": true,
	"X-Goog-User-Project": true, "X-Goog-Quota-User": true,
}

// ofAccount reports whether a response header describes the limits of the account whose key was used: Anthropic has
// anthropic-ratelimit-*, and for some plans anthropic-priority-input-tokens-remaining and its like.
func ofAccount(name string) bool {
	if !strings.HasPrefix(name, "Anthropic-") {
		return droppedStored[name] || strings.HasPrefix(name, "X-Goog-Quota-")
	}
	return droppedStored[name] || strings.HasPrefix(name, "Anthropic-Ratelimit-") ||
		strings.Contains(name, "-Tokens-") || strings.Contains(name, "-Requests-")
}

// ResponseHeader adds to dst what of a provider's response headers the client may see. stored tells that the
// project's own key was used, ours that limits of ours are in force, whose x-ratelimit-* take the place of the
// provider's. Values are shared with src. The provider's request id appears as X-Provider-Request-Id; X-Request-Id is left for the caller to set.
func ResponseHeader(dst, src http.Header, stored, ours bool) {
	perHop := connectionOptions(src)
	for name, values := range src {
		switch {
		case dropped[name], perHop[name], strings.HasPrefix(name, "Proxy-"), strings.HasPrefix(name, "Access-Control-"):
		case stored && ofAccount(name):
		case (stored || ours) && (strings.HasPrefix(name, "X-Ratelimit") || strings.HasPrefix(name, "Ratelimit")):
		default:
			if here := dst[name]; here != nil {
				values = append(here, values...)
			}
			dst[name] = values
		}
	}
	for _, name := range [...]string{"X-Request-Id", "Request-Id"} {
		if id := src.Get(name); id != "" {
			dst.Set("X-Provider-Request-Id", id)
			break
		}
	}
}
