package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHealthcheckTellsWhetherTheServerIsReady(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		status    int
		body      string
		code      int
		out, errs string
	}{
		{"Ready", 200, `{"status":"ready"}`, 0, "ready", ""},
		{"Draining", 503, `{"status":"draining","reason":"the server is shutting down"}`, exitFailed, "", "not ready: {\"status\":\"draining\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("asked %s", r.URL.Path)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			u, err := url.Parse(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			got := runWith(t, map[string]string{"PORT": u.Port()}, "", "healthcheck")
			if got.code != tc.code || !strings.Contains(got.out, tc.out) || !strings.Contains(got.err, tc.errs) {
				t.Errorf("exit %d, out %q, err %q; want %d, %q, %q", got.code, got.out, got.err, tc.code, tc.out, tc.errs)
			}
		})
	}
	t.Run("NotServing", func(t *testing.T) {
		t.Parallel()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		_ = ln.Close()
		if got := runWith(t, map[string]string{"PORT": port}, "", "healthcheck"); got.code != exitFailed || !strings.Contains(got.err, "not serving") {
			t.Errorf("exit %d, err %q; want %d, not serving", got.code, got.err, exitFailed)
		}
	})
}
