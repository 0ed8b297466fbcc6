package field

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/server"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestUsagePages(t *testing.T) {
	t.Parallel()

	t.Run("usage pages of 40–60 s on millions of rows", func(t *testing.T) {
		t.Parallel()
		h := newHistory(t)
		// Everything is asked twice: with sixty identities that have a morning behind them, and with many, of whom those
		// who are asked for have three years. What counts is how much of the database is read for it, which no other work
		// on the machine changes.
		h.add(0, 60, 12, 1)
		h.analyze()
		var few []int64
		for _, look := range looks {
			few = append(few, h.read(look.at, 0))
		}
		identities := int64(10_000)
		if os.Getenv("LONG") != "" && !node.UnderRace { // SQLite, which is Go too, would take an hour
			identities = 1_000_000
			h.add(20, 2_000, 3*365*24, 24)
		}
		h.add(0, identities, 48, 24)
		h.add(10, 14, 3*365*24, 4)
		h.analyze()
		for i, look := range looks {
			most := few[i] + look.more
			if look.counts {
				most += identities / 20
			}
			many := h.read(look.at, 10)
			if few[i] < 1 || many > most {
				t.Errorf("%s reads %d pages of a small database and %d of a large one, want at most %d", look.what, few[i], many, most)
			}
			t.Logf("%s: %d pages of a small database, %d of a large one", look.what, few[i], many)
		}
		// A read through everything is noticed: here every name is searched, and none found.
		if n := h.read(func(h *history, _ int) { h.list(t, "?search=nobody", 0, 0) }, 0); n < identities/200 {
			t.Errorf("a search through %d names reads %d pages: the measure is wrong", identities, n)
		}
	})
}

// looks are what must not cost more for a large database than for a small one, but for some pages where its indexes are deeper
// and rows lie farther apart. Identities are asked for from a first one on.
var looks = []struct {
	what   string
	at     func(h *history, first int)
	more   int64
	counts bool // the names, of which two dozen stand on a page, and nothing else
}{
	{"GET /v1/usage", func(h *history, first int) { wantUsed(h.t, h.Stack, user(first), 13, 130) }, 20, false},
	{"an identity's usage", func(h *history, first int) {
		a := control(h.t, h.Stack, http.StatusOK, http.MethodGet, "/identities/"+user(first+1), "")
		if !strings.Contains(a.Body, `"usage":{"requests":13,"tokens":130,`) {
			h.t.Errorf("usage of %s: %s, want 13 requests", user(first+1), a.Body)
		}
	}, 20, false},
	{"a decision", func(h *history, first int) {
		stack.WantStatus(h.t, h.Chat(user(first+2), "gpt-4o"), http.StatusOK)
		h.awaitUsed(user(first+2), 14)
	}, 30, false},
	{"a reset", func(h *history, first int) {
		control(h.t, h.Stack, http.StatusOK, http.MethodPost, "/identities/"+user(first+3)+"/reset", `{}`)
		wantUsed(h.t, h.Stack, user(first+3), 0, 0)
		h.awaitUsed(user(first+3), 0)
	}, 100, false},
	{"the first page of the list", func(h *history, _ int) { h.list(h.t, "", 50, h.identities) }, 250, true},
}

func user(n int) string { return fmt.Sprintf("user-%07d", n) }

// history is a server, in a process of its own, and what stands in its database.
type history struct {
	*stack.Stack
	t          *testing.T
	home       *node.Home
	identities int64
	now        time.Time
}

func newHistory(t *testing.T) *history {
	t.Helper()
	h := &history{Stack: limited(t, `{"requestLimit": 1000, "tokenLimit": 100000}`), t: t, home: node.NewHome(t, os.Args[0]), now: newClock().now()}
	h.Stop()
	if pgtest.Chosen() {
		maps.Copy(h.home.Env, stack.Environment(h.Location()))
		h.exec(`ALTER TABLE identities SET (autovacuum_enabled = off)`)
		h.exec(`ALTER TABLE usage SET (autovacuum_enabled = off)`)
		return h
	}
	if _, err := os.Stat("/proc/self/io"); err != nil {
		t.Skip("nothing says what a process reads of a file: ", err)
	}
	h.home.Dir = filepath.Dir(h.Location())
	return h
}

// exec runs statements beside the server.
func (h *history) exec(statement string, args ...any) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.Location())
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // what it wrote is committed
	if _, err := db.Write.ExecContext(h.t.Context(), statement, args...); err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

// series is what the statements below have in common: the numbers of identities, and hours.
const series = `WITH RECURSIVE who(n) AS (SELECT CAST($2 AS bigint) UNION ALL SELECT n + 1 FROM who WHERE n + 1 < $3)`

// add has the identities of some numbers known, who have made a request every few hours for a while, until now.
func (h *history) add(first, end, hours, every int64) {
	h.t.Helper()
	now := h.now.Unix() / 3600
	h.exec(series+` INSERT INTO identities (project_id, identity, known, created_at, updated_at)
		SELECT $1, 'user-' || substr(CAST(10000000 + n AS text), 2), true, 1, 1 FROM who WHERE true ON CONFLICT DO NOTHING`,
		h.ProjectKey, first, end)
	h.exec(series+`, past(hour) AS (SELECT CAST($4 AS bigint) UNION ALL SELECT hour - $6 FROM past WHERE hour - $6 >= $5)
		INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens)
		SELECT $1, 'user-' || substr(CAST(10000000 + n AS text), 2), hour, 'gpt-4o', '', 0, 1, 10 FROM who, past WHERE true ON CONFLICT DO NOTHING`,
		h.ProjectKey, first, end, now, now-hours, every)
	h.identities = max(h.identities, end)
}

// analyze tells PostgreSQL what has come to be in its tables, as happens by itself in production.
func (h *history) analyze() {
	if pgtest.Chosen() {
		h.exec(`ANALYZE`)
	}
}

// list reads a page of identities.
func (h *history) list(t *testing.T, query string, items int, total int64) {
	t.Helper()
	a := control(t, h.Stack, http.StatusOK, http.MethodGet, "/identities"+query, "").JSON(t)
	got, _ := a["items"].([]any)
	if len(got) != items || a["total"] != float64(total) {
		t.Errorf("list %s: %d identities of %v, want %d of %d", query, len(got), a["total"], items, total)
	}
}

// read returns how many pages of the database a server reads that has just been started, for what it is asked.
func (h *history) read(ask func(h *history, first int), first int) int64 {
	h.t.Helper()
	if pgtest.Chosen() {
		before := h.blocks()
		p := h.serve()
		ask(h, first)
		p.Stop()
		return h.blocks() - before
	}
	p := h.serve()
	before := h.bytes(p)
	ask(h, first)
	n := (h.bytes(p) - before) / 4096
	p.Stop()
	return n
}

// bytes is what a process has read.
func (h *history) bytes(p *node.Process) int64 {
	h.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.Pid()))
	if err != nil {
		h.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "rchar: ")
	digits, _, _ := strings.Cut(after, "\n")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// blocks is how many pages have been read, in memory or not, of the tables that grow, and of their indexes, by all who were
// connected: a session says so when it ends. What a server looks at every second is in others.
func (h *history) blocks() int64 {
	h.t.Helper()
	at, err := url.Parse(h.Location())
	if err != nil {
		h.t.Fatal(err)
	}
	number := func(query string) int64 {
		text, err := pgtest.Shared(h.t).Query(strings.TrimPrefix(at.Path, "/"), query)
		if err != nil {
			h.t.Fatal(err)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			h.t.Fatal(err)
		}
		return n
	}
	await.Within(h.t, node.Patience, "nobody is connected", func() bool {
		return number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`) == 0
	})
	return number(`SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::bigint
		FROM pg_statio_user_tables WHERE relname IN ('identities', 'usage', 'audit', 'idempotency')`)
}

// awaitUsed returns when the file has what the server knows. Into PostgreSQL that is written at the latest when it stops.
func (h *history) awaitUsed(identity string, requests int64) {
	h.t.Helper()
	if pgtest.Chosen() {
		return
	}
	db, err := store.Open(h.t.Context(), h.Location())
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	await.Within(h.t, node.Patience, "the file has what the server knows", func() bool {
		var n int64
		if err := db.Read.QueryRow(`SELECT sum(requests) FROM usage WHERE project_id = ? AND identity = ? AND hour >= ?`,
			h.ProjectKey, identity, h.now.Truncate(24*time.Hour).Unix()/3600).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		return n == requests
	})
}

// serveAt is the time of a server that is this test binary, which is then nothing else.
const serveAt = "AIRATELIMIT_TEST_TIME"

func (h *history) serve() *node.Process {
	h.t.Helper()
	p := h.home.Start(exec.Command(h.home.Command), serveAt+"="+h.now.Format(time.RFC3339))
	p.AwaitServing()
	h.URL = p.URL
	return p
}

func serve(at string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	now, err := time.Parse(time.RFC3339, at)
	var cfg config.Config
	if err == nil {
		cfg, err = config.Load(os.Getenv)
	}
	if err == nil {
		err = server.Run(ctx, cfg, server.Options{Now: func() time.Time { return now }})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
