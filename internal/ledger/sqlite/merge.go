package sqlite

import (
	"cmp"
	"slices"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// merge combines the changes of several records: the changes of one account become one or a
// few rows, and a hold that was opened and closed becomes nothing.
type merge struct {
	through uint64 // the sequence of the last merged record
	size    int    // bytes of changes
	deltas  []delta
	latest  map[ledger.Key]int // index of the account's last delta
	opened  map[uint64]hold
	closed  []uint64
	entries []entry
	onces   []onceRow
	names   map[string]string // of projects, models and tiers, each stored once
	rollup  rollup.Writer     // what the deltas add to the rollups
	order   []int
}

// delta is the writes for one account, in the order of its fields. Changes after a reset go
// into another delta.
type delta struct {
	key   ledger.Key
	usage []ledger.UsageRow
	reset *reset
	row   *writtenRow
}

// maxSpareDeltas is the largest number of deltas whose memory the next merge reuses.
const maxSpareDeltas = 8192

func newMerge() *merge {
	return &merge{latest: map[ledger.Key]int{}, opened: map[uint64]hold{}, names: map[string]string{}}
}

// begin empties the merge for the records after through.
func (m *merge) begin(through uint64) {
	if cap(m.deltas) > maxSpareDeltas {
		*m = *newMerge()
	}
	m.through, m.size = through, 0
	m.deltas, m.closed, m.entries, m.onces = m.deltas[:0], m.closed[:0], nil, nil
	clear(m.latest)
	clear(m.opened)
	clear(m.names)
}

// add adds the changes of the next record.
func (m *merge) add(sequence uint64, changes []byte) error {
	m.through, m.size = sequence, m.size+len(changes)
	return decode(changes, m)
}

// delta returns the delta of an account for the caller to add to. It is valid until the next
// call.
func (m *merge) delta(project, identity []byte) *delta {
	i, ok := m.latest[ledger.Key{Project: string(project), Identity: string(identity)}]
	if ok && m.deltas[i].reset == nil {
		return &m.deltas[i]
	}
	key := ledger.Key{Project: m.name(project), Identity: string(identity)}
	i = len(m.deltas)
	m.latest[key] = i
	if i == cap(m.deltas) {
		m.deltas = slices.Grow(m.deltas, 1)
	}
	m.deltas = m.deltas[:i+1]
	d := &m.deltas[i]
	*d = delta{key: key, usage: d.usage[:0]}
	return d
}

// setRow replaces the row of a delta.
func (d *delta) setRow(r *writtenRow) {
	r.isNew = r.isNew || d.row != nil && d.row.isNew
	d.row = r
}

// name returns b as a string. Equal names share one string, since they are in many changes.
func (m *merge) name(b []byte) string {
	s, ok := m.names[string(b)]
	if !ok {
		s = string(b)
		m.names[s] = s
	}
	return s
}

func (m *merge) open(h hold) { m.opened[h.id] = h }

// close notes the end of a hold.
func (m *merge) close(id uint64) {
	if _, ok := m.opened[id]; ok {
		delete(m.opened, id)
		return
	}
	m.closed = append(m.closed, id)
}

// sort puts the deltas into the order of the tables' keys, so that writing touches each page
// once.
func (m *merge) sort() {
	m.order = m.order[:0]
	for i := range m.deltas {
		m.order = append(m.order, i)
		slices.SortFunc(m.deltas[i].usage, func(a, b ledger.UsageRow) int {
			return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Tier, b.Tier))
		})
	}
	slices.SortFunc(m.order, func(a, b int) int {
		return cmp.Or(m.deltas[a].key.Compare(m.deltas[b].key), cmp.Compare(a, b))
	})
	slices.Sort(m.closed)
}

// forRollup returns what the deltas add to the rollups, nil if nothing. The merge must be sorted.
func (m *merge) forRollup() []byte {
	m.rollup.Reset()
	for _, i := range m.order {
		d := &m.deltas[i]
		for j := range d.usage {
			e := ledger.RollupOf(d.key, &d.usage[j])
			m.rollup.Add(&e)
		}
		if d.row != nil && d.row.isNew {
			m.rollup.Add(&rollup.Entry{Kind: rollup.Created, Project: d.key.Project, Hour: d.row.createdAt.hour()})
		}
	}
	return m.rollup.Bytes()
}
