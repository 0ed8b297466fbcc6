package gateway

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// streamChat is a request for a stream whose client has not asked for usage.
const streamChat = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hello"}]}`

// choosy is a server that refuses stream_options with a given answer, and counts its requests.
type choosy struct {
	status        int
	refusal       string
	with, without int
}

func (s *choosy) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, answer := 200, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n"
	if strings.Contains(string(body), "stream_options") {
		s.with++
		status, answer = s.status, s.refusal
	} else {
		s.without++
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// A server that refuses the added stream_options gets the request again without it. After a few refusals it gets it without
// the field at once.
func TestStreamOptions_AreLeftOutWhereTheyAreRefused(t *testing.T) {
	t.Parallel()
	const named = `{"error":{"message":"stream_options: Extra inputs are not permitted"}}`
	for name, tc := range map[string]struct {
		server *choosy
		again  bool
	}{
		"Named":             {&choosy{status: 400, refusal: named}, true},
		"NamedWith422":      {&choosy{status: 422, refusal: `{"detail":[{"loc":["body","stream_options","include_usage"]}]}`}, true},
		"Silent":            {&choosy{status: 400}, true},
		"AboutAnotherField": {&choosy{status: 400, refusal: `{"error":{"message":"max_tokens is too large"}}`}, false},
		"AnotherStatus":     {&choosy{status: 429, refusal: named}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, tc.server.RoundTrip)
			for range plainAfter + 2 {
				answer := e.send("/v1/chat/completions", streamChat, 0)
				if ok := answer.Code == 200; ok != tc.again {
					t.Fatalf("%s: status %d: %s", name, answer.Code, answer.Body)
				}
				if !tc.again && answer.Body.String() != tc.server.refusal {
					t.Errorf("%s: %q, want the provider's answer", name, answer.Body)
				}
			}
			want := [2]int{plainAfter + 2, 0}
			if tc.again {
				want = [2]int{plainAfter, plainAfter + 2}
				if got := e.account.settled[0].Amounts; got[limit.Tokens] != 27 || got[limit.Requests] != 1 {
					t.Errorf("%s: charged %v, want 1 request of 27 tokens", name, got)
				}
			}
			if got := [2]int{tc.server.with, tc.server.without}; got != want {
				t.Errorf("%s: asked %v times with and without, want %v", name, got, want)
			}
			time.Sleep(plainFor)
			if e.send("/v1/chat/completions", streamChat, 0); tc.server.with != want[0]+1 {
				t.Errorf("%s: asked %d times with it, want once more when it is forgotten", name, tc.server.with)
			}
		})
	}
}

// A client's own stream_options is not removed. A provider can be configured never to be asked.
func TestStreamOptions_AreNotAdded(t *testing.T) {
	t.Parallel()
	server := &choosy{status: 400, refusal: "stream_options"}
	e := newExchangeTest(t, `{"name":"test"}`, server.RoundTrip)
	own := strings.Replace(streamChat, "{", `{"stream_options":{"include_usage":true},`, 1)
	if answer := e.send("/v1/chat/completions", own, 0); answer.Code != 400 || server.with != 1 || server.without != 0 {
		t.Errorf("status %d, asked %d and %d times; want the provider's 400 to the client's own field", answer.Code, server.with, server.without)
	}
	e = newExchangeTest(t, `{"name":"test","providers":{"openai":{"streamUsage":false}}}`, server.RoundTrip)
	if answer := e.send("/v1/chat/completions", streamChat, 0); answer.Code != 200 || server.with != 1 {
		t.Errorf("status %d, asked %d times with the field; want streamUsage: false to leave it out", answer.Code, server.with)
	}
}

// onRead is a body that calls a function with each Read.
type onRead struct {
	io.Reader
	seen func()
}

func (r onRead) Read(p []byte) (int, error) {
	r.seen()
	return r.Reader.Read(p)
}

// A request that is to be repeated without stream_options, and cannot be sent again, costs nothing.
func TestStreamOptions_ARepetitionThatIsNotSentCostsNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		full   bool // there is no memory for the second body
		second error
		status int
		free   bool
	}{
		"NotDialled": {false, &net.OpError{Op: "dial", Err: errors.New("connection refused")}, 502, true},
		"NoMemory":   {true, nil, 503, true},
		"Unanswered": {false, io.ErrUnexpectedEOF, 502, false},
	} {
		asked := 0
		var e *exchangeTest
		e = newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			asked++
			if _, dial := errors.AsType[*net.OpError](tc.second); asked > 1 && dial {
				return nil, tc.second
			}
			httptrace.ContextClientTrace(r.Context()).WroteHeaders()
			_, _ = io.Copy(io.Discard, r.Body)
			if asked > 1 {
				return nil, tc.second
			}
			for tc.full && e.Bodies.Take(1, 0) { //nolint:revive // takes all there is
			}
			return &http.Response{StatusCode: 400, Header: http.Header{}, Body: http.NoBody}, nil
		})
		e.Bodies = budget.New(1 << 20)
		got := e.send("/v1/chat/completions", streamChat, 0)
		if got.Code != tc.status {
			t.Errorf("%s: status %d, want %d: %s", name, got.Code, tc.status, got.Body)
		}
		if len(e.account.settled)+e.account.released != 1 {
			t.Fatalf("%s: settled %d times, released %d", name, len(e.account.settled), e.account.released)
		}
		free := e.account.released == 1 || e.account.settled[0].Amounts == limit.Amounts{}
		if said := strings.Contains(got.Body.String(), "The request counts"); free != tc.free || said == tc.free {
			t.Errorf("%s: charged %v and said %s; want it free: %v", name, e.account.settled, got.Body, tc.free)
		}
	}
}

// The memory of a repeated request is kept until the provider has all of the second body.
func TestStreamOptions_ARepetitionKeepsItsMemory(t *testing.T) {
	t.Parallel()
	for _, reads := range []bool{false, true} {
		var (
			e    *exchangeTest
			used int64
		)
		asked := 0
		e = newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 1 || reads {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			if asked == 1 {
				return &http.Response{StatusCode: 400, Header: http.Header{}, Body: http.NoBody}, nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1,
				Body: io.NopCloser(onRead{strings.NewReader("data: [DONE]\n\n"), func() { used = e.Bodies.Used() }})}, nil
		})
		e.Bodies = budget.New(1 << 20)
		if got := e.send("/v1/chat/completions", streamChat, 0); got.Code != 200 || asked != 2 {
			t.Fatalf("status %d, asked %d times", got.Code, asked)
		}
		if (used == 0) != reads {
			t.Errorf("the provider has the second body: %v; %d bytes are held while it answers", reads, used)
		}
		if left := e.Bodies.Used(); left != 0 {
			t.Errorf("%d bytes were not given back", left)
		}
	}
}

// The gateway remembers a bounded number of servers that refuse stream_options.
func TestStreamOptions_MemoryIsBounded(t *testing.T) {
	t.Parallel()
	var p plainServers
	for i := range 5 * maxPlain {
		p.noteRefusal(fmt.Sprint("model-", i), time.Unix(0, 0))
	}
	if len(p.known) > maxPlain {
		t.Errorf("%d servers are remembered, want at most %d", len(p.known), maxPlain)
	}
	for range plainAfter {
		p.noteRefusal("a", time.Unix(0, 0))
	}
	if !p.refuses("a", time.Unix(1, 0)) {
		t.Error("a server that refuses is not remembered")
	}
	if p.noteAccepted("a"); p.refuses("a", time.Unix(1, 0)) {
		t.Error("a server that takes the field is remembered as one that refuses")
	}
}

// No figure of a provider costs more than its model can have read and written. No honest figure is lowered.
func TestFiguresAreBounded(t *testing.T) {
	t.Parallel()
	const absurd = 900_000_000_000
	for name, tc := range map[string]struct {
		path, request, usage string
		most                 int64 // tokens
	}{
		"Chat":     {"/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`, fmt.Sprintf(`{"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, absurd, absurd), 10_000_000},
		"Fallback": {"/v1/messages", `{"model":"claude-opus-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`, fmt.Sprintf(`{"usage":{"input_tokens":1,"output_tokens":1,"iterations":[%s{"type":"fallback_message","model":"claude-opus-4-1","input_tokens":%d,"output_tokens":%d}]}}`, strings.Repeat(fmt.Sprintf(`{"type":"advisor_message","model":"claude-opus-4-1","input_tokens":%d,"output_tokens":1},`, absurd), 500), absurd, absurd), 400_000_000},
	} {
		e := newExchangeTest(t, `{"name":"test","costLimitUsd":1000000}`, answering(tc.usage))
		e.send(tc.path, tc.request, 0)
		got := e.account.settled[0].Amounts
		if got[limit.Tokens] > tc.most || got[limit.Cost] > 10_000_000_000 {
			t.Errorf("%s: charged %d tokens and %d micro-USD, want a bound", name, got[limit.Tokens], got[limit.Cost])
		}
		if !strings.Contains(e.log.String(), "implausible usage lowered") {
			t.Errorf("%s: the log does not tell: %s", name, e.log)
		}
	}
	for name, tc := range map[string]struct {
		request, usage string
		want           int64
	}{
		"FullContext": {`{"model":"gpt-4.1","messages":[]}`, `{"usage":{"prompt_tokens":1047576,"completion_tokens":32768}}`, 1047576 + 32768},
		"FanOut":      {`{"model":"gpt-4o","n":100,"messages":[]}`, `{"usage":{"prompt_tokens":128000,"completion_tokens":1638400}}`, 128000 + 1638400},
		"Unpriced":    {`{"model":"gpt-unheard-of","messages":[]}`, `{"usage":{"prompt_tokens":9000000,"completion_tokens":250000}}`, 9250000},
	} {
		e := newExchangeTest(t, `{"name":"test"}`, answering(tc.usage))
		e.send("/v1/chat/completions", tc.request, 0)
		if got := e.charged(t); got != tc.want || strings.Contains(e.log.String(), "bounded") {
			t.Errorf("%s: charged %d, want %d as the vendor says: %s", name, got, tc.want, e.log)
		}
	}
}

// A model that answers instead of the requested one is charged at its own price, with or without a list of passes.
func TestModelThatAnsweredIsCharged(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","costLimitUsd":1,"prices":{"a":{"inputUsdPerMillion":1,"outputUsdPerMillion":1},"b":{"inputUsdPerMillion":10,"outputUsdPerMillion":10}},
		"providers":{"own":{"baseUrl":"https://own.example/v1","dialect":"openai","models":["a","b"]},"claude":{"baseUrl":"https://own.example","dialect":"anthropic"}}}`
	for name, tc := range map[string]struct {
		path, body, answer string
		micros             int64
	}{
		"Asked":      {"/v1/chat/completions", `{"model":"a","models":["b"],"messages":[]}`, `{"model":"a","usage":{"prompt_tokens":90,"completion_tokens":10}}`, 100},
		"Other":      {"/v1/chat/completions", `{"model":"a","models":["b"],"messages":[]}`, `{"model":"b","usage":{"prompt_tokens":90,"completion_tokens":10}}`, 1000},
		"Unnamed":    {"/v1/chat/completions", `{"model":"a","messages":[]}`, `{"model":"b","usage":{"prompt_tokens":90,"completion_tokens":10}}`, 100},
		"Fallback":   {"/v1/messages", `{"model":"claude/a","max_tokens":9,"fallbacks":[{"model":"b"}],"messages":[]}`, `{"model":"b","usage":{"input_tokens":90,"output_tokens":10}}`, 1000},
		"Iterations": {"/v1/messages", `{"model":"claude/a","max_tokens":9,"fallbacks":[{"model":"b"}],"messages":[]}`, `{"model":"b","usage":{"input_tokens":90,"output_tokens":10,"iterations":[{"type":"message","input_tokens":50,"output_tokens":50},{"type":"fallback_message","model":"b","input_tokens":90,"output_tokens":10}]}}`, 1100},
	} {
		e := newExchangeTest(t, document, answering(tc.answer))
		answer := e.send(tc.path, tc.body, 0)
		if answer.Code != 200 || len(e.account.settled) != 1 || e.account.settled[0].Amounts[limit.Cost] != tc.micros {
			t.Errorf("%s: status %d, charged %+v, want %d micro-USD: %s", name, answer.Code, e.account.settled, tc.micros, answer.Body)
		}
	}
}

// Hosted tools are charged as they were asked for: the preview of web search has a fee of its own with models that do not
// reason, and a large container costs more.
func TestToolsAreChargedAsTheyWereAskedFor(t *testing.T) {
	t.Parallel()
	const (
		document = `{"name":"test","costLimitUsd":10,"prices":{"gpt-4.1":{"inputUsdPerMillion":0,"outputUsdPerMillion":0},"gpt-5.5":{"inputUsdPerMillion":0,"outputUsdPerMillion":0}}}`
		search   = `{"type":"web_search_call","action":{"type":"search"}}`
		run      = `{"type":"code_interpreter_call","container_id":"a"}`
	)
	for name, tc := range map[string]struct {
		model, tool, item string
		micros            int64
	}{
		"Search":        {"gpt-4.1", `{"type":"web_search"}`, search, 10_000},
		"Preview":       {"gpt-4.1", `{"type":"web_search_preview"}`, search, 25_000},
		"DatedPreview":  {"gpt-4.1-2025-04-14", `{"type":"web_search_preview_2025_03_11"}`, search, 25_000},
		"PreviewReason": {"gpt-5.5", `{"type":"web_search_preview"}`, search, 10_000},
		"Container":     {"gpt-5.5", `{"type":"code_interpreter","container":{"type":"auto"}}`, run, 30_000},
		"Large":         {"gpt-5.5", `{"type":"code_interpreter","container":{"type":"auto","memory_limit":"4g"}}`, run, 4 * 30_000},
		"LargeShell":    {"gpt-5.5", `{"type":"shell","environment":{"type":"container_auto","memory_limit":"16g"}}`, `{"type":"shell_call","environment":{"type":"container_reference","container_id":"a"}}`, 16 * 30_000},
	} {
		e := newExchangeTest(t, document, answering(`{"object":"response","output":[`+tc.item+`],"usage":{"input_tokens":10,"output_tokens":5}}`))
		body := `{"model":"` + tc.model + `","input":"hello","max_output_tokens":100,"tools":[` + tc.tool + `]`
		if answer := e.send("/v1/responses", body+"}", 0); answer.Code != 200 || len(e.account.settled) != 1 || e.account.settled[0].Amounts[limit.Cost] != tc.micros {
			t.Errorf("%s: status %d, charged %+v, want %d micro-USD", name, answer.Code, e.account.settled, tc.micros)
		}
		ask := askFor(t, strings.Replace(document, `"costLimitUsd"`, `"enforcement":"strict","costLimitUsd"`, 1), "/v1/responses", "application/json", body+`,"max_tool_calls":1}`)
		if ask == nil || ask.Estimate[limit.Cost] < tc.micros {
			t.Errorf("%s: %v is held under a strict limit, want at least %d micro-USD", name, ask, tc.micros)
		}
	}
}

// OpenAI's writes to its cache cost more for 12 hours, as the request asks for.
func TestLongCachesOfOpenAI(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","costLimitUsd":10}`
	for path, c := range map[string]struct{ body, answer string }{
		"/v1/responses":        {`{"model":"gpt-6.2-sol","max_output_tokens":100,"input":"hello"%s}`, `{"output":[],"usage":{"input_tokens":10000,"output_tokens":0,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":9000}}}`},
		"/v1/chat/completions": {`{"model":"gpt-6.2-sol","max_completion_tokens":100,"messages":[{"role":"user","content":"hello"}]%s}`, `{"choices":[],"usage":{"prompt_tokens":10000,"completion_tokens":0,"prompt_tokens_details":{"cache_write_tokens":9000}}}`},
	} {
		held := map[string]int64{}
		for lifetime, want := range map[string]int64{"30m": 1000*2 + 9000*5/2, "12h": 1000*2 + 9000*5} {
			body := fmt.Sprintf(c.body, `,"prompt_cache_options":{"ttl":"`+lifetime+`"}`)
			e := newExchangeTest(t, document, answering(c.answer))
			e.send(path, body, 0)
			if len(e.account.settled) != 1 || e.account.settled[0].Amounts[limit.Cost] != want {
				t.Errorf("%s, %s: charged %+v, want %d micro-USD", path, lifetime, e.account.settled, want)
			}
			ask := askFor(t, strings.Replace(document, "{", `{"enforcement":"strict",`, 1), path, "application/json", body)
			if ask == nil {
				t.Fatalf("%s, %s is refused", path, lifetime)
			}
			held[lifetime] = ask.Estimate[limit.Cost]
		}
		if held["12h"] <= held["30m"] {
			t.Errorf("%s: %v is held, want more for the longer lifetime", path, held)
		}
	}
}

// Images without usage are not free: a model that is billed by the image costs the price of each, another one an estimate.
func TestImagesWithoutUsage(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","costLimitUsd":10,"prices":{"dall-e-3":{"imageUsd":0.04},"gpt-image-2":{"inputUsdPerMillion":5,"outputUsdPerMillion":30}}}`
	for name, tc := range map[string]struct {
		model, answer string
		least, most   int64 // micro-USD
	}{
		"ByTokens":   {"gpt-image-2", `{"data":[{"b64_json":"aGk="}]}`, 6_000, 1_000_000},
		"ByImage":    {"dall-e-3", `{"data":[{"url":"https://example.com/1.png"}]}`, 40_000, 40_000},
		"TwoByImage": {"dall-e-3", `{"data":[{"url":"https://example.com/1.png"},{"url":"https://example.com/2.png"}]}`, 80_000, 80_000},
		"NoImage":    {"gpt-image-2", `{"data":[],"usage":{"input_tokens":20,"output_tokens":0}}`, 100, 100},
	} {
		e := newExchangeTest(t, document, answering(tc.answer))
		e.send("/v1/images/generations", `{"model":"`+tc.model+`","n":2,"prompt":"a hat"}`, 0)
		if len(e.account.settled) != 1 {
			t.Fatalf("%s: settled %d times, want once", name, len(e.account.settled))
		}
		if got := e.account.settled[0].Amounts; got[limit.Cost] < tc.least || got[limit.Cost] > tc.most || got[limit.Requests] != 1 {
			t.Errorf("%s: charged %v, want %d to %d micro-USD", name, got, tc.least, tc.most)
		}
	}
}

// A transcription whose figures are in another unit than its price is not free.
func TestTranscriptionsAreChargedInTheUnitOfTheirPrice(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","costLimitUsd":10,"providers":{"own":{"baseUrl":"https://own.example/v1","dialect":"openai"}},
		"prices":{"by-minute":{"audioUsdPerMinute":0.006},"by-token":{"inputUsdPerMillion":6,"outputUsdPerMillion":10}}}`
	const tokens, seconds = `{"text":"hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}`, `{"text":"hi","usage":{"type":"duration","seconds":60}}`
	for name, tc := range map[string]struct {
		model, enforcement, answer string
		least, most                int64 // micro-USD, for an hour of sound
	}{
		"Minutes":       {"by-minute", "soft", seconds, 6_000, 6_000},
		"Tokens":        {"by-token", "soft", tokens, 14*6 + 450, 14*6 + 450},
		"MinutesUntold": {"by-minute", "soft", tokens, 360_000, 370_000},
		"Strict":        {"by-minute", "strict", tokens, 360_000, 370_000},
		"TokensUntold":  {"by-token", "soft", seconds, 60 * soundTokens * 6, 60 * soundTokens * 6},
	} {
		e := newExchangeTest(t, strings.Replace(document, "{", `{"enforcement":"`+tc.enforcement+`",`, 1), answering(tc.answer))
		contentType, body := upload("own/"+tc.model, silence(300))
		r := httptest.NewRequest(http.MethodPost, "/v1/audio/transcriptions", strings.NewReader(body))
		for name, value := range map[string]string{"X-Project-Key": e.snapshot.Key, "X-Identity": "u", "Authorization": "Bearer client-provider-key", "Content-Type": contentType} {
			r.Header.Set(name, value)
		}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		if len(e.account.settled) != 1 {
			t.Errorf("%s: status %d, settled %d times, want once: %s", name, answer.Code, len(e.account.settled), answer.Body)
			continue
		}
		if got := e.account.settled[0].Amounts[limit.Cost]; got < tc.least || got > tc.most {
			t.Errorf("%s: charged %d micro-USD, want %d to %d", name, got, tc.least, tc.most)
		}
	}
}

// The first bytes of an answer to a call that is not streamed say whether it is events or JSON, however few come at once.
func TestAnswersAreToldByTheirFirstBytes(t *testing.T) {
	t.Parallel()
	const (
		object = `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":20,"completion_tokens":7}}`
		events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n"
	)
	for _, lead := range []string{"", "\n", "\uFEFF", " \r\n\uFEFF\n"} {
		for _, body := range []string{object, events, ": beat\n\n" + events, "event: x\n" + events, "id: 1\r\n" + events, "retry: 5\n\n" + events} {
			for name, pieces := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader} {
				answer := lead + body
				e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
					_, _ = io.Copy(io.Discard, r.Body)
					return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(pieces(strings.NewReader(answer)))}, nil
				})
				got := e.send("/v1/chat/completions", chat, 0)
				if charged := e.charged(t); charged != 27 || got.Body.String() != answer {
					t.Errorf("%q, %s: charged %d tokens, want 27; the client got %q", answer, name, charged, got.Body)
				}
			}
		}
	}
}

// If an answer passes at once, each of its beginnings does: a stream is recognised however it is cut.
func FuzzPassesAtOnce(f *testing.F) {
	for _, p := range []string{"data: {}", "\n\uFEFFevent: x", ": beat", "{}", "[]", "dat", "\xef\xbb", "retry:1", "hello", ""} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		all := passesAtOnce(p)
		for n := range p {
			if all && !passesAtOnce(p[:n]) {
				t.Fatalf("%q passes at once, %q does not", p, p[:n])
			}
		}
		if first := bytes.TrimLeft(p, " \t\r\n"); all && len(first) > 0 && (first[0] == '{' || first[0] == '[') {
			t.Fatalf("%q passes at once, although it is JSON", p)
		}
	})
}

// The log says why a provider did not answer, and holds no possible secret.
func TestLogSaysWhyAProviderDidNotAnswer(t *testing.T) {
	t.Parallel()
	const secret = "secret-0123456789"
	for want, err := range map[string]error{
		"connection refused":                      &net.OpError{Op: "read", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"connection reset by peer":                &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		"no such host":                            &net.OpError{Op: "lookup", Err: &net.DNSError{Name: secret, IsNotFound: true}},
		"name server failed":                      &net.DNSError{Name: secret},
		"certificate signed by unknown authority": fmt.Errorf("%s: %w", secret, x509.UnknownAuthorityError{}),
		"certificate for another name":            x509.HostnameError{Certificate: new(x509.Certificate), Host: secret},
		"no TLS":                                  tls.RecordHeaderError{Msg: secret},
		"connection closed":                       fmt.Errorf("%s: %w", secret, io.EOF),
		"timeout":                                 &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded},
		"other (*errors.errorString)":             errors.New("malformed HTTP response " + secret),
	} {
		got, log := serve(t, new(account), func(*http.Request) (*http.Response, error) { return nil, err })
		if got.Code != 502 && got.Code != 504 || !strings.Contains(log, want) || strings.Contains(log, secret) || strings.Contains(got.Body.String(), secret) {
			t.Errorf("%v: status %d, logged %s, want the cause %q", err, got.Code, log, want)
		}
	}
}
