package sdk

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
)

// failing returns a fault that strikes the first n requests; -1 is all.
func failing(f echo.Fault, n int64) echo.Options {
	var seen atomic.Int64
	return echo.Options{Fault: func(*http.Request, string) echo.Fault {
		if n < 0 || seen.Add(1) <= n {
			return f
		}
		return echo.None
	}}
}

// A provider's passing error is the SDK's to retry, as if nothing stood in between, and costs nothing.
func TestProvidersPassingErrorIsRetriedAndCostsNothing(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.RateLimited, echo.ServerError, echo.Overloaded} {
		for vendor, do := range vendors {
			if vendor == "gemini" {
				continue // its SDK does not retry
			}
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				plain := direct(t, failing(fault, 1))
				s := stack.New(t, stack.Options{Echo: failing(fault, 1)})
				c := own(t, s, "user")
				got := async(func() (string, error) { return do(t.Context(), c) })
				want, err := do(t.Context(), plain)
				if err != nil {
					t.Fatalf("directly: %v", err)
				}
				if o := <-got; o.err != nil || o.answer != want {
					t.Errorf("got %q, %v, want %q", o.answer, o.err, want)
				}
				if want, got := plain.seen.take(), c.seen.take(); len(want) != 2 || !slices.Equal(got, want) {
					t.Errorf("got the statuses %v, want %v, twice", got, want)
				}
				if u := used(t, s, "user"); u.Requests != 1 || u.Tokens != 7 {
					t.Errorf("got usage %+v, want that of the one answer", u)
				}
			})
		}
	}
}

type outcome struct {
	answer string
	err    error
}

func async(do func() (string, error)) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		answer, err := do()
		done <- outcome{answer, err}
	}()
	return done
}

// A provider's lasting error is the SDK's own typed one, word for word.
func TestProvidersLastingErrorIsTheSDKsOwn(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.RateLimited, echo.ServerError, echo.Overloaded, echo.KeyRefused, echo.KeyForbidden} {
		for vendor, do := range vendors {
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				plain := direct(t, failing(fault, -1))
				s := stack.New(t, stack.Options{PassThrough: true, Echo: failing(fault, -1)})
				c := bringing(t, s, "user")
				got := async(func() (string, error) { return do(t.Context(), c) })
				_, want := do(t.Context(), plain)
				if diff := cmp.Diff(errorBody(t, want), errorBody(t, (<-got).err)); diff != "" {
					t.Errorf("the error (-directly +got):\n%s", diff)
				}
				if want, got := plain.seen.take(), c.seen.take(); !slices.Equal(got, want) {
					t.Errorf("got the statuses %v, want %v as directly", got, want)
				}
				if u := used(t, s, "user"); u.Requests != 0 || u.Tokens != 0 {
					t.Errorf("got usage %+v, want none", u)
				}
			})
		}
	}
}

// errorBody returns all that an SDK's typed error says.
func errorBody(t testing.TB, err error) string {
	t.Helper()
	switch e := err.(type) {
	case *openai.Error:
		return http.StatusText(e.StatusCode) + e.RawJSON()
	case *anthropic.Error:
		return http.StatusText(e.StatusCode) + e.RawJSON()
	case genai.APIError:
		return e.Error()
	}
	t.Fatalf("got %T %v, want the typed error of an SDK", err, err)
	return ""
}

// A provider's words about a stored key are for the project's developer, not for the app's users.
func TestStoredKeyThatIsRefusedIsNotShown(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.KeyRefused, echo.KeyForbidden} {
		s := stack.New(t, stack.Options{Echo: failing(fault, -1)})
		for vendor, do := range vendors {
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				_, err := do(t.Context(), own(t, s, vendor))
				r := refused(t, err)
				checkKind(t, r, "api_error", "api_error", "UNAVAILABLE")
				if r.Status != 502 || r.Code != "provider_auth_failed" || strings.Contains(errorBody(t, err), stack.StoredKey) {
					t.Errorf("got %s, want provider_auth_failed without the key", errorBody(t, err))
				}
				if u := used(t, s, vendor); u.Requests != 0 {
					t.Errorf("got usage %+v, want none", u)
				}
			})
		}
	}
}

func TestOwnRefusalsAreTyped(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels": ["gpt-*", "claude-*", "gemini-*"], "unknownTier": "reject"}`})
	disable(t, s, "banned")
	passing := stack.New(t, stack.Options{PassThrough: true})
	someone := func(t testing.TB) clients { return own(t, s, "user") }
	const missing = "pk_0000000000000000000000"
	for _, tc := range []struct {
		name                      string
		connect                   func(testing.TB) clients
		do                        map[string]func(context.Context, clients) (string, error)
		status                    int
		code                      string
		openAI, anthropic, gemini string
	}{
		{name: "an unknown project key", connect: func(t testing.TB) clients {
			return connect(t, config{url: s.URL, openAI: missing, anthropic: missing, gemini: missing, headers: http.Header{"X-Identity": {"user"}}})
		}, status: 401, code: "invalid_project_key", openAI: "authentication_error", anthropic: "authentication_error", gemini: "UNAUTHENTICATED"},
		{name: "no project key", connect: func(t testing.TB) clients {
			return connect(t, config{url: s.URL, openAI: openAIKey, anthropic: anthropicKey, gemini: geminiKey, headers: http.Header{"X-Identity": {"user"}}})
		}, status: 401, code: "missing_project_key", openAI: "authentication_error", anthropic: "authentication_error", gemini: "UNAUTHENTICATED"},
		{name: "no identity", connect: func(t testing.TB) clients {
			return connect(t, config{url: s.URL, openAI: s.ProjectKey, anthropic: s.ProjectKey, gemini: s.ProjectKey})
		}, status: 400, code: "missing_identity", openAI: "invalid_request_error", anthropic: "invalid_request_error", gemini: "INVALID_ARGUMENT"},
		{name: "no provider key", connect: func(t testing.TB) clients { return own(t, passing, "user") },
			status: 401, code: "missing_provider_key", openAI: "authentication_error", anthropic: "authentication_error", gemini: "UNAUTHENTICATED"},
		{name: "the key of another vendor", connect: func(t testing.TB) clients {
			return connect(t, config{url: passing.URL, openAI: anthropicKey, anthropic: geminiKey, gemini: openAIKey,
				headers: http.Header{"X-Identity": {"user"}, "X-Project-Key": {passing.ProjectKey}}})
		}, status: 400, code: "key_provider_mismatch", openAI: "invalid_request_error", anthropic: "invalid_request_error", gemini: "INVALID_ARGUMENT"},
		{name: "a disabled identity", connect: func(t testing.TB) clients { return own(t, s, "banned") },
			status: 403, code: "identity_disabled", openAI: "permission_error", anthropic: "permission_error", gemini: "PERMISSION_DENIED"},
		{name: "an unknown tier", connect: func(t testing.TB) clients { return own(t, s, "user", "x-tier", "gold") },
			status: 400, code: "unknown_tier", openAI: "invalid_request_error", anthropic: "invalid_request_error", gemini: "INVALID_ARGUMENT"},
		{name: "an unknown model", connect: someone, status: 400, code: "unknown_model",
			openAI: "invalid_request_error", anthropic: "invalid_request_error", gemini: "INVALID_ARGUMENT",
			do: map[string]func(context.Context, clients) (string, error){
				"openai":    chat(chatParams("llama-9", "hello there")),
				"anthropic": messageOf("llama-9"),
				"gemini":    generateOf("llama-9"),
			}},
		{name: "a model that is not allowed", connect: someone, status: 403, code: "model_not_allowed",
			openAI: "permission_error", anthropic: "permission_error", gemini: "PERMISSION_DENIED",
			do: map[string]func(context.Context, clients) (string, error){
				"openai":    chat(chatParams("o3", "hello there")),
				"anthropic": messageOf("anthropic/dangerous-1"),
				"gemini":    generateOf("gemma-3"),
			}},
		{name: "an endpoint that is not served", connect: someone, status: 404, code: "unsupported_endpoint",
			openAI: "invalid_request_error", anthropic: "not_found_error", gemini: "NOT_FOUND",
			do: map[string]func(context.Context, clients) (string, error){
				"openai": func(ctx context.Context, c clients) (string, error) { return raw(c.openai.Files.Get(ctx, "file-1")) },
				"anthropic": func(ctx context.Context, c clients) (string, error) {
					return raw(c.anthropic.Messages.Batches.Get(ctx, "batch_1", anthropic.MessageBatchGetParams{}))
				},
				"gemini": func(ctx context.Context, c clients) (string, error) {
					return decoded(c.gemini.Files.Get(ctx, "files/1", nil))
				},
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			calls := tc.do
			if calls == nil {
				calls = vendors
			}
			for vendor, do := range calls {
				c := tc.connect(t)
				_, err := do(t.Context(), c)
				r := refused(t, err)
				checkKind(t, r, tc.openAI, tc.anthropic, tc.gemini)
				if r.Status != tc.status || r.Code != tc.code || r.Message == "" {
					t.Errorf("%s: got %+v, want %d %s", vendor, r, tc.status, tc.code)
				}
				if seen := c.seen.take(); !slices.Equal(seen, []int{tc.status}) {
					t.Errorf("%s: got the statuses %v, want one %d", vendor, seen, tc.status)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := s.Seen.Total() + passing.Seen.Total(); n != 0 {
			t.Errorf("%d refused requests reached the provider", n)
		}
	})
}

func messageOf(model anthropic.Model) func(context.Context, clients) (string, error) {
	p := messageParams("hello there", 100)
	p.Model = model
	return message(p)
}

func generateOf(model string) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		return decoded(c.gemini.Models.GenerateContent(ctx, model, genai.Text("hello there"), nil))
	}
}

// disable disables an identity.
func disable(t *testing.T, s *stack.Stack, identity string) {
	t.Helper()
	_, err := s.Ledger.Change(t.Context(), ledger.Change{Keys: []ledger.Key{{Project: s.ProjectKey, Identity: identity}}, Period: limit.Daily, Now: time.Now(),
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].Known, accounts[0].Settings = true, &ledger.Settings{Disabled: true}
			return ledger.Outcome{}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
}
