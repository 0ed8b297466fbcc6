package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/google/go-cmp/cmp"
)

const plainKey = "sk-proj-Plain-0123456789-abcdWXYZ"

func keyring(t *testing.T, seed string) *secret.Keyring {
	t.Helper()
	ring, err := secret.NewKeyring([]byte(strings.Repeat(seed, 32)[:32]))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func newStore(t *testing.T, path string) *Store {
	t.Helper()
	return New(openTest(t, path), keyring(t, "k"))
}

func settings(t *testing.T, doc string) project.Settings {
	t.Helper()
	s, err := project.ParseSettings([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *Store, doc string) (rec project.Record, secretKey string) {
	t.Helper()
	rec, secretKey, err := s.CreateProject(t.Context(), settings(t, doc))
	if err != nil {
		t.Fatalf("CreateProject: %v", err)
	}
	return rec, secretKey
}

// patch is an update as the API and the command line make it.
func patch(doc string) func(project.Settings) (project.Settings, error) {
	return func(s project.Settings) (project.Settings, error) { return s.Patch([]byte(doc)) }
}

func TestCreatedProjectReadsBackInEveryWay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		want, secretKey := create(t, s, `{"name": "A", "modelLimits": {"gpt-4o": {"requestLimit": 5}},
		"providers": {"openai": {"key": "`+plainKey+`"}, "groq": {"baseUrl": "https://api.groq.com/openai/v1", "dialect": "openai"}}}`)
		id, hash, ok := secret.ParseSecretKey(secretKey)
		if !ok || !secret.Equal(hash, want.SecretHash) {
			t.Fatalf("secret key %q does not open the project", secretKey)
		}
		if mask := want.Keys["openai"].Mask; !strings.HasSuffix(mask, "WXYZ") || len(mask) > 40 {
			t.Errorf("mask = %q", mask)
		}
		byKey, err1 := s.Project(t.Context(), want.Key)
		bySecret, err2 := s.ProjectBySecretID(t.Context(), id)
		all, err3 := s.Projects(t.Context())
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if len(all) != 1 {
			t.Fatalf("Projects: %d, want 1", len(all))
		}
		for name, got := range map[string]project.Record{"Project": byKey, "ProjectBySecretID": bySecret, "Projects": all[0]} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestUnknownProjectIsNotFound(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ctx := t.Context()
		before, _ := s.Revision(ctx)
		_, err1 := s.Project(ctx, "pk_unknown")
		_, err2 := s.ProjectBySecretID(ctx, "unknown")
		_, err3 := s.UpdateProject(ctx, "pk_unknown", patch(`{}`))
		_, _, err4 := s.RegenerateSecret(ctx, "pk_unknown", time.Hour)
		for i, err := range []error{err1, err2, err3, err4, s.DeleteProject(ctx, "pk_unknown")} {
			if !errors.Is(err, project.ErrNotFound) {
				t.Errorf("call %d: %v, want ErrNotFound", i+1, err)
			}
		}
		if after, err := s.Revision(ctx); err != nil || after != before {
			t.Errorf("revision %d → %d, %v: a change of nothing moved it", before, after, err)
		}
	})
}

func TestProviderKeysAreSealedAtRest(t *testing.T) {
	t.Parallel()
	path := file(t)
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(db, keyring(t, "k"))
	rec, secretKey := create(t, s, `{"name": "needle-in-settings", "providers": {"openai": {"key": "`+plainKey+`"}}}`)
	grep := func() string {
		var all []byte
		files, _ := filepath.Glob(path + "*")
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		if !bytes.Contains(all, []byte("needle-in-settings")) {
			t.Fatal("the files do not hold the project: nothing was tested")
		}
		_, secretPart, _ := strings.Cut(strings.TrimPrefix(secretKey, "sk_"), "_")
		for _, plain := range []string{plainKey, plainKey[:16], secretPart} {
			if bytes.Contains(all, []byte(plain)) {
				return plain
			}
		}
		return ""
	}
	if found := grep(); found != "" {
		t.Errorf("found %q on disk, in the write-ahead log", found)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if found := grep(); found != "" {
		t.Errorf("found %q on disk", found)
	}
	// Moved to another project or provider, the sealed key is worth nothing.
	sealed := rec.Keys["openai"].Sealed
	for _, aad := range []string{sealedFor("pk_other", "openai"), sealedFor(rec.Key, "groq")} {
		if _, err := s.keys.Open(sealed, aad); err == nil {
			t.Errorf("the key of %s/openai opened as %s", rec.Key, aad)
		}
	}
}

func TestUpdateKeepsReplacesAndRemovesProviderKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"providers": {"openai": {"key": "`+plainKey+`"}, "anthropic": {"key": "sk-ant-0123456789-0123"}}}`)
		opened := func() map[string]string {
			now, err := s.Project(t.Context(), rec.Key)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, k := range now.Keys {
				key, err := s.keys.Open(k.Sealed, sealedFor(rec.Key, name))
				if err != nil {
					t.Fatal(err)
				}
				got[name] = string(key)
			}
			return got
		}
		mask := rec.Keys["openai"].Mask
		for _, step := range []struct {
			doc  string
			want map[string]string
		}{
			{`{"name": "B"}`, map[string]string{"openai": plainKey, "anthropic": "sk-ant-0123456789-0123"}},
			{`{"providers": {"openai": {"key": "` + mask + `"}, "anthropic": null}}`, map[string]string{"openai": plainKey}},
			{`{"providers": {"openai": {"key": "sk-proj-another-0123456789"}}}`, map[string]string{"openai": "sk-proj-another-0123456789"}},
			{`{"providers": {"openai": {"key": null}}}`, map[string]string{}},
		} {
			if _, err := s.UpdateProject(t.Context(), rec.Key, patch(step.doc)); err != nil {
				t.Fatalf("%s: %v", step.doc, err)
			}
			if diff := cmp.Diff(step.want, opened()); diff != "" {
				t.Errorf("keys after %s (-want +got):\n%s", step.doc, diff)
			}
		}
	})
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		want, _ := create(t, s, `{"name": "A"}`)
		before, _ := s.Revision(t.Context())
		_, err := s.UpdateProject(t.Context(), want.Key, patch(`{"limitPeriod": "yearly"}`))
		var field *document.FieldError
		if !errors.As(err, &field) || field.Path != "limitPeriod" {
			t.Errorf("error = %v, want that of limitPeriod", err)
		}
		got, err := s.Project(t.Context(), want.Key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("project (-want +got):\n%s", diff)
		}
		if after, _ := s.Revision(t.Context()); after != before {
			t.Errorf("revision %d → %d", before, after)
		}
	})
}

// Several processes change one project at the same time, each with handles of its own.
func TestUpdatesThatRaceLoseNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		first := newStore(t, location)
		rec, _ := create(t, first, `{}`)
		const processes, updates = 4, 15
		var wg sync.WaitGroup
		for p := range processes {
			s := newStore(t, location)
			wg.Go(func() {
				for u := range updates {
					doc := func(s project.Settings) (project.Settings, error) {
						limits := []string{fmt.Sprintf(`"m-%d-%d": {"requestLimit": 1}`, p, u)}
						for model := range s.ModelLimits {
							limits = append(limits, fmt.Sprintf(`%q: {"requestLimit": 1}`, model))
						}
						return s.Patch([]byte(`{"modelLimits": {` + strings.Join(limits, ",") + `}}`))
					}
					if _, err := s.UpdateProject(context.Background(), rec.Key, doc); err != nil {
						t.Errorf("UpdateProject: %v", err)
					}
				}
			})
		}
		wg.Wait()
		got, err := first.Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(got.Settings.ModelLimits); n != processes*updates {
			t.Errorf("%d of %d updates stand", n, processes*updates)
		}
		if rev, err := first.Revision(t.Context()); err != nil || rev != 1+processes*updates || got.Revision != rev {
			t.Errorf("revision = %d and the project's %d, %v, want %d", rev, got.Revision, err, 1+processes*updates)
		}
	})
}

func TestRegeneratedSecretReplacesTheOldOne(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, old := create(t, s, `{}`)
		fresh, _, err := s.RegenerateSecret(t.Context(), rec.Key, 0)
		if err != nil {
			t.Fatal(err)
		}
		oldID, _, _ := secret.ParseSecretKey(old)
		if _, err := s.ProjectBySecretID(t.Context(), oldID); !errors.Is(err, project.ErrNotFound) {
			t.Errorf("the old secret key still finds the project: %v", err)
		}
		id, hash, _ := secret.ParseSecretKey(fresh)
		got, err := s.ProjectBySecretID(t.Context(), id)
		if err != nil || got.Key != rec.Key || !secret.Equal(got.SecretHash, hash) {
			t.Errorf("the new one finds %s, %v", got.Key, err)
		}
	})
}

func TestDeletedProjectTakesItsKeysAlong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"providers": {"openai": {"key": "`+plainKey+`"}}}`)
		if err := s.DeleteProject(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := s.db.Read.QueryRow(`SELECT count(*) FROM provider_keys`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d keys left, %v", n, err)
		}
	})
}

// A document that is stored with every field can be many times larger than the one that was sent. It must be read again.
func TestASettingsDocumentThatGrowsWhenItIsStored(t *testing.T) {
	t.Parallel()
	tiers := func(n int) string {
		var doc strings.Builder
		for i := range n {
			fmt.Fprintf(&doc, `,"tier-%d":{}`, i)
		}
		return `{"name": "Grown", "tiers": {` + doc.String()[1:] + `}}`
	}
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		tooLarge := func(what string, err error) {
			t.Helper()
			if field := (*document.FieldError)(nil); !errors.As(err, &field) || !strings.Contains(err.Error(), "when it is stored with every field") {
				t.Errorf("%s: %v, want the size of what would be stored", what, err)
			}
		}
		_, _, err := s.CreateProject(t.Context(), settings(t, tiers(6000)))
		tooLarge("create", err)
		rec, _ := create(t, s, tiers(4000))
		if got, err := s.Project(t.Context(), rec.Key); err != nil || len(got.Settings.Tiers) != 4000 {
			t.Errorf("%d tiers, %v; want 4000", len(got.Settings.Tiers), err)
		}
		_, err = s.UpdateProject(t.Context(), rec.Key, patch(tiers(6000)))
		tooLarge("update", err)

		// An earlier version has stored such a document.
		doc, err := json.Marshal(settings(t, tiers(6000)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.Write.Exec(`UPDATE projects SET settings = $1 WHERE id = $2`, string(doc), rec.Key); err != nil {
			t.Fatal(err)
		}
		if got := name(t, newCatalog(t, s), rec.Key); got != "Grown" {
			t.Errorf("name = %q, want Grown", got)
		}
		if _, err := s.UpdateProject(t.Context(), rec.Key, patch(`{"tiers": {"a": {}}}`)); err != nil {
			t.Errorf("made smaller: %v", err)
		}
	})
}

func TestAProjectThatCannotBeReadIsNamedBesideTheOthers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		bad, _ := create(t, s, `{"name": "A"}`)
		good, _ := create(t, s, `{"name": "B"}`)
		if _, err := s.db.Write.Exec(`UPDATE projects SET settings = '[]' WHERE id = $1`, bad.Key); err != nil {
			t.Fatal(err)
		}
		all, err := s.Projects(t.Context())
		if len(all) != 1 || all[0].Key != good.Key {
			t.Errorf("projects %+v, want %s alone", all, good.Key)
		}
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), bad.Key) {
			t.Errorf("%v, want %v with %s", err, ErrUnreadable, bad.Key)
		}
	})
}
