package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// build is a small build: a page, a script in its compressed forms, and a picture as it is.
func build(t *testing.T) *Handler {
	t.Helper()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(w, "script"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return newHandler(fstest.MapFS{
		"dist-missing.html":          {Data: []byte("missing")},
		"dist/index.html":            {Data: []byte(`<script type="module" nonce="CSP_NONCE"></script><style nonce="CSP_NONCE"></style>`)},
		"dist/assets/main-1a.js.br":  {Data: []byte("brotli")},
		"dist/assets/main-1a.js.gz":  {Data: zipped.Bytes()},
		"dist/assets/picture-2b.png": {Data: []byte("picture")},
		"dist/favicon.svg":           {Data: []byte("<svg/>")},
	})
}

func get(h http.Handler, path, encodings string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if encodings != "" {
		r.Header.Set("Accept-Encoding", encodings)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServes(t *testing.T) {
	t.Parallel()
	h := build(t)
	for path, want := range map[string]bool{
		"/": true, "/login": true, "/invite": true, "/projects": true, "/account": true, "/p/pk_1/limits": true, "/p/pk_1/limits/history": true,
		"/assets/main-1a.js": true, "/assets/none.js": true, "/favicon.svg": true,
		"/p": false, "/p/": false, "/p/../v1/usage": false, "/p//x": false, "/login/": false, "//": false, "/assets/../index.html": false, "/assets": false,
		"/models": false, "/favicon.ico": false, "/v1/usage": false, "/api/meta": false, "/healthz": false,
	} {
		if got := h.Serves(path); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
}

var (
	policyNonce = regexp.MustCompile(`script-src 'nonce-([A-Za-z0-9+/]{24})'`)
	pageNonce   = regexp.MustCompile(`nonce="([^"]*)"`)
)

// A nonce that is known before protects nothing: each answer has its own, in the header and at each script and style.
func TestEveryPageHasItsOwnNonce(t *testing.T) {
	t.Parallel()
	h, seen := build(t), map[string]bool{}
	for _, path := range []string{"/", "/", "/login", "/p/pk_1/limits"} {
		w := get(h, path, "")
		if w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d, header %v", path, w.Code, w.Header())
		}
		nonce := policyNonce.FindStringSubmatch(w.Header().Get("Content-Security-Policy"))
		if nonce == nil || seen[nonce[1]] {
			t.Fatalf("%s: policy %q, want a new nonce", path, w.Header().Get("Content-Security-Policy"))
		}
		seen[nonce[1]] = true
		for _, tag := range pageNonce.FindAllStringSubmatch(w.Body.String(), -1) {
			if tag[1] != nonce[1] {
				t.Errorf("%s: a tag has the nonce %q, the policy %q", path, tag[1], nonce[1])
			}
		}
	}
}

func TestAnAssetComesInTheBestFormThatTheClientTakes(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, tc := range []struct{ accepts, coding string }{
		{"gzip, deflate, br", "br"}, {"gzip", "gzip"}, {"gzip;q=0.5, br;q=0", "gzip"}, {"br; q=0.0, gzip;q=0", ""}, {"", ""}, {"zstd", ""},
	} {
		w := get(h, "/assets/main-1a.js", tc.accepts)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != tc.coding || w.Header().Get("Vary") != "Accept-Encoding" ||
			!strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("with %q: status %d, header %v", tc.accepts, w.Code, w.Header())
		}
		if tc.coding == "" && w.Body.String() != "script" {
			t.Errorf("with %q: body %q", tc.accepts, w.Body)
		}
	}
	if w := get(h, "/assets/picture-2b.png", "br"); w.Body.String() != "picture" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("picture: %q, header %v", w.Body, w.Header())
	}
	if w := get(h, "/favicon.svg", ""); w.Code != 200 || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("favicon.svg, whose name does not change: status %d, header %v", w.Code, w.Header())
	}
}

// A file that an upgrade has removed must not become the page, which is no script.
func TestAMissingAssetIs404(t *testing.T) {
	t.Parallel()
	w := get(build(t), "/assets/old-3c.js", "br")
	if w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("status %d, header %v", w.Code, w.Header())
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, path := range []string{"/", "/assets/main-1a.js", "/assets/none.js", "/favicon.svg"} {
		head := get(h, path, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if head.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, head.Get(name), want)
			}
		}
		policy := head.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

// The binary works whether or not the dashboard has been built.
func TestThePageOfTheBinary(t *testing.T) {
	t.Parallel()
	w := get(New(), "/", "")
	if w.Code != 200 || strings.Contains(w.Body.String(), nonceMark) || !strings.Contains(w.Body.String(), "AI Ratelimit") {
		t.Errorf("status %d, body %.200s", w.Code, w.Body)
	}
	missing, err := fs.ReadFile(built, placeholder)
	if err != nil {
		t.Fatal(err)
	}
	w = get(newHandler(fstest.MapFS{placeholder: {Data: missing}}), "/", "")
	if !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("without a build: %.300s", w.Body)
	}
}
