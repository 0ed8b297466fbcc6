package store

import (
	"context"
	"database/sql"
	"fmt"
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

// ofProjects are the tables with rows of projects, and their keys. Holds are not among them: each ends, of a deleted
// project too, and becomes usage.
var ofProjects = []struct{ table, key string }{
	{"idempotency", "project_id, key"},
	{"audit", "project_id, identity, id"},
	{"usage", "project_id, identity, hour, model, tier, kind"},
	{"identities", "project_id, identity"},
}

// Prune removes what is of no use any more: answers to calls with an Idempotency-Key that are older than [OnceFor], and all
// that is kept of deleted projects. It goes on in small batches until nothing is left, or returns where another node is
// at it, and how many rows it has removed.
func (db *DB) Prune(ctx context.Context, now time.Time) (removed int64, err error) {
	p := pruner{db: db}
	err = p.batches(ctx, `DELETE FROM idempotency WHERE (project_id, key) IN
		(SELECT project_id, key FROM idempotency WHERE created_at < $1 LIMIT $2)`, now.Add(-OnceFor).UnixMicro(), pruneBatch)
	for _, t := range ofProjects {
		if err == nil {
			err = p.deleted(ctx, t.table, t.key)
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

// deleted removes the rows of projects that are no more from a table. It steps from project to project by the index, not
// from row to row. A project with running requests is left for the next time.
func (p *pruner) deleted(ctx context.Context, table, key string) error {
	for last := ""; ; {
		var next sql.NullString
		err := p.db.Read.QueryRowContext(ctx, `SELECT min(project_id) FROM `+table+` WHERE project_id > $1`, last).Scan(&next)
		if err != nil || !next.Valid {
			return err
		}
		last = next.String
		err = p.batches(ctx, `DELETE FROM `+table+` WHERE (`+key+`) IN (SELECT `+key+` FROM `+table+` WHERE project_id = $1
			AND NOT EXISTS (SELECT 1 FROM projects WHERE id = $1)
			AND NOT EXISTS (SELECT 1 FROM holds WHERE project_id = $1) LIMIT $2)`, last, pruneBatch)
		if err != nil {
			return err
		}
	}
}

// batches repeats a statement until it finds less than a batch.
func (p *pruner) batches(ctx context.Context, statement string, args ...any) error {
	for !p.busy {
		n, err := p.batch(ctx, statement, args...)
		p.removed += n
		if err != nil || n < pruneBatch {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(prunePause):
		}
	}
	return nil
}

func (p *pruner) batch(ctx context.Context, statement string, args ...any) (int64, error) {
	tx, err := p.db.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if p.db.Pool != nil {
		var mine bool
		if err := tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, pruneLock).Scan(&mine); err != nil || !mine {
			p.busy = !mine
			return 0, err
		}
	}
	res, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, err // and nothing to commit
	}
	return n, tx.Commit()
}
