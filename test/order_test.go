package test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/stack"
)

// draft is a request before it is sent.
type draft struct {
	model, fields, tail string // of the body: fields stand before its own, tail after all
	headers             http.Header
}

// fault is one thing that can be wrong with a request.
type fault struct {
	name   string
	status int
	code   string
	says   string // part of the message, where the code is not one fault's
	spoil  func(*draft)
}

// faults are in the contract's order of checks: size → project → identity → envelope → tier and model → stored prompt →
// limits.
var faults = []fault{
	{"Size", 413, "request_too_large", "", func(d *draft) { d.tail += strings.Repeat(" ", 1<<20) }},
	{"Project", 401, "missing_project_key", "", func(d *draft) { d.headers.Del("X-Project-Key") }},
	{"Identity", 400, "missing_identity", "", func(d *draft) { d.headers.Del("X-Identity") }},
	{"Disabled", 403, "identity_disabled", "", func(d *draft) {
		if d.headers.Get("X-Identity") == "u" {
			d.headers.Set("X-Identity", "disabled")
		}
	}},
	{"Compressed", 400, "invalid_request", "compressed", func(d *draft) { d.headers.Set("Content-Encoding", "gzip") }},
	{"Body", 400, "invalid_request", "JSON", func(d *draft) { d.tail = "}" + d.tail }},
	{"Tier", 400, "unknown_tier", "", func(d *draft) { d.headers.Set("X-Tier", "made-up") }},
	{"TierName", 400, "invalid_request", "x-tier", func(d *draft) { d.headers.Set("X-Tier", strings.Repeat("x", 65)) }},
	{"Model", 403, "model_not_allowed", "", func(d *draft) { d.model += "-other" }},
	{"Prompt", 400, "unknown_system_prompt", "", func(d *draft) { d.fields += `"systemPrompt":"none",` }},
	{"Limit", 429, "limit_exceeded", "", func(d *draft) {
		if d.headers.Get("X-Identity") == "u" {
			d.headers.Set("X-Identity", "spent")
		}
	}},
}

// Of two faults the one that is checked first is told, in every dialect, and nothing is counted or sent.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Env: map[string]string{"MAX_BODY_MB": "1"},
		Settings: `{"allowedModels":["gpt-4o","claude-sonnet-4-5","gemini-2.0-flash"],"unknownTier":"reject","tiers":{"pro":{}}}`})
	change(t, s, "spent", func(a *ledger.Account) {
		a.Settings = &ledger.Settings{Level: limit.Level{Caps: limit.Caps{limit.Requests: ptr(0)}}}
	})
	change(t, s, "disabled", func(a *ledger.Account) { a.Settings = &ledger.Settings{Disabled: true} })
	for i, first := range faults {
		for _, second := range faults[i:] {
			for at, d := range dialects {
				ask := draft{model: d.model, headers: d.request(s, "u", false).Header}
				first.spoil(&ask)
				if second.name != first.name {
					second.spoil(&ask)
				}
				if first.name == "Tier" && second.name == "TierName" {
					continue // one header
				}
				body := "{" + ask.fields + d.body(ask.model, false)[1:] + ask.tail
				r := s.Request(http.MethodPost, d.path(ask.model, false), "", body)
				r.Header = ask.headers
				a := s.Do(r)
				if a.Status != first.status {
					t.Errorf("%s, %s and %s: status %d, want %d: %.300s", d.name, first.name, second.name, a.Status, first.status, a.Body)
					continue
				}
				wantErrorShape(t, a, at, first.status, first.code)
				if !strings.Contains(a.Body, first.says) {
					t.Errorf("%s, %s and %s: %s, want what says %s", d.name, first.name, second.name, a.Body, first.says)
				}
			}
		}
	}
	if n := s.Seen.Total(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
	wantCharge(t, s, "u", 0, 0)
	wantCharge(t, s, "spent", 0, 0)
}

// A disabled identity is told so before anything of its request is looked at, and after its project.
func TestOrderOfChecks_DisabledIdentity(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"unknownTier":"reject"}`})
	change(t, s, "off", func(a *ledger.Account) { a.Settings = &ledger.Settings{Disabled: true} })
	for at, d := range dialects {
		for name, value := range map[string]string{"Content-Encoding": "gzip", "Content-Type": "a/b;;", "X-Tier": "made-up", "X-Provider": "nobody", "X-Baz": "nothing else is wrong"} {
			wantErrorShape(t, s.Do(d.request(s, "off", false, name, value)), at, 403, "identity_disabled")
		}
		r := d.request(s, "off", false)
		r.Header.Set("X-Project-Key", "pk_other56789012345678901")
		wantErrorShape(t, s.Do(r), at, 401, "invalid_project_key")
	}
}
