package test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/stack"
)

// Headers on the list reach the provider. None of ours does, nor cookies, addresses, hop-by-hop headers or anything else.
func TestHeaders_WhatGoesOut(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tiers":{"pro":{}}}`})
	r := openAI.request(s, "user-1", false,
		"X-Tier", "pro", "X-Provider", "openai", "Cookie", "a=b", "Forwarded", "for=1.2.3.4", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Proto", "https",
		"X-Real-Ip", "1.2.3.4", "Cf-Connecting-Ip", "1.2.3.4", "Fly-Client-Ip", "1.2.3.4", "X-Envoy-External-Address", "1.2.3.4", "X-Original-Forwarded-For", "1.2.3.4",
		"Baggage", "user=1.2.3.4", "X-Baz", "id_"+s.ProjectKey, "Connection", "X-Hop", "X-Hop", "1", "Te", "trailers", "Proxy-Authorization", "Basic x", "Via", "1.1 x",
		"Origin", "https://app.example", "Authorization", "Bearer client-key", "Accept-Encoding", "gzip",
		"OpenAI-Beta", "assistants=v2", "X-Stainless-Lang", "js", "Idempotency-Key", "k1", "X_Api_Key", "x", "Openai_Beta", "x", "User-Agent", "sdk/1")
	stack.WantStatus(t, s.Do(r), 200)
	seen, _ := s.Seen.Last()
	for name, values := range seen.Header {
		for _, v := range values {
			if strings.Contains(v, "pk_") || strings.Contains(v, "user-1") || strings.Contains(v, "client-key") || strings.Contains(v, "1.2.3.4") {
				t.Errorf("%s: %s reached the provider", name, v)
			}
		}
		if !slices.Contains([]string{"Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Openai-Beta", "X-Stainless-Lang",
			"User-Agent", "Anthropic-Version"}, name) {
			t.Errorf("%s: %v reached the provider", name, values)
		}
	}
	for name, want := range map[string]string{"Authorization": "Bearer " + stack.StoredKey, "Openai-Beta": "assistants=v2",
		"X-Stainless-Lang": "js", "User-Agent": "sdk/1", "Accept-Encoding": "identity"} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if want := openAI.body("gpt-4o", false); string(seen.Body) != want {
		t.Errorf("the body became %s", seen.Body)
	}
}

// A project key is enough in the place where an SDK puts its API key, and goes no further.
func TestHeaders_ProjectKeyInEachPlace(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	places := map[string]func(*http.Request){
		"x-project-key":  func(r *http.Request) { r.Header.Set("X-Project-Key", s.ProjectKey) },
		"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.ProjectKey) },
		"lower bearer":   func(r *http.Request) { r.Header.Set("Authorization", "bearer "+s.ProjectKey) },
		"x-api-key":      func(r *http.Request) { r.Header.Set("X-Api-Key", s.ProjectKey) },
		"x-goog-api-key": func(r *http.Request) { r.Header.Set("X-Goog-Api-Key", s.ProjectKey) },
		"query": func(r *http.Request) {
			q := r.URL.Query()
			q.Set("key", s.ProjectKey)
			r.URL.RawQuery = q.Encode()
		},
		"everywhere": func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+s.ProjectKey)
			r.Header.Set("X-Api-Key", s.ProjectKey)
			r.URL.RawQuery += "&key=" + s.ProjectKey
		},
	}
	for name, place := range places {
		for _, d := range dialects {
			r := d.request(s, "u", true)
			r.Header.Del("X-Project-Key")
			place(r)
			stack.WantStatus(t, s.Do(r), 200)
			seen, _ := s.Seen.Last()
			if dump := seen.Path + seen.Query + strings.Join(slices.Concat(seen.Header["Authorization"], seen.Header["X-Api-Key"], seen.Header["X-Goog-Api-Key"]), " "); strings.Contains(dump, "pk_") || !strings.Contains(dump, stack.StoredKey) {
				t.Errorf("%s, %s: the provider got %s", name, d.name, dump)
			}
		}
	}
}

// A client's own key goes to its own vendor, in the place where the client put it, and nowhere else.
func TestHeaders_ClientsKeyInEachPlace(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{PassThrough: true})
	for _, d := range dialects {
		for _, place := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "query"} {
			r := d.request(s, "u", false)
			r.Header.Del("Authorization")
			switch place {
			case "query":
				r.URL.RawQuery = "key=client-key"
			case "Authorization":
				r.Header.Set(place, "Bearer client-key")
			default:
				r.Header.Set(place, "client-key")
			}
			s.Do(r) // the echo provider looks for it in its dialect's own places only
			seen, _ := s.Seen.Last()
			for _, other := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
				if got := strings.TrimPrefix(seen.Header.Get(other), "Bearer "); (got == "client-key") != (other == place) {
					t.Errorf("%s: sent in %s, %s is %q", d.name, place, other, got)
				}
			}
			if (seen.Query == "key=client-key") != (place == "query") {
				t.Errorf("%s: sent in %s, the query is %q", d.name, place, seen.Query)
			}
		}
		foreigners := []string{"xai-0123456789", "gsk_0123456789", "sk-or-0123456789"}
		if d.name != "OpenAI" {
			foreigners = append(foreigners, "sk-0123456789", "sk-0123T3BlbkFJ456789")
		}
		for _, foreign := range foreigners {
			before := s.Seen.Total()
			r := d.request(s, "u", false)
			r.Header.Del("Authorization")
			r.Header.Set("X-Api-Key", foreign)
			stack.WantError(t, s.Do(r), 400, "key_provider_mismatch")
			if s.Seen.Total() != before {
				t.Errorf("%s went to %s", foreign, d.name)
			}
		}
	}
}

// A stored key wins over the client's.
func TestHeaders_StoredKeyWins(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, d := range dialects {
		stack.WantStatus(t, s.Do(d.request(s, "u", false, "Authorization", "Bearer mine", "X-Api-Key", "mine", "X-Goog-Api-Key", "mine")), 200)
		seen, _ := s.Seen.Last()
		if got := strings.TrimPrefix(seen.Header.Get(d.keyHeader), "Bearer "); got != stack.StoredKey {
			t.Errorf("%s got the key %q", d.name, got)
		}
		for name, values := range seen.Header {
			if slices.Contains(values, "mine") || slices.Contains(values, "Bearer mine") {
				t.Errorf("%s got the client's key in %s", d.name, name)
			}
		}
	}
}

// Identities and project keys that are there twice must agree; an identity is compared byte for byte.
func TestHeaders_IdentityForms(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1}`})
	ask := func(values ...string) stack.Answer {
		r := openAI.request(s, "", false)
		r.Header["X-Identity"] = values
		return s.Do(r)
	}
	for _, id := range []string{"Ünïcödé ✓", "ünïcödé ✓", "with space", "-1", strings.Repeat("x", 512), "{{limit}}", `"quoted\"`} {
		stack.WantStatus(t, ask(id), 200)
		stack.WantError(t, ask(id), 429, "limit_exceeded")
		stack.WantError(t, ask(" "+id+"\t"), 429, "limit_exceeded")
		stack.WantError(t, ask(id, id), 429, "limit_exceeded")
	}
	for _, id := range []string{"\xff\xfe", "zero\u200bwidth", "\u202eright", strings.Repeat("x", 513), strings.Repeat("é", 257)} {
		stack.WantError(t, ask(id), 400, "invalid_identity")
	}
	stack.WantError(t, ask("a", "b"), 400, "invalid_identity")
	stack.WantError(t, ask("a", ""), 400, "invalid_identity")
	stack.WantError(t, ask(""), 400, "missing_identity")
	stack.WantError(t, ask("  "), 400, "missing_identity")

	r := openAI.request(s, "u", false)
	r.Header["X-Project-Key"] = []string{s.ProjectKey, "pk_other56789012345678901"}
	stack.WantError(t, s.Do(r), 400, "invalid_request")
	stack.WantError(t, s.Do(openAI.request(s, "u", false, "X-Api-Key", "pk_other56789012345678901")), 401, "invalid_project_key")
	stack.WantError(t, s.Do(openAI.request(s, "u", false, "X-Tier", strings.Repeat("x", 65))), 400, "invalid_request")
}

// A list says which of the provider's headers come back. It is shorter with a stored key; its request id is beside ours.
func TestHeaders_WhatComesBack(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{true, false} {
		s := stack.New(t, stack.Options{PassThrough: !stored})
		a := s.Do(openAI.request(s, "u", false))
		stack.WantStatus(t, a, 200)
		for name, shown := range map[string]bool{"Openai-Organization": false, "Openai-Project": false, "X-Ratelimit-Limit-Requests": !stored,
			"Openai-Processing-Ms": true, "Set-Cookie": false} {
			if got := a.Header.Get(name) != ""; got != shown {
				t.Errorf("stored key %v: %s is shown: %v", stored, name, got)
			}
		}
		if id := a.Header.Get("X-Provider-Request-Id"); !strings.HasPrefix(id, "req_") || id == a.Header.Get("X-Request-Id") || !requestID.MatchString(a.Header.Get("X-Request-Id")) {
			t.Errorf("request ids are %q of the provider and %q", id, a.Header.Get("X-Request-Id"))
		}
		if r := anthropic.request(s, "u", false); !stored {
			r.Header.Set("X-Api-Key", "mine")
			if a := s.Do(r); a.Header.Get("Anthropic-Ratelimit-Requests-Limit") == "" || a.Header.Get("X-Provider-Request-Id") == "" {
				t.Errorf("Anthropic's headers are %v", a.Header)
			}
		} else if a := s.Do(r); a.Header.Get("Anthropic-Ratelimit-Requests-Limit") != "" || a.Header.Get("Anthropic-Organization-Id") != "" {
			t.Errorf("Anthropic's headers are %v", a.Header)
		}
	}
}

// Answers that are not metered have no limit headers of ours, and where a limit of ours is in force none of the provider's either.
func TestHeaders_LimitsOfTheProviderWhereNothingIsMetered(t *testing.T) {
	t.Parallel()
	upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining-Requests", "theirs")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"input_tokens":4}`)
	})
	for _, settings := range []string{`{}`, `{"tokenLimit":10}`, `{"requestsPerMinute":10}`, `{"modelLimits":{"claude-sonnet-4-5":{"requestLimit":1},"gemini-2.0-flash":{"requestLimit":1}}}`,
		`{"modelLimits":{"gpt-4o":{"requestLimit":1}}}`} {
		s := stack.New(t, stack.Options{PassThrough: true, Settings: settings, Upstream: upstream})
		want := map[bool]string{true: "theirs"}[settings == `{}` || strings.Contains(settings, "gpt-4o")]
		for path, body := range map[string]string{"/v1/messages/count_tokens": anthropic.body(anthropic.model, false), "/v1beta/models/gemini-2.0-flash:countTokens": gemini.body("", false)} {
			a := s.Post(path, "u", body, "Anthropic-Version", "2023-06-01")
			stack.WantStatus(t, a, 200)
			if got := a.Header.Get("X-Ratelimit-Remaining-Requests"); got != want {
				t.Errorf("%s under %s says %q remain, want %q", path, settings, got, want)
			}
		}
	}
}

// Where a limit of ours is in force its headers replace the provider's, on answers, streams and 429s.
func TestHeaders_LimitsOnEveryMeteredAnswer(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{PassThrough: true, Settings: `{"requestLimit":3,"tokenLimit":100,"costLimitUsd":1,"modelLimits":{"gpt-4o":{"requestLimit":2}},"requestsPerMinute":10}`})
	for i, want := range []struct {
		stream          bool
		status          int
		requests, state string
	}{
		{true, 200, "1", `"requests-daily-model";r=1;t=`},
		{false, 200, "0", `"requests-daily-model";r=0;t=`},
		{true, 429, "0", `"requests-daily-model";r=0;t=`},
	} {
		a := s.Do(openAI.request(s, "u", want.stream))
		stack.WantStatus(t, a, want.status)
		if got := a.Header["X-Ratelimit-Limit-Requests"]; !slices.Equal(got, []string{"2"}) {
			t.Errorf("%d: x-ratelimit-limit-requests is %q", i, got)
		}
		if got := a.Header["X-Ratelimit-Remaining-Requests"]; !slices.Equal(got, []string{want.requests}) {
			t.Errorf("%d: x-ratelimit-remaining-requests is %q, want %s", i, got, want.requests)
		}
		if got := a.Header.Get("X-Ratelimit-Limit-Tokens"); got != "100" {
			t.Errorf("%d: x-ratelimit-limit-tokens is %q", i, got)
		}
		if got := a.Header.Get("X-Ratelimit-Reset-Requests"); !strings.HasSuffix(got, "s") {
			t.Errorf("%d: x-ratelimit-reset-requests is %q", i, got)
		}
		state, policy := a.Header.Get("Ratelimit"), a.Header.Get("Ratelimit-Policy")
		if !strings.HasPrefix(state, want.state) || strings.Count(state, ";r=") != 4 {
			t.Errorf("%d: RateLimit is %s", i, state)
		}
		if want := `"requests-daily-model";q=2;w=86400, "tokens-daily";q=100;w=86400, "costUsd-daily";q=1000000;w=86400;qu="micro-usd", "requests-minute";q=10;w=60`; policy != want {
			t.Errorf("%d: RateLimit-Policy is %s, want %s", i, policy, want)
		}
		if want.status == 429 && (a.Header.Get("X-Should-Retry") != "false" || a.Header.Get("Retry-After-Ms") != "") {
			t.Errorf("a quota's 429 has %v", a.Header)
		}
	}
	a := s.Do(openAI.request(s, "v", false))
	if got := a.Header.Get("X-Ratelimit-Remaining-Tokens"); got != itoa(100-inputWords-outputWords) {
		t.Errorf("a whole answer leaves %s tokens, want what it used taken off", got)
	}
}

func TestHeaders_BurstMayBeRetried(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestsPerMinute":1}`})
	stack.WantStatus(t, s.Do(openAI.request(s, "u", false)), 200)
	a := s.Do(openAI.request(s, "u", false))
	stack.WantError(t, a, 429, "burst_exceeded")
	if a.Header.Get("X-Should-Retry") != "" || a.Header.Get("Retry-After") == "" || a.Header.Get("Retry-After-Ms") == "" {
		t.Errorf("a burst's 429 has %v", a.Header)
	}
}

// As may what waits for another of the identity's requests to end: soon, and SDKs do so by themselves.
func TestHeaders_ConcurrencyMayBeRetried(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Settings: `{"concurrentRequests":1}`, Echo: echoBefore(func(*http.Request) {
		close(begun)
		<-finish
	})})
	var running sync.WaitGroup
	r := openAI.request(s, "u", false)
	running.Go(func() { do(r) })
	<-begun
	for i, d := range dialects {
		a := s.Do(d.request(s, "u", false))
		wantErrorShape(t, a, i, 429, "concurrency_exceeded")
		for name, want := range map[string][]string{"Retry-After": {"1"}, "Retry-After-Ms": {"500"}, "X-Should-Retry": nil} {
			if got := a.Header[name]; !slices.Equal(got, want) {
				t.Errorf("%s: %s is %q, want %q", d.name, name, got, want)
			}
		}
	}
	close(finish)
	running.Wait()
}

// A refusal asks nobody to wait for long, nor at all for what waiting does not lift. Clients sleep for as long as they are told.
func TestHeaders_NobodyIsAskedToWaitInVain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings, code string
		used, resets   bool   // one request comes before, which uses the limit up
		at             string // where time matters
		retryAfter     string
	}{
		"used up, far":       {settings: `{"requestLimit":1}`, code: "limit_exceeded", used: true, resets: true, at: "2031-05-01T12:00:00Z"},
		"used up, near":      {settings: `{"requestLimit":1}`, code: "limit_exceeded", used: true, resets: true, at: "2031-05-01T23:59:00Z", retryAfter: "60"},
		"used up, not yet":   {settings: `{"requestLimit":1}`, code: "limit_exceeded", used: true, resets: true, at: "2031-05-01T23:58:59Z"},
		"no allowance":       {settings: `{"requestLimit":0}`, code: "limit_exceeded", at: "2031-05-01T23:59:30Z"},
		"blocked model":      {settings: `{"modelLimits":{"*":{"requestLimit":0}}}`, code: "limit_exceeded"},
		"no burst":           {settings: `{"requestsPerMinute":0}`, code: "burst_exceeded"},
		"none at once":       {settings: `{"concurrentRequests":0}`, code: "concurrency_exceeded"},
		"none, and used up":  {settings: `{"requestLimit":1,"tokenLimit":0}`, code: "limit_exceeded"},
		"larger than all":    {settings: `{"tokenLimit":5,"enforcement":"strict"}`, code: "limit_exceeded"},
		"of a limit of cost": {settings: `{"costLimitUsd":0.000001,"enforcement":"strict"}`, code: "limit_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now
			if c.at != "" {
				at, err := time.Parse(time.RFC3339, c.at)
				if err != nil {
					t.Fatal(err)
				}
				now = func() time.Time { return at }
			}
			s := stack.New(t, stack.Options{Settings: c.settings, Now: now})
			for i, d := range dialects {
				if c.used {
					stack.WantStatus(t, s.Do(d.request(s, d.name, false)), 200)
				}
				a := s.Do(d.request(s, d.name, false))
				wantErrorShape(t, a, i, 429, c.code)
				if got := a.Header.Get("X-Should-Retry"); got != "false" {
					t.Errorf("x-should-retry is %q", got)
				}
				if got := a.Header.Get("Retry-After"); got != c.retryAfter || a.Header.Get("Retry-After-Ms") != "" {
					t.Errorf("Retry-After is %q, want %q and no retry-after-ms", got, c.retryAfter)
				}
				told := strings.Contains(a.Body, "resets") && !strings.Contains(a.Body, `"resetsAt":null`) || strings.Contains(a.Header.Get("Ratelimit"), ";t=") && name != "none, and used up"
				if told != c.resets || strings.Contains(strings.ToLower(a.Body), "try again") {
					t.Errorf("speaks of a reset: %t, want %t, and of no other try: %s %v", told, c.resets, a.Body, a.Header)
				}
				if !c.resets && !strings.Contains(a.Body, "Waiting does not change that.") {
					t.Errorf("does not say that waiting is in vain: %s", a.Body)
				}
			}
		})
	}
}

// A project chooses the status of a used-up limit, and of nothing else: clients that repeat every 429 stop on it.
func TestErrors_RefusalStatus(t *testing.T) {
	t.Parallel()
	for status, types := range map[int][]string{
		402: {"rate_limit_exceeded", "billing_error", "RESOURCE_EXHAUSTED"},
		403: {"rate_limit_exceeded", "permission_error", "PERMISSION_DENIED"},
		429: {"rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"},
	} {
		s := stack.New(t, stack.Options{Settings: `{"requestLimit":0,"refusalStatus":` + itoa(status) + `,"tiers":{"fast":{"requestLimit":9,"requestsPerMinute":0},"one":{"requestLimit":9,"concurrentRequests":0}}}`})
		for i, d := range dialects {
			a := s.Do(d.request(s, "u", false))
			stack.WantStatus(t, a, status)
			e, _ := stack.ErrorOf(t, a)
			if got := e[[]string{"type", "type", "status"}[i]]; got != types[i] || !strings.Contains(strings.ToLower(a.Body), "limit_exceeded") {
				t.Errorf("%s: %d is %v, want %s: %s", d.name, status, got, types[i], a.Body)
			}
			if got := a.Header.Get("X-Should-Retry"); got != "false" || strings.Contains(a.Body, "RetryInfo") {
				t.Errorf("%s: x-should-retry of a %d is %q: %s", d.name, status, got, a.Body)
			}
			wantErrorShape(t, s.Do(d.request(s, "u", false, "X-Tier", "fast")), i, 429, "burst_exceeded")
			wantErrorShape(t, s.Do(d.request(s, "u", false, "X-Tier", "one")), i, 429, "concurrency_exceeded")
		}
	}
}

// A preflight carries no key, so it is the same below every path, while the server drains too: the request itself is then
// told what is wrong, in an answer that the page can read.
func TestHeaders_PreflightEverywhere(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Echo: echoBefore(func(*http.Request) {
		close(begun)
		<-finish
	})})
	preflights := func(when string) {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1beta/models/gemini-2.0-flash:generateContent", "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse", "/v1/usage"} {
			r := s.Request(http.MethodOptions, path, "", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "x-goog-api-key,x-identity")
			r.Header.Del("X-Project-Key")
			a := s.Do(r)
			if a.Status != 204 || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Headers") != "x-goog-api-key,x-identity" ||
				!strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "POST") {
				t.Errorf("%s %s: status %d, %v", when, path, a.Status, a.Header)
			}
		}
	}
	preflights("before the drain")
	running := make(chan stack.Answer, 1)
	r := openAI.request(s, "u", false)
	go func() { running <- do(r) }()
	<-begun
	stopped := make(chan struct{})
	go func() { s.Stop(); close(stopped) }()
	s.Log.Await(t, "draining")
	preflights("during the drain")
	a := s.Do(openAI.request(s, "u", false, "Origin", "https://app.example"))
	stack.WantError(t, a, 503, "unavailable")
	if a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the page cannot read why: %v", a.Header)
	}
	close(finish)
	<-running
	<-stopped
}

// Browsers may call from any page, or only from the project's, and read our headers.
func TestHeaders_CORS(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedOrigins":["https://app.example"],"requestLimit":1}`})
	pre := s.Request(http.MethodOptions, "/v1/chat/completions", "", "", "Origin", "https://app.example",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-project-key,x-identity,content-type")
	pre.Header.Del("X-Project-Key")
	a := s.Do(pre)
	stack.WantStatus(t, a, 204)
	if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Headers") != "x-project-key,x-identity,content-type" {
		t.Errorf("preflight says %v", a.Header)
	}
	for origin, status := range map[string]int{"https://app.example": 200, "https://else.example": 403, "null": 403} {
		a := s.Do(openAI.request(s, "cors"+origin, false, "Origin", origin))
		stack.WantStatus(t, a, status)
		exposed := strings.ToLower(a.Header.Get("Access-Control-Expose-Headers"))
		for _, name := range []string{"ratelimit", "ratelimit-policy", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests",
			"retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "x-provider-request-id"} {
			if !slices.Contains(strings.Split(exposed, ", "), name) {
				t.Errorf("%s: %s cannot be read", origin, name)
			}
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", origin, a.Header)
		}
	}
	stack.WantStatus(t, s.Do(openAI.request(s, "no-browser", false)), 200)
}

// A provider cannot set the headers that are ours, or speak of its origin.
func TestHeaders_ProviderCannotSpeakForUs(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, v := range map[string]string{"X-Request-Id": "theirs", "Access-Control-Allow-Origin": "https://else.example", "Strict-Transport-Security": "max-age=1",
			"Set-Cookie": "a=b", "Alt-Svc": "h3", "Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "1", "Content-Type": "application/json"} {
			w.Header().Set(name, v)
		}
		_, _ = io.WriteString(w, "{}")
	})})
	a := s.Do(openAI.request(s, "u", false, "Origin", "https://app.example"))
	stack.WantStatus(t, a, 200)
	for _, name := range []string{"Strict-Transport-Security", "Set-Cookie", "Alt-Svc", "X-Hop", "Keep-Alive"} {
		if v := a.Header.Get(name); v != "" {
			t.Errorf("%s: %s reached the client", name, v)
		}
	}
	if !slices.Equal(a.Header["Access-Control-Allow-Origin"], []string{"*"}) || a.Header.Get("X-Provider-Request-Id") != "theirs" || !requestID.MatchString(a.Header.Get("X-Request-Id")) {
		t.Errorf("headers are %v", a.Header)
	}
}
