package limit

import (
	"slices"
	"strings"
)

// MaxNames is the number of models in a period whose usage an account keeps separately. Clients
// choose the names, so their number must be bounded, and with it the cost of an account.
//
// The usage of further models is merged if the same limits apply to it, under the name of the
// first of these models. So every limit is exact. There is one exception: if settings change
// within the period, or a request comes in another tier, merged usage stays merged and counts
// towards the limits of the model whose name it has.
const MaxNames = 32

// others is the suffix of the name under which merged usage is kept. No name that a client sends
// has this suffix, since those names have no control characters.
const others = "\x1fothers"

// modelOf returns the model that decides towards which limits usage counts, for the name under
// which the usage is kept. The name may be from a time when the price book had fewer names of
// the model.
func modelOf(name string) string { return canonical(strings.TrimSuffix(name, others)) }

// isOthers reports whether the usage is merged from several models.
func (u *ModelUsage) isOthers() bool {
	return len(u.Model) > len(others) && strings.HasSuffix(u.Model, others)
}

// nameFor returns the name under which a model's usage is kept. If the levels are unknown (nil),
// it is the model's own name.
func (s *State) nameFor(model string, ls *Levels) string {
	own := 0
	for i := range s.Used {
		u := &s.Used[i]
		if u.Model == model {
			return model
		}
		if !u.isOthers() {
			own++
		}
	}
	if own < MaxNames || ls == nil {
		return model
	}
	return s.othersLike(model, ls)
}

// othersLike returns the name of the merged usage that a model's usage belongs to. If there is
// none yet, the name is new.
func (s *State) othersLike(model string, ls *Levels) string {
	governed := ls.governedBy(modelOf(model))
	for i := range s.Used {
		if u := &s.Used[i]; u.isOthers() && ls.governedBy(modelOf(u.Model)) == governed {
			return u.Model
		}
	}
	return model + others
}

// mergeExcess merges usage if an account has far more than MaxNames names. It can have so many
// from before there was a bound, from several shorter periods, or from a time when the levels
// were unknown.
func (s *State) mergeExcess(ls *Levels) {
	if len(s.Used) <= 2*MaxNames {
		return
	}
	own := 0
	for i := range s.Used {
		if !s.Used[i].isOthers() {
			own++
		}
	}
	if own <= 2*MaxNames {
		return
	}
	all := s.Used
	s.Used = make([]ModelUsage, 0, 2*MaxNames)
	for i := range all { // merged usage comes first, so that more can be added to it
		if all[i].isOthers() {
			s.Used = append(s.Used, all[i])
		}
	}
	merged := map[[NumMetrics]source]string{}
	kept := 0
	for i := range all {
		u := &all[i]
		switch {
		case u.isOthers():
		case kept < MaxNames:
			s.Used = append(s.Used, *u)
			kept++
		default:
			by := ls.governedBy(modelOf(u.Model))
			if merged[by] == "" {
				merged[by] = s.othersLike(u.Model, ls)
			}
			s.add(merged[by], u.Counted, u.Credited)
		}
	}
}

func (s *State) add(name string, counted, credited Amounts) {
	for i := range s.Used {
		if u := &s.Used[i]; u.Model == name {
			u.Counted, u.Credited = u.Counted.Add(counted), u.Credited.Add(credited)
			return
		}
	}
	s.Used = append(s.Used, ModelUsage{Model: name, Counted: counted, Credited: credited})
}

// Tally sums usage by model. There may be many models.
type Tally struct {
	Used []ModelUsage
	at   map[string]int // the index of a model in Used; nil while there are few models
}

// Add adds to the usage of a model.
func (t *Tally) Add(model string, counted, credited Amounts) {
	i, ok := t.find(model)
	if !ok {
		i = len(t.Used)
		t.Used = append(t.Used, ModelUsage{Model: model})
		if t.at != nil {
			t.at[model] = i
		}
	}
	u := &t.Used[i]
	u.Counted, u.Credited = u.Counted.Add(counted), u.Credited.Add(credited)
}

func (t *Tally) find(model string) (i int, ok bool) {
	const few = 16
	if t.at == nil && len(t.Used) > few {
		t.at = make(map[string]int)
		for i := range t.Used {
			t.at[t.Used[i].Model] = i
		}
	}
	if t.at != nil {
		i, ok = t.at[model]
		return i, ok
	}
	i = slices.IndexFunc(t.Used, func(u ModelUsage) bool { return u.Model == model })
	return i, i >= 0
}
