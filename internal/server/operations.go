package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/metrics"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/internal/trace"
)

// observer returns the function that records every request in the metrics and, if a collector is configured, in traces.
func (a *app) observer(ctx context.Context, cfg config.Config, version string) (func(gateway.Seen), error) {
	if cfg.TracesURL == "" {
		return a.metrics.Request, nil
	}
	tracer, err := trace.New(ctx, cfg.TracesURL, version, a.log)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	a.closers.add(func(ctx context.Context) error {
		flush, cancel := context.WithTimeout(ctx, traceFlush)
		defer cancel()
		if err := tracer.Close(flush); err != nil {
			a.log.Warn("last traces lost", "error", err)
		}
		return nil
	})
	return func(s gateway.Seen) {
		a.metrics.Request(s)
		tracer.Request(s)
	}, nil
}

// watch exports the metrics whose values are read at each scrape.
func (a *app) watch(data *gateway.Gateway, catalog *store.Catalog) {
	a.metrics.Watch(metrics.State{
		Running: data.Running, Holding: data.Holding, RefreshFailure: catalog.Failures,
		Unreadable: a.unreadable,
	})
}

// forOperators requires the metrics token, if one is configured.
func (a *app) forOperators(next http.Handler) http.Handler {
	if a.metricsToken == "" {
		return next
	}
	want := sha256.Sum256([]byte("Bearer " + a.metricsToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, map[string]any{"error": "Send METRICS_TOKEN as Authorization: Bearer."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The values of "status" in /readyz.
const (
	statusReady       = "ready"
	statusStarting    = "starting"    // not everything is open yet
	statusDraining    = "draining"    // running requests may end, new ones are refused
	statusUnavailable = "unavailable" // the database cannot be reached or written
)

// status returns whether requests can be served and, if not, the reason. The reason is public, so it names no address and
// quotes no error.
func (a *app) status() (status, reason string) {
	healthy := a.planes.Load().healthy
	switch {
	case a.running.draining():
		return statusDraining, "the server is shutting down"
	case healthy == nil:
		return statusStarting, *a.awaits.Load()
	case healthy() != nil:
		return statusUnavailable, a.unhealthy + "; the log says why"
	}
	return statusReady, ""
}

// wait sets the reason for which a start waits.
func (a *app) wait(what string) { a.awaits.Store(&what) }

// ready answers /readyz.
func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	status, reason := a.status()
	switch unreadable := a.unreadable(); {
	case status != statusReady:
		answer(w, http.StatusServiceUnavailable, map[string]any{"status": status, "reason": reason})
	case unreadable > 0:
		// The node stays ready: it serves the other projects, and other nodes may have the same problem.
		answer(w, http.StatusOK, map[string]any{"status": status, "unreadableProjects": unreadable,
			"reason": "this node cannot read some projects; the log names them and says why"})
	default:
		answer(w, http.StatusOK, map[string]any{"status": status})
	}
}

// unreadable is how many projects this node cannot read.
func (a *app) unreadable() int {
	projects := a.planes.Load().projects
	if projects == nil {
		return 0
	}
	_, unreadable := projects()
	return unreadable
}

// serveProfiles serves pprof on a separate address until stop is called; "" serves none. config allows only loopback
// addresses, because profiles show memory contents.
func (a *app) serveProfiles(addr string) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for profiles: %w (set PPROF_ADDR to another address)", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: loopbackOnly(mux), ReadHeaderTimeout: headerTimeout}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(ln) // it ends with Close
	}()
	a.log.Info("serving profiles", "address", ln.Addr().String())
	return func() {
		_ = srv.Close()
		<-ended
	}, nil
}

// loopbackOnly refuses requests for other host names. A web page could otherwise reach the profiles through a browser on
// this machine, with a name that resolves to a loopback address.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "Profiles are served to localhost only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
