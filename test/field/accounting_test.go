package field

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestAccounting(t *testing.T) {
	t.Parallel()

	t.Run("Anthropic's cache tokens counted twice", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Echo: echo.Options{Extra: echo.Extra{Cached: 1000, CacheWrite: 100}}})
		for who, body := range map[string]string{"whole": messagesBody, "streamed": with(messagesBody, `"stream":true`)} {
			stack.WantStatus(t, s.Post(messagesPath, who, body, version...), http.StatusOK)
			wantUsed(t, s, who, 1, input+1000+100+output)
			// USD a million tokens: 3, read 0.3, written 3.75, answered 15; rounded up to a millionth.
			if cost := usageOf(t, s, who).Usage.CostUSD; cost != "0.000726" {
				t.Errorf("%s: costs $%s, want 2*3 + 1000*0.3 + 100*3.75 + 3*15 = 726 millionths", who, cost)
			}
		}
	})

	t.Run("its streamed input counted zero", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tokenLimit": 1000}`)
		stack.WantStatus(t, s.Post(messagesPath, "ann", with(messagesBody, `"stream":true`), version...), http.StatusOK)
		wantUsed(t, s, "ann", 1, input+output)
		long := strings.Replace(with(messagesBody, `"stream":true`), "hello there", strings.Repeat("word ", 500), 1)
		stack.WantStatus(t, s.Post(messagesPath, "bob", long, version...), http.StatusOK)
		wantUsed(t, s, "bob", 1, 500+50)
	})

	t.Run("Gemini's thoughts left out (5–25 times too little)", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{Echo: echo.Options{Extra: echo.Extra{Reasoning: 100}}})
		for who, path := range map[string]string{
			"whole": geminiPath, "array": "/v1beta/models/gemini-2.0-flash:streamGenerateContent", "events": streams[4].path,
		} {
			stack.WantStatus(t, s.Post(path, who, geminiBody), http.StatusOK)
			wantUsed(t, s, who, 1, input+output+100)
		}
		// Its endpoint in OpenAI's format tells thoughts in the total alone.
		const usage = `"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":105}`
		s = answering(t, `{}`, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"42\"},\"finish_reason\":\"stop\"}],"+usage+"}\n\ndata: [DONE]\n\n",
			`{"choices":[{"index":0,"message":{"role":"assistant","content":"42"}}],`+usage+`}`)
		for who, fields := range map[string]string{"whole": `"n":1`, "streamed": `"stream":true`} {
			stack.WantStatus(t, s.Post(chatPath, who, with(strings.Replace(chatBody, "gpt-4o", "gemini-2.5-pro", 1), fields)), http.StatusOK)
			wantUsed(t, s, who, 1, 105)
		}
	})

	t.Run("xAI's reasoning left out", func(t *testing.T) {
		t.Parallel()
		const usage = `"usage":{"prompt_tokens":30,"completion_tokens":2,"total_tokens":532,"completion_tokens_details":{"reasoning_tokens":500}}`
		s := answering(t, `{}`, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"42\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],"+usage+"}\n\ndata: [DONE]\n\n",
			`{"choices":[{"index":0,"message":{"role":"assistant","content":"42"}}],`+usage+`}`)
		for who, fields := range map[string]string{"whole": `"n":1`, "streamed": `"stream":true`} {
			stack.WantStatus(t, s.Post(chatPath, who, with(strings.Replace(chatBody, "gpt-4o", "grok-4", 1), fields)), http.StatusOK)
			wantUsed(t, s, who, 1, 532)
		}
	})

	t.Run("compaction passes left out", func(t *testing.T) {
		t.Parallel()
		const usage = `"usage":{"input_tokens":23000,"output_tokens":1000,"iterations":[` +
			`{"type":"compaction","input_tokens":180000,"output_tokens":3500},{"type":"message","input_tokens":23000,"output_tokens":1000}]}`
		s := answering(t, `{}`, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":180000,\"output_tokens\":1}}}\n\n"+
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"+usage+"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
			`{"type":"message","content":[],`+usage+`}`)
		for who, body := range map[string]string{"whole": messagesBody, "streamed": with(messagesBody, `"stream":true`)} {
			stack.WantStatus(t, s.Post(messagesPath, who, body), http.StatusOK)
			wantUsed(t, s, who, 1, 180000+3500+23000+1000)
		}
	})

	t.Run("prices looked up for one model while another is forwarded (duplicate JSON keys)", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"modelLimits": {"o1-pro": {"requestLimit": 0}}, "allowedModels": ["gpt-4o-mini"]}`)
		for _, second := range []string{`"model":"o1-pro"`, `"Model":"o1-pro"`, `"mod\u0065l":"o1-pro"`, `"MODEL":"o1-pro"`, `"model" : "o1-pro"`, `"model":null`, `"models":["o1-pro"]`} {
			want := http.StatusBadRequest
			if strings.HasPrefix(second, `"models"`) {
				want = http.StatusForbidden // one more model is checked as the first is
			}

			for _, body := range []string{
				`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}],` + second + `}`,
				`{` + second + `,"messages":[{"role":"user","content":"hello"}],"model":"gpt-4o-mini"}`,
			} {
				a := s.Post(chatPath, "ann", body)
				if a.Status != want {
					t.Errorf("status %d, want %d: %s", a.Status, want, body)
				}
			}
		}
		for _, body := range []string{
			with(chatBody, `"max_tokens":1,"max_tokens":100000`), with(chatBody, `"n":1,"n":100`), with(chatBody, `"stream":false,"stream":true`),
			with(chatBody, `"stream":true,"stream_options":{"include_usage":true,"include_usage":false}`), with(chatBody, `"N":100`),
		} {
			stack.WantStatus(t, s.Post(chatPath, "ann", body), http.StatusBadRequest)
		}
		for _, body := range []string{
			with(geminiBody, `"generationConfig":{"maxOutputTokens":1},"generation_config":{"maxOutputTokens":100000}`),
			with(geminiBody, `"generationConfig":{"maxOutputTokens":1,"max_output_tokens":100000}`),
		} {
			stack.WantStatus(t, s.Post(geminiPath, "ann", body), http.StatusBadRequest)
		}
		if n := s.Seen.Total(); n != 0 {
			t.Errorf("%d requests reached the provider, want none", n)
		}
	})

	t.Run("usage never resets for end users", func(t *testing.T) {
		t.Parallel()
		for period, length := range map[string]time.Duration{"hourly": time.Hour, "daily": 24 * time.Hour, "weekly": 7 * 24 * time.Hour, "monthly": 31 * 24 * time.Hour} {
			t.Run(period, func(t *testing.T) {
				t.Parallel()
				clock := newClock()
				s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitPeriod": "` + period + `"}`, Now: clock.now})
				for round := range 3 {
					stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
					stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
					wantUsed(t, s, "ann", 1, input+output)
					clock.advance(length)
					wantUsed(t, s, "ann", 0, 0)
					if round == 1 {
						s.Restart()
					}
				}
			})
		}
	})

	t.Run("budgets leak across projects", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1}`)
		other := addProject(t, s, s.Store(), `{}`)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
		if u := usageOf(t, s, "ann", other...); u.Usage.Requests != 0 {
			t.Errorf("the other project's ann used %+v, want nothing", u.Usage)
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o", other...), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o", other...), http.StatusTooManyRequests)
		wantUsed(t, s, "ann", 1, input+output)
	})

	t.Run("pass-through endpoints evade them", func(t *testing.T) {
		t.Parallel()
		passThroughEvades(t)
	})

	t.Run("hourly behaves as daily", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitPeriod": "hourly"}`, Now: clock.now})
		clock.advance(45 * time.Minute)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		a := s.Chat("ann", "gpt-4o")
		stack.WantStatus(t, a, http.StatusTooManyRequests)
		e, _ := stack.ErrorOf(t, a)
		limit, _ := e["limit"].(map[string]any)
		if got := fmt.Sprint(limit["period"], limit["resetsAt"], a.Header.Get("Retry-After"), a.Header.Get("x-ratelimit-reset-requests")); got != "hourly2031-05-01T13:00:00Z15m0s" {
			t.Errorf("the refusal says %s, want hourly, 13:00, no Retry-After, 15m0s", got)
		}
		clock.advance(14 * time.Minute)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
		clock.advance(time.Minute)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	})

	t.Run("a \"limit field\" silently dropped", func(t *testing.T) {
		t.Parallel()
		for _, level := range []string{`{%s}`, `{"tiers": {"free": {%s}}}`, `{"modelLimits": {"gpt-4o": {%s}}}`, `{"tiers": {"free": {"modelLimits": {"gpt-4o": {%s}}}}}`} {
			for _, field := range []string{`"requestLmit": 1`, `"requestlimit": 1`, `"tokensLimit": 1`, `"requestLimit": "1"`, `"requestLimit": 1.5`, `"requestLimit": -2`, `"requestLimit": 1, "requestLimit": 2`} {
				doc := fmt.Sprintf(level, field)
				if _, err := project.ParseSettings([]byte(doc)); err == nil {
					t.Errorf("accepted %s", doc)
				} else if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(strings.Trim(strings.SplitN(field, ":", 2)[0], `"`))) {
					t.Errorf("%s: the error does not name the field: %v", doc, err)
				}
			}
		}
		s := limited(t, `{}`)
		for _, fields := range []string{`"requestLmit":1`, `"requestlimit":1`, `"limit":1`, `"requestLimit":"1"`, `"modelLimits":{"gpt-4o":{"requests":1}}`} {
			a := s.Control(http.MethodPost, "/identities", `{"identity":"ann",`+fields+`}`)
			if a.Status < 400 || a.Status > 499 {
				t.Errorf("%s: status %d, want 4xx: %s", fields, a.Status, a.Body)
			}
		}
		st := s.Store()
		for _, field := range levelFields {
			for _, doc := range []string{field.with("0"), `{"tiers": {"free": ` + field.with("0") + `}, "defaultTier": "free"}`} {
				stack.WantStatus(t, s.Chat("ann", "gpt-4o", addProject(t, s, st, doc)...), http.StatusTooManyRequests)
			}
			set(t, s, field.name, field.with("0"))
			stack.WantStatus(t, s.Chat(field.name, "gpt-4o"), http.StatusTooManyRequests)
		}
	})
}

// levelField is a limit that a project, a tier and an identity can set.
type levelField struct{ name, form string }

// with is an object that sets it.
func (f levelField) with(value string) string { return fmt.Sprintf(f.form, value) }

var levelFields = []levelField{
	{"requestLimit", `{"requestLimit": %s}`},
	{"tokenLimit", `{"tokenLimit": %s}`},
	{"costLimitUsd", `{"costLimitUsd": %s}`},
	{"requestsPerMinute", `{"requestsPerMinute": %s}`},
	{"concurrentRequests", `{"concurrentRequests": %s}`},
	{"modelLimits.requestLimit", `{"modelLimits": {"gpt-4o": {"requestLimit": %s}}}`},
	{"modelLimits.tokenLimit", `{"modelLimits": {"gpt-4o": {"tokenLimit": %s}}}`},
	{"modelLimits.costLimitUsd", `{"modelLimits": {"gpt-4o": {"costLimitUsd": %s}}}`},
}

// passThroughEvades calls every endpoint with a key of the client's own.
func passThroughEvades(t *testing.T) {
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, PassThrough: true})
	form := func(model string) (body, kind string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.WriteField("model", model)
		_ = w.WriteField("prompt", "hello there")
		for _, name := range []string{"file", "image"} {
			part, err := w.CreateFormFile(name, name+".bin")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = part.Write(make([]byte, 4000))
		}
		_ = w.Close()
		return b.String(), w.FormDataContentType()
	}
	sound, soundType := form("whisper-1")
	picture, pictureType := form("gpt-image-1")
	const asJSON = "application/json"
	for _, tc := range []struct{ path, body, kind string }{
		{chatPath, chatBody, asJSON},
		{"/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"hello there"}`, asJSON},
		{"/v1/responses", `{"model":"gpt-4o","input":"hello there"}`, asJSON},
		{"/v1/embeddings", `{"model":"text-embedding-3-small","input":"hello there"}`, asJSON},
		{"/v1/moderations", `{"model":"omni-moderation-latest","input":"hello there"}`, asJSON},
		{"/v1/images/generations", `{"model":"gpt-image-1","prompt":"hello there"}`, asJSON},
		{"/v1/images/edits", picture, pictureType},
		{"/v1/audio/speech", `{"model":"tts-1","input":"hello there","voice":"alloy"}`, asJSON},
		{"/v1/audio/transcriptions", sound, soundType},
		{"/v1/audio/translations", sound, soundType},
		{messagesPath, messagesBody, asJSON},
		{geminiPath, geminiBody, asJSON},
		{streams[4].path, geminiBody, asJSON},
		{"/v1beta/models/gemini-embedding-001:embedContent", `{"content":{"parts":[{"text":"hello there"}]}}`, asJSON},
		{"/v1beta/models/gemini-embedding-001:batchEmbedContents", `{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"hello there"}]}}]}`, asJSON},
	} {
		for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
			if a := s.Post(tc.path, tc.path, tc.body, "Content-Type", tc.kind, version[0], version[1]); a.Status != want {
				t.Errorf("%s: status %d, want %d: %.300s", tc.path, a.Status, want, a.Body)
			}
		}
		if u := usageOf(t, s, tc.path).Usage; u.Requests != 1 {
			t.Errorf("%s: %d requests counted, want 1", tc.path, u.Requests)
		}
	}

	reached := s.Seen.Total()
	for _, path := range []string{"/v1/files", "/v1/fine_tuning/jobs", "/v1/batches", "/v1/organization/costs", "/v1/threads", "/v1/assistants",
		"/v1/models/gpt-4o/versions/../../files", "/v1beta/files", "/v1beta/cachedContents", "/v1beta/models/gemini-2.0-flash:predict", "/v1/messages/batches",
		"/v1//chat/completions", "//v1/chat/completions", "/v1/files/../chat/completions", "/v1/chat/completions/", "/v1/chat%2Fcompletions",
		"/v1/%63hat/completions", "/V1/chat/completions", "/v1/chat/completions/../../files"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			a := s.Do(s.Request(method, path, "ann", chatBody))
			stack.WantStatus(t, a, http.StatusNotFound)
			if !strings.Contains(strings.ToLower(a.Body), `"unsupported_endpoint"`) {
				t.Errorf("%s %s: %s, want unsupported_endpoint", method, path, a.Body)
			}
		}
	}
	if n := s.Seen.Total(); n != reached {
		t.Errorf("%d requests to other endpoints reached the provider, want none", n-reached)
	}
}
