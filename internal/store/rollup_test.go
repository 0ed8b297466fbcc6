package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

var noon = time.Date(2026, 11, 18, 12, 30, 0, 0, time.UTC)

// rolled is the rollups of a database with a clock.
type rolled struct {
	*Rollups
	db   *DB
	time time.Time
}

func openRollups(t *testing.T, location string) *rolled {
	t.Helper()
	r := &rolled{db: openTest(t, location), time: noon}
	r.Rollups = NewRollups(r.db, func() time.Time { return r.time })
	return r
}

// append appends entries.
func (r *rolled) append(t *testing.T, entries ...rollup.Entry) {
	t.Helper()
	var w rollup.Writer
	for i := range entries {
		w.Add(&entries[i])
	}
	if err := r.Append(t.Context(), w.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func (r *rolled) round(t *testing.T) {
	t.Helper()
	if err := r.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// use inserts usage as a ledger does: a row of usage, and an entry.
func (r *rolled) use(t *testing.T, e rollup.Entry, rolls bool) {
	t.Helper()
	e.Kind = rollup.Used
	if _, err := r.db.Write.Exec(`INSERT INTO usage AS u (project_id, identity, hour, model, tier, kind, requests, tokens, micros)
		VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8) ON CONFLICT (project_id, identity, hour, model, tier, kind) DO UPDATE SET
		requests = u.requests + excluded.requests, tokens = u.tokens + excluded.tokens, micros = u.micros + excluded.micros`,
		e.Project, e.Identity, e.Hour, e.Model, e.Tier, e.Requests, e.Tokens, e.Micros); err != nil {
		t.Fatal(err)
	}
	if rolls {
		r.append(t, e)
	}
}

func used(identity string, hour int64, model string, n int64) rollup.Entry {
	return rollup.Entry{Kind: rollup.Used, Project: "pk_1", Identity: identity, Hour: hour, Model: model, Tier: "free",
		Requests: n, Tokens: 10 * n, Micros: 100 * n}
}

func refusedFor(code, model string, hour, at, n int64) rollup.Entry {
	return rollup.Entry{Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Refused, Code: code, Metric: "requests", Model: model,
		Tier: "free", Hour: hour, At: at, Requests: n}
}

// allFigures is a series of each figure.
type allFigures map[string][]rollup.Figures

func series(t *testing.T, r *rolled, q rollup.SeriesQuery) allFigures {
	t.Helper()
	q.Project = "pk_1"
	all := allFigures{}
	for q.Figure = rollup.Requests; q.Figure <= rollup.RefusedRequests; q.Figure++ {
		s, err := r.Series(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for key, figures := range s {
			if all[key] == nil {
				all[key] = make([]rollup.Figures, len(figures))
			}
			for i, n := range figures {
				if q.Figure == rollup.RefusedRequests {
					all[key][i].Refused = n
				} else {
					all[key][i].Sums[q.Figure] = n
				}
			}
		}
	}
	return all
}

var thisHour = ledger.HourOf(noon)

func TestUsageIsAddedUpByHourAndDay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		r.append(t, used("a", thisHour-1, "gpt-4o", 1), used("b", thisHour, "gpt-4o", 2))
		r.round(t)
		r.append(t, used("a", thisHour, "o3", 3), refusedFor("limit_exceeded", "o3", thisHour, 7, 4))
		r.append(t, used("c", thisHour, "x"+othersMark, 5))
		r.round(t)
		figures := func(n, refused int64) rollup.Figures {
			return rollup.Figures{Sums: rollup.Sums{n, 10 * n, 100 * n}, Refused: refused}
		}
		hours := rollup.Span{From: thisHour - 1, To: thisHour + 1}
		want := allFigures{"": {figures(1, 0), figures(10, 4)}}
		if diff := cmp.Diff(want, series(t, r, rollup.SeriesQuery{Span: hours, Split: rollup.Unsplit})); diff != "" {
			t.Errorf("hours (-want +got):\n%s", diff)
		}
		want = allFigures{"gpt-4o": {figures(1, 0), figures(2, 0)}, "o3": {{}, figures(3, 4)}, rollup.OtherKey: {{}, figures(5, 0)}}
		if diff := cmp.Diff(want, series(t, r, rollup.SeriesQuery{Span: hours, Split: rollup.ByModel})); diff != "" {
			t.Errorf("hours by model (-want +got):\n%s", diff)
		}
		delete(want, "o3")
		delete(want, rollup.OtherKey)
		if diff := cmp.Diff(want, series(t, r, rollup.SeriesQuery{Span: hours, Split: rollup.ByModel, Only: true, Key: "gpt-4o"})); diff != "" {
			t.Errorf("one model (-want +got):\n%s", diff)
		}
		day := dayOf(thisHour)
		want = allFigures{"limit_exceeded": {{}, {Sums: rollup.Sums{4}, Refused: 4}}}
		if diff := cmp.Diff(want, series(t, r, rollup.SeriesQuery{Days: true, Span: rollup.Span{From: day - 1, To: day + 1}, Split: rollup.ByCode})); diff != "" {
			t.Errorf("days by code (-want +got):\n%s", diff)
		}
	})
}

// Made-up names of models do not make rows without end.
func TestKeysOfADayAreBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		for i := range 2 * mostKeys {
			r.append(t, used("a", thisHour-int64(i%2), fmt.Sprint("made-up-", i), 1))
			if i == mostKeys/2 {
				r.round(t)
				r.Rollups = NewRollups(r.db, r.now) // nothing in memory
			}
		}
		r.round(t)
		day := rollup.Span{From: dayOf(thisHour), To: dayOf(thisHour) + 1}
		s := series(t, r, rollup.SeriesQuery{Days: true, Span: day, Split: rollup.ByModel})
		if others := s[rollup.OtherKey][0].Sums[0]; len(s) != mostKeys+1 || others != mostKeys {
			t.Errorf("%d keys, others have %d; want %d keys and %d", len(s), others, mostKeys+1, mostKeys)
		}
	})
}

// After any earlier sums and waiting entries, a build leaves the sums of the usage rows, and the refusals.
func TestBuildMakesTheSumsOfTheUsageRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		random := rand.New(rand.NewPCG(3, 4))
		total := rollup.Figures{}
		for range 3 { // an upgrade; and nodes of an earlier version that come back later
			for i := range 200 {
				e := used(fmt.Sprint("user-", random.IntN(20)), thisHour-random.Int64N(24*40), "gpt-4o", 1+random.Int64N(3))
				r.use(t, e, i%3 == 0)
				total = total.Plus(rollup.Figures{Sums: rollup.Sums{e.Requests, e.Tokens, e.Micros}})
			}
			r.append(t, refusedFor("burst_exceeded", "", thisHour, 7, 2))
			total.Refused += 2
			if _, err := r.db.Write.Exec(`UPDATE rollup_state SET built = false`); err != nil {
				t.Fatal(err)
			}
			if _, err := r.db.Write.Exec(`UPDATE rollup_projects SET built = false`); err != nil {
				t.Fatal(err)
			}
			r.round(t)
			r.append(t, refusedFor("burst_exceeded", "", thisHour, 7, 1))
			total.Refused++
			r.round(t)
			r.compareBuilt(t, total)
		}
	})
}

func (r *rolled) compareBuilt(t *testing.T, total rollup.Figures) {
	t.Helper()
	day := dayOf(thisHour)
	days := rollup.Span{From: day - 45, To: day + 1}
	for by, key := range map[rollup.Split]string{rollup.Unsplit: "", rollup.ByTier: "free"} {
		var sum rollup.Figures
		for _, f := range series(t, r, rollup.SeriesQuery{Days: true, Span: days, Split: by})[key] {
			sum = sum.Plus(f)
		}
		if sum != total {
			t.Errorf("split %d: %v, want %v", by, sum, total)
		}
	}
	top, err := r.Top(t.Context(), rollup.TopQuery{Project: "pk_1", Split: rollup.Unsplit, Days: days, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var sum rollup.Sums
	for _, item := range top.Items {
		sum = sum.Plus(item.Sums)
	}
	if !top.Complete || len(top.Items) != 20 || sum != total.Sums || top.Total != total.Sums {
		t.Errorf("top: %d identities, %v of %v, complete %t; want 20, %v", len(top.Items), sum, top.Total, top.Complete, total.Sums)
	}
	o, err := r.Overview(t.Context(), "pk_1", 90*24, 30, noon)
	if err != nil {
		t.Fatal(err)
	}
	if o.Now.Active != 20 || o.Now.Figures != total || o.Before.Active != 0 {
		t.Errorf("overview: %+v before %+v, want 20 active and %v", o.Now, o.Before, total)
	}
}

// With a node of an earlier version, what it counts has no entries. Its usage is added up once it has gone.
func TestNodesOfAnEarlierVersionLeaveNoGap(t *testing.T) {
	t.Parallel()
	r := openRollups(t, migrated.Database(t))
	r.use(t, used("a", thisHour, "gpt-4o", 1), true)
	r.round(t)
	exec := func(statement string) {
		t.Helper()
		if _, err := r.db.Write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO nodes (id) VALUES (7)`)
	r.use(t, used("a", thisHour, "gpt-4o", 10), false)
	r.use(t, used("b", thisHour, "gpt-4o", 100), true)
	requests := func() int64 {
		t.Helper()
		s := series(t, r, rollup.SeriesQuery{Span: rollup.Span{From: thisHour, To: thisHour + 1}, Split: rollup.Unsplit})
		return s[""][0].Sums[0]
	}
	r.round(t)
	if got := requests(); got != 101 {
		t.Errorf("%d requests beside the earlier node, want 101", got)
	}
	exec(`DELETE FROM nodes WHERE id = 7`)
	r.round(t)
	if got := requests(); got != 111 {
		t.Errorf("%d requests once it has gone, want 111", got)
	}
}

func TestTopsCloseAndOldRowsGo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		day := dayOf(thisHour)
		for i := range mostTop + 50 {
			r.append(t, used(fmt.Sprint("user-", i), thisHour, "gpt-4o", int64(i+1)))
		}
		r.append(t, refusedFor("limit_exceeded", "gpt-4o", thisHour, 7, 9))
		r.append(t, rollup.Entry{Kind: rollup.Turned, Project: "pk_1", Identity: "mallory", Hour: thisHour, Requests: 9})
		r.round(t)
		ask := func(q rollup.TopQuery) rollup.TopList {
			t.Helper()
			q.Project, q.Days, q.Limit = "pk_1", rollup.Span{From: day, To: day + 1}, 2
			list, err := r.Top(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		n := int64(mostTop + 50)
		want := []rollup.Named{{Name: fmt.Sprint("user-", n-1), Sums: rollup.Sums{n, 10 * n, 100 * n}}, {Name: fmt.Sprint("user-", n-2), Sums: rollup.Sums{n - 1, 10 * (n - 1), 100 * (n - 1)}}}
		for open := range 2 {
			list := ask(rollup.TopQuery{Split: rollup.Unsplit, Metric: 1})
			if diff := cmp.Diff(want, list.Items); diff != "" || list.Complete != (open == 0) || list.Total[0] != n*(n+1)/2 {
				t.Errorf("complete %t of %v (-want +got):\n%s", list.Complete, list.Total, diff)
			}
			r.time = noon.Add(48 * time.Hour)
			r.round(t)
		}
		if n := scan[int](t, r.db.Read, `SELECT count(*) FROM top_open`); n != 0 {
			t.Errorf("%d days are open, want none", n)
		}
		list := ask(rollup.TopQuery{Refused: true, Split: rollup.Unsplit})
		if diff := cmp.Diff(rollup.TopList{Items: []rollup.Named{{Name: "mallory", Sums: rollup.Sums{9}}}, Total: rollup.Sums{9}, Complete: true}, list); diff != "" {
			t.Errorf("refused identities (-want +got):\n%s", diff)
		}
		r.time = noon.Add((KeptDays + 2) * 24 * time.Hour)
		r.round(t)
		for _, table := range []string{"usage_total", "usage_hour", "usage_day", "active_hour", "active_day", "top_day", "refusals", "refused_identities"} {
			if n := scan[int](t, r.db.Read, `SELECT count(*) FROM `+table); n != 0 {
				t.Errorf("%d rows of %s are left, want none", n, table)
			}
		}
	})
}

// Totals by day, and the shares of a top, go back as far as days are kept. They used to be sums of hours, which are removed
// before.
func TestDaysOutliveTheirHours(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		day := rollup.Span{From: dayOf(thisHour), To: dayOf(thisHour) + 1}
		r.append(t, used("alice", thisHour, "gpt-4o", 2), used("bob", thisHour-1, "o3", 3),
			rollup.Entry{Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Answered, Hour: thisHour, At: 7, Requests: 5})
		r.round(t)
		r.time = noon.Add((KeptHours + 5) * 24 * time.Hour)
		r.round(t)
		if n := scan[int](t, r.db.Read, `SELECT count(*) FROM usage_total`); n != 0 {
			t.Fatalf("%d hours are left, want none", n)
		}
		want := allFigures{"": {{Sums: rollup.Sums{5, 50, 500}}}}
		if diff := cmp.Diff(want, series(t, r, rollup.SeriesQuery{Days: true, Span: day, Split: rollup.Unsplit})); diff != "" {
			t.Errorf("days (-want +got):\n%s", diff)
		}
		list, err := r.Top(t.Context(), rollup.TopQuery{Project: "pk_1", Days: day, Split: rollup.Unsplit, Limit: 1})
		if err != nil || list.Total != (rollup.Sums{5, 50, 500}) || list.Items[0].Name != "bob" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// Usage that arrives after its day was closed, by this node or by another, is added to the day's top. It used to take the
// place of the top.
func TestLateUsageJoinsTheTopOfAClosedDay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		other := &rolled{Rollups: NewRollups(r.db, r.now), db: r.db}
		sums := func(n int64) rollup.Sums { return rollup.Sums{n, 10 * n, 100 * n} }
		want := rollup.TopList{Items: []rollup.Named{{Name: "alice", Sums: sums(6)}, {Name: "carol", Sums: sums(3)}, {Name: "bob", Sums: sums(2)}},
			Total: sums(11), Complete: true}
		for i, closes := range []*rolled{r, other} {
			hour := thisHour + 240*int64(i)
			r.time = ledger.HourTime(hour)
			r.append(t, used("alice", hour, "gpt-4o", 5), used("bob", hour, "gpt-4o", 2))
			r.round(t)
			r.time = r.time.Add(48 * time.Hour)
			closes.round(t)
			r.append(t, used("alice", hour, "gpt-4o", 1), used("carol", hour, "gpt-4o", 3))
			for _, when := range []string{"open again", "closed again"} {
				r.round(t)
				for m := range rollup.NumMetrics {
					got, err := r.Top(t.Context(), rollup.TopQuery{Project: "pk_1", Metric: m, Split: rollup.Unsplit,
						Days: rollup.Span{From: dayOf(hour), To: dayOf(hour) + 1}, Limit: 10})
					if diff := cmp.Diff(want, got); diff != "" || err != nil {
						t.Errorf("closed by node %d, %s, metric %d: %v (-want +got):\n%s", i, when, m, err, diff)
					}
				}
				r.time = r.time.Add(24 * time.Hour)
			}
		}
	})
}

func TestNearLimitsAndTimesOfRequests(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		near := func(identity string, used, limit int64, resets time.Time) rollup.Entry {
			return rollup.Entry{Kind: rollup.Near, Project: "pk_1", Identity: identity, Tier: "free", Metric: "requests", Scope: "tier",
				Requests: used, Tokens: limit, At: resets.UnixMicro()}
		}
		later := noon.Add(time.Hour)
		r.append(t, near("a", 8, 10, later), near("b", 5, 10, later), near("c", 9, 10, noon.Add(-time.Hour)), near("d", 9, 10, later))
		r.append(t, rollup.Entry{Kind: rollup.Ended, Project: "pk_1", Outcome: rollup.Answered, Hour: thisHour, At: 50, Requests: 1},
			refusedFor("missing_identity", "", thisHour, 60, 1))
		r.round(t)
		got, err := r.Near(t.Context(), rollup.NearQuery{Project: "pk_1", Threshold: 0.8, Now: noon, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		want := []rollup.NearLimit{{Identity: "d", Tier: "free", Metric: "requests", Scope: "tier"}, {Identity: "a", Tier: "free", Metric: "requests", Scope: "tier"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("near (-want +got):\n%s", diff)
		}
		if n, err := r.CountNear(t.Context(), "pk_1", 0.5, noon, 100); err != nil || n != 3 {
			t.Errorf("%d near, %v; want 3", n, err)
		}
		first, err := r.First(t.Context(), "pk_1")
		if want := (rollup.First{At: time.UnixMicro(50).UTC(), RefusedAt: time.UnixMicro(60).UTC(), Code: "missing_identity"}); err != nil || first != want {
			t.Errorf("first %+v, %v; want %+v", first, err, want)
		}
		today, err := r.Today(t.Context(), []string{"pk_1", "pk_2"}, noon)
		if err != nil {
			t.Fatal(err)
		}
		wantToday := map[string]rollup.Today{"pk_1": {Figures: rollup.Figures{Refused: 1}, LastRequest: time.UnixMicro(50).UTC()}, "pk_2": {}}
		if diff := cmp.Diff(wantToday, today); diff != "" {
			t.Errorf("today (-want +got):\n%s", diff)
		}
		if _, err := r.db.Prune(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
		if n := scan[int](t, r.db.Read, `SELECT count(*) FROM near_limits`); n != 0 { // the project does not exist
			t.Errorf("%d near limits of a deleted project, want none", n)
		}
	})
}

// Two nodes that fold by turns count everything once.
func TestNodesFoldByTurns(t *testing.T) {
	t.Parallel()
	url := migrated.Database(t)
	a, b := openRollups(t, url), openRollups(t, url)
	for i := range 20 {
		a.append(t, used(fmt.Sprint("user-", i), thisHour, "gpt-4o", 1))
		if i%3 == 0 {
			a.round(t)
		} else {
			b.round(t)
		}
	}
	o, err := a.Overview(t.Context(), "pk_1", 24, 24, noon)
	if err != nil {
		t.Fatal(err)
	}
	if o.Now.Active != 20 || o.Now.Sums[0] != 20 {
		t.Errorf("%+v, want 20 requests of 20 identities", o.Now)
	}
}

// Every statement of the rollups finds its rows by an index.
func TestReportsReadThroughNoTable(t *testing.T) {
	t.Parallel()
	r := openRollups(t, migrated.Database(t))
	for table := range inserted {
		r.explain(t, insertion(table, 2))
	}
	for _, statement := range []string{readTotals, readDays, readSplitSum, readSeen, readTops, readOpenTops, readRefused, readRefusals, readNear, countNear,
		fmt.Sprintf(readSplit, "usage_hour", "hour", "tokens"), fmt.Sprintf(readSplit, "usage_day", "day", "tokens"), fmt.Sprintf(readSplitKey, "usage_hour", "hour", "tokens"),
		fmt.Sprintf(readSketches, "active_hour", "hour"), fmt.Sprintf(readSketches, "active_day", "day"), usageOf, createdOf,
		readClosing, deleteOpen, projectsAfter, nextUnbuilt, `DELETE FROM rollup_pending WHERE id IN ($1, $2)`} {
		r.explain(t, statement)
	}
	for _, b := range blobs {
		statement := fmt.Sprintf(readBlob, b.column, b.table, b.at)
		r.explain(t, statement)
	}
	for _, old := range oldRows {
		r.explain(t, fmt.Sprintf(`DELETE FROM %s WHERE project_id = $1 AND %s`, old.table, old.where))
	}
}

// explain checks a plan for any parameters.
func (r *rolled) explain(t *testing.T, statement string) {
	t.Helper()
	tx, err := r.db.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // only a plan was asked for
	for _, s := range []string{`SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`,
		`PREPARE explained AS ` + statement} {
		if _, err := tx.Exec(s); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	defer tx.ExecContext(context.Background(), `DEALLOCATE explained`) //nolint:errcheck // the next PREPARE would fail
	places := strings.TrimSuffix(strings.Repeat("NULL, ", distinct(statement)), ", ")
	lines, err := texts(tx.Query(`EXPLAIN EXECUTE explained (` + places + `)`))
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	plan := strings.Join(lines, "\n")
	if strings.Contains(plan, "Seq Scan") {
		t.Errorf("%s\nreads through a table:\n%s", statement, plan)
	}
}

// distinct counts the parameters of a statement.
func distinct(statement string) (n int) {
	for strings.Contains(statement, fmt.Sprint("$", n+1)) {
		n++
	}
	return n
}
