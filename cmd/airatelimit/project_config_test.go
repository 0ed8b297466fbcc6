package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/store"
)

// made creates a project from a document and returns its key.
func made(t *testing.T, env map[string]string, doc string) string {
	t.Helper()
	got := runWith(t, env, doc, "project", "create", "--name", "A", "--config", "-", "--json")
	var keys struct{ ProjectKey string }
	if err := json.Unmarshal([]byte(got.out), &keys); err != nil || got.code != 0 {
		t.Fatalf("exit %d, out %q, err %q: %v", got.code, got.out, got.err, err)
	}
	return keys.ProjectKey
}

// recorded reads a text from the database of an environment.
func recorded(t *testing.T, env map[string]string, query string) (text string) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(env["DATA_DIR"], "airatelimit.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's file
	if err := db.Read.QueryRow(query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// --merge changes only what it lists, at every depth, where --set replaces what it names.
func TestProjectConfigMerge(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATA_DIR": t.TempDir()}
	const before = `{"requestLimit": 9, "tiers": {"free": {"requestLimit": 5, "tokenLimit": 70}, "pro": {"requestLimit": 500}}}`
	for how, want := range map[string]string{
		"--merge": `{"free":{"requestLimit":6,"tokenLimit":70}}`,
		"--set":   `{"free":{"requestLimit":6}}`,
	} {
		key, file := made(t, env, before), filepath.Join(t.TempDir(), "part.json")
		part := `{"tiers": {"free": {"requestLimit": 6}, "pro": null}}`
		if how == "--set" {
			part = `{"tiers": {"free": {"requestLimit": 6}}}`
		}
		if err := os.WriteFile(file, []byte(part), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := runWith(t, env, "", "project", "config", key, how, file); got.code != 0 || !strings.Contains(got.out, "tiers.pro: removed") {
			t.Errorf("%s: exit %d, out %q, err %q", how, got.code, got.out, got.err)
		}
		var after struct {
			RequestLimit int
			Tiers        map[string]map[string]any
		}
		if err := json.Unmarshal([]byte(runWith(t, env, "", "project", "config", key, "--get").out), &after); err != nil {
			t.Fatal(err)
		}
		for _, tier := range after.Tiers {
			for name, v := range tier {
				if empty, ok := v.(map[string]any); v == nil || ok && len(empty) == 0 {
					delete(tier, name)
				}
			}
		}
		if got, _ := json.Marshal(after.Tiers); string(got) != want || after.RequestLimit != 9 {
			t.Errorf("%s leaves the tiers %s and the limit %d, want %s and 9", how, got, after.RequestLimit, want)
		}
	}
	key := made(t, env, before)
	if got := runWith(t, env, `{"tiers": {"free": {"reqestLimit": 1}}}`, "project", "config", key, "--merge", "-"); got.code != exitFailed ||
		!strings.Contains(got.err, "standard input: tiers.free.reqestLimit") {
		t.Errorf("an unknown field: exit %d, err %q", got.code, got.err)
	}
	if got := runWith(t, env, `{}`, "project", "config", key, "--merge", "-", "--set", "-"); got.code != exitUsage {
		t.Errorf("both ways at once: exit %d, err %q", got.code, got.err)
	}
}

// --reason stands in the history of the settings and in the audit trail.
func TestProjectConfigReason(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATA_DIR": t.TempDir()}
	key := made(t, env, `{"requestLimit": 9}`)
	if got := runWith(t, env, `{"requestLimit": 5}`, "project", "config", key, "--merge", "-", "--reason", "launch day"); got.code != 0 {
		t.Fatalf("exit %d, err %q", got.code, got.err)
	}
	if got := recorded(t, env, `SELECT version || ' ' || actor_kind || ' ' || reason FROM settings_versions ORDER BY version DESC LIMIT 1`); got != "2 cli launch day" {
		t.Errorf("the version is %q", got)
	}
	if got := recorded(t, env, `SELECT action || ' ' || actor_kind || ' ' || reason FROM audit ORDER BY id DESC LIMIT 1`); got != "changeProject cli launch day" {
		t.Errorf("the audit trail has %q", got)
	}
}

// --grace lets the old secret key work for a while.
func TestProjectRegenerateSecretGrace(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATA_DIR": t.TempDir()}
	key := made(t, env, `{"requestLimit": 9}`)
	for _, grace := range []string{"-1s", "25h", "soon"} {
		if got := runWith(t, env, "", "project", "regenerate-secret", key, "--grace="+grace); got.code != exitUsage {
			t.Errorf("--grace=%s: exit %d, err %q", grace, got.code, got.err)
		}
	}
	if got := runWith(t, env, "", "project", "regenerate-secret", key, "--grace", "2h"); got.code != 0 || !strings.Contains(got.out, "The old one works until 2") {
		t.Errorf("exit %d, out %q, err %q", got.code, got.out, got.err)
	}
	if got := recorded(t, env, `SELECT detail FROM audit WHERE action = 'regenerateSecret'`); got != `{"graceSeconds":7200}` {
		t.Errorf("the audit trail has %s", got)
	}
	if got := recorded(t, env, `SELECT count(*) FROM old_secrets WHERE project_id = '`+key+`'`); got != "1" {
		t.Errorf("%q old keys are kept, want one", got)
	}
	if got := runWith(t, env, "", "project", "regenerate-secret", key); got.code != 0 || !strings.Contains(got.out, "The old one no longer works") {
		t.Errorf("exit %d, out %q, err %q", got.code, got.out, got.err)
	}
	if got := recorded(t, env, `SELECT count(*) FROM old_secrets`); got != "0" {
		t.Errorf("%s old keys are kept without a grace, want none", got)
	}
}
