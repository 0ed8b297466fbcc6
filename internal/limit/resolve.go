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
	Strict bool // refuse a request unless its minimum fits

	limits [NumMetrics]Limit
	set    [NumMetrics]bool

	perMinute, concurrent int64 // Unlimited if none is in force
}

// Resolve finds the limits in force for a model, under any of its names. For each metric
// separately, the first cap in the order of Levels.governedBy is in force.
func Resolve(levels Levels, model string, period Period, strict bool) Rules {
	model = CanonicalModel(model)
	r := Rules{Levels: levels, Model: model, Period: period, Strict: strict}
	by := levels.governedBy(model)
	for m := range Metric(NumMetrics) {
		if l, ok := levels.capAt(by[m], m); ok && l.Max != Unlimited {
			r.limits[m], r.set[m] = l, true
		}
	}
	r.perMinute = levels.first(func(l *Level) *int64 { return l.RequestsPerMinute })
	r.concurrent = levels.first(func(l *Level) *int64 { return l.ConcurrentRequests })
	return r
}

// Limit returns the limit in force for a metric, if any.
func (r *Rules) Limit(m Metric) (Limit, bool) { return r.limits[m], r.set[m] }

// Any reports whether a limit is in force that the limit headers show: a limit of the
// period or of the burst bucket.
func (r *Rules) Any() bool { return r.set != [NumMetrics]bool{} || r.perMinute != Unlimited }

// Paced reports whether a limit is in force that does not depend on the period: on requests
// a minute or on concurrent requests.
func (r *Rules) Paced() bool { return r.perMinute != Unlimited || r.concurrent != Unlimited }

// governing returns the cap that applies to a canonical model's usage of a metric. The cap
// may be Unlimited.
func (ls *Levels) governing(m Metric, model string) (Limit, bool) {
	return ls.capAt(ls.governedBy(model)[m], m)
}

// governedBy returns for each metric the source of the cap that applies to a canonical
// model's usage. The first one that is set applies: the identity's cap for the model, the
// identity's cap, the tier's cap for the model, the project's cap for the model, the tier's
// cap, the project's cap.
func (ls *Levels) governedBy(model string) (by [NumMetrics]source) {
	identity, tier, project := ls.Identity.modelKeys(model), ls.Tier.modelKeys(model), ls.Project.modelKeys(model)
	for m := range by {
		switch {
		case identity[m] != noModel:
			by[m] = source{0, identity[m]}
		case ls.Identity != nil && ls.Identity.Caps[m] != nil:
			by[m] = source{0, noModel}
		case tier[m] != noModel:
			by[m] = source{1, tier[m]}
		case project[m] != noModel:
			by[m] = source{2, project[m]}
		case ls.Tier != nil && ls.Tier.Caps[m] != nil:
			by[m] = source{1, noModel}
		case ls.Project != nil && ls.Project.Caps[m] != nil:
			by[m] = source{2, noModel}
		default:
			by[m] = noSource
		}
	}
	return by
}

// capAt returns the cap of a source.
func (ls *Levels) capAt(src source, m Metric) (Limit, bool) {
	if src == noSource {
		return Limit{}, false
	}
	l := [...]*Level{ls.Identity, ls.Tier, ls.Project}[src.level]
	if src.model == noModel {
		return Limit{Metric: m, Scope: Scope(src.level), Max: *l.Caps[m], src: src}, true
	}
	mc := &l.Models[src.model]
	return Limit{Metric: m, Scope: ScopeModel, Model: mc.Key, Max: *mc.Caps[m], src: src}, true
}

func ownLimit(l *Level, index uint8, m Metric) (Limit, bool) {
	if l == nil || l.Caps[m] == nil {
		return Limit{}, false
	}
	return Limit{Metric: m, Scope: Scope(index), Max: *l.Caps[m], src: source{index, noModel}}, true
}

// Others is the model key of every model that no other key of its level matches.
const Others = "*"

// modelKeys returns for each metric the index of the longest key that covers a canonical
// model and sets this metric, or noModel. A longer key that does not set the metric does not
// hide a shorter key that does. Others applies only to models that no other key covers,
// whatever those keys set.
func (l *Level) modelKeys(model string) (found [NumMetrics]int32) {
	found = [NumMetrics]int32{noModel, noModel, noModel}
	if l == nil {
		return found
	}
	var best [NumMetrics]int
	covered, others := false, -1
	for i := range l.Models {
		if l.Models[i].Key == Others {
			others = i
			continue
		}
		rank, ok := l.Models[i].match(model)
		if !ok {
			continue
		}
		covered = true
		for m := range found {
			if l.Models[i].Caps[m] != nil && (found[m] == noModel || rank > best[m]) {
				found[m], best[m] = int32(i), rank
			}
		}
	}
	if covered || others < 0 {
		return found
	}
	for m := range found {
		if l.Models[others].Caps[m] != nil {
			found[m] = int32(others)
		}
	}
	return found
}

// takes reports whether usage counts towards l if the cap at the source by applies to that
// usage. A model limit counts the usage that it applies to. A limit of the tier or the
// project counts the usage of every model without a model limit in force. An identity's own
// limit counts all usage.
func (l *Limit) takes(by source) bool {
	switch l.Scope {
	case ScopeIdentity:
		return true
	case ScopeModel:
		return by == l.src
	}
	return by.model < 0
}

// first returns the value of the first level that sets it, or Unlimited.
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

// All lists every limit that can be in force for an identity, whichever model it calls. For
// each metric, the general limit comes first, then the model limits.
func (ls Levels) All() []Limit {
	var all []Limit
	among := ls.examples()
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
			all = ls.appendModelLimits(all, l, uint8(i), m, among[:i])
		}
	}
	return all
}

// appendModelLimits appends the level's model limits, except those that higher levels
// override for every model. among are the higher levels' examples.
func (ls *Levels) appendModelLimits(all []Limit, l *Level, index uint8, m Metric, among [][]string) []Limit {
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
		} else if g, ok := ls.governingWithin(m, &mc, src, among); ok {
			all = append(all, g)
		}
	}
	return all
}

// example returns the model that a key names, or for a prefix a model that only this key and
// shorter ones cover.
func example(key string) string {
	if prefix, star := strings.CutSuffix(key, "*"); star {
		return prefix + "\x00"
	}
	return canonical(key)
}

// examples returns for each level the models that its keys name. A level without Others has
// none. They are found once, because a document may have thousands of keys.
func (ls *Levels) examples() (all [3][]string) {
	for i, l := range [...]*Level{ls.Identity, ls.Tier, ls.Project} {
		if l == nil || !slices.ContainsFunc(l.Models, func(mc ModelCaps) bool { return mc.Key == Others }) {
			continue
		}
		for _, mc := range l.Models {
			all[i] = append(all[i], canonical(example(mc.Key)))
		}
	}
	return all
}

// governingWithin looks for a model that the cap at src, which is own's, applies to, among the
// models that higher levels have keys for. A higher level that overrides the cap with Others
// does not override it for the models that have a key of their own there.
func (ls *Levels) governingWithin(m Metric, own *ModelCaps, src source, among [][]string) (Limit, bool) {
	for _, models := range among {
		for _, model := range models {
			if _, ok := own.match(model); !ok {
				continue
			}
			if g, ok := ls.governing(m, model); ok && g.src == src {
				return g, true
			}
		}
	}
	return Limit{}, false
}
