package process

import (
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestANodeWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	in, cluster := onCluster(t)
	if err := cluster.Stop(pgtest.Fast); err != nil {
		t.Fatal(err)
	}
	p := in.Start(exec.Command(binary, "serve"))
	if p.Log.Wait(p, regexp.MustCompile(`waiting for the database`)) == nil {
		t.Fatalf("the log does not say what it waits for: %v\n%s", p.Ending(), p.Log.String())
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	p.AwaitServing()
	p.Stop()
}

func TestANodeSaysThatItsDatabaseIsAwayAndGoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
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
	node.Await(t, patience, "not ready", func() bool {
		status, reason := readiness(t, c, p)
		return status == http.StatusServiceUnavailable && strings.Contains(reason, "database cannot be reached")
	})
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	node.Await(t, patience, "ready", func() bool {
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
	in := newInstallation(t)
	if in.database == "" {
		in.database = stack.Database(t)
		in.Env = stack.Environment(in.database)
	}
	url, _ := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	nodes := []*node.Process{in.Serve(), in.Serve(), in.Serve()}
	for _, want := range []int{http.StatusTooManyRequests, http.StatusOK} {
		document := map[int]string{http.StatusTooManyRequests: `{"requestLimit": 0}`, http.StatusOK: `{"requestLimit": 100}`}[want]
		if got := in.Run(document, nil, "project", "config", k.Project, "--set", "-"); got.Code != 0 {
			t.Fatalf("project config: exit %d: %s", got.Code, got.Err)
		}
		node.Await(t, 2*time.Second, document+" on every node", func() bool {
			for _, p := range nodes {
				if chat(c, p, k, "ann").status != want {
					return false
				}
			}
			return true
		})
	}
}

// A pooler gives a connection to a node for one transaction, to another node for the next.
func TestNodesBehindAPoolerShareALimit(t *testing.T) {
	t.Parallel()
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
