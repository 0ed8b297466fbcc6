package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// fileType is the type of a CSV file, and csvType that of those that are written here.
const fileType, csvType = "text/csv", "text/csv; charset=utf-8"

// cellText returns text for a cell of a spreadsheet. Text that a spreadsheet would run gets an apostrophe, and so does text that
// would look like that.
func cellText(text string) string {
	if rest := strings.TrimLeft(text, "'"); rest != "" && strings.ContainsRune("=+-@\t\r", rune(rest[0])) {
		return "'" + text
	}
	return text
}

// textOf is the inverse of cellText.
func textOf(cell string) string {
	if text, ok := strings.CutPrefix(cell, "'"); ok && cellText(text) == cell {
		return text
	}
	return cell
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
	_, err = fmt.Fprintf(to, "%s%d\n", complete, n)
	return err
}

// complete begins the last line of a file that is whole. The number of rows follows.
const complete = "# complete "

// cellsOf returns the members of v, as JSON, for cells. A string stands there without quotes. Null is an empty cell, and so
// are modelLimits without any.
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
		case raw == "null", raw == "{}" && name == "modelLimits":
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
