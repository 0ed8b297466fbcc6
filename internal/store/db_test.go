package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// file is where a test's database goes: a fresh folder that does not exist yet.
func file(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "test.db") }

func openTest(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(context.Background(), path)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func tables(t *testing.T, db *DB) string {
	t.Helper()
	var names string
	const q = `SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' ORDER BY name)`
	if err := db.Read.QueryRow(q).Scan(&names); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestOpenMigratesAnEmptyDatabaseAndLeavesACurrentOneAlone(t *testing.T) {
	t.Parallel()
	path := file(t)
	const want = "active_day active_hour audit holds idempotency identities installation invitations journal members near_limits old_secrets operation_batches operations projects prompt_versions prompts provider_keys refusals " +
		"refused_identities revision rollup_pending rollup_projects rollup_state security_counts security_events sessions settings_versions sign_ins top_day top_open usage usage_day usage_hour usage_total users"
	for range 3 {
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		if got := tables(t, db); got != want {
			t.Errorf("tables = %q, want %q", got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenOfAnEmptyFileAtTheSameMoment(t *testing.T) {
	t.Parallel()
	path := file(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			db, err := Open(context.Background(), path)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			if _, err := db.Write.Exec(`UPDATE revision SET value = value + 1`); err != nil {
				t.Errorf("write: %v", err)
			}
			if err := db.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	var n int
	if err := openTest(t, path).Read.QueryRow(`SELECT value FROM revision`).Scan(&n); err != nil || n != 8 {
		t.Errorf("revision = %d, %v, want 8", n, err)
	}
}

func TestOpenRefusesADatabaseOfANewerVersion(t *testing.T) {
	t.Parallel()
	path := file(t)
	db := openTest(t, path)
	if _, err := db.Write.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "99999") {
		t.Errorf("Open = %v, want ErrNewer naming version 99999", err)
	}
}

func TestOpenKeepsFilesPrivate(t *testing.T) {
	t.Parallel()
	path := file(t)
	db := openTest(t, path)
	if _, err := db.Write.Exec(`UPDATE revision SET value = 1`); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestOpenTakesAnyFileName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "50% of a?name #1.db")
	openTest(t, path)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("database not at the path that was given: %v, %v", info, err)
	}
}

func TestHandlesHaveTheirPragmas(t *testing.T) {
	t.Parallel()
	db := openTest(t, file(t))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "1", "busy_timeout": "5000", "foreign_keys": "1",
		"temp_store": "2", "wal_autocheckpoint": "4000", "query_only": "0",
	} {
		var got string
		if err := db.Write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("writer's %s = %s, %v, want %s", pragma, got, err, want)
		}
	}
	if _, err := db.Read.Exec(`UPDATE revision SET value = 7`); err == nil {
		t.Error("the reading handle wrote")
	}
}

func TestLockRefusesASecondServer(t *testing.T) {
	t.Parallel()
	path := file(t)
	release, err := Lock(path)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if _, err := Lock(p); !errors.Is(err, ErrLocked) {
			t.Errorf("second Lock(%s) = %v, want ErrLocked", filepath.Base(p), err)
		}
	}
	openTest(t, path) // a command beside the serving process
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = Lock(path)
	if err != nil {
		t.Fatalf("Lock after release: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestCheckpointFoldsTheLogBack(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for i := range 100 {
		if _, err := db.Ledger.Exec(`INSERT INTO audit (project_id, identity, action, at) VALUES ('p', 'i', 'a', ?)`, i); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := db.Checkpoint(t.Context()); err != nil || left != 0 {
		t.Errorf("Checkpoint left %d pages, %v; want none", left, err)
	}
}
