package sdk

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/genai"
)

// askGemini returns what to show the user: the answer, or why there is none today.
func askGemini(ctx context.Context, server, projectKey, user, question string) (string, error) {
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		Backend:     genai.BackendGeminiAPI,
		APIKey:      projectKey,
		HTTPOptions: genai.HTTPOptions{BaseURL: server, APIVersion: "v1beta", Headers: http.Header{"X-Identity": {user}}},
	})
	if err != nil {
		return "", err
	}
	answer, err := client.Models.GenerateContent(ctx, "gemini-2.5-flash", genai.Text(question), nil)
	var refused genai.APIError
	if errors.As(err, &refused) {
		for _, detail := range refused.Details {
			if metadata, ok := detail["metadata"].(map[string]any); ok && detail["reason"] == "LIMIT_EXCEEDED" {
				deepLink, _ := metadata["deepLink"].(string)
				return refused.Message + " " + deepLink, nil
			}
		}
	}
	if err != nil {
		return "", err
	}
	return answer.Text(), nil
}
