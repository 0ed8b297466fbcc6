package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
)

// importFile sends a CSV file.
func (f *fixture) importFile(query, file string, header ...string) response {
	f.t.Helper()
	return f.send("POST", f.below("/imports"+query), file, append([]string{"Content-Type", fileType}, header...)...)
}

// tryImport is the dry run of an import.
func (f *fixture) tryImport(file string) ImportPreview {
	f.t.Helper()
	return decode[ImportPreview](f.importFile("?dryRun=true", file).want(200))
}

// imported imports a file to its end.
func (f *fixture) imported(query, file string) Operation {
	f.t.Helper()
	begun := decode[Started](f.importFile(query, file).want(202))
	f.finish()
	o := f.operation(begun.OperationID)
	if o.State != operation.Done || o.Matched != begun.Matched {
		f.t.Errorf("begun %+v, and then %+v", begun, o)
	}
	return o
}

func TestImport(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "old", "tier": "pro", "requestLimit": 5, "tokenLimit": 7, "enabled": false}`).want(201)
	f.send("POST", "", `{"identity": "same", "requestLimit": 6, "metadata": {"a": 1}}`).want(201)
	const file = "\ufeffidentity, tier ,requestLimit,costLimitUsd,modelLimits,metadata,enabled,reason\r\n" +
		"old,,8,0.5,\"{\r\n  \"\"gpt-4o\"\": {\"\"requestLimit\"\": 1}\r\n}\",,TRUE,\"because\"\r\n" +
		"same,,6,,,\"{\"\"a\"\": 1}\",true,\r\n\r\n,,,,,,,\r\n" +
		"'=new,free,-1,,,,,"
	want := ImportPreview{Rows: 3, Create: 1, Update: 1, Unchanged: 1, Invalid: []invalidRow{}, Ignored: []string{}}
	if diff := cmp.Diff(want, f.tryImport(file)); diff != "" {
		t.Errorf("dry run (-want +got):\n%s", diff)
	}
	if names := f.names(""); len(names) != 2 {
		t.Errorf("a dry run has made %q", names)
	}
	if o := f.imported("?reason=moved", file); o.Action != "import" || o.Matched != 3 || o.Applied != 3 || *o.Reason != "moved" {
		t.Errorf("%+v", o)
	}
	for name, parts := range map[string][]string{
		"old":  {`"tier":null`, `"requestLimit":8,"tokenLimit":7,"costLimitUsd":0.5`, `"gpt-4o":{"requestLimit":1,`, `"metadata":null`, `"enabled":true`},
		"=new": {`"tier":"free"`, `"requestLimit":-1`, `"enabled":true`},
	} {
		for _, part := range parts {
			if got := string(f.send("GET", at(name, ""), "").want(200).body); !strings.Contains(got, part) {
				t.Errorf("%s: %s, want %s", name, got, part)
			}
		}
	}
	if got := f.audit("same"); len(got) != 1 {
		t.Errorf("the row that changes nothing is in the audit trail: %q", got)
	}
	if old, fresh := f.audit("old"), f.audit("=new"); !strings.HasPrefix(old[1], "updateIdentity|because|") || !strings.HasPrefix(fresh[0], "createIdentity|moved|") {
		t.Errorf("audit %q, %q", old, fresh)
	}
	if again := f.tryImport(file); again.Unchanged != 3 {
		t.Errorf("imported once more: %+v, want all unchanged", again)
	}
}

// An exported file is taken back as it is: every row is unchanged. And it makes the identities again where they are lost.
func TestAnExportIsTakenBack(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for i, name := range append(slices.Clone(hostile), "# complete 4") {
		fields := []string{``, `, "tier": "pro", "enabled": false`, `, "metadata": {}`, `, "limitResponse": {"message": "=1+1, \"<b>\"\n", "n": 1e3}, "modelLimits": {"*": {"costLimitUsd": 0.000001}}`,
			`, "requestLimit": -1, "tokenLimit": 0, "costLimitUsd": 12.5, "requestsPerMinute": 3, "concurrentRequests": 0`, `, "metadata": {"a": ["x", 1.50, {"b": null}], "<": "\u2028"}`}[i%6]
		quoted, _ := json.Marshal(name)
		f.send("POST", "", `{"identity": `+string(quoted)+fields+`}`).want(201)
	}
	f.send("POST", "/null/gift", `{"tokens": 5}`).want(200)
	file := string(f.send("GET", f.below("/exports/identities.csv"), "").want(200).body)
	f.restart()
	if diff := cmp.Diff(file, string(f.send("GET", f.below("/exports/identities.csv"), "").want(200).body)); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	rows := len(hostile) + 1
	preview := f.tryImport(file)
	if preview.Rows != rows || preview.Unchanged != rows || len(preview.Invalid) > 0 {
		t.Errorf("%+v, want %d unchanged rows", preview, rows)
	}
	ignored := []string{"giftedTokens", "giftedRequests", "giftedCostUsd", "unlimitedUntil", "createdAt", "updatedAt", "requests", "tokens", "costUsd"}
	if diff := cmp.Diff(ignored, preview.Ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	settings := func() (all []map[string]string) {
		for _, row := range f.export("") {
			maps.DeleteFunc(row, func(name, _ string) bool { return slices.Contains(ignored, name) })
			all = append(all, row)
		}
		return all
	}
	before := settings()
	f.start(fmt.Sprintf(`{"action": "delete", "filter": {}, "expected": %d}`, rows))
	f.finish()
	if o := f.imported("", file); o.Applied != int64(rows) || o.Failed > 0 {
		t.Errorf("%+v", o)
	}
	if diff := cmp.Diff(before, settings()); diff != "" {
		t.Errorf("settings (-exported +imported):\n%s", diff)
	}
}

func TestRowsThatAreNotValid(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("old\u200b", 1, 1)
	const file = "identity,tier,requestLimit,enabled,modelLimits,limitResponse,metadata\n" +
		"ok,pro,,,,,\n" + // line 2
		"a,gold,-5,yes,,,\n" +
		"ok,,,,,,\n" +
		",,1,,,,\n" + // line 5
		"new\u200b,,,,,,\n" +
		"old\u200b,,,,,,\n" +
		"b,,,,\"{\n\"\"gpt-4o\"\": {\"\"requestLimits\"\": 1}}\",[],\"{\"\"a\"\": 1,\n\"\"a\"\": 2}\"\n" + // lines 8 to 10
		"c,,\"1\n\",,{,,5\n" + // lines 11 and 12
		"d\n" +
		"e,\"x\"y,,,,,\n" +
		"\"device:1\",,,,,,\n"
	preview := f.tryImport(file)
	var got []string
	for _, p := range preview.Invalid {
		got = append(got, fmt.Sprintf("%d %s: %s", p.Line, p.Column, p.Message))
	}
	want := []string{
		"3 tier: is not a tier of the project; there are free, pro",
		"3 requestLimit: must be ",
		`3 enabled: must be true or false, not "yes"`,
		"4 identity: is that of line 2 too",
		"5 identity: is empty",
		"6 identity: contains U+200B",
		"8 modelLimits: gpt-4o.requestLimits: is not known",
		"9 limitResponse: must be ",
		"9 metadata: a: is there twice",
		"12 modelLimits: is not valid JSON",
		"12 metadata: must be an object or null",
		"13 : must have 7 cells, as the first line has, not 1",
		"14 : has a quote",
		"15 identity: begins with device:",
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d", len(got), len(want))
	}
	for i, begin := range want {
		if i < len(got) && !strings.HasPrefix(got[i], begin) {
			t.Errorf("%q, want %q…", got[i], begin)
		}
	}
	if preview.Rows != 11 || preview.Create != 1 || preview.Unchanged != 1 || preview.Update != 0 {
		t.Errorf("%+v", preview)
	}
	p := f.importFile("", file).problem(400)
	if len(p.Errors) != len(want) || p.Errors[0].Location != "line 3, tier" || p.Errors[11].Location != "line 13" {
		t.Errorf("errors %+v", p.Errors)
	}
	if names := f.names(""); len(names) != 1 {
		t.Errorf("a file with mistakes has made %q", names)
	}
	if o := f.imported("?mode=each", file); o.Matched != 2 || o.Applied != 2 {
		t.Errorf("each: %+v", o)
	}
	if names := f.names(""); !slices.Equal(names, []string{"ok", "old\u200b"}) {
		t.Errorf("each has made %q", names)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for file, want := range map[string]string{
		"identity,colour\n":           "line 1, colour: is not known; known here are concurrentRequests, costLimitUsd, enabled, identity, ",
		"Identity\na\n":               "line 1, Identity: is not known; letter case matters: identity",
		"\n\ntier\nfree\n":            "line 3: has no column identity",
		"identity,tier,tier\n":        "line 1, tier: is there twice; leave one out",
		"identity,usage\n":            "line 1, usage: is not known",
		"identity,,tier\n":            "line 1, column 2: has no name",
		"identity;tier\na;b\n":        "line 1: does not separate the columns by commas",
		"identity\ttier\n":            "line 1: does not separate",
		"id\"entity\n":                `line 1: has a quote`,
		"identity\na\nb\xff\n":        "line 3: is not UTF-8; save the file as CSV in UTF-8",
		"\xff\xfei\x00d\x00":          "line 1: is not UTF-8",
		"\ufeff":                      "line 1: is missing",
		"identity,x\x00y,\u202e\na\n": `line 1, "x\x00y": is not known`,
		"identity\n" + strings.Repeat("a,b\n", maxImported+1): "body: has more than 100000 rows; split it into several files",
	} {
		for _, query := range []string{"", "?dryRun=true", "?mode=each"} {
			if p := f.importFile(query, file).problem(400); !strings.HasPrefix(p.Detail, want) || p.Code != "invalid_request" {
				t.Errorf("%.40q%s: %s, want %s", file, query, p.Detail, want)
			}
		}
	}
	f.importFile("", "").problem(400)
	f.importFile("?mode=some", "identity\n").faults("query.mode")
	f.importFile("", "identity\n", "Content-Type", jsonType).problem(http.StatusUnsupportedMediaType)
	f.send("POST", "", `{"identity": "a"}`, "Content-Type", fileType).problem(http.StatusUnsupportedMediaType)
	p := f.importFile("", "identity\n"+strings.Repeat("a\n", maxBody/2)).problem(http.StatusRequestEntityTooLarge)
	if !strings.Contains(p.Detail, fmt.Sprint(maxBody)) {
		t.Errorf("too large: %s", p.Detail)
	}
	if o := f.imported("", "identity\n"); o.Matched != 0 {
		t.Errorf("a file without rows: %+v", o)
	}
}

func TestMoreProblemsThanAreListed(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	file := "identity\n" + strings.Repeat("a,b\n", mostInvalid+1) + "a\n"
	if got := f.tryImport(file); got.Rows != mostInvalid+2 || got.Create != 1 || len(got.Invalid) != mostInvalid {
		t.Errorf("%d rows, %d to create, %d problems", got.Rows, got.Create, len(got.Invalid))
	}
	if p := f.importFile("", file).problem(400); len(p.Errors) != maxProblems {
		t.Errorf("%d errors, want %d", len(p.Errors), maxProblems)
	}
}

func TestARepeatedImportIsTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	first := f.importFile("", "identity\na\n", "Idempotency-Key", "k").want(202)
	f.finish()
	if again := f.importFile("", "identity\na\n", "Idempotency-Key", "k").want(202); string(again.body) != string(first.body) {
		t.Errorf("repeated: %s, want %s", again.body, first.body)
	}
	f.importFile("", "identity\nb\n", "Idempotency-Key", "k").problem(409)
	f.importFile("?mode=each", "identity\na\n", "Idempotency-Key", "k").problem(409)
}

// A row is checked again when it is its turn: the settings of the project may have changed.
func TestATierThatGoesDuringAnImport(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	id := decode[Started](f.importFile("", "identity,tier\na,free\nb,pro\n").want(202)).OperationID
	f.send("PATCH", "/api/projects/"+f.project, `{"tiers": {"free": null}}`).want(200)
	if err := f.catalog.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.finish()
	o := f.operation(id)
	if o.Applied != 1 || o.Failed != 1 || o.Problems[0].Identity != "a" || !strings.Contains(o.Problems[0].Message, "is not a tier of the project; there are pro") {
		t.Errorf("%+v", o)
	}
}

// The columns of a file are the fields of a call.
func TestColumnsAreTheFieldsOfAnIdentity(t *testing.T) {
	t.Parallel()
	fields := slices.Sorted(maps.Keys((&settingsChange{}).fields(&project.Snapshot{})))
	fields = append(fields, "identity")
	slices.Sort(fields)
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(importCells))); diff != "" {
		t.Errorf("columns (-fields +columns):\n%s", diff)
	}
}

// In any file, each row is an item that an operation takes, or has problems with their lines.
func FuzzImportFile(f *testing.F) {
	for _, file := range []string{
		"identity\na\n", "\ufeffidentity,tier\r\n\"a\r\nb\",\r\n# complete 1\r\n", "identity,metadata\na,\"{\"\"a\"\": [1]}\"\n'=b,'-1\n",
		"identity,requestLimit,enabled\na,1e3,TRUE\na,-1,x\n,,\n\"", "identity,modelLimits,createdAt\nx,{},y\n", "identity\n'\n''=\n# complete 3\n",
	} {
		f.Add([]byte(file))
	}
	p := &project.Snapshot{}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := newImportFile(p, data)
		if err != nil {
			if _, ok := errors.AsType[fieldProblems](err); !ok {
				t.Fatalf("error %v, want problems", err)
			}
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		names := map[string]bool{}
		for number := 1; ; number++ {
			row, err := file.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || row.number != number {
				t.Fatalf("row %d is number %d: %v", number, row.number, err)
			}
			for _, problem := range row.problems {
				if problem.Line < 1 || problem.Line > lines || problem.Message == "" || !utf8.ValidString(problem.Message) {
					t.Fatalf("problem %+v of %d lines", problem, lines)
				}
			}
			if len(row.problems) > 0 {
				continue
			}
			name, _, ps := readImported(p, row.item, "")
			if len(ps) > 0 || name == "" || names[name] || !keepable(name) {
				t.Fatalf("the item %s of %q has the problems %v", row.item, name, ps)
			}
			names[name] = true
		}
	})
}
