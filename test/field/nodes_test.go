package field

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestNodes(t *testing.T) {
	t.Parallel()

	t.Run("N replicas count N times", func(t *testing.T) {
		t.Parallel()
		nodes := several(t, stack.Options{Settings: `{"requestLimit": 7, "tokenLimit": 100000}`})
		for i := range 9 {
			want := http.StatusOK
			if i >= 7 {
				want = http.StatusTooManyRequests
			}
			stack.WantStatus(t, nodes[i%len(nodes)].Chat("ann", "gpt-4o"), want)
		}
		for _, s := range nodes {
			// An answer leaves before what it used is written: until then the others see what it held.
			await.Soon(t, "nothing is held", func() bool { return held(t, s, "ann") == 0 })
			wantUsed(t, s, "ann", 7, 7*(input+output))
		}
	})

	t.Run("each replica has its own counters", func(t *testing.T) {
		t.Parallel()
		// Every kind of limit, through all nodes at once.
		for _, settings := range []string{
			`{"requestLimit": 10}`,
			`{"modelLimits": {"gpt-4o": {"requestLimit": 10}}}`,
			`{"requestsPerMinute": 10}`,
			`{"concurrentRequests": 10}`,
			// Each holds a little more than a tenth.
			`{"tokenLimit": 10000}`,
			`{"costLimitUsd": 0.01, "prices": {"gpt-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`,
		} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				g := await.NewGate()
				nodes := several(t, stack.Options{Settings: settings, Echo: echo.Options{Before: g.Hold}})
				wantBurst(t, g, 40, 10, func(i int) stack.Answer {
					return nodes[i%len(nodes)].Post(chatPath, "ann", with(chatBody, `"max_tokens":1000`))
				})
			})
		}
	})

	t.Run("sixty-second synchronisation overspends", func(t *testing.T) {
		t.Parallel()
		nodes := several(t, stack.Options{Settings: `{"requestLimit": 3}`})
		first, last := nodes[0], nodes[len(nodes)-1]
		for range 3 {
			stack.WantStatus(t, first.Chat("ann", "gpt-4o"), http.StatusOK)
		}
		// The others know with the next request what one node knows.
		stack.WantError(t, last.Chat("ann", "gpt-4o"), http.StatusTooManyRequests, "limit_exceeded")
		for _, change := range []struct{ path, body string }{{"/gift", `{"requests": 3}`}, {"/reset", `{}`}} {
			control(t, last, http.StatusOK, http.MethodPost, "/identities/ann"+change.path, change.body)
			for range 3 {
				stack.WantStatus(t, first.Chat("ann", "gpt-4o"), http.StatusOK)
			}
			stack.WantError(t, last.Chat("ann", "gpt-4o"), http.StatusTooManyRequests, "limit_exceeded")
		}
		set(t, first, "ann", `{"enabled": false}`)
		stack.WantError(t, last.Chat("ann", "gpt-4o"), http.StatusForbidden, "identity_disabled")
	})

	t.Run("a restored cache admits users over their limit", func(t *testing.T) {
		t.Parallel()
		for _, settings := range []string{
			`{"requestLimit": 2}`, `{"tokenLimit": 10}`, `{"costLimitUsd": 0.00007}`, `{"modelLimits": {"gpt-4o": {"requestLimit": 2}}}`, `{"requestsPerMinute": 2}`,
		} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s := limited(t, settings)
				for range 2 {
					stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
				}
				for range 3 {
					stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
					s.Restart()
				}
				stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
				wantUsed(t, s, "ann", 2, 2*(input+output))
			})
		}
	})

	t.Run("counters under a TTL vanish with it", func(t *testing.T) {
		t.Parallel()
		clock := newClock()
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1, "limitPeriod": "monthly"}`, Now: clock.now})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		for day := 2; day <= 31; day++ {
			clock.advance(24 * time.Hour)
			if day%10 == 0 {
				s.Restart()
			}
			stack.WantError(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests, "limit_exceeded")
		}
		wantUsed(t, s, "ann", 1, input+output)
		clock.advance(24 * time.Hour)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	})

	t.Run("a crash loses what was to be written later", func(t *testing.T) {
		t.Parallel()
		for name, body := range map[string]string{"whole": chatBody, "streamed": streams[0].body} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ended := make(chan struct{}, 1)
				s := stack.New(t, stack.Options{Settings: `{"requestLimit": 100}`, Echo: echo.Options{After: func(*http.Request) { ended <- struct{}{} }}})
				stack.WantStatus(t, s.Post(chatPath, "ann", body), http.StatusOK)
				receive(t, ended, "the provider")

				// Another process has the file, or the tables, so that nothing gets into them for now.
				db, err := store.Open(t.Context(), s.Location())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				take := `UPDATE revision SET value = value`
				if pgtest.Chosen() {
					take = `LOCK TABLE identities, holds IN EXCLUSIVE MODE`
				}
				busy, err := db.Write.BeginTx(t.Context(), nil)
				if err == nil {
					_, err = busy.ExecContext(t.Context(), take)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer busy.Rollback() //nolint:errcheck // nothing to keep
				if !pgtest.Chosen() {
					stack.WantStatus(t, s.Post(chatPath, "ann", body), http.StatusOK)
					if kept := counted(t, remains(t, s.Location())); kept != 2 {
						t.Errorf("after a crash at this moment %d requests are counted, want 2", kept)
					}
					return
				}
				answered := make(chan int, 1)
				go func() { answered <- s.Post(chatPath, "ann", body).Status }()
				awaitBlocked(t, db) // the decision itself waits
				select {
				case status := <-answered:
					t.Fatalf("answered with %d before the request was on file", status)
				default:
				}
				if err := busy.Rollback(); err != nil {
					t.Fatal(err)
				}
				if status := receive(t, answered, "the answer"); status != http.StatusOK {
					t.Errorf("status %d, want 200", status)
				}
				// A row that another connection sees would outlive the process.
				var kept int
				if err := db.Read.QueryRowContext(t.Context(),
					`SELECT CAST((SELECT coalesce(sum(requests), 0) FROM usage) + (SELECT coalesce(sum(requests), 0) FROM holds) AS bigint)`).Scan(&kept); err != nil {
					t.Fatal(err)
				}
				if kept != 2 {
					t.Errorf("%d requests are on file, want 2", kept)
				}
			})
		}
	})
}

// awaitBlocked returns when somebody waits for a table in PostgreSQL.
func awaitBlocked(t *testing.T, db *store.DB) {
	t.Helper()
	await.Soon(t, "somebody waits for the table", func() bool {
		var blocked int
		err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks
			WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
		return blocked > 0
	})
}

// several are nodes on one database. With a SQLite file there is one, and a second one is refused: it would count for
// itself.
func several(t *testing.T, opts stack.Options) []*stack.Stack {
	t.Helper()
	nodes := []*stack.Stack{stack.New(t, opts)}
	for range 2 {
		s, err := nodes[0].Beside()
		switch {
		case pgtest.Chosen() && err != nil:
			t.Fatalf("another node on the same database: %v", err)
		case pgtest.Chosen():
			nodes = append(nodes, s)
		case err == nil:
			t.Fatal("a second server on the same file has started")
		}
	}
	return nodes
}

// remains copies a database and what is beside it, as a process that is killed leaves them, and
// returns the path of the copy.
func remains(t *testing.T, database string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(database + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(database))
}

// counted returns how many requests a process that takes over a database finds in it.
func counted(t *testing.T, database string) (requests int) {
	t.Helper()
	db, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read
	l, err := sqlite.Open(t.Context(), db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing to write
	if err := db.Read.QueryRowContext(t.Context(), `SELECT coalesce(sum(requests), 0) FROM usage`).Scan(&requests); err != nil {
		t.Fatal(err)
	}
	return requests
}
