package test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/stack"
)

// A provider that refuses the stored key quotes it. Neither the key nor its words are shown, compressed or not, to
// the client or in the log.
func TestFaults_StoredKeyIsNeverQuoted(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(w http.ResponseWriter, status int, body string){
		"Plain": func(w http.ResponseWriter, status int, body string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		},
		"Gzip": func(w http.ResponseWriter, status int, body string) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, body)
			_ = z.Close()
		},
		"UnknownCompression": func(w http.ResponseWriter, status int, body string) {
			w.Header().Set("Content-Encoding", "br")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, _ := strconv.Atoi(r.Header.Get("X-Want"))
				write(w, status, `{"error":{"message":"Incorrect API key provided: `+stack.StoredKey+`"}}`)
			})})
			for _, d := range dialects {
				for _, status := range []int{400, 401, 403, 404, 429, 500} {
					a := s.Do(d.request(s, "u", false, "X-Want", itoa(status)))
					if a.Status != 502 || strings.Contains(a.Body, "Incorrect") || strings.Contains(a.Body, stack.StoredKey[8:]) {
						t.Errorf("%s, %d: came as %d %s", d.name, status, a.Status, a.Body)
					}
				}
			}
			if strings.Contains(s.Log.String(), stack.StoredKey) {
				t.Error("the key is in the log")
			}
		})
	}
}

// The client's own key is the client's business: the provider's words about it pass.
func TestFaults_ClientsKeyRefusedPassesThrough(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{PassThrough: true})
	a := s.Do(openAI.request(s, "u", false, "X-Echo-Fault", "key-refused"))
	stack.WantStatus(t, a, 401)
	if !strings.Contains(a.Body, "Incorrect API key provided: client-provider-key") {
		t.Errorf("got %s", a.Body)
	}
}

// A provider that answers before it has read the request is heard to the end.
func TestFaults_ProviderAnswersBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	answer := strings.Repeat("no ", 20_000)
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, answer)
	})})
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("x", 8<<20) + `"}]}`
	for range 5 {
		a := s.Post("/v1/chat/completions", "u", body)
		if a.Status != 400 || a.Body != answer {
			t.Fatalf("status %d and %d bytes, want 400 and %d: %.200s", a.Status, len(a.Body), len(answer), a.Body)
		}
	}
}

// slowHead is the head of a request whose body is to come.
func slowHead(s *stack.Stack, length int) string {
	return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\nContent-Length: " + itoa(length) + "\r\n\r\n"
}

func TestFaults_SlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{HeaderTimeout: 50 * time.Millisecond})
	c := dial(t, s)
	c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the connection ended with %v, want it closed", err)
	}
}

func TestFaults_SlowBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Patience: gateway.Patience{Body: 50 * time.Millisecond, Linger: 50 * time.Millisecond}})
	c := dial(t, s)
	c.send(slowHead(s, 100) + `{"model":`)
	stack.WantError(t, c.answer(), 400, "invalid_request")
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection of a slow client ended with %v, want it closed", err)
	}
	wantCharge(t, s, "u", 0, 0)
}

// A body larger than what is taken gets its 413 while it is still being sent, whether its length was announced or not.
func TestFaults_TooLargeIsAnsweredWhileSending(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"MAX_BODY_MB": "1"}})
	for name, length := range map[string]int64{"Announced": 100 << 20, "Chunked": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.Request("POST", "/v1/chat/completions", "u", "")
			r.Body, r.ContentLength = io.NopCloser(io.LimitReader(forever{}, 100<<20)), length
			stack.WantError(t, s.Do(r), 413, "request_too_large")
		})
	}
	t.Run("ExpectContinue", func(t *testing.T) {
		t.Parallel()
		c := dial(t, s)
		c.send(strings.Replace(slowHead(s, 100<<20), "Content-Length", "Expect: 100-continue\r\nContent-Length", 1))
		stack.WantError(t, c.answer(), 413, "request_too_large")
	})
}

// A client that waits for 100 Continue is told to go on.
func TestFaults_ExpectContinue(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	body := openAI.body("gpt-4o", false)
	c := dial(t, s)
	c.send(strings.Replace(slowHead(s, len(body)), "Content-Length", "Expect: 100-continue\r\nContent-Length", 1))
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := c.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	c.send(body)
	stack.WantStatus(t, c.answer(), 200)
	if seen, _ := s.Seen.Last(); seen.Header.Get("Expect") != "" {
		t.Error("Expect went on to the provider")
	}
}

// forever is x without end.
type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// An HTTP/1.0 client, such as nginx, takes the end of the connection for the end of the answer: a broken one must
// not end in good order.
func TestFaults_BrokenStreamsAreBrokenForHTTP10(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for fault, broken := range map[string]bool{"none": false, "break": true} {
		body := openAI.body("gpt-4o", true)
		c := dial(t, s)
		c.send(strings.Replace(strings.Replace(slowHead(s, len(body)), "HTTP/1.1", "HTTP/1.0", 1), "X-Identity", "X-Echo-Fault: "+fault+"\r\nX-Identity", 1) + body)
		got, err := io.ReadAll(c.r)
		if (err != nil) != broken {
			t.Errorf("%s ended with %v after %q", fault, err, got)
		}
	}
}

// A client that stops reading is given up after a while, its request settled, draining or not.
func TestFaults_ClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cancel", "drain"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Settings: `{"onDisconnect":"` + mode + `"}`,
				WriteTimeout: 100 * time.Millisecond, Patience: gateway.Patience{Drain: 100 * time.Millisecond}})
			body := openAI.body("gpt-4o", true)
			c := dial(t, s)
			_ = c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			c.send(strings.Replace(slowHead(s, len(body)), "X-Identity", "X-Echo-Fault: huge-stream\r\nX-Identity", 1) + body)
			s.Log.Await(t, "outcome=client_gone")
			got := charged(s, "u")
			if got.requests != 1 || got.tokens < 1000 {
				t.Errorf("charged %+v, want one request and what had streamed", got)
			}
		})
	}
}

// A request that never reached the provider costs nothing even if it had been written to a connection that turned out dead;
// and what may have reached it is not sent again.
func TestFaults_NoRequestIsSentTwice(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if arrived.Add(1)%2 == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	})})
	for i := range 10 {
		// The key makes Go's transport believe that it may send the request again.
		a := s.Do(openAI.request(s, "u", false, "Idempotency-Key", "k"+itoa(i)))
		if want := []int{200, 502}[i%2]; a.Status != want {
			t.Errorf("request %d: status %d, want %d", i, a.Status, want)
		}
	}
	if got := arrived.Load(); got != 10 {
		t.Errorf("%d of 10 requests arrived", got)
	}
	if got := charged(s, "u").requests; got != 10 {
		t.Errorf("%d of 10 requests counted", got)
	}
}

// A connection that the provider has closed meanwhile: whatever is answered, what arrived is counted, and the answer
// says what was counted.
func TestFaults_DeadConnections(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	counted := int64(0)
	for range 50 {
		a := s.Do(openAI.request(s, "u", false))
		switch {
		case a.Status == 200, a.Status == 502 && strings.Contains(a.Body, "The request counts"):
			counted++
		case a.Status != 502 || !strings.Contains(a.Body, "Nothing was counted"):
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
		if got := charged(s, "u").requests; got != counted || int64(s.Seen.Total()) > got {
			t.Fatalf("%d requests counted, %d answered so, %d arrived", got, counted, s.Seen.Total())
		}
		s.Upstream.CloseClientConnections()
	}
	if arrived := s.Seen.Total(); arrived < 5 {
		t.Errorf("%d of 50 requests arrived", arrived)
	}
}

// These measure the memory of the whole process, so they run before the parallel ones.

// most runs f and returns by how much the heap in use grew meanwhile, at most.
func most(t *testing.T, f func()) uint64 {
	t.Helper()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapInuse, m.HeapInuse
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
	}()
	f()
	stop()
	<-watched
	return peak - before
}

// mostGrowth is what the heap may grow by, however large a body is: the garbage that the
// server's collector lets be (20 MB), and as much again for what is looked at.
const mostGrowth = 44 << 20

func TestMemory_HugeBodiesAreNotKept(t *testing.T) {
	s := stack.New(t, stack.Options{Env: map[string]string{"MAX_BODY_MB": "1"}})
	grown := most(t, func() {
		for _, length := range []int64{100 << 20, -1} {
			r := s.Request("POST", "/v1/chat/completions", "u", "")
			r.Body, r.ContentLength = io.NopCloser(io.LimitReader(forever{}, 100<<20)), length
			stack.WantError(t, s.Do(r), 413, "request_too_large")
		}
	})
	if grown > mostGrowth {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	wantCharge(t, s, "u", 0, 0)
}

func TestMemory_HugeAnswersAreNotKept(t *testing.T) {
	piece := bytes.Repeat([]byte("x"), 32<<10)
	const pieces = 2048 // 64 MB
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Form") == "stream" {
			w.Header().Set("Content-Type", "text/event-stream")
			for range pieces {
				_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"`)
				_, _ = w.Write(piece)
				_, _ = io.WriteString(w, "\"}}]}\n\n")
			}
			_, _ = io.WriteString(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"`)
		for range pieces {
			_, _ = w.Write(piece)
		}
		_, _ = io.WriteString(w, `"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
	})})
	for _, form := range []string{"stream", "whole"} {
		grown := most(t, func() {
			resp, err := http.DefaultClient.Do(openAI.request(s, form, form == "stream", "X-Form", form))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read to its end below
			if n, err := io.Copy(io.Discard, resp.Body); err != nil || n < pieces*int64(len(piece)) {
				t.Fatalf("%d bytes came, %v", n, err)
			}
		})
		if grown > mostGrowth {
			t.Errorf("%s: the heap grew by %d MB", form, grown>>20)
		}
		wantCharge(t, s, form, 1, 7)
	}
}
