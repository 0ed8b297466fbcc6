package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store { return openProcess(t) })
}

// TestLedgerPacked is TestLedger with accounts that are packed when they may be forgotten.
func TestLedgerPacked(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store { return packing{openProcess(t)} })
}

// packing is a process that packs accounts instead of forgetting them.
type packing struct{ *process }

func (p packing) Forget(ledgertest.TB) { pack(p.Ledger) }

// process is a ledger with its file, and the events that can happen to it.
type process struct {
	*Ledger
	path string
	db   *store.DB
}

func openProcess(t testing.TB) *process {
	t.Helper()
	p := &process{path: filepath.Join(t.TempDir(), "test.db")}
	p.open(t)
	t.Cleanup(func() {
		if p.Ledger != nil {
			p.close(t)
		}
	})
	return p
}

func (p *process) open(t ledgertest.TB) {
	t.Helper()
	p.openDB(t)
	p.openLedger(t)
}

func (p *process) openDB(t ledgertest.TB) {
	t.Helper()
	db, err := store.Open(context.Background(), p.path)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	p.db = db
}

func (p *process) openLedger(t ledgertest.TB) {
	t.Helper()
	l, err := Open(context.Background(), p.db.Ledger, p.db.LedgerRead, p.db.Read)
	if err != nil {
		_ = p.db.Close()
		t.Fatalf("open the ledger: %v", err)
	}
	p.Ledger = l
}

func (p *process) close(t ledgertest.TB) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Errorf("close the ledger: %v", err)
	}
	p.closeDB(t)
}

func (p *process) closeDB(t ledgertest.TB) {
	t.Helper()
	if err := p.db.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
	p.Ledger = nil
}

// Restart implements ledgertest.Store.
func (p *process) Restart(t ledgertest.TB) {
	t.Helper()
	p.close(t)
	p.open(t)
}

// Crash implements ledgertest.Store: changes that were not appended are lost; the others are in
// the journal, folded or not.
func (p *process) Crash(t ledgertest.TB) {
	t.Helper()
	journal := p.writer.kill(t)
	if err := p.Close(); err != nil {
		t.Errorf("close the ledger: %v", err)
	}
	for path, content := range journal {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	p.openLedger(t)
}

// kill stops all writing, and returns the journal's files as they are.
func (w *writer) kill(t ledgertest.TB) map[string][]byte {
	t.Helper()
	w.folding.Lock()
	defer w.folding.Unlock()
	w.appending.Lock()
	defer w.appending.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record, w.unwritten, w.pending = nil, nil, tickets{}
	journal := map[string][]byte{}
	for _, s := range [...]*segment{w.active, w.full} {
		content, err := os.ReadFile(s.file.Name())
		if err != nil {
			t.Fatalf("%v", err)
		}
		journal[s.file.Name()] = content
		s.size = 0
	}
	return journal
}

// Forget implements ledgertest.Store.
func (p *process) Forget(ledgertest.TB) { forget(p.Ledger) }

// RollUp implements ledgertest.Store.
func (p *process) RollUp(t ledgertest.TB) *sql.DB {
	t.Helper()
	if err := p.writer.awaitFold(context.Background(), p.writer.last()); err != nil {
		t.Fatalf("fold: %v", err)
	}
	if err := store.NewRollups(p.db, func() time.Time { return noon }).Round(context.Background()); err != nil {
		t.Fatalf("roll up: %v", err)
	}
	return p.db.Read
}

// Audit implements ledgertest.Store.
func (p *process) Audit(t ledgertest.TB, key ledger.Key) []ledger.Entry {
	t.Helper()
	rows, err := p.db.Read.Query(`SELECT identity, action, reason, detail,
		actor_kind, actor_id, actor_email, target, changes, request_id FROM audit
		WHERE project_id = ? AND identity = ? ORDER BY id`, key.Project, key.Identity)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var entries []ledger.Entry
	for rows.Next() {
		var e ledger.Entry
		var detail, changes string
		if err := rows.Scan(&e.Identity, &e.Action, &e.Reason, &detail, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Email, &e.Target, &changes, &e.RequestID); err != nil {
			t.Fatalf("audit: %v", err)
		}
		e.Detail, e.Changes = json.RawMessage(detail), json.RawMessage(changes)
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("audit: %v", err)
	}
	return entries
}

// TestRequestsDoNotWaitForReports: reports read the file too, and may take long.
func TestRequestsDoNotWaitForReports(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	for range p.db.Read.Stats().MaxOpenConnections {
		c, err := p.db.Read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // nothing is lost with it
	}
	done := make(chan error, 1)
	go func() {
		_, err := tryReserve(p.Ledger, alice, upTo(9))
		if err == nil {
			_, err = gift(p.Ledger, bob, &ledger.Once{Key: "k"})
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("they wait")
	}
}
