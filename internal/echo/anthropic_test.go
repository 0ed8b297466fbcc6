package echo_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/airatelimit/airatelimit/internal/echo"
)

func anthropicClient(t *testing.T, opts echo.Options) anthropic.Client {
	t.Helper()
	return anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(serve(t, opts)), option.WithAPIKey("sk-ant-test"), option.WithMaxRetries(0))
}

func messageParams(text string, most int64) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: most, System: []anthropic.TextBlockParam{{Text: "be kind"}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

// streamed adds up a stream as the SDK does.
func streamed(t *testing.T, client anthropic.Client, params anthropic.MessageNewParams) anthropic.Message {
	t.Helper()
	stream := client.Messages.NewStreaming(t.Context(), params)
	var m anthropic.Message
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			t.Errorf("the SDK cannot add %s: %v", stream.Current().RawJSON(), err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnthropicMessages(t *testing.T) {
	t.Parallel()
	client := anthropicClient(t, echo.Options{})
	for _, tc := range []struct {
		most int64
		text string
		stop anthropic.StopReason
		out  int64
	}{{100, "echo: hello there", "end_turn", 3}, {2, "echo: hello", "max_tokens", 2}} {
		params := messageParams("hello there", tc.most)
		whole, err := client.Messages.New(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]anthropic.Message{"whole": *whole, "streamed": streamed(t, client, params)} {
			if got.Content[0].Text != tc.text || got.StopReason != tc.stop || got.Usage.InputTokens != 4 || got.Usage.OutputTokens != tc.out {
				t.Errorf("%s, cap %d: got %q, %s, %d+%d", name, tc.most, got.Content[0].Text, got.StopReason, got.Usage.InputTokens, got.Usage.OutputTokens)
			}
		}
	}
	count, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: "claude-sonnet-4-5", Messages: messageParams("one two", 1).Messages})
	if err != nil || count.InputTokens != 2 {
		t.Errorf("count: got %v, %v, want 2", count, err)
	}
}

func TestAnthropicTools(t *testing.T) {
	t.Parallel()
	client := anthropicClient(t, echo.Options{})
	params := messageParams("please use tool now", 100)
	params.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{}, "weather")}
	whole, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]anthropic.Message{"whole": *whole, "streamed": streamed(t, client, params)} {
		use := got.Content[0].AsToolUse()
		if got.StopReason != "tool_use" || use.Name != "weather" || string(use.Input) != `{"text":"please use tool now"}` || use.ID != whole.Content[0].ID {
			t.Errorf("%s: got %s, %s %s %s", name, got.StopReason, use.Name, use.Input, use.ID)
		}
	}
	params.Messages = append(params.Messages, whole.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(whole.Content[0].ID, "sunny", false)))
	if whole, err = client.Messages.New(t.Context(), params); err != nil || whole.Content[0].Text != "echo: sunny" {
		t.Errorf("after the tool's result: got %v, %v", whole, err)
	}
}

func TestAnthropicErrorsSurfaceTyped(t *testing.T) {
	t.Parallel()
	for fault, want := range map[echo.Fault]struct {
		status int
		kind   string
	}{
		echo.RateLimited: {429, "rate_limit_error"}, echo.ServerError: {500, "api_error"}, echo.Overloaded: {529, "overloaded_error"},
		echo.KeyRefused: {401, "authentication_error"}, echo.KeyForbidden: {403, "permission_error"},
	} {
		client := anthropicClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return fault }})
		_, err := client.Messages.New(t.Context(), messageParams("hi", 9))
		var apiErr *anthropic.Error
		if !errors.As(err, &apiErr) || apiErr.StatusCode != want.status || string(apiErr.Type()) != want.kind {
			t.Errorf("%v: got %v, want an anthropic.Error with %d %s", fault, err, want.status, want.kind)
		}
	}
	client := anthropicClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return echo.StreamError }})
	stream := client.Messages.NewStreaming(t.Context(), messageParams("hello there", 9))
	for stream.Next() {
	}
	if apiErr := (*anthropic.Error)(nil); !errors.As(stream.Err(), &apiErr) || apiErr.Type() != "api_error" {
		t.Errorf("in a stream: got %v, want an api_error", stream.Err())
	}
}
