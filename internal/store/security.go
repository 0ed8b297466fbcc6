package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

const (
	// mostEvents is how many security events of a project are kept.
	mostEvents = 100_000
	// countsFor is how long the counts of security events are kept.
	countsFor = 400 * 24 * time.Hour
)

// AddAlarms keeps what the guard found. An alarm is added to the event of its identity, hour and rule. Of a project with too
// many events, the oldest are removed.
func (r *Rollups) AddAlarms(ctx context.Context, alarms []rollup.Alarm) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := r.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("keep security events: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := addAlarms(ctx, tx, alarms, mostEvents); err != nil {
		return fmt.Errorf("keep security events: %w", err)
	}
	return tx.Commit()
}

func addAlarms(ctx context.Context, tx *sql.Tx, alarms []rollup.Alarm, most int) error {
	f := folding{ctx: ctx, tx: tx, rows: map[string][][]any{}}
	counts, projects := map[countKey]int64{}, map[string]bool{}
	for i := range alarms {
		a := &alarms[i]
		projects[a.Project] = true
		counts[countKey{a.Project, a.Hour, a.Category, a.Rule, blockedNumber(a.Blocked)}] += a.Count
		f.add("security_events", a.Project, a.Identity, a.Hour, a.Category, a.Rule, blockedNumber(a.Blocked), a.Severity, a.First, a.Last, a.Count)
	}
	for k, n := range counts {
		f.add("security_counts", k.project, k.hour, k.category, k.rule, k.blocked, n)
	}
	if err := f.insertAll(); err != nil {
		return err
	}
	for project := range projects {
		if _, err := tx.ExecContext(ctx, removeEvents, project, most); err != nil {
			return err
		}
	}
	return nil
}

// countKey names a row of security_counts.
type countKey struct {
	project        string
	hour           int64
	category, rule string
	blocked        int64
}

func blockedNumber(blocked bool) int64 {
	if blocked {
		return 1
	}
	return 0
}

const (
	eventColumns = `SELECT id, identity, hour, category, rule, blocked, severity, first_at, last_at, count FROM security_events`

	// As in lineRange, the first bound is the one that an index finds.
	eventRange = ` AND last_at >= $2 AND last_at <= $3 AND (last_at, id) < ($3, $4) ORDER BY last_at DESC, id DESC LIMIT $5`

	queryEvents   = eventColumns + ` WHERE project_id = $1` + eventRange
	queryEventsOf = eventColumns + ` WHERE project_id = $1 AND identity = $6` + eventRange

	queryEventCounts = `SELECT hour, category, rule, blocked, count FROM security_counts
		WHERE project_id = $1 AND hour >= $2 AND hour < $3 ORDER BY hour, category, rule, blocked`

	// removeEvents removes all events of a project but the newest.
	removeEvents = `DELETE FROM security_events WHERE project_id = $1
		AND id <= (SELECT id FROM security_events WHERE project_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`
)

// SecurityEvents returns events of a project, the latest first, and the position to go on from, zero at the end.
func (r *Rollups) SecurityEvents(ctx context.Context, q rollup.SecurityQuery) (events []rollup.SecurityEvent, next rollup.SecurityPosition, err error) {
	statement, args := queryEvents, eventBounds(&q)
	if q.Identity != "" {
		statement, args = queryEventsOf, append(args, q.Identity)
	}
	err = r.report(ctx, "security events", func(ctx context.Context, db queryer) error {
		rows, err := db.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		var last rollup.SecurityEvent
		for scanned := 1; rows.Next(); scanned++ {
			if scanned > ledger.MaxLines {
				next = rollup.SecurityPosition{Last: last.Last, ID: last.ID}
				break
			}
			if last, err = scanEvent(rows); err != nil {
				return err
			}
			if !q.Matches(&last) {
				continue
			}
			if len(events) == q.Limit {
				end := events[len(events)-1]
				next = rollup.SecurityPosition{Last: end.Last, ID: end.ID}
				break
			}
			last.Project = q.Project
			events = append(events, last)
		}
		return rows.Err()
	})
	return events, next, err
}

// eventBounds returns the arguments of queryEvents.
func eventBounds(q *rollup.SecurityQuery) []any {
	from, at, id := int64(0), int64(math.MaxInt64), int64(0)
	if !q.From.IsZero() {
		from = q.From.UnixMicro()
	}
	if !q.To.IsZero() {
		at = q.To.UnixMicro()
	}
	if b := q.Before; b.ID != 0 && b.Last < at {
		at, id = b.Last, b.ID
	}
	scan := q.Limit + 1
	if q.Category != "" || q.Rule != "" || q.Blocked != nil {
		scan = ledger.MaxLines + 1
	}
	return []any{q.Project, from, at, id, scan}
}

func scanEvent(rows *sql.Rows) (e rollup.SecurityEvent, err error) {
	var blocked int64
	err = rows.Scan(&e.ID, &e.Identity, &e.Hour, &e.Category, &e.Rule, &blocked, &e.Severity, &e.First, &e.Last, &e.Count)
	e.Blocked = blocked != 0
	return e, err
}

// SecurityCounts returns how many alarms of each rule a project had in each hour.
func (r *Rollups) SecurityCounts(ctx context.Context, project string, hours rollup.Span) (counts []rollup.SecurityCount, err error) {
	err = r.report(ctx, "counts of security events", func(ctx context.Context, db queryer) error {
		rows, err := db.QueryContext(ctx, queryEventCounts, project, hours.From, hours.To)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		for rows.Next() {
			var c rollup.SecurityCount
			var blocked int64
			if err := rows.Scan(&c.Hour, &c.Category, &c.Rule, &blocked, &c.Count); err != nil {
				return err
			}
			c.Blocked = blocked != 0
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}
