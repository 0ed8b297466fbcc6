// Package limit decides what an identity may use.
//
// Everything here is pure: time is an argument, nothing is read or kept outside the
// values passed in. Every store runs these same functions under whatever makes them
// atomic there, so there is one truth about limits. What must always hold:
//
//   - used + held ≤ limit after an admission, for every limit in force
//   - a refusal changes nothing, and a released hold leaves no trace
//   - no figure is ever negative
//
// The terms: a metric is what is counted; a cap is the number a level sets for it; a
// limit is the cap in force for one request; an account is one identity in one project,
// its State what it has used; a hold is what a running request has set aside.
package limit

import "fmt"

// Metric is something that is counted and can be limited.
type Metric uint8

// The metrics, in the order in which they are checked and reported.
const (
	Requests Metric = iota
	Tokens
	Cost // integer micro-USD inside, decimal USD on the wire

	NumMetrics = 3
)

var metricNames = [NumMetrics]string{"requests", "tokens", "costUsd"}

// String returns the metric's name on the wire.
func (m Metric) String() string { return metricNames[m] }

// Amounts holds one figure a metric: requests, tokens, micro-USD.
type Amounts [NumMetrics]int64

// Add returns the sum of a and b, none of it above Most.
func (a Amounts) Add(b Amounts) Amounts {
	for m := range a {
		a[m] = satAdd(a[m], b[m])
	}
	return a
}

// Sub returns a less b.
func (a Amounts) Sub(b Amounts) Amounts {
	for m := range a {
		a[m] -= b[m]
	}
	return a
}

// IsZero reports whether every figure is zero.
func (a Amounts) IsZero() bool { return a == Amounts{} }

// Unlimited is the cap that allows everything.
const Unlimited = -1

// Caps are the caps that one level sets, by metric: nil inherits from the next level,
// Unlimited allows everything. 0 of a model blocks the model; 0 elsewhere is no free allowance,
// with which credits can still be spent.
type Caps [NumMetrics]*int64

// ModelCaps are a level's caps for the models that Key covers (see Match). NewModelCaps makes them ready to be matched.
type ModelCaps struct {
	Key  string // normalized with NormalizeModel
	Caps Caps

	// models are the canonical names of what Key covers; for a Key with a star only those that the book spells differently.
	models []string
}

// Level is what an identity, a tier or a project sets. The zero value inherits everything.
type Level struct {
	Caps   Caps
	Models []ModelCaps

	// RequestsPerMinute is a token bucket of that size which refills evenly;
	// ConcurrentRequests caps what runs at once. Nil inherits, Unlimited lifts.
	RequestsPerMinute  *int64
	ConcurrentRequests *int64
}

// Scope says which kind of level set a limit.
type Scope uint8

// The scopes of limits. A model limit has ScopeModel whichever level it stands in.
const (
	ScopeIdentity Scope = iota
	ScopeTier
	ScopeProject
	ScopeModel
)

var scopeNames = [...]string{"identity", "tier", "project", "model"}

// String returns the scope's name on the wire.
func (s Scope) String() string { return scopeNames[s] }

// Limit is a cap in force.
type Limit struct {
	Metric Metric
	Scope  Scope
	Model  string // the model key, for ScopeModel
	Max    int64  // never negative

	src source
}

// Blocks reports whether nothing lifts the limit, credits included.
func (l *Limit) Blocks() bool { return l.Scope == ScopeModel && l.Max == 0 }

// source identifies the cap a limit comes from: the level it stands in, and the index
// of its model key there, or noModel.
type source struct {
	level uint8 // index into Levels' order: identity, tier, project
	model int32
}

const noModel = -1

// nowhere is where the cap stands that there is not.
var nowhere = source{model: noModel - 1}

// String is for test failures and logs.
func (l Limit) String() string {
	if l.Scope == ScopeModel {
		return fmt.Sprintf("%s %d (model %s)", l.Metric, l.Max, l.Model)
	}
	return fmt.Sprintf("%s %d (%s)", l.Metric, l.Max, l.Scope)
}

// Most is the largest amount of anything: a quadrillion tokens, a billion USD. Larger ones,
// which only a broken or hostile provider reports, are cut to it, so that sums neither
// wrap here nor in a store.
const Most = 1 << 50

// clamp returns a with every figure in 0…Most.
func (a Amounts) clamp() Amounts {
	for m := range a {
		a[m] = min(max(0, a[m]), Most)
	}
	return a
}

func satAdd(a, b int64) int64 {
	if b > 0 && a > Most-b {
		return Most
	}
	return a + b
}
