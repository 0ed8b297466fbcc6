package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// The tables are described in store/migrations. Their times are Unix microseconds, except
// burst_at (nanoseconds) and hours.

// addUsage adds to a row of usage. The columns requests, tokens and micros include what
// credits paid for. No number in a row exceeds limit.MaxAmount, so that no sum over rows can
// overflow: SQLite makes an overflow an error, and every later fold and start would fail.
var addUsage = fmt.Sprintf(` ON CONFLICT DO UPDATE SET
	requests = min(requests + excluded.requests, %[1]d), tokens = min(tokens + excluded.tokens, %[1]d),
	micros = min(micros + excluded.micros, %[1]d),
	credit_requests = min(credit_requests + excluded.credit_requests, %[1]d),
	credit_tokens = min(credit_tokens + excluded.credit_tokens, %[1]d),
	credit_micros = min(credit_micros + excluded.credit_micros, %[1]d),
	input_tokens = min(input_tokens + excluded.input_tokens, %[1]d),
	output_tokens = min(output_tokens + excluded.output_tokens, %[1]d)`, int64(limit.MaxAmount))

// insertPending adds to what waits to be added up for reports.
const insertPending = `INSERT INTO rollup_pending (entries) VALUES (?)`

// succeed begins a new epoch, and settles the orphans of the previous process as they stand:
// the provider may have answered their requests.
func succeed(ctx context.Context, conn *sql.Conn, epoch uint64) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, `UPDATE journal SET epoch = ?, folded = 0`, int64(epoch)); err != nil {
		return err
	}
	if err := rollUpOrphans(ctx, tx); err != nil {
		return err
	}
	for _, query := range []string{
		`INSERT INTO usage (project_id, identity, hour, model, tier, kind,
			requests, tokens, micros, credit_requests, credit_tokens, credit_micros)
		SELECT project_id, identity, hour, model, tier, 0,
			sum(requests), sum(tokens), sum(micros), sum(credit_requests), sum(credit_tokens), sum(credit_micros)
		FROM holds WHERE requests > 0 OR tokens > 0 OR micros > 0 GROUP BY 1, 2, 3, 4, 5` + addUsage,
		`UPDATE identities SET
			credit_requests = max(0, credit_requests - h.requests),
			credit_tokens = max(0, credit_tokens - h.tokens),
			credit_micros = max(0, credit_micros - h.micros)
		FROM (SELECT project_id AS project, identity AS name, sum(credit_requests) AS requests,
			sum(credit_tokens) AS tokens, sum(credit_micros) AS micros FROM holds GROUP BY 1, 2) AS h
		WHERE project_id = h.project AND identity = h.name`,
		`DELETE FROM holds`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rollUpOrphans adds the orphans to what waits to be added up.
func rollUpOrphans(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT project_id, identity, hour, model, tier, sum(requests), sum(tokens), sum(micros)
		FROM holds WHERE requests > 0 OR tokens > 0 OR micros > 0 GROUP BY 1, 2, 3, 4, 5`)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var w rollup.Writer
	for rows.Next() {
		e := rollup.Entry{Kind: rollup.Used}
		if err := rows.Scan(&e.Project, &e.Identity, &e.Hour, &e.Model, &e.Tier, &e.Requests, &e.Tokens, &e.Micros); err != nil {
			return err
		}
		w.Add(&e)
	}
	if err := rows.Err(); err != nil || len(w.Bytes()) == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, insertPending, w.Bytes())
	return err
}

// row is an account's row in identities.
type row struct {
	known                bool
	isNew                bool      // the identity did not exist before, and the journal does not say so yet
	settings             *settings // nil if nothing was set
	createdAt, updatedAt micros
}

// settings are those of an identity, with their JSON.
type settings struct {
	ledger.Settings
	encoded string
}

func (s *settings) public() *ledger.Settings {
	if s == nil {
		return nil
	}
	return &s.Settings
}

func (s *settings) text() string {
	if s == nil {
		return ""
	}
	return s.encoded
}

// micros is a time as the tables keep it, in Unix microseconds; 0 for none.
type micros int64

func microsOf(t time.Time) micros {
	if t.IsZero() {
		return 0
	}
	return micros(t.UnixMicro())
}

// nanosOf returns a time in Unix nanoseconds; 0 for none.
func nanosOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// timeOfNanos is the inverse of nanosOf.
func timeOfNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func (m micros) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// markKnown makes an identity known when it makes a request.
func (r *row) markKnown(now time.Time) {
	r.known = true
	if r.createdAt == 0 {
		r.createdAt, r.updatedAt, r.isNew = microsOf(now), microsOf(now), true
	}
}

func (r *row) flags() (flags byte) {
	if r.known {
		flags |= isKnown
	}
	if r.isNew {
		flags |= isNew
	}
	return flags
}

// set updates the row from an account that a change has altered.
func (r *row) set(a *ledger.Account) error {
	set := r.settings
	if a.Settings != set.public() {
		set = nil
		if a.Settings != nil {
			text, err := a.Settings.Text()
			if err != nil {
				return err
			}
			set = &settings{*a.Settings, text}
		}
	}
	*r = row{
		known: a.Known, settings: set, isNew: r.createdAt == 0 && !a.CreatedAt.IsZero(),
		createdAt: microsOf(a.CreatedAt), updatedAt: microsOf(a.UpdatedAt),
	}
	return nil
}

type preparation struct {
	stmt  **sql.Stmt
	query string
}

// statements are the writer's statements, prepared on its connection.
type statements struct {
	progress, begin, commit, rollback, setFolded, open, close, use, reset, row, entry, once, rollup *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []preparation{
		{&s.progress, `SELECT epoch, folded FROM journal`},
		{&s.setFolded, `UPDATE journal SET folded = ? WHERE epoch = ? AND folded = ?`},
		{&s.begin, `BEGIN IMMEDIATE`},
		{&s.commit, `COMMIT`},
		{&s.rollback, `ROLLBACK`},
		{&s.open, `INSERT INTO holds (id, project_id, identity, model, tier, hour, requests, tokens, micros,
			credit_requests, credit_tokens, credit_micros, admitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.close, `DELETE FROM holds WHERE id = ?`},
		{&s.use, `INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens, micros,
			credit_requests, credit_tokens, credit_micros, input_tokens, output_tokens)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)` + addUsage},
		{&s.reset, `INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens, micros,
			credit_requests, credit_tokens, credit_micros)
			SELECT project_id, identity, hour, model, '', 1, -?1 * sum(requests), -?2 * sum(tokens), -?2 * sum(micros),
			-?1 * sum(credit_requests), -?2 * sum(credit_tokens), -?2 * sum(credit_micros)
			FROM usage WHERE project_id = ?3 AND identity = ?4 AND hour >= ?5 AND hour < ?6 GROUP BY hour, model` + addUsage},
		{&s.row, `INSERT INTO identities (project_id, identity, known, settings, credit_requests, credit_tokens,
			credit_micros, unlimited_until, burst_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET known = excluded.known, settings = excluded.settings,
			credit_requests = excluded.credit_requests, credit_tokens = excluded.credit_tokens,
			credit_micros = excluded.credit_micros, unlimited_until = excluded.unlimited_until,
			burst_at = excluded.burst_at, created_at = excluded.created_at, updated_at = excluded.updated_at`},
		{&s.entry, `INSERT INTO audit (project_id, identity, action, reason, detail, at,
			actor_kind, actor_id, actor_email, target, changes, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.once, `INSERT INTO idempotency (project_id, key, fingerprint, status, body, created_at)
			VALUES (?, ?, ?, ?, ?, ?)`},
		{&s.rollup, insertPending},
	} {
		stmt, err := conn.PrepareContext(ctx, p.query)
		if err != nil {
			return fmt.Errorf("prepare %.30q: %w", p.query, err)
		}
		*p.stmt = stmt
	}
	return nil
}

// write writes a merge in one transaction. It fails unless the tables are folded exactly up
// to the record folded of the epoch.
func (s *statements) write(m *merge, epoch, folded uint64) (err error) {
	m.sort()
	// The context never ends, so that a transaction is always completed.
	ctx := context.Background()
	if _, err := s.begin.ExecContext(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = s.rollback.ExecContext(ctx)
		}
	}()
	result, err := s.setFolded.ExecContext(ctx, int64(m.through), int64(epoch), int64(folded))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errGap, err)
	}
	if err := s.writeHolds(ctx, m); err != nil {
		return err
	}
	for _, i := range m.order {
		if err := s.writeDelta(ctx, &m.deltas[i]); err != nil {
			return err
		}
	}
	if b := m.forRollup(); len(b) > 0 {
		if _, err := s.rollup.ExecContext(ctx, b); err != nil {
			return err
		}
	}
	for i := range m.entries {
		if err := s.writeEntry(ctx, &m.entries[i]); err != nil {
			return err
		}
	}
	for i := range m.onces {
		if err := s.writeOnce(ctx, &m.onces[i]); err != nil {
			return err
		}
	}
	_, err = s.commit.ExecContext(ctx)
	return err
}

func (s *statements) writeHolds(ctx context.Context, m *merge) error {
	for _, id := range slices.Sorted(maps.Keys(m.opened)) {
		h := m.opened[id]
		if _, err := s.open.ExecContext(ctx, int64(id), h.key.Project, h.key.Identity, h.model, h.tier, h.at.hour(),
			h.amounts[limit.Requests], h.amounts[limit.Tokens], h.amounts[limit.Cost],
			h.credit[limit.Requests], h.credit[limit.Tokens], h.credit[limit.Cost], int64(h.at)); err != nil {
			return err
		}
	}
	for _, id := range m.closed {
		if _, err := s.close.ExecContext(ctx, int64(id)); err != nil {
			return err
		}
	}
	return nil
}

func (s *statements) writeDelta(ctx context.Context, d *delta) error {
	project, identity := d.key.Project, d.key.Identity
	for i := range d.usage {
		u := &d.usage[i]
		total := u.Counted.Add(u.Credited)
		if _, err := s.use.ExecContext(ctx, project, identity, u.Hour, u.Model, u.Tier,
			total[limit.Requests], total[limit.Tokens], total[limit.Cost],
			u.Credited[limit.Requests], u.Credited[limit.Tokens], u.Credited[limit.Cost], u.Input, u.Output); err != nil {
			return err
		}
	}
	if r := d.reset; r != nil {
		if _, err := s.reset.ExecContext(ctx, r.requests, r.tokens, project, identity, r.from, r.to); err != nil {
			return err
		}
	}
	if r := d.row; r != nil {
		_, err := s.row.ExecContext(ctx, project, identity, r.known, r.settings,
			r.credits[limit.Requests], r.credits[limit.Tokens], r.credits[limit.Cost],
			int64(r.unlimited), r.burst, int64(r.createdAt), int64(r.updatedAt))
		return err
	}
	return nil
}

func (s *statements) writeEntry(ctx context.Context, e *entry) error {
	detail, changes := e.Texts()
	_, err := s.entry.ExecContext(ctx, e.project, e.Identity, e.Action, e.Reason, detail, int64(e.at),
		string(e.Actor.Kind), e.Actor.ID, e.Actor.Email, e.Target, changes, e.RequestID)
	return err
}

func (s *statements) writeOnce(ctx context.Context, o *onceRow) error {
	_, err := s.once.ExecContext(ctx, o.project, o.once.Key, o.once.Fingerprint[:], o.outcome.Status, o.outcome.Body, int64(o.at))
	return err
}

func (s *statements) closeAll() {
	for _, stmt := range []*sql.Stmt{s.progress, s.begin, s.commit, s.rollback, s.setFolded, s.open, s.close, s.use, s.reset, s.row, s.entry, s.once, s.rollup} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// byName returns the query for a window of a project's identities in the order of their names, from ?2 up to ?3.
func byName(columns string) string {
	return `SELECT ` + columns + ` FROM identities
		WHERE project_id = ?1 AND known = 1 AND identity >= ?2 AND identity < ?3 ORDER BY identity LIMIT ?4`
}

// byRecent returns the query for a window of a project's identities that were changed before ?2 or, at ?2, come before the
// name ?3.
func byRecent(columns string) string {
	return `SELECT ` + columns + ` FROM identities
		WHERE project_id = ?1 AND known = 1 AND (updated_at, identity) < (?2, ?3) ORDER BY updated_at DESC, identity DESC LIMIT ?4`
}

// conditioned are the columns that conditions is about.
const conditioned = "identity, settings, credit_requests, credit_tokens, credit_micros, unlimited_until"

// conditions are those of ledger.Where, with the parameters that whereParams returns. The last two are ledger.NoLimits.
const conditions = `(?6 IS NULL OR coalesce(CASE WHEN settings <> '' THEN settings ->> '$.tier' END, '') = ?6)
	AND (?7 IS NULL OR coalesce(CASE WHEN settings <> '' THEN settings ->> '$.disabled' END, 0) <> ?7)
	AND CASE ?8
		WHEN 1 THEN CASE WHEN settings <> '' THEN settings ->> '$.limitResponse' IS NOT NULL OR settings -> '$.level' NOT IN (?10, ?11) END
		WHEN 2 THEN credit_requests > 0 OR credit_tokens > 0 OR credit_micros > 0
		WHEN 3 THEN unlimited_until > ?9
		ELSE 1 END`

// whereParams returns the parameters of conditions.
func whereParams(w ledger.Where) []any {
	return []any{w.Tier, w.Enabled, int64(w.Has), int64(microsOf(w.Now)), ledger.NoLimits[0], ledger.NoLimits[1]}
}

// reads are the prepared queries. Queries for a few rows have a handle of their own, so that
// they never wait for those whose time grows with the number of identities.
type reads struct {
	account, once, accounts *sql.Stmt
	list, count, scanned    *sql.Stmt
	listWhere, countWhere   *sql.Stmt
	history                 *sql.Stmt
	recent, recentScanned   *sql.Stmt
}

func newReads(ctx context.Context, accounts, all *sql.DB) (*reads, error) {
	r := &reads{}
	for _, p := range []struct {
		on    *sql.DB
		stmt  **sql.Stmt
		query string
	}{
		// One statement, since half of the cost of a query is its beginning and end.
		{accounts, &r.account, `SELECT 0, settings, known, credit_requests, credit_tokens, credit_micros, unlimited_until, burst_at,
			created_at, updated_at FROM identities WHERE project_id = ?1 AND identity = ?2
			UNION ALL
			SELECT 1, model, hour, requests, tokens, micros, credit_requests, credit_tokens, credit_micros, 0
			FROM usage WHERE project_id = ?1 AND identity = ?2 AND hour >= ?3`},
		{accounts, &r.once, `SELECT fingerprint, status, body FROM idempotency WHERE project_id = ? AND key = ?`},
		// CROSS JOIN: the names come first, and each is looked up by the index.
		{all, &r.accounts, `SELECT key, 0, settings, known, credit_requests, credit_tokens, credit_micros, unlimited_until, burst_at,
			created_at, updated_at FROM json_each(?2) CROSS JOIN identities ON project_id = ?1 AND identity = value
			UNION ALL
			SELECT key, 1, model, hour, requests, tokens, micros, credit_requests, credit_tokens, credit_micros, 0
			FROM json_each(?2) CROSS JOIN usage ON project_id = ?1 AND identity = value AND hour >= ?3`},
		{all, &r.history, fmt.Sprintf(`SELECT hour / ?5 * ?5, CASE ?6 WHEN 1 THEN model WHEN 2 THEN tier ELSE '' END,
			min(sum(requests), %[1]d), min(sum(tokens), %[1]d), min(sum(micros), %[1]d) FROM usage
			WHERE project_id = ?1 AND identity = ?2 AND hour >= ?3 AND hour < ?4 AND kind = 0 GROUP BY 1, 2 ORDER BY 1, 2`, int64(limit.MaxAmount))},
		{all, &r.list, `SELECT identity FROM (` + byName("identity") + `) WHERE instr(identity, ?5) > 0 ORDER BY identity LIMIT ?6 OFFSET ?7`},
		{all, &r.count, `SELECT count(*) FROM (SELECT 1 FROM (` + byName("identity") + `) WHERE instr(identity, ?5) > 0 LIMIT ?6)`},
		{all, &r.scanned, byName("identity") + ` OFFSET ?5`},
		{all, &r.listWhere, `SELECT identity FROM (` + byName(conditioned) + `) WHERE instr(identity, ?5) > 0 AND ` + conditions +
			` ORDER BY identity LIMIT ?12 OFFSET ?13`},
		{all, &r.countWhere, `SELECT count(*) FROM (SELECT 1 FROM (` + byName(conditioned) + `) WHERE instr(identity, ?5) > 0 AND ` + conditions + ` LIMIT ?12)`},
		{all, &r.recent, `SELECT identity, updated_at FROM (` + byRecent(conditioned+", updated_at") + `) WHERE instr(identity, ?5) > 0 AND ` + conditions +
			` AND identity >= ?12 AND identity < ?13 ORDER BY updated_at DESC, identity DESC LIMIT ?14`},
		{all, &r.recentScanned, byRecent("identity, updated_at") + ` OFFSET ?5`},
	} {
		stmt, err := p.on.PrepareContext(ctx, p.query)
		if err != nil {
			r.close()
			return nil, fmt.Errorf("prepare %.30q: %w", p.query, err)
		}
		*p.stmt = stmt
	}
	return r, nil
}

func (r *reads) close() {
	for _, stmt := range []*sql.Stmt{r.account, r.once, r.accounts, r.list, r.scanned, r.count,
		r.listWhere, r.countWhere, r.recent, r.recentScanned, r.history} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// load reads an account from the tables: its row, unless it is loaded, and its usage in the
// period of now. The account must be locked, and all its changes must be folded.
func (l *Ledger) load(ctx context.Context, a *account, period limit.Period, now time.Time) error {
	// The query takes some dozen microseconds; a context that can be canceled adds half as much.
	ctx = context.WithoutCancel(ctx)
	rows, err := l.reads.account.QueryContext(ctx, a.key.Project, a.key.Identity, ledger.HourOf(period.Start(now)))
	if err != nil {
		return ledger.Unavailable("read an identity", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var (
		found stored
		r     storedRow
		into  = r.columns()
	)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return ledger.Unavailable("read an identity", err)
		}
		found.add(&r, period, now)
	}
	if err := rows.Err(); err != nil {
		return ledger.Unavailable("read an identity", err)
	}
	return found.into(a, period, now)
}

// storedRow is a row of the queries for accounts: of identities, or of usage.
type storedRow struct {
	isUsage int64
	text    string // settings or model
	n       [8]int64
}

// columns returns where to scan the row.
func (r *storedRow) columns() []any {
	return []any{&r.isUsage, &r.text, &r.n[0], &r.n[1], &r.n[2], &r.n[3], &r.n[4], &r.n[5], &r.n[6], &r.n[7]}
}

// stored is an account in the tables, with its usage from the beginning of a period on.
type stored struct {
	row   *storedAccount
	used  limit.Tally
	ahead bool // there is usage of later periods
}

func (s *stored) add(r *storedRow, period limit.Period, now time.Time) {
	switch {
	case r.isUsage == 0:
		s.row = &storedAccount{r.text, r.n}
	case r.n[0] >= ledger.HourOf(period.End(now)):
		s.ahead = true
	default:
		total, credited := limit.Amounts(r.n[1:4]), limit.Amounts(r.n[4:7])
		s.used.Add(r.text, total.Sub(credited), credited)
	}
}

// into copies it into an account, which keeps its row if that is loaded.
func (s *stored) into(a *account, period limit.Period, now time.Time) error {
	if !a.loaded && s.row != nil {
		if err := s.row.into(a); err != nil {
			return ledger.Unavailable("read an identity's settings", err)
		}
	}
	for i := range s.used.Used {
		s.used.Used[i].Model = intern(s.used.Used[i].Model)
	}
	a.state.Period, a.state.Start, a.state.Used = period, period.Start(now), s.used.Used
	a.loaded, a.hasLater = true, s.ahead
	return nil
}

// storedAccount is a row of identities.
type storedAccount struct {
	settings string
	// known, credits (requests, tokens, micros), unlimited_until, burst_at, created_at, updated_at
	columns [8]int64
}

// into copies the row into an account.
func (s *storedAccount) into(a *account) error {
	r := row{known: s.columns[0] != 0, createdAt: micros(s.columns[6]), updatedAt: micros(s.columns[7])}
	if s.settings != "" {
		r.settings = &settings{encoded: s.settings}
		if err := json.Unmarshal([]byte(s.settings), &r.settings.Settings); err != nil {
			return err
		}
	}
	a.row = r
	a.state.Credits = limit.Amounts(s.columns[1:4])
	a.state.UnlimitedUntil, a.state.Burst = micros(s.columns[4]).time(), timeOfNanos(s.columns[5])
	return nil
}

func (m micros) hour() int64 { return ledger.HourOf(time.UnixMicro(int64(m))) }
