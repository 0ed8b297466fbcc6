package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(panics) == "" {
		goleak.VerifyTestMain(m)
	}
	os.Exit(m.Run())
}

func exec1(t *testing.T, url, statement string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	_, err = conn.Exec(t.Context(), statement)
	return err
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for range 4 {
		url := Database(t)
		wg.Go(func() {
			if err := exec1(t, url, `CREATE TABLE a (b int)`); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestDatabasesOfATemplateAreCopies(t *testing.T) {
	t.Parallel()
	prepared := 0
	template := &Template{Prepare: func(_ context.Context, url string) error {
		prepared++
		return exec1(t, url, `CREATE TABLE a (b int)`)
	}}
	for range 3 {
		if err := exec1(t, template.Database(t), `INSERT INTO a VALUES (1)`); err != nil {
			t.Error(err)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times, want once", prepared)
	}
}

func TestWhatIsCommittedOutlivesTheServer(t *testing.T) {
	t.Parallel()
	c := New(t, Options{TCP: true})
	url, err := c.CreateDatabase("kept", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec1(t, url, `CREATE TABLE a AS SELECT 0 AS b`); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func() error{
		"fast":      func() error { return c.Stop(Fast) },
		"immediate": func() error { return c.Stop(Immediate) },
		"kill":      c.Kill,
	} {
		if err := exec1(t, url, `UPDATE a SET b = b + 1`); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := exec1(t, url, `SELECT 1`); err == nil {
			t.Errorf("%s: it still answers", name)
		}
		if err := c.Start(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if got, err := c.Query("kept", `SELECT b FROM a`); err != nil || got != "3" {
		t.Errorf("%s updates stand, %v; want 3", got, err)
	}
}

func TestAReplicaTakesOver(t *testing.T) {
	t.Parallel()
	c := New(t, Options{TCP: true})
	r, err := c.Replica()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Remove() })
	if err := c.Exec("postgres", `ALTER SYSTEM SET synchronous_standby_names = '*'`, `ALTER SYSTEM SET synchronous_commit = 'remote_apply'`,
		`SELECT pg_reload_conf()`, `CREATE TABLE a AS SELECT 7 AS b`); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Promote(); err != nil {
		t.Fatal(err)
	}
	if err := r.Exec("postgres", `UPDATE a SET b = b + 1`); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Query("postgres", `SELECT b FROM a`); err != nil || got != "8" {
		t.Errorf("b = %s, %v; want 8", got, err)
	}
}

// panics is set for the test binary that this one runs.
const panics = "PGTEST_PANICS"

func TestNothingIsLeftOfATestThatPanics(t *testing.T) {
	t.Parallel()
	Shared(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanics$")
	cmd.Env = append(os.Environ(), panics+"=1", "TMPDIR="+dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "as it should") {
		t.Fatalf("the binary did not panic: %v\n%s", err, out)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
	}
}

func TestPanics(t *testing.T) {
	if os.Getenv(panics) == "" {
		return
	}
	if err := exec1(t, Database(t), `SELECT 1`); err != nil {
		t.Error(err)
	}
	panic("as it should")
}
