package field

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestGiftsAndSettings(t *testing.T) {
	t.Parallel()

	t.Run("tokens-only gifts that can't be spent", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tokenLimit": 5, "requestLimit": 100}`)
		set(t, s, "ann", "{}")
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
		gift(t, s, "ann", `{"tokens": 10}`)
		for left := int64(5); left >= 0; left -= 5 {
			stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
			wantCredits(t, s, "ann", 0, left)
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
		wantUsed(t, s, "ann", 3, 3*(input+output))

		// Nor do tokens pay for requests, which are another metric.
		set(t, s, "bob", `{"requestLimit": 0}`)
		gift(t, s, "bob", `{"tokens": 10}`)
		stack.WantStatus(t, s.Chat("bob", "gpt-4o"), http.StatusTooManyRequests)
		gift(t, s, "bob", `{"requests": 1}`)
		stack.WantStatus(t, s.Chat("bob", "gpt-4o"), http.StatusOK)
		wantCredits(t, s, "bob", 0, 10)
	})

	t.Run("credits lost on failure", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tokenLimit": 0, "requestLimit": 0}`)
		set(t, s, "ann", "{}")
		gift(t, s, "ann", `{"tokens": 100, "requests": 2}`)
		for _, model := range []string{"gpt-4o-fault-server-error", "gpt-4o-fault-rate-limited", "gpt-4o-fault-key-refused", "no-such-model"} {
			for _, stream := range []string{`"stream":false`, `"stream":true`} {
				if a := s.Post(chatPath, "ann", with(strings.Replace(chatBody, "gpt-4o", model, 1), stream)); a.Status < 400 {
					t.Errorf("%s: status %d, want an error", model, a.Status)
				}
				wantCredits(t, s, "ann", 2, 100)
			}
		}
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		wantCredits(t, s, "ann", 1, 100-input-output)
		s.Upstream.Close()
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusBadGateway)
		wantCredits(t, s, "ann", 1, 100-input-output)
		s.Restart()
		wantCredits(t, s, "ann", 1, 100-input-output)
	})

	t.Run("a new tier defaults to zero and blocks everyone", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 3, "tiers": {"new": {}, "nulls": {"requestLimit": null, "tokenLimit": null, "costLimitUsd": null, "modelLimits": null, "requestsPerMinute": null, "concurrentRequests": null}}}`)
		for _, tier := range []string{"new", "nulls"} {
			for range 3 {
				stack.WantStatus(t, s.Chat(tier, "gpt-4o", "x-tier", tier), http.StatusOK)
			}
			stack.WantStatus(t, s.Chat(tier, "gpt-4o", "x-tier", tier), http.StatusTooManyRequests)
		}
	})

	t.Run("saving a form overwrites the key with its mask", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{}`)
		st := s.Store()
		for _, rename := range []string{"once", "twice"} {
			form := shown(t, s, st)
			if strings.Contains(form, stack.StoredKey) {
				t.Errorf("the form shows the key: %s", form)
			}
			change(t, s, st, strings.Replace(form, `"name":"`, `"name":"`+rename, 1))
		}
		s.Restart() // the change was made beside the running server, which looks for such ones only now and then
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		if sent, _ := s.Seen.Last(); sent.Header.Get("Authorization") != "Bearer "+stack.StoredKey {
			t.Errorf("the provider got %q, want the stored key", sent.Header.Get("Authorization"))
		}
	})

	t.Run("a missing `identity` updates an arbitrary user", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 3}`)
		set(t, s, "ann", `{"requestLimit": 5}`)
		before := identity(t, s, "ann")
		for _, call := range [][2]string{
			{"/identities", `{"requestLimit": 0}`},
			{"/identities", `{"identity": null, "requestLimit": 0}`},
			{"/identities", `{"identity": "", "requestLimit": 0}`},
			{"/identities", `{"identity": " ", "requestLimit": 0}`},
			{"/identities/bulk", `{"items": [{"identity": "ann", "requestLimit": 0}, {"requestLimit": 0}]}`},
			{"/identities//gift", `{"tokens": 1}`},
			{"/identities//reset", `{}`},
			{"/identities/gift", `{"tokens": 1}`},
		} {
			if a := s.Control(http.MethodPost, call[0], call[1]); a.Status < 400 || a.Status > 499 {
				t.Errorf("POST %s %s: status %d, want 4xx: %s", call[0], call[1], a.Status, a.Body)
			}
		}
		gift(t, s, "undefined", `{"tokens": 1}`) // a name as any other, which this creates
		if after := identity(t, s, "ann"); after != before {
			t.Errorf("ann changed:\n%s\nwant\n%s", after, before)
		}
		stack.WantError(t, s.Chat("", "gpt-4o"), http.StatusBadRequest, "missing_identity")
		stack.WantError(t, s.Chat(" ", "gpt-4o"), http.StatusBadRequest, "missing_identity")
	})

	t.Run("a gift before the first request is 404", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 0}`)
		gift(t, s, "ann", `{"requests": 1, "reason": "bought a pack"}`)
		wantCredits(t, s, "ann", 1, 0)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusTooManyRequests)
	})

	t.Run("a null override erases the tier's message", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"limitResponse": {"message": "project's", "help": "h"}, "tiers": {"pro": {"requestLimit": 0, "limitResponse": {"message": "tier's", "deepLink": "app://pro"}}}}`)
		for who, override := range map[string]string{
			"ann": `{"tier": "pro"}`,
			"bob": `{"tier": "pro", "limitResponse": null}`,
			"cyd": `{"tier": "pro", "limitResponse": {}}`,
			"dan": `{"tier": "pro", "limitResponse": {"note": "own"}}`,
		} {
			set(t, s, who, override)
			e, _ := stack.ErrorOf(t, s.Chat(who, "gpt-4o"))
			if e["message"] != "tier's" || e["deepLink"] != "app://pro" || e["help"] != "h" {
				t.Errorf("%s with %s gets %v, want the tier's message and link and the project's help", who, override, e)
			}
		}
	})

	t.Run("the deep link never reaches the app", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 0, "limitResponse": {"message": "{{usage}}/{{limit}} of {{identity}}", "deepLink": "app://upgrade?to={{tier}}", "own": {"n": 1}}, "tiers": {"free": {}}}`)
		for _, tc := range []struct{ path, body string }{
			{chatPath, chatBody}, {chatPath, with(chatBody, `"stream":true`)}, {"/v1/responses", `{"model":"gpt-4o","input":"hello"}`},
			{messagesPath, messagesBody}, {messagesPath, with(messagesBody, `"stream":true`)},
			{geminiPath, geminiBody}, {streams[4].path, geminiBody},
		} {
			a := s.Post(tc.path, "ann", tc.body, "x-tier", "free", version[0], version[1])
			stack.WantStatus(t, a, http.StatusTooManyRequests)
			e, _ := stack.ErrorOf(t, a)
			where := e
			if strings.HasPrefix(tc.path, "/v1beta") {
				where = map[string]any{}
				for _, d := range e["details"].([]any) {
					if m, ok := d.(map[string]any)["metadata"].(map[string]any); ok {
						where = m
					}
				}
			}
			if e["message"] != "0/0 of ann" || where["deepLink"] != "app://upgrade?to=free" {
				t.Errorf("%s: %s, want the message filled in and the deep link", tc.path, a.Body)
			}
		}
	})

	t.Run("any column can be written through a settings endpoint", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 3}`)
		set(t, s, "ann", "{}")
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		before := identity(t, s, "ann")
		for _, fields := range []string{
			`"giftedTokens": 1000000`, `"giftedRequests": 9`, `"credits": {"tokens": 9}`, `"credit_tokens": 9`, `"unlimitedUntil": "2099-01-01"`,
			`"usage": {"requests": 0}`, `"createdAt": "2020-01-01T00:00:00Z"`, `"project_id": "pk_other"`, `"projectId": "pk_other"`, `"known": true`,
			`"__proto__": {"enabled": false}`, `"id": 1`,
		} {
			for _, call := range []struct{ method, path, body string }{
				{http.MethodPost, "/identities", `{"identity": "ann", ` + fields + `}`},
				{http.MethodPut, "/identities/ann", `{` + fields + `}`},
				{http.MethodPost, "/identities/bulk", `{"items": [{"identity": "ann", ` + fields + `}]}`},
				{http.MethodPost, "/identities/ann/gift", `{"tokens": 1, ` + fields + `}`},
				{http.MethodPost, "/identities/ann/reset", `{` + fields + `}`},
			} {
				a := s.Control(call.method, call.path, call.body)
				field := strings.Split(fields, `"`)[1]
				if a.Status < 400 || a.Status > 499 || !strings.Contains(a.Body, field) {
					t.Errorf("%s %s %s: status %d, want 4xx that names the field: %s", call.method, call.path, call.body, a.Status, a.Body)
				}
			}
			if _, err := project.ParseSettings([]byte(`{` + fields + `}`)); err == nil {
				t.Errorf("a project's settings take %s", fields)
			}
		}
		for _, fields := range []string{`"secretHash": "x"`, `"secretId": "x"`, `"key": "pk_x"`, `"revision": 1`, `"ownerId": 1`, `"createdAt": 1`} {
			if _, err := project.ParseSettings([]byte(`{` + fields + `}`)); err == nil {
				t.Errorf("a project's settings take %s", fields)
			}
		}
		gift(t, s, "undefined", `{"tokens": 1}`) // a name as any other, which this creates
		if after := identity(t, s, "ann"); after != before {
			t.Errorf("ann changed:\n%s\nwant\n%s", after, before)
		}
	})

	t.Run("−1 means unlimited in one place and blocks in another", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{}`)
		st := s.Store()
		for _, field := range levelFields {
			for name, tc := range map[string]struct {
				settings string
				want     int
			}{
				"project":           {field.with("-1"), http.StatusOK},
				"tier over project": {field.with("0")[:len(field.with("0"))-1] + `, "tiers": {"t": ` + field.with("-1") + `}, "defaultTier": "t"}`, http.StatusOK},
				"tier":              {field.with("-1")[:len(field.with("-1"))-1] + `, "tiers": {"t": ` + field.with("0") + `}, "defaultTier": "t"}`, http.StatusTooManyRequests},
			} {
				if a := s.Chat("ann", "gpt-4o", addProject(t, s, st, tc.settings)...); a.Status != tc.want {
					t.Errorf("%s, %s: status %d, want %d", field.name, name, a.Status, tc.want)
				}
			}
		}
		for name, zeros := range map[string]string{
			"own":   `{"requestLimit": 0, "tokenLimit": 0, "costLimitUsd": 0, "requestsPerMinute": 0, "concurrentRequests": 0}`,
			"model": `{"modelLimits": {"gpt-4o": {"requestLimit": 0, "tokenLimit": 0, "costLimitUsd": 0}}}`,
		} {
			s := limited(t, zeros)
			set(t, s, "ann", strings.ReplaceAll(zeros, ": 0", ": -1"))
			stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
			for i := range strings.Count(zeros, ": 0") {
				// All but one are lifted.
				parts := strings.SplitAfter(zeros, ": 0")
				for j := range parts[:len(parts)-1] {
					if j != i {
						parts[j] = strings.TrimSuffix(parts[j], "0") + "-1"
					}
				}
				object := strings.Join(parts, "")
				set(t, s, name, object)
				if a := s.Chat(name, "gpt-4o"); a.Status != http.StatusTooManyRequests {
					t.Errorf("with %s: status %d, want 429", object, a.Status)
				}
			}
		}
	})
}

func gift(t *testing.T, s *stack.Stack, who, body string) {
	t.Helper()
	control(t, s, http.StatusOK, http.MethodPost, "/identities/"+who+"/gift", body)
}

// wantCredits checks what the app's user and the developer see of credits.
func wantCredits(t *testing.T, s *stack.Stack, who string, requests, tokens int64) {
	t.Helper()
	var credits struct{ GiftedRequests, GiftedTokens int64 }
	a := control(t, s, http.StatusOK, http.MethodGet, "/identities/"+who+"/credits", "")
	if err := json.Unmarshal([]byte(a.Body), &credits); err != nil {
		t.Fatal(err)
	}
	if credits.GiftedRequests != requests || credits.GiftedTokens != tokens {
		t.Errorf("%s has credits %+v, want %d requests and %d tokens", who, credits, requests, tokens)
	}
	if c := usageOf(t, s, who).Credits; c.Requests != requests || c.Tokens != tokens {
		t.Errorf("the app shows %s credits %+v, want %d requests and %d tokens", who, c, requests, tokens)
	}
}

// identity reads everything that the control plane shows of an identity.
func identity(t *testing.T, s *stack.Stack, who string) string {
	t.Helper()
	return control(t, s, http.StatusOK, http.MethodGet, "/identities/"+who, "").Body
}

// shown is the settings document as a form or `project config --get` shows it.
func shown(t *testing.T, s *stack.Stack, st *store.Store) string {
	t.Helper()
	rec, err := st.Project(t.Context(), s.ProjectKey)
	if err != nil {
		t.Fatal(err)
	}
	form, err := json.Marshal(rec.Document().Masked())
	if err != nil {
		t.Fatal(err)
	}
	return string(form)
}
