package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// document is a server's OpenAPI document.
type document struct {
	Security   []map[string][]string
	Paths      map[string]map[string]*operation
	Components struct {
		Schemas   map[string]*schema
		Responses map[string]*response
	}
}

// operation is one call of the control plane.
type operation struct {
	ID          string                `json:"operationId"`
	Security    []map[string][]string // nil is the document's
	Role        string                `json:"x-role"` // the role that a session needs in the project of the path
	Parameters  []parameter
	RequestBody *struct {
		Content map[string]media
	}
	Responses map[string]*response

	Method, Path string
}

type parameter struct {
	Name, In string
	Required bool
	Example  any
	Schema   *schema
}

type media struct {
	Schema  *schema
	Example json.RawMessage
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]media
}

// schema is the part of JSON Schema that the document uses.
type schema struct {
	Ref        string `json:"$ref"`
	AnyOf      []*schema
	OneOf      []*schema
	Properties map[string]*schema
	Items      *schema
	Additional json.RawMessage `json:"additionalProperties"`
	Examples   []any
	Enum       []any
	Type       any
}

// describe reads the document of a server.
func describe(t *testing.T, s *stack.Stack) *document {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL+"/api/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := s.Do(r)
	stack.WantStatus(t, a, http.StatusOK)
	doc := new(document)
	if err := json.Unmarshal([]byte(a.Body), doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations are those of the control plane, in the order of their paths.
func (d *document) operations(t *testing.T) (all []*operation) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		if !strings.HasPrefix(path, "/api/") {
			continue
		}
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := d.Paths[path][method]
			op.Method, op.Path = strings.ToUpper(method), path
			if op.Security == nil {
				op.Security = d.Security
			}
			all = append(all, op)
		}
	}
	if len(all) < 10 {
		t.Fatalf("the document has only %d operations of the control plane", len(all))
	}
	return all
}

func (op *operation) String() string { return op.Method + " " + op.Path }

// takes reports whether callers of a security scheme may make the call.
func (op *operation) takes(scheme string) bool {
	return slices.ContainsFunc(op.Security, func(s map[string][]string) bool { _, ok := s[scheme]; return ok })
}

// ofProject reports whether the call is about one project.
func (op *operation) ofProject() bool { return strings.Contains(op.Path, "{projectId}") }

// streams reports whether the answer is a stream of events.
func (op *operation) streams() bool {
	for _, r := range op.Responses {
		if _, ok := r.Content["text/event-stream"]; ok {
			return true
		}
	}
	return false
}

// body is the schema of the body, and an example; nil without a body.
func (op *operation) body() (*schema, json.RawMessage) {
	if op.RequestBody == nil {
		return nil, nil
	}
	m := op.RequestBody.Content["application/json"]
	return m.Schema, m.Example
}

// file is an example of the CSV file that the call takes, or "".
func (op *operation) file() (example string) {
	if op.RequestBody != nil {
		_ = json.Unmarshal(op.RequestBody.Content["text/csv"].Example, &example)
	}
	return example
}

// at is the schema that a reference leads to.
func (d *document) at(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// answers is the schema of a success, or nil.
func (d *document) answers(op *operation) *schema {
	for status, r := range op.Responses {
		if m, ok := r.Content["application/json"]; ok && status[0] == '2' {
			return m.Schema
		}
	}
	return nil
}

// strict reports whether objects of the schema refuse unknown members; free-form ones and maps of any names do not.
func (s *schema) strict() bool { return string(s.Additional) == "false" }

// each is the schema of the values of a map with any names, or nil.
func (s *schema) each() *schema {
	var of schema
	if json.Unmarshal(s.Additional, &of) != nil || len(s.Additional) < 3 || string(s.Additional) == "{}" {
		return nil
	}
	return &of
}

// fill returns the call's path with values for its parameters.
func (op *operation) fill(value func(name string) string) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value(p.Name))
		}
	}
	return path
}

// query has a value for each parameter that the call needs.
func (op *operation) query() string {
	var all []string
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			value := p.Example
			if value == nil && p.Schema != nil && len(p.Schema.Examples) > 0 {
				value = p.Schema.Examples[0]
			}
			all = append(all, fmt.Sprintf("%s=%v", p.Name, value))
		}
	}
	if all == nil {
		return ""
	}
	return "?" + strings.Join(all, "&")
}
