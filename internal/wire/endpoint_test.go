package wire

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatch_servesTheContractsEndpoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		dialect      Dialect
		op           Operation
		metered      bool
	}{
		{"POST", "/v1/chat/completions", OpenAI, ChatCompletions, true},
		{"POST", "/v1/completions", OpenAI, Completions, true},
		{"POST", "/v1/responses", OpenAI, Responses, true},
		{"POST", "/v1/embeddings", OpenAI, Embeddings, true},
		{"POST", "/v1/moderations", OpenAI, Moderations, true},
		{"POST", "/v1/images/generations", OpenAI, ImageGenerations, true},
		{"POST", "/v1/images/edits", OpenAI, ImageEdits, true},
		{"POST", "/v1/audio/speech", OpenAI, Speech, true},
		{"POST", "/v1/audio/transcriptions", OpenAI, Transcriptions, true},
		{"POST", "/v1/audio/translations", OpenAI, Translations, true},
		{"GET", "/v1/models", OpenAI, ListModels, false},
		{"GET", "/v1/usage", OpenAI, OwnUsage, false},
		{"POST", "/v1/responses/input_tokens", OpenAI, CountResponseTokens, false},
		{"POST", "/v1/responses/compact", OpenAI, CompactResponse, true},
		{"POST", "/v1/messages", Anthropic, Messages, true},
		{"POST", "/v1/messages/count_tokens", Anthropic, CountMessageTokens, false},
		{"GET", "/v1beta/models", Gemini, ListModels, false},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			got, err := Match(c.method, c.path)
			if err != nil {
				t.Fatal(err)
			}
			want := Endpoint{Dialect: c.dialect, Operation: c.op, Method: c.method, Path: c.path}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("endpoint (-want +got):\n%s", diff)
			}
			if got.Metered() != c.metered {
				t.Errorf("Metered() = %v, want %v", got.Metered(), c.metered)
			}
		})
	}
}

func TestMatch_readsGeminiModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rest, model string
		op                Operation
	}{
		{"generateContent", "gemini-2.5-flash:generateContent", "gemini-2.5-flash", GenerateContent},
		{"streamGenerateContent", "gemini-2.5-flash:streamGenerateContent", "gemini-2.5-flash", StreamGenerateContent},
		{"countTokens", "gemini-2.5-flash:countTokens", "gemini-2.5-flash", CountTokens},
		{"embedContent", "gemini-embedding-001:embedContent", "gemini-embedding-001", EmbedContent},
		{"batchEmbedContents", "gemini-embedding-001:batchEmbedContents", "gemini-embedding-001", BatchEmbedContents},
		{"EncodedLetters", "gemini%2D2.5-%66lash:generateContent", "gemini-2.5-flash", GenerateContent},
		{"EncodedProviderPrefix", "openrouter%2Fmeta%2fllama:generateContent", "openrouter/meta/llama", GenerateContent},
		{"LongestName", strings.Repeat("m", 256) + ":generateContent", strings.Repeat("m", 256), GenerateContent},
		{"TooLongForParse", strings.Repeat("m", 10<<10) + ":generateContent", strings.Repeat("m", 10<<10), GenerateContent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := at(t, "/v1beta/models/"+c.rest)
			if got.Model != c.model || got.Operation != c.op || got.Dialect != Gemini {
				t.Errorf("got %+v, want model %q and operation %v", got, c.model, c.op)
			}
		})
	}
}

func TestMatch_refusesEverythingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, method, path string }{
		{"Files", "GET", "/v1/files"},
		{"FineTuning", "POST", "/v1/fine_tuning/jobs"},
		{"OneModelDots", "GET", "/v1/models/.."},
		{"OneModelEncodedDots", "GET", "/v1/models/%2e%2e"},
		{"OneModelEmptySegment", "GET", "/v1/models/a//b"},
		{"OneModelTrailingSlash", "GET", "/v1/models/gpt-4o/"},
		{"OneModelNone", "GET", "/v1/models/"},
		{"OneModelOtherMethod", "DELETE", "/v1/models/gpt-4o"},
		{"OneResponse", "GET", "/v1/responses/resp_1"},
		{"Batches", "POST", "/v1/messages/batches"},
		{"GeminiV1UnknownAction", "POST", "/v1/models/gemini-2.5-flash:batchGenerateContent"},
		{"GeminiUnknownAction", "POST", "/v1beta/models/gemini-2.5-flash:batchGenerateContent"},
		{"GeminiActionInOtherCase", "POST", "/v1beta/models/gemini-2.5-flash:GenerateContent"},
		{"GeminiTunedModels", "POST", "/v1beta/tunedModels/x:generateContent"},
		{"GeminiFiles", "POST", "/v1beta/files"},
		{"Root", "GET", "/"},
		{"Empty", "POST", ""},
		{"DoubledSlash", "POST", "/v1//chat/completions"},
		{"LeadingDoubledSlash", "POST", "//v1/chat/completions"},
		{"DotSegments", "POST", "/v1/files/../chat/completions"},
		{"SingleDot", "POST", "/v1/./chat/completions"},
		{"EncodedDot", "POST", "/v1/%2e/chat/completions"},
		{"EncodedLetter", "POST", "/v1/ch%61t/completions"},
		{"EncodedSlash", "POST", "/v1/chat%2Fcompletions"},
		{"TrailingSlash", "POST", "/v1/chat/completions/"},
		{"OtherCase", "POST", "/v1/Chat/completions"},
		{"VersionInOtherCase", "POST", "/V1/chat/completions"},
		{"Semicolon", "POST", "/v1/chat/completions;a=b"},
		{"WrongMethodGet", "GET", "/v1/chat/completions"},
		{"WrongMethodPost", "POST", "/v1/models"},
		{"Head", "HEAD", "/v1/models"},
		{"MethodInLowerCase", "post", "/v1/chat/completions"},
		{"GeminiGetAction", "GET", "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"GeminiGetOtherMethod", "GET", "/v1beta/models/gemini-2.5-flash:predict"},
		{"GeminiEncodedColon", "POST", "/v1beta/models/gemini-2.5-flash%3AgenerateContent"},
		{"GeminiColonInModel", "POST", "/v1beta/models/gemini%3AcountTokens:generateContent"},
		{"GeminiTwoActions", "POST", "/v1beta/models/gemini:countTokens:generateContent"},
		{"GeminiNoModel", "POST", "/v1beta/models/:generateContent"},
		{"GeminiNoAction", "POST", "/v1beta/models/gemini-2.5-flash"},
		{"GeminiSlashInModel", "POST", "/v1beta/models/a/b:generateContent"},
		{"GeminiEncodedDots", "POST", "/v1beta/models/%2e%2e:generateContent"},
		{"GeminiClimbing", "POST", "/v1beta/models/x%2F..%2Ffiles:generateContent"},
		{"GeminiEmptySegment", "POST", "/v1beta/models/x%2F%2Fy:generateContent"},
		{"GeminiLeadingSlash", "POST", "/v1beta/models/%2Fx:generateContent"},
		{"GeminiTrailingSlash", "POST", "/v1beta/models/x%2F:generateContent"},
		{"GeminiControlCharacter", "POST", "/v1beta/models/x%0a:generateContent"},
		{"GeminiNUL", "POST", "/v1beta/models/x%00:generateContent"},
		{"GeminiSpace", "POST", "/v1beta/models/%20x:generateContent"},
		{"GeminiQuestionMark", "POST", "/v1beta/models/x%3Fkey=1:generateContent"},
		{"GeminiFragment", "POST", "/v1beta/models/x%23:generateContent"},
		{"GeminiBackslash", "POST", "/v1beta/models/x%5Cy:generateContent"},
		{"GeminiEncodedTwice", "POST", "/v1beta/models/x%252F:generateContent"},
		{"GeminiBadUTF8", "POST", "/v1beta/models/x%ff:generateContent"},
		{"GeminiBadEscape", "POST", "/v1beta/models/x%zz:generateContent"},
		{"GeminiTrailingSlashAfterAction", "POST", "/v1beta/models/x:generateContent/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Match(c.method, c.path)
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("Match(%s, %q) = %+v, %v; want an *Error", c.method, c.path, got, err)
			}
			if refusal.Status != http.StatusNotFound || refusal.Code != "unsupported_endpoint" {
				t.Errorf("got status %d, code %q; want 404, unsupported_endpoint", refusal.Status, refusal.Code)
			}
		})
	}
}

func TestDialectOf_guessesForUnservedPathsToo(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Dialect{
		"/v1/chat/completions":      OpenAI,
		"/v1/files":                 OpenAI,
		"/v1/usage":                 OpenAI,
		"/":                         OpenAI,
		"/v1/messages":              Anthropic,
		"/v1/messages/batches":      Anthropic,
		"/v1beta/files":             Gemini,
		"/v1beta/models/x:anything": Gemini,
		"/v1/models/x:anything":     Gemini,
		"/v1/models/gpt-4o":         OpenAI,
		"/v1/models/ft:gpt-4o:me::": OpenAI,

		"/chat/completions":                   OpenAI, // of a base URL without /v1, with it twice, or of another vendor's
		"/v1/v1/chat/completions":             OpenAI,
		"/messages":                           Anthropic,
		"/v1/v1/messages":                     Anthropic,
		"/anthropic/v1/messages/count_tokens": Anthropic,
		"/messages/count_tokens":              Anthropic,
		"/v1/threads/t/messages":              OpenAI,
		"/threads/t/messages":                 OpenAI,
		"/models/x:generateContent":           Gemini,
		"/v1alpha/models/x:countTokens":       Gemini,
		"/v1/v1beta/models":                   Gemini,
		"/models":                             OpenAI,
		"/x:generateContent":                  OpenAI,
	} {
		if got := DialectOf(path); got != want {
			t.Errorf("DialectOf(%q) = %v, want %v", path, got, want)
		}
	}
}

// Only a client with a wrong base URL is told the right one.
func TestMatch_tellsTheBaseURL(t *testing.T) {
	t.Parallel()
	const version, alone = "followed by /v1.", "address alone"
	for path, want := range map[string]string{
		"/chat/completions": version, "/openai/v1/chat/completions": version, "/v1/v1/chat/completions": version, "/embeddings": version, "/models": version,
		"/v1/v1/messages": alone, "/messages": alone, "/models/x:generateContent": alone, "/v1/v1beta/models/x:generateContent": alone, "/v1/v1beta/models": alone, "/openai/v1beta/models": alone,
		"/v1/chat/completions": "", "/v1/chat/completions/": "", "/v1/files": "", "/": "", "": "", "/nothing": "", "/v1/organization/usage/completions": "", "/v1/threads/t/messages": "",
	} {
		_, err := Match("PUT", path)
		if said := err.Error(); strings.Contains(said, "base URL") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("%s: %s; want %q", path, said, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, path := range []string{chat, generate, "/v1beta/models/a%2Fb:countTokens", "/v1//x", "/v1beta/models/%2e%2e:generateContent"} {
		f.Add("POST", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		ep, err := Match(method, path)
		if err != nil {
			return
		}
		if ep.Path != path || ep.Method != method {
			t.Errorf("got %s %q, want %s %q as given", ep.Method, ep.Path, method, path)
		}
		u := url.URL{Path: "/"}
		if cleaned := u.JoinPath(path).EscapedPath(); !strings.EqualFold(cleaned, path) && ep.Model == "" {
			t.Errorf("%q is another path when cleaned: %q", path, cleaned)
		}
		if ep.Model == "" {
			return
		}
		// A server that decodes the path again or resolves its dots must see the same model.
		for _, bad := range []string{"..", "//", ":", "?", "#", "%", "\\", "\x00", "\n", " "} {
			if bad != ".." && strings.Contains(ep.Model, bad) {
				t.Errorf("model %q contains %q", ep.Model, bad)
			}
		}
		if clean := u.JoinPath(ep.Model).Path; clean != "/"+ep.Model {
			t.Errorf("model %q is %q as a path", ep.Model, clean)
		}
	})
}

// Endpoints lists every operation, as Match finds it.
func TestEndpoints_areAllThatMatch(t *testing.T) {
	t.Parallel()
	listed := map[Operation]bool{}
	for _, ep := range Endpoints() {
		listed[ep.Operation] = true
		got, err := Match(ep.Method, strings.ReplaceAll(ep.Path, "{model}", "m"))
		if err != nil || got.Operation != ep.Operation || got.Dialect != ep.Dialect {
			t.Errorf("%s %s is listed as %v of %v, and matches %v of %v: %v", ep.Method, ep.Path, ep.Operation, ep.Dialect, got.Operation, got.Dialect, err)
		}
	}
	for op := range operations {
		if !listed[Operation(op)] {
			t.Errorf("%v is not listed", Operation(op))
		}
	}
	for path := range posts {
		if !slices.ContainsFunc(Endpoints(), func(ep Endpoint) bool { return ep.Method == "POST" && ep.Path == path }) {
			t.Errorf("POST %s is not listed", path)
		}
	}
}
