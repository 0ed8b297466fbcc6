package rollup

import (
	"cmp"
	"slices"
)

// Ranking adds up encoded Tops for a list by one metric. Of each Top it takes only the first names.
type Ranking struct {
	metric, of int
	sums       map[string]*Sums
	incomplete bool
	read       []readItem // of one Top
}

type readItem struct {
	name []byte
	Sums
}

// NewRanking returns a Ranking by a metric that takes up to so many names of each Top.
func NewRanking(metric, of int) *Ranking {
	return &Ranking{metric: metric, of: of, sums: map[string]*Sums{}}
}

// Add adds an encoded Top. One that AppendFirst has encoded by the same metric is read only as far as it is needed.
func (r *Ranking) Add(data []byte) error {
	in := reader{b: data}
	r.incomplete = in.sums()[r.metric] > 0 || r.incomplete
	r.read = r.read[:0]
	// Names in any order are not in this one by chance.
	for ordered := true; len(in.b) > 0 && !in.failed && !(ordered && len(r.read) > r.of); {
		name, item := in.item()
		ordered = ordered && (len(r.read) == 0 || r.compare(r.read[len(r.read)-1], readItem{name, item.Sums}) <= 0)
		r.read = append(r.read, readItem{name, item.Sums})
	}
	if in.failed {
		return ErrUnreadable
	}
	slices.SortFunc(r.read, r.compare)
	for i, item := range r.read {
		switch {
		case item.Sums[r.metric] == 0:
			return nil
		case i == r.of:
			r.incomplete = true
			return nil
		}
		sums := r.sums[string(item.name)]
		if sums == nil {
			sums = new(Sums)
			r.sums[string(item.name)] = sums
		}
		*sums = sums.Plus(item.Sums)
	}
	return nil
}

func (r *Ranking) compare(a, b readItem) int { return cmp.Compare(b.Sums[r.metric], a.Sums[r.metric]) }

// List returns the first n names with their sums.
func (r *Ranking) List(n int) []Named {
	list := make([]Named, 0, len(r.sums))
	for name, sums := range r.sums {
		list = append(list, Named{name, *sums})
	}
	slices.SortFunc(list, func(a, b Named) int {
		return cmp.Or(cmp.Compare(b.Sums[r.metric], a.Sums[r.metric]), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

// Complete reports whether no name is missing and all sums are whole.
func (r *Ranking) Complete() bool { return !r.incomplete }
