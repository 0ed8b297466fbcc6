package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
)

var (
	draining = regexp.MustCompile(`msg=draining`)
	ending   = regexp.MustCompile(`msg="drain timed out: running requests are cut off"`)
)

const helloStream = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hello there"}]}`

// beginStream asks for a stream and returns once its first line has come.
func beginStream(t *testing.T, c *http.Client, p *node.Process, k node.Keys, identity string) *bufio.Reader {
	t.Helper()
	resp, err := c.Do(request(context.Background(), http.MethodPost, p.URL+"/v1/chat/completions", k.Project, identity, helloStream))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	r := bufio.NewReader(resp.Body)
	if line, err := r.ReadString('\n'); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, first line %q: %v", resp.StatusCode, line, err)
	}
	return r
}

// midwayGate lets each stream of the provider begin and holds up the rest of it.
func midwayGate(g *await.Gate) func(http.Handler) http.Handler {
	provider := echo.New(echo.Options{Between: g.Hold})
	return func(http.Handler) http.Handler { return provider }
}

func TestTerminatedWhileStreamsRun(t *testing.T) {
	t.Parallel()
	in, g := newInstallation(t), await.NewGate()
	k := in.Create(node.OpenAI(upstream(t, midwayGate(g)), ""))
	p, c := in.Serve(), newClient(t)
	var streams []*bufio.Reader
	for i := range 8 {
		streams = append(streams, beginStream(t, c, p, k, fmt.Sprint("streaming-", i)))
	}
	p.Terminate()
	if p.Log.Wait(p, draining) == nil {
		t.Fatalf("does not drain:\n%s", p.Log.String())
	}
	late := chat(c, p, k, "late")
	if late.status != http.StatusServiceUnavailable || !strings.Contains(late.body, `"unavailable"`) || late.header.Get("Retry-After") == "" {
		t.Errorf("a request while draining: %d %v %s, want 503 unavailable with Retry-After", late.status, late.err, late.body)
	}
	control := do(c, request(context.Background(), http.MethodGet, p.URL+"/api/projects/"+k.Project+"/identities", "", "", ""))
	if control.status != http.StatusServiceUnavailable || control.header.Get("Content-Type") != "application/problem+json" || control.header.Get("Retry-After") == "" {
		t.Errorf("the control plane while draining: %d %s, want 503 with Retry-After", control.status, control.body)
	}
	ready := do(c, request(context.Background(), http.MethodGet, p.URL+"/readyz", "", "", ""))
	if ready.status != http.StatusServiceUnavailable || !strings.Contains(ready.body, `"status":"draining"`) || !strings.Contains(ready.body, `"reason":"`) {
		t.Errorf("/readyz while draining: %d %s, want 503, draining and a reason", ready.status, ready.body)
	}
	g.Open()
	for i, s := range streams {
		rest, err := io.ReadAll(s)
		if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
			t.Errorf("stream %d ended %v with %q, want it whole", i, err, rest[max(0, len(rest)-60):])
		}
	}
	if code := p.AwaitExit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	in.wantCounted(k, map[string]int64{"streaming-0": 1, "streaming-7": 1, "late": 0})
}

// The last answers of a drain are small enough to wait in the server's buffers when their handlers
// return: the process must not end, and close the connections, before they are out.
func TestTerminatedWhileWholeAnswersAreDue(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		in, g := newInstallation(t), await.NewGate()
		provider := echo.New(echo.Options{Before: g.Hold})
		k := in.Create(node.OpenAI(upstream(t, func(http.Handler) http.Handler { return provider }), ""))
		p, c := in.Serve("LOG_LEVEL=info"), newClient(t)
		const requests = 16
		var clients sync.WaitGroup
		for i := range requests {
			clients.Go(func() {
				if a := chat(c, p, k, fmt.Sprint("user-", i)); a.status != http.StatusOK || a.err != nil {
					t.Errorf("round %d: status %d, %v, want the whole answer", round, a.status, a.err)
				}
			})
		}
		for range requests {
			<-g.Arrived
		}
		p.Terminate()
		if p.Log.Wait(p, draining) == nil {
			t.Fatalf("does not drain:\n%s", p.Log.String())
		}
		g.Open()
		clients.Wait()
		if code := p.AwaitExit(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		in.wantCounted(k, map[string]int64{"user-0": 1, "user-15": 1})
	}
}

func TestStreamThatHangsIsEndedWhenTheDrainIsOver(t *testing.T) {
	t.Parallel()
	in, g := newInstallation(t), await.NewGate()
	k := in.Create(node.OpenAI(upstream(t, midwayGate(g)), ""))
	p, c := in.Serve("DRAIN_SECONDS=1"), newClient(t)
	stream := beginStream(t, c, p, k, "hanging")
	p.Terminate()
	if rest, err := io.ReadAll(stream); err == nil {
		t.Errorf("the stream ended as if it were whole: %q", rest)
	}
	if code := p.AwaitExit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if p.Log.Wait(p, ending) == nil {
		t.Errorf("the log does not say that something was ended:\n%s", p.Log.String())
	}
	in.wantCounted(k, map[string]int64{"hanging": 1})
}

func TestSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	in, g := newInstallation(t), await.NewGate()
	k := in.Create(node.OpenAI(upstream(t, midwayGate(g)), ""))
	p, c := in.Serve("DRAIN_SECONDS=3600"), newClient(t)
	beginStream(t, c, p, k, "hanging")
	p.Terminate()
	if p.Log.Wait(p, draining) == nil {
		t.Fatalf("does not drain:\n%s", p.Log.String())
	}
	// Until the process listens for signals no more, a further one changes nothing.
	await.Within(t, patience, "the process ends", func() bool {
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.Exited():
			return true
		default:
			return false
		}
	})
	if p.AwaitExit() == 0 {
		t.Error("exit code 0 after a second signal, want another")
	}
}

// wantCounted compares what the file counts once nothing runs any more.
func (in *installation) wantCounted(k node.Keys, want map[string]int64) {
	in.t.Helper()
	usage, holds := in.file(k.Project)
	if holds != 0 {
		in.t.Errorf("%d holds with nothing running, want 0", holds)
	}
	for identity, n := range want {
		if got := usage[identity].requests; got != n {
			in.t.Errorf("%s: %d requests are counted, want %d", identity, got, n)
		}
	}
}
