package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// List implements ledger.Ledger.
func (l *Ledger) List(ctx context.Context, f ledger.Find) (ledger.Found, error) {
	if err := l.writer.awaitFold(ctx, l.writer.last()); err != nil {
		return ledger.Found{}, err
	}
	total, err := l.reads.total(ctx, f)
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("count identities", err)
	}
	page := l.reads.byName
	if f.Recent {
		page = l.reads.byRecent
	}
	found, err := page(ctx, f, total)
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	return found, nil
}

// total counts what matches.
func (r *reads) total(ctx context.Context, f ledger.Find) (n int, err error) {
	if f.Uncounted {
		return 0, nil
	}
	_, all, high := f.Range()
	stmt, args := r.count, []any{f.Project, all, high, f.Window(), f.Within()}
	if !f.Where.IsZero() {
		stmt, args = r.countWhere, append(args, whereParams(f.Where)...)
	}
	err = stmt.QueryRowContext(ctx, append(args, ledger.MaxCount+1)...).Scan(&n)
	return n, err
}

// byName returns a page in the order of the names.
func (r *reads) byName(ctx context.Context, f ledger.Find, total int) (ledger.Found, error) {
	low, _, high := f.Range()
	stmt, args := r.list, []any{f.Project, low, high, f.Window(), f.Within()}
	if !f.Where.IsZero() {
		stmt, args = r.listWhere, append(args, whereParams(f.Where)...)
	}
	rows, err := stmt.QueryContext(ctx, append(args, f.Limit+1, f.Offset)...)
	if err != nil {
		return ledger.Found{}, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	places := make([]ledger.Place, 0, f.Limit+1)
	for rows.Next() {
		var p ledger.Place
		if err := rows.Scan(&p.Name); err != nil {
			return ledger.Found{}, err
		}
		places = append(places, p)
	}
	var scanned ledger.Place
	if f.Scans() { // otherwise a page that is not full is the last one
		err = r.scanned.QueryRowContext(ctx, f.Project, low, high, 1, f.Window()-1).Scan(&scanned.Name)
	}
	return f.Page(places, scanned, total), errors.Join(rows.Err(), ifAny(err))
}

// byRecent returns a page in the order of the latest changes.
func (r *reads) byRecent(ctx context.Context, f ledger.Find, total int) (ledger.Found, error) {
	_, low, high := f.Range()
	from := []any{f.Project, int64(math.MaxInt64), ""}
	if f.After != "" {
		from = []any{f.Project, int64(microsOf(f.AfterAt)), f.After}
	}
	args := append(append(slices.Clone(from), ledger.MaxRecentScan, f.Within()), whereParams(f.Where)...)
	rows, err := r.recent.QueryContext(ctx, append(args, low, high, f.Limit+1)...)
	if err != nil {
		return ledger.Found{}, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var places []ledger.Place
	for rows.Next() {
		var name string
		var at micros
		if err := rows.Scan(&name, &at); err != nil {
			return ledger.Found{}, err
		}
		places = append(places, ledger.Place{Name: name, At: at.time()})
	}
	var scanned ledger.Place
	if f.Scans() {
		var at micros
		err = r.recentScanned.QueryRowContext(ctx, append(from, 1, ledger.MaxRecentScan-1)...).Scan(&scanned.Name, &at)
		scanned.At = at.time()
	}
	return f.Page(places, scanned, total), errors.Join(rows.Err(), ifAny(err))
}

// ifAny returns err unless it says that there is no row.
func ifAny(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// Accounts implements ledger.Ledger. Accounts in memory are read there. One query reads the others, which do not enter
// memory: nobody has used them lately.
func (l *Ledger) Accounts(ctx context.Context, keys []ledger.Key, period limit.Period, now time.Time) ([]ledger.Account, error) {
	out := make([]ledger.Account, len(keys))
	elsewhere := map[string][]int{} // by project, the places in keys
	for i, key := range keys {
		// The names go to the query as JSON, which cannot hold every name.
		if !l.inMemory(key) && utf8.ValidString(key.Identity) && !strings.Contains(key.Identity, "\x00") {
			elsewhere[key.Project] = append(elsewhere[key.Project], i)
			continue
		}
		a, err := l.Account(ctx, key, period, now)
		if err != nil {
			return nil, err
		}
		out[i] = a
	}
	for project, places := range elsewhere {
		read := make([]account, len(places))
		names := make([]string, len(places))
		for i, at := range places {
			read[i].key, names[i] = keys[at], keys[at].Identity
		}
		if err := l.readAll(ctx, project, names, read, period, now); err != nil {
			return nil, err
		}
		for i, at := range places {
			read[i].state.Advance(now)
			out[at] = *read[i].view()
		}
	}
	return out, nil
}

// inMemory reports whether the account of a key is in memory. If it is not, the tables have all of it.
func (l *Ledger) inMemory(key ledger.Key) bool {
	s, hash := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, packed := s.packed.places[hash]; packed {
		return true // or another key with the same hash, which costs only time
	}
	for at := hash; s.accounts[at] != nil; at++ {
		if s.accounts[at].key == key {
			return true
		}
	}
	return false
}

// readAll reads accounts of a project from the tables.
func (l *Ledger) readAll(ctx context.Context, project string, names []string, into []account, period limit.Period, now time.Time) error {
	list, err := json.Marshal(names)
	if err != nil {
		return err
	}
	rows, err := l.reads.accounts.QueryContext(ctx, project, string(list), ledger.HourOf(period.Start(now)))
	if err != nil {
		return ledger.Unavailable("read identities", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	found := make([]stored, len(into))
	var place int
	for rows.Next() {
		var r storedRow
		if err := rows.Scan(append([]any{&place}, r.columns()...)...); err != nil {
			return ledger.Unavailable("read identities", err)
		}
		found[place].add(&r, period, now)
	}
	if err := rows.Err(); err != nil {
		return ledger.Unavailable("read identities", err)
	}
	for i := range into {
		if err := found[i].into(&into[i], period, now); err != nil {
			return err
		}
	}
	return nil
}

// History implements ledger.Ledger.
func (l *Ledger) History(ctx context.Context, s ledger.Span) ([]ledger.Bucket, error) {
	if err := l.writer.awaitFold(ctx, l.writer.last()); err != nil {
		return nil, err
	}
	rows, err := l.reads.history.QueryContext(ctx, s.Key.Project, s.Key.Identity, s.From, s.To, s.Step, int64(s.Split))
	if err != nil {
		return nil, ledger.Unavailable("read the history of an identity", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var all []ledger.Bucket
	for rows.Next() {
		var b ledger.Bucket
		if err := rows.Scan(&b.Hour, &b.Name, &b.Amounts[limit.Requests], &b.Amounts[limit.Tokens], &b.Amounts[limit.Cost]); err != nil {
			return nil, ledger.Unavailable("read the history of an identity", err)
		}
		all = append(all, b)
	}
	if err := rows.Err(); err != nil {
		return nil, ledger.Unavailable("read the history of an identity", err)
	}
	return all, nil
}
