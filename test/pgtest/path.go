package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Path returns a folder for PATH from which initdb and pg_ctl run, for command lines that people paste: as the user that
// PostgreSQL accepts, whoever runs the tests. A test without PostgreSQL on its machine is skipped.
func Path(t testing.TB) string {
	t.Helper()
	bin, err := installed()
	check(t, err)
	id, err := account()
	if err != nil {
		t.Fatal(err)
	}
	if id == nil {
		return string(bin)
	}
	dir := t.TempDir()
	for _, name := range []string{"initdb", "pg_ctl"} {
		script := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%d --regid=%d --clear-groups %s \"$@\"\n", id.Uid, id.Gid, filepath.Join(string(bin), name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir + string(os.PathListSeparator) + string(bin)
}

// Programs returns the folder of PostgreSQL's own programs, such as pg_dump. A test without them is skipped.
func Programs(t testing.TB) string {
	t.Helper()
	bin, err := installed()
	check(t, err)
	return string(bin)
}
