package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// errNoPooler is the error where PgBouncer is not installed.
var errNoPooler = errors.New("PgBouncer is not installed: pgbouncer is neither on PATH nor in /usr/sbin")

// Pooler starts a pooler before the cluster, which gives a connection to a client for one transaction at a time, and returns
// what makes the URL of a database one through it. It ends with the test, which is skipped where PgBouncer is
// not installed; CI takes that for a failure.
func (c *Cluster) Pooler(t testing.TB) func(databaseURL string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			t.Skip(errNoPooler)
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.dir), "")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"users": `"app" ""` + "\n" + `"postgres" ""` + "\n",
		"ini": fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
pool_mode = transaction
unix_socket_dir = %[3]s
listen_addr =
listen_port = 6432
auth_type = trust
auth_file = %[3]s/users
pidfile = %[3]s/pgbouncer.pid
default_pool_size = 4
`, c.dir, c.port, dir),
	}
	if err := own(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), own(path)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := c.tools.command("postgres") // as the same user
	cmd.Path, cmd.Args = program, []string{program, "-q", filepath.Join(dir, "ini")}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, ".s.PGSQL.6432")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("PgBouncer takes no connections")
		}
	}
	return func(databaseURL string) string {
		u, err := url.Parse(databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		u.Host, u.RawQuery = "", url.Values{"host": {dir}, "port": {"6432"}}.Encode()
		return u.String()
	}
}
