package test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/test/stack"
)

// errorTypes is the contract's table of types by status.
var errorTypes = map[int][3]string{
	400: {"invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
	401: {"authentication_error", "authentication_error", "UNAUTHENTICATED"},
	403: {"permission_error", "permission_error", "PERMISSION_DENIED"},
	404: {"invalid_request_error", "not_found_error", "NOT_FOUND"},
	431: {"invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
	413: {"invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
	429: {"rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"},
	502: {"api_error", "api_error", "UNAVAILABLE"},
	503: {"api_error", "overloaded_error", "UNAVAILABLE"},
	504: {"api_error", "timeout_error", "DEADLINE_EXCEEDED"},
}

// errorCase provokes one code of the contract's table.
type errorCase struct {
	code    string
	status  int
	options stack.Options
	model   map[string]string // by dialect; the usual one where there is none
	headers []string          // in pairs; an empty value deletes
	reaches bool              // the provider is asked
	counts  bool
	alter   func(t *testing.T, s *stack.Stack, d dialect, r *http.Request)
}

func errorCases() []errorCase {
	project := func(doc string) stack.Options { return stack.Options{Settings: doc} }
	everywhere := func(openAI, anthropic, gemini string) map[string]string {
		return map[string]string{"OpenAI": openAI, "Anthropic": anthropic, "Gemini": gemini}
	}
	body := func(text string) func(*testing.T, *stack.Stack, dialect, *http.Request) {
		return func(t *testing.T, s *stack.Stack, d dialect, r *http.Request) {
			*r = *s.Request(r.Method, r.URL.RequestURI(), "u", text)
		}
	}
	return []errorCase{
		{code: "invalid_request", status: 400, alter: body("{")},
		{code: "missing_identity", status: 400, headers: []string{"X-Identity", ""}},
		{code: "invalid_identity", status: 400, headers: []string{"X-Identity", strings.Repeat("x", 513)}},
		{code: "unknown_model", status: 400, model: everywhere("nobody-1", "nobody-1", "nobody-1")},
		{code: "unknown_tier", status: 400, options: project(`{"unknownTier":"reject"}`), headers: []string{"X-Tier", "nope"}},
		{code: "unknown_system_prompt", status: 400, alter: func(t *testing.T, s *stack.Stack, d dialect, r *http.Request) {
			*r = *s.Request(r.Method, r.URL.RequestURI(), "u", `{"systemPrompt":"nope",`+d.body(d.model, false)[1:])
		}},
		{code: "key_provider_mismatch", status: 400, options: stack.Options{PassThrough: true}, alter: func(t *testing.T, s *stack.Stack, d dialect, r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set(d.keyHeader, strings.TrimPrefix("Bearer xai-0123456789", map[bool]string{true: "", false: "Bearer "}[d.keyHeader == "Authorization"]))
		}},
		{code: "unpriced_model", status: 400, options: project(`{"costLimitUsd":1}`), model: everywhere("gpt-unpriced", "claude-unpriced", "gemini-unpriced")},
		{code: "missing_project_key", status: 401, headers: []string{"X-Project-Key", ""}},
		{code: "invalid_project_key", status: 401, headers: []string{"X-Project-Key", "pk_0123456789012345678901"}},
		{code: "missing_provider_key", status: 401, options: stack.Options{PassThrough: true}, headers: []string{"Authorization", ""}},
		{code: "identity_disabled", status: 403, alter: func(t *testing.T, s *stack.Stack, d dialect, r *http.Request) {
			change(t, s, "u", func(a *ledger.Account) { a.Settings = &ledger.Settings{Disabled: true} })
		}},
		{code: "model_not_allowed", status: 403, options: project(`{"allowedModels":["o3"]}`)},
		{code: "origin_not_allowed", status: 403, options: project(`{"allowedOrigins":["https://app.example"]}`), headers: []string{"Origin", "https://else.example"}},
		{code: "request_too_large", status: 413, options: stack.Options{Env: map[string]string{"MAX_BODY_MB": "1"}}, alter: body(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`)},
		{code: "limit_exceeded", status: 429, options: project(`{"requestLimit":0}`)},
		{code: "burst_exceeded", status: 429, options: project(`{"requestsPerMinute":0}`)},
		{code: "concurrency_exceeded", status: 429, options: project(`{"concurrentRequests":0}`)},
		{code: "provider_unreachable", status: 502, headers: []string{"X-Echo-Fault", "close"}, reaches: true, counts: true},
		{code: "provider_auth_failed", status: 502, headers: []string{"X-Echo-Fault", "key-refused"}, reaches: true},
		{code: "provider_timeout", status: 504, options: stack.Options{Env: map[string]string{"UPSTREAM_TIMEOUT_SECONDS": "1"}},
			headers: []string{"X-Echo-Fault", "hang"}, reaches: true, counts: true},
	}
}

// Every code of the table, in the shape, with the type and the headers of each dialect.
func TestErrors_EachCodeInEachDialect(t *testing.T) {
	t.Parallel()
	for _, tc := range errorCases() {
		t.Run(tc.code, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, tc.options)
			for i, d := range dialects {
				t.Run(d.name, func(t *testing.T) {
					if m := tc.model[d.name]; m != "" {
						d.model = m
					}
					r := d.request(s, "u", false)
					if tc.alter != nil {
						tc.alter(t, s, d, r)
					}
					for i := 0; i < len(tc.headers); i += 2 {
						r.Header.Set(tc.headers[i], tc.headers[i+1])
						if tc.headers[i+1] == "" {
							r.Header.Del(tc.headers[i])
						}
					}
					seen := s.Seen.Total()
					a := s.Do(r)
					wantErrorShape(t, a, i, tc.status, tc.code)
					if reached := s.Seen.Total() > seen; reached != tc.reaches {
						t.Errorf("provider was asked: %v, want %v", reached, tc.reaches)
					}
				})
			}
			requests := int64(0)
			if tc.counts {
				requests = int64(len(dialects))
			}
			if got := charged(s, "u").requests; got != requests {
				t.Errorf("%d requests counted, want %d", got, requests)
			}
		})
	}
}

var requestID = regexp.MustCompile(`^req_[0-9a-v]{24}$`)

// wantErrorShape checks everything of an error that the contract promises of every one.
func wantErrorShape(t *testing.T, a stack.Answer, dialect, status int, code string) {
	t.Helper()
	stack.WantStatus(t, a, status)
	id := a.Header.Get("X-Request-Id")
	if !requestID.MatchString(id) {
		t.Errorf("x-request-id is %q", id)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	doc := a.JSON(t)
	e, ok := doc["error"].(map[string]any)
	if !ok {
		t.Fatalf("no error object: %s", a.Body)
	}
	if m, _ := e["message"].(string); len(m) < 10 {
		t.Errorf("message %q says too little", m)
	}
	want := errorTypes[status][dialect]
	switch dialect {
	case 0:
		if _, ok := e["param"]; !ok || e["type"] != want || e["code"] != code {
			t.Errorf("error is %s, want type %s, code %s and a param", a.Body, want, code)
		}
	case 1:
		details, _ := e["details"].(map[string]any)
		if doc["type"] != "error" || e["type"] != want || e["code"] != code || details["error_code"] != code {
			t.Errorf("error is %s, want type %s, code %s", a.Body, want, code)
		}
		if doc["request_id"] != id || a.Header.Get("Request-Id") != id {
			t.Errorf("request ids differ: header %q, %q, body %v", id, a.Header.Get("Request-Id"), doc["request_id"])
		}
	case 2:
		wantGoogleShape(t, e, status, want, code, status == 429 && a.Header.Get("Retry-After") != "")
	}
}

func wantGoogleShape(t *testing.T, e map[string]any, status int, want, code string, retried bool) {
	t.Helper()
	if e["code"] != float64(status) || e["status"] != want {
		t.Errorf("code %v, status %v, want %d, %s", e["code"], e["status"], status, want)
	}
	details, _ := e["details"].([]any)
	if len(details) == 0 {
		t.Fatalf("no details: %v", e)
	}
	info := details[0].(map[string]any)
	if info["@type"] != "type.googleapis.com/google.rpc.ErrorInfo" || info["reason"] != strings.ToUpper(code) || info["domain"] != "airatelimit" {
		t.Errorf("ErrorInfo is %v, want reason %s", info, strings.ToUpper(code))
	}
	retry := len(details) > 1 && details[1].(map[string]any)["@type"] == "type.googleapis.com/google.rpc.RetryInfo"
	if retry != retried {
		t.Errorf("RetryInfo: %v of status %d, want %v", retry, status, retried)
	}
}

// A path that nobody serves is refused in the dialect that it looks like.
func TestErrors_UnsupportedEndpointInItsDialect(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for i, path := range []string{"/v1/files", "/v1/messages/batches", "/v1beta/cachedContents"} {
		wantErrorShape(t, s.Post(path, "u", `{}`), i, 404, "unsupported_endpoint")
	}
}

// A server that drains answers what is new with 503 and lets what runs end.
func TestErrors_DrainingIs503AndRunningRequestsEnd(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Echo: echoBefore(func(r *http.Request) {
		if r.Header.Get("X-Wait") != "" {
			close(begun)
			<-finish
		}
	})})
	running := make(chan stack.Answer, 1)
	r := openAI.request(s, "u", false, "X-Wait", "1")
	go func() { running <- do(r) }()
	<-begun
	stopped := make(chan struct{})
	go func() { s.Stop(); close(stopped) }()
	s.Log.Await(t, "draining")
	for i, d := range dialects {
		a := s.Do(d.request(s, "u", false))
		wantErrorShape(t, a, i, 503, "unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	close(finish)
	if a := <-running; a.Status != 200 {
		t.Errorf("the running request ended with %d: %s", a.Status, a.Body)
	}
	<-stopped
}
