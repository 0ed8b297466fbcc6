package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const csvType = "text/csv; charset=utf-8"

// cellText returns text for a cell of a spreadsheet. Text that a spreadsheet would run gets an apostrophe, and so does text that
// would look like that.
func cellText(text string) string {
	if rest := strings.TrimLeft(text, "'"); rest != "" && strings.ContainsRune("=+-@\t\r", rune(rest[0])) {
		return "'" + text
	}
	return text
}

// table writes the rows of a CSV file, until there are none.
type table func(ctx context.Context, row func(cells ...string) error) error

// download answers with a CSV file that is written as its rows are read. The last line says that it is whole. If the rows
// cannot be read to their end, the connection is cut off, and the line is missing.
func (c *control) download(ctx context.Context, name string, columns []string, rows table) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", csvType)
		out.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		out.SetStatus(http.StatusOK)
		if err := writeCSV(ctx, out.BodyWriter(), columns, rows); err != nil {
			if ctx.Err() == nil {
				c.logFailure(ctx, slog.LevelWarn, "export incomplete", err)
			}
			panic(http.ErrAbortHandler)
		}
	}}
}

func writeCSV(ctx context.Context, to io.Writer, columns []string, rows table) error {
	w := csv.NewWriter(to)
	if err := w.Write(columns); err != nil {
		return err
	}
	n := 0
	err := rows(ctx, func(cells ...string) error {
		n++
		return w.Write(cells)
	})
	if err != nil {
		return err
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	_, err = fmt.Fprintf(to, "# complete %d\n", n)
	return err
}

// identityColumns are the columns of identities.csv, by the members of an Identity.
var identityColumns = []string{"identity", "tier", "requestLimit", "tokenLimit", "costLimitUsd", "requestsPerMinute", "concurrentRequests",
	"modelLimits", "limitResponse", "metadata", "enabled", "giftedTokens", "giftedRequests", "giftedCostUsd", "unlimitedUntil",
	"createdAt", "updatedAt"}

// usageColumns follow them, by the members of its usage.
var usageColumns = []string{"requests", "tokens", "costUsd"}

// cellsOf returns the members of v, as JSON, for cells. A string stands there without quotes; null and {} are empty.
func cellsOf(v any, columns []string) ([]string, error) {
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	cells := make([]string, len(columns))
	for i, name := range columns {
		switch raw := string(members[name]); {
		case raw == "null", raw == "{}":
		case strings.HasPrefix(raw, `"`):
			var s string
			if err := json.Unmarshal(members[name], &s); err != nil {
				return nil, err
			}
			cells[i] = cellText(s)
		default:
			cells[i] = raw
		}
	}
	return cells, nil
}

func (c *control) exports(doc huma.API) {
	register(c, doc, accessRead, huma.Operation{
		OperationID: "exportIdentities", Method: http.MethodGet, Path: exportsPath + "/identities.csv", Tags: []string{identitiesTag},
		Summary: "Export identities",
		Description: "The identities that the filters of the list choose, in the order of their names, as they are when their row is written. The file is " +
			"whole if its last line is # complete, with the number of rows. A text that a spreadsheet would run begins with an apostrophe.",
		Responses: csvFile(strings.Join(append(slices.Clone(identityColumns), usageColumns...), ",") +
			"\nuser-123,pro,500,,,,,,,,true,0,0,0,,2026-11-01T09:30:00Z,2026-11-22T17:05:00Z,9,5120,0.0123\n# complete 1\n"),
	}, example{}, nil, c.exportIdentities)
}

const exportsPath = "/api/projects/{projectId}/exports"

// csvFile describes an answer that is a CSV file.
func csvFile(example string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}, Example: example}}}}
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

// exportPage is how many rows an export has in memory.
const exportPage = 500
