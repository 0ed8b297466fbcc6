// Package internal holds the test of which package may import which.
package internal

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/airatelimit/airatelimit/"

// rows are those of the design, from the top: a package imports packages of the rows below it, and
// of its own row only what sameRow allows. Every package stands in one of them.
var rows = [][]string{
	{"test/..."},
	{"cmd/...", "internal/price/generate"},
	{"internal/server"},
	{"internal/activity", "internal/metrics", "internal/trace"}, // of what the gateway and the ledger have seen, which know nothing of them
	{"internal/gateway", "internal/api", "internal/store", "web"},
	{"internal/admission"}, // what the gateway decides and the control plane explains
	{"internal/project", "internal/prompt", "internal/identity", "internal/account", "internal/provider", "internal/ledger/...",
		"internal/meter", "internal/operation", "internal/config", "internal/mail", "internal/echo"},
	{"internal/budget", "internal/document", "internal/wire", "internal/guard", "internal/limit", "internal/live", "internal/price", "internal/proxy", "internal/rollup", "internal/sound", "internal/sse", "internal/secret"},
}

// sameRow are the imports allowed between packages of one row.
var sameRow = []struct{ from, to, why string }{
	{"test/...", "test/stack", "tests run the whole server through it"},
	{"test/...", "test/node", "tests run real processes through it"},
	{"test/...", "test/pgtest", "a test on PostgreSQL has one of its own"},
	{"test/...", "test/sqlitetest", "a test on SQLite has a file of its own"},
	{"internal/config", "internal/project", "a file of prices is read as a project's prices are"},
	{"internal/project", "internal/prompt", "a project's snapshot has its stored prompts"},
	{"internal/prompt", "internal/ledger", "a version of a prompt names its author as the audit trail does"},
	{"internal/identity", "internal/project", "an identity belongs to a project, which names its tiers"},
	{"internal/identity", "internal/ledger", "what is set for an identity is kept there"},
	{"internal/project", "internal/ledger", "a version of the settings names the actor who made it"},
	{"internal/provider", "internal/project", "a project says which providers it has, where, with which key"},
	{"internal/operation", "internal/ledger", "an operation says who began it, as the audit trail does"},
	{"internal/ledger/...", "internal/ledger", "the stores and their contract are about its types"},
}

// rules are what rows do not say.
var rules = []struct {
	who    []string // these packages
	but    []string // except these
	never  []string // do not import these,
	deeply bool     // not through others either,
	others bool     // nor anything else that is not the standard library,
	why    string   // because
}{
	{
		who:    rows[len(rows)-1],
		others: true,
		why:    "what decides, prices, parses and seals is read and tested without knowing anything else",
	},
	{
		who:    []string{"internal/gateway", "internal/api"},
		never:  []string{"internal/gateway", "internal/api", "internal/store", "internal/config", "internal/server"},
		deeply: true,
		why:    "each declares the methods that it needs; store and the ledgers satisfy them",
	},
	{
		who:   []string{"internal/gateway", "internal/api", "internal/admission", "internal/identity", "internal/provider", "internal/project", "internal/meter"},
		never: []string{"database/sql"},
		why:   "only the ledger's stores and the control plane's know that there is a database",
	},
	{
		who:   []string{"..."},
		but:   []string{"internal/store", "internal/ledger/sqlite", "internal/ledger/postgres", "test/..."},
		never: []string{"modernc.org/sqlite", "github.com/jackc/pgx/..."},
		why:   "the choice of a database ends at what keeps things in it",
	},
	{
		who:   []string{"..."},
		but:   []string{"internal/metrics", "internal/trace", "test/..."},
		never: []string{"github.com/prometheus/...", "go.opentelemetry.io/..."},
		why:   "who is observed says in a plain struct what happened; how that is told to whom is not its concern",
	},
	{
		who:   []string{"..."},
		but:   []string{"cmd/...", "test/..."},
		never: []string{"internal/server"},
		why:   "it wires the parts: a part that knew it would know everything",
	},
	{
		who:   []string{"..."},
		but:   []string{"cmd/...", "internal/server", "test/..."},
		never: []string{"internal/echo"},
		why:   "the server wires the built-in echo as a provider, and nothing else depends on its answers",
	},
	{
		who:    []string{"..."},
		but:    []string{"test/...", "internal/ledger/ledgertest"},
		never:  []string{"testing", "internal/ledger/ledgertest", "test/..."},
		deeply: true,
		why:    "tests do not belong into the binary",
	},
}

// vague are names that say nothing of what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "core", "manager", "service", "handler", "misc", "base", "shared"}

// listed is a package as go list describes it.
type listed struct {
	ImportPath, Name string
	Standard         bool
	GoFiles, Imports []string

	own bool // of this module
}

// packages lists the packages of this module and all that they need, tests left out, by import
// path, or for this module's by their path within it.
func packages(t *testing.T) map[string]listed {
	t.Helper()
	readSources(t)
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Standard,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for i := range p.Imports {
			p.Imports[i] = strings.TrimPrefix(p.Imports[i], module)
		}
		name, own := strings.CutPrefix(p.ImportPath, module)
		p.own = own && len(p.GoFiles) > 0
		all[name] = p
	}
}

// readSources reads every Go file. Of what a test's commands read go test knows nothing, and it would
// repeat an earlier result when only that has changed.
func readSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../cmd", "../internal", "../test", "../web"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if err == nil && filepath.Ext(path) == ".go" {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// matches reports whether a pattern is the package's path, or one above it with /... .
func matches(pattern, name string) bool {
	prefix, below := strings.CutSuffix(pattern, "...")
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix == name || below && (prefix == "" || strings.HasPrefix(name, prefix+"/"))
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func rowOf(name string) int {
	return slices.IndexFunc(rows, func(row []string) bool { return matchesAny(row, name) })
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	all := packages(t)
	for name, p := range all {
		if !p.own {
			continue
		}
		row := rowOf(name)
		if row < 0 {
			t.Errorf("%s stands in no row: give it its place in the table above", name)
			continue
		}
		for _, to := range p.Imports {
			if !all[to].own {
				continue
			}
			switch r := rowOf(to); {
			case r < 0 || r > row:
			case r < row:
				t.Errorf("%s imports %s, which stands above it", name, to)
			case !slices.ContainsFunc(sameRow, func(s struct{ from, to, why string }) bool { return matches(s.from, name) && matches(s.to, to) }):
				t.Errorf("%s imports %s of its own row: no reason for that is listed", name, to)
			}
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	t.Parallel()
	all := packages(t)
	for _, rule := range rules {
		for name, p := range all {
			if !p.own || !matchesAny(rule.who, name) || matchesAny(rule.but, name) {
				continue
			}
			for to, via := range imports(all, name, rule.deeply) {
				if to != name && (matchesAny(rule.never, to) || rule.others && !all[to].Standard) {
					t.Errorf("%s imports %s%s: %s", name, to, via, rule.why)
				}
			}
		}
	}
}

// imports returns what a package imports, deeply or not, each with the package of this module through which.
func imports(all map[string]listed, name string, deeply bool) map[string]string {
	found := map[string]string{}
	var visit func(name, via string)
	visit = func(name, via string) {
		for _, to := range all[name].Imports {
			if _, seen := found[to]; seen {
				continue
			}
			found[to] = via
			if deeply && all[to].own {
				visit(to, " through "+to)
			}
		}
	}
	visit(name, "")
	return found
}

func TestPackageNamesSayWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	for name, p := range packages(t) {
		if p.own && (slices.Contains(vague, p.Name) || slices.Contains(vague, path.Base(name))) {
			t.Errorf("package %s: its name says nothing", name)
		}
	}
}
