package identity

import (
	"net/http"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Tier returns the tier an identity is in, or nil for none: the one that was set for it,
// else the one it claims, else the project's default. A name that the project does not
// have leaves the project's own limits, or is refused where the project says so.
func Tier(p *project.Snapshot, s *ledger.Settings, claimed string) (*project.Tier, error) {
	name := claimed
	if s != nil && s.Tier != "" {
		name = s.Tier
	}
	if name == "" {
		name = p.DefaultTier
	}
	if name == "" {
		return nil, nil
	}
	t, ok := p.Tier(name)
	if !ok && p.RejectUnknownTier {
		return nil, refuse(http.StatusBadRequest, "unknown_tier", "", "The project has no tier %q.", name)
	}
	return t, nil
}

// Levels are the levels at which limits may be set for an identity in a tier.
func Levels(p *project.Snapshot, s *ledger.Settings, t *project.Tier) limit.Levels {
	ls := limit.Levels{Project: p.Level}
	if s != nil {
		ls.Identity = &s.Level
	}
	if t != nil {
		ls.Tier = t.Level
	}
	return ls
}
