// Package limit decides whether an identity may make a request, and how much it may use.
//
// All functions are pure: time is an argument, and nothing outside the arguments is read or
// kept. Every store runs the same functions and makes them atomic in its own way, so all stores
// decide alike. The invariants:
//
//   - used + held ≤ limit after an admission, for every limit in force
//   - a refusal changes nothing, and a released hold leaves no trace
//   - no amount is ever negative
//
// The terms: a metric is a quantity that is counted; a cap is the number that a level sets
// for it; a limit is the cap in force for one request; an account is one identity in one
// project, and its State is its usage, holds and credits; a hold is the amounts that a running
// request has set aside.
package limit

import "fmt"

// Metric is a quantity that is counted and can be limited.
type Metric uint8

// The metrics, in the order in which they are checked and reported.
const (
	Requests Metric = iota
	Tokens
	Cost // integer micro-USD here, decimal USD on the wire

	NumMetrics = 3
)

var metricNames = [NumMetrics]string{"requests", "tokens", "costUsd"}

// String returns the metric's name on the wire.
func (m Metric) String() string { return metricNames[m] }

// Amounts has one number for each metric: requests, tokens, micro-USD.
type Amounts [NumMetrics]int64

// Add returns the sum of a and b, with no amount above MaxAmount.
func (a Amounts) Add(b Amounts) Amounts {
	for m := range a {
		a[m] = satAdd(a[m], b[m])
	}
	return a
}

// Sub returns a minus b.
func (a Amounts) Sub(b Amounts) Amounts {
	for m := range a {
		a[m] -= b[m]
	}
	return a
}

// IsZero reports whether every amount is zero.
func (a Amounts) IsZero() bool { return a == Amounts{} }

// Unlimited is the cap that allows everything.
const Unlimited = -1

// Caps are the caps that one level sets, by metric. Nil inherits from the next level,
// Unlimited allows everything. A model's cap of 0 blocks the model; any other cap of 0
// leaves no free allowance, and credits can still be spent.
type Caps [NumMetrics]*int64

// ModelCaps are a level's caps for the models that Key covers under any of their names. Create them with NewModelCaps.
type ModelCaps struct {
	Key  string // normalized with NormalizeModel
	Caps Caps

	// models are the canonical names that Key covers. For a Key with a star, they are only those that do not have the
	// prefix themselves but have another name in the price book that does.
	models []string
}

// Level is the caps of an identity, a tier or a project. The zero value inherits everything.
type Level struct {
	Caps   Caps
	Models []ModelCaps

	// RequestsPerMinute is the size of the burst bucket, which refills evenly in a minute.
	// ConcurrentRequests caps how many requests run at once. Nil inherits; with Unlimited
	// there is no limit.
	RequestsPerMinute  *int64
	ConcurrentRequests *int64
}

// Scope is the place where a limit was set.
type Scope uint8

// The scopes of limits. A model limit has ScopeModel, whichever level sets it.
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
	Model  string // the key of ModelCaps, for ScopeModel
	Max    int64  // never negative

	src source
}

// Blocks reports whether the limit refuses everything, whatever credits there are.
func (l *Limit) Blocks() bool { return l.Scope == ScopeModel && l.Max == 0 }

// source identifies the cap that a limit comes from: its level, and the index of its model
// key in that level, or noModel.
type source struct {
	level uint8 // 0 is the identity, 1 the tier, 2 the project
	model int32
}

const noModel = -1

// noSource is the source where no level sets a cap.
var noSource = source{model: noModel - 1}

// String returns a text for test failures and logs.
func (l Limit) String() string {
	if l.Scope == ScopeModel {
		return fmt.Sprintf("%s %d (model %s)", l.Metric, l.Max, l.Model)
	}
	return fmt.Sprintf("%s %d (%s)", l.Metric, l.Max, l.Scope)
}

// MaxAmount is the largest amount of any metric: a quadrillion tokens, a billion USD. Only a
// broken or hostile provider reports more. Larger amounts are cut to MaxAmount, so that no sum
// overflows, here or in a store.
const MaxAmount = 1 << 50

// clamp returns a with every amount between 0 and MaxAmount.
func (a Amounts) clamp() Amounts {
	for m := range a {
		a[m] = min(max(0, a[m]), MaxAmount)
	}
	return a
}

func satAdd(a, b int64) int64 {
	if b > 0 && a > MaxAmount-b {
		return MaxAmount
	}
	return a + b
}
