package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// Rollups add up what the ledger and the gateway count, for reports. Entries wait in rollup_pending. A fold takes them out
// and adds them to the rollups in one transaction, so each is counted once. One process folds at a time.
//
// Usage from before the rollups existed, or of a node that does not write entries, is added up from the usage table: see
// rollup_build.go.
type Rollups struct {
	db  *DB
	now func() time.Time

	mu        sync.Mutex // held during a fold or a build
	cache     foldCache
	closedFor int64 // the day for which days were closed
}

// NewRollups returns the rollups of a database. now is the clock by which days close.
func NewRollups(db *DB, now func() time.Time) *Rollups { return &Rollups{db: db, now: now} }

const (
	// FoldInterval is how often entries are added up.
	FoldInterval = 2 * time.Second
	// foldLock is the advisory lock of the node that folds in PostgreSQL.
	foldLock = migrationLock + 2
	// foldFile and foldPool are how many rows of rollup_pending one fold takes. With SQLite each is a fold of the ledger.
	foldFile, foldPool = 32, 500
	// maxRetained is how many sketches, tops and sets of keys are kept in memory between folds, and maxHeld how many
	// identities the tops may have together.
	maxRetained, maxHeld = 20_000, 200_000
	// insertedRows is how many rows one statement inserts.
	insertedRows = 200
)

// Append adds entries to what the next fold adds up.
func (r *Rollups) Append(ctx context.Context, entries []byte) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := r.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("keep counts: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, `INSERT INTO rollup_pending (entries) VALUES ($1)`, entries); err != nil {
		return fmt.Errorf("keep counts: %w", err)
	}
	return tx.Commit()
}

// Run folds every interval until ctx ends, builds what is missing, closes days and removes old rows. After an error the
// next round tries again.
func (r *Rollups) Run(ctx context.Context, every time.Duration, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.Round(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			log.Warn("reports not brought up to date", "error", err)
		}
		failing = err != nil
	}
}

// Round does what [Rollups.Run] does at each interval.
func (r *Rollups) Round(ctx context.Context) error {
	built := false
	for more := true; more; {
		var err error
		if more, built, err = r.fold(ctx); err != nil {
			return fmt.Errorf("add up usage: %w", err)
		}
	}
	if !built {
		if err := r.build(ctx); err != nil {
			return fmt.Errorf("add up earlier usage: %w", err)
		}
	}
	if err := r.close(ctx); err != nil {
		return fmt.Errorf("close a day of usage: %w", err)
	}
	return nil
}

// fold adds up a batch of entries. It reports whether there may be more, and whether earlier usage is added up, or is the
// business of another node.
func (r *Rollups) fold(ctx context.Context) (more, built bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := r.begin(ctx)
	if f == nil || err != nil {
		return false, true, err
	}
	defer f.end(&err)
	most := foldFile
	if r.db.Pool != nil {
		most = foldPool
	}
	p, err := readPending(f.ctx, f.tx, most)
	if err != nil || len(p.ids) == 0 {
		return false, f.built, err
	}
	if err := f.write(p, "", nil); err != nil {
		return false, f.built, err
	}
	return len(p.ids) == most, f.built, f.commit()
}

// folding is a transaction that adds to the rollups.
type folding struct {
	ctx    context.Context
	cancel context.CancelFunc
	r      *Rollups
	tx     *sql.Tx
	rows   map[string][][]any // to be inserted, by table
	built  bool               // earlier usage is added up
	done   bool
}

// begin begins a fold, or returns nil if another node folds.
func (r *Rollups) begin(ctx context.Context) (*folding, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	tx, err := r.db.begin(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	f := &folding{ctx: ctx, cancel: cancel, r: r, tx: tx, rows: map[string][][]any{}}
	if mine, err := f.lock(); err != nil || !mine {
		f.end(&err)
		return nil, err
	}
	return f, nil
}

// lock reports whether this process may fold, and reads f.built. With SQLite there is no other process.
func (f *folding) lock() (mine bool, err error) {
	if f.r.db.Pool == nil {
		return true, f.tx.QueryRowContext(f.ctx, `SELECT built FROM rollup_state WHERE id = 1`).Scan(&f.built)
	}
	var setting string
	err = f.tx.QueryRowContext(f.ctx, `SELECT pg_try_advisory_xact_lock($1), set_config('enable_seqscan', 'off', true), built
		FROM rollup_state WHERE id = 1`, foldLock).Scan(&mine, &setting, &f.built)
	return mine, err
}

// end rolls back a fold that is not committed. What memory kept for it may then be wrong.
func (f *folding) end(err *error) {
	if !f.done {
		_ = f.tx.Rollback()
		if *err != nil {
			f.r.cache.clear()
		}
	}
	f.cancel()
}

func (f *folding) commit() error {
	err := f.tx.Commit()
	if f.done = err == nil; err != nil {
		f.r.cache.clear()
	}
	return err
}

// pending is rows of rollup_pending.
type pending struct {
	ids     []int64
	entries [][]byte
}

func readPending(ctx context.Context, q queryer, most int) (p pending, err error) {
	rows, err := q.QueryContext(ctx, `SELECT id, entries FROM rollup_pending ORDER BY id LIMIT $1`, most)
	if err != nil {
		return p, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var entries []byte
		if err := rows.Scan(&id, &entries); err != nil {
			return p, err
		}
		p.ids, p.entries = append(p.ids, id), append(p.entries, entries)
	}
	return p, rows.Err()
}

// write adds up entries and deletes their rows. For a project that is built, its usage comes from there instead.
func (f *folding) write(p pending, project string, built *builtProject) error {
	if err := f.count(); err != nil {
		return err
	}
	t := tally{}
	for _, entries := range p.entries {
		if err := rollup.Read(entries, func(e *rollup.Entry) { t.add(e, project) }); err != nil {
			return err
		}
	}
	if built != nil {
		if err := f.replace(project, built, t.project(project)); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t)) {
		if err := f.project(id, t[id]); err != nil {
			return err
		}
	}
	if err := f.insertAll(); err != nil {
		return err
	}
	return f.remove(p.ids)
}

// count counts the fold, by which another process notices that its cache is out of date, and makes this one's ready.
func (f *folding) count() error {
	var folds int64
	err := f.tx.QueryRowContext(f.ctx, `UPDATE rollup_state SET folds = folds + 1 WHERE id = 1 RETURNING folds`).Scan(&folds)
	if err == nil {
		f.r.cache.use(folds)
	}
	return err
}

// remove deletes rows of rollup_pending.
func (f *folding) remove(ids []int64) error {
	for batch := range slices.Chunk(ids, foldPool) {
		args := make([]any, len(batch))
		places := make([]string, len(batch))
		for i, id := range batch {
			args[i], places[i] = id, fmt.Sprint("$", i+1)
		}
		if _, err := f.tx.ExecContext(f.ctx, `DELETE FROM rollup_pending WHERE id IN (`+strings.Join(places, ", ")+`)`, args...); err != nil {
			return err
		}
	}
	return nil
}

// project adds the tally of a project.
func (f *folding) project(id string, p *projectTally) error {
	for _, hour := range slices.Sorted(maps.Keys(p.totals)) {
		t := p.totals[hour]
		f.add("usage_total", id, hour, t.Sums[0], t.Sums[1], t.Sums[2], t.Refused, t.created)
	}
	if err := f.splits(id, p); err != nil {
		return err
	}
	if err := f.users(id, p); err != nil {
		return err
	}
	for k, n := range p.refusals {
		f.add("refusals", id, k.hour, k.code, k.metric, k.model, k.tier, n)
	}
	for day, top := range p.turned {
		if err := f.turned(id, day, top); err != nil {
			return err
		}
	}
	for k, n := range p.near {
		f.add("near_limits", id, k.identity, k.metric, k.scope, ledger.EscapeName(k.model), ledger.EscapeName(n.tier), n.used, n.resetAt)
	}
	if s := p.seen; s != (seen{}) {
		f.add("rollup_projects", id, s.first, s.last, s.refused, s.refusedFor)
	}
	return nil
}

// splits adds to usage_hour and usage_day.
func (f *folding) splits(id string, p *projectTally) error {
	hours, days := map[splitKey]rollup.Figures{}, map[splitKey]rollup.Figures{}
	last := map[splitKey]int64{}
	for _, k := range slices.SortedFunc(maps.Keys(p.splits), splitKey.compare) {
		key, err := f.key(id, k)
		if err != nil {
			return err
		}
		of, day := splitKey{k.split, k.hour, key}, splitKey{k.split, dayOf(k.hour), key}
		hours[of], days[day] = hours[of].Plus(p.splits[k]), days[day].Plus(p.splits[k])
		last[day] = max(last[day], k.hour)
	}
	for k, n := range hours {
		f.add("usage_hour", id, int64(k.split), k.hour, k.key, n.Sums[0], n.Sums[1], n.Sums[2], n.Refused)
	}
	for k, n := range days {
		f.add("usage_day", id, int64(k.split), k.hour, k.key, n.Sums[0], n.Sums[1], n.Sums[2], n.Refused, last[k])
	}
	return nil
}

func (k splitKey) compare(o splitKey) int {
	if k.split != o.split {
		return int(k.split - o.split)
	}
	if k.hour != o.hour {
		return int(k.hour - o.hour)
	}
	return strings.Compare(k.key, o.key)
}

// key returns the key under which a key is kept: itself, or otherKey if the day has too many.
func (f *folding) key(id string, k splitKey) (string, error) {
	at := cached{kind: keysOf, project: id, at: dayOf(k.hour), split: k.split}
	keys, err := load(f, at, func() (map[string]bool, error) {
		all, err := texts(f.tx.QueryContext(f.ctx, `SELECT key FROM usage_day WHERE project_id = $1 AND split = $2 AND day = $3`,
			id, int64(k.split), dayOf(k.hour)))
		keys := make(map[string]bool, len(all))
		for _, key := range all {
			keys[key] = true
		}
		return keys, err
	})
	if err != nil || keys[k.key] {
		return k.key, err
	}
	if len(keys) >= mostKeys {
		return otherKey, nil
	}
	keys[k.key] = true
	return k.key, nil
}

func dayOf(hour int64) int64 { return hour / 24 }

// users adds identities to the sketches and to the tops. The sketch of a day changes only by identities that are not in
// the day's top yet.
func (f *folding) users(id string, p *projectTally) error {
	tops := map[int64]*rollup.Top{}
	changed := map[cached]*hyperloglog.Sketch{}
	for _, hour := range slices.Sorted(maps.Keys(p.users)) {
		ofHour, ofDay := cached{kind: hourSketch, project: id, at: hour}, cached{kind: daySketch, project: id, at: dayOf(hour)}
		top, err := f.top(id, ofDay.at)
		if err != nil {
			return err
		}
		hourly, err := f.sketch(ofHour)
		if err != nil {
			return err
		}
		daily, err := f.sketch(ofDay)
		if err != nil {
			return err
		}
		tops[ofDay.at], changed[ofHour] = top, hourly
		for name, sums := range p.users[hour] {
			hourly.Insert([]byte(name))
			if top.Items[name] == nil {
				daily.Insert([]byte(name))
				changed[ofDay] = daily
			}
			top.Add(name, sums, rollup.Sums{})
		}
	}
	for at, sketch := range changed {
		if err := f.addSketch(at, sketch); err != nil {
			return err
		}
	}
	for day, top := range tops {
		top.Trim(mostTop, mostOpen)
		f.add("top_open", id, day, top.Append(nil))
	}
	return nil
}

func (f *folding) addSketch(at cached, sketch *hyperloglog.Sketch) error {
	b, err := sketch.MarshalBinary()
	if err == nil {
		f.add(at.kind.table(), at.project, at.at, b)
	}
	return err
}

// sketch returns the sketch of an hour or a day.
func (f *folding) sketch(at cached) (*hyperloglog.Sketch, error) {
	return load(f, at, func() (*hyperloglog.Sketch, error) {
		sketch := hyperloglog.New()
		b, err := f.blob(at)
		if err != nil || b == nil {
			return sketch, err
		}
		return sketch, sketch.UnmarshalBinary(b)
	})
}

// top returns the top of an open day.
func (f *folding) top(id string, day int64) (*rollup.Top, error) {
	at := cached{kind: openTop, project: id, at: day}
	return load(f, at, func() (*rollup.Top, error) {
		top := rollup.NewTop()
		b, err := f.blob(at)
		if err != nil || b == nil {
			return top, err
		}
		return top, top.AddAll(b)
	})
}

// turned adds refused identities to those of a day, which are kept under its first hour.
func (f *folding) turned(id string, day int64, top *rollup.Top) error {
	at := cached{kind: refusedTop, project: id, at: 24 * day}
	b, err := f.blob(at)
	if err != nil {
		return err
	}
	if b != nil {
		if err := top.AddAll(b); err != nil {
			return err
		}
	}
	top.Trim(mostRefused, mostRefusedOpen)
	f.add("refused_identities", id, at.at, top.AppendFirst(nil, 0, mostRefusedOpen))
	return nil
}

// blob reads what a table has for a project's hour or day; nil for nothing.
func (f *folding) blob(at cached) (b []byte, err error) {
	t := blobs[at.kind]
	err = f.tx.QueryRowContext(f.ctx, fmt.Sprintf(readBlob, t.column, t.table, t.at), at.project, at.at).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return b, err
}

const readBlob = `SELECT %s FROM %s WHERE project_id = $1 AND %s = $2`
