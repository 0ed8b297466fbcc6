// Package proxy finds the client behind the proxies of an operator.
//
// Invariant: X-Forwarded-For is believed only as far as trusted proxies have written it. Nothing else in the program reads
// the header.
package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Trusted are the networks of the operator's proxies; nil trusts none.
type Trusted []netip.Prefix

// Client returns the address of a request's client: the connection's own, or if that is a trusted proxy's, the last
// address in X-Forwarded-For that is not. It is the zero Addr if the connection has no IP address.
func (t Trusted) Client(r *http.Request) netip.Addr {
	client := parse(r.RemoteAddr)
	for _, hop := range slices.Backward(strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")) {
		if !t.has(client) {
			break
		}
		before := parse(strings.TrimSpace(hop))
		if !before.IsValid() {
			break
		}
		client = before
	}
	return client
}

func (t Trusted) has(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(t, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parse reads an address with or without a port. A zone is dropped, and an IPv4 address is never in IPv6 form.
func parse(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Block returns the block of addresses that one customer of a network may have: a /24 of IPv4, a /56 of IPv6. Limits
// count by block, because whoever has one address of it can have the others.
func Block(a netip.Addr) string {
	if !a.IsValid() {
		return "unknown"
	}
	bits := 24
	if a.Is6() {
		bits = 56
	}
	return netip.PrefixFrom(a, bits).Masked().String()
}
