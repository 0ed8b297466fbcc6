package echo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
)

// serve starts a provider and returns its base URL.
func serve(t *testing.T, opts echo.Options) string {
	t.Helper()
	p := echo.New(opts)
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	t.Cleanup(p.Close)
	return srv.URL
}

// post sends a body as every vendor's client would, whatever the path.
func post(t *testing.T, url, body string, headers ...string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer key")
	req.Header.Set("X-Goog-Api-Key", "key")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

// answer posts and returns the status and the body.
func answer(t *testing.T, url, body string, headers ...string) (int, string) {
	t.Helper()
	resp, err := post(t, url, body, headers...)
	if err != nil {
		t.Fatalf("POST %s: %v", url, err)
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("POST %s: reading the answer: %v", url, err)
	}
	return resp.StatusCode, string(data)
}

func TestTheSameRequestGetsTheSameBytes(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{})
	for _, body := range []string{
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`,
		`{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true}`,
	} {
		_, first := answer(t, url+"/v1/chat/completions", body)
		if _, again := answer(t, url+"/v1/chat/completions", body); again != first {
			t.Errorf("%s: got %s, then %s", body, first, again)
		}
	}
}

func TestEveryWordIsAToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 0, "  ": 0, "one": 1, " one\n two ": 2, "日本 語": 2} {
		if got := echo.Tokens(text); got != want {
			t.Errorf("Tokens(%q) = %d, want %d", text, got, want)
		}
	}
	url := serve(t, echo.Options{Answer: func(_, text string) string { return text }})
	const text = " a\n\nb  c "
	body, _ := json.Marshal(map[string]any{"model": "gpt-4o", "messages": []any{map[string]any{"role": "user", "content": text}}})
	_, got := answer(t, url+"/v1/chat/completions", string(body))
	var reply struct {
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Completion int64 `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(got), &reply); err != nil {
		t.Fatal(err)
	}
	if reply.Choices[0].Message.Content != text || reply.Usage.Completion != 3 {
		t.Errorf("got %+v, want content %q and 3 tokens", reply, text)
	}
}

func TestRefusalsAreInTheVendorsFormat(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{})
	const (
		chat   = "/v1/chat/completions"
		gemini = "/v1beta/models/gemini-2.0-flash:generateContent"
		hi     = `"messages":[{"role":"user","content":"hi"}]`
	)
	for name, tc := range map[string]struct {
		path, body string
		headers    []string
		status     int
		want       string // in the body
	}{
		"openai: no key":                 {chat, `{"model":"gpt-4o",` + hi + `}`, []string{"Authorization", ""}, 401, `"type":"invalid_request_error"`},
		"openai: not JSON":               {chat, `{`, nil, 400, `"param":null`},
		"openai: no model":               {chat, `{` + hi + `}`, nil, 400, `"param":"model"`},
		"openai: no messages":            {chat, `{"model":"gpt-4o"}`, nil, 400, `"param":"messages"`},
		"openai: options without stream": {chat, `{"model":"gpt-4o","stream_options":{"include_usage":true},` + hi + `}`, nil, 400, `"param":"stream_options"`},
		"openai: both caps":              {chat, `{"model":"gpt-4o","max_tokens":1,"max_completion_tokens":1,` + hi + `}`, nil, 400, "invalid_parameter_combination"},
		"openai: cap of zero":            {chat, `{"model":"gpt-4o","max_tokens":0,` + hi + `}`, nil, 400, "integer_below_min_value"},
		"openai: max_tokens, reasoning":  {chat, `{"model":"o3","max_tokens":9,` + hi + `}`, nil, 400, "unsupported_parameter"},
		"openai: unknown path":           {"/v1/files", `{}`, nil, 404, `"error"`},
		"openai: embeddings, no input":   {"/v1/embeddings", `{"model":"m"}`, nil, 400, `"param":"input"`},
		"openai: images, no prompt":      {"/v1/images/generations", `{"model":"m"}`, nil, 400, `"param":"prompt"`},
		"openai: speech, no input":       {"/v1/audio/speech", `{"model":"m"}`, nil, 400, `"param":"input"`},
		"openai: transcription as JSON":  {"/v1/audio/transcriptions", `{"model":"m"}`, nil, 400, `"param":"file"`},
		"responses: small cap":           {"/v1/responses", `{"model":"gpt-4o","input":"hi","max_output_tokens":15}`, nil, 400, "integer_below_min_value"},
		"responses: include_usage":       {"/v1/responses", `{"model":"gpt-4o","input":"hi","stream":true,"stream_options":{"include_usage":true}}`, nil, 400, "unknown_parameter"},
		"anthropic: no key":              {"/v1/messages", `{}`, []string{"Authorization", ""}, 401, `"type":"authentication_error"`},
		"anthropic: no version":          {"/v1/messages", `{}`, []string{"Anthropic-Version", ""}, 400, "anthropic-version"},
		"anthropic: no cap":              {"/v1/messages", `{"model":"claude",` + hi + `}`, nil, 400, "max_tokens: Field required"},
		"anthropic: system role":         {"/v1/messages", `{"model":"claude","max_tokens":9,"messages":[{"role":"system","content":"x"}]}`, nil, 400, "role"},
		"anthropic: unknown path":        {"/v1/messages/batches", `{}`, nil, 404, `"type":"not_found_error"`},
		"gemini: no key":                 {gemini, `{}`, []string{"Authorization", "", "X-Goog-Api-Key", ""}, 403, `"status":"PERMISSION_DENIED"`},
		"gemini: no contents":            {gemini, `{}`, nil, 400, `"status":"INVALID_ARGUMENT"`},
		"gemini: cap of zero":            {gemini, `{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"maxOutputTokens":0}}`, nil, 400, `"status":"INVALID_ARGUMENT"`},
		"gemini: unknown method":         {"/v1beta/models/gemini:predict", `{}`, nil, 404, `"status":"NOT_FOUND"`},
		"gemini: unknown path":           {"/v1beta/files", `{}`, nil, 404, `"status":"NOT_FOUND"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := answer(t, url+tc.path, tc.body, tc.headers...)
			if status != tc.status || !strings.Contains(body, tc.want) || !json.Valid([]byte(body)) {
				t.Errorf("got %d %s, want %d with %s", status, body, tc.status, tc.want)
			}
		})
	}
}

func TestOnlyPostIsServed(t *testing.T) {
	t.Parallel()
	resp, err := http.Get(serve(t, echo.Options{}) + "/v1/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Errorf("got %d, Allow %q, want 405 and POST", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestGeminiTakesItsKeyFromTheQuery(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{}) + "/v1beta/models/gemini-2.0-flash:generateContent?key=k"
	status, body := answer(t, url, `{"contents":[{"parts":[{"text":"x"}]}]}`, "Authorization", "", "X-Goog-Api-Key", "")
	if status != 200 {
		t.Errorf("got %d %s, want 200", status, body)
	}
}

func TestGeminiStreamsAnArrayUnlessEventsAreAsked(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{}) + "/v1beta/models/gemini-2.0-flash:streamGenerateContent"
	const ask = `{"contents":[{"role":"user","parts":[{"text":"one two"}]}]}`
	_, body := answer(t, url, ask)
	var elements []json.RawMessage
	if err := json.Unmarshal([]byte(body), &elements); err != nil || len(elements) != 3 {
		t.Errorf("got %d elements and %v of %s, want 3", len(elements), err, body)
	}
	if _, body = answer(t, url+"?alt=sse", ask); strings.Count(body, "data: ") != 3 || !strings.HasSuffix(body, "\r\n\r\n") {
		t.Errorf("got %q, want 3 events that end in CRLF", body)
	}
}

func TestGeminiTakesFieldNamesInBothSpellings(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{}) + "/v1beta/models/gemini-2.0-flash:generateContent"
	_, body := answer(t, url, `{"contents":[{"parts":[{"text":"one two three"}]}],"system_instruction":{"parts":[{"text":"be brief"}]},"generation_config":{"max_output_tokens":2}}`)
	for _, want := range []string{`"text":"echo: one"`, `"finishReason":"MAX_TOKENS"`, `"promptTokenCount":5`, `"candidatesTokenCount":2`} {
		if !strings.Contains(body, want) {
			t.Errorf("got %s, want %s in it", body, want)
		}
	}
}

func TestUsageIsTheLastEventOnlyIfAsked(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{})
	for path, ask := range map[string]string{
		"/v1/chat/completions":            `"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]`,
		"/v1beta/openai/chat/completions": `"model":"gemini-2.0-flash","messages":[{"role":"user","content":"hi"}]`,
		"/v1/completions":                 `"model":"gpt-3.5-turbo-instruct","prompt":"hi"`,
	} {
		_, body := answer(t, url+path, `{"stream":true,`+ask+`}`)
		if strings.Contains(body, "usage") || !strings.HasSuffix(body, "data: [DONE]\n\n") {
			t.Errorf("%s unasked: got %s, want no usage and [DONE]", path, body)
		}
		_, body = answer(t, url+path, `{"stream":true,"stream_options":{"include_usage":true},`+ask+`}`)
		events := strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n")
		for i, event := range events[:len(events)-1] {
			last := i == len(events)-2
			if got := strings.Contains(event, `"usage":{`) && strings.Contains(event, `"choices":[]`); got != last {
				t.Errorf("%s asked: event %d is a usage event: %v, want %v: %s", path, i, got, last, event)
			}
			if got := strings.Contains(event, `"usage":null`); got == last {
				t.Errorf("%s asked: event %d has a null usage: %v, want %v", path, i, got, !last)
			}
		}
	}
}

func TestExtraUsageIsToldTheVendorsWay(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{Extra: echo.Extra{Cached: 100, CacheWrite: 10, Reasoning: 7}})
	for _, tc := range []struct {
		path, body string
		want       []string
	}{
		{"/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`,
			[]string{`"prompt_tokens":101`, `"completion_tokens":9`, `"total_tokens":110`, `"cached_tokens":100`, `"reasoning_tokens":7`}},
		{"/v1/responses", `{"model":"gpt-4o","input":"hi"}`,
			[]string{`"input_tokens":101`, `"output_tokens":9`, `"total_tokens":110`, `"cached_tokens":100`, `"reasoning_tokens":7`}},
		{"/v1/messages", `{"model":"claude","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`,
			[]string{`"input_tokens":1`, `"output_tokens":9`, `"cache_read_input_tokens":100`, `"cache_creation_input_tokens":10`}},
		{"/v1beta/models/g:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`,
			[]string{`"promptTokenCount":101`, `"candidatesTokenCount":2`, `"thoughtsTokenCount":7`, `"totalTokenCount":110`, `"cachedContentTokenCount":100`}},
		{"/v1/chat/completions", `{"model":"o3","max_completion_tokens":8,"messages":[{"role":"user","content":"hi"}]}`,
			[]string{`"completion_tokens":8`, `"reasoning_tokens":7`, `"content":"echo:"`, `"finish_reason":"length"`}},
	} {
		_, body := answer(t, url+tc.path, tc.body)
		for _, want := range tc.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: got %s, want %s in it", tc.path, body, want)
			}
		}
	}
}

func TestSeveralAnswersAreBilledOnceForTheirInput(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{})
	for _, tc := range []struct{ path, body, choice, usage string }{
		{"/v1/chat/completions", `{"model":"gpt-4o","n":3,"messages":[{"role":"user","content":"hi"}]}`, `"finish_reason"`, `"prompt_tokens":1,"completion_tokens":6`},
		{"/v1/completions", `{"model":"gpt-3.5-turbo-instruct","n":2,"prompt":["hi","you there"]}`, `"finish_reason"`, `"prompt_tokens":3,"completion_tokens":10`},
		{"/v1beta/models/g:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"candidateCount":2}}`, `"finishReason"`, `"promptTokenCount":1,"candidatesTokenCount":4`},
	} {
		_, body := answer(t, url+tc.path, tc.body)
		if !strings.Contains(body, tc.usage) || strings.Count(body, tc.choice) < 2 {
			t.Errorf("%s: got %s, want several answers and %s", tc.path, body, tc.usage)
		}
	}
}

func TestRecorderKeepsCountsAndTheLastRequest(t *testing.T) {
	t.Parallel()
	var rec echo.Recorder
	if _, ok := rec.Last(); ok {
		t.Error("Last before any request: ok, want none")
	}
	url := serve(t, echo.Options{Recorder: &rec})
	const body = `{"contents":[{"parts":[{"text":"hi"}]}]}`
	answer(t, url+"/v1/chat/completions", `{"model":"gpt-4o"}`) // refused, yet it arrived
	answer(t, url+"/v1beta/models/tuned%2Fone:generateContent?alt=json", body, "X-Extra", "1")
	last, ok := rec.Last()
	if !ok || last.Method != "POST" || last.Path != "/v1beta/models/tuned%2Fone:generateContent" || last.Query != "alt=json" ||
		last.Model != "tuned/one" || last.Header.Get("X-Extra") != "1" || string(last.Body) != body {
		t.Errorf("got last %+v", last)
	}
	if rec.Total() != 2 || rec.Count("gpt-4o") != 1 || rec.Count("tuned/one") != 1 || rec.Count("other") != 0 {
		t.Errorf("got %d in all, %d and %d, want 2, 1 and 1", rec.Total(), rec.Count("gpt-4o"), rec.Count("tuned/one"))
	}
}

func TestHooksAreCalledAroundTheAnswer(t *testing.T) {
	t.Parallel()
	calls := make(chan string, 100)
	hook := func(name string) func(*http.Request) { return func(*http.Request) { calls <- name } }
	url := serve(t, echo.Options{Before: hook("before"), Between: hook("between"), After: hook("after")})
	answer(t, url+"/v1/messages", `{"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "after" {
		got = append(got, <-calls)
	}
	// message_start, block start, ping, 2 words, block stop, message_delta, message_stop
	if got[0] != "before" || len(got) != 1+7+1 {
		t.Errorf("got %v, want before, 7 times between, after", got)
	}
}
