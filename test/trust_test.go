package test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/airatelimit/airatelimit/test/stack"
)

// A gateway behind us obeys its own control headers: with one of them a client had the stored key sent to a server of
// its choice.
func TestTrust_AnotherGatewaysHeadersStayWithUs(t *testing.T) {
	t.Parallel()
	stolen := make(chan string, 100)
	attacker := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
	t.Cleanup(attacker.Close)
	steering := []string{"x-portkey-custom-host", "X-Portkey-Base-Url", "helicone-target-url", "cf-aig-gateway-url", "x-litellm-api-base", "X_Portkey_Custom_Host"}
	standIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range steering {
			host := r.Header.Get(name)
			if host == "" {
				host = r.URL.Query().Get(name)
			}
			if host == "" {
				continue
			}
			onward, err := http.NewRequest(http.MethodPost, host, nil)
			if err == nil {
				onward.Header.Set("Authorization", r.Header.Get("Authorization"))
				_, _ = http.DefaultClient.Do(onward) //nolint:bodyclose // the test fails where it happens
			}
		}
		_, _ = io.WriteString(w, "{}")
	})
	s := stack.New(t, stack.Options{Upstream: standIn})
	for _, name := range steering {
		r := openAI.request(s, "u", false)
		r.Header[name] = []string{attacker.URL}
		r.Header.Set("Connection", name)
		r.URL.RawQuery = url.Values{name: {attacker.URL}}.Encode()
		stack.WantStatus(t, s.Do(r), 200)
	}
	select {
	case key := <-stolen:
		t.Errorf("the attacker got %q", key)
	default:
	}
}

// A body goes to the provider as what it was read as: one that is called protobuf would be read as another request.
func TestTrust_ABodyIsCalledWhatItWasReadAs(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, sent := range []string{"application/x-protobuf", "application/cbor", "text/plain", ""} {
		r := gemini.request(s, "u", false)
		r.Header["Content-Type"] = []string{sent}
		stack.WantStatus(t, s.Do(r), 200)
		if seen, _ := s.Seen.Last(); seen.Header.Get("Content-Type") != "application/json" {
			t.Errorf("sent as %q, it went out as %q", sent, seen.Header.Get("Content-Type"))
		}
	}
}

// A header that may come once and comes twice is refused: the provider could read the other one.
func TestTrust_RepeatedHeaders(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for i, d := range dialects {
		for name, values := range map[string][]string{
			"Content-Type": {"application/json", "application/json"}, "Anthropic-Version": {"2023-06-01", "2023-06-01"}, "X-Client-Request-Id": {"a", "b"},
			"X-Project-Key": {s.ProjectKey, "pk_other56789012345678901"}, "X-Tier": {"a", "b"}, "X-Provider": {"openai", "google"}, "Authorization": {"Bearer a", "Bearer b"},
			"X-Stainless-Lang": {"js", "js"},
		} {
			r := d.request(s, "u", false)
			r.Header[name] = values
			wantErrorShape(t, s.Do(r), i, 400, "invalid_request")
		}
		r := d.request(s, "u", false)
		r.Header["X-Identity"] = []string{"a", "b"}
		wantErrorShape(t, s.Do(r), i, 400, "invalid_identity")
		r = d.request(s, "u", false)
		r.Header["Anthropic-Beta"], r.Header["X-Identity"], r.Header["X-Project-Key"] = []string{"a", "b"}, []string{"u", " u"}, []string{s.ProjectKey, s.ProjectKey}
		stack.WantStatus(t, s.Do(r), 200)
	}
	if n := s.Seen.Total(); n != len(dialects) {
		t.Errorf("%d requests reached the provider, want %d", n, len(dialects))
	}
}

// No page runs on our origin: types are not guessed, and what is neither JSON nor a stream of events is sandboxed.
func TestTrust_AnswersAreInert(t *testing.T) {
	t.Parallel()
	kind := ""
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.Header().Set("Content-Security-Policy", "default-src *")
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	})})
	for _, kind = range []string{"", "text/html", "application/json", "application/json; charset=utf-8", "text/event-stream", "image/svg+xml", "application/jsonp", "audio/mpeg"} {
		a := s.Do(openAI.request(s, "u", false))
		stack.WantStatus(t, a, 200)
		want := "sandbox"
		if strings.HasPrefix(kind, "application/json") && kind != "application/jsonp" || kind == "text/event-stream" {
			want = ""
		}
		if got := a.Header.Get("Content-Security-Policy"); got != want || a.Header.Get("Content-Type") != kind {
			t.Errorf("%q came as %q with content-security-policy %q, want %q", kind, a.Header.Get("Content-Type"), got, want)
		}
	}
	for _, r := range []*http.Request{s.Request("OPTIONS", "/v1/messages", "", ""), s.Request("GET", "/v1/usage", "u", ""), s.Request("GET", "/v1/models", "u", ""),
		s.Request("GET", "/nowhere", "u", ""), s.Request("POST", "/v1/messages", "", "{}"), openAI.request(s, "u", true)} {
		if a := s.Do(r); a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d has %v", r.Method, r.URL, a.Status, a.Header)
		}
	}
}

// A stored key is never shown, wherever and however a provider quotes it.
func TestTrust_StoredKeyIsNeverShown(t *testing.T) {
	t.Parallel()
	const key = stack.StoredKey
	quotes := map[string]string{
		"as it is":             key,
		"in JSON":              `{"error":{"message":"bad key ` + key + `","code":"x"}}`,
		"twice":                key + key,
		"in base64":            base64.StdEncoding.EncodeToString([]byte("user:" + key)),
		"in base64, aligned":   base64.StdEncoding.EncodeToString([]byte(key)),
		"in base64, one later": base64.URLEncoding.EncodeToString([]byte("x" + key + "?")),
	}
	s := leaky(t)
	bare := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(key)), "=")
	for name, quoted := range quotes {
		for _, filler := range []int{0, 1000, 300 << 10, 1200 << 10} {
			for _, status := range []int{200, 400, 500} {
				for _, kind := range []string{"application/json", "text/event-stream", "text/html"} {
					t.Run(fmt.Sprintf("%s/%d/%d/%s", name, filler, status, kind), func(t *testing.T) {
						t.Parallel()
						r := openAI.request(s, "u", kind == "text/event-stream", "X-Client-Request-Id", fmt.Sprintf("%d", status), "User-Agent", kind)
						r.Header.Set("X-Stainless-Filler", itoa(filler))
						r.Header.Set("X-Stainless-Quoted", base64.StdEncoding.EncodeToString([]byte(quoted)))
						a := s.Do(r)
						shown := fmt.Sprint(a.Header) + a.Body
						for _, secret := range []string{key, bare[4:], key[4:]} {
							if strings.Contains(shown, secret) {
								i := strings.Index(shown, secret)
								t.Errorf("status %d: the client sees %q", a.Status, shown[max(0, i-40):i+len(secret)])
							}
						}
					})
				}
			}
		}
	}
}

// leaky is a stack whose provider answers as the request's headers say, in pieces that cut a key in two.
func leaky(t *testing.T) *stack.Stack {
	t.Helper()
	return stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		quoted, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Stainless-Quoted"))
		var status, filler int
		_, _ = fmt.Sscan(r.Header.Get("X-Client-Request-Id"), &status)
		_, _ = fmt.Sscan(r.Header.Get("X-Stainless-Filler"), &filler)
		w.Header().Set("Content-Type", r.UserAgent())
		for _, name := range []string{"X-Request-Id", "Openai-Version", "Openai-Model", "Retry-After", "X-Leak"} {
			w.Header().Set(name, "x"+string(quoted))
		}
		w.WriteHeader(status)
		for _, piece := range []string{strings.Repeat("x", filler), "data: " + string(quoted[:3]), string(quoted[3:]), "\n\ndata: {\"error\":\"", string(quoted[:len(quoted)/2]),
			string(quoted[len(quoted)/2:]), "\"}\n\n", strings.Repeat("y", filler), string(quoted[:len(quoted)-1]), string(quoted[len(quoted)-1:])} {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	})})
}

// A secret key of ours in an app is told so, in the caller's dialect, and goes nowhere: not on, and not into the log.
func TestTrust_SecretKeyInAnApp(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{PassThrough: true})
	escaped := "%73" + s.SecretKey[1:]
	for name, put := range map[string]func(*http.Request){
		"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s.SecretKey) },
		"bare":           func(r *http.Request) { r.Header.Set("Authorization", s.SecretKey) },
		"basic":          func(r *http.Request) { r.SetBasicAuth(s.SecretKey, "") },
		"x-api-key":      func(r *http.Request) { r.Header.Set("X-Api-Key", s.SecretKey) },
		"x-goog-api-key": func(r *http.Request) { r.Header.Set("X-Goog-Api-Key", s.SecretKey) },
		"x-project-key":  func(r *http.Request) { r.Header.Set("X-Project-Key", s.SecretKey) },
		"cut off":        func(r *http.Request) { r.Header.Set("X-Project-Key", s.SecretKey[:40]) },
		"x-identity":     func(r *http.Request) { r.Header.Set("X-Identity", s.SecretKey) },
		"another header": func(r *http.Request) { r.Header.Set("X-Anything", "a="+s.SecretKey+"; b=1") },
		"key":            func(r *http.Request) { r.URL.RawQuery = "key=" + s.SecretKey },
		"another query":  func(r *http.Request) { r.URL.RawQuery = "alt=sse&x=" + escaped },
		"the body": func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			altered := strings.Replace(string(body), "four", "my key is "+s.SecretKey, 1)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(altered)), int64(len(altered))
		},
		"the path": func(r *http.Request) {
			r.URL.Path += "/" + s.SecretKey
			r.Header.Del("Anthropic-Version") // which tells whose client it is where the path is unknown
		},
	} {
		for i, d := range dialects {
			r := d.request(s, "u", false)
			put(r)
			a := s.Do(r)
			wantErrorShape(t, a, i, 401, "secret_key_in_app")
			for _, word := range []string{"server", "app", "Rotate"} {
				if !strings.Contains(a.Body, word) {
					t.Errorf("%s: the message says nothing of %s: %s", name, word, a.Body)
				}
			}
			if strings.Contains(a.Body, s.SecretKey[:40]) {
				t.Errorf("%s: the answer quotes the key", name)
			}
		}
	}
	if s.Seen.Total() != 0 || strings.Contains(s.Log.String(), s.SecretKey[3:40]) {
		t.Error("the key was forwarded or logged")
	}
	for _, fine := range []string{"sk-client-key", "sk_live_51HqJabcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn"} {
		stack.WantStatus(t, s.Do(openAI.request(s, "u", false, "Authorization", "Bearer "+fine)), 200)
	}
}

// A provider's words about the developer's account go to the developer, in the log, and not to the app's users.
func TestTrust_ErrorsAboutTheAccountAreOurs(t *testing.T) {
	t.Parallel()
	for vendors, want := range map[string]struct {
		status, ours int
		code         string
	}{
		`{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota"}}`: {429, 502, "provider_auth_failed"},
		`{"type":"error","error":{"message":"Your credit balance is too low. Please go to Plans & Billing."}}`:                             {400, 502, "provider_auth_failed"},
		`{"error":{"message":"Rate limit reached for gpt-4o in organization org-AbCdEf1234 on requests per min: Limit 3"}}`:                {429, 429, "provider_limited"},
		`{"error":{"message":"Incorrect API key provided: stored-p***6789"}}`:                                                              {401, 502, "provider_auth_failed"},
	} {
		upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "3")
			w.Header().Set("Openai-Organization", "org-AbCdEf1234")
			w.WriteHeader(want.status)
			_, _ = io.WriteString(w, vendors)
		})
		for _, stored := range []bool{true, false} {
			s := stack.New(t, stack.Options{PassThrough: !stored, Upstream: upstream})
			for i, d := range dialects {
				r := d.request(s, "u", false)
				if !stored {
					r.Header.Del("Authorization")
					r.Header.Set(d.keyHeader, "Bearer client-key")
				}
				a := s.Do(r)
				if !stored {
					if a.Status != want.status || a.Body != vendors {
						t.Errorf("%s with the client's key: %d %s, want the provider's own error", d.name, a.Status, a.Body)
					}
					continue
				}
				wantErrorShape(t, a, i, want.ours, want.code)
				if wait := a.Header.Get("Retry-After"); want.ours == 429 && wait != "3" || want.ours != 429 && wait != "" {
					t.Errorf("%s: %d says to wait for %q", d.name, want.ours, wait)
				}
			}
			if said := s.Log.String(); strings.Contains(said, "stored key or its account refused") != stored || strings.Contains(said, "AbCdEf1234") || strings.Contains(said, "6789\"") {
				t.Errorf("the log says %s", said)
			}
		}
	}
}

// An error event within a stream is held to the same.
func TestTrust_ErrorEventsAboutTheAccountAreOurs(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range []string{"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"err", "or\":{\"message\":\"Rate limit in organization org-AbCd", "Ef1234\"}}\n\n"} {
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	})})
	for _, d := range dialects {
		a := s.Do(d.request(s, "u", true))
		if strings.Contains(a.Body, "org-") || !strings.Contains(strings.ToLower(a.Body), `"provider_auth_failed"`) || !strings.HasPrefix(a.Body, "data: {\"choices\"") {
			t.Errorf("%s: the client sees %s", d.name, a.Body)
		}
	}
	s.Log.Await(t, "stored key or its account refused")
}

// An answer of status 200 that holds an error is held to the same, whole or streamed, in every form.
func TestTrust_ErrorsWithinAnswersAreOurs(t *testing.T) {
	t.Parallel()
	const limited = `"Rate limit reached in organization org-AbCdEf1234"`
	for name, answer := range map[string]string{
		"whole":            `{"id":"x","error":{"code":429,"message":` + limited + `},"usage":null}`,
		"a failed answer":  `{"object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":` + limited + `},"output":[]}`,
		"a text":           `{"error":` + limited + `}`,
		"an array":         "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\n,\r\n{\"error\":{\"code\":429,\"message\":" + limited + "}}]",
		"more than a MB":   `{"x":"` + strings.Repeat("x", 1200<<10) + `","error":{"message":` + limited + `}}`,
		"lines end in CR":  "data: {\"error\":{\"message\":" + limited + "}}\r\rdata: [DONE]\r\r",
		"an event's text":  "data: {\"error\":" + limited + "}\n\n",
		"kept-alive":       "\n\n  {\"error\":{\"message\":" + limited + "}}",
		"no type of error": `{"error":{"type":"authentication_error","message":"invalid x-api-key"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", itoa(len(answer)))
				for i := 0; i < len(answer); i += 7 + len(answer)/50 {
					_, _ = io.WriteString(w, answer[i:min(len(answer), i+7+len(answer)/50)])
					_ = http.NewResponseController(w).Flush()
				}
			})
			s := stack.New(t, stack.Options{Upstream: upstream})
			for _, d := range dialects {
				for _, stream := range []bool{false, true} {
					a := s.Do(d.request(s, "u", stream))
					if a.Status != 200 || strings.Contains(a.Body, "org-") || strings.Contains(a.Body, "x-api-key") || !strings.Contains(a.Body, "The app's developer has to act") {
						t.Errorf("%s, streamed %v: %d, the client sees %.300q", d.name, stream, a.Status, a.Body[max(0, len(a.Body)-300):])
					}
					if strings.HasPrefix(answer, "{") && !strings.HasPrefix(a.Body, answer[:9]) {
						t.Errorf("%s: the rest of the answer became %.100q", d.name, a.Body)
					}
				}
			}
			s.Log.Await(t, "stored key or its account refused")
			through := stack.New(t, stack.Options{PassThrough: true, Upstream: upstream})
			r := openAI.request(through, "u", false, "Authorization", "Bearer sk-of-the-client")
			if a := through.Do(r); a.Body != answer {
				t.Errorf("with the client's key: %.300q, want the provider's own words", a.Body)
			}
		})
	}
}

// An answer is searched for a stored key in every encoding in which a server may send it, and is not shown in others.
func TestTrust_StoredKeyIsNeverShownCompressed(t *testing.T) {
	t.Parallel()
	const quoting = `{"choices":[],"note":"the key is ` + stack.StoredKey + `","usage":{"prompt_tokens":10,"completion_tokens":67,"total_tokens":77}}`
	encodings := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"Deflate": func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, flate.BestSpeed); return z }, // as some servers mean it
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
		"compress": func(w io.Writer) io.WriteCloser {
			return struct {
				io.Writer
				io.Closer
			}{w, io.NopCloser(nil)}
		},
	}
	for name, compress := range encodings {
		for _, stream := range []bool{false, true} {
			for _, status := range []int{200, 400} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, stream, status), func(t *testing.T) {
					t.Parallel()
					var sent bytes.Buffer
					z := compress(&sent)
					_, _ = io.WriteString(z, map[bool]string{true: "data: " + quoting + "\n\ndata: [DONE]\n\n", false: quoting}[stream])
					_ = z.Close()
					upstream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Content-Encoding", name)
						w.WriteHeader(status)
						_, _ = w.Write(sent.Bytes())
					})
					s := stack.New(t, stack.Options{Upstream: upstream})
					a := s.Do(openAI.request(s, "u", stream))
					if strings.Contains(a.Body, stack.StoredKey) || a.Header.Get("Content-Encoding") != "" {
						t.Errorf("%d %v: the client sees %q", a.Status, a.Header, a.Body)
					}
					switch {
					case name == "compress", status == 400: // replaced, because it cannot be read or quotes the key
						stack.WantStatus(t, a, 502)
					case !strings.Contains(a.Body, "the key is ****"):
						t.Errorf("the client sees %q", a.Body)
					default:
						wantCharge(t, s, "u", 1, 77)
					}

					through := stack.New(t, stack.Options{PassThrough: true, Upstream: upstream})
					r := openAI.request(through, "u", stream, "Authorization", "Bearer sk-of-the-client", "Accept-Encoding", "br")
					if a := through.Do(r); a.Status != status || !strings.Contains(a.Body, "the key is "+stack.StoredKey) {
						t.Errorf("with the client's key: %d %q, want the provider's own words", a.Status, a.Body)
					}
				})
			}
		}
	}
}

// A provider's wait is passed on only as far as clients should sleep for it.
func TestTrust_AFarWaitOfTheProviderIsNotPassedOn(t *testing.T) {
	t.Parallel()
	for wait, shown := range map[string]string{"": "", "60": "60", "61": "", "86400": ""} {
		s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", wait)
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"Rate limit reached in organization org-AbCdEf1234"}}`)
		})})
		for i, d := range dialects {
			a := s.Do(d.request(s, "u", false))
			wantErrorShape(t, a, i, 429, "provider_limited")
			far := len(wait) > 0 && shown == ""
			if got := a.Header.Get("Retry-After"); got != shown || (a.Header.Get("X-Should-Retry") == "false") != far {
				t.Errorf("%s: %q became %q, x-should-retry %q", d.name, wait, got, a.Header.Get("X-Should-Retry"))
			}
		}
	}
}
