package faults

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// fleet is an installation with its nodes, the provider behind it and the book that clients keep of it.
type fleet struct {
	*book
	t      *testing.T
	home   *node.Home
	db     *database
	nodes  []*node.Process
	keys   node.Keys
	client *http.Client
	limits map[string]kept // by tier, in the period of the project; what is not set is not limited
	doubts map[*node.Process][]*doubt
}

// secrets are what nodes on PostgreSQL must have in common.
var secrets = map[string]string{
	"JWT_SECRET":     "5c0f2b7e9a41d386cf1240b8e67d93a5f8b20c6e41d79a3562e8f0b4c1d7a935",
	"ENCRYPTION_KEY": "9e1d47b0c8f263a57d40e9b1f6c8352a0b7d94e8c15f63a2d8b04e7f19c6a350",
}

// newFleet makes an installation and a project with these settings; the provider is added to them. It starts no node.
func newFleet(t *testing.T, db *database, settings string) *fleet {
	t.Helper()
	f := emptyFleet(t, db)
	f.keys = f.home.Create(node.OpenAI(f.serveProvider(), settings))
	return f
}

// emptyFleet is one without a project.
func emptyFleet(t *testing.T, db *database) *fleet {
	t.Helper()
	f := &fleet{t: t, book: newBook(t), home: node.NewHome(t, command), db: db, client: newClient(t), limits: limits, doubts: map[*node.Process][]*doubt{}}
	if db.url != "" {
		maps.Copy(f.home.Env, secrets)
		f.home.Env["DATABASE_URL"], f.home.Env["DATABASE_POOL_SIZE"] = db.url, "6"
	} else {
		db.url = "sqlite:" + filepath.Join(f.home.Dir, "airatelimit.db")
	}
	return f
}

// newClient returns a client whose connections are its own.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 512}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: node.Patience}
}

// serve starts nodes of the built binary, all at once.
func (f *fleet) serve(n int, more ...string) {
	f.t.Helper()
	f.start(n, func(int) *node.Process { return f.home.Start(serveCommand(command), more...) })
}

func (f *fleet) start(n int, one func(i int) *node.Process) {
	f.t.Helper()
	first := len(f.nodes)
	for i := range n {
		f.nodes = append(f.nodes, one(i))
	}
	for _, p := range f.nodes[first:] {
		p.AwaitServing()
	}
}

// clock is how far the time of a node is ahead of the machine's.
type clock struct {
	t    *testing.T
	path string
}

func newClock(t *testing.T, ahead time.Duration) clock {
	t.Helper()
	c := clock{t, filepath.Join(t.TempDir(), "clock")}
	c.set(ahead)
	return c
}

// set steps the clock, of a node that runs too.
func (c clock) set(ahead time.Duration) {
	c.t.Helper()
	// In place: a reader sees the old eight bytes or the new ones.
	file, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(ahead)), 0)
		_ = file.Close()
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// beat is that of nodes that must be found dead soon: after six times as long. The race detector makes a busy node so slow
// that others would take it for dead.
var beat = map[bool]time.Duration{false: 150 * time.Millisecond, true: 600 * time.Millisecond}[node.UnderRace]

// serveByClocks starts a node for each clock. They find out soon that another one is dead.
func (f *fleet) serveByClocks(clocks ...clock) {
	f.t.Helper()
	f.start(len(clocks), func(i int) *node.Process { return f.startByClock(clocks[i]) })
}

func (f *fleet) startByClock(c clock, more ...string) *node.Process {
	return f.home.Start(serveCommand(os.Args[0]), append(more, clockFile+"="+c.path, beatEvery+"="+beat.String())...)
}

// request makes a request of an identity; headers come in pairs.
func (f *fleet) request(ctx context.Context, p *node.Process, method, path, identity, body string, headers ...string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, strings.NewReader(body))
	if err != nil {
		panic(err) // a mistake in the test
	}
	req.Header.Set("x-project-key", f.keys.Project)
	req.Header.Set("x-identity", identity)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// answer is a response that has been read to its end, or to where it broke off.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (f *fleet) do(req *http.Request) answer {
	resp, err := f.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

// control calls the control plane of a node about the project's identities.
func (f *fleet) control(p *node.Process, method, path, body string, headers ...string) answer {
	req := f.request(context.Background(), p, method, "/api/projects/"+f.keys.Project+"/identities"+path, "", body, headers...)
	req.Header.Del("x-project-key")
	req.Header.Del("x-identity")
	req.Header.Set("Authorization", "Bearer "+f.keys.Secret)
	return f.do(req)
}

// totals are what an identity has used, or has left.
type totals struct{ Requests, Tokens int64 }

// usage is what GET /v1/usage tells.
type usage struct {
	Limits []struct {
		Metric                 string
		Limit, Used, Remaining json.Number
	}
	Usage, Credits totals
}

// usageOf asks a node what an identity of a tier has used.
func (f *fleet) usageOf(p *node.Process, identity, tier string) (u usage) {
	f.t.Helper()
	a := f.do(f.request(context.Background(), p, http.MethodGet, "/v1/usage", identity, "", "x-tier", tier))
	if err := json.Unmarshal([]byte(a.body), &u); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("usage of %s: %d %v %s", identity, a.status, a.err, a.body)
	}
	return u
}

// ready asks whether a node takes requests, and what it says why not.
func (f *fleet) ready(p *node.Process) (status int, reason string) {
	a := f.do(f.request(context.Background(), p, http.MethodGet, "/readyz", "", ""))
	var said struct{ Reason string }
	_ = json.Unmarshal([]byte(a.body), &said) // nothing is said by a node that is gone
	return a.status, said.Reason
}

// awaitReady returns when all nodes take requests.
func (f *fleet) awaitReady() {
	f.t.Helper()
	for i, p := range f.nodes {
		await.Within(f.t, node.Patience, fmt.Sprintf("node %d is ready", i), func() bool {
			status, _ := f.ready(p)
			return status == http.StatusOK
		})
	}
}

// long is whether the heavy rounds run.
var long = os.Getenv("LONG") != ""

// shared returns an empty database in the cluster of all tests that leave it running.
func shared(t *testing.T) *database {
	t.Helper()
	return in(t, pgtest.Shared(t))
}
