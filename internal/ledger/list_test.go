package ledger

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Pages, one after the other, are the list, whatever is looked for and however few names a call looks at.
func TestPagesAreTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching(`[a-c]{1,3}(é|~)?`), func(s string) string { return s }).Draw(t, "names")
		slices.Sort(names)
		f := Find{Text: rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "text"), Match: Match(rapid.IntRange(0, 2).Draw(t, "match")),
			Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
		scan := rapid.IntRange(f.Limit+1, 9).Draw(t, "scan")
		var want []string
		for _, name := range names {
			if matches(f, name) {
				want = append(want, name)
			}
			if f.MatchesName(name) != matches(f, name) {
				t.Fatalf("%+v: MatchesName(%q) = %t", f, name, f.MatchesName(name))
			}
		}
		var got []string
		for pages := 0; ; pages++ {
			found := search(f, names, scan)
			got = append(got, found.Names...)
			if f.After = found.Next; f.After == "" {
				break
			}
			if pages > len(names) {
				t.Fatalf("no end after %d pages", pages)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: pages %q, want %q", f, got, want)
		}
	})
}

// search is what a store does, over a sorted list of names of which it looks at no more than scan at a time.
func search(f Find, names []string, scan int) Found {
	low, _, high := f.Range()
	var looked []string
	var found []Place
	for _, name := range names {
		if name >= low && name < high && len(looked) < scan {
			looked = append(looked, name)
		}
	}
	for _, name := range looked {
		if strings.Contains(name, f.Within()) && len(found) <= f.Limit {
			found = append(found, Place{Name: name})
		}
	}
	var scanned Place
	if f.Scans() && len(looked) == scan {
		scanned.Name = looked[scan-1]
	}
	return f.Page(found, scanned, len(found))
}

func matches(f Find, name string) bool {
	switch f.Match {
	case Contains:
		return strings.Contains(name, f.Text)
	case Exact:
		return name == f.Text
	}
	return strings.HasPrefix(name, f.Text)
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		find    Find
		scanned string
		counted int
		want    int
		atLeast bool
	}{
		{Find{Limit: 5}, "", 3, 3, false},
		{Find{Limit: 5}, "", MaxCount, MaxCount, false},
		{Find{Limit: 5}, "", MaxCount + 1, MaxCount, true},
		{Find{Limit: 5, Text: "a", Match: Contains}, "", 3, 3, false},
		{Find{Limit: 5, Text: "a", Match: Contains}, "zz", 3, 3, true},
		{Find{Limit: 5, Text: "a", Match: Contains, After: "b"}, "", 3, 3, true},
	} {
		if got := tc.find.Page(nil, Place{Name: tc.scanned}, tc.counted); got.Total != tc.want || got.AtLeast != tc.atLeast {
			t.Errorf("%+v, %d counted: %d, at least %t; want %d, %t", tc.find, tc.counted, got.Total, got.AtLeast, tc.want, tc.atLeast)
		}
	}
}
