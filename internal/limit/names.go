package limit

import (
	"slices"
	"strings"
)

// MostNames is how many models' usage an account keeps apart in a period. Names are what clients
// send, and there is no end to them; what an account costs must have one.
//
// The usage of further models is kept together where all limits are the same for it: under the
// name of the first of them, which stands for the others. So every limit is exact. Only where
// settings change within the period, or a request comes in another tier, what was kept together
// stays together, and counts where the one that stands for it does.
const MostNames = 32

// others is the end of the name under which several models' usage is kept. No name that a client
// sends has it: there are no control characters in those.
const others = "\x1fothers"

// modelOf returns the model that decides which limits usage counts towards, of the name under
// which it is kept. That may be from when the price book knew fewer names of the model.
func modelOf(name string) string { return canonical(strings.TrimSuffix(name, others)) }

// isOthers reports whether the usage is of several models.
func (u *ModelUsage) isOthers() bool {
	return len(u.Model) > len(others) && strings.HasSuffix(u.Model, others)
}

// nameFor returns the name under which a model's usage is kept. Where levels are not known, it is
// the model's own.
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
	if own < MostNames || ls == nil {
		return model
	}
	return s.othersLike(model, ls)
}

// othersLike returns the name of the usage that a model's is kept together with, a new one where
// there is none yet.
func (s *State) othersLike(model string, ls *Levels) string {
	governed := ls.governedBy(modelOf(model))
	for i := range s.Used {
		if u := &s.Used[i]; u.isOthers() && ls.governedBy(modelOf(u.Model)) == governed {
			return u.Model
		}
	}
	return model + others
}

// fold keeps together what is too much to be kept apart: an account may have come to many names
// before there was a bound, in several shorter periods, or while levels were not known.
func (s *State) fold(ls *Levels) {
	if len(s.Used) <= 2*MostNames {
		return
	}
	own := 0
	for i := range s.Used {
		if !s.Used[i].isOthers() {
			own++
		}
	}
	if own <= 2*MostNames {
		return
	}
	all := s.Used
	s.Used = make([]ModelUsage, 0, 2*MostNames)
	for i := range all { // what is together already comes first: more is added to it
		if all[i].isOthers() {
			s.Used = append(s.Used, all[i])
		}
	}
	together := map[[NumMetrics]source]string{}
	kept := 0
	for i := range all {
		u := &all[i]
		switch {
		case u.isOthers():
		case kept < MostNames:
			s.Used = append(s.Used, *u)
			kept++
		default:
			by := ls.governedBy(modelOf(u.Model))
			if together[by] == "" {
				together[by] = s.othersLike(u.Model, ls)
			}
			s.add(together[by], u.Counted, u.Credited)
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

// Tally adds up usage by model, of which there may be many.
type Tally struct {
	Used []ModelUsage
	at   map[string]int // where in Used a model is, once there are more than a few
}

// Add adds to what was used of a model.
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
