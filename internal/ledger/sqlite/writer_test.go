package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func wantRows(t *testing.T, got, want int64, what string) {
	t.Helper()
	if got != want {
		t.Errorf("%s changed %d rows, want %d", what, got, want)
	}
}

func TestWhatIsFoldedTogetherIsMerged(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	r := upTo(1000)

	settle(t, l, reserve(t, l, alice, r))
	wantRows(t, fold(t, l), 2, "a new identity's request (its identity, its usage)")
	settle(t, l, reserve(t, l, alice, r))
	wantRows(t, fold(t, l), 1, "a request that is reserved and settled")
	for i := range 100 {
		res := reserve(t, l, alice, r)
		if i%2 == 0 {
			durable(t, res)
		}
		settle(t, l, res)
	}
	wantRows(t, fold(t, l), 1, "a hundred of the same model, tier and hour")
	release(t, l, reserve(t, l, alice, r))
	wantRows(t, fold(t, l), 0, "a request that is reserved and released")

	running := reserve(t, l, alice, r)
	durable(t, running)
	wantRows(t, fold(t, l), 1, "a hold")
	settle(t, l, running)
	wantRows(t, fold(t, l), 2, "its settlement, later (the hold, the usage)")
	running = reserve(t, l, alice, r)
	durable(t, running)
	fold(t, l)
	release(t, l, running)
	wantRows(t, fold(t, l), 1, "its release, later")
}

// A hold is pending until its answer begins or pendingTime ends. A hold that ends before is never
// staged.
func TestAYoungHoldIsNotTold(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	w, r := l.writer, upTo(1000)
	settle(t, l, reserve(t, l, alice, r))
	fold(t, l)

	young := reserve(t, l, alice, r)
	if w.pending.first == nil || w.pending.first != young.Commit {
		t.Fatal("a reservation did not begin young")
	}
	old := reserve(t, l, alice, r)
	durable(t, old)
	wantRows(t, fold(t, l), 1, "the one that was waited for")
	settle(t, l, young)
	release(t, l, old)
	wantRows(t, fold(t, l), 2, "the usage of one and the hold of the other")

	reserve(t, l, alice, r)
	w.flush()
	wantRows(t, fold(t, l), 0, "a hold that was looked at once")
	w.flush()
	wantRows(t, fold(t, l), 1, "a hold whose answer does not come soon")
	if w.pending.first != nil || w.pending.last != nil {
		t.Error("a ticket is left among the young")
	}
}

// TestWhatNobodyWaitsForIsAppended: a settlement, or a hold whose answer has not begun.
func TestWhatNobodyWaitsForIsAppended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openProcess(t)
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		reserve(t, p.Ledger, bob, upTo(9))
		time.Sleep(2*pendingTime + time.Millisecond) // by the bubble's clock
		synctest.Wait()
		if got := p.writer.folded.Load(); got != 0 {
			t.Errorf("%d records are folded before their time, want none", got)
		}
		p.Crash(t)
		wantUsed(t, p, alice, 1)
		if a, err := p.Account(t.Context(), bob, limit.Daily, noon); err != nil || a.State.Total()[limit.Requests] != 1 {
			t.Errorf("of bob's request %v is left, %v; want it counted", a.State.Total(), err)
		}
	})
}

func TestAResetTakesBackWhatCameBeforeItOnly(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	settle(t, l, reserve(t, l, alice, upTo(9)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing folds, so do not wait for it
	_, err := l.Change(ctx, ledger.Change{Keys: []ledger.Key{alice}, Period: limit.Daily, Now: noon,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].Reset(true, true)
			return ledger.Outcome{}, nil
		}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	settle(t, l, reserve(t, l, alice, upTo(9)))
	fold(t, l)
	forget(l)
	a, err := l.Account(t.Context(), alice, limit.Daily, noon)
	if want := (limit.Amounts{1, 50, 5}); err != nil || a.State.Total() != want {
		t.Errorf("used %v, %v; want %v", a.State.Total(), err, want)
	}
	var history int64
	if err := l.writer.conn.QueryRowContext(t.Context(), `SELECT sum(requests) FROM usage WHERE kind = 0`).Scan(&history); err != nil || history != 2 {
		t.Errorf("history has %d requests, %v; want 2", history, err)
	}
}

// TestReadsSeeWhatIsNotFolded: before the tables are read, the changes that they lack are folded.
func TestReadsSeeWhatIsNotFolded(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	for i := range 20 {
		settle(t, p.Ledger, reserve(t, p.Ledger, name(fmt.Sprint(i)), upTo(9)))
		if found, err := p.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 10}); err != nil || found.Total != i+1+min(i, 1) {
			t.Fatalf("%d identities listed, %v; want %d", found.Total, err, i+1+min(i, 1))
		}
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(99)))
		for _, period := range []limit.Period{limit.Weekly, limit.Daily} { // each period is read from the tables
			a, err := p.Account(t.Context(), alice, period, noon)
			if err != nil || a.State.Total()[limit.Requests] != int64(i+1) {
				t.Fatalf("%s: %v used, %v; want %d requests", period, a.State.Total(), err, i+1)
			}
		}
		if i == 0 {
			continue
		}
		p.Forget(t)
		settle(t, p.Ledger, reserve(t, p.Ledger, name("0"), upTo(99)))
		p.Forget(t)
		wantUsed(t, p, name("0"), int64(i+1))
		if _, err := gift(p.Ledger, name(fmt.Sprint(i)), &ledger.Once{Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := gift(p.Ledger, name(fmt.Sprint(i)), &ledger.Once{Key: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if a, err := p.Account(t.Context(), name(fmt.Sprint(i)), limit.Daily, noon); err != nil || a.State.Credits[limit.Requests] != 1 {
			t.Fatalf("%d credits, %v; want 1", a.State.Credits[limit.Requests], err)
		}
	}
}

// failures are ways in which the database refuses writes.
var failures = []struct {
	name         string
	break_, heal func(t *testing.T, p *process)
}{
	{"Error",
		func(t *testing.T, p *process) {
			for _, table := range []string{"holds", "usage", "identities", "audit"} {
				onStore(t, p, fmt.Sprintf(`CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`, table))
			}
		},
		func(t *testing.T, p *process) {
			for _, table := range []string{"holds", "usage", "identities", "audit"} {
				onStore(t, p, `DROP TRIGGER no_`+table)
			}
		}},
	{"Locked",
		func(t *testing.T, p *process) {
			onWriter(t, p, `PRAGMA busy_timeout = 1`)
			onStore(t, p, `BEGIN IMMEDIATE`)
		},
		func(t *testing.T, p *process) { onStore(t, p, `ROLLBACK`) }},
	{"DiskFull",
		func(t *testing.T, p *process) {
			var pages int
			if err := p.db.Read.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
				t.Fatal(err)
			}
			onWriter(t, p, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
		},
		func(t *testing.T, p *process) { onWriter(t, p, `PRAGMA max_page_count = 1000000`) }},
}

// onStore runs a statement on the store's other writing connection.
func onStore(t *testing.T, p *process, query string) {
	t.Helper()
	if _, err := p.db.Write.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// onWriter runs a statement on the ledger's own connection, between two folds.
func onWriter(t *testing.T, p *process, query string) {
	t.Helper()
	p.writer.folding.Lock()
	defer p.writer.folding.Unlock()
	if _, err := p.writer.conn.ExecContext(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// inBubble runs a test for each kind of failure, with a clock of its own: the writer's pauses
// between two attempts cost no time.
func inBubble(t *testing.T, test func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process))) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := openProcess(t)
				test(t, p, f.break_, f.heal)
			})
		})
	}
}

// readOnly makes every append fail until the returned function is called.
func readOnly(t *testing.T, p *process) (writable func()) {
	t.Helper()
	w := p.writer
	undo := func() {}
	exchange := func(s *segment, f *os.File) {
		w.folding.Lock()
		defer w.folding.Unlock()
		w.appending.Lock()
		defer w.appending.Unlock()
		s.file = f
	}
	for _, s := range [...]*segment{w.active, w.full} {
		file, later := s.file, undo
		refusing, err := os.Open(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		exchange(s, refusing)
		undo = func() {
			exchange(s, file)
			if err := refusing.Close(); err != nil {
				t.Error(err)
			}
			later()
		}
	}
	return undo
}

// await waits for the writer's next attempts.
func await() {
	time.Sleep(3 * time.Second) // by the bubble's clock: longer than any pause
	synctest.Wait()
}

func recovered(t *testing.T, p *process) {
	t.Helper()
	await()
	if err := errors.Join(p.Healthy(), p.Behind()); err != nil {
		t.Fatalf("not healthy again: %v", err)
	}
}

// long is one of many long names that fill a disk.
func long(i int) ledger.Key { return name(fmt.Sprintf("%d-%s", i, strings.Repeat("x", 500))) }

func wantUsed(t *testing.T, p *process, key ledger.Key, requests int64) {
	t.Helper()
	a, err := p.Account(t.Context(), key, limit.Daily, noon)
	if want := (limit.Amounts{requests, 50 * requests, 5 * requests}); err != nil || a.State.Total() != want {
		t.Errorf("%.20s has used %v, %v; want %v", key.Identity, a.State.Total(), err, want)
	}
}

func wantNoHolds(t *testing.T, p *process) {
	t.Helper()
	var holds int
	if err := p.db.Read.QueryRow(`SELECT count(*) FROM holds`).Scan(&holds); err != nil || holds != 0 {
		t.Errorf("%d holds left, %v", holds, err)
	}
}

// TestAnAppendThatFails: calls that wait get an error, no new request is admitted, and when the
// file is writable again nothing is lost or counted twice.
func TestAnAppendThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openProcess(t)
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		running, ending := reserve(t, p.Ledger, alice, upTo(9)), reserve(t, p.Ledger, alice, upTo(9))
		durable(t, running)
		durable(t, ending)
		first, second, third := reserve(t, p.Ledger, bob, upTo(9)), reserve(t, p.Ledger, bob, upTo(9)), reserve(t, p.Ledger, bob, upTo(9))
		writable := readOnly(t, p)
		for _, res := range []*ledger.Reservation{first, second} {
			if err := res.Durable(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("durable: %v, want ErrUnavailable", err)
			}
		}
		if p.Healthy() == nil {
			t.Error("healthy while nothing can be kept")
		}
		if _, err := tryReserve(p.Ledger, alice, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("reserve: %v, want ErrUnavailable", err)
		}
		if _, err := gift(p.Ledger, alice, nil); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("change: %v, want ErrUnavailable", err)
		}
		// Running requests end meanwhile, also those whose holds could not be appended.
		settle(t, p.Ledger, ending)
		settle(t, p.Ledger, first)
		release(t, p.Ledger, second)
		await()
		if p.Healthy() == nil {
			t.Error("healthy again while nothing can be kept")
		}
		writable()
		recovered(t, p)

		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		settle(t, p.Ledger, third)
		settle(t, p.Ledger, running)
		for range 2 {
			wantUsed(t, p, alice, 4)
			wantUsed(t, p, bob, 2)
			p.Restart(t)
			wantNoHolds(t, p)
		}
	})
}

// TestAPartOfAnAppend: bytes that a failed append left in the file are overwritten, or do no harm
// after a crash.
func TestAPartOfAnAppend(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		// By the bubble's clock nothing is folded before the crash.
		synctest.Test(t, func(t *testing.T) {
			p := openProcess(t)
			durable(t, reserve(t, p.Ledger, alice, upTo(9)))
			if _, err := p.writer.active.file.WriteAt([]byte("a part of a record, as of a disk that was full"), p.writer.active.size); err != nil {
				t.Fatal(err)
			}
			want := int64(1)
			if !crash {
				durable(t, reserve(t, p.Ledger, alice, upTo(9)))
				want = 2
			}
			p.Crash(t)
			a, err := p.Account(t.Context(), alice, limit.Daily, noon)
			if err != nil || a.State.Total()[limit.Requests] != want {
				t.Errorf("%v used, %v; want %d requests", a.State.Total(), err, want)
			}
		})
	}
}

// TestAFoldThatFails: requests go on in the journal, changes are refused, and when the database
// is writable again nothing is lost or counted twice.
func TestAFoldThatFails(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
			running := reserve(t, p.Ledger, alice, upTo(9))
			durable(t, running)
			await()
			break_(t, p)
			const names = 200
			for i := range names {
				settle(t, p.Ledger, reserve(t, p.Ledger, long(i), upTo(9)))
				durable(t, reserve(t, p.Ledger, long(i), upTo(9)))
				if i%50 == 0 {
					await()
				}
			}
			await()
			if p.Behind() == nil {
				t.Fatal("not behind while nothing can be folded")
			}
			if err := p.Healthy(); err != nil {
				t.Errorf("not healthy while the journal has room: %v", err)
			}
			if _, err := gift(p.Ledger, alice, nil); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("change: %v, want ErrUnavailable", err)
			}
			if _, err := p.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 10}); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("list: %v, want ErrUnavailable", err)
			}
			settle(t, p.Ledger, running)
			p.Forget(t)
			if n := p.size(); n < names {
				t.Errorf("%d accounts in memory, want all %d that the tables do not have", n, names)
			}
			heal(t, p)
			if crash {
				appendAll(t, p.Ledger)
				p.Crash(t)
			} else {
				recovered(t, p)
				p.Restart(t)
			}
			wantUsed(t, p, alice, 1)
			for i := range names {
				a, err := p.Account(t.Context(), long(i), limit.Daily, noon)
				if want := (limit.Amounts{2, 150, 15}); err != nil || a.State.Total() != want {
					t.Fatalf("%.20s has used %v, %v; want %v", long(i).Identity, a.State.Total(), err, want)
				}
			}
			wantNoHolds(t, p)
		})
	}
}

// TestTheJournalIsFull: the journal grows only to a maximum while it cannot be folded.
func TestTheJournalIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openProcess(t)
		failures[0].break_(t, p)
		big := ledger.Key{Project: strings.Repeat("p", 4000), Identity: "big"}
		var err error
		n := int64(0)
		for ; err == nil; n++ {
			if n > maxJournalSize/4000 {
				t.Fatal("more was taken than fits into the journal")
			}
			var res *ledger.Reservation
			if res, err = tryReserve(p.Ledger, big, upTo(1<<40)); err == nil {
				err = res.Durable(t.Context())
				settle(t, p.Ledger, res)
			}
		}
		if !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, errFull) || !strings.Contains(err.Error(), "disk I/O error") {
			t.Errorf("error %v, want that the journal is full, and why", err)
		}
		if p.Healthy() == nil {
			t.Error("healthy with a journal that is full")
		}
		failures[0].heal(t, p)
		recovered(t, p)
		wantUsed(t, p, big, n)
		p.Restart(t)
		wantUsed(t, p, big, n)
	})
}

// TestMoreThanCanBeFolded: if changes come faster than they can be folded, answers wait, long
// before the journal is full.
func TestMoreThanCanBeFolded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := stalled(t)
		w := l.writer
		res := reserve(t, l, alice, upTo(9))
		w.grow(maxJournalSize/2 + 1)
		told := make(chan error, 1)
		go func() { told <- res.Durable(t.Context()) }()
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("Durable returned %v while the journal grows", <-told)
		}
		fold(t, l)
		if err := <-told; err != nil {
			t.Errorf("Durable = %v after the fold", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := reserve(t, l, alice, upTo(9)).Durable(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Durable = %v for a canceled context, want its error", err)
		}
		w.grow(-maxJournalSize/2 - 1)
		durable(t, reserve(t, l, alice, upTo(9)))
	})
}

// TestAChangeThatFailedIsAppliedOnce: the change was made in memory and is written when the file
// is writable, so sending it again must find it.
func TestAChangeThatFailedIsAppliedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
		if t.Name() == "TestAChangeThatFailedIsAppliedOnce/DiskFull" {
			t.Skip("one change fits into the pages that are there")
		}
		break_(t, p)
		once := &ledger.Once{Key: "k"}
		for range 3 {
			if _, err := gift(p.Ledger, alice, once); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("change: %v, want ErrUnavailable", err)
			}
		}
		heal(t, p)
		recovered(t, p)
		for _, again := range []func(ledgertest.TB){func(ledgertest.TB) {}, p.Crash, p.Restart} {
			again(t)
			if out, err := gift(p.Ledger, alice, once); err != nil || out.Status != 200 {
				t.Errorf("sent again: %d, %v", out.Status, err)
			}
			a, err := p.Account(t.Context(), alice, limit.Daily, noon)
			if err != nil || a.State.Credits[limit.Requests] != 1 {
				t.Errorf("%d credits, %v; want 1", a.State.Credits[limit.Requests], err)
			}
		}
		if len(p.once.running) != 0 {
			t.Errorf("%d changes are still on their way", len(p.once.running))
		}
	})
}

// TestCloseWhileNothingCanBeFolded: the journal stays for the next process.
func TestCloseWhileNothingCanBeFolded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
		break_(t, p)
		for i := range 200 {
			settle(t, p.Ledger, reserve(t, p.Ledger, long(i), upTo(9)))
		}
		if err := p.Close(); err == nil || !strings.Contains(err.Error(), "not everything was written") {
			t.Errorf("Close = %v, want that not everything was written", err)
		}
		if _, err := tryReserve(p.Ledger, alice, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("reserve after Close: %v, want ErrUnavailable", err)
		}
		if _, err := gift(p.Ledger, alice, nil); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("change after Close: %v, want ErrUnavailable", err)
		}
		if t.Name() != "TestCloseWhileNothingCanBeFolded/DiskFull" { // the limit ended with its connection
			heal(t, p)
		}
		p.closeDB(t)
		p.open(t)
		for i := range 200 {
			wantUsed(t, p, long(i), 1)
		}
	})
}

func TestCloseWhileNothingCanBeAppended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := openProcess(t)
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		if _, err := gift(p.Ledger, alice, nil); err != nil {
			t.Fatal(err)
		}
		readOnly(t, p)
		waiting := reserve(t, p.Ledger, alice, upTo(9))
		if err := p.Close(); err == nil || !strings.Contains(err.Error(), "not everything was written") {
			t.Errorf("Close = %v, want that not everything was written", err)
		}
		if err := waiting.Durable(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("Durable = %v after Close, want ErrUnavailable", err)
		}
		p.closeDB(t)
		p.open(t)
		wantUsed(t, p, alice, 1)
	})
}

// TestCloseLeavesOneWholeFile: after Close a copy of the database file alone is complete.
func TestCloseLeavesOneWholeFile(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	for i := range 1000 {
		settle(t, p.Ledger, reserve(t, p.Ledger, name(fmt.Sprint(i)), upTo(9)))
	}
	files := func() []string {
		t.Helper()
		found, err := filepath.Glob(p.path + ".journal*")
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if len(files()) != 2 {
		t.Errorf("files of the journal %q, want two", files())
	}
	for _, file := range files() {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", file, info.Mode(), err)
		}
	}
	p.close(t)
	if len(files()) != 0 {
		t.Errorf("files of the journal after Close %q, want none", files())
	}
	p.open(t)
	for i := range 1000 {
		wantUsed(t, p, name(fmt.Sprint(i)), 1)
	}
}

// TestSettingsHoldWhileNothingCanBeKept: requests that cannot be decided on may pass, but not
// those of an identity that was disabled, even if it is not in memory.
func TestSettingsHoldWhileNothingCanBeKept(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	changed := make(chan error, 1)
	go func() {
		_, err := l.Change(t.Context(), ledger.Change{Keys: []ledger.Key{alice}, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				accounts[0].Settings = &ledger.Settings{Disabled: true}
				return ledger.Outcome{}, nil
			}})
		changed <- err
	}()
	for done := false; !done; {
		select {
		case err := <-changed:
			if done = true; err != nil {
				t.Fatal(err)
			}
		default:
			fold(t, l) // the change waits for it
		}
	}
	forget(l)
	broken := errors.New("no space")
	l.writer.appendErr.Store(&broken)
	defer l.writer.appendErr.Store(nil)
	for range 2 { // once from the file, once from memory
		if _, err := tryReserve(l, alice, upTo(9)); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("reserve: %v, want %v", err, ledger.ErrStale)
		}
	}
	if _, err := tryReserve(l, bob, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("reserve: %v, want %v", err, ledger.ErrUnavailable)
	}
	set, known, err := l.Settings(t.Context(), alice)
	if err != nil || !known || !set.Disabled {
		t.Errorf("settings %+v, known %t, %v; want them known", set, known, err)
	}
}
