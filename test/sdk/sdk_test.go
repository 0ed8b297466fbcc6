// Package sdk runs the vendors' own SDKs against the whole server, as apps use it.
//
// Each call is made twice: to the echo provider itself, and through the server. What the SDK
// decodes must be the same, and what GET /v1/usage then shows must be what the provider billed,
// at the price book's price.
package sdk

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/test/stack"
)

// The SDKs read keys and base URLs from the environment: a developer's own must not get in.
func TestMain(m *testing.M) {
	for _, prefix := range []string{"OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_"} {
		for _, entry := range os.Environ() {
			if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	os.Exit(m.Run())
}

// The keys that clients have of the vendors, in the vendors' own shapes.
const (
	openAIKey    = "sk-proj-client0123456789client0123456789"
	anthropicKey = "sk-ant-api03-client0123456789client0123456789"
	geminiKey    = "AIzaClient0123456789Client0123456789abc"
)

// clients are the three SDKs of one end user, with their retries as they come.
type clients struct {
	openai    openai.Client
	anthropic anthropic.Client
	gemini    *genai.Client
	seen      *tally

	// OpenAI's SDK with the key of another vendor, whose models it calls.
	forClaude, forGemini openai.Client
}

// config is what an app tells its SDKs.
type config struct {
	url                       string
	openAI, anthropic, gemini string // keys
	headers                   http.Header
}

// connect makes the SDKs.
func connect(t testing.TB, c config) clients {
	t.Helper()
	seen := new(tally)
	hc := &http.Client{Transport: seen}
	o := []option.RequestOption{option.WithBaseURL(c.url + "/v1"), option.WithAPIKey(c.openAI), option.WithHTTPClient(hc)}
	a := []anthropicoption.RequestOption{anthropicoption.WithBaseURL(c.url), anthropicoption.WithAPIKey(c.anthropic), anthropicoption.WithHTTPClient(hc)}
	for name := range c.headers {
		o = append(o, option.WithHeader(name, c.headers.Get(name)))
		a = append(a, anthropicoption.WithHeader(name, c.headers.Get(name)))
	}
	g, err := genai.NewClient(t.Context(), &genai.ClientConfig{Backend: genai.BackendGeminiAPI, APIKey: c.gemini, HTTPClient: hc,
		HTTPOptions: genai.HTTPOptions{BaseURL: c.url, Headers: c.headers}})
	if err != nil {
		t.Fatal(err)
	}
	with := func(key string) openai.Client {
		return openai.NewClient(append(slices.Clone(o), option.WithAPIKey(key))...)
	}
	return clients{openai.NewClient(o...), anthropic.NewClient(a...), g, seen, with(c.anthropic), with(c.gemini)}
}

// own connects an end user whose SDKs have the project key alone.
func own(t testing.TB, s *stack.Stack, identity string, headers ...string) clients {
	t.Helper()
	h := http.Header{"X-Identity": {identity}}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return connect(t, config{url: s.URL, openAI: s.ProjectKey, anthropic: s.ProjectKey, gemini: s.ProjectKey, headers: h})
}

// bringing connects an end user whose SDKs have the vendors' keys, with the project's beside it.
func bringing(t testing.TB, s *stack.Stack, identity string) clients {
	t.Helper()
	return connect(t, config{url: s.URL, openAI: openAIKey, anthropic: anthropicKey, gemini: geminiKey,
		headers: http.Header{"X-Identity": {identity}, "X-Project-Key": {s.ProjectKey}}})
}

// direct connects to an echo provider of its own, without a server in between.
func direct(t testing.TB, opts echo.Options) clients {
	t.Helper()
	p := echo.New(opts)
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	t.Cleanup(p.Close)
	return connect(t, config{url: srv.URL, openAI: openAIKey, anthropic: anthropicKey, gemini: geminiKey})
}

// tally is a transport that keeps the statuses of what came back, 0 for no answer, and the last
// answer's header.
type tally struct {
	mu       sync.Mutex
	statuses []int
	last     http.Header
}

// RoundTrip implements http.RoundTripper.
func (t *tally) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	status := 0
	if err == nil {
		status, t.last = resp.StatusCode, resp.Header.Clone()
	}
	t.statuses = append(t.statuses, status)
	return resp, err
}

func (t *tally) header() http.Header {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// take returns the statuses since the last take.
func (t *tally) take() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.statuses
	t.statuses = nil
	return all
}

// call is one use of an SDK.
type call struct {
	name  string
	model string      // whose price applies
	usage price.Usage // as the echo provider bills it: a word is a token
	more  price.Usage // of the second request, where it takes two
	free  bool        // not metered at all
	// roughly marks what the vendor gives no figures for: the estimate must lie between the
	// usage and ten times it, and a little.
	roughly bool
	// do returns what the SDK decoded, whole or event by event.
	do func(ctx context.Context, c clients) (string, error)
}

// compare makes calls directly and through the server, and looks at what was counted.
func compare(t *testing.T, opts echo.Options, calls []call) {
	plain := direct(t, opts)
	for name, how := range map[string]struct {
		pass    bool
		connect func(testing.TB, *stack.Stack, string) clients
	}{
		"project key alone":  {false, func(t testing.TB, s *stack.Stack, id string) clients { return own(t, s, id) }},
		"the vendor's key":   {true, bringing},
		"both, a stored key": {false, bringing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := opts
			opts.Before = onlyTheRightKey(t, !how.pass)
			s := stack.New(t, stack.Options{PassThrough: how.pass, Echo: opts})
			for _, call := range calls {
				t.Run(call.name, func(t *testing.T) {
					t.Parallel()
					want, err := call.do(t.Context(), plain)
					if err != nil {
						t.Fatalf("directly: %v", err)
					}
					got, err := call.do(t.Context(), how.connect(t, s, call.name))
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("the SDK got something else than directly (-want +got):\n%s", diff)
					}
					checkUsage(t, s, call)
				})
			}
		})
	}
}

// onlyTheRightKey checks every request that reaches the provider.
func onlyTheRightKey(t *testing.T, stored bool) func(*http.Request) {
	return func(r *http.Request) {
		var keys []string
		for _, v := range []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("X-Api-Key"),
			r.Header.Get("X-Goog-Api-Key"), r.URL.Query().Get("key")} {
			if v != "" {
				keys = append(keys, v)
			}
		}
		want := []string{stack.StoredKey}
		if !stored {
			want = []string{openAIKey, anthropicKey, geminiKey}
		}
		if len(keys) != 1 || !slices.Contains(want, keys[0]) {
			t.Errorf("%s: the provider got the keys %q, want one of %q", r.URL.Path, keys, want)
		}
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), "pk_") || name == "X-Identity" || name == "X-Project-Key" {
				t.Errorf("%s: the provider got our %s: %q", r.URL.Path, name, values)
			}
		}
	}
}

// figures are what GET /v1/usage tells of what was used.
type figures struct {
	Requests int64       `json:"requests"`
	Tokens   int64       `json:"tokens"`
	CostUSD  json.Number `json:"costUsd"`
}

// used asks what an identity has used.
func used(t testing.TB, s *stack.Stack, identity string) figures {
	t.Helper()
	raw, err := json.Marshal(s.Usage(identity)["usage"])
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// micros is the cost in micro-USD.
func (f figures) micros(t testing.TB) int64 {
	t.Helper()
	usd, err := f.CostUSD.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return int64(usd*1e6 + 0.5)
}

// cost is the price book's price of usage, in micro-USD.
func cost(model string, u price.Usage) int64 {
	p, ok := price.Lookup(model)
	if !ok {
		p, _ = price.Lookup(limit.BaseModel(model))
	}
	return p.Cost(u)
}

// checkUsage compares what was counted for a call with what it cost at the provider.
func checkUsage(t *testing.T, s *stack.Stack, c call) {
	t.Helper()
	got := used(t, s, c.name)
	if c.free {
		if got.Requests != 0 || got.Tokens != 0 || got.micros(t) != 0 {
			t.Errorf("got usage %+v, want none", got)
		}
		return
	}
	requests, tokens, micros := int64(1), c.usage.Tokens(), cost(c.model, c.usage)
	if c.more != (price.Usage{}) {
		requests, tokens, micros = 2, tokens+c.more.Tokens(), micros+cost(c.model, c.more)
	}
	if c.roughly {
		if got.Requests != 1 || got.Tokens < tokens || got.Tokens > 10*tokens+10 || got.micros(t) < micros || got.micros(t) > 10*micros+10 {
			t.Errorf("got usage %+v, want 1 request, %d to %d tokens, %d to %d micro-USD", got, tokens, 10*tokens+10, micros, 10*micros+10)
		}
		return
	}
	if got.Requests != requests || got.Tokens != tokens || got.micros(t) != micros {
		t.Errorf("got usage %+v, want %d requests, %d tokens, %d micro-USD", got, requests, tokens, micros)
	}
}

// events reads a stream to its end, as the SDKs of OpenAI and Anthropic give it.
func events[T interface{ RawJSON() string }](s interface {
	Next() bool
	Current() T
	Err() error
}) (string, error) {
	var all []string
	for s.Next() {
		all = append(all, s.Current().RawJSON())
	}
	return strings.Join(all, "\n"), s.Err()
}

// raw returns an answer as the SDK decoded it.
func raw[T interface{ RawJSON() string }](v T, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return v.RawJSON(), nil
}
