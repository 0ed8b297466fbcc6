package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// onCluster is an installation on a PostgreSQL that the test may stop.
func onCluster(t *testing.T) (*installation, *pgtest.Cluster) {
	t.Helper()
	cluster := pgtest.New(t, pgtest.Options{TCP: true})
	url, err := cluster.CreateDatabase("limits", "")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t)
	in.database, in.Env = url, stack.Environment(url)
	return in, cluster
}

// readiness is what /readyz says.
func readiness(t *testing.T, c *http.Client, p *node.Process) (status int, reason string) {
	t.Helper()
	a := do(c, request(context.Background(), http.MethodGet, p.URL+"/readyz", "", "", ""))
	var body struct{ Reason string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("/readyz: %d %v %s", a.status, a.err, a.body)
	}
	return a.status, body.Reason
}

var (
	starting = regexp.MustCompile(`msg=starting address=\S*:(\d+)`)
	waiting  = regexp.MustCompile(`msg="waiting for the database" error=.*`)
)

// starts a node that does not serve yet, and returns when it says what it waits for.
func (in *installation) startWaiting(more ...string) *node.Process {
	in.t.Helper()
	p := in.Start(exec.Command(binary, "serve"), more...)
	at := p.Log.Wait(p, starting)
	if at == nil || p.Log.Wait(p, waiting) == nil {
		in.t.Fatalf("the log does not say where it listens, or what it waits for: %v\n%s", p.Ending(), p.Log.String())
	}
	p.URL = "http://127.0.0.1:" + at[1]
	return p
}

// A database may be away in two ways: nobody listens, or whoever does never answers.
var absences = map[string]func(*testing.T, *pgtest.Cluster) (back func() error){
	"stopped": func(t *testing.T, c *pgtest.Cluster) func() error {
		if err := c.Stop(pgtest.Fast); err != nil {
			t.Fatal(err)
		}
		return c.Start
	},
	"silent": func(t *testing.T, c *pgtest.Cluster) func() error {
		resume, err := c.Pause()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resume() })
		return resume
	},
}

// A node that starts before its database says so to whoever asks, and waits for it.
func TestANodeWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	for name, leave := range absences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, cluster := onCluster(t)
			url, _ := echoing(t)
			k, c := in.Create(node.OpenAI(url, "")), newClient(t)
			back := leave(t, cluster)
			p := in.startWaiting()
			ask := func(method, path string) answer {
				return do(c, request(context.Background(), method, p.URL+path, k.Project, "ann", hello))
			}
			for _, path := range []string{"/healthz", "/api/health"} {
				if a := ask(http.MethodGet, path); a.status != http.StatusOK {
					t.Errorf("%s while starting: %d %v %s, want 200", path, a.status, a.err, a.body)
				}
			}
			if a := ask(http.MethodGet, "/readyz"); a.status != http.StatusServiceUnavailable ||
				!strings.Contains(a.body, `"status":"starting"`) || !strings.Contains(a.body, `the database cannot be opened yet; the log says why`) {
				t.Errorf("/readyz while starting: %d %v %s, want 503, starting and the reason", a.status, a.err, a.body)
			}
			for path, body := range map[string]string{
				"/v1/chat/completions":                       `"code":"unavailable"`,
				"/v1/messages":                               `"type":"overloaded_error"`,
				"/v1beta/models/gemini-x:generateContent":    `"status":"UNAVAILABLE"`,
				"/api/projects/" + k.Project + "/identities": `"detail":"This server is starting. Try again."`,
			} {
				if a := ask(http.MethodPost, path); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
					a.header.Get("X-Request-Id") == "" || !strings.Contains(a.body, body) {
					t.Errorf("%s while starting: %d %v %v %s, want 503 with Retry-After and %s", path, a.status, a.header, a.err, a.body, body)
				}
			}
			if err := back(); err != nil {
				t.Fatal(err)
			}
			p.AwaitServing()
			if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
				t.Errorf("status %d, want 200: %s", a.status, a.body)
			}
			p.Stop()
			in.wantCounted(k, map[string]int64{"ann": 1})
		})
	}
}

// atOnce is far less than a node waits for its database.
const atOnce = 15 * time.Second

func TestTerminatedWhileItWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	for name, leave := range absences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, cluster := onCluster(t)
			leave(t, cluster)
			p := in.startWaiting()
			began := time.Now()
			p.Stop()
			if took := time.Since(began); took > atOnce {
				t.Errorf("it took %s to end", took)
			}
		})
	}
}

// A start repeats each step with the database where the database was only busy.
func TestANodeWaitsForTablesThatAreLocked(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	for _, table := range []string{"installation", "revision", "nodes"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			in.database = stack.Database(t)
			in.Env = stack.Environment(in.database)
			conn, err := pgx.Connect(t.Context(), in.database)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
			if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
				t.Fatal(err)
			}
			p := in.startWaiting()
			if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			p.AwaitServing()
			p.Stop()
		})
	}
}

// A port that is taken will be so however long the database is waited for.
func TestAPortThatIsTakenEndsAStartAtOnce(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in, cluster := onCluster(t)
	absences["stopped"](t, cluster)
	ln, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // nobody connects
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	began := time.Now()
	ended := in.Run("", []string{"PORT=" + port}, "serve")
	if ended.Code == 0 || !strings.Contains(ended.Err, "listen on port "+port) || !strings.Contains(ended.Err, "set PORT to another port") {
		t.Errorf("exit %d: %s, want an error that names the port", ended.Code, ended.Err)
	}
	if took := time.Since(began); took > atOnce {
		t.Errorf("it took %s to end", took)
	}
}

// Usage is written while a node that was told to end still may.
func TestTerminatedWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	for name, leave := range absences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, cluster := onCluster(t)
			g := await.NewGate()
			provider := echo.New(echo.Options{Before: g.Hold})
			k, c := in.Create(node.OpenAI(upstream(t, func(http.Handler) http.Handler { return provider }), "")), newClient(t)
			p := in.Serve("DRAIN_SECONDS=5")
			answered := make(chan answer)
			go func() { answered <- chat(c, p, k, "ann") }()
			<-g.Arrived
			back := leave(t, cluster)
			p.Terminate()
			g.Open()
			if a := <-answered; a.status != http.StatusOK {
				t.Errorf("status %d %v, want the answer to a request that was admitted before", a.status, a.err)
			}
			// This is how long the database is away, and not a wait for anything.
			time.Sleep(6 * time.Second)
			if err := back(); err != nil {
				t.Fatal(err)
			}
			if code := p.AwaitExit(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			in.wantCounted(k, map[string]int64{"ann": 1})
		})
	}
}

// A platform kills what has not ended by its deadline, which the files in deploy/ set.
func TestTerminatedWhileTheDatabaseStaysAway(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	for name, leave := range absences {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, cluster := onCluster(t)
			g := await.NewGate()
			provider := echo.New(echo.Options{Before: g.Hold})
			k, c := in.Create(node.OpenAI(upstream(t, func(http.Handler) http.Handler { return provider }), "")), newClient(t)
			p := in.Serve("DRAIN_SECONDS=1")
			answered := make(chan answer)
			go func() { answered <- chat(c, p, k, "ann") }()
			<-g.Arrived
			back := leave(t, cluster)
			g.Open()
			<-answered
			began := time.Now()
			p.Terminate()
			if code := p.AwaitExit(); code == 0 || !strings.Contains(p.Log.String(), "1 ends of requests could not be written") {
				t.Errorf("exit code %d, want an error that says what was lost:\n%s", code, p.Log.String())
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s to end with DRAIN_SECONDS=1, want at most 16 s and what a busy machine adds", took)
			}
			if err := back(); err != nil {
				t.Error(err)
			}
		})
	}
}

// execute runs a statement beside the nodes, as their own user.
func (in *installation) execute(statement string) {
	in.t.Helper()
	conn, err := pgx.Connect(in.t.Context(), in.database)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	if _, err := conn.Exec(in.t.Context(), statement); err != nil {
		in.t.Fatalf("%s: %v", statement, err)
	}
}

func TestTheLogWarnsOfADatabaseThatForgets(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	in.execute(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	p := in.Serve()
	if p.Log.Wait(p, regexp.MustCompile(`level=WARN msg="admitted requests may be lost in a database crash: see docs/postgresql.md" synchronous_commit=off`)) == nil {
		t.Errorf("no warning:\n%s", p.Log.String())
	}
	p.Stop()
}

// The database refuses what requests need, and nothing else: only the log can say why each of them gets 503.
func TestTheLogSaysWhyLimitsCannotBeChecked(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	url, _ := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	p := in.Serve()
	in.execute(`REVOKE ALL ON holds FROM CURRENT_USER`)
	for range 20 {
		if a := chat(c, p, k, "ann"); a.status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503: %s", a.status, a.body)
		}
	}
	why := regexp.MustCompile(`level=ERROR msg="limits unavailable" error=.*permission denied for table holds`)
	if p.Log.Wait(p, why) == nil {
		t.Errorf("the log does not say why:\n%s", p.Log.String())
	}
	in.execute(`GRANT ALL ON holds TO CURRENT_USER`)
	await.Within(t, patience, "an answer", func() bool { return chat(c, p, k, "ann").status == http.StatusOK })
	if p.Log.Wait(p, regexp.MustCompile(`msg="limits available again"`)) == nil {
		t.Errorf("the log does not say that it is over:\n%s", p.Log.String())
	}
	p.Stop()
	for _, line := range []string{"limits unavailable", "limits available again"} {
		if n := strings.Count(p.Log.String(), line); n != 1 {
			t.Errorf("%d lines %q, want 1 however many requests", n, line)
		}
	}
}

// A pool's size is what the database's limit is divided by: a node must keep to it, its listener apart.
func TestANodeKeepsToTheSizeOfItsPool(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	url, _ := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	const size = 5
	p := in.Serve(fmt.Sprint("DATABASE_POOL_SIZE=", size))
	conn, err := pgx.Connect(t.Context(), in.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	var clients sync.WaitGroup
	done := make(chan struct{})
	for i := range 32 {
		clients.Go(func() {
			for n := range 20 {
				if a := chat(c, p, k, fmt.Sprint("user-", i, "-", n)); a.status != http.StatusOK {
					t.Errorf("status %d: %v %s", a.status, a.err, a.body)
				}
				unknown := request(context.Background(), http.MethodPost, p.URL+"/v1/chat/completions", "pk_unknown0123456789012345", "ann", hello)
				if a := do(c, unknown); a.status != http.StatusUnauthorized {
					t.Errorf("an unknown project: status %d, want 401: %v %s", a.status, a.err, a.body)
				}
			}
		})
	}
	go func() {
		clients.Wait()
		close(done)
	}()
	most := 0
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		var open int
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&open); err != nil {
			t.Fatal(err)
		}
		most = max(most, open)
	}
	if most > size+1 || most < 2 {
		t.Errorf("%d connections at most, want no more than %d and a listener", most, size)
	}
	p.Stop()
}

func TestANodeSaysThatItsDatabaseIsAwayAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in, cluster := onCluster(t)
	url, seen := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	p := in.Serve()
	if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
		t.Fatalf("status %d, want 200: %s", a.status, a.body)
	}
	if err := cluster.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	before := seen.Total()
	for name, key := range map[string]string{"a known project": k.Project, "an unknown one": "pk_unknown0123456789012345"} {
		a := do(c, request(context.Background(), http.MethodPost, p.URL+"/v1/chat/completions", key, "ann", hello))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s while the database is away: %d %v %s; want 503 with Retry-After", name, a.status, a.header, a.body)
		}
	}
	if n := seen.Total() - before; n != 0 {
		t.Errorf("%d requests reached the provider, want none", n)
	}
	await.Within(t, patience, "not ready", func() bool {
		status, reason := readiness(t, c, p)
		return status == http.StatusServiceUnavailable && strings.Contains(reason, "database cannot be reached")
	})
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await.Within(t, patience, "ready", func() bool {
		status, _ := readiness(t, c, p)
		return status == http.StatusOK
	})
	if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
		t.Errorf("status %d, want 200: %s", a.status, a.body)
	}
	p.Stop()
	in.wantCounted(k, map[string]int64{"ann": 2})
}

// A command on one machine changes what all nodes do.
func TestACommandIsInForceOnEveryNodeInTime(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	url, _ := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	nodes := []*node.Process{in.Serve(), in.Serve(), in.Serve()}
	for _, want := range []int{http.StatusTooManyRequests, http.StatusOK} {
		document := map[int]string{http.StatusTooManyRequests: `{"requestLimit": 0}`, http.StatusOK: `{"requestLimit": 100}`}[want]
		if got := in.Run(document, nil, "project", "config", k.Project, "--set", "-"); got.Code != 0 {
			t.Fatalf("project config: exit %d: %s", got.Code, got.Err)
		}
		began := time.Now()
		await.Within(t, node.Patience, document+" on every node", func() bool {
			for _, p := range nodes {
				if chat(c, p, k, "ann").status != want {
					return false
				}
			}
			return true
		})
		t.Logf("in force everywhere after %s", time.Since(began))
	}
}

// A pooler gives a connection to a node for one transaction, to another node for the next.
func TestNodesBehindAPoolerShareALimit(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(pgtest.Shared(t).Pooler(t)(in.database))
	url, seen := echoing(t)
	k, c := in.Create(node.OpenAI(url, `"requestLimit": 20`)), newClient(t)
	nodes := []*node.Process{in.Serve(), in.Serve(), in.Serve()}
	var clients sync.WaitGroup
	for i := range 60 {
		clients.Go(func() {
			if a := chat(c, nodes[i%len(nodes)], k, "ann"); a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
				t.Errorf("status %d: %v %s", a.status, a.err, a.body)
			}
		})
	}
	clients.Wait()
	if n := seen.Total(); n != 20 {
		t.Errorf("%d requests reached the provider, want 20", n)
	}
	for _, p := range nodes {
		p.Stop()
	}
	in.wantCounted(k, map[string]int64{"ann": 20})
}
