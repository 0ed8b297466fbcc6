package provider

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/secret"
)

const pk = "pk_0123456789abcdefghij"

// authorize routes a model at a path and authorizes the request.
func authorize(t testing.TB, doc, path, model string, h http.Header, query string) (Credential, error) {
	t.Helper()
	ep := endpoint(t, http.MethodPost, path)
	target, err := Route(snapshot(t, doc), ep, model, "")
	if err != nil {
		t.Fatalf("Route: %v", err)
	}
	return Authorize(target, ep, h, query, pk)
}

const storedKeys = `{"providers": {
	"openai": {"key": "sk-proj-stored0123456789"},
	"anthropic": {"key": "sk-ant-stored0123456789"},
	"google": {"key": "AIzaStored0123456789"},
	"own": {"baseUrl": "https://own.example/v1", "dialect": "openai", "key": "own-stored-0123456789"}}}`

const (
	chatPath     = "/v1/chat/completions"
	messagesPath = "/v1/messages"
	geminiPath   = "/v1beta/models/gemini-x:generateContent"
)

// placed lists the keys that go out, by place.
func placed(c Credential) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
		if v, ok := c.Header[name]; ok {
			out[name] = strings.Join(v, "|")
		}
	}
	for parameter := range strings.SplitSeq(c.Query, "&") {
		if v, ok := strings.CutPrefix(parameter, "key="); ok {
			out["?key"] = v
		}
	}
	return out
}

func TestAStoredKeyWinsAndGoesWhereTheVendorHasIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, model string
		place, want string
	}{
		"openai":                 {chatPath, "gpt-x", "Authorization", "Bearer sk-proj-stored0123456789"},
		"own":                    {chatPath, "own/x", "Authorization", "Bearer own-stored-0123456789"},
		"anthropic":              {messagesPath, "claude-x", "X-Api-Key", "sk-ant-stored0123456789"},
		"anthropic, OpenAI-like": {chatPath, "claude-x", "Authorization", "Bearer sk-ant-stored0123456789"},
		"google":                 {geminiPath, "gemini-x", "X-Goog-Api-Key", "AIzaStored0123456789"},
		"google, OpenAI-like":    {chatPath, "gemini-x", "Authorization", "Bearer AIzaStored0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clients := http.Header{"Authorization": {"Bearer client"}, "X-Api-Key": {"client2"}, "X-Goog-Api-Key": {"client3"}, "Api-Key": {"client4"}}
			for _, h := range []http.Header{{}, clients, {"Authorization": {"Bearer " + pk}}, {"Authorization": {"Bearer a", "Bearer b"}}} {
				got, err := authorize(t, storedKeys, tc.path, tc.model, h, "key=client5&beta=true")
				if err != nil {
					t.Fatalf("Authorize: %v", err)
				}
				if diff := cmp.Diff(map[string]string{tc.place: tc.want}, placed(got)); diff != "" {
					t.Errorf("keys sent (-want +got):\n%s", diff)
				}
				if want := map[bool]string{true: "beta=true"}[tc.path == messagesPath]; got.Query != want {
					t.Errorf("query %q", got.Query)
				}
				if _, ok := got.Header["Api-Key"]; ok {
					t.Error("the client's api-key goes out")
				}
			}
		})
	}
}

func TestAClientsKeyGoesOutWhereTheClientPutIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, model string
		header      http.Header
		query       string
		want        map[string]string
	}{
		"bearer":                       {chatPath, "gpt-x", http.Header{"Authorization": {"Bearer sk-client"}}, "", map[string]string{"Authorization": "Bearer sk-client"}},
		"x-api-key":                    {messagesPath, "claude-x", http.Header{"X-Api-Key": {"sk-ant-client"}}, "", map[string]string{"X-Api-Key": "sk-ant-client"}},
		"x-api-key, OpenAI-like":       {chatPath, "claude-x", http.Header{"X-Api-Key": {"sk-ant-client"}}, "", map[string]string{"X-Api-Key": "sk-ant-client"}},
		"bearer at Anthropic":          {messagesPath, "claude-x", http.Header{"Authorization": {"Bearer sk-ant-oat"}}, "", map[string]string{"Authorization": "Bearer sk-ant-oat"}},
		"x-goog-api-key":               {geminiPath, "gemini-x", http.Header{"X-Goog-Api-Key": {"AIzaClient"}}, "", map[string]string{"X-Goog-Api-Key": "AIzaClient"}},
		"query":                        {geminiPath, "gemini-x", nil, "key=AIzaClient", map[string]string{"?key": "AIzaClient"}},
		"query, to be escaped":         {geminiPath, "gemini-x", nil, "key=a%26b%3D", map[string]string{"?key": "a%26b%3D"}},
		"beside a project key":         {geminiPath, "gemini-x", http.Header{"X-Goog-Api-Key": {pk}}, "key=AIzaClient", map[string]string{"?key": "AIzaClient"}},
		"project key in bearer":        {messagesPath, "claude-x", http.Header{"Authorization": {"Bearer " + pk}, "X-Api-Key": {"sk-ant-client"}}, "", map[string]string{"X-Api-Key": "sk-ant-client"}},
		"two: the endpoint's own":      {messagesPath, "claude-x", http.Header{"Authorization": {"Bearer other"}, "X-Api-Key": {"sk-ant-client"}}, "", map[string]string{"X-Api-Key": "sk-ant-client"}},
		"two: else the first":          {geminiPath, "gemini-x", http.Header{"Authorization": {"Bearer ya29.x"}, "X-Api-Key": {"other"}}, "", map[string]string{"Authorization": "Bearer ya29.x"}},
		"a shape that does not tell":   {chatPath, "mistral-x", http.Header{"Authorization": {"Bearer 0123456789"}}, "", map[string]string{"Authorization": "Bearer 0123456789"}},
		"an own vendor's, to its own":  {chatPath, "groq/x", http.Header{"Authorization": {"Bearer gsk_client"}}, "", map[string]string{"Authorization": "Bearer gsk_client"}},
		"a vendor under another name":  {messagesPath, "claude2/x", http.Header{"X-Api-Key": {"sk-ant-client"}}, "", map[string]string{"X-Api-Key": "sk-ant-client"}},
		"sk- at DeepSeek":              {chatPath, "deepseek-x", http.Header{"Authorization": {"Bearer sk-client"}}, "", map[string]string{"Authorization": "Bearer sk-client"}},
		"sk- at a private server":      {chatPath, "groq/x", http.Header{"Authorization": {"Bearer sk-client"}}, "", map[string]string{"Authorization": "Bearer sk-client"}},
		"Google's newer keys":          {geminiPath, "gemini-x", nil, "key=AQ.Ab8client", map[string]string{"?key": "AQ.Ab8client"}},
		"a vendor behind another base": {chatPath, "grok-x", http.Header{"Authorization": {"Bearer xai-client"}}, "", map[string]string{"Authorization": "Bearer xai-client"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := authorize(t, passThrough, tc.path, tc.model, tc.header, tc.query)
			if err != nil {
				t.Fatalf("Authorize: %v", err)
			}
			if diff := cmp.Diff(tc.want, placed(got)); diff != "" {
				t.Errorf("keys sent (-want +got):\n%s", diff)
			}
		})
	}
}

const passThrough = `{"providers": {
	"groq": {"baseUrl": "https://api.groq.com/openai/v1", "dialect": "openai"},
	"claude2": {"baseUrl": "https://API.anthropic.com", "dialect": "anthropic"},
	"xai": {"baseUrl": "https://eu.example/v1"}}}`

// A key goes to its own vendor only.
func TestFieldFailure_AStoredKeyGoesToAnotherVendorsEndpoint(t *testing.T) {
	t.Parallel()
	ours, _, _ := secret.NewSecretKey()
	for key, models := range map[string]string{
		"sk-ant-client":              "gpt-x gemini-x grok-x mistral-x deepseek-x groq/x",
		"AIzaClient":                 "gpt-x claude-x grok-x mistral-x deepseek-x groq/x",
		"xai-client":                 "gpt-x claude-x gemini-x mistral-x deepseek-x groq/x",
		"sk-proj-client":             "claude-x gemini-x grok-x mistral-x deepseek-x groq/x",
		"sk-svcacct-client":          "claude-x gemini-x grok-x mistral-x deepseek-x groq/x",
		"gsk_client":                 "gpt-x claude-x gemini-x grok-x mistral-x deepseek-x",
		"AQ.Ab8client":               "gpt-x claude-x grok-x mistral-x deepseek-x groq/x",
		"sk-client":                  "claude-x gemini-x grok-x", // the other vendors' keys, and a private server's, may start so
		"sk-xT3BlbkFJx":              "claude-x gemini-x grok-x mistral-x deepseek-x groq/x",
		"xT3BlbkFJx":                 "mistral-x groq/x",
		"eyJhbGciOiJSUzI1NiJ9.e30.x": "gpt-x claude-x gemini-x grok-x mistral-x deepseek-x", // an identity provider's token
		ours:                         "gpt-x claude-x gemini-x grok-x mistral-x deepseek-x groq/x",
	} {
		for model := range strings.FieldsSeq(models) {
			for _, h := range []http.Header{{"Authorization": {"Bearer " + key}}, {"X-Api-Key": {key}}, {"X-Goog-Api-Key": {key}}} {
				got, err := authorize(t, passThrough, chatPath, model, h, "")
				refusal(t, err, 400, "key_provider_mismatch", "not forwarded")
				if got.Header != nil || err != nil && strings.Contains(err.Error(), key) {
					t.Errorf("%s to %s: %v, %v", key, model, got, err)
				}
			}
		}
	}
	// A stored key belongs to one provider: a provider without a stored key gets none.
	_, err := authorize(t, storedKeys, chatPath, "grok-x", nil, "")
	refusal(t, err, 401, "missing_provider_key", "xai")
}

func TestNoKeyIsSaidSo(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Header{
		"nothing": nil, "project key": {"Authorization": {"Bearer " + pk}}, "everywhere": {"X-Api-Key": {pk}, "X-Goog-Api-Key": {pk}},
		"another scheme": {"Authorization": {"Basic dTpw"}}, "blank": {"Authorization": {"Bearer "}, "X-Api-Key": {" "}},
		"not quite a project key": {"X-Api-Key": {"pk_é"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := authorize(t, `{}`, chatPath, "gpt-x", h, "key="+pk)
			refusal(t, err, 401, "missing_provider_key", "store one in the project's settings")
		})
	}
	_, err := authorize(t, `{}`, chatPath, "gpt-x", http.Header{"Authorization": {"Bearer a1", "Bearer b2"}}, "")
	refusal(t, err, 400, "invalid_request", "two different keys in Authorization")
}

// If the stored key cannot be opened, nothing is sent: neither the ciphertext nor the client's key.
func TestFieldFailure_CiphertextSentAsTheKeyWhenDecryptionFails(t *testing.T) {
	t.Parallel()
	got, err := authorize(t, `{"providers": {"openai": {"key": "unopenable-0123456789"}}}`, chatPath, "gpt-x", http.Header{"Authorization": {"Bearer sk-client"}}, "")
	refusal(t, err, 503, "unavailable", "Set it again")
	if got.Header != nil {
		t.Errorf("headers to send: %v", got.Header)
	}
}

// The project key reaches no provider, wherever the client puts it.
func TestAProjectKeyNeverLeaves(t *testing.T) {
	t.Parallel()
	h := http.Header{
		"Authorization": {"Bearer " + pk}, "X-Api-Key": {pk}, "X-Goog-Api-Key": {pk}, "Api-Key": {pk}, "X-Project-Key": {pk},
		"Accept": {"a", "key:" + pk}, "User-Agent": {"id_" + pk + "_1"}, "X-Client-Request-Id": {"x" + pk}, "X-Stainless-Os": {pk}, "X-Stainless-Lang": {"spk_0123456789"},
	}
	for _, doc := range []string{storedKeys, passThrough} {
		query := "key=" + pk + "&x=" + pk + "&" + pk + "=1&%6bey=" + pk + "&y=%70k_0123456789abcdefghij&beta=true"
		path, model := messagesPath, "claude-x"
		if doc == passThrough {
			h = h.Clone()
			h["X-Api-Key"] = []string{"sk-ant-client"}
		}
		got, err := authorize(t, doc, path, model, h, query)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range got.Header {
			if strings.Contains(strings.ToLower(name+" "+strings.Join(values, " ")), pk) {
				t.Errorf("it leaves in %s: %q", name, values)
			}
		}
		if got.Query != "beta=true" || got.Header.Get("X-Stainless-Lang") == "" {
			t.Errorf("query %q, kept header %q", got.Query, got.Header.Get("X-Stainless-Lang"))
		}
	}
}

// Only the parameters that the dialect documents go out, each in one spelling.
func TestQueryParametersGoOutByList(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ path, model, query, want string }{
		{messagesPath, "claude-x", "", ""}, {messagesPath, "claude-x", "beta=true", "beta=true"}, {messagesPath, "claude-x", "x=1&%62eta=%74rue&&y", "beta=true"},
		{messagesPath, "claude-x", "beta=true;x=1", ""}, {messagesPath, "claude-x", "beta=x&alt=sse", ""}, {messagesPath, "claude-x", "Beta=true", ""},
		{chatPath, "gpt-x", "beta=true&alt=sse&api-version=1&fields=x", ""}, {chatPath, "gemini-x", "alt=sse", ""},
		{geminiPath, "gemini-x", "alt=sse", "alt=sse"}, {geminiPath, "gemini-x", "key=x&%61lt=json&prettyPrint=false&beta=true", "alt=json"}, {geminiPath, "gemini-x", "alt=sse&alt=sse", "alt=sse"},
	} {
		got, err := authorize(t, storedKeys, tc.path, tc.model, nil, tc.query)
		if err != nil || got.Query != tc.want {
			t.Errorf("%s, %s: %q goes out as %q, %v; want %q", tc.path, tc.model, tc.query, got.Query, err, tc.want)
		}
	}
	_, err := authorize(t, storedKeys, geminiPath, "gemini-x", nil, "alt=sse&alt=json")
	refusal(t, err, 400, "invalid_request", "twice")
}

// Google's system parameters can remove the usage from the answer, and replace the method or headers.
func TestGeminisAnswerKeepsItsUsage(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"alt=media", "alt=proto", "alt=", "Alt=media", "%61lt=media", "alt=sse&alt=media", "$alt=json", "%24alt=json", "fields=candidates", "$fields=candidates",
		"%66ields=candidates", "Fields=x", "callback=f", "$callback=f", "$httpMethod=GET", "$httpHeaders=x", "access_token=x", "oauth_token=x", "$key=x", "$.xgafv=1",
		"alt=json;enum-encoding=int", "userProject=x", "X-HTTP-Method-Override=GET",
	} {
		for _, path := range []string{geminiPath, chatPath} { // both are served by Google
			_, err := authorize(t, storedKeys, path, "gemini-x", nil, query)
			refusal(t, err, 400, "invalid_request", "query parameter")
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	p, ep := snapshot(b, storedKeys), endpoint(b, http.MethodPost, chatPath)
	target, err := Route(p, ep, "gpt-4o", "")
	if err != nil {
		b.Fatal(err)
	}
	h := http.Header{
		"Authorization": {"Bearer " + pk}, "X-Identity": {"user"}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
		"User-Agent": {"OpenAI/JS 5"}, "X-Stainless-Lang": {"js"}, "X-Stainless-Os": {"MacOS"}, "Connection": {"keep-alive"}, "Accept-Encoding": {"gzip"},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Authorize(target, ep, h, "", pk); err != nil {
			b.Fatal(err)
		}
	}
}

// Ollama and vLLM need no key. The app's SDK sends the project key in its place, and no provider key is sent.
func TestAServerOfTheDevelopersOwnNeedsNoKey(t *testing.T) {
	t.Parallel()
	for dialect, path := range map[string]string{"openai": chatPath, "anthropic": "/v1/messages"} {
		own := `{"providers": {"own": {"baseUrl": "http://127.0.0.1:11434/v1", "dialect": "` + dialect + `"}}}`
		if dialect == "anthropic" {
			own = strings.Replace(own, "/v1", "", 1)
		}
		for name, h := range map[string]http.Header{
			"nothing": nil, "the project key": {"Authorization": {"Bearer " + pk}, "X-Api-Key": {pk}},
		} {
			got, err := authorize(t, own, path, "own/llama3", h, "")
			if err != nil {
				t.Errorf("%s, %s: %v", dialect, name, err)
			}
			for _, place := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
				if v := got.Header.Values(place); len(v) > 0 {
					t.Errorf("%s, %s: %s is sent in %s, want nothing", dialect, name, v, place)
				}
			}
			if got.Query != "" {
				t.Errorf("%s, %s: query %q, want none", dialect, name, got.Query)
			}
		}
	}
	// A client's key for such a provider is passed on.
	got, err := authorize(t, `{"providers": {"own": {"baseUrl": "http://127.0.0.1:11434/v1", "dialect": "openai"}}}`, chatPath, "own/llama3",
		http.Header{"Authorization": {"Bearer my-own-key"}, "X-Project-Key": {pk}}, "")
	if err != nil || got.Header.Get("Authorization") != "Bearer my-own-key" {
		t.Errorf("a client's key: %v, %v, want it passed on", got.Header, err)
	}
	// A vendor's own server needs one.
	_, err = authorize(t, `{"providers": {"own": {"baseUrl": "https://api.openai.com/v1", "dialect": "openai"}}}`, chatPath, "own/gpt-x", nil, "")
	refusal(t, err, 401, "missing_provider_key", "own")
}
