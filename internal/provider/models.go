package provider

import (
	"net/http"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Model is a model that a project's users may call.
type Model struct {
	Name     string
	Provider *project.Provider
}

// Models lists the models that users of a tier may call, sorted by name; the tier may be nil. They are the models in
// allowedModels. If the project allows all models, they are the price book's models of the project's providers and the
// models that the providers' settings name. Without providers in the settings, the built-in ones count. A pattern stands
// for the models of the price book that it covers. Every listed name can be called as it is: a model that needs a prefix
// is left out.
func Models(p *project.Snapshot, t *project.Tier) []Model {
	var all []Model
	listed := map[string]bool{}
	add := func(name string) bool {
		by := owner(p, t, name)
		if key := limit.NormalizeModel(name); by != nil && !listed[key] {
			listed[key] = true
			all = append(all, Model{Name: name, Provider: by})
		}
		return by != nil
	}
	own := slices.DeleteFunc(slices.Clone(p.Configured()), func(by *project.Provider) bool { return by.Builtin })
	for _, by := range serving(p) {
		for _, name := range price.Models(by.Name) {
			add(name)
		}
		for _, name := range by.Named {
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
	for _, a := range p.Aliases() {
		if by := ownerOfAlias(p, t, a); by != nil {
			all = append(all, Model{Name: a.Name, Provider: by})
		}
	}
	slices.SortFunc(all, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find returns the model of a name for users of a tier. It finds every name that can be called, including names that
// [Models] does not list: a dated version, a name with the prefix NAME/, or any name that a project's own provider may
// have. The error is a *wire.Error: 404 unknown_model, or 403 model_not_allowed.
func Find(p *project.Snapshot, t *project.Tier, name string) (Model, error) {
	for _, m := range Models(p, t) {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
	}
	by, sent := claim(p, name)
	if only := p.Configured(); by == nil && len(only) == 1 {
		by = only[0]
	}
	if by != nil && by.Builtin && !by.Echoes() {
		if _, known := p.Price(sent); !known {
			by = nil
		}
	}
	switch {
	case by == nil || strings.TrimSpace(sent) == "":
		return Model{}, refuse(http.StatusNotFound, "unknown_model", "model",
			"There is no model %s here. GET /v1/models lists the models.", quote(name))
	case !p.Allowed(t, sent):
		return Model{}, refuse(http.StatusForbidden, "model_not_allowed", "model",
			"This app does not allow the model %s. GET /v1/models lists the models that it allows.", quote(name))
	}
	return Model{Name: name, Provider: by}, nil
}

// owner returns the provider of an allowed model, or nil. The allowed name is the sent name, without NAME/.
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

// ownerOfAlias returns the provider of the first variant of an alias that is allowed, or nil.
func ownerOfAlias(p *project.Snapshot, t *project.Tier, a *project.Alias) *project.Provider {
	for _, v := range a.Of(t) {
		if by := owner(p, t, v.Model); by != nil {
			return by
		}
	}
	return nil
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
