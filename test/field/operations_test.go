package field

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestOperations(t *testing.T) {
	t.Parallel()

	t.Run("latency spikes with base64 images", func(t *testing.T) {
		t.Parallel()
		// The measure, on any machine, is the time of a provider that reads the JSON once.
		s := stack.New(t, stack.Options{Settings: `{"tokenLimit": 100000}`, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); !json.Valid(body) {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, `{}`)
		})})
		picture := make([]byte, 512<<10)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(picture)
		copy(picture, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
		data := base64.StdEncoding.EncodeToString(picture)
		for path, body := range map[string]string{
			chatPath:     `{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"hello there"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + data + `"}}]}]}`,
			messagesPath: `{"model":"claude-sonnet-4-5","max_tokens":50,"messages":[{"role":"user","content":[{"type":"text","text":"hello there"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + data + `"}}]}]}`,
			geminiPath:   `{"contents":[{"role":"user","parts":[{"text":"hello there"},{"inlineData":{"mimeType":"image/png","data":"` + data + `"}}]}]}`,
		} {
			// The fastest of some tries says what it takes where nothing else is in the way.
			direct, through := patience, patience
			slow := func() bool { return through > 5*direct+50*time.Millisecond }
			for try := 0; try < 40 && (try < 2 || slow()); try++ {
				req := s.Request(http.MethodPost, path, fmt.Sprint(path, try), body)
				upstream := req.Clone(t.Context())
				upstream.URL.Host, upstream.Host = strings.TrimPrefix(s.Upstream.URL, "http://"), ""
				upstream.Body, _ = req.GetBody()
				start := time.Now()
				stack.WantStatus(t, s.Do(upstream), http.StatusOK)
				direct, start = min(direct, time.Since(start)), time.Now()
				a := s.Do(req)
				through = min(through, time.Since(start))
				stack.WantStatus(t, a, http.StatusOK)
				// An image is a few hundred tokens, not the length of its spelling.
				if left := header(t, a, "x-ratelimit-remaining-tokens"); left < 90_000 {
					t.Errorf("%s: %d tokens remain, want the image to be counted as one", path, left)
				}
			}
			if slow() {
				t.Errorf("%s: a request with an image of half a megabyte takes at least %s, the provider alone %s", path, through, direct)
			}
		}
	})

	t.Run("120 requests a minute per address throttle whole carriers, evaded by a forged header", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestsPerMinute": 2}`)
		for i := range 150 {
			stack.WantStatus(t, s.Chat(fmt.Sprintf("user-%d", i), "gpt-4o"), http.StatusOK)
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Cf-Connecting-Ip", "True-Client-Ip", "X-Client-Ip"} {
			stack.WantError(t, s.Chat("ann", "gpt-4o", h, "203.0.113.7"), http.StatusTooManyRequests, "burst_exceeded")
		}
	})

	t.Run("fake identities fill a cardinality cap and lock out new users", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1}`)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		var crowd sync.WaitGroup
		for part := range 8 {
			crowd.Go(func() {
				for i := range 100 {
					// Nothing answers them, so that they cost the test nothing but names.
					s.Do(s.Request(http.MethodGet, "/v1/usage", fmt.Sprintf("fake-%d-%d", part, i), ""))
				}
				for i := range 25 {
					s.Chat(fmt.Sprintf("fake-%d-%d", part, i), "gpt-4o")
				}
			})
		}
		crowd.Wait()
		stack.WantStatus(t, s.Chat("new", "gpt-4o"), http.StatusOK)
		for _, known := range []string{"ann", "new", "fake-3-7"} {
			stack.WantError(t, s.Chat(known, "gpt-4o"), http.StatusTooManyRequests, "limit_exceeded")
		}
	})

	t.Run("migrations that fail on an empty database", func(t *testing.T) {
		t.Parallel()
		// The stack's own PostgreSQL is a copy of one that has its tables.
		opts, empty := stack.Options{}, t.TempDir()+"/empty.db"
		if pgtest.Chosen() {
			opts.Env, empty = map[string]string{"DATABASE_URL": pgtest.Database(t)}, pgtest.Database(t)
		}
		s := stack.New(t, opts)
		for range 2 {
			resp, err := http.Get(s.URL + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("readyz: status %d, want 200", resp.StatusCode)
			}
			stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
			s.Restart()
		}
		wantUsed(t, s, "ann", 2, 2*(input+output))
		for range 2 {
			db, err := store.Open(t.Context(), empty)
			if err != nil {
				t.Fatal(err)
			}
			_ = db.Close()
		}
	})

	t.Run("three error shapes in one product", func(t *testing.T) {
		t.Parallel()
		errorShapes(t)
	})

	t.Run("a quota 429 with a long `Retry-After` that makes an SDK sleep for days", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitPeriod": "monthly"}`, Now: clock.now})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		a := s.Chat("ann", "gpt-4o")
		stack.WantStatus(t, a, http.StatusTooManyRequests)
		if after := a.Header.Get("Retry-After"); after != "" {
			t.Errorf("Retry-After: %s, want none", after)
		}
		calls := 0
		count := func(req *http.Request, next func(*http.Request) (*http.Response, error)) (*http.Response, error) {
			calls++
			return next(req)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		oai := openai.NewClient(option.WithBaseURL(s.URL+"/v1"), option.WithAPIKey(s.ProjectKey), option.WithHeader("x-identity", "ann"), option.WithMiddleware(count))
		_, err := oai.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: "gpt-4o",
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}})
		var refused *openai.Error
		if !errors.As(err, &refused) || refused.StatusCode != http.StatusTooManyRequests || calls != 1 {
			t.Errorf("OpenAI's SDK: %d calls, error %v; want one and its 429", calls, err)
		}
		calls = 0
		claude := anthropic.NewClient(anthropicoption.WithBaseURL(s.URL), anthropicoption.WithAPIKey(s.ProjectKey), anthropicoption.WithHeader("x-identity", "ann"), anthropicoption.WithMiddleware(count))
		_, err = claude.Messages.New(ctx, anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 5,
			Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hello"))}})
		var overrun *anthropic.Error
		if !errors.As(err, &overrun) || overrun.StatusCode != http.StatusTooManyRequests || calls != 1 {
			t.Errorf("Anthropic's SDK: %d calls, error %v; want one and its 429", calls, err)
		}
	})
}

// errorShapes makes every kind of error happen in every dialect and looks at its form.
func errorShapes(t *testing.T) {
	s := limited(t, `{"requestLimit": 1000, "tiers": {"none": {"requestLimit": 0}, "burst": {"requestsPerMinute": 0}, "one": {"concurrentRequests": 0}}, "unknownTier": "reject", "allowedOrigins": ["https://app.example"]}`)
	keyless := addProject(t, s, s.Store(), `{"providers": {"openai": {"key": null}, "anthropic": {"key": null}, "google": {"key": null}, "xai": null, "mistral": null, "deepseek": null}}`)
	dialects := []struct {
		name, path, body string
		keys             []string // of the whole, and of its error
		inner            []string
	}{
		{"openai", chatPath, chatBody, []string{"error"}, []string{"code", "message", "param", "type"}},
		{"anthropic", messagesPath, messagesBody, []string{"error", "request_id", "type"}, []string{"code", "details", "message", "type"}},
		{"gemini", geminiPath, geminiBody, []string{"error"}, []string{"code", "details", "message", "status"}},
	}
	errors := map[string]func(path, body string) *http.Request{
		"no project key": func(path, body string) *http.Request {
			r := s.Request(http.MethodPost, path, "ann", body)
			r.Header.Del("x-project-key")
			return r
		},
		"wrong project key": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "x-project-key", "pk_0000000000000000000000")
		},
		"no identity": func(path, body string) *http.Request { return s.Request(http.MethodPost, path, "", body) },
		"no JSON":     func(path, _ string) *http.Request { return s.Request(http.MethodPost, path, "ann", "{") },
		"no body":     func(path, _ string) *http.Request { return s.Request(http.MethodPost, path, "ann", "") },
		"compressed": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "Content-Encoding", "gzip")
		},
		"other path":   func(path, body string) *http.Request { return s.Request(http.MethodPost, path+"/x", "ann", body) },
		"other method": func(path, _ string) *http.Request { return s.Request(http.MethodGet, path, "ann", "") },
		"unknown tier": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "x-tier", "made-up")
		},
		"quota": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "x-tier", "none")
		},
		"burst": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "x-tier", "burst")
		},
		"concurrency": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "x-tier", "one")
		},
		"origin": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, "Origin", "https://evil.example")
		},
		"no key": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, keyless...)
		},
		"another's key": func(path, body string) *http.Request {
			return s.Request(http.MethodPost, path, "ann", body, append([]string{"Authorization", "Bearer xai-client0123456789client0123456789client01"}, keyless...)...)
		},
		"too large": func(path, _ string) *http.Request {
			r := s.Request(http.MethodPost, path, "ann", "{}")
			r.Body, r.ContentLength, r.GetBody = http.NoBody, 64<<20, nil
			r.Body = readCloser{bytes.NewReader(make([]byte, 64<<20))}
			return r
		},
	}
	check := func(name string, a stack.Answer, keys, inner []string) {
		t.Helper()
		if a.Status < 400 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || !strings.HasPrefix(a.Header.Get("x-request-id"), "req_") {
			t.Errorf("%s: status %d, header %v, want an error in JSON with a request id", name, a.Status, a.Header)
		}
		whole := a.JSON(t)
		e, _ := stack.ErrorOf(t, a)
		for _, key := range keysOf(e) {
			if !slices.Contains(inner, key) && key != "limit" {
				t.Errorf("%s: error.%s is not in the dialect: %s", name, key, a.Body)
			}
		}
		if !slices.Equal(keysOf(whole), keys) || e["message"] == "" {
			t.Errorf("%s: %s, want the fields %v and a message", name, a.Body, keys)
		}
		for _, key := range inner {
			if _, ok := e[key]; !ok && key != "details" {
				t.Errorf("%s: no error.%s in %s", name, key, a.Body)
			}
		}
	}
	for _, d := range dialects {
		for name, request := range errors {
			check(d.name+", "+name, s.Do(request(d.path, d.body)), d.keys, d.inner)
		}
	}
	s.Upstream.Close()
	for _, d := range dialects {
		check(d.name+", unreachable", s.Post(d.path, "ann", d.body, version...), d.keys, d.inner)
	}

	for _, call := range []struct{ method, path, body, authorization string }{
		{http.MethodGet, "/identities", "", "Bearer sk_wrong"},
		{http.MethodGet, "/identities", "", "Basic x"},
		{http.MethodGet, "/identities/nobody", "", ""},
		{http.MethodGet, "/nothing", "", ""},
		{http.MethodDelete, "/identities", "", ""},
		{http.MethodPost, "/identities", "{", ""},
		{http.MethodPost, "/identities", `{"unknown": 1}`, ""},
		{http.MethodPost, "/identities", `[]`, ""},
		{http.MethodGet, "/identities?limit=x", "", ""},
	} {
		var headers []string
		if call.authorization != "" {
			headers = []string{"Authorization", call.authorization}
		}
		a := s.Control(call.method, call.path, call.body, headers...)
		p := a.JSON(t)
		if kind := a.Header.Get("Content-Type"); a.Status < 400 || kind != "application/problem+json" || p["status"] != float64(a.Status) || p["title"] == nil {
			t.Errorf("%s %s %s: status %d, %s, %s; want problem details", call.method, call.path, call.body, a.Status, kind, a.Body)
		}
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func keysOf(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
