// Package sqlite keeps the ledger in memory, with a journal and a SQLite file behind it.
//
// One process owns the file, so a decision needs no query: it is made on the account in
// memory. What it changed is appended to a journal beside the file (see writer.go,
// journal.go), and folded into the file's tables soon after (see fold.go). Accounts are
// read from the tables when first asked for, packed when nothing more is asked (see
// packed.go) and let go of when that lasts; memory holds the truth, and who must read of the
// tables what is not there yet has it folded first.
//
// An append outlives the process, kill -9 included. It is not synced to the disk, so a
// loss of power can take the last moments with it; see docs/decisions.
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

	dropped int64 // bytes of the former process's journal
}

var _ ledger.Ledger = (*Ledger)(nil)

// shard is a part of the accounts, each under the hash of its key or, where another stands
// there, the next number that is free. The collector has less to look at so than with the
// keys themselves.
type shard struct {
	mu       sync.Mutex
	accounts map[uint64]*account
	packed   packed // accounts that are not among those
	scratch  []byte
}

// account is one identity in memory. Its mutex makes decisions atomic; where several are
// locked it is in the order of their keys. A shard's mutex and the writer's may be taken
// under it; under them nobody waits for an account.
type account struct {
	mu       sync.Mutex
	key      ledger.Key
	row      row
	state    limit.State
	lastUsed uint32 // unix s
	evicted  bool   // packed or let go of: look it up again
	loaded   bool   // the row has been read, and state.Used for state.Period
	hasLater bool   // the file has usage of later periods too: the clock was set back

	// told is the last record with something of this account. It belongs to the writer's
	// mutex.
	lastStaged uint64
}

// Open reads nothing but what a former process left unfinished: its journal is folded, and
// the holds that it left running are settled as they stand. The caller owns the handles,
// of which write must allow one connection and accounts is read by nobody else, and closes
// them after Close. The journal is kept beside the file that they have open; nobody else may
// have it open as a ledger.
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
	// Ids need only differ from those in the file, which will be empty of holds.
	l.nextID.Store(uint64(time.Now().UnixMicro()))
	if l.reads, err = newReads(ctx, accounts, read); err != nil {
		return err
	}
	if l.writer, l.dropped, err = openWriter(ctx, write, l.once.folded); err != nil {
		l.reads.close()
	}
	return err
}

// Close folds what is still to be folded and stops: the file has everything then, and the
// journal is gone. Where it cannot it returns why. Nothing may be called after it.
func (l *Ledger) Close() error {
	l.stop()
	l.idle.Wait()
	err := l.writer.close()
	l.reads.close()
	return err
}

// Healthy returns why the ledger cannot keep anything now, or nil.
func (l *Ledger) Healthy() error { return l.writer.appendFailure() }

// Observe has o told of what is done from now on.
func (l *Ledger) Observe(o ledger.Observer) { l.writer.observe.Store(&o) }

// Behind returns why what is journaled cannot be folded into the file now, or nil.
// Requests go on meanwhile, until the journal is full; changes are refused.
func (l *Ledger) Behind() error { return l.writer.foldFailure() }

// Dropped returns how many bytes of the former process's journal Open could not read. Those
// of a record that was being appended when it died are not among them.
func (l *Ledger) Dropped() int64 { return l.dropped }

// Settings implements ledger.Ledger. Nobody has looked where the account is not in memory:
// Reserve reads all of it at once.
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
	// It comes after: where requests pass for want of a decision, what is set still holds.
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
	// The names may be parts of a larger string, which the account must not keep alive.
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

// passed is what Pass keeps of a request until it ends.
type passed struct {
	ledger.Passed
	hold limit.Hold
}

// Settle implements ledger.Ledger.
func (l *Ledger) Settle(ctx context.Context, res *ledger.Reservation, actual ledger.Actual) error {
	if p, ok := res.Commit.(*passed); ok {
		return l.settlePassed(ctx, res, p, actual)
	}
	a := l.lock(res.Key) // it is in memory while anything of it is running
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
	u := usageOf(done, actual)
	l.writer.end(res.Commit.(*ticket), &u, credits != a.state.Credits)
	return nil
}

// settlePassed counts what a request used that was not decided on.
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
	l.writer.count(a, usageOf(done, actual), isNew)
	return nil
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(_ context.Context, res *ledger.Reservation) error {
	if p, ok := res.Commit.(*passed); ok {
		p.End()
		return nil
	}
	a := l.lock(res.Key) // it is in memory while anything of it is running
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

// lockCounted returns the account of a key, locked, with its usage in the current period
// read. It has everything folded before it reads usage of a period that memory does not
// have, as happens when a project changes its period or the clock was set back.
func (l *Ledger) lockCounted(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	a, err := l.lockEntered(ctx, key, period, now)
	if err != nil {
		return nil, err
	}
	a.state.Advance(now)
	a.lastUsed = uint32(now.Unix())
	return a, nil
}

// lockEntered is lockCounted for a time that may be long past.
func (l *Ledger) lockEntered(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	for {
		a := l.lock(key)
		if a.loaded && a.state.Period == period && !(a.hasLater && !now.Before(period.End(a.state.Start))) {
			a.state.Enter(now)
			return a, nil
		}
		if told, yes := l.writer.unfolded(a); yes {
			a.mu.Unlock()
			if err := l.writer.awaitFold(ctx, told); err != nil {
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

// shard returns where an account is to be found: in which shard, and from where on.
func (l *Ledger) shard(key ledger.Key) (s *shard, at uint64) {
	at = maphash.Comparable(l.seed, key)
	return &l.shards[at%uint64(len(l.shards))], at
}

// find returns an account, new where there is none. It needs the shard's mutex.
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

// view returns a copy that its receiver may change.
func (a *account) view() *ledger.Account {
	v := &ledger.Account{
		Key: a.key, Known: a.row.known, Settings: a.row.settings.public(),
		CreatedAt: a.row.createdAt.time(), UpdatedAt: a.row.updatedAt.time(), State: a.state,
	}
	v.State.Used = append([]limit.ModelUsage(nil), a.state.Used...)
	v.State.Holds = append([]limit.Hold(nil), a.state.Holds...)
	return v
}

// shrink lets go of memory that an idle account does not need.
func (a *account) shrink() {
	if len(a.state.Holds) == 0 {
		a.state.Holds = nil
	}
}

// reserved is a reservation with its ticket, in one piece.
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
