package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/tidwall/gjson"
)

// exchangeTest is a gateway for one identity, with a provider and a client of the test. It runs in a synctest bubble, so
// waiting takes no time.
type exchangeTest struct {
	*Gateway
	account  *account
	snapshot *project.Snapshot
	log      *bytes.Buffer
}

func newExchangeTest(t *testing.T, document string, provider roundTrip) *exchangeTest {
	t.Helper()
	settings, err := project.ParseSettings([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := project.NewSnapshot(project.Record{Key: "pk_0123456789012345678901", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &exchangeTest{account: new(account), snapshot: snapshot, log: new(bytes.Buffer)}
	e.Gateway = New(Options{Projects: oneProject{snapshot}, Ledger: e.account, Transport: provider, Log: slog.New(slog.NewTextHandler(e.log, nil)),
		MaxBody: 1 << 20, UpstreamTimeout: 10 * time.Minute, Now: time.Now, Draining: func() bool { return false }, Ending: context.Background()})
	return e
}

// send sends a request whose client leaves after a time, or stays if that is 0. It returns when the gateway has finished.
func (e *exchangeTest) send(path, body string, stay time.Duration) *httptest.ResponseRecorder {
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if stay > 0 {
		t := time.AfterFunc(stay, leave)
		defer t.Stop()
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-Project-Key", e.snapshot.Key)
	r.Header.Set("X-Identity", "u")
	r.Header.Set("Authorization", "Bearer client-provider-key")
	r.Header.Set("Anthropic-Version", "2023-06-01")
	answer := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http looks for
				panic(p)
			}
		}()
		e.ServeHTTP(answer, r)
	}()
	return answer
}

// charged is the charged tokens of the only request.
func (e *exchangeTest) charged(t *testing.T) int64 {
	t.Helper()
	if len(e.account.settled) != 1 {
		t.Fatalf("settled %d times, released %d, want settled once: %s", len(e.account.settled), e.account.released, e.log)
	}
	return e.account.settled[0].Amounts[limit.Tokens]
}

// script says how a provider answers and how its client behaves.
type script struct {
	anthropic, streams bool
	cap                int64         // the client's output cap; 0: none
	input              int64         // tokens that the provider bills for the prompt
	thinks, speaks     int64         // tokens of output without and with text, ten every 100 ms
	letters            int           // of text a token
	answer             string        // what kind of answer it gives
	stay               time.Duration // until the client goes away; 0: it does not

	billed int64 // what it has billed in the end
}

var answerKinds = []string{"good", "no usage", "zeros", "html", "compress", "gzip", "hangs up", "breaks off", "error", "error event", "silent", "no marker", "small total", "relabelled", "beats"}

func (s *script) String() string {
	return fmt.Sprintf("%s: anthropic %v, streams %v, cap %d, input %d, thinks %d, speaks %d, letters %d, stays %s", s.answer, s.anthropic, s.streams, s.cap, s.input, s.thinks, s.speaks, s.letters, s.stay)
}

func randomScript(r *rand.Rand) *script {
	s := &script{
		anthropic: r.IntN(2) == 0, streams: r.IntN(2) == 0, input: 1 + r.Int64N(60), thinks: r.Int64N(400), speaks: r.Int64N(400),
		letters: r.IntN(6), answer: answerKinds[r.IntN(len(answerKinds))],
	}
	if s.answer == "zeros" { // beside text: without any they may be true
		s.thinks, s.speaks, s.letters = 0, 1+s.speaks, 1+s.letters
	}
	if s.anthropic || r.IntN(2) == 0 {
		s.cap = 1 + r.Int64N(800)
	}
	if r.IntN(4) > 0 {
		s.stay = time.Duration(1+r.IntN(9000)) * time.Millisecond
	}
	return s
}

func (s *script) request() (path, body string) {
	if s.cap > 0 {
		body = fmt.Sprintf(`"max_tokens":%d,`, s.cap)
	}
	body = fmt.Sprintf(`{%s"stream":%v,"messages":[{"role":"user","content":"%s"}],"model":`, body, s.streams, strings.Repeat("word ", 20))
	if s.anthropic {
		return "/v1/messages", body + `"claude-sonnet-4-5"}`
	}
	return "/v1/chat/completions", body + `"gpt-4o"}`
}

// RoundTrip implements http.RoundTripper. The provider stops, and bills, when it is done or its connection is cut.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	beganSending(r)
	if s.answer == "error" {
		return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":{}}`))}, nil
	}
	most := int64(1 << 20)
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		if n := gjson.GetBytes(body, name); n.Exists() {
			most = n.Int()
		}
	}
	s.billed = s.input
	read, write := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.work(r.Context(), write, most)
	}()
	if s.answer == "hangs up" {
		<-done
		return nil, io.ErrUnexpectedEOF
	}
	if !s.streams || s.answer == "silent" { // nothing comes before it is done
		select {
		case <-time.After(time.Millisecond):
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
	}
	header := http.Header{"Content-Type": {"text/event-stream"}}
	if !s.streams || s.answer == "relabelled" {
		header.Set("Content-Type", "application/json")
	}
	switch s.answer {
	case "compress":
		header.Set("Content-Encoding", "compress")
	case "gzip":
		header.Set("Content-Encoding", "gzip")
	}
	return &http.Response{StatusCode: 200, Header: header, ContentLength: -1, Body: read}, nil
}

// beganSending tells the gateway that its request is being sent, as a transport does.
func beganSending(r *http.Request) {
	httptrace.ContextClientTrace(r.Context()).WroteHeaders()
}

// work writes the answer and bills the part that it has made.
func (s *script) work(ctx context.Context, to *io.PipeWriter, most int64) {
	w := io.Writer(to)
	if s.answer == "gzip" {
		z := gzip.NewWriter(to)
		w = flushing{z}
		defer to.Close() //nolint:errcheck // cannot fail
		defer z.Close()  //nolint:errcheck // nobody may be there
	} else {
		defer to.Close() //nolint:errcheck // cannot fail
	}
	made, text := int64(0), ""
	say := func(format string, args ...any) {
		if s.streams && s.answer != "silent" && s.answer != "html" && s.answer != "compress" && s.answer != "hangs up" {
			_, _ = fmt.Fprintf(w, format, args...)
		}
	}
	if s.anthropic {
		say("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":%d,\"output_tokens\":1}}}\n\n", s.input)
	}
	for made < min(most, s.thinks+s.speaks) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return
		}
		n := min(10, min(most, s.thinks+s.speaks)-made)
		made += n
		s.billed = s.input + made
		if made > s.thinks {
			words := strings.Repeat("x", int(n)*s.letters)
			text += words
			if s.anthropic {
				say("data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n", words)
			} else {
				say("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}\n\n", words)
			}
		}
		if s.answer == "beats" {
			_, _ = io.WriteString(w, "\n")
		}
		switch {
		case made < s.thinks:
		case s.answer == "breaks off":
			_ = to.CloseWithError(io.ErrUnexpectedEOF)
			return
		case s.answer == "error event":
			say("event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"x\"}}\n\n")
			return
		}
	}
	s.end(w, say, made, text)
}

// end writes the end of an answer of made tokens.
func (s *script) end(w io.Writer, say func(string, ...any), made int64, text string) {
	in, out, total := s.input, made, s.input+made
	switch s.answer {
	case "zeros":
		in, out, total = 0, 0, 0
	case "small total":
		total = in
	case "hangs up":
		return
	case "html", "compress", "silent":
		_, _ = io.WriteString(w, "<html>busy</html>")
		return
	}
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, in, out, total)
	if s.anthropic {
		usage = fmt.Sprintf(`{"input_tokens":%d,"output_tokens":%d}`, in, out)
	}
	if s.answer == "no usage" {
		usage = "null"
	}
	switch {
	case !s.streams && s.anthropic:
		_, _ = fmt.Fprintf(w, `{"content":[{"type":"text","text":"%s"}],"usage":%s}`, text, usage)
	case !s.streams:
		_, _ = fmt.Fprintf(w, `{"choices":[{"index":0,"message":{"content":"%s"}}],"usage":%s}`, text, usage)
	case s.anthropic:
		say("data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":%s}\n\ndata: {\"type\":\"message_stop\"}\n\n", usage)
	default:
		if s.answer != "no marker" {
			say("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
		}
		say("data: {\"choices\":[],\"usage\":%s}\n\ndata: [DONE]\n\n", usage)
	}
}

type flushing struct{ *gzip.Writer }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	return n, errors.Join(err, f.Flush())
}

// Under a strict limit, no provider bills more than is counted, whatever its client does and whatever it answers.
func TestStrict_CountsNoLessThanIsBilled(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	for range 600 {
		s := randomScript(r)
		document := fmt.Sprintf(`{"name":"test","enforcement":"strict","tokenLimit":%d}`, 600+r.Int64N(40_000))
		synctest.Test(t, func(t *testing.T) {
			e := newExchangeTest(t, document, s.RoundTrip)
			path, body := s.request()
			e.send(path, body, s.stay)
			synctest.Wait()
			time.Sleep(time.Hour) // the provider ends
			var counted int64
			for _, actual := range e.account.settled {
				counted += actual.Amounts[limit.Tokens]
			}
			if counted < s.billed {
				t.Errorf("%v\nunder %s: counted %d, billed %d: %s", s, document, counted, s.billed, e.log)
			}
			if hold := e.account.state; len(hold.Holds) != 0 {
				t.Errorf("%v: %d holds are left", s, len(hold.Holds))
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Leaving early is not cheaper than staying. The usage of 40 clients that read a stream to its end marker and hang up is
// counted, and that of clients that leave a call without a stream.
func TestLeavingEarlyIsNotCheaper(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]script{
		"Stream":    {streams: true, thinks: 4900, speaks: 100, letters: 4, input: 10, answer: "good", stay: 50_010 * time.Millisecond},
		"Whole":     {thinks: 4900, speaks: 100, letters: 4, input: 10, answer: "good", stay: time.Second},
		"Unlabeled": {thinks: 4900, speaks: 100, letters: 4, input: 10, answer: "relabelled", stay: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, late(s.RoundTrip, s.streams))
				path, body := s.request()
				e.send(path, body, s.stay)
				if got := e.charged(t); got != 5010 {
					t.Errorf("charged %d tokens, want 5010: %s", got, e.log)
				}
				if !strings.Contains(e.log.String(), "client_gone") {
					t.Errorf("want the client gone: %s", e.log)
				}
			})
		})
	}
}

// late holds the figures of a stream back for a second after its end marker.
func late(next roundTrip, streams bool) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := next(r)
		if err == nil && streams {
			resp.Body = &lateFigures{resp.Body, r.Context()}
		}
		return resp, err
	}
}

type lateFigures struct {
	io.ReadCloser
	ctx context.Context // of the request: its end cuts the connection
}

func (l *lateFigures) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if bytes.Contains(p[:n], []byte(`"choices":[],"usage"`)) {
		select {
		case <-time.After(time.Second):
		case <-l.ctx.Done():
			return 0, context.Cause(l.ctx)
		}
	}
	return n, err
}

// After its client left, a stream is read for at most two seconds, a whole answer for at most five minutes.
func TestReadingOnIsBounded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		streams bool
		first   string
		most    time.Duration
		charged int64
	}{
		"Stream": {true, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"12345678\"},\"finish_reason\":\"stop\"}]}\n\n", 2 * time.Second, 2},
		"Whole":  {false, "", 5 * time.Minute, usualOutput},
	} {
		synctest.Test(t, func(t *testing.T) {
			var closed time.Time
			e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, r.Body)
				beganSending(r)
				read, write := io.Pipe()
				context.AfterFunc(r.Context(), func() {
					closed = time.Now()
					_ = write.CloseWithError(context.Canceled)
				})
				go func() { _, _ = io.WriteString(write, tc.first) }()
				return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: read}, nil
			})
			began := time.Now()
			body := fmt.Sprintf(`{"model":"gpt-4o","stream":%v,"messages":[{"role":"user","content":"hello"}]}`, tc.streams)
			e.send("/v1/chat/completions", body, time.Second)
			synctest.Wait()
			if took := closed.Sub(began); took != time.Second+tc.most {
				t.Errorf("%s: read for %s, want %s after the client left at 1s", name, took, tc.most)
			}
			if got, want := e.charged(t), tokensOf(int64(len(body)))+tc.charged; got < want-20 || got > want {
				t.Errorf("%s: charged %d, want about %d", name, got, want)
			}
		})
	}
}

// The gateway reads on a bounded number of answers whose clients left. The others are charged by estimate at once.
func TestReadingOnIsBoundedInNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			beganSending(r)
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})
		e.drained.Store(maxDrained)
		began := time.Now()
		e.send("/v1/chat/completions", chat, time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it was read on for %s, want the end at 1s", took)
		}
		if got := e.drained.Load(); got != maxDrained {
			t.Errorf("%d are drained, want %d", got, maxDrained)
		}
		if got := e.charged(t); got < usualOutput {
			t.Errorf("charged %d, want the usual output", got)
		}
	})
}

// Answers that are read after their clients left end with the server.
func TestReadingOnEndsWithTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			beganSending(r)
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})
		ending, end := context.WithCancel(context.Background())
		e.Ending = ending
		time.AfterFunc(10*time.Second, end)
		began := time.Now()
		e.send("/v1/chat/completions", chat, time.Second)
		if took := time.Since(began); took != 10*time.Second || len(e.account.settled) != 1 {
			t.Errorf("ended after %s, settled %d times; want 10s, once", took, len(e.account.settled))
		}
	})
}

// Hidden thinking is billed. A client that leaves during it, or at the first word, is charged about as much.
func TestLeavingWhileTheModelThinksIsNotFree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script
		least, most int64
	}{
		"BeforeAWord":     {script{thinks: 4000, speaks: 100, answer: "good", stay: 30 * time.Second}, 2000, 3100},
		"AtTheFirstWord":  {script{thinks: 3000, speaks: 1000, answer: "good", stay: 30_500 * time.Millisecond}, 2000, 3200},
		"BeforeTheAnswer": {script{thinks: 3000, speaks: 100, answer: "silent", stay: 29 * time.Second}, 2000, 3100},
		"Capped":          {script{thinks: 4000, speaks: 100, cap: 500, answer: "silent", stay: 4900 * time.Millisecond}, 250, 540},
		"InBetween":       {script{thinks: 4000, speaks: 1000, answer: "beats", stay: 30 * time.Second}, 2000, 3100},
		"Soon":            {script{thinks: 4000, speaks: 100, answer: "good", stay: time.Second}, 10, 130},
		"Anthropic":       {script{anthropic: true, cap: 9000, thinks: 3000, speaks: 1000, answer: "good", stay: 30_500 * time.Millisecond}, 2000, 3200},
		"WhileItSpeaks":   {script{speaks: 4000, answer: "good", stay: 30 * time.Second}, 2900, 3100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := c.script
				s.streams, s.letters, s.input = true, 4, 10
				e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, s.RoundTrip)
				path, body := s.request()
				e.send(path, body, s.stay)
				synctest.Wait()
				if got := e.charged(t); got < c.least || got > c.most {
					t.Errorf("charged %d tokens, want %d to %d; billed are %d", got, c.least, c.most, s.billed)
				}
			})
		})
	}
}

// An image is not free for a client that leaves after its last partial image.
func TestLeavingWhileAnImageIsDrawnIsNotFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			beganSending(r)
			read, write := io.Pipe()
			go func() {
				_, _ = io.WriteString(write, "data: {\"type\":\"image_generation.partial_image\",\"partial_image_index\":2,\"b64_json\":\"AAAA\"}\n\n")
				<-r.Context().Done()
				_ = write.CloseWithError(r.Context().Err())
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, ContentLength: -1, Body: read}, nil
		})
		e.send("/v1/images/generations", `{"model":"gpt-image-1","stream":true,"partial_images":3,"prompt":"a hat"}`, time.Second)
		synctest.Wait()
		if got := e.charged(t); got < maxImageOutput {
			t.Errorf("charged %d tokens, want those of an image, %d", got, maxImageOutput)
		}
	})
}

// Input that a body refers to is not free for a client that leaves before the figures come.
func TestLeavingWithHiddenInputIsNotFree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body  string
		least, most int64
	}{
		"Text":         {"/v1/responses", `{"model":"gpt-4o","stream":true,"input":"hello"}`, 5, 30},
		"Conversation": {"/v1/responses", `{"model":"gpt-4o","stream":true,"input":"hello","previous_response_id":"resp_1"}`, usualNotShown, usualNotShown + 50},
		"File":         {"/v1/responses", `{"model":"gpt-4o","stream":true,"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"}]}]}`, usualNotShown, usualNotShown + 50},
		"MiniImage":    {"/v1/chat/completions", `{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`, 25_000, 26_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := script{streams: true, thinks: 4000, answer: "good"}
				e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, s.RoundTrip)
				e.send(c.path, c.body, time.Second)
				synctest.Wait()
				if got := e.charged(t); got < c.least || got > c.most {
					t.Errorf("charged %d tokens, want %d to %d", got, c.least, c.most)
				}
			})
		})
	}
}
