package limit

import "slices"

// Place is a place where a cap can be set for one metric of a model.
type Place struct {
	Metric  Metric
	Level   Scope  // ScopeIdentity, ScopeTier or ScopeProject
	OfModel bool   // the cap is one of the level's model limits
	Key     string // the model key; "" if the level has none that sets a cap for the model
	Value   *int64 // nil inherits
}

// Chain returns the places that are looked at for the cap of a metric, in order. The first one with a value applies.
func (r *Rules) Chain(m Metric) []Place {
	var chain []Place
	for _, at := range [...]struct {
		level   Scope
		ofModel bool
	}{{ScopeIdentity, true}, {ScopeIdentity, false}, {ScopeTier, true}, {ScopeProject, true}, {ScopeTier, false}, {ScopeProject, false}} {
		l := r.Levels.level(at.level)
		if l == nil {
			continue
		}
		p := Place{Metric: m, Level: at.level, OfModel: at.ofModel}
		if !at.ofModel {
			p.Value = l.Caps[m]
		} else if i := l.modelKeys(r.Model)[m]; i != noModel {
			p.Key, p.Value = l.Models[i].Key, l.Models[i].Caps[m]
		}
		chain = append(chain, p)
	}
	return chain
}

// Overridden returns the caps that are set for the model or for its level, and that another cap overrides.
func (r *Rules) Overridden() []Place {
	var all []Place
	by := r.Levels.governedBy(r.Model)
	for m := range Metric(NumMetrics) {
		for i, l := range [...]*Level{r.Levels.Identity, r.Levels.Tier, r.Levels.Project} {
			if l == nil {
				continue
			}
			for k := range l.Models {
				mc := &l.Models[k]
				_, covers := mc.match(r.Model)
				if mc.Caps[m] == nil || !covers && mc.Key != Others || by[m] == (source{uint8(i), int32(k)}) {
					continue
				}
				all = append(all, Place{m, Scope(i), true, mc.Key, mc.Caps[m]})
			}
			if l.Caps[m] != nil && by[m] != (source{uint8(i), noModel}) {
				all = append(all, Place{Metric: m, Level: Scope(i), Value: l.Caps[m]})
			}
		}
	}
	return all
}

func (ls *Levels) level(of Scope) *Level {
	return [...]*Level{ls.Identity, ls.Tier, ls.Project}[of]
}

// Pool returns the models whose usage in this period, or whose running requests, count towards the limit in force for a
// metric, sorted. A limit must be in force.
func (s *State) Pool(r *Rules, m Metric) []string {
	var models []string
	add := func(name string, n int64) {
		if n == 0 {
			return
		}
		model := modelOf(name)
		if model == r.Model || r.limits[m].takes(r.Levels.governedBy(model)[m]) {
			models = append(models, model)
		}
	}
	for i := range s.Used {
		add(s.Used[i].Model, s.Used[i].Counted[m])
	}
	for i := range s.Holds {
		if h := &s.Holds[i]; s.current(h) {
			add(h.Model, h.Amounts[m]-h.Credit[m])
		}
	}
	slices.Sort(models)
	return slices.Compact(models)
}

// PerMinute returns the burst limit in force, or Unlimited.
func (r *Rules) PerMinute() int64 { return r.perMinute }

// Concurrent returns the limit of requests at once, or Unlimited.
func (r *Rules) Concurrent() int64 { return r.concurrent }

// Free returns the credits of a metric that no running request holds.
func (s *State) Free(m Metric) int64 { return s.credit(m) }
