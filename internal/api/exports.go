package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

const (
	exportsPath = "/api/projects/{projectId}/exports"

	// exportPage is how many rows an export has in memory, and exportBuckets how many hours or days.
	exportPage, exportBuckets = 500, 24

	aboutFiles = " The file is whole if its last line is # complete, with the number of rows. A text that a spreadsheet would run begins with an apostrophe."
)

var (
	// identityColumns are the columns of identities.csv, by the members of an Identity.
	identityColumns = []string{"identity", "tier", "requestLimit", "tokenLimit", "costLimitUsd", "requestsPerMinute", "concurrentRequests",
		"modelLimits", "limitResponse", "metadata", "enabled", "giftedTokens", "giftedRequests", "giftedCostUsd", "unlimitedUntil",
		"createdAt", "updatedAt"}
	// usageColumns follow them, by the members of its usage.
	usageColumns = []string{"requests", "tokens", "costUsd"}

	auditColumns = []string{"id", "at", "actorKind", "actorId", "actorEmail", "action", "identity", "target", "reason", "changes", "detail", "requestId"}
)

func (c *control) exports(doc huma.API) {
	register(c, doc, accessRead, huma.Operation{
		OperationID: "exportIdentities", Method: http.MethodGet, Path: exportsPath + "/identities.csv", Tags: []string{identitiesTag},
		Summary: "Export identities",
		Description: "The identities that the filters of the list choose, in the order of their names, as they are when their row is written. " +
			"An import takes the file back." + aboutFiles,
		Responses: csvFile(strings.Join(append(slices.Clone(identityColumns), usageColumns...), ",") +
			"\nuser-123,pro,500,,,,,,,,true,0,0,0,,2026-11-01T09:30:00Z,2026-11-22T17:05:00Z,9,5120,0.0123\n# complete 1\n"),
	}, example{}, nil, c.exportIdentities)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "exportUsage", Method: http.MethodGet, Path: exportsPath + "/usage.csv", Tags: []string{reportsTag},
		Summary: "Export usage over time",
		Description: "The usage of the report, with every key of the split: a row for each bucket and each key that has figures in it. Without a split " +
			"there is a row for every bucket." + aboutFiles,
		Responses: csvFile("at,model,requests,tokens,costUsd,refused\n2026-11-22T00:00:00Z,gpt-4o,283,51200,1.204,4\n# complete 1\n"),
	}, example{}, nil, c.exportUsage)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "exportAudit", Method: http.MethodGet, Path: exportsPath + "/audit.csv", Tags: []string{projectsTag},
		Summary:     "Export the audit trail",
		Description: "The changes that the filters of the list choose, the newest first. changes and detail are JSON." + aboutFiles,
		Responses: csvFile(strings.Join(auditColumns, ",") + "\n82,2026-11-22T17:05:00Z,secretKey,7Hq2m4Xc9Rt1Yw3Z,,gift,user-123,user-123,An outage,," +
			"\"{\"\"tokens\"\":10000}\",req_4kq8zt\n# complete 1\n"),
	}, example{}, nil, c.exportAudit)
}

// csvFile describes an answer that is a CSV file.
func csvFile(example string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		fileType: {Schema: &huma.Schema{Type: huma.TypeString}, Example: example}}}}
}

type exportIdentitiesInput struct {
	InProject
	Filter
}

func (c *control) exportIdentities(ctx context.Context, in *exportIdentitiesInput) (*huma.StreamResponse, error) {
	p := projectOf(ctx)
	f, err := in.find(p.Key, c.now())
	if err != nil {
		return nil, err
	}
	f.Limit, f.Uncounted = exportPage, true
	return c.download(ctx, "identities.csv", append(slices.Clone(identityColumns), usageColumns...), func(ctx context.Context, row func(cells ...string) error) error {
		for {
			found, err := c.Ledger.List(ctx, f)
			if err != nil {
				return err
			}
			accounts, err := c.known(ctx, p, found.Names, c.now())
			if err != nil {
				return err
			}
			for i := range accounts {
				cells, err := identityCells(identityOf(&accounts[i]))
				if err == nil {
					err = row(cells...)
				}
				if err != nil {
					return err
				}
			}
			if f.After = found.Next; f.After == "" {
				return nil
			}
		}
	}), nil
}

func identityCells(id Identity) ([]string, error) {
	cells, err := cellsOf(id, identityColumns)
	if err != nil {
		return nil, err
	}
	usage, err := cellsOf(id.Usage, usageColumns)
	return append(cells, usage...), err
}

type exportUsageInput struct {
	InProject
	UsageFilter
	Metric string `query:"metric" enum:"requests,tokens,costUsd,refused" doc:"Only this figure. By default all of them."`
}

func (c *control) exportUsage(ctx context.Context, in *exportUsageInput) (*huma.StreamResponse, error) {
	all, err := in.plan(projectOf(ctx).Key, in.Metric, c.now())
	if err != nil {
		return nil, err
	}
	names := []string{in.Metric}
	if in.Metric == "" {
		names = []string{"requests", "tokens", "costUsd", "refused"}
	}
	columns := []string{"at"}
	if in.Split != "" {
		columns = append(columns, in.Split)
	}
	return c.download(ctx, "usage.csv", append(columns, names...), func(ctx context.Context, row func(cells ...string) error) error {
		for span := all.q.Span; span.From < span.To; span.From += exportBuckets {
			part := all
			part.q.Span = rollup.Span{From: span.From, To: min(span.To, span.From+exportBuckets)}
			of := make([]rollup.Series, len(names))
			for i, name := range names {
				part.q.Figure = figures[name]
				if of[i], err = c.series(ctx, part); err != nil {
					return err
				}
			}
			if err := part.rows(of, names, row); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

// rows writes a row for each bucket and key, with the figures of those names. With a split, a key without figures in a
// bucket has none.
func (pl *usagePlan) rows(of []rollup.Series, names []string, row func(cells ...string) error) error {
	keys := []string{pl.q.Key}
	if pl.split != "" {
		all := map[string]bool{}
		for _, series := range of {
			for key := range series {
				all[key] = true
			}
		}
		keys = slices.Sorted(maps.Keys(all))
	}
	for i := range pl.q.Span.Len() {
		for _, key := range keys {
			cells := []string{pl.at(pl.q.Span.From + int64(i)).Format(time.RFC3339)}
			if pl.split != "" {
				cells = append(cells, cellText(shownName(key)))
			}
			some := pl.split == ""
			for j, series := range of {
				var n int64
				if values := series[key]; values != nil {
					n = values[i]
				}
				some = some || n > 0
				cells = append(cells, numberOf(names[j], n).String())
			}
			if !some {
				continue
			}
			if err := row(cells...); err != nil {
				return err
			}
		}
	}
	return nil
}

type exportAuditInput struct {
	InProject
	AuditFilter
}

func (c *control) exportAudit(ctx context.Context, in *exportAuditInput) (*huma.StreamResponse, error) {
	f, err := in.find(projectOf(ctx).Key)
	if err != nil {
		return nil, err
	}
	f.Limit = exportPage
	return c.download(ctx, "audit.csv", auditColumns, c.auditTable(f)), nil
}

func (c *control) auditTable(f ledger.FindLines) table {
	return func(ctx context.Context, row func(cells ...string) error) error {
		for {
			lines, next, err := c.Records.AuditTrail(ctx, f)
			if err != nil {
				return err
			}
			for i := range lines {
				if err := row(auditCells(&lines[i])...); err != nil {
					return err
				}
			}
			if f.Before = next; next.ID == 0 {
				return nil
			}
		}
	}
}

// auditCells are the cells of a line, in the order of auditColumns. Changes and detail are empty if there are none.
func auditCells(l *ledger.Line) []string {
	cells := []string{strconv.FormatInt(l.ID, 10), l.At.Format(time.RFC3339Nano), string(l.Actor.Kind), l.Actor.ID, l.Actor.Email, l.Action,
		l.Identity, targetOf(l), l.Reason, strings.TrimPrefix(string(l.Changes), "[]"), strings.TrimPrefix(string(l.Detail), "{}"), l.RequestID}
	for i := range cells {
		cells[i] = cellText(cells[i])
	}
	return cells
}
