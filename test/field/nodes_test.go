package field

import (
	"net/http"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestNodes(t *testing.T) {
	t.Parallel()

	t.Run("a restored cache admits users over their limit", func(t *testing.T) {
		t.Parallel()
		for _, settings := range []string{
			`{"requestLimit": 2}`, `{"tokenLimit": 10}`, `{"costLimitUsd": 0.00007}`, `{"modelLimits": {"gpt-4o": {"requestLimit": 2}}}`, `{"requestsPerMinute": 2}`,
		} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s := limited(t, settings)
				for range 2 {
					wantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
				}
				for range 3 {
					wantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
					s.Restart()
				}
				wantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
				wantUsed(t, s, "ann", 2, 2*(input+output))
			})
		}
	})

	t.Run("counters under a TTL vanish with it", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitPeriod": "monthly"}`, Now: clock.now})
		wantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		for day := 2; day <= 31; day++ {
			clock.advance(24 * time.Hour)
			if day%10 == 0 {
				s.Restart()
			}
			wantCode(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests, "limit_exceeded")
		}
		wantUsed(t, s, "ann", 1, input+output)
		clock.advance(24 * time.Hour)
		wantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	})

	t.Run("a crash loses what was to be written later", func(t *testing.T) {
		t.Parallel()
		s, ended := stalling(t, `{"requestLimit": 100}`, 5)
		// Another connection to the file sees what would outlive the process.
		db, err := store.Open(t.Context(), s.DatabasePath())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		for n := 1; n <= 5; n++ {
			r := open(t, s, chatPath, "ann", streams[0].body)
			r.events(t, 1)
			var kept int
			if err := db.Read.QueryRowContext(t.Context(),
				`SELECT (SELECT coalesce(sum(requests), 0) FROM usage) + (SELECT coalesce(sum(requests), 0) FROM holds)`).Scan(&kept); err != nil {
				t.Fatal(err)
			}
			if kept < n {
				t.Errorf("%d requests are on file when request %d is being answered", kept, n)
			}
			r.leave()
			receive(t, ended, "the provider to be told")
		}
	})
}
