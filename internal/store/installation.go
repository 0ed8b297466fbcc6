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

	// ErrUnopened means that neither ENCRYPTION_KEY nor ENCRYPTION_KEY_PREVIOUS opens some stored provider keys or prompts.
	// Its text names them.
	ErrUnopened = errors.New("stored provider keys or prompts cannot be opened")
)

const (
	// unopenedShown is how many keys that cannot be opened an error names.
	unopenedShown = 10
	// keysTime bounds AdoptKeys; a page takes some milliseconds.
	keysTime = 2 * time.Minute
	// alivePoll and aliveTime are how often, and for how long, the nodes' beats are watched. A node beats every 5 s.
	alivePoll, aliveTime = 250 * time.Millisecond, 12 * time.Second
)

// AdoptKeys makes the store's encryption key the key that seals provider keys and prompts in this database. Every start of
// a server calls it. It opens all of them, and reseals those that an earlier key has sealed.
//
// If one cannot be opened, the error is [ErrUnopened] and nothing has changed. If running nodes seal with a key
// that is not in the keyring, the error is [ErrOtherKey]. Both name the remedy.
//
// Resealing does not raise the revision: running nodes have the keys and the texts in memory, and may not have the new
// encryption key yet.
func (s *Store) AdoptKeys(ctx context.Context) error {
	_, err := s.adopt(ctx)
	return err
}

// Rekey does what [Store.AdoptKeys] does, and returns how many provider keys and prompts it has sealed anew. Without an
// encryption key it is [secret.ErrNoKey], and with a key that no server of the database has, [ErrKeptKey].
func (s *Store) Rekey(ctx context.Context) (resealed int, err error) {
	if s.keys.ID() == "" {
		return 0, secret.ErrNoKey
	}
	if s.KeptKey {
		tx, err := s.db.begin(ctx)
		if err != nil {
			return 0, fmt.Errorf("compare encryption keys: %w", err)
		}
		known, err := s.db.sealingKey(ctx, tx)
		if err := errors.Join(err, tx.Rollback()); err != nil {
			return 0, err
		}
		if known != s.keys.ID() {
			return 0, ErrKeptKey
		}
	}
	return s.adopt(ctx)
}

func (s *Store) adopt(ctx context.Context) (resealed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	if err := s.adoptKey(ctx); err != nil {
		return 0, err
	}
	if resealed, err = s.resealAll(ctx); err != nil {
		return resealed, fmt.Errorf("seal with the current ENCRYPTION_KEY: %w", err)
	}
	return resealed, nil
}

// RemoveUnopened removes every provider key and every version of a prompt that the keyring does not open, and prompts whose
// current version was one. It returns what it has removed, for a person to read.
func (s *Store) RemoveUnopened(ctx context.Context) (removed []string, err error) {
	err = s.change(ctx, func(tx *sql.Tx, rev int64) error {
		for _, t := range sealedTables {
			var lost []sealedRow
			err := t.each(ctx, tx, t.column, t.sealed, nil, func(page []sealedRow) error {
				for _, r := range page {
					if _, err := s.keys.Open(r.text, t.aad(r)); err != nil {
						r.text = ""
						lost = append(lost, r)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, r := range lost {
				where, args := t.row(r)
				if _, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE %s`, t.name, where), args...); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, raiseRevision, rev, r.project()); err != nil {
					return err
				}
				removed = append(removed, t.what(r))
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM prompts WHERE NOT EXISTS (SELECT 1 FROM prompt_versions v
			WHERE v.project_id = prompts.project_id AND v.name = prompts.name AND v.version = prompts.version)`)
		return err
	})
	return removed, err
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

// sealedTable is a table with sealed texts.
type sealedTable struct {
	name, column string
	key          []string // its primary key: project_id, then texts, and perhaps a number at the end
	sealed       string   // the condition of rows that are sealed
	page         int      // how many rows are read, and resealed, at a time
	aad          func(row sealedRow) string
	what         func(row sealedRow) string // names a row in an error
	seal         string                     // assignments beside that of a newly sealed text
}

// sealedRow is a row of a sealedTable.
type sealedRow struct {
	key    []any
	sealed bool
	text   string // what is stored
}

func (r sealedRow) project() string { return r.key[0].(string) }
func (r sealedRow) name() string    { return r.key[1].(string) }
func (r sealedRow) number() int64   { return r.key[2].(int64) }

// sealedTables are all tables with sealed texts. A prompt was perhaps stored before there was an encryption key.
var sealedTables = []sealedTable{
	{name: "provider_keys", column: "sealed", key: []string{"project_id", "provider"}, sealed: "1 = 1", page: 500,
		aad:  func(r sealedRow) string { return sealedFor(r.project(), r.name()) },
		what: func(r sealedRow) string { return fmt.Sprintf("the key of %s in project %s", r.name(), r.project()) }},
	{name: "prompt_versions", column: "text", key: []string{"project_id", "name", "version"}, sealed: "sealed = 1", page: 50,
		aad: func(r sealedRow) string { return promptAAD(r.project(), r.name(), r.number()) },
		what: func(r sealedRow) string {
			return fmt.Sprintf("version %d of the prompt %q in project %s", r.number(), r.name(), r.project())
		},
		seal: ", sealed = 1"},
}

// after returns the page of rows after last for which the condition holds, in which $1 is the first argument. text is the
// expression to read.
func (t sealedTable) after(ctx context.Context, q queryer, last []any, text, where string, args ...any) ([]sealedRow, error) {
	key := strings.Join(t.key, ", ")
	if last != nil {
		var places []string
		for _, v := range last {
			args = append(args, v)
			places = append(places, fmt.Sprint("$", len(args)))
		}
		where += fmt.Sprintf(" AND (%s) > (%s)", key, strings.Join(places, ", "))
	}
	rows, err := q.QueryContext(ctx, fmt.Sprintf(`SELECT %s, CASE WHEN %s THEN 1 ELSE 0 END, %s FROM %s WHERE %s ORDER BY %s LIMIT %d`,
		key, t.sealed, text, t.name, where, key, t.page), args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var page []sealedRow
	for rows.Next() {
		r := sealedRow{key: make([]any, len(t.key))}
		places := []any{}
		for i := range r.key {
			places = append(places, &r.key[i])
		}
		if err := rows.Scan(append(places, &r.sealed, &r.text)...); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

// each calls do with every page of rows for which the condition holds.
func (t sealedTable) each(ctx context.Context, q queryer, text, where string, args []any, do func([]sealedRow) error) error {
	for last := []any(nil); ; {
		page, err := t.after(ctx, q, last, text, where, args...)
		if err == nil {
			err = do(page)
		}
		if err != nil || len(page) < t.page {
			return err
		}
		last = page[len(page)-1].key
	}
}

// openAll opens every stored text and returns how many there are. If some cannot be opened, it returns an [ErrUnopened]
// that names them.
func (s *Store) openAll(ctx context.Context, q queryer) (stored int, err error) {
	var unopened []string
	failed := 0
	for _, t := range sealedTables {
		err := t.each(ctx, q, t.column, t.sealed, nil, func(page []sealedRow) error {
			for _, r := range page {
				if _, err := s.keys.Open(r.text, t.aad(r)); err != nil {
					if failed++; failed <= unopenedShown {
						unopened = append(unopened, fmt.Sprintf("%s: %v", t.what(r), err))
					}
				}
			}
			stored += len(page)
			return nil
		})
		if err != nil {
			return stored, err
		}
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
	problem := "ENCRYPTION_KEY does not open every stored provider key and prompt"
	if s.keys.ID() == "" {
		problem = "ENCRYPTION_KEY is not set, but provider keys or prompts are stored"
	}
	return fmt.Errorf("%w: %s (%d cannot be opened).\n%s.\n"+
		"Set ENCRYPTION_KEY to the key that sealed them (outside production the file encryption-key in DATA_DIR), or add that key to "+
		"ENCRYPTION_KEY_PREVIOUS. If that key is lost, remove what it sealed with `airatelimit rekey --remove-unopened`, start the server, "+
		"and store the provider keys and prompts again",
		ErrUnopened, problem, failed, strings.Join(which, "\n"))
}

// resealAll seals everything anew that an earlier encryption key has sealed, or none, with the current one, one page a
// transaction. It returns how many rows it has sealed. A text that is replaced meanwhile keeps its new value.
func (s *Store) resealAll(ctx context.Context) (resealed int, err error) {
	if s.keys.ID() == "" {
		return 0, nil
	}
	for _, t := range sealedTables {
		where, args := fmt.Sprintf("NOT (%s AND %s LIKE $1)", t.sealed, t.column), []any{secret.SealedWith(s.keys.ID()) + "%"}
		for last, more := []any(nil), true; more; {
			var page []sealedRow
			err := s.db.read(ctx, loadTime, func(ctx context.Context, q queryer) (err error) {
				page, err = t.after(ctx, q, last, t.column, where, args...)
				return err
			})
			if err == nil {
				err = s.reseal(ctx, t, page)
			}
			if err != nil {
				return resealed, err
			}
			resealed += len(page)
			if more = len(page) == t.page; more {
				last = page[len(page)-1].key
			}
		}
	}
	return resealed, nil
}

func (s *Store) reseal(ctx context.Context, t sealedTable, page []sealedRow) error {
	if len(page) == 0 {
		return nil
	}
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, r := range page {
		plain := []byte(r.text)
		if r.sealed {
			if plain, err = s.keys.Open(r.text, t.aad(r)); err != nil {
				return fmt.Errorf("%s: %w", t.what(r), err)
			}
		}
		sealed, err := s.keys.Seal(plain, t.aad(r))
		if err != nil {
			return err
		}
		where, args := t.row(r, sealed, r.text)
		statement := fmt.Sprintf(`UPDATE %s SET %s = $1%s WHERE %s = $2 AND %s`, t.name, t.column, t.seal, t.column, where)
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// row returns the condition that finds a row by its key, after the arguments that are given.
func (t sealedTable) row(r sealedRow, args ...any) (where string, all []any) {
	var is []string
	for i, column := range t.key {
		args = append(args, r.key[i])
		is = append(is, fmt.Sprintf("%s = $%d", column, len(args)))
	}
	return strings.Join(is, " AND "), args
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
