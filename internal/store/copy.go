package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// Errors of [Copy], to be tested with errors.Is.
var (
	// ErrUnfolded means that the file's journal holds usage that the tables lack, as after a kill.
	ErrUnfolded = errors.New("the latest usage is only in the journal, as after a kill or on a full disk: run airatelimit serve on the file once, and stop it if the command needs the file to itself")
	// ErrNotEmpty means that the target already holds rows.
	ErrNotEmpty = errors.New("it is not empty: give a new database, because existing rows can be neither kept nor replaced")
	// ErrOutdated means that the source has the schema of another version.
	ErrOutdated = errors.New("its schema is of another version of airatelimit: run airatelimit serve of this version on it once, which upgrades it")
)

// Copied is how many rows [Copy] has copied into a table.
type Copied struct {
	Table string
	Rows  int64
}

// copyBatch is how many rows are written in one statement; SQLite takes 32,766 parameters.
const copyBatch = 500

// copied describes how the rows of a table are read from SQLite and written to PostgreSQL.
type copied struct {
	table   string
	columns []string
	from    string // the subquery to read from; "" reads the table
	order   string
	escaped []string // columns with text that PostgreSQL may refuse
	sums    []string // columns whose sums are compared
}

// settled is the usage table with every hold settled in full, because it is unknown whether the provider has answered.
const settled = `(SELECT project_id, identity, hour, model, tier, kind, sum(requests) AS requests, sum(tokens) AS tokens,
	sum(micros) AS micros, sum(credit_requests) AS credit_requests, sum(credit_tokens) AS credit_tokens,
	sum(credit_micros) AS credit_micros, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
	FROM (SELECT project_id, identity, hour, model, tier, kind, requests, tokens, micros, credit_requests, credit_tokens,
			credit_micros, input_tokens, output_tokens FROM usage
		UNION ALL SELECT project_id, identity, hour, model, tier, 0, requests, tokens, micros, credit_requests,
			credit_tokens, credit_micros, 0, 0 FROM holds)
	GROUP BY project_id, identity, hour, model, tier, kind)`

// spent is the identities table after the credits of all holds are spent.
const spent = `(SELECT i.project_id, i.identity, i.known, i.settings,
	max(0, i.credit_requests - coalesce(h.requests, 0)) AS credit_requests,
	max(0, i.credit_tokens - coalesce(h.tokens, 0)) AS credit_tokens,
	max(0, i.credit_micros - coalesce(h.micros, 0)) AS credit_micros,
	i.unlimited_until, i.burst_at, i.created_at, i.updated_at
	FROM identities i LEFT JOIN (SELECT project_id, identity, sum(credit_requests) AS requests, sum(credit_tokens) AS tokens,
		sum(credit_micros) AS micros FROM holds GROUP BY project_id, identity) h
	ON h.project_id = i.project_id AND h.identity = i.identity)`

// copies lists referenced tables before those that refer to them. Holds are settled into usage. Requests to sign in are left
// out: they live for minutes. What the rollups say of usage is left out or replaced: the target builds it
// from the usage table.
var copies = []copied{
	{table: "projects", order: "id",
		columns: []string{"id", "settings", "secret_id", "secret_hash", "created_at", "updated_at", "revision", "version", "versioned"},
		sums:    []string{"created_at", "updated_at", "version"}},
	{table: "provider_keys", order: "project_id, provider", columns: []string{"project_id", "provider", "sealed", "mask",
		"set_at", "set_by_kind", "set_by_id", "set_by_email", "last_used_at", "failed_at", "failure"}},
	{table: "settings_versions", order: "project_id, version",
		columns: []string{"project_id", "version", "at", "actor_kind", "actor_id", "actor_email", "reason", "changes", "settings", "masks"},
		sums:    []string{"version"}},
	{table: "old_secrets", order: "project_id", columns: []string{"project_id", "secret_id", "secret_hash", "ends_at"}, sums: []string{"ends_at"}},
	{table: "prompts", order: "project_id, name", columns: []string{"project_id", "name", "version", "created_at", "revision"},
		sums: []string{"version", "created_at"}},
	{table: "prompt_versions", order: "project_id, name, version",
		columns: []string{"project_id", "name", "version", "description", "enabled", "sealed", "text", "bytes", "restored",
			"actor_kind", "actor_id", "actor_email", "at"},
		sums: []string{"version", "enabled", "sealed", "bytes", "restored", "at"}},
	{table: "identities", order: "project_id, identity", from: spent,
		columns: []string{"project_id", "identity", "known", "settings", "credit_requests", "credit_tokens", "credit_micros",
			"unlimited_until", "burst_at", "created_at", "updated_at"},
		sums: []string{"credit_requests", "credit_tokens", "credit_micros"}},
	{table: "usage", order: "project_id, identity, hour, model, tier, kind", from: settled,
		columns: []string{"project_id", "identity", "hour", "model", "tier", "kind", "requests", "tokens", "micros",
			"credit_requests", "credit_tokens", "credit_micros", "input_tokens", "output_tokens"},
		escaped: []string{"model", "tier"},
		sums: []string{"requests", "tokens", "micros", "credit_requests", "credit_tokens", "credit_micros",
			"input_tokens", "output_tokens"}},
	{table: "idempotency", order: "project_id, key",
		columns: []string{"project_id", "key", "fingerprint", "status", "body", "created_at"},
		escaped: []string{"key"}, sums: []string{"status"}},
	{table: "rollup_pending", order: "id", columns: []string{"entries"}},
	{table: "rollup_projects", order: "project_id", columns: []string{"project_id", "first_at", "last_at", "refused_at", "refused_for"},
		sums: []string{"first_at", "last_at"}},
	{table: "usage_total", order: "project_id, hour", columns: []string{"project_id", "hour", "refused"}, sums: []string{"refused"}},
	{table: "usage_hour", order: "project_id, split, hour, key",
		columns: []string{"project_id", "split", "hour", "key", "requests", "tokens", "micros", "refused"},
		sums:    []string{"requests", "tokens", "micros", "refused"}},
	{table: "usage_day", order: "project_id, split, day, key",
		columns: []string{"project_id", "split", "day", "key", "requests", "tokens", "micros", "refused", "last"},
		sums:    []string{"requests", "tokens", "micros", "refused"}},
	{table: "refusals", order: "project_id, hour, code, metric, model, tier",
		columns: []string{"project_id", "hour", "code", "metric", "model", "tier", "refused"}, sums: []string{"refused"}},
	{table: "refused_identities", order: "project_id, hour", columns: []string{"project_id", "hour", "entries"}},
	{table: "near_limits", order: "project_id, identity, metric, scope, model",
		columns: []string{"project_id", "identity", "metric", "scope", "model", "tier", "used", "resets_at"}, sums: []string{"used"}},
	{table: "security_events", order: "id",
		columns: []string{"project_id", "identity", "hour", "category", "rule", "blocked", "severity", "first_at", "last_at", "count"}, sums: []string{"count"}},
	{table: "security_counts", order: "project_id, hour, category, rule, blocked",
		columns: []string{"project_id", "hour", "category", "rule", "blocked", "count"}, sums: []string{"count"}},
	{table: "users", order: "id", columns: []string{"id", "email", "created_at"}, sums: []string{"created_at"}},
	{table: "sessions", order: "id",
		columns: []string{"hash", "id", "user_id", "created_at", "seen_at", "expires_at", "ip", "agent"}, sums: []string{"expires_at"}},
	{table: "members", order: "project_id, user_id", columns: []string{"project_id", "user_id", "role", "created_at"}, sums: []string{"created_at"}},
	{table: "invitations", order: "id",
		columns: []string{"id", "project_id", "email", "role", "token_hash", "inviter", "created_at", "expires_at"}, sums: []string{"expires_at"}},
	{table: "operations", order: "project_id, id", columns: []string{"project_id", "id", "definition", "fingerprint", "state", "matched",
		"applied", "failed", "next", "problems", "created_at", "updated_at"}, sums: []string{"matched", "applied", "failed"}},
	{table: "operation_batches", order: "project_id, operation_id, n", columns: []string{"project_id", "operation_id", "n", "items"}},
	{table: "audit", order: "id", columns: []string{"project_id", "identity", "action", "reason", "detail", "at",
		"actor_kind", "actor_id", "actor_email", "target", "changes", "request_id"}},
}

// Copy copies a SQLite file that no process serves into an empty PostgreSQL database: either everything, with equal
// counts and sums, or nothing. Holds are settled in full. The source does not change. keys must open its provider keys.
// escape rewrites names that PostgreSQL may refuse, as the ledger does.
func Copy(ctx context.Context, source string, target *DB, keys *secret.Keyring, escape func(name string) string) (done []Copied, err error) {
	db, closeSource, err := openSource(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	from, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	defer from.Rollback() //nolint:errcheck // the transaction only reads
	if err := checkKeys(ctx, from, keys); err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	to, err := target.Write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer to.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := lockEmpty(ctx, to); err != nil {
		return nil, err
	}
	for _, c := range copies {
		n, err := c.copy(ctx, from, to, escape)
		if err == nil {
			err = c.compare(ctx, from, to)
		}
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", c.table, err)
		}
		done = append(done, Copied{c.table, n})
	}
	if err := finishCopy(ctx, to, keys); err != nil {
		return nil, err
	}
	return done, to.Commit()
}

// openSource opens an existing file read-only, and holds its [Lock] so that no process serves it.
func openSource(ctx context.Context, path string) (db *sql.DB, closeAll func() error, err error) {
	if path, err = existing(path); err != nil {
		return nil, nil, err
	}
	unlock, err := Lock(path)
	if err != nil {
		return nil, nil, err
	}
	if db, err = handle(path, readPragmas(), 1); err != nil {
		return nil, nil, errors.Join(err, unlock())
	}
	closeAll = func() error { return errors.Join(db.Close(), unlock()) }
	if err := folded(path); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	newest, err := newestMigration("migrations/sqlite")
	var version int64
	if err == nil {
		err = db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied = 1`).Scan(&version)
	}
	if err == nil && version != newest {
		err = fmt.Errorf("%w (its schema is version %d, this airatelimit's is %d)", ErrOutdated, version, newest)
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return db, closeAll, nil
}

// existing returns the real path of an existing file. Its journal is beside that path.
func existing(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// folded returns ErrUnfolded if the ledger's journal beside the file is not empty.
func folded(path string) error {
	for _, name := range [...]string{".journal-a", ".journal-b"} {
		if info, err := os.Stat(path + name); err == nil && info.Size() > 0 {
			return ErrUnfolded
		}
	}
	return nil
}

const (
	// foldWait is ample: the server folds its journal a few times a second.
	foldWait = 10 * time.Second
	foldPoll = 20 * time.Millisecond
)

// awaitFolded waits until the tables hold everything that was in the ledger's journal at the call. It waits for two
// folds, because the first may have begun before the call.
func awaitFolded(ctx context.Context, db *sql.DB, path string) error {
	last, folds := int64(-1), -1
	for deadline := time.Now().Add(foldWait); folded(path) != nil; {
		var now int64
		if err := db.QueryRowContext(ctx, `SELECT folded FROM journal`).Scan(&now); err != nil {
			return fmt.Errorf("read the journal's position: %w", err)
		}
		if now != last {
			last = now
			folds++
		}
		if folds == 2 {
			return nil
		}
		if time.Now().After(deadline) {
			return ErrUnfolded
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(foldPoll):
		}
	}
	return nil
}

// checkKeys returns an error if the keyring does not open every stored provider key and prompt.
func checkKeys(ctx context.Context, from *sql.Tx, keys *secret.Keyring) error {
	for _, t := range sealedTables {
		err := t.each(ctx, from, t.column, t.sealed, nil, func(page []sealedRow) error {
			for _, r := range page {
				if _, err := keys.Open(r.text, t.aad(r)); err != nil {
					return fmt.Errorf("%s: %w: set ENCRYPTION_KEY to the key that sealed it", t.what(r), err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lockEmpty locks the target's tables against other writers, and returns [ErrNotEmpty] if they hold rows.
func lockEmpty(ctx context.Context, to *sql.Tx) error {
	for _, s := range []string{
		`SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '0', true),
			set_config('idle_in_transaction_session_timeout', '0', true)`,
		`LOCK TABLE projects, provider_keys, prompts, prompt_versions, settings_versions, old_secrets, identities, usage, holds, idempotency, audit, operations, operation_batches, users, sessions, members, invitations IN SHARE ROW EXCLUSIVE MODE`,
	} {
		if _, err := to.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("lock the target's tables: %w", err)
		}
	}
	for _, table := range []string{"projects", "identities", "usage", "holds", "idempotency", "audit", "users"} {
		var any bool
		if err := to.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+`)`).Scan(&any); err != nil {
			return err
		}
		if any {
			return ErrNotEmpty
		}
	}
	return nil
}

// finishCopy records the sealing key, and makes the projects visible to nodes that already serve the target.
func finishCopy(ctx context.Context, to *sql.Tx, keys *secret.Keyring) error {
	if own := keys.ID(); own != "" {
		var known string
		if err := to.QueryRowContext(ctx, `SELECT encryption_key FROM installation WHERE id = 1 FOR UPDATE`).Scan(&known); err != nil {
			return fmt.Errorf("compare encryption keys: %w", err)
		}
		if known != "" && !keys.Has(known) {
			return fmt.Errorf("%w (its id is %s, the id of the target's key is %s)", ErrOtherKey, own, known)
		}
		if err := setSealingKey(ctx, to, own); err != nil {
			return err
		}
	}
	for _, s := range []string{
		`UPDATE revision SET value = 1 + greatest(value, (SELECT coalesce(max(revision), 0) FROM projects))`,
		`UPDATE projects SET revision = (SELECT value FROM revision),
			versioned = CASE WHEN versioned = revision THEN (SELECT value FROM revision) ELSE 0 END`,
		`UPDATE rollup_state SET built = false`,
		`SELECT pg_notify('` + channel + `', '')`,
	} {
		if _, err := to.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c copied) source() string {
	if c.from == "" {
		return c.table
	}
	return c.from
}

// copy reads the rows and writes them in batches.
func (c copied) copy(ctx context.Context, from, to *sql.Tx, escape func(string) string) (n int64, err error) {
	rows, err := from.QueryContext(ctx, `SELECT `+strings.Join(c.columns, ", ")+` FROM `+c.source()+` AS s ORDER BY `+c.order)
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var batch []any
	for rows.Next() {
		row, into := make([]any, len(c.columns)), make([]any, len(c.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
		c.translate(row, escape)
		batch = append(batch, row...)
		if n++; n%copyBatch == 0 {
			if err := c.insert(ctx, to, batch); err != nil {
				return n, err
			}
			batch = batch[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	return n, c.insert(ctx, to, batch)
}

// translate turns a row of SQLite into a row of PostgreSQL.
func (c copied) translate(row []any, escape func(string) string) {
	for i, name := range c.columns {
		switch v := row[i].(type) {
		case string:
			if slices.Contains(c.escaped, name) {
				row[i] = escape(v)
			} else {
				row[i] = strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\uFFFD")
			}
		case int64:
			if name == "known" {
				row[i] = v != 0
			}
		}
	}
}

func (c copied) insert(ctx context.Context, to *sql.Tx, values []any) error {
	if len(values) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", c.table, strings.Join(c.columns, ", "))
	for i := range values {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(c.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteByte(')')
	_, err := to.ExecContext(ctx, b.String(), values...)
	return err
}

// compare returns an error if the count or a sum of the target's rows differs from the source's.
func (c copied) compare(ctx context.Context, from, to *sql.Tx) error {
	want, err := c.figures(ctx, from, c.source())
	if err != nil {
		return err
	}
	got, err := c.figures(ctx, to, c.table)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("count and sums of %s are %v in the source and %v in the target", strings.Join(c.sums, ", "), want, got)
	}
	return nil
}

func (c copied) figures(ctx context.Context, tx *sql.Tx, table string) ([]string, error) {
	text := "SELECT CAST(count(*) AS text)"
	for _, column := range c.sums {
		text += ", CAST(coalesce(sum(" + column + "), 0) AS text)"
	}
	figures, into := make([]string, 1+len(c.sums)), make([]any, 1+len(c.sums))
	for i := range figures {
		into[i] = &figures[i]
	}
	return figures, tx.QueryRowContext(ctx, text+" FROM "+table+" AS t").Scan(into...)
}

// Backup writes a consistent copy of a SQLite file to a new file (mode 0600). The file may be served meanwhile, and
// requests do not wait. The copy holds everything that was answered before the call. If the tables do not hold that
// within ten seconds, the error is [ErrUnfolded].
func Backup(ctx context.Context, d config.Database, to string) (err error) {
	path, err := existing(d.Path)
	if err != nil {
		return err
	}
	db, err := handle(path, commonPragmas(), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := awaitFolded(ctx, db, path); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, to)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
