package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

// note writes a line of the audit trail about a change of prompts.
func note(ctx context.Context, tx *sql.Tx, key string, by prompt.Change, e ledger.Entry) error {
	return putEntry(ctx, tx, key, ledger.Cause{By: by.By, At: by.At, Reason: by.Reason, RequestID: by.RequestID}, e)
}

// errDryRun ends the transaction of a change that was only tried.
var errDryRun = errors.New("nothing is changed")

// Queries of prompts and of versions have the same columns. The first %s is the text, or noText.
const (
	promptColumns = `v.version, v.description, v.enabled, v.bytes, v.restored, v.actor_kind, v.actor_id, v.actor_email, v.at`

	queryPrompts = `SELECT m.name, m.created_at, ` + promptColumns + `, v.sealed, %s
		FROM prompts m JOIN prompt_versions v ON v.project_id = m.project_id AND v.name = m.name AND v.version = m.version
		WHERE m.project_id = $1 AND %s ORDER BY m.name`

	queryPromptVersions = `SELECT '', 0, ` + promptColumns + `, v.sealed, %s
		FROM prompt_versions v WHERE v.project_id = $1 AND v.name = $2 AND %s ORDER BY v.version DESC`

	noText = `''`
)

// Prompts returns a page of a project's prompts without their texts: at most limit of them, in the order of their names,
// after a name.
func (s *Store) Prompts(ctx context.Context, project, after string, limit int) ([]prompt.Record, error) {
	return s.readPrompts(ctx, fmt.Sprintf(queryPrompts, noText, `m.name > $2`)+` LIMIT $3`, project, after, limit)
}

// Prompt returns a prompt, or [prompt.ErrNotFound].
func (s *Store) Prompt(ctx context.Context, project, name string) (rec prompt.Record, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rec, err = s.promptIn(ctx, q, project, name)
		return err
	})
	return rec, err
}

// promptIn returns a prompt with its text, or [prompt.ErrNotFound].
func (s *Store) promptIn(ctx context.Context, q queryer, project, name string) (prompt.Record, error) {
	found, err := s.scanPrompts(ctx, q, fmt.Sprintf(queryPrompts, `v.text`, `m.name = $2`), project, name)
	return oneOf(found, err)
}

// PromptVersions returns a page of a prompt's versions without their texts: at most limit of them, the newest first, before
// a version. A prompt without any is [prompt.ErrNotFound].
func (s *Store) PromptVersions(ctx context.Context, project, name string, before int64, limit int) ([]prompt.Version, error) {
	found, err := s.readPrompts(ctx, fmt.Sprintf(queryPromptVersions, noText, `v.version < $3`)+` LIMIT $4`, project, name, before, limit)
	versions := make([]prompt.Version, len(found))
	for i := range found {
		versions[i] = found[i].Version
	}
	if err == nil && len(found) == 0 {
		_, err = s.Prompt(ctx, project, name)
	}
	return versions, err
}

// PromptVersion returns a version of a prompt, or [prompt.ErrNotFound].
func (s *Store) PromptVersion(ctx context.Context, project, name string, number int64) (prompt.Version, error) {
	found, err := s.readPrompts(ctx, fmt.Sprintf(queryPromptVersions, `v.text`, `v.version = $3`), project, name, number)
	rec, err := oneOf(found, err)
	return rec.Version, err
}

func oneOf(found []prompt.Record, err error) (prompt.Record, error) {
	switch {
	case err != nil:
		return prompt.Record{}, err
	case len(found) == 0:
		return prompt.Record{}, prompt.ErrNotFound
	}
	return found[0], nil
}

func (s *Store) readPrompts(ctx context.Context, statement string, args ...any) (found []prompt.Record, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		found, err = s.scanPrompts(ctx, q, statement, args...)
		return err
	})
	return found, err
}

// scanPrompts reads the rows of queryPrompts or queryPromptVersions. args begin with the project, and for versions with the
// prompt's name.
func (s *Store) scanPrompts(ctx context.Context, q queryer, statement string, args ...any) ([]prompt.Record, error) {
	rows, err := q.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var found []prompt.Record
	for rows.Next() {
		var (
			rec            prompt.Record
			created, at    int64
			enabled, isOld int
			text           string
		)
		err := rows.Scan(&rec.Name, &created, &rec.Number, &rec.Description, &enabled, &rec.Bytes, &rec.Restored,
			&rec.By.Kind, &rec.By.ID, &rec.By.Email, &at, &isOld, &text)
		if err != nil {
			return nil, fmt.Errorf("read prompts: %w", err)
		}
		name := rec.Name
		if name == "" {
			name, _ = args[1].(string)
		}
		rec.Enabled, rec.CreatedAt, rec.At = enabled != 0, time.UnixMicro(created).UTC(), time.UnixMicro(at).UTC()
		if text != "" {
			if rec.Text, err = s.openPrompt(promptText{args[0].(string), name, rec.Number, isOld != 0, text}); err != nil {
				return nil, fmt.Errorf("open a stored prompt: %w", err)
			}
		}
		found = append(found, rec)
	}
	return found, rows.Err()
}

// promptText is the stored text of a version.
type promptText struct {
	project, name string
	version       int64
	sealed        bool
	text          string
}

// aad is the associated data that ties a sealed text to its row. Names of providers have no slash, so that it is none of
// theirs.
func (t promptText) aad() string { return promptAAD(t.project, t.name, t.version) }

func promptAAD(project, name string, version int64) string {
	return project + "/prompt/" + name + "/" + strconv.FormatInt(version, 10)
}

func (s *Store) openPrompt(t promptText) (string, error) {
	if !t.sealed {
		return t.text, nil
	}
	plain, err := s.keys.Open(t.text, t.aad())
	return string(plain), err
}

// sealPrompt seals a text with the encryption key, if there is one.
func (s *Store) sealPrompt(ctx context.Context, tx *sql.Tx, t promptText) (promptText, error) {
	if s.keys.ID() == "" {
		return t, nil
	}
	if err := s.maySeal(ctx, tx); err != nil {
		return t, err
	}
	sealed, err := s.keys.Seal([]byte(t.text), t.aad())
	t.sealed, t.text = true, sealed
	return t, err
}

// SavePrompt saves a new version of a prompt, and creates the prompt if the project has none of that name. edit gets the
// prompt as it is, nil if there is none, and returns the version to save; only its description, text, restored version and
// whether it is enabled count. If edit fails, nothing changes and its error is returned as it is. Other changes wait
// meanwhile, so edit must be quick.
func (s *Store) SavePrompt(ctx context.Context, key, name string, by prompt.Change, edit func(old *prompt.Record) (prompt.Version, error)) (rec prompt.Record, err error) {
	err = s.changePrompts(ctx, key, by, func(tx *sql.Tx, rev int64) error {
		old, err := s.promptIn(ctx, tx, key, name)
		present := &old
		if errors.Is(err, prompt.ErrNotFound) {
			present, err = nil, nil
		}
		if err != nil {
			return err
		}
		v, err := edit(present)
		if err != nil {
			return err
		}
		v.Number, v.At, v.By, v.Bytes = old.Number+1, by.At, by.By, len(v.Text)
		rec = prompt.Record{Name: name, CreatedAt: old.CreatedAt, Version: v}
		if present == nil {
			rec.CreatedAt = by.At
			err = s.insertPrompt(ctx, tx, key, rec, rev)
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE prompts SET version = $1, revision = $2 WHERE project_id = $3 AND name = $4`, v.Number, rev, key, name)
		}
		if err != nil {
			return err
		}
		if err := s.insertVersion(ctx, tx, key, rec); err != nil {
			return err
		}
		return note(ctx, tx, key, by, promptEntry(old, rec))
	})
	return rec, err
}

// promptEntry is the line in the audit trail of a save. It has nothing of the text but its length.
func promptEntry(old, rec prompt.Record) ledger.Entry {
	e := ledger.Entry{Action: ledger.ActionUpdatePrompt, Target: "prompts." + rec.Name}
	switch {
	case old.Number == 0:
		e.Action = ledger.ActionCreatePrompt
	case rec.Restored > 0:
		e.Action = ledger.ActionRestorePrompt
	}
	detail := map[string]any{"version": rec.Number, "enabled": rec.Enabled, "bytes": rec.Bytes, "contentChanged": rec.Text != old.Text}
	if rec.Restored > 0 {
		detail["restoredVersion"] = rec.Restored
	}
	e.Detail, _ = json.Marshal(detail) // cannot fail
	return e
}

func (s *Store) insertPrompt(ctx context.Context, tx *sql.Tx, key string, rec prompt.Record, rev int64) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM prompts WHERE project_id = $1`, key).Scan(&n); err != nil {
		return err
	}
	if n >= prompt.MaxPrompts {
		return prompt.ErrTooMany
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO prompts (project_id, name, version, created_at, revision) VALUES ($1, $2, $3, $4, $5)`,
		key, rec.Name, rec.Number, rec.CreatedAt.UnixMicro(), rev)
	return err
}

// insertVersion writes a version, and removes those that are too old to be kept.
func (s *Store) insertVersion(ctx context.Context, tx *sql.Tx, key string, rec prompt.Record) error {
	t, err := s.sealPrompt(ctx, tx, promptText{project: key, name: rec.Name, version: rec.Number, text: rec.Text})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO prompt_versions (project_id, name, version, description, enabled, sealed, text, bytes, restored,
		actor_kind, actor_id, actor_email, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		key, rec.Name, rec.Number, rec.Description, toInt(rec.Enabled), toInt(t.sealed), t.text, rec.Bytes, rec.Restored,
		string(rec.By.Kind), rec.By.ID, rec.By.Email, rec.At.UnixMicro())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM prompt_versions WHERE project_id = $1 AND name = $2 AND version <= $3`,
		key, rec.Name, rec.Number-prompt.KeptVersions)
	return err
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// DeletePrompt deletes a prompt with all its versions. check gets the prompt and may refuse with an error, which is returned
// as it is.
func (s *Store) DeletePrompt(ctx context.Context, key, name string, by prompt.Change, check func(old *prompt.Record) error) error {
	return s.changePrompts(ctx, key, by, func(tx *sql.Tx, _ int64) error {
		old, err := s.promptIn(ctx, tx, key, name)
		if err == nil {
			err = check(&old)
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM prompts WHERE project_id = $1 AND name = $2`, key, name); err != nil {
			return err
		}
		return note(ctx, tx, key, by, ledger.Entry{Action: ledger.ActionDeletePrompt, Target: "prompts." + name})
	})
}

// raiseRevision tells every node to read a project again. Its settings stay the version that they are.
const raiseRevision = `UPDATE projects SET versioned = CASE WHEN versioned = revision THEN $1 ELSE versioned END, revision = $1 WHERE id = $2`

// changePrompts changes a project's prompts. It raises the project's revision, so that every node reads them again.
func (s *Store) changePrompts(ctx context.Context, key string, by prompt.Change, do func(tx *sql.Tx, rev int64) error) error {
	err := s.change(ctx, func(tx *sql.Tx, rev int64) error {
		if err := affected(tx.ExecContext(ctx, raiseRevision, rev, key)); err != nil {
			return err
		}
		if err := do(tx, rev); err != nil {
			return err
		}
		if by.DryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// currentPrompts are the current texts of the projects that have changed since a revision.
const currentPrompts = `SELECT m.project_id, m.name, m.version, m.revision, v.enabled, v.sealed, v.text
	FROM projects p JOIN prompts m ON m.project_id = p.id
	JOIN prompt_versions v ON v.project_id = m.project_id AND v.name = m.name AND v.version = m.version
	WHERE p.revision > $1`

// preparePrompts returns the prompts of the projects that have changed since a revision, by project and name. A prompt that
// has not changed is that of the last snapshot. So a node with only an earlier encryption key keeps the texts that it knows.
func (s *Store) preparePrompts(ctx context.Context, q queryer, since int64, last map[string]entry) (map[string]map[string]*prompt.Prompt, error) {
	rows, err := q.QueryContext(ctx, currentPrompts, since)
	if err != nil {
		return nil, fmt.Errorf("read prompts: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	all := map[string]map[string]*prompt.Prompt{}
	for rows.Next() {
		var (
			t               promptText
			revision        int64
			enabled, sealed int
		)
		if err := rows.Scan(&t.project, &t.name, &t.version, &revision, &enabled, &sealed, &t.text); err != nil {
			return nil, fmt.Errorf("read prompts: %w", err)
		}
		t.sealed = sealed != 0
		if all[t.project] == nil {
			all[t.project] = map[string]*prompt.Prompt{}
		}
		all[t.project][t.name] = s.preparePrompt(t, revision, enabled != 0, last[t.project].snapshot)
	}
	return all, rows.Err()
}

func (s *Store) preparePrompt(t promptText, revision int64, enabled bool, last *project.Snapshot) *prompt.Prompt {
	if last != nil {
		if p := last.Prompt(t.name); p != nil && p.Revision == revision && p.Err == nil {
			return p
		}
	}
	text, err := s.openPrompt(t)
	return &prompt.Prompt{Name: t.name, Revision: revision, Enabled: enabled, Err: err, Template: prompt.Parse(text)}
}
