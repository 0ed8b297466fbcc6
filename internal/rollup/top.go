package rollup

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Most is the largest sum that a rollup holds. Sums of thousands of them fit into 64 bits.
const Most = 1 << 48

// Add returns a + b, at most Most.
func Add(a, b int64) int64 { return min(a+min(b, Most), Most) }

// NumMetrics is the number of metrics of Sums.
const NumMetrics = 3

// Sums are requests, tokens and micro-USD, in this order.
type Sums [NumMetrics]int64

// Plus returns the sums of both.
func (s Sums) Plus(o Sums) Sums {
	for m := range s {
		s[m] = Add(s[m], o[m])
	}
	return s
}

// Top holds the names with the largest sums, in bounded memory. It is exact until it has to leave names out. From then on
// Floor says how large the sum of a name may be that it does not hold, and Missing how much an item may lack.
type Top struct {
	Items map[string]*Item
	Floor Sums
}

// Item is the sums of one name.
type Item struct{ Sums, Missing Sums }

// NewTop returns an empty Top.
func NewTop() *Top { return &Top{Items: map[string]*Item{}} }

// Add adds to the sums of a name. missing is how much of it the caller may have left out.
func (t *Top) Add(name string, sums, missing Sums) {
	item := t.Items[name]
	if item == nil {
		item = &Item{Missing: t.Floor}
		t.Items[name] = item
	}
	item.Sums, item.Missing = item.Sums.Plus(sums), item.Missing.Plus(missing)
}

// Trim leaves names out if there are more than most: it keeps those that are among the first keep by one of the metrics.
func (t *Top) Trim(keep, most int) {
	if len(t.Items) <= most {
		return
	}
	kept := make(map[string]*Item, NumMetrics*keep)
	for m := range NumMetrics {
		for _, name := range t.order(m, keep) {
			kept[name] = t.Items[name]
		}
	}
	for name, item := range t.Items {
		if kept[name] != nil {
			continue
		}
		for m, n := range item.Sums.Plus(item.Missing) {
			t.Floor[m] = max(t.Floor[m], n)
		}
	}
	t.Items = kept
}

// First returns a Top with the first n names by a metric.
func (t *Top) First(metric, n int) *Top {
	first := &Top{Items: make(map[string]*Item, n), Floor: t.Floor}
	for _, name := range t.order(metric, n) {
		first.Items[name] = t.Items[name]
	}
	if len(first.Items) < len(t.Items) {
		for name, item := range t.Items {
			if first.Items[name] == nil {
				first.Floor[metric] = max(first.Floor[metric], item.Sums[metric]+item.Missing[metric])
			}
		}
	}
	return first
}

// order returns the first n names by a metric. Names without any of it are left out.
func (t *Top) order(metric, n int) []string {
	type ranked struct {
		n    int64
		name string
	}
	all := make([]ranked, 0, len(t.Items))
	for name, item := range t.Items {
		if item.Sums[metric] > 0 {
			all = append(all, ranked{item.Sums[metric], name})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	names := make([]string, min(n, len(all)))
	for i := range names {
		names[i] = all[i].name
	}
	return names
}

// Named is an item with its name.
type Named struct {
	Name string
	Sums
}

// List returns the first n names by a metric with their sums.
func (t *Top) List(metric, n int) []Named {
	var list []Named
	for _, name := range t.order(metric, n) {
		list = append(list, Named{name, t.Items[name].Sums})
	}
	return list
}

// Append encodes the Top, with its names in any order.
func (t *Top) Append(b []byte) []byte {
	b = appendSums(b, t.Floor)
	for name, item := range t.Items {
		b = appendItem(b, name, item)
	}
	return b
}

// AppendFirst encodes a Top with the first n names by a metric, in their order.
func (t *Top) AppendFirst(b []byte, metric, n int) []byte {
	first := t.First(metric, n)
	b = appendSums(b, first.Floor)
	for _, name := range first.order(metric, n) {
		b = appendItem(b, name, first.Items[name])
	}
	return b
}

func appendItem(b []byte, name string, item *Item) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	return appendSums(appendSums(b, item.Sums), item.Missing)
}

func appendSums(b []byte, s Sums) []byte {
	for _, n := range s {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// AddAll adds an encoded Top to this one.
func (t *Top) AddAll(data []byte) error {
	other, err := decodeTop(data)
	if err == nil {
		t.merge(other)
	}
	return err
}

// merge adds another Top. What one of them does not hold may lack the other's floor.
func (t *Top) merge(o *Top) {
	for name, item := range o.Items {
		t.Add(name, item.Sums, item.Missing)
	}
	if o.Floor != (Sums{}) {
		for name, item := range t.Items {
			if o.Items[name] == nil {
				item.Missing = item.Missing.Plus(o.Floor)
			}
		}
	}
	t.Floor = t.Floor.Plus(o.Floor)
}

func decodeTop(data []byte) (*Top, error) {
	t, r := NewTop(), reader{b: data}
	t.Floor = r.sums()
	for len(r.b) > 0 && !r.failed {
		name, item := r.item()
		t.Items[string(name)] = &item
	}
	if r.failed {
		return nil, ErrUnreadable
	}
	return t, nil
}

// item reads an item with its name, which is a part of what is read.
func (r *reader) item() (name []byte, item Item) {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > uint64(len(r.b)-size) {
		r.failed = true
		return nil, item
	}
	name = r.b[size : size+int(n)]
	r.b = r.b[size+int(n):]
	return name, Item{r.sums(), r.sums()}
}

func (r *reader) sums() (s Sums) {
	for m := range s {
		s[m] = r.figure()
	}
	return s
}
