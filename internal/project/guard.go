package project

import (
	"sync"

	"github.com/airatelimit/airatelimit/internal/guard"
)

// Guard is how a project's conversations are guarded.
type Guard struct {
	Policy      *guard.Policy
	Block       bool // refuse, and not only report
	OutputCheck bool
	ToolResults bool
}

// newGuard returns a function that makes the guard when it is first needed: its model takes memory and time to load.
func newGuard(s Security) func() *Guard {
	if !s.Enabled {
		return nil
	}
	return sync.OnceValue(func() *Guard { return NewGuard(s) })
}

// NewGuard prepares a guard, whether or not the settings switch it on.
func NewGuard(s Security) *Guard {
	var categories []guard.Category
	if s.Categories != nil {
		categories = make([]guard.Category, 0, len(s.Categories))
	}
	for _, name := range s.Categories {
		categories = append(categories, guard.Category(name))
	}
	return &Guard{
		Policy:      guard.Default().NewPolicy(categories, s.Heuristics, s.AllowPhrases),
		Block:       s.Mode != guardModes[1],
		OutputCheck: s.OutputCheck,
		ToolResults: s.ToolResults,
	}
}

// Guard returns the project's guard, nil if it is off.
func (s *Snapshot) Guard() *Guard {
	if s.guard == nil {
		return nil
	}
	return s.guard()
}

// Guarded reports whether the guard is on.
func (s *Snapshot) Guarded() bool { return s.guard != nil }
