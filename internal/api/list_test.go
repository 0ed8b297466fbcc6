package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// names reads all pages of a list.
func (f *fixture) names(query string) (names []string) {
	f.t.Helper()
	return f.namesAfter("", query)
}

// namesAfter are those of the pages after a cursor.
func (f *fixture) namesAfter(cursor, query string) (names []string) {
	f.t.Helper()
	for pages := 0; ; pages++ {
		page := decode[Identities](f.send("GET", "?"+query+"&cursor="+cursor, "").want(200))
		for _, item := range page.Items {
			names = append(names, item.Identity)
		}
		if page.NextCursor == nil {
			return names
		}
		if cursor = *page.NextCursor; pages > 20 {
			f.t.Fatalf("%s: no end after %d pages", query, pages)
		}
	}
}

func TestListsAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for i, body := range []string{
		`{"identity": "plain"}`, `{"identity": "pro-1", "tier": "pro"}`, `{"identity": "pro-2", "tier": "pro", "enabled": false}`,
		`{"identity": "capped", "requestLimit": 5}`, `{"identity": "was-capped", "requestLimit": 5, "modelLimits": {"a": {"requestLimit": 1}}}`,
	} {
		f.now = noon.Add(time.Duration(i) * time.Second)
		f.send("POST", "", body).want(201)
	}
	f.send("PUT", "/was-capped", `{"requestLimit": null, "modelLimits": null}`).want(200)
	f.now = noon.Add(time.Minute)
	f.send("POST", "/gifted/gift", `{"tokens": 5}`).want(200)
	f.send("POST", "/promoted/promo", `{"unlimitedUntil": "2026-12-31"}`).want(200)
	f.send("POST", "/past/promo", `{"unlimitedUntil": "2026-11-01"}`).want(200)
	for query, want := range map[string]string{
		"":                        "capped gifted past plain pro-1 pro-2 promoted was-capped",
		"tier=pro":                "pro-1 pro-2",
		"tier=pro&enabled=true":   "pro-1",
		"tier=none":               "",
		"enabled=false":           "pro-2",
		"enabled=true&q=p":        "past plain pro-1 promoted",
		"has=override":            "capped",
		"has=credits":             "gifted",
		"has=promo":               "promoted",
		"sort=recent":             "promoted past gifted was-capped capped pro-2 pro-1 plain",
		"sort=recent&q=pro":       "promoted pro-2 pro-1",
		"sort=recent&search=cap":  "was-capped capped",
		"sort=recent&tier=pro":    "pro-2 pro-1",
		"sort=name&q=pro&limit=1": "pro-1 pro-2 promoted",
	} {
		for _, limit := range []string{"&limit=1", "&limit=3", ""} {
			if strings.Contains(query, "limit") {
				limit = ""
			}
			if got := strings.Join(f.names(query+limit), " "); got != want {
				t.Errorf("%s%s: %q, want %q", query, limit, got, want)
			}
		}
	}
	if page := decode[Identities](f.send("GET", "?tier=pro", "")); page.Total == nil || *page.Total != 2 {
		t.Errorf("total of tier pro: %v, want 2: the total is of the filtered list", page.Total)
	}
	for query, fault := range map[string]string{
		"has=nothing": "query.has", "enabled=yes": "query.enabled", "sort=size": "query.sort", "sort=recent&offset=1": "query.offset",
		"sort=recent&cursor=eA": "query.cursor", "cursor=" + "MQB4": "query.cursor", "q=%00": "query.q", "q=%ff": "query.q",
	} {
		f.send("GET", "?"+query, "").faults(fault)
	}
}

// hostile are names that break programs which take them for something else.
var hostile = []string{
	"<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "%2F", "%", "..", `a"b"",""c`, `\`, `'`, "a,b;c\td"[:5], "#", "# complete 3",
	strings.Repeat("\U0001F468\u200D\U0001F469", 46), strings.Repeat("😀", 128), "{{identity}}", "${x}", "' OR 1=1 --", "null", "0", "a\u0301", "identity",
}

func TestHostileNamesAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, name := range hostile {
		quoted, _ := json.Marshal(name)
		f.send("POST", "", `{"identity": `+string(quoted)+`}`).want(201)
		got := f.send("GET", "/"+escapeAll(name), "").want(200)
		if shown := decode[Identity](got).Identity; shown != name {
			t.Errorf("read %q, want %q", shown, name)
		}
		if found := f.names("match=exact&q=" + url.QueryEscape(name)); len(found) != 1 || found[0] != name {
			t.Errorf("%q is found as %q", name, found)
		}
		if found := f.names("sort=recent&limit=7&search=" + url.QueryEscape(name)); len(found) < 1 {
			t.Errorf("%q is not found by a part", name)
		}
	}
	if got := f.names("limit=3"); len(got) != len(hostile) {
		t.Errorf("%d names in pages, want %d", len(got), len(hostile))
	}
	if strings.Contains(f.log.String(), "script") {
		t.Error("a name is in the log")
	}
}

// An earlier version took names that are refused today. They are found, and changed by every call.
func TestNamesOfEarlierVersionsAreFoundAndChanged(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	const old = "user-1\u200b"
	f.use(old, 1, 1)
	quoted, _ := json.Marshal(old)
	f.send("POST", "", `{"identity": `+string(quoted)+`, "requestLimit": 7}`).want(200)
	f.send("POST", "/bulk", `{"items": [{"identity": `+string(quoted)+`, "requestLimit": 8}]}`).want(200)
	each := f.send("POST", "/bulk?mode=each", `{"items": [{"identity": `+string(quoted)+`, "requestLimit": 9}, {"identity": "user-2\u200b"}]}`).want(200)
	if got := decode[BulkResults](each); got.Applied != 1 || got.Results[1].Status != 400 || got.Results[1].Errors[0].Location != "body.items[1].identity" {
		t.Errorf("each: %+v", got)
	}
	for _, query := range []string{"q=" + url.QueryEscape(old), "search=" + url.QueryEscape("\u200b"), "match=exact&q=" + url.QueryEscape(old)} {
		if got := f.names(query); len(got) != 1 || got[0] != old {
			t.Errorf("%s: %q, want the old name", query, got)
		}
	}
}

func TestBulkEachAppliesWhatIsValid(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "old"}`).want(201)
	body := `{"items": [{"identity": "new", "requestLimit": 1}, {"identity": "old", "tokenLimit": -5}, {"tier": "pro"}, {"identity": "old", "tier": "pro"},
		{"identity": "new", "requestLimit": 2}, {"identity": "x\u0001"}, 5]}`
	tried := f.send("POST", "/bulk?mode=each&dryRun=true", body).want(200)
	if got := f.names(""); len(got) != 1 {
		t.Errorf("a dry run has made %q", got)
	}
	got := f.send("POST", "/bulk?mode=each", body, "Idempotency-Key", "k").want(200)
	if diff := cmp.Diff(string(tried.body), string(got.body)); diff != "" {
		t.Errorf("the dry run and the call (-dry +call):\n%s", diff)
	}
	var results []string
	all := decode[BulkResults](got)
	for _, r := range all.Results {
		at := ""
		for _, p := range r.Errors {
			at += " " + p.Location
		}
		results = append(results, fmt.Sprintf("%d %s %d%s", r.Index, r.Identity, r.Status, at))
	}
	want := []string{"0 new 201", "1 old 400 body.items[1].tokenLimit", "2  400 body.items[2].identity", "3 old 200", "4 new 200",
		"5  400 body.items[5].identity", "6  400 body.items[6]"}
	if diff := cmp.Diff(want, results); diff != "" || all.Applied != 3 || all.Failed != 4 {
		t.Errorf("%d applied, %d failed (-want +got):\n%s", all.Applied, all.Failed, diff)
	}
	if id := decode[Identity](f.send("GET", "/new", "")); *id.RequestLimit != 2 {
		t.Errorf("the limit is %d, want that of the last item", *id.RequestLimit)
	}
	if again := f.send("POST", "/bulk?mode=each", body, "Idempotency-Key", "k").want(200); string(again.body) != string(got.body) {
		t.Errorf("repeated: %s", again.body)
	}
	if none := decode[BulkResults](f.send("POST", "/bulk?mode=each", `{"items": [{"identity": ""}]}`).want(200)); none.Failed != 1 {
		t.Errorf("no valid item: %+v", none)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u", "requestLimit": 5}`).want(201)
	before := f.send("GET", "/u", "").body
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "", `{"identity": "u", "requestLimit": 6}`, 200},
		{"POST", "", `{"identity": "v"}`, 201},
		{"POST", "/bulk", `{"items": [{"identity": "u", "tier": "pro"}, {"identity": "w"}]}`, 200},
		{"PUT", "/u", `{"tier": "pro"}`, 200},
		{"POST", "/u/gift", `{"tokens": 7}`, 200},
		{"POST", "/u/promo", `{"unlimitedUntil": "2026-12-31"}`, 200},
		{"POST", "/u/reset", ``, 200},
		{"DELETE", "/u", ``, 204},
		{"DELETE", "/v", ``, 404},
		{"POST", "/u/gift", `{"tokens": 0}`, 400},
	} {
		tried := f.send(tc.method, tc.path+"?dryRun=true", tc.body, "Idempotency-Key", "once").want(tc.status)
		if now := f.send("GET", "/u", "").body; string(now) != string(before) || len(f.names("")) != 1 {
			t.Fatalf("%s %s has changed something: %s", tc.method, tc.path, now)
		}
		if tc.path == "/u/gift" && tc.status == http.StatusOK && decode[Gift](tried).GiftedTokens != 7 {
			t.Errorf("the tried gift answers %s", tried.body)
		}
	}
	if got := f.audit("u"); len(got) != 1 {
		t.Errorf("audit %q, want the creation alone", got)
	}
}
