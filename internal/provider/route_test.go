package provider

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// snapshot prepares a project whose keys are sealed by a prefix.
func snapshot(t testing.TB, doc string) *project.Snapshot {
	t.Helper()
	s, err := project.ParseSettings([]byte(doc))
	if err != nil {
		t.Fatalf("ParseSettings: %v", err)
	}
	r, err := project.Record{Key: "pk_0123456789abcdefghij"}.With(s, func(_, key string) (string, error) { return "sealed:" + key, nil })
	if err != nil {
		t.Fatalf("With: %v", err)
	}
	snap, err := project.NewSnapshot(r, func(_, sealed string) (string, error) {
		key := strings.TrimPrefix(sealed, "sealed:")
		if strings.HasPrefix(key, "unopenable") {
			return "", errors.New("cannot be opened")
		}
		return key, nil
	})
	if err != nil {
		t.Fatalf("NewSnapshot: %v", err)
	}
	return snap
}

func endpoint(t testing.TB, method, path string) wire.Endpoint {
	t.Helper()
	ep, err := wire.Match(method, path)
	if err != nil {
		t.Fatalf("Match(%s %s): %v", method, path, err)
	}
	return ep
}

// urlOf is where a target is, "" for none.
func urlOf(t Target) string {
	if t.Provider == nil {
		return ""
	}
	return t.Provider.BaseURL + t.Path
}

func chat(t testing.TB) wire.Endpoint {
	t.Helper()
	return endpoint(t, http.MethodPost, "/v1/chat/completions")
}

// refusal checks the status, the code and the message of a refusal.
func refusal(t *testing.T, err error, status int, code, says string) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || !strings.Contains(e.Message, says) {
		t.Errorf("error %v; want %d %s that says %q", err, status, code, says)
	}
}

const several = `{"providers": {
	"openai": {"key": "sk-proj-0123456789abcdef"},
	"groq": {"baseUrl": "https://api.groq.com/openai/v1", "dialect": "openai", "models": ["llama-*", "gpt-oss-*"]},
	"openrouter": {"baseUrl": "https://openrouter.ai/api/v1", "dialect": "openai", "models": ["meta-llama/*", "deepseek/*"]},
	"gpt-proxy": {"baseUrl": "https://gpt.example/v1", "dialect": "openai"},
	"everything": {"baseUrl": "https://all.example/v1", "dialect": "openai", "models": ["all*"]}}}`

func TestRouteFindsTheModelsProvider(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		model, header string
		provider      string
		sent          string
	}{
		"built in":                                    {"gpt-4o", "", "openai", "gpt-4o"},
		"built in, other letter case":                 {"GPT-4o", "", "openai", "GPT-4o"},
		"built in, spaces":                            {" gpt-4o", "", "openai", " gpt-4o"},
		"own pattern":                                 {"llama-3", "", "groq", "llama-3"},
		"own pattern before the built-in one":         {"gpt-oss-120b", "", "groq", "gpt-oss-120b"},
		"own pattern with slash":                      {"meta-llama/llama-3", "", "openrouter", "meta-llama/llama-3"},
		"own pattern of the same length as a prefix":  {"deepseek/chat", "", "openrouter", "deepseek/chat"},
		"prefix of an own provider":                   {"groq/gpt-4o", "", "groq", "gpt-4o"},
		"prefix of a built-in provider":               {"openai/gpt-4o", "", "openai", "gpt-4o"},
		"prefix, a model that nobody knows":           {"xai/new", "", "xai", "new"},
		"prefix, other letter case":                   {"OpenAI/GPT-4o", "", "openai", "GPT-4o"},
		"prefix, rest with slashes":                   {"openrouter/meta-llama/llama-3", "", "openrouter", "meta-llama/llama-3"},
		"prefix before a shorter pattern":             {"groq/all", "", "groq", "all"},
		"prefix that looks like a built-in model":     {"gpt-proxy/x", "", "gpt-proxy", "x"},
		"header, where the model does not tell":       {"unheard-of", "groq", "groq", "unheard-of"},
		"header in another letter case":               {"unheard-of", " GROQ ", "groq", "unheard-of"},
		"header, slash that is no provider":           {"qwen/qwen3", "openrouter", "openrouter", "qwen/qwen3"},
		"header, no model":                            {"", "openai", "openai", ""},
		"model before the header":                     {"gpt-4o", "groq", "openai", "gpt-4o"},
		"pattern before the header":                   {"llama-3", "openai", "groq", "llama-3"},
		"prefix before the header":                    {"openai/x", "groq", "openai", "x"},
		"Google's full name":                          {"models/gemini-2.5-flash", "", "google", "gemini-2.5-flash"},
		"Google's full name, doubled":                 {"Models/models/gemini-2.5-flash", "", "google", "gemini-2.5-flash"},
		"Google's full name behind a prefix":          {"google/models/gemini-2.5-flash", "", "google", "gemini-2.5-flash"},
		"Google's full name of a model nobody claims": {"models/new", "google", "google", "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Route(snapshot(t, several), chat(t), tc.model, tc.header)
			if err != nil || got.Provider.Name != tc.provider || got.Model != tc.sent {
				t.Fatalf("Route = %+v, %v; want %s and %q", got, err, tc.provider, tc.sent)
			}
			if got.Stored != (tc.provider == "openai") {
				t.Errorf("Stored = %v", got.Stored)
			}
		})
	}
}

// Google's compatible API takes both spellings of a model too, so a limit must see one there as well.
func TestRouteOfGooglesCompatibleAPIAsAnOwnProvider(t *testing.T) {
	t.Parallel()
	s := snapshot(t, `{"providers": {"gem": {"baseUrl": "https://generativelanguage.googleapis.com/v1beta/openai", "dialect": "openai"}, "other": {"baseUrl": "https://other.example/v1", "dialect": "openai"}}}`)
	for model, want := range map[string]string{"gem/gemini-2.5-flash": "gemini-2.5-flash", "gem/models/gemini-2.5-flash": "gemini-2.5-flash", "other/models/x": "models/x"} {
		if got, err := Route(s, chat(t), model, ""); err != nil || got.Model != want {
			t.Errorf("%s is sent as %q, %v; want %q", model, got.Model, err, want)
		}
	}
}

// The contract's table, each name with a model of it.
func TestRouteKnowsTheVendorsModels(t *testing.T) {
	t.Parallel()
	table := map[string]string{
		"openai":    "gpt-x chatgpt-x o1 o3-mini o9-x text-embedding-x omni-moderation-x dall-e-x gpt-image-x sora-x whisper-x tts-x",
		"anthropic": "claude-x",
		"google":    "gemini-x gemma-x imagen-x veo-x",
		"xai":       "grok-x",
		"mistral":   "mistral-x ministral-x codestral-x pixtral-x magistral-x",
		"deepseek":  "deepseek-x",
	}
	p := snapshot(t, `{}`)
	for vendor, models := range table {
		for model := range strings.FieldsSeq(models) {
			if got, err := Route(p, chat(t), model, ""); err != nil || got.Provider.Name != vendor {
				t.Errorf("Route(%s) = %+v, %v; want %s", model, got, err, vendor)
			}
		}
	}
	for _, model := range []string{"gpt", "ox", "o", "omni-x", "text-x", "claude", "llama-3", "ft:llama-3:x", "ft:", "xgpt-4", "open-llama", "labs", "text-004", "x/devstral-2512", "models/llama", "o-1"} {
		if got, err := Route(p, chat(t), model, ""); err == nil {
			t.Errorf("Route(%s) = %+v; want unknown_model", model, got)
		}
	}
}

// The table in docs/http-api.md has exactly the contract's patterns for vendors' models.
func TestThePageHasTheVendorsModels(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	onPage := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (`.*`) \\|$").FindAllStringSubmatch(string(page), -1) {
		for _, m := range regexp.MustCompile("`([a-z0-9-]+-)\\*`").FindAllStringSubmatch(row[2], -1) {
			onPage[m[1]] = row[1]
			if got := vendorOf(m[1] + "x"); got != row[1] {
				t.Errorf("the page gives %s* to %s, want %q", m[1], row[1], got)
			}
		}
	}
	for _, v := range project.Vendors() {
		for _, prefix := range v.Models {
			if onPage[prefix] != v.Name && prefix != "o#" { // which the page lists as o1, o3 and so on
				t.Errorf("the page lacks %s* of %s", prefix, v.Name)
			}
		}
	}
}

func TestRouteToTheOnlyConfiguredProvider(t *testing.T) {
	t.Parallel()
	only := snapshot(t, `{"providers": {"openrouter": {"baseUrl": "https://openrouter.ai/api/v1", "dialect": "openai"}}}`)
	for model, want := range map[string]string{
		"unheard-of": "openrouter unheard-of", "qwen/qwen3": "openrouter qwen/qwen3", "models/qwen": "openrouter models/qwen", "": "openrouter ",
		"gpt-4o": "openai gpt-4o", // its name tells
	} {
		got, err := Route(only, chat(t), model, "")
		if err != nil || got.Provider.Name+" "+got.Model != want {
			t.Errorf("Route(%q) = %+v, %v; want %s", model, got, err, want)
		}
	}
}

// A request whose model no rule claims is not sent, and neither is its key.
func TestFieldFailure_UnknownModelNamesSendTheCallersKeyToOpenAI(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{"no provider": `{}`, "several": several} {
		p := snapshot(t, doc)
		for _, model := range []string{"unheard-of", "qwen/qwen3", "my-finetune", "", " ", "/gpt-4o", "nobody/gpt-4o"} {
			_, err := Route(p, chat(t), model, "")
			refusal(t, err, 400, "unknown_model", "anthropic, ")
			if err == nil {
				t.Errorf("%s: %q was routed", name, model)
			}
		}
	}
	_, err := Route(snapshot(t, several), chat(t), "gpt-4o", "nobody")
	refusal(t, err, 400, "unknown_model", "anthropic, deepseek, everything, google, gpt-proxy, groq, mistral, openai, openrouter, xai")
	_, err = Route(snapshot(t, several), chat(t), "openai/", "")
	refusal(t, err, 400, "unknown_model", "only a prefix of the provider")
	_, err = Route(snapshot(t, several), chat(t), strings.Repeat("x", 1<<20), "")
	refusal(t, err, 400, "unknown_model", "…")
	if len(err.Error()) > 1000 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestEndpointsAndProvidersFit(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"providers": {
		"oai": {"baseUrl": "https://oai.example/base/v1/", "dialect": "openai"},
		"ant": {"baseUrl": "https://ant.example/base", "dialect": "anthropic"},
		"gem": {"baseUrl": "https://gem.example/base", "dialect": "gemini"},
		"anthropic": {"baseUrl": "http://localhost:8080"}}}`)
	const no = ""
	for _, tc := range []struct {
		path          string
		oai, ant, gem string
	}{
		{"/v1/chat/completions", "https://oai.example/base/v1/chat/completions", "https://ant.example/base/v1/chat/completions", "https://gem.example/base/v1beta/openai/chat/completions"},
		{"/v1/completions", "https://oai.example/base/v1/completions", no, no},
		{"/v1/responses", "https://oai.example/base/v1/responses", no, no},
		{"/v1/embeddings", "https://oai.example/base/v1/embeddings", no, "https://gem.example/base/v1beta/openai/embeddings"},
		{"/v1/moderations", "https://oai.example/base/v1/moderations", no, no},
		{"/v1/images/generations", "https://oai.example/base/v1/images/generations", no, "https://gem.example/base/v1beta/openai/images/generations"},
		{"/v1/images/edits", "https://oai.example/base/v1/images/edits", no, no},
		{"/v1/audio/speech", "https://oai.example/base/v1/audio/speech", no, no},
		{"/v1/audio/transcriptions", "https://oai.example/base/v1/audio/transcriptions", no, no},
		{"/v1/audio/translations", "https://oai.example/base/v1/audio/translations", no, no},
		{"/v1/messages", no, "https://ant.example/base/v1/messages", no},
		{"/v1/messages/count_tokens", no, "https://ant.example/base/v1/messages/count_tokens", no},
		{"/v1beta/models/m:generateContent", no, no, "https://gem.example/base/v1beta/models/m:generateContent"},
		{"/v1beta/models/m:streamGenerateContent", no, no, "https://gem.example/base/v1beta/models/m:streamGenerateContent"},
		{"/v1beta/models/m:countTokens", no, no, "https://gem.example/base/v1beta/models/m:countTokens"},
		{"/v1beta/models/m:embedContent", no, no, "https://gem.example/base/v1beta/models/m:embedContent"},
		{"/v1beta/models/m:batchEmbedContents", no, no, "https://gem.example/base/v1beta/models/m:batchEmbedContents"},
	} {
		ep := endpoint(t, http.MethodPost, tc.path)
		for provider, want := range map[string]string{"oai": tc.oai, "ant": tc.ant, "gem": tc.gem} {
			got, err := Route(p, ep, provider+"/m", "")
			if want == no {
				refusal(t, err, 400, "invalid_request", "serves /v1")
			} else if err != nil || urlOf(got) != want {
				t.Errorf("%s at %s: %q, %v; want %s", provider, tc.path, urlOf(got), err, want)
			}
		}
	}
	for model, want := range map[string]string{
		"gpt-x":      "https://api.openai.com/v1/chat/completions",
		"claude-x":   "http://localhost:8080/v1/chat/completions",
		"gemini-x":   "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
		"grok-x":     "https://api.x.ai/v1/chat/completions",
		"mistral-x":  "https://api.mistral.ai/v1/chat/completions",
		"deepseek-x": "https://api.deepseek.com/v1/chat/completions",
	} {
		if got, err := Route(p, chat(t), model, ""); err != nil || urlOf(got) != want {
			t.Errorf("%s: %q, %v; want %s", model, urlOf(got), err, want)
		}
	}
}

// Some of Google's models have names that look like another vendor's. At Google's own endpoints they are Google's, unless
// x-provider or the project says otherwise.
func TestNamesOfOthersAtGeminisEndpoints(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"providers": {"openai": {}, "gem": {"baseUrl": "https://gem.example", "dialect": "gemini", "models": ["claude-g*"]}, "oai": {"baseUrl": "https://oai.example/v1", "dialect": "openai", "models": ["gpt-own"]}}}`)
	embed := endpoint(t, http.MethodPost, "/v1beta/models/x:embedContent")
	for _, tc := range []struct{ model, header, want string }{
		{"text-embedding-004", "", "google"}, {"text-embedding-004", "google", "google"}, {"text-embedding-004", "gem", "gem"}, {"Text-Embedding-004", "", "google"},
		{"claude-g1", "", "gem"}, {"gemini-embedding-001", "gem", "google"}, {"gem/text-embedding-004", "google", "gem"}, {"mistral-x", "", "google"},
		{"text-embedding-004", "openai", ""}, {"openai/text-embedding-004", "", ""}, {"gpt-own", "", ""}, {"oai/x", "google", ""},
	} {
		got, err := Route(p, embed, tc.model, tc.header)
		if tc.want == "" {
			refusal(t, err, 400, "invalid_request", "serves /v1")
			continue
		}
		if err != nil || got.Provider.Name != tc.want {
			t.Errorf("%s with x-provider %q goes to %v, %v; want %s", tc.model, tc.header, got.Provider, err, tc.want)
		}
	}
	if _, err := Route(p, embed, "nobody-1", ""); err == nil {
		t.Error("what no name claims is Google's")
	}
	if got, err := Route(p, endpoint(t, http.MethodPost, "/v1/embeddings"), "text-embedding-004", "google"); err != nil || got.Provider.Name != "openai" {
		t.Errorf("at OpenAI's endpoint it goes to %v, %v; want openai", got.Provider, err)
	}
}

func TestGeminiModelsCannotLeaveTheirPath(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"providers": {"google": {}}}`)
	ep := wire.Endpoint{Dialect: wire.Gemini, Operation: wire.GenerateContent, Method: http.MethodPost, Path: "/v1beta/models/x:generateContent"}
	for _, model := range []string{"../files", "gemini-x/../../files", "gemini-x:countTokens", "gemini-x%2f..", "gemini-x?alt=json", "gemini-x#", `gemini-x\y`, "..", ".", ""} {
		if got, err := Route(p, ep, model, ""); err == nil {
			t.Errorf("Route(%q) = %s", model, urlOf(got))
		}
	}
	for model, want := range map[string]string{
		"gemini-2.5-flash-001":    "/v1beta/models/gemini-2.5-flash-001:generateContent",
		"google/gemini-2.5-flash": "/v1beta/models/gemini-2.5-flash:generateContent",
		"gemini x é":              "/v1beta/models/gemini%20x%20%C3%A9:generateContent",
	} {
		got, err := Route(p, ep, model, "")
		if err != nil || urlOf(got) != "https://generativelanguage.googleapis.com"+want {
			t.Errorf("Route(%q) = %s, %v; want %s", model, urlOf(got), err, want)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	p, ep := snapshot(b, several), chat(b)
	for _, model := range []string{"gpt-4o-2024-08-06", "llama-3", "openrouter/meta-llama/llama-3"} {
		b.Run(strings.ReplaceAll(model, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Route(p, ep, model, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A name that only looks like another one would have a limit of its own, so it is refused.
func TestRouteRefusesNamesThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"providers": {"own": {"baseUrl": "https://own.example/v1", "dialect": "openai", "models": ["*"]}}}`)
	for _, model := range []string{"gpt-4o\u200b", "gpt\u00ad-4o", "own/gpt-4o\u2060", "gpt-4o\x00", "a\nb"} {
		_, err := Route(p, chat(t), model, "")
		refusal(t, err, http.StatusBadRequest, "invalid_request", "characters that cannot be seen")
	}
	if _, err := Route(p, chat(t), " gpt-4o\n", ""); err != nil {
		t.Errorf("spaces around a name: %v", err)
	}
}

// TestRouteKnowsThePriceBook: every name of the book routes to its own vendor.
func TestRouteKnowsThePriceBook(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{}`)
	for _, model := range price.Names() {
		want := price.Vendor(model)
		if strings.HasPrefix(model, "ft:") {
			model += ":acme::1"
		}
		if got := vendorOf(model); got != want {
			t.Errorf("%s leads to %q, the book has it of %q", model, got, want)
		}
		if to, _ := claim(p, strings.ToUpper(model)); to == nil || to.Name != want {
			t.Errorf("%s leads to %v, want %s", strings.ToUpper(model), to, want)
		}
	}
	for model, want := range map[string]string{
		"devstral-medium-2610": "mistral", "voxtral-mini-2602": "mistral", "codex-mini-latest": "openai", "computer-use-preview": "openai",
		"open-mistral-nemo": "mistral", "mixtral-8x7b": "mistral", "zai-glm-5-3": "mistral", "labs-devstral-small-2512": "mistral",
		"ft:gpt-4o-mini-2024-07-18:acme::1": "openai", "ft:o4-mini-2025-04-16:acme::1": "openai", "ft:open-mistral-7b:1:2:3": "mistral",
		"gpt-7": "openai", "claude-next-9": "anthropic", "gemini-9-ultra": "google", "grok-9": "xai", "deepseek-v9": "deepseek",
		"davinci-002": "openai", "deep-research": "", "text-embedding-3-small": "openai",
	} {
		if got := vendorOf(model); got != want {
			t.Errorf("%s leads to %q, want %q", model, got, want)
		}
	}
}
