package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// export returns the rows of identities.csv by their columns. The file has to be whole.
func (f *fixture) export(query string) (rows []map[string]string) {
	f.t.Helper()
	return f.exportOf("identities.csv" + query)
}

// exportOf is export for any file.
func (f *fixture) exportOf(file string) (rows []map[string]string) {
	f.t.Helper()
	got := f.send("GET", f.below("/exports/"+file), "").want(200)
	text, last, ok := strings.Cut(string(got.body), "# complete ")
	for ok && strings.Contains(last, "# complete ") { // a name that looks like it
		var more string
		more, last, _ = strings.Cut(last, "# complete ")
		text += "# complete " + more
	}
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || last != fmt.Sprintf("%d\n", len(all)-1) {
		f.t.Fatalf("%d lines, %v; the file ends with %q", len(all), err, last)
	}
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestIdentitiesAreExported(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "=cmd|'x'!A0", "tier": "pro", "requestLimit": -1, "costLimitUsd": 0.5, "modelLimits": {"a": {"requestLimit": 1}},
		"limitResponse": {"message": "a \"b\""}, "metadata": {"k": "=1"}, "enabled": false}`).want(201)
	f.use("plain", 5, 7)
	rows := f.export("")
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	for column, want := range map[string]string{"identity": "'=cmd|'x'!A0", "tier": "pro", "requestLimit": "-1", "tokenLimit": "", "costLimitUsd": "0.5",
		"modelLimits": `{"a":{"requestLimit":1,"tokenLimit":null,"costLimitUsd":null}}`, "limitResponse": `{"message":"a \"b\""}`,
		"metadata": `{"k":"=1"}`, "enabled": "false", "unlimitedUntil": "", "createdAt": "2026-11-22T12:00:00Z", "requests": "0"} {
		if got := rows[0][column]; got != want {
			t.Errorf("%s: %q, want %q", column, got, want)
		}
	}
	if rows[1]["identity"] != "plain" || rows[1]["tokens"] != "5" || rows[1]["costUsd"] != "0.000007" || rows[1]["modelLimits"] != "" {
		t.Errorf("%v", rows[1])
	}
	if only := f.export("?enabled=false"); len(only) != 1 {
		t.Errorf("%d rows are disabled", len(only))
	}
	f.send("GET", f.below("/exports/identities.csv?has=x"), "").faults("query.has")
}

func TestExportsHaveEveryPage(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(1201)
	rows := f.export("")
	if len(rows) != 1201 || !slices.IsSortedFunc(rows, func(a, b map[string]string) int { return strings.Compare(a["identity"], b["identity"]) }) {
		t.Errorf("%d rows, want 1201 in order", len(rows))
	}
}

func TestHostileNamesSurviveAnExport(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, name := range hostile {
		quoted, _ := json.Marshal(name)
		f.send("POST", "", `{"identity": `+string(quoted)+`}`).want(201)
	}
	var got []string
	for _, row := range f.export("") {
		cell := row["identity"]
		if strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Errorf("a spreadsheet runs %q", cell)
		}
		got = append(got, textOf(cell))
	}
	want := slices.Sorted(slices.Values(hostile))
	if !slices.Equal(got, want) {
		t.Errorf("exported %q, want %q", got, want)
	}
}

// Text is read back from its cell: at most one apostrophe was added, and one can tell whether it was.
func TestCellsTellTheirText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`['=+\-@a"]{0,5}`).Draw(t, "text")
		cell := cellText(text)
		if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
			t.Fatalf("a spreadsheet runs %q", cell)
		}
		if back := textOf(cell); back != text {
			t.Fatalf("%q is read from %q, want %q", back, cell, text)
		}
	})
}

// failing is a ledger whose second list fails.
type failing struct {
	Ledger
	lists *int
}

func (l failing) List(ctx context.Context, f ledger.Find) (ledger.Found, error) {
	if *l.lists++; *l.lists > 1 {
		return ledger.Found{}, errors.New("gone")
	}
	return l.Ledger.List(ctx, f)
}

// A file that is not whole does not look as if it were.
func TestAnExportThatFailsIsCutOff(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(exportPage + 1)
	o := f.options()
	o.Ledger = failing{f.ledger, new(int)}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", f.below("/exports/identities.csv"), nil)
	r.Header.Set("Authorization", "Bearer "+f.key)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http looks for
			t.Errorf("panic %v, want that the connection is cut off", p)
		}
		if strings.Contains(w.Body.String(), "# complete") {
			t.Error("the file looks whole")
		}
	}()
	New(o).ServeHTTP(w, r)
}
