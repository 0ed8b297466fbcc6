package project

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestKeysAreFoundInEveryPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header http.Header
		query  string
		want   SentKeys
		fails  bool
	}{
		"none":                    {nil, "", SentKeys{}, false},
		"bearer":                  {http.Header{"Authorization": {"Bearer k"}}, "", SentKeys{PlaceBearer: "k"}, false},
		"bearer in another case":  {http.Header{"Authorization": {"bEARER  k "}}, "", SentKeys{PlaceBearer: "k"}, false},
		"another scheme":          {http.Header{"Authorization": {"Basic k"}}, "", SentKeys{}, false},
		"no scheme":               {http.Header{"Authorization": {"k"}}, "", SentKeys{}, false},
		"x-api-key":               {http.Header{"X-Api-Key": {" k "}}, "", SentKeys{PlaceAPIKey: "k"}, false},
		"x-goog-api-key":          {http.Header{"X-Goog-Api-Key": {"k"}}, "", SentKeys{PlaceGoogAPIKey: "k"}, false},
		"query":                   {nil, "a=b&key=k", SentKeys{PlaceQuery: "k"}, false},
		"query, encoded":          {nil, "%6Bey=%6B", SentKeys{PlaceQuery: "k"}, false},
		"query, another case":     {nil, "KEY=k", SentKeys{PlaceQuery: "k"}, false},
		"query, badly encoded":    {nil, "key=%zz", SentKeys{PlaceQuery: "%zz"}, false},
		"query, another name":     {nil, "keys=k&api_key=k&=k&key", SentKeys{}, false},
		"the same twice":          {http.Header{"X-Api-Key": {"k", "k"}}, "key=k&key=k", SentKeys{PlaceAPIKey: "k", PlaceQuery: "k"}, false},
		"all places":              {http.Header{"Authorization": {"Bearer a"}, "X-Api-Key": {"b"}, "X-Goog-Api-Key": {"c"}}, "key=d", SentKeys{"a", "b", "c", "d"}, false},
		"two different":           {http.Header{"X-Api-Key": {"k1", "k2"}}, "", SentKeys{}, true},
		"two different bearers":   {http.Header{"Authorization": {"Bearer k1", "Bearer k2"}}, "", SentKeys{}, true},
		"two different in google": {http.Header{"X-Goog-Api-Key": {"k1", "k2"}}, "", SentKeys{}, true},
		"two different in query":  {nil, "key=k1&%6bey=k2", SentKeys{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := KeysOf(tc.header, tc.query)
			if tc.fails {
				if err == nil || strings.Contains(err.Error(), "k1") || strings.Contains(err.Error(), "k2") {
					t.Errorf("error %v; want one that quotes no key", err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("KeysOf = %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestIsKey(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"pk_0123456789abcdefghij": true, "pk_a": true, "pk_a-b_c": true,
		"": false, "pk_": false, "pk-abc": false, "PK_abc": false, "sk_abc": false, "pk_a b": false, "pk_é": false, "pk_a/b": false, "pk_a%": false,
		"pk_" + strings.Repeat("a", 125): true, "pk_" + strings.Repeat("a", 126): false,
	} {
		if got := IsKey(s); got != want {
			t.Errorf("IsKey(%q) = %v; want %v", s, got, want)
		}
	}
}

// A bare sk- can be nobody's whose keys all have a shape of their own.
func TestKeyFits(t *testing.T) {
	t.Parallel()
	for key, vendors := range map[string]string{
		"sk-x": "openai mistral deepseek", "sk-ant-x": "anthropic", "AIzax": "google", "AQ.x": "google", "xai-x": "xai", "sk-proj-x": "openai", "sk-T3BlbkFJ": "openai",
		"gsk_x": "", "0123": "openai anthropic google xai mistral deepseek", "ya29.x": "openai anthropic google xai mistral deepseek",
	} {
		for _, v := range Vendors() {
			if got, want := KeyFits(key, v.Name), slices.Contains(strings.Fields(vendors), v.Name); got != want {
				t.Errorf("KeyFits(%q, %s) = %v; want %v", key, v.Name, got, want)
			}
		}
	}
	for document, refused := range map[string]bool{
		`{"providers": {"anthropic": {"key": "sk-0123456789abcdef"}}}`:                                           true,
		`{"providers": {"anthropic": {"key": "sk-0123456789abcdef", "baseUrl": "https://api.anthropic.com/"}}}`:  true,
		`{"providers": {"anthropic": {"key": "sk-0123456789abcdef", "baseUrl": "https://proxy.example"}}}`:       false, // a proxy's own key
		`{"providers": {"anthropic": {"key": "sk-0T3BlbkFJ56789abcdef", "baseUrl": "https://proxy.example"}}}`:   true,
		`{"providers": {"deepseek": {"key": "sk-0123456789abcdef"}, "mistral": {"key": "sk-0123456789abcdef"}}}`: false,
	} {
		if _, err := ParseSettings([]byte(document)); (err != nil) != refused {
			t.Errorf("%s: %v; want refused: %v", document, err, refused)
		}
	}
}

func TestKeyOwner(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"sk-ant-api03-x": "anthropic", "AIzaSyX": "google", "xai-x": "xai", "sk-proj-x": "openai", "sk-svcacct-x": "openai",
		"gsk_x": "other", "sk-or-v1-x": "other", "sk-x": "", "": "", "anything": "", "aizax": "", "AQ.Ab8x": "google", "aq.x": "", "AQx": "",
		"sk-0123T3BlbkFJ0123": "openai", "sess-T3BlbkFJx": "openai", "sk-ant-T3BlbkFJ": "anthropic", "sk-t3blbkfj": "",
	} {
		if got := KeyOwner(key); got != want {
			t.Errorf("KeyOwner(%q) = %q; want %q", key, got, want)
		}
	}
}
