package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
	"github.com/tidwall/gjson"
)

// identify reads the identity's settings, from its account if fresh, and refuses a
// disabled identity.
func (c *call) identify(ctx context.Context, fresh bool) (err error) {
	if c.settings, err = c.readSettings(ctx, fresh); err != nil {
		return asUnavailable(err)
	}
	if c.settings == nil || !c.settings.Disabled {
		return nil
	}
	refused := &wire.Error{Status: http.StatusForbidden, Code: "identity_disabled",
		Message: "This account has been disabled. Contact the app's support."}
	// No limit refused the request, and its body was not read: the variables about them are empty.
	c.respond(refused, project.MergeLimitResponse(c.settings.LimitResponse), map[string]string{
		"identity": c.caller.Identity, "tier": c.settings.Tier, "period": c.caller.Project.Period.String(),
		"usage": "", "limit": "", "remaining": "", "limitType": "", "model": "", "resetsAt": ""})
	return refused
}

// readSettings returns the identity's settings. Unless fresh, they may come from a cache
// or be assumed, and the reservation checks them. While the ledger is unavailable and the
// project fails open, they are the last known ones.
func (c *call) readSettings(ctx context.Context, fresh bool) (*ledger.Settings, error) {
	c.assumed = false
	if fresh {
		account, err := c.account(ctx)
		if err == nil || !c.passes(err) {
			return account.Settings, err
		}
	}
	settings, known, err := c.g.Ledger.Settings(ctx, c.key())
	c.assumed = !known && !fresh && err == nil
	if err != nil && !c.passes(err) {
		return nil, err
	}
	return settings, nil
}

// account reads the identity's account, which alone says whether the identity is exempt from
// limits. It ignores ctx's end: a client that half closed its connection still gets the answer.
func (c *call) account(ctx context.Context) (ledger.Account, error) {
	account, err := c.g.Ledger.Account(context.WithoutCancel(ctx), c.key(), c.caller.Project.Period, c.start)
	c.exempt = err == nil && account.State.Unlimited(c.start)
	return account, err
}

// passes reports whether the project lets the request through although err keeps its limits from being checked.
func (c *call) passes(err error) bool {
	return c.caller.Project.FailOpen && errors.Is(err, ledger.ErrUnavailable) && !errors.Is(err, context.Canceled)
}

// selectTier finds the tier: the one in the identity's settings, else the one that the
// request claims, else the project's default.
func (c *call) selectTier() (err error) {
	if c.caller.BadTier != nil {
		return c.caller.BadTier
	}
	c.tier, err = identity.Tier(c.caller.Project, c.settings, c.caller.Tier)
	return err
}

// route finds the provider and the key, and checks that the model is allowed.
func (c *call) route(query string) (err error) {
	p := c.caller.Project
	if c.target, err = provider.Route(p, c.ep, c.env.Model, c.r.Header.Get("X-Provider")); err != nil {
		return err
	}
	if err := c.checkDemands(); err != nil {
		return err
	}
	c.redactor = c.target.Provider.Redactor()
	c.cred, err = provider.Authorize(c.target, c.ep, c.r.Header, query, p.Key)
	return err
}

// checkAllowed refuses a model that the project, or the tier, does not allow.
func (c *call) checkAllowed(param, model string) error {
	if c.caller.Project.Allowed(c.tier, model) {
		return nil
	}
	message := fmt.Sprintf("This app does not allow the model %q. GET /v1/models lists the models that it allows.", model)
	if c.caller.Project.Allowed(nil, model) {
		message = fmt.Sprintf("The tier %q does not allow the model %q. GET /v1/models, with the same headers, lists the models that it allows.", c.tierName(), model)
	}
	return &wire.Error{Status: http.StatusForbidden, Code: "model_not_allowed", Param: param, Message: message}
}

// baseEdit is the edit that does not depend on limits: it cuts a provider's prefix off the
// model's name, and asks for usage figures in a stream.
func (c *call) baseEdit() wire.Edit {
	var edit wire.Edit
	if c.target.Model != c.env.Model {
		edit.Model = c.target.Model
	}
	edit.IncludeUsage = c.wantsUsage()
	return edit
}

// mostResolutions bounds how often a request is resolved while its identity's settings
// keep changing.
const mostResolutions = 5

// admit reserves the request under the identity's settings at the time of the decision.
func (c *call) admit(ctx context.Context, edit *wire.Edit) error {
	for range mostResolutions {
		err := c.reserve(ctx, edit)
		if !errors.Is(err, ledger.ErrStale) {
			return err
		}
		if err := c.identify(ctx, false); err != nil {
			return err
		}
		if err := c.selectTier(); err != nil {
			return err
		}
		if err := c.checkModels(); err != nil { // the tier may have changed
			return err
		}
	}
	return asUnavailable(ledger.ErrStale)
}

// reserve resolves the limits in force and reserves the request's estimate, or returns the
// refusal or ledger.ErrStale. Under strict enforcement it adds the output cap to the edit.
// An unmetered request is reserved only if a limit on burst or concurrency is in force.
func (c *call) reserve(ctx context.Context, edit *wire.Edit) error {
	p := c.caller.Project
	c.now = c.g.Now()
	c.at.Decided = max(1, c.now.Sub(c.start))
	c.resolve()
	if !c.ep.Metered() {
		if !c.rules.Paced() {
			return nil
		}
		return c.ask(ctx, limit.Ask{Tier: c.tierName(), Free: true})
	}
	c.est = c.estimateOf()
	waived, err := c.waive(ctx)
	if err != nil {
		return err
	}
	ask := limit.Ask{Tier: c.tierName(), Estimate: c.est.ask()}
	if p.Strict {
		ask.Estimate, ask.Least = c.est.askStrict(c.ep.Operation, c.env.Answers)
	}
	if err := c.ask(ctx, ask); err != nil || c.passed {
		return err
	}
	if h := &c.decision.Hold; waived != nil && (h.Limited(limit.Tokens) || h.Limited(limit.Cost)) {
		c.release() // the exemption ended in between
		return waived
	}
	if p.Strict && generates(c.ep.Operation) {
		c.capOutput(edit)
	}
	return nil
}

// ask lets the ledger decide, and returns the refusal or ledger.ErrStale. While the ledger is
// unavailable and the project fails open, it lets the call through.
func (c *call) ask(ctx context.Context, ask limit.Ask) error {
	req := ledger.Request{Key: c.key(), Settings: c.settings, Rules: &c.rules, Ask: ask, Now: c.now}
	res, err := c.g.Ledger.Reserve(ctx, req)
	c.assumed = false // the ledger has read the settings, or cannot
	switch {
	case errors.Is(err, ledger.ErrStale):
		return err
	case err != nil && c.passes(err):
		c.pass(req)
		return nil
	case err != nil:
		return asUnavailable(err)
	}
	c.decision = &res.Decision
	if res.Decision.Refusal != limit.Admitted {
		return c.refusal(&res.Decision, c.target.Model)
	}
	c.res = res
	c.held = true
	c.g.holding.Add(1)
	return nil
}

// resolve finds the limits in force.
func (c *call) resolve() {
	p := c.caller.Project
	c.rules = limit.Resolve(identity.Levels(p, c.settings, c.tier), limit.NormalizeModel(c.target.Model), p.Period, p.Strict)
}

// waive returns a refusal by unkeepable as waived if the identity is exempt from limits, else
// as the error.
func (c *call) waive(ctx context.Context) (waived, err error) {
	waived = c.unkeepable()
	if waived == nil || c.exempt {
		return waived, nil
	}
	if c.assumed {
		return nil, waived // handle reads the account and decides again
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
	cost = cost && !money.Blocks() // a limit of 0 refuses at any price
	if cost && !c.est.priced && !c.est.free {
		return unpriced(c.target.Model)
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

// pass lets the request through without a decision, and marks the answer.
func (c *call) pass(req ledger.Request) {
	c.passed, c.res = true, c.g.Ledger.Pass(req)
	c.w.Header().Set("X-Ratelimit-Unchecked", "true")
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
	edit.MaxOutput = max(leastOutput(c.ep.Operation), each)
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

func unpriced(model string) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "unpriced_model", Param: "model",
		Message: fmt.Sprintf("A cost limit applies and the price of %q is not known. The app's developer can set one in the project's settings: "+
			`"prices": {%q: {"inputUsdPerMillion": 1, "outputUsdPerMillion": 2}}.`, model, model)}
}

func unknownSystemPrompt(name string) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "unknown_system_prompt", Param: "systemPrompt",
		Message: fmt.Sprintf("The project has no system prompt named %q.", name)}
}

func badRequest(param, message string) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "invalid_request", Param: param, Message: message}
}

func formatMegabytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MB" }
