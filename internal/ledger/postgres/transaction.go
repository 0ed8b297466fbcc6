package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// transaction is one attempt to do something to accounts. It takes two round trips: lock
// brings what is to be decided on, commit takes away what came of it.
type transaction struct {
	l        *Ledger
	s        *session
	node     int64 // this one's id as of the beginning
	alive    bool  // it is still registered
	accounts []*account

	// unknown is set where the database was told to commit and has not said whether it did.
	commitUnknown bool
}

// want is an account to be locked, whole where its settings are needed too.
type want struct {
	key   ledger.Key
	whole bool
}

// begin connects, for as long as ctx lives. The caller closes the session.
func (l *Ledger) begin(ctx context.Context) (*transaction, error) {
	s, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &transaction{l: l, s: s, node: l.node.Load()}, nil
}

// locking says how a transaction takes its locks.
type locking struct {
	timeout string // as PostgreSQL writes it
	skip    bool   // what somebody else keeps locked is passed over
	also    func() // sends more statements, which see what the locks protect
	more    func() error
}

// lock makes the first round trip. The wants must be in the order of their keys.
func (t *transaction) lock(wants []want, how locking) error {
	keys := rowsOf(lockAccounts)
	t.accounts = make([]*account, len(wants))
	own := make([]account, len(wants))
	for i, w := range wants {
		own[i].key = w.key
		t.accounts[i] = &own[i]
		keys.row().text(w.key.Project, w.key.Identity).bool(w.whole)
	}
	t.s.send(begin)
	t.s.send(setUp, textParam(statementTimeout), textParam(how.timeout), intParam(t.node))
	if how.skip {
		t.s.sendTable(findAccounts, &keys)
		t.s.sendTable(lockFree, &keys)
	} else {
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

// loadAll reads what lock has asked for.
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

// moment is when, and in which period, an account is looked at.
type moment struct {
	account *account
	period  limit.Period
	now     time.Time
}

// advance brings the states of accounts to a moment of now, in its period. What that makes
// of a burst bucket far ahead of the clock is written, whatever is decided: it fills from
// then on, and not from each look at it.
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

// enter makes sure that the states of accounts are of a period, and have come to a moment.
// It needs a round trip where the sum is not of that period, as happens when a project
// changes its period.
func (t *transaction) enter(moments ...moment) error {
	for {
		var again []moment
		for _, m := range moments {
			switch a := m.account; {
			case a.summed && a.state.Period == m.period:
			case a.exists:
				again = append(again, m)
			default: // what has no row has used nothing
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

// restart makes the state one of a period, with what is about to be written in it. It goes
// back behind nothing that the account has come to, what runs included: what ends later
// must not find the state in a time before its own.
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
		if u := &a.used[i]; !hourTime(u.hour).Before(a.state.Start) {
			used.Add(u.model, u.counted, u.credited)
		}
	}
	a.state.Used = used.Used
}

// sum reads what accounts have used in a period. Where there is usage of a later one, the
// clock having been set back, it is that one that goes on.
func (t *transaction) sum(moments []moment) error {
	keys := rowsOf(sumUsage)
	tallies := make([]limit.Tally, len(moments))
	for i := range moments {
		m := &moments[i]
		m.account.restart(*m)
		tallies[i].Used = m.account.state.Used
		keys.row().text(m.account.key.Project, m.account.key.Identity).int(hourOf(m.account.state.Start))
	}
	t.s.sendTable(sumUsage, &keys)
	if err := t.s.sync(); err != nil {
		return err
	}
	var late []moment
	if err := t.s.each(func(r *record) {
		i := r.int() - 1
		m, a := &moments[i], moments[i].account
		model, latest := unescape(r.text()), hourTime(r.int())
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

// latestOf leaves one moment an account, the latest.
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

// part is what is to be done to some rows.
type part struct {
	do statement
	to *table
}

// write sends what became of the accounts and what else there is to do, and returns with how
// many statements. But that accounts must be there, none of them depends on another.
func (t *transaction) write(more ...part) (statements int) {
	var (
		born, rows        = rowsOf(insertAccounts), rowsOf(updateAccounts)
		open, slack, gone = rowsOf(openHolds), rowsOf(updateHolds), rowsOf(closeHolds)
		used, passed      = rowsOf(addUsage), rowsOf(insertPassed)
	)
	for _, a := range t.accounts {
		switch {
		case !a.changed:
		case a.exists:
			a.writeRow(&rows)
		default:
			a.writeRow(&born)
		}
		t.compareHolds(a, &open, &slack, &gone)
		for i := range a.used {
			a.writeUsage(&used, &a.used[i])
		}
		for _, id := range a.passedIDs {
			passed.row().text(a.key.Project, passedKey(id)).int(time.Now().UnixMicro())
		}
	}
	// New accounts come before all else: who waits for one that another makes too must hold no
	// row of usage.
	if born.rows > 0 {
		t.s.sendTable(insertAccounts, &born)
		statements++
	}
	// What is done to one row comes before pointed, which its plan must not be made under.
	parts := append([]part{{updateAccounts, &rows}, {openHolds, &open}, {updateHolds, &slack}, {closeHolds, &gone},
		{addUsage, &used}, {insertPassed, &passed}}, more...)
	slices.SortStableFunc(parts, func(a, b part) int { return min(a.to.rows, 2) - min(b.to.rows, 2) })
	arePointed := false
	for _, p := range parts {
		if p.to.rows == 0 {
			continue
		}
		if p.to.rows > 1 && !arePointed {
			t.s.send(bitmapScans)
			arePointed = true
			statements++
		}
		t.s.sendTable(p.do, p.to)
		statements++
	}
	return statements
}

// compareHolds finds which holds came, which went, and which gave something of their place
// in the burst bucket to those after them. What came and went in between is not there.
func (t *transaction) compareHolds(a *account, open, slack, gone *table) {
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
		gone.row().text(a.key.Project, a.key.Identity).int(int64(id))
	}
}

// commit makes the second round trip, with that many statements sent.
func (t *transaction) commit(statements int) error {
	t.s.send(commit)
	err := t.s.sync()
	if err == nil {
		err = t.s.done(statements + 1)
	}
	// What the server calls an error has undone everything. A connection that broke, the
	// server's last words on it included, may have done so after the commit.
	refused, ok := errors.AsType[*pgconn.PgError](err)
	t.commitUnknown = err != nil && (!ok || isFatal(refused))
	return err
}

func isFatal(e *pgconn.PgError) bool {
	return e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
}

// kind of failure of a transaction.
type failure int

const (
	unavailable  failure = iota // the database, or its will to do this
	disconnected                // the connection: another one may do
	conflicted                  // with another transaction: again
	lockTimedOut                // too long for a lock
	rejected                    // what one of the calls would write, now and ever
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
	case "40001", "40P01", "23505": // serialization failure, deadlock, a row that another made first
		return conflicted
	case "26000", "42P05", "0A000": // a prepared statement is not there, is there already, or was made for another table
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

// errNodeGone is for a node that was declared dead and has a new id now.
var errNodeGone = errors.New("this node had been declared dead")
