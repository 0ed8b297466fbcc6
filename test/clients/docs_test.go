package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page has a row for each client that is run, with its version and what a refusal makes of it, and no other row of
// a client that is run.
func TestClientsAreDocumented(t *testing.T) {
	t.Parallel()
	page := readFile(t, "../../docs/clients.md")
	row := regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)` (\\S+) \\| ([^|]*) \\| (\\d+) \\| (\\d+) \\| (\\d+) \\| (\\d+) \\|")
	documented := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		documented[strings.TrimSpace(m[1]+" "+m[3])] = fmt.Sprintf("%s: %s %s %s, best %s", m[2], m[4], m[5], m[6], m[7])
	}
	for _, c := range clients {
		var manifest struct{ Dependencies map[string]string }
		if err := json.Unmarshal([]byte(readFile(t, filepath.Join(c.folder, "package.json"))), &manifest); err != nil {
			t.Fatal(err)
		}
		for module, version := range manifest.Dependencies {
			if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(version) {
				t.Errorf("%s: %s is %q, want an exact version", c.folder, module, version)
			}
		}
		key := strings.TrimSpace(c.module + " " + c.vendor)
		want := fmt.Sprintf("%s: %d %d %d, best ", manifest.Dependencies[c.module], c.requests[429], c.requests[402], c.requests[403])
		got := documented[key]
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: the page says %q, the test %q", key, got, want)
			continue
		}
		best := 0
		for _, status := range []int{402, 403, 429} {
			if best == 0 || c.requests[status] < c.requests[best] {
				best = status
			}
		}
		var says int
		if _, err := fmt.Sscanf(strings.TrimPrefix(got, want), "%d", &says); err != nil || c.requests[says] != c.requests[best] {
			t.Errorf("%s: the page advises %d, which makes %d requests; %d makes %d", key, says, c.requests[says], best, c.requests[best])
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("%s is documented and not run", key)
	}
}

// The page shows of a program what the test runs.
func TestSnippetsAreRun(t *testing.T) {
	t.Parallel()
	page := readFile(t, "../../docs/clients.md")
	blocks := regexp.MustCompile("(?s)```js file=(\\S+)\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 8 {
		t.Errorf("%d snippets name their file, want one of each framework", len(blocks))
	}
	for _, m := range blocks {
		if !strings.Contains(readFile(t, m[1]), m[2]) {
			t.Errorf("the snippet is not in %s:\n%s", m[1], m[2])
		}
	}
	config := readFile(t, "clients_test.go")
	for _, line := range []string{"wire_api", "http_headers", "GOOGLE_GEMINI_BASE_URL", "GEMINI_CLI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS", "selectedType"} {
		if !strings.Contains(page, line) || !strings.Contains(config, line) {
			t.Errorf("%s is not in both the page and the test", line)
		}
	}
}
