package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// resetRequest describes which usage to reset.
type resetRequest struct {
	_ struct{} `additionalProperties:"false"`

	ResetTokens   *bool   `json:"resetTokens,omitempty" nullable:"true" default:"true" doc:"Whether to reset tokens and their cost."`
	ResetRequests *bool   `json:"resetRequests,omitempty" nullable:"true" default:"true" doc:"Whether to reset requests."`
	Reason        *string `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the audit trail."`
}

// Reset answers a reset with the amounts that were reset.
type Reset struct {
	Identity      string      `json:"identity"`
	TokensReset   int64       `json:"tokensReset" doc:"The tokens that were taken back."`
	RequestsReset int64       `json:"requestsReset" doc:"The requests that were taken back."`
	CostUSDReset  json.Number `json:"costUsdReset" doc:"The cost that was taken back, in USD."`
	Message       string      `json:"message"`
	Period        string      `json:"period" enum:"hourly,daily,weekly,monthly"`
}

func (c *control) usage(doc huma.API) {
	tags := []string{identitiesTag}
	optional := &huma.RequestBody{}
	register(c, doc, accessChange, huma.Operation{
		OperationID: "resetIdentity", Method: http.MethodPost, Path: identityPath + "/reset", Tags: tags,
		Summary: "Reset the usage of this period",
		Description: "The usage of the period becomes 0. The history of usage stays. " +
			"A running request counts when it ends. Without a body the call resets everything. " +
			"The call creates an unknown identity.",
		RequestBody: optional,
	}, example{`{"resetTokens": true, "resetRequests": false, "reason": "A bug of ours burned them"}`,
		`{"identity": "user-123", "tokensReset": 5120, "requestsReset": 0, "costUsdReset": 0.0123, "message": "Took back 5120 tokens and $0.0123.", "period": "daily"}`},
		[]int{http.StatusConflict}, c.reset)
	optional.Required = false

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getUsage", Method: http.MethodGet, Path: identityPath + "/usage", Tags: tags,
		Summary:     "Read limits and usage",
		Description: "The answer is that of GET /v1/usage, in the tier that your server has set, else the project's default tier.",
	}, example{response: `{"identity": "user-123", "tier": "free", "period": "daily", "resetsAt": "2026-11-23T00:00:00Z", ` +
		`"limits": [{"metric": "requests", "scope": "model", "model": "gpt-4o", "limit": 5, "used": 3, "remaining": 2}], ` +
		`"usage": {"requests": 9, "tokens": 5120, "costUsd": 0.0123}, "credits": {"requests": 0, "tokens": 10000, "costUsd": 0}, ` +
		`"unlimitedUntil": null, "enabled": true}`},
		[]int{http.StatusNotFound, http.StatusConflict}, c.getUsage)
}

type resetInput struct {
	OfIdentity
	Once
	Dry
	Body body[resetRequest]
}

func (c *control) reset(ctx context.Context, in *resetInput) (*answer[Reset], error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	tokens, requests, reason, err := readReset(in.Body.data)
	if err != nil {
		return nil, err
	}
	return changeOrCreate[Reset](ctx, c, in.of("reset", name, in.Body.data), name, func(a *ledger.Account, now time.Time) (outcome, error) {
		back, entry, err := takeBack(a, requests, tokens, reason, now)
		return outcome{http.StatusOK, Reset{
			Identity: name, TokensReset: back[limit.Tokens], RequestsReset: back[limit.Requests],
			CostUSDReset: ledger.Figure(limit.Cost, back[limit.Cost]),
			Message:      "Took back " + words(back) + ".", Period: a.State.Period.String(),
		}, []ledger.Entry{entry}}, err
	})
}

// takeBack resets an account, and returns what it has taken back and the entry for the audit trail.
func takeBack(a *ledger.Account, requests, tokens bool, reason string, now time.Time) (limit.Amounts, ledger.Entry, error) {
	back := a.Reset(requests, tokens)
	a.UpdatedAt = now
	detail, err := json.Marshal(ledger.TotalsOf(back))
	return back, ledger.Entry{Identity: a.Key.Identity, Action: ledger.ActionResetIdentity, Reason: reason, Detail: detail}, err
}

func readReset(data []byte) (tokens, requests bool, reason string, err error) {
	tokens, requests = true, true
	if len(data) == 0 {
		return tokens, requests, "", nil
	}
	err = readBody(data, document.Fields{
		"resetTokens":   document.Toggle(&tokens, true),
		"resetRequests": document.Toggle(&requests, true),
		"reason":        optional(text(&reason, maxReason)),
	})
	if err == nil && !tokens && !requests {
		err = wrong("body", "resets nothing: resetTokens or resetRequests must be true")
	}
	return tokens, requests, reason, err
}

type usageInput struct{ OfIdentity }

func (c *control) getUsage(ctx context.Context, in *usageInput) (*answer[ledger.Usage], error) {
	a, err := c.account(ctx, in.OfIdentity)
	if err != nil {
		return nil, err
	}
	p, name := projectOf(ctx), ""
	tier, err := identity.Tier(p, a.Settings, "")
	if err != nil {
		return nil, refuse(http.StatusConflict, "unknown_tier", "The identity is in the tier %q, which the project no longer has and so refuses. "+
			"Set another one, or null.", a.Settings.Tier)
	}
	if tier != nil {
		name = tier.Name
	}
	return show(ledger.Report(&a, identity.Levels(p, a.Settings, tier), name, c.now()))
}
