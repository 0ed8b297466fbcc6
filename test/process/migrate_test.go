package process

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// moved is the same installation on PostgreSQL, as the output of migrate tells an operator to make it.
func (in *installation) moved(database string) *installation {
	in.t.Helper()
	env := map[string]string{"DATABASE_URL": database}
	for name, file := range map[string]string{"ENCRYPTION_KEY": "encryption-key", "JWT_SECRET": "jwt-secret"} {
		kept, err := os.ReadFile(filepath.Join(in.dir, file))
		if err != nil {
			in.t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(kept))
	}
	return &installation{t: in.t, dir: in.t.TempDir(), env: env, database: database}
}

func TestLimitsGoOnWhereTheyWereAfterMovingToPostgres(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	database := stack.Database(t)
	in, c := newInstallation(t), newClient(t)
	url, seen := echoing(t)
	k := in.create(openai(url, `"limitPeriod": "monthly", "requestLimit": 5`))
	p := in.serve()
	for range 3 {
		if a := chat(c, p, k, "ann"); a.status != http.StatusOK {
			t.Fatalf("status %d, want 200: %s", a.status, a.body)
		}
	}
	move := []string{"migrate", "--from", "sqlite:" + filepath.Join(in.dir, "airatelimit.db"), "--to", database}
	if got := in.run("", nil, move...); got.code != 1 || !strings.Contains(got.err, "another airatelimit serve is using this database") {
		t.Errorf("migrate of a file that is served: exit %d, %s%s; want 1 and why", got.code, got.out, got.err)
	}
	p.kill()
	got := in.run("", nil, move...)
	for _, want := range []string{"1  projects", "1  identities", "counts and sums agree", "ENCRYPTION_KEY"} {
		if got.code != 0 || !strings.Contains(got.out, want) {
			t.Fatalf("migrate: exit %d, %s%s; want 0 and %q", got.code, got.out, got.err, want)
		}
	}
	if again := in.run("", nil, move...); again.code != 1 || !strings.Contains(again.err, "it is not empty") {
		t.Errorf("migrate once more: exit %d, %s; want 1 and why", again.code, again.err)
	}

	// Three nodes share the limit from where it was.
	now := in.moved(database)
	nodes := []*process{now.serve(), now.serve(), now.serve()}
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
	if last, _ := seen.Last(); last.Header.Get("Authorization") != "Bearer "+storedKey {
		t.Error("the provider did not get the stored key")
	}
	for _, p := range nodes {
		p.stop()
	}
	now.wantCounted(k, map[string]int64{"ann": 5})
}

// Nodes with keys of their own could not open each other's.
func TestANodeWithAnotherEncryptionKeyRefusesToStart(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	if in.database == "" {
		in.database = stack.Database(t)
		in.env = stack.Environment(in.database)
	}
	in.serve()
	const other = "ENCRYPTION_KEY=3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
	for _, args := range [][]string{{"serve"}, {"project", "create", "--name", "A"}} {
		if got := in.run("", []string{other}, args...); got.code != 1 || !strings.Contains(got.err, "give every node the same") {
			t.Errorf("%v: exit %d, %s%s; want 1 and what to do", args, got.code, got.out, got.err)
		}
	}
	if got := in.run("", []string{"ENCRYPTION_KEY="}, "serve"); got.code != 1 || !strings.Contains(got.err, "ENCRYPTION_KEY is not set") {
		t.Errorf("serve without a key: exit %d, %s; want 1 and what to do", got.code, got.err)
	}
}

func TestABackupUnderLoadIsWhatWasCounted(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in, c := newInstallation(t), newClient(t)
	url, _ := echoing(t)
	k := in.create(openai(url, ""))
	p := in.serve()
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
	within(t, patience, "a hundred requests", func() bool { return count() > 100 })
	copied := newInstallation(t)
	to := filepath.Join(copied.dir, "airatelimit.db")
	before := count()
	if got := in.run("", nil, "backup", to); got.code != 0 {
		t.Fatalf("backup: exit %d: %s", got.code, got.err)
	}
	stop()
	clients.Wait()
	if got := in.run("", nil, "backup", to); got.code != 1 || !strings.Contains(got.err, "is there already") {
		t.Errorf("backup to a file that is there: exit %d, %s; want 1 and why", got.code, got.err)
	}
	usage, _ := copied.file(k.Project)
	if n := usage["ann"].requests; n < before || n > count() {
		t.Errorf("the copy has %d requests; %d were answered before it was begun, and %d in all", n, before, count())
	}
	// It is served as it is, with the keys that belong to it.
	for _, name := range []string{"encryption-key", "jwt-secret"} {
		kept, err := os.ReadFile(filepath.Join(in.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied.dir, name), kept, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if a := chat(c, copied.serve(), k, "ann"); a.status != http.StatusOK {
		t.Errorf("a server on the copy answers %d: %s", a.status, a.body)
	}
}

func TestABackupOfPostgresIsPostgresOwn(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	for name, value := range stack.Environment("postgresql://u:hunter2@db.example.com/x") {
		in.env[name] = value
	}
	got := in.run("", nil, "backup", filepath.Join(in.dir, "copy"))
	if got.code != 1 || !strings.Contains(got.err, "pg_dump") || strings.Contains(got.err, "hunter2") {
		t.Errorf("backup: exit %d, %s; want 1, what to use, and no password", got.code, got.err)
	}
}
