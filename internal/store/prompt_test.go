package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

var promptTime = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// saved is a change by a developer's server.
func saved() prompt.Change {
	return prompt.Change{At: promptTime, By: ledger.Actor{Kind: ledger.SecretKey, ID: "k1"}, RequestID: "req_1"}
}

func save(t *testing.T, s *Store, project, name, text string) prompt.Record {
	t.Helper()
	rec, err := s.SavePrompt(t.Context(), project, name, saved(), func(*prompt.Record) (prompt.Version, error) {
		return prompt.Version{Text: text, Enabled: true, Description: "d"}, nil
	})
	if err != nil {
		t.Fatalf("SavePrompt(%s): %v", name, err)
	}
	return rec
}

func TestPromptReadsBackInEveryWay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		other, _ := create(t, s, `{"name": "B"}`)
		save(t, s, other.Key, "a", "the other project's")
		for _, name := range []string{"c", "a", "b/ü"} {
			save(t, s, rec.Key, name, "first of "+name)
		}
		got := save(t, s, rec.Key, "a", "You are \"Ada\".\n{{name}} 🙂")
		want := prompt.Record{Name: "a", CreatedAt: promptTime, Version: prompt.Version{Number: 2, Description: "d", Enabled: true,
			Text: "You are \"Ada\".\n{{name}} 🙂", Bytes: 28, At: promptTime, By: saved().By}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("saved (-want +got):\n%s", diff)
		}
		got, err := s.Prompt(t.Context(), rec.Key, "a")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("read: %v (-want +got):\n%s", err, diff)
		}
		page, err := s.Prompts(t.Context(), rec.Key, "a", 1)
		if err != nil || len(page) != 1 || page[0].Name != "b/ü" || page[0].Text != "" || page[0].Bytes != len("first of b/ü") {
			t.Errorf("the page after a is %+v, %v", page, err)
		}
		versions, err := s.PromptVersions(t.Context(), rec.Key, "a", 3, 10)
		if err != nil || len(versions) != 2 || versions[0].Number != 2 || versions[1].Number != 1 || versions[1].Text != "" {
			t.Errorf("versions %+v, %v", versions, err)
		}
		if versions, err = s.PromptVersions(t.Context(), rec.Key, "a", 1, 10); err != nil || len(versions) != 0 {
			t.Errorf("versions before the first: %+v, %v", versions, err)
		}
		if v, err := s.PromptVersion(t.Context(), rec.Key, "a", 1); err != nil || v.Text != "first of a" {
			t.Errorf("version 1: %+v, %v", v, err)
		}
	})
}

func TestAbsentPromptIsNotFound(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		save(t, s, rec.Key, "a", "text")
		ctx := t.Context()
		none := func(*prompt.Record) error { return nil }
		_, err1 := s.Prompt(ctx, rec.Key, "b")
		_, err2 := s.PromptVersions(ctx, rec.Key, "b", 9, 9)
		_, err3 := s.PromptVersion(ctx, rec.Key, "a", 2)
		err4 := s.DeletePrompt(ctx, rec.Key, "b", saved(), none)
		for i, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, prompt.ErrNotFound) {
				t.Errorf("%d: %v, want ErrNotFound", i, err)
			}
		}
		_, err := s.SavePrompt(ctx, "pk_none", "a", saved(), func(*prompt.Record) (prompt.Version, error) { return prompt.Version{Text: "x"}, nil })
		if !errors.Is(err, project.ErrNotFound) {
			t.Errorf("a prompt of no project: %v, want ErrNotFound", err)
		}
	})
}

func TestTriedAndRefusedPromptChangesChangeNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		save(t, s, rec.Key, "a", "text")
		ctx, try := t.Context(), saved()
		try.DryRun = true
		before := scan[int](t, s.db.Read, `SELECT value FROM revision`)
		got, err := s.SavePrompt(ctx, rec.Key, "a", try, func(*prompt.Record) (prompt.Version, error) { return prompt.Version{Text: "new"}, nil })
		if err != nil || got.Number != 2 || got.Text != "new" {
			t.Errorf("tried: %+v, %v", got, err)
		}
		if err := s.DeletePrompt(ctx, rec.Key, "a", try, func(*prompt.Record) error { return nil }); err != nil {
			t.Errorf("tried deletion: %v", err)
		}
		refused := errors.New("refused")
		if _, err := s.SavePrompt(ctx, rec.Key, "a", saved(), func(*prompt.Record) (prompt.Version, error) { return prompt.Version{}, refused }); !errors.Is(err, refused) {
			t.Errorf("refused: %v", err)
		}
		if err := s.DeletePrompt(ctx, rec.Key, "a", saved(), func(*prompt.Record) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("refused deletion: %v", err)
		}
		if got, err := s.Prompt(ctx, rec.Key, "a"); err != nil || got.Number != 1 || got.Text != "text" {
			t.Errorf("the prompt is %+v, %v", got, err)
		}
		if after := scan[int](t, s.db.Read, `SELECT value FROM revision`); after != before {
			t.Errorf("the revision went from %d to %d", before, after)
		}
	})
}

func TestPromptsAndVersionsAreBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		for i := range prompt.KeptVersions + 3 {
			save(t, s, rec.Key, "a", fmt.Sprint("text ", i))
		}
		if n := scan[int](t, s.db.Read, `SELECT count(*) FROM prompt_versions`); n != prompt.KeptVersions {
			t.Errorf("%d versions are kept, want %d", n, prompt.KeptVersions)
		}
		for i := 1; i < prompt.MaxPrompts; i++ {
			save(t, s, rec.Key, fmt.Sprint("p", i), "text")
		}
		_, err := s.SavePrompt(t.Context(), rec.Key, "one more", saved(), func(*prompt.Record) (prompt.Version, error) { return prompt.Version{Text: "x"}, nil })
		if !errors.Is(err, prompt.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		save(t, s, rec.Key, "a", "an old one may change")
		if err := s.DeleteProject(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
		if n := scan[int](t, s.db.Read, `SELECT (SELECT count(*) FROM prompts) + (SELECT count(*) FROM prompt_versions)`); n != 0 {
			t.Errorf("%d rows of a deleted project are left", n)
		}
	})
}

// textOf returns the text that the catalog's snapshot has, or why it has none.
func textOf(t *testing.T, c *Catalog, key, name string) string {
	t.Helper()
	p, err := c.Project(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	switch found := p.Prompt(name); {
	case found == nil:
		return "none"
	case found.Err != nil:
		return found.Err.Error()
	default:
		return found.Template.Text()
	}
}

func TestCatalogSeesEveryChangeOfAPrompt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		other, _ := create(t, s, `{"name": "B"}`)
		save(t, s, other.Key, "a", "B's")
		c := newCatalog(t, s)
		elsewhere := newCatalog(t, newStore(t, location)) // another node
		check := func(want string) {
			t.Helper()
			if got := textOf(t, c, rec.Key, "a"); got != want {
				t.Errorf("the text is %q, want %q", got, want)
			}
			if err := elsewhere.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := textOf(t, elsewhere, rec.Key, "a"); got != want {
				t.Errorf("the other node's text is %q, want %q", got, want)
			}
			if got := textOf(t, c, other.Key, "a"); got != "B's" {
				t.Errorf("the other project's text is %q", got)
			}
		}
		check("none")
		save(t, s, rec.Key, "a", "first")
		check("first")
		save(t, s, rec.Key, "a", "second")
		check("second")
		if _, err := s.UpdateProject(t.Context(), rec.Key, patch(`{"name": "C"}`)); err != nil {
			t.Fatal(err)
		}
		check("second")
		if err := s.DeletePrompt(t.Context(), rec.Key, "a", saved(), func(*prompt.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
		check("none")
		save(t, s, rec.Key, "a", "again the first version")
		check("again the first version")
	})
}

// A text is on disk only sealed where there is an encryption key, and is sealed at the first start with one.
func TestPromptsAreSealedAndResealed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		s := New(db, ring(t, ""))
		rec, _ := create(t, s, `{"name": "A"}`)
		const text = "a secret instruction"
		save(t, s, rec.Key, "a", text)
		plain := func() int {
			return scan[int](t, db.Read, `SELECT count(*) FROM prompt_versions WHERE text LIKE '%secret%' OR sealed = 0`)
		}
		if n := plain(); n != 1 {
			t.Errorf("without a key %d texts are plain, want 1", n)
		}
		for _, step := range []struct {
			letters string
			want    error
		}{
			{"", nil}, {"a", nil}, {"", ErrUnopened}, {"b", ErrUnopened}, {"ba", nil}, {"b", nil}, {"a", ErrUnopened},
		} {
			s := New(db, ring(t, step.letters))
			err := s.AdoptKeys(t.Context())
			if !errors.Is(err, step.want) || step.want == nil && err != nil {
				t.Fatalf("start with %q: %v, want %v", step.letters, err, step.want)
			}
			if err != nil {
				if !strings.Contains(err.Error(), `version 1 of the prompt "a" in project `+rec.Key) || strings.Contains(err.Error(), text) {
					t.Errorf("the error is %v", err)
				}
				continue
			}
			if got, err := s.Prompt(t.Context(), rec.Key, "a"); err != nil || got.Text != text {
				t.Errorf("with %q the text is %q, %v", step.letters, got.Text, err)
			}
			if n := plain(); n != 0 && step.letters != "" {
				t.Errorf("with %q %d texts are plain", step.letters, n)
			}
		}
		// A sealed text opens only in its row.
		if _, err := db.Write.Exec(`UPDATE prompts SET name = 'a'`); err != nil {
			t.Fatal(err)
		}
		s = New(db, ring(t, "b"))
		save(t, s, rec.Key, "b", "another text")
		if _, err := db.Write.Exec(`UPDATE prompt_versions SET text = (SELECT text FROM prompt_versions WHERE name = 'b') WHERE name = 'a'`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Prompt(t.Context(), rec.Key, "a"); err == nil {
			t.Error("the text of another prompt was opened")
		}
	})
}

// A running node with only the earlier encryption key keeps the texts that it knows.
func TestResealedPromptsStayReadableForRunningNodes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		s := New(db, ring(t, "a"))
		rec, _ := create(t, s, `{"name": "A"}`)
		save(t, s, rec.Key, "a", "text")
		running := newCatalog(t, s)
		next := New(db, ring(t, "ba"))
		if n, err := next.Rekey(t.Context()); err != nil || n != 1 {
			t.Fatalf("Rekey: %d, %v; want 1", n, err)
		}
		if _, err := next.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`)); err != nil {
			t.Fatal(err)
		}
		if err := running.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := textOf(t, running, rec.Key, "a"); got != "text" {
			t.Errorf("the text is %q, want text", got)
		}
		save(t, next, rec.Key, "a", "newer")
		if err := running.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := textOf(t, running, rec.Key, "a"); !strings.Contains(got, "not configured") {
			t.Errorf("the newer text is %q, want an error", got)
		}
		if _, unreadable := running.Projects(); unreadable != 1 {
			t.Errorf("%d projects are unreadable, want 1", unreadable)
		}
	})
}

func TestRemoveUnopened(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		s := New(db, ring(t, "a"))
		rec, _ := create(t, s, withKey)
		save(t, s, rec.Key, "gone", "text")
		save(t, s, rec.Key, "kept", "lost version")
		if err := New(db, ring(t, "ba")).AdoptKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = New(db, ring(t, "b"))
		save(t, s, rec.Key, "kept", "current")
		// After the loss of a key an operator can read only the newest version, which was sealed with the known one.
		for _, name := range []string{"gone", "kept"} {
			sealed, err := ring(t, "x").Seal([]byte("?"), promptAAD(rec.Key, name, 1))
			if err == nil {
				_, err = db.Write.Exec(`UPDATE prompt_versions SET text = $1 WHERE name = $2 AND version = 1`, sealed, name)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		removed, err := s.RemoveUnopened(t.Context())
		want := []string{`version 1 of the prompt "gone" in project ` + rec.Key, `version 1 of the prompt "kept" in project ` + rec.Key}
		if diff := cmp.Diff(want, removed); err != nil || diff != "" {
			t.Errorf("removed: %v (-want +got):\n%s", err, diff)
		}
		if err := s.AdoptKeys(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("start afterwards: %v", err)
		}
		c := newCatalog(t, s)
		if got := textOf(t, c, rec.Key, "gone"); got != "none" {
			t.Errorf("gone is %q", got)
		}
		if got := textOf(t, c, rec.Key, "kept"); got != "current" {
			t.Errorf("kept is %q", got)
		}
	})
}
