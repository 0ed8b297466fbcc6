package project

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// LevelFields are the limits of a project, a tier or an identity, as JSON. Nil inherits from the next level, -1 is
// unlimited, 0 leaves only credits, and 0 for a model blocks it. The zero value inherits everything.
type LevelFields struct {
	RequestLimit       *int64                `json:"requestLimit" minimum:"-1" maximum:"1e15" doc:"Requests in a period. Null inherits, -1 is unlimited, 0 leaves only credits. The same holds for all limits."`
	TokenLimit         *int64                `json:"tokenLimit" minimum:"-1" maximum:"1e15" doc:"Tokens in a period."`
	CostLimitUSD       *USD                  `json:"costLimitUsd" minimum:"-1" maximum:"1e9" doc:"Cost in a period, in USD with at most six decimals."`
	RequestsPerMinute  *int64                `json:"requestsPerMinute" minimum:"-1" maximum:"1e9" doc:"The burst limit: the size of a bucket of requests, which refills evenly."`
	ConcurrentRequests *int64                `json:"concurrentRequests" minimum:"-1" maximum:"1e9" doc:"Requests that may run at once."`
	ModelLimits        map[string]ModelLimit `json:"modelLimits" doc:"Limits by model key. A model's name covers the model under all its names. A * at the end stands for any rest of a name. The key * alone covers every model that no other key covers, and counts these together."`
}

// ModelLimit holds the limits of the models that one key of modelLimits covers.
type ModelLimit struct {
	RequestLimit *int64 `json:"requestLimit" minimum:"-1" maximum:"1e15" doc:"Requests in a period. 0 blocks the model, even with credits."`
	TokenLimit   *int64 `json:"tokenLimit" minimum:"-1" maximum:"1e15" doc:"Tokens in a period."`
	CostLimitUSD *USD   `json:"costLimitUsd" minimum:"-1" maximum:"1e9" doc:"Cost in a period, in USD."`
}

// Level returns the limits in the form that limit.Resolve takes. The result shares nothing with f.
func (f LevelFields) Level() limit.Level {
	l := limit.Level{
		Caps:               caps(f.RequestLimit, f.TokenLimit, f.CostLimitUSD),
		RequestsPerMinute:  clone(f.RequestsPerMinute),
		ConcurrentRequests: clone(f.ConcurrentRequests),
	}
	for key, m := range f.ModelLimits {
		l.Models = append(l.Models, limit.NewModelCaps(limit.NormalizeModel(key), caps(m.RequestLimit, m.TokenLimit, m.CostLimitUSD)))
	}
	slices.SortFunc(l.Models, func(a, b limit.ModelCaps) int { return strings.Compare(a.Key, b.Key) })
	return l
}

// FieldsOf is the inverse of Level, except that it returns normalized model keys.
func FieldsOf(l limit.Level) LevelFields {
	f := LevelFields{
		RequestLimit:       clone(l.Caps[limit.Requests]),
		TokenLimit:         clone(l.Caps[limit.Tokens]),
		CostLimitUSD:       usd(l.Caps[limit.Cost]),
		RequestsPerMinute:  clone(l.RequestsPerMinute),
		ConcurrentRequests: clone(l.ConcurrentRequests),
		ModelLimits:        make(map[string]ModelLimit, len(l.Models)),
	}
	for _, m := range l.Models {
		f.ModelLimits[m.Key] = ModelLimit{
			RequestLimit: clone(m.Caps[limit.Requests]),
			TokenLimit:   clone(m.Caps[limit.Tokens]),
			CostLimitUSD: usd(m.Caps[limit.Cost]),
		}
	}
	return f
}

func usd(micros *int64) *USD {
	if micros == nil {
		return nil
	}
	u := USD(*micros)
	return &u
}

func caps(requests, tokens *int64, cost *USD) limit.Caps {
	c := limit.Caps{limit.Requests: clone(requests), limit.Tokens: clone(tokens)}
	if cost != nil {
		micros := int64(*cost)
		c[limit.Cost] = &micros
	}
	return c
}

func clone(n *int64) *int64 {
	if n == nil {
		return nil
	}
	c := *n
	return &c
}

// Fields returns the members that set f: null inherits, a value replaces (modelLimits as a whole).
func (f *LevelFields) Fields() document.Fields {
	return document.Fields{
		"requestLimit":       count(&f.RequestLimit, maxCount),
		"tokenLimit":         count(&f.TokenLimit, maxCount),
		"costLimitUsd":       dollars(&f.CostLimitUSD),
		"requestsPerMinute":  count(&f.RequestsPerMinute, maxBurst),
		"concurrentRequests": count(&f.ConcurrentRequests, maxBurst),
		"modelLimits":        modelLimits(&f.ModelLimits),
	}
}

func (m *ModelLimit) fields() document.Fields {
	return document.Fields{
		"requestLimit": count(&m.RequestLimit, maxCount),
		"tokenLimit":   count(&m.TokenLimit, maxCount),
		"costLimitUsd": dollars(&m.CostLimitUSD),
	}
}

// modelLimits sets the model limits; null is none.
func modelLimits(into *map[string]ModelLimit) document.Setter {
	return byModel(into, func(path string, v document.Value) (ModelLimit, error) {
		var m ModelLimit
		err := m.fields().Set(path, v)
		return m, err
	})
}

// byModel sets a map by model key. No two keys may be the same after normalization; null is empty.
func byModel[T any](into *map[string]T, read func(path string, v document.Value) (T, error)) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() != document.Object && v.Kind() != document.Null {
			return document.Errorf(path, "must be an object or null, not %s", v.Describe())
		}
		out, seen := make(map[string]T), make(map[string]string)
		for m := range v.Members() {
			at := document.Join(path, m.Name)
			key, err := modelKey(at, m.Name)
			if err != nil {
				return err
			}
			if first, twice := seen[key]; twice {
				return document.Errorf(at, "is the same model as %q", first)
			}
			seen[key] = m.Name
			if out[m.Name], err = read(at, m.Value); err != nil {
				return err
			}
		}
		*into = out
		return nil
	}
}

// modelKey checks a model name, or a prefix that ends in *, and returns it normalized.
func modelKey(path, name string) (string, error) {
	const most = 256
	key := limit.NormalizeModel(name)
	switch {
	case key == "":
		return "", document.Errorf(path, "is not a model: the name is empty")
	case len(name) > most:
		return "", document.Errorf(path, "is not a model: the name has more than %d bytes", most)
	case !limit.ValidModel(key):
		return "", document.Errorf(path, "is not a model: the name has characters that cannot be seen")
	case strings.Contains(strings.TrimSuffix(key, "*"), "*"):
		return "", document.Errorf(path, "has a * that is not at the end; it stands for any rest of a name")
	}
	return key, nil
}

// naming tells how the model names that a project's providers receive can begin.
type naming struct {
	known    map[string]bool // the providers; their prefix NAME/ is not sent
	slashed  []string        // the project's own providers whose model names may contain a slash, such as OpenRouter
	patterns []string        // model patterns of providers
}

func (s Settings) naming() naming {
	n := naming{known: make(map[string]bool, len(vendors)+len(s.Providers))}
	for _, v := range vendors {
		n.known[v.Name] = true
	}
	for name, p := range s.Providers {
		if d, _ := wire.ParseDialect(p.dialect(name)); !n.known[name] && d.Spec().SlashedModels {
			n.slashed = append(n.slashed, name)
		}
		for _, key := range p.Models {
			n.patterns = append(n.patterns, limit.NormalizeModel(key))
		}
	}
	for name := range s.Providers {
		n.known[name] = true
	}
	return n
}

// check refuses a model key that begins with a provider's name. Keys are compared with the sent name, which lacks that
// prefix, so the key would cover nothing. The key is allowed if another provider may have such names:
// openrouter/openai/gpt-4o is sent as openai/gpt-4o.
func (n naming) check(path, key string) error {
	name, _, ok := strings.Cut(limit.NormalizeModel(key), "/")
	if !ok || !n.known[name] ||
		slices.ContainsFunc(n.slashed, func(other string) bool { return other != name }) ||
		slices.ContainsFunc(n.patterns, func(pattern string) bool { return strings.HasPrefix(pattern, name+"/") }) {
		return nil
	}
	_, model, _ := strings.Cut(key, "/")
	return document.Errorf(path, "starts with the name of the provider %s, which is not sent to it: write %s", name, strconv.Quote(strings.TrimSpace(model)))
}

func (n naming) checkLimits(path string, limits map[string]ModelLimit) error {
	for _, key := range slices.Sorted(maps.Keys(limits)) {
		if err := n.check(document.Join(path, key), key); err != nil {
			return err
		}
	}
	return nil
}

func (n naming) checkList(path string, keys []string) error {
	for i, key := range keys {
		if err := n.check(document.Index(path, i), key); err != nil {
			return err
		}
	}
	return nil
}

// checkModelKeys refuses model keys that begin with a provider's name.
func (s Settings) checkModelKeys() error {
	n := s.naming()
	if err := n.checkLimits("modelLimits", s.ModelLimits); err != nil {
		return err
	}
	for _, tier := range slices.Sorted(maps.Keys(s.Tiers)) {
		at := document.Join("tiers", tier)
		if err := n.checkLimits(at+".modelLimits", s.Tiers[tier].ModelLimits); err != nil {
			return err
		}
		if err := n.checkList(at+".allowedModels", s.Tiers[tier].AllowedModels); err != nil {
			return err
		}
	}
	if err := n.checkList("allowedModels", s.AllowedModels); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(s.Prices)) {
		if err := n.check(document.Join("prices", key), key); err != nil {
			return err
		}
	}
	return s.checkAliasNames()
}

// CheckModelKeys checks the model keys of one identity's modelLimits, as Patch does for the project's. path names them in
// the error, which is a *document.FieldError.
func (s *Snapshot) CheckModelKeys(path string, limits map[string]ModelLimit) error {
	return s.naming.checkLimits(path, limits)
}
