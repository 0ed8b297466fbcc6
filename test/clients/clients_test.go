// Package clients runs what apps and developers really use against the server, unmodified: frameworks for Node and
// command-line agents. Each makes a call that is answered, then one that a used-up limit refuses; what is asserted is how many
// requests a refusal makes of a client, that the client ends, and that its user can read why. docs/clients.md says the same
// in words.
//
// The clients are installed by npm into a temporary folder, two gigabytes in all: AIRATELIMIT_NODE_SDKS=1 runs them, and
// AIRATELIMIT_CLIENTS_DIR names a folder that keeps what is installed. The versions asked for are exact, the newest
// that run on Node 20; those of what they depend on are the newest that fit.
package clients

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// patience is how long a client may take for one run. It is generous: what a client must not do is wait for the limit's
// reset, hours away.
const patience = 5 * time.Minute

// refusal is the developer's own text, which the user must get to read.
const refusal = "You've used 1/1 free requests. Upgrade to Pro!"

// client is one that is tested. Its folder here has its package.json, and its program where it is a framework.
type client struct {
	folder string
	module string // the package of npm that docs/clients.md names with its version
	vendor string // whose API it calls; "" where it has one only
	// command is how it is run in dir, where it is installed; nil: node run.mjs SERVER KEY USER VENDOR.
	command func(t *testing.T, dir string, as caller) *exec.Cmd
	// requests are the most that are refused in one run, by the refusal's status.
	requests map[int]int
	// mute are the statuses whose refusal's text the client does not show.
	mute []int
}

// caller is what a client is told about the app.
type caller struct{ server, key, user, vendor string }

// once is what a client does that takes every refusal for final.
var once = map[int]int{429: 1, 402: 1, 403: 1}

var clients = []client{
	{folder: "openai-node", module: "openai", requests: once},
	{folder: "anthropic-sdk", module: "@anthropic-ai/sdk", requests: once},
	{folder: "google-genai", module: "@google/genai", requests: once},
	{folder: "vercel-ai", module: "ai", vendor: "openai", requests: map[int]int{429: 3, 402: 1, 403: 1}},
	{folder: "vercel-ai", module: "ai", vendor: "anthropic", requests: map[int]int{429: 3, 402: 1, 403: 1}},
	{folder: "vercel-ai", module: "ai", vendor: "google", requests: map[int]int{429: 3, 402: 1, 403: 1}},
	{folder: "openai-agents", module: "@openai/agents", requests: once},
	{folder: "langchain", module: "@langchain/core", vendor: "openai", requests: once},
	{folder: "langchain", module: "@langchain/core", vendor: "anthropic", requests: once},
	{folder: "langchain", module: "@langchain/core", vendor: "google", requests: once},
	{folder: "llamaindex", module: "llamaindex", requests: once},
	{folder: "mastra", module: "@mastra/core", requests: map[int]int{429: 3, 402: 1, 403: 1}},
	{folder: "genkit", module: "genkit", vendor: "openai", requests: once},
	{folder: "genkit", module: "genkit", vendor: "google", requests: once},
	{folder: "codex", module: "@openai/codex", command: codex, requests: map[int]int{429: 1, 402: 6, 403: 6}, mute: []int{429}},
	{folder: "opencode", module: "opencode-ai", vendor: "openai", command: opencode, requests: map[int]int{429: 9, 402: 7, 403: 7}},
	{folder: "opencode", module: "opencode-ai", vendor: "anthropic", command: opencode, requests: map[int]int{429: 9, 402: 2, 403: 2}},
	{folder: "gemini-cli", module: "@google/gemini-cli", command: geminiCLI, requests: once},
	{folder: "claude-code", module: "@anthropic-ai/claude-code", command: claudeCode, requests: once},
}

// codex is configured by a file in its home.
func codex(t *testing.T, dir string, as caller) *exec.Cmd {
	home := t.TempDir()
	write(t, filepath.Join(home, "config.toml"), fmt.Sprintf(`model = "gpt-4o"
model_provider = "airatelimit"

[model_providers.airatelimit]
name = "AI Ratelimit"
base_url = "%s/v1"
wire_api = "responses"
env_key = "AIRATELIMIT_PROJECT_KEY"
http_headers = { "x-identity" = "%s" }
`, as.server, as.user))
	cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", "codex"), "exec", "--skip-git-repo-check", "hello there")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"CODEX_HOME=" + home, "AIRATELIMIT_PROJECT_KEY=" + as.key}
	return cmd
}

// opencode is configured by a file in the folder that it works in.
func opencode(t *testing.T, dir string, as caller) *exec.Cmd {
	work := t.TempDir()
	adapter, model := "@ai-sdk/openai-compatible", "gpt-4o"
	if as.vendor == "anthropic" {
		adapter, model = "@ai-sdk/anthropic", "claude-sonnet-4-5"
	}
	write(t, filepath.Join(work, "opencode.json"), fmt.Sprintf(`{
  "provider": {
    "airatelimit": {
      "npm": "%s",
      "options": {"baseURL": "%s/v1", "apiKey": "%s", "headers": {"x-identity": "%s"}},
      "models": {"%s": {}}
    }
  }
}`, adapter, as.server, as.key, as.user, model))
	cmd := exec.Command(binary(t, dir, "opencode-*/bin/opencode"), "run", "--model", "airatelimit/"+model, "hello there")
	cmd.Dir, cmd.Env = work, []string{"OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1"}
	return cmd
}

// geminiCLI is configured by a file in its home, which chooses the key, and by its environment.
func geminiCLI(t *testing.T, dir string, as caller) *exec.Cmd {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".gemini"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".gemini", "settings.json"), `{"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": false}}`)
	cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", "gemini"), "--model", "gemini-2.5-flash", "--skip-trust", "--prompt", "hello there")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + home, "GOOGLE_GEMINI_BASE_URL=" + as.server, "GEMINI_API_KEY=" + as.key, "GEMINI_CLI_CUSTOM_HEADERS=x-identity: " + as.user,
		"HTTPS_PROXY=", "https_proxy="} // it would go to this machine by a proxy too
	return cmd
}

// claudeCode is configured by its environment.
func claudeCode(t *testing.T, dir string, as caller) *exec.Cmd {
	cmd := exec.Command(binary(t, dir, "@anthropic-ai/claude-code-*/claude"), "--model", "claude-sonnet-4-5", "--print", "hello there")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"ANTHROPIC_BASE_URL=" + as.server, "ANTHROPIC_API_KEY=" + as.key, "ANTHROPIC_CUSTOM_HEADERS=x-identity: " + as.user,
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"}
	return cmd
}

// binary is the program that npm has chosen for this platform.
func binary(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "node_modules", filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Skipf("npm has no %s for this platform: %v", pattern, err)
	}
	return found[0]
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClients(t *testing.T) {
	if os.Getenv("AIRATELIMIT_NODE_SDKS") != "1" {
		t.Skip("AIRATELIMIT_NODE_SDKS=1 runs clients of npm, which it installs")
	}
	for _, c := range clients {
		t.Run(strings.TrimSuffix(c.folder+" "+c.vendor, " "), func(t *testing.T) {
			dir := install(t, c.folder)
			for _, status := range []int{429, 402, 403} {
				if c.requests[status] > 0 {
					t.Run(fmt.Sprint(status), func(t *testing.T) { c.test(t, dir, status) })
				}
			}
		})
	}
}

// install has npm put the client into a folder that ends with the test. Scripts of packages are not run: what needs
// one is the platform's binary, which is there without it.
func install(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if kept := os.Getenv("AIRATELIMIT_CLIENTS_DIR"); kept != "" {
		dir = filepath.Join(kept, name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"package.json", "run.mjs"} {
		text, err := os.ReadFile(filepath.Join(name, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	return dir
}

// test has the client answered, then refused with a status.
func (c client) test(t *testing.T, dir string, status int) {
	s := stack.New(t, stack.Options{Echo: echo.Options{}, Settings: fmt.Sprintf(`{"refusalStatus": %d, "defaultTier": "free",
		"tiers": {"free": {"requestLimit": 1}, "pro": {}},
		"limitResponse": {"message": "You've used {{usage}}/{{limit}} free requests. Upgrade to Pro!"}}`, status)})
	front := newFront(t, s.URL)
	if a := s.Control(http.MethodPost, "/identities", `{"identity":"paying","tier":"pro"}`); a.Status != http.StatusCreated {
		t.Fatalf("identity: status %d: %s", a.Status, a.Body)
	}
	out, err := c.run(t, dir, caller{front.url, s.ProjectKey, "paying", c.vendor})
	if err != nil || !strings.Contains(out, "echo: ") {
		t.Fatalf("answered: %v, got\n%s\nafter %v", err, out, front.take())
	}
	t.Logf("answered after %v", front.take())

	if a := s.Chat("spent", "gpt-4o"); a.Status != http.StatusOK {
		t.Fatalf("the free request: status %d: %s", a.Status, a.Body)
	}
	out, err = c.run(t, dir, caller{front.url, s.ProjectKey, "spent", c.vendor})
	seen := front.take()
	t.Logf("refused: %v after %v\n%s", err, seen, out)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the client has not ended after %v", patience)
	}
	refused := slices.DeleteFunc(seen, func(line string) bool { return !strings.HasPrefix(line, fmt.Sprint(status)) })
	if n := len(refused); n == 0 || n > c.requests[status] {
		t.Errorf("%d requests were refused with %d, want at least one and at most %d", n, status, c.requests[status])
	}
	if shown := strings.Contains(out, refusal); shown == slices.Contains(c.mute, status) {
		t.Errorf("the refusal's text is shown: %v, want %v", shown, !shown)
	}
}

// run runs the client and returns what it printed. The error is context.DeadlineExceeded where it had to be ended.
func (c client) run(t *testing.T, dir string, as caller) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command("node", "run.mjs", as.server, as.key, as.user, as.vendor)
	if c.command != nil {
		cmd = c.command(t, dir, as)
	}
	if cmd.Dir == "" {
		cmd.Dir = dir
	}
	cmd.Env = append(environment(home), cmd.Env...)
	return output(t, cmd)
}

// environment is a client's own: a developer's keys and settings must not get in, and nothing leaves this machine.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CACHE_HOME=" + home,
		"XDG_STATE_HOME=" + home, "TMPDIR=" + home, "NO_COLOR=1", "TERM=dumb", "CI=1",
		"HTTPS_PROXY=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost"}
}

// output runs a command for at most patience, its children included, and returns what it printed.
func output(t *testing.T, cmd *exec.Cmd) (string, error) {
	t.Helper()
	var out strings.Builder
	var mu sync.Mutex
	cmd.Stdout, cmd.Stderr = locked{&mu, &out}, locked{&mu, &out}
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var err error
	select {
	case err = <-ended:
	case <-timeout.C:
		killGroup(cmd)
		<-ended
		err = context.DeadlineExceeded
	}
	mu.Lock()
	defer mu.Unlock()
	return out.String(), err
}

type locked struct {
	mu  *sync.Mutex
	out *strings.Builder
}

// Write implements io.Writer.
func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// front is a proxy before the server that writes down what a client asks and gets.
type front struct {
	url  string
	mu   sync.Mutex
	seen []string // "429 POST /v1/chat/completions"
}

func newFront(t *testing.T, server string) *front {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	f := new(front)
	proxy := &httputil.ReverseProxy{FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.seen = append(f.seen, fmt.Sprintf("%d %s %s", r.StatusCode, r.Request.Method, r.Request.URL.Path))
			return nil
		}}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

// take returns what has been seen since it was last called.
func (f *front) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}
