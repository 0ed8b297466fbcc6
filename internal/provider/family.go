package provider

import (
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
)

// foreign are families of models that no built-in provider made.
var foreign = []project.Family{{Prefix: "glm", Name: "glm"}, {Prefix: "llama", Name: "llama"}, {Prefix: "meta-llama", Name: "llama"}, {Prefix: "qwen", Name: "qwen"}}

// families are prefixes of known models' names. The first match counts.
var families = listFamilies()

func listFamilies() (all []project.Family) {
	for _, v := range project.Vendors() {
		all = append(all, v.Families...)
	}
	return append(all, foreign...)
}

// Families are the values of [Family]: few enough to be the label of a metric.
var Families = append(familyNames(), "other")

func familyNames() (names []string) {
	for _, f := range families {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// Family is the family of a model by its name, one of [Families]: "other" for any unknown name, ""
// for none. In a name with slashes, as on OpenRouter, the last part counts.
func Family(model string) string {
	model = strings.TrimSpace(model)
	if model == "" {
		return ""
	}
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for _, f := range families {
		if project.HasPrefix(model, f.Prefix) {
			return f.Name
		}
	}
	return "other"
}
