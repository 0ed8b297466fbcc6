package sdk

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/genai"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

// A stream that the provider breaks off must not look complete in the app.
func TestBrokenStreamsSurfaceAsErrors(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.Break, echo.StreamError} {
		plain := direct(t, failing(fault, -1))
		s := stack.New(t, stack.Options{Echo: failing(fault, -1)})
		for vendor, do := range streamed {
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				if _, err := do(t.Context(), plain); err == nil {
					t.Fatal("directly the SDK reports no error")
				}
				if _, err := do(t.Context(), own(t, s, vendor)); err == nil {
					t.Error("the SDK reports no error")
				}
				// The part that was answered counts. A provider's error is an event of the stream, at which the
				// SDK stops reading: the stream ends, and is settled, after that.
				var u figures
				await.Soon(t, "the broken stream is settled", func() bool {
					u = used(t, s, vendor)
					return u.Tokens > 0
				})
				if u.Requests != 1 {
					t.Errorf("got usage %+v, want one request and its tokens", u)
				}
			})
		}
	}
}

// Whether a broken answer is asked for again is the SDK's decision. Each time counts, because the
// provider was asked each time.
func TestBrokenAnswersCountAsOftenAsTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.Break, echo.Close} {
		s := stack.New(t, stack.Options{Echo: failing(fault, -1)})
		for vendor, do := range vendors {
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				c := own(t, s, vendor)
				_, err := do(t.Context(), c)
				if r := refused(t, err); r.Status != 502 || r.Code != "provider_unreachable" {
					t.Errorf("got %+v, want provider_unreachable", r)
				}
				if seen, u := c.seen.take(), used(t, s, vendor); u.Requests != int64(len(seen)) || u.Tokens == 0 {
					t.Errorf("got usage %+v for %d requests", u, len(seen))
				}
			})
		}
	}
}

// The SDKs take a stream that a vendor ends early but properly as they do directly.
func TestOddStreamsAreWhatTheyAreDirectly(t *testing.T) {
	t.Parallel()
	for _, fault := range []echo.Fault{echo.Truncate, echo.Unterminated, echo.WithoutUsage} {
		plain := direct(t, failing(fault, -1))
		s := stack.New(t, stack.Options{Echo: failing(fault, -1)})
		for vendor, do := range streamed {
			t.Run(fault.String()+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				want, wantErr := do(t.Context(), plain)
				got, err := do(t.Context(), own(t, s, vendor))
				if got != want || (err == nil) != (wantErr == nil) {
					t.Errorf("got %d bytes %.300q and %v, want %d bytes %.300q and %v", len(got), got, err, len(want), want, wantErr)
				}
				// Without figures the stream is settled at its end, which the SDK does not wait for.
				var u figures
				await.Soon(t, "the odd stream is settled", func() bool {
					u = used(t, s, vendor)
					return u.Tokens > 0
				})
				if u.Requests != 1 {
					t.Errorf("got usage %+v, want one request and its tokens", u)
				}
			})
		}
	}
}

// begun starts a stream, reads its first event and then goes away.
var begun = map[string]func(ctx context.Context, c clients) error{
	"openai": func(ctx context.Context, c clients) error {
		stream := c.openai.Chat.Completions.NewStreaming(ctx, chatParams("gpt-4o", words(100)))
		defer stream.Close()
		stream.Next()
		return stream.Err()
	},
	"responses": func(ctx context.Context, c clients) error {
		stream := c.openai.Responses.NewStreaming(ctx, responseParams(words(100)))
		defer stream.Close()
		stream.Next()
		return stream.Err()
	},
	"anthropic": func(ctx context.Context, c clients) error {
		stream := c.anthropic.Messages.NewStreaming(ctx, messageParams(words(100), 1000))
		defer stream.Close()
		stream.Next()
		return stream.Err()
	},
	"gemini": func(ctx context.Context, c clients) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, err := range c.gemini.Models.GenerateContentStream(ctx, flash, genai.Text(words(100)), geminiConfig()) {
			return err
		}
		return nil
	},
}

const (
	longInput  = 102 // tokens of what begun asks
	longOutput = 101 // tokens of the whole answer
)

// stalling returns a provider that waits in the middle of a stream until it may go on or the
// request is gone, and a channel that tells of every request that was gone by then.
func stalling(goOn <-chan struct{}) (opts echo.Options, gone <-chan struct{}) {
	left := make(chan struct{}, len(begun))
	var events sync.Map
	return echo.Options{
		Between: func(r *http.Request) {
			n, _ := events.LoadOrStore(r, new(atomic.Int64))
			if n.(*atomic.Int64).Add(1) != 20 {
				return
			}
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		},
		After: func(r *http.Request) {
			if r.Context().Err() != nil {
				left <- struct{}{}
			}
		},
	}, left
}

func TestStreamThatIsCancelledCountsWhatCame(t *testing.T) {
	t.Parallel()
	for vendor, do := range begun {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			opts, gone := stalling(nil)
			s := stack.New(t, stack.Options{Echo: opts})
			if err := do(t.Context(), own(t, s, vendor)); err != nil {
				t.Fatal(err)
			}
			<-gone // the provider is told: it stops, and bills no more
			var u figures
			await.Soon(t, "the cancelled stream is settled", func() bool {
				u = used(t, s, vendor)
				return u.Tokens > 0
			})
			// The vendor's figure of the input where it came, else the estimate; and some of the answer.
			if u.Requests != 1 || u.Tokens <= 50 || u.Tokens >= 3*longInput || u.micros(t) == 0 {
				t.Errorf("got usage %+v, want one request, its input and a part of its answer", u)
			}
		})
	}
}

func TestStreamThatIsCancelledIsDrainedWhereTheProjectSaysSo(t *testing.T) {
	t.Parallel()
	for vendor, do := range begun {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			goOn := make(chan struct{})
			opts, _ := stalling(goOn)
			s := stack.New(t, stack.Options{Echo: opts, Settings: `{"onDisconnect": "drain"}`})
			if err := do(t.Context(), own(t, s, vendor)); err != nil {
				t.Fatal(err)
			}
			close(goOn)
			await.Soon(t, "the whole answer is counted", func() bool {
				return used(t, s, vendor).Tokens == longInput+longOutput
			})
		})
	}
}
