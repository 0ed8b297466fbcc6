package limit

import (
	"slices"
	"strings"
)

// Levels are the three places where caps are set. Any may be nil.
type Levels struct {
	Identity, Tier, Project *Level
}

// Rules are the limits in force for one request.
type Rules struct {
	Levels Levels
	Model  string // canonical
	Period Period
	Strict bool // refuse what cannot be shown to fit

	limits [NumMetrics]Limit
	set    [NumMetrics]bool

	perMinute, concurrent int64 // Unlimited where none is in force
}

// Resolve finds the limits in force for a model under any of its names: for each metric on its own,
// the first level that sets a cap wins, in the order of Levels.governing.
func Resolve(levels Levels, model string, period Period, strict bool) Rules {
	model = CanonicalModel(model)
	r := Rules{Levels: levels, Model: model, Period: period, Strict: strict}
	for m := range Metric(NumMetrics) {
		if l, ok := levels.governing(m, model); ok && l.Max != Unlimited {
			r.limits[m], r.set[m] = l, true
		}
	}
	r.perMinute = levels.first(func(l *Level) *int64 { return l.RequestsPerMinute })
	r.concurrent = levels.first(func(l *Level) *int64 { return l.ConcurrentRequests })
	return r
}

// Limit returns the limit in force for a metric, if there is one.
func (r *Rules) Limit(m Metric) (Limit, bool) { return r.limits[m], r.set[m] }

// Any reports whether a limit is in force of which limit headers tell: of a period or of
// the burst.
func (r *Rules) Any() bool { return r.set != [NumMetrics]bool{} || r.perMinute != Unlimited }

// Paced reports whether a limit is in force that counts requests outside of a period: of the
// burst, or of what runs at once.
func (r *Rules) Paced() bool { return r.perMinute != Unlimited || r.concurrent != Unlimited }

// governing returns the cap that applies to a canonical model's usage of a metric, Unlimited
// included: the identity's own model limit, the identity's limit, the tier's model limit,
// the project's model limit, the tier's limit, the project's limit.
func (ls *Levels) governing(m Metric, model string) (Limit, bool) {
	if l, ok := modelLimit(ls.Identity, 0, m, model); ok {
		return l, true
	}
	if l, ok := ownLimit(ls.Identity, 0, m); ok {
		return l, true
	}
	if l, ok := modelLimit(ls.Tier, 1, m, model); ok {
		return l, true
	}
	if l, ok := modelLimit(ls.Project, 2, m, model); ok {
		return l, true
	}
	if l, ok := ownLimit(ls.Tier, 1, m); ok {
		return l, true
	}
	return ownLimit(ls.Project, 2, m)
}

func ownLimit(l *Level, index uint8, m Metric) (Limit, bool) {
	if l == nil || l.Caps[m] == nil {
		return Limit{}, false
	}
	return Limit{Metric: m, Scope: Scope(index), Max: *l.Caps[m], src: source{index, noModel}}, true
}

// Others is the model key of every model that no other key of its level matches.
const Others = "*"

// modelLimit finds the longest key that covers the model and sets this metric: a longer
// key that leaves the metric open does not hide a shorter one that sets it. Others is for
// models without a key: any key that covers the model hides it, whatever it sets.
func modelLimit(l *Level, index uint8, m Metric, model string) (Limit, bool) {
	if l == nil {
		return Limit{}, false
	}
	best, found, others := -1, -1, -1
	for i := range l.Models {
		if l.Models[i].Key == Others {
			others = i
			continue
		}
		rank, ok := l.Models[i].match(model)
		if !ok {
			continue
		}
		if best < 0 {
			best = 0 // a model with a key of its own
		}
		if l.Models[i].Caps[m] != nil && rank > best {
			best, found = rank, i
		}
	}
	if best < 0 && others >= 0 && l.Models[others].Caps[m] != nil {
		found = others
	}
	if found < 0 {
		return Limit{}, false
	}
	mc := &l.Models[found]
	return Limit{Metric: m, Scope: ScopeModel, Model: mc.Key, Max: *mc.Caps[m], src: source{index, int32(found)}}, true
}

// counts reports whether usage of a model counts towards l. A model limit counts the
// usage that it governs; a tier's or the project's limit that of every model without a
// model limit in force; an identity's own limit counts everything.
func (ls *Levels) counts(l Limit, model string) bool {
	if l.Scope == ScopeIdentity {
		return true
	}
	// Usage may have been kept when the price book knew fewer names of the model.
	g, ok := ls.governing(l.Metric, canonical(model))
	if l.Scope == ScopeModel {
		return ok && g.src == l.src
	}
	return !ok || g.Scope != ScopeModel
}

// first returns what the first level sets, or Unlimited.
func (ls *Levels) first(get func(*Level) *int64) int64 {
	for _, l := range [...]*Level{ls.Identity, ls.Tier, ls.Project} {
		if l != nil {
			if v := get(l); v != nil {
				return *v
			}
		}
	}
	return Unlimited
}

// All lists every limit that can be in force for an identity, whichever model it calls:
// for each metric the general one first, then the model limits.
func (ls Levels) All() []Limit {
	var all []Limit
	for m := range Metric(NumMetrics) {
		for i, l := range [...]*Level{ls.Identity, ls.Tier, ls.Project} {
			if own, ok := ownLimit(l, uint8(i), m); ok {
				if own.Max != Unlimited {
					all = append(all, own)
				}
				break
			}
		}
		for i, l := range [...]*Level{ls.Identity, ls.Tier, ls.Project} {
			all = ls.appendModelLimits(all, l, uint8(i), m)
		}
	}
	return all
}

// appendModelLimits appends the level's model limits that no higher level overrides for
// every model.
func (ls *Levels) appendModelLimits(all []Limit, l *Level, index uint8, m Metric) []Limit {
	if l == nil {
		return all
	}
	for i, mc := range l.Models {
		if mc.Caps[m] == nil || *mc.Caps[m] == Unlimited {
			continue
		}
		src := source{index, int32(i)}
		if g, ok := ls.governing(m, example(mc.Key)); ok && g.src == src {
			all = append(all, g)
		} else if g, ok := ls.governingWithin(m, mc.Key, src); ok {
			all = append(all, g)
		}
	}
	return all
}

// example is the model that a key names or, of a prefix, one that no longer key covers.
func example(key string) string {
	if prefix, star := strings.CutSuffix(key, "*"); star {
		return prefix + "\x00"
	}
	return canonical(key)
}

// governingWithin looks for a model that the cap at src governs among those that other keys
// are for. There can be one where a higher level overrides it with Others: the models that
// have a key of their own at that level are not among them.
func (ls *Levels) governingWithin(m Metric, key string, src source) (Limit, bool) {
	for _, l := range []*Level{ls.Identity, ls.Tier, ls.Project}[:src.level] {
		if l == nil || !slices.ContainsFunc(l.Models, func(mc ModelCaps) bool { return mc.Key == Others }) {
			continue
		}
		for _, mc := range l.Models {
			model := example(mc.Key)
			if _, ok := Match(key, model); !ok {
				continue
			}
			if g, ok := ls.governing(m, model); ok && g.src == src {
				return g, true
			}
		}
	}
	return Limit{}, false
}
