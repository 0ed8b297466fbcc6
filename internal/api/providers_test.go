package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/account"
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
		f.send("PUT", path+dry, `{"baseUrl": "https://vendor.example.com", "dialect": "anthropic"}`).faults("body.key")
		f.send("PUT", path+dry, `null`).faults("body")
		f.send("PUT", path+dry, `[]`).faults("body")
	}
	f.send("PUT", path+"-too", `{"baseUrl": "https://other.example.com/v1", "dialect": "openai", "models": ["own-*"]}`).want(200)
	f.send("PUT", path, `{"models": ["own-*"]}`).faults("body") // the fault is of the other's field
	if got := string(f.send("GET", path, "").want(200).body); !strings.Contains(got, `GOOD"`) || !strings.Contains(got, `"dialect":"openai"`) {
		t.Errorf("the provider is %s, want it unchanged", got)
	}
}

// testTransport reaches vendors on the loopback address.
func testTransport(t testing.TB) http.RoundTripper {
	transport := provider.NewTransport(provider.TransportConfig{AllowPrivate: true})
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
