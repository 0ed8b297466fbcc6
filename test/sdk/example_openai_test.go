package sdk

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// askOpenAI returns what to show the user: the answer, or why there is none today.
func askOpenAI(ctx context.Context, server, projectKey, user, question string) (string, error) {
	client := openai.NewClient(
		option.WithBaseURL(server+"/v1"),
		option.WithAPIKey(projectKey),
		option.WithHeader("x-identity", user),
	)
	stream := client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{
		Model:    "gpt-4o",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)},
	})
	defer stream.Close()
	var answer openai.ChatCompletionAccumulator
	for stream.Next() {
		answer.AddChunk(stream.Current())
	}
	var refused *openai.Error
	switch err := stream.Err(); {
	case errors.As(err, &refused) && refused.Code == "limit_exceeded":
		var deepLink string
		if raw := refused.JSON.ExtraFields["deepLink"].Raw(); raw != "" {
			if err := json.Unmarshal([]byte(raw), &deepLink); err != nil {
				return "", err
			}
		}
		return refused.Message + " " + deepLink, nil
	case err != nil:
		return "", err
	case len(answer.Choices) == 0:
		return "", errors.New("no answer")
	}
	return answer.Choices[0].Message.Content, nil
}
