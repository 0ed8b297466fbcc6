package field

import (
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestConcurrency(t *testing.T) {
	t.Parallel()

	t.Run("five parallel calls pass a 100-token limit", func(t *testing.T) {
		t.Parallel()
		for name, body := range map[string]string{
			"capped":   with(chatBody, `"max_tokens":90`),
			"uncapped": chatBody,
			"streamed": with(chatBody, `"max_tokens":90,"stream":true`),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := await.NewGate()
				s := stack.New(t, stack.Options{Settings: `{"tokenLimit": 100}`, Echo: echo.Options{Before: g.Hold,
					Answer: func(string, string) string { return strings.Repeat("word ", 90) }}})
				wantBurst(t, g, 5, 1, func(int) stack.Answer { return s.Post(chatPath, "ann", body) })
				wantUsed(t, s, "ann", 1, input+90)
			})
		}
	})

	t.Run("the first requests of an unknown user bypass the default limit", func(t *testing.T) {
		t.Parallel()
		for name, settings := range map[string]string{
			"of the project":      `{"requestLimit": 3}`,
			"of the tier":         `{"tiers": {"free": {"requestLimit": 3}}, "defaultTier": "free"}`,
			"of the model":        `{"modelLimits": {"gpt-4o": {"requestLimit": 3}}}`,
			"of requests at once": `{"concurrentRequests": 3}`,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, g := gated(t, settings)
				wantBurst(t, g, 12, 3, func(int) stack.Answer { return s.Chat("never-seen", "gpt-4o") })
			})
		}
		t.Run("of the project, in a tier that does not exist", func(t *testing.T) {
			t.Parallel()
			s, g := gated(t, `{"requestLimit": 3, "tiers": {"pro": {"requestLimit": 9}}}`)
			wantBurst(t, g, 12, 3, func(int) stack.Answer { return s.Chat("never-seen", "gpt-4o", "x-tier", "made-up") })
		})
	})

	t.Run("check and record are separate steps", func(t *testing.T) {
		t.Parallel()
		capped := with(chatBody, `"max_tokens":1000`)
		for _, settings := range []string{
			`{"requestLimit": 2}`,
			`{"tokenLimit": 1500}`,
			`{"costLimitUsd": 0.015}`,
			`{"requestsPerMinute": 2}`,
			`{"concurrentRequests": 2}`,
			`{"modelLimits": {"gpt-*": {"requestLimit": 2}}}`,
			`{"tokenLimit": 1500, "requestLimit": 9, "enforcement": "strict"}`,
		} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s, g := gated(t, settings)
				wantBurst(t, g, 12, 2, func(int) stack.Answer { return s.Post(chatPath, "ann", capped) })
			})
		}
	})

	t.Run("users with a large balance skip reservation altogether", func(t *testing.T) {
		t.Parallel()
		big := with(chatBody, `"max_tokens":900000`)
		t.Run("of allowance", func(t *testing.T) {
			t.Parallel()
			s, g := gated(t, `{"tokenLimit": 1000000}`)
			wantBurst(t, g, 6, 2, func(int) stack.Answer { return s.Post(chatPath, "rich", big) })
		})
		t.Run("of credits", func(t *testing.T) {
			t.Parallel()
			s, g := gated(t, `{"tokenLimit": 0}`)
			set(t, s, "rich", "{}")
			control(t, s, http.StatusOK, http.MethodPost, "/identities/rich/gift", `{"tokens": 1000000}`)
			wantBurst(t, g, 6, 2, func(int) stack.Answer { return s.Post(chatPath, "rich", big) })
		})
	})

	t.Run("switching between two models doubles the allowance", func(t *testing.T) {
		t.Parallel()
		models := []string{"gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.0-flash"}
		s, g := gated(t, `{"requestLimit": 3}`)
		wantBurst(t, g, 12, 3, func(i int) stack.Answer { return s.Chat("ann", models[i%len(models)]) })
		for _, model := range models {
			stack.WantError(t, s.Chat("ann", model), http.StatusTooManyRequests, "limit_exceeded")
		}
	})

	t.Run("dated model names count as other models", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"modelLimits": {"gpt-4o": {"requestLimit": 2}, "gemini-2.0-flash": {"requestLimit": 1}}}`)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o-2024-08-06"), http.StatusOK)
		for _, model := range []string{"gpt-4o", "gpt-4o-2024-11-20", "gpt-4o-latest", "GPT-4o", " gpt-4o ", "openai/gpt-4o"} {
			a := s.Chat("ann", model)
			stack.WantError(t, a, http.StatusTooManyRequests, "limit_exceeded")
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o-mini"), http.StatusOK)

		stack.WantStatus(t, s.Post(geminiPath, "ann", geminiBody), http.StatusOK)
		for _, model := range []string{"gemini-2.0-flash", "gemini-2.0-flash-001", "gemini-2%2E0-flash", "GEMINI-2.0-flash"} {
			stack.WantStatus(t, s.Post("/v1beta/models/"+model+":generateContent", "ann", geminiBody), http.StatusTooManyRequests)
		}
		stack.WantStatus(t, s.Chat("ann", "models/gemini-2.0-flash"), http.StatusTooManyRequests)
	})

	t.Run("rotating a session id resets the count", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1}`)
		stack.WantStatus(t, s.Post(chatPath, "ann", with(chatBody, `"user":"session-1"`), "x-session-id", "1"), http.StatusOK)
		for _, headers := range [][]string{
			{"x-session-id", "2"}, {"Cookie", "session=2"}, {"User-Agent", "another"}, {"X-Forwarded-For", "203.0.113.9"},
			{"x-tier", "another"}, {"x-identity", " ann "}, {"x-provider", "openai"},
		} {
			a := s.Post(chatPath, "ann", with(chatBody, `"user":"session-2","safety_identifier":"2","metadata":{"session":"2"}`), headers...)
			stack.WantError(t, a, http.StatusTooManyRequests, "limit_exceeded")
		}
		wantUsed(t, s, "ann", 1, input+output)
	})
}
