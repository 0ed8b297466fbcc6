package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
)

const (
	// prepareFor is how long the batches of an operation may take to be stored. A call that takes longer has died.
	prepareFor = 10 * time.Minute
	// waitFor is how long a batch may wait. It is less than OnceFor: a batch that was applied just before a crash is
	// recognised as long as its answer is kept.
	waitFor = OnceFor - 4*time.Hour
)

const operationColumns = `project_id, id, definition, fingerprint, state, matched, applied, failed, next, problems, created_at, updated_at`

// scanOperation reads a row of operationColumns.
func scanOperation(row interface{ Scan(into ...any) error }) (o operation.Operation, err error) {
	var definition, problems string
	var fingerprint []byte
	var created, updated int64
	err = row.Scan(&o.Project, &o.ID, &definition, &fingerprint, &o.State, &o.Matched, &o.Applied, &o.Failed, &o.Next, &problems, &created, &updated)
	if err == nil {
		err = errors.Join(json.Unmarshal([]byte(definition), &o.Definition), json.Unmarshal([]byte(problems), &o.Problems))
	}
	copy(o.Fingerprint[:], fingerprint)
	o.CreatedAt, o.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return o, err
}

// CreateOperation stores an operation without batches, in the state Preparing. If there is one with this id, it returns that
// one and false.
func (s *Store) CreateOperation(ctx context.Context, o operation.Operation) (now operation.Operation, created bool, err error) {
	definition, err := json.Marshal(o.Definition)
	if err != nil {
		return o, false, fmt.Errorf("create an operation: %w", err)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO operations (project_id, id, definition, fingerprint, state, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (project_id, id) DO NOTHING`,
			o.Project, o.ID, string(definition), o.Fingerprint[:], operation.Preparing, o.CreatedAt.UnixMicro())
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if created = n == 1; err != nil {
			return err
		}
		now, err = operationOf(ctx, tx, o.Project, o.ID)
		return err
	})
	if err != nil {
		err = fmt.Errorf("create an operation: %w", err)
	}
	return now, created, err
}

func operationOf(ctx context.Context, q queryer, project, id string) (operation.Operation, error) {
	o, err := scanOperation(q.QueryRowContext(ctx, queryOperation, project, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = operation.ErrUnknown
	}
	return o, err
}

// Operation returns an operation, or [operation.ErrUnknown].
func (s *Store) Operation(ctx context.Context, project, id string) (o operation.Operation, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		o, err = operationOf(ctx, q, project, id)
		return err
	})
	return o, err
}

// AddBatches stores batches of an operation, from the number n on.
func (s *Store) AddBatches(ctx context.Context, project, id string, n int64, batches [][]json.RawMessage) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		for i, items := range batches {
			var text strings.Builder // json.Marshal would write the items' < in another way
			list := json.NewEncoder(&text)
			list.SetEscapeHTML(false)
			if err := list.Encode(items); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO operation_batches (project_id, operation_id, n, items) VALUES ($1, $2, $3, $4)`,
				project, id, n+int64(i), text.String())
			if err != nil {
				return fmt.Errorf("store a batch: %w", err)
			}
		}
		return nil
	})
}

// StartOperation lets an operation run, once all its batches are stored.
func (s *Store) StartOperation(ctx context.Context, project, id string, matched int64, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE operations SET state = CASE WHEN $3 > 0 THEN 'running' ELSE 'done' END, matched = $3, updated_at = $4
			WHERE project_id = $1 AND id = $2 AND state = 'preparing'`, project, id, matched, now.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		o, err := operationOf(ctx, tx, project, id)
		if err != nil {
			return err
		}
		d, action := &o.Definition, ledger.ActionStartOperation
		if d.Action == operation.Import {
			action = ledger.ActionImportIdentities
		}
		return putOperation(ctx, tx, o, action, ledger.Cause{By: d.Actor, At: now, Reason: d.Reason, RequestID: d.RequestID})
	})
}

// putOperation adds a line about an operation to the audit trail of its project. Its identities have lines of their own.
func putOperation(ctx context.Context, tx *sql.Tx, o operation.Operation, action string, cause ledger.Cause) error {
	detail, err := json.Marshal(map[string]any{"action": o.Definition.Action, "matched": o.Matched, "applied": o.Applied})
	if err != nil {
		return err
	}
	return putEntry(ctx, tx, o.Project, cause, ledger.Entry{Action: action, Target: "operations." + o.ID, Detail: detail})
}

// DropOperation removes an operation that was not started.
func (s *Store) DropOperation(ctx context.Context, project, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM operations WHERE project_id = $1 AND id = $2 AND state = 'preparing'`, project, id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return dropBatches(ctx, tx, project, id)
	})
}

func dropBatches(ctx context.Context, tx *sql.Tx, project, id string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM operation_batches WHERE project_id = $1 AND operation_id = $2`, project, id)
	return err
}

// EndOperation ends an operation that is open, between two batches, and returns it as it is then. A cancellation is made for
// the cause in ctx.
func (s *Store) EndOperation(ctx context.Context, project, id string, as operation.State, now time.Time) (o operation.Operation, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE operations SET state = $3, updated_at = $4
			WHERE project_id = $1 AND id = $2 AND state IN ('preparing', 'running')`, project, id, as, now.UnixMicro())
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n > 0 {
			err = dropBatches(ctx, tx, project, id)
		}
		if err == nil {
			o, err = operationOf(ctx, tx, project, id)
		}
		if err == nil && n > 0 && as == operation.Cancelled {
			err = putOperation(ctx, tx, o, ledger.ActionCancelOperation, ledger.CauseOf(ctx))
		}
		return err
	})
	return o, err
}

// The condition on the state that is the index's comes first; the next one chooses among its few rows.
const (
	claimBatch = `UPDATE operations SET leased_until = $2 WHERE (project_id, id) =
		(SELECT project_id, id FROM operations WHERE state IN ('preparing', 'running') AND state = 'running' AND leased_until < $1
		ORDER BY updated_at LIMIT 1%s) RETURNING ` + operationColumns
	queryBatch         = `SELECT items FROM operation_batches WHERE project_id = $1 AND operation_id = $2 AND n = $3`
	interruptOperation = `UPDATE operations SET state = 'interrupted' WHERE (project_id, id) =
		(SELECT project_id, id FROM operations WHERE state IN ('preparing', 'running') AND updated_at < $1
			AND (state = 'preparing' OR updated_at < $2) ORDER BY updated_at LIMIT 1) RETURNING project_id, id`
	queryOperation = `SELECT ` + operationColumns + ` FROM operations WHERE project_id = $1 AND id = $2`
)

// ClaimBatch returns the next batch of the running operation that has waited for the longest time, and keeps other nodes
// from it until a time. It returns false if there is none. It ends operations that have waited for too long.
func (s *Store) ClaimBatch(ctx context.Context, now, until time.Time) (o operation.Operation, items []json.RawMessage, ok bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := interruptOne(ctx, tx, now); err != nil {
			return err
		}
		var err error
		o, err = scanOperation(tx.QueryRowContext(ctx, fmt.Sprintf(claimBatch, s.db.skipLocked()), now.UnixMicro(), until.UnixMicro()))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		var text string
		if err == nil {
			err = tx.QueryRowContext(ctx, queryBatch, o.Project, o.ID, o.Next).Scan(&text)
		}
		if err == nil {
			err = json.Unmarshal([]byte(text), &items)
		}
		ok = err == nil
		return err
	})
	if err != nil {
		err = fmt.Errorf("claim a batch: %w", err)
	}
	return o, items, ok, err
}

// interruptOne ends an operation that has waited for too long, if there is one.
func interruptOne(ctx context.Context, tx *sql.Tx, now time.Time) error {
	var project, id string
	err := tx.QueryRowContext(ctx, interruptOperation, now.Add(-prepareFor).UnixMicro(), now.Add(-waitFor).UnixMicro()).Scan(&project, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = dropBatches(ctx, tx, project, id)
	}
	return err
}

// skipLocked lets two nodes claim two batches at once. SQLite has one writer.
func (db *DB) skipLocked() string {
	if db.Pool == nil {
		return ""
	}
	return " FOR UPDATE SKIP LOCKED"
}

// ReleaseBatch gives a claimed batch back, for another try at a later time.
func (s *Store) ReleaseBatch(ctx context.Context, o operation.Operation, until time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE operations SET leased_until = $4 WHERE project_id = $1 AND id = $2 AND next = $3`,
			o.Project, o.ID, o.Next, until.UnixMicro())
		return err
	})
}

// FinishBatch notes what the next batch of an operation has done. A batch that two nodes have run counts once.
func (s *Store) FinishBatch(ctx context.Context, o operation.Operation, r operation.Result, now time.Time) error {
	problems := append(o.Problems, r.Problems...)
	text, err := json.Marshal(problems[:min(len(problems), operation.MaxProblems)])
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE operations SET applied = applied + $4, failed = failed + $5, problems = $6, next = next + 1,
			leased_until = 0, updated_at = $7, state = CASE WHEN state = 'running' AND applied + failed + $4 + $5 >= matched THEN 'done' ELSE state END
			WHERE project_id = $1 AND id = $2 AND next = $3`, o.Project, o.ID, o.Next, r.Applied, r.Failed, string(text), now.UnixMicro())
		if err != nil {
			return fmt.Errorf("finish a batch: %w", err)
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM operation_batches WHERE project_id = $1 AND operation_id = $2 AND n = $3`, o.Project, o.ID, o.Next)
		return err
	})
}
