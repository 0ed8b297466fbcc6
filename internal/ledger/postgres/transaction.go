package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// transaction is one attempt to decide on accounts. It takes two round trips: lock reads the
// accounts, commit writes the decisions.
type transaction struct {
	l        *Ledger
	s        *session
	node     int64 // this node's id when the transaction began
	alive    bool  // the node is still registered
	accounts []*account

	// commitUnknown is set if a commit was sent and the database has not answered.
	commitUnknown bool
}

// want is an account to lock. If whole is true, its settings are read too.
type want struct {
	key   ledger.Key
	whole bool
}

// begin connects until ctx ends. The caller closes the session.
func (l *Ledger) begin(ctx context.Context) (*transaction, error) {
	s, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &transaction{l: l, s: s, node: l.node.Load()}, nil
}

// locking says how a transaction takes its locks.
type locking struct {
	timeout string       // in PostgreSQL's format
	skip    bool         // do not wait for rows that another session keeps locked
	none    bool         // lock nothing, only read
	also    func()       // sends more statements, which run after the rows are locked
	more    func() error // reads their results
}

// lock makes the first round trip. wants must be in the order of their keys, unless nothing is locked.
func (t *transaction) lock(wants []want, how locking) error {
	keys := rowsOf(lockAccounts)
	t.accounts = make([]*account, len(wants))
	own := make([]account, len(wants))
	for i, w := range wants {
		own[i].key = w.key
		t.accounts[i] = &own[i]
		keys.row().text(w.key.Project, w.key.Identity).bool(w.whole)
	}
	if how.none {
		t.s.send(beginRead)
	} else {
		t.s.send(begin)
	}
	t.s.send(setUp, textParam(statementTimeout), textParam(how.timeout), intParam(t.node))
	switch {
	case how.none:
		t.s.sendTable(readAccounts, &keys)
	case how.skip:
		t.s.sendTable(findAccounts, &keys)
		t.s.sendTable(lockFree, &keys)
	default:
		t.s.sendTable(lockAccounts, &keys)
	}
	t.s.sendTable(readHolds, &keys)
	if how.also != nil {
		how.also()
	}
	if err := t.s.sync(); err != nil {
		return err
	}
	return t.loadAll(how)
}

// loadAll reads the results of the statements that lock sent.
func (t *transaction) loadAll(how locking) error {
	if err := t.s.each(nil); err != nil {
		return err
	}
	if err := t.s.each(func(r *record) {
		t.alive = r.bool()
		t.s.setServerProcess(r.int())
	}); err != nil {
		return err
	}
	if how.skip {
		if err := t.s.each(func(r *record) { t.accounts[r.int()-1].blocked = true }); err != nil {
			return err
		}
	}
	if err := t.s.each(func(r *record) {
		a := t.accounts[r.int()-1]
		a.blocked = false
		a.load(r)
	}); err != nil {
		return err
	}
	if err := t.s.each(func(r *record) { t.accounts[r.int()-1].loadHold(r) }); err != nil {
		return err
	}
	if how.more != nil {
		if err := how.more(); err != nil {
			return err
		}
	}
	return t.s.done(0)
}

// moment is a time and a period to which an account is moved.
type moment struct {
	account *account
	period  limit.Period
	now     time.Time
}

// advance moves accounts to the current moment. If this changes a burst bucket that was far
// ahead of the clock, the row is written whatever is decided: otherwise the bucket would be
// emptied again at each decision and never refill.
func (t *transaction) advance(moments ...moment) error {
	err := t.enter(moments...)
	for _, m := range moments {
		a := m.account
		burst := a.state.Burst
		a.state.Advance(m.now)
		a.changed = a.changed || !burst.Equal(a.state.Burst)
	}
	return err
}

// enter moves accounts to a moment, which may be in the past, in the period of the moment. It
// needs another round trip if the usage was summed for another period, for example after a
// project has changed its period.
func (t *transaction) enter(moments ...moment) error {
	for {
		var again []moment
		for _, m := range moments {
			switch a := m.account; {
			case a.summed && a.state.Period == m.period:
			case a.exists:
				again = append(again, m)
			default: // an account without a row has used nothing
				a.restart(m)
			}
		}
		if len(again) == 0 {
			break
		}
		if err := t.sum(again); err != nil {
			return err
		}
	}
	for _, m := range moments {
		s := &m.account.state
		start := s.Start
		s.Enter(m.now)
		m.account.newPeriod = m.account.newPeriod || !s.Start.Equal(start)
	}
	return nil
}

// restart begins a period with the usage that this transaction will write. The period does
// not begin before the account's current period or before the period of a hold: a request
// that ends later must not find the state in an earlier period than its own.
func (a *account) restart(m moment) {
	at := m.now
	if a.summed && a.state.Start.After(at) {
		at = a.state.Start
	}
	for i := range a.state.Holds {
		if h := &a.state.Holds[i]; h.At.After(at) {
			at = h.At
		}
	}
	a.summed, a.changed = true, a.changed || a.exists
	a.state.Period, a.state.Start = m.period, m.period.Start(at)
	var used limit.Tally
	for i := range a.used {
		if u := &a.used[i]; !ledger.HourTime(u.Hour).Before(a.state.Start) {
			used.Add(u.Model, u.Counted, u.Credited)
		}
	}
	a.state.Used = used.Used
}

// sum reads the usage of accounts in a period. If the clock was set back and there is usage
// of a later period, the account stays in the later one.
func (t *transaction) sum(moments []moment) error {
	keys := rowsOf(sumUsage)
	tallies := make([]limit.Tally, len(moments))
	for i := range moments {
		m := &moments[i]
		m.account.restart(*m)
		tallies[i].Used = m.account.state.Used
		keys.row().text(m.account.key.Project, m.account.key.Identity).int(ledger.HourOf(m.account.state.Start))
	}
	t.s.sendTable(sumUsage, &keys)
	if err := t.s.sync(); err != nil {
		return err
	}
	var late []moment
	if err := t.s.each(func(r *record) {
		i := r.int() - 1
		m, a := &moments[i], moments[i].account
		model, latest := ledger.UnescapeName(r.text()), ledger.HourTime(r.int())
		total, credited := r.amounts(), r.amounts()
		tallies[i].Add(model, total.Sub(credited), credited)
		if !latest.Before(m.period.End(a.state.Start)) {
			late = append(late, moment{a, m.period, latest})
		}
	}); err != nil {
		return err
	}
	if err := t.s.done(0); err != nil {
		return err
	}
	for i := range moments {
		moments[i].account.state.Used = tallies[i].Used
	}
	if len(late) > 0 {
		return t.sum(latestOf(late))
	}
	return nil
}

// latestOf returns the latest moment of each account.
func latestOf(moments []moment) []moment {
	var one []moment
next:
	for _, m := range moments {
		for i := range one {
			if one[i].account == m.account {
				if m.now.After(one[i].now) {
					one[i] = m
				}
				continue next
			}
		}
		one = append(one, m)
	}
	return one
}

// part is a statement and the rows of its parameters.
type part struct {
	do statement
	to *table
}

// write sends the changes of the accounts and more statements, and returns how many it sent.
// New accounts must be inserted first; otherwise no statement depends on another.
func (t *transaction) write(more ...part) (statements int) {
	var (
		newRows, rows       = rowsOf(insertAccounts), rowsOf(updateAccounts)
		open, slack, closed = rowsOf(openHolds), rowsOf(updateHolds), rowsOf(closeHolds)
		used, passed        = rowsOf(addUsage), rowsOf(insertPassed)
		pending             = rowsOf(insertPending)
		forRollup           rollup.Writer
	)
	for _, a := range t.accounts {
		switch {
		case !a.changed:
		case a.exists:
			a.writeRow(&rows)
		default:
			a.writeRow(&newRows)
		}
		t.compareHolds(a, &open, &slack, &closed)
		for i := range a.used {
			a.writeUsage(&used, &a.used[i])
		}
		for _, id := range a.passedIDs {
			passed.row().text(a.key.Project, passedKey(id)).int(time.Now().UnixMicro())
		}
		a.rollUp(&forRollup)
	}
	if b := forRollup.Bytes(); len(b) > 0 {
		pending.row().bytes(b)
	}
	// New accounts come first: a transaction that waits for another to insert the same account
	// must not hold a lock on a row of usage.
	if newRows.rows > 0 {
		t.s.sendTable(insertAccounts, &newRows)
		statements++
	}
	// Statements for one row come before bitmapScans, which must not affect their plans.
	parts := append([]part{{updateAccounts, &rows}, {openHolds, &open}, {updateHolds, &slack}, {closeHolds, &closed},
		{addUsage, &used}, {insertPassed, &passed}, {insertPending, &pending}}, more...)
	slices.SortStableFunc(parts, func(a, b part) int { return min(a.to.rows, 2) - min(b.to.rows, 2) })
	bitmapsAllowed := false
	for _, p := range parts {
		if p.to.rows == 0 {
			continue
		}
		if p.to.rows > 1 && !bitmapsAllowed {
			t.s.send(bitmapScans)
			bitmapsAllowed = true
			statements++
		}
		t.s.sendTable(p.do, p.to)
		statements++
	}
	return statements
}

// compareHolds finds the holds to insert, those to delete and those whose slack has changed.
// A hold that was opened and closed in this transaction is none of them.
func (t *transaction) compareHolds(a *account, open, slack, closed *table) {
	if len(a.loaded) == 0 && len(a.state.Holds) == 0 {
		return
	}
	before := make(map[uint64]time.Duration, len(a.loaded))
	for _, h := range a.loaded {
		before[h.id] = h.slack
	}
	for i := range a.state.Holds {
		h := &a.state.Holds[i]
		was, stays := before[h.ID]
		delete(before, h.ID)
		switch is := h.Terms().Slack; {
		case !stays:
			a.writeHold(open, h, t.node)
		case is != was:
			slack.row().text(a.key.Project, a.key.Identity).int(int64(h.ID), int64(is))
		}
	}
	for id := range before {
		closed.row().text(a.key.Project, a.key.Identity).int(int64(id))
	}
}

// commit makes the second round trip. statements is how many were sent before it.
func (t *transaction) commit(statements int) error {
	t.s.send(commit)
	err := t.s.sync()
	if err == nil {
		err = t.s.done(statements + 1)
	}
	// An error that the server reports has rolled back everything. A connection that broke, or
	// that the server ended with a fatal error, may have done so after the commit.
	refused, ok := errors.AsType[*pgconn.PgError](err)
	t.commitUnknown = err != nil && (!ok || isFatal(refused))
	return err
}

func isFatal(e *pgconn.PgError) bool {
	return e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
}

// failure is the kind of a transaction's failure.
type failure int

const (
	unavailable  failure = iota // the database cannot be reached, or cannot do this now
	disconnected                // the connection is broken: another one may work
	conflicted                  // with another transaction: retry
	lockTimedOut                // another session keeps a lock for too long
	rejected                    // the database will never accept the data of one of the calls
)

// failureOf says what an error means for the next attempt.
func failureOf(err error) failure {
	if errors.Is(err, errNodeGone) {
		return conflicted
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return unavailable
	}
	if _, ok := errors.AsType[*connectError](err); ok {
		return unavailable
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || isFatal(e) {
		return disconnected
	}
	switch e.Code {
	case "40001", "40P01", "23505": // serialization failure, deadlock, a row that another transaction inserted first
		return conflicted
	case "26000", "42P05", "0A000": // a prepared statement is missing, exists already, or was prepared for another table
		return disconnected
	case "55P03": // lock not available
		return lockTimedOut
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "22", "23", "54": // data exception, integrity constraint violation, program limit exceeded
		return rejected
	}
	return unavailable
}

// errNodeGone means that this node was declared dead. It goes on under a new id.
var errNodeGone = errors.New("this node was declared dead")
