package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

func newCatalog(t *testing.T, s *Store) *Catalog {
	t.Helper()
	c, err := NewCatalog(t.Context(), s)
	if err != nil {
		t.Fatalf("NewCatalog: %v", err)
	}
	return c
}

func name(t *testing.T, c *Catalog, key string) string {
	t.Helper()
	p, err := c.Project(t.Context(), key)
	if err != nil {
		t.Fatalf("Project: %v", err)
	}
	return p.Name
}

func TestCatalogSeesChangesOfItsOwnStoreAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		before, _ := create(t, s, `{"name": "before"}`)
		c := newCatalog(t, s)
		rec, _ := create(t, s, `{"name": "A"}`)
		if got := name(t, c, rec.Key); got != "A" {
			t.Errorf("created: name = %q, want A", got)
		}
		if _, err := s.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`)); err != nil {
			t.Fatal(err)
		}
		if got := name(t, c, rec.Key); got != "B" {
			t.Errorf("updated: name = %q, want B", got)
		}
		if err := s.DeleteProject(t.Context(), rec.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Project(t.Context(), rec.Key); !errors.Is(err, project.ErrNotFound) {
			t.Errorf("deleted: %v, want ErrNotFound", err)
		}
		if got := name(t, c, before.Key); got != "before" {
			t.Errorf("the other project: name = %q, want before", got)
		}
	})
}

func TestCatalogSeesChangesOfAnotherProcessAtTheNextTick(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s, other := newStore(t, location), newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		c := newCatalog(t, s)
		ctx, stop := context.WithCancel(t.Context())
		tick, done := make(chan time.Time), make(chan struct{})
		go func() {
			c.Run(ctx, tick, slog.New(slog.NewTextHandler(io.Discard, nil)))
			close(done)
		}()
		if _, err := other.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`)); err != nil {
			t.Fatal(err)
		}
		if got := name(t, c, rec.Key); got != "A" {
			t.Errorf("before the tick: name = %q, want A, without a query", got)
		}
		tick <- time.Now()
		tick <- time.Now() // taken only when the first was dealt with
		if got := name(t, c, rec.Key); got != "B" {
			t.Errorf("after the tick: name = %q, want B", got)
		}
		stop()
		<-done
	})
}

// `airatelimit project create` prints a curl line, which must work when it is pasted at once.
func TestCatalogFindsAProjectThatAnotherProcessHasJustMade(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		c := newCatalog(t, newStore(t, location))
		rec, _ := create(t, newStore(t, location), `{"name": "A"}`)
		if got := name(t, c, rec.Key); got != "A" {
			t.Errorf("name = %q, want A", got)
		}
	})
}

func TestCatalogRemembersNothingOfUnknownKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		create(t, s, `{}`)
		c := newCatalog(t, s)
		state := c.state.Load()
		for i := range 1000 {
			if _, err := c.Project(t.Context(), fmt.Sprintf("pk_%d", i)); !errors.Is(err, project.ErrNotFound) {
				t.Fatalf("error = %v, want ErrNotFound", err)
			}
		}
		if c.state.Load() != state || len(state.projects) != 1 {
			t.Error("looking up unknown keys changed the catalog")
		}
	})
}

func TestCatalogKnowsProjectsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db, err := Open(t.Context(), location)
		if err != nil {
			t.Fatal(err)
		}
		s := New(db, keyring(t, "k"))
		rec, _ := create(t, s, `{"name": "A"}`)
		c := newCatalog(t, s)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := name(t, c, rec.Key); got != "A" {
			t.Errorf("name = %q, want A", got)
		}
		if err := c.Refresh(t.Context()); err == nil {
			t.Error("Refresh without a database: no error")
		}
		if _, err := c.Project(t.Context(), "pk_unknown"); err == nil || errors.Is(err, project.ErrNotFound) {
			t.Errorf("unknown key without a database: %v, want an error that is not ErrNotFound", err)
		}
	})
}

func TestCatalogShowsAKeyThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		rec, _ := create(t, newStore(t, location), `{"providers": {"openai": {"key": "`+plainKey+`"}}}`)
		p, err := newCatalog(t, New(openTest(t, location), keyring(t, "k"))).Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		if openai, _ := p.Provider("openai"); openai.Key != plainKey || openai.KeyError != nil {
			t.Errorf("with its encryption key: key %q, error %v", openai.Key, openai.KeyError)
		}
		p, err = newCatalog(t, New(openTest(t, location), keyring(t, "x"))).Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		if openai, _ := p.Provider("openai"); openai.Key != "" || openai.KeyError == nil {
			t.Errorf("with another encryption key: key %q, error %v, want none and an error", openai.Key, openai.KeyError)
		}
	})
}

func TestADamagedProjectLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		bad, _ := create(t, s, `{"name": "A"}`)
		good, _ := create(t, s, `{"name": "B"}`)
		if _, err := s.db.Write.Exec(`UPDATE projects SET settings = '{"requestLimit": "many"}' WHERE id = $1`, bad.Key); err != nil {
			t.Fatal(err)
		}
		c := newCatalog(t, s)
		if _, err := c.Project(t.Context(), bad.Key); err == nil || errors.Is(err, project.ErrNotFound) {
			t.Errorf("damaged project: %v, want an error that is not ErrNotFound", err)
		}
		if got := name(t, c, good.Key); got != "B" {
			t.Errorf("the other: name = %q, want B", got)
		}
	})
}

// A node of a version that knows less, or more, than the one that stored a project serves it, and a change of its keeps
// what it does not know.
func TestAProjectThatAnotherVersionHasStored(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{"name": "A"}`)
		if _, err := s.db.Write.Exec(`UPDATE projects SET settings = '{"name": "B", "future": 1, "modelLimits": {"openai/gpt-4o": {"requestLimit": 1}}}' WHERE id = $1`,
			rec.Key); err != nil {
			t.Fatal(err)
		}
		if got := name(t, newCatalog(t, s), rec.Key); got != "B" {
			t.Errorf("name = %q, want B", got)
		}
		if _, err := s.UpdateProject(t.Context(), rec.Key, func(old project.Settings) (project.Settings, error) {
			return old.Patch([]byte(`{"name": "C", "modelLimits": null}`))
		}); err != nil {
			t.Fatal(err)
		}
		if got := scan[string](t, s.db.Read, `SELECT settings FROM projects WHERE id = $1`, rec.Key); !strings.Contains(got, `"name":"C"`) || !strings.Contains(got, `"future":1`) {
			t.Errorf("stored: %s, want the new name and what is not known", got)
		}
	})
}

func TestCatalogIsReadWhileItChanges(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		rec, _ := create(t, s, `{}`)
		c := newCatalog(t, s)
		ctx := t.Context()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 200 {
					if _, err := c.Project(ctx, rec.Key); err != nil {
						t.Errorf("Project: %v", err)
					}
					if _, err := c.Project(ctx, "pk_unknown"); !errors.Is(err, project.ErrNotFound) {
						t.Errorf("unknown: %v", err)
					}
				}
			})
		}
		for i := range 20 {
			if _, err := s.UpdateProject(ctx, rec.Key, patch(fmt.Sprintf(`{"requestLimit": %d}`, i))); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
	})
}

func BenchmarkCatalogProject(b *testing.B) {
	db, err := Open(b.Context(), b.TempDir()+"/b.db")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := New(db, nil)
	rec, _, err := s.CreateProject(b.Context(), project.Default())
	if err != nil {
		b.Fatal(err)
	}
	c, err := NewCatalog(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	for name, key := range map[string]string{"known": rec.Key, "unknown": "pk_unknown"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Project(b.Context(), key)
			}
		})
	}
}
