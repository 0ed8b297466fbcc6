package test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// Every spelling but the contract's is 404, without a redirect, and never reaches the provider with a stored key.
func TestPaths_OddSpellingsAre404(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	body := openAI.body("gpt-4o", false)
	for _, target := range []string{
		"//v1/chat/completions", "/v1//chat/completions", "/v1/chat//completions", "/v1/chat/completions/", "/v1/chat/./completions",
		"/v1/chat/../chat/completions", "/v1/x/../chat/completions", "/./v1/chat/completions", "/../v1/chat/completions", "/x/../v1/chat/completions", "/healthz/../v1/chat/completions",
		"/%761/chat/completions", "/v1/chat%2fcompletions", "/v1/chat/completion%73", "/v1/%2e/chat/completions", "/v1/%2e%2e/v1/chat/completions",
		"/v1/chat/completions%00", "/v1/chat/completions;x=1", "/v1/chat/completions%20", "/v1/chat/completions%3f", `/v1\chat\completions`, "/v1%5cchat/completions",
		"/V1/chat/completions", "/v1/Chat/Completions", "/v1/chat/completions%2f..", "/v1", "/v1/", "/v1/models/gpt-4o", "/v1/models//gpt-4o", "/v1/files", "/v1/fine_tuning/jobs",
		"/v1/responses/resp_1", "/v1/batches", "/v1/organization/usage/completions", "/v1/messages/batches", "/v1/assistants", "/v1/realtime", "/v1beta/files",
		"/v1beta/models/gemini-2.0-flash", "/v1beta/models/gemini-2.0-flash:predict", "/v1beta/models/gemini-2.0-flash:generateContent:generateContent",
		"/v1beta/models/gemini-2.0-flash%3agenerateContent", "/v1beta/models/../models/gemini-2.0-flash:generateContent", "/v1beta/models/%2e%2e:generateContent",
		"/v1beta/models/a%2f..%2fb:generateContent", "/v1beta/models/gemini-2.0-flash%2500:generateContent", "/v1beta/models/x%0d%0ay:generateContent",
		"/v1beta/models/:generateContent", "/v1beta/models/x?:generateContent", "/v1beta//models/gemini-2.0-flash:generateContent", "/v1beta/tunedModels/x:generateContent",
		"/v1alpha/models/gemini-2.0-flash:generateContent", "/v1betamodels", "/v11/chat/completions",
	} {
		c := dial(t, s)
		c.send("POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body)
		a := c.answer()
		if a.Status != 404 || a.Header.Get("Location") != "" {
			t.Errorf("%s: status %d, location %q: %.200s", target, a.Status, a.Header.Get("Location"), a.Body)
			continue
		}
		if _, code := stack.ErrorOf(t, a); code != "unsupported_endpoint" {
			t.Errorf("%s: %s", target, a.Body)
		}
	}
	if n := s.Seen.Total(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
	wantCharge(t, s, "u", 0, 0)
}

// A path beside /v1 is answered in the dialect that its caller reads, with the base URL that it should have, and without
// redirects; the probes keep their paths.
func TestPaths_BesideTheVersion(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	raw := func(method, target string) stack.Answer {
		c := dial(t, s)
		c.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\nContent-Length: 2\r\n\r\n{}")
		return c.answer()
	}
	for target, c := range map[string]struct {
		dialect int
		says    string
	}{
		"/chat/completions": {0, "followed by /v1"}, "/openai/v1/chat/completions": {0, "followed by /v1"}, "/v1/v1/responses": {0, "followed by /v1"}, "/embeddings": {0, "followed by /v1"},
		"/messages": {1, "address alone"}, "/anthropic/v1/messages": {1, "address alone"}, "/messages/count_tokens": {1, "address alone"},
		"/models/gemini-2.0-flash:generateContent": {2, "address alone"}, "/google/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse": {2, "address alone"},
		"/": {0, ""}, "/nothing": {0, ""}, "/healthz": {0, ""}, "/healthz/": {0, ""}, "/readyz/x": {0, ""}, "/api": {0, ""}, "/health/../foo": {0, ""}, "/healthz/../readyz": {0, ""},
		"/./healthz": {0, ""}, "/%68ealthz": {0, ""}, "//healthz": {0, ""},
	} {
		a := raw("POST", target)
		if a.Header.Get("Location") != "" {
			t.Errorf("%s leads to %s", target, a.Header.Get("Location"))
		}
		if a.Status != 404 || !strings.Contains(a.Body, c.says) || c.says == "" && strings.Contains(a.Body, "base URL") {
			t.Errorf("%s: status %d, %s; want 404 and %q", target, a.Status, a.Body, c.says)
			continue
		}
		wantErrorShape(t, a, c.dialect, 404, "unsupported_endpoint")
	}
	for target, status := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/api/health": 200, "/metrics": 200, "/healthz/../readyz": 404, "/favicon.ico": 404, "/models": 404} {
		if a := raw("GET", target); a.Status != status || a.Header.Get("Location") != "" {
			t.Errorf("GET %s: status %d, want %d: %.200s", target, a.Status, status, a.Body)
		}
	}
	wantCharge(t, s, "u", 0, 0)
}

// Below /api a path is the control plane's, which does not redirect to the data plane either.
func TestPaths_ControlPlaneDoesNotLeadHere(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, target := range []string{"/api/../v1/usage", "/api/%2e%2e/v1/usage", "/api//v1/usage"} {
		c := dial(t, s)
		c.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n\r\n")
		if a := c.answer(); a.Status != 404 || a.Header.Get("Location") != "" {
			t.Errorf("%s: status %d, location %q", target, a.Status, a.Header.Get("Location"))
		}
	}
}

func TestPaths_OtherMethodsAre404(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "post"} {
		a := s.Do(s.Request(method, "/v1/chat/completions", "u", ""))
		if a.Status != 404 {
			t.Errorf("%s: status %d", method, a.Status)
		}
	}
	for _, path := range []string{"/v1/usage", "/v1/models", "/v1beta/models"} {
		for _, method := range []string{"POST", "HEAD", "DELETE"} {
			if a := s.Do(s.Request(method, path, "u", "")); a.Status != 404 {
				t.Errorf("%s %s: status %d", method, path, a.Status)
			}
		}
	}
}

// A target in absolute form means the same path.
func TestPaths_AbsoluteForm(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for target, status := range map[string]int{"http://x/v1/usage": 200, "http://x/v1/chat/../usage": 404, "http://x//v1/usage": 404} {
		c := dial(t, s)
		c.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n\r\n")
		if a := c.answer(); a.Status != status {
			t.Errorf("%s: status %d, want %d", target, a.Status, status)
		}
	}
}

// The provider sees the contract's own path, with the query, and Gemini's model decoded once.
func TestPaths_WhatTheProviderSees(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for path, want := range map[string]string{
		"/v1/chat/completions?api-version=1&x=%2F":                                          "/v1/chat/completions",
		"/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse&key=" + s.ProjectKey: "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse",
		"/v1beta/models/gemini%2d2.0-flash:generateContent?%6bey=" + s.ProjectKey:           "/v1beta/models/gemini-2.0-flash:generateContent?",
		"/v1beta/models/google%2Fgemini-2.0-flash:generateContent?KEY=x":                    "/v1beta/models/gemini-2.0-flash:generateContent?",
	} {
		body := gemini.body("", false)
		if strings.HasPrefix(path, "/v1/") {
			body = openAI.body("gpt-4o", false)
		}
		a := s.Do(s.Request(http.MethodPost, path, "u", body))
		if a.Status != 200 {
			t.Errorf("%s: status %d: %s", path, a.Status, a.Body)
		}
		seen, _ := s.Seen.Last()
		if got := strings.TrimSuffix(seen.Path+"?"+seen.Query, "?"); got != strings.TrimSuffix(want, "?") {
			t.Errorf("%s became %s, want %s", path, got, want)
		}
	}
}

// Every answer has a request id of ours.
func TestPaths_EveryAnswerHasARequestID(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	seen := map[string]bool{}
	for _, path := range []string{"/", "/nope", "/healthz", "/readyz", "/api/health", "/api/nope", "/v1/nope", "/v1/usage", "/v1/models"} {
		id := s.Do(s.Request(http.MethodGet, path, "u", "")).Header.Get("X-Request-Id")
		if !strings.HasPrefix(id, "req_") || seen[id] {
			t.Errorf("%s: request id %q, want a new one", path, id)
		}
		seen[id] = true
	}
}
