package project

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// Templates are the names of settings for a new project, the default first: starter has a free and a pro tier that limit
// each user's cost and requests of the dear model, single has one limit for everyone, count only counts.
var Templates = []string{"starter", "single", "count"}

//go:embed templates/*.json
var templates embed.FS

// dearModel stands in a template for the dear model of each provider.
const dearModel = "DEAR"

// FromTemplate returns the settings of a template, with models of the given providers; without providers, of OpenAI.
func FromTemplate(name string, providers ...string) (Settings, error) {
	if !slices.Contains(Templates, name) {
		return Settings{}, fmt.Errorf("there is no template %q; there are %s", name, strings.Join(Templates, ", "))
	}
	doc, err := templates.ReadFile("templates/" + name + ".json")
	if err != nil {
		return Settings{}, err
	}
	s, err := ParseSettings(doc)
	if err != nil {
		return Settings{}, fmt.Errorf("template %s: %w", name, err)
	}
	if s.AllowedModels != nil {
		s.AllowedModels = modelsOf(providers)
	}
	for _, t := range s.Tiers {
		dear, ok := t.ModelLimits[dearModel]
		if !ok {
			continue
		}
		delete(t.ModelLimits, dearModel)
		for _, of := range pairsOf(providers) {
			t.ModelLimits[limit.CanonicalModel(of.dear)] = dear
		}
	}
	return s, nil
}

// pair is a cheap and a dear model of a provider.
type pair struct{ cheap, dear string }

// pairsOf returns the pair of each built-in provider in the list; if there is none, of the first vendor.
func pairsOf(providers []string) (all []pair) {
	for _, v := range vendors {
		if slices.Contains(providers, v.Name) {
			all = append(all, pair{v.Cheap, v.Dear})
		}
	}
	if slices.Contains(providers, Echo) {
		all = append(all, pair{EchoModels[0], EchoModels[1]})
	}
	if len(all) == 0 {
		all = []pair{{vendors[0].Cheap, vendors[0].Dear}}
	}
	return all
}

// modelsOf returns the models of pairsOf.
func modelsOf(providers []string) (models []string) {
	for _, of := range pairsOf(providers) {
		models = append(models, of.cheap, of.dear)
	}
	return models
}
