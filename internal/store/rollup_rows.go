package store

import (
	"fmt"
	"strings"

	"github.com/airatelimit/airatelimit/internal/rollup"
)

// cacheKind is a kind of what a fold keeps in memory for the next one.
type cacheKind int

const (
	hourSketch cacheKind = iota
	daySketch
	openTop
	refusedTop
	keysOf
)

// blobs are where the kinds that are one value are kept.
var blobs = map[cacheKind]struct{ table, at, column string }{
	hourSketch: {"active_hour", "hour", "sketch"},
	daySketch:  {"active_day", "day", "sketch"},
	openTop:    {"top_open", "day", "entries"},
	refusedTop: {"refused_identities", "hour", "entries"},
}

func (k cacheKind) table() string { return blobs[k].table }

// cached names something in memory: of a project's hour or day and, for keys, of a split.
type cached struct {
	kind    cacheKind
	project string
	at      int64
	split   rollup.Split
}

// foldCache is what folds keep in memory. It is right as long as no other process has folded since.
type foldCache struct {
	folds int64 // the number of the fold that it belongs to
	of    map[cached]any
}

func (c *foldCache) clear() { c.of = nil }

// use makes the cache ready for a fold. It forgets everything after a fold of another process, or if it is too large.
func (c *foldCache) use(folds int64) {
	held := 0
	for _, v := range c.of {
		if top, ok := v.(*rollup.Top); ok {
			held += len(top.Items)
		}
	}
	if c.of == nil || folds != c.folds+1 || len(c.of) > maxRetained || held > maxHeld {
		c.of = map[cached]any{}
	}
	c.folds = folds
}

// load returns what the cache has, or reads it.
func load[T any](f *folding, at cached, read func() (T, error)) (T, error) {
	if v, ok := f.r.cache.of[at].(T); ok {
		return v, nil
	}
	v, err := read()
	if err == nil {
		f.r.cache.of[at] = v
	}
	return v, err
}

// combine says what becomes of a column of a row that exists. %[1]s stands for the column, u for the row.
type combine string

const (
	isKey    combine = ""
	replaced combine = "excluded.%[1]s"
	latest   combine = "CASE WHEN excluded.%[1]s > u.%[1]s THEN excluded.%[1]s ELSE u.%[1]s END"
	// earliest is exact to the hour if it is from the usage table: a later time of the same hour is better.
	earliest combine = "CASE WHEN u.%[1]s = 0 OR excluded.%[1]s <> 0 AND excluded.%[1]s < u.%[1]s - 3600000000 THEN excluded.%[1]s ELSE u.%[1]s END"
	reason   combine = "CASE WHEN excluded.refused_at >= u.refused_at AND excluded.refused_at > 0 THEN excluded.%[1]s ELSE u.%[1]s END"
)

// kept leaves the row's own value.
const kept combine = "u.%[1]s"

// added adds, up to rollup.Most.
var added = combine(fmt.Sprintf("CASE WHEN u.%%[1]s > %d - excluded.%%[1]s THEN %[1]d ELSE u.%%[1]s + excluded.%%[1]s END", int64(rollup.Most)))

type column struct {
	name string
	combine
}

// inserted are the columns that folds insert into each table, the key first.
var inserted = map[string][]column{
	"usage_total": {{"project_id", isKey}, {"hour", isKey}, {"requests", added}, {"tokens", added}, {"micros", added}, {"refused", added}, {"created", added}},
	"usage_hour": {{"project_id", isKey}, {"split", isKey}, {"hour", isKey}, {"key", isKey},
		{"requests", added}, {"tokens", added}, {"micros", added}, {"refused", added}},
	"usage_day": {{"project_id", isKey}, {"split", isKey}, {"day", isKey}, {"key", isKey},
		{"requests", added}, {"tokens", added}, {"micros", added}, {"refused", added}, {"last", latest}},
	"active_hour": {{"project_id", isKey}, {"hour", isKey}, {"sketch", replaced}},
	"active_day":  {{"project_id", isKey}, {"day", isKey}, {"sketch", replaced}},
	"top_open":    {{"project_id", isKey}, {"day", isKey}, {"entries", replaced}},
	"top_day":     {{"project_id", isKey}, {"metric", isKey}, {"day", isKey}, {"entries", replaced}},
	"refusals": {{"project_id", isKey}, {"hour", isKey}, {"code", isKey}, {"metric", isKey}, {"model", isKey}, {"tier", isKey},
		{"refused", added}},
	"refused_identities": {{"project_id", isKey}, {"hour", isKey}, {"entries", replaced}},
	"near_limits": {{"project_id", isKey}, {"identity", isKey}, {"metric", isKey}, {"scope", isKey}, {"model", isKey},
		{"tier", replaced}, {"used", replaced}, {"resets_at", replaced}},
	"rollup_projects": {{"project_id", isKey}, {"first_at", earliest}, {"last_at", latest}, {"refused_at", latest}, {"refused_for", reason}},
	"security_events": {{"project_id", isKey}, {"identity", isKey}, {"hour", isKey}, {"category", isKey}, {"rule", isKey}, {"blocked", isKey},
		{"severity", replaced}, {"first_at", kept}, {"last_at", latest}, {"count", added}},
	"security_counts": {{"project_id", isKey}, {"hour", isKey}, {"category", isKey}, {"rule", isKey}, {"blocked", isKey}, {"count", added}},
}

// insertion returns the statement that adds a number of rows to a table.
func insertion(table string, rows int) string {
	var names, keys, updates []string
	columns := inserted[table]
	for _, c := range columns {
		names = append(names, c.name)
		if c.combine == isKey {
			keys = append(keys, c.name)
			continue
		}
		updates = append(updates, c.name+" = "+fmt.Sprintf(string(c.combine), c.name))
	}
	var values strings.Builder
	for i := range rows * len(columns) {
		switch {
		case i == 0:
			values.WriteString("(")
		case i%len(columns) == 0:
			values.WriteString("), (")
		default:
			values.WriteString(", ")
		}
		fmt.Fprintf(&values, "$%d", i+1)
	}
	return fmt.Sprintf("INSERT INTO %s AS u (%s) VALUES %s) ON CONFLICT (%s) DO UPDATE SET %s",
		table, strings.Join(names, ", "), values.String(), strings.Join(keys, ", "), strings.Join(updates, ", "))
}

// add adds a row to those that insertAll inserts, with the columns of inserted. No two rows have the same key.
func (f *folding) add(table string, row ...any) { f.rows[table] = append(f.rows[table], row) }

// insertAll inserts the rows.
func (f *folding) insertAll() error {
	for table, rows := range f.rows {
		for len(rows) > 0 {
			n := min(len(rows), insertedRows)
			args := make([]any, 0, n*len(inserted[table]))
			for _, row := range rows[:n] {
				args = append(args, row...)
			}
			if _, err := f.tx.ExecContext(f.ctx, insertion(table, n), args...); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			rows = rows[n:]
		}
	}
	clear(f.rows)
	return nil
}
