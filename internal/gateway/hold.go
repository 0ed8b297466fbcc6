package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
	"github.com/tidwall/gjson"
)

// waive returns a refusal by unkeepable as waived if the identity is exempt from limits, else
// as the error.
func (c *call) waive(ctx context.Context) (waived, err error) {
	waived = c.unkeepable()
	if waived == nil || c.exempt {
		return waived, nil
	}
	if c.assumed {
		return nil, waived // admit reads the account and decides again
	}
	if _, err := c.account(ctx); err != nil && !c.passes(err) {
		return nil, asUnavailable(err)
	}
	if !c.exempt {
		return nil, waived
	}
	return waived, nil
}

// unkeepable refuses a request for which a limit in force could not be kept, whatever
// remains of the limit.
func (c *call) unkeepable() error {
	_, tokens := c.rules.Limit(limit.Tokens)
	money, cost := c.rules.Limit(limit.Cost)
	cost = cost && !money.Blocks() // a limit of 0 refuses whatever the cost
	if err := admission.CheckPrice(&c.rules, c.target.Model, c.est.priced || c.est.free); err != nil {
		return err
	}
	if cost {
		if err := c.unpricedSecond(); err != nil {
			return err
		}
	}
	if err := c.blocked(); err != nil {
		return err
	}
	if !c.caller.Project.Strict || !tokens && !cost {
		return nil
	}
	if cost && writes(c.ep.Operation) {
		if err := checkSurcharges(c.body); err != nil {
			return err
		}
	}
	if err := c.checkBounds(); err != nil {
		return err
	}
	return c.checkCap()
}

// checkCap refuses an output cap that a strict limit relies on and the provider may
// ignore. OpenAI, xAI and the compatible endpoints of Anthropic and Google document
// max_completion_tokens. DeepSeek, and a project's own servers, may only know max_tokens.
func (c *call) checkCap() error {
	by := c.target.Provider
	if by.Vendor == "" && mentions(c.body, `"n_predict"`) { // llama.cpp prefers it to max_tokens
		return badRequest("n_predict", "A strict limit applies, and `n_predict` would take the place of the output cap. Leave it out.")
	}
	if c.ep.Operation != wire.ChatCompletions || by.Dialect.Spec().CompletionCap ||
		capField(c.ep.Operation, by) != "max_tokens" || !mentions(c.body, `"max_completion_tokens"`) {
		return nil
	}
	return badRequest("max_completion_tokens", "A strict limit applies, and "+by.Name+" may not know `max_completion_tokens`. Send `max_tokens`.")
}

// surcharges are the fields that can make a request dearer than the price book says,
// without their underscores, and their values that do not. OpenAI's service tier auto is
// the tier that the account is set to.
var surcharges = map[string][]string{
	"servicetier":  {"auto", "default", "flex", "standard", "standard_only"},
	"speed":        {"standard"}, // Anthropic's
	"inferencegeo": {"global"},   // Anthropic's
	"provider":     {},           // OpenRouter's choice of who serves the model
}

// checkSurcharges refuses fields that could cost more than a strict cost limit counts. It
// checks every duplicate and any spelling: the provider may read any of them.
func checkSurcharges(body []byte) (err error) {
	doc := gjson.ParseBytes(body)
	if !doc.IsObject() {
		return nil // a form
	}
	doc.ForEach(func(name, value gjson.Result) bool {
		plain, known := surcharges[strings.ToLower(strings.ReplaceAll(name.String(), "_", ""))]
		if known && value.Type != gjson.Null && (value.Type != gjson.String || !slices.Contains(plain, value.String())) {
			advice := "Leave it out."
			if len(plain) > 0 {
				advice = "Leave it out, or send " + strings.Join(plain, ", ") + "."
			}
			err = badRequest(name.String(), fmt.Sprintf("A strict limit on costs applies, and `%s` may raise the price. %s", name.String(), advice))
		}
		return err == nil
	})
	return err
}

// capOutput lowers the output cap to what the hold covers, or sets one.
func (c *call) capOutput(edit *wire.Edit) {
	h := &c.res.Decision.Hold
	if !h.Limited(limit.Tokens) && !h.Limited(limit.Cost) {
		return
	}
	each := c.est.granted(h) / c.env.Answers
	if c.env.Capped && each >= c.env.MaxOutput {
		return
	}
	edit.MaxOutput = max(minOutput(c.ep.Operation), each)
	edit.CapField = capField(c.ep.Operation, c.target.Provider)
	c.est.output, c.est.capped = addSat(satMul(edit.MaxOutput, c.env.Answers), c.est.rejected), true
}

// capField is the name of the output cap that is added to a body. OpenAI's newer models
// refuse max_tokens; other vendors know no other name.
func capField(op wire.Operation, p *project.Provider) string {
	switch {
	case op == wire.Responses:
		return "max_output_tokens"
	case op == wire.ChatCompletions && p.Quirks().CompletionCap:
		return "max_completion_tokens"
	case op == wire.GenerateContent || op == wire.StreamGenerateContent:
		return "maxOutputTokens"
	}
	return "max_tokens"
}
