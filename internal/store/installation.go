package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/secret"
)

var (
	// ErrOtherKey is the error of a process whose encryption key is not the one that others on the same database seal
	// with: neither could open what the other has sealed.
	ErrOtherKey = errors.New("ENCRYPTION_KEY is not the key with which this database's nodes seal provider keys: give every node the same, and where it was replaced the earlier one in ENCRYPTION_KEY_PREVIOUS")

	// ErrUnopened is the error of a start with stored provider keys that ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS do
	// not open. Its text says which.
	ErrUnopened = errors.New("stored provider keys cannot be opened")
)

const (
	// keyPage is how many stored keys are read, and sealed anew, at a time.
	keyPage = 500
	// unopenedShown is how many keys that cannot be opened an error names.
	unopenedShown = 10
	// keysTime bounds the look at every stored key; a page takes some milliseconds.
	keysTime = 2 * time.Minute
	// livesPoll and livesTime are how often, and for how long, the nodes' beats are watched: a node beats every 5 s.
	livesPoll, livesTime = 250 * time.Millisecond, 12 * time.Second
)

// AdoptKeys makes the store's encryption key the one that seals provider keys in this database. Every start of a server
// calls it. It opens every stored key, and seals those anew that an earlier key has sealed.
//
// Where a stored key cannot be opened the error is [ErrUnopened], and nothing has changed. Where nodes that run seal with
// a key that is not in the keyring it is [ErrOtherKey]. Both name what to do.
//
// Running nodes are not told of keys that are sealed anew: they have them in memory, and may not know the new
// encryption key yet.
func (s *Store) AdoptKeys(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	if err := s.adopt(ctx); err != nil {
		return err
	}
	if err := s.resealAll(ctx); err != nil {
		return fmt.Errorf("seal provider keys with the current ENCRYPTION_KEY: %w", err)
	}
	return nil
}

// adopt looks at every stored key and takes note of who seals, with the row locked for which every change waits that
// seals.
func (s *Store) adopt(ctx context.Context) error {
	tx, err := s.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("compare encryption keys: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	known, err := s.db.sealer(ctx, tx)
	if err != nil {
		return err
	}
	stored, err := s.openAll(ctx, tx)
	if err != nil {
		return err
	}
	own := s.keys.ID()
	if own == "" || own == known {
		return nil
	}
	if known != "" && !s.keys.Has(known) && stored == 0 {
		// Nothing needs the other key any more, unless a node may still seal with it.
		lives, err := s.db.anotherLives(ctx)
		if err != nil {
			return fmt.Errorf("compare encryption keys: %w", err)
		}
		if lives {
			return fmt.Errorf("%w (its id is %s, that of the other nodes %s)", ErrOtherKey, own, known)
		}
	}
	if err := setSealer(ctx, tx, own); err != nil {
		return err
	}
	return tx.Commit()
}

// sealer returns the id of the key that seals, "" where none has yet, and keeps it for the time of the transaction.
func (db *DB) sealer(ctx context.Context, tx *sql.Tx) (id string, err error) {
	lock := "" // SQLite's transactions that write come one after the other
	if db.Pool != nil {
		lock = " FOR UPDATE"
	}
	if err := tx.QueryRowContext(ctx, `SELECT encryption_key FROM installation WHERE id = 1`+lock).Scan(&id); err != nil {
		return "", fmt.Errorf("compare encryption keys: %w", err)
	}
	return id, nil
}

func setSealer(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE installation SET encryption_key = $1 WHERE id = 1`, id); err != nil {
		return fmt.Errorf("take note of the encryption key: %w", err)
	}
	return nil
}

// maySeal makes sure that who serves the database will open what the transaction seals: the key that seals is the
// store's, or becomes it where there was none.
func (s *Store) maySeal(ctx context.Context, tx *sql.Tx) error {
	own := s.keys.ID()
	if own == "" {
		return secret.ErrNoKey
	}
	switch known, err := s.db.sealer(ctx, tx); {
	case err != nil:
		return err
	case known == "":
		return setSealer(ctx, tx, own)
	case known != own:
		return fmt.Errorf("%w (its id is %s, that of the nodes %s)", ErrOtherKey, own, known)
	}
	return nil
}

// sealedKey is a row of provider_keys.
type sealedKey struct{ project, provider, sealed string }

func (k sealedKey) aad() string { return sealedFor(k.project, k.provider) }

// keysAfter returns the next page of the stored keys that the condition holds for.
func keysAfter(ctx context.Context, q queryer, last sealedKey, where string, args ...any) ([]sealedKey, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf(`SELECT project_id, provider, sealed FROM provider_keys
		WHERE (project_id, provider) > ($1, $2) AND %s ORDER BY project_id, provider LIMIT %d`, where, keyPage),
		append([]any{last.project, last.provider}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read provider keys: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	var page []sealedKey
	for rows.Next() {
		var k sealedKey
		if err := rows.Scan(&k.project, &k.provider, &k.sealed); err != nil {
			return nil, fmt.Errorf("read provider keys: %w", err)
		}
		page = append(page, k)
	}
	return page, rows.Err()
}

// openAll opens every stored key and returns how many there are, or an [ErrUnopened] that names those it could not open.
func (s *Store) openAll(ctx context.Context, q queryer) (stored int, err error) {
	var unopened []string
	failed := 0
	for last, more := (sealedKey{}), true; more; {
		page, err := keysAfter(ctx, q, last, "true")
		if err != nil {
			return stored, err
		}
		for _, k := range page {
			if _, err := s.keys.Open(k.sealed, k.aad()); err != nil {
				if failed++; failed <= unopenedShown {
					unopened = append(unopened, fmt.Sprintf("the key of %s in project %s: %v", k.provider, k.project, err))
				}
			}
			last = k
		}
		stored += len(page)
		more = len(page) == keyPage
	}
	if failed == 0 {
		return stored, nil
	}
	if failed > unopenedShown {
		unopened = append(unopened, fmt.Sprintf("%d more", failed-unopenedShown))
	}
	return stored, s.unopened(failed, unopened)
}

// unopened says what is wrong, where, and what to do.
func (s *Store) unopened(failed int, which []string) error {
	problem := "ENCRYPTION_KEY does not open every stored provider key"
	if s.keys.ID() == "" {
		problem = "ENCRYPTION_KEY is not set, and there are stored provider keys"
	}
	return fmt.Errorf("%w: %s (%d cannot be opened).\n%s.\n"+
		"Set ENCRYPTION_KEY to the key that sealed them (outside production the file encryption-key in DATA_DIR), or add that key to "+
		"ENCRYPTION_KEY_PREVIOUS. Where it is lost, remove each stored key with "+
		"`airatelimit project config PROJECT --set -` and {\"providers\": {\"NAME\": {\"key\": null}}}, start the server, and store it again",
		ErrUnopened, problem, failed, strings.Join(which, "\n"))
}

// resealAll seals with the current key what an earlier one has sealed, a page in a transaction. A key that somebody
// replaces meanwhile stays as it is replaced.
func (s *Store) resealAll(ctx context.Context) error {
	if s.keys.ID() == "" {
		return nil
	}
	current := secret.SealedWith(s.keys.ID()) + "%"
	for last, more := (sealedKey{}), true; more; {
		var page []sealedKey
		err := s.db.read(ctx, loadTime, func(ctx context.Context, q queryer) (err error) {
			page, err = keysAfter(ctx, q, last, "sealed NOT LIKE $3", current)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.reseal(ctx, page); err != nil {
			return err
		}
		if more = len(page) == keyPage; more {
			last = page[len(page)-1]
		}
	}
	return nil
}

func (s *Store) reseal(ctx context.Context, page []sealedKey) error {
	if len(page) == 0 {
		return nil
	}
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, k := range page {
		plain, err := s.keys.Open(k.sealed, k.aad())
		if err != nil {
			return fmt.Errorf("the key of %s in project %s: %w", k.provider, k.project, err)
		}
		sealed, err := s.keys.Seal(plain, k.aad())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE provider_keys SET sealed = $1 WHERE project_id = $2 AND provider = $3 AND sealed = $4`,
			sealed, k.project, k.provider, k.sealed)
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// anotherLives reports whether a node on this PostgreSQL shows that it lives. A SQLite file has one server, which holds
// [Lock].
func (db *DB) anotherLives(ctx context.Context) (bool, error) {
	if db.Pool == nil {
		return false, nil
	}
	first, err := db.beats(ctx)
	if err != nil || len(first) == 0 {
		return false, err
	}
	for deadline := time.Now().Add(livesTime); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(livesPoll):
		}
		now, err := db.beats(ctx)
		if err != nil {
			return false, err
		}
		for id, beat := range now {
			if before, ok := first[id]; !ok || before != beat {
				return true, nil
			}
		}
	}
	return false, nil
}

// beats are the nodes' counters by which they show that they live.
func (db *DB) beats(ctx context.Context) (map[int64]int64, error) {
	beats := map[int64]int64{}
	return beats, db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, `SELECT id, beat FROM nodes`)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err tells
		for rows.Next() {
			var id, beat int64
			if err := rows.Scan(&id, &beat); err != nil {
				return err
			}
			beats[id] = beat
		}
		return rows.Err()
	})
}
