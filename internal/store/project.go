package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// Store keeps projects and their provider keys. A project that does not exist is [project.ErrNotFound].
type Store struct {
	db      *DB
	keys    *secret.Keyring
	changed atomic.Pointer[Catalog] // refreshed after each change; may be nil

	// KeptKey reports that the sealing key was made on this machine and is kept in a file, so other machines may not have
	// it. Provider keys are then sealed only if a server of the database has adopted the key. Set it before the store is
	// used.
	KeptKey bool
	// Prices override the built-in price book in every project; nil overrides nothing. Set it before the store is used.
	Prices *project.PriceBook
}

// New returns the store in db. Provider keys are sealed with keys.
func New(db *DB, keys *secret.Keyring) *Store { return &Store{db: db, keys: keys} }

// CreateProject creates a project for the cause in ctx, and returns it with its secret key, which is shown only this once. A
// user who creates one is its owner; one who owns too many gets [account.ErrTooManyProjects]. Provider keys in settings are sealed. Without an encryption key they are refused with [secret.ErrNoKey], and with a key that is not the
// nodes' with [ErrOtherKey].
func (s *Store) CreateProject(ctx context.Context, settings project.Settings) (rec project.Record, secretKey string, err error) {
	cause := ledger.CauseOf(ctx)
	rec = project.Record{Key: secret.NewProjectKey(), CreatedAt: cause.At, UpdatedAt: cause.At, Version: 1}
	secretKey, rec.SecretID, rec.SecretHash = secret.NewSecretKey()
	sealing := sealing{store: s, project: rec.Key}
	rec, err = rec.With(settings, sealing.seal)
	if err != nil {
		return project.Record{}, "", err
	}
	rec.SignKeys(project.Record{}, cause.At, cause.By)
	err = s.change(ctx, func(tx *sql.Tx, rev int64) error {
		if err := sealing.check(ctx, tx); err != nil {
			return err
		}
		rec.Revision = rev
		if err := insert(ctx, tx, rec); err != nil {
			return err
		}
		if by := cause.By; by.Kind == ledger.User {
			if err := mayOwnMore(ctx, tx, by.ID); err != nil {
				return err
			}
			if err := setMember(ctx, tx, rec.Key, by.ID, account.Owner, cause.At); err != nil {
				return err
			}
		}
		if err := putVersion(ctx, tx, rec, cause, noChanges); err != nil {
			return err
		}
		return putEntry(ctx, tx, rec.Key, cause, ledger.Entry{Action: ledger.ActionCreateProject, Target: "project"})
	})
	if err != nil {
		return project.Record{}, "", fmt.Errorf("create project: %w", err)
	}
	return rec, secretKey, nil
}

const countOwned = `SELECT count(*) FROM members WHERE user_id = $1 AND role = 'owner'`

// mayOwnMore returns [account.ErrTooManyProjects] if a user owns as many projects as a user may make.
func mayOwnMore(ctx context.Context, tx *sql.Tx, user string) error {
	var n int
	if err := tx.QueryRowContext(ctx, countOwned, user).Scan(&n); err != nil {
		return err
	}
	if n >= account.MaxProjects {
		return account.ErrTooManyProjects
	}
	return nil
}

// Project returns the project with the key pk_…, or [project.ErrNotFound].
func (s *Store) Project(ctx context.Context, key string) (rec project.Record, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rec, err = one(ctx, q, "p.id = $1", key)
		return err
	})
	return rec, err
}

// ProjectBySecretID returns the project whose secret key has the id, or [project.ErrNotFound]. The caller compares the
// key's hash. The key may be one that was replaced: the caller then compares the time when it ends.
func (s *Store) ProjectBySecretID(ctx context.Context, id string) (rec project.Record, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rec, err = one(ctx, q, "p.secret_id = $1", id)
		if errors.Is(err, project.ErrNotFound) {
			rec, err = byOldSecret(ctx, q, id)
		}
		return err
	})
	return rec, err
}

const queryOldSecret = `SELECT project_id, secret_hash, ends_at FROM old_secrets WHERE secret_id = $1`

// byOldSecret returns the project with a secret key that was replaced, in the place of the current one.
func byOldSecret(ctx context.Context, q queryer, id string) (project.Record, error) {
	var key string
	var hash []byte
	var ends int64
	err := q.QueryRowContext(ctx, queryOldSecret, id).Scan(&key, &hash, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return project.Record{}, project.ErrNotFound
	}
	if err != nil {
		return project.Record{}, fmt.Errorf("read a secret key: %w", err)
	}
	rec, err := one(ctx, q, "p.id = $1", key)
	rec.SecretID, rec.SecretEndsAt = id, time.UnixMicro(ends).UTC()
	copy(rec.SecretHash[:], hash)
	return rec, err
}

// Projects returns every project, the oldest first. If some cannot be read, it returns the others, and an error that is
// [ErrUnreadable] and names them.
func (s *Store) Projects(ctx context.Context) ([]project.Record, error) {
	var rows []record
	err := s.db.read(ctx, loadTime, func(ctx context.Context, q queryer) (err error) {
		rows, err = query(ctx, q, "true")
		return err
	})
	if err != nil {
		return nil, err
	}
	records := make([]project.Record, 0, len(rows))
	var damages []error
	for _, r := range rows {
		if r.damage != nil {
			damages = append(damages, r.damage)
			continue
		}
		records = append(records, r.Record)
	}
	return records, errors.Join(damages...)
}

// UpdateProject is [Store.EditProject] for an update that needs only the settings.
func (s *Store) UpdateProject(ctx context.Context, key string, update func(project.Settings) (project.Settings, error)) (project.Record, error) {
	return s.EditProject(ctx, key, ledger.ActionChangeProject, func(rec project.Record) (project.Settings, error) { return update(rec.Document()) })
}

// EditProject replaces a project's settings by the result of update, for the cause in ctx, and returns the project. The
// change is a version of the settings and has an entry in the audit trail, under the name of the action. Without a change
// nothing is written. update gets the project, whose Document has masked provider keys (see [project.Record.With]). If update
// fails, nothing changes and its error is returned as it is. Other changes, by any process, wait meanwhile, so update must be
// quick.
func (s *Store) EditProject(ctx context.Context, key, action string, update func(project.Record) (project.Settings, error)) (rec project.Record, err error) {
	cause := ledger.CauseOf(ctx)
	err = s.change(ctx, func(tx *sql.Tx, rev int64) error {
		old, err := one(ctx, tx, "p.id = $1", key)
		if err != nil {
			return err
		}
		settings, err := update(old)
		if err != nil {
			return err
		}
		changes, err := settings.Changes(old.Document())
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			rec = old
			return errUnchanged
		}
		sealing := sealing{store: s, project: key}
		if rec, err = old.With(settings, sealing.seal); err != nil {
			return err
		}
		if err := sealing.check(ctx, tx); err != nil {
			return err
		}
		rec.SignKeys(old, cause.At, cause.By)
		rec.UpdatedAt, rec.Revision, rec.Version = cause.At, rev, old.Version+1
		return writeEdit(ctx, tx, old, rec, cause, action, changes)
	})
	if errors.Is(err, errUnchanged) {
		return rec, nil
	}
	if err != nil {
		return project.Record{}, err
	}
	return rec, nil
}

// errUnchanged ends the transaction of a change that changes nothing.
var errUnchanged = errors.New("nothing changes")

// writeEdit writes a project's new settings, their version and the entry in the audit trail.
func writeEdit(ctx context.Context, tx *sql.Tx, old, rec project.Record, cause ledger.Cause, action string, changes []project.Change) error {
	if err := replace(ctx, tx, rec); err != nil {
		return err
	}
	text, err := changesText(changes)
	if err != nil {
		return err
	}
	// A binary without versions may have made the settings before.
	if err := putVersion(ctx, tx, old, ledger.Cause{By: ledger.Actor{Kind: ledger.System}, At: old.UpdatedAt}, noChanges); err != nil {
		return err
	}
	if err := putVersion(ctx, tx, rec, cause, text); err != nil {
		return err
	}
	if err := forgetVersions(ctx, tx, rec, project.KeptVersions, project.KeptVersionBytes); err != nil {
		return err
	}
	return putEntry(ctx, tx, rec.Key, cause, ledger.Entry{Action: action, Target: "settings", Changes: json.RawMessage(text)})
}

// RegenerateSecret replaces a project's secret key for the cause in ctx, and returns the new one, which is shown only this
// once. The old one is good until the grace is over; with no grace it ends at once. A key that was replaced before ends in
// any case.
func (s *Store) RegenerateSecret(ctx context.Context, key string, grace time.Duration) (secretKey string, oldEndsAt time.Time, err error) {
	cause := ledger.CauseOf(ctx)
	oldEndsAt = cause.At.Add(grace)
	secretKey, id, hash := secret.NewSecretKey()
	err = s.change(ctx, func(tx *sql.Tx, rev int64) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM old_secrets WHERE project_id = $1`, key); err != nil {
			return err
		}
		if grace > 0 {
			_, err := tx.ExecContext(ctx, `INSERT INTO old_secrets (project_id, secret_id, secret_hash, ends_at)
				SELECT id, secret_id, secret_hash, $2 FROM projects WHERE id = $1`, key, oldEndsAt.UnixMicro())
			if err != nil {
				return err
			}
		}
		err := affected(tx.ExecContext(ctx, `UPDATE projects SET secret_id = $1, secret_hash = $2, updated_at = $3, revision = $4,
			versioned = CASE WHEN versioned = revision THEN $4 ELSE versioned END WHERE id = $5`,
			id, hash[:], cause.At.UnixMicro(), rev, key))
		if err != nil {
			return err
		}
		detail, err := json.Marshal(map[string]int64{"graceSeconds": int64(grace / time.Second)})
		if err != nil {
			return err
		}
		return putEntry(ctx, tx, key, cause, ledger.Entry{Action: ledger.ActionRegenerateSecret, Target: "secretKey", Detail: detail})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return secretKey, oldEndsAt, nil
}

// DeleteProject deletes a project and its provider keys. Its identities' usage stays until [DB.Prune] removes it. No
// later project gets the same key.
func (s *Store) DeleteProject(ctx context.Context, key string) error {
	return s.change(ctx, func(tx *sql.Tx, _ int64) error {
		return affected(tx.ExecContext(ctx, `DELETE FROM projects WHERE id = $1`, key))
	})
}

// TierCarriers counts a project's identities with the tier in their settings. It reads all of the project's identities.
func (s *Store) TierCarriers(ctx context.Context, key, tier string) (n int, err error) {
	of := `json_extract(NULLIF(settings, ''), '$.tier')`
	if s.db.Pool != nil {
		of = `NULLIF(settings, '')::json ->> 'tier'`
	}
	err = s.db.read(ctx, loadTime, func(ctx context.Context, q queryer) error {
		return q.QueryRowContext(ctx, `SELECT count(*) FROM identities WHERE project_id = $1 AND `+of+` = $2`, key, tier).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count the identities of a tier: %w", err)
	}
	return n, nil
}

// Revision counts the changes of projects and provider keys, by any process.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rev, err = revision(ctx, q)
		return err
	})
	return rev, err
}

func revision(ctx context.Context, q queryer) (rev int64, err error) {
	if err := q.QueryRowContext(ctx, `SELECT value FROM revision`).Scan(&rev); err != nil {
		return 0, fmt.Errorf("read the revision: %w", err)
	}
	return rev, nil
}

// change runs do in a transaction that raises the revision, and then refreshes the catalog.
func (s *Store) change(ctx context.Context, do func(tx *sql.Tx, revision int64) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var rev int64
	if err := tx.QueryRowContext(ctx, `UPDATE revision SET value = value + 1 RETURNING value`).Scan(&rev); err != nil {
		return err
	}
	if err := do(tx, rev); err != nil {
		return err
	}
	if s.db.Pool != nil {
		if _, err := tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if c := s.changed.Load(); c != nil {
		// The change stands even if the refresh fails; the catalog's next refresh repeats it.
		_ = c.Refresh(context.WithoutCancel(ctx))
	}
	return nil
}

func affected(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return project.ErrNotFound
}

// sealing seals the keys of one change of a project.
type sealing struct {
	store   *Store
	project string
	sealed  bool
}

func (c *sealing) seal(provider, plain string) (string, error) {
	c.sealed = true
	return c.store.keys.Seal([]byte(plain), sealedFor(c.project, provider))
}

// check makes sure that the nodes will open the sealed keys. It runs in the transaction that stores them.
func (c *sealing) check(ctx context.Context, tx *sql.Tx) error {
	if !c.sealed {
		return nil
	}
	return c.store.maySeal(ctx, tx)
}

// sealedFor is the associated data that ties a sealed key to its row: a copy in another project or provider cannot be
// opened.
func sealedFor(key, provider string) string { return key + "/" + provider }
