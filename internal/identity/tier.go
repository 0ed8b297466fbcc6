package identity

import (
	"net/http"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Tier returns the tier an identity is in, or nil for none: the one that was set for it, else the one it claims, which
// is "" where the project does not trust claims, else the project's default. What a name does that the project does not
// have is said by its settings: unknownTier.
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
