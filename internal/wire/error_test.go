package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func pointer(s string) *string { return &s }

// quota is the contract's own example of a quota refusal.
func quota() *Error {
	return &Error{
		Status:     429,
		Code:       "limit_exceeded",
		Message:    "You've used 5/5 free requests. Upgrade to Pro!",
		Fields:     map[string]any{"deepLink": "app://upgrade"},
		RetryAfter: 90*time.Minute + 500*time.Millisecond,
		Limit: &LimitDetail{Metric: "requests", Scope: "model", Model: pointer("gpt-4o"), Tier: pointer("free"), Period: "daily",
			Limit: "5", Used: "5", Remaining: "0", ResetsAt: time.Date(2026, 11, 23, 1, 0, 0, 0, time.FixedZone("CET", 3600))},
	}
}

func TestErrorBody_showsALimitInEachDialect(t *testing.T) {
	t.Parallel()
	const limit = `"deepLink":"app://upgrade","limit":{"metric":"requests","scope":"model","model":"gpt-4o","tier":"free","period":"daily","limit":5,"used":5,"remaining":0,"resetsAt":"2026-11-23T00:00:00Z"}`
	for d, want := range map[Dialect]string{
		OpenAI:    `{"error":{"message":"You've used 5/5 free requests. Upgrade to Pro!","type":"rate_limit_exceeded","param":null,"code":"limit_exceeded",` + limit + `}}`,
		Anthropic: `{"type":"error","error":{"message":"You've used 5/5 free requests. Upgrade to Pro!","type":"rate_limit_error","code":"limit_exceeded","details":{"error_code":"limit_exceeded"},` + limit + `},"request_id":"req_1"}`,
		Gemini: `{"error":{"message":"You've used 5/5 free requests. Upgrade to Pro!","code":429,"status":"RESOURCE_EXHAUSTED","details":[` +
			`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"LIMIT_EXCEEDED","domain":"airatelimit","metadata":{"deepLink":"app://upgrade","limit.limit":"5","limit.metric":"requests","limit.model":"gpt-4o","limit.period":"daily","limit.remaining":"0","limit.resetsAt":"2026-11-23T00:00:00Z","limit.scope":"model","limit.tier":"free","limit.used":"5"}},` +
			`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"5400.5s"}]}}`,
	} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, string(quota().Body(d, "req_1"))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// Clients show the beginning of an unknown body, so the message comes first. A retry is mentioned only if it makes sense.
func TestErrorBody_messageFirstAndNoIdleRetry(t *testing.T) {
	t.Parallel()
	e := quota()
	e.RetryAfter = 0
	for d, start := range map[Dialect]string{OpenAI: `{"error":{"message":`, Anthropic: `{"type":"error","error":{"message":`, Gemini: `{"error":{"message":`} {
		body := string(e.Body(d, "req_1"))
		if !strings.HasPrefix(body, start) || strings.Contains(body, "RetryInfo") {
			t.Errorf("%v: %s, want it to start with %s and no RetryInfo", d, body, start)
		}
	}
}

// Google's clients repeat a 429 unless it says that a day's quota is used up. A burst's 429 does not say so.
func TestErrorBody_geminiTellsAUsedUpQuota(t *testing.T) {
	t.Parallel()
	e := quota()
	e.RetryAfter = 0
	for period, want := range map[string]string{"hourly": "PerHour", "daily": "PerDay", "weekly": "PerWeek", "monthly": "PerMonth"} {
		e.Limit.Period = period
		body := string(e.Body(Gemini, "req_1"))
		if want := `"quotaId":"` + e.Limit.Metric + want + `"`; !strings.Contains(body, want) || !strings.Contains(body, "google.rpc.QuotaFailure") {
			t.Errorf("%s: %s, want a QuotaFailure with %s", period, body, want)
		}
	}
	e.RetryAfter = time.Second
	if body := string(e.Body(Gemini, "req_1")); strings.Contains(body, "QuotaFailure") {
		t.Errorf("%s, want no QuotaFailure beside a RetryInfo", body)
	}
	e.RetryAfter, e.Limit = 0, nil
	if body := string(e.Body(Gemini, "req_1")); strings.Contains(body, "QuotaFailure") {
		t.Errorf("%s, want no QuotaFailure without a limit", body)
	}
}

func TestErrorBody_namesStatusesAsTheContractDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status                          int
		code, openAI, anthropic, gemini string
	}{
		{400, "invalid_request", "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
		{400, "missing_identity", "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
		{401, "missing_project_key", "authentication_error", "authentication_error", "UNAUTHENTICATED"},
		{402, "limit_exceeded", "rate_limit_exceeded", "billing_error", "RESOURCE_EXHAUSTED"},
		{403, "limit_exceeded", "rate_limit_exceeded", "permission_error", "PERMISSION_DENIED"},
		{403, "identity_disabled", "permission_error", "permission_error", "PERMISSION_DENIED"},
		{403, "security_blocked", "security_policy_violation", "permission_error", "PERMISSION_DENIED"},
		{404, "unsupported_endpoint", "invalid_request_error", "not_found_error", "NOT_FOUND"},
		{413, "request_too_large", "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
		{429, "limit_exceeded", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"},
		{429, "burst_exceeded", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"},
		{502, "provider_unreachable", "api_error", "api_error", "UNAVAILABLE"},
		{503, "unavailable", "api_error", "overloaded_error", "UNAVAILABLE"},
		{504, "provider_timeout", "api_error", "timeout_error", "DEADLINE_EXCEEDED"},
		{500, "internal", "api_error", "api_error", "INTERNAL"},
		{405, "other", "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
	} {
		e := &Error{Status: c.status, Code: c.code, Message: "m"}
		var body struct {
			Error struct{ Type, Status, Code any }
		}
		for d, want := range map[Dialect]string{OpenAI: c.openAI, Anthropic: c.anthropic, Gemini: c.gemini} {
			if err := json.Unmarshal(e.Body(d, ""), &body); err != nil {
				t.Fatal(err)
			}
			got := body.Error.Type
			if d == Gemini {
				got = body.Error.Status
			}
			if got != want {
				t.Errorf("%d %s in %v is %v, want %v", c.status, c.code, d, got, want)
			}
		}
	}
}

func TestErrorBody_developersFieldsNeverReplaceOurs(t *testing.T) {
	t.Parallel()
	e := quota()
	e.Fields = map[string]any{"message": "x", "type": "x", "code": "x", "param": "x", "limit": map[string]any{"used": 9}, "limit.used": "9", "details": "x", "title": "<Pro & more>"}
	e.Param = "model"
	for _, d := range []Dialect{OpenAI, Anthropic, Gemini} {
		with := string(e.Body(d, ""))
		bare := *e
		bare.Fields = nil
		var got, want map[string]any
		unmarshal(t, with, &got)
		unmarshal(t, string(bare.Body(d, "")), &want)
		fields := want["error"].(map[string]any)
		if d == Gemini {
			fields = fields["details"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
		} else {
			fields["limit.used"] = "9"
		}
		fields["title"] = "<Pro & more>"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", d, diff)
		}
		if !strings.Contains(with, "<Pro & more>") {
			t.Errorf("%v escapes HTML: %s", d, with)
		}
	}
}

func unmarshal(t *testing.T, s string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
}

func TestErrorBody_isValidJSONWhateverItHolds(t *testing.T) {
	t.Parallel()
	for _, e := range []*Error{
		{},
		{Status: 429, Code: "limit_exceeded", Message: "\"\\\x00\xff\u2028</script>"},
		{Status: 429, Fields: map[string]any{"a": make(chan int), "b": func() {}, "\"": nil, "c": []any{1, "x"}, "d": map[string]any{"e": map[string]any{"f": true}}}},
		{Status: 429, Limit: &LimitDetail{}},
		{Status: 429, Limit: &LimitDetail{Limit: "x", Used: "NaN", Remaining: "0x1p-2"}, RetryAfter: -time.Second},
	} {
		for _, d := range []Dialect{OpenAI, Anthropic, Gemini} {
			if body := e.Body(d, "\"\xff"); !json.Valid(body) {
				t.Errorf("%+v in %v is no JSON: %s", e, d, body)
			}
		}
	}
}

func TestErrorBody_details(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		e    *Error
		d    Dialect
		want string
	}{
		{"ParamInOpenAI", invalid("n", "bad"), OpenAI, `{"error":{"message":"bad","type":"invalid_request_error","param":"n","code":"invalid_request"}}`},
		{"ParamInGemini", invalid("n", "bad"), Gemini, `{"error":{"message":"bad","code":400,"status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_REQUEST","domain":"airatelimit","metadata":{"param":"n"}}]}}`},
		{"TypeOverride", &Error{Status: 403, Code: "c", Message: "m", Type: "t"}, OpenAI, `{"error":{"message":"m","type":"t","param":null,"code":"c"}}`},
		{"NoModelNoTierNoReset", &Error{Status: 429, Code: "c", Message: "m", Limit: &LimitDetail{Metric: "costUsd", Scope: "project", Period: "monthly", Limit: "1.5", Used: "1.500001", Remaining: "0"}}, OpenAI,
			`{"error":{"message":"m","type":"rate_limit_exceeded","param":null,"code":"c","limit":{"metric":"costUsd","scope":"project","model":null,"tier":null,"period":"monthly","limit":1.5,"used":1.500001,"remaining":0,"resetsAt":null}}}`},
		{"NestedFieldsAreFlatInGemini", &Error{Status: 403, Code: "c", Message: "m", Fields: map[string]any{"plan": map[string]any{"name": "Pro", "price": 4.5, "old": nil}, "tags": []any{"a", 1}, "vip": true}}, Gemini,
			`{"error":{"message":"m","code":403,"status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"C","domain":"airatelimit","metadata":{"plan.name":"Pro","plan.price":"4.5","tags":"[\"a\",1]","vip":"true"}}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, string(c.e.Body(c.d, ""))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestError_isFoundByErrorsAs(t *testing.T) {
	t.Parallel()
	_, err := Match("POST", "/v1/files")
	var e *Error
	if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "unsupported_endpoint: ") {
		t.Errorf("got %v", err)
	}
}
