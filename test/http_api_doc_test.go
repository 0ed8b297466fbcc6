package test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/wire"
	"github.com/airatelimit/airatelimit/test/stack"
)

var (
	endpointOnPage = regexp.MustCompile("(?m)^\\| [^|]+ \\| `(GET|POST) (/[^`]+)` \\| (yes|no) \\|")
	identityOnPage = regexp.MustCompile("(?m)^\\| `(GET|POST|PUT|DELETE) (/[^`]*)` \\| [^|]+ \\| [^|]+ \\|")
	typesOnPage    = regexp.MustCompile("(?m)^\\| ([0-9]{3}) \\| `([a-z_]+)` \\| `([a-z_]+)` \\| `([A-Z_]+)` \\|$")
	headerInSource = regexp.MustCompile(`"([A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)+)": true`)
)

// docs/http-api.md has every endpoint of the data plane, says of each whether it is counted, and names no other.
func TestHTTPAPIPage_HasEveryEndpoint(t *testing.T) {
	t.Parallel()
	found := map[wire.Operation]bool{}
	for _, row := range endpointOnPage.FindAllStringSubmatch(readPage(t, "docs/http-api.md"), -1) {
		ep, err := wire.Match(row[1], strings.ReplaceAll(row[2], "{model}", "some-model"))
		if err != nil {
			t.Errorf("the page has %s %s, which is not served: %v", row[1], row[2], err)
			continue
		}
		found[ep.Operation] = true
		if counted := row[3] == "yes"; counted != ep.Metered() {
			t.Errorf("the page says %q of whether %s %s is counted, want %t", row[3], row[1], row[2], ep.Metered())
		}
	}
	for op := wire.Operation(0); op.String() != "unknown"; op++ {
		if !found[op] {
			t.Errorf("the page lacks the endpoint of %s", op)
		}
	}
}

// docs/http-api.md has every action of the audit trail, and each that is a call's name is one.
func TestHTTPAPIPage_HasEveryActionOfTheAuditTrail(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs/http-api.md")
	_, list, found := strings.Cut(page, "- `action` is the `operationId`")
	list, _, ended := strings.Cut(list, "\n- ")
	if !found || !ended {
		t.Fatal("the page has no list of actions")
	}
	operations := map[string]bool{}
	for _, methods := range openAPI(t).Paths {
		for _, op := range methods {
			id, _ := op.(map[string]any)["operationId"].(string)
			operations[id] = true
		}
	}
	calls, rest, _ := strings.Cut(list, "Four have no call")
	for _, action := range ledger.Actions {
		switch written := "`" + action + "`"; {
		case !strings.Contains(list, written):
			t.Errorf("the page lacks the action %s", action)
		case strings.Contains(rest, written) == operations[action] && action != ledger.ActionImportIdentities:
			t.Errorf("%s is a call: %t; the page says the opposite", action, operations[action])
		}
	}
	for _, name := range regexp.MustCompile("`([a-z]+[A-Z][A-Za-z]*)`").FindAllStringSubmatch(calls, -1) {
		if !slices.Contains(ledger.Actions, name[1]) && name[1] != "operationId" {
			t.Errorf("the page has the action %s, which there is not", name[1])
		}
	}
}

// openAPIDocument is the document that a server shows.
type openAPIDocument struct {
	Paths      map[string]map[string]any
	Components json.RawMessage
}

func openAPI(t *testing.T) (doc openAPIDocument) {
	t.Helper()
	s := stack.New(t, stack.Options{})
	resp, err := http.Get(s.URL + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// docs/http-api.md has every call of the control plane, and no other.
func TestHTTPAPIPage_HasEveryCallOfAPI(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	want := map[string]bool{}
	for path, methods := range doc.Paths {
		rest, ok := strings.CutPrefix(path, "/api/projects/{projectId}/identities")
		for method := range methods {
			if ok {
				want[strings.ToUpper(method)+" /"+strings.TrimPrefix(rest, "/")] = true
			}
		}
	}
	got := map[string]bool{}
	for _, row := range identityOnPage.FindAllStringSubmatch(section(readPage(t, "docs/http-api.md"), "## Identities"), -1) {
		got[row[1]+" "+row[2]] = true
	}
	for call := range want {
		if !got[call] {
			t.Errorf("the page lacks %s", call)
		}
	}
	for call := range got {
		if !want[call] {
			t.Errorf("the page has %s, which is not in the OpenAPI document", call)
		}
	}
	if len(want) == 0 {
		t.Error("the OpenAPI document has no calls")
	}
}

// docs/http-api.md has the calls about operations.
func TestHTTPAPIPage_HasOperations(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	text := section(readPage(t, "docs/http-api.md"), "## Operations")
	calls := 0
	for path, methods := range doc.Paths {
		rest, ok := strings.CutPrefix(path, "/api/projects/{projectId}/operations")
		for method := range methods {
			if !ok {
				continue
			}
			if calls++; !strings.Contains(text, "| `"+strings.ToUpper(method)+" /operations"+rest+"` |") {
				t.Errorf("the page lacks %s /operations%s", method, rest)
			}
		}
	}
	if calls != 3 {
		t.Errorf("%d calls about operations in the OpenAPI document, want 3", calls)
	}
}

// docs/http-api.md has every call about projects, their versions and their audit trail, and no other.
func TestHTTPAPIPage_HasEveryCallAboutProjects(t *testing.T) {
	t.Parallel()
	text := section(readPage(t, "docs/http-api.md"), "## Projects")
	found := 0
	for path, methods := range openAPI(t).Paths {
		rest, ok := strings.CutPrefix(path, "/api/projects")
		rest = strings.TrimPrefix(rest, "/{projectId}")
		if !ok || rest != "" && rest != "/regenerate-secret" && rest != "/audit" && !strings.HasPrefix(rest, "/settings/") {
			continue
		}
		for method := range methods {
			found++
			if !strings.Contains(text, "| `"+strings.ToUpper(method)+" "+path+"` |") {
				t.Errorf("the page lacks %s %s", strings.ToUpper(method), path)
			}
		}
	}
	if listed := strings.Count(text, "/api/projects") - strings.Count(text, "http://localhost"); found != listed || found == 0 {
		t.Errorf("the page has %d calls, and the OpenAPI document %d", listed, found)
	}
}

// docs/http-api.md has the calls that explain limits.
func TestHTTPAPIPage_HasTheCallsThatExplain(t *testing.T) {
	t.Parallel()
	doc := openAPI(t)
	text := section(readPage(t, "docs/http-api.md"), "## Limits, explained")
	for call, path := range map[string]string{
		"POST /limits/explain": "limits/explain", "POST /limit-response/preview": "limit-response/preview", "GET /exposure": "exposure"} {
		method, _, _ := strings.Cut(call, " ")
		if _, ok := doc.Paths["/api/projects/{projectId}/"+path][strings.ToLower(method)]; !ok || !strings.Contains(text, "| `"+call+"` |") {
			t.Errorf("%s: in the OpenAPI document %t, on the page %t", call, ok, strings.Contains(text, "| `"+call+"` |"))
		}
	}
}

// docs/http-api.md has every call with a CSV file.
func TestHTTPAPIPage_HasEveryFile(t *testing.T) {
	t.Parallel()
	text := section(readPage(t, "docs/http-api.md"), "## CSV files")
	calls := 0
	for path, methods := range openAPI(t).Paths {
		rest := strings.TrimPrefix(path, "/api/projects/{projectId}")
		if rest != "/imports" && !strings.HasPrefix(rest, "/exports/") {
			continue
		}
		for method := range methods {
			if calls++; !strings.Contains(text, "| `"+strings.ToUpper(method)+" "+rest+"` |") {
				t.Errorf("the page lacks %s %s", method, rest)
			}
		}
	}
	if calls != 4 {
		t.Errorf("%d calls with files in the OpenAPI document, want 4", calls)
	}
}

var accountOnPage = regexp.MustCompile("(?m)^\\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \\|")

// docs/http-api.md has every call about accounts and members, and no other.
func TestHTTPAPIPage_HasEveryCallAboutAccounts(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs/http-api.md")
	got, want := map[string]bool{}, map[string]bool{}
	for _, row := range accountOnPage.FindAllStringSubmatch(section(page, "## Signing in"), -1) {
		got[row[1]+" "+row[2]] = true
	}
	for _, row := range accountOnPage.FindAllStringSubmatch(section(page, "## Members"), -1) {
		got[row[1]+" /api/projects/{projectId}"+row[2]] = true
	}
	for path, methods := range openAPI(t).Paths {
		if strings.HasPrefix(path, "/api/auth/") || path == "/api/meta" || strings.Contains(path, "/members") || strings.Contains(path, "/invitations/") {
			for method := range methods {
				want[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("calls (-OpenAPI document +page):\n%s", diff)
	}
}

var reportOnPage = regexp.MustCompile("(?m)^\\| `GET (/[^`]*)` \\|")

// docs/http-api.md has every report, and no other.
func TestHTTPAPIPage_HasEveryReport(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for path, methods := range openAPI(t).Paths {
		get, _ := methods["get"].(map[string]any)
		tags, _ := get["tags"].([]any)
		if len(tags) == 1 && tags[0] == "reports" && !strings.Contains(path, "/exports/") {
			want[strings.TrimPrefix(path, "/api/projects/{projectId}")] = true
		}
	}
	got := map[string]bool{}
	for _, row := range reportOnPage.FindAllStringSubmatch(section(readPage(t, "docs/http-api.md"), "## Reports"), -1) {
		got[row[1]] = true
	}
	if !maps.Equal(got, want) || len(want) < 7 {
		t.Errorf("the page has the reports %v, the OpenAPI document %v", got, want)
	}
}

// docs/http-api.md names every header that goes to a provider.
func TestHTTPAPIPage_HasEveryForwardedHeader(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs/http-api.md")
	source, _, _ := strings.Cut(sources(t, "provider")["../internal/provider/header.go"], "var once = ")
	names := headerInSource.FindAllStringSubmatch(source, -1)
	for _, m := range names {
		if !strings.Contains(page, "`"+strings.ToLower(m[1])+"`") {
			t.Errorf("the page lacks %s", strings.ToLower(m[1]))
		}
	}
	if len(names) < 5 {
		t.Errorf("only %d headers were found", len(names))
	}
}

// docs/http-api.md has the type of each status in each dialect.
func TestHTTPAPIPage_HasTheTypes(t *testing.T) {
	t.Parallel()
	rows := typesOnPage.FindAllStringSubmatch(readPage(t, "docs/http-api.md"), -1)
	for _, row := range rows {
		status, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range []wire.Dialect{wire.OpenAI, wire.Anthropic, wire.Gemini} {
			var body struct{ Error struct{ Type, Status string } }
			if err := json.Unmarshal((&wire.Error{Status: status, Code: "invalid_request"}).Body(d, ""), &body); err != nil {
				t.Fatal(err)
			}
			if got, want := row[2+i], body.Error.Type+body.Error.Status; got != want {
				t.Errorf("the page says %s for %d in %s, want %s", got, status, d, want)
			}
		}
	}
	if len(rows) < 10 {
		t.Errorf("only %d statuses were found", len(rows))
	}
}

// section returns what stands below a heading of a page, up to the next one of its rank.
func section(page, title string) string {
	_, rest, _ := strings.Cut(page, "\n"+title+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}
