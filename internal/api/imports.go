package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	importsPath = "/api/projects/{projectId}/imports"

	maxImported = 100_000 // rows of a file
	mostInvalid = 1000    // problems that a dry run lists
)

// ImportPreview says what an import would do.
type ImportPreview struct {
	Rows      int          `json:"rows"`
	Create    int          `json:"create" doc:"How many identities are new."`
	Update    int          `json:"update" doc:"How many identities would change."`
	Unchanged int          `json:"unchanged" doc:"How many identities are already as their row says."`
	Invalid   []invalidRow `json:"invalid" doc:"What is wrong with the other rows: the first 1000 problems."`
	Ignored   []string     `json:"ignored" doc:"Columns of an export that cannot be set, such as usage and credits. They are passed over."`
}

// invalidRow is a problem of a row.
type invalidRow struct {
	Line    int    `json:"line" doc:"The line of the file, from 1."`
	Column  string `json:"column" doc:"The name of the column. Empty: the row as a whole."`
	Message string `json:"message" doc:"What is wrong, and what is right."`
}

func (r invalidRow) location() string {
	if r.Column == "" {
		return fmt.Sprintf("line %d", r.Line)
	}
	return fmt.Sprintf("line %d, %s", r.Line, r.Column)
}

const (
	aFile     = "identity,tier,requestLimit,metadata\nuser-123,,500,\"{\"\"plan\"\": \"\"pro-2026\"\"}\"\n"
	aPreview  = `{"rows": 3, "create": 1, "update": 1, "unchanged": 0, "invalid": [{"line": 4, "column": "tier", "message": "is not a tier of the project; there are free, pro"}], "ignored": []}`
	importDoc = "The first line of the file names its columns: identity, and any of the fields of an identity that can be set. modelLimits, limitResponse and " +
		"metadata are JSON. An empty cell is null: the field inherits. A column that is not there leaves its field as it is. Columns of an export that cannot be set are passed over, any other " +
		"column is refused. The answer is that of an operation, which changes the identities in the background; rows that change nothing leave no trace. " +
		"If a row is not valid, nothing is imported, and errors name the line and the column. With mode=each such rows are left out. " +
		"A dry run says what would happen. A file has at most 100,000 rows, and MAX_BODY_MB (32 MB by default)."
)

func (c *control) imports(doc huma.API) {
	register(c, doc, accessChange, huma.Operation{
		OperationID: "importIdentities", Method: http.MethodPost, Path: importsPath, Tags: []string{identitiesTag},
		Summary: "Import identities from a CSV file", Description: importDoc,
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{fileType: {}}},
		Responses: map[string]*huma.Response{"202": started(doc), "200": {Description: "The answer of a dry run", Content: map[string]*huma.MediaType{jsonType: {
			Schema: stored[ImportPreview]{}.Schema(doc.OpenAPI().Components.Schemas), Example: json.RawMessage(aPreview)}}}},
	}, example{request: aFile}, []int{http.StatusConflict}, c.importIdentities)
}

type importInput struct {
	InProject
	Once
	Dry
	Reasoned
	Mode    string `query:"mode" enum:"all,each" default:"all" doc:"all: all rows or none. each: every row that is valid."`
	RawBody []byte `contentType:"text/csv"`
}

func (c *control) importIdentities(ctx context.Context, in *importInput) (*answer[any], error) {
	p := projectOf(ctx)
	preview, invalid, err := c.previewImport(ctx, p, in.RawBody, in.DryRun)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return show[any](preview)
	}
	if len(invalid) > 0 && in.Mode == "all" {
		var ps fieldProblems
		for _, r := range preview.Invalid[:min(len(preview.Invalid), maxProblems)] {
			ps = append(ps, fieldProblem{r.location(), r.Message})
		}
		return nil, ps
	}
	each := func(_ context.Context, do func(items []json.RawMessage) error) error {
		file, err := newImportFile(p, in.RawBody)
		if err != nil {
			return err
		}
		return file.batches(func(rows []importRow) error {
			var items []json.RawMessage
			for _, r := range rows {
				if !invalid[r.number] {
					items = append(items, r.item)
				}
			}
			return do(items)
		})
	}
	d := operation.Definition{Action: importAction, Reason: in.Reason}
	begun, err := c.start(ctx, in.of("import", in.Mode+" "+in.Reason, in.RawBody), d, each, nil)
	if err != nil {
		return nil, err
	}
	return &answer[any]{begun.Status, stored[any]{begun.Body.RawMessage}}, nil
}

// previewImport reads a file, and says what is wrong with it and which rows are not valid, by their numbers. With all it also says
// what the others would do.
func (c *control) previewImport(ctx context.Context, p *project.Snapshot, data []byte, all bool) (ImportPreview, map[int]bool, error) {
	out := ImportPreview{Invalid: []invalidRow{}, Ignored: []string{}}
	invalid := map[int]bool{}
	note := func(r importRow, problems ...invalidRow) {
		invalid[r.number] = true
		out.Invalid = append(out.Invalid, problems[:min(len(problems), mostInvalid-len(out.Invalid))]...)
	}
	file, err := newImportFile(p, data)
	if err != nil {
		return out, nil, err
	}
	out.Ignored = append(out.Ignored, file.ignored...)
	err = file.batches(func(rows []importRow) error {
		accounts, err := c.accountsOfRows(ctx, p, rows, all)
		if err != nil {
			return err
		}
		out.Rows += len(rows)
		for _, r := range rows {
			if len(r.problems) > 0 {
				note(r, r.problems...)
				continue
			}
			a := accounts[r.change.identity]
			if err := r.change.check(&a); err != nil {
				note(r, invalidRow{r.line, "identity", problemsOf(err)[0].Message})
				continue
			}
			switch {
			case !a.Known:
				out.Create++
			case r.change.changes(&a):
				out.Update++
			default:
				out.Unchanged++
			}
		}
		return nil
	})
	return out, invalid, err
}

// accountsOfRows returns the known accounts of rows by their names: of all, or only of those that could not be created.
func (c *control) accountsOfRows(ctx context.Context, p *project.Snapshot, rows []importRow, all bool) (map[string]ledger.Account, error) {
	var names []string
	for _, r := range rows {
		if len(r.problems) == 0 && (all || checkNew(r.change.identity) != nil) {
			names = append(names, r.change.identity)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	known, err := c.known(ctx, p, names, c.now())
	if err != nil {
		return nil, err
	}
	of := make(map[string]ledger.Account, len(known))
	for _, a := range known {
		of[a.Key.Identity] = a
	}
	return of, nil
}

// importFile reads the rows of a file of identities, one after the other.
type importFile struct {
	p       *project.Snapshot
	cells   *csv.Reader
	columns []string // "" for those that are passed over
	ignored []string
	lines   map[string]int // where each identity is
	rows    int
}

// importRow is a row as the item of an operation, or its problems.
type importRow struct {
	number   int // from 1
	line     int // where its identity is
	item     json.RawMessage
	change   *settingsChange
	problems []invalidRow
}

// newImportFile reads the names of the columns. The error is fieldProblems.
func newImportFile(p *project.Snapshot, data []byte) (*importFile, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at := firstInvalid(data); at >= 0 {
		return nil, wrong(fmt.Sprintf("line %d", 1+bytes.Count(data[:at], []byte("\n"))), "is not UTF-8; save the file as CSV in UTF-8")
	}
	f := &importFile{p: p, cells: csv.NewReader(bytes.NewReader(data)), lines: map[string]int{}}
	f.cells.FieldsPerRecord, f.cells.ReuseRecord = -1, true
	names, err := f.cells.Read()
	if errors.Is(err, io.EOF) {
		return nil, wrong("line 1", "is missing; it names the columns: identity, and others")
	}
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, fieldProblems{{invalidRow{Line: bad.StartLine}.location(), misquoted(bad)}}
	}
	line, _ := f.cells.FieldPos(0)
	if ps := f.readColumns(line, names); len(ps) > 0 {
		return nil, ps[:min(len(ps), maxProblems)]
	}
	return f, nil
}

// firstInvalid returns where the first byte is that is not UTF-8, or -1.
func firstInvalid(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for at := 0; ; {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
}

func misquoted(err *csv.ParseError) string {
	return fmt.Sprintf(`has a quote (") that is out of place, near character %d of line %d; put the cell into quotes, and double those in it`, err.Column, err.Line)
}

func (f *importFile) readColumns(line int, names []string) (ps fieldProblems) {
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		return fieldProblems{{invalidRow{Line: line}.location(), "does not separate the columns by commas; save the file with commas"}}
	}
	known := (&settingsChange{}).fields(f.p)
	known["identity"] = nil
	for i, name := range names {
		name = strings.TrimSpace(name)
		problem := ""
		switch {
		case name == "":
			name, problem = fmt.Sprintf("column %d", i+1), "has no name"
		case slices.Contains(f.columns, name), slices.Contains(f.ignored, name):
			problem = "is there twice; leave one out"
		case importCells[name] != nil:
			f.columns = append(f.columns, name)
		case slices.Contains(identityColumns, name), slices.Contains(usageColumns, name):
			f.columns, f.ignored = append(f.columns, ""), append(f.ignored, name)
		default:
			problem = known.Unknown(name).Error()
		}
		if problem != "" {
			ps = append(ps, fieldProblem{invalidRow{line, document.Join("", name), ""}.location(), problem})
		}
	}
	if len(ps) == 0 && !slices.Contains(f.columns, "identity") {
		ps = fieldProblems{{invalidRow{Line: line}.location(), "has no column identity"}}
	}
	return ps
}

// batches calls do for each batch of rows. The error is that of do, or fieldProblems if there are too many rows.
func (f *importFile) batches(do func(rows []importRow) error) error {
	var rows []importRow
	for {
		row, err := f.next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if !end {
			rows = append(rows, row)
		}
		if len(rows) > 0 && (end || len(rows) == operation.BatchSize) {
			if err := do(rows); err != nil {
				return err
			}
			rows = nil
		}
		if end {
			return nil
		}
	}
}

// next returns the next row, or io.EOF.
func (f *importFile) next() (row importRow, err error) {
	cells, err := f.cells.Read()
	for err == nil && f.idle(cells) {
		cells, err = f.cells.Read()
	}
	bad, ok := errors.AsType[*csv.ParseError](err)
	if err != nil && !ok {
		return row, err
	}
	if f.rows++; f.rows > maxImported {
		return row, wrong("body", "has more than %d rows; split it into several files", maxImported)
	}
	row.number = f.rows
	if ok {
		row.problems = []invalidRow{{bad.StartLine, "", misquoted(bad)}}
		return row, nil
	}
	f.read(&row, cells)
	return row, nil
}

var lastLine = regexp.MustCompile("^" + complete + "[0-9]+$")

// idle reports whether a row has nothing in it, or is the last line of an export.
func (f *importFile) idle(cells []string) bool {
	only := ""
	for _, cell := range cells {
		if strings.TrimSpace(cell) == "" {
			continue
		}
		if only != "" {
			return false
		}
		only = cell
	}
	return only == "" || len(f.columns) > 1 && lastLine.MatchString(only)
}

// read makes an item of the cells of a row.
func (f *importFile) read(row *importRow, cells []string) {
	row.line, _ = f.cells.FieldPos(0)
	if len(cells) != len(f.columns) {
		row.problems = []invalidRow{{row.line, "", fmt.Sprintf("must have %d cells, as the first line has, not %d", len(f.columns), len(cells))}}
		return
	}
	lines := map[string]int{}
	item := map[string]json.RawMessage{}
	for i, name := range f.columns {
		if name == "" {
			continue
		}
		lines[name], _ = f.cells.FieldPos(i)
		value, err := importCells[name](textOf(cells[i]))
		if err != nil {
			row.problems = append(row.problems, invalidRow{lines[name], name, err.Error()})
			continue
		}
		item[name] = value
	}
	row.line = lines["identity"]
	row.item, _ = encode(item) // of checked JSON
	var ps fieldProblems
	row.change, ps = readRow(f.p, row.item)
	for _, p := range ps {
		name, message := columnOf(p)
		row.problems = append(row.problems, invalidRow{cmp.Or(lines[name], row.line), name, message})
	}
	slices.SortStableFunc(row.problems, func(a, b invalidRow) int {
		return cmp.Compare(slices.Index(f.columns, a.Column), slices.Index(f.columns, b.Column))
	})
	name := row.change.identity
	if first, twice := f.lines[name]; twice && name != "" {
		row.problems = append(row.problems, invalidRow{row.line, "identity", fmt.Sprintf("is that of line %d too", first)})
		return
	}
	f.lines[name] = row.line
}

// columnOf returns the column of a problem of a row, and the problem with the place in the cell.
func columnOf(p fieldProblem) (name, message string) {
	name = strings.TrimPrefix(p.Location, "row.")
	if end := strings.IndexAny(name, ".["); end >= 0 {
		return name[:end], strings.TrimPrefix(name[end:], ".") + ": " + p.Message
	}
	return name, p.Message
}

// importCells read the text of a cell as JSON, by the names of columns. An empty cell is null.
var importCells = func() map[string]func(text string) (json.RawMessage, error) {
	of := map[string]func(string) (json.RawMessage, error){
		"identity": textCell, "tier": nullOr(textCell), "reason": nullOr(textCell), "enabled": nullOr(toggleCell),
		"limitResponse": nullOr(jsonCell), "metadata": nullOr(jsonCell),
	}
	for name := range levelFields {
		of[name] = nullOr(numberCell)
	}
	of["modelLimits"] = nullOr(jsonCell)
	return of
}()

func nullOr(read func(text string) (json.RawMessage, error)) func(string) (json.RawMessage, error) {
	return func(text string) (json.RawMessage, error) {
		if text = strings.TrimSpace(text); text == "" {
			return json.RawMessage("null"), nil
		}
		return read(text)
	}
}

func textCell(text string) (json.RawMessage, error) { return encode(text) }

// toggleCell reads true and false, also as spreadsheets write them.
func toggleCell(text string) (json.RawMessage, error) {
	if lower := strings.ToLower(text); lower == "true" || lower == "false" {
		return json.RawMessage(lower), nil
	}
	return encode(text)
}

// numberCell reads a number. Another text stays a text, which the field then refuses.
func numberCell(text string) (json.RawMessage, error) {
	if json.Valid([]byte(text)) && strings.Contains("-0123456789", text[:1]) {
		return json.RawMessage(text), nil
	}
	return encode(text)
}

func jsonCell(text string) (json.RawMessage, error) {
	v, err := document.Parse("", []byte(text))
	if field, ok := errors.AsType[*document.FieldError](err); ok {
		if field.Path != "" {
			return nil, err
		}
		return nil, errors.New(field.Problem)
	}
	return v.Raw(), err
}
