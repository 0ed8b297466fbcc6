package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// accountsAreRead: accounts that are read together are those that are read one by one, whether they are in memory, were
// forgotten, are unknown, or have usage of another period.
func accountsAreRead(t *testing.T, s Store) {
	keys := []ledger.Key{identity("unknown"), identity(`q"uo\ted`), identity("zebra")}
	for i := range 20 {
		keys = append(keys, identity(fmt.Sprint("user-", i)))
	}
	keys = append(keys, ledger.Key{Project: "pk_other", Identity: "zebra"})
	r := rules(caps(1000, -1, -1), "gpt-4o", limit.Daily)
	for i, key := range keys[1:] {
		spend(t, s, key, r, int64(i), noon)
		if i%3 == 0 {
			change(t, s, noon, func(a *ledger.Account) {
				a.Settings, a.UpdatedAt = &ledger.Settings{Tier: "pro"}, noon
				a.State.AddCredits(limit.Amounts{1, 2, 3})
			}, key)
		}
	}
	settled(t, s)
	check := func(when string, period limit.Period, now time.Time) {
		t.Helper()
		all, err := s.Accounts(context.Background(), keys, period, now)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for i, key := range keys {
			want := account(t, s, key, period, now)
			if all[i].Key != key {
				t.Fatalf("%s: account %d is %v, want %v", when, i, all[i].Key, key)
			}
			if diff := diffFigures(figuresOf(&want), figuresOf(&all[i])); diff != "" {
				t.Errorf("%s: %s (-one by one +together):\n%s", when, key.Identity, diff)
			}
		}
	}
	check("used a moment ago", limit.Daily, noon)
	s.Forget(t)
	check("forgotten", limit.Daily, noon)
	s.Restart(t)
	check("after a restart", limit.Daily, noon)
	s.Restart(t)
	check("another period", limit.Monthly, noon)
	s.Restart(t)
	check("the next day", limit.Daily, noon.AddDate(0, 0, 1))
	spend(t, s, keys[2], r, 5, noon)
	running := mustReserve(t, s, keys[3], r, 5, noon)
	check("used again", limit.Daily, noon)
	release(t, s, running)
	if none, err := s.Accounts(context.Background(), nil, limit.Daily, noon); err != nil || len(none) > 0 {
		t.Errorf("no accounts: %v, %v", none, err)
	}
}

// listWhere: conditions and the order of the latest changes find the same on every store.
func listWhere(t *testing.T, s Store) {
	five := int64(5)
	later := noon.Add(time.Hour)
	for i, c := range []struct {
		name  string
		apply func(a *ledger.Account)
	}{
		{"plain", func(*ledger.Account) {}},
		{"pro", func(a *ledger.Account) { a.Settings = &ledger.Settings{Tier: "pro"} }},
		{"quoted", func(a *ledger.Account) {
			a.Settings = &ledger.Settings{Tier: `p"ro`, Metadata: json.RawMessage(`{"disabled":true,"tier":"pro","limitResponse":{}}`)}
		}},
		{"off", func(a *ledger.Account) { a.Settings = &ledger.Settings{Tier: "pro", Disabled: true} }},
		{"capped", func(a *ledger.Account) {
			a.Settings = &ledger.Settings{Level: limit.Level{Caps: limit.Caps{&five}}}
		}},
		{"uncapped", func(a *ledger.Account) {
			a.Settings = &ledger.Settings{Level: limit.Level{Models: []limit.ModelCaps{}}}
		}},
		{"worded", func(a *ledger.Account) { a.Settings = &ledger.Settings{LimitResponse: map[string]any{"message": "x"}} }},
		{"gifted", gift(limit.Amounts{0, 0, 7})},
		{"promoted", func(a *ledger.Account) { a.State.UnlimitedUntil = later }},
		{"past", func(a *ledger.Account) { a.State.UnlimitedUntil = noon.Add(-time.Hour) }},
	} {
		change(t, s, noon, func(a *ledger.Account) {
			a.Known, a.UpdatedAt = true, noon.Add(time.Duration(i/2)*time.Minute)
			c.apply(a)
		}, identity(c.name))
	}
	change(t, s, noon, func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{1, 0, 0}) }, identity("unknown"))
	find := func(f ledger.Find) (all []string) {
		t.Helper()
		f.Project, f.Where.Now = "pk_test", noon
		for pages := 0; ; pages++ {
			got, err := s.List(t.Context(), f)
			if err != nil || pages > 20 {
				t.Fatalf("%+v: page %d: %v", f, pages, err)
			}
			all = append(all, got.Names...)
			if f.After, f.AfterAt = got.Next, got.NextAt; f.After == "" {
				return all
			}
		}
	}
	byName := []string{"capped", "gifted", "off", "past", "plain", "pro", "promoted", "quoted", "uncapped", "worded"}
	recent := []string{"promoted", "past", "worded", "gifted", "uncapped", "capped", "quoted", "off", "pro", "plain"}
	for _, c := range []struct {
		where ledger.Where
		text  string
		want  []string
	}{
		{ledger.Where{}, "", byName},
		{ledger.Where{}, "p", []string{"past", "plain", "pro", "promoted"}},
		{ledger.Where{Tier: new("pro")}, "", []string{"off", "pro"}},
		{ledger.Where{Tier: new(`p"ro`)}, "", []string{"quoted"}},
		{ledger.Where{Tier: new("")}, "", []string{"capped", "gifted", "past", "plain", "promoted", "uncapped", "worded"}},
		{ledger.Where{Tier: new("none")}, "", nil},
		{ledger.Where{Enabled: new(false)}, "", []string{"off"}},
		{ledger.Where{Enabled: new(true)}, "p", []string{"past", "plain", "pro", "promoted"}},
		{ledger.Where{Has: ledger.HasOverride}, "", []string{"capped", "worded"}},
		{ledger.Where{Has: ledger.HasCredits}, "", []string{"gifted"}},
		{ledger.Where{Has: ledger.HasPromo}, "", []string{"promoted"}},
		{ledger.Where{Tier: new("pro"), Enabled: new(true)}, "", []string{"pro"}},
	} {
		for _, limit := range []int{1, 2, 20} {
			if got := find(ledger.Find{Where: c.where, Text: c.text, Limit: limit}); !slices.Equal(got, c.want) {
				t.Errorf("%+v %q by %d: %q, want %q", c.where, c.text, limit, got, c.want)
			}
			var want []string
			for _, name := range recent {
				if slices.Contains(c.want, name) {
					want = append(want, name)
				}
			}
			if got := find(ledger.Find{Where: c.where, Text: c.text, Limit: limit, Recent: true}); !slices.Equal(got, want) {
				t.Errorf("%+v %q by %d, recent: %q, want %q", c.where, c.text, limit, got, want)
			}
		}
		var matching []string
		for _, name := range byName {
			a, where := account(t, s, identity(name), limit.Daily, noon), c.where
			if where.Now = noon; where.Matches(&a) && strings.HasPrefix(name, c.text) {
				matching = append(matching, name)
			}
		}
		if !slices.Equal(matching, c.want) {
			t.Errorf("%+v %q: of the accounts %q match, want %q", c.where, c.text, matching, c.want)
		}
		first, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Where: ledger.Where{Tier: c.where.Tier, Enabled: c.where.Enabled, Has: c.where.Has, Now: noon}, Text: c.text, Limit: 1})
		if err != nil || first.Total != len(c.want) || first.AtLeast {
			t.Errorf("%+v %q: total %d, at least %t, %v; want %d", c.where, c.text, first.Total, first.AtLeast, err, len(c.want))
		}
	}
}

// history: the usage of one identity by hour and day, whole, by model and by tier. A reset takes nothing from it.
func history(t *testing.T, s Store) {
	key := identity("alice")
	mini, dear := rules(caps(1000, -1, -1), "gpt-4o-mini", limit.Daily), rules(caps(1000, -1, -1), "gpt-4o", limit.Daily)
	spend(t, s, key, mini, 1, noon)
	spend(t, s, key, mini, 2, noon.Add(time.Minute))
	spend(t, s, key, dear, 4, noon.Add(time.Minute))
	spend(t, s, key, mini, 8, noon.Add(2*time.Hour))
	spend(t, s, identity("alicf"), mini, 16, noon)
	change(t, s, noon.Add(2*time.Hour), func(a *ledger.Account) { a.Reset(true, true) }, key)
	spend(t, s, key, dear, 32, noon.Add(24*time.Hour))
	at := ledger.HourOf(noon)
	day := at / 24 * 24
	for _, c := range []struct {
		from, to, step int64
		split          ledger.Split
		want           []ledger.Bucket
	}{
		{at, at + 3, 1, ledger.Whole, []ledger.Bucket{{Hour: at, Name: "", Amounts: limit.Amounts{3, 7, 70}}, {Hour: at + 2, Name: "", Amounts: limit.Amounts{1, 8, 80}}}},
		{at, at + 2, 1, ledger.Whole, []ledger.Bucket{{Hour: at, Name: "", Amounts: limit.Amounts{3, 7, 70}}}},
		{at + 1, at + 2, 1, ledger.Whole, nil},
		{day, day + 48, 24, ledger.ByModel, []ledger.Bucket{{Hour: day, Name: "gpt-4o", Amounts: limit.Amounts{1, 4, 40}},
			{Hour: day, Name: "gpt-4o-mini", Amounts: limit.Amounts{3, 11, 110}}, {Hour: day + 24, Name: "gpt-4o", Amounts: limit.Amounts{1, 32, 320}}}},
		{day, day + 24, 24, ledger.ByTier, []ledger.Bucket{{Hour: day, Name: "pro", Amounts: limit.Amounts{4, 15, 150}}}},
	} {
		got, err := s.History(t.Context(), ledger.Span{Key: key, From: c.from, To: c.to, Step: c.step, Split: c.split})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d to %d by %d, split %d: %v, %v; want %v", c.from, c.to, c.step, c.split, got, err, c.want)
		}
	}
}
