package api

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
)

// The items of a body that has too many are counted, not collected. This test does not run in parallel, because it measures
// what the process allocates.
func TestTooManyItemsTakeNoMemory(t *testing.T) {
	const n = 1 << 17
	data := []byte(`{"items": [` + strings.Repeat("1,", n-1) + `1]}`)
	var before, between, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := parse(data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&between)
	_, err := readMany(&project.Snapshot{}, data)
	runtime.ReadMemStats(&after)
	if want := fmt.Sprintf("body.items: must have 1 to %d items, not %d", maxBulk, n); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	checked, read := between.TotalAlloc-before.TotalAlloc, after.TotalAlloc-between.TotalAlloc
	if read > checked+uint64(len(data)) {
		t.Errorf("reading %d bytes allocated %d bytes, %d more than checking them", len(data), read, read-checked)
	}
}
