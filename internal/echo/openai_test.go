package echo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/airatelimit/airatelimit/internal/echo"
)

func openAIClient(t *testing.T, opts echo.Options) openai.Client {
	t.Helper()
	return openai.NewClient(option.WithBaseURL(serve(t, opts)+"/v1"), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
}

func chatParams(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "gpt-4o",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("be kind"), openai.UserMessage(text)},
	}
}

var weatherTool = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object"}})

func TestOpenAIChat(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	params := chatParams("hello there")
	got, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got.Choices[0].Message.Content != "echo: hello there" || got.Choices[0].FinishReason != "stop" || got.Model != "gpt-4o" {
		t.Errorf("got %s", got.RawJSON())
	}
	if u := got.Usage; u.PromptTokens != 4 || u.CompletionTokens != 3 || u.TotalTokens != 7 {
		t.Errorf("got usage %s, want 4+3=7", u.RawJSON())
	}
	params.MaxCompletionTokens = openai.Int(2)
	if got, err = client.Chat.Completions.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if got.Choices[0].Message.Content != "echo: hello" || got.Choices[0].FinishReason != "length" || got.Usage.CompletionTokens != 2 {
		t.Errorf("capped: got %s", got.RawJSON())
	}
}

func TestOpenAIChatStream(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	params := chatParams("hello there")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var acc openai.ChatCompletionAccumulator
	events := 0
	for stream.Next() {
		events++
		if !acc.AddChunk(stream.Current()) {
			t.Errorf("the SDK cannot add chunk %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if events != 6 || acc.Choices[0].Message.Content != "echo: hello there" || acc.Choices[0].FinishReason != "stop" || acc.Usage.TotalTokens != 7 {
		t.Errorf("got %d events that add up to %+v", events, acc.ChatCompletion)
	}
}

func TestOpenAIChatTools(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	params := chatParams("please use tool now")
	params.Tools = []openai.ChatCompletionToolUnionParam{weatherTool}
	got, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	call := got.Choices[0].Message.ToolCalls[0]
	if got.Choices[0].FinishReason != "tool_calls" || call.Function.Name != "weather" || call.Function.Arguments != `{"text":"please use tool now"}` || call.ID == "" {
		t.Errorf("got %s", got.RawJSON())
	}

	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		acc.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if streamed := acc.Choices[0].Message.ToolCalls[0]; streamed.Function.Arguments != call.Function.Arguments || streamed.ID != call.ID || acc.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("streamed: got %+v, want %s", streamed, call.RawJSON())
	}

	params.Messages = append(params.Messages, got.Choices[0].Message.ToParam(), openai.ToolMessage("sunny, use tool again?", call.ID))
	if got, err = client.Chat.Completions.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if got.Choices[0].Message.Content != "echo: sunny, use tool again?" {
		t.Errorf("after the tool's result: got %s, want it echoed", got.RawJSON())
	}
}

func TestOpenAICompletions(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	params := openai.CompletionNewParams{Model: "gpt-3.5-turbo-instruct", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("once upon a time")}, MaxTokens: openai.Int(3)}
	got, err := client.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got.Choices[0].Text != "echo: once upon" || got.Choices[0].FinishReason != "length" || got.Usage.TotalTokens != 7 {
		t.Errorf("got %s", got.RawJSON())
	}
	stream := client.Completions.NewStreaming(t.Context(), params)
	text := ""
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text += choice.Text
		}
	}
	if err := stream.Err(); err != nil || text != "echo: once upon" {
		t.Errorf("streamed: got %q, %v", text, err)
	}
}

func responseParams(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: "gpt-4o", Instructions: openai.String("be kind"),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

func TestOpenAIResponses(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	got, err := client.Responses.New(t.Context(), responseParams("hello there"))
	if err != nil {
		t.Fatal(err)
	}
	if got.OutputText() != "echo: hello there" || got.Status != "completed" || got.Usage.InputTokens != 4 || got.Usage.OutputTokens != 3 {
		t.Errorf("got %s", got.RawJSON())
	}
	params := responseParams(strings.Repeat("word ", 30))
	params.MaxOutputTokens = openai.Int(16)
	if got, err = client.Responses.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if got.Status != "incomplete" || got.IncompleteDetails.Reason != "max_output_tokens" || got.Usage.OutputTokens != 16 || got.MaxOutputTokens != 16 {
		t.Errorf("capped: got %s", got.RawJSON())
	}
}

func TestOpenAIResponsesStream(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	capped := responseParams(strings.Repeat("word ", 30))
	capped.MaxOutputTokens = openai.Int(16)
	for name, tc := range map[string]struct {
		params responses.ResponseNewParams
		text   string
		last   string
	}{
		"whole":  {responseParams("hello there"), "echo: hello there", "response.completed"},
		"capped": {capped, "echo:" + strings.Repeat(" word", 15), "response.incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := client.Responses.NewStreaming(t.Context(), tc.params)
			text, sequence := "", int64(0)
			var last responses.ResponseStreamEventUnion
			for stream.Next() {
				last = stream.Current()
				if last.SequenceNumber != sequence {
					t.Errorf("got event %d as number %d", sequence, last.SequenceNumber)
				}
				sequence++
				if last.Type == "response.output_text.delta" {
					text += last.Delta
				}
			}
			if err := stream.Err(); err != nil {
				t.Fatal(err)
			}
			if text != tc.text || last.Type != tc.last || last.Response.OutputText() != tc.text || last.Response.Usage.TotalTokens == 0 {
				t.Errorf("got %q and at last %s", text, last.RawJSON())
			}
		})
	}
}

func TestOpenAIResponsesTools(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	params := responseParams("use tool")
	params.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("weather", map[string]any{"type": "object"}, true)}
	got, err := client.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	call := got.Output[0].AsFunctionCall()
	if call.Name != "weather" || call.Arguments != `{"text":"use tool"}` || call.CallID == "" {
		t.Errorf("got %s", got.RawJSON())
	}
	stream := client.Responses.NewStreaming(t.Context(), params)
	arguments := ""
	for stream.Next() {
		if e := stream.Current(); e.Type == "response.function_call_arguments.delta" {
			arguments += e.Delta
		}
	}
	if err := stream.Err(); err != nil || arguments != call.Arguments {
		t.Errorf("streamed: got %q, %v, want %q", arguments, err, call.Arguments)
	}
	params.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{
		responses.ResponseInputItemParamOfMessage("use tool", responses.EasyInputMessageRoleUser),
		responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.CallID, call.Name),
		responses.ResponseInputItemParamOfFunctionCallOutput("sunny"),
	}}
	if got, err = client.Responses.New(t.Context(), params); err != nil || got.OutputText() != "echo: sunny" {
		t.Errorf("after the tool's result: got %v, %v", got, err)
	}
}

func TestOpenAIEmbeddings(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	got, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "text-embedding-3-small", Dimensions: openai.Int(5),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one two", "three"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || len(got.Data[1].Embedding) != 5 || got.Data[1].Index != 1 || got.Usage.PromptTokens != 3 || got.Usage.TotalTokens != 3 {
		t.Errorf("got %s", got.RawJSON())
	}
	if got, err = client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "text-embedding-3-small",
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfTokens: []int64{1, 2, 3}}}); err != nil || len(got.Data) != 1 || got.Usage.PromptTokens != 3 {
		t.Errorf("tokens: got %v, %v", got, err)
	}
	_, body := answer(t, serve(t, echo.Options{})+"/v1/embeddings", `{"model":"m","input":"x","encoding_format":"base64","dimensions":3}`)
	var reply struct{ Data []struct{ Embedding []byte } }
	if err := json.Unmarshal([]byte(body), &reply); err != nil || len(reply.Data[0].Embedding) != 12 {
		t.Errorf("base64: got %s, want 12 bytes", body)
	}
}

func TestOpenAIModerations(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	got, err := client.Moderations.New(t.Context(), openai.ModerationNewParams{Input: openai.ModerationNewParamsInputUnion{OfStringArray: []string{"nice", "flag me"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Results) != 2 || got.Results[0].Flagged || !got.Results[1].Flagged || !got.Results[1].Categories.Harassment {
		t.Errorf("got %s", got.RawJSON())
	}
}

func TestOpenAIImages(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	got, err := client.Images.Generate(t.Context(), openai.ImageGenerateParams{Model: "gpt-image-1", Prompt: "a red fox", N: openai.Int(2)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || got.Usage.InputTokens != 3 || got.Usage.OutputTokens != 2*echo.ImageOutputTokens {
		t.Errorf("got %s", got.RawJSON())
	}
	raw, err := base64.StdEncoding.DecodeString(got.Data[0].B64JSON)
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(raw)); err != nil || img.Bounds().Dx() != 1 {
		t.Errorf("got image %v, %v, want a pixel", img, err)
	}
	if got, err = client.Images.Generate(t.Context(), openai.ImageGenerateParams{Model: "dall-e-3", Prompt: "a red fox"}); err != nil || got.Data[0].URL == "" || got.JSON.Usage.Valid() {
		t.Errorf("dall-e-3: got %v, %v, want a link and no usage", got, err)
	}

	edit := openai.ImageEditParams{Model: "gpt-image-1", Prompt: "bluer", Image: openai.ImageEditParamsImageUnion{OfFileArray: []io.Reader{
		openai.File(bytes.NewReader(raw), "a.png", "image/png"), openai.File(bytes.NewReader(raw), "b.png", "image/png")}}}
	if got, err = client.Images.Edit(t.Context(), edit); err != nil || len(got.Data) != 1 || got.Usage.InputTokens != 1+2*echo.ImageTokens {
		t.Errorf("edit: got %v, %v", got, err)
	}
	stream := client.Images.GenerateStreaming(t.Context(), openai.ImageGenerateParams{Model: "gpt-image-1", Prompt: "a red fox", PartialImages: openai.Int(2)})
	var kinds []string
	for stream.Next() {
		kinds = append(kinds, stream.Current().Type)
	}
	if want := "image_generation.partial_image image_generation.partial_image image_generation.completed"; stream.Err() != nil || strings.Join(kinds, " ") != want {
		t.Errorf("streamed: got %v, %v, want %s", kinds, stream.Err(), want)
	}
}

func TestOpenAIAudio(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{})
	resp, err := client.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{Model: "tts-1", Input: "say this aloud", Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	sound, err := io.ReadAll(resp.Body)
	if err != nil || len(sound) != 3*417 || resp.Header.Get("Content-Type") != "audio/mpeg" || resp.ContentLength != -1 {
		t.Errorf("speech: got %d bytes of %s, length %d, %v", len(sound), resp.Header.Get("Content-Type"), resp.ContentLength, err)
	}

	file := func() io.Reader { return openai.File(bytes.NewReader(make([]byte, 40_000)), "talk.mp3", "audio/mpeg") }
	for model, want := range map[openai.AudioModel]string{
		"whisper-1":         `{"seconds":3,"type":"duration"}`,
		"gpt-4o-transcribe": `{"input_token_details":{"audio_tokens":30,"text_tokens":0},"input_tokens":30,"output_tokens":2,"total_tokens":32,"type":"tokens"}`,
	} {
		got, err := client.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{Model: model, File: file()})
		if err != nil || got.Text != "echo: talk.mp3" || got.JSON.Usage.Raw() != want {
			t.Errorf("%s: got %v, %v, want usage %s", model, got, err, want)
		}
	}
	stream := client.Audio.Transcriptions.NewStreaming(t.Context(), openai.AudioTranscriptionNewParams{Model: "gpt-4o-transcribe", File: file()})
	text := ""
	for stream.Next() {
		text += stream.Current().Delta
	}
	if stream.Err() != nil || text != "echo: talk.mp3" {
		t.Errorf("streamed: got %q, %v", text, stream.Err())
	}
}

func TestOpenAIErrorsSurfaceTyped(t *testing.T) {
	t.Parallel()
	for fault, want := range map[echo.Fault]int{echo.RateLimited: 429, echo.ServerError: 500, echo.Overloaded: 503, echo.KeyRefused: 401, echo.KeyForbidden: 403} {
		client := openAIClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return fault }})
		_, err := client.Chat.Completions.New(t.Context(), chatParams("hi"))
		var apiErr *openai.Error
		if !errors.As(err, &apiErr) || apiErr.StatusCode != want || apiErr.Message == "" {
			t.Errorf("%v: got %v, want an openai.Error with %d", fault, err, want)
		}
	}
}

func TestOpenAIStreamErrorsSurface(t *testing.T) {
	t.Parallel()
	client := openAIClient(t, echo.Options{Fault: func(*http.Request, string) echo.Fault { return echo.StreamError }})
	chat := client.Chat.Completions.NewStreaming(t.Context(), chatParams("hello there"))
	for chat.Next() {
	}
	if chat.Err() == nil {
		t.Error("chat: got no error, want the one in the stream")
	}
	resp := client.Responses.NewStreaming(t.Context(), responseParams("hello there"))
	for resp.Next() {
	}
	if resp.Err() == nil {
		t.Error("responses: got no error, want the one in the stream")
	}
}
