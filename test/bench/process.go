package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child that serves. It is ended by its own id.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
}

// start starts a child. The roles of this program end with their standard input, so none
// outlives its parent.
func start(ctx context.Context, log io.Writer, env []string, path string, args ...string) (*process, io.Reader, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stderr = env, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return &process{cmd, in}, out, nil
}

// stop ends the child and waits for it.
func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait() // it was told to end: how it ended says nothing
}

// startRole starts this program in another role and returns the address that it serves.
func startRole(ctx context.Context, env []string, role string, args ...string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p, out, err := start(ctx, os.Stderr, append(os.Environ(), env...), self, append([]string{"-role", role}, args...)...)
	if err != nil {
		return nil, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, "", fmt.Errorf("%s did not start: %w", role, err)
	}
	return p, strings.TrimSpace(line), nil
}

// clockTick is the unit of CPU times in /proc, USER_HZ, which is 100 on every Linux.
const clockTick = 10 * time.Millisecond

// cpu returns the CPU time that the process has used, user and system: 0 where there is
// no /proc.
func (p *process) cpu() time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name in parentheses may contain blanks; utime and stime are the 14th and 15th.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	if errors.Join(errUser, errSystem) != nil {
		return 0
	}
	return time.Duration(user+system) * clockTick
}

// memory returns the resident bytes of the process: 0 where there is no /proc.
func (p *process) memory() int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
