package project

import (
	"net/url"
	"testing"
)

// The URL below a base is what url.Parse makes of both together.
func TestProviderURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://h", "https://h/v1", "http://h:8080/a/b", "https://h/v1/acct(1)!*"} {
		parsed, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		p := &Provider{BaseURL: base, base: parsed}
		for _, path := range []string{"/chat/completions", "/v1beta/models/a%2Fb:generateContent", "/models/gemini-2.5-flash:countTokens"} {
			want, err := url.Parse(base + path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.URL(path); err != nil || got.String() != want.String() || got.RequestURI() != want.RequestURI() {
				t.Errorf("%s and %s: got %s, %v; want %s", base, path, got, err, want)
			}
		}
	}
}
