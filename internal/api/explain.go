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

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	limitsTag    = "limits"
	explainPath  = "/api/projects/{projectId}/limits/explain"
	previewPath  = "/api/projects/{projectId}/limit-response/preview"
	exposurePath = "/api/projects/{projectId}/exposure"
)

// explainRequest describes the question.
type explainRequest struct {
	_ struct{} `additionalProperties:"false"`

	Settings map[string]any   `json:"settings,omitempty" nullable:"true" doc:"A change of the settings to try, as PATCH takes it. Nothing is saved."`
	Identity *string          `json:"identity,omitempty" nullable:"true" doc:"The end user. Null: one who has made no request."`
	Tier     *string          `json:"tier,omitempty" nullable:"true" maxLength:"64" doc:"The tier that the request claims in x-tier."`
	Model    *string          `json:"model,omitempty" nullable:"true" maxLength:"256" doc:"The model that the request names. Null: one that no limit names."`
	Estimate *explainEstimate `json:"estimate,omitempty" doc:"What the request may use. Strict limits admit only what fits."`
}

type explainEstimate struct {
	_ struct{} `additionalProperties:"false"`

	Tokens  *int64   `json:"tokens,omitempty" nullable:"true" minimum:"1" doc:"Tokens, input and output."`
	CostUSD *float64 `json:"costUsd,omitempty" nullable:"true" doc:"Cost in USD."`
}

// Explained says what a request would get, and why.
type Explained struct {
	Tier           ExplainedTier        `json:"tier"`
	Model          *string              `json:"model" doc:"The model as it is sent to the provider. Null if the question names none."`
	Matched        *string              `json:"matched" doc:"The name under which limits know the model: without snapshot and variant."`
	Provider       *string              `json:"provider" doc:"The provider that gets the request. Null if none is known."`
	Priced         *bool                `json:"priced" doc:"Whether the price of the model is known."`
	Decision       string               `json:"decision" enum:"admitted,refused"`
	Code           *string              `json:"code" doc:"The code of the refusal. Null if the request is admitted."`
	Status         *int                 `json:"status" doc:"The HTTP status of the refusal."`
	Message        *string              `json:"message" doc:"The message of the refusal."`
	UnlimitedUntil *time.Time           `json:"unlimitedUntil" doc:"Until this time no limit refuses the identity."`
	Limits         []ExplainedLimit     `json:"limits" doc:"One for each metric. Empty if the tier is refused."`
	Burst          ExplainedBurst       `json:"burst" doc:"The limit of requests a minute."`
	Concurrency    ExplainedConcurrency `json:"concurrency" doc:"The limit of requests at once."`
	NotInForce     []OverriddenCap      `json:"notInForce" doc:"Values that are set for this model, tier or identity and that another value overrides."`
}

// ExplainedTier is the tier of a request.
type ExplainedTier struct {
	Name *string `json:"name" doc:"Null for none."`
	From string  `json:"from" enum:"identity,request,default,none,refused" doc:"Where the tier is from: set for the identity, claimed by the request, the project's default, none, or refused."`
}

// ExplainedLimit is the limit in force for a metric, and where it is from.
type ExplainedLimit struct {
	Metric    string       `json:"metric" enum:"requests,tokens,costUsd"`
	Period    string       `json:"period" enum:"hourly,daily,weekly,monthly"`
	Level     *string      `json:"level" enum:"identity,tier,project" doc:"The level that sets the value in force. Null if none does."`
	Path      *string      `json:"path" doc:"The field that sets it: in the identity's settings for the level identity, else in the project's."`
	Limit     *json.Number `json:"limit" nullable:"true" doc:"Null: unlimited."`
	Used      *json.Number `json:"used" nullable:"true" doc:"What counts towards the limit, before this request."`
	Held      *json.Number `json:"held" nullable:"true" doc:"What running requests hold."`
	Remaining *json.Number `json:"remaining" nullable:"true" doc:"What can still be used, credits included."`
	Credits   json.Number  `json:"credits" doc:"The credits that no running request holds."`
	ResetsAt  *time.Time   `json:"resetsAt" doc:"Null if no reset allows more."`
	Pool      Pool         `json:"pool" doc:"What counts together."`
	Chain     []Link       `json:"chain" doc:"The places that are looked at, in order. The first one with a value is in force."`
}

// Pool is the usage that counts towards a limit.
type Pool struct {
	Covers string   `json:"covers" enum:"none,model,modelsWithoutLimit,allModels" doc:"The usage of the models that one key covers, of all models without a model limit in force for the metric, or of all models; none where no limit is in force."`
	Key    *string  `json:"key" doc:"The model key, for model."`
	Models []string `json:"models" doc:"The models that the identity has used of these in this period."`
}

// Link is a place where a value can be set.
type Link struct {
	Level string       `json:"level" enum:"identity,tier,project"`
	Path  string       `json:"path"`
	Value *json.Number `json:"value" nullable:"true" doc:"Null inherits. -1 is unlimited."`
}

// OverriddenCap is a value that is not in force.
type OverriddenCap struct {
	Link
	Text string `json:"text" doc:"What overrides it."`
}

// ExplainedBurst is the limit of requests a minute.
type ExplainedBurst struct {
	Limit     *int64  `json:"limit" doc:"Null: unlimited."`
	Remaining *int64  `json:"remaining" doc:"Requests that may start now, before this one. Null: unlimited, or the identity is exempt from limits."`
	Level     *string `json:"level" enum:"identity,tier,project"`
	Path      *string `json:"path"`
	Chain     []Link  `json:"chain"`
}

// ExplainedConcurrency is the limit of requests at once.
type ExplainedConcurrency struct {
	Limit   *int64  `json:"limit" doc:"Null: unlimited."`
	Running int     `json:"running" doc:"Requests of the identity that run now."`
	Level   *string `json:"level" enum:"identity,tier,project"`
	Path    *string `json:"path"`
	Chain   []Link  `json:"chain"`
}

func (c *control) limits(doc huma.API) {
	tags := []string{limitsTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "explainLimits", Method: http.MethodPost, Path: explainPath, Tags: tags,
		Summary: "Explain what a request would get",
		Description: "The answer is the decision of the gateway itself, on the account as it is now, or with changed settings. The call changes nothing. " +
			"It does not know the request's body: a body that is malformed, or that asks for something a strict limit cannot bound, is refused beside this.",
	}, example{`{"identity": "user-123", "tier": "free", "model": "gpt-4o", "estimate": {"tokens": 1500}}`, explainedExample}, nil, c.explain)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "previewLimitResponse", Method: http.MethodPost, Path: previewPath, Tags: tags,
		Summary:     "Preview the answer at a limit",
		Description: "The answers are written as the gateway writes them. Fields of limitResponse come first; the others are the identity's, the tier's and the project's, as in a refusal.",
	}, example{`{"limitResponse": {"message": "You've used {{usage}} of {{limit}} today."}, "tier": "free", "model": "gpt-4o", "metric": "requests"}`, previewExample}, nil, c.preview)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "getExposure", Method: http.MethodGet, Path: exposurePath, Tags: tags,
		Summary: "Read what a stolen project key can cost",
		Description: "The project key is public. The figures are what somebody can spend with it and made-up identities, by the settings alone: " +
			"the dearest model that is allowed, up to the limits. Each piece of advice lowers a figure or bounds something that has no bound.",
	}, example{response: exposureExample}, nil, c.exposure)
}

type explainInput struct {
	InProject
	Body body[explainRequest]
}

// question is a body of limits/explain, read.
type question struct {
	project     *project.Snapshot
	identity    string
	tier, model *string
	needs       limit.Amounts
}

func readQuestion(p *project.Snapshot, data []byte) (question, error) {
	q := question{project: p}
	return q, readBody(data, document.Fields{
		"settings": optional(draft(p, &q.project)),
		"identity": optional(identityName(&q.identity)),
		"tier":     optional(pointTo(&q.tier, project.MaxTier)),
		"model":    optional(pointTo(&q.model, maxModel)),
		"estimate": func(path string, v document.Value) error {
			return document.Fields{
				"tokens":  optional(positive(&q.needs[limit.Tokens])),
				"costUsd": optional(dollars(&q.needs[limit.Cost])),
			}.Set(path, v)
		},
	})
}

// maxModel is the longest name of a model, in bytes.
const maxModel = 256

// identityName sets the name of an identity that can make requests. Names from earlier versions that are refused today
// cannot.
func identityName(into *string) document.Setter {
	return func(_ string, v document.Value) (err error) {
		if *into, err = readName(v); err != nil {
			return err
		}
		if problem := identity.Problem(*into); problem != "" {
			return errors.New(problem)
		}
		return nil
	}
}

func pointTo(into **string, most int) document.Setter {
	return func(path string, v document.Value) error {
		var s string
		if err := text(&s, most)(path, v); err != nil {
			return err
		}
		*into = &s
		return nil
	}
}

// draft reads a merge patch of the project's settings, and sets the snapshot that would be in force.
func draft(p *project.Snapshot, into **project.Snapshot) document.Setter {
	return func(path string, v document.Value) error {
		settings, err := p.Settings().Merge(v.Raw())
		if err == nil {
			*into, err = p.Draft(settings)
		}
		var field *document.FieldError
		if errors.As(err, &field) && field.Path != "" {
			return document.Errorf(path+"."+field.Path, "%s", field.Problem)
		}
		return err
	}
}

func (c *control) explain(ctx context.Context, in *explainInput) (*answer[Explained], error) {
	q, err := readQuestion(projectOf(ctx), in.Body.data)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	account, err := c.accountFor(ctx, q.project, q.identity, now)
	if err != nil {
		return nil, err
	}
	asked := admission.Question{Project: q.project, Account: account, Model: q.model, Needs: q.needs, Now: now}
	if q.tier != nil {
		asked.Tier = strings.TrimSpace(*q.tier)
	}
	e := admission.Explain(asked)
	return show(explained(&e, &account, q.model != nil, now))
}

// accountFor returns the account of an identity in a project, or for "" that of an identity that has made no request.
func (c *control) accountFor(ctx context.Context, p *project.Snapshot, name string, now time.Time) (ledger.Account, error) {
	if name == "" {
		return ledger.Account{State: limit.State{Period: p.Period, Start: p.Period.Start(now)}}, nil
	}
	return c.Ledger.Account(ctx, ledger.Key{Project: p.Key, Identity: name}, p.Period, now)
}

// explained shows an explanation.
func explained(e *admission.Explanation, a *ledger.Account, named bool, now time.Time) Explained {
	out := Explained{Decision: "admitted", Limits: []ExplainedLimit{}, NotInForce: []OverriddenCap{}, Tier: ExplainedTier{From: "refused"},
		Burst: ExplainedBurst{Chain: []Link{}}, Concurrency: ExplainedConcurrency{Chain: []Link{}, Running: len(a.State.Holds)}}
	if named {
		matched := limit.CanonicalModel(limit.NormalizeModel(e.Model))
		out.Model, out.Matched, out.Priced = &e.Model, &matched, &e.Priced
	}
	if by := e.Target.Provider; by != nil {
		out.Provider = &by.Name
	}
	if no := e.Refused; no != nil {
		out.Decision = "refused"
		out.Code, out.Status, out.Message = &no.Code, &no.Status, &no.Message
	}
	if a.State.Unlimited(now) {
		out.UnlimitedUntil = unlimitedUntil(a)
	}
	if e.TierFrom == "" {
		return out
	}
	if out.Tier.From = e.TierFrom; e.Tier != nil {
		out.Tier.Name = &e.Tier.Name
	}
	w := explainer{e, a, pathsOf(e)}
	for m := range limit.Metric(limit.NumMetrics) {
		out.Limits = append(out.Limits, w.limit(m))
	}
	out.Burst, out.Concurrency = w.burst(), w.concurrency()
	out.NotInForce = w.overridden()
	return out
}

// explainer shows the parts of an explanation.
type explainer struct {
	*admission.Explanation
	account *ledger.Account
	paths   paths
}

func (w *explainer) limit(m limit.Metric) ExplainedLimit {
	s := &w.account.State
	out := ExplainedLimit{Metric: m.String(), Period: w.Project.Period.String(), Credits: ledger.Figure(m, s.Free(m)),
		Pool: Pool{Covers: "none", Models: []string{}}}
	for _, p := range w.Rules.Chain(m) {
		link := w.link(p)
		if out.Level == nil && link.Value != nil {
			out.Level, out.Path = &link.Level, &link.Path
		}
		out.Chain = append(out.Chain, link)
	}
	l, ok := w.Rules.Limit(m)
	if !ok {
		return out
	}
	st := s.Standing(&w.Rules, m)
	out.Limit, out.Used, out.Held, out.Remaining = figure(m, st.Max), figure(m, st.Used), figure(m, st.Held), figure(m, st.Remaining())
	if refused := &w.Decision; refused.Refusal == limit.OverLimit && refused.Metric == m {
		st.ResetsAt = refused.Standings[m].ResetsAt
	}
	if !st.ResetsAt.IsZero() {
		out.ResetsAt = &st.ResetsAt
	}
	out.Pool = Pool{Covers: "modelsWithoutLimit", Models: append([]string{}, s.Pool(&w.Rules, m)...)}
	switch l.Scope {
	case limit.ScopeModel:
		out.Pool.Covers, out.Pool.Key = "model", &l.Model
	case limit.ScopeIdentity:
		out.Pool.Covers = "allModels"
	}
	return out
}

func figure(m limit.Metric, n int64) *json.Number {
	f := ledger.Figure(m, n)
	return &f
}

func (w *explainer) link(p limit.Place) Link {
	link := Link{Level: p.Level.String(), Path: w.paths.of(p)}
	if p.Value != nil {
		link.Value = figure(p.Metric, *p.Value)
		if *p.Value == limit.Unlimited {
			link.Value = figure(limit.Requests, limit.Unlimited)
		}
	}
	return link
}

func (w *explainer) overridden() []OverriddenCap {
	all := []OverriddenCap{}
	for _, p := range w.Rules.Overridden() {
		by := ""
		for _, q := range w.Rules.Chain(p.Metric) {
			if q.Value != nil {
				by = w.paths.of(q)
				if q.Level == limit.ScopeIdentity {
					by += " of the identity"
				}
				break
			}
		}
		why := fmt.Sprintf("%s comes first.", by)
		if by == "" { // the key * where another key of the level covers the model
			why = "Another key of the same modelLimits covers the model."
		}
		all = append(all, OverriddenCap{w.link(p), why})
	}
	return all
}

// pace returns the links of a limit that does not depend on the period, and the one in force.
func (w *explainer) pace(field string, get func(*limit.Level) *int64) (level, path *string, chain []Link) {
	ls := w.Levels()
	for _, at := range []struct {
		scope limit.Scope
		level *limit.Level
	}{{limit.ScopeIdentity, ls.Identity}, {limit.ScopeTier, ls.Tier}, {limit.ScopeProject, ls.Project}} {
		if at.level == nil {
			continue
		}
		link := Link{Level: at.scope.String(), Path: w.paths.below(at.scope, field)}
		if n := get(at.level); n != nil {
			link.Value = figure(limit.Requests, *n)
			if level == nil {
				level, path = &link.Level, &link.Path
			}
		}
		chain = append(chain, link)
	}
	return level, path, chain
}

func (w *explainer) burst() (out ExplainedBurst) {
	out.Level, out.Path, out.Chain = w.pace("requestsPerMinute", func(l *limit.Level) *int64 { return l.RequestsPerMinute })
	if n := w.Rules.PerMinute(); n != limit.Unlimited {
		out.Limit = &n
		if w.Decision.Burst.Max != limit.Unlimited {
			left := w.Decision.Burst.Remaining
			if w.Decision.Refusal == limit.Admitted {
				left++ // without this request
			}
			out.Remaining = &left
		}
	}
	return out
}

func (w *explainer) concurrency() (out ExplainedConcurrency) {
	out.Running = len(w.account.State.Holds)
	out.Level, out.Path, out.Chain = w.pace("concurrentRequests", func(l *limit.Level) *int64 { return l.ConcurrentRequests })
	if n := w.Rules.Concurrent(); n != limit.Unlimited {
		out.Limit = &n
	}
	return out
}

// paths are the fields that set the values of levels, as the developer has spelled them.
type paths struct {
	tier     string // the path of the tier
	model    string // the name of the model in a place without a key
	spelling map[limit.Scope]map[string]string
}

func pathsOf(e *admission.Explanation) paths {
	ps := paths{tier: document.Join("tiers", e.TierName()), model: e.Rules.Model, spelling: map[limit.Scope]map[string]string{}}
	settings := e.Project.Settings()
	ps.spelling[limit.ScopeProject] = spellings(settings.ModelLimits)
	ps.spelling[limit.ScopeTier] = spellings(settings.Tiers[e.TierName()].ModelLimits)
	return ps
}

// spellings maps normalized model keys to the keys of a document.
func spellings(limits map[string]project.ModelLimit) map[string]string {
	all := make(map[string]string, len(limits))
	for key := range limits {
		all[limit.NormalizeModel(key)] = key
	}
	return all
}

// limitFields are the fields that set the caps of metrics.
var limitFields = [limit.NumMetrics]string{limit.Requests: "requestLimit", limit.Tokens: "tokenLimit", limit.Cost: "costLimitUsd"}

func (ps *paths) of(p limit.Place) string {
	field := limitFields[p.Metric]
	if !p.OfModel {
		return ps.below(p.Level, field)
	}
	key := p.Key
	if key == "" {
		key = ps.model
	}
	if spelled, ok := ps.spelling[p.Level][key]; ok {
		key = spelled
	}
	if key == "" {
		key = limit.Others
	}
	return document.Join(document.Join(ps.below(p.Level, "modelLimits"), key), field)
}

func (ps *paths) below(level limit.Scope, field string) string {
	if level == limit.ScopeTier {
		return document.Join(ps.tier, field)
	}
	return field
}

// dollars sets an amount of micro-USD from a decimal number of USD.
func dollars(into *int64) document.Setter {
	return func(_ string, v document.Value) error {
		var usd project.USD
		if v.Kind() != document.Number || usd.UnmarshalJSON(v.Raw()) != nil || usd < 0 {
			return errors.New("must be USD from 0, with at most six decimals")
		}
		*into = int64(usd)
		return nil
	}
}
