package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// target is something that is measured.
type target struct {
	name       string
	addr       string
	process    *process
	identities int
	chat       *request
	stream     *request

	gateway    bool
	projectKey string
	full       *target // the same gateway, in a project whose limit is used up

	guarded []*target // the same gateway with the guard off and on, see guardTargets
	log     string    // file; "" for none
	memory  struct{ start, live, end int64 }
	turn    atomic.Int64
}

// next is the identity whose turn it is.
func (t *target) next() int { return int((t.turn.Add(1) - 1) % int64(t.identities)) }

// live is how many of the identities have been asked for.
func (t *target) live() int { return int(min(t.turn.Load(), int64(t.identities))) }

func (t *target) withRequests(projectKey, status string) *target {
	t.projectKey = projectKey
	t.chat = newRequest(t.addr, projectKey, status, false)
	t.stream = newRequest(t.addr, projectKey, status, true)
	return t
}

const anyKey = "pk_0000000000000000000000" // as long as a project key

func startUpstream(ctx context.Context) (*target, error) {
	p, addr, err := startRole(ctx, nil, "upstream")
	if err != nil {
		return nil, err
	}
	t := &target{name: "direct", addr: addr, process: p, identities: 1}
	return t.withRequests(anyKey, "200"), nil
}

func startProxy(ctx context.Context, upstream string, pooled bool, profile string) (*target, error) {
	role, name := "proxy", "bare proxy"
	if pooled {
		role, name = "pooled", "pooled proxy"
	}
	if profile != "" {
		profile += ".proxy"
	}
	p, addr, err := startRole(ctx, nil, role, "-upstream", upstream, "-cpuprofile", profile)
	if err != nil {
		return nil, err
	}
	t := &target{name: name, addr: addr, process: p, identities: 1}
	return t.withRequests(anyKey, "200"), nil
}

// build builds the gateway as it is shipped, but for what the linker strips.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "airatelimit")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/airatelimit/airatelimit/cmd/airatelimit")
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the gateway: %w", err)
	}
	return path, nil
}

// huge are three limits in force that nobody reaches; spent is one that the first request
// uses up.
const (
	huge  = `"requestLimit":1000000000000,"tokenLimit":1000000000000000,"costLimitUsd":100000000`
	spent = `"requestLimit":1,"tokenLimit":1000000000000000,"costLimitUsd":100000000`
)

// startGateway starts a gateway for a number of identities and makes a request of each. A
// gateway that it started is returned with an error too.
func (b *bench) startGateway(ctx context.Context, binary, name, dir string, identities int) (*target, error) {
	t, err := b.serveProjects(ctx, binary, name, dir, identities)
	if err != nil {
		return t, err
	}
	if !b.fill {
		if err := sendEach(ctx, t, t.chat); err != nil {
			return t, err
		}
	}
	t.emptyLog()
	t.memory.live = t.process.memory()
	return t, nil
}

// serveProjects starts a gateway that has one project to admit and one to refuse. Where
// profile is not "" the gateway is this program's.
func (b *bench) serveProjects(ctx context.Context, binary, name, dir string, identities int) (*target, error) {
	upstream, profile := b.direct.addr, b.profile
	dir = filepath.Join(dir, name+"_"+strconv.Itoa(identities))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	env := []string{"DATA_DIR=" + dir, "PORT=" + port, "ALLOW_PRIVATE_UPSTREAMS=true", "BENCH_KEY=sk-bench-0123456789abcdef",
		"DRAIN_SECONDS=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	location := filepath.Join(dir, "airatelimit.db")
	if b.database != nil {
		url, err := b.database.CreateDatabase(filepath.Base(dir), "")
		if err != nil {
			return nil, err
		}
		location = url
		env = append(env, "DATABASE_URL="+url, "JWT_SECRET="+rand.Text()+rand.Text(), "ENCRYPTION_KEY="+(rand.Text() + rand.Text())[:32])
	}
	admitting, err := createProject(ctx, binary, env, upstream, huge)
	if err != nil {
		return nil, err
	}
	refusing, err := createProject(ctx, binary, env, upstream, spent)
	if err != nil {
		return nil, err
	}
	unguarded, err := createProject(ctx, binary, env, upstream, huge)
	if err != nil {
		return nil, err
	}
	guarding, err := createProject(ctx, binary, env, upstream, huge+`,"security":{"enabled":true}`)
	if err != nil {
		return nil, err
	}
	if b.fill {
		if err := fill(ctx, location, admitting, identities); err != nil {
			return nil, fmt.Errorf("put the identities into the tables: %w", err)
		}
		if b.database != nil { // what was filled in is not to be written while something is measured
			if err := b.database.Exec("postgres", "CHECKPOINT"); err != nil {
				return nil, err
			}
		}
	}
	t := &target{name: name + ", " + thousands(identities), addr: "127.0.0.1:" + port, identities: identities, gateway: true}
	if profile != "" {
		t.process, t.addr, err = startRole(ctx, env, "gateway", "-cpuprofile", profile)
	} else {
		t.process, err = serve(ctx, binary, env, t, dir)
	}
	if err != nil {
		return nil, err
	}
	t.withRequests(admitting, "200")
	t.full = &target{name: "refusals", addr: t.addr, process: t.process, identities: 1}
	t.full.withRequests(refusing, "200")
	if err := sendEach(ctx, t.full, t.full.chat); err != nil {
		t.process.stop()
		return nil, err
	}
	t.full.withRequests(refusing, "429")
	t.guarded = t.guardTargets(unguarded, guarding)
	time.Sleep(500 * time.Millisecond) // what starting up has left is collected
	t.memory.start = t.process.memory()
	return t, nil
}

// guardTargets are the gateway with the guard off and on: with a conversation that the guard knows, and with a message that
// it has not read before.
func (t *target) guardTargets(off, on string) []*target {
	with := func(name, key, body string) *target {
		g := &target{name: name, addr: t.addr, process: t.process, identities: 1}
		g.chat = requestOf(t.addr, key, "200", false, body)
		return g
	}
	return []*target{
		with("guard off, the usual conversation", off, chatBody(false)),
		with("guard on, the usual conversation", on, chatBody(false)),
		with("guard off, a new message of 1 KB", off, freshBody()),
		with("guard on, a new message of 1 KB", on, freshBody()),
	}
}

// serve starts the real program and waits until it is ready.
func serve(ctx context.Context, binary string, env []string, t *target, dir string) (*process, error) {
	t.log = filepath.Join(dir, "log")
	log, err := os.OpenFile(t.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the child has its own
	p, _, err := start(ctx, log, env, binary, "serve")
	if err != nil {
		return nil, err
	}
	for range 200 {
		if resp, err := http.Get("http://" + t.addr + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.stop()
	said, _ := os.ReadFile(t.log)
	return nil, fmt.Errorf("the gateway did not get ready: %s", said)
}

// freePort returns a port that is free now. The server takes its port from the
// environment, and telling us one of its own choice would be in the log.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close()
	return port, err
}

func createProject(ctx context.Context, binary string, env []string, upstream, limits string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, "project", "create", "--json", "--config", "-", "--provider-key", "openai=env:BENCH_KEY")
	cmd.Env = env
	cmd.Stdin = strings.NewReader(`{"name":"bench",` + limits + `,"providers":{"openai":{"baseUrl":"http://` + upstream + `/v1"}}}`)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("create a project: %w: %s", err, said.Bytes())
	}
	var keys struct{ ProjectKey string }
	if err := json.Unmarshal(out, &keys); err != nil {
		return "", fmt.Errorf("create a project: %w", err)
	}
	return keys.ProjectKey, nil
}

// emptyLog keeps what the gateway logs, a line a request, from filling the disk.
func (t *target) emptyLog() {
	if t.log != "" {
		_ = os.Truncate(t.log, 0)
	}
}

// check compares what the gateway has counted of its first identity with what was sent.
func (t *target) check() error {
	req, err := http.NewRequest(http.MethodGet, "http://"+t.addr+"/v1/usage", nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Project-Key", t.projectKey)
	req.Header.Set("X-Identity", "user-00000000")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // decoded below
	var usage struct{ Usage struct{ Requests int64 } }
	if err := json.NewDecoder(resp.Body).Decode(&usage); err != nil {
		return fmt.Errorf("%s: usage: %w", t.name, err)
	}
	turns := t.turn.Load()
	if want := (turns + int64(t.identities) - 1) / int64(t.identities); usage.Usage.Requests != want {
		return fmt.Errorf("%s: counted %d requests of %d", t.name, usage.Usage.Requests, want)
	}
	return nil
}
