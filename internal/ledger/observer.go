package ledger

import "time"

// Observer is told by a store what it does, for the operator's metrics. Functions that are nil are not
// called; those that are not must return at once, from any goroutine.
type Observer struct {
	// Batch was committed: how many accounts and further records it wrote, or calls it made, in one transaction, and how
	// long that took from its beginning to the end of its commit. What wrote nothing, and attempts that failed, are not told.
	Batch func(size int, took time.Duration)
}
