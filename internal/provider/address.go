package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrForbiddenAddress reports that a provider's name resolved to an address that is not public.
var ErrForbiddenAddress = errors.New("not a public address; an operator can allow it with ALLOW_PRIVATE_UPSTREAMS")

// publicOnly refuses a connection by the address that is dialled. An earlier check would miss a name that resolves
// differently the second time.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if !public(ap.Addr()) {
		return fmt.Errorf("%s: %w", ap.Addr(), ErrForbiddenAddress)
	}
	return nil
}

// special are blocks with the form of global unicast addresses that are assigned as private, local, reserved or
// documentation (IANA special-purpose address registries), and cloud metadata servers outside those blocks.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32", // Azure
	"2001::/23",        // protocol assignments, including Teredo
	"2001:db8::/32", "3fff::/20",
	"2002::/16", // 6to4: any IPv4 address within
)

var (
	globalIPv6 = netip.MustParsePrefix("2000::/3")     // all global unicast addresses that IANA has assigned
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: an IPv4 address in the last four bytes
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public reports whether an address is on the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !globalIPv6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
