package sdk

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/price"
)

const flash = "gemini-2.5-flash"

func geminiConfig() *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{SystemInstruction: genai.NewContentFromText("be kind", genai.RoleUser)}
}

func geminiTool() *genai.GenerateContentConfig {
	c := geminiConfig()
	c.Tools = []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: "weather"}}}}
	return c
}

// decoded returns what the SDK made of an answer, without the headers that it keeps beside it.
func decoded(v any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return "", err
	}
	delete(m, "sdkHttpResponse")
	b, err = json.Marshal(m)
	return string(b), err
}

func generate(text string, config *genai.GenerateContentConfig) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		return decoded(c.gemini.Models.GenerateContent(ctx, flash, genai.Text(text), config))
	}
}

func generateStream(text string, config *genai.GenerateContentConfig) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		var all []string
		for chunk, err := range c.gemini.Models.GenerateContentStream(ctx, flash, genai.Text(text), config) {
			event, err := decoded(chunk, err)
			if err != nil {
				return strings.Join(all, "\n"), err
			}
			all = append(all, event)
		}
		return strings.Join(all, "\n"), nil
	}
}

var geminiCalls = []call{
	{name: "generate", model: flash, usage: price.Usage{Input: 4, Output: 3}, do: generate("hello there", geminiConfig())},
	{name: "generate, capped", model: flash, usage: price.Usage{Input: 2, Output: 2}, do: generate("hello there", &genai.GenerateContentConfig{MaxOutputTokens: 2})},
	{name: "generate, two candidates", model: flash, usage: price.Usage{Input: 2, Output: 6}, do: generate("hello there", &genai.GenerateContentConfig{CandidateCount: 2})},
	{name: "generate stream", model: flash, usage: price.Usage{Input: 4, Output: 3}, do: generateStream("hello there", geminiConfig())},
	{name: "generate tools", model: flash, usage: price.Usage{Input: 4, Output: 3}, do: generate("use tool", geminiTool())},
	{name: "generate stream tools", model: flash, usage: price.Usage{Input: 4, Output: 3}, do: generateStream("use tool", geminiTool())},
	{name: "a chat", model: flash, usage: price.Usage{Input: 2, Output: 3}, more: price.Usage{Input: 6, Output: 2}, do: func(ctx context.Context, c clients) (string, error) {
		chat, err := c.gemini.Chats.Create(ctx, flash, nil, nil)
		if err != nil {
			return "", err
		}
		if _, err := chat.SendMessage(ctx, genai.Part{Text: "hello there"}); err != nil {
			return "", err
		}
		return decoded(chat.SendMessage(ctx, genai.Part{Text: "again"}))
	}},
	{name: "count tokens", free: true, do: func(ctx context.Context, c clients) (string, error) {
		return decoded(c.gemini.Models.CountTokens(ctx, flash, genai.Text("one two three"), nil))
	}},
	// Google says nothing of an embedding's usage.
	{name: "embed", model: "gemini-embedding-001", usage: price.Usage{Input: 100}, roughly: true, do: func(ctx context.Context, c clients) (string, error) {
		return decoded(c.gemini.Models.EmbedContent(ctx, "gemini-embedding-001", genai.Text(words(100)), nil))
	}},
	{name: "embed two", model: "gemini-embedding-001", usage: price.Usage{Input: 100}, roughly: true, do: func(ctx context.Context, c clients) (string, error) {
		return decoded(c.gemini.Models.EmbedContent(ctx, "gemini-embedding-001", append(genai.Text(words(50)), genai.Text(words(50))...),
			&genai.EmbedContentConfig{OutputDimensionality: genai.Ptr[int32](5)}))
	}},
}

func words(n int) string { return strings.Repeat("word ", n-1) + "word" }

func TestGemini(t *testing.T) {
	t.Parallel()
	compare(t, echo.Options{}, geminiCalls)
}
