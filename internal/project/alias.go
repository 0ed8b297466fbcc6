package project

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// AliasFields are a name that apps ask for instead of a model, so that the model can change without a new version of the app.
type AliasFields struct {
	Variants  []Variant            `json:"variants" doc:"The models, each for a share of the identities."`
	Seed      string               `json:"seed" maxLength:"64" doc:"Another seed spreads the identities anew."`
	Tiers     map[string][]Variant `json:"tiers" doc:"Variants of single tiers, in place of the others."`
	Fallbacks []string             `json:"fallbacks" doc:"Models to try, in order, if the provider of the variant does not answer. Null is none."`
}

// Variant is a model for a share of the identities.
type Variant struct {
	Model  string `json:"model" maxLength:"256" doc:"A model's name, with NAME/ before it if the provider needs it."`
	Weight int64  `json:"weight" minimum:"0" maximum:"100" doc:"The share in per cent. The weights of all variants sum to 100."`
}

const (
	maxVariants  = 20
	maxFallbacks = 5
)

// setAliases sets the aliases; null is none.
func (s *Settings) setAliases(path string, v document.Value) error {
	if v.Kind() != document.Object && v.Kind() != document.Null {
		return document.Errorf(path, "must be an object or null, not %s", v.Describe())
	}
	all, seen := make(map[string]AliasFields), make(map[string]string)
	for m := range v.Members() {
		at := document.Join(path, m.Name)
		key, err := aliasName(at, m.Name)
		if err != nil {
			return err
		}
		if first, twice := seen[key]; twice {
			return document.Errorf(at, "is the same name as %q", first)
		}
		seen[key] = m.Name
		a := AliasFields{Tiers: map[string][]Variant{}}
		if err := a.fields().Set(at, m.Value); err != nil {
			return err
		}
		if len(a.Variants) == 0 {
			return document.Errorf(document.Join(at, "variants"), "is missing; give at least one model, with the weight 100")
		}
		all[m.Name] = a
	}
	s.Aliases = all
	return nil
}

// aliasName checks the name of an alias, and returns it normalized.
func aliasName(path, name string) (string, error) {
	key, err := modelName(path, name)
	switch {
	case err != nil:
		return "", err
	case strings.Contains(key, "/"):
		return "", document.Errorf(path, "has a /, which stands after a provider's name; choose another name")
	}
	return key, nil
}

// modelName checks the whole name of a model, and returns it normalized.
func modelName(path, name string) (string, error) {
	key, err := modelKey(path, name)
	if err == nil && strings.Contains(key, "*") {
		err = document.Errorf(path, "must be one name, without a *")
	}
	return key, err
}

func (a *AliasFields) fields() document.Fields {
	return document.Fields{
		"variants": variants(&a.Variants),
		"seed":     a.setSeed,
		"tiers":    a.setTiers,
		"fallbacks": emptyIsNull(func(path string, v document.Value) error {
			if err := list(&a.Fallbacks, modelName)(path, v); err != nil {
				return err
			}
			if len(a.Fallbacks) > maxFallbacks {
				return document.Errorf(path, "has %d models; at most %d are tried", len(a.Fallbacks), maxFallbacks)
			}
			return nil
		}),
	}
}

func (a *AliasFields) setSeed(path string, v document.Value) error {
	const most = 64
	switch {
	case v.Kind() == document.Null:
		a.Seed = ""
	case v.Kind() != document.String || len(v.Text()) > most || !document.Printable(v.Text()):
		return document.Errorf(path, "must be at most %d bytes of printable text", most)
	default:
		a.Seed = v.Text()
	}
	return nil
}

func (a *AliasFields) setTiers(path string, v document.Value) error {
	if v.Kind() != document.Object && v.Kind() != document.Null {
		return document.Errorf(path, "must be an object or null, not %s", v.Describe())
	}
	a.Tiers = map[string][]Variant{}
	for m := range v.Members() {
		var list []Variant
		if err := variants(&list)(document.Join(path, m.Name), m.Value); err != nil {
			return err
		}
		if list != nil {
			a.Tiers[m.Name] = list
		}
	}
	return nil
}

// variants sets variants, whose weights must sum to 100; null is none.
func variants(into *[]Variant) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() != document.Array && v.Kind() != document.Null {
			return document.Errorf(path, "must be an array of models with weights, not %s", v.Describe())
		}
		var (
			list []Variant
			sum  int64
			seen = map[string]bool{}
		)
		for item := range v.Items() {
			at := document.Index(path, len(list))
			if len(list) == maxVariants {
				return document.Errorf(path, "has more than %d variants", maxVariants)
			}
			variant, err := readVariant(at, item)
			if err != nil {
				return err
			}
			if key := limit.NormalizeModel(variant.Model); seen[key] {
				return document.Errorf(at, "is the same model as another variant")
			} else {
				seen[key] = true
			}
			sum += variant.Weight
			list = append(list, variant)
		}
		if v.Kind() == document.Array && sum != 100 {
			return document.Errorf(path, "has weights that sum to %d; they are per cent and must sum to 100", sum)
		}
		*into = list
		return nil
	}
}

func readVariant(at string, v document.Value) (Variant, error) {
	var model *string
	weight := int64(-1)
	err := document.Fields{
		"model":  optional(&model, func(path, name string) error { _, err := modelName(path, name); return err }),
		"weight": percent(&weight),
	}.Set(at, v)
	switch {
	case err != nil:
		return Variant{}, err
	case model == nil:
		return Variant{}, document.Errorf(document.Join(at, "model"), "is missing")
	case weight < 0:
		return Variant{}, document.Errorf(document.Join(at, "weight"), "is missing")
	}
	return Variant{*model, weight}, nil
}

// percent sets a whole number from 0 to 100.
func percent(into *int64) document.Setter {
	return func(path string, v document.Value) error {
		n, err := amount(v.Text(), 0)
		if v.Kind() != document.Number || err != nil || n < 0 || n > 100 {
			return document.Errorf(path, "must be a whole number from 0 to 100, not %s", v.Describe())
		}
		*into = n
		return nil
	}
}

// checkAliases validates what aliases say of tiers, models and each other.
func (s Settings) checkAliases() error {
	names := make(map[string]bool, len(s.Aliases))
	for name := range s.Aliases {
		names[limit.NormalizeModel(name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Aliases)) {
		path, a := document.Join("aliases", name), s.Aliases[name]
		if by := s.knows(limit.NormalizeModel(name)); by != "" {
			return document.Errorf(path, "is the name of a model in %s; choose another name", by)
		}
		for tier := range a.Tiers {
			if _, ok := s.Tiers[tier]; !ok {
				return document.Errorf(document.Join(path, "tiers"), "names no tier of this project: %q", tier)
			}
		}
		for at, model := range a.models(path) {
			if names[limit.NormalizeModel(model)] {
				return document.Errorf(at, "is an alias itself; name the model")
			}
		}
	}
	return nil
}

// checkAliasNames refuses aliases with the name of a model in the price book. A stored document is not checked: the book grows.
func (s Settings) checkAliasNames() error {
	for _, name := range slices.Sorted(maps.Keys(s.Aliases)) {
		if _, known := listPrice(limit.NormalizeModel(name)); known {
			return document.Errorf(document.Join("aliases", name), "is the name of a model; choose another name")
		}
	}
	return nil
}

// knows returns the setting that names a model, "" for none.
func (s Settings) knows(model string) string {
	for key := range s.Prices {
		if limit.NormalizeModel(key) == model {
			return "prices"
		}
	}
	for name, p := range s.Providers {
		for _, key := range p.Models {
			if limit.NormalizeModel(key) == model {
				return document.Join("providers", name)
			}
		}
	}
	if slices.Contains(s.echoModels(), model) {
		return document.Join("providers", Echo)
	}
	return ""
}

// models lists all models of an alias by their paths.
func (a AliasFields) models(path string) map[string]string {
	all := map[string]string{}
	add := func(path string, list []Variant) {
		for i, v := range list {
			all[document.Index(path, i)+".model"] = v.Model
		}
	}
	add(path+".variants", a.Variants)
	for tier, list := range a.Tiers {
		add(document.Join(path+".tiers", tier), list)
	}
	for i, model := range a.Fallbacks {
		all[document.Index(path+".fallbacks", i)] = model
	}
	return all
}

// Alias is an alias of a project, prepared for the gateway.
type Alias struct {
	Name string // as the developer spells it
	AliasFields
}

// newAliases prepares aliases, by their normalized names.
func newAliases(from map[string]AliasFields) map[string]*Alias {
	if len(from) == 0 {
		return nil
	}
	all := make(map[string]*Alias, len(from))
	for name, fields := range from {
		all[limit.NormalizeModel(name)] = &Alias{name, fields}
	}
	return all
}

// Alias returns the alias that a request names as its model.
func (s *Snapshot) Alias(model string) (*Alias, bool) {
	if s.aliases == nil { // most projects
		return nil, false
	}
	a, ok := s.aliases[limit.NormalizeModel(model)]
	return a, ok
}

// Aliases returns the aliases, sorted by name.
func (s *Snapshot) Aliases() []*Alias {
	return slices.SortedFunc(maps.Values(s.aliases), func(a, b *Alias) int { return strings.Compare(a.Name, b.Name) })
}

// Of returns the variants of a tier, nil for none.
func (a *Alias) Of(t *Tier) []Variant {
	if t != nil {
		if own, ok := a.Tiers[t.Name]; ok {
			return own
		}
	}
	return a.Variants
}

// Models returns the models for an identity: its variant, then the fallbacks, without repetition.
func (a *Alias) Models(identity string, t *Tier) []string {
	models := []string{a.choose(identity, a.Of(t))}
	for _, model := range a.Fallbacks {
		same := func(other string) bool { return limit.NormalizeModel(other) == limit.NormalizeModel(model) }
		if !slices.ContainsFunc(models, same) {
			models = append(models, model)
		}
	}
	return models
}

// choose returns the identity's variant. The hundred points are shared so that the middle variants come first, then the first
// one, then the last: if the last one grows out of the first one's share, no identity changes but those who change to the last.
func (a *Alias) choose(identity string, variants []Variant) string {
	h := sha256.New()
	for _, part := range []string{a.Seed, limit.NormalizeModel(a.Name), identity} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	point := int64(binary.BigEndian.Uint64(h.Sum(nil)) % 100)
	first, last := variants[0], variants[len(variants)-1]
	if len(variants) > 2 {
		for _, v := range variants[1 : len(variants)-1] {
			if point < v.Weight {
				return v.Model
			}
			point -= v.Weight
		}
	}
	if point < first.Weight {
		return first.Model
	}
	return last.Model
}
