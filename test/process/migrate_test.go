package process

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// moved is the same installation on PostgreSQL, as the output of migrate tells an operator to make it.
func (in *installation) moved(database string) *installation {
	in.t.Helper()
	env := map[string]string{"DATABASE_URL": database}
	for name, file := range map[string]string{"ENCRYPTION_KEY": "encryption-key", "JWT_SECRET": "jwt-secret"} {
		kept, err := os.ReadFile(filepath.Join(in.Dir, file))
		if err != nil {
			in.t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(kept))
	}
	to := &installation{Home: node.NewHome(in.t, binary), t: in.t, database: database}
	to.Env = env
	return to
}

func TestLimitsGoOnWhereTheyWereAfterMovingToPostgres(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	database := stack.Database(t)
	in, c := newInstallation(t), newClient(t)
	url, seen := echoing(t)
	k := in.Create(node.OpenAI(url, `"limitPeriod": "monthly", "requestLimit": 5`))
	p := in.Serve()
	for range 3 {
		if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
			t.Fatalf("status %d, want 200: %s", a.status, a.body)
		}
	}
	move := []string{"migrate", "--from", "sqlite:" + filepath.Join(in.Dir, "airatelimit.db"), "--to", database}
	if got := in.Run("", nil, move...); got.Code != 1 || !strings.Contains(got.Err, "another airatelimit serve is using this database") {
		t.Errorf("migrate of a file that is served: exit %d, %s%s; want 1 and why", got.Code, got.Out, got.Err)
	}
	p.Kill()
	in.Serve().Stop() // what a kill leaves in the journal, a start and a stop put into the file
	got := in.Run("", nil, move...)
	for _, want := range []string{"1  projects", "1  identities", "counts and sums agree", "ENCRYPTION_KEY"} {
		if got.Code != 0 || !strings.Contains(got.Out, want) {
			t.Fatalf("migrate: exit %d, %s%s; want 0 and %q", got.Code, got.Out, got.Err, want)
		}
	}
	if again := in.Run("", nil, move...); again.Code != 1 || !strings.Contains(again.Err, "it is not empty") {
		t.Errorf("migrate once more: exit %d, %s; want 1 and why", again.Code, again.Err)
	}

	// Three nodes share the limit from where it was.
	now := in.moved(database)
	nodes := []*node.Process{now.Serve(), now.Serve(), now.Serve()}
	var mu sync.Mutex
	statuses := map[int]int{}
	var clients sync.WaitGroup
	for i := range 12 {
		clients.Go(func() {
			a := chat(c, nodes[i%len(nodes)], k, "ann")
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	clients.Wait()
	if statuses[http.StatusOK] != 2 || statuses[http.StatusTooManyRequests] != 10 {
		t.Errorf("12 requests after 3 of a limit of 5: %v, want 2 admitted and 10 refused", statuses)
	}
	if last, _ := seen.Last(); last.Header.Get("Authorization") != "Bearer "+node.StoredKey {
		t.Error("the provider did not get the stored key")
	}
	for _, p := range nodes {
		p.Stop()
	}
	now.wantCounted(k, map[string]int64{"ann": 5})
}

// Nodes with keys of their own could not open each other's.
func TestANodeWithAnotherEncryptionKeyRefusesToStart(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if in.database == "" {
		in.database = stack.Database(t)
		in.Env = stack.Environment(in.database)
	}
	in.Serve()
	const other = "ENCRYPTION_KEY=3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
	for _, args := range [][]string{{"serve"}, {"project", "create", "--name", "A", "--provider-key", "openai=env:PROVIDER"}} {
		if got := in.Run("", []string{other, "PROVIDER=" + node.StoredKey}, args...); got.Code != 1 || !strings.Contains(got.Err, "give every node the same") {
			t.Errorf("%v: exit %d, %s%s; want 1 and what to do", args, got.Code, got.Out, got.Err)
		}
	}
}

func TestABackupUnderLoadIsWhatWasCounted(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in, c := newInstallation(t), newClient(t)
	url, _ := echoing(t)
	k := in.Create(node.OpenAI(url, ""))
	p := in.Serve()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var (
		mu      sync.Mutex
		served  int64
		clients sync.WaitGroup
	)
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
					t.Errorf("status %d beside a backup: %v %s", a.status, a.err, a.body)
					return
				}
				mu.Lock()
				served++
				mu.Unlock()
			}
		})
	}
	count := func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return served
	}
	await.Within(t, patience, "a hundred requests", func() bool { return count() > 100 })
	copied := newInstallation(t)
	to := filepath.Join(copied.Dir, "airatelimit.db")
	before := count()
	if got := in.Run("", nil, "backup", to); got.Code != 0 {
		t.Fatalf("backup: exit %d: %s", got.Code, got.Err)
	}
	stop()
	clients.Wait()
	if got := in.Run("", nil, "backup", to); got.Code != 1 || !strings.Contains(got.Err, "already exists") {
		t.Errorf("backup to a file that is there: exit %d, %s; want 1 and why", got.Code, got.Err)
	}
	usage, _ := copied.file(k.Project)
	if n := usage["ann"].requests; n < before || n > count() {
		t.Errorf("the copy has %d requests; %d were answered before it was begun, and %d in all", n, before, count())
	}
	// It is served as it is, with the keys that belong to it.
	for _, name := range []string{"encryption-key", "jwt-secret"} {
		kept, err := os.ReadFile(filepath.Join(in.Dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied.Dir, name), kept, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if a := chat(c, copied.Serve(), k, "ann"); a.status != http.StatusOK {
		t.Errorf("a server on the copy answers %d: %s", a.status, a.body)
	}
}

func TestABackupOfPostgresIsPostgresOwn(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for name, value := range stack.Environment("postgresql://u:hunter2@db.example.com/x") {
		in.Env[name] = value
	}
	got := in.Run("", nil, "backup", filepath.Join(in.Dir, "copy"))
	if got.Code != 1 || !strings.Contains(got.Err, "pg_dump") || strings.Contains(got.Err, "hunter2") {
		t.Errorf("backup: exit %d, %s; want 1, what to use, and no password", got.Code, got.Err)
	}
}
