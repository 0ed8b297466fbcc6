package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// oneProject is a catalog of one project.
type oneProject struct{ *project.Snapshot }

func (p oneProject) Project(context.Context, string) (*project.Snapshot, error) {
	return p.Snapshot, nil
}

// account is a ledger of one identity in memory, which can fail.
type account struct {
	state       limit.State
	settings    *ledger.Settings
	cached      []*ledger.Settings // given out before settings, one a call
	unknown     bool               // settings are not known without asking, until Reserve has looked
	looked      int                // how often Account was asked
	promoEnds   bool               // when Account has been asked
	passed      []ledger.Actual
	reserveErr  error
	settingsErr error
	commitErr   error
	settled     []ledger.Actual
	released    int
	reservation uint64
}

func (a *account) Settings(context.Context, ledger.Key) (settings *ledger.Settings, known bool, err error) {
	switch {
	case a.unknown:
		return nil, false, nil
	case len(a.cached) > 0:
		settings, a.cached = a.cached[0], a.cached[1:]
		return settings, true, nil
	}
	return a.settings, true, a.settingsErr
}

func (a *account) Reserve(_ context.Context, req ledger.Request) (*ledger.Reservation, error) {
	if a.reserveErr != nil {
		return nil, a.reserveErr
	}
	if req.Settings != a.settings {
		a.unknown = false
		return nil, ledger.ErrStale
	}
	a.state.Advance(req.Now)
	a.reservation++
	res := &ledger.Reservation{ID: a.reservation, Key: req.Key, Rules: req.Rules, Decision: limit.Decide(&a.state, req.Rules, req.Ask, req.Now), Commit: a}
	if res.Decision.Refusal == limit.Admitted {
		res.Decision.Hold.ID = res.ID
		a.state.Admit(res.Decision.Hold, req.Now)
	}
	return res, nil
}

// Wait stands for the commit of every reservation.
func (a *account) Wait(context.Context) error { return a.commitErr }

func (a *account) Pass(req ledger.Request) *ledger.Reservation {
	return &ledger.Reservation{Key: req.Key, Rules: req.Rules, Commit: new(ledger.Passed)}
}

func (a *account) Settle(_ context.Context, res *ledger.Reservation, actual ledger.Actual) error {
	if p, ok := res.Commit.(*ledger.Passed); ok && p.End() {
		a.passed = append(a.passed, actual)
		return nil
	}
	if _, ok := a.state.Settle(res.ID, actual.Amounts, res.Rules); ok {
		a.settled = append(a.settled, actual)
	}
	return nil
}

func (a *account) Release(_ context.Context, res *ledger.Reservation) error {
	if _, ok := a.state.Release(res.ID); ok {
		a.released++
	}
	return nil
}

func (a *account) Account(context.Context, ledger.Key, limit.Period, time.Time) (ledger.Account, error) {
	a.looked++
	seen := ledger.Account{Settings: a.settings, State: limit.State{UnlimitedUntil: a.state.UnlimitedUntil}}
	if a.promoEnds {
		a.state.UnlimitedUntil = time.Time{}
	}
	return seen, a.settingsErr
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const chat = `{"model":"gpt-4o","messages":[{"role":"user","content":"a secret of the user"}]}`

// serve sends a chat request through a gateway with a ledger and a transport of the test.
func serve(t *testing.T, a *account, transport roundTrip) (answer *httptest.ResponseRecorder, log string) {
	t.Helper()
	return serveFor(t, `{"name":"test","requestLimit":10}`, a, transport)
}

// serveFor is serve for a project with settings of the test.
func serveFor(t *testing.T, document string, a *account, transport roundTrip) (answer *httptest.ResponseRecorder, log string) {
	t.Helper()
	return serveBody(t, document, chat, a, transport)
}

// serveBody is serveFor with a request's body and headers, in pairs, of the test.
func serveBody(t *testing.T, document, body string, a *account, transport roundTrip, headers ...string) (answer *httptest.ResponseRecorder, log string) {
	t.Helper()
	settings, err := project.ParseSettings([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := project.NewSnapshot(project.Record{Key: "pk_0123456789012345678901", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	g := New(Options{Projects: oneProject{snapshot}, Ledger: a, Transport: transport, Log: slog.New(slog.NewTextHandler(&logged, nil)),
		MaxBody: 1 << 20, UpstreamTimeout: time.Minute, Now: time.Now, Draining: func() bool { return false }, Ending: context.Background()})
	r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("X-Project-Key", snapshot.Key)
	r.Header.Set("X-Identity", "u")
	r.Header.Set("Authorization", "Bearer client-provider-key")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer = httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http looks for
				panic(p)
			}
		}()
		g.ServeHTTP(answer, r)
	}()
	if len(a.state.Holds) != 0 {
		t.Errorf("%d holds are left", len(a.state.Holds))
	}
	return answer, logged.String()
}

func answering(body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// A panic is answered and settled once. Its log line holds nothing of the request's content.
func TestPanicIsSettled(t *testing.T) {
	t.Parallel()
	a := new(account)
	got, log := serve(t, a, func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic("with " + chat)
	})
	if got.Code != 500 || !strings.Contains(got.Body.String(), "internal_error") || len(a.settled) != 1 {
		t.Errorf("status %d, %d settled: %s", got.Code, len(a.settled), got.Body)
	}
	if strings.Contains(log, "secret") || strings.Contains(log, "client-provider-key") {
		t.Errorf("the log quotes the request: %s", log)
	}
}

// While the ledger is unavailable, no request is forwarded.
func TestUnavailableLedgerRefuses(t *testing.T) {
	t.Parallel()
	got, _ := serve(t, &account{reserveErr: ledger.ErrUnavailable}, func(*http.Request) (*http.Response, error) {
		t.Error("the provider was asked")
		return nil, errors.New("no")
	})
	if got.Code != 503 || got.Header().Get("Retry-After") == "" {
		t.Errorf("status %d: %s", got.Code, got.Body)
	}
}

// No byte of an answer is passed on before its reservation is durable.
func TestUncommittedReservationShowsNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		body, fate        string
		settled, released int
	}{
		{`{"id":"the answer"}`, "The request counts", 1, 0},
		{strings.Repeat(`"the answer" `, 1<<17), "Nothing was counted", 0, 1}, // passed on as it comes
	} {
		a := &account{commitErr: ledger.ErrUnavailable}
		got, _ := serve(t, a, answering(tc.body))
		if got.Code != 503 || strings.Contains(got.Body.String(), "the answer") || !strings.Contains(got.Body.String(), tc.fate) {
			t.Errorf("status %d, want 503 and %s: %.200s", got.Code, tc.fate, got.Body)
		}
		if len(a.settled) != tc.settled || a.released != tc.released {
			t.Errorf("settled %d times and released %d, want %d and %d", len(a.settled), a.released, tc.settled, tc.released)
		}
	}
}

// A client that leaves while its reservation waits is no outage.
func TestClientGoneBeforeTheDecision(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*account{
		"Settings":    {settingsErr: context.Canceled},
		"Reservation": {reserveErr: fmt.Errorf("reserve: %w", context.Canceled)},
		"Unavailable": {reserveErr: fmt.Errorf("%w: %w", ledger.ErrUnavailable, context.Canceled)},
	} {
		answer, log := serveFor(t, `{"name":"test","requestLimit":10,"failOpen":true}`, a, answering(answered))
		if answer.Body.Len() != 0 || !strings.Contains(log, "status=499 outcome=client_gone") {
			t.Errorf("%s: answered %q, logged %s; want nothing, and client_gone", name, answer.Body, log)
		}
	}
}

// Mistral refuses stream_options and sends the usage anyway. It is recognised by its host, under any name in a project.
func TestUsageIsAskedForWhereItMayBe(t *testing.T) {
	t.Parallel()
	for model, asked := range map[string]bool{"le-chat/small": false, "mistral-small-latest": false, "own/small": true, "gpt-4o": true} {
		sent := ""
		serveBody(t, `{"name":"test","providers":{"le-chat":{"baseUrl":"https://api.mistral.ai/v1","dialect":"openai"},"own":{"baseUrl":"https://own.example/v1","dialect":"openai"}}}`,
			`{"model":"`+model+`","stream":true,"messages":[]}`, new(account), func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				sent = string(body)
				return nil, errors.Join(err, errors.New("no route"))
			})
		if sent == "" || strings.Contains(sent, "include_usage") != asked {
			t.Errorf("%s: %s was sent, want the wish in it: %v", model, sent, asked)
		}
	}
}

// A failed dial is tried once more, with the whole body. If it fails again, the request is not counted.
func TestConnectionsAreTriedTwice(t *testing.T) {
	t.Parallel()
	a := new(account)
	var bodies []string
	got, _ := serve(t, a, func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	})
	if got.Code != 502 || a.released != 1 || len(a.settled) != 0 {
		t.Errorf("status %d, released %d, settled %d", got.Code, a.released, len(a.settled))
	}
	if len(bodies) != 2 || bodies[0] == "" || bodies[0] != bodies[1] {
		t.Errorf("the bodies of the attempts: %q", bodies)
	}
}

// No spelling of a field hides it from the estimate.
func TestMentions(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"tools":[]}`: true, `{"\u0074ools":[]}`: true, `{"t\u006Fols":[]}`: true, `{"x":"\u00e9"}`: false, `{"x":"\u003ca\u003e \u0026"}`: false,
		`{"x":"\u00`: false, `{}`: false,
	} {
		if got := mentions([]byte(body), `"tools"`); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}
