package field

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository's, from here.
const root = "../../"

// entry is a line of the index.
type entry struct {
	heading, failure string
	later            bool
	tests            []namedTest
}

type namedTest struct{ file, name string }

var (
	code = regexp.MustCompile("`([^`]+_test\\.go)` `(Test\\w*)`")
	// A heading of the list and its failures, which are set apart by dots.
	paragraph = regexp.MustCompile(`(?s)^\*\*([^*]+)\*\*: (.+)\.$`)
)

// index reads the table of docs/field-failures.md.
func index(t *testing.T) []entry {
	t.Helper()
	doc, err := os.ReadFile(root + "docs/field-failures.md")
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| heading") {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("%d cells, want 4: %s", len(cells), line)
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		e := entry{heading: cells[0], failure: cells[1], later: cells[2] == "later issue"}
		for _, m := range code.FindAllStringSubmatch(cells[2]+cells[3], -1) {
			e.tests = append(e.tests, namedTest{m[1], m[2]})
		}
		if cells[3] == "" {
			t.Errorf("%s: nothing is said of how it is prevented, or why later", e.failure)
		}
		entries = append(entries, e)
	}
	return entries
}

// TestIndexNamesTestsThatExist keeps docs/field-failures.md true.
func TestIndexNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, e := range index(t) {
		if listed[e.failure] {
			t.Errorf("%s: listed twice", e.failure)
		}
		listed[e.failure] = true
		if len(e.tests) == 0 && !e.later {
			t.Errorf("%s: no test and not for a later issue", e.failure)
		}
		here := false
		for _, test := range e.tests {
			source, err := os.ReadFile(root + test.file)
			if err != nil {
				t.Errorf("%s: %v", e.failure, err)
				continue
			}
			if !strings.Contains(string(source), "\nfunc "+test.name+"(t *testing.T) {") {
				t.Errorf("%s: there is no %s in %s", e.failure, test.name, test.file)
			}
			if path.Dir(test.file) == "test/field" {
				here = true
				if !slices.Contains(subtests(string(source)), e.failure) {
					t.Errorf("%s: %s has no subtest of that name", e.failure, test.file)
				}
			}
		}
		if here == e.later {
			t.Errorf("%s: want a subtest here or a later issue, and not both", e.failure)
		}
	}
	files, err := fs.Glob(os.DirFS("."), "*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range subtests(string(source)) {
			if !listed[name] {
				t.Errorf("%s: %q is not in the index", file, name)
			}
		}
	}
}

// subtests returns the names of a file's subtests that stand directly in a test.
func subtests(source string) (names []string) {
	for line := range strings.Lines(source) {
		if call, ok := strings.CutPrefix(line, "\tt.Run("); ok {
			quoted, err := strconv.QuotedPrefix(call)
			if err != nil {
				continue
			}
			name, _ := strconv.Unquote(quoted)
			names = append(names, name)
		}
	}
	return names
}

// TestIndexIsComplete compares the index with the list that it is made from, where that is at hand.
func TestIndexIsComplete(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(root + "../shared/field-failures.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the list is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for text := range strings.SplitSeq(string(list), "\n\n") {
		text = strings.Join(strings.Fields(text), " ")
		if m := paragraph.FindStringSubmatch(text); m != nil {
			for failure := range strings.SplitSeq(m[2], " · ") {
				want = append(want, m[1]+": "+failure)
			}
		}
	}
	for _, e := range index(t) {
		got = append(got, e.heading+": "+e.failure)
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		for _, failure := range want {
			if !slices.Contains(got, failure) {
				t.Errorf("not in the index: %s", failure)
			}
		}
		for _, failure := range got {
			if !slices.Contains(want, failure) {
				t.Errorf("not in the list: %s", failure)
			}
		}
		t.Errorf("the index has %d failures, the list %d, and in this order", len(got), len(want))
	}
}
