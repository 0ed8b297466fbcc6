package project

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Templates are the names of settings for a new project, the default first: starter has a free and a pro tier that limit
// each user's cost, single has one limit for everyone, count only counts.
var Templates = []string{"starter", "single", "count"}

//go:embed templates/*.json
var templates embed.FS

// FromTemplate returns the settings of a template, with models of the given providers; without providers, of OpenAI.
func FromTemplate(name string, providers ...string) (Settings, error) {
	if !slices.Contains(Templates, name) {
		return Settings{}, fmt.Errorf("there is no template %q; there are %s", name, strings.Join(Templates, ", "))
	}
	doc, err := templates.ReadFile("templates/" + name + ".json")
	if err != nil {
		return Settings{}, err
	}
	var fields map[string]any
	if err := json.Unmarshal(doc, &fields); err != nil {
		return Settings{}, fmt.Errorf("template %s: %w", name, err)
	}
	if _, listed := fields["allowedModels"]; listed {
		fields["allowedModels"] = modelsOf(providers)
	}
	if doc, err = json.Marshal(fields); err != nil {
		return Settings{}, fmt.Errorf("template %s: %w", name, err)
	}
	return ParseSettings(doc)
}

// modelsOf returns a cheap and a dear model of each built-in provider in the list; if there is none, of the first vendor.
func modelsOf(providers []string) (models []string) {
	for _, v := range vendors {
		if slices.Contains(providers, v.Name) {
			models = append(models, v.Cheap, v.Dear)
		}
	}
	if len(models) == 0 {
		models = []string{vendors[0].Cheap, vendors[0].Dear}
	}
	return models
}
