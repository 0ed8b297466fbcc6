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

// Models lists, by name, what users in a tier, nil for none, may call: what allowedModels names, or, where the project
// allows all, what the price book knows of the project's providers: those of its settings, else the built-in ones.
// A pattern stands for the models of the book that it covers. Every name is one that can be
// called as it is: what only a prefix would lead to a provider is left out.
func Models(p *project.Snapshot, t *project.Tier) []Model {
	var all []Model
	add := func(name string) bool {
		by := owner(p, t, name)
		if by != nil && !slices.ContainsFunc(all, func(m Model) bool { return strings.EqualFold(m.Name, name) }) {
			all = append(all, Model{Name: name, Provider: by})
		}
		return by != nil
	}
	own := slices.DeleteFunc(slices.Clone(p.Configured()), func(by *project.Provider) bool { return by.Builtin })
	for _, by := range serving(p) {
		for _, name := range price.Models(by.Name) {
			add(name)
		}
	}
	named := p.AllowedModels
	if t != nil {
		named = slices.Concat(named, t.AllowedModels)
	}
	for _, key := range named {
		if !strings.HasSuffix(key, "*") && !add(key) && len(own) == 1 {
			add(own[0].Name + "/" + key)
		}
	}
	slices.SortFunc(all, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// owner returns the provider to which an allowed model's name leads, else nil. What is allowed
// is the name that is sent, without NAME/.
func owner(p *project.Snapshot, t *project.Tier, name string) *project.Provider {
	by, sent := claim(p, name)
	if only := p.Configured(); by == nil && len(only) == 1 {
		by = only[0]
	}
	if by == nil || !p.Allowed(t, sent) {
		return nil
	}
	return by
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
