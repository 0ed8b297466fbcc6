package store

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/airatelimit/airatelimit/test/pgtest"
)

func scan[T any](t *testing.T, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Five nodes, each with connections of its own, start on an empty database.
func TestNodesThatStartTogetherOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	for range 3 {
		location := pgtest.Database(t)
		keys := keyring(t, "k")
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				db, err := Open(context.Background(), location)
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				if err := New(db, keys).AdoptKeys(context.Background()); err != nil {
					t.Errorf("AdoptKeys: %v", err)
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
		db := openTest(t, location)
		if n := scan[int](t, db.Read, `SELECT value FROM revision`); n != 5 {
			t.Errorf("revision = %d, want 5", n)
		}
		if n := scan[int](t, db.Read, `SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version`); n != 0 {
			t.Errorf("%d migrations were applied twice", n)
		}
	}
}

// During a rollout new nodes have migrated, and older ones start again beside them.
func TestAnOlderNodeStartsWhereItIsStillUnderstood(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	db := openTest(t, location)
	newest := scan[int](t, db.Read, `SELECT max(version_id) FROM goose_db_version`)
	if _, err := db.Write.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)`, newest+1); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		oldest int
		want   error
	}{{newest, nil}, {newest + 1, ErrNewer}} {
		if _, err := db.Write.Exec(`UPDATE installation SET oldest_schema = $1`, tc.oldest); err != nil {
			t.Fatal(err)
		}
		older, err := Open(t.Context(), location)
		if !errors.Is(err, tc.want) {
			t.Errorf("oldest schema %d: Open = %v, want %v", tc.oldest, err, tc.want)
		}
		if err == nil {
			create(t, New(older, keyring(t, "k")), `{}`)
			if err := older.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestProviderKeysAreSealedInPostgres(t *testing.T) {
	t.Parallel()
	db := openTest(t, migrated.Database(t))
	_, secretKey := create(t, New(db, keyring(t, "k")), `{"name": "needle", "providers": {"openai": {"key": "`+plainKey+`"}}}`)
	all := scan[string](t, db.Read, `SELECT string_agg(p::text || k::text, ' ') FROM projects p JOIN provider_keys k ON p.id = k.project_id`)
	_, secretPart, _ := strings.Cut(strings.TrimPrefix(secretKey, "sk_"), "_")
	if !strings.Contains(all, "needle") || strings.Contains(all, plainKey[:16]) || strings.Contains(all, secretPart) {
		t.Errorf("stored: %s", all)
	}
}

// A node that waits for a lock gives up before its caller does, and says so.
func TestAChangeDoesNotWaitForALockForever(t *testing.T) {
	t.Parallel()
	db := openTest(t, migrated.Database(t))
	tx, err := db.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	for setting, want := range map[string]string{"lock_timeout": "5s", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "30s"} {
		var got string
		if err := tx.QueryRow(`SELECT current_setting($1)`, setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v, want %s", setting, got, err, want)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for within, wants := range map[time.Duration]string{readTime: "2s 2s", loadTime: "5s 30s"} {
		var lock, statement string
		err := db.read(t.Context(), within, func(ctx context.Context, q queryer) error {
			return q.QueryRowContext(ctx, `SELECT current_setting('lock_timeout'), current_setting('statement_timeout')`).Scan(&lock, &statement)
		})
		if got := lock + " " + statement; err != nil || got != wants {
			t.Errorf("reading waits for a lock and for a statement: %s, %v, want %s", got, err, wants)
		}
	}
	for _, setting := range []string{"lock_timeout", "statement_timeout"} {
		if got := scan[string](t, db.Read, `SELECT current_setting($1)`, setting); got != "0" {
			t.Errorf("%s = %s after the transactions, want 0", setting, got)
		}
	}
}

// Nothing that the control plane asks goes on for ever where a table is locked.
func TestProjectsThatAreLockedAreNotWaitedForForever(t *testing.T) {
	t.Parallel()
	db := openTest(t, migrated.Database(t))
	s := New(db, keyring(t, "k"))
	tx, err := db.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only held the lock
	if _, err := tx.Exec(`LOCK TABLE projects, revision, installation IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name, ask := range map[string]func() error{
		"Revision":          func() error { _, err := s.Revision(context.Background()); return err },
		"Project":           func() error { _, err := s.Project(context.Background(), "pk_x"); return err },
		"ProjectBySecretID": func() error { _, err := s.ProjectBySecretID(context.Background(), "x"); return err },
		"Projects":          func() error { _, err := s.Projects(context.Background()); return err },
		"NewCatalog":        func() error { _, err := NewCatalog(context.Background(), s); return err },
		"DeleteProject":     func() error { return s.DeleteProject(context.Background(), "pk_x") },
		"AdoptKeys":         func() error { return New(db, keyring(t, "k")).AdoptKeys(context.Background()) },
		"Prune": func() error {
			fill(t, db.Write, "pk_x", 1, time.Now())
			_, err := db.Prune(context.Background(), time.Now())
			return err
		},
	} {
		wg.Go(func() {
			if err := ask(); !MayPass(err) {
				t.Errorf("%s: %v, want an error that may pass", name, err)
			}
		})
	}
	wg.Wait()
}

// No statement of one transaction may count on what an earlier one has left on its connection.
func TestEverythingWorksThroughAPooler(t *testing.T) {
	t.Parallel()
	through := pgtest.Shared(t).Pooler(t)
	location := through(pgtest.Database(t))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			db, err := Open(context.Background(), location)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			if err := db.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	s, other := newStore(t, location), newStore(t, location)
	rec, _ := create(t, s, `{"name": "A", "providers": {"openai": {"key": "`+plainKey+`"}}}`)
	c := newCatalog(t, s)
	log := run(t, c, true)
	update(t, other, rec.Key, `{"name": "B"}`)
	await(t, "the change", func() bool { return name(t, c, rec.Key) == "B" })
	log.await(t, "a pooler passes no notifications")
	for i := range 20 {
		wg.Go(func() {
			if _, err := s.UpdateProject(context.Background(), rec.Key, patch(fmt.Sprintf(`{"requestLimit": %d}`, i))); err != nil {
				t.Errorf("UpdateProject: %v", err)
			}
			if _, err := other.Project(context.Background(), rec.Key); err != nil {
				t.Errorf("Project: %v", err)
			}
		})
	}
	wg.Wait()
}

func update(t *testing.T, s *Store, key, doc string) {
	t.Helper()
	if _, err := s.UpdateProject(t.Context(), key, patch(doc)); err != nil {
		t.Fatalf("UpdateProject: %v", err)
	}
}

func TestAServerThatIsNotTheOneIsRefused(t *testing.T) {
	t.Parallel()
	authority, another := newAuthority(t), newAuthority(t)
	cert, key := authority.issue(t, "127.0.0.1")
	c := pgtest.New(t, pgtest.Options{TCP: true, Settings: map[string]string{"ssl": "on"},
		Files: map[string]string{"server.crt": cert, "server.key": key}})
	_, port, _ := net.SplitHostPort(c.Address())
	for _, tc := range []struct{ name, host, query, want string }{
		{"the right authority", "127.0.0.1", "sslmode=verify-full&sslrootcert=" + authority.file, ""},
		{"another host", "localhost", "sslmode=verify-full&sslrootcert=" + authority.file, "DATABASE_URL: the server's certificate is not valid for \"localhost\". Use the certificate's host name, or add sslmode=verify-ca"},
		{"another host, which is not looked at", "localhost", "sslmode=verify-ca&sslrootcert=" + authority.file, ""},
		{"another authority", "127.0.0.1", "sslmode=verify-full&sslrootcert=" + another.file, "DATABASE_URL: the server's certificate is not trusted. Add sslmode=require or sslrootcert=PATH"},
		{"another authority, for the chain alone", "127.0.0.1", "sslmode=verify-ca&sslrootcert=" + another.file, "unknown authority"},
		{"the system's authorities", "127.0.0.1", "sslmode=verify-full", "DATABASE_URL: the server's certificate is not trusted. Add sslmode=require or sslrootcert=PATH"},
		{"a missing file", "127.0.0.1", "sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"},
		{"a parameter that is none", "127.0.0.1", "sslmode=require&connect_timeout=hunter2", "DATABASE_URL: a parameter has an invalid value"},
		{"encrypted only", "127.0.0.1", "sslmode=require", ""},
		{"prefer", "127.0.0.1", "sslmode=prefer", "write sslmode=verify-full"},
	} {
		location := (&url.URL{Scheme: "postgresql", User: url.UserPassword("postgres", "hunter2"),
			Host: net.JoinHostPort(tc.host, port), Path: "/postgres", RawQuery: tc.query}).String()
		db, err := Open(t.Context(), location)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: %v, want an error with %q and no password", tc.name, err, tc.want)
		case tc.want != "" && MayPass(err):
			t.Errorf("%s: to be tried again, which changes nothing", tc.name)
		}
		if err != nil {
			continue
		}
		if !scan[bool](t, db.Read, `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`) {
			t.Errorf("%s: not encrypted", tc.name)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A platform's own network has databases that do not encrypt.
func TestAServerWithoutEncryptionSaysWhatToSet(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t, pgtest.Options{TCP: true})
	_, err := Open(t.Context(), "postgresql://postgres:hunter2@"+c.Address()+"/postgres?sslmode=require")
	if want := "DATABASE_URL: the server does not encrypt connections. If the network is private, add sslmode=disable"; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v, want %q and no password", err, want)
	}
}

// The error for a missing database or user says what to do, not only PostgreSQL's code.
func TestAMissingDatabaseOrUserSaysWhatToDo(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t, pgtest.Options{TCP: true})
	for path, want := range map[string]string{
		"postgres:hunter2@" + c.Address() + "/nothing": "DATABASE_URL: the server has no such database. Create it with createdb",
		"nobody:hunter2@" + c.Address() + "/postgres":  "DATABASE_URL: the server does not accept this user or password. Correct them, with % codes",
	} {
		_, err := Open(t.Context(), "postgresql://"+path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %q and no password", err, want)
		}
	}
}

// authority signs certificates; its own is in the file.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pemOf("CERTIFICATE", der), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) issue(t *testing.T, ip string) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(ip)}}
	private := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pemOf("CERTIFICATE", der)), string(pemOf("PRIVATE KEY", keyDER))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestWhatMayPassIsToldFromWhatMayNot(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t, pgtest.Options{TCP: true})
	_, err := Open(t.Context(), strings.Replace(c.URL("postgres"), "/postgres", "/no_such", 1))
	if err == nil || MayPass(err) {
		t.Errorf("no such database: %v, want an error that stays", err)
	}
	if err := c.Stop(pgtest.Fast); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), c.URL("postgres"))
	if !MayPass(err) {
		t.Errorf("no server: %v, want an error that may pass", err)
	}
	_, err = Open(t.Context(), "postgresql://u@"+silent(t)+"/x?connect_timeout=1")
	if !MayPass(err) {
		t.Errorf("a server that does not answer: %v, want an error that may pass", err)
	}
	_, err = Open(t.Context(), "postgresql://u@no-such-host.invalid/x")
	if !MayPass(err) {
		t.Errorf("no such host: %v, want an error that may pass", err)
	}
}

// After a failover the old primary takes no writes, and its connections are still there.
func TestAConnectionThatTakesNoWritesIsGivenUp(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t, pgtest.Options{TCP: true})
	replica, err := primary.Replica()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := replica.Remove(); err != nil {
			t.Error(err)
		}
	})
	s := newStore(t, "postgresql://postgres@"+primary.Address()+","+replica.Address()+"/postgres?target_session_attrs=read-write")
	rec, _ := create(t, s, `{"name": "A"}`)
	named := func(c *pgtest.Cluster, name string) string {
		n, err := c.Query("postgres", `SELECT count(*) FROM projects WHERE settings LIKE '%"`+name+`"%'`)
		if err != nil {
			return err.Error()
		}
		return n
	}
	await(t, "the project on the replica", func() bool { return named(replica, "A") == "1" })

	// The primary is fenced off from writes without a connection being cut, and the replica promoted.
	if err := primary.Exec("postgres", `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	await(t, "the fence", func() bool {
		return scan[string](t, s.db.Read, `SELECT current_setting('default_transaction_read_only')`) == "on"
	})
	if err := replica.Promote(); err != nil {
		t.Fatal(err)
	}
	await(t, "a change after the failover", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := s.UpdateProject(ctx, rec.Key, patch(`{"name": "B"}`))
		return err == nil
	})
	if old, promoted := named(primary, "B"), named(replica, "B"); old != "0" || promoted != "1" {
		t.Errorf("the old primary has %s changes and the new one %s, want 0 and 1", old, promoted)
	}
}

// silent is the address of a listener that accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}

// An upgrade that waits for a dump's lock must not delay requests: they would queue behind its waiting lock.
func TestAnUpgradeThatWaitsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	db := openTest(t, migrated.Database(t))
	fill(t, db.Write, "pk_x", 1, time.Now())
	dump, err := db.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Rollback() //nolint:errcheck // it only held the lock
	if _, err := dump.Exec(`LOCK TABLE identities IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	attempts, upgraded := make(chan error), make(chan struct{})
	go func() {
		defer close(upgraded)
		for {
			err := db.upgrade(context.Background(), withMigration(t, `ALTER TABLE identities ADD COLUMN dummy bigint`))
			if attempts <- err; err == nil {
				return
			}
		}
	}()
	// Requests decide all the while.
	decide := func() {
		tx, err := db.begin(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer tx.Rollback() //nolint:errcheck // it only locked
		if _, err := tx.Exec(`SELECT * FROM identities WHERE project_id = 'pk_x' AND identity = '0' FOR UPDATE`); err != nil {
			t.Errorf("a decision beside the upgrade: %v", err)
		}
	}
	for failed := 0; failed < 3 && !t.Failed(); {
		select {
		case err := <-attempts:
			if !errors.Is(err, errTableLocked) || !MayPass(err) {
				t.Errorf("the upgrade: %v, want an error that says who is in the way, and may pass", err)
			}
			failed++
		default:
			decide()
		}
	}
	if err := dump.Rollback(); err != nil {
		t.Fatal(err)
	}
	for err := range attempts {
		if err == nil {
			break
		}
	}
	<-upgraded
	if n := scan[int](t, db.Read, `SELECT count(dummy) FROM identities`); n != 0 {
		t.Errorf("%d values in a new column, want none", n)
	}
}

// withMigration is the folder of migrations with one more.
func withMigration(t *testing.T, statement string) fs.FS {
	folder := fstest.MapFS{"99999_dummy.sql": {Data: []byte("-- +goose Up\n" + statement + ";\n")}}
	files, err := migrations.ReadDir("migrations/postgres")
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		data, err := migrations.ReadFile("migrations/postgres/" + f.Name())
		if err != nil {
			t.Error(err)
		}
		folder[f.Name()] = &fstest.MapFile{Data: data}
	}
	return folder
}

func TestWhatAnOperatorShouldKnowOfAPostgres(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	db := openTest(t, location)
	if d, err := db.Differences(t.Context()); err != nil || d.Forgets || d.Ahead.Abs() > 2*time.Second {
		t.Errorf("on this machine: %+v, %v, want the same time, and that nothing is forgotten", d, err)
	}
	if _, err := db.Write.Exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`); err != nil {
		t.Fatal(err)
	}
	if d, err := openTest(t, location).Differences(t.Context()); err != nil || !d.Forgets {
		t.Errorf("with synchronous_commit off: %+v, %v", d, err)
	}
	if d, err := openTest(t, file(t)).Differences(t.Context()); err != nil || d != (Differences{}) {
		t.Errorf("a file: %+v, %v, want nothing", d, err)
	}
}
