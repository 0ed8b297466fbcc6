package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// PruneInterval is how often a serving process should call [DB.Prune].
	PruneInterval = 10 * time.Minute
	// OnceFor is how long a repetition of a call with an Idempotency-Key gets the first one's answer.
	OnceFor = 24 * time.Hour

	// A batch is small enough that nobody waits for it noticeably, and leaves the database to others for the pause.
	pruneBatch = 500
	prunePause = 20 * time.Millisecond
)

// pruneLock is the advisory lock of the node that prunes a PostgreSQL.
const pruneLock = migrationLock + 1

// doomed are rows that are of no use any more: those of a table where a condition on $1 holds. They go in the order of
// key, which an index has after what the condition compares: a batch begins after the last one's end, so that none walks
// over what the earlier ones have left until a vacuum.
type doomed struct {
	table, where string
	arg          any
	key          []string
}

// old are answers to calls with an Idempotency-Key from before an instant.
func old(before time.Time) doomed {
	return doomed{"idempotency", "created_at < $1", before.UnixMicro(), []string{"created_at", "project_id", "key"}}
}

// ofProjects are the tables with rows of projects, and their keys beside it. Holds are not among them: each ends, of a
// deleted project too, and becomes usage.
func (db *DB) ofProjects() []doomed {
	entry := []string{"identity", "id"}
	if db.Pool == nil {
		entry = []string{"identity", "at", "id"} // as its index there has them
	}
	return []doomed{
		{table: "idempotency", key: []string{"key"}},
		{table: "audit", key: entry},
		{table: "usage", key: []string{"identity", "hour", "model", "tier", "kind"}},
		{table: "identities", key: []string{"identity"}},
	}
}

// of are the rows of a project if it is no more. One with running requests is left for the next time.
func (d doomed) of(project string) doomed {
	d.arg, d.where = project, `project_id = $1 AND NOT EXISTS (SELECT 1 FROM projects WHERE id = $1)
		AND NOT EXISTS (SELECT 1 FROM holds WHERE project_id = $1)`
	return d
}

// end returns the statement that finds the key of a batch's last row, if there is more than the batch.
func (d doomed) end(after []any) (statement string, args []any) {
	where, args := d.between(after, nil)
	key := strings.Join(d.key, ", ")
	return fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE %[3]s ORDER BY %[1]s LIMIT 1 OFFSET %[4]d`, key, d.table, where, pruneBatch-1), args
}

// remove returns the statement that removes a batch: what comes after a key, up to another or to the last.
func (d doomed) remove(after, upTo []any) (statement string, args []any) {
	where, args := d.between(after, upTo)
	return fmt.Sprintf(`DELETE FROM %s WHERE %s`, d.table, where), args
}

func (d doomed) between(after, upTo []any) (where string, args []any) {
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

// Prune removes what is of no use any more: answers to calls with an Idempotency-Key that are older than [OnceFor], and all
// that is kept of deleted projects. It goes on in small batches until nothing is left, or returns where another node is
// at it, and how many rows it has removed.
func (db *DB) Prune(ctx context.Context, now time.Time) (removed int64, err error) {
	p := pruner{db: db}
	err = p.remove(ctx, old(now.Add(-OnceFor)))
	for _, d := range db.ofProjects() {
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

// nextProject leaps from project to project by the index, not from row to row, and ends at one that is no more, or after
// $2 leaps at one that is: to ask about each in a statement of its own would be a round trip for every living project.
const nextProject = `WITH RECURSIVE leaps (id, n) AS (
		SELECT min(project_id), 1 FROM %[1]s WHERE project_id > $1
		UNION ALL
		SELECT (SELECT min(project_id) FROM %[1]s WHERE project_id > leaps.id), n + 1 FROM leaps
		WHERE n < $2 AND EXISTS (SELECT 1 FROM projects WHERE projects.id = leaps.id))
	SELECT max(id) FROM leaps`

// mostLeaps is so few that they take a few milliseconds.
const mostLeaps = 1000

// deleted removes the rows of projects that are no more from a table.
func (p *pruner) deleted(ctx context.Context, d doomed) error {
	for last := ""; !p.busy; {
		var next sql.NullString
		err := p.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
			return q.QueryRowContext(ctx, fmt.Sprintf(nextProject, d.table), last, mostLeaps).Scan(&next)
		})
		if err != nil || !next.Valid {
			return err
		}
		last = next.String
		if err := p.remove(ctx, d.of(last)); err != nil {
			return err
		}
	}
	return nil
}

// remove goes on from batch to batch until the last.
func (p *pruner) remove(ctx context.Context, d doomed) error {
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

// batch removes the rows after one, and returns the key of the last of them where there may be more.
func (p *pruner) batch(ctx context.Context, d doomed, after []any) (removed int64, last []any, err error) {
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
		// However little the planner knows of a table, it is not to be read through.
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
		return 0, nil, err // and nothing to commit
	}
	return n, last, tx.Commit()
}
