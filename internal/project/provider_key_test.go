package project

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/document"
)

func TestAKeyThatCannotBeOneIsRefused(t *testing.T) {
	t.Parallel()
	const ours = "sk_0123456789abcdef_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	for key, want := range map[string]string{
		`"sk-proj-hunter2hunter2"`:       "has quotes",
		`'sk-proj-hunter2hunter2'`:       "has quotes",
		"`sk-proj-hunter2`":              "has quotes",
		"OPENAI_API_KEY=sk-proj-hunter2": "is a line of an env file",
		"key=sk-proj-hunter2":            "is a line of an env file",
		"OPENAI_HUNTER2=":                "is a line of an env file",
		"HUNTER2_API_KEY":                "stands for one",
		"%OPENAI_HUNTER2%":               "stands for one",
		"process.env.HUNTER2":            "stands for one",
		"${OPENAI_HUNTER2}":              "stands for one",
		"$HUNTER2":                       "stands for one",
		"{{hunter2}}":                    "stands for one",
		"<hunter2>":                      "stands for one",
		"sk-...":                         "stands for one",
		"env:HUNTER2":                    "only the command line reads",
		"file:/run/hunter2":              "only the command line reads",
		"pk_hunter2":                     "is a project key of AI Ratelimit",
		ours:                             "is a project's secret key of AI Ratelimit",
		ours[:30]:                        "is a project's secret key of AI Ratelimit",
		"Bearer sk-proj-hunter2":         "without Bearer",
		"sk-proj-hunter2 ":               "has a space",
		"sk-proj-hunter2\n":              "has a line break",
		"sk-proj-hunter2\r\nX: y":        "has a line break",
		"sk-proj-hünter2":                "not ASCII",
		"sk-proj-hunter2\x7f":            "not ASCII",
		"sk-" + strings.Repeat("hunter2", 4096/7): "more than 4096 characters",
	} {
		doc, err := json.Marshal(map[string]any{"providers": map[string]any{"openai": map[string]any{"key": key}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSettings(doc)
		var wrong *document.FieldError
		if !errors.As(err, &wrong) || wrong.Path != "providers.openai.key" || !strings.Contains(wrong.Problem, want) {
			t.Errorf("%.40q: %v, want providers.openai.key: %q", key, err, want)
		}
		if err != nil && strings.Contains(strings.ToLower(err.Error()), "hunter2") {
			t.Errorf("%.40q: the error quotes it: %v", key, err)
		}
	}
}

func TestKeysOfEveryShapeAreTaken(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"sk-proj-0123456789abcdef", "c2VjcmV0LWtleQ==", "YWJj=", "sk_9f4c1b7e2d8a6035c9e1f7b4a2d08653e7c1940b5fd2a688", // ElevenLabs'
		"a1b2c3.d4e5f6", "AKIA/abc+def", "KEY=", "ABC_DEF", "EMPTY", "token%abc", "token:with:colons", "own~key!", "x",
	} {
		doc := `{"providers": {"own": {"baseUrl": "https://a.example/v1", "dialect": "openai", "key": "` + key + `"}}}`
		if _, err := ParseSettings([]byte(doc)); err != nil {
			t.Errorf("%s: %v, want it taken", key, err)
		}
	}
}
