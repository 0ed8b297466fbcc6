package test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// failing are requests that are refused at different places of the server, and the code of the refusal.
func failing(s *stack.Stack) map[string]string {
	ours := " HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n"
	return map[string]string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n":                                                                              "missing_project_key",
		"POST /v1/messages" + ours + "Content-Length: 1\r\n\r\n{":                                                                            "invalid_request",
		"POST /v1beta/models/gemini-2.0-flash:generateContent" + ours + "Content-Length: 16\r\n\r\n{\"contents\":\"x\"}":                     "limit_exceeded",
		"GET /v1/files" + ours + "\r\n":                                                                                                      "unsupported_endpoint",
		"GET /v1/usage HTTP/1.1\r\nHost: x\r\nX-Identity: \x01\r\n\r\n":                                                                      "invalid_identity",
		"GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n":                                                                                       "not_found",
		"DELETE /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n":                                                                               "method_not_allowed",
		"GET /api/projects/" + s.ProjectKey + "/identities HTTP/1.1\r\nHost: x\r\n\r\n":                                                      "invalid_secret_key",
		"GET /api/projects/pk_x/identities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.SecretKey + "\r\n\r\n":                         "wrong_project",
		"GET /api/projects/" + s.ProjectKey + "/identities/v HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.SecretKey + "\r\n\r\n":       "unknown_identity",
		"GET /api/projects/" + s.ProjectKey + "/identities?limit=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.SecretKey + "\r\n\r\n": "invalid_request",
		"GET /api/projects HTTP/1.1\r\nHost: x\r\nX: \x01\r\n\r\n":                                                                           "invalid_request",
	}
}

var docURL = regexp.MustCompile(`"doc_url":"([^"]*)"`)

// With PUBLIC_DOCS_URL every error has doc_url, which leads to its code on the page of errors. Without it none has.
func TestDocURL_LeadsToTheCode(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs/errors.md")
	for base, env := range map[string]map[string]string{"": nil, "https://docs.example/v1": {"PUBLIC_DOCS_URL": "https://docs.example/v1/"}} {
		s := stack.New(t, stack.Options{Settings: `{"requestLimit": 0}`, Env: env})
		for request, code := range failing(s) {
			c := dial(t, s)
			c.send(request)
			a := c.answer()
			c.close()
			var got string
			if m := docURL.FindStringSubmatch(a.Body); m != nil {
				got = m[1]
			}
			want := base + "/errors.md#" + code
			if base == "" {
				want = ""
			}
			if got != want || a.Status < 400 {
				t.Errorf("%q: doc_url is %q, want %q: %d %s", request, got, want, a.Status, a.Body)
			}
			if !strings.Contains(page, `<a id="`+code+`"></a>`) {
				t.Errorf("docs/errors.md has no anchor %s", code)
			}
		}
	}
}

// A doc_url of the developer's own is shown in place of ours.
func TestDocURL_OfTheLimitResponseWins(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 0, "limitResponse": {"doc_url": "https://app.example/why"}}`,
		Env: map[string]string{"PUBLIC_DOCS_URL": "https://docs.example"}})
	for _, d := range dialects {
		a := s.Do(d.request(s, "u", false))
		if got := docURL.FindAllStringSubmatch(a.Body, -1); len(got) != 1 || got[0][1] != "https://app.example/why" {
			t.Errorf("%s: doc_url is %q, want https://app.example/why once: %s", d.name, got, a.Body)
		}
	}
}
