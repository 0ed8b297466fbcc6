// Package sqlite keeps the ledger in memory with a SQLite file as its journal.
//
// One process owns the file, so a decision needs no query: it is made on the account in
// memory, and what it changed joins the batch that the writer commits next (see
// writer.go). Accounts are read when first asked for and let go when idle; memory holds
// the truth, and the file is never behind it by more than one batch.
//
// A commit outlives the process, kill -9 included. It is not synced to the disk, so a
// loss of power can take the last moments with it; see docs/decisions.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// Ledger is a ledger.Ledger. Create it with Open.
type Ledger struct {
	shards [64]shard
	nextID atomic.Uint64
	reads  *reads
	writer *writer
	once   flights
	stop   context.CancelFunc
	idle   sync.WaitGroup
}

var _ ledger.Ledger = (*Ledger)(nil)

type shard struct {
	mu       sync.Mutex
	accounts map[ledger.Key]*account
}

// account is one identity in memory. Its mutex makes decisions atomic; where several are
// locked it is in the order of their keys. A shard's mutex and the writer's may be taken
// under it; under them nobody waits for an account.
type account struct {
	mu       sync.Mutex
	key      ledger.Key
	gone     bool // let go of: look it up again
	loaded   bool // the row has been read
	counted  bool // state.Used has been read for state.Period
	ahead    bool // the file has usage of later periods too: the clock was set back
	row      row
	state    limit.State
	lastUsed int64 // unix s

	// batch is the last batch that has something to write of this account, delta what.
	// Both belong to the writer's mutex, and are nil when it is written.
	batch *batch
	delta *delta
}

// Open reads nothing but the holds that a former process left running: they are settled
// as they stand. The caller owns the handles, of which write must allow one connection,
// and closes them after Close.
func Open(ctx context.Context, write, read *sql.DB) (*Ledger, error) {
	if err := settleOrphans(ctx, write); err != nil {
		return nil, fmt.Errorf("settle what a former process left running: %w", err)
	}
	l := &Ledger{once: flights{running: make(map[onceKey]*flight)}}
	for i := range l.shards {
		l.shards[i].accounts = make(map[ledger.Key]*account)
	}
	// Ids need only differ from those in the file, which is empty of holds now.
	l.nextID.Store(uint64(time.Now().UnixMicro()))
	var err error
	if l.reads, err = newReads(ctx, read); err != nil {
		return nil, err
	}
	if l.writer, err = newWriter(ctx, write); err != nil {
		l.reads.close()
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.idle.Go(func() { l.evictIdle(background) })
	return l, nil
}

// Close writes what is still to be written and stops. Nothing may be called after it.
func (l *Ledger) Close() error {
	l.stop()
	l.idle.Wait()
	err := l.writer.close()
	l.reads.close()
	return err
}

// Healthy returns why the ledger cannot keep anything now, or nil.
func (l *Ledger) Healthy() error { return l.writer.failure() }

// Settings implements ledger.Ledger.
func (l *Ledger) Settings(ctx context.Context, key ledger.Key) (*ledger.Settings, error) {
	a, err := l.lock(ctx, key)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	return a.row.settings, nil
}

// Reserve implements ledger.Ledger.
func (l *Ledger) Reserve(ctx context.Context, req ledger.Request) (*ledger.Reservation, error) {
	if l.writer.failure() != nil {
		return nil, ledger.ErrUnavailable
	}
	a, err := l.lockCounted(ctx, req.Key, req.Rules.Period, req.Now)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	a.lastUsed = req.Now.Unix()
	if req.Settings != a.row.settings {
		return nil, ledger.ErrStale
	}
	res := &ledger.Reservation{Key: req.Key, Rules: req.Rules}
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
		a.row.see(req.Now)
	}
	res.Commit = l.writer.admit(a, *h, isNew || !burst.Equal(a.state.Burst))
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
	a, err := l.lock(ctx, res.Key)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	credits := a.state.Credits
	done, ok := a.state.Settle(res.ID, actual.Amounts, res.Rules)
	if !ok {
		return nil
	}
	a.shrink()
	u := usageOf(done, actual)
	l.writer.end(res.Commit.(*ticket), &u, credits != a.state.Credits)
	return nil
}

// settlePassed counts what a request used that was not decided on.
func (l *Ledger) settlePassed(ctx context.Context, res *ledger.Reservation, p *passed, actual ledger.Actual) error {
	if !p.End() {
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
	done, _ := a.state.Settle(h.ID, actual.Amounts, nil)
	isNew := !a.row.known
	if isNew {
		a.row.see(h.At)
	}
	a.shrink()
	l.writer.count(a, usageOf(done, actual), isNew)
	return nil
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(ctx context.Context, res *ledger.Reservation) error {
	if p, ok := res.Commit.(*passed); ok {
		p.End()
		return nil
	}
	a, err := l.lock(ctx, res.Key)
	if err != nil {
		return err
	}
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

// lock returns the account of a key, locked, with its row read.
func (l *Ledger) lock(ctx context.Context, key ledger.Key) (*account, error) {
	s := l.shard(key)
	for {
		s.mu.Lock()
		a := s.accounts[key]
		if a == nil {
			a = &account{key: key}
			s.accounts[key] = a
		}
		s.mu.Unlock()

		a.mu.Lock()
		if a.gone {
			a.mu.Unlock()
			continue
		}
		if err := l.load(ctx, a); err != nil {
			a.mu.Unlock()
			return nil, err
		}
		return a, nil
	}
}

// lockCounted returns the account of a key, locked, with its usage in the current period
// read. It waits for what is still being written before it reads usage of a period that
// memory does not have, as happens when a project changes its period or the clock was set
// back.
func (l *Ledger) lockCounted(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	a, err := l.lockEntered(ctx, key, period, now)
	if err != nil {
		return nil, err
	}
	a.state.Advance(now)
	return a, nil
}

// lockEntered is lockCounted for a time that may be long past.
func (l *Ledger) lockEntered(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (*account, error) {
	for {
		a, err := l.lock(ctx, key)
		if err != nil {
			return nil, err
		}
		if a.counted && a.state.Period == period && !(a.ahead && !now.Before(period.End(a.state.Start))) {
			a.state.Enter(now)
			return a, nil
		}
		if pending := l.writer.pendingOf(a); pending != nil {
			a.mu.Unlock()
			if err := pending.Wait(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err := l.loadUsage(ctx, a, period, now); err != nil {
			a.mu.Unlock()
			return nil, err
		}
		a.state.Enter(now)
		return a, nil
	}
}

func (l *Ledger) shard(key ledger.Key) *shard {
	h := uint32(2166136261) // FNV-1a
	for i := range len(key.Identity) {
		h = (h ^ uint32(key.Identity[i])) * 16777619
	}
	return &l.shards[h%uint32(len(l.shards))]
}

// view returns a copy that its receiver may change.
func (a *account) view() *ledger.Account {
	v := &ledger.Account{
		Key: a.key, Known: a.row.known, Settings: a.row.settings,
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

func intern(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}
