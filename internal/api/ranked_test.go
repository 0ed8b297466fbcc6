package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/rollup"
)

// spent is usage of an identity some hours ago.
func spent(name string, hoursAgo, requests, tokens, micros int64) rollup.Entry {
	e := usedBy(name, "gpt-4o", hoursAgo, requests)
	e.Tokens, e.Micros = tokens, micros
	return e
}

func wantNames(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if names := strings.Join(got, " "); names != want {
		t.Errorf("%s: %q, want %q", what, names, want)
	}
}

// A list in the order of usage has every identity once, whatever the pages and the filters are.
func TestIdentitiesAreSortedByUsage(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, name := range []string{"a1", "a2", "b1", "b2", "c1", "c2", "d1"} {
		f.send("POST", "", `{"identity": "`+name+`"}`).want(201)
	}
	f.send("PUT", "/b2", `{"tier": "pro"}`).want(200)
	f.send("PUT", "/c2", `{"tier": "pro", "enabled": false}`).want(200)
	f.send("POST", "/a1/gift", `{"tokens": 1}`).want(200)
	f.rollUp(spent("c1", 0, 9, 1, 5), spent("a2", 0, 4, 0, 50), spent("b2", 0, 4, 90, 500), spent("gone", 0, 7, 7, 7), spent("b1", 0, 4, 2, 0), spent("d1", 30, 99, 99, 99))
	for query, want := range map[string]string{
		"sort=-requests":                  "c1 a2 b1 b2 a1 c2 d1",
		"sort=-tokens":                    "b2 b1 c1 a1 a2 c2 d1",
		"sort=-costUsd":                   "b2 a2 c1 a1 b1 c2 d1",
		"sort=-requests&q=b":              "b1 b2",
		"sort=-requests&search=1":         "c1 b1 a1 d1",
		"sort=-requests&match=exact&q=d1": "d1",
		"sort=-requests&tier=pro":         "b2 c2",
		"sort=-tokens&enabled=true":       "b2 b1 c1 a1 a2 d1",
		"sort=-tokens&has=credits":        "a1",
		"sort=-tokens&q=x":                "",
	} {
		for _, limit := range []int{1, 2, 3, 50} {
			wantNames(t, fmt.Sprint(query, " by ", limit), f.names(fmt.Sprintf("%s&limit=%d", query, limit)), want)
		}
		if page := decode[Identities](f.send("GET", "?"+query, "")); *page.Total != len(strings.Fields(want)) {
			t.Errorf("%s: total %d, want %d", query, *page.Total, len(strings.Fields(want)))
		}
	}
	f.send("GET", "?sort=-requests&offset=1", "").faults("query.offset")
	f.send("GET", "?sort=requests", "").faults("query.sort")
	by := map[string]string{}
	for _, sort := range []string{"name", "recent", "-requests"} {
		by[sort] = *decode[Identities](f.send("GET", "?limit=1&sort="+sort, "")).NextCursor
	}
	for _, sort := range []string{"name", "recent"} {
		f.send("GET", "?sort=-requests&cursor="+by[sort], "").faults("query.cursor")
		f.send("GET", "?sort="+sort+"&cursor="+by["-requests"], "").faults("query.cursor")
	}
	f.send("GET", "?sort=-tokens&cursor=x", "").faults("query.cursor")
}

// The usage is that of the period in which the first page was read. Midnight between two pages changes nothing.
func TestUsageIsSortedWithinThePeriod(t *testing.T) {
	t.Parallel()
	for period, want := range map[string]string{ // noon is on a Sunday
		"hourly": "b a c d", "daily": "b a c d", "weekly": "c b a d", "monthly": "d c b a",
	} {
		f := setup(t, strings.Replace(someProject, `"requestLimit": 5`, `"limitPeriod": "`+period+`"`, 1))
		for _, name := range []string{"a", "b", "c", "d"} {
			f.send("POST", "", `{"identity": "`+name+`"}`).want(201)
		}
		f.rollUp(spent("b", 3, 5, 1, 1), spent("c", 6*24, 7, 1, 1), spent("d", 20*24, 9, 1, 1))
		wantNames(t, period, f.names("sort=-requests"), want)
		first := decode[Identities](f.send("GET", "?sort=-requests&limit=1", "").want(200))
		f.travel(24 * time.Hour)
		rest := f.namesAfter(*first.NextCursor, "sort=-requests&limit=1")
		wantNames(t, period+" over midnight", slices.Insert(rest, 0, first.Items[0].Identity), want)
	}
}

// Few calls look at many accounts: a page that finds too little says where to go on.
func TestASparseFilterOfTheOrderOfUsage(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(rankedScan + 201)
	f.send("PUT", at(fmt.Sprintf("user-%04d", rankedScan+1), ""), `{"enabled": false}`).want(200)
	var entries []rollup.Entry
	for i := range int64(rankedScan + 201) {
		entries = append(entries, spent(fmt.Sprintf("user-%04d", i), 0, 5000-i, 1, 1))
	}
	f.rollUp(entries...)
	first := decode[Identities](f.send("GET", "?sort=-requests&enabled=false", "").want(200))
	if len(first.Items) != 0 || first.NextCursor == nil {
		t.Errorf("the first page has %d items and the cursor %v", len(first.Items), first.NextCursor)
	}
	wantNames(t, "all pages", f.names("sort=-requests&enabled=false"), fmt.Sprintf("user-%04d", rankedScan+1))
	if got := f.names("sort=-requests&limit=200&tier=pro"); len(got) != (rankedScan+202)/2 || !slices.IsSorted(got) {
		t.Errorf("%d of the tier, sorted %t", len(got), slices.IsSorted(got))
	}
}
