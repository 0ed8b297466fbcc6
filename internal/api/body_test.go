package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

func TestDocumentsWithTwoReadingsAreRefused(t *testing.T) {
	t.Parallel()
	for doc, location := range map[string]string{
		`{"a": 1, "b": {"c": [0, {"d": 1, "d": 2}]}}`: "body.b.c[1].d",
		`{"a": 1, "\u0061": 2}`:                       "body.a",
		`{"": 1, "": 2}`:                              `body.""`,
		`{"a\u0000": 1}`:                              `body."a\x00"`,
		`["\ud83d"]`:                                  "body",
		`["\ude00\ud83d"]`:                            "body",
		`["\ud83d\u0041"]`:                            "body",
		`["\ud83d\\ude00"]`:                           "body",
		"[\"\xc3\"]":                                  "body",
		`{"a": 1}{"a": 1}`:                            "body",
		`{"a": 01}`:                                   "body",
		`{"a": 1,}`:                                   "body",
		"":                                            "body",
		strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40): "body" + strings.Repeat(".a", 33),
	} {
		var ps fieldProblems
		if err := check([]byte(doc)); !errors.As(err, &ps) || ps[0].Location != location {
			t.Errorf("%s: %v, want an error at %s", doc, err, location)
		}
	}
	for _, doc := range []string{
		`{"a": 1, "A": 2}`, `["\ud83d\ude00", "\\ud83d", "\\\\", "\u00e9"]`, `"\n"`, `null`, ` [1e400] `, `{"a": {"b": 1}, "c": {"b": 1}}`,
	} {
		if err := check([]byte(doc)); err != nil {
			t.Errorf("%s: %v, want it accepted", doc, err)
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
			// What was accepted says one thing, and encoding/json agrees about it.
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
