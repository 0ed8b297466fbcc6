// Package process runs the built binary as operators do: real processes, signals, files and
// pasted commands. What one process can test of itself is tested elsewhere.
package process

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

const patience = node.Patience

// binary is the built command.
var binary string

func TestMain(m *testing.M) { os.Exit(node.Run(m, "../..", &binary)) }

// installation is a DATA_DIR and what processes on it have in their environment.
type installation struct {
	*node.Home
	t        *testing.T
	database string // URL of PostgreSQL, "" with SQLite
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	in := &installation{Home: node.NewHome(t, binary), t: t}
	if pgtest.Chosen() {
		in.database = stack.Database(t)
		maps.Copy(in.Env, stack.Environment(in.database))
	}
	return in
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

func chat(c *http.Client, p *node.Process, k node.Keys, identity string, headers ...string) answer {
	return do(c, request(context.Background(), http.MethodPost, p.URL+"/v1/chat/completions", k.Project, identity, hello, headers...))
}
