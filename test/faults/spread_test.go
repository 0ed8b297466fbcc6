package faults

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
)

// spread is how soon a change must be in force everywhere.
const spread = 2 * time.Second

// A change through one node, or with the command line, is in force on all within two seconds: by notification,
// and by the poll where notifications do not come.
func TestChangesAreInForceEverywhere(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, db *database) (during func(f *fleet) (stop func())){
		"listening": func(*testing.T, *database) func(*fleet) func() {
			return func(f *fleet) func() {
				await.Within(f.t, node.Patience, "every node listens", func() bool { return f.db.count("% listener") == 3 })
				return func() {}
			}
		},
		// Through a pooler nothing can be listened to, and the nodes know it.
		"polling": func(t *testing.T, db *database) func(*fleet) func() {
			db.url = db.cluster.Pooler(t)(db.url)
			return func(f *fleet) func() {
				for i, p := range f.nodes {
					if p.Log.Wait(p, regexp.MustCompile("a pooler passes no notifications")) == nil {
						f.t.Errorf("node %d does not know that it must poll:\n%s", i, p.Log.String())
					}
				}
				return func() {}
			}
		},
		// Each listener is cut off at once, over and over.
		"cut off": func(*testing.T, *database) func(*fleet) func() { return cutListeners },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := shared(t)
			during := prepare(t, db)
			f := newFleet(t, db, `"requestLimit": 7`)
			f.serve(3)
			stop := during(f)
			defer stop()
			f.wantSoon("of the project, with the command line", []int64{5, 9, 3}, func(_ int, limit int64) {
				f.home.Configure(f.keys, fmt.Sprintf(`{"requestLimit": %d}`, limit))
			})
			f.wantSoon("of an identity, through one node", []int64{4, 2, 6}, func(i int, limit int64) {
				f.set(f.nodes[i], "ann", fmt.Sprintf(`"requestLimit": %d`, limit))
			})
			f.set(f.nodes[0], "bob", `"enabled": true`)
			f.wantAnswered("bob", answered)
			f.set(f.nodes[1], "bob", `"enabled": false`)
			f.wantDisabled("bob")
			stop()
			f.reconcile()
		})
	}
}

// wantSoon sets limits, one after the other, and checks that each is in force on every node. The fastest says how soon,
// where nothing else is in the way.
func (f *fleet) wantSoon(what string, limits []int64, set func(i int, limit int64)) {
	f.t.Helper()
	fastest := node.Patience
	for i, limit := range limits {
		set(i, limit)
		began := time.Now()
		for n, p := range f.nodes {
			await.Within(f.t, node.Patience, fmt.Sprintf("a limit %s: node %d has that of %d", what, n, limit), func() bool {
				u := f.usageOf(p, "ann", "")
				return len(u.Limits) == 1 && integer(f.t, u.Limits[0].Limit) == limit
			})
		}
		fastest = min(fastest, time.Since(began))
	}
	if fastest > spread {
		f.t.Errorf("a limit %s is in force everywhere after %s at best, want %s", what, fastest, spread)
	}
}

func (f *fleet) wantAnswered(identity string, want outcome) {
	f.t.Helper()
	for i, p := range f.nodes {
		if end := f.ask(p, identity, "", whole); end != want {
			f.t.Errorf("a request of %s through node %d is %s, want %s", identity, i, end, want)
		}
	}
}

// wantDisabled checks that no node takes a request of the identity, from the moment on that it is disabled.
func (f *fleet) wantDisabled(identity string) {
	f.t.Helper()
	for i, p := range f.nodes {
		a := f.do(f.request(f.t.Context(), p, http.MethodPost, "/v1/chat/completions", identity,
			`{"model":"gpt-4o","messages":[{"role":"user","content":"nobody whole"}]}`))
		if a.status != http.StatusForbidden || !strings.Contains(a.body, "identity_disabled") {
			f.t.Errorf("a request of %s, who is disabled, through node %d: %d %s, want 403", identity, i, a.status, a.body)
		}
	}
}

// set writes what is set for an identity, through a node.
func (f *fleet) set(p *node.Process, identity, fields string) {
	f.t.Helper()
	a := f.control(p, http.MethodPost, "", fmt.Sprintf(`{"identity": "%s", %s}`, identity, fields))
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		f.t.Fatalf("set %s: %d %v %s", identity, a.status, a.err, a.body)
	}
}

// cutListeners ends every connection that listens, until it is stopped.
func cutListeners(f *fleet) (stop func()) {
	stopped := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
				f.db.cut("% listener")
			}
		}
	})
	var once sync.Once
	stop = func() { once.Do(func() { close(stopped); cutting.Wait() }) }
	f.t.Cleanup(stop)
	return stop
}

// Five nodes start at the same moment on an empty database. Each comes up, and they agree.
func TestFiveNodesStartOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	rounds := 1
	if long {
		rounds = 5
	}
	for range rounds {
		db := shared(t)
		f := emptyFleet(t, db)
		f.serve(5)
		f.awaitReady()
		for i, p := range f.nodes {
			if log := p.Log.String(); strings.Contains(log, "level=ERROR") {
				t.Errorf("node %d logged an error:\n%s", i, log)
			}
		}
		f.keys = f.home.Create(node.OpenAI(f.serveProvider(), `"requestLimit": 20`))
		if got := f.burst(100, "ann", "", whole); got != 20 {
			t.Errorf("%d of 100 answered by five nodes, want 20", got)
		}
		f.reconcile()
		for _, p := range f.nodes {
			p.Stop()
		}
	}
}
