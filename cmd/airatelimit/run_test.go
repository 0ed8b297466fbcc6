package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/store"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tc := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"--help", 0, "Serve the API", ""},
		{"project create --help", 0, "--provider-key", ""},
		{"version", 0, "airatelimit ", ""},
		{"porject", exitUsage, "", "airatelimit --help"},
		{"project", exitUsage, "", "run `airatelimit project --help`"},
		{"project list --no-such-flag", exitUsage, "", "no-such-flag"},
		{"project create", exitUsage, "", "--name"},
		{"project delete pk_x", exitUsage, "", "--yes"},
		{"project config pk_x", exitUsage, "", "--get"},
		{"project config --get", exitUsage, "", "run `airatelimit project config --help`"},
		{"project config pk_x --get", exitFailed, "", "there is no database at " + dir + "/airatelimit.db: run this in the server's folder"},
		{"project list", exitFailed, "", "project create` creates a first project"},
		{"project provider-key pk_x openai=-", exitFailed, "", "there is no database"},
		{"project regenerate-secret pk_x", exitFailed, "", "there is no database"},
		{"project delete pk_x --yes", exitFailed, "", "there is no database"},
		{"project create --name A", 0, "Project key: pk_", ""},
		{"project config pk_x --get", exitFailed, "", "no such project in " + dir},
	} {
		got := runWith(t, map[string]string{"DATA_DIR": dir}, "sk-proj-0123456789abcdefghij", strings.Fields(tc.args)...)
		if got.code != tc.code || !strings.Contains(got.out, tc.out) || !strings.Contains(got.err, tc.err) {
			t.Errorf("%s: exit %d, out %q, err %q; want %d, %q, %q", tc.args, got.code, got.out, got.err, tc.code, tc.out, tc.err)
		}
		if made, err := os.ReadDir(dir); strings.Contains(got.err, "there is no database") && (err != nil || len(made) > 0) {
			t.Errorf("%s: %v is in the folder after it (%v), want nothing", tc.args, made, err)
		}
	}
}

func TestEveryConfigurationProblemIsPrinted(t *testing.T) {
	t.Parallel()
	got := runWith(t, map[string]string{"PORT": "x", "SIGNUP": "y"}, "", "project", "list")
	if got.code != exitFailed || !strings.Contains(got.err, "airatelimit: PORT") || !strings.Contains(got.err, "airatelimit: SIGNUP") {
		t.Errorf("exit %d, err:\n%s", got.code, got.err)
	}
}

// A project that cannot be read is named, and the others are listed all the same.
func TestProjectListBesideAnUnreadableProject(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATA_DIR": t.TempDir()}
	for _, name := range []string{"Bad", "Good"} {
		if got := runWith(t, env, "", "project", "create", "--name", name); got.code != 0 {
			t.Fatalf("exit %d, err %s", got.code, got.err)
		}
	}
	db, err := store.Open(t.Context(), env["DATA_DIR"]+"/airatelimit.db")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Write.ExecContext(t.Context(), `UPDATE projects SET settings = '[]' WHERE settings LIKE '%"Bad"%'`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"project", "list"}, {"project", "list", "--json"}} {
		got := runWith(t, env, "", args...)
		if got.code != exitFailed || !strings.Contains(got.out, "Good") || !strings.Contains(got.err, "cannot read the stored project pk_") {
			t.Errorf("%v: exit %d, out %q, err %q; want the other project, and this one's error", args, got.code, got.out, got.err)
		}
	}
}
