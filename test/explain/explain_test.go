// Package explain tests that the control plane says what the gateway does: limits/explain and limit-response/preview against
// the next request.
package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/api"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/postgres"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }

// world is a gateway and a control plane over one ledger, with one project that the test replaces.
type world struct {
	t        *testing.T
	gateway  http.Handler
	probe    http.Handler // decides nothing, and notes what a request asks for
	asked    *limit.Ask
	api      http.Handler
	ledger   ledger.Ledger
	secret   string
	secretID string
	hash     [32]byte

	mu  sync.Mutex
	now time.Time
	at  *project.Snapshot
}

func newWorld(t *testing.T) *world {
	t.Helper()
	location := filepath.Join(t.TempDir(), "explain.db")
	if pgtest.Chosen() {
		location = stack.Database(t)
	}
	db, err := store.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	w.secret, w.secretID, w.hash = secret.NewSecretKey()
	w.ledger = openLedger(t, db)
	keys, err := secret.NewKeyring(bytes.Repeat([]byte{7}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	options := gateway.Options{Projects: w, Ledger: written{w.ledger}, Transport: w, Log: log, MaxBody: 1 << 20, UpstreamTimeout: time.Minute,
		Now: w.clock, Draining: func() bool { return false }, Ending: t.Context()}
	w.gateway = gateway.New(options)
	options.Ledger = prober{w.ledger, w}
	w.probe = gateway.New(options)
	w.api = api.New(api.Options{Ledger: w.ledger, Projects: w, Secrets: w, Accounts: store.New(db, keys), Now: w.clock, Log: log})
	return w
}

func openLedger(t *testing.T, db *store.DB) ledger.Ledger {
	t.Helper()
	if db.Pool != nil {
		l, err := postgres.Open(context.Background(), db.Pool, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	l, err := sqlite.Open(context.Background(), db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Project and ProjectBySecretID are the catalog.
func (w *world) Project(context.Context, string) (*project.Snapshot, error) { return w.at, nil }

func (w *world) ProjectBySecretID(context.Context, string) (project.Record, error) {
	return project.Record{Key: w.at.Key, SecretID: w.secretID, SecretHash: w.hash}, nil
}

// RoundTrip is the provider.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}`
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", "application/json")
	_, _ = rec.WriteString(body)
	res := rec.Result()
	res.Request = r
	return res, nil
}

// written is a ledger that has written a settlement when Settle returns, so that nothing changes between a question and the
// next request.
type written struct{ ledger.Ledger }

func (l written) Settle(ctx context.Context, res *ledger.Reservation, actual ledger.Actual) error {
	if err := l.Ledger.Settle(ctx, res, actual); err != nil {
		return err
	}
	return res.Durable(ctx)
}

// prober is a ledger that notes what is asked for, and reserves nothing.
type prober struct {
	ledger.Ledger
	w *world
}

func (p prober) Reserve(_ context.Context, req ledger.Request) (*ledger.Reservation, error) {
	p.w.asked = &req.Ask
	d := limit.Decision{Refusal: limit.OverConcurrency, Lasting: true}
	d.Burst.Max = limit.Unlimited
	return &ledger.Reservation{Key: req.Key, Rules: req.Rules, Decision: d}, nil
}

// set puts settings in force, for the project of a key.
func (w *world) set(key, settings string) {
	w.t.Helper()
	s, err := project.ParseSettings([]byte(settings))
	if err != nil {
		w.t.Fatalf("%s: %v", settings, err)
	}
	asIs := func(_, key string) (string, error) { return key, nil }
	rec, err := project.Record{Key: key}.With(s, asIs)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.at, err = project.NewSnapshot(rec, asIs); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) chat(to http.Handler, identity, tier, model string) *httptest.ResponseRecorder {
	body := fmt.Sprintf(`{"model":%q,"max_tokens":5,"messages":[{"role":"user","content":"Hello there"}]}`, model)
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Project-Key", w.at.Key)
	r.Header.Set("X-Identity", identity)
	if tier != "" {
		r.Header.Set("X-Tier", tier)
	}
	rec := httptest.NewRecorder()
	to.ServeHTTP(rec, r)
	return rec
}

func (w *world) control(method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/api/projects/"+w.at.Key+path, bytes.NewReader(text))
	r.Header.Set("Authorization", "Bearer "+w.secret)
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return rec
}

func (w *world) account(identity string) ledger.Account {
	w.t.Helper()
	a, err := w.ledger.Account(w.t.Context(), ledger.Key{Project: w.at.Key, Identity: identity}, w.at.Period, w.clock())
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

var models = []string{"gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "openai/gpt-4o", "claude-sonnet-4-0", "my-model", "nobody-knows", "assistant"}

// The answer of limits/explain is what the next request gets, and the question changes nothing.
func TestAnExplanationIsWhatTheNextRequestGets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rounds := 300
	if os.Getenv("LONG") != "" {
		rounds = 10_000
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	got := map[string]int{}
	for round := range rounds {
		settings := someSettings(rng)
		w.set(secret.NewProjectKey(), settings)
		w.history(rng)
		code := w.compare(rng, settings)
		if got[code]++; t.Failed() {
			t.Fatalf("round %d of seed %d with %s", round, seed, settings)
		}
	}
	for _, code := range []string{"", "limit_exceeded", "burst_exceeded", "concurrency_exceeded", "model_not_allowed", "unknown_model", "unknown_tier",
		"unpriced_model", "identity_disabled", "unknown_system_prompt"} {
		if got[code] == 0 {
			t.Errorf("in %d rounds no request got %q: %v", rounds, code, got)
		}
	}
}

// compare asks what a request would get, makes it, and returns its code.
func (w *world) compare(rng *rand.Rand, settings string) string {
	w.t.Helper()
	const identity = "user-1"
	tier, model := pick(rng, "", "free", "pro", "invented"), pick(rng, models...)
	question := map[string]any{"identity": identity, "model": model, "tier": tier}
	if tier == "" {
		question["tier"] = nil
	}
	if rng.IntN(3) == 0 { // ask first with the settings as a draft
		real := w.at
		whole := w.whole()
		w.set(real.Key, `{"requestLimit": 7, "tiers": {"free": {"tokenLimit": 3}}, "defaultTier": "free"}`)
		question["settings"] = patch(w.whole(), whole)
		question["estimate"] = w.estimate(real, identity, tier, model)
		return w.judge(question, real, identity, tier, model)
	}
	question["estimate"] = w.estimate(w.at, identity, tier, model)
	return w.judge(question, w.at, identity, tier, model)
}

// whole is the settings in force, as a document with every field.
func (w *world) whole() map[string]any {
	text, err := json.Marshal(w.at.Settings())
	var all map[string]any
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// patch is the merge patch that changes one document into another.
func patch(from, to map[string]any) map[string]any {
	changes := map[string]any{}
	for name, v := range to {
		before, _ := from[name].(map[string]any)
		after, isObject := v.(map[string]any)
		switch {
		case isObject && before != nil:
			changes[name] = patch(before, after)
		case !reflect.DeepEqual(from[name], v):
			changes[name] = v
		}
	}
	for name := range from {
		if _, kept := to[name]; !kept {
			changes[name] = nil
		}
	}
	return changes
}

// estimate is what a request needs at least, as the gateway itself computes it.
func (w *world) estimate(at *project.Snapshot, identity, tier, model string) map[string]any {
	asking := w.at
	defer func() { w.at = asking }()
	w.at, w.asked = at, nil
	w.chat(w.probe, identity, tier, model)
	if w.asked == nil || !at.Strict {
		return map[string]any{"tokens": 20, "costUsd": 0.0001}
	}
	return map[string]any{"tokens": max(1, w.asked.Minimum[limit.Tokens]), "costUsd": ledger.Figure(limit.Cost, w.asked.Minimum[limit.Cost])}
}

func (w *world) judge(question map[string]any, at *project.Snapshot, identity, tier, model string) string {
	w.t.Helper()
	asking := w.at
	w.at = at
	before := w.account(identity)
	w.at = asking
	a := w.control(http.MethodPost, "/limits/explain", question)
	w.at = at
	if after := w.account(identity); !reflect.DeepEqual(before, after) {
		w.t.Errorf("the question changed the account:\nbefore %+v\nafter  %+v", before, after)
	}
	var said struct {
		Decision string
		Code     *string
		Status   *int
		Message  *string
		Limits   []struct {
			Metric           string
			Limit, Remaining *json.Number
			Chain            []struct {
				Path  string
				Value *json.Number
			}
		}
	}
	if err := json.Unmarshal(a.Body.Bytes(), &said); err != nil || a.Code != http.StatusOK {
		w.t.Fatalf("explain %v: status %d: %s", question, a.Code, a.Body)
	}
	answer := w.chat(w.gateway, identity, tier, model)
	code, message := errorOf(w.t, answer)
	status, decision := http.StatusOK, "admitted"
	if said.Status != nil {
		status = *said.Status
	}
	if code != "" {
		decision = "refused"
	}
	if said.Decision != decision || text(said.Code) != code || text(said.Message) != message || status != answer.Code {
		w.t.Errorf("%v\nexplained: %s\nthe request got: %d %s", question, a.Body, answer.Code, answer.Body)
	}
	for _, l := range said.Limits {
		first := ""
		for _, link := range l.Chain {
			if first == "" && link.Value != nil {
				first = link.Value.String()
			}
		}
		if l.Limit != nil && l.Limit.String() != first || l.Limit == nil && first != "" && first != "-1" {
			w.t.Errorf("limit of %s %v, want the first value of its chain, %q: %s", l.Metric, l.Limit, first, a.Body)
		}
	}
	return code
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// errorOf returns the code and the message of an answer in OpenAI's dialect, or "".
func errorOf(t *testing.T, rec *httptest.ResponseRecorder) (code, message string) {
	t.Helper()
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		t.Fatalf("answer is not JSON: %v: %s", err, rec.Body)
	}
	return body.Error.Code, body.Error.Message
}

// history makes the identity's past: settings, gifts, requests, and requests that still run.
func (w *world) history(rng *rand.Rand) {
	w.t.Helper()
	const path = "/identities/user-1"
	must := func(rec *httptest.ResponseRecorder) {
		w.t.Helper()
		if rec.Code >= 300 {
			w.t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
	}
	for range rng.IntN(6) {
		switch rng.IntN(9) {
		case 0:
			must(w.control(http.MethodPut, path, w.identitySettings(rng)))
		case 1:
			must(w.control(http.MethodPost, path+"/gift", map[string]any{pick(rng, "requests", "tokens"): 1 + rng.IntN(30)}))
		case 2:
			must(w.control(http.MethodPost, path+"/promo", map[string]any{"unlimitedUntil": pick(rng, "2020-01-01", "2030-01-01")}))
		case 3:
			w.run(rng)
		case 4:
			w.mu.Lock()
			w.now = w.now.Add(time.Duration(rng.IntN(40)) * time.Second)
			w.mu.Unlock()
		default:
			w.chat(w.gateway, "user-1", pick(rng, "", "free", "pro"), pick(rng, models...))
		}
	}
}

func (w *world) identitySettings(rng *rand.Rand) map[string]any {
	s := map[string]any{}
	for field, values := range map[string][]any{
		"requestLimit": {0, 1, 3, -1}, "tokenLimit": {10, 100, 1000}, "requestsPerMinute": {1, 2}, "enabled": {false, true, true},
		"modelLimits": {map[string]any{"gpt-4o": map[string]any{"requestLimit": 1}}},
	} {
		if rng.IntN(4) == 0 {
			s[field] = values[rng.IntN(len(values))]
		}
	}
	if len(w.at.Tiers) > 0 && rng.IntN(3) == 0 {
		s["tier"] = "pro"
	}
	return s
}

// run holds an amount, as a request that has not ended.
func (w *world) run(rng *rand.Rand) {
	w.t.Helper()
	account := w.account("user-1")
	rules := limit.Resolve(limit.Levels{Project: w.at.Level}, pick(rng, "gpt-4o", "gpt-4o-mini"), w.at.Period, false)
	_, err := w.ledger.Reserve(w.t.Context(), ledger.Request{Key: account.Key, Settings: w.settings(), Rules: &rules, Now: w.clock(),
		Ask: limit.Ask{Estimate: limit.Amounts{1, 15, 100}}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// settings are those of the identity, as the ledger keeps them.
func (w *world) settings() *ledger.Settings {
	s, _, err := w.ledger.Settings(w.t.Context(), ledger.Key{Project: w.at.Key, Identity: "user-1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func pick(rng *rand.Rand, from ...string) string { return from[rng.IntN(len(from))] }

func someSettings(rng *rand.Rand) string {
	level := func() map[string]any {
		l := map[string]any{}
		for field, values := range map[string][]any{
			"requestLimit": {0, 1, 2, 5, -1}, "tokenLimit": {12, 30, 60, 200, -1}, "costLimitUsd": {0, 0.0001, 0.001, 5, -1},
			"requestsPerMinute": {0, 1, 2, 60}, "concurrentRequests": {0, 1, 2, -1},
		} {
			if rng.IntN(4) == 0 {
				l[field] = values[rng.IntN(len(values))]
			}
		}
		if rng.IntN(2) == 0 {
			limits := map[string]any{}
			for _, key := range []string{"gpt-4o", "gpt-*", "*", "GPT-4o-mini"} {
				if rng.IntN(3) == 0 {
					limits[key] = map[string]any{pick(rng, "requestLimit", "tokenLimit"): []int{0, 1, 15, 40}[rng.IntN(4)]}
				}
			}
			l["modelLimits"] = limits
		}
		return l
	}
	s := level()
	if rng.IntN(2) == 0 {
		s["tiers"] = map[string]any{"free": level(), "pro": level()}
		if rng.IntN(2) == 0 {
			s["defaultTier"] = "free"
		}
	}
	for field, values := range map[string][]any{
		"enforcement": {"soft", "strict"}, "trustTierHeader": {true, false}, "unknownTier": {"default", "project", "reject"},
		"limitPeriod": {"hourly", "daily", "weekly", "monthly"}, "refusalStatus": {402, 429},
		"defaultPrompt": {nil, nil, nil, nil, "missing"},
		"allowedModels": {[]string{"gpt-4o", "my-model"}, []string{"gpt-*"}},
		"aliases": {map[string]any{"assistant": map[string]any{"fallbacks": []string{"claude-sonnet-4-0"},
			"variants": []any{map[string]any{"model": "gpt-4o-mini", "weight": 70}, map[string]any{"model": "openai/gpt-4o", "weight": 30}}}}},
		"limitResponse": {map[string]any{"message": "{{usage}} of {{limit}} {{limitType}}, {{remaining}} left in {{tier}} for {{model}} until {{resetsAt}}"}},
	} {
		if rng.IntN(3) == 0 {
			s[field] = values[rng.IntN(len(values))]
		}
	}
	providers := map[string]any{"openai": map[string]any{"key": "sk-0123456789abcdef"}, "anthropic": map[string]any{"key": "sk-ant-0123456789abcdef"}}
	if rng.IntN(4) > 0 {
		providers["own"] = map[string]any{"baseUrl": "https://own.example/v1", "dialect": "openai", "models": []string{"my-*"}, "key": "own-0123456789abcdef"}
	}
	s["providers"] = providers
	doc, _ := json.Marshal(s)
	return string(doc)
}
