package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// The tables are described in store/migrations.

// statement runs for each row of its parameters. Several rows are sent as arrays, one for each
// column, which unnest makes a table of. Without much load, most batches have one row for a
// statement. Then the parameters are the values of this row: for the planner they are
// constants, and the server needs half of the time.
type statement struct {
	many, one string
	types     []columnType
}

// of makes a statement from its columns, each a name and a type, and its text. In the text, @k
// stands for the table k of the rows, with these columns and the row's number n.
func of(columns, text string) statement {
	var s statement
	var names, arrays, figures []string
	for i, column := range strings.Split(columns, ", ") {
		name, typ, _ := strings.Cut(column, " ")
		s.types = append(s.types, columnTypes[typ])
		names = append(names, name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, typ))
		figures = append(figures, fmt.Sprintf("$%d::%s", i+1, typ))
	}
	with := func(table string, columns []string) string {
		k := fmt.Sprintf(table+" AS k(%s, n)", strings.Join(columns, ", "), strings.Join(names, ", "))
		return strings.Replace(text, "@k", k, 1)
	}
	s.many, s.one = with("unnest(%s) WITH ORDINALITY", arrays), with("(SELECT %s, 1::int8)", figures)
	return s
}

const (
	begin  = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	commit = `COMMIT`

	// beginRead begins a transaction whose statements all see the same moment.
	beginRead = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
)

// limits sets, until the transaction ends, how long a statement may take and wait for a lock,
// and which plans are allowed.
//
// There is one plan for all parameters: planning each transaction would be a third of the
// server's work. A plan lives as long as its connection, or until a table is analyzed, so it
// must stay good however much the tables grow. Therefore the planner has no choice: every row
// of an array is looked up by an index. A SELECT has a LATERAL, and an OFFSET or a lock that
// keeps the planner from flattening it. Other statements for several rows come after
// bitmapScans. A statement for one row has nothing to join: whichever index is scanned, the
// values of the row are its condition.
const limits = `set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
	set_config('idle_in_transaction_session_timeout', '3s', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('enable_bitmapscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`

// bitmapScans comes before UPDATE and DELETE of several rows, and before resetUsage. Unlike
// other index scans, a bitmap scan always has a condition: it does not read a whole table that
// the planner thinks is empty.
//
// The planner makes no bitmap for a condition that it thinks all rows meet, for example if a
// table had one row when it was analyzed. So UPDATE and DELETE repeat the last column of the
// key with >=: the planner always thinks that some rows do not meet this condition.
//
// Bitmap scans do not remove index entries of deleted rows. readHolds must do so, and comes
// before.
const bitmapScans = `SELECT set_config('enable_bitmapscan', 'on', true), set_config('enable_indexscan', 'off', true),
	set_config('enable_indexonlyscan', 'off', true)`

const (
	// setLimits comes before the statements of a round trip without BEGIN, which are one
	// transaction too.
	setLimits = `SELECT ` + limits
	// setUp is the first statement after begin. It returns whether this node is still
	// registered, and the id of the server process.
	setUp = `SELECT EXISTS (SELECT FROM nodes WHERE id = $3), pg_backend_pid(), ` + limits
)

// accounts are the columns of the statements that read accounts.
const accounts = "project text, name text, whole bool"

const readRows = `SELECT k.n, i.* FROM @k,
	LATERAL (SELECT known, settings <> '', CASE WHEN k.whole THEN settings ELSE '' END, revision,
		credit_requests, credit_tokens, credit_micros, unlimited_until, burst_at, period, period_start, used, created_at, updated_at
		FROM identities WHERE project_id = k.project AND identity = k.name`

const lockRows = readRows + ` FOR UPDATE`

var (
	// lockAccounts locks rows in the order of their keys. If another transaction has a row
	// locked, it waits, and returns the row as that transaction left it.
	lockAccounts = of(accounts, lockRows+`) AS i`)

	// lockFree locks the rows that nobody else has locked, and skips the others.
	lockFree = of(accounts, lockRows+` SKIP LOCKED) AS i`)

	// readAccounts reads rows without locking them.
	readAccounts = of(accounts, readRows+` OFFSET 0) AS i`)

	// findAccounts returns which accounts have a row, without locking it.
	findAccounts = of(accounts, `SELECT k.n FROM @k,
		LATERAL (SELECT FROM identities WHERE project_id = k.project AND identity = k.name OFFSET 0) AS i`)

	// readHolds comes after the lock: under READ COMMITTED, a statement sees all commits before
	// its beginning, and only the owner of the lock changes the account's holds.
	readHolds = of(accounts, `SELECT k.n, h.* FROM @k,
		LATERAL (SELECT id, model, tier, requests, tokens, micros, credit_requests, credit_tokens, credit_micros,
			limited, burst_interval, burst_slack, admitted_at
			FROM holds WHERE project_id = k.project AND identity = k.name OFFSET 0) AS h`)

	// sumUsage sums the usage of accounts from an hour on.
	sumUsage = of("project text, name text, since int8", fmt.Sprintf(`SELECT k.n, u.* FROM @k,
		LATERAL (SELECT model, max(hour), least(sum(requests), %[1]d)::int8, least(sum(tokens), %[1]d)::int8,
			least(sum(micros), %[1]d)::int8, least(sum(credit_requests), %[1]d)::int8,
			least(sum(credit_tokens), %[1]d)::int8, least(sum(credit_micros), %[1]d)::int8
			FROM usage WHERE project_id = k.project AND identity = k.name AND hour >= k.since GROUP BY model) AS u`, int64(limit.MaxAmount)))

	// insertAccounts inserts in the order of the keys. A transaction that waits here for the
	// row of another has locked all other rows that it needs, so transactions only wait in
	// that order: there is no deadlock. The second one fails, and is retried with a row to lock.
	insertAccounts = of(accountRow, `INSERT INTO identities (project_id, identity, known, credit_requests, credit_tokens, credit_micros,
		unlimited_until, burst_at, period, period_start, used, created_at, updated_at)
		SELECT project, name, known, requests, tokens, micros, unlimited, burst, period, start, used, created, updated FROM @k`)

	updateAccounts = of(accountRow, `UPDATE identities AS i SET known = k.known, credit_requests = k.requests, credit_tokens = k.tokens,
		credit_micros = k.micros, unlimited_until = k.unlimited, burst_at = k.burst, period = k.period, period_start = k.start,
		used = k.used, created_at = k.created, updated_at = k.updated
		FROM @k WHERE i.project_id = k.project AND i.identity = k.name AND i.identity >= k.name`)

	updateSettings = of("project text, name text, settings text, revision int8",
		`UPDATE identities AS i SET settings = k.settings, revision = k.revision
		FROM @k WHERE i.project_id = k.project AND i.identity = k.name AND i.identity >= k.name`)

	openHolds = of(`project text, name text, id int8, node int8, model text, tier text, requests int8, tokens int8, micros int8, `+
		`credit_requests int8, credit_tokens int8, credit_micros int8, limited int8, every int8, slack int8, admitted int8`,
		`INSERT INTO holds (project_id, identity, id, node, model, tier, requests, tokens, micros,
		credit_requests, credit_tokens, credit_micros, limited, burst_interval, burst_slack, admitted_at)
		SELECT project, name, id, node, model, tier, requests, tokens, micros,
		credit_requests, credit_tokens, credit_micros, limited, every, slack, admitted FROM @k`)

	updateHolds = of("project text, name text, id int8, slack int8", `UPDATE holds AS h SET burst_slack = k.slack
		FROM @k WHERE h.project_id = k.project AND h.identity = k.name AND h.id = k.id AND h.id >= k.id`)

	closeHolds = of("project text, name text, id int8", `DELETE FROM holds AS h USING @k
		WHERE h.project_id = k.project AND h.identity = k.name AND h.id = k.id AND h.id >= k.id`)
)

// accountRow has the columns of writeRow.
const accountRow = `project text, name text, known bool, requests int8, tokens int8, micros int8, unlimited int8, burst int8, ` +
	`period int8, start int8, used text, created int8, updated int8`

// onConflict adds to a row of usage. No number in a row exceeds limit.MaxAmount, so that no sum
// over rows can overflow.
var onConflict = fmt.Sprintf(` ON CONFLICT (project_id, identity, hour, model, tier, kind) DO UPDATE SET
	requests = least(u.requests + excluded.requests, %[1]d), tokens = least(u.tokens + excluded.tokens, %[1]d),
	micros = least(u.micros + excluded.micros, %[1]d),
	credit_requests = least(u.credit_requests + excluded.credit_requests, %[1]d),
	credit_tokens = least(u.credit_tokens + excluded.credit_tokens, %[1]d),
	credit_micros = least(u.credit_micros + excluded.credit_micros, %[1]d),
	input_tokens = least(u.input_tokens + excluded.input_tokens, %[1]d),
	output_tokens = least(u.output_tokens + excluded.output_tokens, %[1]d)`, int64(limit.MaxAmount))

var (
	// addUsage adds usage. The columns requests, tokens and micros include what credits paid for.
	addUsage = of(`project text, name text, hour int8, model text, tier text, requests int8, tokens int8, micros int8, `+
		`credit_requests int8, credit_tokens int8, credit_micros int8, input int8, output int8`,
		`INSERT INTO usage AS u (project_id, identity, hour, model, tier, requests, tokens, micros,
		credit_requests, credit_tokens, credit_micros, input_tokens, output_tokens, kind)
		SELECT project, name, hour, model, tier, requests, tokens, micros,
		credit_requests, credit_tokens, credit_micros, input, output, 0 FROM @k`+onConflict)

	// resetUsage adds the negative of the usage between two hours, by hour and model.
	resetUsage = of("project text, name text, requests int8, tokens int8, since int8, until int8",
		`INSERT INTO usage AS u (project_id, identity, hour, model, tier, kind, requests, tokens, micros,
		credit_requests, credit_tokens, credit_micros)
		SELECT s.project_id, s.identity, s.hour, s.model, '', 1, -k.requests * sum(s.requests), -k.tokens * sum(s.tokens),
		-k.tokens * sum(s.micros), -k.requests * sum(s.credit_requests), -k.tokens * sum(s.credit_tokens), -k.tokens * sum(s.credit_micros)
		FROM @k JOIN usage AS s ON s.project_id = k.project AND s.identity = k.name AND s.hour >= k.since AND s.hour < k.until
		GROUP BY s.project_id, s.identity, s.hour, s.model, k.requests, k.tokens`+onConflict)

	readPassed = of("project text, key text", `SELECT k.n FROM @k,
		LATERAL (SELECT FROM idempotency AS o WHERE o.project_id = k.project AND o.key = k.key OFFSET 0) AS o`)
	insertPassed = of("project text, key text, at int8", `INSERT INTO idempotency (project_id, key, fingerprint, status, body, created_at)
		SELECT project, key, '', 0, '', at FROM @k`)

	// insertPending adds to what waits to be added up for reports. It appends, so that no transaction waits for another.
	insertPending = of("entries bytea", `INSERT INTO rollup_pending (entries) SELECT entries FROM @k`)

	insertAudit = of("project text, name text, action text, reason text, detail text, actor text, actor_id text, email text, "+
		"target text, changes text, request text, at int8",
		`INSERT INTO audit (project_id, identity, action, reason, detail, actor_kind, actor_id, actor_email, target, changes, request_id, at)
		SELECT project, name, action, reason, detail, actor, actor_id, email, target, changes, request, at FROM @k ORDER BY n`)
)

const (
	readOnce   = `SELECT fingerprint, status, body FROM idempotency WHERE project_id = $1 AND key = $2`
	insertOnce = `INSERT INTO idempotency (project_id, key, fingerprint, status, body, created_at) VALUES ($1, $2, $3, $4::int8, $5, $6)`
)

// byName returns the query for a window of a project's identities in the order of their names, from $2 up to $3.
func byName(columns string) string {
	return `SELECT ` + columns + ` FROM identities WHERE project_id = $1 AND known AND identity >= $2 AND identity < $3
		ORDER BY project_id, identity LIMIT $4`
}

// byRecent returns the query for a window of a project's identities that were changed before $2 or, at $2, come before the
// name $3.
func byRecent(columns string) string {
	return `SELECT ` + columns + ` FROM identities WHERE project_id = $1 AND known AND (updated_at, identity) < ($2, $3)
		ORDER BY project_id DESC, updated_at DESC, identity DESC LIMIT $4`
}

// conditioned are the columns that conditions is about.
const conditioned = "identity, settings, credit_requests, credit_tokens, credit_micros, unlimited_until"

// conditions are those of ledger.Where, with the parameters that whereParams returns. The last two are ledger.NoLimits.
const conditions = `($6::text IS NULL OR coalesce(CASE WHEN settings <> '' THEN settings::json ->> 'tier' END, '') = $6)
	AND ($7::bool IS NULL OR coalesce(CASE WHEN settings <> '' THEN settings::json ->> 'disabled' END, 'false') <> $7::text)
	AND CASE $8::int8
		WHEN 1 THEN CASE WHEN settings <> '' THEN settings::json ->> 'limitResponse' IS NOT NULL OR settings::json ->> 'level' NOT IN ($10, $11) END
		WHEN 2 THEN credit_requests > 0 OR credit_tokens > 0 OR credit_micros > 0
		WHEN 3 THEN unlimited_until > $9
		ELSE true END`

// whereParams returns the parameters of conditions.
func whereParams(w ledger.Where) []param {
	tier, enabled := param{oid: textOID}, param{oid: boolOID} // NULL
	if w.Tier != nil {
		tier.value = append([]byte{}, *w.Tier...)
	}
	if w.Enabled != nil {
		enabled.value = []byte{byte(boolInt(*w.Enabled))}
	}
	return []param{tier, enabled, intParam(int64(w.Has)), intParam(unixOrZero(w.Now, time.Time.UnixMicro)),
		textParam(ledger.NoLimits[0]), textParam(ledger.NoLimits[1])}
}

var (
	countNames = `SELECT count(*) FROM (SELECT 1 FROM (` + byName("identity") + `) w WHERE position($5 in identity) > 0 LIMIT $6) c`
	listNames  = `SELECT identity FROM (` + byName("identity") + `) w WHERE position($5 in identity) > 0 ORDER BY identity LIMIT $6 OFFSET $7`
	scanNames  = byName("identity") + ` OFFSET $5`

	countWhereNames = `SELECT count(*) FROM (SELECT 1 FROM (` + byName(conditioned) + `) w WHERE position($5 in identity) > 0 AND ` + conditions + ` LIMIT $12) c`
	listWhereNames  = `SELECT identity FROM (` + byName(conditioned) + `) w WHERE position($5 in identity) > 0 AND ` + conditions +
		` ORDER BY identity LIMIT $12 OFFSET $13`

	listRecentNames = `SELECT identity, updated_at FROM (` + byRecent(conditioned+", updated_at") + `) w WHERE position($5 in identity) > 0 AND ` + conditions +
		` AND identity >= $12 AND identity < $13 ORDER BY updated_at DESC, identity DESC LIMIT $14`
	scanRecentNames = byRecent("identity, updated_at") + ` OFFSET $5`
)

// readHistory groups the usage of one identity.
var readHistory = fmt.Sprintf(`SELECT hour / $5 * $5, CASE $6::int8 WHEN 1 THEN model WHEN 2 THEN tier ELSE '' END AS name,
	least(sum(requests), %[1]d)::int8, least(sum(tokens), %[1]d)::int8, least(sum(micros), %[1]d)::int8 FROM usage
	WHERE project_id = $1 AND identity = $2 AND hour >= $3 AND hour < $4 AND kind = 0 GROUP BY 1, 2 ORDER BY 1, 2`, int64(limit.MaxAmount))

const (
	register   = `INSERT INTO nodes (id, rolls_up) VALUES ($1, true)`
	beat       = `UPDATE nodes SET beat = beat + 1 WHERE id = $1`
	readBeats  = `SELECT id, beat FROM nodes WHERE id <> $1 ORDER BY id`
	deregister = `DELETE FROM nodes WHERE id = $1`
	declare    = `DELETE FROM nodes WHERE id = $1 AND beat = $2`

	// selectOrphans returns holds of nodes that have no row, after a place in the order of
	// nodes and ids. It jumps through the index to find the nodes that have holds.
	selectOrphans = `WITH RECURSIVE holders(node) AS (
			(SELECT node FROM holds WHERE node >= $1 ORDER BY node LIMIT 1)
			UNION ALL
			SELECT (SELECT h.node FROM holds AS h WHERE h.node > holders.node ORDER BY h.node LIMIT 1)
			FROM holders WHERE holders.node IS NOT NULL
		), gone AS (
			SELECT node FROM holders WHERE node IS NOT NULL AND NOT EXISTS (SELECT FROM nodes WHERE id = holders.node)
		)
		SELECT h.* FROM gone, LATERAL (SELECT project_id, identity, id, node FROM holds
			WHERE node = gone.node AND (gone.node > $1 OR id > $2) ORDER BY id LIMIT $3) AS h ORDER BY h.node, h.id LIMIT $3`
)
