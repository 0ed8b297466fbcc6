package field

import (
	"net/http"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/await"
)

// TestTiers has the failures under "Evasion" that are about tiers.
func TestTiers(t *testing.T) {
	t.Parallel()

	t.Run("an unknown tier has no limits", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tiers": {"free": {"requestLimit": 2}, "pro": {"requestLimit": 100}}, "defaultTier": "free"}`)
		admitted := 0
		for range 10 {
			if s.Chat("ann", "gpt-4o", "X-Tier", "premium").Status == http.StatusOK {
				admitted++
			}
		}
		if admitted != 2 {
			t.Errorf("%d of 10 requests with a made-up tier admitted, want the default tier's 2", admitted)
		}
	})

	t.Run("a tier that is renamed leaves its users without limits", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tiers": {"free": {"requestLimit": 2}, "pro": {"requestLimit": 100}}, "defaultTier": "free"}`)
		control(t, s, http.StatusCreated, http.MethodPost, "/identities", `{"identity": "ann", "tier": "pro"}`)
		st := s.Store()
		var before, after project.Settings
		_, err := st.UpdateProject(t.Context(), s.ProjectKey, func(now project.Settings) (_ project.Settings, err error) {
			before = now
			after, err = now.Patch([]byte(`{"tiers": {"free": {"requestLimit": 2}, "plus": {"requestLimit": 100}}}`))
			return after, err
		})
		if err != nil {
			t.Fatal(err)
		}
		gone := after.RemovedTiers(before)
		if len(gone) != 1 || gone[0] != "pro" {
			t.Fatalf("removed tiers: %v, want pro", gone)
		}
		if n, err := st.TierCarriers(t.Context(), s.ProjectKey, gone[0]); err != nil || n != 1 {
			t.Errorf("%d identities are said to carry the tier, %v; want 1", n, err)
		}
		await.Soon(t, "the change to be in force", func() bool { return s.Usage("ann")["tier"] == "free" })
		admitted := 0
		for range 10 {
			if s.Chat("ann", "gpt-4o").Status == http.StatusOK {
				admitted++
			}
		}
		if admitted != 2 {
			t.Errorf("%d of 10 requests admitted, want the default tier's 2", admitted)
		}
	})
}
