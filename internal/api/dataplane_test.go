package api

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

func TestEveryEndpointIsDocumented(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	rest := maps.Clone(doc.OpenAPI().Paths)
	maps.DeleteFunc(rest, func(path string, _ *huma.PathItem) bool { return strings.HasPrefix(path, "/api/") })
	for _, ep := range wire.Endpoints() {
		item := rest[ep.Path]
		if item == nil {
			t.Errorf("%s is not documented", ep.Path)
			continue
		}
		op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post}[ep.Method]
		if op == nil || op.OperationID == "" || op.Summary == "" || len(op.Tags) == 0 || len(op.Security) == 0 {
			t.Errorf("%s %s: no operation, id, summary, tag or security", ep.Method, ep.Path)
			continue
		}
		var params []string
		for _, p := range op.Parameters {
			params = append(params, p.In+":"+p.Name)
		}
		if strings.Contains(ep.Path, "{model}") != slices.Contains(params, "path:model") || !slices.Contains(params, "header:x-identity") ||
			ep.Own() == slices.Contains(params, "header:x-provider") {
			t.Errorf("%s %s: parameters %q", ep.Method, ep.Path, params)
		}
		if got := op.Responses["402"] != nil; got != ep.Metered() {
			t.Errorf("%s %s: a limit refuses it: %t, want %t", ep.Method, ep.Path, got, ep.Metered())
		}
	}
	for _, ep := range wire.Endpoints() {
		delete(rest, ep.Path)
	}
	if len(rest) > 0 {
		t.Errorf("documented, and not served: %q", slices.Sorted(maps.Keys(rest)))
	}
}

// The errors that package wire writes are as documented, each member of them.
func TestErrorsAreDocumentedAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	schemas := doc.OpenAPI().Components.Schemas
	model := "gpt-4o"
	detail := &wire.LimitDetail{Metric: "requests", Scope: "model", Model: &model, Tier: &model, Period: "daily", Limit: "5", Used: "5", Remaining: "0", ResetsAt: time.Now()}
	for d, schema := range map[wire.Dialect]string{wire.OpenAI: "OpenAIError", wire.Anthropic: "AnthropicError", wire.Gemini: "GeminiError"} {
		for name, e := range map[string]wire.Error{
			"bare":   {Status: 503, Code: "unavailable", Message: "m"},
			"limit":  {Status: 429, Code: "limit_exceeded", Message: "m", Param: "p", DocURL: "https://x.example", Limit: detail},
			"lasts":  {Status: 429, Code: "limit_exceeded", Message: "m", Limit: &wire.LimitDetail{Metric: "tokens", Scope: "project", Period: "weekly", Limit: "1", Used: "1", Remaining: "0"}},
			"bursts": {Status: 429, Code: "burst_exceeded", Message: "m", RetryAfter: time.Second},
		} {
			body := e.Body(d, "req_1")
			s := &huma.Schema{Ref: "#/components/schemas/" + schema}
			validate(t, schemas, s, huma.ModeReadFromServer, string(body))
			var v any
			if err := json.Unmarshal(body, &v); err != nil {
				t.Fatal(err)
			}
			wantDocumented(t, schemas, s, name+" "+schema, v)
		}
		for name, res := range doc.OpenAPI().Components.Responses {
			if strings.HasPrefix(name, vendors[d]) {
				media := res.Content[jsonType]
				validate(t, schemas, media.Schema, huma.ModeReadFromServer, string(media.Example.(json.RawMessage)))
			}
		}
	}
}

// wantDocumented reports every member of v, at any depth, that a schema does not name.
func wantDocumented(t *testing.T, schemas huma.Registry, s *huma.Schema, at string, v any) {
	t.Helper()
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			wantDocumented(t, schemas, s.Items, at+"[]", item)
		}
	case map[string]any:
		for name, member := range v {
			if property := s.Properties[name]; property != nil {
				wantDocumented(t, schemas, property, at+"."+name, member)
			} else if s.AdditionalProperties == nil {
				t.Errorf("%s.%s is not documented", at, name)
			}
		}
	}
}

// settingsObjects are the objects of a settings document: a document with a field x in the object, by the object's schema.
var settingsObjects = map[string]string{
	"Settings":         `{"x": 1}`,
	"TierFields":       `{"tiers": {"t": {"x": 1}}}`,
	"ModelLimitFields": `{"modelLimits": {"gpt-4o": {"x": 1}}}`,
	"ProviderFields":   `{"providers": {"own": {"x": 1}}}`,
	"Security":         `{"security": {"x": 1}}`,
	"Override":         `{"prices": {"m": {"x": 1}}}`,
	"FeePrices":        `{"prices": {"m": {"feesUsdPerThousand": {"x": 1}}}}`,
	"AbovePrices":      `{"prices": {"m": {"above": {"x": 1}}}}`,
}

// The settings document has the fields, the choices and the defaults that package project reads.
func TestSettingsAreDocumentedAsTheyAreRead(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	schemas := doc.OpenAPI().Components.Schemas.Map()
	for name, document := range settingsObjects {
		_, err := project.ParseSettings([]byte(document))
		if err == nil {
			t.Fatalf("%s: %s is accepted", name, document)
		}
		_, known, _ := strings.Cut(err.Error(), "known here are ")
		if diff := cmp.Diff(slices.Sorted(maps.Keys(schemas[name].Properties)), strings.Split(known, ", ")); diff != "" {
			t.Errorf("%s (-documented +read):\n%s", name, diff)
		}
		for field, s := range schemas[name].Properties {
			if s.Description == "" {
				t.Errorf("%s.%s is not described", name, field)
			}
			if s.Items != nil && s.Items.Enum != nil {
				s = s.Items
			}
			wrong := strings.Replace(document, `"x": 1`, `"`+field+`": "x"`, 1)
			if name == "Security" && field == "categories" {
				wrong = strings.Replace(document, `"x": 1`, `"`+field+`": ["x"]`, 1)
			}
			_, err := project.ParseSettings([]byte(wrong))
			var choices string
			if err != nil {
				_, choices, _ = strings.Cut(err.Error(), "must be one of ")
				choices, _, _ = strings.Cut(choices, ", not ")
			}
			var enum []string
			for _, value := range s.Enum {
				if value != nil {
					text, _ := json.Marshal(value)
					enum = append(enum, strings.Trim(string(text), `"`))
				}
			}
			if got := strings.Join(enum, ", "); got != choices {
				t.Errorf("%s.%s: the document has the choices %q, the reader %q", name, field, got, choices)
			}
		}
	}
	var defaults map[string]any
	text, err := json.Marshal(project.Default())
	if err == nil {
		err = json.Unmarshal(text, &defaults)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]map[string]any{"Settings": defaults, "Security": defaults["security"].(map[string]any)} {
		for field, value := range object {
			switch value.(type) {
			case bool, float64, string:
				got, _ := json.Marshal(schemas[name].Properties[field].Default)
				if want, _ := json.Marshal(value); string(got) != string(want) {
					t.Errorf("%s.%s has the default %s in the document, want %s", name, field, got, want)
				}
			}
		}
	}
}

// Documents that package project accepts are as documented.
func TestSettingsDocumentsAreAsDocumented(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	files, err := filepath.Glob("../project/testdata/good/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	settings := doc.OpenAPI().Extensions["x-settings"].(*huma.Schema)
	validate(t, doc.OpenAPI().Components.Schemas, settings, huma.ModeWriteToServer, `{"providers": {"own": null}, "security": null, "enforcement": null, "tiers": null}`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, doc.OpenAPI().Components.Schemas, settings, huma.ModeWriteToServer, string(text))
	}
}
