package test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// Names that later versions need are refused, so that no app comes to rely on something else, and nothing of it reaches a
// provider.
func TestReserved_NamesAreRefusedAndGoNowhere(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{PassThrough: true})
	const token = "st_0123456789abcdefghij"
	for what, headers := range map[string][]string{
		"as the project key":    {"x-project-key", token},
		"as a bearer token":     {"Authorization", "Bearer " + token},
		"in x-api-key":          {"x-api-key", token},
		"in x-goog-api-key":     {"x-goog-api-key", token},
		"in both places":        {"x-project-key", token, "Authorization", "Bearer " + token},
		"without a project key": {"x-project-key", "", "Authorization", "Bearer " + token},
	} {
		a := s.Chat("u", "gpt-4o", headers...)
		stack.WantError(t, a, 401, "invalid_project_key")
		if object, _ := stack.ErrorOf(t, a); !strings.Contains(object["message"].(string), "not supported yet") {
			t.Errorf("a token %s: %s", what, a.Body)
		}
	}
	stack.WantError(t, s.Post("/v1/chat/completions?key="+token, "u", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`), 401, "invalid_project_key")
	for _, name := range []string{"device:1", "apple:1", "claims:1"} {
		stack.WantError(t, s.Chat(name, "gpt-4o"), 400, "invalid_identity")
	}
	if n := s.Seen.Total(); n != 0 {
		t.Fatalf("the provider has seen %d of them", n)
	}
	stack.WantStatus(t, s.Chat("u", "gpt-4o", "x-identity-token", "proof-of-u", "x-firebase-appcheck", "proof-of-app"), 200)
	last, ok := s.Seen.Last()
	if !ok {
		t.Fatal("the provider has seen nothing")
	}
	for name, values := range last.Header {
		if strings.Contains(strings.Join(values, " "), "proof-of-") {
			t.Errorf("the provider has seen %s: %q", name, values)
		}
	}
}

// The control plane refuses such tokens too, and has nothing below /api/hooks/ yet.
func TestReserved_TheControlPlane(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	a := s.Control("GET", "", "", "Authorization", "Bearer st_0123456789abcdefghij")
	if a.Status != 401 || a.JSON(t)["code"] != "invalid_secret_key" || !strings.Contains(a.Body, "not supported yet") {
		t.Errorf("a token: status %d: %s", a.Status, a.Body)
	}
	for path := range openAPI(t).Paths {
		if strings.HasPrefix(path, "/api/hooks") {
			t.Errorf("%s is there, and its name is reserved", path)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		a := s.Do(s.Request(method, "/api/hooks/revenuecat", "", ""))
		if a.Status != 404 || a.JSON(t)["code"] != "not_found" || !strings.Contains(a.Body, "not supported yet") {
			t.Errorf("%s /api/hooks/revenuecat: status %d: %s", method, a.Status, a.Body)
		}
	}
}
