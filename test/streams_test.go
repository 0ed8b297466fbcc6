package test

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// direct asks the provider itself, as the server does with the stored key.
func direct(t *testing.T, s *stack.Stack, d dialect, path, body string) stack.Answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.Upstream.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	r.Header.Set("Authorization", "Bearer k")
	r.Header.Set("X-Api-Key", "k")
	r.Header.Set("X-Goog-Api-Key", "k")
	r.Header.Set("Accept-Encoding", "identity")
	return s.Do(r)
}

// The provider's answer arrives byte for byte: status, content type, line ends and all.
func TestStreams_BytesAreTheProviders(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	const asked = `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a b c"}]}`
	for name, c := range map[string]struct {
		d          dialect
		path, body string
	}{
		"OpenAI":         {openAI, "/v1/chat/completions", asked},
		"OpenAIWhole":    {openAI, "/v1/chat/completions", openAI.body("gpt-4o", false)},
		"Responses":      {openAI, "/v1/responses", `{"model":"gpt-4o","stream":true,"input":"a b c"}`},
		"Completions":    {openAI, "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","stream":true,"stream_options":{"include_usage":true},"prompt":"a b c"}`},
		"Embeddings":     {openAI, "/v1/embeddings", `{"model":"text-embedding-3-small","input":["a","b"]}`},
		"Moderations":    {openAI, "/v1/moderations", `{"model":"omni-moderation-latest","input":"a"}`},
		"Images":         {openAI, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"a"}`},
		"Speech":         {openAI, "/v1/audio/speech", `{"model":"tts-1","voice":"alloy","input":"a b"}`},
		"Anthropic":      {anthropic, "/v1/messages", anthropic.body(anthropic.model, true)},
		"AnthropicWhole": {anthropic, "/v1/messages", anthropic.body(anthropic.model, false)},
		"Gemini":         {gemini, gemini.path(gemini.model, true), gemini.body("", true)},
		"GeminiArray":    {gemini, "/v1beta/models/gemini-2.0-flash:streamGenerateContent", gemini.body("", true)},
		"GeminiWhole":    {gemini, gemini.path(gemini.model, false), gemini.body("", false)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := direct(t, s, c.d, c.path, c.body)
			stack.WantStatus(t, want, 200)
			got := s.Post(c.path, name, c.body, "Anthropic-Version", "2023-06-01")
			if got.Status != want.Status || got.Body != want.Body {
				t.Errorf("got %d %q, want %d %q", got.Status, got.Body, want.Status, want.Body)
			}
			if g, w := got.Header.Get("Content-Type"), want.Header.Get("Content-Type"); g != w {
				t.Errorf("content type %q, want %q", g, w)
			}
			if name == "GeminiArray" {
				wantCharge(t, s, name, 1, inputWords+outputWords)
			}
			if got := charged(s, name); got.requests != 1 {
				t.Errorf("%d requests counted", got.requests)
			}
		})
	}
}

// The event that exists only because we asked for usage is not shown; every other byte is.
func TestStreams_UsageEventIsHiddenOnlyIfNotAsked(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for name, path := range map[string]string{"chat": "/v1/chat/completions", "legacy": "/v1/completions"} {
		body := map[string]string{
			"chat":   `{"model":"gpt-4o","stream":true%s,"messages":[{"role":"user","content":"a b c"}]}`,
			"legacy": `{"model":"gpt-3.5-turbo-instruct","stream":true%s,"prompt":"a b c"}`,
		}[name]
		asked := strings.Replace(body, "%s", `,"stream_options":{"include_usage":true}`, 1)
		full := direct(t, s, openAI, path, asked).Body
		events := strings.SplitAfter(full, "\n\n")
		var shown []string
		for _, e := range events {
			if !strings.Contains(e, `"choices":[]`) {
				shown = append(shown, e)
			}
		}
		if len(shown) != len(events)-1 {
			t.Fatalf("%d usage events in %q", len(events)-len(shown), full)
		}
		for label, options := range map[string]string{
			"absent": "", "null": `,"stream_options":null`, "empty": `,"stream_options":{}`, "false": `,"stream_options":{"include_usage":false}`,
		} {
			a := s.Post(path, name+label, strings.Replace(body, "%s", options, 1))
			if want := strings.Join(shown, ""); a.Body != want {
				t.Errorf("%s, %s: got %q, want %q", name, label, a.Body, want)
			}
			wantCharge(t, s, name+label, 1, 7)
		}
		if a := s.Post(path, name, asked); a.Body != full {
			t.Errorf("%s: usage was asked for: got %q, want %q", name, a.Body, full)
		}
	}
}

// A stream that calls itself something else, or nothing, is metered all the same.
func TestStreams_MeteredWhateverTheyAreCalled(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind := r.Header.Get("X-Kind"); kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n")
	})})
	for _, kind := range []string{"", "text/plain", "text/event-stream;charset=utf-8", "TEXT/EVENT-STREAM", "application/octet-stream"} {
		a := s.Do(openAI.request(s, "u"+kind, true, "X-Kind", kind))
		if strings.Contains(a.Body, "usage") {
			t.Errorf("%q: the usage event is shown", kind)
		}
		wantCharge(t, s, "u"+kind, 1, 7)
	}
}

// An answer that is not a stream is metered whatever its type.
func TestWhole_MeteredWhateverItIsCalled(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("X-Kind"))
		_, _ = io.WriteString(w, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
	})})
	for _, kind := range []string{"", "text/plain", "application/json; charset", "text/json", "application/problem+json"} {
		stack.WantStatus(t, s.Do(openAI.request(s, "u"+kind, false, "X-Kind", kind)), 200)
		wantCharge(t, s, "u"+kind, 1, 7)
	}
}

// A server that cannot stream answers a request for a stream with one object. Its figures count, whatever it is called.
func TestStreams_AnObjectInTheirPlaceIsMetered(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct{ request, answer string }{
		"/v1/chat/completions": {openAI.body("gpt-4o", true), `{"choices":[{"index":0,"message":{"content":"hello"}}],"usage":{"prompt_tokens":20,"completion_tokens":57}}`},
		"/v1/responses":        {`{"model":"gpt-4o","stream":true,"input":"a"}`, `{"object":"response","output":[{"content":[{"text":"hello"}]}],"usage":{"input_tokens":20,"output_tokens":57}}`},
		"/v1/messages":         {anthropic.body(anthropic.model, true), `{"content":[{"type":"text","text":"hello"}],"usage":{"input_tokens":20,"output_tokens":57}}`},
	} {
		for _, kind := range []string{"text/plain; charset=utf-8", "application/json", ""} {
			s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				if kind != "" {
					w.Header().Set("Content-Type", kind)
				}
				_, _ = io.WriteString(w, c.answer)
			})})
			if a := s.Post(path, "u", c.request, "Anthropic-Version", "2023-06-01"); a.Status != 200 || a.Body != c.answer {
				t.Errorf("%s, %q: got %d %s, want the answer", path, kind, a.Status, a.Body)
			}
			wantCharge(t, s, "u", 1, 77)
		}
	}
}

// A compressed stream, which was not asked for, is not held back: its events pass as they come, or its bytes if they cannot be read.
func TestStreams_CompressedOnesAreNotHeldBack(t *testing.T) {
	t.Parallel()
	const (
		first = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n"
		rest  = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n"
	)
	type encoder interface {
		io.WriteCloser
		Flush() error
	}
	figures := func(int64) int64 { return 27 }
	for encoding, c := range map[string]struct {
		encode func(io.Writer) encoder
		stored bool
		want   func(body int64) int64
	}{
		"gzip":     {func(w io.Writer) encoder { return gzip.NewWriter(w) }, true, figures},
		"deflate":  {func(w io.Writer) encoder { return zlib.NewWriter(w) }, true, figures},
		"br":       {func(w io.Writer) encoder { return brotli.NewWriter(w) }, true, figures},
		"zstd":     {func(w io.Writer) encoder { z, _ := zstd.NewWriter(w); return z }, true, figures},
		"compress": {func(w io.Writer) encoder { return unencoded{w} }, false, func(body int64) int64 { return usual(openAI, body) }},
	} {
		read := make(chan struct{})
		s := stack.New(t, stack.Options{PassThrough: !c.stored, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", encoding)
			z := c.encode(w)
			_, _ = io.WriteString(z, first)
			_ = z.Flush()
			_ = http.NewResponseController(w).Flush()
			<-read
			_, _ = io.WriteString(z, rest)
			_ = z.Close()
		})})
		ctx, end := context.WithTimeout(t.Context(), 20*time.Second)
		r := openAI.request(s, "u", true, "Accept-Encoding", "br").WithContext(ctx)
		length := r.ContentLength
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(first))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != first {
			t.Errorf("%s: got %q, %v; want the first event at once", encoding, got, err)
		}
		close(read)
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Errorf("%s: the rest: %v", encoding, err)
		}
		_ = resp.Body.Close()
		end()
		wantCharge(t, s, "u", 1, c.want(length))
	}
}

// unencoded is an encoder of a compression that nobody knows.
type unencoded struct{ io.Writer }

func (unencoded) Flush() error { return nil }
func (unencoded) Close() error { return nil }

// Each event reaches the client before the provider makes the next one.
func TestStreams_EventsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{})
			s := stack.New(t, stack.Options{Echo: echo.Options{Between: func(r *http.Request) {
				select {
				case <-next:
				case <-r.Context().Done():
				}
			}}})
			resp, err := http.DefaultClient.Do(d.request(s, "u", true))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read to its end below
			lines := bufio.NewScanner(resp.Body)
			seen := ""
			for lines.Scan() {
				if seen += lines.Text(); lines.Text() != "" {
					continue
				}
				// The first events come one by one; what is hidden later on would never be seen to come.
				if strings.Contains(seen, "two") {
					close(next)
					break
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(resp.Body); err != nil {
				t.Errorf("the rest is %q, %v", rest, err)
			}
			if !strings.Contains(seen, "two") {
				t.Errorf("the stream ended after %q", seen)
			}
		})
	}
}

// A stream that the provider breaks off ends broken, never as if complete.
func TestStreams_BrokenOffEndsBroken(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, d := range dialects {
		resp, err := http.DefaultClient.Do(d.request(s, "u", true, "X-Echo-Fault", "break"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			t.Errorf("%s: the stream looks complete: %q", d.name, got)
		}
		if !strings.Contains(string(got), "one") || strings.Contains(string(got), "three") {
			t.Errorf("%s: what came is %q", d.name, got)
		}
	}
}

// A client that asks for the rest after the last event gets the right answer.
func TestStreams_SettledBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":1000}`})
	for i := range int64(20) {
		for _, d := range []dialect{openAI, anthropic} {
			resp, err := http.DefaultClient.Do(d.request(s, d.name, true))
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				if l := lines.Text(); l == "data: [DONE]" || l == `data: {"type":"message_stop"}` {
					break
				}
			}
			wantCharge(t, s, d.name, i+1, (i+1)*(inputWords+outputWords))
			_ = resp.Body.Close()
		}
	}
}
