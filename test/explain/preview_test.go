package explain

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type shown struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// A preview of an identity that is at its limit is the refusal that the identity gets, byte for byte but for the id and the
// date.
func TestAPreviewIsTheRefusal(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{
		`{"requestLimit": 2}`,
		`{"requestLimit": 2, "refusalStatus": 402, "requestsPerMinute": 60, "limitResponse": {"message": "{{usage}} of {{limit}} in {{tier}}: {{resetsAt}}", "deepLink": "app://up?user={{identity}}&m={{model}}", "n": 1}}`,
		`{"tiers": {"free": {"modelLimits": {"*": {"requestLimit": 2, "tokenLimit": 1000}}, "limitResponse": {"message": "Free is over, {{identity}}"}}}, "defaultTier": "free", "tokenLimit": 5000}`,
		`{"tokenLimit": 20, "costLimitUsd": 5}`,
		`{"requestLimit": 2, "enforcement": "strict", "limitPeriod": "monthly", "costLimitUsd": 5}`,
		`{"modelLimits": {"gpt-4o": {"requestLimit": 0}, "claude-sonnet-4-0": {"requestLimit": 0}, "gemini-2.5-flash": {"requestLimit": 0}}}`,
	} {
		w := newWorld(t)
		for dialect, c := range map[string]struct{ path, model, body string }{
			"openai":    {"/v1/chat/completions", "gpt-4o", `{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}`},
			"anthropic": {"/v1/messages", "claude-sonnet-4-0", `{"model":"claude-sonnet-4-0","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}`},
			"gemini":    {"/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"maxOutputTokens":5}}`},
		} {
			w.set("pk_0000000000000000000000", strings.TrimSuffix(settings, "}")+`, "providers": {"openai": {"key": "sk-0123456789abcdef"}, "anthropic": {"key": "sk-ant-0123456789abcdef"}, "google": {"key": "AIza0123456789abcdef"}}}`)
			identity := "user/" + dialect
			var real *httptest.ResponseRecorder
			for range 9 {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Project-Key", w.at.Key)
				r.Header.Set("X-Identity", identity)
				real = httptest.NewRecorder()
				w.gateway.ServeHTTP(real, r)
			}
			if real.Code < 400 {
				t.Fatalf("%s: the ninth request got %d: %s", settings, real.Code, real.Body)
			}
			a := w.control(http.MethodPost, "/limit-response/preview", map[string]any{"identity": identity, "model": c.model, "metric": metricIn(t, dialect, real)})
			var all map[string]json.RawMessage
			if err := json.Unmarshal(a.Body.Bytes(), &all); err != nil || a.Code != 200 {
				t.Fatalf("status %d: %s", a.Code, a.Body)
			}
			var got shown
			if err := json.Unmarshal(all[dialect], &got); err != nil {
				t.Fatal(err)
			}
			want := shown{real.Code, map[string]string{}, real.Body.Bytes()}
			for name, values := range real.Header() {
				if name != "Date" {
					want.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
				}
			}
			if diff := cmp.Diff(same(want), same(got)); diff != "" {
				t.Errorf("%s, %s (-real +preview):\n%s", settings, dialect, diff)
			}
		}
	}
}

// metricIn returns the metric that a refusal names.
func metricIn(t *testing.T, dialect string, rec *httptest.ResponseRecorder) string {
	t.Helper()
	for _, m := range []string{"requests", "tokens", "costUsd"} {
		if strings.Contains(rec.Body.String(), `"metric":"`+m+`"`) || strings.Contains(rec.Body.String(), `"limit.metric":"`+m+`"`) {
			return m
		}
	}
	t.Fatalf("%s: no metric in %s", dialect, rec.Body)
	return ""
}

// same makes a comparable text of an answer, without its id.
func same(a shown) []any {
	id := a.Headers["x-request-id"]
	for name, value := range a.Headers {
		a.Headers[name] = strings.ReplaceAll(value, id, "ID")
	}
	delete(a.Headers, "content-length") // it depends on the id's length
	return []any{a.Status, a.Headers, strings.ReplaceAll(strings.TrimSpace(string(a.Body)), id, "ID")}
}

func TestAPreviewNamesUnknownVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("pk_0000000000000000000000", `{"allowedModels": ["gpt-4o"], "limitResponse": {"deepLink": "app://{{plan}}", "message": "Not shown"}}`)
	a := w.control(http.MethodPost, "/limit-response/preview", map[string]any{"limitResponse": map[string]any{"message": "{{usage}} of {{limit}} {{limitType}} for {{identity}}: {{what}}"}})
	var got struct {
		OpenAI           shown
		UnknownVariables []string
		Warnings         []struct{ Path string }
	}
	if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || a.Code != 200 {
		t.Fatalf("status %d: %s", a.Code, a.Body)
	}
	if diff := cmp.Diff([]string{"plan", "what"}, got.UnknownVariables); diff != "" || len(got.Warnings) != 2 {
		t.Errorf("unknown variables (-want +got):\n%s\nand %v, want two warnings", diff, got.Warnings)
	}
	if want := `"message":"100 of 100 requests for user-123: {{what}}"`; !strings.Contains(string(got.OpenAI.Body), want) {
		t.Errorf("body %s, want %s", got.OpenAI.Body, want)
	}
	for _, body := range []any{map[string]any{"metric": "euros"}, map[string]any{"limitResponse": map[string]any{"code": "x"}}, map[string]any{"other": 1}} {
		if a := w.control(http.MethodPost, "/limit-response/preview", body); a.Code != http.StatusBadRequest {
			t.Errorf("%v: status %d, want 400: %s", body, a.Code, a.Body)
		}
	}
}

// The answer to changed settings can be seen before they are saved.
func TestAPreviewTriesSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("pk_0000000000000000000000", `{"requestLimit": 5, "limitResponse": {"message": "{{usage}} of {{limit}}"}}`)
	a := w.control(http.MethodPost, "/limit-response/preview", map[string]any{"metric": "requests", "settings": map[string]any{"requestLimit": 2}})
	if want := `"message":"2 of 2"`; a.Code != 200 || !strings.Contains(a.Body.String(), want) {
		t.Errorf("status %d, body %s, want %s", a.Code, a.Body, want)
	}
	a = w.control(http.MethodPost, "/limit-response/preview", map[string]any{"settings": map[string]any{"requestLimit": -2}})
	if a.Code != http.StatusBadRequest || !strings.Contains(a.Body.String(), "body.settings.requestLimit") {
		t.Errorf("status %d, body %s, want 400 with the path", a.Code, a.Body)
	}
}
