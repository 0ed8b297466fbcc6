package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
	"github.com/tidwall/gjson"
)

func ptr(n int64) *int64 { return &n }

// A limit of N admits N, whatever comes at once, first requests of an unknown identity included.
func TestLimits_NAdmitsN(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":5}`})
	for _, d := range dialects {
		var admitted atomic.Int64
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				if a := do(d.request(s, d.name, rand.N(2) == 0)); a.Status == 200 {
					admitted.Add(1)
				} else if a.Status != 429 {
					t.Errorf("status %d: %s", a.Status, a.Body)
				}
			})
		}
		all.Wait()
		if n := admitted.Load(); n != 5 {
			t.Errorf("%s: %d of 5 admitted", d.name, n)
		}
		wantCharge(t, s, d.name, 5, 5*(inputWords+outputWords))
	}
}

// The first level that sets a value wins, for each metric on its own.
func TestLimits_LevelsInOrder(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1,"modelLimits":{"gpt-4o":{"requestLimit":2}},
		"tiers":{"pro":{"requestLimit":3,"modelLimits":{"gpt-4o":{"requestLimit":4}}},"plain":{"requestLimit":5},"open":{"requestLimit":-1,"modelLimits":{"gpt-4o":{"requestLimit":-1}}},"shut":{"modelLimits":{"gpt-4o":{"requestLimit":0}}}}}`})
	own := func(level limit.Level) *ledger.Settings { return &ledger.Settings{Level: level} }
	for i, c := range []struct {
		tier     string
		settings *ledger.Settings
		model    string
		limit    string // "" for none
		scope    string
	}{
		{"", nil, "gpt-4o-mini", "1", "project"},
		{"", nil, "gpt-4o", "2", "model"},
		{"", nil, "gpt-4o-2024-08-06", "2", "model"},
		{"", nil, "GPT-4o-Latest ", "2", "model"},
		{"", nil, "openai/gpt-4o", "2", "model"},
		{"pro", nil, "gpt-4o-mini", "3", "tier"},
		{"pro", nil, "gpt-4o", "4", "model"},
		{"plain", nil, "gpt-4o", "2", "model"},
		{"plain", nil, "o3", "5", "tier"},
		{"unknown", nil, "o3", "1", "project"},
		{"open", nil, "gpt-4o", "", ""},
		{"open", nil, "o3", "", ""},
		{"shut", nil, "gpt-4o", "0", "model"},
		{"pro", own(limit.Level{Caps: limit.Caps{ptr(6)}}), "gpt-4o", "6", "identity"},
		{"pro", own(limit.Level{Caps: limit.Caps{ptr(6)}, Models: []limit.ModelCaps{{Key: "gpt-4o", Caps: limit.Caps{ptr(7)}}}}), "gpt-4o", "7", "model"},
		{"", &ledger.Settings{Tier: "pro"}, "o3", "3", "tier"},
		{"open", &ledger.Settings{Tier: "pro"}, "o3", "3", "tier"}, // what is set on the server beats x-tier
	} {
		identity := "u" + itoa(i)
		change(t, s, identity, func(a *ledger.Account) { a.Settings = c.settings })
		a := s.Chat(identity, c.model, "X-Tier", c.tier)
		if got := a.Header.Get("X-Ratelimit-Limit-Requests"); got != c.limit {
			t.Errorf("%d: the limit in force is %q, want %q", i, got, c.limit)
		}
		if c.limit == "" {
			stack.WantStatus(t, a, 200)
			continue
		}
		for a.Status == 200 {
			a = s.Chat(identity, c.model, "X-Tier", c.tier)
		}
		stack.WantError(t, a, 429, "limit_exceeded")
		e, _ := stack.ErrorOf(t, a)
		detail := e["limit"].(map[string]any)
		if got := fmt.Sprint(detail["limit"]); got != c.limit || fmt.Sprint(detail["used"]) != c.limit || detail["scope"] != c.scope || detail["remaining"] != 0.0 {
			t.Errorf("%d: refused by %v, want %s of the %s", i, detail, c.limit, c.scope)
		}
	}
}

// A cheap model without a limit does not eat the allowance of the others.
func TestLimits_ModelLimitsCountApart(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":2,"modelLimits":{"gpt-4o-mini":{"requestLimit":-1},"gpt-4o":{"requestLimit":1}}}`})
	for range 5 {
		stack.WantStatus(t, s.Chat("u", "gpt-4o-mini"), 200)
	}
	stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
	stack.WantError(t, s.Chat("u", "gpt-4o-2024-11-20"), 429, "limit_exceeded")
	stack.WantStatus(t, s.Chat("u", "o3"), 200)
	stack.WantStatus(t, s.Chat("u", "gpt-4.1"), 200)
	stack.WantError(t, s.Chat("u", "o3"), 429, "limit_exceeded")
	stack.WantStatus(t, s.Chat("u", "gpt-4o-mini"), 200)
}

func TestLimits_PeriodsInHeaders(t *testing.T) {
	t.Parallel()
	for period, window := range map[string][]string{"hourly": {"3600"}, "daily": {"86400"}, "weekly": {"604800"}, "monthly": {"2419200", "2505600", "2592000", "2678400"}} {
		s := stack.New(t, stack.Options{Settings: `{"requestLimit":2,"limitPeriod":"` + period + `"}`})
		a := s.Chat("u", "gpt-4o")
		policy, ok := a.Header.Get("Ratelimit-Policy"), false
		for _, w := range window {
			ok = ok || policy == `"requests-`+period+`";q=2;w=`+w
		}
		if !ok {
			t.Errorf("%s: RateLimit-Policy is %s", period, policy)
		}
		s.Restart()
		stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
		stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
	}
}

func TestLimits_Concurrency(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	s := stack.New(t, stack.Options{Settings: `{"concurrentRequests":2}`, Echo: echoBefore(func(*http.Request) {
		begun <- struct{}{}
		<-finish
	})})
	var running sync.WaitGroup
	for range 2 {
		r := openAI.request(s, "u", false)
		running.Go(func() {
			if a := do(r); a.Status != 200 {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
		})
	}
	<-begun
	<-begun
	stack.WantError(t, s.Do(openAI.request(s, "u", false)), 429, "concurrency_exceeded")
	close(finish)
	running.Wait()
	go func() { <-begun }()
	stack.WantStatus(t, s.Do(openAI.request(s, "u", false)), 200)
}

// A request that never reached the provider gives back what it took of the burst.
func TestLimits_BurstIsGivenBack(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestsPerMinute":2}`})
	s.Upstream.Close()
	for range 5 {
		a := s.Do(openAI.request(s, "u", false))
		stack.WantError(t, a, 502, "provider_unreachable")
		if got := a.Header.Get("Ratelimit"); got != `"requests-minute";r=2;t=0` {
			t.Errorf("RateLimit is %s, want both requests left", got)
		}
	}
}

// One that the provider refuses costs nothing in the period and counts against the burst: nobody uses up the provider's own
// limits of the stored key for nothing.
func TestLimits_WhatTheProviderRefusesCountsAgainstTheBurst(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":5,"requestsPerMinute":3}`})
	for i, d := range dialects {
		for _, fault := range []string{"server-error", "rate-limited", "key-refused"} {
			if a := s.Do(d.request(s, d.name, false, "X-Echo-Fault", fault)); a.Status < 400 || a.Header.Get("X-Ratelimit-Remaining-Requests") != "5" && fault != "key-refused" {
				t.Errorf("%s, %s: status %d with %s left, want an error and all five", d.name, fault, a.Status, a.Header.Get("X-Ratelimit-Remaining-Requests"))
			}
		}
		before := s.Seen.Total()
		wantErrorShape(t, s.Do(d.request(s, d.name, false)), i, 429, "burst_exceeded")
		if s.Seen.Total() != before {
			t.Errorf("%s: the fourth request reached the provider", d.name)
		}
		wantCharge(t, s, d.name, 0, 0)
	}
}

// Counting tokens is free in the period, and obeys the limits on bursts and on running requests, with other requests.
func TestLimits_CountingTokensObeysBurstAndConcurrency(t *testing.T) {
	t.Parallel()
	asks := map[string]func(s *stack.Stack, identity string) stack.Answer{
		"anthropic": func(s *stack.Stack, identity string) stack.Answer {
			return s.Post("/v1/messages/count_tokens", identity, anthropic.body(anthropic.model, false), "Anthropic-Version", "2023-06-01")
		},
		"openai": func(s *stack.Stack, identity string) stack.Answer {
			return s.Post("/v1/responses/input_tokens", identity, `{"model":"gpt-4o","input":"hello"}`)
		},
		"gemini": func(s *stack.Stack, identity string) stack.Answer {
			return s.Post("/v1beta/models/gemini-2.0-flash:countTokens", identity, gemini.body("", false))
		},
	}
	for name, ask := range asks {
		dialect := map[string]int{"openai": 0, "anthropic": 1, "gemini": 2}[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stack.New(t, stack.Options{Settings: `{"requestLimit":1,"requestsPerMinute":3}`})
			stack.WantStatus(t, s.Do(dialects[dialect].request(s, "u", false)), 200)
			for range 2 { // although the period is used up
				a := ask(s, "u")
				stack.WantStatus(t, a, 200)
				if a.Header.Get("X-Ratelimit-Limit-Requests") != "" || !strings.Contains(a.Header.Get("Ratelimit"), `"requests-minute";r=`) {
					t.Errorf("limit headers %v, want those of the burst alone", a.Header)
				}
			}
			wantErrorShape(t, ask(s, "u"), dialect, 429, "burst_exceeded")
			wantCharge(t, s, "u", 1, inputWords+outputWords)

			begun, finish := make(chan struct{}), make(chan struct{})
			s = stack.New(t, stack.Options{Settings: `{"concurrentRequests":1}`, Echo: echoBefore(func(*http.Request) {
				begun <- struct{}{}
				<-finish
			})})
			var running sync.WaitGroup
			running.Go(func() {
				if a := ask(s, "u"); a.Status != 200 {
					t.Errorf("status %d: %s", a.Status, a.Body)
				}
			})
			<-begun
			wantErrorShape(t, ask(s, "u"), dialect, 429, "concurrency_exceeded")
			close(finish)
			running.Wait()
			go func() { <-begun }()
			stack.WantStatus(t, ask(s, "u"), 200)
			if a := ask(stack.New(t, stack.Options{Settings: `{"requestLimit":0}`}), "u"); a.Status != 200 {
				t.Errorf("status %d under a used-up limit of a period: %s", a.Status, a.Body)
			}
			wantErrorShape(t, ask(stack.New(t, stack.Options{Settings: `{"allowedModels":["o3"]}`}), "u"), dialect, 403, "model_not_allowed")
		})
	}
}

// Soft limits are exceeded by the last request that was admitted at most: never by several at once that came with a cap.
func TestLimits_SoftIsExceededByOneRequestAtMost(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 500)
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":400}`, Echo: echo.Options{Answer: func(string, string) string { return long }}})
	var all sync.WaitGroup
	for range 20 {
		r := s.Request("POST", "/v1/chat/completions", "u", `{"model":"gpt-4o","max_tokens":500,"messages":[{"role":"user","content":"hi"}]}`)
		all.Go(func() { do(r) })
	}
	all.Wait()
	if got := charged(s, "u"); got.requests != 1 || got.tokens != 501 {
		t.Errorf("charged %+v, want one request of 501 tokens", got)
	}
}

// A user with plenty left is not locked out by a large or missing output cap of a running request.
func TestLimits_HugeCapDoesNotLockOut(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":100000}`})
	for _, cap := range []string{`"max_tokens":1000000,`, ``, `"max_tokens":null,`} {
		stack.WantStatus(t, s.Post("/v1/chat/completions", "u", `{"model":"gpt-4o",`+cap+`"messages":[{"role":"user","content":"hi"}]}`), 200)
	}
	wantCharge(t, s, "u", 3, 3*3)
}

// Credits are drawn when the period's allowance is used up.
func TestLimits_Credits(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1}`})
	change(t, s, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Requests: 2}) })
	for i, left := range []float64{2, 1, 0} {
		stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
		if got := s.Usage("u")["credits"].(map[string]any)["requests"]; got != left {
			t.Errorf("%d: %v credits left, want %v", i, got, left)
		}
	}
	stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
	change(t, s, "v", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Requests: 1}) })
	stack.WantStatus(t, s.Chat("v", "gpt-4o"), 200)
	// A failed request is not paid for.
	stack.WantStatus(t, s.Do(openAI.request(s, "v", false, "X-Echo-Fault", "server-error")), 500)
	stack.WantStatus(t, s.Chat("v", "gpt-4o"), 200)
	stack.WantError(t, s.Chat("v", "gpt-4o"), 429, "limit_exceeded")
}

// The remaining amount includes credits wherever it is shown: nobody with a hundred of them is told that none is left. And it is
// what the next requests are admitted for.
func TestLimits_RemainingIncludesCredits(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":2,"modelLimits":{"o3":{"requestLimit":0},"gpt-4.1":{"requestLimit":1}}}`})
	change(t, s, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Requests: 3}) })
	for left := 5; left > 0; left-- {
		shown := map[string]float64{}
		for _, l := range s.Usage("u")["limits"].([]any) {
			l := l.(map[string]any)
			model, _ := l["model"].(string)
			shown[model] = l["remaining"].(float64)
		}
		if want := map[string]float64{"": float64(left), "o3": 0, "gpt-4.1": float64(1 + min(left, 3))}; !maps.Equal(shown, want) {
			t.Errorf("usage shows %v left, want %v", shown, want)
		}
		a := s.Chat("u", "gpt-4o")
		stack.WantStatus(t, a, 200)
		if got := a.Header.Get("X-Ratelimit-Remaining-Requests"); got != itoa(left-1) || !strings.Contains(a.Header.Get("Ratelimit"), ";r="+itoa(left-1)) {
			t.Errorf("with %d left, one request leaves %s and %s", left, got, a.Header.Get("Ratelimit"))
		}
		stack.WantError(t, s.Chat("u", "o3"), 429, "limit_exceeded") // credits do not lift a model's 0
	}
	stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
	stack.WantStatus(t, s.Chat("u", "gpt-4.1"), 200)

	strict := stack.New(t, stack.Options{Settings: `{"tokenLimit":6,"enforcement":"strict","limitResponse":{"message":"{{remaining}} left of {{limit}}"}}`})
	change(t, strict, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Tokens: 4}) })
	a := strict.Do(openAI.request(strict, "u", false))
	stack.WantError(t, a, 429, "limit_exceeded")
	e, _ := stack.ErrorOf(t, a)
	if got := e["limit"].(map[string]any)["remaining"]; got != 10.0 || e["message"] != "10 left of 6" {
		t.Errorf("the refusal says that %v remain, and %q; want 10", got, e["message"])
	}
}

// A cost limit of 0 with credits is a prepaid pack: it pays for models with a price, and for no others.
func TestLimits_PrepaidCost(t *testing.T) {
	t.Parallel()
	for _, enforcement := range []string{"soft", "strict"} {
		s := stack.New(t, stack.Options{Settings: `{"costLimitUsd":0,"modelLimits":{"o3":{"costLimitUsd":0}},"enforcement":"` + enforcement + `"}`})
		stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
		change(t, s, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Cost: 1_000_000}) })
		stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
		if left := s.Usage("u")["credits"].(map[string]any)["costUsd"].(float64); left <= 0 || left >= 1 {
			t.Errorf("%s: credits of $%v left, want less than the dollar that was given", enforcement, left)
		}
		stack.WantError(t, s.Post("/v1/chat/completions", "u", `{"model":"openai/unheard-of","messages":[{"role":"user","content":"hi"}]}`), 400, "unpriced_model")
		stack.WantError(t, s.Chat("u", "o3"), 429, "limit_exceeded")
	}
}

// While a running request holds what is left of a prepaid pack, another is not told that nothing is left for good.
func TestLimits_PrepaidWhileARequestRuns(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":0}`, Echo: echoBefore(func(*http.Request) {
		begun <- struct{}{}
		<-finish
	})})
	change(t, s, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Requests: 1}) })
	var running sync.WaitGroup
	r := openAI.request(s, "u", false, "X-Echo-Fault", "server-error")
	running.Go(func() { do(r) })
	<-begun
	refused := s.Chat("u", "gpt-4o")
	stack.WantError(t, refused, 429, "limit_exceeded")
	if e, _ := stack.ErrorOf(t, refused); e["message"] != "Running requests hold the credits for requests. Try again when one has ended." ||
		e["limit"].(map[string]any)["resetsAt"] != nil || refused.Header.Get("Retry-After") != "" || refused.Header.Get("X-Should-Retry") != "false" {
		t.Errorf("refused by %s with %v", refused.Body, refused.Header)
	}
	close(finish)
	running.Wait()
	go func() { <-begun }()
	stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200) // the first failed, and gave the credit back
	if e, _ := stack.ErrorOf(t, s.Chat("u", "gpt-4o")); !strings.Contains(e["message"].(string), "no credits are left. Waiting does not change that.") {
		t.Errorf("message %q", e["message"])
	}

	strict := stack.New(t, stack.Options{Settings: `{"tokenLimit":0,"enforcement":"strict"}`})
	change(t, strict, "u", func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{limit.Tokens: 4}) })
	if e, _ := stack.ErrorOf(t, strict.Chat("u", "gpt-4o")); !strings.Contains(e["message"].(string), "more than the credits that are left (4). Waiting does not change that.") {
		t.Errorf("message %q", e["message"])
	}
}

// However large limits and gifts are, headers stay within what a structured field can hold, and nothing wraps.
func TestLimits_AbsurdValues(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1000000000000000,"tokenLimit":1000000000000000,"costLimitUsd":1000000000,"requestsPerMinute":1000000000}`})
	change(t, s, "u", func(a *ledger.Account) {
		for range 3 {
			a.State.AddCredits(limit.Amounts{math.MaxInt64, math.MaxInt64, math.MaxInt64})
		}
	})
	a := s.Chat("u", "gpt-4o")
	stack.WantStatus(t, a, 200)
	for _, name := range []string{"Ratelimit", "Ratelimit-Policy"} {
		for _, figure := range regexp.MustCompile(`=(-?\d+)`).FindAllStringSubmatch(a.Header.Get(name), -1) {
			if n, err := strconv.ParseInt(figure[1], 10, 64); err != nil || n < 0 || n > 999_999_999_999_999 {
				t.Errorf("%s has %s, which no integer of a structured field may be: %s", name, figure[1], a.Header.Get(name))
			}
		}
	}
	for _, l := range s.Usage("u")["limits"].([]any) {
		if l := l.(map[string]any); l["remaining"].(float64) < l["limit"].(float64)-1 {
			t.Errorf("%v remain of %v and of credits", l["remaining"], l["limit"])
		}
	}
}

// While a promo lasts nothing is refused for a limit, and usage is counted.
func TestLimits_Unlimited(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":0,"tokenLimit":0,"costLimitUsd":0,"requestsPerMinute":0,"concurrentRequests":0,"enforcement":"strict"}`})
	change(t, s, "u", func(a *ledger.Account) { a.State.UnlimitedUntil = time.Now().Add(time.Hour) })
	for range 3 {
		stack.WantStatus(t, s.Chat("u", "gpt-4o"), 200)
	}
	if got := charged(s, "u"); got.requests != 3 || got.tokens != 3*5 || got.cost == 0 {
		t.Errorf("charged %+v", got)
	}
	if s.Usage("u")["unlimitedUntil"] == nil {
		t.Error("usage does not tell of the promo")
	}
	change(t, s, "u", func(a *ledger.Account) { a.State.UnlimitedUntil = time.Now().Add(-time.Second) })
	stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
}

// Nor is anything refused, or cut short, that could not be kept within a limit: a model without a price, an output cap that
// the provider may pass over, a dearer service tier.
func TestLimits_UnlimitedRefusesNothingThatALimitWould(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"costLimitUsd":0.00001,"tokenLimit":10,"enforcement":"strict"}`})
	bodies := map[string]string{
		"unpriced_model":         `{"model":"openai/unheard-of","messages":[{"role":"user","content":"hello there"}]}`,
		"`max_completion_tokens": `{"model":"deepseek-chat","max_completion_tokens":50000,"messages":[{"role":"user","content":"hello there"}]}`,
		"`service_tier`":         `{"model":"gpt-4o","service_tier":"priority","messages":[{"role":"user","content":"hello there"}]}`,
		"limit_exceeded":         `{"model":"gpt-4o","max_tokens":60000,"messages":[{"role":"user","content":"hello there"}]}`,
	}
	for refusal, body := range bodies {
		a := s.Post("/v1/chat/completions", "u", body)
		if a.Status < 400 || a.Status > 429 || !strings.Contains(a.Body, refusal) {
			t.Errorf("without a promotion: status %d, want %s: %s", a.Status, refusal, a.Body)
		}
	}
	change(t, s, "u", func(a *ledger.Account) { a.State.UnlimitedUntil = time.Now().Add(time.Hour) })
	for refusal, body := range bodies {
		if a := s.Post("/v1/chat/completions", "u", body); a.Status != 200 {
			t.Errorf("%s: status %d during a promotion, want 200: %s", refusal, a.Status, a.Body)
			continue
		}
		if seen, _ := s.Seen.Last(); string(seen.Body) != strings.Replace(body, "openai/", "", 1) {
			t.Errorf("%s: the body became %s", refusal, seen.Body)
		}
	}
	wantCharge(t, s, "u", 4, 4*5)
	change(t, s, "u", func(a *ledger.Account) { a.State.UnlimitedUntil = time.Time{} })
	stack.WantError(t, s.Post("/v1/chat/completions", "u", bodies["unpriced_model"]), 400, "unpriced_model")
}

// During a promotion the headers tell what usage does.
func TestLimits_HeadersDuringAPromotion(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":10,"tokenLimit":10000}`})
	change(t, s, "u", func(a *ledger.Account) { a.State.UnlimitedUntil = time.Now().Add(time.Hour) })
	for i := 1; i <= 2; i++ {
		a := s.Post("/v1/chat/completions", "u", `{"model":"gpt-4o","max_tokens":50000,"messages":[{"role":"user","content":"hello there"}]}`)
		stack.WantStatus(t, a, 200)
		if got, want := a.Header.Get("X-Ratelimit-Remaining-Tokens"), itoa(10000-5*i); got != want {
			t.Errorf("%s tokens remain, want %s", got, want)
		}
		if got, want := a.Header.Get("X-Ratelimit-Remaining-Requests"), itoa(10-i); got != want {
			t.Errorf("%s requests remain, want %s", got, want)
		}
	}
	stack.WantStatus(t, s.Do(openAI.request(s, "u", false, "X-Echo-Fault", "server-error")), 500)
	for _, l := range s.Usage("u")["limits"].([]any) {
		if l := l.(map[string]any); l["metric"] == "tokens" && l["remaining"] != 9990.0 || l["metric"] == "requests" && l["remaining"] != 8.0 {
			t.Errorf("usage says %v", l)
		}
	}
}

// Options that make a request dearer than the price book says are refused where a strict limit on costs would not hold.
func TestLimits_StrictRefusesSurcharges(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tiers":{"strict":{"costLimitUsd":10},"tokens":{"tokenLimit":1000000}},"enforcement":"strict"}`})
	soft := stack.New(t, stack.Options{Settings: `{"costLimitUsd":10}`})
	for field, refused := range map[string]bool{
		`"service_tier":"priority"`: true, `"service_tier":"fast"`: true, `"service_tier":1`: true, `"service_tier":"Priority"`: true, `"service_tier":{}`: true,
		`"service_tier":"default","service_tier":"priority"`: true, `"service\u005ftier":"priority"`: true, `"Service_Tier":"priority"`: true, `"serviceTier":"priority"`: true,
		`"speed":"fast"`: true, `"inference_geo":"us"`: true,
		`"service_tier":null`: false, `"service_tier":"auto"`: false, `"service_tier":"default"`: false, `"service_tier":"flex"`: false, `"service_tier":"standard_only"`: false,
		`"speed":"standard"`: false, `"speed":null`: false, `"x":{"service_tier":"priority"}`: false, `"inference_geo":"global"`: false,
	} {
		for i, d := range dialects {
			body := strings.TrimSuffix(d.body(d.model, false), "}") + "," + field + "}"
			ask := func(s *stack.Stack, tier string) stack.Answer {
				return s.Post(d.path(d.model, false), d.name, body, "X-Tier", tier, "Anthropic-Version", "2023-06-01")
			}
			if a := ask(s, "strict"); refused {
				wantErrorShape(t, a, i, 400, "invalid_request")
			} else if a.Status != 200 {
				t.Errorf("%s, %s: status %d, want 200: %s", d.name, field, a.Status, a.Body)
			}
			for _, a := range []stack.Answer{ask(s, "tokens"), ask(soft, "")} {
				if a.Status != 200 {
					t.Errorf("%s, %s: status %d without a strict limit on costs, want 200: %s", d.name, field, a.Status, a.Body)
				}
			}
		}
	}
	// The speed of speech is another thing.
	stack.WantStatus(t, s.Post("/v1/audio/speech", "u", `{"model":"tts-1","input":"hello","voice":"x","speed":2}`, "X-Tier", "strict"), 200)
}

func TestLimits_Disabled(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"limitResponse":{"message":"of the project"}}`})
	change(t, s, "u", func(a *ledger.Account) {
		a.Settings = &ledger.Settings{Disabled: true, LimitResponse: map[string]any{"message": "Sorry {{identity}}", "deepLink": "app://support"}}
	})
	a := s.Chat("u", "gpt-4o")
	stack.WantError(t, a, 403, "identity_disabled")
	if e, _ := stack.ErrorOf(t, a); e["message"] != "Sorry u" || e["deepLink"] != "app://support" {
		t.Errorf("error is %s", a.Body)
	}
	if s.Usage("u")["enabled"] != false {
		t.Error("usage says enabled")
	}
	stack.WantStatus(t, s.Chat("v", "gpt-4o"), 200)
}

// The limit response comes from the identity, else the tier, else the project, field by field, with its blanks filled in.
func TestLimits_ResponseIsInheritedFieldByField(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":0,"limitResponse":{"message":"project","deepLink":"app://project","upgradeUrl":"https://p","n":{"deep":["{{limit}}"]}},
		"tiers":{"pro":{"requestLimit":0,"limitResponse":{"message":"{{usage}}/{{limit}} {{remaining}} {{limitType}} {{period}} {{tier}} {{model}} {{identity}} {{other}} {{{limit}}}","deepLink":null}}}}`})
	change(t, s, "own", func(a *ledger.Account) {
		a.Settings = &ledger.Settings{LimitResponse: map[string]any{"deepLink": "app://own?u={{identity}}&at={{resetsAt}}"}}
	})
	for _, c := range []struct{ identity, tier, message, deepLink string }{
		{"{{limit}}", "", "project", "app://project"},
		{"{{limit}}", "pro", "0/0 0 requests daily pro gpt-4o {{limit}} {{other}} {0}", "app://project"},
		{"own", "pro", "0/0 0 requests daily pro gpt-4o own {{other}} {0}", "app://own?u=own&at="},
	} {
		for _, d := range dialects {
			d.model = map[string]string{"OpenAI": "gpt-4o", "Anthropic": "anthropic/gpt-4o", "Gemini": "google%2Fgpt-4o"}[d.name]
			a := s.Do(d.request(s, c.identity, true, "X-Tier", c.tier))
			stack.WantError(t, a, 429, "limit_exceeded")
			e, _ := stack.ErrorOf(t, a)
			fields := e
			if d.name == "Gemini" {
				fields = e["details"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
				if fields["limit.metric"] != "requests" || fields["limit.used"] != "0" || fields["limit.limit"] != "0" || fields["limit.scope"] == "" {
					t.Errorf("metadata is %v", fields)
				}
			} else if detail := e["limit"].(map[string]any); detail["metric"] != "requests" || detail["model"] != nil || detail["period"] != "daily" {
				t.Errorf("%s: limit is %v", d.name, detail)
			}
			link, _ := fields["deepLink"].(string)
			if e["message"] != c.message || !strings.HasPrefix(link, c.deepLink) || fields["upgradeUrl"] != "https://p" {
				t.Errorf("%s, %s: error is %s, want %q and %q", c.identity, d.name, a.Body, c.message, c.deepLink)
			}
		}
	}
}

// Strict limits are never exceeded, not by caps that are missing, huge or of another endpoint, by several answers, by
// streams, breaks, missing figures or by many at once.
func TestLimits_StrictNeverExceeds(t *testing.T) {
	t.Parallel()
	// 3,000 tokens to the echo provider; the estimate of an answer without figures is below that of the short words, and
	// far above that of the long ones.
	short, long := strings.Repeat("w ", 3000), strings.Repeat("abcdefghijklmno ", 3000)
	answer := func(model, _ string) string {
		if strings.Contains(model, "mini") || strings.Contains(model, "pro") || strings.Contains(model, "haiku") {
			return long
		}
		return short
	}
	s := stack.New(t, stack.Options{
		Settings: `{"enforcement":"strict","tiers":{"tokens":{"tokenLimit":3000},"cost":{"costLimitUsd":0.004},"both":{"tokenLimit":5000,"costLimitUsd":0.01}}}`,
		Echo:     echo.Options{Answer: answer},
	})
	bounds := map[string]charge{"tokens": {tokens: 3000, cost: 1}, "cost": {tokens: 1 << 40, cost: 0.004}, "both": {tokens: 5000, cost: 0.01}}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var all sync.WaitGroup
	admitted := atomic.Int64{}
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for i := range 60 {
				// Two workers share an identity, which is a new one after every third request: most is tried when most is left.
				tier := []string{"tokens", "cost", "both"}[i/3%3]
				identity := fmt.Sprintf("%s-%d-%d", tier, worker/2, i/3)
				r := strictRequest(s, random, identity, tier)
				if random.IntN(8) == 0 { // leaves early
					gone, leave := context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
					do(r.WithContext(gone))
					leave()
				} else if a := do(r); a.Status == 200 {
					admitted.Add(1)
				} else if !slices.Contains([]int{0, 400, 429, 500, 502}, a.Status) {
					t.Errorf("status %d: %.300s", a.Status, a.Body)
				}
				u, bound := charged(s, identity), bounds[tier]
				if u.tokens > bound.tokens || u.cost > bound.cost+1e-9 {
					t.Errorf("%s has used %+v of %+v", identity, u, bound)
				}
			}
		})
	}
	all.Wait()
	if n := admitted.Load(); n < 80 {
		t.Errorf("only %d requests were admitted: the limits are not tried", n)
	}
}

// strictRequest is a random request of a random dialect.
func strictRequest(s *stack.Stack, random *rand.Rand, identity, tier string) *http.Request {
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	words := strings.Repeat("ab ", random.IntN(60))
	stream := random.IntN(2) == 0
	fault := pick("none", "none", "none", "without-usage", "without-usage", "break", "truncate", "garbage", "gzip", "server-error", "close", "stream-error")
	var d dialect
	var body string
	switch random.IntN(4) {
	case 0:
		d = openAI
		body = fmt.Sprintf(`{"model":%q,%s"n":%d,"stream":%v,"messages":[{"role":"user","content":%q}]}`,
			pick("gpt-4o", "gpt-4o-mini", "o3", "gpt-4o-2024-08-06"), pick("", `"max_output_tokens":1,`, `"max_completion_tokens":5,`, `"max_completion_tokens":1000000,`, `"max_output_tokens":1,`, `"max_completion_tokens":null,`),
			1+random.IntN(3), stream, words)
	case 1:
		d = anthropic
		body = fmt.Sprintf(`{"model":%q,"max_tokens":%d,%s"stream":%v,"messages":[{"role":"user","content":%q}]}`,
			pick("claude-sonnet-4-5", "claude-3-5-haiku-latest"), 1+random.IntN(5000), pick("", `"max_output_tokens":1,`), stream, "x "+words)
	case 2:
		d = gemini
		d.model = pick("gemini-2.0-flash", "gemini-2.5-pro")
		body = fmt.Sprintf(`{"contents":[{"role":"user","parts":[{"text":%q}]}],"generationConfig":{%s"candidateCount":%d}}`,
			words, pick("", `"maxOutputTokens":7,`, `"maxOutputTokens":999999,`, `"maxOutputTokens":null,`), 1+random.IntN(3))
	default:
		d = dialect{path: func(string, bool) string { return "/v1/responses" }}
		body = fmt.Sprintf(`{"model":"gpt-4o",%s"stream":%v,"input":%q}`, pick("", `"max_output_tokens":16,`, `"max_output_tokens":100000,`, `"max_tokens":1,`), stream, "x "+words)
	}
	return s.Request(http.MethodPost, d.path(d.model, stream), identity, body, "X-Tier", tier, "X-Echo-Fault", fault, "Anthropic-Version", "2023-06-01")
}

// A cap that the provider may pass over bounds nothing, so a strict limit does not rely on it.
func TestLimits_StrictRefusesACapThatMayBePassedOver(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tiers":{"strict":{"tokenLimit":300}},"enforcement":"strict"}`})
	body := func(model, field string) string {
		return `{"model":"` + model + `","` + field + `":5,"messages":[{"role":"user","content":"send \"max_completion_tokens\""}]}`
	}
	stack.WantError(t, s.Post("/v1/chat/completions", "u", body("deepseek-chat", "max_completion_tokens"), "X-Tier", "strict"), 400, "invalid_request")
	wantCharge(t, s, "u", 0, 0)
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", body("deepseek-chat", "max_tokens"), "X-Tier", "strict"), 200)
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", body("deepseek-chat", "max_completion_tokens")), 200)
	stack.WantStatus(t, s.Post("/v1/chat/completions", "v", body("gpt-4o", "max_completion_tokens"), "X-Tier", "strict"), 200)

	own := newSpied(t, `{"tokenLimit":300,"enforcement":"strict","providers":{"own":{"baseUrl":"http://127.0.0.1:1/v1","dialect":"openai","models":["llama"]}}}`, false)
	refused(t, own, 400, "invalid_request", "n_predict", demand{"llama.cpp's cap", "/v1/chat/completions", `{"model":"llama","max_tokens":5,"n_predict":-1,"messages":[]}`})
}

// Servers differ about an output cap of zero: to some it is none.
func TestLimits_StrictReplacesACapOfZero(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{"enforcement":"strict","tokenLimit":300}`, false)
	for _, model := range []string{"gpt-4o", "gemini-2.5-flash", "deepseek-chat"} {
		a := s.Post("/v1/chat/completions", model, `{"model":"`+model+`","messages":[],"max_tokens":0}`)
		stack.WantStatus(t, a, 200)
		_, body := s.seen()
		if cap := gjson.Get(body, "max_tokens").Int(); cap < 100 || cap > 300 {
			t.Errorf("%s: the cap sent is %d: %s", model, cap, body)
		}
	}
}

// Of what a provider bills for moderations the limits know: OpenAI's are free, Mistral's are not.
func TestLimits_ModerationsThatAreBilledCount(t *testing.T) {
	t.Parallel()
	s := newSpied(t, `{"costLimitUsd":1,"enforcement":"strict"}`, false)
	stack.WantStatus(t, s.Post("/v1/moderations", "free", `{"input":"x"}`), 200)
	wantCharge(t, s.Stack, "free", 1, 0)
	stack.WantStatus(t, s.Post("/v1/moderations", "billed", `{"model":"mistral-moderation-latest","input":"x"}`), 200)
	wantCharge(t, s.Stack, "billed", 1, 5)
	stack.WantError(t, s.Post("/v1/moderations", "unknown", `{"model":"mistral/moderation-x","input":"x"}`), 400, "unpriced_model")
}

// A strict request whose input alone cannot fit is refused, and the cap of one that can is lowered to what is left.
func TestLimits_StrictLowersTheCap(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"enforcement":"strict","tokenLimit":300}`})
	for name, c := range map[string]struct{ path, body, field, unread string }{
		"Chat":        {"/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`, "max_completion_tokens", `"model":"gpt-4o"`},
		"ChatOther":   {"/v1/chat/completions", `{"model":"mistral-small-latest","messages":[{"role":"user","content":"hi"}]}`, "max_tokens", `"model":"mistral-small-latest"`},
		"ChatGiven":   {"/v1/chat/completions", `{"model":"gpt-4o","max_tokens":9999,"messages":[{"role":"user","content":"hi"}]}`, "max_tokens", `"model":"gpt-4o""max_tokens":9999`},
		"Responses":   {"/v1/responses", `{"model":"gpt-4o","input":"hi"}`, "max_output_tokens", `"model":"gpt-4o"`},
		"Completions": {"/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"hi"}`, "max_tokens", `"model":"gpt-3.5-turbo-instruct"`},
		"Messages":    {"/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":9999,"messages":[{"role":"user","content":"hi"}]}`, "max_tokens", `"model":"claude-sonnet-4-5""max_tokens":9999`},
		"Gemini":      {"/v1beta/models/gemini-2.0-flash:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "maxOutputTokens", ""},
	} {
		stack.WantStatus(t, s.Post(c.path, name, c.body, "Anthropic-Version", "2023-06-01"), 200)
		seen, _ := s.Seen.Last()
		var doc map[string]any
		if err := json.Unmarshal(seen.Body, &doc); err != nil {
			t.Fatal(err)
		}
		if config, ok := doc["generationConfig"].(map[string]any); ok {
			doc = config
		}
		cap, _ := doc[c.field].(float64)
		// A token a byte of what a model may read, and the overhead.
		if most := float64(300 - len(c.body) + len(c.unread) - 32); cap != most {
			t.Errorf("%s: the cap sent is %v, want %v: %s", name, doc[c.field], most, seen.Body)
		}
		stack.WantError(t, s.Post(c.path, name, strings.Replace(c.body, "hi", strings.Repeat("x", 300), 1)), 429, "limit_exceeded")
	}
}

// The names that a limit response may use are filled in whatever refused, so that no app ever shows their braces.
func TestLimitResponse_FillsItsNamesInEveryRefusal(t *testing.T) {
	t.Parallel()
	const response = `"limitResponse":{"link":"{{usage}}/{{limit}} {{remaining}} {{limitType}} {{period}} {{model}} at {{resetsAt}}"}`
	for limits, want := range map[string]string{ // what waiting does not lift has no time
		`"requestsPerMinute":0`:  `^0/0 0 requests minute gpt-4o at $`,
		`"concurrentRequests":0`: `^0/0 0 requests daily gpt-4o at $`,
		`"requestLimit":0`:       `^0/0 0 requests daily gpt-4o at $`,
		`"requestsPerMinute":1`:  `^1/1 0 requests minute gpt-4o at 20`,
		`"requestLimit":1`:       `^1/1 0 requests daily gpt-4o at 20`,
	} {
		s := stack.New(t, stack.Options{Settings: `{` + limits + `,` + response + `}`})
		a := s.Chat("u", "gpt-4o")
		if strings.HasSuffix(limits, "1") {
			stack.WantStatus(t, a, 200)
			a = s.Chat("u", "gpt-4o")
		}
		stack.WantStatus(t, a, 429)
		if got, _ := a.JSON(t)["error"].(map[string]any)["link"].(string); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: link is %q, want %s", limits, got, want)
		}
	}

	s := stack.New(t, stack.Options{})
	change(t, s, "u", func(a *ledger.Account) {
		a.Settings = &ledger.Settings{Disabled: true, LimitResponse: map[string]any{"message": "{{identity}} {{period}}{{usage}}{{resetsAt}} {{other}}"}}
	})
	a := s.Chat("u", "gpt-4o")
	stack.WantError(t, a, 403, "identity_disabled")
	if got := a.JSON(t)["error"].(map[string]any)["message"]; got != "u daily {{other}}" {
		t.Errorf("message is %q", got)
	}
}

// Where the developer has no text of their own, people can read ours.
func TestRefusals_AreSentences(t *testing.T) {
	t.Parallel()
	for limits, want := range map[string]string{
		`"requestLimit":1`:       `^The limit of 1 request daily is used up \(1 of 1\)\. It resets at 20`,
		`"tokenLimit":3`:         `^The limit of 3 tokens daily is used up \(\d+ of 3\)\. It resets at 20`,
		`"costLimitUsd":0.00001`: `^The limit of \$0.00001 daily is used up \(\$0\.\d+ of \$0\.00001\)\. It resets at 20`,
		`"requestsPerMinute":1`:  `^More than 1 request a minute\. Try again in (59|60) s\.$`,
		`"requestLimit":0`:       `^Nothing is free here: the limit of requests is 0,`,
		`"costLimitUsd":0`:       `^Nothing is free here: the limit of cost is 0,`,
	} {
		s := stack.New(t, stack.Options{Settings: `{` + limits + `}`})
		a := s.Chat("u", "gpt-4o")
		if !strings.HasSuffix(limits, ":0") {
			stack.WantStatus(t, a, 200)
			a = s.Chat("u", "gpt-4o")
		}
		stack.WantStatus(t, a, 429)
		if got, _ := a.JSON(t)["error"].(map[string]any)["message"].(string); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: message is %q, want %s", limits, got, want)
		}
	}
}

// A strict refusal of a request that is too large for what is left does not claim that nothing is.
func TestStrict_SaysWhatIsLeftWhereARequestDoesNotFit(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"enforcement":"strict","tokenLimit":100}`})
	left := ""
	a := s.Chat("u", "gpt-4o")
	for ; a.Status == 200; a = s.Chat("u", "gpt-4o") {
		left = a.Header.Get("X-Ratelimit-Remaining-Tokens")
	}
	stack.WantError(t, a, 429, "limit_exceeded")
	if got, want := a.JSON(t)["error"].(map[string]any)["message"].(string), fmt.Sprintf("than is left of the limit of 100 tokens daily (%s)", left); left == "" || !strings.Contains(got, want) {
		t.Errorf("message is %q, want %q", got, want)
	}

	// Of one that never fits it says that.
	a = stack.New(t, stack.Options{Settings: `{"enforcement":"strict","tokenLimit":40}`}).Chat("u", "gpt-4o")
	stack.WantError(t, a, 429, "limit_exceeded")
	if got := a.JSON(t)["error"].(map[string]any)["message"].(string); !strings.Contains(got, "more than the whole limit of 40 tokens daily") {
		t.Errorf("message is %q", got)
	}
}

// Models without a key of their own share the limit of "*", which a refusal names so that a person understands it.
func TestLimits_ModelsWithoutAKeyAreCountedTogether(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"modelLimits": {"gpt-4o": {"requestLimit": 1}, "*": {"requestLimit": 3}}}`})
	for i, model := range []string{"gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.0-flash"} {
		a := s.Chat("u", model)
		stack.WantStatus(t, a, 200)
		if got, want := a.Header.Get("X-Ratelimit-Remaining-Requests"), strconv.Itoa(2-i); got != want {
			t.Errorf("after %s %s requests remain, want %s", model, got, want)
		}
	}
	refused := s.Chat("u", "o1-pro")
	stack.WantError(t, refused, 429, "limit_exceeded")
	e := refused.JSON(t)["error"].(map[string]any)
	if text := e["message"].(string); !strings.Contains(text, "for models without a limit of their own") {
		t.Errorf("message %q, want it to say which models", text)
	}
	if l := e["limit"].(map[string]any); l["scope"] != "model" || l["model"] != "*" || l["used"] != 3.0 {
		t.Errorf("limit %v, want that of *", l)
	}
	stack.WantStatus(t, s.Chat("u", "gpt-4o-2024-08-06"), 200)
	stack.WantError(t, s.Chat("u", "gpt-4o"), 429, "limit_exceeded")
	blocked := stack.New(t, stack.Options{Settings: `{"modelLimits": {"gpt-4o": {"requestLimit": 1}, "*": {"requestLimit": 0}}}`}).Chat("u", "o1-pro")
	stack.WantError(t, blocked, 429, "limit_exceeded")
	if text := blocked.JSON(t)["error"].(map[string]any)["message"].(string); !strings.HasPrefix(text, "o1-pro is not available here") {
		t.Errorf("message %q, want it to name the model that was asked for", text)
	}
	limits := s.Usage("u")["limits"].([]any)
	if len(limits) != 2 {
		t.Errorf("limits shown: %v, want those of gpt-4o and *", limits)
	}
}
