package gateway

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const answered = `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`

// Another node has set a limit of the identity's own since this one read its settings: the
// request is decided on under the new one.
func TestSettingsThatChangedAreResolvedAnew(t *testing.T) {
	t.Parallel()
	three := int64(3)
	a := &account{
		settings: &ledger.Settings{Level: limit.Level{Caps: limit.Caps{&three}}},
		cached:   []*ledger.Settings{nil, {Tier: "gone"}},
	}
	answer, _ := serve(t, a, answering(answered))
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d, want 200: %s", answer.Code, answer.Body)
	}
	if got := answer.Header().Get("X-Ratelimit-Limit-Requests"); got != "3" {
		t.Errorf("a limit of %s requests was in force, want the identity's own of 3", got)
	}
	if len(a.settled) != 1 {
		t.Errorf("settled %d times, want once", len(a.settled))
	}
}

// An identity that another node has disabled meanwhile is refused, and nothing is sent.
func TestDisabledMeanwhile(t *testing.T) {
	t.Parallel()
	a := &account{settings: &ledger.Settings{Disabled: true}, cached: []*ledger.Settings{nil}}
	answer, _ := serve(t, a, func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("no")
	})
	if answer.Code != http.StatusForbidden || !strings.Contains(answer.Body.String(), "identity_disabled") {
		t.Errorf("status %d: %s; want 403 identity_disabled", answer.Code, answer.Body)
	}
}

// Settings that change faster than a request can be resolved are no reason to go on for ever.
func TestSettingsThatNeverStand(t *testing.T) {
	t.Parallel()
	a := &account{reserveErr: ledger.ErrStale}
	if answer, _ := serve(t, a, answering(answered)); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", answer.Code)
	}
}

// Where limits cannot be checked a request is refused, unless its project lets it pass: then
// it is marked, and counted in the end.
func TestLimitsThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	away := func() *account {
		return &account{reserveErr: ledger.ErrUnavailable, settingsErr: ledger.ErrUnavailable}
	}
	a := away()
	if answer, _ := serve(t, a, answering(answered)); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("X-Ratelimit-Unchecked") != "" {
		t.Errorf("status %d, unchecked %q; want 503 without that header", answer.Code, answer.Header().Get("X-Ratelimit-Unchecked"))
	}

	const open = `{"name":"test","requestLimit":10,"failOpen":true}`
	a = away()
	answer, log := serveFor(t, open, a, answering(answered))
	if answer.Code != http.StatusOK || answer.Header().Get("X-Ratelimit-Unchecked") != "true" {
		t.Errorf("status %d, unchecked %q; want 200, true", answer.Code, answer.Header().Get("X-Ratelimit-Unchecked"))
	}
	if got := answer.Header().Get("Ratelimit"); got != "" {
		t.Errorf("it tells what is left: %s", got)
	}
	if len(a.passed) != 1 || a.passed[0].Amounts != (limit.Amounts{limit.Requests: 1, limit.Tokens: 10, limit.Cost: a.passed[0].Amounts[limit.Cost]}) {
		t.Errorf("counted %v, want one request of 10 tokens", a.passed)
	}
	if !strings.Contains(log, "unchecked=true") {
		t.Errorf("the log does not tell: %s", log)
	}

	// Who is known to be disabled stays out.
	a = away()
	a.cached = []*ledger.Settings{{Disabled: true}}
	if answer, _ := serveFor(t, open, a, answering(answered)); answer.Code != http.StatusForbidden {
		t.Errorf("disabled: status %d, want 403", answer.Code)
	}

	// What never reached the provider costs nothing.
	a = away()
	serveFor(t, open, a, func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	if len(a.passed) != 0 {
		t.Errorf("counted %v, want nothing", a.passed)
	}
}
