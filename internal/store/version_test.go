package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/google/go-cmp/cmp"
)

// by is a context for changes by a user.
func by(t *testing.T, u account.User, reason string, at time.Time) context.Context {
	return ledger.WithCause(t.Context(), ledger.Cause{By: ledger.Actor{Kind: ledger.User, ID: u.ID, Email: u.Email}, At: at, Reason: reason, RequestID: "req_1"})
}

func TestEachChangeOfSettingsIsAVersion(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ann := user(t, s, "ann@example.com")
		rec, _, err := s.CreateProject(by(t, ann, "", instant), settings(t, `{"name": "A", "providers": {"openai": {"key": "`+plainKey+`"}}}`))
		if err != nil || rec.Version != 1 {
			t.Fatalf("version %d, %v, want 1", rec.Version, err)
		}
		if m, err := s.Memberships(t.Context(), ann.ID); err != nil || len(m) != 1 || m[0] != (account.Membership{Project: rec.Key, Role: account.Owner}) {
			t.Errorf("memberships %v, %v, want the creator to be the owner", m, err)
		}
		edit := func(doc, reason string, want int64) {
			t.Helper()
			got, err := s.UpdateProject(by(t, ann, reason, instant.Add(time.Hour)), rec.Key, patch(doc))
			if err != nil || got.Version != want {
				t.Fatalf("%s: version %d, %v, want %d", doc, got.Version, err, want)
			}
			if read, err := s.Project(t.Context(), rec.Key); err != nil || read.Version != want {
				t.Errorf("%s: read version %d, %v, want %d", doc, read.Version, err, want)
			}
		}
		edit(`{"requestLimit": 5}`, "launch", 2)
		edit(`{"requestLimit": 5}`, "nothing", 2)
		edit(`{"providers": {"openai": {"key": "`+plainKey+`"}}}`, "the same key again", 3)
		all, err := s.Versions(t.Context(), rec.Key, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range all {
			got = append(got, fmt.Sprintf("%d %s %s %q %s", v.Number, v.At.Format("15:04"), v.By.Email, v.Reason, v.Changes))
		}
		mask := rec.Keys["openai"].Mask
		want := []string{
			`3 13:00 ann@example.com "the same key again" [{"path":"providers.openai.key","from":"` + mask + `","to":"` + mask + `","text":"providers.openai.key: replaced (the new one has the same mask)"}]`,
			`2 13:00 ann@example.com "launch" [{"path":"requestLimit","from":null,"to":5,"text":"requestLimit: null → 5"}]`,
			`1 12:00 ann@example.com "" []`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		if page, err := s.Versions(t.Context(), rec.Key, 3, 1); err != nil || len(page) != 1 || page[0].Number != 2 {
			t.Errorf("a page %v, %v, want version 2", page, err)
		}
		v, then, err := s.Version(t.Context(), rec.Key, 1)
		if err != nil || v.Number != 1 || then.RequestLimit != nil || then.Name != "A" || then.Providers["openai"].Key != mask {
			t.Errorf("version 1: %+v %+v, %v", v, then, err)
		}
		if _, _, err := s.Version(t.Context(), rec.Key, 9); !errors.Is(err, project.ErrNotFound) {
			t.Errorf("a version that never was: %v", err)
		}
		wantNothingOf(t, s, plainKey)
		if err := s.DeleteProject(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
		if n := scan[int](t, s.db.Read, `SELECT count(*) FROM settings_versions`); n != 0 {
			t.Errorf("%d versions of a deleted project", n)
		}
	})
}

// wantNothingOf fails if a text is in a version or in the audit trail.
func wantNothingOf(t *testing.T, s *Store, text string) {
	t.Helper()
	for _, query := range []string{`SELECT count(*) FROM settings_versions WHERE changes || settings || masks LIKE $1`,
		`SELECT count(*) FROM audit WHERE changes || detail || reason LIKE $1`} {
		if n := scan[int](t, s.db.Read, query, "%"+text+"%"); n != 0 {
			t.Errorf("%s: %d rows with a key", query, n)
		}
	}
}

func TestTheLastVersionsAreKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{}`)
		if _, err := s.db.Write.Exec(`UPDATE projects SET version = $1`, project.KeptVersions); err != nil {
			t.Fatal(err)
		}
		rec, err := s.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`))
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Versions(t.Context(), rec.Key, 0, 10)
		if err != nil || len(all) != 2 || all[0].Number != project.KeptVersions+1 || all[1].Number != project.KeptVersions {
			t.Errorf("versions %+v, %v, want the two newest", all, err)
		}
	})
}

// A node without versions changes the settings and the revision alone.
func TestAChangeByAnOlderNodeIsAVersionToo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		if _, err := s.db.Write.Exec(`UPDATE projects SET settings = '{"name": "old node"}', revision = revision + 1`); err != nil {
			t.Fatal(err)
		}
		numbers := func(want ...int64) {
			t.Helper()
			all, err := s.Versions(t.Context(), rec.Key, 0, 10)
			var got []int64
			for _, v := range all {
				got = append(got, v.Number)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("versions (-want +got), %v:\n%s", err, diff)
			}
		}
		numbers(2, 1)
		if v, then, err := s.Version(t.Context(), rec.Key, 2); err != nil || then.Name != "old node" || v.By.Kind != ledger.System {
			t.Errorf("version 2: %+v %q, %v", v, then.Name, err)
		}
		if _, _, err := s.RegenerateSecret(t.Context(), rec.Key, 0); err != nil {
			t.Fatal(err)
		}
		numbers(2, 1)
		if got, err := s.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`)); err != nil || got.Version != 3 {
			t.Errorf("version %d, %v, want 3", got.Version, err)
		}
		numbers(3, 2, 1)
		if _, _, err := s.RegenerateSecret(t.Context(), rec.Key, 0); err != nil {
			t.Fatal(err)
		}
		numbers(3, 2, 1)
		if _, then, err := s.Version(t.Context(), rec.Key, 2); err != nil || then.Name != "old node" {
			t.Errorf("version 2 was %q, %v", then.Name, err)
		}
	})
}

// Versions begin with the settings that an upgraded database has.
func TestAnUpgradedProjectHasItsFirstVersion(t *testing.T) {
	t.Parallel()
	onEachFormer(t, []string{
		`INSERT INTO projects (id, settings, secret_id, secret_hash, created_at, updated_at, revision) VALUES ('pk_1', '{"name": "A"}', 's', CAST('01234567890123456789012345678901' AS BLOB), 1, 2, 3)`,
		`UPDATE revision SET value = 3`,
	}, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, err := s.Project(t.Context(), "pk_1")
		if err != nil || rec.Version != 1 {
			t.Fatalf("version %d, %v, want 1", rec.Version, err)
		}
		if all, err := s.Versions(t.Context(), "pk_1", 0, 10); err != nil || len(all) != 1 || all[0].Number != 1 {
			t.Errorf("versions %+v, %v, want the first", all, err)
		}
	})
}

func TestAReplacedSecretKeyEndsWithItsGrace(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, first := create(t, s, `{}`)
		ctx := ledger.WithCause(t.Context(), ledger.Cause{By: ledger.Actor{Kind: ledger.CLI}, At: instant})
		regenerate := func(grace time.Duration) string {
			t.Helper()
			key, ends, err := s.RegenerateSecret(ctx, rec.Key, grace)
			if err != nil || !ends.Equal(instant.Add(grace)) {
				t.Fatalf("regenerate: ends %s, %v", ends, err)
			}
			return key
		}
		want := func(key string, ends time.Time, known bool) {
			t.Helper()
			id, hash, _ := secret.ParseSecretKey(key)
			got, err := s.ProjectBySecretID(t.Context(), id)
			if !known {
				if !errors.Is(err, project.ErrNotFound) {
					t.Errorf("an ended key: %v, want ErrNotFound", err)
				}
				return
			}
			if err != nil || got.Key != rec.Key || !bytes.Equal(hash[:], got.SecretHash[:]) || !got.SecretEndsAt.Equal(ends) {
				t.Errorf("key ends %s, %v, want %s", got.SecretEndsAt, err, ends)
			}
		}
		second := regenerate(time.Hour)
		want(first, instant.Add(time.Hour), true)
		want(second, time.Time{}, true)
		third := regenerate(time.Minute)
		want(first, time.Time{}, false)
		want(second, instant.Add(time.Minute), true)
		want(third, time.Time{}, true)
		fourth := regenerate(0)
		want(second, time.Time{}, false)
		want(third, time.Time{}, false)
		want(fourth, time.Time{}, true)
	})
}

func TestTheAuditTrailIsReadInPages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ann := user(t, s, "ann@example.com")
		rec, _, err := s.CreateProject(by(t, ann, "new", instant), settings(t, `{"name": "A"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.UpdateProject(by(t, ann, "why", instant.Add(time.Second)), rec.Key, patch(`{"requestLimit": 5}`)); err != nil {
			t.Fatal(err)
		}
		for i := range 5 { // the last two at one moment
			_, err := s.db.Write.Exec(`INSERT INTO audit (project_id, identity, action, detail, at) VALUES ($1, $2, 'gift', '{"tokens":1}', $3)`,
				rec.Key, fmt.Sprint("u", i%2), instant.Add(time.Minute*time.Duration(min(i, 3))).UnixMicro())
			if err != nil {
				t.Fatal(err)
			}
		}
		read := func(f ledger.FindLines) (got []string) {
			t.Helper()
			f.Project = rec.Key
			for {
				lines, next, err := s.AuditTrail(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range lines {
					got = append(got, fmt.Sprint(l.Action, " ", l.Identity, l.Target, " ", l.At.Sub(instant)))
				}
				if next.ID == 0 {
					return got
				}
				f.Before = next
			}
		}
		const g0, g1, g2, g3, g4 = "gift u0 0s", "gift u1 1m0s", "gift u0 2m0s", "gift u1 3m0s", "gift u0 3m0s"
		const created, changed = "createProject project 0s", "changeProject settings 1s"
		all := []string{g4, g3, g2, g1, changed, g0, created}
		for name, tc := range map[string]struct {
			find ledger.FindLines
			want []string
		}{
			"all":           {ledger.FindLines{Limit: 100}, all},
			"one by one":    {ledger.FindLines{Limit: 1}, all},
			"identity":      {ledger.FindLines{Limit: 2, Identity: "u0"}, []string{g4, g2, g0}},
			"from and to":   {ledger.FindLines{Limit: 2, From: instant.Add(time.Second), To: instant.Add(3 * time.Minute)}, []string{g2, g1, changed}},
			"action":        {ledger.FindLines{Limit: 1, Action: "gift", To: instant.Add(2 * time.Minute)}, []string{g1, g0}},
			"actor by mail": {ledger.FindLines{Limit: 1, Actor: "Ann@example.com"}, []string{changed, created}},
			"actor by id":   {ledger.FindLines{Limit: 9, Actor: ann.ID}, []string{changed, created}},
			"actor by kind": {ledger.FindLines{Limit: 9, Actor: "user"}, []string{changed, created}},
			"nobody":        {ledger.FindLines{Limit: 9, Actor: "bob"}, nil},
		} {
			if diff := cmp.Diff(tc.want, read(tc.find)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		lines, _, err := s.AuditTrail(t.Context(), ledger.FindLines{Project: rec.Key, Limit: 1, Action: "changeProject"})
		want := ledger.Entry{Actor: ledger.Actor{Kind: ledger.User, ID: ann.ID, Email: ann.Email}, Action: "changeProject", Target: "settings", Reason: "why",
			Detail: json.RawMessage(`{}`), Changes: json.RawMessage(`[{"path":"requestLimit","from":null,"to":5,"text":"requestLimit: null → 5"}]`), RequestID: "req_1"}
		if err != nil || len(lines) != 1 {
			t.Fatalf("lines %v, %v", lines, err)
		}
		if diff := cmp.Diff(want, lines[0].Entry); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	})
}

// A search for something rare ends after a bounded number of lines, and goes on from there.
func TestASearchOfTheAuditTrailIsBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		fillTrail := `INSERT INTO audit (project_id, identity, action, at) SELECT 'p', 'u', CASE WHEN n = 1 THEN 'rare' ELSE 'gift' END, n FROM `
		rows := `generate_series(1, %d) n`
		if s.db.Pool == nil {
			rows = `(WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < %d) SELECT n FROM r)`
		}
		if _, err := s.db.Write.Exec(fillTrail + fmt.Sprintf(rows, ledger.MaxLines+5)); err != nil {
			t.Fatal(err)
		}
		f := ledger.FindLines{Project: "p", Action: "rare", Limit: 10}
		lines, next, err := s.AuditTrail(t.Context(), f)
		if err != nil || len(lines) != 0 || next.ID == 0 {
			t.Fatalf("first page %v, next %v, %v, want none and a position", lines, next, err)
		}
		f.Before = next
		if lines, next, err = s.AuditTrail(t.Context(), f); err != nil || len(lines) != 1 || next.ID != 0 {
			t.Errorf("second page %v, next %v, %v, want the line and the end", lines, next, err)
		}
	})
}

func TestLongChangesAreCut(t *testing.T) {
	t.Parallel()
	var changes []project.Change
	for i := range 100 {
		changes = append(changes, project.Change{Path: fmt.Sprint("p", i), To: strings.Repeat("x", 1000)})
	}
	text, err := changesText(changes)
	var got []project.Change
	if err := errors.Join(err, json.Unmarshal([]byte(text), &got)); err != nil {
		t.Fatal(err)
	}
	if last := got[len(got)-1].Text; len(text) > maxChanges+1000 || last != fmt.Sprintf("and %d more changes", 101-len(got)) {
		t.Errorf("%d bytes and %d changes, the last %q", len(text), len(got), last)
	}
}

// Large versions go before there are as many as are kept, and the current one stays.
func TestTheKeptVersionsAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		for n := range 5 {
			var err error
			if rec, err = s.UpdateProject(t.Context(), rec.Key, patch(fmt.Sprintf(`{"requestLimit": %d, "limitResponse": {"message": "%s"}}`, n, strings.Repeat("é", 3_500)))); err != nil {
				t.Fatal(err)
			}
		}
		kept := func(most, mostBytes int64) string {
			t.Helper()
			err := s.write(t.Context(), func(tx *sql.Tx) error { return forgetVersions(t.Context(), tx, rec, most, mostBytes) })
			if err != nil {
				t.Fatal(err)
			}
			all, err := s.Versions(t.Context(), rec.Key, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []string
			for _, v := range all {
				numbers = append(numbers, strconv.FormatInt(v.Number, 10))
			}
			return strings.Join(numbers, " ")
		}
		for _, tc := range []struct {
			most, mostBytes int64
			want            string
		}{
			{100, 1 << 20, "6 5 4 3 2 1"},
			{5, 1 << 20, "6 5 4 3 2"},
			{5, 27_000, "6 5 4"}, // 7,000 bytes of text each
			{5, 1, "6"},
		} {
			if got := kept(tc.most, tc.mostBytes); got != tc.want {
				t.Errorf("at most %d with %d bytes: versions %s are kept, want %s", tc.most, tc.mostBytes, got, tc.want)
			}
		}
	})
}

// A user can own only so many projects. Those of others, and those that are gone, do not count.
func TestAUserMakesOnlySoManyProjects(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ann, bob := user(t, s, "ann@example.com"), user(t, s, "bob@example.com")
		rec, _, err := s.CreateProject(by(t, ann, "", instant), settings(t, `{"name": "A"}`))
		if err != nil {
			t.Fatal(err)
		}
		// The others are made at once: creating each takes long.
		_, err = s.db.Write.Exec(`INSERT INTO projects (id, settings, secret_id, secret_hash, created_at, updated_at, revision)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 'pk_more' || i, '{}', 'more' || i, secret_hash, 0, 0, 0 FROM n, projects WHERE id = $2`, account.MaxProjects-1, rec.Key)
		if err == nil {
			_, err = s.db.Write.Exec(`INSERT INTO members (project_id, user_id, role, created_at) SELECT id, $1, 'owner', 0 FROM projects WHERE id LIKE 'pk_more%'`, ann.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		create := func(u account.User) error {
			_, _, err := s.CreateProject(by(t, u, "", instant), settings(t, `{"name": "B"}`))
			return err
		}
		if err := create(ann); !errors.Is(err, account.ErrTooManyProjects) {
			t.Errorf("one more than %d: %v, want ErrTooManyProjects", account.MaxProjects, err)
		}
		if err := create(bob); err != nil {
			t.Errorf("another user: %v", err)
		}
		if err := s.DeleteProject(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
		if err := create(ann); err != nil {
			t.Errorf("after one is gone: %v", err)
		}
		if _, _, err := s.CreateProject(t.Context(), settings(t, `{"name": "C"}`)); err != nil {
			t.Errorf("by a command: %v", err)
		}
	})
}
