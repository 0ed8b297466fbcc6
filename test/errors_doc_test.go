package test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	codeInSource   = regexp.MustCompile(`(?:Code:|\.Code[,=][^"\n]*|\.Code = |refuse\(http\.\w+, |fail\(http\.\w+, )\s*"([a-z_]+)"`)
	statusInSource = regexp.MustCompile(`(?:Status:\s*http\.Status(\w+), Code:|refuse\(http\.Status(\w+),)\s*"([a-z_]+)"`)
	codeOnPage     = regexp.MustCompile("(?m)^\\| (?:<a id=\"([a-z_]+)\"></a>)?`([a-z]+(?:_[a-z]+)*)` \\| ([^|]*) \\|")
)

// docs/errors.md has every code that the data plane and the control plane can answer, with its status, and no other.
func TestErrorsPage_HasEveryCode(t *testing.T) {
	t.Parallel()
	onPage, anchored := map[string]string{}, map[string]int{} // statuses, anchors
	for _, row := range codeOnPage.FindAllStringSubmatch(readPage(t, "docs/errors.md"), -1) {
		onPage[row[2]] += row[3] + " "
		anchored[row[1]]++
	}
	answered := map[string]bool{}
	for file, source := range sources(t, "gateway", "admission", "identity", "provider", "wire", "server", "api") {
		for _, m := range codeInSource.FindAllStringSubmatch(source, -1) {
			answered[m[1]] = true
			if onPage[m[1]] == "" {
				t.Errorf("%s answers %s, which is not on the page", file, m[1])
			}
		}
		for _, m := range statusInSource.FindAllStringSubmatch(source, -1) {
			if status := statusNamed(t, m[1]+m[2]); !strings.Contains(onPage[m[3]], status) {
				t.Errorf("%s answers %s with %s, and the page says %q", file, m[3], status, onPage[m[3]])
			}
		}
	}
	for code := range onPage {
		if anchored[code] != 1 {
			t.Errorf("the page has %d anchors of %s, want one for doc_url to lead to", anchored[code], code)
		}
		if !answered[code] {
			t.Errorf("%s is on the page, and nothing answers it", code)
		}
	}
	if len(answered) < 20 {
		t.Errorf("only %d codes were found", len(answered))
	}
}

// The OpenAPI document has every code of both planes at its status, and no other.
func TestOpenAPI_HasEveryCode(t *testing.T) {
	t.Parallel()
	type described struct{ Description string }
	doc := openAPI(t)
	var listed struct {
		Schemas map[string]struct {
			Properties struct{ Code struct{ Examples []string } }
		}
		Responses map[string]described
	}
	if err := json.Unmarshal(doc.Components, &listed); err != nil {
		t.Fatal(err)
	}
	for plane, in := range map[string]struct {
		schema, response string
		packages         []string
	}{
		"data":    {"ErrorObject", "OpenAI", []string{"gateway", "admission", "identity", "provider", "wire", "server"}},
		"control": {"Problem", "Problem", []string{"api"}},
	} {
		answered := map[string]bool{}
		for file, source := range sources(t, in.packages...) {
			for _, m := range codeInSource.FindAllStringSubmatch(source, -1) {
				answered[m[1]] = true
			}
			for _, m := range statusInSource.FindAllStringSubmatch(source, -1) {
				res, ok := listed.Responses[in.response+statusNamed(t, m[1]+m[2])]
				if ok && !strings.Contains(res.Description, m[3]) || !ok && plane == "data" {
					t.Errorf("%s answers %s, and the document says of that status: %q", file, m[3], res.Description)
				}
			}
		}
		got := listed.Schemas[in.schema].Properties.Code.Examples
		if want := slices.Sorted(maps.Keys(answered)); !slices.Equal(got, want) {
			t.Errorf("codes of the %s plane in the document: %q\nwant %q", plane, got, want)
		}
	}
}

// sources returns the source of internal packages, tests left out, by file.
func sources(t *testing.T, packages ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range packages {
		files, err := filepath.Glob(filepath.Join("..", "internal", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") }) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found[file] = string(b)
		}
	}
	return found
}

// statusNamed returns the number of a status by the end of its constant's name in net/http, such as BadGateway.
func statusNamed(t *testing.T, name string) string {
	t.Helper()
	for status := 100; status < 600; status++ {
		if strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status)) == name {
			return strconv.Itoa(status)
		}
	}
	t.Fatalf("net/http has no status %s", name)
	return ""
}
