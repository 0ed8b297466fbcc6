package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const answered = `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`

// Another node has set the identity's own limit since this node read its settings. The request
// is decided on under the new limit.
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

// An identity that another node has disabled is refused, and nothing is sent.
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

// An identity that another node has put into a tier gets the models of that tier.
func TestTheTierThatChangedMeanwhileAllowsTheModel(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","tiers":{"small":{"allowedModels":["gpt-4o-mini"]}}}`
	a := &account{settings: &ledger.Settings{Tier: "small"}, cached: []*ledger.Settings{nil}}
	answer, _ := serveFor(t, document, a, func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("no")
	})
	if answer.Code != http.StatusForbidden || !strings.Contains(answer.Body.String(), "model_not_allowed") {
		t.Errorf("status %d: %s; want 403 model_not_allowed", answer.Code, answer.Body)
	}
}

// An identity without known settings is assumed to have none. They are read only if the
// request would be refused.
func TestSettingsThatAreAssumed(t *testing.T) {
	t.Parallel()
	const rejecting = `{"name":"test","requestLimit":10,"unknownTier":"reject","tiers":{"pro":{"requestLimit":100}}}`
	for name, tc := range map[string]struct {
		settings   *ledger.Settings
		unlimited  bool // its promotion lasts
		document   string
		body, tier string
		encoding   string
		status     int
		code       string // of a refusal
		limit      string // in force, of an answer
		looked     int    // beside the reservation
	}{
		"Nothing":                       {body: chat, status: 200, limit: "10"},
		"Limit":                         {settings: &ledger.Settings{Level: limit.Level{Caps: limit.Caps{new(int64(3))}}}, body: chat, status: 200, limit: "3"},
		"Disabled":                      {settings: &ledger.Settings{Disabled: true}, body: chat, status: 403, code: "identity_disabled"},
		"Tier":                          {settings: &ledger.Settings{Tier: "pro"}, body: chat, status: 200, limit: "100"},
		"TierBeatsAnUnknownOne":         {settings: &ledger.Settings{Tier: "pro"}, body: chat, tier: "made-up", status: 200, limit: "100", looked: 1},
		"UnknownTier":                   {body: chat, tier: "made-up", status: 400, code: "unknown_tier", looked: 1},
		"BadBody":                       {body: `{"model":`, status: 400, code: "invalid_request", looked: 1},
		"DisabledBeforeABadBody":        {settings: &ledger.Settings{Disabled: true}, body: `{"model":`, status: 403, code: "identity_disabled", looked: 1},
		"CompressedBody":                {body: chat, encoding: "gzip", status: 400, code: "compressed", looked: 1},
		"DisabledBeforeACompressedBody": {settings: &ledger.Settings{Disabled: true}, body: chat, encoding: "gzip", status: 403, code: "identity_disabled", looked: 1},
		"CompressedBodyOfATier":         {settings: &ledger.Settings{Tier: "pro"}, body: chat, encoding: "gzip", status: 400, code: "compressed", looked: 1},
		"UnpricedUnderALimitOfItsOwn": {settings: &ledger.Settings{Level: limit.Level{Caps: limit.Caps{nil, nil, new(int64(5))}}},
			body: `{"model":"gpt-unheard-of","messages":[]}`, status: 400, code: "unpriced_model", looked: 1}, // it could be exempt
		"PricedNoMatter": {settings: &ledger.Settings{Level: limit.Level{Caps: limit.Caps{nil, nil, new(int64(-1))}}},
			document: `{"name":"test","costLimitUsd":1,"tiers":{"pro":{}}}`, body: `{"model":"gpt-unheard-of","messages":[]}`, status: 200, looked: 1},
		"Exempt": {unlimited: true, document: `{"name":"test","costLimitUsd":1,"requestLimit":10,"tiers":{"pro":{}}}`,
			body: `{"model":"gpt-unheard-of","messages":[]}`, status: 200, limit: "10", looked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &account{settings: tc.settings, unknown: true}
			if tc.unlimited {
				a.state.UnlimitedUntil = time.Now().Add(time.Hour)
			}
			answer, _ := serveBody(t, cmp.Or(tc.document, rejecting), tc.body, a, answering(answered), "X-Tier", tc.tier, "Content-Encoding", tc.encoding)
			if answer.Code != tc.status || !strings.Contains(answer.Body.String(), tc.code) {
				t.Errorf("status %d, want %d %s: %s", answer.Code, tc.status, tc.code, answer.Body)
			}
			if got := answer.Header().Get("X-Ratelimit-Limit-Requests"); tc.status == 200 && got != tc.limit {
				t.Errorf("a limit of %q requests was in force, want %q", got, tc.limit)
			}
			if a.looked != tc.looked {
				t.Errorf("the settings were asked for %d times, want %d", a.looked, tc.looked)
			}
		})
	}
}

// A request that a cost limit would refuse passes only during a promotion. Here the promotion
// ended between reading the account and the decision.
func TestPromotionTakenBackMeanwhile(t *testing.T) {
	t.Parallel()
	a := &account{promoEnds: true}
	a.state.UnlimitedUntil = time.Now().Add(time.Hour)
	answer, _ := serveBody(t, `{"name":"test","costLimitUsd":1}`, `{"model":"gpt-unheard-of","messages":[]}`, a, func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("no")
	})
	if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "unpriced_model") || a.released != 1 {
		t.Errorf("status %d, %d released: %s; want 400 unpriced_model, 1", answer.Code, a.released, answer.Body)
	}
}

// A refusal that was only considered leaves no header behind. The model is blocked until the identity's own settings, or its
// promotion, are read; then the provider fails, and clients may repeat that.
func TestARefusalThatIsNotTheAnswerLeavesNoHeader(t *testing.T) {
	t.Parallel()
	const (
		document = `{"name":"test","modelLimits":{"gpt-4o":{"requestLimit":0}}}`
		body     = `{"model":"gpt-4o-mini","models":["gpt-4o"],"messages":[]}`
	)
	failing := func(r *http.Request) (*http.Response, error) {
		answer, err := answering(`{"error":{"message":"overloaded"}}`)(r)
		answer.StatusCode = http.StatusInternalServerError
		return answer, err
	}
	open := func() *ledger.Settings {
		return &ledger.Settings{Level: limit.Level{Caps: limit.Caps{new(int64(-1))}}}
	}
	for name, tc := range map[string]struct {
		a      *account
		status int
		retry  string
	}{
		"its own limit, not known yet": {&account{settings: open(), unknown: true}, 500, ""},
		"exempt":                       {&account{state: limit.State{UnlimitedUntil: time.Now().Add(time.Hour)}}, 500, ""},
		"exempt, not known yet":        {&account{state: limit.State{UnlimitedUntil: time.Now().Add(time.Hour)}, unknown: true}, 500, ""},
		"blocked":                      {new(account), 429, "false"},
		"blocked, not known yet":       {&account{unknown: true}, 429, "false"},
	} {
		answer, _ := serveBody(t, document, body, tc.a, failing)
		h := answer.Header()
		if answer.Code != tc.status || h.Get("X-Should-Retry") != tc.retry || h.Get("Retry-After")+h.Get("Retry-After-Ms") != "" {
			t.Errorf("%s: status %d, x-should-retry %q, retry-after %q; want %d, %q and no wait: %s", name, answer.Code,
				h.Get("X-Should-Retry"), h.Get("Retry-After")+h.Get("Retry-After-Ms"), tc.status, tc.retry, answer.Body)
		}
	}
}

// If settings change faster than a request can be resolved, the request is refused in the end.
func TestSettingsThatNeverStand(t *testing.T) {
	t.Parallel()
	a := &account{reserveErr: ledger.ErrStale}
	if answer, _ := serve(t, a, answering(answered)); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", answer.Code)
	}
}

// If limits cannot be checked, a request is refused, unless its project fails open. Then the
// answer is marked, and the request is counted later.
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

	// An identity that is known to be disabled is refused.
	a = away()
	a.cached = []*ledger.Settings{{Disabled: true}}
	if answer, _ := serveFor(t, open, a, answering(answered)); answer.Code != http.StatusForbidden {
		t.Errorf("disabled: status %d, want 403", answer.Code)
	}

	// A request that never reached the provider costs nothing.
	a = away()
	serveFor(t, open, a, func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	if len(a.passed) != 0 {
		t.Errorf("counted %v, want nothing", a.passed)
	}
}
