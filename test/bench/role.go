package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/server"
)

// runRole is what the children run: the upstream, the bare proxy, and the gateway where it
// is profiled. Each prints its address, serves on loopback and ends with its standard input.
func runRole(role, upstream, profile string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// stop would let a signal that comes now kill the process, its profile unwritten.
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if profile != "" {
		end, err := startProfile(profile)
		if err != nil {
			return err
		}
		defer end()
	}
	var handler http.Handler
	switch role {
	case "upstream":
		handler = echo.Instant()
	case "proxy":
		handler = bareProxy(upstream, nil)
	case "pooled":
		handler = bareProxy(upstream, &buffers{})
	case "gateway":
		return gateway(ctx, ln)
	default:
		return fmt.Errorf("no role %q", role)
	}
	srv := &http.Server{Handler: handler} //nolint:gosec // its only client is the parent
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	fmt.Println(ln.Addr())
	if err := srv.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

// bareProxy is what the gateway is measured against: the standard library's proxy, on the
// standard library's transport with room for all of its connections, that reads the
// request's body whole.
func bareProxy(upstream string, pool httputil.BufferPool) http.Handler {
	to := &url.URL{Scheme: "http", Host: upstream}
	p := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		BufferPool: pool,
		ErrorLog:   log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.ServeHTTP(w, r)
	})
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return buf[:]
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put((*[32 << 10]byte)(buf)) }

// gateway serves as `airatelimit serve` does.
func gateway(ctx context.Context, ln net.Listener) error {
	cfg, err := config.Load(os.Getenv)
	if err != nil {
		return err
	}
	return server.Run(ctx, cfg, server.Options{Listener: ln, Ready: func(a net.Addr) { fmt.Println(a) }})
}

func startProfile(path string) (end func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut short does not open
	}, nil
}
