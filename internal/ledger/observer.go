package ledger

import "time"

// Observer receives a store's events, for the operator's metrics. A nil function is not called. The others are called from
// any goroutine and must return at once.
type Observer struct {
	// Batch is called for each committed batch. size is how many changes or calls it wrote, took is the time from its
	// beginning to the end of its commit. Batches that wrote nothing and attempts that failed are not reported.
	Batch func(size int, took time.Duration)
}
