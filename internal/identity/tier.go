package identity

import (
	"net/http"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Tier returns the tier of an identity, or nil for none: the tier in its settings, else the claimed one, else the
// project's default. claimed is "" if the project does not trust claims. If the project has no tier of that name, its
// unknownTier decides.
func Tier(p *project.Snapshot, s *ledger.Settings, claimed string) (*project.Tier, error) {
	name := claimed
	if s != nil && s.Tier != "" {
		name = s.Tier
	}
	if name != "" {
		if t, ok := p.Tier(name); ok {
			return t, nil
		}
		switch p.UnknownTier {
		case project.TierReject:
			if name != claimed {
				return nil, refuse(http.StatusBadRequest, "unknown_tier", "",
					"The project has no tier %q, which is set for this user. The app's developer can set another one.", name)
			}
			return nil, refuse(http.StatusBadRequest, "unknown_tier", "",
				"The project has no tier %q. Send one that it has in the header x-tier, or leave the header out.", name)
		case project.TierProject:
			return nil, nil
		}
	}
	if p.DefaultTier == "" {
		return nil, nil
	}
	t, _ := p.Tier(p.DefaultTier)
	return t, nil
}

// Levels returns the levels that set limits for an identity in a tier; s and t may be nil.
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
