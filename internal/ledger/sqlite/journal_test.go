package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// history is a journal of random requests and changes, and the contents of the tables after each
// of its records.
type history struct {
	l       *Ledger
	journal []byte
	ends    []int    // of the records, in the journal
	tables  []string // after each number of records
}

// newHistory makes that many records of random actions of three identities.
func newHistory(t testing.TB, records int, seed uint64) *history {
	t.Helper()
	h := &history{l: stalled(t)}
	rng := rand.New(rand.NewPCG(seed, 0))
	var running []*ledger.Reservation
	for h.l.writer.appended.Load() < uint64(records) {
		h.happen(t, rng, &running)
		if rng.IntN(2) == 0 {
			appendAll(t, h.l)
		}
	}
	size := h.l.writer.active.size
	h.journal = make([]byte, size)
	if _, err := h.l.writer.active.file.ReadAt(h.journal, 0); err != nil {
		t.Fatal(err)
	}
	rs, err := h.l.writer.active.records(h.l.writer.epoch)
	for len(h.ends) < records && err == nil {
		_, _, err = rs.next()
		h.ends = append(h.ends, int(size-rs.left))
	}
	if err != nil {
		t.Fatal(err)
	}
	h.journal = h.journal[:h.ends[records-1]]
	h.tables = append(h.tables, h.dump(t))
	for _, end := range h.ends {
		h.load(t, h.journal[:end], nil)
		if _, err := h.l.writer.replay(); err != nil {
			t.Fatal(err)
		}
		h.tables = append(h.tables, h.dump(t))
	}
	return h
}

func (h *history) happen(t testing.TB, rng *rand.Rand, running *[]*ledger.Reservation) {
	t.Helper()
	key := name(string(rune('a' + rng.IntN(3))))
	rules := upTo(1 << 40)
	if rng.IntN(3) == 0 {
		model := fmt.Sprint("model-", rng.IntN(2))
		r := limit.Resolve(limit.Levels{Project: &limit.Level{RequestsPerMinute: new(int64(1000))}}, model, limit.Daily, false)
		rules = &r
	}
	switch n := rng.IntN(10); {
	case n < 5:
		res := reserve(t, h.l, key, rules)
		if rng.IntN(2) == 0 {
			durable(t, res)
		}
		*running = append(*running, res)
	case n < 8 && len(*running) > 0:
		i := rng.IntN(len(*running))
		res := (*running)[i]
		*running = slices.Delete(*running, i, i+1)
		if n == 7 {
			release(t, h.l, res)
		} else {
			settle(t, h.l, res)
		}
	case n >= 8:
		h.change(t, rng, key)
	}
}

func (h *history) change(t testing.TB, rng *rand.Rand, key ledger.Key) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing folds, so do not wait for it
	_, err := h.l.Change(ctx, ledger.Change{Keys: []ledger.Key{key, name("z")}, Period: limit.Daily, Now: noon,
		Once: &ledger.Once{Key: fmt.Sprint(rng.Uint64()), Fingerprint: [32]byte{byte(rng.IntN(256))}},
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			a := accounts[0]
			a.State.AddCredits(limit.Amounts{rng.Int64N(3), rng.Int64N(200), rng.Int64N(20)})
			a.Settings = &ledger.Settings{Tier: fmt.Sprint("tier-", rng.IntN(9))}
			a.State.UnlimitedUntil = noon.Add(time.Duration(rng.IntN(9)) * time.Hour)
			a.UpdatedAt = noon
			if rng.IntN(2) == 0 {
				a.Reset(rng.IntN(2) == 0, true)
			}
			return ledger.Outcome{Status: 200, Body: []byte("body"), Audit: []ledger.Entry{{Identity: key.Identity, Action: "gift", Reason: "why"}}}, nil
		}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// load gives the writer a journal, as if a previous process had left it.
func (h *history) load(t testing.TB, active, full []byte) {
	t.Helper()
	for s, content := range map[*segment][]byte{h.l.writer.active: active, h.l.writer.full: full} {
		if err := s.clear(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.file.WriteAt(content, 0); err != nil {
			t.Fatal(err)
		}
		s.size = int64(len(content))
	}
}

// empty restores the initial contents of the tables.
func (h *history) empty(t testing.TB) {
	t.Helper()
	for _, query := range []string{`DELETE FROM usage`, `DELETE FROM identities`, `DELETE FROM holds`, `DELETE FROM idempotency`,
		`DELETE FROM audit`, `UPDATE journal SET folded = 0`} {
		if _, err := h.l.writer.conn.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
}

// dump returns the contents of all tables.
func (h *history) dump(t testing.TB) string {
	t.Helper()
	var text strings.Builder
	for _, table := range []string{"usage", "identities", "holds", "idempotency", "audit"} {
		rows, err := h.l.writer.conn.QueryContext(t.Context(), `SELECT * FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&text, table, values)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// whole returns how many records end at or before an offset in the journal.
func (h *history) whole(at int) (n int) {
	for n < len(h.ends) && h.ends[n] <= at {
		n++
	}
	return n
}

// wantReplay replays a journal onto the tables, and checks that they then have the contents after
// that many records.
func (h *history) wantReplay(t *testing.T, what string, active, full []byte, records int) (dropped int64) {
	t.Helper()
	h.load(t, active, full)
	dropped, err := h.l.writer.replay()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got := h.dump(t); got != h.tables[records] {
		t.Fatalf("%s: the tables are\n%swant those after %d records:\n%s", what, got, records, h.tables[records])
	}
	var folded int
	if err := h.l.writer.conn.QueryRowContext(t.Context(), `SELECT folded FROM journal`).Scan(&folded); err != nil || folded != records {
		t.Fatalf("%s: folded %d, %v; want %d", what, folded, err, records)
	}
	return dropped
}

func TestAnyCutOfAJournalReplaysToAPrefix(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 12, 1)
	for at := range len(h.journal) + 1 {
		h.empty(t)
		if dropped := h.wantReplay(t, fmt.Sprintf("cut at byte %d of %d", at, len(h.journal)), h.journal[:at], nil, h.whole(at)); dropped != 0 {
			t.Fatalf("cut at byte %d: %d bytes dropped, want none but of the last record", at, dropped)
		}
	}
	// Two segments, split after each record, with the second one truncated at each record.
	for first := range h.ends {
		for last := range h.ends {
			if last < first {
				continue
			}
			a := h.journal[:h.ends[first]]
			b := slices.Concat(h.journal[:segmentHeader], h.journal[h.ends[first]:h.ends[last]])
			h.empty(t)
			h.wantReplay(t, "two segments", a, b, last+1)
			h.empty(t)
			h.wantReplay(t, "two segments the other way round", b, a, last+1)
		}
	}
}

func TestDamageEndsTheReplay(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 8, 2)
	damaged := slices.Clone(h.journal)
	for at := range damaged {
		damaged[at] ^= 0x10
		h.empty(t)
		want := h.whole(at)
		if at < segmentHeader {
			want = 0
		}
		h.wantReplay(t, fmt.Sprintf("byte %d damaged", at), damaged, nil, want)
		damaged[at] ^= 0x10
	}
	// A record that is missing, or comes twice, is damage too.
	at := h.ends[3]
	missing := slices.Concat(h.journal[:at], h.journal[h.ends[4]:])
	h.empty(t)
	if dropped := h.wantReplay(t, "a record missing", missing, nil, 4); dropped != int64(len(missing)-at) {
		t.Errorf("%d bytes dropped, want %d", dropped, len(missing)-at)
	}
	twice := slices.Concat(h.journal[:h.ends[4]], h.journal[at:])
	h.empty(t)
	h.wantReplay(t, "a record twice", twice, nil, 5)
	// Damage in the first segment ends the second one too.
	a, b := slices.Clone(h.journal[:at]), slices.Concat(h.journal[:segmentHeader], h.journal[at:])
	a[h.ends[2]+recordHeader] ^= 1
	h.empty(t)
	if dropped := h.wantReplay(t, "the first segment damaged", a, b, 3); dropped != int64(len(a)-h.ends[2]+len(b)-segmentHeader) {
		t.Errorf("%d bytes dropped", dropped)
	}
}

// TestACrashBetweenTheFoldAndItsEnd: changes that are in the tables and still in the journal
// count once, however often a process dies at that point.
func TestACrashBetweenTheFoldAndItsEnd(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 20, 3)
	h.empty(t)
	for range 3 {
		h.wantReplay(t, "folded, not emptied", h.journal, nil, 20)
	}
	for n := range h.ends {
		h.empty(t)
		h.wantReplay(t, "a part", h.journal[:h.ends[n]], nil, n+1)
		h.wantReplay(t, "all of it", h.journal, nil, 20)
	}
}

// TestAFoldInParts: folding in several parts gives the same result as one fold.
func TestAFoldInParts(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 40, 4)
	h.empty(t)
	h.wantReplay(t, "at once", h.journal, nil, 40)
	rng := rand.New(rand.NewPCG(5, 0))
	for range 50 {
		h.empty(t)
		for n := 0; n < 40; {
			n = min(40, n+1+rng.IntN(15))
			h.wantReplay(t, "in parts", h.journal[:h.ends[n-1]], nil, n)
		}
	}
}

// TestAJournalOfAnotherTime: a database that was restored from a copy, or created anew, is never
// mixed with a journal that does not continue it.
func TestAJournalOfAnotherTime(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 10, 6)
	later := slices.Concat(h.journal[:segmentHeader], h.journal[h.ends[5]:])

	h.empty(t)
	h.wantReplay(t, "the database before", h.journal[:h.ends[2]], nil, 3)
	if dropped := h.wantReplay(t, "a journal that is newer", later, nil, 3); dropped != int64(len(later)-segmentHeader) {
		t.Errorf("%d bytes dropped, want all %d", dropped, len(later)-segmentHeader)
	}
	h.wantReplay(t, "the database later", h.journal[:h.ends[7]], nil, 8)
	h.wantReplay(t, "a journal that is older", h.journal[:h.ends[4]], nil, 8)
	h.wantReplay(t, "a journal that begins before and ends after", later, nil, 10)

	h.empty(t)
	foreign := slices.Clone(h.journal)
	binary.LittleEndian.PutUint64(foreign[8:], h.l.writer.epoch+1)
	if dropped := h.wantReplay(t, "a journal of another epoch", foreign, nil, 0); dropped != 0 {
		t.Errorf("%d bytes dropped, want none: they are another database's", dropped)
	}
}

// TestAFoldThatWasMadeAllTheSame: if a commit returned an error but was made, the next fold does
// not fold the same records twice.
func TestAFoldThatWasMadeAllTheSame(t *testing.T) {
	t.Parallel()
	h := newHistory(t, 10, 7)
	w := h.l.writer
	h.empty(t)
	h.wantReplay(t, "all", h.journal, nil, 10)
	w.folded.Store(4) // what the process believes
	h.load(t, nil, h.journal)
	if err := w.foldFull(); !errors.Is(err, errGap) {
		t.Fatalf("fold: %v, want errGap", err)
	}
	if err := w.foldFull(); err != nil {
		t.Fatalf("fold again: %v", err)
	}
	if got := h.dump(t); got != h.tables[10] || w.folded.Load() != 10 || w.full.size != 0 {
		t.Errorf("folded %d, %d bytes left, tables\n%swant\n%s", w.folded.Load(), w.full.size, got, h.tables[10])
	}
}

// TestFoldOrder: rows are written in the order of their keys, except that a reset comes between
// the usage before and after it.
func TestFoldOrder(t *testing.T) {
	t.Parallel()
	m := newMerge()
	m.begin(0)
	var record []byte
	for _, id := range []uint64{9, 3, 7} {
		record = appendClosed(record, id)
	}
	for _, key := range []ledger.Key{name("b"), name("a"), {Project: "pk_a", Identity: "z"}} {
		for _, hour := range []int64{2, 1} {
			record = appendUsed(record, key, &ledger.UsageRow{Hour: hour, Model: "m"})
		}
		record = appendReset(record, key, &reset{requests: true})
		record = appendUsed(record, key, &ledger.UsageRow{Hour: 3, Model: "m"})
	}
	if err := m.add(1, record); err != nil {
		t.Fatal(err)
	}
	m.sort()
	var got []string
	for _, i := range m.order {
		d := &m.deltas[i]
		for _, u := range d.usage {
			got = append(got, fmt.Sprint(d.key.Project, "/", d.key.Identity, " ", u.Hour))
		}
		if d.reset != nil {
			got = append(got, "reset")
		}
	}
	want := []string{
		"pk_a/z 1", "pk_a/z 2", "reset", "pk_a/z 3",
		"pk_test/a 1", "pk_test/a 2", "reset", "pk_test/a 3",
		"pk_test/b 1", "pk_test/b 2", "reset", "pk_test/b 3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows in the order %q, want %q", got, want)
	}
	if want := []uint64{3, 7, 9}; !slices.Equal(m.closed, want) {
		t.Errorf("holds in the order %d, want %d", m.closed, want)
	}
}

// TestAFormerVersionsDatabase: a database without a journal, whose process was killed, is taken
// over as it is.
func TestAFormerVersionsDatabase(t *testing.T) {
	t.Parallel()
	p := &process{path: filepath.Join(t.TempDir(), "test.db")}
	former, err := sql.Open("sqlite", p.path)
	if err != nil {
		t.Fatal(err)
	}
	hour := ledger.HourOf(noon)
	for _, query := range []string{
		formerMigration(t, "00001_first.sql"), formerMigration(t, "00002_pruning.sql"),
		`CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
			tstamp TIMESTAMP DEFAULT (datetime('now')))`,
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1)`,
		`INSERT INTO identities (project_id, identity, known, created_at, updated_at) VALUES ('pk_test', 'alice', 1, 0, 0)`,
		fmt.Sprintf(`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens, micros)
			VALUES ('pk_test', 'alice', %d, 'gpt-4o', '', 0, 1, 50, 5)`, hour),
		fmt.Sprintf(`INSERT INTO holds (id, project_id, identity, model, tier, hour, requests, tokens, micros, admitted_at)
			VALUES (1, 'pk_test', 'alice', 'gpt-4o', '', %d, 1, 50, 5, 0)`, hour),
	} {
		if _, err := former.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := former.Close(); err != nil {
		t.Fatal(err)
	}
	p.open(t)
	wantUsed(t, p, alice, 2)
	wantNoHolds(t, p)
	durable(t, reserve(t, p.Ledger, bob, upTo(9)))
	p.Crash(t)
	wantUsed(t, p, alice, 2)
	p.close(t)
}

// formerMigration returns the statements of a migration of a former version.
func formerMigration(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "store", "migrations", "sqlite", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAJournalThatCannotBeTakenOver: the ledger does not open without changes that the journal
// may have, and leaves the journal as it is.
func TestAJournalThatCannotBeTakenOver(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string){
		"NotAFile": func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		},
		"OfANewerVersion": func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			record := append(make([]byte, recordHeader), 99)
			seal(record, 2)
			if err := os.WriteFile(path, append(content, record...), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// By the bubble's clock nothing is folded before the kill.
			synctest.Test(t, func(t *testing.T) {
				p := &process{path: filepath.Join(t.TempDir(), "test.db")}
				p.open(t)
				durable(t, reserve(t, p.Ledger, alice, upTo(9)))
				path := p.writer.active.file.Name()
				journal := p.writer.kill(t)
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
				for path, content := range journal {
					if err := os.WriteFile(path, content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				spoil(t, path)
				before, _ := os.Stat(path)
				for range 2 {
					if _, err := Open(t.Context(), p.db.Ledger, p.db.LedgerRead, p.db.Read); err == nil {
						t.Fatal("opened")
					}
				}
				if after, err := os.Stat(path); err != nil || after.Size() != before.Size() {
					t.Errorf("the journal is not as it was: %v, %v", after, err)
				}
				p.closeDB(t)
			})
		})
	}
}

// FuzzJournal reads any bytes. It must fail only with an error, and take no more memory than a
// small multiple of the bytes.
func FuzzJournal(f *testing.F) {
	h := newHistory(f, 12, 8)
	f.Add(h.journal, false)
	f.Add(h.journal[:h.ends[4]+20], false)
	f.Add(h.journal[h.ends[0]+recordHeader:h.ends[1]], true)
	f.Add(slices.Concat(h.journal[:segmentHeader+4], []byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 100)), false)
	f.Fuzz(func(t *testing.T, data []byte, changes bool) {
		if changes { // in a complete record
			record := append(make([]byte, recordHeader), data...)
			seal(record, 1)
			data = slices.Concat([]byte(magic), make([]byte, 8), record)
		}
		var epoch uint64
		if len(data) >= segmentHeader {
			epoch = binary.LittleEndian.Uint64(data[8:])
		}
		rs, err := readRecords(bytes.NewReader(data), int64(len(data)), epoch)
		for m := newMerge(); err == nil; {
			var sequence uint64
			var told []byte
			if sequence, told, err = rs.next(); err == nil {
				err = m.add(sequence, told)
			}
			if rs.left < 0 || cap(rs.record) > 2*len(data)+64 {
				t.Fatalf("%d bytes left, room for %d, of %d", rs.left, cap(rs.record), len(data))
			}
		}
		for _, known := range []error{io.EOF, errTorn, errCorrupt, errForeign, errUnreadable} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("error %v", err)
	})
}
