package main

import (
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
)

// The demo shows settings that people copy.
func TestDemoSettingsAreBounded(t *testing.T) {
	t.Parallel()
	s, err := project.ParseSettings([]byte(strings.ReplaceAll(demoSettings, "UPSTREAM", "http://127.0.0.1:1")))
	if err != nil {
		t.Fatal(err)
	}
	if w := s.Warnings(nil); len(w) != 0 {
		t.Errorf("saving the demo's settings warns of %v", w)
	}
}
