// Package process runs the built binary as operators do: real processes, signals, files and
// pasted commands. What one process can test of itself is tested elsewhere.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// patience is how long a process may take for what it does at once. It is generous: a busy
// machine must not fail a test.
const patience = 30 * time.Second

// binary is the built command.
var binary string

// builtBinary is the environment variable that tells the second run of the tests where it is.
const builtBinary = "AIRATELIMIT_TEST_BINARY"

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "airatelimit-process-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := readSources(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv(builtBinary); binary != "" {
		return m.Run() // the second run, on PostgreSQL, of a binary that this one has built
	}
	binary = filepath.Join(dir, "airatelimit")
	args := []string{"build", "-buildvcs=false", "-o", binary}
	if underRace {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "github.com/airatelimit/airatelimit/cmd/airatelimit")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the binary:", err)
		return 1
	}
	if err := os.Setenv(builtBinary, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// readSources reads what the binary is made of. Of what a test's commands read go test knows nothing,
// and it would repeat an earlier result when only that has changed.
func readSources() error {
	for _, root := range []string{"../../cmd", "../../internal", "../../go.mod"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// installation is a DATA_DIR and what processes on it have in their environment.
type installation struct {
	t        *testing.T
	dir      string
	env      map[string]string
	database string // URL of PostgreSQL, "" with SQLite
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), env: map[string]string{}}
	if pgtest.Chosen() {
		in.database = stack.Database(t)
		maps.Copy(in.env, stack.Environment(in.database))
	}
	return in
}

// environment is the process's whole one, so that nothing of the developer's own gets in.
func (in *installation) environment(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + in.dir, "TMPDIR=" + os.TempDir(),
		"DATA_DIR=" + in.dir, "PORT=0", "GORACE=halt_on_error=1",
	}
	for name, value := range in.env {
		env = append(env, name+"="+value)
	}
	return append(env, more...)
}

// process is a running airatelimit.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    transcript
	log    transcript
	url    string
	exited chan struct{}
	err    error // how it ended, to be read after exited
}

// serve starts a server and waits until it serves. More is added to its environment.
func (in *installation) serve(more ...string) *process {
	in.t.Helper()
	p := in.start(exec.Command(binary, "serve"), more...)
	p.waitReady()
	return p
}

// start starts a command on the installation. It is killed at the end of the test if it still runs then.
func (in *installation) start(cmd *exec.Cmd, more ...string) *process {
	in.t.Helper()
	p := &process{t: in.t, cmd: cmd, exited: make(chan struct{})}
	p.log.changed, p.out.changed = make(chan struct{}), make(chan struct{})
	cmd.Env, cmd.Stdout, cmd.Stderr = in.environment(more...), &p.out, &p.log
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	in.t.Cleanup(func() {
		p.kill()
		if log := p.log.String(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "msg=panic") {
			in.t.Errorf("the process logged:\n%s", log)
		} else if in.t.Failed() {
			in.t.Logf("the end of its log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return p
}

var servingAt = regexp.MustCompile(`msg=serving address=\S*:(\d+)`)

func (p *process) waitReady() {
	p.t.Helper()
	at := p.log.wait(p, servingAt)
	if at == nil {
		p.t.Fatalf("does not serve: %v\n%s", p.ending(), p.log.String())
	}
	p.url = "http://127.0.0.1:" + at[1]
}

func (p *process) ending() error {
	select {
	case <-p.exited:
		return fmt.Errorf("exited: %w", p.err)
	default:
		return errors.New("still running")
	}
}

// kill ends the process as the kernel would, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// terminate asks the process to end, as an operator's SIGTERM does.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// waitExit returns the exit code.
func (p *process) waitExit() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("did not exit within %s:\n%s", patience, p.log.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends the process in good order.
func (p *process) stop() {
	p.t.Helper()
	p.terminate()
	if code := p.waitExit(); code != 0 {
		p.t.Fatalf("exit code %d after SIGTERM, want 0:\n%s", code, p.log.String())
	}
}

// transcript is what a process has written so far.
type transcript struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed, and replaced, at every write
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.buf.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// wait returns the first match of a pattern as soon as there is one; nil where the process ends without.
func (s *transcript) wait(p *process, pattern *regexp.Regexp) []string {
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		changed, found := s.changed, pattern.FindStringSubmatch(s.buf.String())
		s.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-changed:
		case <-p.exited:
			return pattern.FindStringSubmatch(s.String())
		case <-deadline:
			return nil
		}
	}
}

// ended is how a command that ends by itself has ended.
type ended struct {
	code     int
	out, err string
}

// run runs a command of airatelimit to its end.
func (in *installation) run(stdin string, env []string, args ...string) ended {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return in.exec(exec.CommandContext(ctx, binary, args...), stdin, env...)
}

// paste runs a command line as a person would in a terminal.
func (in *installation) paste(line string, env ...string) ended {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return in.exec(exec.CommandContext(ctx, "bash", "-c", line), "", env...)
}

func (in *installation) exec(cmd *exec.Cmd, stdin string, env ...string) ended {
	in.t.Helper()
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = in.environment(env...), strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		in.t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// keys are those of a project.
type keys struct {
	Project string `json:"projectKey"`
	Secret  string `json:"secretKey"`
}

// create makes a project from a settings document.
func (in *installation) create(document string) keys {
	in.t.Helper()
	got := in.run(document, nil, "project", "create", "--name", "Test", "--config", "-", "--json")
	var k keys
	if err := json.Unmarshal([]byte(got.out), &k); err != nil || got.code != 0 {
		in.t.Fatalf("project create: exit %d: %s%s", got.code, got.out, got.err)
	}
	return k
}

const storedKey = "stored-provider-key-0123456789"

// openai is a settings document whose OpenAI is an upstream. Fields go before it.
func openai(upstream, fields string) string {
	if fields != "" {
		fields += ", "
	}
	return fmt.Sprintf(`{%s"providers": {"openai": {"baseUrl": "%s/v1", "key": "%s"}}}`, fields, upstream, storedKey)
}

// upstream serves a handler in front of an echo provider, for as long as the test runs.
func upstream(t *testing.T, wrap func(next http.Handler) http.Handler) (url string) {
	t.Helper()
	provider := echo.New(echo.Options{})
	srv := httptest.NewServer(wrap(provider))
	t.Cleanup(srv.Close)
	t.Cleanup(provider.Close)
	return srv.URL
}

// answer is a response that has been read to its end, or to where it broke off.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

// newClient returns a client whose connections are its own.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// request makes a request of the data plane; headers come in pairs.
func request(ctx context.Context, method, url, projectKey, identity, body string, headers ...string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		panic(err) // a mistake in the test
	}
	req.Header.Set("x-project-key", projectKey)
	req.Header.Set("x-identity", identity)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// do sends a request and reads the answer. An error before the answer's header leaves status 0.
func do(c *http.Client, req *http.Request) answer {
	resp, err := c.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

const hello = `{"model":"gpt-4o","messages":[{"role":"user","content":"hello there"}]}`

func chat(c *http.Client, p *process, k keys, identity string, headers ...string) answer {
	return do(c, request(context.Background(), http.MethodPost, p.url+"/v1/chat/completions", k.Project, identity, hello, headers...))
}

// within tries until a condition holds, and fails where it does not in time.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
