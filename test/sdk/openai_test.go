package sdk

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/price"
)

// chatParams ask in four words, which are answered in three.
func chatParams(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("be kind"), openai.UserMessage(text)}}
}

func chatTool(p openai.ChatCompletionNewParams) openai.ChatCompletionNewParams {
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(
		shared.FunctionDefinitionParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object"}})}
	return p
}

func chat(p openai.ChatCompletionNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) { return raw(c.chat(p.Model).New(ctx, p)) }
}

// chat is OpenAI's SDK with the key of the model's vendor.
func (c clients) chat(model string) *openai.ChatCompletionService {
	switch {
	case strings.HasPrefix(model, "claude-"):
		return &c.forClaude.Chat.Completions
	case strings.HasPrefix(model, "gemini-"):
		return &c.forGemini.Chat.Completions
	}
	return &c.openai.Chat.Completions
}

// chatStream also adds the chunks up, as apps do. The SDK's own usage chunk comes if asked for.
func chatStream(p openai.ChatCompletionNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		stream := c.chat(p.Model).NewStreaming(ctx, p)
		defer stream.Close()
		var acc openai.ChatCompletionAccumulator
		var all []string
		for stream.Next() {
			chunk := stream.Current()
			acc.AddChunk(chunk)
			// The vendor sends it in every chunk of a stream that will tell usage: a promise of ours lets it stand.
			all = append(all, strings.Replace(chunk.RawJSON(), `,"usage":null`, "", 1))
		}
		if err := stream.Err(); err != nil {
			return "", err
		}
		last := acc.Choices[0]
		all = append(all, last.Message.Content, last.FinishReason, acc.Usage.RawJSON())
		for _, call := range last.Message.ToolCalls {
			all = append(all, call.ID, call.Function.Name, call.Function.Arguments)
		}
		return strings.Join(all, "\n"), nil
	}
}

func withUsage(p openai.ChatCompletionNewParams) openai.ChatCompletionNewParams {
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	return p
}

func respond(p responses.ResponseNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) { return raw(c.openai.Responses.New(ctx, p)) }
}

func respondStream(p responses.ResponseNewParams) func(context.Context, clients) (string, error) {
	return func(ctx context.Context, c clients) (string, error) {
		stream := c.openai.Responses.NewStreaming(ctx, p)
		defer stream.Close()
		return events(stream)
	}
}

func responseParams(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: "gpt-4o", Instructions: openai.String("be kind"),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

func responseTool(p responses.ResponseNewParams) responses.ResponseNewParams {
	p.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("weather", map[string]any{"type": "object"}, true)}
	return p
}

func picture() io.Reader {
	return openai.File(strings.NewReader("not much of a PNG"), "fox.png", "image/png")
}

func recording() io.Reader {
	return openai.File(bytes.NewReader(make([]byte, 40_000)), "talk.mp3", "audio/mpeg")
}

// conversation calls a tool and sends its result.
func conversation(ctx context.Context, c clients) (string, error) {
	p := chatTool(chatParams("gpt-4o", "use tool"))
	first, err := c.openai.Chat.Completions.New(ctx, p)
	if err != nil {
		return "", err
	}
	answer := first.Choices[0].Message
	p.Messages = append(p.Messages, answer.ToParam(), openai.ToolMessage("sunny", answer.ToolCalls[0].ID))
	return raw(c.openai.Chat.Completions.New(ctx, p))
}

var openAICalls = []call{
	{name: "chat", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: chat(chatParams("gpt-4o", "hello there"))},
	{name: "chat, a snapshot", model: "gpt-4o-2024-08-06", usage: price.Usage{Input: 4, Output: 3}, do: chat(chatParams("gpt-4o-2024-08-06", "hello there"))},
	{name: "chat, capped", model: "gpt-5-mini", usage: price.Usage{Input: 4, Output: 2}, do: func(ctx context.Context, c clients) (string, error) {
		p := chatParams("gpt-5-mini", "hello there")
		p.MaxCompletionTokens = openai.Int(2)
		return raw(c.openai.Chat.Completions.New(ctx, p))
	}},
	{name: "chat, three answers", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 9}, do: func(ctx context.Context, c clients) (string, error) {
		p := chatParams("gpt-4o", "hello there")
		p.N = openai.Int(3)
		return raw(c.openai.Chat.Completions.New(ctx, p))
	}},
	{name: "chat, an image", model: "gpt-4o", usage: price.Usage{Input: 2 + echo.ImageTokens, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: "gpt-4o",
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
				openai.TextContentPart("what's this?"),
				openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64,iVBORw0KGgo="}),
			})}}))
	}},
	{name: "chat stream", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: chatStream(chatParams("gpt-4o", "hello there"))},
	{name: "chat stream with usage", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: chatStream(withUsage(chatParams("gpt-4o", "hello there")))},
	// A call is its name and {"text":"use tool"}, two words.
	{name: "chat tools", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: chat(chatTool(chatParams("gpt-4o", "use tool")))},
	{name: "chat stream tools", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: chatStream(chatTool(chatParams("gpt-4o", "use tool")))},
	{name: "chat with Claude", model: "claude-sonnet-4-5", usage: price.Usage{Input: 4, Output: 3}, do: chat(chatParams("claude-sonnet-4-5", "hello there"))},
	{name: "chat stream with Claude", model: "claude-sonnet-4-5", usage: price.Usage{Input: 4, Output: 3}, do: chatStream(chatParams("claude-sonnet-4-5", "hello there"))},
	{name: "chat with Gemini", model: "gemini-2.5-flash", usage: price.Usage{Input: 4, Output: 3}, do: chat(chatParams("gemini-2.5-flash", "hello there"))},
	{name: "chat stream with Gemini", model: "gemini-2.5-flash", usage: price.Usage{Input: 4, Output: 3}, do: chatStream(withUsage(chatParams("gemini-2.5-flash", "hello there")))},
	{name: "completion", model: "gpt-3.5-turbo-instruct", usage: price.Usage{Input: 4, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Completions.New(ctx, completionParams))
	}},
	{name: "completion stream", model: "gpt-3.5-turbo-instruct", usage: price.Usage{Input: 4, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		stream := c.openai.Completions.NewStreaming(ctx, completionParams)
		defer stream.Close()
		got, err := events(stream)
		return strings.ReplaceAll(got, `,"usage":null`, ""), err
	}},
	{name: "chat tools and their result", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, more: price.Usage{Input: 5, Output: 2}, do: conversation},
	{name: "response", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: respond(responseParams("hello there"))},
	{name: "response stream", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: respondStream(responseParams("hello there"))},
	{name: "response tools", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: respond(responseTool(responseParams("use tool")))},
	{name: "response stream tools", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: respondStream(responseTool(responseParams("use tool")))},
	{name: "compaction", model: "gpt-4o", usage: price.Usage{Input: 4, Output: 3}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Responses.Compact(ctx, responses.ResponseCompactParams{Model: "gpt-4o", Instructions: openai.String("be kind"),
			Input: responses.ResponseCompactParamsInputUnion{OfString: openai.String("hello there")}}))
	}},
	{name: "input tokens", free: true, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Responses.InputTokens.Count(ctx, responses.InputTokenCountParams{Model: openai.String("gpt-4o"),
			Input: responses.InputTokenCountParamsInputUnion{OfString: openai.String("hello there")}}))
	}},
	{name: "embeddings", model: "text-embedding-3-small", usage: price.Usage{Input: 3}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "text-embedding-3-small",
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one two", "three"}}}))
	}},
	{name: "embeddings, more than is held", model: "text-embedding-3-small", usage: price.Usage{Input: 40}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "text-embedding-3-small", Dimensions: openai.Int(3072),
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: strings.Fields(strings.Repeat("word ", 40))}}))
	}},
	{name: "moderations", model: "omni-moderation-latest", do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Moderations.New(ctx, openai.ModerationNewParams{Model: "omni-moderation-latest",
			Input: openai.ModerationNewParamsInputUnion{OfStringArray: []string{"nice", "flag me"}}}))
	}},
	{name: "images", model: "gpt-image-2", usage: price.Usage{Input: 3, Output: 2 * echo.ImageOutputTokens, Images: 2}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Images.Generate(ctx, openai.ImageGenerateParams{Model: "gpt-image-2", Prompt: "a red fox", N: openai.Int(2)}))
	}},
	{name: "image stream", model: "gpt-image-2", usage: price.Usage{Input: 3, Output: echo.ImageOutputTokens, Images: 1}, do: func(ctx context.Context, c clients) (string, error) {
		stream := c.openai.Images.GenerateStreaming(ctx, openai.ImageGenerateParams{Model: "gpt-image-2", Prompt: "a red fox", PartialImages: openai.Int(2)})
		defer stream.Close()
		return events(stream)
	}},
	{name: "image edit", model: "gpt-image-2", usage: price.Usage{Input: 1 + 2*echo.ImageTokens, ImageInput: 2 * echo.ImageTokens, Output: echo.ImageOutputTokens, Images: 1}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Images.Edit(ctx, openai.ImageEditParams{Model: "gpt-image-2", Prompt: "bluer",
			Image: openai.ImageEditParamsImageUnion{OfFileArray: []io.Reader{picture(), picture()}}}))
	}},
	{name: "speech", model: "tts-1", usage: price.Usage{Characters: 14}, do: func(ctx context.Context, c clients) (string, error) {
		resp, err := c.openai.Audio.Speech.New(ctx, openai.AudioSpeechNewParams{Model: "tts-1", Input: "say this aloud",
			Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")}})
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		sound, err := io.ReadAll(resp.Body)
		return resp.Header.Get("Content-Type") + string(sound), err
	}},
	{name: "transcription", model: "whisper-1", usage: price.Usage{AudioMillis: 3000}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Audio.Transcriptions.New(ctx, openai.AudioTranscriptionNewParams{Model: "whisper-1", File: recording()}))
	}},
	{name: "transcription by tokens", model: "gpt-4o-transcribe", usage: price.Usage{Input: 30, AudioInput: 30, Output: 2}, do: func(ctx context.Context, c clients) (string, error) {
		return raw(c.openai.Audio.Transcriptions.New(ctx, openai.AudioTranscriptionNewParams{Model: "gpt-4o-transcribe", File: recording()}))
	}},
	{name: "transcription stream", model: "gpt-4o-transcribe", usage: price.Usage{Input: 30, AudioInput: 30, Output: 2}, do: func(ctx context.Context, c clients) (string, error) {
		stream := c.openai.Audio.Transcriptions.NewStreaming(ctx, openai.AudioTranscriptionNewParams{Model: "gpt-4o-transcribe", File: recording()})
		defer stream.Close()
		return events(stream)
	}},
	{name: "translation", model: "whisper-1", usage: price.Usage{AudioMillis: 3000}, roughly: true, do: func(ctx context.Context, c clients) (string, error) {
		//lint:ignore SA1019 apps still use it
		return raw(c.openai.Audio.Translations.New(ctx, openai.AudioTranslationNewParams{Model: "whisper-1", File: recording()}))
	}},
}

var completionParams = openai.CompletionNewParams{Model: "gpt-3.5-turbo-instruct", MaxTokens: openai.Int(3),
	Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("once upon a time")}}

func TestOpenAI(t *testing.T) {
	t.Parallel()
	compare(t, echo.Options{}, openAICalls)
}
