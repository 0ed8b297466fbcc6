package project

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Templates are the settings that a project can begin with, the default first: starter has a free and a pro tier that
// limit each user's cost, single has one limit for everyone, count only counts.
var Templates = []string{"starter", "single", "count"}

//go:embed templates/*.json
var templates embed.FS

// starterModels are, for each built-in provider, the models that a project of the template starter allows: a cheap one
// and a dear one.
var starterModels = map[string][2]string{
	"openai":    {"gpt-4o-mini", "gpt-4o"},
	"anthropic": {"claude-haiku-4-5", "claude-sonnet-5"},
	"google":    {"gemini-2.5-flash", "gemini-2.5-pro"},
	"xai":       {"grok-build-0.1", "grok-4.3"},
	"mistral":   {"mistral-small-latest", "mistral-large-latest"},
	"deepseek":  {"deepseek-v4-flash", "deepseek-v4-pro"},
}

// FromTemplate returns the settings of a template, with models of the providers that the project is to use; without any,
// with OpenAI's.
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

func modelsOf(providers []string) (models []string) {
	for _, v := range vendors {
		if slices.Contains(providers, v.Name) {
			pair := starterModels[v.Name]
			models = append(models, pair[:]...)
		}
	}
	if len(models) == 0 {
		pair := starterModels[vendors[0].Name]
		models = pair[:]
	}
	return models
}
