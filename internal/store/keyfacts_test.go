package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
)

// A stored key knows who has set it and how it has fared. Another change of the settings keeps that, another key does not.
func TestKeyFacts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ann := ledger.Actor{Kind: ledger.User, ID: "us_1", Email: "ann@example.com"}
		rec, _ := create(t, s, withKey)
		ctx := ledger.WithCause(t.Context(), ledger.Cause{By: ann, At: promptTime})
		edit := func(doc string) {
			t.Helper()
			if _, err := s.UpdateProject(ctx, rec.Key, patch(doc)); err != nil {
				t.Fatal(err)
			}
		}
		edit(`{"providers": {"openai": {"key": "sk-proj-Another-0123456789-abcdABCD"}, "google": {"key": "AIzaSy0123456789-abcdEFGH"}}}`)
		used, failed := promptTime.Add(time.Hour), promptTime.Add(time.Minute)
		before := scan[int](t, s.db.Read, `SELECT value FROM revision`)
		uses := []provider.Use{{Project: rec.Key, Provider: "openai", UsedAt: used, FailedAt: failed, Failure: "unauthorized"}, {Project: "pk_none", Provider: "openai", UsedAt: used}}
		for range 2 {
			if err := s.NoteKeyUses(t.Context(), uses); err != nil {
				t.Fatal(err)
			}
			uses[0].UsedAt, uses[0].FailedAt = promptTime, time.Time{} // another node is late
		}
		if after := scan[int](t, s.db.Read, `SELECT value FROM revision`); after != before {
			t.Errorf("the revision went from %d to %d", before, after)
		}
		edit(`{"name": "Other", "providers": {"google": {"key": "AIzaSy0123456789-abcdIJKL"}}}`)
		got, err := s.Project(t.Context(), rec.Key)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]project.SealedKey{
			"openai": {Mask: "••••••••ABCD", SetAt: promptTime, SetBy: ann, LastUsedAt: used, FailedAt: failed, Failure: "unauthorized"},
			"google": {Mask: "••••••••IJKL", SetAt: promptTime, SetBy: ann},
		}
		for name, k := range got.Keys {
			k.Sealed = ""
			got.Keys[name] = k
		}
		if diff := cmp.Diff(want, got.Keys); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	})
}
