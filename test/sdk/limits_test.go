package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// refusal is what an app finds in the typed error of its SDK.
type refusal struct {
	Status                  int
	Kind                    string // type, or Gemini's status
	Code, Message, DeepLink string
	Limit                   limitDetail
}

// limitDetail is what a refusal says of the limit.
type limitDetail struct {
	Metric, Scope, Period  string
	Model, Tier            *string
	Limit, Used, Remaining json.Number
	ResetsAt               string
}

// refused reads the typed error of whichever SDK it is.
func refused(t testing.TB, err error) refusal {
	t.Helper()
	var (
		o *openai.Error
		a *anthropic.Error
		g genai.APIError
	)
	switch {
	case errors.As(err, &o):
		r := refusal{Status: o.StatusCode, Kind: o.Type, Code: o.Code, Message: o.Message}
		decode(t, o.JSON.ExtraFields["deepLink"].Raw(), &r.DeepLink)
		decode(t, o.JSON.ExtraFields["limit"].Raw(), &r.Limit)
		return r
	case errors.As(err, &a):
		var body struct {
			Error struct {
				Type, Code, Message, DeepLink string
				Limit                         limitDetail
			}
			RequestID string `json:"request_id"`
		}
		decode(t, a.RawJSON(), &body)
		if body.Error.Type != string(a.Type()) || a.RequestID == "" || a.RequestID != body.RequestID {
			t.Errorf("anthropic: got the type %q and the request id %q of a body %s", a.Type(), a.RequestID, a.RawJSON())
		}
		return refusal{a.StatusCode, body.Error.Type, body.Error.Code, body.Error.Message, body.Error.DeepLink, body.Error.Limit}
	case errors.As(err, &g):
		return geminiRefusal(g)
	}
	t.Fatalf("got %T %v, want the typed error of an SDK", err, err)
	return refusal{}
}

// geminiRefusal reads the ErrorInfo, whose metadata is flat.
func geminiRefusal(e genai.APIError) refusal {
	r := refusal{Status: e.Code, Kind: e.Status, Message: e.Message}
	for _, d := range e.Details {
		if d["@type"] != "type.googleapis.com/google.rpc.ErrorInfo" || d["domain"] != "airatelimit" {
			continue
		}
		reason, _ := d["reason"].(string)
		r.Code = strings.ToLower(reason)
		metadata, _ := d["metadata"].(map[string]any)
		text := func(name string) string { s, _ := metadata[name].(string); return s }
		number := func(name string) json.Number { return json.Number(text(name)) }
		r.DeepLink = text("deepLink")
		r.Limit = limitDetail{Metric: text("limit.metric"), Scope: text("limit.scope"), Period: text("limit.period"), ResetsAt: text("limit.resetsAt"),
			Limit: number("limit.limit"), Used: number("limit.used"), Remaining: number("limit.remaining")}
		if s := text("limit.model"); s != "" {
			r.Limit.Model = &s
		}
		if s := text("limit.tier"); s != "" {
			r.Limit.Tier = &s
		}
	}
	return r
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if text == "" {
		return
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// kinds are the names of the statuses in each dialect.
func checkKind(t testing.TB, r refusal, openAI, anthropic, gemini string) {
	t.Helper()
	if !slices.Contains([]string{openAI, anthropic, gemini}, r.Kind) {
		t.Errorf("got the kind %q, want %q, %q or %q", r.Kind, openAI, anthropic, gemini)
	}
}

// Issue of every proxy that answers a used-up quota with a plain 429: the SDKs try again, and
// the app's user waits for a refusal that was certain.
//
// Not parallel, because it measures time.
func TestQuotaSurfacesAtOnce(t *testing.T) {
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitResponse": {
		"message": "You've used {{usage}}/{{limit}} free requests. Upgrade to Pro!", "deepLink": "app://upgrade?from={{identity}}"}}`})
	for _, calls := range [][]call{openAICalls, anthropicCalls, geminiCalls} {
		for _, call := range calls {
			if call.free {
				continue
			}
			t.Run(call.name, func(t *testing.T) {
				if a := s.Chat(call.name, "gpt-4o"); a.Status != 200 {
					t.Fatalf("the request within the limit: %d %s", a.Status, a.Body)
				}
				before, c, begin := s.Seen.Total(), own(t, s, call.name), time.Now()
				_, err := call.do(t.Context(), c)
				took := time.Since(begin)
				got := refused(t, err)
				if seen := c.seen.take(); !slices.Equal(seen, []int{429}) || s.Seen.Total() != before {
					t.Errorf("the SDK made requests that were answered %v, and %d reached the provider, want a single 429", seen, s.Seen.Total()-before)
				}
				if took >= time.Second {
					t.Errorf("the error came after %v", took)
				}
				checkKind(t, got, "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")
				if _, err := time.Parse(time.RFC3339, got.Limit.ResetsAt); err != nil {
					t.Errorf("resetsAt: %v", err)
				}
				got.Kind, got.Limit.ResetsAt = "", ""
				want := refusal{Status: 429, Code: "limit_exceeded", Message: "You've used 1/1 free requests. Upgrade to Pro!",
					DeepLink: "app://upgrade?from=" + url.PathEscape(call.name),
					Limit:    limitDetail{Metric: "requests", Scope: "project", Period: "daily", Limit: "1", Used: "1", Remaining: "0"}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the refusal (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// vendors are the shortest calls of each SDK.
var vendors = map[string]func(context.Context, clients) (string, error){
	"openai":    chat(chatParams("gpt-4o", "hello there")),
	"anthropic": message(messageParams("hello there", 100)),
	"gemini":    generate("hello there", geminiConfig()),
}

// streamed are the same as streams.
var streamed = map[string]func(context.Context, clients) (string, error){
	"openai":    chatStream(chatParams("gpt-4o", "hello there")),
	"responses": respondStream(responseParams("hello there")),
	"anthropic": messageStream(messageParams("hello there", 100)),
	"gemini":    generateStream("hello there", geminiConfig()),
}

func TestRefusalsSayWhichLimit(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"defaultTier": "free", "costLimitUsd": 1, "tiers": {
		"free": {"tokenLimit": 5, "limitResponse": {"message": "{{tier}}: {{usage}} of {{limit}} {{limitType}} {{period}}"}},
		"none": {"modelLimits": {"gpt-4o": {"requestLimit": 0}, "claude-*": {"requestLimit": 0}, "gemini-2.5-*": {"requestLimit": 0}}}}}`})
	free, none := "free", "none"
	keys := map[string]string{"openai": "gpt-4o", "anthropic": "claude-*", "gemini": "gemini-2.5-*"}
	for vendor, do := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			c := own(t, s, vendor)
			if _, err := do(t.Context(), c); err != nil {
				t.Fatalf("within the limit: %v", err)
			}
			_, err := do(t.Context(), c)
			got := refused(t, err)
			got.Kind, got.Limit.ResetsAt = "", ""
			want := refusal{Status: 429, Code: "limit_exceeded", Message: "free: 7 of 5 tokens daily",
				Limit: limitDetail{Metric: "tokens", Scope: "tier", Tier: &free, Period: "daily", Limit: "5", Used: "7", Remaining: "0"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("a tier's limit (-want +got):\n%s", diff)
			}
			_, err = do(t.Context(), own(t, s, vendor, "x-tier", "none"))
			model := keys[vendor]
			if l := refused(t, err).Limit; l.Scope != "model" || l.Model == nil || *l.Model != model || l.Tier == nil || *l.Tier != none {
				t.Errorf("a model limit: got %+v, want scope model, model %s, tier none", l, model)
			}
		})
	}
}

// A burst passes by itself: the SDKs that retry wait as long as they are told, and get through.
func TestBurstIsRetriedAndSucceeds(t *testing.T) {
	t.Parallel()
	// One more is allowed every three seconds: what a machine is to exceed that is slow, and a test is to wait.
	const perMinute = 20
	s := stack.New(t, stack.Options{Settings: `{"requestsPerMinute": 20}`})
	for vendor, do := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			for range perMinute {
				s.Chat(vendor, "gpt-4o")
			}
			c := own(t, s, vendor)
			waited := false
			for range 50 {
				_, err := do(t.Context(), c)
				seen := c.seen.take()
				if vendor == "gemini" && err != nil {
					// It does not retry unless it is told to, and says how long to wait.
					r := refused(t, err)
					if r.Status != 429 || r.Code != "burst_exceeded" || !strings.Contains(r.Message, "requests a minute") {
						t.Errorf("got %+v, want burst_exceeded", r)
					}
					return
				}
				if err != nil {
					t.Fatalf("after %v: %v", seen, err)
				}
				if waited = len(seen) > 1; waited {
					if last := len(seen) - 1; seen[0] != 429 || seen[last] != 200 {
						t.Errorf("got the statuses %v, want 429 and then 200", seen)
					}
					break
				}
			}
			if !waited {
				t.Error("no request was refused for the burst")
			}
		})
	}
}

func TestConcurrencyIsRetriedAndSucceeds(t *testing.T) {
	t.Parallel()
	// The provider holds the requests of one model until it is told otherwise.
	held, hold := make(chan struct{}, 9), make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	var asked atomic.Int64
	s := stack.New(t, stack.Options{Settings: `{"concurrentRequests": 1}`, Echo: echo.Options{
		Fault: func(_ *http.Request, model string) echo.Fault {
			if model == "gpt-4o-mini" {
				asked.Add(1)
				held <- struct{}{}
				<-hold
			}
			return echo.None
		}}})
	first := make(chan error, len(vendors))
	for vendor := range vendors {
		go func() {
			_, err := chat(chatParams("gpt-4o-mini", "hold on"))(context.WithoutCancel(t.Context()), own(t, s, vendor))
			first <- err
		}()
	}
	for range vendors {
		<-held
	}
	type outcome struct {
		vendor string
		seen   []int
		err    error
	}
	second := make(chan outcome, len(vendors))
	for vendor, do := range vendors {
		c := own(t, s, vendor)
		go func() {
			_, err := do(t.Context(), c)
			second <- outcome{vendor, c.seen.take(), err}
		}()
	}
	// Gemini's SDK gives up at once: by then nothing has been let through.
	got := <-second
	if r := refused(t, got.err); got.vendor != "gemini" || r.Code != "concurrency_exceeded" || !slices.Equal(got.seen, []int{429}) {
		t.Errorf("got %+v, %+v first, want Gemini's concurrency_exceeded", got, r)
	}
	release()
	for range vendors {
		if err := <-first; err != nil {
			t.Errorf("the held request: %v", err)
		}
	}
	for range len(vendors) - 1 {
		if got := <-second; got.err != nil || got.seen[len(got.seen)-1] != 200 {
			t.Errorf("%s: got %v, %v, want success", got.vendor, got.seen, got.err)
		}
	}
}

func TestLimitHoldsForAllSDKsAtOnce(t *testing.T) {
	t.Parallel()
	const (
		limit = 10
		each  = 8
	)
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 10}`})
	outcomes := make(chan error, each*(len(vendors)+len(streamed)))
	for _, set := range []map[string]func(context.Context, clients) (string, error){vendors, streamed} {
		for _, do := range set {
			c := own(t, s, "one user")
			for range each {
				go func() {
					_, err := do(t.Context(), c)
					outcomes <- err
				}()
			}
		}
	}
	answered := 0
	for range cap(outcomes) {
		err := <-outcomes
		if err == nil {
			answered++
		} else if r := refused(t, err); r.Status != 429 || r.Code != "limit_exceeded" {
			t.Errorf("got %+v, want limit_exceeded", r)
		}
	}
	if u := used(t, s, "one user"); answered != limit || s.Seen.Total() != limit || u.Requests != limit || u.Tokens != 7*limit {
		t.Errorf("got %d answers, %d requests at the provider, usage %+v, want %d of each and %d tokens", answered, s.Seen.Total(), u, limit, 7*limit)
	}
}

// An app without accounts names the device; whoever signs up is somebody new, in a tier.
func TestAnonymousUsersHaveTheirOwnAllowance(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "tiers": {"pro": {"requestLimit": 3}},
		"limitResponse": {"message": "Sign in for more.", "deepLink": "app://sign-in"}}`})
	for vendor, do := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			for _, device := range []string{vendor + "-anon-6f9c", vendor + "-anon-a1b2"} {
				c := own(t, s, device)
				if _, err := do(t.Context(), c); err != nil {
					t.Fatalf("%s: %v", device, err)
				}
				_, err := do(t.Context(), c)
				if r := refused(t, err); r.DeepLink != "app://sign-in" || r.Message != "Sign in for more." {
					t.Errorf("%s: got %+v, want the app's own words", device, r)
				}
			}
			c := own(t, s, vendor+"-account-1", "x-tier", "pro")
			for i := range 3 {
				if _, err := do(t.Context(), c); err != nil {
					t.Fatalf("request %d after signing in: %v", i+1, err)
				}
			}
			_, err := do(t.Context(), c)
			if r := refused(t, err); r.Limit.Used != "3" || r.Limit.Scope != "tier" {
				t.Errorf("got %+v, want 3 used of the tier's", r)
			}
		})
	}
}
