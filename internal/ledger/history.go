package ledger

import "github.com/airatelimit/airatelimit/internal/limit"

// Split says how a history is divided. The zero value does not divide it.
type Split uint8

// The ways to divide a history.
const (
	Whole Split = iota
	ByModel
	ByTier
)

// Span asks for the history of one identity's usage.
type Span struct {
	Key      Key
	From, To int64 // From ≤ hour < To: see HourOf
	Step     int64 // hours of a bucket, which begins at a multiple of it
	Split    Split
}

// Bucket is the usage of a step of a Span, resets not subtracted. Steps without usage have none.
type Bucket struct {
	Hour    int64  // the first one
	Name    string // the model or tier, "" without a Split and for no tier
	Amounts limit.Amounts
}
