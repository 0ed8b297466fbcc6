package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func many(n int) []ledger.Key {
	keys := make([]ledger.Key, n)
	for i := range keys {
		keys[i] = identity(fmt.Sprintf("%04d", i))
	}
	return keys
}

// changeIsAtomic: a change of a thousand accounts is applied to all or to none.
func changeIsAtomic(t *testing.T, s Store) {
	keys := many(1000)
	slices.Reverse(keys)
	give := func(fail bool) error {
		_, err := s.Change(t.Context(), ledger.Change{
			Keys: keys, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				for i, a := range accounts {
					if a.Key != keys[i] {
						t.Errorf("account %d is %s, want the order of the keys: %s", i, a.Key.Identity, keys[i].Identity)
						return ledger.Outcome{}, errNo
					}
					a.Known = true
					a.State.AddCredits(limit.Amounts{int64(i), 0, 0})
				}
				if fail {
					return ledger.Outcome{}, errNo
				}
				return ledger.Outcome{}, nil
			},
		})
		return err
	}
	check := func(when string, times int64) {
		t.Helper()
		for i, key := range keys {
			if a := account(t, s, key, limit.Daily, noon); a.State.Credits[limit.Requests] != times*int64(i) || a.Known != (times > 0) {
				t.Fatalf("%s: %s has %d credits, want %d", when, key.Identity, a.State.Credits[limit.Requests], times*int64(i))
			}
		}
	}
	if err := give(true); !errors.Is(err, errNo) {
		t.Errorf("error %v, want Apply's own", err)
	}
	check("refused", 0)
	if err := give(false); err != nil {
		t.Fatal(err)
	}
	check("applied", 1)
	s.Crash(t)
	check("after a crash", 1)
}

// changesDoNotBlock changes overlapping sets of accounts in opposite orders while requests run on
// them.
func changesDoNotBlock(t *testing.T, s Store) {
	keys := many(10)
	r := daily(caps(-1, -1, -1))
	together(16, func(w int) {
		own := slices.Clone(keys)
		if w%2 == 0 {
			slices.Reverse(own)
		}
		for i := range 20 {
			switch {
			case w%4 == 3:
				spend(t, s, own[i%len(own)], r, 1, noon)
			default:
				change(t, s, noon, gift(limit.Amounts{1, 0, 0}), own[:2+(w+i)%8]...)
			}
		}
	})
	var got, want int64
	for _, key := range keys {
		a := account(t, s, key, limit.Daily, noon)
		got += a.State.Credits[limit.Requests]
	}
	for w := range 16 {
		for i := range 20 {
			if w%4 != 3 {
				want += int64(2 + (w+i)%8)
			}
		}
	}
	if got != want {
		t.Errorf("%d credits given, want %d", got, want)
	}
}

// changeRefusesNonsense: a change that cannot be kept is refused at once, and the ledger goes on.
func changeRefusesNonsense(t *testing.T, s Store) {
	key := identity("alice")
	apply := func(f func(a *ledger.Account), keys ...ledger.Key) error {
		_, err := s.Change(t.Context(), ledger.Change{Keys: keys, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				f(accounts[0])
				return ledger.Outcome{}, nil
			}})
		return err
	}
	broken := &ledger.Settings{Metadata: json.RawMessage(`{"not json`)}
	if err := apply(func(a *ledger.Account) { a.Settings, a.Known = broken, true }, key); err == nil {
		t.Error("settings that cannot be encoded were taken")
	}
	if err := apply(gift(limit.Amounts{1}), key, key); err == nil {
		t.Error("a change that names an identity twice was taken")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic of Apply was swallowed")
			}
		}()
		_ = apply(func(*ledger.Account) { panic("a bug") }, key)
	}()
	a := account(t, s, key, limit.Daily, noon)
	if a.Known || a.Settings != nil || !a.State.Credits.IsZero() {
		t.Errorf("nonsense left its mark: %+v", figuresOf(&a))
	}
	spend(t, s, key, daily(caps(1, -1, -1)), 1, noon)
	settled(t, s)
}

func onceIsAppliedOnce(t *testing.T, s Store) {
	key, once := identity("alice"), &ledger.Once{Key: "k1", Fingerprint: [32]byte{1}}
	var outcomes atomic.Int64
	var first atomic.Pointer[[]byte]
	send := func() {
		out := ledger.Outcome{Status: 200, Body: fmt.Appendf(nil, `{"n":%d}`, outcomes.Add(1))}
		got, err := giftOnce(t.Context(), s, key, once, out, nil)
		if err != nil {
			t.Errorf("change: %v", err)
		}
		if got.Status != 200 || len(got.Body) == 0 {
			t.Errorf("outcome %d %q", got.Status, got.Body)
		}
		first.CompareAndSwap(nil, &got.Body)
		if want := *first.Load(); string(got.Body) != string(want) {
			t.Errorf("outcome %q, want that of the first, %q", got.Body, want)
		}
	}
	together(50, func(int) { send() })
	check := func() {
		t.Helper()
		if a := account(t, s, key, limit.Daily, noon); a.State.Credits[limit.Requests] != 1 {
			t.Errorf("applied %d times, want once", a.State.Credits[limit.Requests])
		}
	}
	check()
	for _, again := range []func(TB){s.Crash, s.Restart} {
		again(t)
		together(5, func(int) { send() })
		check()
	}
	// The same key in another project is another key.
	other := ledger.Key{Project: "pk_other", Identity: "alice"}
	if _, err := giftOnce(t.Context(), s, other, once, ledger.Outcome{Status: 200}, nil); err != nil {
		t.Errorf("the same key in another project: %v", err)
	}
}

// onceOutlivesItsCaller: if a caller hangs up while its change is written and sends it again at
// once, the change is applied once.
func onceOutlivesItsCaller(t *testing.T, s Store) {
	const times = 100
	key := identity("alice")
	for i := range times {
		once := &ledger.Once{Key: fmt.Sprint(i)}
		out := ledger.Outcome{Status: 201, Body: []byte(`{}`)}
		ctx, hangUp := context.WithCancel(t.Context())
		if _, err := giftOnce(ctx, s, key, once, out, hangUp); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("change: %v", err)
		}
		if got, err := giftOnce(t.Context(), s, key, once, out, nil); err != nil || got.Status != 201 {
			t.Fatalf("sent again: %d, %v", got.Status, err)
		}
	}
	if a := account(t, s, key, limit.Daily, noon); a.State.Credits[limit.Requests] != times {
		t.Errorf("%d applied, want %d", a.State.Credits[limit.Requests], times)
	}
}

func onceReused(t *testing.T, s Store) {
	key := identity("alice")
	var reused, applied atomic.Int64
	together(20, func(i int) {
		once := &ledger.Once{Key: "k", Fingerprint: [32]byte{byte(i % 2)}}
		switch _, err := giftOnce(t.Context(), s, key, once, ledger.Outcome{Status: 200, Body: []byte("x")}, nil); {
		case errors.Is(err, ledger.ErrReused):
			reused.Add(1)
		case err != nil:
			t.Errorf("change: %v", err)
		default:
			applied.Add(1)
		}
	})
	if reused.Load() != 10 || applied.Load() != 10 {
		t.Errorf("%d refused, %d answered; want 10 of each", reused.Load(), applied.Load())
	}
	s.Restart(t)
	for i := range 2 {
		_, err := giftOnce(t.Context(), s, key, &ledger.Once{Key: "k", Fingerprint: [32]byte{byte(i)}}, ledger.Outcome{}, nil)
		if errors.Is(err, ledger.ErrReused) {
			reused.Add(1)
		}
	}
	if reused.Load() != 11 {
		t.Errorf("after a restart %d fingerprints are refused, want 1", reused.Load()-10)
	}
	if a := account(t, s, key, limit.Daily, noon); a.State.Credits[limit.Requests] != 1 {
		t.Errorf("applied %d times, want once", a.State.Credits[limit.Requests])
	}
	// A change that failed was not applied, so its key is free.
	once := &ledger.Once{Key: "failed"}
	_, err := s.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon, Once: once,
		Apply: func([]*ledger.Account) (ledger.Outcome, error) { return ledger.Outcome{}, errNo }})
	if !errors.Is(err, errNo) {
		t.Errorf("error %v, want Apply's own", err)
	}
	if _, err := giftOnce(t.Context(), s, key, &ledger.Once{Key: "failed", Fingerprint: [32]byte{9}}, ledger.Outcome{}, nil); err != nil {
		t.Errorf("a key whose change failed: %v", err)
	}
}

// onceWithoutBody: an answer without a body, such as 204, is kept too.
func onceWithoutBody(t *testing.T, s Store) {
	key := identity("alice")
	for range 2 {
		got, err := giftOnce(t.Context(), s, key, &ledger.Once{Key: "k"}, ledger.Outcome{Status: 204}, nil)
		if err != nil || got.Status != 204 || len(got.Body) != 0 {
			t.Fatalf("outcome %d %q, %v; want 204 without a body", got.Status, got.Body, err)
		}
	}
	spend(t, s, key, daily(caps(1, -1, -1)), 1, noon)
	settled(t, s)
}

func auditTrail(t *testing.T, s Store) {
	key := identity("alice")
	want := []ledger.Entry{
		{Identity: "alice", Action: "gift", Reason: "sorry for \x27yesterday\x27", Detail: json.RawMessage(`{"tokens":5}`),
			Actor: ledger.Actor{Kind: ledger.User, ID: "u1", Email: "ann@example.com"}, RequestID: "req_1", Target: "credits",
			Changes: json.RawMessage(`[{"path":"tier","from":null,"to":"pro"}]`)},
		{Identity: "alice", Action: "reset", Actor: ledger.Actor{Kind: ledger.System}},
	}
	for _, e := range want {
		_, err := s.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key, identity("bob")}, Period: limit.Daily, Now: noon,
			Apply: func([]*ledger.Account) (ledger.Outcome, error) {
				bob := e
				bob.Identity = "bob"
				return ledger.Outcome{Audit: []ledger.Entry{e, bob}}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
	}
	want[1].Detail, want[1].Changes = json.RawMessage(`{}`), json.RawMessage(`[]`)
	s.Crash(t)
	if diff := cmp.Diff(want, s.Audit(t, key)); diff != "" {
		t.Errorf("audit trail (-want +got):\n%s", diff)
	}
}

func settingsSurvive(t *testing.T, s Store) {
	key := identity("alice")
	if got := settingsOf(t, s, key, limit.Daily, noon); got != nil {
		t.Errorf("settings of an unknown identity: %+v", got)
	}
	want := &ledger.Settings{
		Tier: "pro",
		Level: limit.Level{
			Caps:               limit.Caps{nil, new(int64(0)), new(int64(-1))},
			Models:             []limit.ModelCaps{{Key: "gpt-4o*", Caps: limit.Caps{new(int64(5)), nil, nil}}},
			RequestsPerMinute:  new(int64(0)),
			ConcurrentRequests: nil,
		},
		LimitResponse: map[string]any{"message": "<b>no & never</b> \u2028", "deepLink": nil, "n": json.Number("1.50"), "list": []any{"a", true}},
		Metadata:      json.RawMessage(`{"plan":"x","n":12345678901234567890}`),
		Disabled:      true,
	}
	created := noon.Add(123_456_789).In(time.FixedZone("", 3600))
	change(t, s, noon, func(a *ledger.Account) {
		a.Known, a.Settings, a.CreatedAt, a.UpdatedAt = true, want, created, created.Add(time.Second)
	}, key)
	check := func() {
		t.Helper()
		if diff := cmp.Diff(want, settingsOf(t, s, key, limit.Daily, noon), cmpopts.IgnoreUnexported(limit.ModelCaps{})); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
		a := account(t, s, key, limit.Daily, noon)
		c := created.Truncate(time.Microsecond).UTC()
		if !a.Known || !a.CreatedAt.Equal(c) || !a.UpdatedAt.Equal(c.Add(time.Second)) {
			t.Errorf("known %t, created %s, updated %s; want true, %s and a second later", a.Known, a.CreatedAt, a.UpdatedAt, c)
		}
	}
	check()
	s.Forget(t)
	check()
	spend(t, s, key, rules(limit.Levels{Project: &limit.Level{RequestsPerMinute: new(int64(9))}}, "m", limit.Daily), 1, noon)
	check() // a request does not change it
	s.Crash(t)
	check()
}

// deleteLeavesUsage: usage starts again at zero only after a reset.
func deleteLeavesUsage(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(2, -1, -1))
	change(t, s, noon, func(a *ledger.Account) { a.Known, a.Settings = true, &ledger.Settings{Tier: "pro"} }, key)
	spend(t, s, key, r, 10, noon)
	change(t, s, noon, func(a *ledger.Account) { a.Known, a.Settings = false, nil }, key)
	for range 2 {
		a := account(t, s, key, limit.Daily, noon)
		if a.Known || a.Settings != nil || a.State.Total() != (limit.Amounts{1, 10, 100}) {
			t.Errorf("deleted: known %t, settings %v, used %v; want its usage alone", a.Known, a.Settings, a.State.Total())
		}
		if found, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 10}); found.Total != 0 || err != nil {
			t.Errorf("%d identities listed, %v; want none", found.Total, err)
		}
		s.Restart(t)
	}
	spend(t, s, key, r, 10, noon) // makes a request, and is known again
	wantRefused(t, s, key, r, noon)
	s.Restart(t)
	if found, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 10}); found.Total != 1 || err != nil {
		t.Errorf("%d identities listed, %v; want the one that was seen again", found.Total, err)
	}
	wantRefused(t, s, key, r, noon)
}

func list(t *testing.T, s Store) {
	names := []string{"50%", "50x", "a_b", "axb", `a\b`, "a'b", "B", "b", "\u00e9", "zebra"}
	slices.Sort(names)
	keys := make([]ledger.Key, len(names))
	for i, name := range names {
		keys[i] = identity(name)
	}
	change(t, s, noon, func(a *ledger.Account) { a.Known = true }, keys...)
	change(t, s, noon, func(a *ledger.Account) { a.Known = true }, ledger.Key{Project: "pk_other", Identity: "50%"})
	for _, c := range []struct {
		text          string
		match         ledger.Match
		after         string
		limit, offset int
		want          []string
		next          string
		total         int
	}{
		{"", ledger.Prefix, "", 100, 0, names, "", 10},
		{"", ledger.Prefix, "", 10, 0, names, "", 10},
		{"", ledger.Prefix, "", 3, 0, names[:3], names[2], 10},
		{"", ledger.Prefix, "", 3, 3, names[3:6], names[5], 10},
		{"", ledger.Prefix, names[2], 3, 0, names[3:6], names[5], 10},
		{"", ledger.Prefix, names[8], 3, 0, names[9:], "", 10},
		{"", ledger.Prefix, names[9], 3, 0, nil, "", 10},
		{"", ledger.Prefix, "", 3, 9, names[9:], "", 10},
		{"", ledger.Prefix, "", 3, 10, nil, "", 10},
		{"", ledger.Contains, "", 3, 0, names[:3], names[2], 10},
		{"%", ledger.Contains, "", 10, 0, []string{"50%"}, "", 1},
		{"_", ledger.Contains, "", 10, 0, []string{"a_b"}, "", 1},
		{`\`, ledger.Contains, "", 10, 0, []string{`a\b`}, "", 1},
		{"'", ledger.Contains, "", 10, 0, []string{"a'b"}, "", 1},
		{"50", ledger.Contains, "", 1, 1, []string{"50x"}, "", 2},
		{"50", ledger.Contains, "", 1, 0, []string{"50%"}, "50%", 2},
		{"b", ledger.Contains, "", 10, 1, []string{`a\b`, "a_b", "axb", "b", "zebra"}, "", 6},
		{"B", ledger.Contains, "", 10, 0, []string{"B"}, "", 1},
		{"\u00e9", ledger.Contains, "", 10, 0, []string{"\u00e9"}, "", 1},
		{"nobody", ledger.Contains, "", 10, 0, nil, "", 0},
		{"a", ledger.Prefix, "", 10, 0, []string{"a'b", `a\b`, "a_b", "axb"}, "", 4},
		{"a", ledger.Prefix, "", 2, 0, []string{"a'b", `a\b`}, `a\b`, 4},
		{"a", ledger.Prefix, `a\b`, 2, 0, []string{"a_b", "axb"}, "", 4},
		{"a", ledger.Prefix, "50x", 2, 0, []string{"a'b", `a\b`}, `a\b`, 4},
		{"a", ledger.Prefix, "zebra", 2, 0, nil, "", 4},
		{"a_", ledger.Prefix, "", 10, 0, []string{"a_b"}, "", 1},
		{"zebra", ledger.Prefix, "", 10, 0, []string{"zebra"}, "", 1},
		{"b", ledger.Exact, "", 10, 0, []string{"b"}, "", 1},
		{"a", ledger.Exact, "", 10, 0, nil, "", 0},
	} {
		got, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Text: c.text, Match: c.match, After: c.after, Limit: c.limit, Offset: c.offset})
		if err != nil || got.Total != c.total || got.AtLeast || got.Next != c.next || !slices.Equal(got.Names, c.want) {
			t.Errorf("List(%q by %d after %q, %d, %d) = %+v, %v; want %q, then %q, of %d", c.text, c.match, c.after, c.limit, c.offset, got, err, c.want, c.next, c.total)
		}
	}
	// For a later page of Contains, the total is unknown.
	if got, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Text: "b", Match: ledger.Contains, After: "B", Limit: 2}); err != nil ||
		!slices.Equal(got.Names, []string{"a'b", `a\b`}) || got.Next != `a\b` || !got.AtLeast {
		t.Errorf("a further page of what contains b: %+v, %v", got, err)
	}
}
