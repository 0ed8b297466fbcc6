package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store { return openProcess(t) })
}

// migrated is the template of a database with empty tables.
var migrated = pgtest.Template{Prepare: func(ctx context.Context, url string) error {
	db, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	return db.Close()
}}

// newPool returns a pool for a database, which is closed when the test ends.
func newPool(t testing.TB, url string, configure ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 6
	for _, c := range configure {
		c(config)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// never is a beat that is longer than any test: tests call the node's checks themselves.
const never = 24 * time.Hour

// process is a ledger with its pool, and the events that can happen to it.
type process struct {
	*Ledger
	pool *pgxpool.Pool
	opts Options

	tables *store.DB // made by RollUp
}

func openProcess(t testing.TB) *process {
	t.Helper()
	return openOn(t, newPool(t, migrated.Database(t)))
}

// openOn opens a ledger on a pool, which is closed when the test ends.
func openOn(t testing.TB, pool *pgxpool.Pool, configure ...func(*Options)) *process {
	t.Helper()
	p := &process{pool: pool, opts: Options{Beat: never}}
	for _, c := range configure {
		c(&p.opts)
	}
	p.open(t)
	t.Cleanup(func() {
		p.close(t)
		if p.tables != nil {
			_ = p.tables.Write.Close()
		}
	})
	return p
}

func (p *process) open(t ledgertest.TB) {
	t.Helper()
	l, err := Open(context.Background(), p.pool, p.opts)
	if err != nil {
		t.Fatalf("open the ledger: %v", err)
	}
	p.Ledger = l
}

func (p *process) close(t ledgertest.TB) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Errorf("close the ledger: %v", err)
	}
}

// Restart implements ledgertest.Store.
func (p *process) Restart(t ledgertest.TB) {
	t.Helper()
	p.close(t)
	p.open(t)
}

// Crash implements ledgertest.Store: queued writes are lost, and the other nodes have declared
// the node dead.
func (p *process) Crash(t ledgertest.TB) {
	t.Helper()
	p.queue.mu.Lock()
	for _, n := range p.queue.lines {
		n.calls = nil
	}
	p.queue.mu.Unlock()
	p.Restart(t)
}

// Forget implements ledgertest.Store.
func (p *process) Forget(ledgertest.TB) { p.cache.clear() }

// RollUp implements ledgertest.Store.
func (p *process) RollUp(t ledgertest.TB) *sql.DB {
	t.Helper()
	if p.tables == nil {
		h := stdlib.OpenDBFromPool(p.pool)
		p.tables = &store.DB{Write: h, Read: h, Pool: p.pool}
	}
	if err := store.NewRollups(p.tables, func() time.Time { return noon }).Round(context.Background()); err != nil {
		t.Fatalf("roll up: %v", err)
	}
	return p.tables.Read
}

// Audit implements ledgertest.Store.
func (p *process) Audit(t ledgertest.TB, key ledger.Key) []ledger.Entry {
	t.Helper()
	rows, err := p.pool.Query(context.Background(), `SELECT identity, action, reason, detail,
		actor_kind, actor_id, actor_email, target, changes, request_id FROM audit
		WHERE project_id = $1 AND identity = $2 ORDER BY id`, key.Project, key.Identity)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e ledger.Entry, err error) {
		var detail, changes string
		err = row.Scan(&e.Identity, &e.Action, &e.Reason, &detail, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Email, &e.Target, &changes, &e.RequestID)
		e.Detail, e.Changes = json.RawMessage(detail), json.RawMessage(changes)
		return e, err
	})
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	return entries
}
