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
	// ErrOtherKey means that this process's encryption key differs from the key of the database's other nodes, so that
	// they could not open each other's sealed provider keys.
	ErrOtherKey = errors.New("ENCRYPTION_KEY is not the key with which this database's nodes seal provider keys: give every node the same ENCRYPTION_KEY, and after a replacement the earlier key in ENCRYPTION_KEY_PREVIOUS")

	// ErrKeptKey means that the encryption key is known to this machine alone, and no server of the database has it.
	ErrKeptKey = errors.New("ENCRYPTION_KEY is not set here, and no server of this database has started with the key that this machine keeps in DATA_DIR, so it may be none that they have. If this machine will be the server, start it once with this DATA_DIR, and then run the command again. If there are servers, set ENCRYPTION_KEY to their own")

	// ErrUnopened means that neither ENCRYPTION_KEY nor ENCRYPTION_KEY_PREVIOUS opens some stored provider keys. Its text
	// names them.
	ErrUnopened = errors.New("stored provider keys cannot be opened")
)

const (
	// keyPage is how many stored keys are read, and resealed, at a time.
	keyPage = 500
	// unopenedShown is how many keys that cannot be opened an error names.
	unopenedShown = 10
	// keysTime bounds AdoptKeys; a page takes some milliseconds.
	keysTime = 2 * time.Minute
	// alivePoll and aliveTime are how often, and for how long, the nodes' beats are watched. A node beats every 5 s.
	alivePoll, aliveTime = 250 * time.Millisecond, 12 * time.Second
)

// AdoptKeys makes the store's encryption key the key that seals provider keys in this database. Every start of a server
// calls it. It opens every stored key, and reseals those that an earlier key has sealed.
//
// If a stored key cannot be opened, the error is [ErrUnopened] and nothing has changed. If running nodes seal with a key
// that is not in the keyring, the error is [ErrOtherKey]. Both name the remedy.
//
// Resealing does not raise the revision: running nodes have the provider keys in memory, and may not have the new
// encryption key yet.
func (s *Store) AdoptKeys(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	if err := s.adoptKey(ctx); err != nil {
		return err
	}
	if err := s.resealAll(ctx); err != nil {
		return fmt.Errorf("seal provider keys with the current ENCRYPTION_KEY: %w", err)
	}
	return nil
}

// adoptKey opens every stored key and records the store's key as the sealing key. It locks the row that every change
// with a provider key also locks.
func (s *Store) adoptKey(ctx context.Context) error {
	tx, err := s.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("compare encryption keys: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	known, err := s.db.sealingKey(ctx, tx)
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
		// Nothing is sealed with the other key, but a running node may still seal with it.
		alive, err := s.db.otherNodeAlive(ctx)
		if err != nil {
			return fmt.Errorf("compare encryption keys: %w", err)
		}
		if alive {
			return fmt.Errorf("%w (its id is %s, the id of the other nodes' key is %s)", ErrOtherKey, own, known)
		}
	}
	if err := setSealingKey(ctx, tx, own); err != nil {
		return err
	}
	return tx.Commit()
}

// sealingKey returns the id of the sealing key, or "" if there is none yet. It locks the id until the transaction ends.
func (db *DB) sealingKey(ctx context.Context, tx *sql.Tx) (id string, err error) {
	lock := "" // SQLite runs one writing transaction at a time
	if db.Pool != nil {
		lock = " FOR UPDATE"
	}
	if err := tx.QueryRowContext(ctx, `SELECT encryption_key FROM installation WHERE id = 1`+lock).Scan(&id); err != nil {
		return "", fmt.Errorf("compare encryption keys: %w", err)
	}
	return id, nil
}

func setSealingKey(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE installation SET encryption_key = $1 WHERE id = 1`, id); err != nil {
		return fmt.Errorf("record the encryption key's id: %w", err)
	}
	return nil
}

// maySeal makes sure that the database's nodes can open the keys that the transaction seals. The store's key must be the
// sealing key; if there is none yet, it becomes the sealing key.
func (s *Store) maySeal(ctx context.Context, tx *sql.Tx) error {
	own := s.keys.ID()
	if own == "" {
		return secret.ErrNoKey
	}
	switch known, err := s.db.sealingKey(ctx, tx); {
	case err != nil:
		return err
	case known == "" && s.KeptKey:
		return ErrKeptKey
	case known == "":
		return setSealingKey(ctx, tx, own)
	case known != own:
		return fmt.Errorf("%w (its id is %s, the id of the nodes' key is %s)", ErrOtherKey, own, known)
	}
	return nil
}

// sealedKey is a row of provider_keys.
type sealedKey struct{ project, provider, sealed string }

func (k sealedKey) aad() string { return sealedFor(k.project, k.provider) }

// keysAfter returns the page of stored keys after last for which the condition holds.
func keysAfter(ctx context.Context, q queryer, last sealedKey, where string, args ...any) ([]sealedKey, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf(`SELECT project_id, provider, sealed FROM provider_keys
		WHERE (project_id, provider) > ($1, $2) AND %s ORDER BY project_id, provider LIMIT %d`, where, keyPage),
		append([]any{last.project, last.provider}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read provider keys: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
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

// openAll opens every stored key and returns how many there are. If some cannot be opened, it returns an [ErrUnopened]
// that names them.
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
	return stored, s.explainUnopened(failed, unopened)
}

func (s *Store) explainUnopened(failed int, which []string) error {
	problem := "ENCRYPTION_KEY does not open every stored provider key"
	if s.keys.ID() == "" {
		problem = "ENCRYPTION_KEY is not set, but provider keys are stored"
	}
	return fmt.Errorf("%w: %s (%d cannot be opened).\n%s.\n"+
		"Set ENCRYPTION_KEY to the key that sealed them (outside production the file encryption-key in DATA_DIR), or add that key to "+
		"ENCRYPTION_KEY_PREVIOUS. If that key is lost, remove each stored provider key with "+
		"`airatelimit project config PROJECT --set -` and {\"providers\": {\"NAME\": {\"key\": null}}}, start the server, and store the provider key again",
		ErrUnopened, problem, failed, strings.Join(which, "\n"))
}

// resealAll reseals provider keys of an earlier encryption key with the current one, one page a transaction. A provider key
// that is replaced meanwhile keeps its new value.
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

// otherNodeAlive reports whether a node on this PostgreSQL raises its beat. A SQLite file has one server, which holds
// [Lock].
func (db *DB) otherNodeAlive(ctx context.Context) (bool, error) {
	if db.Pool == nil {
		return false, nil
	}
	first, err := db.beats(ctx)
	if err != nil || len(first) == 0 {
		return false, err
	}
	for deadline := time.Now().Add(aliveTime); time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(alivePoll):
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

// beats returns each node's beat, a counter that a running node raises.
func (db *DB) beats(ctx context.Context) (map[int64]int64, error) {
	beats := map[int64]int64{}
	return beats, db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, `SELECT id, beat FROM nodes`)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
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
