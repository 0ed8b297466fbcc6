package echo_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
)

func always(f echo.Fault) echo.Options {
	return echo.Options{Fault: func(*http.Request, string) echo.Fault { return f }}
}

// asks are a streamed and a whole request of each vendor.
var asks = []struct{ path, body string }{
	{"/v1/chat/completions", `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hello there"}]}`},
	{"/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hello there"}]}`},
	{"/v1/responses", `{"model":"gpt-4o","stream":true,"input":"hello there"}`},
	{"/v1/messages", `{"model":"claude","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"hello there"}]}`},
	{"/v1/messages", `{"model":"claude","max_tokens":99,"messages":[{"role":"user","content":"hello there"}]}`},
	{"/v1beta/models/g:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hello there"}]}]}`},
	{"/v1beta/models/g:generateContent", `{"contents":[{"parts":[{"text":"hello there"}]}]}`},
	{"/v1/audio/speech", `{"model":"tts-1","input":"hello there"}`},
}

func TestFaultsAreChosenByHookHeaderOrModel(t *testing.T) {
	t.Parallel()
	const ask = `{"model":"MODEL","messages":[{"role":"user","content":"hi"}]}`
	body := func(model string) string { return strings.Replace(ask, "MODEL", model, 1) }
	url := serve(t, echo.Options{Fault: func(_ *http.Request, model string) echo.Fault {
		if model == "hooked" {
			return echo.Overloaded
		}
		return echo.None
	}}) + "/v1/chat/completions"
	for want, got := range map[int]func() (int, string){
		503: func() (int, string) { return answer(t, url, body("hooked"), echo.FaultHeader, "server-error") },
		500: func() (int, string) {
			return answer(t, url, body("gpt-4o-fault-rate-limited"), echo.FaultHeader, "server-error")
		},
		429: func() (int, string) { return answer(t, url, body("gpt-4o-fault-rate-limited")) },
		200: func() (int, string) { return answer(t, url, body("gpt-4o-fault-unheard-of")) },
	} {
		if status, body := got(); status != want {
			t.Errorf("got %d %s, want %d", status, body, want)
		}
	}
}

func TestEveryFaultHasAName(t *testing.T) {
	t.Parallel()
	for f := echo.None; f.String() != "unknown"; f++ {
		if got, ok := echo.ParseFault(f.String()); !ok || got != f {
			t.Errorf("ParseFault(%q) = %v, %v", f.String(), got, ok)
		}
	}
	if _, ok := echo.ParseFault("unknown"); ok {
		t.Error("ParseFault(unknown): ok, want not")
	}
}

func TestBrokenAnswersEndInAnError(t *testing.T) {
	t.Parallel()
	url := serve(t, always(echo.Break))
	for _, ask := range asks {
		resp, err := post(t, url+ask.path, ask.body)
		if err != nil {
			t.Fatalf("%s: %v", ask.path, err)
		}
		data, err := io.ReadAll(resp.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(data) == 0 || resp.StatusCode != 200 {
			t.Errorf("%s: got %d, %q, %v, want half an answer and %v", ask.path, resp.StatusCode, data, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestTruncatedAnswersEndWell(t *testing.T) {
	t.Parallel()
	full, cut := serve(t, echo.Options{}), serve(t, always(echo.Truncate))
	for _, ask := range asks {
		_, whole := answer(t, full+ask.path, ask.body)
		if _, part := answer(t, cut+ask.path, ask.body); part == "" || len(part) >= len(whole) || !strings.HasPrefix(whole, part) {
			t.Errorf("%s: got %q, want a beginning of %q", ask.path, part, whole)
		}
	}
}

func TestUnansweredRequestsFailWithoutAStatus(t *testing.T) {
	t.Parallel()
	url := serve(t, always(echo.Close))
	for _, ask := range asks {
		if resp, err := post(t, url+ask.path, ask.body); err == nil {
			t.Errorf("%s: got %d, want an error", ask.path, resp.StatusCode)
		}
	}
}

func TestHangsEndWithTheClientOrTheProvider(t *testing.T) {
	t.Parallel()
	for _, ask := range asks {
		began, ended := make(chan bool, 1), make(chan bool, 1)
		opts := always(echo.Hang)
		opts.Before = func(*http.Request) { began <- true }
		opts.After = func(r *http.Request) { ended <- r.Context().Err() != nil }
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-began; cancel() }()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, serve(t, opts)+ask.path, strings.NewReader(ask.body))
		if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", ask.path, err, context.Canceled)
		}
		if gone := <-ended; !gone {
			t.Errorf("%s: After saw a client that is there, want it gone", ask.path)
		}
	}
	p := echo.New(always(echo.HangMidway))
	srv := httptest.NewServer(p)
	defer srv.Close()
	resp, err := post(t, srv.URL+asks[0].path, asks[0].body)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line == "" {
		t.Errorf("got %q, %v, want the first half", line, err)
	}
	p.Close()
	p.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("after Close: got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestCompressedAnswersAreWhatTheyWouldBe(t *testing.T) {
	t.Parallel()
	plain, zipped := serve(t, echo.Options{}), serve(t, always(echo.Gzip))
	for _, ask := range asks {
		_, want := answer(t, plain+ask.path, ask.body)
		resp, err := post(t, zipped+ask.path, ask.body, "Accept-Encoding", "identity")
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Encoding"); got != "gzip" {
			t.Errorf("%s: got encoding %q, want gzip", ask.path, got)
			continue
		}
		zip, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(zip); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", ask.path, got, err, want)
		}
	}
}

func TestOtherFaults(t *testing.T) {
	t.Parallel()
	t.Run("without usage", func(t *testing.T) {
		t.Parallel()
		url := serve(t, always(echo.WithoutUsage))
		for _, ask := range asks {
			_, body := answer(t, url+ask.path, ask.body)
			if strings.Contains(strings.ReplaceAll(body, `"usage":null`, ""), "usage") {
				t.Errorf("%s: got %s, want no usage", ask.path, body)
			}
		}
	})
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		if status, body := answer(t, serve(t, always(echo.Garbage))+asks[1].path, asks[1].body); status != 200 || json.Valid([]byte(body)) {
			t.Errorf("got %d %s, want 200 and no JSON", status, body)
		}
	})
	t.Run("unterminated", func(t *testing.T) {
		t.Parallel()
		_, want := answer(t, serve(t, echo.Options{})+asks[0].path, asks[0].body)
		if _, got := answer(t, serve(t, always(echo.Unterminated))+asks[0].path, asks[0].body); got+"\n" != want {
			t.Errorf("got %q, want %q without its last byte", got, want)
		}
	})
	t.Run("redirect", func(t *testing.T) {
		t.Parallel()
		resp, err := post(t, serve(t, always(echo.Redirect))+asks[0].path, asks[0].body)
		if err != nil || resp.StatusCode != 307 || resp.Header.Get("Location") != "/elsewhere" {
			t.Errorf("got %v, %v, want 307 to /elsewhere", resp, err)
		}
	})
	t.Run("key refused", func(t *testing.T) {
		t.Parallel()
		if _, body := answer(t, serve(t, always(echo.KeyRefused))+asks[0].path, asks[0].body, "Authorization", "Bearer sk-secret"); !strings.Contains(body, "sk-secret") {
			t.Errorf("got %s, want the key quoted", body)
		}
	})
	t.Run("huge", func(t *testing.T) {
		t.Parallel()
		for fault, want := range map[echo.Fault]int{echo.HugeStream: echo.HugeWords * 256, echo.HugeEvent: echo.HugeBytes} {
			resp, err := post(t, serve(t, always(fault))+asks[5].path, asks[5].body)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err != nil || n < int64(want) {
				t.Errorf("%v: got %d bytes, %v, want at least %d", fault, n, err, want)
			}
		}
	})
}

func TestInstantAnswers(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(echo.Instant())
	t.Cleanup(srv.Close)
	url := srv.URL + "/v1/chat/completions"
	if _, body := answer(t, url, `{"model":"m"}`); !json.Valid([]byte(body)) || len(body) < 900 || len(body) > 1200 {
		t.Errorf("got %d bytes %s, want JSON of about 1 KB", len(body), body)
	}
	for ask, events := range map[string]int{`{"stream":true}`: 21, `{"stream": true,"stream_options":{"include_usage":true}}`: 22, `{"stream":false}`: 0} {
		if _, body := answer(t, url, ask); strings.Count(body, "data: ") != events {
			t.Errorf("%s: got %d events, want %d", ask, strings.Count(body, "data: "), events)
		}
	}
}

func BenchmarkInstant(b *testing.B) {
	h := echo.Instant()
	body := []byte(`{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/chat/completions", bytes.NewReader(body)))
	}
}
