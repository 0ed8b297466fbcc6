package field

import (
	"bufio"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

// upstream is a server whose providers answer with a function of the request's body.
func upstream(t *testing.T, settings string, answer func(w http.ResponseWriter, r *http.Request, body string)) *stack.Stack {
	t.Helper()
	return stack.New(t, stack.Options{Settings: settings, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer(w, r, string(body))
	})})
}

// says is an upstream's answer of one type.
func says(contentType, text string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, text)
	}
}

// events writes a stream.
func events(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("data: " + d + "\n\n")
	}
	return b.String()
}

// post sends a request and checks what its identity, of the same name, is charged.
func post(t *testing.T, s *stack.Stack, path, body string, tokens int64, costUsd float64) {
	t.Helper()
	stack.WantStatus(t, s.Do(s.Request(http.MethodPost, path, t.Name(), body, version...)), http.StatusOK)
	if u := usageOf(t, s, t.Name()).Usage; u.Requests != 1 || u.Tokens != tokens || costUsd >= 0 && u.CostUSD.String() != fmt.Sprint(costUsd) {
		t.Errorf("charged %+v, want 1 request, %d tokens and %v USD", u, tokens, costUsd)
	}
}

const anyCost = -1

// TestCounting has the failures under "Counting".
func TestCounting(t *testing.T) {
	t.Parallel()
	streamBody := with(chatBody, `"stream":true`)
	const (
		said   = `{"choices":[{"index":0,"delta":{"content":"some twenty-four letters"}}]}`
		figure = `{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":57,"total_tokens":77}}`
		zeros  = `{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}`
	)

	t.Run("a later zero wipes a figure that came", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"tokenLimit": 10000}`, says("text/event-stream", events(said, figure, zeros, "[DONE]")))
		post(t, s, chatPath, streamBody, 77, anyCost)
	})

	t.Run("zeros beside text are believed", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"tokenLimit": 10000}`, says("text/event-stream", events(said, zeros, "[DONE]")))
		post(t, s, chatPath, streamBody, int64(len(streamBody)+3)/4+6, anyCost)
	})

	t.Run("a total smaller than its parts is believed", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"tokenLimit": 10000}`, says("application/json", `{"usage":{"prompt_tokens":10,"completion_tokens":57,"total_tokens":10}}`))
		post(t, s, chatPath, chatBody, 67, anyCost)
	})

	t.Run("a stream labelled as JSON is buffered and counted by a flat estimate", func(t *testing.T) {
		t.Parallel()
		read := make(chan struct{})
		s := upstream(t, `{"tokenLimit": 10000}`, func(w http.ResponseWriter, r *http.Request, _ string) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, events(said))
			_ = http.NewResponseController(w).Flush()
			<-read // the client has what has come so far
			_, _ = io.WriteString(w, events(figure, "[DONE]"))
		})
		stream := open(t, s, chatPath, "ann", streamBody)
		stream.events(t, 1)
		close(read)
		rest, err := io.ReadAll(stream.Body)
		if err != nil || strings.Contains(string(rest), "prompt_tokens") {
			t.Errorf("the client got %q, %v; want no usage, which it had not asked for", rest, err)
		}
		wantUsed(t, s, "ann", 1, 77)
	})

	t.Run("an unreadable answer is charged a thousand tokens whatever its cap", func(t *testing.T) {
		t.Parallel()
		page := says("text/html", "<html>busy</html>")
		s := upstream(t, `{"tokenLimit": 20000, "enforcement": "strict"}`, page)
		stack.WantStatus(t, s.Post(chatPath, "ann", with(chatBody, `"max_tokens":3000`)), http.StatusOK)
		if u := usageOf(t, s, "ann").Usage; u.Tokens < 3000 || u.Tokens > 4000 {
			t.Errorf("charged %+v, want the output cap and the input", u)
		}
		s = upstream(t, `{"tokenLimit": 20000}`, page)
		post(t, s, chatPath, with(chatBody, `"max_tokens":3000`), int64(len(with(chatBody, `"max_tokens":3000`))+3)/4+1000, anyCost)
	})

	t.Run("fees of web search, image tools and grounding are left out", func(t *testing.T) {
		t.Parallel()
		const prices = `{"costLimitUsd": 10, "prices": {"gpt-5.5": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 30}, "gpt-image-2": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 30}}}`
		s := upstream(t, prices, says("application/json",
			`{"object":"response","output":[],"usage":{"input_tokens":1000,"output_tokens":100,"total_tokens":1100},"tool_usage":{"image_gen":{"input_tokens":300,"output_tokens":7000,"total_tokens":7300}}}`))
		post(t, s, "/v1/responses", `{"model":"gpt-5.5","input":"hello","tools":[{"type":"image_generation","model":"gpt-image-2"}]}`, 8400, 0.2195)
	})

	t.Run("the price of the model that was asked for is charged for the one that answered", func(t *testing.T) {
		t.Parallel()
		const prices = `{"costLimitUsd": 10, "prices": {"claude-sonnet-4-5": {"inputUsdPerMillion": 10, "outputUsdPerMillion": 50}, "claude-opus-4-8": {"inputUsdPerMillion": 5, "outputUsdPerMillion": 25}}}`
		s := upstream(t, prices, says("application/json",
			`{"content":[{"type":"text","text":"hi"}],"model":"claude-opus-4-8","usage":{"input_tokens":1200,"output_tokens":300,"iterations":[{"type":"message","input_tokens":1000,"output_tokens":80},{"type":"fallback_message","model":"claude-opus-4-8","input_tokens":1200,"output_tokens":300}]}}`))
		post(t, s, messagesPath, messagesBody, 2580, 0.0275)
	})

	t.Run("one-hour cache writes at the five-minute price", func(t *testing.T) {
		t.Parallel()
		const (
			started = `{"type":"message_start","message":{"usage":{"input_tokens":0,"cache_creation_input_tokens":20000,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":20000},"output_tokens":1}}}`
			ended   = `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"cache_creation_input_tokens":60000,"output_tokens":100}}`
		)
		s := upstream(t, `{"costLimitUsd": 10}`, says("text/event-stream", events(started, ended, `{"type":"message_stop"}`)))
		post(t, s, messagesPath, with(messagesBody, `"stream":true`), 60100, 0.3615) // of claude-sonnet-4-5: 60,000 at $6 and 100 at $15 a million
	})

	t.Run("text of an image model at image price", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"costLimitUsd": 10}`, says("application/json",
			`{"candidates":[{"content":{"parts":[{"text":"hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2000,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":2000}]}}`))
		post(t, s, "/v1beta/models/gemini-2.5-flash-image:generateContent", geminiBody, 2010, 0.005003)
	})

	t.Run("heartbeats swallowed, so that clients time out", func(t *testing.T) {
		t.Parallel()
		for beat, body := range map[string]string{"\n": chatBody, ": keep-alive\n": streamBody} {
			heard := make(chan struct{})
			s := upstream(t, `{"tokenLimit": 10000}`, func(w http.ResponseWriter, r *http.Request, _ string) {
				w.Header().Set("Content-Type", "application/json")
				for range 2 {
					_, _ = io.WriteString(w, beat)
					_ = http.NewResponseController(w).Flush()
					<-heard
				}
				_, _ = io.WriteString(w, `{"usage":{"prompt_tokens":20,"completion_tokens":57}}`)
			})
			if body == streamBody {
				s = upstream(t, `{"tokenLimit": 10000}`, func(w http.ResponseWriter, r *http.Request, _ string) {
					for range 2 {
						_, _ = io.WriteString(w, beat)
						_ = http.NewResponseController(w).Flush()
						<-heard
					}
					_, _ = io.WriteString(w, events(figure, "[DONE]"))
				})
			}
			resp, err := http.DefaultClient.Do(s.Request(http.MethodPost, chatPath, "ann", body))
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(resp.Body)
			for range 2 {
				if got, err := r.ReadString('\n'); got != beat || err != nil {
					t.Fatalf("the client hears %q, %v; want %q", got, err, beat)
				}
				heard <- struct{}{}
			}
			_, _ = io.ReadAll(r)
			_ = resp.Body.Close()
			wantUsed(t, s, "ann", 1, 77)
		}
	})

	t.Run("the hidden usage chunk takes the vendor's own fields along", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"tokenLimit": 10000}`, says("text/event-stream", events(said, strings.Replace(figure, "{", `{"timings":{"predicted_n":57},`, 1), "[DONE]")))
		if a := s.Post(chatPath, "ann", streamBody); !strings.Contains(a.Body, "predicted_n") {
			t.Errorf("the client got %s, want the timings", a.Body)
		}
		wantUsed(t, s, "ann", 1, 77)
	})

	t.Run("a provider that refuses `stream_options` fails for clients that never sent it", func(t *testing.T) {
		t.Parallel()
		s := upstream(t, `{"tokenLimit": 10000}`, func(w http.ResponseWriter, r *http.Request, body string) {
			if strings.Contains(body, "stream_options") {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":{"message":"stream_options: Extra inputs are not permitted"}}`)
				return
			}
			says("text/event-stream", events(said, figure, "[DONE]"))(w, r, body)
		})
		post(t, s, chatPath, streamBody, 77, anyCost)
	})

	t.Run("a compression that was asked for cannot be read", func(t *testing.T) {
		t.Parallel()
		encoding := "deflate"
		s := upstream(t, `{"tokenLimit": 20000, "enforcement": "strict"}`, func(w http.ResponseWriter, r *http.Request, _ string) {
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("the provider is asked for %q, want identity", got)
			}
			w.Header().Set("Content-Encoding", encoding) // all the same
			z, _ := flate.NewWriter(w, flate.BestSpeed)
			_, _ = io.WriteString(z, `{"usage":{"prompt_tokens":10,"completion_tokens":67}}`)
			_ = z.Close()
		})
		ask := func(identity string) stack.Answer {
			return s.Do(s.Request(http.MethodPost, chatPath, identity, with(chatBody, `"max_tokens":3000`), "Accept-Encoding", "br, zstd, deflate"))
		}
		if a := ask("ann"); a.Status != http.StatusOK || a.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(a.Body, `{"usage"`) {
			t.Errorf("status %d, %v: %q; want the answer decompressed", a.Status, a.Header, a.Body)
		}
		if u := usageOf(t, s, "ann").Usage; u.Tokens != 77 {
			t.Errorf("charged %+v, want the vendor's figures", u)
		}
		encoding = "compress"
		stack.WantError(t, ask("bob"), http.StatusBadGateway, "provider_unreachable")
		if u := usageOf(t, s, "bob").Usage; u.Tokens < 3000 {
			t.Errorf("charged %+v, want no less than the output cap", u)
		}
	})
}

// TestLeaving has the failures under "Evasion" that are about going away.
func TestLeaving(t *testing.T) {
	t.Parallel()

	t.Run("a stream left after its last word and before its figures is nearly free", func(t *testing.T) {
		t.Parallel()
		left := make(chan struct{})
		s := upstream(t, `{"tokenLimit": 10000000}`, func(w http.ResponseWriter, r *http.Request, _ string) {
			_, _ = io.WriteString(w, events(`{"choices":[{"index":0,"delta":{"content":"brief"}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`))
			_ = http.NewResponseController(w).Flush()
			<-left
			time.Sleep(50 * time.Millisecond) // the figures take a while
			_, _ = io.WriteString(w, events(`{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5000,"total_tokens":5010}}`, "[DONE]"))
		})
		const clients = 40
		for i := range clients {
			stream := open(t, s, chatPath, fmt.Sprint("client-", i), with(chatBody, `"stream":true`))
			stream.events(t, 2)
			stream.leave()
		}
		close(left)
		var sum int64
		for i := range clients {
			name := fmt.Sprint("client-", i)
			await.Soon(t, name+" to be settled", func() bool { return usageOf(t, s, name).Usage.Tokens > 0 })
			sum += usageOf(t, s, name).Usage.Tokens
		}
		if sum != 200_400 {
			t.Errorf("%d tokens are counted of 200,400", sum)
		}
	})

	t.Run("an unstreamed call left before its answer is nearly free", func(t *testing.T) {
		t.Parallel()
		for _, tc := range []struct {
			patience time.Duration
			want     int64
		}{{time.Minute, 5010}, {50 * time.Millisecond, int64(len(chatBody)+3)/4 + 1000}} {
			arrived, left := make(chan struct{}), make(chan struct{})
			s := stack.New(t, stack.Options{Patience: gateway.Patience{Whole: tc.patience}, Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(arrived)
				<-left
				if tc.patience < time.Second {
					<-r.Context().Done()
				}
				_, _ = io.WriteString(w, `{"usage":{"prompt_tokens":10,"completion_tokens":5000,"total_tokens":5010}}`)
			})})
			ctx, leave := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				resp, err := http.DefaultClient.Do(s.Request(http.MethodPost, chatPath, "ann", chatBody).WithContext(ctx))
				if err == nil {
					err = resp.Body.Close()
				}
				ended <- err
			}()
			receive(t, arrived, "the request")
			leave()
			receive(t, ended, "the client to leave")
			close(left)
			await.Soon(t, "the call to be settled", func() bool { return usageOf(t, s, "ann").Usage.Tokens > 0 })
			wantUsed(t, s, "ann", 1, tc.want)
		}
	})
}
