package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
)

// ErrUnreadable means that a project's row cannot be read. The error's text names the project and the reason.
var ErrUnreadable = errors.New("cannot read the stored project")

// record is a project's record, or the reason why its row cannot be read. One damaged row must not affect the other
// projects.
type record struct {
	project.Record
	damage error
}

// one returns the only project for which the condition holds, or [project.ErrNotFound].
func one(ctx context.Context, q queryer, where string, args ...any) (project.Record, error) {
	records, err := query(ctx, q, where, args...)
	switch {
	case err != nil:
		return project.Record{}, err
	case len(records) == 0:
		return project.Record{}, project.ErrNotFound
	}
	return records[0].Record, records[0].damage
}

const queryProjects = `SELECT p.id, p.settings, p.secret_id, p.secret_hash, p.created_at, p.updated_at, p.revision,
		p.version, p.versioned, k.provider, k.sealed, k.mask,
		k.set_at, k.set_by_kind, k.set_by_id, k.set_by_email, k.last_used_at, k.failed_at, k.failure
	FROM projects p LEFT JOIN provider_keys k ON k.project_id = p.id
	WHERE %s ORDER BY p.created_at, p.id`

// query returns the projects for which the condition on p holds, with their keys. One statement reads both at the same
// moment. Its result has a row for each key of a project.
func query(ctx context.Context, q queryer, where string, args ...any) ([]record, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf(queryProjects, where), args...)
	if err != nil {
		return nil, fmt.Errorf("read projects: %w", err)
	}
	defer rows.Close()
	var records []record
	for rows.Next() {
		var r row
		if err := r.scan(rows); err != nil {
			return nil, fmt.Errorf("read projects: %w", err)
		}
		if n := len(records); n == 0 || records[n-1].Key != r.id {
			records = append(records, r.record())
		}
		last := &records[len(records)-1]
		if r.provider.Valid {
			last.Keys[r.provider.String] = r.key()
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read projects: %w", err)
	}
	return records, nil
}

// row is a row of query.
type row struct {
	id, settings, secretID       string
	secretHash                   []byte
	createdAt, updatedAt, change int64
	version, versioned           int64
	provider, sealed, mask       sql.NullString

	setAt, lastUsedAt, failedAt       sql.NullInt64
	byKind, byID, byEmail, whyFailure sql.NullString
}

// key is the provider key in the row.
func (r *row) key() project.SealedKey {
	at := func(n sql.NullInt64) time.Time {
		if n.Int64 == 0 {
			return time.Time{}
		}
		return time.UnixMicro(n.Int64).UTC()
	}
	return project.SealedKey{Sealed: r.sealed.String, Mask: r.mask.String, SetAt: at(r.setAt), LastUsedAt: at(r.lastUsedAt), FailedAt: at(r.failedAt),
		SetBy: ledger.Actor{Kind: ledger.ActorKind(r.byKind.String), ID: r.byID.String, Email: r.byEmail.String}, Failure: r.whyFailure.String}
}

func (r *row) scan(rows *sql.Rows) error {
	return rows.Scan(&r.id, &r.settings, &r.secretID, &r.secretHash, &r.createdAt, &r.updatedAt, &r.change,
		&r.version, &r.versioned, &r.provider, &r.sealed, &r.mask,
		&r.setAt, &r.byKind, &r.byID, &r.byEmail, &r.lastUsedAt, &r.failedAt, &r.whyFailure)
}

func (r *row) record() record {
	rec := project.Record{
		Key:       r.id,
		Keys:      map[string]project.SealedKey{},
		SecretID:  r.secretID,
		CreatedAt: time.UnixMicro(r.createdAt).UTC(),
		UpdatedAt: time.UnixMicro(r.updatedAt).UTC(),
		Revision:  r.change,
		Version:   r.version,
	}
	if r.versioned != r.change { // a binary without versions has changed it since
		rec.Version++
	}
	settings, err := project.ReadSettings([]byte(r.settings))
	if len(r.secretHash) != len(rec.SecretHash) {
		err = errors.Join(err, errors.New("its secret key's hash has the wrong length"))
	}
	if err != nil {
		return record{Record: rec, damage: fmt.Errorf("%w %s: %w", ErrUnreadable, r.id, err)}
	}
	rec.Settings = settings
	copy(rec.SecretHash[:], r.secretHash)
	return record{Record: rec}
}

func insert(ctx context.Context, tx *sql.Tx, rec project.Record) error {
	doc, err := rec.Settings.Stored()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO projects
		(id, settings, secret_id, secret_hash, created_at, updated_at, revision, version, versioned) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7)`,
		rec.Key, string(doc), rec.SecretID, rec.SecretHash[:], rec.CreatedAt.UnixMicro(), rec.UpdatedAt.UnixMicro(), rec.Revision, rec.Version)
	if err != nil {
		return err
	}
	return putKeys(ctx, tx, rec)
}

// replace writes a project's settings and provider keys, but never its secret key.
func replace(ctx context.Context, tx *sql.Tx, rec project.Record) error {
	doc, err := rec.Settings.Stored()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE projects SET settings = $1, updated_at = $2, revision = $3, version = $4, versioned = $3 WHERE id = $5`,
		string(doc), rec.UpdatedAt.UnixMicro(), rec.Revision, rec.Version, rec.Key)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM provider_keys WHERE project_id = $1`, rec.Key); err != nil {
		return err
	}
	return putKeys(ctx, tx, rec)
}

func putKeys(ctx context.Context, tx *sql.Tx, rec project.Record) error {
	micros := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMicro()
	}
	for provider, k := range rec.Keys {
		_, err := tx.ExecContext(ctx, `INSERT INTO provider_keys (project_id, provider, sealed, mask, set_at, set_by_kind, set_by_id, set_by_email,
			last_used_at, failed_at, failure) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			rec.Key, provider, k.Sealed, k.Mask, micros(k.SetAt), string(k.SetBy.Kind), k.SetBy.ID, k.SetBy.Email,
			micros(k.LastUsedAt), micros(k.FailedAt), k.Failure)
		if err != nil {
			return err
		}
	}
	return nil
}

// NoteKeyUses notes how stored keys have fared. It is no change of the projects: their revisions stay.
func (s *Store) NoteKeyUses(ctx context.Context, uses []provider.Use) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	if len(uses) == 0 {
		return nil
	}
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, u := range uses {
		if !u.UsedAt.IsZero() {
			_, err = tx.ExecContext(ctx, `UPDATE provider_keys SET last_used_at = $1 WHERE project_id = $2 AND provider = $3 AND last_used_at < $1`,
				u.UsedAt.UnixMicro(), u.Project, u.Provider)
		}
		if err == nil && !u.FailedAt.IsZero() {
			_, err = tx.ExecContext(ctx, `UPDATE provider_keys SET failed_at = $1, failure = $4 WHERE project_id = $2 AND provider = $3 AND failed_at < $1`,
				u.FailedAt.UnixMicro(), u.Project, u.Provider, u.Failure)
		}
		if err != nil {
			return fmt.Errorf("note uses of provider keys: %w", err)
		}
	}
	return tx.Commit()
}
