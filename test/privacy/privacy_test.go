package privacy

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// On every path of a request, nothing of its prompt, its answer and its keys is in the database, its write-ahead log, the
// journal, a backup, the log, the traces, the metrics, or an answer of the control plane.
func TestNothingOfARequestIsKept(t *testing.T) {
	t.Parallel()
	r := newRun(t)
	r.store()
	events := r.listen(r.cookie(account.Owner))
	r.everything(t.Context())
	r.control()
	if !strings.Contains(r.Log.String(), "msg=panic") {
		t.Error("no request has panicked")
	}
	r.searchReads()
	events.Await(t, "event: request")
	r.search("the live events", []byte(events.String()), false)
	r.search("the metrics", r.metrics(), false)
	r.searchStored("while it runs")
	r.Restart()
	r.searchStored("after a restart")
	r.Stop()
	r.searchStored("after the end")
	r.search("the log", []byte(r.Log.String()), false)
	if traces := r.traces.bytes(); len(traces) == 0 {
		t.Error("no trace was sent")
	} else {
		r.search("the traces", traces, false)
	}
}

// search reports every mark that data has. What is stored may have what the developer has set.
func (r *run) search(where string, data []byte, stored bool) {
	r.t.Helper()
	r.searchBut(where, data, func(m mark) bool { return m.kept && stored })
}

// searchBut reports every mark that data has and must not have.
func (r *run) searchBut(where string, data []byte, may func(mark) bool) {
	r.t.Helper()
	for _, m := range r.marks.all() {
		if may(m) {
			continue
		}
		if found := find(data, m.text); found != "" {
			r.t.Errorf("%s has %s: %q", where, m.what, found)
		}
	}
}

// searchStored searches everything that is on disk: the files of DATA_DIR and a backup, or a dump of PostgreSQL and its
// log.
func (r *run) searchStored(when string) {
	r.t.Helper()
	for name, data := range r.files() {
		r.search(name+" "+when, data, true)
	}
	if pgtest.Chosen() {
		r.search("PostgreSQL "+when, r.dump(), true)
		r.search("PostgreSQL's log "+when, []byte(pgtest.Shared(r.t).Log()), true)
		return
	}
	r.search("the backup "+when, r.backup(), true)
}

func (r *run) files() map[string][]byte {
	r.t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(r.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found[d.Name()], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, ok := found["airatelimit.db"]; !ok && !pgtest.Chosen() {
		r.t.Errorf("DATA_DIR has no database, only %d other files", len(found))
	}
	return found
}

// dump is everything in the PostgreSQL database, with its tables' bytes as hexadecimal digits.
func (r *run) dump() []byte {
	r.t.Helper()
	out, err := exec.CommandContext(context.Background(), filepath.Join(pgtest.Programs(r.t), "pg_dump"), r.Location()).Output()
	if err != nil {
		r.t.Fatalf("pg_dump: %v", err)
	}
	if !strings.Contains(string(out), r.ProjectKey) {
		r.t.Fatal("the dump does not have the project")
	}
	return out
}

func (r *run) backup() []byte {
	r.t.Helper()
	cfg, err := config.Load(func(name string) string { return map[string]string{"DATA_DIR": r.Dir()}[name] })
	if err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(r.t.TempDir(), "backup.db")
	if err := store.Backup(context.Background(), cfg.Database, file); err != nil {
		r.t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

func (r *run) metrics() []byte {
	r.t.Helper()
	q, err := http.NewRequest(http.MethodGet, r.URL+"/metrics", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	a := r.Do(q)
	if !strings.Contains(a.Body, "airatelimit_requests_total") {
		r.t.Fatalf("/metrics: status %d: %.200s", a.Status, a.Body)
	}
	return []byte(a.Body)
}

// searchReads searches the answers of every reading call about the project, as its server, its owner and a viewer see them.
func (r *run) searchReads() {
	r.t.Helper()
	q, err := http.NewRequest(http.MethodGet, r.URL+"/api/openapi.json", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(r.Do(q).Body), &doc); err != nil {
		r.t.Fatal(err)
	}
	readers := map[string]string{"server": "Bearer " + r.SecretKey, "owner": r.cookie(account.Owner), "viewer": r.cookie(account.Viewer)}
	read := 0
	for path, methods := range doc.Paths {
		if !strings.HasPrefix(path, "/api/projects/{projectId}") || methods["get"] == nil || strings.HasSuffix(path, "/live") {
			continue
		}
		at := strings.NewReplacer("{projectId}", r.ProjectKey, "{identity}", "user-1", "{prompt}", promptName, "{version}", "1", "{provider}", "openai").Replace(path)
		for who, as := range readers {
			q := r.Request(http.MethodGet, at, "", "", map[bool]string{true: "Authorization", false: "Cookie"}[who == "server"], as)
			q.Header.Del("X-Project-Key")
			a := r.Do(q)
			if a.Status == http.StatusOK {
				read++
			}
			shown := who != "viewer" && strings.Contains(path, "/prompts/{prompt}")
			r.searchBut(who+" reads "+path, []byte(a.Body), func(m mark) bool { return m.kept || shown && m == r.marks.storedPrompt })
		}
	}
	if read < 15 {
		r.t.Errorf("only %d answers were read", read)
	}
}

// cookie signs in as somebody new with a role in the project.
func (r *run) cookie(role account.Role) string {
	r.t.Helper()
	s := r.Store()
	u, token := stack.SignIn(r.t, s, string(role)+"@example.com")
	if err := s.AddMember(context.Background(), r.ProjectKey, u, role, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	return "airatelimit=" + token
}
