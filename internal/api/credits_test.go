package api

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func TestGiftsAddUpAndAnswerWithTheBalance(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("u", 1, 0)
	for _, tc := range []struct{ body, want string }{
		{`{"tokens": 10000}`, `{"identity":"u","giftedTokens":10000,"giftedRequests":0,"giftedCostUsd":0,"message":"Gave 10000 tokens."}`},
		{`{"tokens": 5.0, "requests": 1}`, `{"identity":"u","giftedTokens":10005,"giftedRequests":1,"giftedCostUsd":0,"message":"Gave 5 tokens and 1 request."}`},
		{`{"costUsd": 2.500000, "tokens": 1, "requests": 2}`, `{"identity":"u","giftedTokens":10006,"giftedRequests":3,"giftedCostUsd":2.5,"message":"Gave 1 token, 2 requests and $2.5."}`},
		{`{"costUsd": 1e-6}`, `{"identity":"u","giftedTokens":10006,"giftedRequests":3,"giftedCostUsd":2.500001,"message":"Gave $0.000001."}`},
	} {
		if got := string(f.send("POST", "/u/gift", tc.body).want(200).body); got != tc.want+"\n" {
			t.Errorf("gift %s\n got %s want %s", tc.body, got, tc.want)
		}
	}
	const want = `{"identity":"u","giftedTokens":10006,"giftedRequests":3,"giftedCostUsd":2.500001,"unlimitedUntil":null,"isCurrentlyUnlimited":false}` + "\n"
	if got := string(f.send("GET", "/u/credits", "").want(200).body); got != want {
		t.Errorf("credits\n got %s want %s", got, want)
	}
}

func TestAGiftThatDoesNotFitIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("u", 1, 0)
	f.send("POST", "/u/gift", `{"tokens": 1000000000000000}`).want(200)
	f.send("POST", "/u/gift", `{"tokens": 1, "requests": 1}`).want(400)
	if got := decode[Credits](f.send("GET", "/u/credits", "")); got.GiftedTokens != 1e15 || got.GiftedRequests != 0 {
		t.Errorf("credits after a gift that was refused: %+v", got)
	}
}

func TestAGiftLetsRequestsPassAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"requestLimit": 1}`)
	f.use("u", 1, 0)
	if got := f.reserve("u").Decision.Refusal; got != limit.OverLimit {
		t.Fatalf("second request: %v, want over the limit", got)
	}
	f.send("POST", "/u/gift", `{"requests": 1}`).want(200)
	f.use("u", 1, 0)
	if got := f.reserve("u").Decision.Refusal; got != limit.OverLimit {
		t.Errorf("third request: %v, want over the limit", got)
	}
	if got := decode[Credits](f.send("GET", "/u/credits", "")); got.GiftedRequests != 0 {
		t.Errorf("credits after it was spent: %+v", got)
	}
}

func TestPromotionsEndWhenTheySay(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"requestLimit": 0}`)
	f.send("POST", "", `{"identity": "u"}`).want(201)
	for _, tc := range []struct{ until, want string }{
		{`"2026-11-22"`, `{"identity":"u","unlimitedUntil":"2026-11-23T00:00:00Z","message":"Unlimited until 2026-11-23T00:00:00Z."}`},
		{`"2026-11-22T14:30:00.9+02:00"`, `{"identity":"u","unlimitedUntil":"2026-11-22T12:30:00Z","message":"Unlimited until 2026-11-22T12:30:00Z."}`},
		{`"2026-11-21"`, `{"identity":"u","unlimitedUntil":"2026-11-22T00:00:00Z","message":"The promotion ended on 2026-11-22T00:00:00Z: limits apply."}`},
		{`"9999-12-31"`, `{"identity":"u","unlimitedUntil":"9999-12-31T23:59:59Z","message":"Unlimited until 9999-12-31T23:59:59Z."}`},
		{`"9999-12-30"`, `{"identity":"u","unlimitedUntil":"9999-12-31T00:00:00Z","message":"Unlimited until 9999-12-31T00:00:00Z."}`},
		{`"9999-12-31T23:59:59.9Z"`, `{"identity":"u","unlimitedUntil":"9999-12-31T23:59:59Z","message":"Unlimited until 9999-12-31T23:59:59Z."}`},
		{`"1970-01-01"`, `{"identity":"u","unlimitedUntil":"1970-01-02T00:00:00Z","message":"The promotion ended on 1970-01-02T00:00:00Z: limits apply."}`},
		{`null`, `{"identity":"u","unlimitedUntil":null,"message":"No promotion: limits apply."}`},
		{`"2028-02-29"`, `{"identity":"u","unlimitedUntil":"2028-03-01T00:00:00Z","message":"Unlimited until 2028-03-01T00:00:00Z."}`},
		{`"2026-11-22T13:00:00Z"`, `{"identity":"u","unlimitedUntil":"2026-11-22T13:00:00Z","message":"Unlimited until 2026-11-22T13:00:00Z."}`},
	} {
		if got := string(f.send("POST", "/u/promo", `{"unlimitedUntil": `+tc.until+`}`).want(200).body); got != tc.want+"\n" {
			t.Errorf("promo until %s\n got %s want %s", tc.until, got, tc.want)
		}
	}
	if got := decode[Credits](f.send("GET", "/u/credits", "")); !got.IsCurrentlyUnlimited {
		t.Errorf("credits %+v, want unlimited", got)
	}
	f.use("u", 5, 0)
	f.mu.Lock()
	f.now = f.now.Add(time.Hour)
	f.mu.Unlock()
	if got := decode[Credits](f.send("GET", "/u/credits", "")); got.IsCurrentlyUnlimited || got.UnlimitedUntil == nil {
		t.Errorf("credits when it has ended: %+v", got)
	}
	if got := f.reserve("u").Decision.Refusal; got != limit.OverLimit {
		t.Errorf("a request when it has ended: %v, want over the limit", got)
	}
	if got := decode[Identity](f.send("GET", "/u", "")); got.Usage.Requests != 1 {
		t.Errorf("usage %+v, want what was used under the promotion", got.Usage)
	}
}

func TestOneIdempotencyKeyIsAppliedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u"}`).want(201)
	answers := make([]string, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			got := f.send("POST", "/u/gift", `{"tokens": 7}`, "Idempotency-Key", "order 66")
			answers[i] = fmt.Sprint(got.status, string(got.body))
		})
	}
	all.Wait()
	const want = `200{"identity":"u","giftedTokens":7,"giftedRequests":0,"giftedCostUsd":0,"message":"Gave 7 tokens."}` + "\n"
	for i, got := range answers {
		if got != want {
			t.Fatalf("answer %d is %q, want %q", i, got, want)
		}
	}
	if got := decode[Credits](f.send("GET", "/u/credits", "")); got.GiftedTokens != 7 {
		t.Errorf("%d tokens after 50 repetitions, want 7", got.GiftedTokens)
	}
	if got := f.audit("u"); len(got) != 2 {
		t.Errorf("audit %q, want one gift", got)
	}
}

func TestAnIdempotencyKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u"}`, "Idempotency-Key", "k").want(201)
	// A repetition gets the answer of the first time, the status too.
	f.send("PUT", "/u", `{"tokenLimit": 3}`).want(200)
	if got := decode[Identity](f.send("POST", "", `{"identity": "u"}`, "Idempotency-Key", "k").want(201)); got.TokenLimit != nil {
		t.Errorf("repetition answers %+v, want the first answer", got)
	}
	for _, tc := range []struct{ path, body string }{
		{"", `{"identity": "v"}`}, {"", `{"identity":"u"}`}, {"/bulk", `{"items": [{"identity": "u"}]}`},
		{"/u/gift", `{"tokens": 1}`}, {"/u/promo", `{"unlimitedUntil": null}`}, {"/u/reset", `{}`},
	} {
		f.send("POST", tc.path, tc.body, "Idempotency-Key", "k").problem(http.StatusConflict)
	}
	f.send("POST", "", `{"identity": "v"}`).want(201)
	f.send("POST", "/u/gift", `{"tokens": 1}`, "Idempotency-Key", "g").want(200)
	f.send("POST", "/v/gift", `{"tokens": 1}`, "Idempotency-Key", "g").problem(http.StatusConflict)
	if got := decode[Credits](f.send("GET", "/v/credits", "")); got.GiftedTokens != 0 {
		t.Errorf("a refused gift was given: %+v", got)
	}
	// A failed change was not applied, so the key is free.
	f.send("POST", "/w/gift", `{"tokens": 1}`).want(200)
	f.send("POST", "/w/gift", `{"tokens": 1000000000000000}`, "Idempotency-Key", "later").problem(http.StatusBadRequest)
	f.send("DELETE", "/w", "").want(204)
	f.send("POST", "/w/gift", `{"tokens": 1000000000000000}`, "Idempotency-Key", "later").want(200)
	for _, key := range []string{"\u00fc", "tab\there", string(make([]byte, 0, 1)) + fmt.Sprintf("%0256d", 1)} {
		f.send("POST", "/u/gift", `{"tokens": 1}`, "Idempotency-Key", key).faults("header.Idempotency-Key")
	}
	// Projects don't share keys.
	first := f.project
	f.project, f.key = f.create(`{}`)
	if err := f.catalog.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.send("POST", "", `{"identity": "elsewhere"}`, "Idempotency-Key", "k").want(201)
	if f.project == first {
		t.Fatal("the same project")
	}
}

// Credits that are given while requests run are neither lost nor given twice.
func TestGiftsWhileRequestsRunAreExact(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"requestLimit": 10}`)
	f.send("POST", "", `{"identity": "u"}`).want(201)
	var all sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for i := range 40 {
		all.Go(func() {
			for range 5 {
				res := f.reserve("u")
				if res.Decision.Refusal != limit.Admitted {
					continue
				}
				if i%4 == 0 {
					if err := f.ledger.Release(t.Context(), res); err != nil {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				admitted++
				mu.Unlock()
				if err := f.ledger.Settle(t.Context(), res, ledger.Actual{Amounts: limit.Amounts{limit.Requests: 1}}); err != nil {
					t.Error(err)
				}
			}
		})
		if i%4 == 0 {
			all.Go(func() { f.send("POST", "/u/gift", `{"requests": 2}`).want(200) })
		}
	}
	all.Wait()
	for f.reserve("u").Decision.Refusal == limit.Admitted {
		admitted++
	}
	got := decode[Identity](f.send("GET", "/u", ""))
	if admitted != 10+10*2 || got.Usage.Requests != int64(admitted) {
		t.Errorf("admitted %d, usage %d, credits %d; want 30 in all", admitted, got.Usage.Requests, got.GiftedRequests)
	}
}
