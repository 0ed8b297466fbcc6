package provider

import (
	"net/http"
	"testing"
	"time"
)

// The texts are the vendors' own, as documented or as their users reported them.
func TestComplaintsAboutTheAccount(t *testing.T) {
	t.Parallel()
	target, err := Route(snapshot(t, `{"providers": {"openai": {"key": "sk-proj-stored0123456789wxyz"}}}`), endpoint(t, http.MethodPost, chatPath), "gpt-x", "")
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]struct {
		status int
		kind   ComplaintKind
	}{
		`{"error":{"message":"Incorrect API key provided: sk-proj-************wxyz.","code":"invalid_api_key"}}`:                                              {401, AboutKey},
		`{"error":{"message":"Incorrect API key provided: sk-proj-stored01..."}}`:                                                                             {400, AboutKey},
		`{"error":{"message":"The key \u2022\u2022\u2022\u2022wxyz may not do this"}}`:                                                                        {422, AboutKey},
		`{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`:                                                              {0, AboutKey},
		`{"error":{"code":"invalid_api_key"}}`:                                                                                                                {0, AboutKey},
		`{"error":{"message":"bad key ending 456789wxyz"}}`:                                                                                                   {500, AboutKey},
		`{"error":{"message":"The key sk-p...wxyz may not do this"}}`:                                                                                         {400, AboutKey},
		`{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}`:                                                      {400, AboutKey},
		`{"error":{"code":403,"message":"Permission denied: Consumer 'api_key:AIzaX' has been suspended."}}`:                                                  {403, AboutKey},
		`{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota"}}`:                    {429, AboutAccount},
		`{"error":{"message":"Billing hard limit has been reached","code":"billing_hard_limit_reached"}}`:                                                     {400, AboutAccount},
		`{"error":{"message":"Project ` + "`proj_AbCdEf123`" + ` does not have access to model gpt-5","code":"model_not_found"}}`:                             {403, AboutAccount},
		`{"error":{"message":"Your organization must be verified to use the model gpt-image-1."}}`:                                                            {403, AboutAccount},
		`{"error":{"message":"Rate limit reached for gpt-4o in organization org-AbCdEf1234 on requests per min (RPM): Limit 3, Used 3."}}`:                    {429, AccountLimited},
		`{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`:                   {400, AboutAccount},
		`{"type":"error","error":{"message":"You have reached your specified API usage limits."}}`:                                                            {400, AboutAccount},
		`{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 50,000 tokens a minute"}}`: {429, AccountLimited},
		`{"error":{"code":429,"message":"You exceeded your current quota, please check your plan.","status":"RESOURCE_EXHAUSTED"}}`:                           {429, AccountLimited},
		`{"error":{"code":403,"message":"Generative Language API has not been used in project 123456 before or it is disabled."}}`:                            {403, AboutAccount},
		"{\"error\":{\"message\":\"Rate limit reached for model `llama-3.3` in organization `org_01hqAbCdEf` on tokens per minute: Limit 6000\"}}":            {429, AccountLimited},
		`{"error":{"code":429,"message":"Quota exceeded for quota metric 'requests' of service 'x' for consumer 'project_number:8675309'."}}`:                 {429, AccountLimited},
		`{"error":{"message":"Unknown parameter: 'org_settings'."}}`:                                                                                          {400, NoComplaint},
		`{"error":{"message":"Insufficient Balance","code":"invalid_request_error"}}`:                                                                         {402, AboutAccount},
		`"Your newly created team doesn't have any credits or licenses yet. You can purchase those on https://console.x.ai/team/4"`:                           {403, AboutAccount},
		`"Your team 16f2 has either used all available credits or reached its monthly spending limit."`:                                                       {429, AboutAccount},
		`{"error":{"message":"The model x does not exist","code":"model_not_found"}}`:                                                                         {404, NoComplaint},
		`{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}`:                                              {429, NoComplaint},
		`{"error":{"message":"Unknown parameter: 'org-chart'.","param":"org-chart"}}`:                                                                         {400, NoComplaint},
		`{"error":{"message":"Invalid schema for function 'get_organization'."}}`:                                                                             {400, NoComplaint},
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`:                                                                         {529, NoComplaint},
		`{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}`:                                                 {403, NoComplaint},
	} {
		if got := Complain(want.status, []byte(body), target.Provider); got.Kind != want.kind || (got.Reason == "") != (want.kind == NoComplaint) {
			t.Errorf("%d %s: %+v, want kind %d", want.status, body, got, want.kind)
		}
	}
}

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		header, body string
		want         time.Duration
	}{
		{"7", `{"retryDelay": "34s"}`, 7 * time.Second}, {"", `[{"retryDelay": "34.4s"}]`, 34400 * time.Millisecond}, {"", `"retryDelay":x`, 0}, {"", "", 0},
		{"Wed, 21 Oct 2026 07:28:00 GMT", `"retryDelay":"-1s"`, 0},
	} {
		if got := RetryDelay(http.Header{"Retry-After": {tc.header}}, []byte(tc.body)); got != tc.want {
			t.Errorf("%q, %s: %s, want %s", tc.header, tc.body, got, tc.want)
		}
	}
}
