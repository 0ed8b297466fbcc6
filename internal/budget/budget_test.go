package budget

import (
	"sync"
	"testing"
)

// Concurrent holders never have more than the budget together, and can give all of it back.
func TestBudgetIsNeverExceeded(t *testing.T) {
	t.Parallel()
	const most, each = 1000, 7
	b := New(most)
	var mu sync.Mutex
	held, peak := int64(0), int64(0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				if !b.Take(each, int64(i%2)*b.Spare()) {
					continue
				}
				mu.Lock()
				held += each
				peak = max(peak, held)
				if i%3 > 0 {
					held -= each
					b.Give(each)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if peak > most || peak < most-2*each || b.Used() != held {
		t.Errorf("at most %d were held of %d; %d are said to be, want %d", peak, most, b.Used(), held)
	}
	b.Give(held)
	if b.Take(most+1, 0) || b.Take(most, 1) || b.Take(most-b.Spare()+1, b.Spare()) || !b.Take(most, 0) {
		t.Error("a budget that was given back is not whole")
	}
	var none *Budget
	if !none.Take(1<<60, none.Spare()) || none.Used() != 0 {
		t.Error("no budget has an end")
	}
}
