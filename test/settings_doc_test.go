package test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
)

// docs/settings.md has every field of the settings document, with its default.
func TestSettingsPage_HasEveryField(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := project.Default()
	settings.Tiers["pro"] = project.TierFields{}
	settings.Providers["own"] = project.ProviderFields{}
	b, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	fields := []map[string]any{doc, doc["tiers"].(map[string]any)["pro"].(map[string]any), doc["providers"].(map[string]any)["own"].(map[string]any)}
	for _, group := range fields {
		for name := range group {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("%s is not on the page", name)
			}
		}
	}
	for _, name := range []string{"limitPeriod", "unknownTier", "trustTierHeader", "refusalStatus", "enforcement", "onDisconnect", "failOpen"} {
		value, _ := json.Marshal(doc[name])
		if !strings.Contains(string(page), "| `"+name+"` | `"+string(value)+"` |") {
			t.Errorf("the page does not say that the default of %s is %s", name, value)
		}
	}
	for _, name := range append(project.Templates, project.ResponseVariables...) {
		if !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "{{"+name+"}}") {
			t.Errorf("%s is not on the page", name)
		}
	}
}
