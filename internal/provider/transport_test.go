package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
)

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
		if got := r.UserAgent(); got != "" {
			t.Errorf("the transport calls itself %q", got)
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

// A proxy is used where the operator names one, for https only.
func TestProxy(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	secure, open := httptest.NewTLSServer(handler), httptest.NewServer(handler)
	defer secure.Close()
	defer open.Close()
	tunnels, proxy := proxyServer(t)
	config := TransportConfig{TLS: secure.Client().Transport.(*http.Transport).TLSClientConfig, Proxy: proxy}
	transport := newTestTransport(t, config)
	for _, address := range []string{open.URL, secure.URL} {
		if status, got := exchange(t, transport, post(t, t.Context(), address, "hello")); status != 200 || got != "hello" {
			t.Errorf("%s: %d %q; want 200, hello", address, status, got)
		}
	}
	if n := tunnels.Load(); n != 1 {
		t.Errorf("%d tunnels; want 1, for https", n)
	}

	forbidding := NewTransport(TransportConfig{Proxy: config.Proxy})
	resp, err := forbidding.RoundTrip(post(t, t.Context(), "https://provider.example", "x"))
	if err == nil {
		resp.Body.Close()
	}
	var dial *net.OpError
	if !errors.Is(err, ErrForbiddenAddress) || !errors.As(err, &dial) || dial.Op != "proxyconnect" {
		t.Errorf("a proxy on a private address: %v; want a proxyconnect error that is ErrForbiddenAddress", err)
	}
	if NewTransport(TransportConfig{}).http.Proxy != nil {
		t.Error("a proxy of the environment is obeyed")
	}
}

// proxyServer is a proxy that asks for a password, and its address.
func proxyServer(t *testing.T) (tunnels *atomic.Int64, address *url.URL) {
	t.Helper()
	tunnels = new(atomic.Int64)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			t.Errorf("%s %s without a password; want CONNECT with one", r.Method, r.RequestURI)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		tunnels.Add(1)
		w.WriteHeader(http.StatusOK)
		c, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		go func() { _, _ = io.Copy(to, buffered) }()
		_, _ = io.Copy(c, to)
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("u", "p")
	return tunnels, address
}
