package test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

// liveEvent is an event of a project's stream.
type liveEvent struct {
	kind string
	data map[string]any
}

// watch opens a project's stream of events as a viewer who has signed in, until the test ends.
func watch(t *testing.T, s *stack.Stack) <-chan liveEvent {
	t.Helper()
	st := s.Store()
	u, token := stack.SignIn(t, st, "viewer@example.com")
	if err := st.AddMember(t.Context(), s.ProjectKey, u, account.Viewer, time.Now()); err != nil {
		t.Fatal(err)
	}
	req := s.Request(http.MethodGet, "/api/projects/"+s.ProjectKey+"/live", "", "", "Cookie", "airatelimit="+token)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("watch: %v %v", resp, err)
	}
	events := make(chan liveEvent, 1000)
	go func() {
		defer resp.Body.Close() //nolint:errcheck // the stream ends with the test
		e := liveEvent{}
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if kind, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e.kind = kind
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &e.data) == nil {
				events <- e
				e = liveEvent{}
			}
		}
	}()
	return events
}

// A watcher sees what happens on all nodes: requests, refusals, and changes of settings, whoever makes them.
func TestLive_EventsOfAllNodes(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	node := s
	if beside, err := s.Beside(); err == nil { // on a SQLite file there is only one
		node = beside
	}
	events := watch(t, node)
	var last liveEvent
	see := func(kind string, matches func(data map[string]any) bool, do func()) {
		t.Helper()
		await.Soon(t, kind, func() bool {
			do()
			for {
				select {
				case last = <-events:
					if last.kind == kind && matches(last.data) {
						return true
					}
				default:
					return false
				}
			}
		})
	}
	// The other node sends events once it knows that somebody watches.
	see("request", func(data map[string]any) bool {
		return data["identity"] == "ann" && data["model"] == "gpt-4o" && data["status"] == float64(200)
	}, func() { stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK) })
	// Of a second with many requests some events are left out.
	see("tick", func(data map[string]any) bool { return data["perSecond"] == float64(0) }, func() {})

	stack.WantError(t, s.Chat("", "gpt-4o"), http.StatusBadRequest, "missing_identity")
	see("rejected", func(data map[string]any) bool { return data["code"] == "missing_identity" }, func() {})

	settings := func(by string, version float64) {
		t.Helper()
		see("settings", func(map[string]any) bool { return true }, func() {})
		if last.data["by"] != by || last.data["version"] != version {
			t.Errorf("settings %v, want version %v by %q", last.data, version, by)
		}
	}
	stack.WantStatus(t, s.Control(http.MethodPatch, "", `{"requestLimit": 100}`), http.StatusOK)
	settings("secretKey", 2)
	stack.WantStatus(t, s.Control(http.MethodPost, "/prompts", `{"name": "p", "content": "No version of the settings."}`), http.StatusCreated)
	ctx := ledger.WithCause(t.Context(), ledger.Cause{By: ledger.Actor{Kind: ledger.User, ID: "us_1", Email: "ann@example.com"}, At: time.Now()})
	_, err := s.Store().UpdateProject(ctx, s.ProjectKey, func(old project.Settings) (project.Settings, error) {
		return old.Patch([]byte(`{"requestLimit": 200}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	settings("ann@example.com", 3)
}
