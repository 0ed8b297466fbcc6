package server

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// mount puts the data plane, the control plane and the probes in their places.
//
// The data plane gets every path that could be meant for it, odd spellings included, and
// the control plane everything below /api: they alone decide, where the standard ServeMux
// would answer some spellings with a redirect. While the process starts only the probes have anything to say.
func (a *app) mount() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", a.forOperators(a.metrics.Handler()))
	mux.HandleFunc("/", notFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forControl := strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != "/api/health"
		now := a.planes.Load()
		starting := now.healthy == nil
		switch {
		case forData(r):
			now.data.ServeHTTP(w, r)
			return
		case forControl && !starting && !a.running.draining():
			now.control.ServeHTTP(w, r)
			return
		}
		// Both planes have an id for their logs; what is not logged has one because everything has.
		w.Header().Set("X-Request-Id", newRequestID())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch _, pattern := mux.Handler(r); {
		case forControl && starting:
			notNow(w, "This server is starting. Try again.")
		case forControl:
			notNow(w, "This server is shutting down. Try again.")
		case starting && !probes[pattern]:
			w.Header().Set("Retry-After", "1")
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": "This server is starting. Try again."})
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// probes are the patterns of what is answered from the beginning.
var probes = map[string]bool{"GET /api/health": true, "GET /healthz": true, "GET /readyz": true}

// newRequestID returns a name for a request in the form of the gateway's.
func newRequestID() string {
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails
	return "req_" + strings.ToLower(base32.HexEncoding.EncodeToString(random[:]))
}

// forData looks at the path as it was sent first: an identity in a path of the control
// plane may be called anything.
func forData(r *http.Request) bool {
	sent := r.URL.EscapedPath()
	if strings.HasPrefix(sent, "/api/") {
		return false
	}
	for _, p := range [...]string{sent, path.Clean("/" + r.URL.Path)} {
		if len(p) >= 3 && strings.EqualFold(p[:3], "/v1") {
			return true
		}
	}
	return strings.Contains(r.URL.Path, "//")
}

func alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// notNow answers for the control plane, in the form of its errors (RFC 9457).
func notNow(w http.ResponseWriter, why string) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Retry-After", "1")
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(http.StatusServiceUnavailable),
		"status": http.StatusServiceUnavailable, "detail": why})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		answer(w, http.StatusOK, map[string]string{
			"name": "AI Ratelimit", "openapi": "/api/openapi.json", "health": "/healthz"})
		return
	}
	answer(w, http.StatusNotFound, map[string]string{"error": "There is nothing at this path."})
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
