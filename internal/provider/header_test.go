package provider

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// head builds headers as a server presents them.
func head(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// listed are the headers that go to every provider, with values that a client sends.
func listed() http.Header {
	return head("Content-Type", "application/json", "Accept", "text/event-stream", "Accept", "application/json", "User-Agent", "OpenAI/JS", "OpenAI-Beta", "assistants=v2",
		"anthropic-version", "2023-06-01", "anthropic-beta", "a", "anthropic-beta", "b", "anthropic-dangerous-direct-browser-access", "true", "x-goog-api-client", "genai-js/1",
		"x-client-request-id", "id-1", "X-Stainless-Lang", "js", "x-stainless-retry-count", "0")
}

func TestWhatGoesToAProvider(t *testing.T) {
	t.Parallel()
	in := head(
		"X-Project-Key", "pk_x", "x-identity", "user", "x-tier", "pro", "x-provider", "openai",
		"Authorization", "Bearer x", "x-api-key", "x", "x-goog-api-key", "x", "api-key", "x",
		"Cookie", "a=b", "Forwarded", "for=1", "X-Forwarded-For", "1", "X-Real-IP", "1", "Via", "1.1 x", "CF-Connecting-IP", "1", "Origin", "https://a", "Sec-Fetch-Mode", "cors",
		"Keep-Alive", "timeout=5", "TE", "trailers", "Trailer", "x", "Transfer-Encoding", "chunked", "Upgrade", "h2c", "Proxy-Authorization", "x",
		"Content-Length", "5", "Expect", "100-continue", "Accept-Encoding", "gzip, br", "Host", "x", "X-HTTP-Method-Override", "GET", "X-Goog-FieldMask", "candidates",
		"Referer", "https://app.example/", "Baggage", "user=1", "traceparent", "00-x", "X-Request-Id", "client's", "Idempotency-Key", "k", "X-Amzn-Oidc-Data", "eyJ", "Cf-Access-Jwt-Assertion", "eyJ",
		// other gateways' control headers
		"x-portkey-custom-host", "https://attacker.example", "x-portkey-config", "{}", "helicone-target-url", "https://attacker.example", "cf-aig-authorization", "x",
		"x-litellm-api-key", "x", "x-openrouter-provider", "x", "HTTP-Referer", "x",
		// names that a server may take for others
		"X_Api_Key", "x", "Anthropic_Version", "x", "Content_Type", "x", "X-Stainless-Foo_Bar", "x", "X_Stainless_Lang", "x",
		// naming a header in Connection neither removes nor adds one
		"Connection", "anthropic-version, content-type, x-api-key, authorization", "Connection", "user-agent, keep-alive",
		"OpenAI-Organization", "org-x", "OpenAI-Project", "proj", "X-Goog-User-Project", "p",
	)
	want := listed()
	for name, values := range want {
		in[name] = values
	}
	want["Accept-Encoding"] = []string{"identity"}
	before := in.Clone()
	p := &project.Provider{}
	if diff := cmp.Diff(want, OutgoingHeader(in, p, true, pk)); diff != "" {
		t.Errorf("with a stored key (-want +got):\n%s", diff)
	}
	want["X-Portkey-Config"], want["Http-Referer"] = []string{"{}"}, []string{"x"}
	p.Forward = project.HeaderSet{"X-Portkey-Config": true, "Http-Referer": true, "X-Absent": true}
	if diff := cmp.Diff(want, OutgoingHeader(in, p, true, pk)); diff != "" {
		t.Errorf("with forwardHeaders (-want +got):\n%s", diff)
	}
	want["Openai-Organization"], want["Openai-Project"], want["X-Goog-User-Project"] = []string{"org-x"}, []string{"proj"}, []string{"p"}
	if diff := cmp.Diff(want, OutgoingHeader(in, p, false, pk)); diff != "" {
		t.Errorf("with the client's key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("the request's headers changed:\n%s", diff)
	}
	if got := OutgoingHeader(http.Header{}, p, false, pk); cmp.Diff(http.Header{"Accept-Encoding": {"identity"}}, got) != "" {
		t.Errorf("of no headers: %v", got)
	}
}

// For any headers of a client, only listed ones go out, and none holds a project key.
func FuzzOutgoing(f *testing.F) {
	for _, seed := range [][3]string{
		{"x-portkey-custom-host", "https://attacker.example", "alt=sse&beta=true"}, {"X_Api_Key", "x", "key=" + pk}, {"connection", "anthropic-version", "$fields=x"},
		{"x-stainless-a_b", "1", "beta=true;x=1"}, {"User-Agent", pk, "%61lt=sse&alt=json"}, {"x-Stainless-", "", "fields=x"}, {"openai-project", "p", ""}, {"x-ratelimit-limit-requests", "5", ""}, {"anthropic-organization-id", "o", ""}, {"ANTHROPIC-BETA", "a", "beta=false"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	allowed := listed()
	allowed["Accept-Encoding"], allowed["X-Own"] = nil, nil
	queries := map[string]bool{"": true, "beta=true": true, "alt=sse": true, "alt=json": true}
	f.Fuzz(func(t *testing.T, name, value, query string) {
		p := &project.Provider{Forward: project.HeaderSet{"X-Own": true}}
		in := http.Header{}
		in.Add(name, value)
		in.Add("Connection", name)
		for _, stored := range []bool{true, false} {
			for out, values := range OutgoingHeader(in, p, stored, pk) {
				_, ok := allowed[out]
				ok = ok || !stored && slices.Contains([]string{"Openai-Organization", "Openai-Project", "X-Goog-User-Project"}, out)
				if !ok && !strings.HasPrefix(out, "X-Stainless-") || strings.Contains(out, "_") || strings.Contains(strings.Join(values, " "), pk) {
					t.Fatalf("stored key %t: %q: %q goes out", stored, out, values)
				}
			}
		}
		for _, d := range []wire.Dialect{wire.OpenAI, wire.Anthropic, wire.Gemini} {
			for _, served := range []wire.Dialect{d, wire.Gemini} {
				got, err := forwardQuery(&project.Provider{Dialect: served}, d, query)
				if err == nil && (!queries[got] || d == wire.OpenAI && got != "" || d == wire.Anthropic && got != "" && got != "beta=true" || d == wire.Gemini && got == "beta=true") {
					t.Fatalf("%v at a server of %v: %q goes out as %q", d, served, query, got)
				}
			}
		}
		for _, c := range []struct{ stored, limited bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
			dst, src := http.Header{}, http.Header{}
			src.Add(name, value)
			ResponseHeader(dst, src, p, c.stored, c.limited)
			for back := range dst {
				own := !c.stored && (strings.HasPrefix(back, "Anthropic-") || !c.limited && strings.HasPrefix(back, "X-Ratelimit-"))
				if !slices.Contains(returned[:], back) && back != "X-Provider-Request-Id" && !own {
					t.Fatalf("stored key and limits %v: %q comes back", c, back)
				}
			}
		}
	})
}

func TestRepeatedHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Content-Type", "User-Agent", "Anthropic-Version", "X-Client-Request-Id", "X-Stainless-Lang", "Openai-Organization", "Origin"} {
		if !Repeated(name, []string{"a", "a"}) || Repeated(name, []string{"a"}) {
			t.Errorf("%s may come once", name)
		}
	}
	for _, name := range []string{"X-Project-Key", "X-Tier", "X-Provider"} {
		if Repeated(name, []string{"a", " a"}) || !Repeated(name, []string{"a", "a", "b"}) {
			t.Errorf("%s has one value", name)
		}
	}
	for _, name := range []string{"Accept", "Anthropic-Beta", "Openai-Beta", "Cookie", "X-Forwarded-For", "X-Anything"} {
		if Repeated(name, []string{"a", "b"}) {
			t.Errorf("%s may come more than once", name)
		}
	}
}

func TestWhatComesBack(t *testing.T) {
	t.Parallel()
	src := head(
		"Connection", "Content-Type", "Keep-Alive", "x", "Transfer-Encoding", "chunked", "Trailer", "x", "Proxy-Authenticate", "x", "Location", "https://x", "Www-Authenticate", "x",
		"Set-Cookie", "__cf_bm=x", "Alt-Svc", "h3", "Strict-Transport-Security", "max-age=1", "Access-Control-Allow-Origin", "https://x", "X-Request-Id", "req_1", "Cf-Ray", "x",
		"Content-Security-Policy", "x", "X-Own", "a", "X-Own", "b", "X-Leak", "key sk-stored-0123456789", "openai-organization", "org", "openai-project", "p", "x-goog-user-project", "p",
		"Content-Type", "application/json", "Content-Length", "5", "Openai-Processing-Ms", "5", "Openai-Version", "2020-10-01", "Openai-Model", "m", "Retry-After", "1",
		"x-ratelimit-limit-requests", "5", "x-ratelimit-remaining-tokens", "5", "RateLimit", "x", "x-ratelimitbysize-limit-minute", "5",
		"anthropic-organization-id", "o", "anthropic-ratelimit-requests-limit", "5",
	)
	always := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"5"}, "Openai-Processing-Ms": {"5"}, "Openai-Version": {"2020-10-01"}, "Openai-Model": {"m"}, "Retry-After": {"1"},
		"X-Provider-Request-Id": {"req_1"}, "X-Own": {"a", "b"},
	}
	account := http.Header{"Anthropic-Organization-Id": {"o"}, "Anthropic-Ratelimit-Requests-Limit": {"5"}}
	limits := http.Header{"X-Ratelimit-Limit-Requests": {"5"}, "X-Ratelimit-Remaining-Tokens": {"5"}}
	leaks := http.Header{"X-Leak": {"key sk-stored-0123456789"}}
	target, err := Route(snapshot(t, `{"providers": {"openai": {"key": "sk-stored-0123456789", "returnHeaders": ["x-own", "X-Leak"]}}}`), endpoint(t, http.MethodPost, chatPath), "gpt-x", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		stored, ours bool
		want         []http.Header
	}{
		"client's key":                  {false, false, []http.Header{always, account, limits, leaks}},
		"client's key, limits of ours":  {false, true, []http.Header{always, account, leaks}},
		"stored key":                    {true, false, []http.Header{always}},
		"stored key and limits of ours": {true, true, []http.Header{always}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := make(http.Header)
			for _, h := range tc.want {
				for name, values := range h {
					want[name] = values
				}
			}
			got := make(http.Header)
			ResponseHeader(got, src, target.Provider, tc.stored, tc.ours)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("to the client (-want +got):\n%s", diff)
			}
		})
	}
	got := make(http.Header)
	ResponseHeader(got, head("request-id", "req_2"), target.Provider, true, true)
	if diff := cmp.Diff(http.Header{"X-Provider-Request-Id": {"req_2"}}, got); diff != "" {
		t.Errorf("Anthropic's request id (-want +got):\n%s", diff)
	}
}
