package field

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestKeys(t *testing.T) {
	t.Parallel()

	t.Run("unknown model names send the caller's key to OpenAI", func(t *testing.T) {
		t.Parallel()
		for _, passThrough := range []bool{true, false} {
			s := stack.New(t, stack.Options{PassThrough: passThrough})
			for _, model := range []string{"llama-3.3-70b", "my-model", "sonnet", "xgpt-4o", "ft:llama-3.3-70b", "claude", "gpt", "o", "ollama", "groq/llama", "//", "gemini_pro"} {
				stack.WantError(t, s.Chat("ann", model), http.StatusBadRequest, "unknown_model")
			}
			if n := s.Seen.Total(); n != 0 {
				t.Errorf("%d requests reached a provider, want none", n)
			}
		}
	})

	t.Run("a stored key goes to another vendor's endpoint", func(t *testing.T) {
		t.Parallel()
		vendorsApart(t)
	})

	t.Run("ciphertext sent as the key when decryption fails", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		// A server does not start with keys that it cannot open: these are damaged while it runs.
		s.Alter(`UPDATE provider_keys SET sealed = substr(sealed, 1, length(sealed) - 4) || 'AAAA'`)
		change(t, s, s.Store(), `{"name": "B"}`)
		await.Within(t, time.Minute, "the change", func() bool { return s.Chat("ann", "gpt-4o").Status == http.StatusServiceUnavailable })
		reached := s.Seen.Total()
		for _, headers := range [][]string{nil, {"Authorization", "Bearer client-provider-key"}} {
			stack.WantError(t, s.Chat("ann", "gpt-4o", headers...), http.StatusServiceUnavailable, "unavailable")
			stack.WantStatus(t, s.Post(messagesPath, "ann", messagesBody, headers...), http.StatusServiceUnavailable)
			stack.WantStatus(t, s.Post(geminiPath, "ann", geminiBody, headers...), http.StatusServiceUnavailable)
		}
		if n := s.Seen.Total(); n != reached {
			t.Errorf("%d requests reached a provider, want none", n-reached)
		}
	})

	t.Run("the provider's error quotes the stored key to the app's user", func(t *testing.T) {
		t.Parallel()
		for _, fault := range []echo.Fault{echo.KeyRefused, echo.KeyForbidden} {
			s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`, Echo: echo.Options{Fault: func(*http.Request, string) echo.Fault { return fault }}})
			for _, tc := range append(streams, []struct{ name, path, body string }{
				{"", chatPath, chatBody}, {"", messagesPath, messagesBody}, {"", geminiPath, geminiBody},
				{"", chatPath, strings.Replace(chatBody, "gpt-4o", "claude-sonnet-4-5", 1)}, {"", chatPath, strings.Replace(chatBody, "gpt-4o", "gemini-2.0-flash", 1)},
			}...) {
				a := s.Post(tc.path, "ann", tc.body, version...)
				stack.WantStatus(t, a, http.StatusBadGateway)
				if !strings.Contains(strings.ToLower(a.Body), "provider_auth_failed") {
					t.Errorf("%s: %s, want provider_auth_failed", tc.path, a.Body)
				}
				if all := fmt.Sprint(a.Body, a.Header); strings.Contains(all, stack.StoredKey[len(stack.StoredKey)-6:]) {
					t.Errorf("%s shows the key: %s", tc.path, all)
				}
			}
			if log := s.Log.String(); strings.Contains(log, stack.StoredKey) {
				t.Error("the log holds the key")
			}
		}
		// Nor where the error is about something else and quotes what was sent.
		s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, fmt.Sprintf(`{"error":{"message":"cannot handle %s"}}`, r.Header), http.StatusInternalServerError)
		})})
		if a := s.Chat("ann", "gpt-4o"); strings.Contains(a.Body, stack.StoredKey) {
			t.Errorf("status %d shows the key: %s", a.Status, a.Body)
		}
	})

	t.Run("slow hashes over random keys let anyone burn a CPU", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{}`)
		last := map[bool]string{true: "B", false: "A"}[strings.HasSuffix(s.SecretKey, "A")]
		// The least of a slow hash is some 50 ms; the fastest of many says what one costs where nothing else is in the way.
		fastest := patience
		for i := range 50 {
			for _, guess := range []string{s.SecretKey[:len(s.SecretKey)-1] + last, "sk_x" + s.SecretKey[4:]} {
				start := time.Now()
				a := s.Control(http.MethodGet, "/identities", "", "Authorization", "Bearer "+guess)
				fastest = min(fastest, time.Since(start))
				if a.Status != http.StatusUnauthorized {
					t.Fatalf("guess %d: status %d, want 401: %s", i, a.Status, a.Body)
				}
			}
		}
		if fastest >= 25*time.Millisecond {
			t.Errorf("a wrong key takes at least %s, want less than 25ms", fastest)
		}
		control(t, s, http.StatusOK, http.MethodGet, "/identities", "")
	})
}

// vendorsApart gives every provider a key and a base URL of its own and looks at what arrives where.
func vendorsApart(t *testing.T) {
	var mu sync.Mutex
	arrived := map[string]map[string]bool{} // by the provider's folder, the keys that came
	vendor := echo.New(echo.Options{})
	t.Cleanup(vendor.Close)
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		keys := []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("x-api-key"), r.Header.Get("x-goog-api-key"), r.URL.Query().Get("key")}
		mu.Lock()
		if arrived[name] == nil {
			arrived[name] = map[string]bool{}
		}
		for _, key := range keys {
			if key != "" {
				arrived[name][key] = true
			}
		}
		mu.Unlock()
		r.URL.Path = "/" + rest
		if strings.HasSuffix(r.Header.Get("x-model"), "-redirect") {
			http.Redirect(w, r, "/openai/v1/chat/completions", http.StatusTemporaryRedirect)
			return
		}
		vendor.ServeHTTP(w, r)
	})})
	names := map[string]string{"openai": "/v1", "anthropic": "", "google": "", "xai": "/v1", "mistral": "/v1", "deepseek": "/v1"}
	stored, keyless := `{"providers": {`, `{"providers": {`
	for name, path := range names {
		base := fmt.Sprintf(`"forwardHeaders": ["x-model"], "baseUrl": "%s/%s%s"`, s.Upstream.URL, name, path)
		stored += fmt.Sprintf(`"%s": {%s, "key": "key-of-%s-0123456789"},`, name, base, name)
		keyless += fmt.Sprintf(`"%s": {%s, "key": null},`, name, base)
	}
	st := s.Store()
	own := addProject(t, s, st, stored+fmt.Sprintf(`"groq": {"baseUrl": "%s/groq/v1", "dialect": "openai", "key": "key-of-groq-0123456789", "models": ["llama-*"]}}}`, s.Upstream.URL))

	models := []string{"gpt-4o", "claude-sonnet-4-5", "gemini-2.0-flash", "grok-4", "mistral-large", "deepseek-chat", "llama-3", "openai/claude-x", "anthropic/gpt-4o", "groq/gpt-4o", "google/gpt-4o"}
	headers := []string{"", "openai", "anthropic", "google", "groq"}
	for _, model := range models {
		for _, header := range headers {
			h := append([]string{"x-provider", header, version[0], version[1]}, own...)
			for _, redirect := range []string{"", "-redirect"} {
				h := append([]string{"x-model", model + redirect}, h...)
				s.Chat("ann", model, h...)
				s.Post(messagesPath, "ann", strings.Replace(messagesBody, "claude-sonnet-4-5", model, 1), h...)
				s.Post("/v1beta/models/"+model+":generateContent", "ann", geminiBody, h...)
				s.Post("/v1/embeddings", "ann", `{"model":"`+model+`","input":"hello"}`, h...)
			}
		}
	}
	names["groq"] = "/v1"
	mu.Lock()
	for name := range names {
		if want := "key-of-" + name + "-0123456789"; len(arrived[name]) != 1 || !arrived[name][want] {
			t.Errorf("%s got the keys %v, want %s and no other", name, arrived[name], want)
		}
	}
	if len(arrived) != len(names) {
		t.Errorf("requests arrived at %d places, want %d", len(arrived), len(names))
	}
	clear(arrived)
	mu.Unlock()

	// The same for keys that clients bring.
	pass := addProject(t, s, st, strings.TrimSuffix(keyless, ",")+`}}`)
	for key, vendors := range map[string]string{
		"sk-ant-api03-client0123456789client0123456789": "anthropic",
		"AIzaClient0123456789Client0123456789abc":       "google",
		"xai-client0123456789client0123456789client01":  "xai",
	} {
		for _, model := range models[:6] {
			for place, value := range map[string]string{"Authorization": "Bearer " + key, "x-api-key": key, "x-goog-api-key": key} {
				s.Chat("ann", model, append([]string{place, value}, pass...)...)
				s.Post(messagesPath, "ann", strings.Replace(messagesBody, "claude-sonnet-4-5", model, 1), append([]string{place, value, version[0], version[1]}, pass...)...)
			}
		}
		mu.Lock()
		for name, keys := range arrived {
			if keys[key] != (name == vendors) {
				t.Errorf("%s got %v; %s is %s's", name, keys, key, vendors)
			}
		}
		if !arrived[vendors][key] {
			t.Errorf("%s never got its own key", vendors)
		}
		mu.Unlock()
	}
}
