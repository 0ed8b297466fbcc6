package field

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/memory"
	"github.com/airatelimit/airatelimit/test/stack"
)

// streams are a streamed request of each format.
var streams = []struct{ name, path, body string }{
	{"chat", chatPath, with(chatBody, `"stream":true,"max_tokens":8000`)},
	{"completions", "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"hello there","stream":true,"max_tokens":4000}`},
	{"responses", "/v1/responses", `{"model":"gpt-4o","input":"hello there","stream":true,"max_output_tokens":8000}`},
	{"messages", messagesPath, strings.Replace(with(messagesBody, `"stream":true`), `"max_tokens":50`, `"max_tokens":8000`, 1)},
	{"gemini", "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse", with(geminiBody, `"generationConfig":{"maxOutputTokens":8000}`)},
}

// long is an answer of many words.
func long(string, string) string { return strings.Repeat("lorem ipsum ", 3000) }

// stalling is a server whose provider sends the first events of a long answer and then waits for its client to
// go. Ended receives when it has.
func stalling(t *testing.T, settings string, events int32) (s *stack.Stack, ended chan struct{}) {
	t.Helper()
	ended = make(chan struct{}, 64)
	type sent struct{}
	s = stack.New(t, stack.Options{Settings: settings, Patience: gateway.Patience{Drain: 10 * time.Millisecond}, Echo: echo.Options{
		Answer: long,
		Before: func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), sent{}, new(atomic.Int32)))
		},
		Between: func(r *http.Request) {
			if r.Context().Value(sent{}).(*atomic.Int32).Add(1) >= events {
				<-r.Context().Done()
			}
		},
		After: func(r *http.Request) {
			if r.Context().Err() != nil {
				ended <- struct{}{}
			}
		},
	}})
	return s, ended
}

func TestStreams(t *testing.T) {
	// The heap is shared by all tests: this one runs alone, and first.
	t.Run("answers buffered, memory grows", answersBuffered)

	t.Run("leaving early is free", func(t *testing.T) {
		t.Parallel()
		s, ended := stalling(t, `{"tokenLimit": 100000}`, 40)
		for _, stream := range streams {
			r := open(t, s, stream.path, stream.name, stream.body, version...)
			r.events(t, 30)
			r.leave()
			receive(t, ended, "the provider to be told")
			await.Soon(t, stream.name+" to be settled", func() bool { return held(t, s, stream.name) == 0 })
			if u := usageOf(t, s, stream.name).Usage; u.Requests != 1 || u.Tokens < 20 {
				t.Errorf("%s: used %+v, want one request and the tokens of 20 words", stream.name, u)
			}
		}
	})

	t.Run("leaving early is refunded in full", func(t *testing.T) {
		t.Parallel()
		for _, mode := range []string{"cancel", "drain"} {
			t.Run(mode, func(t *testing.T) {
				t.Parallel()
				s, ended := stalling(t, `{"requestLimit": 1, "tokenLimit": 100000, "costLimitUsd": 1, "onDisconnect": "`+mode+`"}`, 40)
				for _, stream := range streams {
					r := open(t, s, stream.path, stream.name, stream.body, version...)
					r.events(t, 30)
					r.leave()
					receive(t, ended, "the provider to be told")
					await.Soon(t, stream.name+" to be settled", func() bool { return held(t, s, stream.name) == 0 })
					stack.WantStatus(t, s.Post(stream.path, stream.name, stream.body, version...), http.StatusTooManyRequests)
					if u := usageOf(t, s, stream.name).Usage; u.Requests != 1 || u.CostUSD == "0" {
						t.Errorf("%s: used %+v, want one request and what it cost", stream.name, u)
					}
				}
			})
		}
	})

	t.Run("partial answers are billed whole", func(t *testing.T) {
		t.Parallel()
		s, ended := stalling(t, `{"tokenLimit": 100000}`, 40)
		for _, stream := range streams {
			r := open(t, s, stream.path, stream.name, stream.body, version...)
			r.events(t, 30)
			if n := held(t, s, stream.name); n < 4000 {
				t.Errorf("%s: holds %d tokens, want its output cap", stream.name, n)
			}
			r.leave()
			receive(t, ended, "the provider to be told")
			await.Soon(t, stream.name+" to be settled", func() bool { return held(t, s, stream.name) == 0 })
			if u := usageOf(t, s, stream.name).Usage; u.Tokens > 200 {
				t.Errorf("%s: used %+v, want no more than 40 words are", stream.name, u)
			}
		}
	})

	t.Run("explicit zero read as missing", func(t *testing.T) {
		t.Parallel()
		t.Run("in usage", func(t *testing.T) {
			t.Parallel()
			const zero = `"usage":{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}`
			s := answering(t, `{"tokenLimit": 1000}`, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n"+
				"data: {\"choices\":[],"+zero+"}\n\ndata: [DONE]\n\n", `{"choices":[],`+zero+`}`)
			for _, body := range []string{chatBody, with(chatBody, `"stream":true`)} {
				stack.WantStatus(t, s.Post(chatPath, "ann", body), http.StatusOK)
			}
			wantUsed(t, s, "ann", 2, 20)
		})
		t.Run("in limits", func(t *testing.T) {
			t.Parallel()
			for _, settings := range []string{`{"requestLimit": 0}`, `{"tokenLimit": 0}`, `{"costLimitUsd": 0}`, `{"requestsPerMinute": 0}`,
				`{"concurrentRequests": 0}`, `{"requestLimit": 5, "modelLimits": {"gpt-4o": {"requestLimit": 0}}}`} {
				s := limited(t, settings)
				stack.WantStatus(t, s.Post(chatPath, "ann", with(chatBody, `"stream":true`)), http.StatusTooManyRequests)
			}
		})
	})

	t.Run("`response.incomplete` billed zero", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Echo: echo.Options{Answer: long}})
		a := s.Post("/v1/responses", "ann", `{"model":"gpt-4o","input":"hello there","stream":true,"max_output_tokens":16}`)
		if !strings.Contains(a.Body, `"type":"response.incomplete"`) {
			t.Fatalf("the answer is not incomplete: %s", a.Body)
		}
		wantUsed(t, s, "ann", 1, input+16)
	})

	t.Run("limits not enforced on streams at all", func(t *testing.T) {
		t.Parallel()
		for _, settings := range []string{`{"requestLimit": 1}`, `{"tokenLimit": 4}`, `{"costLimitUsd": 0.000001}`, `{"requestsPerMinute": 1}`} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s := limited(t, settings)
				for _, stream := range streams {
					stack.WantStatus(t, s.Post(stream.path, stream.name, stream.body, version...), http.StatusOK)
					stack.WantStatus(t, s.Post(stream.path, stream.name, stream.body, version...), http.StatusTooManyRequests)
				}
			})
		}
	})

	t.Run("limit headers missing on streams", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 2, "tokenLimit": 100000}`)
		for _, stream := range streams {
			for left := int64(1); left >= 0; left-- {
				a := s.Post(stream.path, stream.name, stream.body, version...)
				stack.WantStatus(t, a, http.StatusOK)
				if got := header(t, a, "x-ratelimit-remaining-requests"); got != left {
					t.Errorf("%s: %d requests remain, want %d", stream.name, got, left)
				}
				header(t, a, "x-ratelimit-remaining-tokens")
				if policy, state := a.Header.Get("RateLimit-Policy"), a.Header.Get("RateLimit"); !strings.Contains(policy, `"requests-daily";q=2`) || !strings.Contains(state, fmt.Sprintf(`"requests-daily";r=%d`, left)) {
					t.Errorf("%s: RateLimit-Policy: %s, RateLimit: %s", stream.name, policy, state)
				}
			}
			a := s.Post(stream.path, stream.name, stream.body, version...)
			stack.WantStatus(t, a, http.StatusTooManyRequests)
			if got := header(t, a, "x-ratelimit-remaining-requests"); got != 0 {
				t.Errorf("%s: %d requests remain, want 0", stream.name, got)
			}
		}
	})

	t.Run("provider errors answered as 200 with an error event", func(t *testing.T) {
		t.Parallel()
		for fault, status := range map[echo.Fault]int{echo.ServerError: 500, echo.RateLimited: 429} {
			s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, Echo: echo.Options{Fault: func(*http.Request, string) echo.Fault { return fault }}})
			for _, stream := range streams {
				a := s.Post(stream.path, stream.name, stream.body, version...)
				stack.WantStatus(t, a, status)
				if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
					t.Errorf("%s: Content-Type %s, want JSON", stream.name, kind)
				}
				stack.ErrorOf(t, a)
				wantUsed(t, s, stream.name, 0, 0)
			}
		}
	})

	t.Run("draining after disconnect without a bound", func(t *testing.T) {
		t.Parallel()
		for _, mode := range []string{"cancel", "drain"} {
			t.Run(mode+", a provider that says no more", func(t *testing.T) {
				t.Parallel()
				s, ended := stalling(t, `{"onDisconnect": "`+mode+`"}`, 5)
				r := open(t, s, chatPath, "ann", streams[0].body)
				r.events(t, 3)
				r.leave()
				receive(t, ended, "the provider to be told")
			})
			t.Run(mode+", a provider that never ends", func(t *testing.T) {
				t.Parallel()
				ended := make(chan struct{})
				s := stack.New(t, stack.Options{Settings: `{"onDisconnect": "` + mode + `"}`, Patience: gateway.Patience{Drain: 10 * time.Millisecond},
					Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						defer close(ended)
						w.Header().Set("Content-Type", "text/event-stream")
						for r.Context().Err() == nil {
							if _, err := io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"more\"}}]}\n\n"); err != nil {
								return
							}
						}
					})})
				r := open(t, s, chatPath, "ann", streams[0].body)
				r.events(t, 3)
				r.leave()
				receive(t, ended, "the provider to be told")
			})
		}
	})

	t.Run("25 ms of sleep before the first event", func(t *testing.T) {
		t.Parallel()
		// Only the fastest says how long it takes where nothing else is in the way.
		s := limited(t, `{"requestLimit": 1000, "tokenLimit": 1000000}`)
		fastest := patience
		for try := 0; try < 200 && fastest >= 25*time.Millisecond; try++ {
			start := time.Now()
			r := open(t, s, chatPath, "ann", with(chatBody, `"stream":true`))
			r.events(t, 1)
			fastest = min(fastest, time.Since(start))
			_, _ = io.Copy(io.Discard, r.Body)
		}
		if fastest >= 25*time.Millisecond {
			t.Errorf("the first event took at least %s in 200 tries, want less than 25ms", fastest)
		}
	})
}

// answersBuffered streams 64 MB while the provider waits for each part to be read, and looks at what is alive
// before the last.
func answersBuffered(t *testing.T) {
	const parts, size = 64, 1 << 20
	read := make(chan struct{})
	part := []byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("x", size) + "\"}}]}\n\n")
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit": 1000000}`, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range parts {
			_, _ = w.Write(part)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-read:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	})})
	r := open(t, s, chatPath, "ann", streams[0].body)
	before := memory.Heap()
	buf := make([]byte, len(part))
	for i := range parts {
		if _, err := io.ReadFull(r.Body, buf); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		if i == parts-1 {
			if grown := memory.Heap() - before; grown > 16<<20 {
				t.Errorf("%d MB more are alive after %d MB of answer, want at most 16", grown>>20, parts)
			}
		}
		select {
		case read <- struct{}{}:
		case <-time.After(patience):
			t.Fatal("the provider has gone")
		}
	}
}

// answering is a server whose provider always answers the same: whole, or events to a request that asks for a stream.
func answering(t *testing.T, settings, events, whole string) *stack.Stack {
	t.Helper()
	return stack.New(t, stack.Options{Settings: settings, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, events)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
	})})
}
