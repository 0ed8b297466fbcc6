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

// observer is what the gateway tells of every request: the metrics, and the traces where a collector is named.
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
			a.log.Warn("the last traces could not be sent", "error", err)
		}
		return nil
	})
	return func(s gateway.Seen) {
		a.metrics.Request(s)
		tracer.Request(s)
	}, nil
}

// watch exports what is read when Prometheus asks.
func (a *app) watch(data *gateway.Gateway, catalog *store.Catalog) {
	a.metrics.Watch(metrics.State{
		Running: data.Running, Holding: data.Holding, RefreshFailure: catalog.Failures,
		Unread: func() int { _, unread := catalog.Projects(); return unread },
	})
}

// forOperators asks for the token of the metrics, if there is one.
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

// What /readyz says in "status".
const (
	statusReady       = "ready"
	statusStarting    = "starting"    // not everything is open yet
	statusDraining    = "draining"    // running requests end, new ones are refused
	statusUnavailable = "unavailable" // the database is away, or cannot be written
)

// status says whether requests can be taken, and if not why. The reason is for operators and is shown to
// anybody: it names no address and quotes no error.
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

// wait says what a start waits for.
func (a *app) wait(what string) { a.awaits.Store(&what) }

// ready answers /readyz.
func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	status, reason := a.status()
	switch unread := a.unread(); {
	case status != statusReady:
		answer(w, http.StatusServiceUnavailable, map[string]any{"status": status, "reason": reason})
	case unread > 0:
		// Other projects are served, and another node may be no better: this one keeps getting requests.
		answer(w, http.StatusOK, map[string]any{"status": status, "unreadableProjects": unread,
			"reason": "some projects cannot be read by this node; the log names them and says why"})
	default:
		answer(w, http.StatusOK, map[string]any{"status": status})
	}
}

// unread is how many projects this node cannot read.
func (a *app) unread() int {
	if unread := a.planes.Load().unread; unread != nil {
		return unread()
	}
	return 0
}

// serveProfiles serves pprof on an address of its own until stop is called; "" is none. The address is a
// loopback one, as config has made sure: profiles show what is in memory.
func (a *app) serveProfiles(addr string) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for profiles: %w (PPROF_ADDR chooses another address)", err)
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

// loopbackOnly refuses a request that names another host, as those do that a page in a browser on this machine makes
// through a name of its own that resolves to a loopback address.
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
