package field

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestReservations(t *testing.T) {
	t.Parallel()

	t.Run("leaked ones refuse users who have plenty left", func(t *testing.T) {
		t.Parallel()
		ends := []echo.Fault{echo.None, echo.RateLimited, echo.ServerError, echo.Overloaded, echo.KeyRefused, echo.Redirect, echo.Close,
			echo.Break, echo.Truncate, echo.StreamError, echo.Unterminated, echo.Garbage, echo.Gzip, echo.WithoutUsage}
		s := limited(t, `{"tokenLimit": 1000000, "costLimitUsd": 1000, "concurrentRequests": 1, "prices": {"gpt-*": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 1}}}`)
		for i, fault := range ends {
			for _, stream := range []string{"false", "true"} {
				body := `{"model":"gpt-4o-fault-` + fault.String() + `","stream":` + stream + `,"max_tokens":600000,"messages":[{"role":"user","content":"hello there"}]}`
				who := "ann-" + strconv.Itoa(i)
				resp, err := http.DefaultClient.Do(s.Request(http.MethodPost, chatPath, who, body))
				if err == nil {
					// However the answer ends: the reservation must.
					_, _ = resp.Body.Read(make([]byte, 16))
					_ = resp.Body.Close()
				}
				await.Soon(t, "nothing held after "+fault.String(), func() bool { return held(t, s, who) == 0 })
				a := s.Post(chatPath, who, with(chatBody, `"max_tokens":900000`))
				stack.WantStatus(t, a, http.StatusOK)
			}
		}
	})

	t.Run("a missing `max_tokens` reserves everything", func(t *testing.T) {
		t.Parallel()
		for _, settings := range []string{
			`{"tokenLimit": 100000}`,
			`{"costLimitUsd": 1}`,
			`{"tokenLimit": 100000, "enforcement": "strict"}`,
		} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s, g := gated(t, settings)
				wantBurst(t, g, 4, 4, func(int) stack.Answer { return s.Post(chatPath, "ann", chatBody) })
			})
		}
	})

	t.Run("worst-case estimates refuse a whole burst", func(t *testing.T) {
		t.Parallel()
		s, g := gated(t, `{"tokenLimit": 50000, "costLimitUsd": 0.5}`)
		wantBurst(t, g, 30, 30, func(int) stack.Answer { return s.Post(chatPath, "ann", chatBody) })
		wantUsed(t, s, "ann", 30, 30*(input+output))
	})

	t.Run("skipped where the price is unknown", func(t *testing.T) {
		t.Parallel()
		unpriced := strings.Replace(chatBody, "gpt-4o", "gpt-of-tomorrow", 1)
		t.Run("under a token limit", func(t *testing.T) {
			t.Parallel()
			s, g := gated(t, `{"tokenLimit": 100}`)
			wantBurst(t, g, 5, 1, func(int) stack.Answer { return s.Post(chatPath, "ann", unpriced) })
			wantUsed(t, s, "ann", 1, input+output)
		})
		t.Run("under a cost limit", func(t *testing.T) {
			t.Parallel()
			s := limited(t, `{"costLimitUsd": 1}`)
			stack.WantError(t, s.Post(chatPath, "ann", unpriced), http.StatusBadRequest, "unpriced_model")
			if n := s.Seen.Total(); n != 0 {
				t.Errorf("%d requests reached the provider, want none", n)
			}
		})
	})

	t.Run("`max_tokens` demanded where no token limit exists", func(t *testing.T) {
		t.Parallel()
		for _, settings := range []string{`{}`, `{"requestLimit": 9}`, `{"requestLimit": 9, "enforcement": "strict"}`} {
			t.Run(settings, func(t *testing.T) {
				t.Parallel()
				s := limited(t, settings)
				stack.WantStatus(t, s.Post(chatPath, "ann", chatBody), http.StatusOK)
				if sent, _ := s.Seen.Last(); string(sent.Body) != chatBody {
					t.Errorf("the provider got %s, want %s", sent.Body, chatBody)
				}
			})
		}
	})

	t.Run("a refund goes to another period or user", func(t *testing.T) {
		t.Parallel()
		failing := strings.Replace(with(chatBody, `"max_tokens":500`), "gpt-4o", "gpt-4o-fault-server-error", 1)
		t.Run("another user", func(t *testing.T) {
			t.Parallel()
			s := limited(t, `{"requestLimit": 9, "tokenLimit": 9000}`)
			for _, who := range []string{"ann", "bob"} {
				stack.WantStatus(t, s.Post(chatPath, who, chatBody), http.StatusOK)
			}
			stack.WantStatus(t, s.Post(chatPath, "ann", failing), http.StatusInternalServerError)
			wantUsed(t, s, "ann", 1, input+output)
			wantUsed(t, s, "bob", 1, input+output)
		})
		t.Run("another period", func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			g := await.NewGate()
			s := stack.New(t, stack.Options{Settings: `{"requestLimit": 9, "tokenLimit": 9000}`, Now: clock.now, Echo: echo.Options{Before: func(r *http.Request) {
				if r.Header.Get("x-hold") != "" {
					g.Hold(r)
				}
			}}})
			answers := make(chan stack.Answer, 1)
			go func() { answers <- s.Post(chatPath, "ann", failing, "x-hold", "1") }()
			receive(t, g.Arrived, "the request")
			clock.advance(24 * time.Hour)
			stack.WantStatus(t, s.Post(chatPath, "ann", chatBody), http.StatusOK)
			g.Open()
			stack.WantStatus(t, receive(t, answers, "an answer"), http.StatusInternalServerError)
			wantUsed(t, s, "ann", 1, input+output)
			if n := held(t, s, "ann"); n != 0 {
				t.Errorf("%d tokens held, want none", n)
			}
		})
	})

	t.Run("network errors are not refunded", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"requestLimit": 1, "tokenLimit": 100}`)
		s.Upstream.Close()
		for range 3 {
			stack.WantError(t, s.Post(chatPath, "ann", chatBody), http.StatusBadGateway, "provider_unreachable")
		}
		wantUsed(t, s, "ann", 0, 0)
		if n := held(t, s, "ann"); n != 0 {
			t.Errorf("%d tokens held, want none", n)
		}
	})

	t.Run("`max_completion_tokens`, `n`, images and tools ignored by the estimate", func(t *testing.T) {
		t.Parallel()
		const image = `{"type":"image_url","image_url":{"url":"https://images.example/1.png"}}`
		pictures := `{"model":"gpt-4o","max_tokens":10,"messages":[{"role":"user","content":[` + image + `,` + image + `]}]}`
		tools := `"max_tokens":10,"tools":[{"type":"function","function":{"name":"f","description":"` + strings.Repeat("what it does ", 200) + `"}}]`
		for name, tc := range map[string]struct {
			body  string
			least int64
		}{
			"max_tokens":            {with(chatBody, `"max_tokens":5000`), 5000},
			"max_completion_tokens": {with(chatBody, `"max_completion_tokens":5000`), 5000},
			"n":                     {with(chatBody, `"n":4,"max_tokens":1000`), 4000},
			"n without a cap":       {with(chatBody, `"n":4`), 4000},
			"images":                {pictures, 2 * 800},
			"tools":                 {with(chatBody, tools), 200 * 13},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, g := gated(t, `{"tokenLimit": 1000000}`)
				answers := make(chan stack.Answer, 1)
				go func() { answers <- s.Post(chatPath, "ann", tc.body) }()
				receive(t, g.Arrived, "the request")
				if n := held(t, s, "ann"); n < tc.least || n > 10*tc.least {
					t.Errorf("holds %d tokens, want at least %d", n, tc.least)
				}
				g.Open()
				stack.WantStatus(t, receive(t, answers, "an answer"), http.StatusOK)
				if n := held(t, s, "ann"); n != 0 {
					t.Errorf("holds %d tokens after the answer, want none", n)
				}
			})
		}
	})

	t.Run("a reset during flight leaves negative counts", func(t *testing.T) {
		t.Parallel()
		s, g := gated(t, `{"requestLimit": 3, "tokenLimit": 10000}`)
		set(t, s, "ann", "{}")
		answers := make(chan stack.Answer, 3)
		for range 3 {
			go func() { answers <- s.Post(chatPath, "ann", with(chatBody, `"max_tokens":1000`)) }()
			receive(t, g.Arrived, "a request")
		}
		control(t, s, http.StatusOK, http.MethodPost, "/identities/ann/reset", `{}`)
		g.Open()
		for range 3 {
			stack.WantStatus(t, receive(t, answers, "an answer"), http.StatusOK)
		}
		for _, again := range []bool{false, true} {
			if again {
				s.Restart()
			}
			u := usageOf(t, s, "ann")
			if u.Usage.Requests < 0 || u.Usage.Requests > 3 || u.Usage.Tokens < 0 || u.Usage.Tokens > 3*(input+output) {
				t.Errorf("used %+v, want nothing negative and no more than three requests", u.Usage)
			}
			for _, l := range u.Limits {
				if used, left := integer(t, l.Used), integer(t, l.Remaining); used < 0 || used+left != integer(t, l.Limit) {
					t.Errorf("%s: used %d and %d left of %s", l.Metric, used, left, l.Limit)
				}
			}
		}
	})
}
