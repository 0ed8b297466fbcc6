// Package guides runs what the pages in docs/guides and the README show: their commands, in order, against a real server with
// the built-in provider, and compares the output with what they show.
package guides

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/node"
)

// binary is the built command.
var binary string

func TestMain(m *testing.M) { os.Exit(node.Run(m, "../..", &binary)) }

// block is a fenced block of a page: commands, a program, or what the commands before it print.
type block struct {
	lang string
	attr map[string]string
	text string
	line int
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)([^\n]*)\n(.*?)^```$")

// blocks are those of a page, in order.
func blocks(page string) (all []block) {
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		b := block{lang: page[at[2]:at[3]], attr: map[string]string{}, text: page[at[6]:at[7]], line: 1 + strings.Count(page[:at[0]], "\n")}
		for _, word := range strings.Fields(page[at[4]:at[5]]) {
			name, value, _ := strings.Cut(word, "=")
			b.attr[name] = value
		}
		all = append(all, b)
	}
	return all
}

func (b block) has(attr string) bool { _, ok := b.attr[attr]; return ok }

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// step is a block of commands, with what the page says that it prints.
type step struct {
	block
	prints []block
}

// steps writes the programs of a page into a folder, and returns the commands to run there.
func steps(t *testing.T, page []block, dir string) (all []step) {
	t.Helper()
	for _, b := range page {
		switch {
		case b.has("start"), b.has("keys"), b.has("elsewhere"): // the test does this itself
		case b.has("run"):
			if err := os.WriteFile(filepath.Join(dir, b.attr["run"]), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		case b.lang == "sh":
			all = append(all, step{block: b})
		case (b.lang == "json" || b.lang == "text") && len(all) > 0:
			all[len(all)-1].prints = append(all[len(all)-1].prints, b)
		}
	}
	return all
}

// paste runs the commands of a page one block after the other in one shell, as a reader does, and checks what they print.
func paste(t *testing.T, name string, page []block, env []string) {
	t.Helper()
	home := node.NewHome(t, binary)
	all := steps(t, page, home.Dir)
	const mark = "\x01end of a block\x01"
	var script strings.Builder
	script.WriteString("cd " + home.Dir + "\n")
	var ran []step
	for _, s := range all {
		if program := s.attr["needs"]; program != "" {
			if _, err := exec.LookPath(program); err != nil {
				t.Logf("%s:%d is not run: %v", name, s.line, err)
				continue
			}
		}
		ran = append(ran, s)
		script.WriteString(s.text + "printf '" + mark + "'\n")
	}
	got := home.Paste(script.String(), env...)
	outputs := strings.Split(got.Out, mark)
	if got.Code != 0 || len(outputs) != len(ran)+1 || len(ran) == 0 {
		t.Fatalf("%s: exit %d after %d of %d blocks: %s%s", name, got.Code, len(outputs)-1, len(ran), got.Err, got.Out)
	}
	for i, s := range ran {
		for _, want := range s.prints {
			if problem := differs(want, outputs[i]); problem != "" {
				t.Errorf("%s:%d: %s\ngot %s", name, want.line, problem, outputs[i])
			}
		}
	}
	if got.Err != "" {
		t.Errorf("%s: the commands complain: %s", name, got.Err)
	}
}

// differs says how output differs from what a page shows; "" is not at all. In JSON the page may leave members out. In text
// it shows lines in order, in which … stands for anything.
func differs(want block, output string) string {
	if want.lang == "json" {
		var shown, got any
		if err := json.Unmarshal([]byte(want.text), &shown); err != nil {
			return err.Error()
		}
		if err := json.Unmarshal([]byte(output), &got); err != nil {
			return err.Error()
		}
		return lacks("", shown, got)
	}
	var pattern strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(want.text), "\n") {
		quoted := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		pattern.WriteString(quoted + `\s*`)
	}
	if !regexp.MustCompile(`(?s)^\s*` + pattern.String() + `$`).MatchString(output) {
		return "does not print " + want.text
	}
	return ""
}

// lacks says what a value lacks of what is shown.
func lacks(at string, shown, got any) string {
	switch shown := shown.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, got)
		}
		for name, v := range shown {
			if _, ok := members[name]; !ok {
				return fmt.Sprintf("%s.%s is missing", at, name)
			}
			if problem := lacks(at+"."+name, v, members[name]); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) < len(shown) {
			return fmt.Sprintf("%s is %v, want a list of at least %d", at, got, len(shown))
		}
		for i := range shown {
			if problem := lacks(fmt.Sprintf("%s[%d]", at, i), shown[i], list[i]); problem != "" {
				return problem
			}
		}
		return ""
	}
	if shown == "…" || reflect.DeepEqual(shown, got) {
		return ""
	}
	return fmt.Sprintf("%s is %v, want %v", at, got, shown)
}

// A comparison that finds no difference anywhere would pass every page.
func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		lang, shown, output string
		same                bool
	}{
		{"json", `{"a": 1, "b": [{"c": "…"}]}`, `{"a":1,"b":[{"c":"x","d":1},2],"e":3}`, true},
		{"json", `{"a": 1}`, `{"a":2}`, false}, {"json", `{"a": 1}`, `{}`, false}, {"json", `{"a": null}`, `{}`, false}, {"json", `{"a": [1, 2]}`, `{"a":[1]}`, false},
		{"json", `{"a": {}}`, `{"a":1}`, false}, {"json", `{}`, `not json`, false},
		{"text", "a…c\nd", "abc\nd\n", true}, {"text", "…b…\n…", "abc\nxyz\nq", true},
		{"text", "a", "a\nb", false}, {"text", "a\nb", "b\na", false}, {"text", "a.c", "abc", false},
	} {
		if problem := differs(block{lang: tc.lang, text: tc.shown}, tc.output); (problem == "") != tc.same {
			t.Errorf("%q shown for %q: %q, want the same: %t", tc.shown, tc.output, problem, tc.same)
		}
	}
}

// demo starts the server of the guides, and returns the environment that a reader has after "Your first project".
func demo(t *testing.T) []string {
	t.Helper()
	p := node.NewHome(t, binary).Start(exec.Command(binary, "demo"))
	found := p.Out.Wait(p, regexp.MustCompile(`(?s)(http://localhost:\d+).*(pk_\w+).*(sk_\w+).*Thank you!.*\n\n`))
	if found == nil {
		t.Fatalf("the demo has not started: %v\n%s", p.Ending(), p.Log.String())
	}
	env := []string{"SERVER=" + found[1], "PROJECT_KEY=" + found[2], "SECRET_KEY=" + found[3], "NO_PROXY=localhost,127.0.0.1", "GOFLAGS=-trimpath"}
	for _, name := range []string{"GOCACHE", "GOPATH", "GOMODCACHE", "GOROOT"} {
		if out, err := exec.Command("go", "env", name).Output(); err == nil {
			env = append(env, name+"="+strings.TrimSpace(string(out)))
		}
	}
	return env
}

// serve starts a server without an account, and returns the environment that a reader has after its start.
func serve(t *testing.T) []string {
	t.Helper()
	p := node.NewHome(t, binary).Serve()
	found := p.Out.Wait(p, setupToken)
	if found == nil {
		found = setupToken.FindStringSubmatch(p.Out.String())
	}
	if found == nil {
		t.Fatalf("no link was printed: %s%s", p.Out.String(), p.Log.String())
	}
	return []string{"SERVER=" + p.URL, "TOKEN=" + found[1], "NO_PROXY=localhost,127.0.0.1"}
}

var setupToken = regexp.MustCompile(`#setup=(\w+)`)

// starts are the pages that do not begin after "Your first project".
var starts = map[string]func(*testing.T) []string{"own-project.md": serve}

func guides(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d guides: %v", len(files), err)
	}
	for i := range files {
		files[i], _ = filepath.Rel("../..", files[i])
	}
	return files
}

// Every guide does what it shows.
func TestGuidesDoWhatTheyShow(t *testing.T) {
	t.Parallel()
	for _, file := range guides(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			page := blocks(read(t, file))
			if len(steps(t, page, t.TempDir())) == 0 {
				t.Skip("shows no commands")
			}
			start := starts[filepath.Base(file)]
			if start == nil {
				start = demo
			}
			paste(t, file, page, start(t))
		})
	}
}

// The README's examples for a server do what they show.
func TestREADMEsServerExamplesWork(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## On your server\n")
	section, _, _ = strings.Cut(section, "\n## ")
	page := blocks(section)
	var programs []string
	for _, b := range page {
		if b.has("run") {
			programs = append(programs, b.lang)
		}
	}
	if fmt.Sprint(programs) != "[js python go]" {
		t.Errorf("the README has programs in %v, want Node, Python and Go", programs)
	}
	paste(t, "README.md", page, demo(t))
}

// notRun are languages whose programs no test runs.
var notRun = map[string]bool{"swift": true, "kotlin": true, "dart": true, "tsx": true}

// A page with programs that were not run says so.
func TestGuidesSayWhatWasNotRun(t *testing.T) {
	t.Parallel()
	for _, file := range guides(t) {
		text := read(t, file)
		for _, b := range blocks(text) {
			known := b.lang == "sh" || b.lang == "json" || b.lang == "text" || b.has("run")
			switch {
			case notRun[b.lang] && !strings.Contains(strings.Join(strings.Fields(text), " "), "were not run"):
				t.Errorf("%s:%d: the page does not say that its programs in %s were not run", file, b.line, b.lang)
			case !known && !notRun[b.lang]:
				t.Errorf("%s:%d: nothing checks this block in %q", file, b.line, b.lang)
			}
		}
	}
}

// Programs in languages without a compiler here are read by a parser of their language.
func TestSyntaxOfWhatWasNotRun(t *testing.T) {
	if os.Getenv("AIRATELIMIT_NODE_SDKS") != "1" {
		t.Skip("AIRATELIMIT_NODE_SDKS=1 installs the parsers with npm")
	}
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("syntax")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	checked := 0
	for _, file := range guides(t) {
		for _, b := range blocks(read(t, file)) {
			if !notRun[b.lang] {
				continue
			}
			checked++
			program := filepath.Join(dir, fmt.Sprintf("%s-%d.%s", filepath.Base(file), b.line, b.lang))
			if err := os.WriteFile(program, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, dir, "node", "check.mjs")
	if checked < 8 {
		t.Errorf("only %d programs were checked", checked)
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
