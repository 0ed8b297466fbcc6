package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

// An item of a bulk call may be as large as the body of a call for one identity.
func TestAnItemIsNoLargerThanABody(t *testing.T) {
	t.Parallel()
	const start, end = `{"items": [{"identity": "a"}, {"identity": "b", "metadata": {`, `}}]}`
	for spaces, want := range map[int]string{
		maxBody - 33: "",
		maxBody - 32: "body.items[1]: has more than 1048576 bytes; make it smaller",
	} {
		got := ""
		if _, err := readMany(&project.Snapshot{}, []byte(start+strings.Repeat(" ", spaces)+end)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%d spaces: error %q, want %q", spaces, got, want)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"identity": "u", "requestLimit": 5, "modelLimits": {"gpt-4o": {"costLimitUsd": 0.5}}}`,
		`{"identity": "u", "identity": "v"}`, `{"IDENTITY": "u"}`, `{"items": [{"identity": "a"}, {"identity": "b", "metadata": {"x": [1, {"y": null}]}}]}`,
		`{"tokens": 5, "costUsd": 1e-6, "reason": "r"}`, `{"unlimitedUntil": "2026-12-31"}`, `{"resetTokens": false}`, `{"identity": "\ud800"}`, `[[[[`,
		`{"identity": "u", "limitResponse": {"message": "m"}, "enabled": null, "tier": "pro"}`, "{\"a\":\"\xff\"}", `{"tokens": 1.0}`,
	} {
		f.Add([]byte(seed))
	}
	p := &project.Snapshot{Tiers: map[string]*project.Tier{"pro": {Name: "pro"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		one, err := readNew(p, data)
		if err == nil {
			// An accepted text says one thing, and encoding/json agrees about it.
			var said struct{ Identity *string }
			if err := json.Unmarshal(data, &said); err != nil || strings.TrimSpace(*said.Identity) != one.identity || one.identity == "" {
				t.Fatalf("accepted %q as identity %q: %v", data, one.identity, err)
			}
			a, b := ledger.Account{}, ledger.Account{}
			first, second := one.apply(&a, noon), one.apply(&b, noon)
			if left, right := shown(t, &a), shown(t, &b); left != right || string(first.Detail) != string(second.Detail) {
				t.Fatalf("applied twice: %s and %s", left, right)
			}
			if !json.Valid(first.Detail) {
				t.Fatalf("audit detail %q", first.Detail)
			}
		}
		many, err2 := readMany(p, data)
		_, err3 := readUpdate(p, "u", data)
		given, _, err4 := readGift(data)
		_, _, err5 := readPromo(data)
		tokens, requests, _, err6 := readReset(data)
		if err2 == nil && (len(many) == 0 || len(many) > maxBulk) || err4 == nil && (given.IsZero() || min(given[0], given[1], given[2]) < 0) ||
			err6 == nil && !tokens && !requests {
			t.Fatalf("accepted %q", data)
		}
		for _, err := range []error{err, err2, err3, err4, err5, err6} {
			var ps fieldProblems
			if err != nil && (!errors.As(err, &ps) || !strings.HasPrefix(ps[0].Location, "body") || ps[0].Message == "") {
				t.Fatalf("%q: %#v is not a complaint about a field", data, err)
			}
		}
	})
}

func shown(t *testing.T, a *ledger.Account) string {
	text, err := json.Marshal(identityOf(a))
	if err != nil {
		t.Fatalf("an accepted identity cannot be shown: %v", err)
	}
	return string(text)
}
