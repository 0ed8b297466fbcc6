package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// giftRequest describes the credits to give.
type giftRequest struct {
	_ struct{} `additionalProperties:"false"`

	Tokens   *int64       `json:"tokens,omitempty" nullable:"true" minimum:"1" maximum:"1e15" doc:"The tokens to give."`
	Requests *int64       `json:"requests,omitempty" nullable:"true" minimum:"1" maximum:"1e15" doc:"The requests to give."`
	CostUSD  *project.USD `json:"costUsd,omitempty" nullable:"true" exclusiveMinimum:"0" maximum:"1e9" doc:"The cost to give, in USD with at most six decimals."`
	Reason   *string      `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the audit trail."`
}

// Gift answers a gift: the identity's credits now, and the gift in words.
type Gift struct {
	Identity       string      `json:"identity"`
	GiftedTokens   int64       `json:"giftedTokens" doc:"The token credits now."`
	GiftedRequests int64       `json:"giftedRequests" doc:"The request credits now."`
	GiftedCostUSD  json.Number `json:"giftedCostUsd" doc:"The cost credits now, in USD."`
	Message        string      `json:"message"`
}

// Credits are amounts that an identity may use beyond its limits.
type Credits struct {
	Identity             string      `json:"identity"`
	GiftedTokens         int64       `json:"giftedTokens"`
	GiftedRequests       int64       `json:"giftedRequests"`
	GiftedCostUSD        json.Number `json:"giftedCostUsd"`
	UnlimitedUntil       *time.Time  `json:"unlimitedUntil" doc:"The end of the last promotion, which may be past. Null: there was none."`
	IsCurrentlyUnlimited bool        `json:"isCurrentlyUnlimited"`
}

// promoRequest describes a promotion.
type promoRequest struct {
	_ struct{} `additionalProperties:"false"`

	UnlimitedUntil *string `json:"unlimitedUntil" nullable:"true" doc:"The end of the promotion: a time, or a date, which stands for its end. Null ends the promotion." example:"2026-12-31"`
	Reason         *string `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the audit trail."`
}

// Promo answers a promotion.
type Promo struct {
	Identity       string     `json:"identity"`
	UnlimitedUntil *time.Time `json:"unlimitedUntil"`
	Message        string     `json:"message"`
}

func (c *control) credits(doc huma.API) {
	tags := []string{identitiesTag}
	register(c, doc, accessChange, huma.Operation{
		OperationID: "giftIdentity", Method: http.MethodPost, Path: identityPath + "/gift", Tags: tags,
		Summary: "Give credits",
		Description: "Give at least one of tokens, requests and costUsd. Credits add up and stay over periods. A request draws credits " +
			"of a metric when the period's limit of that metric is used up. The call creates an unknown identity.",
	}, example{`{"tokens": 10000, "reason": "The app was down on Sunday"}`,
		`{"identity": "user-123", "giftedTokens": 10000, "giftedRequests": 0, "giftedCostUsd": 0, "message": "Gave 10000 tokens."}`},
		[]int{http.StatusConflict}, c.gift)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getCredits", Method: http.MethodGet, Path: identityPath + "/credits", Tags: tags, Summary: "Read credits",
	}, example{response: `{"identity": "user-123", "giftedTokens": 10000, "giftedRequests": 0, "giftedCostUsd": 0, ` +
		`"unlimitedUntil": "2027-01-01T00:00:00Z", "isCurrentlyUnlimited": true}`},
		[]int{http.StatusNotFound}, c.getCredits)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "promoteIdentity", Method: http.MethodPost, Path: identityPath + "/promo", Tags: tags,
		Summary: "Lift all limits for a time",
		Description: "Until then no limit refuses a request. Usage is still counted. A past time, or null, ends a promotion. " +
			"The call creates an unknown identity.",
	}, example{`{"unlimitedUntil": "2099-12-31", "reason": "Launch week"}`,
		`{"identity": "user-123", "unlimitedUntil": "2100-01-01T00:00:00Z", "message": "Unlimited until 2100-01-01T00:00:00Z."}`},
		[]int{http.StatusConflict}, c.promo)
}

type giftInput struct {
	OfIdentity
	Once
	Dry
	Body body[giftRequest]
}

func (c *control) gift(ctx context.Context, in *giftInput) (*answer[Gift], error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	given, reason, err := readGift(in.Body.data)
	if err != nil {
		return nil, err
	}
	return changeOrCreate[Gift](ctx, c, in.of("gift", name, in.Body.data), name, func(a *ledger.Account, now time.Time) (outcome, error) {
		entry, err := giveTo(a, given, reason, now)
		if err != nil {
			return outcome{}, err
		}
		have := a.State.Credits
		return outcome{http.StatusOK, Gift{
			Identity: name, GiftedTokens: have[limit.Tokens], GiftedRequests: have[limit.Requests],
			GiftedCostUSD: ledger.Figure(limit.Cost, have[limit.Cost]),
			Message:       "Gave " + words(given) + ".",
		}, []ledger.Entry{entry}}, nil
	})
}

// giveTo adds credits to an account, and returns the entry for the audit trail.
func giveTo(a *ledger.Account, given limit.Amounts, reason string, now time.Time) (ledger.Entry, error) {
	for m, n := range a.State.Credits.Add(given) {
		if n > maxCount {
			return ledger.Entry{}, wrong("body", "would bring the credits of %s above %d", limit.Metric(m), int64(maxCount))
		}
	}
	a.State.AddCredits(given)
	a.UpdatedAt = now
	detail, err := json.Marshal(ledger.TotalsOf(given))
	return ledger.Entry{Identity: a.Key.Identity, Action: ledger.ActionGiftIdentity, Reason: reason, Detail: detail}, err
}

func readGift(data []byte) (given limit.Amounts, reason string, err error) {
	err = readBody(data, document.Fields{
		"tokens":   optional(positive(&given[limit.Tokens])),
		"requests": optional(positive(&given[limit.Requests])),
		"costUsd": optional(func(_ string, v document.Value) error {
			var usd project.USD
			if err := usd.UnmarshalJSON(v.Raw()); err != nil || usd <= 0 {
				return fmt.Errorf("must be USD, more than 0, at most %d and with at most six decimals", int64(maxCount/1e6))
			}
			given[limit.Cost] = int64(usd)
			return nil
		}),
		"reason": optional(text(&reason, maxReason)),
	})
	if err == nil && given.IsZero() {
		err = wrong("body", "gives nothing: at least one of tokens, requests and costUsd is needed")
	}
	return given, reason, err
}

// words puts amounts into words: "10000 tokens and $2.5".
func words(a limit.Amounts) string {
	var parts []string
	if n := a[limit.Tokens]; n != 0 {
		parts = append(parts, plural(n, "token"))
	}
	if n := a[limit.Requests]; n != 0 {
		parts = append(parts, plural(n, "request"))
	}
	if n := a[limit.Cost]; n != 0 {
		parts = append(parts, "$"+ledger.Figure(limit.Cost, n).String())
	}
	switch len(parts) {
	case 0:
		return "nothing"
	case 1:
		return parts[0]
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

type creditsInput struct{ OfIdentity }

func (c *control) getCredits(ctx context.Context, in *creditsInput) (*answer[Credits], error) {
	a, err := c.account(ctx, in.OfIdentity)
	if err != nil {
		return nil, err
	}
	have := a.State.Credits
	return show(Credits{
		Identity: a.Key.Identity, GiftedTokens: have[limit.Tokens], GiftedRequests: have[limit.Requests],
		GiftedCostUSD:  ledger.Figure(limit.Cost, have[limit.Cost]),
		UnlimitedUntil: unlimitedUntil(&a), IsCurrentlyUnlimited: a.State.Unlimited(c.now()),
	})
}

type promoInput struct {
	OfIdentity
	Once
	Dry
	Body body[promoRequest]
}

func (c *control) promo(ctx context.Context, in *promoInput) (*answer[Promo], error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	until, reason, err := readPromo(in.Body.data)
	if err != nil {
		return nil, err
	}
	return changeOrCreate[Promo](ctx, c, in.of("promo", name, in.Body.data), name, func(a *ledger.Account, now time.Time) (outcome, error) {
		entry, err := promote(a, until, reason, now)
		done := Promo{Identity: name, UnlimitedUntil: unlimitedUntil(a), Message: "No promotion: limits apply."}
		switch {
		case done.UnlimitedUntil == nil:
		case until.After(now):
			done.Message = "Unlimited until " + until.Format(time.RFC3339) + "."
		default:
			done.Message = "The promotion ended on " + until.Format(time.RFC3339) + ": limits apply."
		}
		return outcome{http.StatusOK, done, []ledger.Entry{entry}}, err
	})
}

// promote sets the end of an account's promotion, and returns the entry for the audit trail.
func promote(a *ledger.Account, until time.Time, reason string, now time.Time) (ledger.Entry, error) {
	a.State.UnlimitedUntil, a.UpdatedAt = until, now
	detail, err := json.Marshal(map[string]*time.Time{"unlimitedUntil": unlimitedUntil(a)})
	return ledger.Entry{Identity: a.Key.Identity, Action: ledger.ActionPromoteIdentity, Reason: reason, Detail: detail}, err
}

// readPromo returns the end of the promotion; the zero time means none.
func readPromo(data []byte) (until time.Time, reason string, err error) {
	given := false
	err = readBody(data, document.Fields{
		"unlimitedUntil": func(_ string, v document.Value) (err error) {
			given = true
			until, err = readUntil(v)
			return err
		},
		"reason": optional(text(&reason, maxReason)),
	})
	if err == nil && !given {
		err = wrong("body.unlimitedUntil", "is missing; null ends a promotion")
	}
	return until, reason, err
}

func readUntil(v document.Value) (time.Time, error) {
	if v.Kind() == document.Null {
		return time.Time{}, nil
	}
	var s string
	if err := text(&s, 64)("", v); err == nil {
		t, err := time.Parse(time.RFC3339, s)
		if day, dateErr := time.Parse(time.DateOnly, s); dateErr == nil {
			t, err = day.AddDate(0, 0, 1), nil
			if day.Equal(lastTime.Truncate(24 * time.Hour)) {
				t = lastTime
			}
		}
		t = t.UTC().Truncate(time.Second) // as stores keep it
		if err == nil && !t.Before(time.Unix(0, 0)) && !t.After(lastTime) {
			return t, nil
		}
	}
	return time.Time{}, errors.New("must be a date (2026-12-31), a time (2026-12-31T18:00:00Z) of the years 1970 to 9999, or null")
}

// lastTime is the last time that RFC 3339 can write. Its day has no later end: that would be in a year with five digits.
var lastTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
