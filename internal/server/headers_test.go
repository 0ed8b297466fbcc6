package server

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/memory"
)

// BenchmarkEndlessHeaders reports what the heap grows by for each connection that sends headers without end, before it is
// known who sends them. It is the same however many bytes are sent, because the server reads 68 KB of them.
func BenchmarkEndlessHeaders(b *testing.B) {
	const connections, each = 50, 256 << 10
	for _, size := range []int{60 << 10, 1 << 20, 8 << 20} {
		b.Run(strconv.Itoa(size>>10)+"KB", func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			srv := &http.Server{Handler: http.NotFoundHandler(), MaxHeaderBytes: headerBytes, ReadHeaderTimeout: time.Minute}
			translating := translateErrors(srv, ln, "", time.Minute)
			go func() { _ = srv.Serve(translating) }()
			b.Cleanup(func() { _ = srv.Close() })
			line := "X-Flood: " + strings.Repeat("x", 1<<10) + "\r\n"
			for b.Loop() {
				before := memory.Heap()
				var clients []net.Conn
				var sent sync.WaitGroup
				for range connections {
					c, err := net.Dial("tcp", ln.Addr().String())
					if err != nil {
						b.Fatal(err)
					}
					clients = append(clients, c)
					sent.Go(func() {
						_, err := io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
						for n := 0; n < size && err == nil; n += len(line) { // it may be closed meanwhile
							_, err = io.WriteString(c, line)
						}
					})
				}
				sent.Wait()
				grown := memory.Heap() - before
				if grown > connections*each {
					b.Errorf("the heap grew by %d KB a connection, want at most %d", grown/connections>>10, each>>10)
				}
				b.ReportMetric(float64(grown)/connections/(1<<10), "heap-KB/conn")
				for _, c := range clients {
					_ = c.Close()
				}
			}
		})
	}
}
