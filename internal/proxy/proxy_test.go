package proxy

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestForwardedForIsBelievedOfTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	trusted := Trusted{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tc := range map[string]struct {
		trusted   Trusted
		remote    string
		forwarded []string
		want      string
	}{
		"NoProxy":          {nil, "192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		"NoHeader":         {trusted, "10.0.0.1:5", nil, "10.0.0.1"},
		"NotTrusted":       {trusted, "192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		"One":              {trusted, "10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		"Forged":           {trusted, "10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"ForgedAsProxy":    {trusted, "10.0.0.1:5", []string{"10.9.9.9, 198.51.100.1"}, "198.51.100.1"},
		"TwoProxies":       {trusted, "10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"TwoHeaders":       {trusted, "10.0.0.1:5", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		"OnlyProxies":      {trusted, "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"NotAnAddress":     {trusted, "10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"Empty":            {trusted, "10.0.0.1:5", []string{""}, "10.0.0.1"},
		"WithPort":         {trusted, "10.0.0.1:5", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6":             {trusted, "[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6WithPort":     {trusted, "[fd00::1]:5", []string{"[2001:db8::1]:9"}, "2001:db8::1"},
		"IPv6InBrackets":   {trusted, "[fd00::1]:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"MappedProxy":      {trusted, "[::ffff:10.0.0.1]:5", []string{"198.51.100.1"}, "198.51.100.1"},
		"MappedClient":     {trusted, "10.0.0.1:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"ZoneIsDropped":    {nil, "[fe80::1%eth0]:5", nil, "fe80::1"},
		"NoAddress":        {trusted, "@", []string{"198.51.100.1"}, "invalid IP"},
		"NetworkInHeader":  {trusted, "10.0.0.1:5", []string{"198.51.100.0/24"}, "10.0.0.1"},
		"SpacesAround":     {trusted, "10.0.0.1:5", []string{"  198.51.100.1  "}, "198.51.100.1"},
		"CommaAtTheEnd":    {trusted, "10.0.0.1:5", []string{"198.51.100.1,"}, "10.0.0.1"},
		"NameInTheHeader":  {trusted, "10.0.0.1:5", []string{"localhost"}, "10.0.0.1"},
		"UntrustedBetween": {trusted, "10.0.0.1:5", []string{"10.0.0.7, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{"X-Forwarded-For": tc.forwarded}}
		if got := tc.trusted.Client(r).String(); got != tc.want {
			t.Errorf("%s: client %s, want %s", name, got, tc.want)
		}
	}
}

func TestBlocksAreWhatOneCustomerHas(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "2001:db8:1:2ff:3:4:5:6": "2001:db8:1:200::/56",
	} {
		if got := Block(netip.MustParseAddr(address)); got != want {
			t.Errorf("block of %s: %s, want %s", address, got, want)
		}
	}
	if got := Block(netip.Addr{}); got != "unknown" {
		t.Errorf("block of no address: %s", got)
	}
}
