package project

import (
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
)

// HeaderSet is a set of header names in their canonical form.
type HeaderSet map[string]bool

func headerSet(names []string) HeaderSet {
	if len(names) == 0 {
		return nil
	}
	set := make(HeaderSet, len(names))
	for _, name := range names {
		set[http.CanonicalHeaderKey(name)] = true
	}
	return set
}

// perHop are the headers of one connection (RFC 9110, section 7.6.1), and those that frame a message.
var perHop = HeaderSet{
	"Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Http2-Settings": true,
	"Content-Length": true, "Content-Encoding": true, "Content-Type": true, "Expect": true, "Host": true, "Accept-Encoding": true,
}

// notForwarded are headers that no setting can send to a provider: the gateway's own, keys, cookies, and headers about
// the client's connection.
var notForwarded = HeaderSet{
	"X-Project-Key": true, "X-Identity": true, "X-Tier": true, "X-Provider": true,
	"X-Identity-Token": true, "X-Firebase-Appcheck": true, // reserved for proofs of an identity
	"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Api-Key": true,
	"Cookie": true, "Cookie2": true, "Via": true, "Origin": true, "Referer": true, "Forwarded": true,
}

// notReturned are headers of a provider that no setting can show to clients: the gateway's own, cookies, and headers
// about the provider's origin, which a client would apply to the gateway's.
var notReturned = HeaderSet{
	"X-Request-Id": true, "X-Provider-Request-Id": true, "X-Content-Type-Options": true, "Content-Security-Policy": true,
	"Set-Cookie": true, "Set-Cookie2": true, "Www-Authenticate": true, "Location": true, "Refresh": true,
	"Alt-Svc": true, "Strict-Transport-Security": true, "Clear-Site-Data": true, "Nel": true, "Report-To": true, "Reporting-Endpoints": true,
	"Service-Worker-Allowed": true, "Sourcemap": true,
}

// forwardedName checks an entry of a provider's forwardHeaders.
func forwardedName(path, name string) (string, error) {
	return headerName(path, name, "cannot be forwarded to a provider", notForwarded, "Proxy-", "Sec-", "Access-Control-", "X-Forwarded-")
}

// returnedName checks an entry of a provider's returnHeaders.
func returnedName(path, name string) (string, error) {
	return headerName(path, name, "cannot be returned to clients", notReturned, "Proxy-", "Sec-", "Access-Control-", "Ratelimit", "X-Ratelimit")
}

func headerName(path, name, why string, except HeaderSet, prefixes ...string) (string, error) {
	const most = 64
	if name == "" || len(name) > most || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	}) {
		return "", document.Errorf(path, "is not a header's name: 1 to %d letters, digits and hyphens", most)
	}
	canonical := http.CanonicalHeaderKey(name)
	refused := perHop[canonical] || except[canonical]
	for _, prefix := range prefixes {
		refused = refused || strings.HasPrefix(canonical, prefix)
	}
	if refused {
		return "", document.Errorf(path, "%s", "is "+canonical+", which "+why+"; leave it out")
	}
	return canonical, nil
}
