package server

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// mount puts the data plane, the control plane and the probes in their places.
//
// The probes have their exact paths and the control plane everything below /api. The data
// plane gets the rest: whoever calls what there is not is most likely an SDK with another
// base URL than it should have, and reads the data plane's errors. There is no ServeMux,
// which would answer some spellings of a path with a redirect. While the process starts
// there is no control plane yet, and the data plane says so.
func (a *app) mount() http.Handler {
	probes := map[string]http.Handler{
		"/":           http.HandlerFunc(index),
		"/api/health": http.HandlerFunc(alive),
		"/healthz":    http.HandlerFunc(alive),
		"/readyz":     http.HandlerFunc(a.ready),
		"/metrics":    a.forOperators(a.metrics.Handler()),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := cmp.Or(r.URL.EscapedPath(), "/")
		probe := probes[sent]
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			probe = nil
		}
		now := a.planes.Load()
		switch forControl := strings.HasPrefix(sent, "/api/"); {
		case probe == nil && !forControl:
			if now.control == nil {
				wire.NotTaken(w.Header(), r.Header)
			}
			now.data.ServeHTTP(w, r)
			return
		case probe == nil && now.control != nil && !a.running.draining():
			now.control.ServeHTTP(w, r)
			return
		}
		out := &wire.Answer{ResponseWriter: w, Request: r}
		defer out.End(wire.LingerTime)
		// Both planes have an id for their logs; what is not logged has one because everything has.
		w.Header().Set("X-Request-Id", newRequestID())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if probe == nil {
			wire.NotTaken(w.Header(), r.Header)
		}
		switch {
		case probe != nil:
			probe.ServeHTTP(out, r)
		case a.running.draining():
			notNow(out, "This server is shutting down. Try again.")
		default:
			notNow(out, "This server is starting. Try again.")
		}
	})
}

// newRequestID returns a name for a request in the form of the gateway's.
func newRequestID() string {
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails
	return "req_" + strings.ToLower(base32.HexEncoding.EncodeToString(random[:]))
}

func alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
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

// index is what people see who look what is there.
func index(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"name": "AI Ratelimit", "openapi": "/api/openapi.json", "health": "/healthz"})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
