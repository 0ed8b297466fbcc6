package sdk

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

const (
	docs   = "../../docs/sdks.md"
	readme = "../../README.md"
)

var example = regexp.MustCompile("(?s)```(\\w+) file=(\\S+)\n(.*?)```\n")

// The documentation shows what runs here.
func TestDocumentationShowsTheseExamples(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, file := range []string{docs, readme} {
		found := example.FindAllStringSubmatch(readFile(t, file), -1)
		if len(found) < 3 {
			t.Errorf("%s shows %d examples, want one of each SDK at the least", file, len(found))
		}
		for _, m := range found {
			if file == docs {
				shown[m[2]] = true
			}
			if want := strings.TrimPrefix(readFile(t, m[2]), "package sdk\n\n"); m[3] != want {
				t.Errorf("%s differs from %s: paste the file", file, m[2])
			}
		}
	}
	var examples []string
	for _, pattern := range []string{"example_*_test.go", "node/*.mjs", "python/*_example.py"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, files...)
	}
	for _, name := range examples {
		if name != "node/check.mjs" && !shown[name] {
			t.Errorf("%s does not show %s", docs, name)
		}
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// twoFree is the project of the examples.
const twoFree = `{"requestLimit": 2, "limitResponse": {"message": "You've used {{usage}}/{{limit}} free requests.", "deepLink": "app://upgrade"}}`

func TestGoExamples(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: twoFree})
	for name, ask := range map[string]func(ctx context.Context, server, projectKey, user, question string) (string, error){
		"openai": askOpenAI, "anthropic": askClaude, "gemini": askGemini,
	} {
		for _, want := range []string{"echo: hello there", "echo: hello there", "You've used 2/2 free requests. app://upgrade"} {
			if got, err := ask(t.Context(), s.URL, s.ProjectKey, name, "hello there"); err != nil || got != want {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			}
		}
		if _, err := ask(t.Context(), s.URL, "pk_0000000000000000000000", name, "hello there"); refused(t, err).Code != "invalid_project_key" {
			t.Errorf("%s: got %v, want invalid_project_key", name, err)
		}
	}
}

func TestCurlExamples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	stored := stack.New(t, stack.Options{Settings: twoFree})
	passing := stack.New(t, stack.Options{PassThrough: true})
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```\n").FindAllStringSubmatch(readFile(t, docs), -1)
	if len(commands) != 5 {
		t.Fatalf("got %d commands, want 5", len(commands))
	}
	for _, m := range commands {
		s := stored
		if strings.Contains(m[1], "OPENAI_API_KEY") {
			s = passing
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", m[1])
		cmd.Env = append(os.Environ(), "SERVER="+s.URL, "PROJECT_KEY="+s.ProjectKey, "OPENAI_API_KEY="+openAIKey,
			"USER_ID=curl "+strings.Fields(m[1])[2], "NO_PROXY=127.0.0.1")
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		want := "echo: hello there"
		if strings.Contains(m[1], "/v1/usage") {
			want = `"remaining":2`
		}
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: got %s, want %s in it", m[1], out, want)
		}
	}
}

// The SDKs of npm take a minute to install and need the registry.
func TestNode(t *testing.T) {
	if os.Getenv("AIRATELIMIT_NODE_SDKS") != "1" {
		t.Skip("AIRATELIMIT_NODE_SDKS=1 runs the SDKs for Node, which it installs")
	}
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	s := stack.New(t, stack.Options{Settings: twoFree})
	run(t, dir, "node", "check.mjs", s.URL, s.ProjectKey)
	if got, want := s.Seen.Total(), 6; got != want {
		t.Errorf("the provider got %d requests, want %d", got, want)
	}
}

func TestPython(t *testing.T) {
	python := os.Getenv("AIRATELIMIT_PYTHON_SDKS")
	if python == "" {
		t.Skip("AIRATELIMIT_PYTHON_SDKS=python3 runs the SDKs for Python, which must be installed: openai, anthropic, google-genai")
	}
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: twoFree})
	run(t, "python", python, "-B", "check.py", s.URL, s.ProjectKey)
}

// run runs a program in a folder. Keys in a developer's environment are gone by now: see TestMain.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	t.Logf("%s %s:\n%s", name, args[0], out)
}

// A lock file that names a registry's hosts would send everybody to them, whatever registry
// they have configured. The hashes are what pins the packages.
func TestLockFileNamesNoRegistry(t *testing.T) {
	t.Parallel()
	var lock struct {
		Packages map[string]struct {
			Resolved, Integrity string
			Link                bool
		} `json:"packages"`
	}
	decode(t, readFile(t, "node/package-lock.json"), &lock)
	for name, p := range lock.Packages {
		if p.Resolved != "" {
			t.Errorf("%s is resolved to %s: npm install --omit-lockfile-registry-resolved=true writes none", name, p.Resolved)
		}
		if name != "" && !p.Link && !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s has no hash", name)
		}
	}
}
