//go:build linux

package process

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// serveFull starts a server whose files may not grow beyond some kilobytes: to it a disk that is full.
// The limit is a soft one, which makeRoom lifts.
func (in *installation) serveFull(kilobytes int) *node.Process {
	in.t.Helper()
	p := in.Start(exec.Command("bash", "-c", fmt.Sprintf(`ulimit -S -f %d; exec "$0" serve`, kilobytes), binary))
	p.AwaitServing()
	return p
}

func makeRoom(t *testing.T, p *node.Process) {
	t.Helper()
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.Pid(), unix.RLIMIT_FSIZE, &none, nil); err != nil {
		t.Fatal(err)
	}
}

// crowd is what clients that ask until the disk is full were answered, an identity each.
type crowd struct {
	answered, refused []string
}

// fill has clients ask for new identities, some at a time, until each has been refused once.
func fill(t *testing.T, p *node.Process, k node.Keys) (got crowd) {
	t.Helper()
	var (
		mu      sync.Mutex
		clients sync.WaitGroup
	)
	c := newClient(t)
	c.Timeout = node.Patience
	for n := range 16 {
		clients.Go(func() {
			for i := range 10_000 {
				identity := fmt.Sprintf("user-%d-%d", n, i)
				a := chat(c, p, k, identity)
				mu.Lock()
				switch {
				case a.status == http.StatusOK && a.err == nil:
					got.answered = append(got.answered, identity)
				case a.status == http.StatusServiceUnavailable && strings.Contains(a.body, `"unavailable"`):
					got.refused = append(got.refused, identity)
				default:
					t.Errorf("%s: status %d, %v, %s; want 200 or 503 unavailable", identity, a.status, a.err, a.body)
				}
				mu.Unlock()
				if a.status != http.StatusOK {
					return
				}
			}
			t.Errorf("client %d was never refused", n)
		})
	}
	clients.Wait()
	if len(got.answered) < 16 {
		t.Errorf("%d requests were answered before the disk was full: too few to tell anything", len(got.answered))
	}
	return got
}

// want compares what is counted with what was answered: all of that, and of what was refused
// nothing that was not begun.
func (got crowd) want(t *testing.T, in *installation, k node.Keys) {
	t.Helper()
	usage, holds := in.file(k.Project)
	if holds != 0 {
		t.Errorf("%d holds with nothing running, want 0", holds)
	}
	for _, identity := range got.answered {
		if n := usage[identity].requests; n != 1 {
			t.Errorf("%s: one request was answered and %d are counted", identity, n)
		}
	}
	for _, identity := range got.refused {
		if n := usage[identity].requests; n > 1 {
			t.Errorf("%s: one request was refused and %d are counted", identity, n)
		}
	}
}

func ready(t *testing.T, p *node.Process) answer {
	return do(newClient(t), request(context.Background(), http.MethodGet, p.URL+"/readyz", "", "", ""))
}

func TestDiskFullRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	for _, end := range []string{"stopped", "killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			url, _ := echoing(t)
			k := in.Create(node.OpenAI(url, ""))
			p := in.serveFull(300)
			got := fill(t, p, k)
			if a := ready(t, p); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "the database cannot be written") {
				t.Errorf("/readyz with a full disk: %d %s, want 503 and why", a.status, a.body)
			}
			if a := chat(newClient(t), p, k, "late"); a.status != http.StatusServiceUnavailable {
				t.Errorf("a request with a full disk: %d, want 503", a.status)
			}
			if end == "killed" {
				p.Kill()
			} else {
				p.Terminate()
				if code := p.AwaitExit(); code == 0 {
					t.Error("exit code 0, although not everything could be written")
				}
			}
			p = in.Serve()
			got.want(t, in, k)
			if a := chat(newClient(t), p, k, "late"); a.status != http.StatusOK {
				t.Errorf("after a restart with room: %d %s, want 200", a.status, a.body)
			}
			p.Stop()
			in.wantCounted(k, map[string]int64{"late": 1})
		})
	}
}

func TestRoomOnTheDiskEndsTheRefusals(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in := newInstallation(t)
	url, _ := echoing(t)
	k := in.Create(node.OpenAI(url, ""))
	p := in.serveFull(300)
	got := fill(t, p, k)
	makeRoom(t, p)
	await.Within(t, patience, "ready again", func() bool { return ready(t, p).status == http.StatusOK })
	if a := chat(newClient(t), p, k, "late"); a.status != http.StatusOK {
		t.Errorf("with room again: %d %s, want 200", a.status, a.body)
	}
	p.Stop()
	got.want(t, in, k)
	in.wantCounted(k, map[string]int64{"late": 1})
}
