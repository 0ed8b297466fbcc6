// Package ledgertest is the contract of ledgers as tests. Every store runs them all:
//
//	func TestLedger(t *testing.T) { ledgertest.Run(t, open) }
//
// They try to break the invariants of package ledger one at a time and then, with random calls,
// restarts and crashes, all together. With LONG=1 in the environment, each of these tests runs
// for a minute.
package ledgertest

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// TB is the common part of *testing.T and *rapid.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Store is a ledger together with the events of its process. The methods beside those of
// ledger.Ledger are not called while others run, and leave the Store ready for use. Reservations
// made before a Restart or Crash belong to a process that is dead.
type Store interface {
	ledger.Ledger

	// Restart closes the ledger and opens it again on the same data.
	Restart(t TB)
	// Crash opens the ledger again as after kill -9: without closing it, and without changes that
	// were not durable.
	Crash(t TB)
	// Forget removes from memory all that the ledger may remove at any time. It may be called
	// while other methods run.
	Forget(t TB)
	// Audit returns an account's audit trail, the oldest entry first.
	Audit(t TB, key ledger.Key) []ledger.Entry
	// RollUp adds up what waits for the rollups, and returns a handle on the tables.
	RollUp(t TB) *sql.DB
}

// Run checks a store. open returns a new, empty one, which is closed when the test ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"LimitAdmitsExactly", limitAdmitsExactly},
		{"FirstRequestsOfAnUnknownIdentity", firstRequests},
		{"ModelsAndDatedNamesShareTheirLimit", modelsShare},
		{"HoldsCountAgainstTokenLimits", holdsCount},
		{"RefusalChangesNothing", refusalChangesNothing},
		{"ReleaseLeavesNoTrace", releaseLeavesNoTrace},
		{"SettlingTwiceIsSettlingOnce", settleTwice},
		{"WhatTheProviderRefusesTakesOnlyItsBurst", providerRefuses},
		{"FreeRequestsCountInNoPeriod", freeRequests},
		{"WhatRemainsIsAdmitted", remainingIsAdmitted},
		{"ManyAtOnceLoseNothing", manyAtOnce},
		{"HoursRollIntoPeriods", hoursRoll},
		{"ProjectChangesItsPeriod", periodChange},
		{"ResetThenShorterPeriod", resetThenShorterPeriod},
		{"OldRequestEndsAfterThePeriodChanged", oldRequestEnds},
		{"ResetInFlight", resetInFlight},
		{"ClockSetBack", clockSetBack},
		{"ClockSetBackFillsTheBucket", clockSetBackFillsTheBucket},
		{"NamesAreKeptAsTheyAre", oddNames},
		{"AbsurdFiguresBreakNothing", absurdFigures},
		{"NamesOfModelsAreBounded", namesAreBounded},
		{"NamesOfManyPeriodsBecomeOne", namesOfManyPeriods},
		{"StaleSettingsAreNoticed", staleSettings},
		{"PassedRequestsAreCounted", passedAreCounted},
		{"CallersThatHaveGoneAreNoOutage", callersGone},

		{"DurableOutlivesTheProcess", durable},
		{"SettledOutlivesTheProcess", settledSurvives},
		{"CreditsAndBurstOutliveTheProcess", creditsSurvive},
		{"CrashUnderLoad", crashUnderLoad},

		{"ChangeIsAtomic", changeIsAtomic},
		{"ChangesInAnyOrderDoNotBlock", changesDoNotBlock},
		{"ChangeRefusesNonsense", changeRefusesNonsense},
		{"OnceIsAppliedOnce", onceIsAppliedOnce},
		{"OnceOutlivesItsCaller", onceOutlivesItsCaller},
		{"OnceWithAnotherRequestIsRefused", onceReused},
		{"OnceWithoutABody", onceWithoutBody},
		{"AuditTrail", auditTrail},
		{"SettingsAreKeptAsTheyAre", settingsSurvive},
		{"DeletingSettingsLeavesUsage", deleteLeavesUsage},
		{"List", list},
		{"AccountsAreReadTogether", accountsAreRead},
		{"ListWhere", listWhere},
		{"History", history},

		{"RollupsEqualUsage", rollupsEqualUsage},
		{"SameDecisionsAsASequentialBook", sequential},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// Long reports whether the long variants of tests are requested.
func Long() bool { return os.Getenv("LONG") == "1" }

// rounds counts a few rounds, or in the long variants as many as fit into a minute, since the
// stores differ in speed.
func rounds(few int) iter.Seq[int] {
	return func(yield func(int) bool) {
		end := time.Now().Add(time.Minute)
		for i := 0; i < few || Long() && time.Now().Before(end); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC) // a Wednesday

func identity(name string) ledger.Key { return ledger.Key{Project: "pk_test", Identity: name} }

// caps sets the project's caps; -1 means no cap.
func caps(requests, tokens, cost int64) limit.Levels {
	return limit.Levels{Project: &limit.Level{Caps: limit.Caps{&requests, &tokens, &cost}}}
}

func rules(ls limit.Levels, model string, p limit.Period) *limit.Rules {
	r := limit.Resolve(ls, model, p, false)
	return &r
}

func daily(ls limit.Levels) *limit.Rules { return rules(ls, "gpt-4o", limit.Daily) }

// reserve asks for a request of this many tokens. It returns nil if it is refused.
func reserve(t TB, s Store, key ledger.Key, r *limit.Rules, tokens int64, now time.Time) *ledger.Reservation {
	t.Helper()
	res := ask(t, s, key, r, limit.Ask{Tier: "pro", Estimate: limit.Amounts{1, tokens, 10 * tokens}}, now)
	if res.Decision.Refusal != limit.Admitted {
		return nil
	}
	return res
}

// ask asks for a request under the current settings.
func ask(t TB, s Store, key ledger.Key, r *limit.Rules, a limit.Ask, now time.Time) *ledger.Reservation {
	t.Helper()
	req := ledger.Request{Key: key, Rules: r, Now: now, Ask: a}
	for {
		var err error
		if req.Settings, _, err = s.Settings(context.Background(), key); err != nil {
			t.Fatalf("settings of %s: %v", key.Identity, err)
		}
		res, err := s.Reserve(context.Background(), req)
		switch {
		case errors.Is(err, ledger.ErrStale):
			continue
		case err != nil:
			t.Fatalf("reserve for %s: %v", key.Identity, err)
		}
		return res
	}
}

func mustReserve(t TB, s Store, key ledger.Key, r *limit.Rules, tokens int64, now time.Time) *ledger.Reservation {
	t.Helper()
	res := reserve(t, s, key, r, tokens, now)
	if res == nil {
		t.Fatalf("request of %s refused", key.Identity)
	}
	return res
}

func settle(t TB, s Store, res *ledger.Reservation, tokens int64) {
	t.Helper()
	actual := ledger.Actual{Amounts: limit.Amounts{1, tokens, 10 * tokens}, InputTokens: tokens}
	if err := s.Settle(context.Background(), res, actual); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

// settleFree ends a request that the provider has refused, or that is free.
func settleFree(t TB, s Store, res *ledger.Reservation) {
	t.Helper()
	if err := s.Settle(context.Background(), res, ledger.Actual{}); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

func release(t TB, s Store, res *ledger.Reservation) {
	t.Helper()
	if err := s.Release(context.Background(), res); err != nil {
		t.Fatalf("release: %v", err)
	}
}

func spend(t TB, s Store, key ledger.Key, r *limit.Rules, tokens int64, now time.Time) {
	t.Helper()
	settle(t, s, mustReserve(t, s, key, r, tokens, now), tokens)
}

func account(t TB, s Store, key ledger.Key, p limit.Period, now time.Time) ledger.Account {
	t.Helper()
	a, err := s.Account(context.Background(), key, p, now)
	if err != nil {
		t.Fatalf("account of %s: %v", key.Identity, err)
	}
	return a
}

// settingsOf returns the settings of an identity. If Settings knows them, it must return the
// same.
func settingsOf(t TB, s Store, key ledger.Key, p limit.Period, now time.Time) *ledger.Settings {
	t.Helper()
	settings, known, err := s.Settings(context.Background(), key)
	switch {
	case err != nil:
		t.Fatalf("settings of %s: %v", key.Identity, err)
	case !known && settings != nil:
		t.Errorf("settings of %s are not known and are %+v", key.Identity, settings)
	case !known:
		settings = account(t, s, key, p, now).Settings
	}
	return settings
}

// wantTotal checks the account's usage in the period of now.
func wantTotal(t TB, s Store, key ledger.Key, p limit.Period, now time.Time, want limit.Amounts) {
	t.Helper()
	if a := account(t, s, key, p, now); a.State.Total() != want {
		t.Errorf("%s has used %v %s, want %v", key.Identity, a.State.Total(), p, want)
	}
}

// change applies a change to some accounts and fails on any error.
func change(t TB, s Store, now time.Time, apply func(a *ledger.Account), keys ...ledger.Key) {
	t.Helper()
	_, err := s.Change(context.Background(), ledger.Change{
		Keys: keys, Period: limit.Daily, Now: now,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			for _, a := range accounts {
				apply(a)
			}
			return ledger.Outcome{}, nil
		},
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
}

func gift(credits limit.Amounts) func(*ledger.Account) {
	return func(a *ledger.Account) { a.State.AddCredits(credits) }
}

// settled waits until all earlier calls of the store would survive a crash: no later change is
// durable before an earlier one.
func settled(t TB, s Store) {
	t.Helper()
	change(t, s, noon, func(*ledger.Account) {}, ledger.Key{Project: "pk_barrier", Identity: "barrier"})
}

// figures is the part of an account that must not depend on how it was stored.
type figures struct {
	Known     bool
	Settings  *ledger.Settings
	Created   time.Time
	Updated   time.Time
	Used      map[string]limit.ModelUsage
	Running   int
	Credits   limit.Amounts
	Unlimited time.Time
	Burst     time.Time
}

func figuresOf(a *ledger.Account) figures {
	f := figures{
		Known: a.Known, Settings: a.Settings, Created: a.CreatedAt, Updated: a.UpdatedAt,
		Used: map[string]limit.ModelUsage{}, Running: len(a.State.Holds), Credits: a.State.Credits,
		Unlimited: a.State.UnlimitedUntil, Burst: a.State.Burst,
	}
	for _, u := range a.State.Used {
		if !u.Counted.IsZero() || !u.Credited.IsZero() {
			f.Used[u.Model] = u
		}
	}
	return f
}

func diffFigures(want, got figures) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(limit.ModelCaps{}))
}

// wantRefused checks that a limit refuses a request.
func wantRefused(t TB, s Store, key ledger.Key, r *limit.Rules, now time.Time) {
	t.Helper()
	if res := reserve(t, s, key, r, 1, now); res != nil {
		t.Errorf("%s: one request too many was admitted", key.Identity)
	}
}

// applied runs Change and returns its outcome; the caller checks the error.
func giftOnce(ctx context.Context, s Store, key ledger.Key, once *ledger.Once, out ledger.Outcome, during func()) (ledger.Outcome, error) {
	return s.Change(ctx, ledger.Change{
		Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon, Once: once,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
			if during != nil {
				during()
			}
			return out, nil
		},
	})
}

var errNo = errors.New("no")
