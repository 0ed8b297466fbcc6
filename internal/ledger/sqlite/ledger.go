// Package sqlite keeps the ledger in memory, with a journal and a SQLite file behind it.
//
// One process owns the file, so a decision needs no query: it is made on the account in
// memory. Its changes are appended to a journal beside the file (see writer.go, journal.go)
// and folded into the file's tables soon after (see fold.go). An account is read from the
// tables when it is first needed, packed when it is idle (see packed.go) and evicted when it
// stays idle. Memory holds the truth: before the tables are read, the changes that they lack
// are folded.
//
// An append survives the death of the process, kill -9 included. It is not synced to the
// disk, so a loss of power can lose the last moments; see docs/decisions.
package sqlite

import (
	"context"
	"database/sql"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// Ledger is a ledger.Ledger. Create it with Open.
type Ledger struct {
	seed        maphash.Seed
	shards      [64]shard
	nextID      atomic.Uint64
	reads       *reads
	writer      *writer
	once        flights
	stop        context.CancelFunc
	idle        sync.WaitGroup
	memoryLimit atomic.Int64 // bytes

	dropped int64 // unreadable bytes of the previous process's journal
}

var _ ledger.Ledger = (*Ledger)(nil)

// shard is a part of the accounts. Each account is stored under the hash of its key or, if
// that is taken, the next free number. A map with such keys is less work for the garbage
// collector than one with the keys of the accounts.
type shard struct {
	mu       sync.Mutex
	accounts map[uint64]*account
	packed   packed // the other accounts of the shard in memory
	scratch  []byte
}

// account is one identity in memory. Its mutex makes decisions atomic. Several accounts are
// locked in the order of their keys. A goroutine that holds an account's mutex may lock a
// shard's or the writer's, but one that holds those never waits for an account's.
type account struct {
	mu       sync.Mutex
	key      ledger.Key
	row      row
	state    limit.State
	lastUsed uint32 // unix s
	evicted  bool   // packed or no longer in memory: look it up again
	loaded   bool   // the row has been read, and state.Used for state.Period
	hasLater bool   // the file also has usage of later periods: the clock was set back

	// lastStaged is the sequence of the last record with a change of this account. The
	// writer's mutex guards it.
	lastStaged uint64
}

// Open folds the journal of the previous process and settles its orphans as they stand. It
// reads nothing else. The caller owns the handles and closes them after Close. write must
// allow one connection, and only the ledger may read with accounts. The journal is kept
// beside the file of the handles; no other ledger may have this file open.
func Open(ctx context.Context, write, accounts, read *sql.DB) (*Ledger, error) {
	l := &Ledger{}
	l.memoryLimit.Store(defaultMemoryLimit)
	if err := l.open(ctx, write, accounts, read); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.writer.run()
	l.idle.Go(func() { l.evictIdle(background) })
	return l, nil
}

func (l *Ledger) open(ctx context.Context, write, accounts, read *sql.DB) (err error) {
	l.seed = maphash.MakeSeed()
	l.once.running = make(map[onceKey]*flight)
	for i := range l.shards {
		l.shards[i].accounts = make(map[uint64]*account)
	}
	// Ids must only be unique in this process: the file has no holds once it is open.
	l.nextID.Store(uint64(time.Now().UnixMicro()))
	if l.reads, err = newReads(ctx, accounts, read); err != nil {
		return err
	}
	if l.writer, l.dropped, err = openWriter(ctx, write, l.once.folded); err != nil {
		l.reads.close()
	}
	return err
}

// Close folds all changes, removes the journal and stops. It returns an error if it cannot.
// Nothing may be called after it.
func (l *Ledger) Close() error {
	l.stop()
	l.idle.Wait()
	err := l.writer.close()
	l.reads.close()
	return err
}

// Healthy returns why the ledger cannot keep anything now, or nil.
func (l *Ledger) Healthy() error { return l.writer.appendFailure() }

// Observe makes o the observer from now on.
func (l *Ledger) Observe(o ledger.Observer) { l.writer.observe.Store(&o) }

// Behind returns why the journal cannot be folded into the file now, or nil. Meanwhile
// requests are decided until the journal is full, and changes are refused.
func (l *Ledger) Behind() error { return l.writer.foldFailure() }

// Dropped returns how many bytes of the previous process's journal Open could not read. An
// incomplete record at the end, which was being appended when the process died, does not count.
func (l *Ledger) Dropped() int64 { return l.dropped }

// Settings implements ledger.Ledger. It does not read the file for an account that is not in
// memory: Reserve reads the whole account at once.
func (l *Ledger) Settings(_ context.Context, key ledger.Key) (settings *ledger.Settings, known bool, err error) {
	a := l.lock(key)
	defer a.mu.Unlock()
	return a.row.settings.public(), a.loaded, nil
}

// Reserve implements ledger.Ledger.
func (l *Ledger) Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error) {
	a, err := l.lockCounted(ctx, req.Key, req.Rules.Period, req.Now)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	if req.Settings != a.row.settings.public() {
		return nil, ledger.ErrStale
	}
	// Stale settings are reported first: a request that passes without a decision still needs
	// the current ones.
	if l.writer.appendFailure() != nil {
		return nil, ledger.ErrUnavailable
	}
	r := &reserved{Reservation: ledger.Reservation{Key: req.Key, Rules: req.Rules}}
	res := &r.Reservation
	res.Decision = limit.Decide(&a.state, req.Rules, req.Ask, req.Now)
	if res.Decision.Refusal != limit.Admitted {
		return res, nil
	}
	h := &res.Decision.Hold
	h.ID = l.nextID.Add(1)
	// The names may be substrings of a larger string, which the account must not keep alive.
	h.Model, h.Tier = intern(h.Model), intern(h.Tier)
	res.ID = h.ID
	burst := a.state.Burst
	a.state.Admit(*h, req.Now)
	isNew := !a.row.known
	if isNew {
		a.row.markKnown(req.Now)
	}
	r.ticket = ticket{w: l.writer, a: a, hold: h}
	res.Commit = &r.ticket
	l.writer.admit(&r.ticket, isNew || !burst.Equal(a.state.Burst))
	return res, nil
}

// Pass implements ledger.Ledger.
func (l *Ledger) Pass(req ledger.Request) *ledger.Reservation {
	hold := limit.Hold{ID: l.nextID.Add(1), Model: intern(req.Rules.Model), Tier: intern(req.Ask.Tier), At: req.Now}
	return &ledger.Reservation{ID: hold.ID, Key: req.Key, Rules: req.Rules, Commit: &passed{hold: hold}}
}

// passed is a running request that Pass has let through.
type passed struct {
	ledger.Passed
	hold limit.Hold
}

// Settle implements ledger.Ledger.
func (l *Ledger) Settle(ctx context.Context, res *ledger.Reservation, actual ledger.Actual) error {
	if p, ok := res.Commit.(*passed); ok {
		return l.settlePassed(ctx, res, p, actual)
	}
	a := l.lock(res.Key) // an account with a hold is always in memory
	defer a.mu.Unlock()
	credits := a.state.Credits
	done, ok := a.state.Settle(res.ID, actual.Amounts, res.Rules)
	if !ok {
		return nil
	}
	a.shrink()
	if done.IsZero() {
		l.writer.end(res.Commit.(*ticket), nil, false)
		return nil
	}
	u := ledger.UsageOf(done, actual)
	l.writer.end(res.Commit.(*ticket), &u, credits != a.state.Credits)
	return nil
}

// settlePassed counts the usage of a request that passed without a decision.
func (l *Ledger) settlePassed(ctx context.Context, res *ledger.Reservation, p *passed, actual ledger.Actual) error {
	if !p.End() || actual.Amounts.IsZero() {
		return nil
	}
	h := p.hold
	a, err := l.lockEntered(ctx, res.Key, res.Rules.Period, h.At)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	if h.At.Before(a.state.Start) {
		h.At = a.state.Start
	}
	a.state.Admit(h, h.At)
	done, _ := a.state.Settle(h.ID, actual.Amounts, res.Rules)
	isNew := !a.row.known
	if isNew {
		a.row.markKnown(h.At)
	}
	a.shrink()
	l.writer.count(a, ledger.UsageOf(done, actual), isNew)
	return nil
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(_ context.Context, res *ledger.Reservation) error {
	if p, ok := res.Commit.(*passed); ok {
		p.End()
		return nil
	}
	a := l.lock(res.Key) // an account with a hold is always in memory
	defer a.mu.Unlock()
	burst := a.state.Burst
	if _, ok := a.state.Release(res.ID); !ok {
		return nil
	}
	a.shrink()
	l.writer.end(res.Commit.(*ticket), nil, !burst.Equal(a.state.Burst))
	return nil
}

// Account implements ledger.Ledger.
func (l *Ledger) Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error) {
	a, err := l.lockCounted(ctx, key, period, now)
	if err != nil {
		return ledger.Account{}, err
	}
	defer a.mu.Unlock()
	return *a.view(), nil
}

// lock returns the account of a key, locked. It need not be loaded.
func (l *Ledger) lock(key ledger.Key) *account {
	s, at := l.shard(key)
	for {
		s.mu.Lock()
		a := s.find(key, at)
		s.mu.Unlock()

		a.mu.Lock()
		if a.evicted {
			a.mu.Unlock()
			continue
		}
		return a
	}
}

// lockCounted returns the account of a key, locked, with its usage in the current period. If
// memory does not have that period, because the project has changed its period or the clock
// was set back, it reads the usage after everything of the account is folded.
func (l *Ledger) lockCounted(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	a, err := l.lockEntered(ctx, key, period, now)
	if err != nil {
		return nil, err
	}
	a.state.Advance(now)
	a.lastUsed = uint32(now.Unix())
	return a, nil
}

// lockEntered is lockCounted for a time that may be long ago.
func (l *Ledger) lockEntered(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	for {
		a := l.lock(key)
		if a.loaded && a.state.Period == period && !(a.hasLater && !now.Before(period.End(a.state.Start))) {
			a.state.Enter(now)
			return a, nil
		}
		if sequence, yes := l.writer.unfolded(a); yes {
			a.mu.Unlock()
			if err := l.writer.awaitFold(ctx, sequence); err != nil {
				return nil, err
			}
			continue
		}
		if err := l.load(ctx, a, period, now); err != nil {
			a.mu.Unlock()
			return nil, err
		}
		a.state.Enter(now)
		return a, nil
	}
}

// shard returns the shard of an account and the hash at which to start looking.
func (l *Ledger) shard(key ledger.Key) (s *shard, at uint64) {
	at = maphash.Comparable(l.seed, key)
	return &l.shards[at%uint64(len(l.shards))], at
}

// find returns an account, a new one if there is none. The caller holds the shard's mutex.
func (s *shard) find(key ledger.Key, hash uint64) *account {
	for at := hash; ; at++ {
		switch a := s.accounts[at]; {
		case a == nil:
			if a = s.packed.take(hash, key); a == nil {
				a = &account{key: key}
			}
			s.accounts[at] = a
			return a
		case a.key == key:
			return a
		}
	}
}

// view returns a copy that the caller may change.
func (a *account) view() *ledger.Account {
	v := &ledger.Account{
		Key: a.key, Known: a.row.known, Settings: a.row.settings.public(),
		CreatedAt: a.row.createdAt.time(), UpdatedAt: a.row.updatedAt.time(), State: a.state,
	}
	v.State.Used = append([]limit.ModelUsage(nil), a.state.Used...)
	v.State.Holds = append([]limit.Hold(nil), a.state.Holds...)
	return v
}

// shrink frees memory that an idle account does not need.
func (a *account) shrink() {
	if len(a.state.Holds) == 0 {
		a.state.Holds = nil
	}
}

// reserved is a reservation with its ticket, in one allocation.
type reserved struct {
	ledger.Reservation
	ticket ticket
}

func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}
