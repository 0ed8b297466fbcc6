package field

import (
	"github.com/airatelimit/airatelimit/test/stack"
	"net/http"
	"testing"
)

// TestModels has the failures under "Evasion" that are about names of models.
func TestModels(t *testing.T) {
	t.Parallel()
	t.Run("`:nitro`, `@default`, `-0`, `-latest` are other models", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"modelLimits": {"gpt-4o": {"requestLimit": 2}, "claude-sonnet-4-20250514": {"requestLimit": 0}}}`)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o:nitro"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o-2024-08-06@default"), http.StatusOK)
		for _, model := range []string{"gpt-4o", "gpt-4o:floor", "gpt-4o-latest", "gpt-4o-2024-11-20:nitro", "GPT-4o@x:y", "openai/gpt-4o:nitro"} {
			stack.WantError(t, s.Chat("ann", model), http.StatusTooManyRequests, "limit_exceeded")
		}
		for _, model := range []string{"claude-sonnet-4", "claude-sonnet-4-0", "claude-4-sonnet", "claude-sonnet-4-latest", "claude-sonnet-4@default", "claude-sonnet-4-0:nitro"} {
			stack.WantError(t, s.Chat("ann", model), http.StatusTooManyRequests, "limit_exceeded")
		}
		for _, model := range []string{"gpt-4o-mini", "gpt-4o-mini:nitro", "claude-sonnet-4-5"} {
			stack.WantStatus(t, s.Chat("ann", model), http.StatusOK)
		}
	})
}
