package test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/stack"
)

// charges are the rows of docs/charges.md, by name.
var charges = map[string]func(*testing.T){
	"refused":          chargeRefused,
	"free":             chargeFree,
	"answered":         faulty(echo.None, whole, 200, exact),
	"compressed":       faulty(echo.Gzip, whole|streamed, 200, exact),
	"large":            faulty(echo.HugeEvent, whole, 200, func(dialect, int64) int64 { return inputWords + 1 }),
	"streamed":         faulty(echo.None, streamed, 200, exact),
	"unterminated":     faulty(echo.Unterminated, streamed, 200, exact),
	"without-usage":    faulty(echo.WithoutUsage, whole|streamed, 200, estimateOf("echo: one two three four")),
	"unreadable":       chargeUnreadable,
	"error-status":     chargeErrorStatus,
	"error-broken-off": chargeErrorBrokenOff,
	"key-refused":      chargeKeyRefused,
	"unreachable":      chargeUnreachable,
	"hung-up":          chargeHungUp,
	"timed-out":        chargeTimedOut,
	"broken-off":       chargeBrokenOff,
	"cut-short":        faulty(echo.Truncate, streamed, 200, half),
	"error-event":      faulty(echo.StreamError, streamed, 200, half),
	"left":             chargeLeft,
	"left-ended":       chargeLeftEnded,
	"encoded":          chargeEncoded,
	"declined":         chargeDeclined,
	"absurd":           chargeAbsurd,
	"option-refused":   chargeOptionRefused,
	"strict":           chargeStrict,
	"left-unanswered":  chargeLeftUnanswered,
	"left-draining":    chargeLeftDraining,
	"left-sending":     chargeLeftSending,
	"ended":            chargeEnded,
	"withheld":         func(t *testing.T) { t.Log("needs a full disk: see test/faults and internal/gateway") },
	"died":             func(t *testing.T) { t.Log("needs a process to kill: see test/process") },
}

func TestCharges(t *testing.T) {
	t.Parallel()
	for name, run := range charges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// The table in the documentation has the rows that are tested, and no other.
func TestCharges_AreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/charges.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z-]+)`").FindAllStringSubmatch(string(doc), -1)
	for _, row := range rows {
		if charges[row[1]] == nil {
			t.Errorf("row %s is not tested", row[1])
		}
	}
	if len(rows) != len(charges) {
		t.Errorf("%d rows are documented, %d tested", len(rows), len(charges))
	}
}

type form uint8

const (
	whole form = 1 << iota
	streamed
)

// tokens says what a dialect's request, whose body is that long, is charged.
type tokens func(d dialect, body int64) int64

func exact(dialect, int64) int64 { return inputWords + outputWords }

func nothing(dialect, int64) int64 { return 0 }

func input(_ dialect, body int64) int64 { return (body + 3) / 4 }

func estimateOf(text string) tokens {
	return func(_ dialect, body int64) int64 { return (body+3)/4 + int64(len(text)+3)/4 }
}

// half is what a stream is charged of which "echo: one" came. Anthropic and Gemini have told the input by then, and
// Gemini the output.
func half(d dialect, body int64) int64 {
	const seen = int64(len("echo: one")+3) / 4
	switch d.name {
	case "Anthropic":
		return inputWords + seen
	case "Gemini":
		return inputWords + 2
	}
	return (body+3)/4 + seen
}

// faulty tests a fault of the provider in every dialect.
func faulty(f echo.Fault, forms form, status int, want tokens) func(*testing.T) {
	return func(t *testing.T) {
		s := stack.New(t, stack.Options{})
		faultyOn(t, s, f, forms, status, want)
	}
}

func faultyOn(t *testing.T, s *stack.Stack, f echo.Fault, forms form, status int, want tokens) {
	t.Helper()
	for _, d := range dialects {
		for _, stream := range []bool{false, true} {
			if stream && forms&streamed == 0 || !stream && forms&whole == 0 {
				continue
			}
			identity := d.name + map[bool]string{true: "-stream-", false: "-"}[stream] + f.String()
			r := d.request(s, identity, stream, echo.FaultHeader, f.String())
			length := r.ContentLength
			a := do(r)
			if a.Status != status {
				t.Errorf("%s: status %d, want %d: %.300s", identity, a.Status, status, a.Body)
			}
			requests, sum := int64(1), want(d, length)
			if sum == 0 {
				requests = 0
			}
			if a.Status == 0 {
				s.Log.Await(t, "provider_broke_off")
			}
			wantCharge(t, s, identity, requests, sum)
		}
	}
}

func chargeRefused(t *testing.T) {
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":0}`})
	for _, d := range dialects {
		stack.WantError(t, s.Do(d.request(s, "u", false)), 429, "limit_exceeded")
	}
	wantCharge(t, s, "u", 0, 0)
}

func chargeFree(t *testing.T) {
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":0,"tokenLimit":0}`})
	for _, r := range []*http.Request{
		s.Request("GET", "/v1/models", "u", ""), s.Request("GET", "/v1beta/models", "u", ""), s.Request("GET", "/v1/usage", "u", ""),
		s.Request("POST", "/v1/messages/count_tokens", "u", anthropic.body(anthropic.model, false), "Anthropic-Version", "2023-06-01"),
		s.Request("POST", "/v1beta/models/gemini-2.0-flash:countTokens", "u", gemini.body("", false)),
		s.Request("POST", "/v1/responses/input_tokens", "u", `{"model":"gpt-4o","input":"one two"}`), s.Request("GET", "/v1/models/gpt-4o", "u", ""),
	} {
		stack.WantStatus(t, s.Do(r), 200)
	}
	wantCharge(t, s, "u", 0, 0)
}

func chargeUnreadable(t *testing.T) {
	faulty(echo.Garbage, whole, 200, usual)(t)
	faulty(echo.Truncate, whole, 200, usual)(t)
}

// usual is the estimate of an answer of which nothing is known.
func usual(d dialect, body int64) int64 {
	if d.name == "Anthropic" { // whose request has a cap
		return (body+3)/4 + 100
	}
	return (body+3)/4 + 1000
}

func chargeErrorStatus(t *testing.T) {
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":3}`})
	for f, status := range map[echo.Fault]int{echo.RateLimited: 429, echo.ServerError: 500} {
		faultyOn(t, s, f, whole|streamed, status, nothing)
	}
	faultyOn(t, s, echo.StreamError, whole, 500, nothing)
	r := openAI.request(s, "redirected", false, echo.FaultHeader, "redirect")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	seen := s.Seen.Total()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 307 || s.Seen.Total() != seen+1 {
		t.Errorf("status %d, want 307", resp.StatusCode)
	}
	if got := resp.Header.Get("X-Ratelimit-Remaining-Requests"); got != "3" {
		t.Errorf("an error that costs nothing leaves %s of 3 requests", got)
	}
	wantCharge(t, s, "redirected", 0, 0)
}

func chargeErrorBrokenOff(t *testing.T) {
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, `{"error":`)
	})})
	for _, d := range dialects {
		stack.WantError(t, s.Do(d.request(s, "u", false)), 502, "provider_unreachable")
	}
	wantCharge(t, s, "u", 0, 0)
}

func chargeKeyRefused(t *testing.T) {
	s := stack.New(t, stack.Options{})
	faultyOn(t, s, echo.KeyRefused, whole|streamed, 502, nothing)
	faultyOn(t, s, echo.KeyForbidden, whole|streamed, 502, nothing)
}

func chargeUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	_ = ln.Close()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":1,"providers":{"own":{"baseUrl":"http://` + nobody + `/v1","dialect":"openai","key":"k"}}}`})
	for range 3 {
		a := s.Chat("u", "own/model")
		stack.WantError(t, a, 502, "provider_unreachable")
		if got := a.Header.Get("X-Ratelimit-Remaining-Requests"); got != "1" {
			t.Errorf("%s of 1 request remain", got)
		}
	}
	wantCharge(t, s, "u", 0, 0)
}

func chargeHungUp(t *testing.T) {
	faulty(echo.Close, whole|streamed, 502, input)(t)
	faulty(echo.Break, whole, 502, input)(t)
}

func chargeTimedOut(t *testing.T) {
	s := stack.New(t, stack.Options{Env: map[string]string{"UPSTREAM_TIMEOUT_SECONDS": "1"}})
	for _, f := range []echo.Fault{echo.Hang, echo.HangMidway} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			forms := whole
			if f == echo.Hang {
				forms |= streamed
			}
			faultyOn(t, s, f, forms, 504, input)
		})
	}
}

func chargeBrokenOff(t *testing.T) {
	s := stack.New(t, stack.Options{Env: map[string]string{"UPSTREAM_TIMEOUT_SECONDS": "1"}})
	faultyOn(t, s, echo.Break, streamed, 0, half)
	faultyOn(t, s, echo.HangMidway, streamed, 0, half)
}

// leaving starts a stream and leaves when "echo: one" has come.
func leaving(t *testing.T, s *stack.Stack, d dialect, identity string, wait func()) {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	resp, err := http.DefaultClient.Do(d.request(s, identity, true, echo.FaultHeader, "hang-midway").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // left on purpose
	var got strings.Builder
	buf := make([]byte, 1024)
	for !strings.Contains(got.String(), "one") {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatalf("stream ended with %v after %q", err, got.String())
		}
		got.Write(buf[:n])
	}
	leave()
	wait()
}

func chargeLeft(t *testing.T) {
	for _, d := range dialects {
		s := stack.New(t, stack.Options{})
		leaving(t, s, d, "u", func() { s.Log.Await(t, "outcome=client_gone") })
		wantCharge(t, s, "u", 1, half(d, int64(len(d.body(d.model, true)))))
	}
}

// says is a provider that answers with a body, or with a stream of it.
func says(body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = io.WriteString(w, body)
	})
}

func chargeLeftEnded(t *testing.T) {
	for figures, want := range map[string]func(body int64) int64{
		"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":500}}\n\n": func(int64) int64 { return 510 },
		"": func(body int64) int64 { return (body+3)/4 + 1 },
	} {
		left := make(chan struct{})
		s := stack.New(t, stack.Options{Patience: gateway.Patience{Figures: 50 * time.Millisecond}, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"},\"finish_reason\":\"stop\"}]}\n\n")
			_ = http.NewResponseController(w).Flush()
			<-left
			_, _ = io.WriteString(w, figures)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})})
		resp, err := http.DefaultClient.Do(openAI.request(s, "u", true))
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		_ = resp.Body.Close()
		close(left)
		s.Log.Await(t, "outcome=client_gone")
		wantCharge(t, s, "u", 1, want(int64(len(openAI.body(openAI.model, true)))))
	}
}

func chargeEncoded(t *testing.T) {
	const body = "\x1b\x05compressed it is"
	for _, stored := range []bool{false, true} {
		s := stack.New(t, stack.Options{PassThrough: !stored, Upstream: says(body, "Content-Encoding", "compress")})
		for _, d := range dialects {
			r := d.request(s, d.name, false)
			length := r.ContentLength
			a := s.Do(r)
			if stored {
				stack.WantError(t, a, 502, "provider_unreachable")
			} else if a.Status != 200 || a.Body != body || a.Header.Get("Content-Encoding") != "compress" {
				t.Errorf("%s: %d %q, want the answer as it is", d.name, a.Status, a.Body)
			}
			wantCharge(t, s, d.name, 1, usual(d, length))
		}
	}
}

func chargeDeclined(t *testing.T) {
	for category, want := range map[string]int64{`null`: 0, `"cyber"`: 0, `"bio"`: 900, `"frontier_llm"`: 900, `"reasoning_extraction"`: 900} {
		s := stack.New(t, stack.Options{Upstream: says(
			`{"content":[],"stop_reason":"refusal","stop_details":{"category":` + category + `},"usage":{"input_tokens":900,"output_tokens":0}}`)})
		stack.WantStatus(t, s.Do(anthropic.request(s, "u", false)), 200)
		wantCharge(t, s, "u", 1, want)
	}
}

func chargeAbsurd(t *testing.T) {
	s := stack.New(t, stack.Options{Upstream: says(`{"usage":{"prompt_tokens":900000000000,"completion_tokens":900000000000}}`)})
	stack.WantStatus(t, s.Do(openAI.request(s, "u", false)), 200)
	if got := charged(s, "u"); got.requests != 1 || got.tokens > 10_000_000 || got.cost > 100 {
		t.Errorf("charged %+v, want what gpt-4o can read and write at most", got)
	}
	s.Log.Await(t, "implausible usage lowered")
}

func chargeOptionRefused(t *testing.T) {
	s := stack.New(t, stack.Options{Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "stream_options") {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"unknown field stream_options"}}`)
			return
		}
		_, _ = io.WriteString(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":500}}\n\ndata: [DONE]\n\n")
	})})
	stack.WantStatus(t, s.Do(openAI.request(s, "u", true)), 200)
	wantCharge(t, s, "u", 1, 510)
}

func chargeStrict(t *testing.T) {
	for _, f := range []echo.Fault{echo.Garbage, echo.Close, echo.Truncate, echo.Break} {
		s := stack.New(t, stack.Options{Settings: `{"tokenLimit":100000,"enforcement":"strict"}`})
		for _, stream := range []bool{false, true} {
			identity := f.String() + map[bool]string{true: "-stream"}[stream]
			r := anthropic.request(s, identity, stream, echo.FaultHeader, f.String())
			length := r.ContentLength
			if a := do(r); a.Status == 0 {
				s.Log.Await(t, "provider_broke_off")
			}
			if got := charged(s, identity); got.requests != 1 || got.tokens < 100 || got.tokens > length+100+100 {
				t.Errorf("%s: charged %+v, want the cap of 100 and the input", identity, got)
			}
		}
	}
}

func chargeLeftUnanswered(t *testing.T) {
	for _, d := range dialects {
		leftUnanswered(t, d, "hang", gateway.Patience{Whole: 50 * time.Millisecond}, usual)
		leftUnanswered(t, d, "", gateway.Patience{}, exact)
	}
}

// leftUnanswered leaves a call that is not streamed while the provider, which has the fault, is at work.
func leftUnanswered(t *testing.T, d dialect, fault string, p gateway.Patience, want tokens) {
	t.Helper()
	begun, left := make(chan struct{}), make(chan struct{})
	s := stack.New(t, stack.Options{Patience: p, Echo: echoBefore(func(*http.Request) {
		close(begun)
		<-left
	})})
	ctx, leave := context.WithCancel(context.Background())
	r := d.request(s, "u", false, echo.FaultHeader, fault).WithContext(ctx)
	length := r.ContentLength
	ended := make(chan stack.Answer)
	go func() { ended <- do(r) }()
	<-begun
	leave()
	<-ended
	close(left)
	s.Log.Await(t, "tokens=")
	wantCharge(t, s, "u", 1, want(d, length))
}

func chargeLeftDraining(t *testing.T) {
	for _, d := range dialects {
		left, once := make(chan struct{}), make(chan struct{}, 1)
		s := stack.New(t, stack.Options{Settings: `{"onDisconnect":"drain"}`, Echo: echo.Options{Between: func(*http.Request) {
			select {
			case once <- struct{}{}:
				<-left
			default:
			}
		}}})
		ctx, leave := context.WithCancel(context.Background())
		resp, err := http.DefaultClient.Do(d.request(s, "u", true).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		leave()
		_ = resp.Body.Close()
		close(left)
		s.Log.Await(t, "tokens=")
		wantCharge(t, s, "u", 1, exact(d, 0))
	}
	t.Run("Bounded", func(t *testing.T) {
		s := stack.New(t, stack.Options{Settings: `{"onDisconnect":"drain"}`, Patience: gateway.Patience{Drain: 50 * time.Millisecond}})
		leaving(t, s, openAI, "u", func() { s.Log.Await(t, "outcome=client_gone") })
		wantCharge(t, s, "u", 1, half(openAI, int64(len(openAI.body(openAI.model, true)))))
	})
}

func chargeLeftSending(t *testing.T) {
	s := stack.New(t, stack.Options{})
	conn := dial(t, s)
	conn.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\nContent-Length: 1000\r\n\r\n{\"model\"")
	conn.close()
	s.Log.Await(t, "outcome=invalid_request")
	wantCharge(t, s, "u", 0, 0)
}

func chargeEnded(t *testing.T) {
	var got charge
	s := stack.New(t, stack.Options{Env: map[string]string{"DRAIN_SECONDS": "0"}})
	leavingBody, writer := io.Pipe()
	resp, err := http.DefaultClient.Do(openAI.request(s, "u", true, echo.FaultHeader, "hang-midway"))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := io.Copy(writer, resp.Body)
		_ = writer.CloseWithError(err)
		_ = resp.Body.Close()
	}()
	read := make([]byte, 64<<10)
	var text []byte
	for !strings.Contains(string(text), "one") {
		n, err := leavingBody.Read(read)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, read[:n]...)
	}
	s.Stop()
	if _, err := io.ReadAll(leavingBody); err == nil {
		t.Error("the stream looks complete")
	}
	s.Restart()
	got = charged(s, "u")
	if want := half(openAI, int64(len(openAI.body(openAI.model, true)))); got.requests != 1 || got.tokens != want {
		t.Errorf("charged %+v, want 1 request and %d tokens", got, want)
	}
}

// A vendor's own error reaches the client byte for byte, whichever it is. A 402 is about the account: with a stored key that
// is the developer's, of which clients are told nothing.
func TestProviderErrors_PassThroughUnchanged(t *testing.T) {
	t.Parallel()
	statuses := []int{400, 404, 409, 413, 422, 429, 500, 503, 529}
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.Header.Get("X-Want"))
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "{ \"odd\" : [1,\n2] }")
	})
	stored := stack.New(t, stack.Options{Upstream: upstream})
	check := func(s *stack.Stack, status int, headers ...string) {
		a := s.Do(openAI.request(s, "u", false, append(headers, "X-Want", itoa(status))...))
		if a.Status != status || a.Body != "{ \"odd\" : [1,\n2] }" || a.Header.Get("Retry-After") != "7" || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d came as %d %v %q", status, a.Status, a.Header, a.Body)
		}
		wantCharge(t, s, "u", 0, 0)
	}
	for _, status := range statuses {
		check(stored, status)
	}
	wantErrorShape(t, stored.Do(openAI.request(stored, "u", false, "X-Want", "402")), 0, http.StatusBadGateway, "provider_auth_failed")
	wantCharge(t, stored, "u", 0, 0)
	check(stack.New(t, stack.Options{Upstream: upstream, PassThrough: true}), http.StatusPaymentRequired, "Authorization", "Bearer sk-of-the-app-1234567890")
}
