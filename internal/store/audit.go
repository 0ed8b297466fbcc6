package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// putEntry adds a line to the audit trail of a project.
func putEntry(ctx context.Context, tx *sql.Tx, key string, cause ledger.Cause, e ledger.Entry) error {
	detail, changes := e.Texts()
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (project_id, identity, action, reason, detail, at,
		actor_kind, actor_id, actor_email, target, changes, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		key, e.Identity, e.Action, cause.Reason, detail, cause.At.UnixMicro(),
		string(cause.By.Kind), cause.By.ID, cause.By.Email, e.Target, changes, cause.RequestID)
	if err != nil {
		return fmt.Errorf("write the audit trail: %w", err)
	}
	return nil
}

const (
	lineColumns = `SELECT id, at, identity, action, reason, detail, actor_kind, actor_id, actor_email, target, changes, request_id FROM audit`

	// The first bound on at is the one that an index finds; the pair goes on within one microsecond.
	lineRange = ` AND at >= $2 AND at <= $3 AND (at, id) < ($3, $4) ORDER BY at DESC, id DESC LIMIT $5`

	queryLines   = lineColumns + ` WHERE project_id = $1` + lineRange
	queryLinesOf = lineColumns + ` WHERE project_id = $1 AND identity = $6` + lineRange
)

// AuditTrail returns lines of a project's audit trail, the newest first, and the position to go on from. The position is
// zero if no more lines follow.
func (s *Store) AuditTrail(ctx context.Context, f ledger.FindLines) (lines []ledger.Line, next ledger.Position, err error) {
	statement, args := queryLines, lineBounds(f)
	if f.Identity != "" {
		statement, args = queryLinesOf, append(args, f.Identity)
	}
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		var last ledger.Line
		for scanned := 1; rows.Next(); scanned++ {
			if scanned > ledger.MaxLines {
				next = ledger.Position{At: last.At, ID: last.ID}
				break
			}
			if last, err = scanLine(rows); err != nil {
				return err
			}
			if !f.Matches(&last) {
				continue
			}
			if len(lines) == f.Limit {
				end := lines[len(lines)-1]
				next = ledger.Position{At: end.At, ID: end.ID}
				break
			}
			lines = append(lines, last)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, ledger.Position{}, fmt.Errorf("read the audit trail: %w", err)
	}
	return lines, next, nil
}

// lineBounds returns the arguments of queryLines: the range of times, and the position that ends it.
func lineBounds(f ledger.FindLines) []any {
	from, at, id := int64(0), int64(math.MaxInt64), int64(0)
	if !f.From.IsZero() {
		from = f.From.UnixMicro()
	}
	if !f.To.IsZero() {
		at = f.To.UnixMicro()
	}
	if b := f.Before; b.ID != 0 && (f.To.IsZero() || b.At.Before(f.To)) {
		at, id = b.At.UnixMicro(), b.ID
	}
	scan := ledger.MaxLines + 1
	if f.Action == "" && f.Actor == "" {
		scan = f.Limit + 1
	}
	return []any{f.Project, from, at, id, scan}
}

func scanLine(rows *sql.Rows) (l ledger.Line, err error) {
	var at int64
	var detail, changes string
	err = rows.Scan(&l.ID, &at, &l.Identity, &l.Action, &l.Reason, &detail, &l.Actor.Kind, &l.Actor.ID, &l.Actor.Email,
		&l.Target, &changes, &l.RequestID)
	l.At, l.Detail, l.Changes = time.UnixMicro(at).UTC(), json.RawMessage(detail), json.RawMessage(changes)
	return l, err
}
