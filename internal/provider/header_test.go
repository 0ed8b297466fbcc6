package provider

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head builds headers as a server presents them.
func head(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestWhatGoesToAProvider(t *testing.T) {
	t.Parallel()
	in := head(
		"X-Project-Key", "pk_x", "x-identity", "user", "x-tier", "pro", "x-provider", "openai",
		"Authorization", "Bearer x", "x-api-key", "x", "x-goog-api-key", "x", "api-key", "x",
		"Cookie", "a=b", "Forwarded", "for=1", "X-Forwarded-For", "1", "X-Forwarded-Host", "h", "X-Forwarded-Proto", "https", "X-Real-IP", "1", "Via", "1.1 x",
		"True-Client-IP", "1", "CF-Connecting-IP", "1", "Origin", "https://a", "Sec-Fetch-Mode", "cors", "Access-Control-Request-Method", "POST",
		"Connection", "keep-alive, X-Hop", "Connection", "x-hop-2", "X-Hop", "1", "X-Hop-2", "1", "Keep-Alive", "timeout=5", "TE", "trailers", "Trailer", "x",
		"Transfer-Encoding", "chunked", "Upgrade", "h2c", "HTTP2-Settings", "x", "Proxy-Authorization", "x", "Proxy-Connection", "x",
		"Content-Length", "5", "Expect", "100-continue", "Accept-Encoding", "gzip, br", "Host", "x",
		"X-HTTP-Method-Override", "GET", "X-HTTP-Method", "GET", "X-Method-Override", "GET", "X-Goog-FieldMask", "candidates", "X-Original-URL", "/v1/files", "X-Rewrite-URL", "/v1/files",
		"Fly-Client-IP", "1", "Fly-Region", "fra", "CF-Connecting-IPv6", "1", "CF-IPCountry", "DE", "CF-Ray", "x", "Fastly-Client-IP", "1", "X-Client-IP", "1", "X-Cluster-Client-IP", "1",
		"X-Original-Forwarded-For", "1", "X-Vercel-Forwarded-For", "1", "X-Vercel-IP-City", "x", "X-Envoy-External-Address", "1", "X-Remote-Addr", "1", "X-Appengine-User-IP", "1",
		"X-Azure-ClientIP", "1", "DO-Connecting-IP", "1", "X-NF-Client-Connection-IP", "1", "Client-IP", "1", "CDN-Loop", "x", "Baggage", "user=1",
		// these pass
		"cf-aig-metadata", "{}", "X-Description", "x",
		"Content-Type", "application/json", "Accept", "text/event-stream", "User-Agent", "OpenAI/JS", "anthropic-version", "2023-06-01", "anthropic-beta", "a", "anthropic-beta", "b",
		"OpenAI-Beta", "x", "X-Stainless-Lang", "js", "Idempotency-Key", "k", "traceparent", "00-x", "X-Request-Id", "client's", "Referer", "https://app.example/",
		"OpenAI-Organization", "org-x", "OpenAI-Project", "proj", "X-Goog-User-Project", "p",
	)
	before := in.Clone()
	want := http.Header{
		"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "User-Agent": {"OpenAI/JS"}, "Anthropic-Version": {"2023-06-01"},
		"Anthropic-Beta": {"a", "b"}, "Openai-Beta": {"x"}, "X-Stainless-Lang": {"js"}, "Idempotency-Key": {"k"}, "Traceparent": {"00-x"}, "X-Request-Id": {"client's"},
		"Referer": {"https://app.example/"}, "Openai-Organization": {"org-x"}, "Openai-Project": {"proj"}, "X-Goog-User-Project": {"p"}, "Accept-Encoding": {"identity"},
		"Cf-Aig-Metadata": {"{}"}, "X-Description": {"x"},
	}
	if diff := cmp.Diff(want, OutgoingHeader(in, false, pk)); diff != "" {
		t.Errorf("with the client's key (-want +got):\n%s", diff)
	}
	for _, name := range []string{"Openai-Organization", "Openai-Project", "X-Goog-User-Project", "Referer"} {
		delete(want, name)
	}
	if diff := cmp.Diff(want, OutgoingHeader(in, true, pk)); diff != "" {
		t.Errorf("with a stored key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("the request's headers changed:\n%s", diff)
	}
	if got := OutgoingHeader(http.Header{}, false, pk); cmp.Diff(http.Header{"Accept-Encoding": {"identity"}}, got) != "" {
		t.Errorf("of no headers: %v", got)
	}
}

func TestWhatComesBack(t *testing.T) {
	t.Parallel()
	src := head(
		"Connection", "X-Hop", "X-Hop", "1", "Keep-Alive", "x", "Transfer-Encoding", "chunked", "Trailer", "x", "Proxy-Authenticate", "x",
		"Set-Cookie", "__cf_bm=x", "Alt-Svc", "h3", "Strict-Transport-Security", "max-age=1", "Access-Control-Allow-Origin", "https://x", "X-Request-Id", "req_1",
		"Content-Type", "application/json", "Content-Length", "5", "Cf-Ray", "x", "Openai-Processing-Ms", "5", "Openai-Version", "2020-10-01", "Retry-After", "1", "X-Own", "a", "X-Own", "b",
		"x-ratelimit-limit-requests", "5", "x-ratelimit-remaining-tokens", "5", "RateLimit", "x", "RateLimit-Policy", "x", "x-ratelimitbysize-limit-minute", "5",
		"openai-organization", "org", "openai-project", "p", "anthropic-organization-id", "o", "anthropic-ratelimit-requests-limit", "5",
		"anthropic-priority-input-tokens-remaining", "5", "anthropic-fast-output-tokens-limit", "5", "anthropic-fast-requests-reset", "x", "anthropic-version", "2023-06-01",
		"x-goog-user-project", "p", "x-goog-quota-remaining", "5",
	)
	passes := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"5"}, "Cf-Ray": {"x"}, "Openai-Processing-Ms": {"5"}, "Openai-Version": {"2020-10-01"}, "Retry-After": {"1"}, "X-Own": {"a", "b"},
		"X-Provider-Request-Id": {"req_1"}, "Anthropic-Version": {"2023-06-01"},
	}
	account := http.Header{
		"Openai-Organization": {"org"}, "Openai-Project": {"p"}, "Anthropic-Organization-Id": {"o"}, "Anthropic-Ratelimit-Requests-Limit": {"5"},
		"Anthropic-Priority-Input-Tokens-Remaining": {"5"}, "Anthropic-Fast-Output-Tokens-Limit": {"5"}, "Anthropic-Fast-Requests-Reset": {"x"},
		"X-Goog-User-Project": {"p"}, "X-Goog-Quota-Remaining": {"5"},
	}
	limits := http.Header{
		"X-Ratelimit-Limit-Requests": {"5"}, "X-Ratelimit-Remaining-Tokens": {"5"}, "Ratelimit": {"x"}, "Ratelimit-Policy": {"x"}, "X-Ratelimitbysize-Limit-Minute": {"5"},
	}
	for name, tc := range map[string]struct {
		stored, ours bool
		want         []http.Header
	}{
		"client's key":                  {false, false, []http.Header{passes, account, limits}},
		"client's key, limits of ours":  {false, true, []http.Header{passes, account}},
		"stored key":                    {true, false, []http.Header{passes}},
		"stored key and limits of ours": {true, true, []http.Header{passes}},
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
			ResponseHeader(got, src, tc.stored, tc.ours)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("to the client (-want +got):\n%s", diff)
			}
		})
	}
	got := make(http.Header)
	ResponseHeader(got, head("request-id", "req_2"), true, true)
	if diff := cmp.Diff(http.Header{"Request-Id": {"req_2"}, "X-Provider-Request-Id": {"req_2"}}, got); diff != "" {
		t.Errorf("Anthropic's request id (-want +got):\n%s", diff)
	}
}
