package test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/stack"
)

// readmeSettings returns the README and the settings document that it shows.
func readmeSettings(t *testing.T) (text, settings string) {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```json\n(\\{\n  \"limitPeriod\".*?)```\n").FindStringSubmatch(string(b))
	if m == nil {
		t.Fatal("the README shows no settings")
	}
	return string(b), m[1]
}

// The README's example does what the README says: with any invented tier or model, a user gets no more.
func TestReadme_TheExampleLimitsWhatItSays(t *testing.T) {
	t.Parallel()
	readme, settings := readmeSettings(t)
	doc, err := project.ParseSettings([]byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	if w := doc.Warnings(nil); len(w) != 0 {
		t.Errorf("saving the example warns of %v", w)
	}
	s := stack.New(t, stack.Options{Settings: settings})
	dear := `{"model":"gpt-4o-mini","max_tokens":1000,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 200_000) + `"}]}` // a million bytes
	for _, tier := range []string{"", "free", "premium", "PRO", "pro"} {
		user, admitted := "user of "+tier, 0
		var refused stack.Answer
		for range 7 {
			if a := s.Chat(user, "gpt-4o", "X-Tier", tier); a.Status == 200 {
				admitted++
			} else {
				refused = a
			}
		}
		stack.WantStatus(t, s.Chat(user, "gpt-4o-mini", "X-Tier", tier), 200)
		stack.WantError(t, s.Chat(user, "o1-pro", "X-Tier", tier), 403, "model_not_allowed")
		stack.WantError(t, s.Chat(user, "gpt-made-up", "X-Tier", tier), 403, "model_not_allowed")
		if tier == "pro" {
			if admitted != 7 {
				t.Errorf("pro: %d of 7 requests of gpt-4o admitted, want all", admitted)
			}
			stack.WantStatus(t, s.Post("/v1/chat/completions", user, dear, "X-Tier", tier), 200) // $0.15 at most
			continue
		}
		if admitted != 5 {
			t.Errorf("x-tier %q: %d of 7 requests of gpt-4o admitted, want 5", tier, admitted)
		}
		stack.WantError(t, refused, 429, "limit_exceeded")
		wantShown(t, readme, refused)
		stack.WantError(t, s.Post("/v1/chat/completions", user, dear, "X-Tier", tier), 429, "limit_exceeded")
	}
}

// wantShown checks that the README shows a refusal as it is, but for the time of its reset.
func wantShown(t *testing.T, readme string, a stack.Answer) {
	t.Helper()
	m := regexp.MustCompile("(?s)```json\n(\\{\"error\".*?)```\n").FindStringSubmatch(readme)
	if m == nil {
		t.Fatal("the README shows no refusal")
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(m[1]), &shown); err != nil {
		t.Fatal(err)
	}
	got := a.JSON(t)
	for _, doc := range []map[string]any{shown, got} {
		doc["error"].(map[string]any)["limit"].(map[string]any)["resetsAt"] = ""
	}
	if got, want := fmt.Sprint(got), fmt.Sprint(shown); got != want {
		t.Errorf("refusal:\n got %s\nwant what the README shows: %s", got, want)
	}
}

// The models that the README's programs ask for are those that its settings allow, and the template starter's.
func TestReadme_TheExamplesModelsAreAllowed(t *testing.T) {
	t.Parallel()
	readme, settings := readmeSettings(t)
	doc, err := project.ParseSettings([]byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	starter, err := project.FromTemplate("starter", "openai", "anthropic", "google")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`model: "([^"]+)"`).FindAllStringSubmatch(readme, -1)
	if len(asked) < 3 {
		t.Fatalf("the README asks for %v, want a model of each SDK", asked)
	}
	for _, m := range asked {
		if !slices.Contains(doc.AllowedModels, m[1]) || !slices.Contains(starter.AllowedModels, m[1]) {
			t.Errorf("the README's programs ask for %s; its settings allow %v, the template %v", m[1], doc.AllowedModels, starter.AllowedModels)
		}
	}
}

// A project of the template starter answers a newcomer's first request, and bounds what each user costs whatever he claims.
func TestStarter_BoundsWhatEachUserCosts(t *testing.T) {
	t.Parallel()
	starter, err := project.FromTemplate("starter")
	if err != nil {
		t.Fatal(err)
	}
	starter.Name = "test"
	doc, err := json.Marshal(starter)
	if err != nil {
		t.Fatal(err)
	}
	s := stack.New(t, stack.Options{Settings: string(doc)})
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("a ", 2500) + `"}]}`
	for tier, most := range map[string]float64{"": 0.05, "free": 0.05, "premium": 0.05, "pro": 1} {
		user := "user of " + tier
		stack.WantStatus(t, s.Chat(user, "gpt-4o-mini", "X-Tier", tier), 200)
		var over int
		for range 20 {
			if a := s.Post("/v1/chat/completions", user, body, "X-Tier", tier); a.Status != 200 {
				stack.WantStatus(t, a, 429)
				over++
			}
		}
		cost := s.Usage(user, "X-Tier", tier)["usage"].(map[string]any)["costUsd"].(float64)
		if cost > most || cost == 0 || over == 0 && tier != "pro" {
			t.Errorf("x-tier %q: cost $%v with %d of 20 requests refused, want some refused and at most $%v", tier, cost, over, most)
		}
		stack.WantError(t, s.Chat(user, "o1-pro", "X-Tier", tier), 403, "model_not_allowed")
	}
}
