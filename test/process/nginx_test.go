package process

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// freePort is one that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // it only found a port
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// startNginx runs deploy/nginx.conf in front of nodes on these ports, and returns where it listens.
func startNginx(t *testing.T, nodes ...string) (url string) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(nginx); err != nil {
		t.Skip("nginx is not installed")
	}
	file, err := os.ReadFile("../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	conf := string(file)
	for from, to := range map[string]string{
		"listen 3000;":     "listen 127.0.0.1:" + port + ";",
		"/var/log/nginx/":  dir + "/",
		"http {":           "http {\n client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy; fastcgi_temp_path " + dir + "/f; uwsgi_temp_path " + dir + "/u; scgi_temp_path " + dir + "/s;",
		"127.0.0.1:3001":   "127.0.0.1:" + nodes[0],
		"127.0.0.1:3002":   "127.0.0.1:" + nodes[1],
		"error.log crit;":  "error.log info;",
		"fail_timeout=10s": "fail_timeout=1s", // a node that has come back is asked soon
	} {
		if !strings.Contains(conf, from) {
			t.Fatalf("nginx.conf has no %q", from)
		}
		conf = strings.ReplaceAll(conf, from, to)
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	global := "daemon off; pid " + dir + "/nginx.pid; worker_processes 2;"
	if os.Geteuid() == 0 {
		global += " user root;"
	}
	h := node.NewHome(t, nginx)
	p := h.Start(exec.Command(nginx, "-c", path, "-p", dir, "-g", global))
	t.Cleanup(p.Terminate)
	t.Cleanup(func() {
		if log, err := os.ReadFile(dir + "/error.log"); err == nil && t.Failed() {
			t.Logf("the end of nginx's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	url = "http://127.0.0.1:" + port
	await.Within(t, patience, "nginx answers", func() bool {
		resp, err := http.Get(url + "/metrics")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	return url
}

// deploy/nginx.conf with the nginx of the machine: a node that stops, and one that comes back, cost no client anything.
func TestNodesStopBehindNginxUnnoticed(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t) // once is enough: it has a PostgreSQL of its own
	ports := []string{freePort(t), freePort(t)}
	front := startNginx(t, ports...)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	g := await.NewGate()
	provider := echo.New(echo.Options{})
	t.Cleanup(provider.Close)
	k := in.Create(node.OpenAI(upstream(t, func(http.Handler) http.Handler { return provider }), ""))
	held := in.Create(node.OpenAI(upstream(t, midwayGate(g)), ""))
	first := in.Serve("PORT=" + ports[0])
	in.Serve("PORT=" + ports[1])

	load, stop := context.WithCancel(context.Background())
	defer stop()
	var answered atomic.Int64
	var clients sync.WaitGroup
	long := strings.Replace(hello, "hello there", strings.Repeat("hello there ", 10_000), 1)
	for i := range 8 {
		c, body := newClient(t), []string{hello, helloStream, long}[i%3]
		clients.Go(func() {
			for load.Err() == nil {
				a := do(c, request(context.Background(), http.MethodPost, front+"/v1/chat/completions", k.Project, fmt.Sprint("user-", i), body))
				if a.status != http.StatusOK || a.err != nil {
					t.Errorf("status %d, %v: %.300s", a.status, a.err, a.body)
					return
				}
				answered.Add(1)
			}
		})
	}
	progress := func(what string) {
		t.Helper()
		before := answered.Load()
		await.Within(t, patience, what, func() bool { return answered.Load() >= before+100 || t.Failed() })
	}
	progress("requests on both nodes")
	// A stream that goes on keeps the node in its drain.
	rest := beginStream(t, newClient(t), first, held, "streaming")
	first.Terminate()
	if first.Log.Wait(first, draining) == nil {
		t.Fatal("does not drain")
	}
	progress("requests while one node drains")
	g.Open()
	if _, err := rest.WriteTo(new(strings.Builder)); err != nil {
		t.Errorf("the stream of the node that stops: %v", err)
	}
	if code := first.AwaitExit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	progress("requests while one node is gone")
	first = in.Serve("PORT=" + ports[0])
	served := occurrences(first, "outcome=answered")
	await.Within(t, patience, "requests on the node that has come back", func() bool { return occurrences(first, "outcome=answered") > served+20 || t.Failed() })
	// And one that stops at once, with nothing that keeps it.
	first.Terminate()
	first.AwaitExit()
	progress("requests when it has gone again")
	stop()
	clients.Wait()

	total := answered.Load()
	usage, _ := in.file(k.Project)
	var counted int64
	for _, u := range usage {
		counted += u.requests
	}
	if counted != total {
		t.Errorf("%d requests are counted of %d that were answered", counted, total)
	}
}

func occurrences(p *node.Process, text string) int { return strings.Count(p.Log.String(), text) }

// Paths for operators stay inside, and a client cannot ask for nginx's own places.
func TestNginxKeepsOperatorsPagesInside(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	front := startNginx(t, freePort(t), freePort(t))
	for path, want := range map[string]int{"/metrics": 404, "/readyz": 404, "/-/ready": 404, "/healthz": 502} {
		if a := do(newClient(t), request(t.Context(), http.MethodGet, front+path, "", "", "")); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
}
