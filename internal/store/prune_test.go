package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/operation"
)

// fill writes n rows of a project into each table, as the ledgers do.
func fill(t *testing.T, db *sql.DB, key string, n int, at time.Time) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for i := range n {
		name, micros := fmt.Sprint(i), at.UnixMicro()
		for _, s := range []struct {
			query string
			args  []any
		}{
			{`INSERT INTO identities (project_id, identity, created_at, updated_at) VALUES ($1, $2, $3, $3)`, []any{key, name, micros}},
			{`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests) VALUES ($1, $2, $3, '', '', 0, 1)`, []any{key, name, micros}},
			{`INSERT INTO audit (project_id, identity, action, at) VALUES ($1, $2, 'gift', $3)`, []any{key, name, micros}},
			{`INSERT INTO idempotency (project_id, key, fingerprint, status, body, created_at) VALUES ($1, $2, $3, 200, $3, $4)`,
				[]any{key, name, []byte("x"), micros}},
		} {
			if _, err := tx.Exec(s.query, s.args...); err != nil {
				t.Fatalf("%s: %v", s.query, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(t *testing.T, db *DB, key string) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for _, table := range db.projectTables() {
		if n := scan[int](t, db.Read, `SELECT count(*) FROM `+table.table+` WHERE project_id = $1`, key); n != 0 {
			rows[table.table] = n
		}
	}
	return rows
}

func wantRows(t *testing.T, db *DB, key string, want map[string]int) {
	t.Helper()
	if got := rowsOf(t, db, key); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has rows %v, want %v", key, got, want)
	}
}

func TestRepetitionsAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{}`)
		const n = 2*pruneBatch + 7
		at := time.Now()
		fill(t, s.db.Write, rec.Key, n, at)
		for _, tc := range []struct {
			after   time.Duration
			removed int64
		}{{OnceFor, 0}, {OnceFor + time.Second, n}, {OnceFor + time.Hour, 0}} {
			removed, err := s.db.Prune(t.Context(), at.Add(tc.after))
			if err != nil || removed != tc.removed {
				t.Errorf("after %s: %d rows removed, %v, want %d", tc.after, removed, err, tc.removed)
			}
		}
		wantRows(t, s.db, rec.Key, map[string]int{"identities": n, "usage": n, "audit": n + 1}) // one says who created the project
	})
}

func TestNothingStaysOfADeletedProject(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		var keys []string
		const n = pruneBatch + 3
		for range 3 {
			rec, _ := create(t, s, `{}`)
			fill(t, s.db.Write, rec.Key, n, time.Now())
			keys = append(keys, rec.Key)
		}
		for _, key := range keys[:2] {
			if err := s.DeleteProject(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		// A request of the second still runs.
		hold := `INSERT INTO holds (id, project_id, identity, model, tier, hour, admitted_at) VALUES (1, $1, '1', '', '', 0, 0)`
		if s.db.Pool != nil {
			hold = `INSERT INTO holds (id, project_id, identity, model, tier, node, admitted_at) VALUES (1, $1, '1', '', '', 0, 0)`
		}
		if _, err := s.db.Write.Exec(hold, keys[1]); err != nil {
			t.Fatal(err)
		}
		all := map[string]int{"identities": n, "usage": n, "audit": n + 1, "idempotency": n}
		if removed, err := s.db.Prune(t.Context(), time.Now()); err != nil || removed != int64(n*len(all)+1) {
			t.Errorf("%d rows removed, %v, want %d", removed, err, n*len(all)+1)
		}
		wantRows(t, s.db, keys[0], map[string]int{})
		wantRows(t, s.db, keys[1], all)
		wantRows(t, s.db, keys[2], all)
		if _, err := s.db.Write.Exec(`DELETE FROM holds`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.Prune(t.Context(), time.Now()); err != nil {
			t.Error(err)
		}
		wantRows(t, s.db, keys[1], map[string]int{})
		wantRows(t, s.db, keys[2], all)
	})
}

// fillMore puts a row of a project into each table of the rollups, of security events and of operations, and returns the
// number of rows.
func fillMore(t *testing.T, db *sql.DB, key string) int64 {
	t.Helper()
	rows := []string{
		`usage_total (project_id, hour) VALUES ($1, 1)`, `usage_hour (project_id, split, hour, key) VALUES ($1, 0, 1, '')`,
		`usage_day (project_id, split, day, key) VALUES ($1, 0, 1, '')`, `active_hour VALUES ($1, 1, $2)`, `active_day VALUES ($1, 1, $2)`,
		`top_open VALUES ($1, 1, $2)`, `top_day VALUES ($1, 0, 1, $2)`, `refusals VALUES ($1, 1, '', '', '', '', 1)`,
		`refused_identities VALUES ($1, 1, $2)`, `near_limits VALUES ($1, '', '', '', '', '', 1, 1)`,
		`security_events (project_id, identity, hour, category, rule, blocked, severity, first_at, last_at, count) VALUES ($1, '', 1, '', '', 0, '', 1, 1, 1)`,
		`security_counts VALUES ($1, 1, '', '', 0, 1)`,
		`rollup_projects (project_id) VALUES ($1)`,
		`operations (project_id, id, definition, fingerprint, state, created_at, updated_at) VALUES ($1, 'op', '{}', $2, 'done', 1, 1)`,
		`operation_batches (project_id, operation_id, n, items) VALUES ($1, 'op', 0, '[]')`,
	}
	for _, values := range rows {
		args := []any{key, []byte{}}
		if _, err := db.Exec(`INSERT INTO `+values, args[:1+strings.Count(values, "$2")]...); err != nil {
			t.Fatalf("%s: %v", values, err)
		}
	}
	return int64(len(rows))
}

// Rollups and operations of a deleted project go with the rest.
func TestPruningRemovesRollupsAndOperations(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		want := fillMore(t, s.db.Write, "pk_gone")
		if n, err := s.db.Prune(t.Context(), time.UnixMicro(0)); err != nil || n != want {
			t.Errorf("%d rows removed, %v; want %d", n, err, want)
		}
	})
}

// An operation that has ended is kept for a while. One that goes on is kept.
func TestEndedOperationsAreForgotten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{}`)
		at := time.Now()
		for i, state := range []operation.State{operation.Running, operation.Preparing, operation.Done, operation.Cancelled, operation.Interrupted} {
			if _, err := s.db.Write.Exec(`INSERT INTO operations (project_id, id, definition, fingerprint, state, created_at, updated_at)
				VALUES ($1, $2, '{}', $3, $4, 1, $5)`, rec.Key, fmt.Sprint("op_", i), []byte{}, state, at.UnixMicro()); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			after   time.Duration
			removed int64
		}{{operationsFor, 0}, {operationsFor + time.Second, 3}, {operationsFor + time.Hour, 0}} {
			if removed, err := s.db.Prune(t.Context(), at.Add(tc.after)); err != nil || removed != tc.removed {
				t.Errorf("after %s: %d rows removed, %v, want %d", tc.after, removed, err, tc.removed)
			}
		}
		if n := rowsOf(t, s.db, rec.Key)["operations"]; n != 2 {
			t.Errorf("%d operations are left, want the 2 that go on", n)
		}
	})
}

// One statement finds the next deleted project, however many projects exist.
func TestPruningLeapsOverLivingProjects(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		var keys []string
		for range 5 {
			rec, _ := create(t, s, `{}`)
			fill(t, s.db.Write, rec.Key, 2, time.Now())
			fillMore(t, s.db.Write, rec.Key)
			keys = append(keys, rec.Key)
		}
		slices.Sort(keys)
		if err := s.DeleteProject(t.Context(), keys[3]); err != nil {
			t.Fatal(err)
		}
		for _, d := range s.db.projectTables() {
			for _, tc := range []struct {
				after string
				skips int
				want  string
			}{{"", maxSkips, keys[3]}, {keys[0], maxSkips, keys[3]}, {keys[3], maxSkips, keys[4]}, {keys[4], maxSkips, ""}, {"", 2, keys[1]}} {
				var got sql.NullString
				if err := s.db.Read.QueryRow(fmt.Sprintf(nextProject, d.table), tc.after, tc.skips).Scan(&got); err != nil || got.String != tc.want {
					t.Errorf("%s: %d skips from %q end at %q, %v, want %q", d.table, tc.skips, tc.after, got.String, err, tc.want)
				}
			}
		}
	})
}

func TestOneNodePrunesAtATime(t *testing.T) {
	t.Parallel()
	s := newStore(t, migrated.Database(t))
	at := time.Now()
	fill(t, s.db.Write, "pk_deleted", 3, at)
	tx, err := s.db.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only held the lock
	if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1)`, pruneLock); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.db.Prune(t.Context(), at); err != nil || removed != 0 {
		t.Errorf("beside another: %d rows removed, %v, want none", removed, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.db.Prune(t.Context(), at); err != nil || removed != 12 {
		t.Errorf("alone: %d rows removed, %v, want 12", removed, err)
	}
}

// Ended things are removed: sessions, requests to sign in after a day, invitations after a month.
func TestEndedSessionsAndRequestsGo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{}`)
		at := time.Now()
		addPeople(t, s, rec.Key)
		for _, q := range []string{`UPDATE sessions SET expires_at = $1`, `UPDATE invitations SET expires_at = $1`,
			`INSERT INTO sign_ins (id, kind, email, token_hash, created_at, expires_at) VALUES ('si_1', 'mail', '', 'x', $1, $1)`} {
			if s.db.Pool == nil {
				q = strings.Replace(q, "'x'", "x'00'", 1)
			}
			if _, err := s.db.Write.Exec(q, at.UnixMicro()); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			after time.Duration
			left  string
		}{{0, "sessions sign_ins invitations"}, {time.Second, "sign_ins invitations"}, {signInsFor, "sign_ins invitations"},
			{signInsFor + time.Second, "invitations"}, {invitationsFor, "invitations"}, {invitationsFor + time.Second, ""}} {
			if _, err := s.db.Prune(t.Context(), at.Add(tc.after)); err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, table := range []string{"sessions", "sign_ins", "invitations"} {
				if scan[int](t, s.db.Read, `SELECT count(*) FROM `+table) > 0 {
					left = append(left, table)
				}
			}
			if got := strings.Join(left, " "); got != tc.left {
				t.Errorf("after %s: %q is left, want %q", tc.after, got, tc.left)
			}
		}
	})
}
