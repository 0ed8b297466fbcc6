package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "104.18.6.192": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.255.255": true, "100.128.0.0": true,
		"2606:4700::1": true, "2a00:1450:4001:80e::200a": true, "::ffff:1.1.1.1": true, "64:ff9b::1.1.1.1": true,

		"127.0.0.1": false, "127.1.2.3": false, "::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd12:3456::1": false,
		"169.254.169.254": false, "169.254.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "fd00:ec2::254": false,
		"100.64.0.1": false, "100.100.100.200": false, "100.127.255.255": false, "168.63.129.16": false, "192.0.0.192": false,
		"192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "192.88.99.1": false, "2001:db8::1": false, "3fff::1": false,
		"224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false, "ff02::1": false, "100::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b:1::1.1.1.1": false,
		"2002:7f00:1::": false, "2002:a9fe:a9fe::": false, "2001::1": false, "4000::1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("public(%s) = %v; want %v", address, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

// The address is checked as it is dialled: a name that resolves to it is refused like the address itself.
func TestConnectionsToPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	transport := NewTransport(TransportConfig{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.255.255.1", "169.254.169.254"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+net.JoinHostPort(trim(host), port), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		var dial *net.OpError
		if !errors.Is(err, ErrForbiddenAddress) || !errors.As(err, &dial) || dial.Op != "dial" {
			t.Errorf("%s: error %v; want a dial error that is ErrForbiddenAddress", host, err)
		}
	}
	if reached {
		t.Error("the server was reached")
	}
	if err := publicOnly(context.Background(), "tcp4", "garbage", nil); err == nil {
		t.Error("an address that cannot be read is allowed")
	}
}

func trim(host string) string {
	if host[0] == '[' {
		return host[1 : len(host)-1]
	}
	return host
}

func TestPrivateAddressesCanBeAllowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") == "gzip" {
			t.Error("the transport asks for compression on its own")
		}
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer server.Close()
	transport := NewTransport(TransportConfig{AllowPrivate: true})
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/redirect", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Errorf("status %d; want the redirect itself", resp.StatusCode)
	}
}

func TestTransportSpeaksHTTP2AndNotThroughProxies(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := NewTransport(TransportConfig{AllowPrivate: true, HeaderTimeout: time.Minute})
	defer transport.CloseIdleConnections()
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "HTTP/2.0" {
		t.Errorf("protocol %s; want HTTP/2.0", body)
	}
	if transport.ResponseHeaderTimeout != time.Minute {
		t.Errorf("header timeout %v", transport.ResponseHeaderTimeout)
	}
}
