package server

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/api"
	"github.com/airatelimit/airatelimit/internal/wire"
	"github.com/airatelimit/airatelimit/web"
)

// mount routes requests to the probes, the dashboard, the control plane and the data plane.
//
// The probes have exact paths, the dashboard those of its pages and files, and the control plane has every path below /api. The data plane gets the rest: a request
// for an unknown path most likely comes from an SDK with a wrong base URL, which reads the data plane's errors. mount
// uses no ServeMux, which would answer some spellings of a path with a redirect. While the process starts there is no
// control plane yet; the dashboard then says that it waits.
func (a *app) mount() http.Handler {
	probes := map[string]http.Handler{
		"/api/health": http.HandlerFunc(alive),
		"/healthz":    http.HandlerFunc(alive),
		"/readyz":     http.HandlerFunc(a.ready),
		"/metrics":    a.forOperators(a.metrics.Handler()),
	}
	dashboard := web.New()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := cmp.Or(r.URL.EscapedPath(), "/")
		probe := probes[sent]
		if dashboard.Serves(sent) {
			probe = dashboard
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			probe = nil
		}
		now := a.planes.Load()
		forControl := strings.HasPrefix(sent, "/api/")
		switch {
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
		// Every answer has an id. Each plane sets and logs its own.
		w.Header().Set("X-Request-Id", newRequestID())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if forControl {
			api.Protect(w.Header())
		}
		if probe == nil {
			wire.NotTaken(w.Header(), r.Header)
		}
		switch {
		case probe != nil:
			probe.ServeHTTP(out, r)
		case a.running.draining():
			a.notNow(out, "This server is shutting down. Try again.")
		default:
			a.notNow(out, "This server is starting. Try again.")
		}
	})
}

// newRequestID returns a request id in the gateway's format.
func newRequestID() string {
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails
	return "req_" + strings.ToLower(base32.HexEncoding.EncodeToString(random[:]))
}

func alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
}

// notNow answers 503 for the control plane, as problem details (RFC 9457).
func (a *app) notNow(w http.ResponseWriter, why string) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Retry-After", "1")
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(api.Problem(http.StatusServiceUnavailable, "unavailable", why, a.docsURL))
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
