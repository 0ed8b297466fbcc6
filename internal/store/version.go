package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

const noChanges = "[]"

// maxChanges bounds a list of changes in bytes, as it is stored in a version and in the audit trail. A longer one is cut.
const maxChanges = 64 << 10

// changesText returns the changes as they are stored. Of a list that is too long, the first ones that fit are kept, and one
// that says how many are missing.
func changesText(changes []project.Change) (string, error) {
	size := 0
	for i, c := range changes {
		text, err := json.Marshal(c)
		if err != nil {
			return "", err
		}
		if size += len(text); size > maxChanges {
			changes = append(changes[:i:i], project.Change{Text: fmt.Sprintf("and %d more changes", len(changes)-i)})
			break
		}
	}
	text, err := json.Marshal(changes)
	return string(text), err
}

// putVersion writes the version of a project's settings, unless it is there already.
func putVersion(ctx context.Context, tx *sql.Tx, rec project.Record, cause ledger.Cause, changes string) error {
	doc, err := json.Marshal(rec.Settings) // the settings before may be larger than is allowed today
	if err != nil {
		return err
	}
	masks := make(map[string]string, len(rec.Keys))
	for name, key := range rec.Keys {
		masks[name] = key.Mask
	}
	text, err := json.Marshal(masks)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO settings_versions
		(project_id, version, at, actor_kind, actor_id, actor_email, reason, changes, settings, masks)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (project_id, version) DO NOTHING`,
		rec.Key, rec.Version, cause.At.UnixMicro(), string(cause.By.Kind), cause.By.ID, cause.By.Email, cause.Reason, changes, string(doc), string(text))
	if err != nil {
		return fmt.Errorf("write a version: %w", err)
	}
	return nil
}

// forgetVersions removes the versions that are too old to be kept: there are more newer ones, or the newer ones have more
// bytes. The current version is kept.
func forgetVersions(ctx context.Context, tx *sql.Tx, rec project.Record, most, mostBytes int64) error {
	if _, err := tx.ExecContext(ctx, removeVersions, rec.Key, rec.Version-most); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, removeBytes, rec.Key, mostBytes, rec.Version)
	return err
}

const (
	removeVersions = `DELETE FROM settings_versions WHERE project_id = $1 AND version <= $2`
	removeBytes    = `DELETE FROM settings_versions WHERE project_id = $1 AND version < $3 AND version <= (SELECT coalesce(max(version), 0) FROM
		(SELECT version, sum(octet_length(settings) + octet_length(changes)) OVER (ORDER BY version DESC) AS bytes
		FROM settings_versions WHERE project_id = $1) v WHERE bytes > $2)`
	queryVersions = `SELECT version, at, actor_kind, actor_id, actor_email, reason, changes FROM settings_versions
		WHERE project_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3`
	queryVersion = `SELECT version, at, actor_kind, actor_id, actor_email, reason, changes, settings, masks FROM settings_versions
		WHERE project_id = $1 AND version = $2`
)

// Versions returns the versions of a project's settings before a number, the newest first; 0 starts at the newest.
func (s *Store) Versions(ctx context.Context, key string, before int64, limit int) (all []project.Version, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rec, err := one(ctx, q, "p.id = $1", key)
		if err != nil {
			return err
		}
		if before == 0 {
			before = rec.Version + 1
		}
		rows, err := q.QueryContext(ctx, queryVersions, key, before, limit)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		for rows.Next() {
			v, err := scanVersion(rows.Scan)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		if rec.Version < before && (len(all) == 0 || all[0].Number < rec.Version) {
			all = append([]project.Version{unwritten(rec)}, all[:min(len(all), limit-1)]...)
		}
		return rows.Err()
	})
	return all, err
}

// unwritten is the version of settings that a binary without versions has stored.
func unwritten(rec project.Record) project.Version {
	return project.Version{Number: rec.Version, At: rec.UpdatedAt, By: ledger.Actor{Kind: ledger.System}, Changes: json.RawMessage(noChanges)}
}

// Version returns a version of a project's settings, with masked provider keys. A version that is not kept, or was never
// made, is [project.ErrNotFound].
func (s *Store) Version(ctx context.Context, key string, number int64) (v project.Version, settings project.Settings, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		var doc, masks string
		v, err = scanVersion(q.QueryRowContext(ctx, queryVersion, key, number).Scan, &doc, &masks)
		if errors.Is(err, sql.ErrNoRows) {
			rec, err := one(ctx, q, "p.id = $1", key)
			if err == nil && rec.Version != number {
				err = project.ErrNotFound
			}
			v, settings = unwritten(rec), rec.Document()
			return err
		}
		if err != nil {
			return err
		}
		settings, err = readVersion(key, doc, masks)
		return err
	})
	return v, settings, err
}

func readVersion(key, doc, masks string) (project.Settings, error) {
	var names map[string]string
	if err := json.Unmarshal([]byte(masks), &names); err != nil {
		return project.Settings{}, fmt.Errorf("%w %s: %w", ErrUnreadable, key, err)
	}
	settings, err := project.ReadSettings([]byte(doc))
	if err != nil {
		return project.Settings{}, fmt.Errorf("%w %s: %w", ErrUnreadable, key, err)
	}
	keys := make(map[string]project.SealedKey, len(names))
	for name, mask := range names {
		keys[name] = project.SealedKey{Mask: mask}
	}
	return project.Record{Settings: settings, Keys: keys}.Document(), nil
}

func scanVersion(scan func(...any) error, more ...any) (v project.Version, err error) {
	var at int64
	var changes string
	err = scan(append([]any{&v.Number, &at, &v.By.Kind, &v.By.ID, &v.By.Email, &v.Reason, &changes}, more...)...)
	v.At, v.Changes = time.UnixMicro(at).UTC(), json.RawMessage(changes)
	return v, err
}
