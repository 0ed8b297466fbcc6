package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

const (
	// PruneInterval is how often a serving process should call [DB.Prune].
	PruneInterval = 10 * time.Minute
	// OnceFor is how long a repeated call with an Idempotency-Key gets the first call's answer.
	OnceFor = 24 * time.Hour

	// signInsFor is how long a request to sign in is kept: the wrong codes of a day count, and a request lives a little.
	signInsFor = 25 * time.Hour
	// invitationsFor is how long an invitation is shown, and can be sent again, after it has ended.
	invitationsFor = 30 * 24 * time.Hour

	// operationsFor is how long an operation is kept after it has ended.
	operationsFor = 30 * 24 * time.Hour

	// Batches are small and followed by a pause, so that other transactions hardly wait for them.
	pruneBatch = 500
	prunePause = 20 * time.Millisecond
)

// pruneLock is the advisory lock of the node that prunes PostgreSQL.
const pruneLock = migrationLock + 1

// removable describes rows to remove: the rows of a table for which a condition on $1 holds. They are removed in the
// order of key, which follows the condition's columns in an index. Each batch begins where the previous one ended, so
// that it does not read dead rows that a vacuum has yet to remove.
type removable struct {
	table, where string
	arg          any
	key          []string
}

// oldAnswers are the answers to calls with an Idempotency-Key that were stored before an instant.
func oldAnswers(before time.Time) removable {
	return removable{"idempotency", "created_at < $1", before.UnixMicro(), []string{"created_at", "project_id", "key"}}
}

// outdated are the rows that time alone makes obsolete.
func outdated(now time.Time) []removable {
	return []removable{
		oldAnswers(now.Add(-OnceFor)),
		{"sign_ins", "created_at < $1", now.Add(-signInsFor).UnixMicro(), []string{"created_at", "id"}},
		{"sessions", "expires_at < $1", now.UnixMicro(), []string{"expires_at", "hash"}},
		{"near_limits", "resets_at < $1", now.UnixMicro(), []string{"resets_at", "project_id", "identity", "metric", "scope", "model"}},
		{"security_counts", "hour < $1", ledger.HourOf(now.Add(-countsFor)), []string{"hour", "project_id", "category", "rule", "blocked"}},
		{"invitations", "expires_at < $1", now.Add(-invitationsFor).UnixMicro(), []string{"expires_at", "id"}},
		{"operations", "state NOT IN ('preparing', 'running') AND updated_at < $1", now.Add(-operationsFor).UnixMicro(), []string{"updated_at", "project_id", "id"}},
	}
}

// projectTables are the tables with a project_id, and the rest of their keys. Holds are left out: every hold ends, even
// of a deleted project, and becomes usage.
func (db *DB) projectTables() []removable {
	entry := []string{"identity", "id"}
	if db.Pool == nil {
		entry = []string{"identity", "at", "id"} // as in SQLite's index
	}
	return []removable{
		{table: "idempotency", key: []string{"key"}},
		{table: "audit", key: entry},
		{table: "usage", key: []string{"identity", "hour", "model", "tier", "kind"}},
		{table: "identities", key: []string{"identity"}},
		{table: "operations", key: []string{"id"}},
		{table: "operation_batches", key: []string{"operation_id", "n"}},
		{table: "usage_total", key: []string{"hour"}},
		{table: "usage_hour", key: []string{"split", "hour", "key"}},
		{table: "usage_day", key: []string{"split", "day", "key"}},
		{table: "active_hour", key: []string{"hour"}},
		{table: "active_day", key: []string{"day"}},
		{table: "top_open", key: []string{"day"}},
		{table: "top_day", key: []string{"metric", "day"}},
		{table: "refusals", key: []string{"hour", "code", "metric", "model", "tier"}},
		{table: "refused_identities", key: []string{"hour"}},
		{table: "near_limits", key: []string{"identity", "metric", "scope", "model"}},
		{table: "rollup_projects", key: []string{"project_id"}},
		{table: "security_events", key: []string{"identity", "hour", "category", "rule", "blocked"}},
		{table: "security_counts", key: []string{"hour", "category", "rule", "blocked"}},
	}
}

// ofDeleted are the rows of a project if it is deleted and has no holds. A project with running requests is left for the
// next run.
func (d removable) ofDeleted(project string) removable {
	d.arg, d.where = project, `project_id = $1 AND NOT EXISTS (SELECT 1 FROM projects WHERE id = $1)
		AND NOT EXISTS (SELECT 1 FROM holds WHERE project_id = $1)`
	return d
}

// end returns the statement that finds the key of a full batch's last row. It finds none if the batch is not full.
func (d removable) end(after []any) (statement string, args []any) {
	where, args := d.between(after, nil)
	key := strings.Join(d.key, ", ")
	return fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE %[3]s ORDER BY %[1]s LIMIT 1 OFFSET %[4]d`, key, d.table, where, pruneBatch-1), args
}

// remove returns the statement that removes a batch: the rows after one key, up to another key or to the last row.
func (d removable) remove(after, upTo []any) (statement string, args []any) {
	where, args := d.between(after, upTo)
	return fmt.Sprintf(`DELETE FROM %s WHERE %s`, d.table, where), args
}

func (d removable) between(after, upTo []any) (where string, args []any) {
	where, args = d.where, []any{d.arg}
	for _, bound := range []struct {
		is  string
		key []any
	}{{">", after}, {"<=", upTo}} {
		if bound.key == nil {
			continue
		}
		var values []string
		for _, v := range bound.key {
			args = append(args, v)
			values = append(values, fmt.Sprint("$", len(args)))
		}
		where += fmt.Sprintf(" AND (%s) %s (%s)", strings.Join(d.key, ", "), bound.is, strings.Join(values, ", "))
	}
	return where, args
}

// Prune removes answers to calls with an Idempotency-Key that are older than [OnceFor], requests to sign in, sessions,
// invitations and operations that have ended, limits of past periods, old counts of security events, and the rows of deleted projects. It removes small batches until none
// is left, and returns early if another node prunes. It returns how many rows it has removed.
func (db *DB) Prune(ctx context.Context, now time.Time) (removed int64, err error) {
	p := pruner{db: db}
	for _, d := range outdated(now) {
		if err == nil {
			err = p.remove(ctx, d)
		}
	}
	for _, d := range db.projectTables() {
		if err == nil {
			err = p.deleted(ctx, d)
		}
	}
	if err != nil {
		return p.removed, fmt.Errorf("prune: %w", err)
	}
	return p.removed, nil
}

type pruner struct {
	db      *DB
	removed int64
	busy    bool // another node prunes
}

// nextProject skips from project to project by the index, without reading every row. It ends at a deleted project, or
// after $2 skips. One statement for all of them saves a round trip for each existing project.
const nextProject = `WITH RECURSIVE skips (id, n) AS (
		SELECT min(project_id), 1 FROM %[1]s WHERE project_id > $1
		UNION ALL
		SELECT (SELECT min(project_id) FROM %[1]s WHERE project_id > skips.id), n + 1 FROM skips
		WHERE n < $2 AND EXISTS (SELECT 1 FROM projects WHERE projects.id = skips.id))
	SELECT max(id) FROM skips`

// maxSkips bounds nextProject to a few milliseconds.
const maxSkips = 1000

// deleted removes the rows of deleted projects from a table.
func (p *pruner) deleted(ctx context.Context, d removable) error {
	for last := ""; !p.busy; {
		var next sql.NullString
		err := p.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
			return q.QueryRowContext(ctx, fmt.Sprintf(nextProject, d.table), last, maxSkips).Scan(&next)
		})
		if err != nil || !next.Valid {
			return err
		}
		last = next.String
		if err := p.remove(ctx, d.ofDeleted(last)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes batch after batch, with a pause between them.
func (p *pruner) remove(ctx context.Context, d removable) error {
	for last, first := []any(nil), true; first || last != nil && !p.busy; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(prunePause):
			}
		}
		n, end, err := p.batch(ctx, d, last)
		if err != nil {
			return err
		}
		p.removed += n
		last = end
	}
	return nil
}

// batch removes the rows after a key. If more rows may follow, it returns the key of the last row it removed.
func (p *pruner) batch(ctx context.Context, d removable, after []any) (removed int64, last []any, err error) {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := p.db.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if p.db.Pool != nil {
		var mine bool
		var setting string
		// Without statistics the planner might choose a sequential scan of the whole table.
		err := tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1), set_config('enable_seqscan', 'off', true)`, pruneLock).Scan(&mine, &setting)
		if err != nil || !mine {
			p.busy = !mine
			return 0, nil, err
		}
	}
	last = make([]any, len(d.key))
	places := make([]any, len(last))
	for i := range last {
		places[i] = &last[i]
	}
	statement, args := d.end(after)
	if err := tx.QueryRowContext(ctx, statement, args...).Scan(places...); errors.Is(err, sql.ErrNoRows) {
		last = nil
	} else if err != nil {
		return 0, nil, err
	}
	statement, args = d.remove(after, last)
	res, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, nil, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, nil, err // there is nothing to commit
	}
	return n, last, tx.Commit()
}
