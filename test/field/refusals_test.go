package field

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
)

// TestRefusals has the failures under "Clients" and "Evasion" that are about refusals.
func TestRefusals(t *testing.T) {
	t.Parallel()

	t.Run("thousands of made-up model names make an account slow", func(t *testing.T) {
		t.Parallel()
		const names = 400
		s := limited(t, `{"requestLimit": 1000, "modelLimits": {"gpt-made-*": {"requestLimit": 300}}}`)
		var all sync.WaitGroup
		for w := range 16 {
			all.Go(func() {
				for i := w; i < names; i += 16 {
					s.Chat("ann", "gpt-made-up-"+strconv.Itoa(i)+"x")
				}
			})
		}
		all.Wait()
		a, err := s.Ledger.Account(t.Context(), ledger.Key{Project: s.ProjectKey, Identity: "ann"}, limit.Daily, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(a.State.Used); n > limit.MaxNames+1 {
			t.Errorf("%d models have left %d names, want at most %d", names, n, limit.MaxNames+1)
		}
		// The limit is as exact as if there were one model.
		stack.WantStatus(t, s.Chat("ann", "gpt-made-up-0x"), http.StatusTooManyRequests)
		stack.WantStatus(t, s.Chat("ann", "gpt-made-up-never"), http.StatusTooManyRequests)
		wantUsed(t, s, "ann", 300, 300*(input+output))
		// A request that the provider refuses leaves no name.
		for i := range 3 {
			stack.WantStatus(t, s.Chat("bob", "gpt-"+strconv.Itoa(i)+"-fault-server-error"), http.StatusInternalServerError)
		}
		if a, err := s.Ledger.Account(t.Context(), ledger.Key{Project: s.ProjectKey, Identity: "bob"}, limit.Daily, time.Now()); err != nil || len(a.State.Used) != 0 {
			t.Errorf("a model that the provider refuses has left %+v, %v", a.State.Used, err)
		}
	})

	t.Run("requests that the provider refuses burn the stored key's own limits", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 100, "requestsPerMinute": 5}`)
		for range 50 {
			s.Chat("ann", "gpt-4o-fault-rate-limited")
		}
		if seen := s.Seen.Total(); seen != 5 {
			t.Errorf("%d of 50 requests that the provider refuses have reached it, want the burst's 5", seen)
		}
		wantUsed(t, s, "ann", 0, 0)
	})

	t.Run("`count_tokens` has no limit", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 100, "requestsPerMinute": 5}`)
		for range 50 {
			s.Post("/v1/messages/count_tokens", "ann", messagesBody, "anthropic-version", "2023-06-01")
		}
		if seen := s.Seen.Total(); seen != 5 {
			t.Errorf("%d of 50 calls have reached the provider, want the burst's 5", seen)
		}
		wantUsed(t, s, "ann", 0, 0)
	})

	t.Run("a `Retry-After` of hours makes a client sleep for hours", func(t *testing.T) {
		t.Parallel()
		clock := newClock() // noon
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, Now: clock.now})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		a := s.Chat("ann", "gpt-4o")
		stack.WantStatus(t, a, http.StatusTooManyRequests)
		if got := a.Header.Get("Retry-After"); got != "" {
			t.Errorf("Retry-After: %s with the reset hours away, want none", got)
		}
		wantOneTry(t, s, "limit_exceeded")
	})

	t.Run("a limit of zero says \"try again\"", func(t *testing.T) {
		t.Parallel()
		for settings, code := range map[string]string{`{"requestsPerMinute": 0}`: "burst_exceeded", `{"concurrentRequests": 0}`: "concurrency_exceeded", `{"requestLimit": 0}`: "limit_exceeded"} {
			message := wantOneTry(t, limited(t, settings), code)
			if strings.Contains(strings.ToLower(message), "try again") || !strings.Contains(message, "Waiting does not change that.") {
				t.Errorf("%s: %q, want it to say that waiting is in vain", settings, message)
			}
		}
	})

	t.Run("a 429 is repeated three times whatever it says", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1, "refusalStatus": 402}`)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		a := s.Chat("ann", "gpt-4o")
		stack.WantStatus(t, a, http.StatusPaymentRequired)
		if e, _ := stack.ErrorOf(t, a); e["code"] != "limit_exceeded" || e["type"] != "rate_limit_exceeded" {
			t.Errorf("the refusal is %s, want a limit_exceeded of the usual type", a.Body)
		}
	})

	t.Run("\"0 left\" with a hundred credits", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1}`)
		set(t, s, "ann", "{}")
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		gift(t, s, "ann", `{"requests": 100}`)
		if got := s.Usage("ann")["limits"].([]any)[0].(map[string]any)["remaining"]; got != 100.0 {
			t.Errorf("usage says that %v are left, want 100", got)
		}
		a := s.Chat("ann", "gpt-4o")
		stack.WantStatus(t, a, http.StatusOK)
		if got := header(t, a, "X-Ratelimit-Remaining-Requests"); got != 99 {
			t.Errorf("the header says that %d are left, want 99", got)
		}
	})
}

// wantOneTry checks that OpenAI's SDK makes one request and gives up, and returns what it is told.
func wantOneTry(t *testing.T, s *stack.Stack, code string) (message string) {
	t.Helper()
	calls := 0
	client := openai.NewClient(option.WithBaseURL(s.URL+"/v1"), option.WithAPIKey(s.ProjectKey), option.WithHeader("x-identity", "ann"),
		option.WithMiddleware(func(req *http.Request, next func(*http.Request) (*http.Response, error)) (*http.Response, error) {
			calls++
			return next(req)
		}))
	_, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4o",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}})
	var refused *openai.Error
	if !errors.As(err, &refused) || refused.Code != code || calls != 1 {
		t.Fatalf("OpenAI's SDK: %d calls, error %v; want one, and %s", calls, err, code)
	}
	return refused.Message
}
