package test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// others is how many rows of another project are in each table.
const others = 20_000

// A statement that reads a table through costs more with every identity and every day. Whatever requests and calls
// do, PostgreSQL reads a few rows for it, however many there are.
func TestNoStatementReadsATableThrough(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	url := stack.Database(t)
	admin, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	other, _, err := store.New(admin, nil).CreateProject(t.Context(), project.Default())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		`INSERT INTO identities (project_id, identity, known, created_at, updated_at) SELECT $1, 'user-' || n, true, 0, 0 FROM generate_series(1, $2::int) n`,
		`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests) SELECT $1, 'user-' || n, n, 'm', '', 0, 1 FROM generate_series(1, $2::int) n`,
		`INSERT INTO audit (project_id, identity, action, at) SELECT $1, 'user-' || n, 'gift', 0 FROM generate_series(1, $2::int) n`,
		`INSERT INTO idempotency (project_id, key, fingerprint, status, body, created_at)
			SELECT $1, 'order-' || n, '', 200, '', extract(epoch FROM now()) * 1000000 FROM generate_series(1, $2::int) n`,
	} {
		if _, err := admin.Write.Exec(s, other.Key, others); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	// Reports first read all usage of an upgraded database, once. That is none of the statements meant here.
	for _, s := range []string{`UPDATE rollup_state SET built = true`, `ANALYZE`} {
		if _, err := admin.Write.Exec(s); err != nil {
			t.Fatal(err)
		}
	}

	env := maps.Clone(stack.Environment(url))
	s := stack.New(t, stack.Options{Env: env, Settings: `{"requestLimit": 2, "tokenLimit": 1000, "requestsPerMinute": 100}`})
	for i := range 20 {
		identity := fmt.Sprintf("user-%d", i)
		for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
			stack.WantStatus(t, s.Chat(identity, "gpt-4o"), want)
		}
		s.Usage(identity)
	}
	once := []string{"Idempotency-Key", "order-1"}
	for _, call := range []struct{ method, path, body string }{
		{http.MethodPost, "/identities/user-1/gift", `{"requests": 5}`},
		{http.MethodPost, "/identities/user-1/gift", `{"requests": 5}`},
		{http.MethodPost, "/identities/user-2/reset", `{}`},
		{http.MethodPut, "/identities/user-3", `{"requestLimit": 9}`},
		{http.MethodGet, "/identities/user-3", ""},
		{http.MethodGet, "/identities", ""},
		{http.MethodDelete, "/identities/user-4", ""},
	} {
		headers := once
		if call.path != "/identities/user-1/gift" {
			headers = nil
		}
		if a := s.Control(call.method, call.path, call.body, headers...); a.Status >= 400 {
			t.Fatalf("%s %s: %d %s", call.method, call.path, a.Status, a.Body)
		}
	}
	if _, err := s.Store().Projects(t.Context()); err != nil {
		t.Fatal(err)
	}
	pruning, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pruning.Prune(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	if err := pruning.Close(); err != nil {
		t.Error(err)
	}
	s.Stop() // what a connection has counted is certain once it is closed
	rows, err := admin.Read.Query(`SELECT relname, coalesce(seq_tup_read, 0),
			coalesce((SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0)::bigint
		FROM pg_stat_user_tables t WHERE relname IN ('identities', 'usage', 'holds', 'idempotency', 'audit')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	total := int64(0)
	for rows.Next() {
		var table string
		var through, indexed int64
		if err := rows.Scan(&table, &through, &indexed); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d rows read through the table, %d by indexes", table, through, indexed)
		if total += through + indexed; through+indexed > others/10 {
			t.Errorf("of %s %d rows were read through the table and %d by indexes, want a few", table, through, indexed)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if total == 0 {
		t.Error("nothing was counted")
	}
}
