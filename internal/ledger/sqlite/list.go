package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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
	low, all, high := f.Range()
	var total int
	err := l.reads.count.QueryRowContext(ctx, f.Project, all, high, ledger.MaxScan, f.Within(), ledger.MaxCount+1).Scan(&total)
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("count identities", err)
	}
	rows, err := l.reads.list.QueryContext(ctx, f.Project, low, high, ledger.MaxScan, f.Within(), f.Limit+1, f.Offset)
	if err != nil {
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	names := make([]string, 0, f.Limit+1)
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return ledger.Found{}, ledger.Unavailable("list identities", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return ledger.Found{}, ledger.Unavailable("list identities", err)
	}
	scanned := ""
	if f.Within() != "" && len(names) <= f.Limit { // otherwise a page that is not full is the last one
		err := l.reads.scanned.QueryRowContext(ctx, f.Project, low, high, ledger.MaxScan-1).Scan(&scanned)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return ledger.Found{}, ledger.Unavailable("list identities", err)
		}
	}
	return f.Page(names, scanned, total), nil
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
