// Package budget bounds what many holders have of one thing together, such as memory for the bodies of requests.
package budget

import "sync/atomic"

// Budget is an amount, in bytes, that holders take from and give back to. A nil one is without end.
type Budget struct {
	most int64
	used atomic.Int64
}

// New returns a budget of most bytes.
func New(most int64) *Budget { return &Budget{most: most} }

// Take takes n bytes and reports whether there were so many, and spare more, left. Where there were not it takes
// none. A large holder passes what it leaves to small ones as spare.
func (b *Budget) Take(n, spare int64) bool {
	if b == nil {
		return true
	}
	if b.used.Add(n) > b.most-spare {
		b.used.Add(-n)
		return false
	}
	return true
}

// Give gives back n bytes that were taken.
func (b *Budget) Give(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

// Used is how many bytes are taken.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Spare is a share of the budget that large holders leave to small ones: an eighth.
func (b *Budget) Spare() int64 {
	if b == nil {
		return 0
	}
	return b.most / 8
}
