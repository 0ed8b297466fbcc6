package project

import (
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/test/memory"
)

// A value that is refused for its size or its first member is refused before all of it is decoded. This test does not run in
// parallel, because it measures what the process allocates.
func TestWhatIsRefusedIsNotDecoded(t *testing.T) {
	var members strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&members, `,"%x":1`, i)
	}
	var (
		response map[string]any
		limits   map[string]ModelLimit
		names    []string
	)
	for name, tc := range map[string]struct {
		set       document.Setter
		doc, want string
	}{
		"a limit response": {LimitResponse(&response), `{"x": [1` + strings.Repeat(",1", 100_000) + `]}`, "is larger than 8192 bytes"},
		"model limits":     {modelLimits(&limits), "{" + members.String()[1:] + "}", "must be an object, not 1"},
		"a list":           {list(&names, modelKey), "[1" + strings.Repeat(",1", 100_000) + "]", "must be a string, not 1"},
		"a list or none":   {listOrNone(&names, modelKey), "[1" + strings.Repeat(",1", 100_000) + "]", "must be a string, not 1"},
		"a list or null":   {emptyIsNull(list(&names, modelKey)), "[1" + strings.Repeat(",1", 100_000) + "]", "must be a string, not 1"},
	} {
		v, err := document.Parse("", []byte(tc.doc))
		if err != nil {
			t.Fatal(err)
		}
		used := memory.Allocated(func() { err = tc.set("x", v) })
		if err == nil || !strings.HasSuffix(err.Error(), tc.want) {
			t.Errorf("%s: %v, want … %s", name, err, tc.want)
		}
		if used > 3*len(tc.doc) {
			t.Errorf("%s of %d bytes was refused after %d bytes of memory", name, len(tc.doc), used)
		}
	}
}

// A limit response is measured as it is sent, however it is written.
func TestALimitResponseMayBeWrittenWithEscapesAndSpaces(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat(`\u0061`, maxResponse-len(`{"x":""}`))
	for doc, want := range map[string]string{
		`{"x": "` + fits + `"` + strings.Repeat(" ", 10*maxResponse) + "}": "",
		`{"x": "` + fits + `\u0061"}`:                                      "x: is larger than 8192 bytes",
	} {
		v, err := document.Parse("", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var response map[string]any
		got := ""
		if err := LimitResponse(&response)("x", v); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.40s…: error %q, want %q", doc, got, want)
		}
	}
}
