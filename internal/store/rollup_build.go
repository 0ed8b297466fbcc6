package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// How long rollups are kept, in days: those of hours, and those of days.
const (
	KeptHours = 190 // an overview compares 90 days with the 90 before
	KeptDays  = 800
)

// buildTime limits the reading of one project's usage.
const buildTime = 10 * time.Minute

// build adds up the usage of projects from before their entries were written, one project after the other. With PostgreSQL
// it waits until no node of an earlier version is left.
func (r *Rollups) build(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for last := ""; ; {
		next, due, err := r.nextToBuild(ctx, last)
		if err != nil || !due {
			return err
		}
		if next == "" {
			return r.setBuilt(ctx)
		}
		if busy, err := r.buildProject(ctx, next); err != nil || busy {
			return err
		}
		last = next
	}
}

// nextUnbuilt skips from project to project by the index of usage, as nextProject does.
const nextUnbuilt = `WITH RECURSIVE skips (id) AS (
		SELECT min(project_id) FROM usage WHERE project_id > $1
		UNION ALL
		SELECT (SELECT min(project_id) FROM usage WHERE project_id > skips.id) FROM skips
		WHERE EXISTS (SELECT 1 FROM rollup_projects AS p WHERE p.project_id = skips.id AND p.built))
	SELECT max(id) FROM skips`

// olderNodes reports whether a node is registered that writes no entries.
const olderNodes = `SELECT EXISTS (SELECT 1 FROM nodes WHERE NOT rolls_up)`

// nextToBuild returns the next project after one whose usage is not added up yet, "" if there is none. due is false if
// there is nothing to build, or not now.
func (r *Rollups) nextToBuild(ctx context.Context, last string) (next string, due bool, err error) {
	err = r.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		var built, older bool
		if err := q.QueryRowContext(ctx, `SELECT built FROM rollup_state WHERE id = 1`).Scan(&built); err != nil || built {
			return err
		}
		if r.db.Pool != nil {
			if err := q.QueryRowContext(ctx, olderNodes).Scan(&older); err != nil || older {
				return err
			}
		}
		due = true
		var id sql.NullString
		err := q.QueryRowContext(ctx, nextUnbuilt, last).Scan(&id)
		// The last skip ends at the last project, built or not.
		if next = id.String; err == nil && next != "" {
			err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM rollup_projects WHERE project_id = $1 AND built)`, next).Scan(&built)
			if built {
				next = ""
			}
		}
		return err
	})
	return next, due, err
}

// setBuilt notes that everything is added up, unless a node of an earlier version has registered meanwhile.
func (r *Rollups) setBuilt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := r.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	statement := `UPDATE rollup_state SET built = true WHERE id = 1`
	if r.db.Pool != nil {
		statement += ` AND NOT EXISTS (SELECT 1 FROM nodes WHERE NOT rolls_up)`
	}
	if _, err := tx.ExecContext(ctx, statement); err != nil {
		return err
	}
	return tx.Commit()
}

// builtProject is what the usage table knows of a project.
type builtProject struct {
	tally    *projectTally
	sketches map[cached]*hyperloglog.Sketch
	tops     map[int64]*rollup.Top // by day
	created  map[int64]int64       // by hour
	today    int64
}

// buildProject replaces the rollups of a project's usage by the sums of its rows in the usage table. It reads the rows and
// the entries that wait at one instant: what the entries say of the project's usage is in its rows. busy is true if
// another node folds.
func (r *Rollups) buildProject(ctx context.Context, id string) (busy bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	if r.db.Pool != nil {
		return r.buildInPool(ctx, id)
	}
	// The snapshot is read beside the writers. No other fold runs, so the entries are still there when it has been read.
	snapshot, err := r.db.snapshot(ctx, buildTime)
	if err != nil {
		return false, err
	}
	defer snapshot.Rollback() //nolint:errcheck // the transaction only reads
	p, built, err := r.readBuilt(ctx, snapshot, id)
	if err != nil {
		return false, err
	}
	f, err := r.begin(ctx)
	if err != nil {
		return false, err
	}
	defer f.end(&err)
	if err := f.write(p, id, built); err != nil {
		return false, err
	}
	return false, f.commit()
}

// buildInPool is buildProject in one transaction, because entries do not commit in the order of their ids.
func (r *Rollups) buildInPool(ctx context.Context, id string) (busy bool, err error) {
	tx, err := r.db.Write.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if tx, err = r.db.bounded(ctx, tx, err, lockTime, buildTime); err != nil {
		return false, err
	}
	f := &folding{ctx: ctx, cancel: func() {}, r: r, tx: tx, rows: map[string][][]any{}}
	defer f.end(&err)
	if mine, err := f.lock(); err != nil || !mine {
		return true, err
	}
	p, built, err := r.readBuilt(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if err := f.write(p, id, built); err != nil {
		return false, err
	}
	return false, f.commit()
}

// readBuilt reads the entries that wait and a project's usage.
func (r *Rollups) readBuilt(ctx context.Context, q queryer, id string) (pending, *builtProject, error) {
	p, err := readPending(ctx, q, 1<<30)
	if err != nil {
		return p, nil, err
	}
	hour := ledger.HourOf(r.now())
	b := &builtProject{tally: tally{}.project(id), sketches: map[cached]*hyperloglog.Sketch{}, tops: map[int64]*rollup.Top{},
		created: map[int64]int64{}, today: dayOf(hour)}
	if err := b.readUsage(ctx, q, id, hour); err != nil {
		return p, nil, err
	}
	return p, b, b.readCreated(ctx, q, id, hour)
}

// usageOf reads a project's usage by identity.
const usageOf = `SELECT identity, hour, model, tier, requests, tokens, micros FROM usage
	WHERE project_id = $1 AND hour >= $2 AND kind = 0 ORDER BY identity, hour`

func (b *builtProject) readUsage(ctx context.Context, q queryer, id string, now int64) error {
	rows, err := q.QueryContext(ctx, usageOf, id, now-24*KeptDays)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, model, tier string
		var hour int64
		var sums rollup.Sums
		if err := rows.Scan(&name, &hour, &model, &tier, &sums[0], &sums[1], &sums[2]); err != nil {
			return err
		}
		// In PostgreSQL names are escaped.
		b.tally.addUsage(hour, modelKey(ledger.UnescapeName(model)), ledger.EscapeName(ledger.UnescapeName(tier)), sums)
		b.use(id, name, hour, now, sums)
	}
	return rows.Err()
}

// use adds usage to the sketches and the tops.
func (b *builtProject) use(id, name string, hour, now int64, sums rollup.Sums) {
	at := []cached{{kind: daySketch, project: id, at: dayOf(hour)}}
	if hour > now-24*KeptHours {
		at = append(at, cached{kind: hourSketch, project: id, at: hour})
	}
	for _, at := range at {
		if b.sketches[at] == nil {
			b.sketches[at] = hyperloglog.New()
		}
		b.sketches[at].Insert([]byte(name))
	}
	top := b.tops[dayOf(hour)]
	if top == nil {
		top = rollup.NewTop()
		b.tops[dayOf(hour)] = top
	}
	top.Add(name, sums, rollup.Sums{})
	top.Trim(mostTop, mostOpen)
}

// createdOf reads when a project's identities were created.
const createdOf = `SELECT created_at FROM identities WHERE project_id = $1 AND identity >= ''`

func (b *builtProject) readCreated(ctx context.Context, q queryer, id string, now int64) error {
	rows, err := q.QueryContext(ctx, createdOf, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var micros int64
		if err := rows.Scan(&micros); err != nil {
			return err
		}
		if hour := ledger.HourOf(time.UnixMicro(micros)); micros != 0 && hour > now-24*KeptHours {
			b.created[hour]++
		}
	}
	return rows.Err()
}

// replace removes the rollups of a project's usage, adds what was built to p, and inserts the rest.
func (f *folding) replace(id string, b *builtProject, p *projectTally) error {
	f.r.cache.clear()
	f.r.cache.of = map[cached]any{}
	for _, statement := range []string{
		`UPDATE usage_total SET requests = 0, tokens = 0, micros = 0, created = 0 WHERE project_id = $1`,
		`UPDATE usage_hour SET requests = 0, tokens = 0, micros = 0 WHERE project_id = $1 AND split < 2`,
		`UPDATE usage_day SET requests = 0, tokens = 0, micros = 0 WHERE project_id = $1 AND split < 2`,
		`DELETE FROM active_hour WHERE project_id = $1`,
		`DELETE FROM active_day WHERE project_id = $1`,
		`DELETE FROM top_open WHERE project_id = $1`,
		`DELETE FROM top_day WHERE project_id = $1`,
		`INSERT INTO rollup_projects (project_id, built) VALUES ($1, true) ON CONFLICT (project_id) DO UPDATE SET built = true`,
	} {
		if _, err := f.tx.ExecContext(f.ctx, statement, id); err != nil {
			return err
		}
	}
	for hour, n := range b.created {
		p.total(hour).created += n
	}
	for hour, t := range b.tally.totals {
		p.total(hour).Figures = p.total(hour).Figures.Plus(t.Figures)
	}
	for k, n := range b.tally.splits {
		p.splits[k] = p.splits[k].Plus(n)
	}
	if hours := slices.Sorted(maps.Keys(b.tally.totals)); len(hours) > 0 {
		p.saw(ledger.HourTime(hours[0]).UnixMicro())
		p.saw(ledger.HourTime(hours[len(hours)-1]).UnixMicro())
	}
	for at, sketch := range b.sketches {
		if err := f.addSketch(at, sketch); err != nil {
			return err
		}
	}
	for day, top := range b.tops {
		if day >= b.today-1 {
			f.add("top_open", id, day, top.Append(nil))
		} else {
			for m := range rollup.NumMetrics {
				f.closeTop(id, m, day, top)
			}
		}
	}
	return nil
}

// close keeps the first identities of days that are over. A day stays open for one more, for requests that end late. Usage
// that comes later opens the day again, and is added when the next day closes.
func (r *Rollups) close(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	today := dayOf(ledger.HourOf(r.now()))
	if r.closedFor == today {
		return nil
	}
	for {
		n, err := r.closeSome(ctx, today)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if err := r.prune(ctx, today); err != nil {
		return err
	}
	r.closedFor = today
	return nil
}

const (
	readClosing = `SELECT project_id, day, entries FROM top_open WHERE day < $1 ORDER BY day LIMIT 20`
	deleteOpen  = `DELETE FROM top_open WHERE project_id = $1 AND day = $2`
)

// closeSome closes a few days of projects. It returns 0 when none is left, or another node closes them.
func (r *Rollups) closeSome(ctx context.Context, today int64) (n int, err error) {
	f, err := r.begin(ctx)
	if f == nil || err != nil {
		return 0, err
	}
	defer f.end(&err)
	type open struct {
		project string
		day     int64
		entries []byte
	}
	var all []open
	rows, err := f.tx.QueryContext(f.ctx, readClosing, today-1)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var o open
		if err := rows.Scan(&o.project, &o.day, &o.entries); err != nil {
			return 0, err
		}
		all = append(all, o)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(all) == 0 {
		return 0, err
	}
	if err := f.count(); err != nil {
		return 0, err
	}
	for _, o := range all {
		for m := range rollup.NumMetrics {
			top := rollup.NewTop() // with what is there if the day was closed before
			err := eachBlob(f.ctx, f.tx, top.AddAll, readTops, o.project, m, o.day, o.day+1)
			if err == nil {
				err = top.AddAll(o.entries)
			}
			if err != nil {
				return 0, err
			}
			f.closeTop(o.project, m, o.day, top)
		}
		if _, err := f.tx.ExecContext(f.ctx, deleteOpen, o.project, o.day); err != nil {
			return 0, err
		}
		delete(r.cache.of, cached{kind: openTop, project: o.project, at: o.day})
	}
	if err := f.insertAll(); err != nil {
		return 0, err
	}
	return len(all), f.commit()
}

// closeTop adds the row of a metric of a day that closes.
func (f *folding) closeTop(id string, metric int, day int64, top *rollup.Top) {
	f.add("top_day", id, int64(metric), day, top.AppendFirst(nil, metric, mostTop))
}

// oldRows are the rollups that are removed with time: a table, the condition on their age, and for how many days or hours
// they are kept.
var oldRows = []struct {
	table, where string
	hours        bool
}{
	{"usage_total", "hour < $2", true}, {"active_hour", "hour < $2", true}, {"refusals", "hour < $2", true},
	{"refused_identities", "hour < $2", true},
	{"usage_hour", "split = 0 AND hour < $2", true}, {"usage_hour", "split = 1 AND hour < $2", true},
	{"usage_hour", "split = 2 AND hour < $2", true}, {"usage_hour", "split = 3 AND hour < $2", true},
	{"usage_day", "split = 0 AND day < $2", false}, {"usage_day", "split = 1 AND day < $2", false},
	{"usage_day", "split = 2 AND day < $2", false}, {"usage_day", "split = 3 AND day < $2", false},
	{"active_day", "day < $2", false}, {"top_day", "metric = 0 AND day < $2", false},
	{"top_day", "metric = 1 AND day < $2", false}, {"top_day", "metric = 2 AND day < $2", false},
}

const projectsAfter = `SELECT project_id FROM rollup_projects WHERE project_id > $1 ORDER BY project_id LIMIT 100`

// prune removes old rollups once a day, one project in a transaction, with a pause between them.
func (r *Rollups) prune(ctx context.Context, today int64) error {
	var pruned int64
	err := r.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `SELECT pruned FROM rollup_state WHERE id = 1`).Scan(&pruned)
	})
	if err != nil || pruned >= today {
		return err
	}
	for last := ""; ; {
		var ids []string
		err := r.db.read(ctx, readTime, func(ctx context.Context, q queryer) (err error) {
			ids, err = texts(q.QueryContext(ctx, projectsAfter, last))
			return err
		})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		for _, id := range ids {
			if err := r.pruneProject(ctx, id, today); err != nil {
				return err
			}
		}
		last = ids[len(ids)-1]
	}
	return r.change(ctx, `UPDATE rollup_state SET pruned = $1 WHERE id = 1`, today)
}

func (r *Rollups) pruneProject(ctx context.Context, id string, today int64) error {
	for _, old := range oldRows {
		before := today - KeptDays
		if old.hours {
			before = 24 * (today - KeptHours)
		}
		if err := r.change(ctx, fmt.Sprintf(`DELETE FROM %s WHERE project_id = $1 AND %s`, old.table, old.where), id, before); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(prunePause):
	}
	return nil
}

// change runs one statement in a transaction of its own.
func (r *Rollups) change(ctx context.Context, statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := r.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		return err
	}
	return tx.Commit()
}
