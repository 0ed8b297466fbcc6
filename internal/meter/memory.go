package meter

import "sync/atomic"

// Memory bounds the bytes that all streams together keep of unfinished events. It is safe for use by several goroutines.
type Memory struct {
	most int64
	used atomic.Int64
}

// NewMemory returns a Memory of most bytes.
func NewMemory(most int64) *Memory { return &Memory{most: most} }

// Used is the number of bytes taken.
func (m *Memory) Used() int64 { return m.used.Load() }

// Take takes n bytes and reports true, or takes none and reports false. Give gives them back.
func (m *Memory) Take(n int) bool {
	if m.used.Add(int64(n)) > m.most {
		m.used.Add(-int64(n))
		return false
	}
	return true
}

// Give gives n bytes back.
func (m *Memory) Give(n int) { m.used.Add(-int64(n)) }
