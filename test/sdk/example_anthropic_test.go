package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// askClaude returns what to show the user: the answer, or why there is none today.
func askClaude(ctx context.Context, server, projectKey, user, question string) (string, error) {
	client := anthropic.NewClient(
		option.WithoutEnvironmentDefaults(), // a developer's own ANTHROPIC_… must not get in
		option.WithBaseURL(server),
		option.WithAPIKey(projectKey),
		option.WithHeader("x-identity", user),
	)
	message, err := client.Messages.New(ctx, anthropic.MessageNewParams{
		Model:     "claude-sonnet-5",
		MaxTokens: 1024,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))},
	})
	var refused *anthropic.Error
	if errors.As(err, &refused) {
		var body struct {
			Error struct{ Code, Message, DeepLink string }
		}
		if json.Unmarshal([]byte(refused.RawJSON()), &body) == nil && body.Error.Code == "limit_exceeded" {
			return body.Error.Message + " " + body.Error.DeepLink, nil
		}
	}
	if err != nil {
		return "", err
	}
	var answer strings.Builder
	for _, block := range message.Content {
		answer.WriteString(block.Text)
	}
	return answer.String(), nil
}
