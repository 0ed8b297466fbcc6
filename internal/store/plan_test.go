package store

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// filled is a PostgreSQL with a small project and a large one, whose statistics the planner knows.
func filled(t *testing.T) *DB {
	t.Helper()
	db := openTest(t, migrated.Database(t))
	const narrow = `(SELECT CASE WHEN n <= 1000 THEN 'pk_gone' ELSE 'pk_1' END AS project_id, n FROM generate_series(1, 20100) n) AS x`
	for _, statement := range []string{
		`INSERT INTO projects SELECT 'pk_' || n, '{}', 's' || n, '', 0, 0, n FROM generate_series(1, 2000) n`,
		`INSERT INTO provider_keys SELECT id, 'openai', '', '' FROM projects`,
		`INSERT INTO prompts SELECT id, 'p' || n, 9, 0, revision FROM projects, generate_series(1, 3) n`,
		`INSERT INTO prompt_versions SELECT project_id, name, n, '', 1, 0, 'text', 4, 0, '', '', '', 0 FROM prompts, generate_series(1, 9) n`,
		`INSERT INTO identities (project_id, identity, created_at, updated_at)
			SELECT CASE WHEN n < 20000 THEN 'pk_gone' ELSE 'pk_1' END, n, 0, 0 FROM generate_series(1, 20100) n`,
		`INSERT INTO usage (project_id, identity, hour, model, tier, kind) SELECT project_id, identity, h, '', '', 0 FROM identities, generate_series(1, 3) h`,
		`INSERT INTO audit (project_id, identity, action, at) SELECT project_id, identity, 'gift', 0 FROM identities`,
		`INSERT INTO idempotency SELECT project_id, identity, '', 200, '', identity::int FROM identities`,
		`INSERT INTO usage_total (project_id, hour) SELECT project_id, n FROM ` + narrow,
		`INSERT INTO usage_hour (project_id, split, hour, key) SELECT project_id, 0, n, '' FROM ` + narrow,
		`INSERT INTO usage_day (project_id, split, day, key) SELECT project_id, 0, n, '' FROM ` + narrow,
		`INSERT INTO active_hour SELECT project_id, n, '' FROM ` + narrow,
		`INSERT INTO active_day SELECT project_id, n, '' FROM ` + narrow,
		`INSERT INTO top_open SELECT project_id, n, '' FROM ` + narrow,
		`INSERT INTO top_day SELECT project_id, 0, n, '' FROM ` + narrow,
		`INSERT INTO refusals SELECT project_id, n, '', '', '', '' FROM ` + narrow,
		`INSERT INTO refused_identities SELECT project_id, n, '' FROM ` + narrow,
		`INSERT INTO near_limits SELECT project_id, n::text, '', '', '', '', 900, n FROM ` + narrow,
		`INSERT INTO rollup_projects (project_id) SELECT id FROM projects`,
		`INSERT INTO security_events (project_id, identity, hour, category, rule, blocked, severity, first_at, last_at, count)
			SELECT project_id, n, n, '', '', 0, '', 0, n, 1 FROM ` + narrow,
		`INSERT INTO security_counts SELECT project_id, n, '', '', 0, 1 FROM ` + narrow,
		`INSERT INTO settings_versions SELECT id, v, 0, 'user', '', '', '', '[]', '{}', '{}' FROM projects, generate_series(1, 20) v`,
		`INSERT INTO old_secrets SELECT id, 'o' || substr(id, 4), '', 0 FROM projects`,
		`INSERT INTO operations SELECT CASE WHEN n <= 19000 THEN 'pk_gone' ELSE 'pk_1' END, 'op_' || n, '{}', '',
			CASE WHEN n > 19900 THEN 'running' ELSE 'done' END, 0, 0, 0, 0, '[]', 0, n, n FROM generate_series(1, 20000) n`,
		`INSERT INTO operation_batches SELECT project_id, id, n, '[]' FROM operations, generate_series(1, 3) n`,
		`INSERT INTO users SELECT 'us_' || n, n || '@example.com', 0 FROM generate_series(1, 20000) n`,
		`INSERT INTO sessions SELECT decode(md5(n::text), 'hex'), 'se_' || n, 'us_' || n, 0, 0, n FROM generate_series(1, 20000) n`,
		`INSERT INTO members SELECT 'pk_' || n % 2000 + 1, 'us_' || n, 'owner', 0 FROM generate_series(1, 20000) n`,
		`INSERT INTO invitations SELECT 'in_' || n, 'pk_' || n % 2000 + 1, n || '@example.com', 'viewer', decode(md5(n::text), 'hex'), '', 0, n FROM generate_series(1, 20000) n`,
		`INSERT INTO sign_ins SELECT 'si_' || n, 'mail', n || '@example.com', '', n / 20 || '.0/24', decode(md5(n::text), 'hex'), '', '', 0, 0, 0, n, n FROM generate_series(1, 20000) n`,
		`ANALYZE`,
	} {
		if _, err := db.Write.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return db
}

// Every frequent query finds its rows by an index, even in large tables with many removable rows.
func TestNoStatementReadsThroughATable(t *testing.T) {
	t.Parallel()
	db := filled(t)
	type asked struct {
		name, statement string
		args            []any
	}
	all := []asked{
		{"a project", fmt.Sprintf(queryProjects, "p.id = $1"), []any{"pk_1"}},
		{"a project by its secret", fmt.Sprintf(queryProjects, "p.secret_id = $1"), []any{"s1"}},
		{"a project by its former secret", queryOldSecret, []any{"o1"}},
		{"versions", queryVersions, []any{"pk_1", 10, 5}},
		{"a version", queryVersion, []any{"pk_1", 10}},
		{"versions to remove", removeVersions, []any{"pk_1", 3}},
		{"versions that are too large", removeBytes, []any{"pk_1", 1000, 20}},
		{"the projects that a user owns", countOwned, []any{"us_7"}},
		{"the audit trail", queryLines, []any{"pk_gone", 0, 100, 7, 50}},
		{"an identity's audit trail", queryLinesOf, []any{"pk_gone", 0, 100, 7, 50, "500"}},
		{"security events", queryEvents, []any{"pk_gone", 0, 100, 7, 50}},
		{"an identity's security events", queryEventsOf, []any{"pk_gone", 0, 100, 7, 50, "500"}},
		{"counts of security events", queryEventCounts, []any{"pk_gone", 500, 510}},
		{"security events to remove", removeEvents, []any{"pk_gone", 900}},
		{"a user", queryUser, []any{"7@example.com"}},
		{"a session", querySession, []any{[]byte("x"), "pk_1", 0}},
		{"a user's sessions", querySessions, []any{"us_7", 0}},
		{"a user's projects", queryMemberships, []any{"us_7"}},
		{"a project's members", queryMembers, []any{"pk_7"}},
		{"a project's invitations", queryInvitations + `project_id = $1 ORDER BY email`, []any{"pk_7"}},
		{"an address's invitations", queryInvitations + `email = $1 AND expires_at > $2 ORDER BY id LIMIT 200`, []any{"7@example.com", 0}},
		{"an invitation by its token", queryInvitations + `token_hash = $1 AND expires_at > $2 FOR UPDATE`, []any{[]byte("x"), 0}},
		{"whether an address is invited", queryInvited, []any{"7@example.com", 0}},
		{"sign-ins of a block", queryByBlock, []any{"7.0/24", 0, 19}},
		{"sign-ins of an address", queryByEmail, []any{"7@example.com", 0, 2}},
		{"wrong codes of an address", queryWrong, []any{"7@example.com", 0}},
		{"a sign-in by its link", queryAsk + "token_hash = $1", []any{[]byte("x")}},
		{"the earlier links of an address", endLinks, []any{1, "7@example.com", 0}},
		{"changed projects", fmt.Sprintf(queryProjects, "p.revision > $1"), []any{1995}},
		{"prompts of changed projects", currentPrompts, []any{1995}},
		{"a page of prompts", fmt.Sprintf(queryPrompts, noText, "m.name > $2") + " LIMIT $3", []any{"pk_1", "p1", 10}},
		{"a prompt", fmt.Sprintf(queryPrompts, "v.text", "m.name = $2"), []any{"pk_1", "p1"}},
		{"a page of versions", fmt.Sprintf(queryPromptVersions, noText, "v.version < $3") + " LIMIT $4", []any{"pk_1", "p1", 5, 3}},
		{"a version", fmt.Sprintf(queryPromptVersions, "v.text", "v.version = $3"), []any{"pk_1", "p1", 5}},
		{"an operation", queryOperation, []any{"pk_1", "op_19950"}},
		{"the next batch of operations", fmt.Sprintf(claimBatch, db.skipLocked()), []any{1, 2}},
		{"what a node has claimed", queryBatch, []any{"pk_1", "op_19950", 2}},
		{"an operation that has waited for too long", interruptOperation, []any{20_000, 10_000}},
	}
	add := func(d removable, after, upTo []any) {
		statement, args := d.end(after)
		all = append(all, asked{"the end of a batch of " + d.table, statement, args})
		statement, args = d.remove(after, upTo)
		all = append(all, asked{"a batch of " + d.table, statement, args})
	}
	bounds := map[string][2][]any{
		"idempotency":     {{500, "pk_gone", "500"}, {1000, "pk_gone", "1000"}},
		"near_limits":     {{500, "pk_gone", "500", "", "", ""}, {1000, "pk_gone", "1000", "", "", ""}},
		"sessions":        {{500, []byte("x")}, {1000, []byte("x")}},
		"sign_ins":        {{500, "si_500"}, {1000, "si_1000"}},
		"invitations":     {{500, "in_500"}, {1000, "in_1000"}},
		"operations":      {{500, "pk_gone", "op_500"}, {1000, "pk_gone", "op_1000"}},
		"security_counts": {{500, "pk_gone", "", "", 0}, {1000, "pk_gone", "", "", 0}},
	}
	for _, d := range outdated(time.UnixMicro(10_000)) {
		d.arg = int64(10_000)
		add(d, nil, bounds[d.table][0])
		add(d, bounds[d.table][0], bounds[d.table][1])
	}
	keys := map[string][2][]any{
		"idempotency": {{"500"}, {"501"}}, "audit": {{"500", 500}, {"501", 501}},
		"usage_total": {{500}, {501}}, "usage_hour": {{0, 500, ""}, {0, 501, ""}}, "usage_day": {{0, 500, ""}, {0, 501, ""}},
		"active_hour": {{500}, {501}}, "active_day": {{500}, {501}}, "top_open": {{500}, {501}}, "top_day": {{0, 500}, {0, 501}},
		"refusals": {{500, "", "", "", ""}, {501, "", "", "", ""}}, "refused_identities": {{500}, {501}},
		"near_limits": {{"500", "", "", ""}, {"501", "", "", ""}}, "rollup_projects": {{"pk_g"}, {"pk_h"}},
		"security_events": {{"500", 1, "", "", 0}, {"501", 1, "", "", 0}}, "security_counts": {{500, "", "", 0}, {501, "", "", 0}},
		"usage": {{"500", 1, "", "", 0}, {"501", 1, "", "", 0}}, "identities": {{"500"}, {"501"}},
		"operations": {{"op_500"}, {"op_501"}}, "operation_batches": {{"op_500", 1}, {"op_501", 1}},
	}
	for _, d := range db.projectTables() {
		add(d.ofDeleted("pk_gone"), keys[d.table][0], keys[d.table][1])
		add(d.ofDeleted("pk_gone"), keys[d.table][0], nil)
		all = append(all, asked{"the next project of " + d.table, fmt.Sprintf(nextProject, d.table), []any{"pk_1", maxSkips}})
	}
	for _, a := range all {
		plan := explain(t, db, a.statement, a.args...)
		// Nobody has more than a few running requests, nor a project more than a few provider keys.
		if regexp.MustCompile(`Seq Scan on (projects|prompts|prompt_versions|identities|usage\w*|audit|idempotency|settings_versions|old_secrets|active_\w+|top_\w+|refus\w+|near_limits|rollup_projects|operations|operation_batches|security_\w+|users|sessions|members|invitations|sign_ins)`).MatchString(plan) || !strings.Contains(plan, "Index Cond") {
			t.Errorf("%s reads through a table:\n%s\n%s", a.name, a.statement, plan)
		}
		// A condition on where a batch begins that is only a filter would have every batch walk over the earlier ones.
		if strings.Contains(a.name, "batch of") && len(a.args) > 2 && !regexp.MustCompile(`Index Cond: .*(ROW\(|identity > |key > |created_at|expires_at|resets_at|updated_at|id > |hour > |day > |project_id > )`).MatchString(plan) {
			t.Errorf("%s does not begin where the last one ended:\n%s\n%s", a.name, a.statement, plan)
		}
	}
}

func explain(t *testing.T, db *DB, statement string, args ...any) string {
	t.Helper()
	tx, err := db.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // only a plan was asked for
	rows, err := tx.QueryContext(context.Background(), "EXPLAIN "+statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
