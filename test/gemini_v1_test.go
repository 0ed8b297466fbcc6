package test

import (
	"net/http"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// Google's SDK for JavaScript calls v1 of the API unless told otherwise.
func TestGeminiIsServedInBothVersionsOfItsAPI(t *testing.T) {
	t.Parallel()
	var path string
	s := stack.New(t, stack.Options{
		Settings: `{"modelLimits":{"gemini-2.0-flash":{"requestLimit":1}}}`,
		Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.Path
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"candidates":[],"usageMetadata":{"promptTokenCount":2,"totalTokenCount":2}}`))
		}),
	})
	const body = `{"contents":[{"parts":[{"text":"hi"}]}]}`
	if a := s.Post("/v1/models/gemini-2.0-flash:generateContent", "u", body); a.Status != http.StatusOK {
		t.Fatalf("v1: status %d: %s", a.Status, a.Body)
	}
	if want := "/v1/models/gemini-2.0-flash:generateContent"; path != want {
		t.Errorf("upstream got %s, want %s", path, want)
	}
	// Both count as the same model, and errors are Google's.
	a := s.Post("/v1beta/models/gemini-2.0-flash:generateContent", "u", body)
	if a.Status != http.StatusTooManyRequests {
		t.Fatalf("v1beta after v1: status %d, want 429", a.Status)
	}
	a = s.Post("/v1/models/gemini-2.0-flash:generateContent", "u", body)
	if e, _ := a.JSON(t)["error"].(map[string]any); e["status"] != "RESOURCE_EXHAUSTED" {
		t.Errorf("v1 429: %s, want it in Google's dialect", a.Body)
	}
}

// SDKs retry a 502 and a 504 by themselves. One that cannot get better, or that may have
// been carried out and is counted, they must not.
func TestWhatMayHaveBeenCarriedOutIsNotRetried(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault echo.Fault
		code  string
	}{
		{echo.KeyRefused, "provider_auth_failed"},
		{echo.Close, "provider_unreachable"},
	} {
		s := stack.New(t, stack.Options{Echo: echo.Options{Fault: func(*http.Request, string) echo.Fault { return tc.fault }}})
		a := s.Chat("u", "gpt-4o")
		e, _ := a.JSON(t)["error"].(map[string]any)
		if a.Status != http.StatusBadGateway || e["code"] != tc.code || a.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s: status %d, code %v, x-should-retry %q; want 502, %s, false",
				tc.fault, a.Status, e["code"], a.Header.Get("X-Should-Retry"), tc.code)
		}
	}
}
