package gateway_test

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/test/memory"
)

// withheld is a body that delivers all bytes but the last, and then waits.
type withheld struct {
	left    int
	waiting func() // called once
	end     chan struct{}
}

func (w *withheld) Read(p []byte) (int, error) {
	if w.left > 0 {
		n := min(w.left, len(p))
		w.left -= n
		return n, nil
	}
	w.waiting()
	<-w.end
	return 0, io.ErrUnexpectedEOF
}

func (*withheld) Close() error { return nil }

// BenchmarkWithheldBodies reports the heap's growth while many clients withhold the ends of their bodies. It stays below
// the budget for any number of clients.
func BenchmarkWithheldBodies(b *testing.B) {
	const size, most = 4 << 20, 32 << 20
	for _, clients := range []int{4, 24, 96} {
		b.Run(strconv.Itoa(clients), func(b *testing.B) {
			for b.Loop() {
				g := benchGateway(b, benchHuge, instant{})
				g.MaxBody, g.Bodies = 2*size, budget.New(most)
				before := memory.Heap()
				end := make(chan struct{})
				var settled, all sync.WaitGroup // each waits, or was refused
				for range clients {
					settled.Add(1)
					once := sync.OnceFunc(settled.Done)
					all.Go(func() {
						defer once()
						g.ServeHTTP(&sink{header: http.Header{}}, &http.Request{
							Method: http.MethodPost, URL: &url.URL{Path: "/v1/chat/completions"}, RequestURI: "/v1/chat/completions",
							Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: &withheld{size, once, end}, ContentLength: -1,
							Header: http.Header{"Content-Type": {"application/json"}, "X-Project-Key": {benchKey}, "X-Identity": {"user-1"}},
						})
					})
				}
				settled.Wait()
				grown := memory.Heap() - before
				if grown > most+(8<<20) {
					b.Errorf("the heap grew by %d MB, want at most %d", grown>>20, most>>20)
				}
				b.ReportMetric(float64(grown)/most, "budgets")
				close(end)
				all.Wait()
				if g.Bodies.Used() != 0 {
					b.Errorf("%d bytes were not given back", g.Bodies.Used())
				}
			}
		})
	}
}

// withholding is a provider that sends all of a whole answer but its end.
type withholding struct {
	size    int
	waiting func()
	end     chan struct{}
}

func (p withholding) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: &withheld{p.size, sync.OnceFunc(p.waiting), p.end}, ContentLength: -1}, nil
}

// BenchmarkWithheldAnswers reports the heap's growth while a provider withholds the ends of many whole answers. It stays
// below a bound for any number of answers.
func BenchmarkWithheldAnswers(b *testing.B) {
	const size, most = 1000 << 10, 64 << 20 // the bound of package gateway
	for _, clients := range []int{16, 100, 400} {
		b.Run(strconv.Itoa(clients), func(b *testing.B) {
			for b.Loop() {
				end := make(chan struct{})
				var settled, all sync.WaitGroup
				settled.Add(clients)
				g := benchGateway(b, benchHuge, withholding{size, settled.Done, end})
				before := memory.Heap()
				for range clients {
					all.Go(func() {
						defer func() { _ = recover() }() // the answers break off
						g.ServeHTTP(&sink{header: http.Header{}}, &http.Request{
							Method: http.MethodPost, URL: &url.URL{Path: "/v1/chat/completions"}, RequestURI: "/v1/chat/completions",
							Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(benchBody)), ContentLength: int64(len(benchBody)),
							Header: http.Header{"Content-Type": {"application/json"}, "X-Project-Key": {benchKey}, "X-Identity": {"user-1"}},
						})
					})
				}
				settled.Wait()
				grown := memory.Heap() - before
				if allowed := most + int64(clients)*(256<<10); grown > allowed {
					b.Errorf("the heap grew by %d MB, want at most %d", grown>>20, allowed>>20)
				}
				b.ReportMetric(float64(grown)/(1<<20), "heap-MB")
				close(end)
				all.Wait()
			}
		})
	}
}
