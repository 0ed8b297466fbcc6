package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/project"
)

// local serves the built-in provider echo to this process alone: its connections are pipes, which have no address. Requests to
// it pass the gateway and its transport like those to any provider.
type local struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// serveEcho begins to serve the echo. stop ends it, with the requests that run.
func serveEcho(log *slog.Logger) (l *local, stop func()) {
	l = &local{conns: make(chan net.Conn), closed: make(chan struct{})}
	provider := echo.New(echo.Options{Models: project.EchoModels, Public: true})
	srv := &http.Server{Handler: provider, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go srv.Serve(l) //nolint:errcheck // ends with stop
	return l, func() {
		provider.Close()
		_ = srv.Close()
		_ = l.Close()
	}
}

// Dial makes a connection.
func (l *local) Dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *local) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *local) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *local) Addr() net.Addr { return pipeAddr{} }

// pipeAddr is the address of a listener without an address.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return project.Echo }
