package echo_test

import (
	"errors"
	"net/http"
	"testing"

	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
)

const flash = "gemini-2.0-flash"

func geminiClient(t *testing.T, opts echo.Options) *genai.Client {
	t.Helper()
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{Backend: genai.BackendGeminiAPI, APIKey: "AIza-test", HTTPOptions: genai.HTTPOptions{BaseURL: serve(t, opts)}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestGeminiGenerateContent(t *testing.T) {
	t.Parallel()
	client := geminiClient(t, echo.Options{})
	for _, tc := range []struct {
		most   int32
		text   string
		finish genai.FinishReason
		out    int32
	}{{0, "echo: hello there", "STOP", 3}, {2, "echo: hello", "MAX_TOKENS", 2}} {
		config := &genai.GenerateContentConfig{MaxOutputTokens: tc.most, SystemInstruction: genai.NewContentFromText("be kind", genai.RoleUser)}
		check := func(name, text string, last *genai.GenerateContentResponse) {
			u := last.UsageMetadata
			if text != tc.text || last.Candidates[0].FinishReason != tc.finish || u.PromptTokenCount != 4 || u.CandidatesTokenCount != tc.out || u.TotalTokenCount != 4+tc.out {
				t.Errorf("%s, cap %d: got %q, %s, %+v", name, tc.most, text, last.Candidates[0].FinishReason, u)
			}
		}
		whole, err := client.Models.GenerateContent(t.Context(), flash, genai.Text("hello there"), config)
		if err != nil {
			t.Fatal(err)
		}
		check("whole", whole.Text(), whole)
		text := ""
		var last *genai.GenerateContentResponse
		for chunk, err := range client.Models.GenerateContentStream(t.Context(), flash, genai.Text("hello there"), config) {
			if err != nil {
				t.Fatal(err)
			}
			text += chunk.Text()
			last = chunk
		}
		check("streamed", text, last)
	}
}

func TestGeminiTools(t *testing.T) {
	t.Parallel()
	client := geminiClient(t, echo.Options{})
	config := &genai.GenerateContentConfig{Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: "weather"}}}}}
	check := func(name string, calls []*genai.FunctionCall) {
		if len(calls) != 1 || calls[0].Name != "weather" || calls[0].Args["text"] != "use tool" {
			t.Errorf("%s: got %v", name, calls)
		}
	}
	whole, err := client.Models.GenerateContent(t.Context(), flash, genai.Text("use tool"), config)
	if err != nil {
		t.Fatal(err)
	}
	check("whole", whole.FunctionCalls())
	for chunk, err := range client.Models.GenerateContentStream(t.Context(), flash, genai.Text("use tool"), config) {
		if err != nil {
			t.Fatal(err)
		}
		check("streamed", chunk.FunctionCalls())
	}
}

func TestGeminiCountsAndEmbeds(t *testing.T) {
	t.Parallel()
	client := geminiClient(t, echo.Options{})
	count, err := client.Models.CountTokens(t.Context(), flash, genai.Text("one two three"), nil)
	if err != nil || count.TotalTokens != 3 {
		t.Errorf("count: got %v, %v, want 3", count, err)
	}
	contents := append(genai.Text("one"), genai.Text("two")...)
	got, err := client.Models.EmbedContent(t.Context(), "gemini-embedding-001", contents, &genai.EmbedContentConfig{OutputDimensionality: genai.Ptr[int32](5)})
	if err != nil || len(got.Embeddings) != 2 || len(got.Embeddings[1].Values) != 5 {
		t.Errorf("embed: got %v, %v, want two of 5", got, err)
	}
	status, body := answer(t, serve(t, echo.Options{})+"/v1beta/models/gemini-embedding-001:embedContent", `{"content":{"parts":[{"text":"x"}]}}`)
	if status != 200 {
		t.Errorf("embed one: got %d %s", status, body)
	}
}

func TestGeminiErrorsSurfaceTyped(t *testing.T) {
	t.Parallel()
	for fault, want := range map[echo.Fault]struct {
		code   int
		status string
	}{
		echo.RateLimited: {429, "RESOURCE_EXHAUSTED"}, echo.ServerError: {500, "INTERNAL"}, echo.Overloaded: {503, "UNAVAILABLE"},
		echo.KeyRefused: {400, "INVALID_ARGUMENT"}, echo.KeyForbidden: {403, "PERMISSION_DENIED"},
	} {
		client := geminiClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return fault }})
		_, err := client.Models.GenerateContent(t.Context(), flash, genai.Text("hi"), nil)
		var apiErr genai.APIError
		if !errors.As(err, &apiErr) || apiErr.Code != want.code || apiErr.Status != want.status {
			t.Errorf("%v: got %v, want a genai.APIError with %d %s", fault, err, want.code, want.status)
		}
	}
	client := geminiClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return echo.StreamError }})
	var last error
	for _, err := range client.Models.GenerateContentStream(t.Context(), flash, genai.Text("hello there"), nil) {
		last = err
	}
	if apiErr := (genai.APIError{}); !errors.As(last, &apiErr) || apiErr.Code != 500 {
		t.Errorf("in a stream: got %v, want a genai.APIError with 500", last)
	}
}
