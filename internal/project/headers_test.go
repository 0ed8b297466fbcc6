package project

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/airatelimit/airatelimit/internal/document"
)

// A header that carries a key, an identity or a connection's own business is in neither list, however it is spelled.
func TestListedHeadersAreChecked(t *testing.T) {
	t.Parallel()
	set := func(field, name string) error {
		list, err := json.Marshal([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSettings([]byte(`{"name": "x", "providers": {"openai": {"` + field + `": ` + string(list) + `}}}`))
		return err
	}
	both := []string{"", "a b", "a:b", "x_identity", "x-é", "x\r\ny", "connection", "Transfer-Encoding", "te", "trailer", "upgrade", "content-length", "host",
		"expect", "accept-encoding", "content-encoding", "content-type", "proxy-authorization", "sec-fetch-mode", "access-control-allow-origin"}
	refused := map[string][]string{
		"forwardHeaders": {"authorization", "AUTHORIZATION", "x-api-key", "x-goog-api-key", "api-key", "cookie", "x-project-key", "x-identity", "x-tier", "x-provider", "x-identity-token", "x-firebase-appcheck",
			"x-forwarded-for", "forwarded", "via", "origin", "referer"},
		"returnHeaders": {"set-cookie", "x-request-id", "strict-transport-security", "content-security-policy", "x-content-type-options", "location", "x-ratelimit-limit-requests", "RateLimit"},
	}
	for field, names := range refused {
		for _, name := range append(names, both...) {
			var wrong *document.FieldError
			if err := set(field, name); !errors.As(err, &wrong) || wrong.Path != "providers.openai."+field+"[0]" {
				t.Errorf("%s %q: %v, want it refused", field, name, err)
			}
		}
		for _, name := range []string{"x-portkey-config", "HTTP-Referer", "x-title", "traceparent"} {
			if err := set(field, name); err != nil {
				t.Errorf("%s %q: %v", field, name, err)
			}
		}
		if _, err := ParseSettings([]byte(`{"name": "x", "providers": {"openai": {"` + field + `": []}}}`)); err != nil {
			t.Errorf("no %s: %v", field, err)
		}
		if _, err := ParseSettings([]byte(`{"name": "x", "providers": {"openai": {"` + field + `": ["x-a", "X-A"]}}}`)); err == nil {
			t.Errorf("%s lists one header twice", field)
		}
	}
}
