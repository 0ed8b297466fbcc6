package process

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// Removing or renaming a tier warns the operator, at the command line, of the users who are in it.
func TestTheCommandWarnsOfTheUsersInARemovedTier(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	p := in.Serve()
	k := in.Create(`{"costLimitUsd": 1, "tiers": {"free": {}, "pro": {}}, "defaultTier": "free"}`)
	c := newClient(t)
	for _, identity := range []string{"ann", "bob"} {
		body := `{"identity": "` + identity + `", "tier": "pro"}`
		a := do(c, request(context.Background(), http.MethodPost, p.URL+"/api/projects/"+k.Project+"/identities", "", "", body, "Authorization", "Bearer "+k.Secret))
		if a.status != http.StatusCreated {
			t.Fatalf("creating %s: %d %v %s", identity, a.status, a.err, a.body)
		}
	}
	got := in.Run(`{"tiers": {"free": {}, "plus": {}}}`, nil, "project", "config", k.Project, "--set", "-")
	const want = `airatelimit: warning: tiers.pro: was removed, and 2 identities carry it: their requests get the default tier "free".`
	if got.Code != 0 || !strings.Contains(got.Err, want) {
		t.Errorf("exit %d, %q; want a warning: %s", got.Code, got.Err, want)
	}
}
