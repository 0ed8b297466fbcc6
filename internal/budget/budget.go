// Package budget bounds what many holders take together, such as memory for the bodies of requests.
package budget

import "sync/atomic"

// Budget is an amount in bytes that holders take from and give back to. A nil Budget is unlimited.
type Budget struct {
	most int64
	used atomic.Int64
}

// New returns a budget of most bytes.
func New(most int64) *Budget { return &Budget{most: most} }

// Take takes n bytes if spare more bytes remain after that, else none. It reports whether it took them. Large holders
// pass Spare, so that small ones find room.
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

// Give gives back n taken bytes.
func (b *Budget) Give(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

// Used is the number of bytes taken.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Spare is the share of the budget that large holders leave to small ones: one eighth of it.
func (b *Budget) Spare() int64 {
	if b == nil {
		return 0
	}
	return b.most / 8
}
