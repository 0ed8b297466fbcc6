package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Provider serves HTTP/2 by hand. It tells of each complete request; answer returns whether the connection goes on.
func http2Provider(t *testing.T, answer func(f *http2.Framer, stream uint32) bool) (address string, config *tls.Config, requests *atomic.Int64) {
	t.Helper()
	keys := httptest.NewUnstartedServer(nil)
	keys.EnableHTTP2 = true
	keys.StartTLS()
	keys.Close()
	requests = new(atomic.Int64)
	plain := raw(t, func(_ int, c net.Conn) {
		secure := tls.Server(c, keys.TLS)
		if _, err := io.ReadFull(secure, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(secure, secure)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if data, ok := frame.(*http2.DataFrame); ok && data.StreamEnded() {
				requests.Add(1)
				if !answer(f, data.StreamID) {
					return
				}
			}
		}
	})
	return strings.Replace(plain, "http:", "https:", 1), keys.Client().Transport.(*http.Transport).TLSClientConfig, requests
}

// What a provider turns away over HTTP/2 is not sent again: it may have begun.
func TestWhatIsTurnedAwayOverHTTP2IsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(f *http2.Framer, stream uint32){
		"refused stream": func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) },
		"protocol error": func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeProtocol) },
		"internal error": func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeInternal) },
		"going away":     func(f *http2.Framer, _ uint32) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, config, requests := http2Provider(t, func(f *http2.Framer, stream uint32) bool {
				refuse(f, stream)
				return true
			})
			transport := newTestTransport(t, TransportConfig{TLS: config})
			var progress Progress
			ctx := WithProgress(t.Context(), &progress)
			req := post(t, ctx, address, "x")
			req.Header.Set("Idempotency-Key", "k")
			resp, err := transport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
				t.Fatal("no error")
			}
			if !errors.Is(err, ErrHTTP2) {
				t.Errorf("%v; want ErrHTTP2", err)
			}
			if !progress.Begun.Load() || requests.Load() != 1 {
				t.Errorf("told of sending: %t, requests %d; want true, 1", progress.Begun.Load(), requests.Load())
			}
		})
	}
}

// A provider that closes an HTTP/2 connection in good order is asked on another one.
func TestHTTP2ConnectionsThatGoAwayAreNotUsed(t *testing.T) {
	t.Parallel()
	address, config, requests := http2Provider(t, func(f *http2.Framer, stream uint32) bool {
		var head strings.Builder
		_ = hpack.NewEncoder(&head).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		_ = f.WriteGoAway(stream, http2.ErrCodeNo, nil)
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(head.String()), EndHeaders: true})
		_ = f.WriteData(stream, true, []byte("ok"))
		return true
	})
	transport := newTestTransport(t, TransportConfig{TLS: config})
	for i := range 5 {
		if status, got := exchange(t, transport, post(t, t.Context(), address, "x")); status != 200 || got != "ok" {
			t.Errorf("request %d: %d %q; want 200, ok", i, status, got)
		}
	}
	if n := requests.Load(); n != 5 {
		t.Errorf("%d requests arrived; want 5", n)
	}
}

// The end of its context ends a request over HTTP/2, and the caller knows that the provider may have begun.
func TestCancelledRequestsOverHTTP2(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	address, config, _ := http2Provider(t, func(*http2.Framer, uint32) bool {
		close(arrived)
		return true
	})
	transport := newTestTransport(t, TransportConfig{TLS: config})
	var progress Progress
	ctx, cancel := context.WithCancel(WithProgress(t.Context(), &progress))
	go func() {
		<-arrived
		cancel()
	}()
	resp, err := transport.RoundTrip(post(t, ctx, address, "x"))
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || !progress.Begun.Load() {
		t.Errorf("%v, told of sending: %t; want context canceled, true", err, progress.Begun.Load())
	}
}
