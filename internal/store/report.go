package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// The reads of reports. Each finds its rows by an index, and reads no more than a few thousand of them.

// report runs the reads of one report at one instant.
func (r *Rollups) report(ctx context.Context, what string, do func(ctx context.Context, q queryer) error) error {
	if err := r.db.read(ctx, readTime, do); err != nil {
		return ledger.Unavailable("read "+what, err)
	}
	return nil
}

const (
	readTotals = `SELECT hour, requests, tokens, micros, refused, created FROM usage_total
		WHERE project_id = $1 AND hour >= $2 AND hour < $3 ORDER BY hour`
	// A split may have a hundred rows a day, so that each column counts.
	readSplit = `SELECT %[2]s, key, %[3]s FROM %[1]s
		WHERE project_id = $1 AND split = $2 AND %[2]s >= $3 AND %[2]s < $4`
	readSplitKey = readSplit + ` AND key = $5`
	readSplitSum = `SELECT key, sum(requests), sum(tokens), sum(micros), sum(refused), max(last) FROM usage_day
		WHERE project_id = $1 AND split = $2 AND day >= $3 AND day < $4 GROUP BY key`
	readDays = `SELECT day, sum(requests), sum(tokens), sum(micros), sum(refused) FROM usage_day
		WHERE project_id = $1 AND split = $2 AND day >= $3 AND day < $4 GROUP BY day`
	readSketches = `SELECT sketch FROM %[1]s WHERE project_id = $1 AND %[2]s >= $2 AND %[2]s < $3`
	readSeen     = `SELECT first_at, last_at, refused_at, refused_for FROM rollup_projects WHERE project_id = $1`
	readTops     = `SELECT entries FROM top_day WHERE project_id = $1 AND metric = $2 AND day >= $3 AND day < $4`
	readOpenTops = `SELECT entries FROM top_open WHERE project_id = $1 AND day >= $2 AND day < $3`
	readRefused  = `SELECT entries FROM refused_identities WHERE project_id = $1 AND hour >= $2 AND hour < $3`
	readRefusals = `SELECT hour, code, metric, model, tier, refused FROM refusals WHERE project_id = $1 AND hour >= $2 AND hour < $3`
	readNear     = `SELECT identity, tier, metric, scope, model FROM (SELECT identity, tier, metric, scope, model, used FROM near_limits
		WHERE project_id = $1 AND used >= $2 AND resets_at > $3 ORDER BY used DESC
			LIMIT CASE WHEN $4 = '' AND $5 = '' THEN CAST($6 AS bigint) ELSE 5000 END) AS n
		WHERE ($4 = '' OR metric = $4) AND ($5 = '' OR tier = $5) ORDER BY used DESC LIMIT $6`
	countNear = `SELECT count(*) FROM (SELECT 1 FROM near_limits WHERE project_id = $1 AND used >= $2 AND resets_at > $3 LIMIT $4) AS n`
)

// hourTotal is a row of usage_total.
type hourTotal struct {
	hour int64
	rollup.Figures
	created int64
}

func totalsOf(ctx context.Context, q queryer, project string, hours rollup.Span, do func(t hourTotal)) error {
	rows, err := q.QueryContext(ctx, readTotals, project, hours.From, hours.To)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t hourTotal
		if err := rows.Scan(&t.hour, &t.Sums[0], &t.Sums[1], &t.Sums[2], &t.Refused, &t.created); err != nil {
			return err
		}
		do(t)
	}
	return rows.Err()
}

// Series returns usage over time. Without a split there is one key, "".
func (r *Rollups) Series(ctx context.Context, s rollup.SeriesQuery) (series rollup.Series, err error) {
	series = rollup.Series{}
	err = r.report(ctx, "usage", func(ctx context.Context, q queryer) error {
		if s.Split == rollup.Unsplit {
			return unsplit(ctx, q, s, series)
		}
		return split(ctx, q, s, series)
	})
	return series, err
}

func unsplit(ctx context.Context, q queryer, s rollup.SeriesQuery, series rollup.Series) error {
	if s.Days {
		return dayTotals(ctx, q, s.Project, s.Span, func(day int64, f rollup.Figures) { series.Add(s, "", day-s.Span.From, f.Of(s.Figure)) })
	}
	return totalsOf(ctx, q, s.Project, s.Span, func(t hourTotal) { series.Add(s, "", t.hour-s.Span.From, t.Of(s.Figure)) })
}

// dayTotals reads the totals of days, from the split with the fewest keys. Hours are not kept for so long.
func dayTotals(ctx context.Context, q queryer, project string, days rollup.Span, do func(day int64, f rollup.Figures)) error {
	rows, err := q.QueryContext(ctx, readDays, project, int64(rollup.ByTier), days.From, days.To)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day int64
		var f rollup.Figures
		if err := rows.Scan(&day, &f.Sums[0], &f.Sums[1], &f.Sums[2], &f.Refused); err != nil {
			return err
		}
		do(day, f)
	}
	return rows.Err()
}

func split(ctx context.Context, q queryer, s rollup.SeriesQuery, series rollup.Series) error {
	statement, table, at := readSplit, "usage_hour", "hour"
	if s.Days {
		table, at = "usage_day", "day"
	}
	args := []any{s.Project, int64(s.Split), s.Span.From, s.Span.To}
	if s.Only {
		statement, args = readSplitKey, append(args, keptKey(s.Key))
	}
	rows, err := q.QueryContext(ctx, fmt.Sprintf(statement, table, at, figureColumns[s.Figure]), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var key sql.RawBytes
	var place, figure int64
	for rows.Next() {
		if err := rows.Scan(&place, &key, &figure); err != nil {
			return err
		}
		if figure != 0 {
			series.Add(s, shownKey(string(key)), place-s.Span.From, figure)
		}
	}
	return rows.Err()
}

var figureColumns = [...]string{rollup.Requests: "requests", rollup.Tokens: "tokens", rollup.Micros: "micros", rollup.RefusedRequests: "refused"}

// shownKey is a key as reports have it: the name, or [rollup.OtherKey].
func shownKey(key string) string {
	if key == otherKey {
		return rollup.OtherKey
	}
	return ledger.UnescapeName(key)
}

// keptKey is the inverse of shownKey.
func keptKey(key string) string {
	if key == rollup.OtherKey {
		return otherKey
	}
	return ledger.EscapeName(key)
}

// Overview returns the figures of some hours up to and including the current one, and of as many before. The hours are
// also returned in equal parts.
func (r *Rollups) Overview(ctx context.Context, project string, hours, parts int, now time.Time) (o rollup.Overview, err error) {
	to := ledger.HourOf(now) + 1
	is, was := rollup.Span{From: to - int64(hours), To: to}, rollup.Span{From: to - 2*int64(hours), To: to - int64(hours)}
	o.Spark = make([]rollup.Figures, parts)
	err = r.report(ctx, "an overview", func(ctx context.Context, q queryer) error {
		err := totalsOf(ctx, q, project, rollup.Span{From: was.From, To: is.To}, func(t hourTotal) {
			of := &o.Before
			if t.hour >= is.From {
				of = &o.Now
				at := &o.Spark[int(t.hour-is.From)*parts/hours]
				*at = at.Plus(t.Figures)
			}
			of.Figures = of.Plus(t.Figures)
			of.Created = rollup.Add(of.Created, t.created)
		})
		if err != nil {
			return err
		}
		if o.Now.Active, err = active(ctx, q, project, is); err != nil {
			return err
		}
		if o.Before.Active, err = active(ctx, q, project, was); err != nil {
			return err
		}
		s, err := seenOf(ctx, q, project)
		o.LastRequest = timeOfMicros(s.last)
		return err
	})
	return o, err
}

// active estimates how many identities had usage in some hours. Whole days are read from the sketches of days.
func active(ctx context.Context, q queryer, project string, hours rollup.Span) (int64, error) {
	all := hyperloglog.New()
	days := rollup.Span{From: dayOf(hours.From + 23), To: dayOf(hours.To)}
	if days.From > days.To { // within one day
		days = rollup.Span{From: dayOf(hours.From + 23), To: dayOf(hours.From + 23)}
	}
	for _, part := range []struct {
		table, at string
		span      rollup.Span
	}{
		{"active_hour", "hour", rollup.Span{From: hours.From, To: min(hours.To, 24*days.From)}},
		{"active_day", "day", days},
		{"active_hour", "hour", rollup.Span{From: 24 * days.To, To: hours.To}},
	} {
		if err := merge(ctx, q, all, part.table, part.at, project, part.span); err != nil {
			return 0, err
		}
	}
	return int64(all.Estimate()), nil
}

// merge adds the sketches of a span to all.
func merge(ctx context.Context, q queryer, all *hyperloglog.Sketch, table, at, project string, span rollup.Span) error {
	if span.From >= span.To {
		return nil
	}
	return eachBlob(ctx, q, func(b []byte) error {
		var one hyperloglog.Sketch
		if err := one.UnmarshalBinary(b); err != nil {
			return err
		}
		return all.Merge(&one)
	}, fmt.Sprintf(readSketches, table, at), project, span.From, span.To)
}

// seenOf reads the times of a project's requests; zeros if there was none.
func seenOf(ctx context.Context, q queryer, project string) (s seen, err error) {
	err = q.QueryRowContext(ctx, readSeen, project).Scan(&s.first, &s.last, &s.refused, &s.refusedFor)
	if err == sql.ErrNoRows { //nolint:errorlint // never wrapped
		err = nil
	}
	return s, err
}

func timeOfMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// First returns the first admitted request of a project, and the last refused one.
func (r *Rollups) First(ctx context.Context, project string) (f rollup.First, err error) {
	err = r.report(ctx, "the first request", func(ctx context.Context, q queryer) error {
		s, err := seenOf(ctx, q, project)
		f = rollup.First{At: timeOfMicros(s.first), RefusedAt: timeOfMicros(s.refused), Code: s.refusedFor}
		return err
	})
	return f, err
}

// Today returns the figures of today for each of some projects.
func (r *Rollups) Today(ctx context.Context, projects []string, now time.Time) (all map[string]rollup.Today, err error) {
	all = make(map[string]rollup.Today, len(projects))
	day := dayOf(ledger.HourOf(now))
	err = r.report(ctx, "the usage of today", func(ctx context.Context, q queryer) error {
		for _, project := range projects {
			var t rollup.Today
			err := totalsOf(ctx, q, project, rollup.Span{From: 24 * day, To: 24 * (day + 1)}, func(h hourTotal) {
				t.Figures = t.Plus(h.Figures)
			})
			if err != nil {
				return err
			}
			s, err := seenOf(ctx, q, project)
			if err != nil {
				return err
			}
			t.LastRequest = timeOfMicros(s.last)
			all[project] = t
		}
		return nil
	})
	return all, err
}

// mostEntries is how many identities a top of several days reads in all: of many days only the first of each.
const mostEntries = 60_000

// Top returns the largest keys of a range of days.
func (r *Rollups) Top(ctx context.Context, t rollup.TopQuery) (list rollup.TopList, err error) {
	err = r.report(ctx, "the largest of usage", func(ctx context.Context, q queryer) error {
		if t.Split != rollup.Unsplit {
			return topKeys(ctx, q, t, &list)
		}
		if t.Refused {
			return topRefused(ctx, q, t, &list)
		}
		return topIdentities(ctx, q, t, &list)
	})
	return list, err
}

// topKeys returns the models or tiers of a range.
func topKeys(ctx context.Context, q queryer, t rollup.TopQuery, list *rollup.TopList) error {
	all, _, err := splitSums(ctx, q, t.Project, t.Split, t.Days)
	if err != nil {
		return err
	}
	top := rollup.NewTop()
	for key, f := range all {
		list.Total = list.Total.Plus(f.Sums)
		top.Add(key, f.Sums, rollup.Sums{})
	}
	list.Items = top.List(t.Metric, t.Limit)
	list.Complete = all[rollup.OtherKey].Sums == rollup.Sums{}
	return nil
}

// splitSums returns the sums of a range of days by key, and the last hour of each.
func splitSums(ctx context.Context, q queryer, project string, by rollup.Split, days rollup.Span) (map[string]rollup.Figures, map[string]int64, error) {
	rows, err := q.QueryContext(ctx, readSplitSum, project, int64(by), days.From, days.To)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	all, last := map[string]rollup.Figures{}, map[string]int64{}
	for rows.Next() {
		var key string
		var f rollup.Figures
		var hour int64
		if err := rows.Scan(&key, &f.Sums[0], &f.Sums[1], &f.Sums[2], &f.Refused, &hour); err != nil {
			return nil, nil, err
		}
		if f != (rollup.Figures{}) {
			all[shownKey(key)], last[shownKey(key)] = f, hour
		}
	}
	return all, last, rows.Err()
}

// topRefused returns the identities with the most refused requests.
func topRefused(ctx context.Context, q queryer, t rollup.TopQuery, list *rollup.TopList) error {
	top := rollup.NewRanking(0, namesOf(t.Days))
	hours := rollup.Span{From: 24 * t.Days.From, To: 24 * t.Days.To}
	if err := eachBlob(ctx, q, top.Add, readRefused, t.Project, hours.From, hours.To); err != nil {
		return err
	}
	list.Items, list.Complete = top.List(t.Limit), top.Complete()
	return dayTotals(ctx, q, t.Project, t.Days, func(_ int64, f rollup.Figures) {
		list.Total[0] = rollup.Add(list.Total[0], f.Refused)
	})
}

// namesOf is how many names of each day a top of some days reads.
func namesOf(days rollup.Span) int { return max(1, mostEntries/max(1, days.Len())) }

// topIdentities returns the identities with the most usage.
func topIdentities(ctx context.Context, q queryer, t rollup.TopQuery, list *rollup.TopList) error {
	top := rollup.NewRanking(t.Metric, namesOf(t.Days))
	err := eachBlob(ctx, q, top.Add, readTops, t.Project, t.Metric, t.Days.From, t.Days.To)
	if err == nil {
		err = eachBlob(ctx, q, top.Add, readOpenTops, t.Project, t.Days.From, t.Days.To)
	}
	if err != nil {
		return err
	}
	list.Items, list.Complete = top.List(t.Limit), top.Complete()
	return dayTotals(ctx, q, t.Project, t.Days, func(_ int64, f rollup.Figures) { list.Total = list.Total.Plus(f.Sums) })
}

// Models returns the models of some days, and how many requests there were in all.
func (r *Rollups) Models(ctx context.Context, project string, days rollup.Span) (models []rollup.ModelSeen, total int64, err error) {
	err = r.report(ctx, "the models", func(ctx context.Context, q queryer) error {
		all, last, err := splitSums(ctx, q, project, rollup.ByModel, days)
		for key, f := range all {
			if f.Sums[0] > 0 {
				models = append(models, rollup.ModelSeen{Model: key, Requests: f.Sums[0], LastHour: last[key]})
			}
			total = rollup.Add(total, f.Sums[0])
		}
		return err
	})
	return models, total, err
}

// Refusals calls do with the number of refused requests of each hour, code, metric, model and tier. Models and tiers are
// keys as in Series.
func (r *Rollups) Refusals(ctx context.Context, project string, hours rollup.Span, do func(hour int64, code, metric, model, tier string, refused int64)) error {
	return r.report(ctx, "refusals", func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, readRefusals, project, hours.From, hours.To)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var hour, refused int64
			var code, metric, model, tier string
			if err := rows.Scan(&hour, &code, &metric, &model, &tier, &refused); err != nil {
				return err
			}
			do(hour, code, metric, shownKey(model), shownKey(tier), refused)
		}
		return rows.Err()
	})
}

// Near returns limits that identities had nearly used up after their last request, the most used first.
func (r *Rollups) Near(ctx context.Context, n rollup.NearQuery) (near []rollup.NearLimit, err error) {
	err = r.report(ctx, "limits that are nearly used up", func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, readNear, n.Project, int64(1000*n.Threshold), n.Now.UnixMicro(), n.Metric, ledger.EscapeName(n.Tier), n.Limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l rollup.NearLimit
			if err := rows.Scan(&l.Identity, &l.Tier, &l.Metric, &l.Scope, &l.Model); err != nil {
				return err
			}
			l.Tier, l.Model = ledger.UnescapeName(l.Tier), ledger.UnescapeName(l.Model)
			near = append(near, l)
		}
		return rows.Err()
	})
	return near, err
}

// CountNear counts the limits that Near would return, up to most.
func (r *Rollups) CountNear(ctx context.Context, project string, threshold float64, now time.Time, most int) (n int64, err error) {
	err = r.report(ctx, "limits that are nearly used up", func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, countNear, project, int64(1000*threshold), now.UnixMicro(), most).Scan(&n)
	})
	return n, err
}
