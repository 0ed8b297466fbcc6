package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/memory"
)

// The items of a body that has too many are counted, not collected. This test does not run in parallel, because it measures
// what the process allocates.
func TestTooManyItemsTakeNoMemory(t *testing.T) {
	const n = 1 << 17
	data := []byte(`{"items": [` + strings.Repeat("1,", n-1) + `1]}`)
	var err, invalid error
	checked := memory.Allocated(func() { _, invalid = parse(data) })
	if invalid != nil {
		t.Fatal(invalid)
	}
	read := memory.Allocated(func() { _, err = readMany(&project.Snapshot{}, data) })
	if want := fmt.Sprintf("body.items: must have 1 to %d items, not %d", maxBulk, n); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if read > checked+len(data) {
		t.Errorf("reading %d bytes allocated %d bytes, %d more than checking them", len(data), read, read-checked)
	}
}
