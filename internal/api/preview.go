package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// previewRequest describes the refusal to show.
type previewRequest struct {
	_ struct{} `additionalProperties:"false"`

	Settings      map[string]any `json:"settings,omitempty" nullable:"true" doc:"A change of the settings to try, as PATCH takes it. Nothing is saved."`
	LimitResponse map[string]any `json:"limitResponse,omitempty" nullable:"true" doc:"A limit response to try. Fields that it lacks are from the settings."`
	Tier          *string        `json:"tier,omitempty" nullable:"true" maxLength:"64" doc:"The tier that the request claims."`
	Identity      *string        `json:"identity,omitempty" nullable:"true" doc:"The end user, with the usage and the limits that it has. Null: one named user-123."`
	Model         *string        `json:"model,omitempty" nullable:"true" maxLength:"256" doc:"The model. Null: the first in allowedModels, else gpt-4o."`
	Metric        *string        `json:"metric,omitempty" nullable:"true" enum:"requests,tokens,costUsd" doc:"The metric of the limit. Null: the first one with a limit. Without a limit in force the preview shows an example."`
}

// Preview is the answer at a limit, in every dialect.
type Preview struct {
	OpenAI           PreviewedAnswer   `json:"openai"`
	Anthropic        PreviewedAnswer   `json:"anthropic"`
	Gemini           PreviewedAnswer   `json:"gemini"`
	UnknownVariables []string          `json:"unknownVariables" doc:"Names in {{ }} that are not filled in."`
	Warnings         []project.Warning `json:"warnings"`
}

// PreviewedAnswer is one answer.
type PreviewedAnswer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers" doc:"The headers, in lower case. A real answer also has a date."`
	Body    json.RawMessage   `json:"body"`
}

type previewInput struct {
	InProject
	Body body[previewRequest]
}

// previewed is a body of limit-response/preview, read.
type previewed struct {
	project     *project.Snapshot
	response    map[string]any
	identity    string
	tier, model *string
	metric      *limit.Metric
}

func readPreview(p *project.Snapshot, data []byte) (previewed, error) {
	q := previewed{project: p}
	return q, readBody(data, document.Fields{
		"settings":      optional(draft(p, &q.project)),
		"limitResponse": project.LimitResponse(&q.response),
		"identity":      optional(identityName(&q.identity)),
		"tier":          optional(pointTo(&q.tier, project.MaxTier)),
		"model":         optional(pointTo(&q.model, maxModel)),
		"metric":        optional(metricName(&q.metric)),
	})
}

func metricName(into **limit.Metric) document.Setter {
	return func(_ string, v document.Value) error {
		for m := range limit.Metric(limit.NumMetrics) {
			if v.Kind() == document.String && v.Text() == m.String() {
				*into = &m
				return nil
			}
		}
		return errors.New("must be requests, tokens or costUsd")
	}
}

// exampleIdentity and exampleModel stand in a preview for what the call leaves out.
const (
	exampleIdentity = "user-123"
	exampleModel    = "gpt-4o"
)

func (c *control) preview(ctx context.Context, in *previewInput) (*answer[Preview], error) {
	q, err := readPreview(projectOf(ctx), in.Body.data)
	if err != nil {
		return nil, err
	}
	p, now := q.project, c.Now()
	account, err := c.accountFor(ctx, p, q.identity, now)
	if err != nil {
		return nil, err
	}
	by := admission.Subject{Project: p, Identity: q.identity, Settings: account.Settings}
	if by.Identity == "" {
		by.Identity = exampleIdentity
	}
	if by.Tier, err = c.previewTier(p, account.Settings, q.tier); err != nil {
		return nil, err
	}
	by = by.With(q.response)
	x := admission.Example{Account: account, Model: previewModel(&by, q.model), Now: now}
	x.Metric = metricOf(&by, x.Model, q.metric)
	refusal, decision := by.Preview(x)
	shown := *refusal
	shown.DocURL = wire.DocURL(c.DocsURL, refusal.Code)
	of := func(d wire.Dialect) PreviewedAnswer {
		h := http.Header{}
		body := by.WriteRefusal(h, &shown, &decision, d, callOf(ctx).id, now)
		return PreviewedAnswer{Status: shown.Status, Headers: flat(h), Body: body}
	}
	out := Preview{OpenAI: of(wire.OpenAI), Anthropic: of(wire.Anthropic), Gemini: of(wire.Gemini)}
	out.UnknownVariables, out.Warnings = project.CheckVariables("limitResponse", by.LimitResponse())
	return show(out)
}

// previewTier is the tier as the gateway chooses it.
func (c *control) previewTier(p *project.Snapshot, s *ledger.Settings, claimed *string) (*project.Tier, error) {
	name := ""
	if claimed != nil && p.TrustTierHeader {
		name = strings.TrimSpace(*claimed)
	}
	t, err := identity.Tier(p, s, name)
	if err != nil {
		return nil, wrong("body.tier", "is not a tier of the project, which refuses unknown ones")
	}
	return t, nil
}

func previewModel(by *admission.Subject, named *string) string {
	if named != nil {
		return by.SentModel(*named)
	}
	for _, key := range by.Project.AllowedModels {
		if !strings.HasSuffix(key, "*") {
			return key
		}
	}
	return exampleModel
}

// metricOf returns the metric that the call names, else the first one with a limit.
func metricOf(by *admission.Subject, model string, named *limit.Metric) limit.Metric {
	if named != nil {
		return *named
	}
	rules := by.Rules(model)
	for m := range limit.Metric(limit.NumMetrics) {
		if _, ok := rules.Limit(m); ok {
			return m
		}
	}
	return limit.Requests
}

func flat(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		all[strings.ToLower(name)] = strings.Join(h[name], ", ")
	}
	return all
}
