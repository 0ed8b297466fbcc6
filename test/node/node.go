// Package node runs airatelimit as operators do, in tests: real processes with signals, an environment and a log, on a
// SQLite file or on a PostgreSQL that several share.
//
// Every process is killed by its own id when its test ends, however that ends.
package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a process may take for what it does at once. It is generous: a busy machine must not fail a
// test.
const Patience = 60 * time.Second

// Home is what processes of one installation share: their DATA_DIR and their environment.
type Home struct {
	T   testing.TB
	Dir string
	Env map[string]string
	// Command is the command that serves, and that makes projects: usually the built binary.
	Command string
}

// NewHome returns an installation in an empty folder.
func NewHome(t testing.TB, command string) *Home {
	t.Helper()
	return &Home{T: t, Dir: t.TempDir(), Env: map[string]string{}, Command: command}
}

// Environment is a process's whole one, so that nothing of the developer's own gets in. More goes after the rest.
func (h *Home) Environment(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.Dir, "TMPDIR=" + os.TempDir(),
		"DATA_DIR=" + h.Dir, "PORT=0", "GORACE=halt_on_error=1",
	}
	for name, value := range h.Env {
		env = append(env, name+"="+value)
	}
	return append(env, more...)
}

// Process is a running command.
type Process struct {
	URL      string // where it serves
	Out, Log Transcript

	t      testing.TB
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended, to be read after exited
}

// Serve starts a server and returns when it serves. More is added to its environment.
func (h *Home) Serve(more ...string) *Process {
	h.T.Helper()
	p := h.Start(exec.Command(h.Command, "serve"), more...)
	p.AwaitServing()
	return p
}

// Start starts a command on the installation.
func (h *Home) Start(cmd *exec.Cmd, more ...string) *Process {
	h.T.Helper()
	p := &Process{t: h.T, cmd: cmd, exited: make(chan struct{})}
	p.Log.changed, p.Out.changed = make(chan struct{}), make(chan struct{})
	cmd.Env, cmd.Stdout, cmd.Stderr = h.Environment(more...), &p.Out, &p.Log
	// Processes started by a killed script may keep its pipes open for any time.
	cmd.WaitDelay = 5 * time.Second
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		h.T.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	h.T.Cleanup(func() {
		p.Kill()
		if log := p.Log.String(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "msg=panic") {
			h.T.Errorf("the process logged:\n%s", log)
		} else if h.T.Failed() {
			h.T.Logf("the end of its log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return p
}

var servingAt = regexp.MustCompile(`msg=serving address=\S*:(\d+)`)

// AwaitServing returns when the server serves, and sets URL.
func (p *Process) AwaitServing() {
	p.t.Helper()
	at := p.Log.Wait(p, servingAt)
	if at == nil {
		p.t.Fatalf("does not serve: %v\n%s", p.Ending(), p.Log.String())
	}
	p.URL = "http://127.0.0.1:" + at[1]
}

// Ending says how the process has ended, if it has.
func (p *Process) Ending() error {
	select {
	case <-p.exited:
		return fmt.Errorf("exited: %w", p.err)
	default:
		return errors.New("still running")
	}
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed when the process is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal sends the process a signal. One that is gone gets none.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// Kill ends the process as the kernel would, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Terminate asks the process to end, as an operator's SIGTERM does.
func (p *Process) Terminate() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
}

// AwaitExit returns the exit code.
func (p *Process) AwaitExit() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(Patience):
		p.t.Fatalf("did not exit within %s:\n%s", Patience, p.Log.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop ends the process in good order.
func (p *Process) Stop() {
	p.t.Helper()
	p.Terminate()
	if code := p.AwaitExit(); code != 0 {
		p.t.Errorf("exit code %d after SIGTERM, want 0:\n%s", code, p.Log.String())
	}
}

// Transcript is what a process has written so far.
type Transcript struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed, and replaced, at every write
}

// Write implements io.Writer.
func (s *Transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.buf.Write(b)
}

// String returns everything.
func (s *Transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// Wait returns the first match of a pattern as soon as there is one; nil where the process ends without.
func (s *Transcript) Wait(p *Process, pattern *regexp.Regexp) []string {
	deadline := time.After(Patience)
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

// Ended is how a command that ends by itself has ended.
type Ended struct {
	Code     int
	Out, Err string
}

// Run runs a command of airatelimit to its end. Env is added to its environment.
func (h *Home) Run(stdin string, env []string, args ...string) Ended {
	h.T.Helper()
	return h.run(stdin, env, h.Command, args...)
}

// Paste runs a command line as a person would in a terminal. More is added to its environment.
func (h *Home) Paste(line string, more ...string) Ended {
	h.T.Helper()
	return h.run("", more, "bash", "-c", line)
}

func (h *Home) run(stdin string, env []string, name string, args ...string) Ended {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = h.Environment(env...), strings.NewReader(stdin), &out, &errs
	endWithParent(cmd)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.T.Fatal(err)
	}
	return Ended{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}
