package provider

import (
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Model is a model that a project's users may call.
type Model struct {
	Name     string
	Provider *project.Provider
}

// Models lists, by name, what allowedModels names, or, where the project allows all, what the
// price book knows of the project's providers: those of its settings, else the built-in ones.
// A pattern stands for the models of the book that it covers.
func Models(p *project.Snapshot) []Model {
	var all []Model
	add := func(name string, by *project.Provider) {
		if !slices.ContainsFunc(all, func(m Model) bool { return m.Name == name }) {
			all = append(all, Model{Name: name, Provider: by})
		}
	}
	for _, by := range serving(p) {
		for _, name := range price.Models(by.Name) {
			if p.Allowed(name) {
				add(name, by)
			}
		}
	}
	for _, key := range p.AllowedModels {
		if strings.HasSuffix(key, "*") {
			continue
		}
		if by, sent := claim(p, key); by != nil {
			// A key is matched against the name that is sent, without NAME/.
			if p.Allowed(sent) {
				add(key, by)
			}
		} else if only := p.Configured(); len(only) == 1 {
			add(key, only[0])
		}
	}
	slices.SortFunc(all, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func serving(p *project.Snapshot) []*project.Provider {
	if list := p.Configured(); len(list) > 0 {
		return list
	}
	var list []*project.Provider
	for _, v := range project.Vendors() {
		if by, ok := p.Provider(v.Name); ok {
			list = append(list, by)
		}
	}
	return list
}
