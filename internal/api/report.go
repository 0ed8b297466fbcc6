package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// Reports reads what was added up of usage. It never reads the ledger's rows.
type Reports interface {
	Overview(ctx context.Context, project string, hours, parts int, now time.Time) (rollup.Overview, error)
	Series(ctx context.Context, q rollup.SeriesQuery) (rollup.Series, error)
	Refusals(ctx context.Context, project string, hours rollup.Span,
		do func(hour int64, code, metric, model, tier string, refused int64)) error
	Top(ctx context.Context, q rollup.TopQuery) (rollup.TopList, error)
	Models(ctx context.Context, project string, days rollup.Span) (models []rollup.ModelSeen, total int64, err error)
	Near(ctx context.Context, q rollup.NearQuery) ([]rollup.NearLimit, error)
	CountNear(ctx context.Context, project string, threshold float64, now time.Time, most int) (int64, error)
	First(ctx context.Context, project string) (rollup.First, error)
	SecurityEvents(ctx context.Context, q rollup.SecurityQuery) ([]rollup.SecurityEvent, rollup.SecurityPosition, error)
	SecurityCounts(ctx context.Context, project string, hours rollup.Span) ([]rollup.SecurityCount, error)
}

const (
	reportsTag  = "reports"
	projectPath = "/api/projects/{projectId}"
)

// Fresh is the parameter of reports: a caller that has the report sends its ETag.
type Fresh struct {
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of the report that you have. The answer is 304 if it is still the same."`
}

// report is the answer of an operation that adds figures up.
type report[T any] struct {
	Status int
	ETag   string `header:"ETag" doc:"Changes with the figures."`
	Body   stored[T]
}

// reportOf answers with v. tagged is the part of it that an ETag stands for: all but the time of the answer.
func reportOf[T any](known Fresh, v T, tagged any) (*report[T], error) {
	figures, err := encode(tagged)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(figures)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	for have := range strings.SplitSeq(known.IfNoneMatch, ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == tag || have == "*" {
			return &report[T]{Status: http.StatusNotModified, ETag: tag}, nil
		}
	}
	text, err := encode(v)
	return &report[T]{http.StatusOK, tag, stored[T]{text}}, err
}

// reportFigures are the figures of an overview.
type reportFigures struct {
	Requests         int64       `json:"requests"`
	Tokens           int64       `json:"tokens"`
	CostUSD          json.Number `json:"costUsd"`
	Refused          int64       `json:"refused" doc:"Requests that the gateway has refused, for whatever reason."`
	ActiveIdentities int64       `json:"activeIdentities" doc:"Identities with usage. The number is about 1 % exact."`
	NewIdentities    int64       `json:"newIdentities" doc:"Identities that did not exist before."`
}

func figuresOf(p rollup.Period) reportFigures {
	return reportFigures{p.Sums[limit.Requests], p.Sums[limit.Tokens], ledger.Figure(limit.Cost, p.Sums[limit.Cost]), p.Refused,
		p.Active, p.Created}
}

// timeRange is a range of time: from is in it, to is not.
type timeRange struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// sparks are the figures of an overview in equal parts of its time, the oldest first.
type sparks struct {
	Requests []int64       `json:"requests"`
	Tokens   []int64       `json:"tokens"`
	CostUSD  []json.Number `json:"costUsd"`
	Refused  []int64       `json:"refused"`
}

// Overview is the figures of the last hours, beside those before.
type Overview struct {
	AsOf        time.Time     `json:"asOf" doc:"The time of the report. Usage of the last seconds may be missing."`
	Range       timeRange     `json:"range" doc:"The hours of now."`
	ComparedTo  timeRange     `json:"comparedTo" doc:"The hours of before: as many, directly before the others."`
	Now         reportFigures `json:"now"`
	Before      reportFigures `json:"before"`
	Spark       sparks        `json:"spark"`
	NearLimit   int64         `json:"nearLimit" doc:"How often an identity has used 80 % of a limit or more. At most 1000 are counted."`
	LastRequest *time.Time    `json:"lastRequestAt" doc:"The last request that was admitted. Null: there was none."`
}

// ranges are the hours of each range, and in how many parts they are shown.
var ranges = map[string]struct{ hours, parts int }{
	"24h": {24, 24}, "7d": {7 * 24, 28}, "30d": {30 * 24, 30}, "90d": {90 * 24, 30},
}

const (
	// nearThreshold is the used part of a limit from which on it is near, and mostNear how many near limits are counted.
	nearThreshold, mostNear = 0.8, 1000
)

const someFigures = `{"requests": 482, "tokens": 193000, "costUsd": 4.127, "refused": 12, "activeIdentities": 31, "newIdentities": 2}`

// reports mounts the reports. All may be read with the secret key and by every member; live only by members.
func (c *control) reports(doc huma.API) {
	tags := []string{reportsTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "getOverview", Method: http.MethodGet, Path: projectPath + "/overview", Tags: tags,
		Summary:     "Read the figures of the last hours",
		Description: "The figures of the last 24 hours, or 7, 30 or 90 days, up to and including the running hour, and of as many hours before.",
	}, example{response: `{"asOf": "2026-11-22T12:34:56Z", "range": {"from": "2026-11-21T13:00:00Z", "to": "2026-11-22T13:00:00Z"}, ` +
		`"comparedTo": {"from": "2026-11-20T13:00:00Z", "to": "2026-11-21T13:00:00Z"}, "now": ` + someFigures + `, "before": ` + someFigures + `, ` +
		`"spark": {"requests": [482], "tokens": [193000], "costUsd": [4.127], "refused": [12]}, "nearLimit": 3, "lastRequestAt": "2026-11-22T12:34:50Z"}`},
		nil, c.overview)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getUsageOverTime", Method: http.MethodGet, Path: projectPath + "/usage", Tags: tags,
		Summary: "Read usage over time",
		Description: "Each bucket is an hour or a day in UTC, and has a value for each of keys. The first eight keys are shown, and all others as \"other\". " +
			"A range has at most 8 days by hour, and 400 by day. A filter shows one model, tier, outcome or code. " +
			"With metric=refused a filter may be combined with another split, over at most 31 days.",
	}, example{response: `{"asOf": "2026-11-22T12:34:56Z", "from": "2026-11-22T11:00:00Z", "to": "2026-11-22T13:00:00Z", "by": "hour", "metric": "requests", ` +
		`"keys": ["gpt-4o", "gpt-4o-mini"], "buckets": [{"at": "2026-11-22T11:00:00Z", "values": [203, 410]}, {"at": "2026-11-22T12:00:00Z", "values": [80, 0]}], ` +
		`"totals": [283, 410]}`}, nil, c.usageOverTime)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getTopUsage", Method: http.MethodGet, Path: projectPath + "/usage/top", Tags: tags,
		Summary: "Read the largest of usage",
		Description: "The identities, models or tiers with the most usage of some days, or the identities with the most refused requests. " +
			"complete is false if not all names could be kept apart: then a name may be missing, and figures may be too low.",
	}, example{response: `{"asOf": "2026-11-22T12:34:56Z", "from": "2026-11-16T00:00:00Z", "to": "2026-11-23T00:00:00Z", ` +
		`"items": [{"key": "user-77", "requests": 120, "tokens": 50211, "costUsd": 3.1, "share": 0.07}], "complete": true}`}, nil, c.topUsage)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "listNearLimits", Method: http.MethodGet, Path: projectPath + "/limits/near", Tags: tags,
		Summary:     "List limits that are nearly used up",
		Description: "Each item was checked in the identity's account: a gift, a reset or another limit since its last request counts.",
	}, example{response: `{"asOf": "2026-11-22T12:34:56Z", "items": [{"identity": "user-1", "tier": "free", "metric": "requests", "scope": "model", "model": "gpt-4o", ` +
		`"limit": 5, "used": 5, "remaining": 0, "resetsAt": "2026-11-23T00:00:00Z"}]}`}, nil, c.nearLimits)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "listModels", Method: http.MethodGet, Path: projectPath + "/models", Tags: tags,
		Summary:     "List models",
		Description: "The models with usage in the last 30 days, the most used first, then models that the project may use.",
	}, example{response: `{"asOf": "2026-11-22T12:34:56Z", "items": [{"model": "gpt-4o", "provider": "openai", "lastSeenAt": "2026-11-22T12:00:00Z", "requests30d": 9120, ` +
		`"share": 0.38, "priced": true, "limitedBy": ["modelLimits.gpt-4o", "tiers.pro.requestLimit"]}]}`}, nil, c.models)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getFirstRequest", Method: http.MethodGet, Path: projectPath + "/first-request", Tags: tags,
		Summary:     "Read whether the first request has come",
		Description: "rejected is the last request that was refused, with what to do about it, until the first one was admitted.",
	}, example{response: `{"at": null, "rejected": {"at": "2026-11-22T12:34:56Z", "code": "missing_identity", "message": "Name the end user: -H 'x-identity: me'."}}`},
		nil, c.firstRequest)
	rejected := doc.OpenAPI().Components.Schemas.Map()["FirstRequest"].Properties["rejected"]
	*rejected = huma.Schema{AnyOf: []*huma.Schema{{Ref: rejected.Ref}, {Type: "null"}}, Description: rejected.Description}
}

type overviewInput struct {
	InProject
	Fresh
	Range string `query:"range" enum:"24h,7d,30d,90d" default:"24h" doc:"The time of the figures."`
}

func (c *control) overview(ctx context.Context, in *overviewInput) (*report[Overview], error) {
	project, now, r := projectOf(ctx).Key, c.now(), ranges[in.Range]
	o, err := c.Reports.Overview(ctx, project, r.hours, r.parts, now)
	if err != nil {
		return nil, err
	}
	near, err := c.Reports.CountNear(ctx, project, nearThreshold, now, mostNear)
	if err != nil {
		return nil, err
	}
	to := ledger.HourTime(ledger.HourOf(now) + 1)
	from := to.Add(-time.Duration(r.hours) * time.Hour)
	out := Overview{Range: timeRange{from, to}, ComparedTo: timeRange{from.Add(from.Sub(to)), from},
		Now: figuresOf(o.Now), Before: figuresOf(o.Before), Spark: sparksOf(o.Spark), NearLimit: near, LastRequest: whenSet(o.LastRequest)}
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

func sparksOf(all []rollup.Figures) sparks {
	var s sparks
	for _, f := range all {
		s.Requests, s.Tokens = append(s.Requests, f.Sums[limit.Requests]), append(s.Tokens, f.Sums[limit.Tokens])
		s.CostUSD, s.Refused = append(s.CostUSD, ledger.Figure(limit.Cost, f.Sums[limit.Cost])), append(s.Refused, f.Refused)
	}
	return s
}

// whenSet returns nil for the zero time.
func whenSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// FirstRequest says whether a project's first request has come.
type FirstRequest struct {
	At       *time.Time     `json:"at" doc:"The first request that was admitted. Null: none yet."`
	Rejected *FirstRejected `json:"rejected" doc:"The last refused request. Null: none, or a request was admitted."`
}

// FirstRejected is a refused request and what to do about it.
type FirstRejected struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code" doc:"The error code of docs/errors.md."`
	Message string    `json:"message" doc:"What to do."`
}

type firstRequestInput struct {
	InProject
	Fresh
}

func (c *control) firstRequest(ctx context.Context, in *firstRequestInput) (*report[FirstRequest], error) {
	f, err := c.Reports.First(ctx, projectOf(ctx).Key)
	if err != nil {
		return nil, err
	}
	out := FirstRequest{At: whenSet(f.At)}
	if f.At.IsZero() && !f.RefusedAt.IsZero() {
		out.Rejected = &FirstRejected{f.RefusedAt, f.Code, live.Advice(f.Code)}
	}
	return reportOf(in.Fresh, out, out)
}
