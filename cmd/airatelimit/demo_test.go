package main

import (
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
)

// The demo shows settings that people copy. They are the template starter's, with models of three vendors and limits of
// single models, which the demo shows.
func TestDemoSettingsAreBounded(t *testing.T) {
	t.Parallel()
	s, err := project.ParseSettings([]byte(strings.ReplaceAll(demoSettings, "UPSTREAM", "http://127.0.0.1:1")))
	if err != nil {
		t.Fatal(err)
	}
	if w := s.Warnings(nil); len(w) != 0 {
		t.Errorf("saving the demo's settings warns of %v", w)
	}
	starter, err := project.FromTemplate("starter")
	if err != nil {
		t.Fatal(err)
	}
	if s.Enforcement != starter.Enforcement || s.UnknownTier != starter.UnknownTier || s.LimitPeriod != starter.LimitPeriod ||
		s.DefaultTier == nil || *s.DefaultTier != *starter.DefaultTier || len(s.Tiers) != len(starter.Tiers) || s.AllowedModels == nil {
		t.Errorf("the demo's settings are %+v, want those of the template starter", s)
	}
	for name, tier := range starter.Tiers {
		if got := s.Tiers[name].CostLimitUSD; got == nil || *got != *tier.CostLimitUSD {
			t.Errorf("tier %s: the cost limit is %v, want %v", name, got, *tier.CostLimitUSD)
		}
	}
}
