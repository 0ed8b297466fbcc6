package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/internal/secret"
)

// ring has keys made of one letter each: the first seals.
func ring(t *testing.T, letters string) *secret.Keyring {
	t.Helper()
	var keys [][]byte
	for _, l := range letters {
		keys = append(keys, []byte(strings.Repeat(string(l), 32)))
	}
	var current []byte
	if len(keys) > 0 {
		current, keys = keys[0], keys[1:]
	}
	r, err := secret.NewKeyring(current, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const withKey = `{"name": "A", "providers": {"openai": {"key": "` + plainKey + `"}}}`

func storedKey(t *testing.T, db *DB, project string) string {
	t.Helper()
	return scan[string](t, db.Read, `SELECT sealed FROM provider_keys WHERE project_id = $1`, project)
}

func TestEveryStoredKeyIsOpenedAtAStart(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		rec, _ := create(t, New(db, ring(t, "a")), withKey)
		for _, step := range []struct {
			letters string
			want    error
		}{
			{"a", nil},
			{"", ErrUnopened},
			{"b", ErrUnopened},
			{"bc", ErrUnopened},
			{"ba", nil}, // sealed anew with b
			{"b", nil},
			{"a", ErrUnopened},
			{"cb", nil},
			{"c", nil},
		} {
			before := storedKey(t, db, rec.Key)
			err := New(db, ring(t, step.letters)).AdoptKeys(t.Context())
			if !errors.Is(err, step.want) || step.want == nil && err != nil {
				t.Fatalf("keys %q: %v, want %v", step.letters, err, step.want)
			}
			after := storedKey(t, db, rec.Key)
			if err == nil {
				if want := secret.SealedWith(ring(t, step.letters).ID()); !strings.HasPrefix(after, want) {
					t.Errorf("keys %q: sealed as %.12s…, want %s…", step.letters, after, want)
				}
				continue
			}
			if after != before {
				t.Errorf("keys %q: a start that fails has sealed a key anew", step.letters)
			}
			for _, say := range []string{"openai", rec.Key, "ENCRYPTION_KEY"} {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("keys %q: %v, want it to name %s", step.letters, err, say)
				}
			}
		}
	})
}

// A start that fails because of a lost key must not reseal the others: a return to the earlier key needs them.
func TestAStartThatFailsSealsNothingAnew(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		good, _ := create(t, New(db, ring(t, "a")), withKey)
		lost, _ := create(t, New(db, ring(t, "a")), withKey)
		if _, err := db.Write.Exec(`UPDATE provider_keys SET sealed = 'v1.00000000.AAAA' WHERE project_id = $1`, lost.Key); err != nil {
			t.Fatal(err)
		}
		err := New(db, ring(t, "ba")).AdoptKeys(t.Context())
		if !errors.Is(err, ErrUnopened) || !strings.Contains(err.Error(), lost.Key) || strings.Contains(err.Error(), good.Key) {
			t.Errorf("%v, want the lost key named and no other", err)
		}
		if got := storedKey(t, db, good.Key); !strings.HasPrefix(got, secret.SealedWith(ring(t, "a").ID())) {
			t.Errorf("the other project's key is sealed as %.12s…, want as it was", got)
		}
	})
}

func TestManyStoredKeysAreSealedAnew(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		rec, _ := create(t, New(db, ring(t, "a")), withKey)
		n := 2*sealedTables[0].page + 3
		keys := ring(t, "a")
		tx, err := db.Write.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			provider := fmt.Sprintf("own-%05d", i)
			sealed, err := keys.Seal([]byte(plainKey), sealedFor(rec.Key, provider))
			if err == nil {
				_, err = tx.Exec(`INSERT INTO provider_keys (project_id, provider, sealed, mask) VALUES ($1, $2, $3, '')`, rec.Key, provider, sealed)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		before := scan[int](t, db.Read, `SELECT value FROM revision`)
		if err := New(db, ring(t, "ba")).AdoptKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := scan[int](t, db.Read, `SELECT count(*) FROM provider_keys WHERE sealed NOT LIKE $1`, secret.SealedWith(ring(t, "b").ID())+"%")
		if left != 0 {
			t.Errorf("%d keys are still sealed with the earlier key", left)
		}
		if after := scan[int](t, db.Read, `SELECT value FROM revision`); after != before {
			t.Error("running nodes were told of keys that they may not be able to open")
		}
		if err := New(db, ring(t, "b")).AdoptKeys(t.Context()); err != nil {
			t.Errorf("with the new key alone: %v", err)
		}
		err = New(db, ring(t, "x")).AdoptKeys(t.Context())
		if lines := strings.Count(err.Error(), "\n"); lines > 2*unopenedShown || !strings.Contains(err.Error(), fmt.Sprintf("%d cannot be opened", n+1)) {
			t.Errorf("%d lines of %v, want a few and the number", lines, err)
		}
	})
}

func TestNodesThatStartTogetherAdoptOneKey(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	rec, _ := create(t, New(openTest(t, location), ring(t, "a")), withKey)
	var wg sync.WaitGroup
	for range 4 {
		db := openTest(t, location)
		keys := ring(t, "ba")
		wg.Go(func() {
			if err := New(db, keys).AdoptKeys(context.Background()); err != nil {
				t.Errorf("AdoptKeys: %v", err)
			}
		})
	}
	wg.Wait()
	db := openTest(t, location)
	c := newCatalog(t, New(db, ring(t, "b")))
	p, err := c.Project(t.Context(), rec.Key)
	if err != nil {
		t.Fatal(err)
	}
	if openai, _ := p.Provider("openai"); openai.Key != plainKey {
		t.Errorf("key %q, %v, want the stored one", openai.Key, openai.KeyError)
	}
}

// A node without the new key keeps working, whatever is saved meanwhile, and seals nothing that other nodes cannot open.
func TestAKeyIsReplacedNodeByNode(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		older := New(openTest(t, location), ring(t, "a"))
		rec, _ := create(t, older, withKey)
		catalog := newCatalog(t, older)
		newer := New(openTest(t, location), ring(t, "ba"))
		if err := newer.AdoptKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := newer.UpdateProject(t.Context(), rec.Key, patch(`{"name": "B"}`)); err != nil {
			t.Fatal(err)
		}
		if err := catalog.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err := catalog.Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		if openai, _ := p.Provider("openai"); p.Name != "B" || openai.Key != plainKey {
			t.Errorf("the older node has the project %s with key %q (%v), want B with its key", p.Name, openai.Key, openai.KeyError)
		}
		_, err = older.UpdateProject(t.Context(), rec.Key, patch(`{"providers": {"openai": {"key": "sk-proj-another-0123456789abcdef"}}}`))
		if !errors.Is(err, ErrOtherKey) {
			t.Errorf("the older node seals a key: %v, want %v", err, ErrOtherKey)
		}
		if _, err = newer.UpdateProject(t.Context(), rec.Key, patch(`{"providers": {"openai": {"key": "sk-proj-another-0123456789abcdef"}}}`)); err != nil {
			t.Fatal(err)
		}
		if err := catalog.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err = catalog.Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		if openai, _ := p.Provider("openai"); openai.Key != "" || openai.KeyError == nil {
			t.Errorf("the older node goes on with %q, which was replaced", openai.Key)
		}
	})
}

func TestWithoutAnEncryptionKeyNothingIsStored(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := New(openTest(t, location), ring(t, ""))
		if err := s.AdoptKeys(t.Context()); err != nil {
			t.Fatalf("a start without stored keys: %v", err)
		}
		rec, _ := create(t, s, `{"name": "A"}`)
		if _, _, err := s.CreateProject(t.Context(), settings(t, withKey)); !errors.Is(err, secret.ErrNoKey) {
			t.Errorf("CreateProject with a key: %v, want %v", err, secret.ErrNoKey)
		}
		_, err := s.UpdateProject(t.Context(), rec.Key, patch(withKey))
		if !errors.Is(err, secret.ErrNoKey) || !strings.Contains(err.Error(), "encryption_key_missing") || !strings.Contains(err.Error(), "openssl rand -hex 32") {
			t.Errorf("UpdateProject with a key: %v, want %v", err, secret.ErrNoKey)
		}
	})
}

// A stored key whose encryption key is lost is removed without it, and then the server starts.
func TestALostKeyIsRemovedWithoutIt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		db := openTest(t, location)
		rec, _ := create(t, New(db, ring(t, "a")), withKey)
		fresh := New(db, ring(t, "b"))
		if _, err := fresh.UpdateProject(t.Context(), rec.Key, patch(withKey)); !errors.Is(err, ErrOtherKey) {
			t.Errorf("a key sealed beside the others: %v, want %v", err, ErrOtherKey)
		}
		if _, err := fresh.UpdateProject(t.Context(), rec.Key, patch(`{"providers": {"openai": {"key": null}}}`)); err != nil {
			t.Fatal(err)
		}
		if err := fresh.AdoptKeys(t.Context()); err != nil {
			t.Errorf("a start when nothing is sealed any more: %v", err)
		}
		if _, err := fresh.UpdateProject(t.Context(), rec.Key, patch(withKey)); err != nil {
			t.Errorf("the key stored again: %v", err)
		}
	})
}

// A command on a developer's machine has a key of its own, with which the servers could not start.
func TestAKeyThatIsKeptHereSealsOnceAServerHasIt(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	command := New(openTest(t, location), ring(t, "a"))
	command.KeptKey = true
	rec, _ := create(t, command, `{"name": "A"}`)
	if _, err := command.UpdateProject(t.Context(), rec.Key, patch(withKey)); !errors.Is(err, ErrKeptKey) ||
		!strings.Contains(err.Error(), "start it once with this DATA_DIR") || !strings.Contains(err.Error(), "set ENCRYPTION_KEY to their own") {
		t.Errorf("before a server: %v, want %v", err, ErrKeptKey)
	}
	if err := New(openTest(t, location), ring(t, "")).AdoptKeys(t.Context()); err != nil {
		t.Errorf("a server without a key: %v", err)
	}
	if _, err := command.UpdateProject(t.Context(), rec.Key, patch(withKey)); !errors.Is(err, ErrKeptKey) {
		t.Errorf("beside a server without a key: %v, want %v", err, ErrKeptKey)
	}
	if err := New(openTest(t, location), ring(t, "a")).AdoptKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := command.UpdateProject(t.Context(), rec.Key, patch(withKey)); err != nil {
		t.Errorf("beside a server with the same key: %v", err)
	}
}

// A node that runs may seal at any moment: another with its own key must not start beside it.
func TestANodeStartsWithTheKeyOfThoseThatRun(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	db := openTest(t, location)
	if err := New(db, ring(t, "a")).AdoptKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Write.Exec(`INSERT INTO nodes (id, beat) VALUES (1, 1)`); err != nil {
		t.Fatal(err)
	}
	beating, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for beating.Err() == nil {
			_, _ = db.Write.Exec(`UPDATE nodes SET beat = beat + 1`)
		}
	})
	err := New(openTest(t, location), ring(t, "b")).AdoptKeys(t.Context())
	stop()
	wg.Wait()
	if !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key beside a node that runs: %v, want %v", err, ErrOtherKey)
	}
	if err := New(openTest(t, location), ring(t, "a")).AdoptKeys(t.Context()); err != nil {
		t.Errorf("the same key: %v", err)
	}
}
