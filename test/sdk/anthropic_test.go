package sdk

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/test/stack"
)

const sonnet = "claude-sonnet-4-5"

// messageParams ask in four words.
func messageParams(text string, most int64) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: sonnet, MaxTokens: most, System: []anthropic.TextBlockParam{{Text: "be kind"}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

func messageTool(p anthropic.MessageNewParams) anthropic.MessageNewParams {
	p.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{}, "weather")}
	return p
}

func message(p anthropic.MessageNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) { return raw(c.anthropic.Messages.New(ctx, p)) }
}

// messageStream also adds the events up, as apps do.
func messageStream(p anthropic.MessageNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		stream := c.anthropic.Messages.NewStreaming(ctx, p)
		defer stream.Close()
		var all []string
		var m anthropic.Message
		for stream.Next() {
			all = append(all, stream.Current().RawJSON())
			if err := m.Accumulate(stream.Current()); err != nil {
				return "", err
			}
		}
		if err := stream.Err(); err != nil {
			return "", err
		}
		sum, err := json.Marshal(m)
		return strings.Join(append(all, string(sum)), "\n"), err
	}
}

// betaMessage is a call of the beta API, which the SDK marks in the query and in a header.
var betaMessage = anthropic.BetaMessageNewParams{Model: sonnet, MaxTokens: 100, Betas: []anthropic.AnthropicBeta{"context-1m-2025-08-07"},
	Messages: []anthropic.BetaMessageParam{anthropic.NewBetaUserMessage(anthropic.NewBetaTextBlock("hello there"))}}

var anthropicCalls = []call{
	{name: "message", model: sonnet, usage: price.Usage{Input: 4, Output: 3}, do: message(messageParams("hello there", 100))},
	{name: "message, capped", model: sonnet, usage: price.Usage{Input: 4, Output: 2}, do: message(messageParams("hello there", 2))},
	{name: "message stream", model: sonnet, usage: price.Usage{Input: 4, Output: 3}, do: messageStream(messageParams("hello there", 100))},
	{name: "message stream, capped", model: sonnet, usage: price.Usage{Input: 4, Output: 2}, do: messageStream(messageParams("hello there", 2))},
	{name: "message tools", model: sonnet, usage: price.Usage{Input: 4, Output: 3}, do: message(messageTool(messageParams("use tool", 100)))},
	{name: "message stream tools", model: sonnet, usage: price.Usage{Input: 4, Output: 3}, do: messageStream(messageTool(messageParams("use tool", 100)))},
	{name: "message tools and their result", model: sonnet, usage: price.Usage{Input: 4, Output: 3}, more: price.Usage{Input: 5, Output: 2}, do: func(ctx context.Context, c clients) (string, error) {
		p := messageTool(messageParams("use tool", 100))
		first, err := c.anthropic.Messages.New(ctx, p)
		if err != nil {
			return "", err
		}
		p.Messages = append(p.Messages, first.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(first.Content[0].ID, "sunny", false)))
		return raw(c.anthropic.Messages.New(ctx, p))
	}},
	{name: "count tokens", free: true, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.anthropic.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{Model: sonnet, Messages: messageParams("hello there", 1).Messages}))
	}},
	{name: "beta message", model: sonnet, usage: price.Usage{Input: 2, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.anthropic.Beta.Messages.New(ctx, betaMessage))
	}},
	{name: "beta message stream", model: sonnet, usage: price.Usage{Input: 2, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		stream := c.anthropic.Beta.Messages.NewStreaming(ctx, betaMessage)
		defer stream.Close()
		return events(stream)
	}},
	{name: "beta count tokens", free: true, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.anthropic.Beta.Messages.CountTokens(ctx, anthropic.BetaMessageCountTokensParams{Model: sonnet, Messages: betaMessage.Messages}))
	}},
}

func TestAnthropic(t *testing.T) {
	t.Parallel()
	compare(t, echo.Options{}, anthropicCalls)
}

func TestAnthropicBetaReachesTheProvider(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	c := own(t, s, "user")
	if _, err := c.anthropic.Beta.Messages.New(t.Context(), betaMessage); err != nil {
		t.Fatal(err)
	}
	last, _ := s.Seen.Last()
	if last.Query != "beta=true" || last.Header.Get("Anthropic-Beta") != "context-1m-2025-08-07" || last.Header.Get("Anthropic-Version") == "" {
		t.Errorf("the provider got ?%s and the headers %v, want beta=true and the SDK's anthropic-beta and anthropic-version", last.Query, last.Header)
	}
}
