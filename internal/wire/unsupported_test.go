package wire

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// message is the message that refuses a method and path.
func message(t *testing.T, method, path string) string {
	t.Helper()
	_, err := Match(method, path)
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusNotFound || refused.Code != "unsupported_endpoint" {
		t.Fatalf("%s %s: got %v, want 404 unsupported_endpoint", method, path, err)
	}
	return refused.Message
}

// The refusal of a vendor's feature names it, and says whether it is planned or what to use instead.
func TestUnsupported_namesTheFeature(t *testing.T) {
	t.Parallel()
	const notPlanned, planned, instead = "not planned", "It is planned", "Use POST"
	for _, c := range []struct{ method, path, name, says string }{
		{"GET", "/v1/files", "files", notPlanned},
		{"POST", "/v1/files/file-1/content", "files", notPlanned},
		{"POST", "/v1/uploads", "uploads", notPlanned},
		{"POST", "/v1/batches", "Batch API", notPlanned},
		{"POST", "/v1/batches/b/cancel", "Batch API", notPlanned},
		{"POST", "/v1/assistants", "Assistants API", instead},
		{"POST", "/v1/threads/t/messages", "threads", instead},
		{"POST", "/v1/threads/t/runs", "threads", instead},
		{"POST", "/v1/vector_stores/vs/search", "vector stores", notPlanned},
		{"GET", "/v1/realtime", "Realtime API", planned},
		{"POST", "/v1/realtime/client_secrets", "Realtime API", planned},
		{"POST", "/v1/fine_tuning/jobs", "fine-tuning", notPlanned},
		{"POST", "/v1/videos", "video generation", notPlanned},
		{"POST", "/v1/containers", "containers", notPlanned},
		{"POST", "/v1/evals", "evals", notPlanned},
		{"POST", "/v1/conversations", "conversations", notPlanned},
		{"GET", "/v1/responses/resp_1", "stored responses", notPlanned},
		{"DELETE", "/v1/responses/resp_1", "stored responses", notPlanned},
		{"POST", "/v1/responses/resp_1/cancel", "stored responses", notPlanned},
		{"GET", "/v1/responses/resp_1/input_items", "stored responses", notPlanned},
		{"GET", "/v1/chat/completions/chatcmpl-1", "stored chat completions", notPlanned},
		{"DELETE", "/v1/models/ft:gpt-4o:me::1", "deletion of models", notPlanned},
		{"POST", "/v1/images/variations", "image variations", instead},
		{"GET", "/v1/organization/usage/completions", "organization", notPlanned},
		{"POST", "/v1/rerank", "reranking", notPlanned},
		{"POST", "/v1/messages/batches", "Message Batches API", notPlanned},
		{"GET", "/v1/messages/batches/b/results", "Message Batches API", notPlanned},
		{"POST", "/v1/skills", "skills", notPlanned},
		{"POST", "/v1/complete", "text completions", instead},
		{"POST", "/v1/agents", "agents", notPlanned},
		{"POST", "/v1beta/files", "files", notPlanned},
		{"POST", "/upload/v1beta/files", "files", notPlanned},
		{"POST", "/v1beta/cachedContents", "cached contents", notPlanned},
		{"GET", "/v1beta/batches/1", "Batch API", notPlanned},
		{"POST", "/v1beta/models/x:batchGenerateContent", "batch mode", notPlanned},
		{"POST", "/v1/models/x:batchGenerateContent", "batch mode", notPlanned},
		{"POST", "/v1beta/models/imagen-4:predict", "predict", instead},
		{"POST", "/v1beta/models/veo-3:predictLongRunning", "video generation", notPlanned},
		{"POST", "/v1beta/models/x:bidiGenerateContent", "Live API", planned},
		{"GET", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", "Live API", planned},
		{"POST", "/v1beta/interactions", "Interactions API", "is planned"},
		{"POST", "/v1beta/tunedModels/x:generateContent", "tuned models", notPlanned},
		{"GET", "/files", "files", notPlanned},
		{"GET", "/openai/v1/files", "files", notPlanned},
		{"GET", "/v1/v1/files", "files", notPlanned},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			got := message(t, c.method, c.path)
			if !strings.Contains(got, c.name) || !strings.Contains(got, c.says) || !strings.Contains(got, c.method+" /") {
				t.Errorf("got %q, want it to name %q and to say %q", got, c.name, c.says)
			}
		})
	}
}

// The refusal of a misspelled path names the endpoint that was meant. It mentions the base URL only if that is wrong.
func TestUnsupported_namesTheNearestEndpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path, meant string
		base                bool
	}{
		{"POST", "/v1/chat/completion", "POST /v1/chat/completions", false},
		{"POST", "/v1/chat/completion/", "POST /v1/chat/completions", false},
		{"POST", "/v1/chat/completions/", "POST /v1/chat/completions", false},
		{"POST", "/v1//chat/completions", "POST /v1/chat/completions", false},
		{"POST", "/v1/x/../chat/completions", "POST /v1/chat/completions", false},
		{"POST", "/v1/chat/completion%73", "POST /v1/chat/completions", false},
		{"POST", "/V1/Chat/Completions", "POST /v1/chat/completions", false},
		{"POST", "/v1/chatcompletions", "POST /v1/chat/completions", false},
		{"POST", "/v1/chat", "POST /v1/chat/completions", false},
		{"GET", "/v1/chat/completions", "POST /v1/chat/completions", false},
		{"POST", "/v1/completion", "POST /v1/completions", false},
		{"POST", "/v1/response", "POST /v1/responses", false},
		{"POST", "/v1/responses/input-tokens", "POST /v1/responses/input_tokens", false},
		{"POST", "/v1/embedding", "POST /v1/embeddings", false},
		{"POST", "/v1/image/generations", "POST /v1/images/generations", false},
		{"POST", "/v1/audio/transcription", "POST /v1/audio/transcriptions", false},
		{"GET", "/v1/model", "GET /v1/models", false},
		{"POST", "/v1/models", "GET /v1/models", false},
		{"POST", "/v1/message", "POST /v1/messages", false},
		{"POST", "/v1/messages/count-tokens", "POST /v1/messages/count_tokens", false},
		{"POST", "/v1beta/models/x:generatecontent", "POST /v1beta/models/{model}:generateContent", false},
		{"POST", "/v1beta/models/x:generate", "POST /v1beta/models/{model}:generateContent", false},
		{"POST", "/v1beta/models/x:countToken", "POST /v1beta/models/{model}:countTokens", false},
		{"POST", "/v1beta/models/x", "POST /v1beta/models/{model}:generateContent", false},
		{"GET", "/v1beta/models/x:generateContent", "POST /v1beta/models/{model}:generateContent", false},

		{"POST", "/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/v1/v1/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/openai/v1/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/v1/openai/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/v1beta/openai/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/openai/deployments/gpt-4o/chat/completions", "POST /v1/chat/completions", true},
		{"POST", "/responses", "POST /v1/responses", true},
		{"POST", "/responses/compact", "POST /v1/responses/compact", true},
		{"GET", "/models", "GET /v1/models", true},
		{"POST", "/v1/v1/messages", "POST /v1/messages", true},
		{"POST", "/v1/v1beta/models/x:generateContent", "POST /v1beta/models/{model}:generateContent", true},
		{"POST", "/v1/projects/p/locations/l/publishers/google/models/x:generateContent", "POST /v1beta/models/{model}:generateContent", true},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			got := message(t, c.method, c.path)
			if !strings.Contains(got, " "+c.meant+".") || strings.Contains(got, "base URL") != c.base {
				t.Errorf("got %q, want %q, and the base URL named: %v", got, c.meant, c.base)
			}
		})
	}
	for _, path := range []string{"/", "", "/nothing", "/favicon.ico", "/wp-login.php", "/.env", "/" + strings.Repeat("x", 10_000)} {
		if got := message(t, "GET", path); strings.Contains(got, "nearest") || strings.Contains(got, "base URL") || len(got) > 400 {
			t.Errorf("%.50s: got %q, want no endpoint, and a short text", path, got)
		}
	}
}

// Clients of vendors that share a path are distinguished by their headers.
func TestCallerDialect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, header, query string
		want                Dialect
	}{
		{"/v1/models", "", "", OpenAI},
		{"/v1/models", "Anthropic-Version", "", Anthropic},
		{"/v1/models/claude", "Anthropic-Version", "", Anthropic},
		{"/v1/models", "X-Goog-Api-Key", "", Gemini},
		{"/v1/models", "", "key=pk_1", Gemini},
		{"/v1/models", "", "pageSize=2&key=pk_1", Gemini},
		{"/v1/models", "", "monkey=1", OpenAI},
		{"/v1/files", "", "", OpenAI},
		{"/v1/files", "Anthropic-Version", "", Anthropic},
		{"/v1/files", "X-Goog-Api-Client", "", Gemini},
		{"/v1beta/files", "Anthropic-Version", "", Gemini},
		{"/v1/messages/batches", "X-Goog-Api-Key", "", Anthropic},
		{"/nothing", "Anthropic-Version", "", Anthropic},
		{"/v1/chat/completions/x", "Anthropic-Version", "", OpenAI},
		{"/responses/x", "X-Goog-Api-Key", "", OpenAI},
		{"/v1/v1/embeddings", "", "key=pk_1", OpenAI},
	} {
		h := http.Header{}
		if c.header != "" {
			h.Set(c.header, "x")
		}
		if got := CallerDialect(DialectOf(c.path), c.path, h, c.query); got != c.want {
			t.Errorf("%s with %q and ?%s: got %v, want %v", c.path, c.header, c.query, got, c.want)
		}
	}
}

func TestShownPath_hidesWhatMayBeAKey(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/files":                              "/v1/files",
		"/v1/files?key=pk_0123456789":            "/v1/files",
		"/v1/x/sk-proj-0123456789":               "/v1/x/...",
		"/v1/x/sk_0123456789_abc":                "/v1/x/...",
		"/v1/x/Bearer%20sk-0123456789":           "/v1/x/...",
		"/v1/x/AIzaSy0123456789":                 "/v1/x/...",
		"/v1/x/key=xai-0123456789":               "/v1/x/...",
		"/v1/x/eyJhbGciOiJIUzI1NiJ9":             "/v1/x/...",
		"/v1/x/0123456789abcdef0123456789":       "/v1/x/012345...",
		"/v1/x/a:0123456789abcdef0123456789":     "/v1/x/a:0123...",
		"/v1beta/models/gemini-2.5-flash:create": "/v1beta/models/gemini-2.5-flash:create",
		"/v1/task-runner":                        "/v1/task-runner",
		"/v1/fine_tuning/checkpoints":            "/v1/fine_tuning/checkpoints",
		"/v1/a\nb\x1b[31m\u00e9\"c":              "/v1/a_b_[31m_\"c",
		"/" + strings.Repeat("a", 500):           "/" + strings.Repeat("a", longestShown-1) + "...",
		"/" + strings.Repeat("a/", 500) + "end":  "/" + strings.Repeat("a/", (longestShown-1)/2) + "a...",
	} {
		if got := ShownPath(path); got != want {
			t.Errorf("ShownPath(%q) = %q, want %q", path, got, want)
		}
	}
}

// For any path the message is short and printable, and holds no key of the path.
func FuzzUnsupported(f *testing.F) {
	for _, path := range []string{"/v1/files/sk-proj-0123456789", "/v1/filessk-proj-0123456789", "/v1/chat/completion", "/v1beta/models/x:predict", "/v1/v1/messages", "//..//%2e%2e/;a=b", "/\x00\xff", "/v1/models/:"} {
		f.Add("POST", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		_, err := Match(method, path)
		var refused *Error
		if !errors.As(err, &refused) {
			return
		}
		if len(refused.Message) > 700 {
			t.Errorf("%d bytes of message: %q", len(refused.Message), refused.Message)
		}
		for _, r := range refused.Message {
			if r < ' ' || r > '~' {
				t.Fatalf("%q is not printable", refused.Message)
			}
		}
		if strings.Contains(refused.Message, "sk-proj-0123456789") {
			t.Errorf("a key is shown: %q", refused.Message)
		}
		DialectOf(path)
	})
}
