package api

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
)

const goodKey, badKey = "sk-good-0123456789-abcdGOOD", "sk-bad-0123456789-abcdEVIL"

func TestProviders(t *testing.T) {
	t.Parallel()
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer "+goodKey {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"object":"list","data":[{"id":"a"},{"id":"b"}]}`))
	}))
	t.Cleanup(vendor.Close)
	f := setup(t, someProject)
	path := "/api/projects/" + f.project + "/providers"
	own := `{"baseUrl": "` + vendor.URL + `/v1", "dialect": "openai", "key": "` + badKey + `"}`

	r := f.send("PUT", path+"/mine?test=true", own).problem(422)
	if r.Code != "key_refused" || r.Test == nil || *r.Test.Reason != "bad_key" {
		t.Errorf("a bad key: %+v", r)
	}
	f.send("GET", path+"/mine", "").problem(404)
	f.send("PUT", path+"/mine?test=true&force=true", own).want(200)
	f.send("PUT", path+"/mine?test=true&dryRun=true", `{"key": "`+goodKey+`"}`).want(200)
	set := string(f.send("PUT", path+"/mine?test=true", `{"key": "`+goodKey+`"}`).want(200).body)
	for _, part := range []string{`GOOD"`, `"setBy":{"kind":"secretKey"`, `"ok":true`, `"models":2`, vendor.URL + "/v1"} {
		if !strings.Contains(set, part) {
			t.Errorf("set %s, want %s in it", set, part)
		}
	}
	if got := decode[KeyTest](f.send("POST", path+"/test", `{"name": "mine"}`).want(200)); !got.OK || *got.Models != 2 {
		t.Errorf("the stored key: %+v", got)
	}
	if got := decode[KeyTest](f.send("POST", path+"/test", `{"baseUrl": "`+vendor.URL+`/v1", "dialect": "openai", "key": "`+badKey+`"}`).want(200)); got.OK || *got.Reason != "bad_key" || got.Next == nil {
		t.Errorf("a bad key: %+v", got)
	}
	list := string(f.send("GET", path, "").want(200).body)
	if strings.Contains(list, goodKey) || strings.Contains(f.log.String(), "abcdGOOD") || !strings.Contains(list, `"openai"`) {
		t.Errorf("listed %s", list)
	}
	admin := f.signIn("admin@example.com", account.Admin)
	f.as(admin, "DELETE", path+"/mine", "").problem(428)
	f.as(admin, "DELETE", path+"/mine", "", "If-Match", "*").want(204)
	f.send("DELETE", path+"/mine", "").problem(404)
	f.send("POST", path+"/test", `{}`).faults("body.name")
	f.send("POST", path+"/test", `{"name": "none"}`).problem(404)
	f.send("PUT", path+"/mine", `{"dialect": "klingon"}`).faults("body.dialect")
}

// A change that the settings do not allow names the field, tried or not, and leaves the provider.
func TestProviderChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	path := "/api/projects/" + f.project + "/providers/mine"
	f.send("PUT", path, `{"baseUrl": "https://vendor.example.com/v1", "dialect": "openai", "key": "`+goodKey+`"}`).want(200)
	for _, dry := range []string{"", "?dryRun=true"} {
		// A stored key belongs to its vendor.
		if p := f.send("PUT", path+dry, `{"baseUrl": "https://vendor.example.com", "dialect": "anthropic"}`).problem(422); p.Code != "key_required" || len(p.Errors) != 1 || p.Errors[0].Location != "body.key" {
			t.Errorf("another dialect: %+v", p)
		}
		f.send("PUT", path+dry, `null`).faults("body")
		f.send("PUT", path+dry, `[]`).faults("body")
	}
	f.send("PUT", path+"-too", `{"baseUrl": "https://other.example.com/v1", "dialect": "openai", "models": ["own-*"]}`).want(200)
	f.send("PUT", path, `{"models": ["own-*"]}`).faults("body") // the fault is of the other's field
	if got := string(f.send("GET", path, "").want(200).body); !strings.Contains(got, `GOOD"`) || !strings.Contains(got, `"dialect":"openai"`) {
		t.Errorf("the provider is %s, want it unchanged", got)
	}
}

// A stored key is only sent to the host that it was given for: by no call can whoever may change settings, and has not seen
// the key, have it sent to a server of their own.
func TestAStoredKeyStaysWithItsHost(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), goodKey) {
			stolen.Add(1)
		}
		_, _ = w.Write([]byte(`{"object":"list","data":[]}`))
	}))
	t.Cleanup(thief.Close)
	f := setup(t, `{"name": "A", "providers": {"openai": {"key": "`+goodKey+`"}, "mine": {"baseUrl": "https://vendor.example.com/v1", "dialect": "openai", "key": "`+goodKey+`"}}}`)
	before := f.send("GET", f.path(""), "").want(200).body
	theirs := `"baseUrl": "` + thief.URL + `/v1"`
	type way struct{ method, path, body, at string }
	var ways []way
	for _, key := range []string{``, `, "key": ""`, `, "key": "••••••••GOOD"`, `, "key": "sk-g…GOOD"`} {
		for _, query := range []string{"", "?dryRun=true", "?test=true", "?test=true&force=true", "?test=true&dryRun=true"} {
			ways = append(ways, way{"PUT", "/providers/mine" + query, `{` + theirs + key + `}`, "body.key"}, way{"PUT", "/providers/openai" + query, `{` + theirs + key + `}`, "body.key"})
		}
		for _, query := range []string{"", "?dryRun=true"} {
			ways = append(ways, way{"PATCH", query, `{"providers": {"mine": {` + theirs + key + `}}}`, "body.providers.mine.key"},
				way{"PATCH", query, `{"providers": {"openai": {` + theirs + key + `}}}`, "body.providers.openai.key"})
		}
	}
	for _, name := range []string{"mine", "openai"} {
		ways = append(ways, way{"POST", "/providers/test", `{"name": "` + name + `", ` + theirs + `}`, "body.key"},
			way{"POST", "/providers/test", `{"name": "` + name + `", ` + theirs + `, "dialect": "openai"}`, "body.key"})
	}
	admin := f.signIn("admin@example.com", account.Admin)
	for _, w := range ways {
		for who, send := range map[string]func() response{
			"a secret key": func() response { return f.send(w.method, f.path(w.path), w.body) },
			"a session":    func() response { return f.as(admin, w.method, f.path(w.path), w.body, "If-Match", "*") },
		} {
			if p := send().problem(422); p.Code != "key_required" || len(p.Errors) != 1 || p.Errors[0].Location != w.at {
				t.Errorf("%s %s %s with %s: %+v", w.method, w.path, w.body, who, p)
			}
		}
	}
	if after := f.send("GET", f.path(""), "").want(200).body; string(after) != string(before) {
		t.Errorf("the project is\n%s, want\n%s", after, before)
	}

	// A version that is restored does not take the key along.
	f.send("PUT", f.path("/providers/mine"), `{`+theirs+`, "key": null}`).want(200)
	f.send("PUT", f.path("/providers/mine"), `{"baseUrl": "https://vendor.example.com/v1", "key": "`+goodKey+`"}`).want(200)
	restored := decode[Project](f.send("POST", f.path("/settings/versions/2/restore"), "").want(200))
	if !slices.ContainsFunc(restored.Warnings, func(w project.Warning) bool { return w.Path == "providers.mine.key" }) || restored.Settings.Providers["mine"].Key != "" {
		t.Errorf("restored %+v, want no key, and a warning", restored)
	}
	f.send("POST", f.path("/providers/test"), `{"name": "mine"}`).want(200)
	if n := stolen.Load(); n != 0 {
		t.Errorf("the key was sent to another host %d times", n)
	}
	// A key that is given again goes where its owner sends it.
	f.send("PUT", f.path("/providers/mine?test=true"), `{`+theirs+`, "key": "`+goodKey+`"}`).want(200)
	if n := stolen.Load(); n != 1 {
		t.Errorf("the given key was sent %d times, want once", n)
	}
}

func TestTheEchoIsOffered(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	offered := decode[ListedProvider](f.send("GET", f.path("/providers/echo"), "").want(200))
	if !offered.BuiltIn || offered.Configured || offered.BaseURL != "" || !strings.Contains(string(f.send("GET", f.path("/providers"), "").want(200).body), `"name":"echo"`) {
		t.Errorf("offered %+v", offered)
	}
	f.send("DELETE", f.path("/providers/echo"), "").problem(404)
	listed := decode[ListedProvider](f.send("PUT", f.path("/providers/echo"), `{"models": ["mine"]}`).want(200))
	if !listed.Configured || !slices.Equal(listed.Models, []string{"mine"}) {
		t.Errorf("listed %+v", listed)
	}
	f.send("PUT", f.path("/providers/echo"), `{"key": "`+goodKey+`"}`).faults("body.key")
	f.send("PUT", f.path("/providers/echo"), `{"baseUrl": "https://a.example.com"}`).faults("body.baseUrl")
	f.send("POST", f.path("/providers/test"), `{"name": "echo", "key": "`+goodKey+`"}`).faults("body.key")
	f.send("POST", f.path("/providers/test"), `{"name": "echo", "baseUrl": "https://a.example.com"}`).faults("body.baseUrl")
	f.send("DELETE", f.path("/providers/echo"), "").want(204)
	f.send("DELETE", f.path("/providers/echo"), "").problem(404)
}

// testTransport reaches vendors on the loopback address.
func testTransport(t testing.TB) http.RoundTripper {
	transport := provider.NewTransport(provider.TransportConfig{AllowPrivate: true})
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
