package provider

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/airatelimit/airatelimit/internal/project"
)

// vendorAnswer is how a vendor answers a request for its models, as the vendors' answers were recorded.
type vendorAnswer struct {
	name, provider string // provider as in the settings
	status         int
	body           string
	reason         Reason
	models         int
}

var vendorAnswers = []vendorAnswer{
	{"OpenAI", "openai", 200, `{"object":"list","data":[{"id":"gpt-4o","object":"model"},{"id":"gpt-4o-mini","object":"model"}]}`, "", 2},
	{"OpenAIBadKey", "openai", 401, `{"error":{"message":"Incorrect API key provided: sk-proj-****WXYZ. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, BadKey, 0},
	{"OpenAIRestricted", "openai", 401, `{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.model.read.","type":"invalid_request_error","param":null,"code":null}}`, Forbidden, 0},
	{"OpenAINoCredit", "openai", 429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, NoCredit, 0},
	{"OpenAIBusy", "openai", 429, `{"error":{"message":"Rate limit reached for requests","type":"requests","param":null,"code":"rate_limit_exceeded"}}`, "", 0},
	{"OpenAIRegion", "openai", 403, `{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}`, Forbidden, 0},
	{"Anthropic", "anthropic", 200, `{"data":[{"type":"model","id":"claude-sonnet-5"}],"has_more":false,"first_id":"claude-sonnet-5","last_id":"claude-sonnet-5"}`, "", 1},
	{"AnthropicBadKey", "anthropic", 401, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_011"}`, BadKey, 0},
	{"AnthropicNoCredit", "anthropic", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},"request_id":"req_011"}`, NoCredit, 0},
	{"AnthropicForbidden", "anthropic", 403, `{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."},"request_id":"req_011"}`, Forbidden, 0},
	{"AnthropicBusy", "anthropic", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, Unreachable, 0},
	{"Gemini", "google", 200, `{"models":[{"name":"models/gemini-2.5-flash"},{"name":"models/gemini-2.5-pro"},{"name":"models/gemma-3"}]}`, "", 3},
	{"GeminiBadKey", "google", 400, `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}`, BadKey, 0},
	{"GeminiForbidden", "google", 403, `{"error":{"code":403,"message":"Generative Language API has not been used in project 12 before or it is disabled.","status":"PERMISSION_DENIED"}}`, Forbidden, 0},
	{"XAIBadKey", "xai", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***yz. You can obtain an API key from https://console.x.ai."}`, BadKey, 0},
	{"XAINoCredit", "xai", 403, `{"code":"The caller does not have permission","error":"Your team has either used all available credits or reached its monthly spending limit."}`, NoCredit, 0},
	{"DeepSeekNoCredit", "deepseek", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, NoCredit, 0},
	{"OtherPath", "openai", 404, `{"error":{"message":"Invalid URL (GET /v1/v1/models)","type":"invalid_request_error","param":null,"code":null}}`, WrongVendor, 0},
	{"WebPage", "openai", 200, `<!doctype html><html><body>Welcome</body></html>`, WrongVendor, 0},
	{"OtherDialect", "google", 200, `{"object":"list","data":[]}`, WrongVendor, 0},
	{"Redirect", "openai", 302, ``, WrongVendor, 0},
	{"Broken", "mistral", 500, `oops`, Unreachable, 0},
}

// testKeys are keys in the shape of each vendor's.
var testKeys = map[string]string{
	"openai": "sk-proj-0123456789-WXYZ", "anthropic": "sk-ant-api03-0123456789", "google": "AIzaSy0123456789",
	"xai": "xai-0123456789abcdef", "mistral": "0123456789abcdef", "deepseek": "sk-0123456789abcdef",
}

// candidate is a built-in provider at another address, with a key.
func candidate(t *testing.T, name, base, key string) *project.Provider {
	t.Helper()
	vendor, _ := project.VendorOf(name)
	if strings.HasSuffix(vendor.BaseURL, "/v1") {
		base += "/v1"
	}
	p, err := project.Candidate(name, project.ProviderFields{BaseURL: &base}, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCheck_readsTheVendorsAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range vendorAnswers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key := testKeys[c.provider]
			var asked *http.Request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r
				w.Header().Set("Location", "http://localhost:1/")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			transport := NewTransport(TransportConfig{AllowPrivate: true})
			defer transport.CloseIdleConnections()
			got := Check(t.Context(), transport, candidate(t, c.provider, server.URL, key))
			if got.Reason != c.reason || got.Models != c.models {
				t.Errorf("found %+v, want reason %q and %d models", got, c.reason, c.models)
			}
			if (got.Next == "") != (c.reason == "") || got.Message == "" {
				t.Errorf("found %+v, want a message, and what to do next if there is a reason", got)
			}
			if strings.Contains(got.Message+got.Next, key) || strings.Contains(got.Message+got.Next, "WXYZ") {
				t.Errorf("found %+v, which shows the key", got)
			}
			vendor, _ := project.VendorOf(c.provider)
			place := vendor.Dialect.Spec().KeyPlace
			if sent := strings.TrimPrefix(asked.Header.Get(place), "Bearer "); asked.Method != "GET" || sent != key || asked.URL.Query().Has("key") {
				t.Errorf("%s %s with %s %q, want a GET with the key there alone", asked.Method, asked.URL, place, sent)
			}
		})
	}
}

func TestCheck_sendsNoKeyToAnotherVendor(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	transport := NewTransport(TransportConfig{AllowPrivate: true})
	defer transport.CloseIdleConnections()
	got := Check(t.Context(), transport, candidate(t, "openai", server.URL, testKeys["anthropic"]))
	if got.Reason != WrongVendor || asked.Load() != 0 {
		t.Errorf("found %+v after %d requests, want wrong_vendor after none", got, asked.Load())
	}
}

func TestCheck_withoutAnAnswer(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + closed.Addr().String()
	_ = closed.Close()
	for allowed, want := range map[bool]Reason{true: Unreachable, false: PrivateAddress} {
		transport := NewTransport(TransportConfig{AllowPrivate: allowed})
		if got := Check(t.Context(), transport, candidate(t, "openai", base, testKeys["openai"])); got.Reason != want {
			t.Errorf("private addresses allowed %v: found %+v, want %s", allowed, got, want)
		}
	}
}

// silent is a provider that never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, errors.Join(errors.New("ended"), r.Context().Err())
}

func TestCheck_endsAfterTenSeconds(t *testing.T) {
	t.Parallel()
	p := candidate(t, "google", "https://localhost", testKeys["google"])
	synctest.Test(t, func(t *testing.T) {
		if got := Check(t.Context(), silent{}, p); got.Reason != TimedOut {
			t.Errorf("found %+v, want timeout", got)
		}
	})
}
