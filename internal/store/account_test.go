package store

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// instant is the time of these tests, in stored precision.
var instant = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func user(t *testing.T, s *Store, email string) account.User {
	t.Helper()
	u, err := s.EnsureUser(t.Context(), email, instant)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func session(t *testing.T, s *Store, u account.User, token string, at time.Time) account.Session {
	t.Helper()
	var se account.Session
	err := s.write(t.Context(), func(tx *sql.Tx) (err error) {
		se, err = startSession(t.Context(), tx, u, secret.Hash(token), "192.0.2.1", "Browser", at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return se
}

// member gives a user a role in a project, without a line in the audit trail.
func member(t *testing.T, s *Store, project string, u account.User, role account.Role) {
	t.Helper()
	err := s.write(t.Context(), func(tx *sql.Tx) error { return setMember(t.Context(), tx, project, u.ID, role, instant) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnAddressHasOneAccount(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		if some, err := s.HasUsers(t.Context()); some || err != nil {
			t.Errorf("users in an empty database: %t, %v", some, err)
		}
		if _, err := userByEmail(t.Context(), s.db.Read, "ann@example.com"); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("an unknown user: %v, want ErrNotFound", err)
		}
		const tries = 8
		got := make(chan string, tries)
		for range tries {
			go func() {
				u, err := s.EnsureUser(t.Context(), "ann@example.com", instant)
				got <- fmt.Sprint(u, err)
			}()
		}
		first := <-got
		for range tries - 1 {
			if next := <-got; next != first {
				t.Errorf("users %s and %s, want one", first, next)
			}
		}
		u, err := userByEmail(t.Context(), s.db.Read, "ann@example.com")
		if fmt.Sprint(u, err) != first || !u.CreatedAt.Equal(instant) {
			t.Errorf("read %v %v, want %s", u, err, first)
		}
		if some, err := s.HasUsers(t.Context()); !some || err != nil {
			t.Errorf("users: %t, %v", some, err)
		}
	})
}

func TestSessionsEndByTimeAndByHand(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ctx, ann, bob := t.Context(), user(t, s, "ann@example.com"), user(t, s, "bob@example.com")
		first, second := session(t, s, ann, "1", instant), session(t, s, ann, "2", instant)
		bobs := session(t, s, bob, "3", instant)
		alive := func(token string, at time.Time, want bool) {
			t.Helper()
			got, _, err := s.Session(ctx, secret.Hash(token), "", at)
			if want != (err == nil) || err != nil && !errors.Is(err, account.ErrNotFound) {
				t.Errorf("session %s: %v, want it alive: %t", token, err, want)
			}
			if err == nil && got.User.Email == "" {
				t.Errorf("session %s has no user", token)
			}
		}
		if got, _, err := s.Session(ctx, secret.Hash("1"), "", instant); err != nil || got != first {
			t.Errorf("read %+v, %v, want %+v", got, err, first)
		}
		late := instant.Add(account.SessionTime)
		alive("1", late.Add(-time.Microsecond), true)
		alive("1", late, false)
		if err := s.TouchSession(ctx, first.ID, "192.0.2.2", instant.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.TouchSession(ctx, first.ID, "192.0.2.3", instant); err != nil { // a note that comes late
			t.Fatal(err)
		}
		alive("1", late, true)
		alive("2", late, false)
		if all, err := s.Sessions(ctx, ann.ID, late); err != nil || len(all) != 1 || all[0].IP != "192.0.2.2" {
			t.Errorf("sessions %+v, %v, want the one that was used", all, err)
		}
		if all, err := s.Sessions(ctx, ann.ID, instant); err != nil || len(all) != 2 {
			t.Errorf("sessions %+v, %v, want both", all, err)
		}
		if err := s.EndSession(ctx, ann.ID, bobs.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("ended another's session: %v", err)
		}
		alive("3", instant, true)
		if err := s.EndSession(ctx, ann.ID, second.ID); err != nil {
			t.Error(err)
		}
		alive("2", instant, false)
		last := session(t, s, ann, "4", instant)
		if err := s.EndOtherSessions(ctx, ann.ID, last.ID); err != nil {
			t.Error(err)
		}
		alive("1", instant, false)
		alive("4", instant, true)
		alive("3", instant, true)
	})
}

func TestASessionTellsTheRoleInAProject(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		s := newStore(t, location)
		ctx, ann := t.Context(), user(t, s, "ann@example.com")
		session(t, s, ann, "1", instant)
		rec, _ := create(t, s, `{}`)
		other, _ := create(t, s, `{}`)
		role := func(project string, want account.Role) {
			t.Helper()
			if _, got, err := s.Session(ctx, secret.Hash("1"), project, instant); got != want || err != nil {
				t.Errorf("role %q, %v, want %q", got, err, want)
			}
		}
		role(rec.Key, "")
		for _, r := range account.Roles {
			member(t, s, rec.Key, ann, r)
			role(rec.Key, r)
		}
		role(other.Key, "")
		role("", "")
		want := []account.Membership{{Project: rec.Key, Role: account.Owner}}
		if got, err := s.Memberships(ctx, ann.ID); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("memberships %v, %v, want %v", got, err, want)
		}
		if err := s.DeleteProject(ctx, rec.Key); err != nil {
			t.Fatal(err)
		}
		role(rec.Key, "")
	})
}
