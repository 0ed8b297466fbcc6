package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/google/go-cmp/cmp"
)

// copySource is a file with rows in every table that no process serves.
func copySource(t *testing.T, identities int) (path, projectKey string) {
	t.Helper()
	path = file(t)
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(db, keyring(t, "k"))
	rec, _ := create(t, s, `{"name": "A", "providers": {"openai": {"key": "`+plainKey+`"}}}`)
	save(t, s, rec.Key, "assistant", "first text")
	save(t, s, rec.Key, "assistant", "second text")
	fill(t, db.Write, rec.Key, identities, time.Now())
	addPeople(t, New(db, keyring(t, "k")), rec.Key)
	for _, s := range []string{
		`UPDATE identities SET credit_requests = 10, credit_tokens = 3, known = 1, settings = '{"tier":"pro"}'`,
		`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens, micros, credit_tokens, input_tokens)
			VALUES ($1, '0', 7, 'gpt-4o', 'pro', 0, 5, 60, 700, 8, 9), ($1, '0', 7, 'gpt-4o', 'pro', 1, -1, -2, -3, 0, 0)`,
		// Requests that ran when the process was killed: one in an hour with usage, one in another, with a name that PostgreSQL
		// does not take.
		`INSERT INTO holds (id, project_id, identity, model, tier, hour, requests, tokens, micros, credit_requests, credit_tokens, admitted_at)
			VALUES (1, $1, '0', 'gpt-4o', 'pro', 7, 1, 100, 1000, 1, 5, 0),
			(2, $1, '0', 'a' || char(0) || '\b', '', 8, 1, 10, 0, 0, 0, 0)`,
	} {
		var args []any
		if strings.Contains(s, "$1") {
			args = []any{rec.Key}
		}
		if _, err := db.Write.Exec(s, args...); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, rec.Key
}

// addPeople makes an owner of a project with a session, and an invitation.
func addPeople(t *testing.T, s *Store, project string) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	u := user(t, s, "ann@example.com")
	session(t, s, u, "ann's", now)
	member(t, s, project, u, account.Owner)
	_, _, err := s.RegenerateSecret(ctx, project, time.Hour)
	if err == nil {
		_, _, err = s.CreateOperation(ctx, operation.Operation{Project: project, ID: "op_1", CreatedAt: time.UnixMicro(1)})
	}
	if err == nil {
		err = s.AddBatches(ctx, project, "op_1", 0, [][]json.RawMessage{{json.RawMessage(`"ann"`)}})
	}
	if err == nil {
		_, err = s.db.Write.ExecContext(ctx, `INSERT INTO invitations (id, project_id, email, role, token_hash, inviter, created_at, expires_at)
			VALUES ('in_1', $1, 'bob@example.com', 'viewer', $2, 'ann@example.com', 1, 2)`, project, []byte("hash"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A table that is neither copied nor known to be left out would be lost by a move to PostgreSQL.
func TestEveryTableIsCopiedOrLeftOutOnPurpose(t *testing.T) {
	t.Parallel()
	leftOut := []string{"holds", "installation", "journal", "revision", "sign_ins", // settled into usage, the database's own, or short-lived
		"active_day", "active_hour", "rollup_state", "top_day", "top_open"} // built from usage
	known := leftOut
	for _, c := range copies {
		known = append(known, c.table)
	}
	slices.Sort(known)
	if got, want := tables(t, openTest(t, file(t))), strings.Join(known, " "); got != want {
		t.Errorf("tables %s\nknown are %s", got, want)
	}
}

// escape stands in for the ledger's escape.
func escape(name string) string { return strings.ReplaceAll(name, "\x00", "(nul)") }

func TestCopyBringsEverythingAndSettlesWhatRan(t *testing.T) {
	t.Parallel()
	const n = 2*copyBatch + 1
	path, key := copySource(t, n)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	target := openTest(t, migrated.Database(t))
	done, err := Copy(t.Context(), path, target, keyring(t, "k"), escape)
	if err != nil {
		t.Fatal(err)
	}
	want := []Copied{{"projects", 1}, {"provider_keys", 1}, {"settings_versions", 1}, {"old_secrets", 1}, {"prompts", 1}, {"prompt_versions", 2}, {"identities", n}, {"usage", n + 3}, {"idempotency", n},
		{"rollup_pending", 0}, {"rollup_projects", 0}, {"usage_total", 0}, {"usage_hour", 0}, {"usage_day", 0}, {"refusals", 0},
		{"refused_identities", 0}, {"near_limits", 0}, {"security_events", 0}, {"security_counts", 0},
		{"users", 1}, {"sessions", 1}, {"members", 1}, {"invitations", 1}, {"operations", 1}, {"operation_batches", 1}, {"audit", n + 4}}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
	for query, want := range map[string]string{
		`SELECT string_agg(concat_ws(' ', hour, model, tier, kind, requests, tokens, micros, credit_requests, credit_tokens, input_tokens), ', ' ORDER BY hour, kind)
			FROM usage WHERE identity = '0' AND hour < 10`: `7 gpt-4o pro 0 6 160 1700 1 13 9, 7 gpt-4o pro 1 -1 -2 -3 0 0 0, 8 a(nul)\b  0 1 10 0 0 0 0`,
		`SELECT concat_ws(' ', credit_requests, credit_tokens, known, settings) FROM identities WHERE identity = '0'`:                  `9 0 t {"tier":"pro"}`,
		`SELECT concat_ws(' ', credit_requests, credit_tokens) FROM identities WHERE identity = '1'`:                                   `10 3`,
		`SELECT concat_ws(' ', u.email, m.role, s.ip, s.agent, i.email, i.inviter) FROM users u, members m, sessions s, invitations i`: `ann@example.com owner 192.0.2.1 Browser bob@example.com ann@example.com`,
		`SELECT concat_ws(' ', version, versioned = revision) FROM projects`:                                                           `1 t`,
		`SELECT count(*)::text FROM holds`:        `0`,
		`SELECT encryption_key FROM installation`: keyring(t, "k").ID(),
	} {
		if got := scan[string](t, target.Read, query); got != want {
			t.Errorf("%s\n is %s\nwant %s", query, got, want)
		}
	}
	s := New(target, keyring(t, "k"))
	p, err := newCatalog(t, s).Project(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if openai, _ := p.Provider("openai"); p.Name != "A" || openai.Key != plainKey {
		t.Errorf("project %q with the key %q, %v", p.Name, openai.Key, openai.KeyError)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("the source has changed, or cannot be read: %v", err)
	}
	if _, err := Copy(t.Context(), path, target, keyring(t, "k"), escape); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a second time: %v, want ErrNotEmpty", err)
	}
}

func TestNothingIsReadWithoutTheJournalBesideIt(t *testing.T) {
	t.Parallel()
	path, _ := copySource(t, 1)
	for content, want := range map[string]error{"": nil, "a record": ErrUnfolded} {
		if err := os.WriteFile(path+".journal-b", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, closeSource, err := openSource(t.Context(), path)
		if !errors.Is(err, want) {
			t.Errorf("with %q in the journal: %v, want %v", content, err, want)
		}
		if err == nil {
			err = closeSource()
		}
		if want == nil && err != nil {
			t.Error(err)
		}
	}
}

func TestCopyOfWhatItCannotCopyLeavesNothing(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	target := openTest(t, location)
	path, key := copySource(t, 3)
	wants := func(name string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		for _, table := range append(copies, copied{table: "holds"}) {
			if n := scan[int](t, target.Read, `SELECT count(*) FROM `+table.table); n != 0 {
				t.Errorf("%s: %d rows are left in %s", name, n, table.table)
			}
		}
		if got := scan[string](t, target.Read, `SELECT encryption_key FROM installation`); got != "" {
			t.Errorf("%s: the key %s is left", name, got)
		}
	}
	_, err := Copy(t.Context(), path+".none", target, keyring(t, "k"), escape)
	wants("no file", err, os.ErrNotExist)
	if _, err := os.Stat(path + ".none"); err == nil {
		t.Error("it was made")
	}
	_, err = Copy(t.Context(), path, target, keyring(t, "x"), escape)
	if err == nil || !strings.Contains(err.Error(), "openai in project "+key) {
		t.Errorf("another key: %v, want an error that names the project's", err)
	}
	release, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Copy(t.Context(), path, target, keyring(t, "k"), escape)
	wants("a file that is served", err, ErrLocked)
	if err := release(); err != nil {
		t.Fatal(err)
	}
	db := openTest(t, path)
	if _, err := db.Write.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err = Copy(t.Context(), path, target, keyring(t, "k"), escape)
	wants("a file of another version", err, ErrOutdated)
	if _, err := db.Write.Exec(`DELETE FROM goose_db_version WHERE version_id = 99999`); err != nil {
		t.Fatal(err)
	}
	// The last table cannot be written: what was copied before must go, too.
	if _, err := target.Write.Exec(`ALTER TABLE audit ADD CHECK (action <> 'gift')`); err != nil {
		t.Fatal(err)
	}
	_, err = Copy(t.Context(), path, target, keyring(t, "k"), escape)
	if err == nil || !strings.Contains(err.Error(), "copy audit") {
		t.Errorf("a table that refuses: %v", err)
	}
	wants("a table that refuses", err, err)
	// A database may silently store a value other than the given one.
	for name, c := range map[string]struct{ table, does, want string }{
		"a table that drops a row": {"identities", `IF NEW.identity = '1' THEN RETURN NULL; END IF;`,
			"copy identities: count and sums of credit_requests, credit_tokens, credit_micros are [3 29 6 0] in the source and [2 19 3 0] in the target"},
		"a table that alters a row": {"usage", `IF NEW.micros = 1700 THEN NEW.micros := 1701; END IF;`,
			"copy usage: count and sums of requests, tokens, micros, credit_requests, credit_tokens, credit_micros, input_tokens, output_tokens " +
				"are [6 9 168 1697 1 13 0 9 0] in the source and [6 9 168 1698 1 13 0 9 0] in the target"},
	} {
		for _, s := range []string{
			`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + c.does + ` RETURN NEW; END $$`,
			`CREATE TRIGGER spoil BEFORE INSERT ON ` + c.table + ` FOR EACH ROW EXECUTE FUNCTION spoil()`,
		} {
			if _, err := target.Write.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		_, err = Copy(t.Context(), path, target, keyring(t, "k"), escape)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		wants(name, err, err)
		if _, err := target.Write.Exec(`DROP FUNCTION spoil CASCADE`); err != nil {
			t.Fatal(err)
		}
	}
}

// The default is data/airatelimit.db, and a folder may be a link to another disk.
func TestCopiesOfFilesByOtherNames(t *testing.T) {
	t.Parallel()
	path, _ := copySource(t, 1)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, path)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]string{"relative": relative, "link": link} {
		if err := Backup(t.Context(), config.File(by), filepath.Join(t.TempDir(), "copy.db")); err != nil {
			t.Errorf("back up by a %s name: %v", name, err)
		}
		_, closeSource, err := openSource(t.Context(), by)
		if err == nil {
			err = closeSource()
		}
		if err != nil {
			t.Errorf("open by a %s name: %v", name, err)
		}
		// Its journal is found beside the file itself.
		if err := os.WriteFile(path+".journal-a", []byte("a record"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openSource(t.Context(), by); !errors.Is(err, ErrUnfolded) {
			t.Errorf("open by a %s name, with a journal: %v, want ErrUnfolded", name, err)
		}
		if err := os.Remove(path + ".journal-a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	path := file(t)
	db := openTest(t, path)
	ctx, stop := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				// Each transaction keeps the sum of both tables' rows even.
				tx, err := db.Write.Begin()
				if err != nil {
					t.Error(err)
					return
				}
				for _, s := range []string{
					`INSERT INTO identities (project_id, identity, created_at, updated_at) VALUES ('p', $1, 0, 0)`,
					`INSERT INTO audit (project_id, identity, action, at) VALUES ('p', $1, 'a', 0)`,
				} {
					if _, err := tx.Exec(s, fmt.Sprintf("%d-%d", w, i)); err != nil {
						t.Error(err)
					}
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	await(t, "rows", func() bool { return scan[int](t, db.Read, `SELECT count(*) FROM audit`) > 100 })
	var last int
	for i := range 3 {
		to := filepath.Join(t.TempDir(), "copy.db")
		if err := Backup(t.Context(), config.File(path), to); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(to)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("copy %d: mode %v, %v, want 0600", i, info.Mode(), err)
		}
		if err := Backup(t.Context(), config.File(path), to); !errors.Is(err, os.ErrExist) {
			t.Errorf("a second time to the same file: %v, want ErrExist", err)
		}
		opened := openTest(t, to)
		a, b := scan[int](t, opened.Read, `SELECT count(*) FROM audit`), scan[int](t, opened.Read, `SELECT count(*) FROM identities`)
		if a != b || a <= last {
			t.Errorf("copy %d has %d and %d rows, want as many of both, and more than %d", i, a, b, last)
		}
		if got := scan[string](t, opened.Read, `PRAGMA integrity_check`); got != "ok" {
			t.Errorf("copy %d: %s", i, got)
		}
		last = a
	}
	stop()
	writers.Wait()
}
