package sdk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3/option"
	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/test/stack"
)

// Vendors bill cached input and hidden reasoning, each in its own words: OpenAI and Gemini count
// cached tokens inside the input, Anthropic beside it; Gemini counts thoughts beside the output.
func TestCacheAndReasoningAreCountedAsBilled(t *testing.T) {
	t.Parallel()
	// Of OpenAI's and Gemini's the cache's writing is not billed, of Anthropic's the reasoning not told.
	openAI := price.Usage{Input: 1004, CachedInput: 1000, Output: 503, Reasoning: 500}
	claude := price.Usage{Input: 1304, CachedInput: 1000, CacheWrite: 300, Output: 503}
	compare(t, echo.Options{Extra: echo.Extra{Cached: 1000, CacheWrite: 300, Reasoning: 500}}, []call{
		{name: "chat", model: "gpt-5", usage: openAI, do: chat(chatParams("gpt-5", "hello there"))},
		{name: "chat stream", model: "gpt-5", usage: openAI, do: chatStream(chatParams("gpt-5", "hello there"))},
		{name: "response", model: "gpt-4o", usage: openAI, do: respond(responseParams("hello there"))},
		{name: "response stream", model: "gpt-4o", usage: openAI, do: respondStream(responseParams("hello there"))},
		{name: "chat stream with Gemini", model: flash, usage: openAI, do: chatStream(chatParams(flash, "hello there"))},
		{name: "message", model: sonnet, usage: claude, do: message(messageParams("hello there", 1000))},
		{name: "message stream", model: sonnet, usage: claude, do: messageStream(messageParams("hello there", 1000))},
		{name: "generate", model: flash, usage: openAI, do: generate("hello there", geminiConfig())},
		{name: "generate stream", model: flash, usage: openAI, do: generateStream("hello there", geminiConfig())},
	})
}

// The price book is trusted above; here a price list is read by hand.
func TestCostIsThePriceLists(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	c := own(t, s, "user")
	// gpt-4o: 4 × $2.50 + 3 × $10 a million. Claude Sonnet 4.5: 4 × $3 + 3 × $15. Gemini 2.5 Flash: 4 × $0.30 + 3 × $2.50, rounded up.
	for vendor, micros := range map[string]int64{"openai": 40, "anthropic": 57, "gemini": 9} {
		before := used(t, s, "user").micros(t)
		if _, err := vendors[vendor](t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got := used(t, s, "user").micros(t) - before; got != micros {
			t.Errorf("%s: got %d micro-USD, want %d", vendor, got, micros)
		}
	}
}

// NAME/MODEL goes to the provider NAME as MODEL, and is answered, limited and priced as MODEL.
func TestProviderBeforeTheModel(t *testing.T) {
	t.Parallel()
	plain := direct(t, echo.Options{})
	s := stack.New(t, stack.Options{Settings: `{"modelLimits": {"gpt-4o": {"requestLimit": 1}, "claude-sonnet-4-5": {"requestLimit": 1}, "gemini-2.5-flash": {"requestLimit": 1}}}`})
	for _, tc := range []struct {
		name         string
		named, plain func(context.Context, clients) (string, error)
		micros       int64
	}{
		{"openai", chat(chatParams("openai/gpt-4o", "hello there")), vendors["openai"], 40},
		{"openai stream", chatStream(chatParams("openai/gpt-4o", "hello there")), streamed["openai"], 40},
		{"openai with Claude", chat(chatParams("anthropic/"+sonnet, "hello there")), chat(chatParams(sonnet, "hello there")), 57},
		{"anthropic", messageOf("anthropic/" + sonnet), vendors["anthropic"], 57},
		// In a path the slash is the path's own unless it is escaped.
		{"gemini", generateOf("google%2F" + flash), generateOf(flash), 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want, err := tc.plain(t.Context(), plain)
			if err != nil {
				t.Fatal(err)
			}
			c := own(t, s, tc.name)
			got, err := tc.named(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if u := used(t, s, tc.name); u.micros(t) != tc.micros {
				t.Errorf("got usage %+v, want %d micro-USD", u, tc.micros)
			}
			if _, err := tc.named(t.Context(), c); refused(t, err).Limit.Scope != "model" {
				t.Errorf("got %v, want the model's limit", err)
			}
		})
	}
}

// The SDKs list the models that the project allows.
func TestModelsAreListed(t *testing.T) {
	t.Parallel()
	want := []string{"claude-sonnet-4-5", "gemini-2.5-flash", "gpt-4o"}
	s := stack.New(t, stack.Options{Settings: `{"allowedModels": ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"]}`})
	c := own(t, s, "user")
	for name, list := range map[string]func() ([]string, error){
		"openai": func() (ids []string, err error) {
			pager := c.openai.Models.ListAutoPaging(t.Context())
			for pager.Next() {
				ids = append(ids, pager.Current().ID)
			}
			return ids, pager.Err()
		},
		"anthropic": func() (ids []string, err error) {
			pager := c.anthropic.Models.ListAutoPaging(t.Context(), anthropic.ModelListParams{})
			for pager.Next() {
				ids = append(ids, pager.Current().ID)
			}
			return ids, pager.Err()
		},
	} {
		got, err := list()
		if base := withoutSnapshots(got); err != nil || !slices.Equal(base, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	var got []string
	for m, err := range c.gemini.Models.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Name)
	}
	if want := []string{"models/gemini-2.5-flash"}; !slices.Equal(got, want) {
		t.Errorf("gemini: got %v, want %v", got, want)
	}
	if u := used(t, s, "user"); u.Requests != 0 || s.Seen.Total() != 0 {
		t.Errorf("got usage %+v and %d requests at the provider, want none", u, s.Seen.Total())
	}
}

// The SDKs read one model, and a list page by page.
func TestModelsAreReadOneByOneAndByPage(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"allowedModels": ["gpt-4o", "claude-*", "gemini-2*"]}`})
	c := own(t, s, "user")
	if m, err := c.openai.Models.Get(t.Context(), "gpt-4o"); err != nil || m.ID != "gpt-4o" || m.OwnedBy != "openai" {
		t.Errorf("openai: got %+v, %v", m, err)
	}
	if m, err := c.anthropic.Models.Get(t.Context(), sonnet, anthropic.ModelGetParams{}); err != nil || m.ID != sonnet || m.DisplayName == "" || m.CreatedAt.Year() != 1970 {
		t.Errorf("anthropic: got %+v, %v", m, err)
	}
	if m, err := c.gemini.Models.Get(t.Context(), flash, nil); err != nil || m.Name != "models/"+flash || !slices.Contains(m.SupportedActions, "generateContent") {
		t.Errorf("gemini: got %+v, %v", m, err)
	}
	_, err := c.openai.Models.Get(t.Context(), "o3")
	if r := refused(t, err); r.Status != 403 || r.Code != "model_not_allowed" {
		t.Errorf("openai: got %+v, want 403 model_not_allowed", r)
	}
	var claudes []string
	pager := c.anthropic.Models.ListAutoPaging(t.Context(), anthropic.ModelListParams{Limit: anthropic.Int(2)})
	for pager.Next() {
		claudes = append(claudes, pager.Current().ID)
	}
	whole, listErr := c.anthropic.Models.List(t.Context(), anthropic.ModelListParams{})
	if err := errors.Join(pager.Err(), listErr); err != nil || len(claudes) < 3 || len(claudes) != len(whole.Data) || !slices.IsSorted(claudes) {
		t.Errorf("anthropic by pages of two: got %v, %v; want the %d of one page", claudes, err, len(whole.Data))
	}
	first, err := c.gemini.Models.List(t.Context(), &genai.ListModelsConfig{PageSize: 2})
	if err != nil || len(first.Items) != 2 {
		t.Fatalf("gemini: got %+v, %v, want a page of two", first, err)
	}
	second, err := first.Next(t.Context())
	if err != nil || len(second.Items) == 0 || second.Items[0].Name <= first.Items[1].Name {
		t.Errorf("gemini: got %+v, %v, want what follows the first page", second, err)
	}
}

// withoutSnapshots leaves out the dated names, which an allowed model's name covers.
func withoutSnapshots(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return strings.Contains(id, "-20") })
}

// A limit's headers are on every answer, where an app can read them.
func TestLimitHeadersAreOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 5, "tokenLimit": 1000}`})
	for vendor, do := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			c := own(t, s, vendor)
			if _, err := do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			h := c.seen.header()
			want := map[string]string{"X-Ratelimit-Limit-Requests": "5", "X-Ratelimit-Remaining-Requests": "4",
				"X-Ratelimit-Limit-Tokens": "1000", "X-Ratelimit-Remaining-Tokens": "993"}
			for name, value := range want {
				if got := h.Get(name); got != value {
					t.Errorf("%s: got %q, want %q", name, got, value)
				}
			}
			if !strings.Contains(h.Get("RateLimit"), `"requests-daily";r=4;t=`) || !strings.HasPrefix(h.Get("X-Request-Id"), "req_") {
				t.Errorf("got RateLimit %q and X-Request-Id %q", h.Get("RateLimit"), h.Get("X-Request-Id"))
			}
			for _, name := range []string{"Set-Cookie", "Openai-Organization", "Anthropic-Organization-Id"} {
				if h.Get(name) != "" {
					t.Errorf("%s came through", name)
				}
			}
		})
	}
}

// The SDKs let an app name its user by request too, as a server does that serves many.
func TestIdentityByRequest(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	c := own(t, s, "the server itself")
	for _, user := range []string{"ada", "ben", "ada"} {
		if _, err := c.openai.Chat.Completions.New(t.Context(), chatParams("gpt-4o", "hello there"), option.WithHeader("x-identity", user)); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string]int64{"ada": 2, "ben": 1, "the server itself": 0} {
		if got := used(t, s, user).Requests; got != want {
			t.Errorf("%s: got %d requests, want %d", user, got, want)
		}
	}
}
