package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/secret"
)

// ErrOtherKey is the error of a process whose encryption key is not the one that others on the same PostgreSQL seal
// with: neither could open what the other has sealed.
var ErrOtherKey = errors.New("ENCRYPTION_KEY is not the one that this database's provider keys are sealed with: give every node the same, and where it was replaced the earlier one in ENCRYPTION_KEY_PREVIOUS")

// Claim makes sure that all who share a PostgreSQL seal with one key: the first to come decides, and a later key takes
// its place that comes with the earlier one in its keyring. Anybody else gets [ErrOtherKey]. A SQLite file has one
// DATA_DIR, and with it one key: there Claim does nothing.
func (db *DB) Claim(ctx context.Context, keys *secret.Keyring) error {
	if db.Pool == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := db.begin(ctx)
	if err != nil {
		return fmt.Errorf("compare encryption keys: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := claim(ctx, tx, keys); err != nil {
		return err
	}
	return tx.Commit()
}

func claim(ctx context.Context, tx *sql.Tx, keys *secret.Keyring) error {
	var known string
	err := tx.QueryRowContext(ctx, `SELECT encryption_key FROM installation WHERE id = 1 FOR UPDATE`).Scan(&known)
	switch {
	case err != nil:
		return fmt.Errorf("compare encryption keys: %w", err)
	case known == keys.ID():
		return nil
	case known != "" && !keys.Has(known):
		return fmt.Errorf("%w (its id is %s, that of the database's %s)", ErrOtherKey, keys.ID(), known)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE installation SET encryption_key = $1 WHERE id = 1`, keys.ID()); err != nil {
		return fmt.Errorf("compare encryption keys: %w", err)
	}
	return nil
}
