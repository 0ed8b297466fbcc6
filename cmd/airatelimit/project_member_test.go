package main

import (
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/store"
)

func TestProjectMemberGivesARole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"DATA_DIR": dir}
	runWith(t, env, "", "login-link", "ann@example.com") // there is no database yet
	created := runWith(t, env, "", "project", "create", "--name", "A")
	_, rest, _ := strings.Cut(created.out, "Project key: ")
	key, _, _ := strings.Cut(rest, "\n")
	key = strings.Fields(key)[0]
	for _, role := range []string{"owner", "viewer"} {
		got := runWith(t, env, "", "project", "member", key, "Ann@example.com", "--role", role)
		if want := "ann@example.com is " + role + " of " + key; got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("exit %d, out %q, err %q, want %q", got.code, got.out, got.err, want)
		}
	}
	for _, args := range [][]string{{key, "ann"}, {key, "ann@example.com", "--role", "root"}} {
		if got := runWith(t, env, "", append([]string{"project", "member"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: exit %d, err %q", args, got.code, got.err)
		}
	}
	if got := runWith(t, env, "", "project", "member", "pk_x", "ann@example.com"); got.code != exitFailed || !strings.Contains(got.err, "no such project") {
		t.Errorf("no project: exit %d, err %q", got.code, got.err)
	}
	db, err := store.Open(t.Context(), dir+"/airatelimit.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's file
	s := store.New(db, nil)
	u, err := s.EnsureUser(t.Context(), "ann@example.com", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if mine, err := s.Memberships(t.Context(), u.ID); err != nil || len(mine) != 1 || mine[0] != (account.Membership{Project: key, Role: account.Viewer}) {
		t.Errorf("memberships %v, %v", mine, err)
	}
	var line string
	if err := db.Read.QueryRow(`SELECT actor_kind || ' ' || target || ' ' || detail FROM audit WHERE action = 'addMember' ORDER BY id DESC LIMIT 1`).Scan(&line); err != nil ||
		line != `cli ann@example.com {"role":"viewer"}` {
		t.Errorf("audit %q, %v", line, err)
	}
}
