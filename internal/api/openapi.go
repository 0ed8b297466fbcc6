package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	jsonType    = "application/json"
	openAPIPath = "/api/openapi.json"

	bodyTimeout = 30 * time.Second
)

// build mounts every operation and the OpenAPI document.
func build(o Options) (*router, huma.API) {
	rt := &router{control: &control{o}, mux: http.NewServeMux(), large: make(chan struct{}, maxLarge)}
	doc := humago.New(rt, config())
	doc.OpenAPI().Components.Responses = problems(doc.OpenAPI().Components.Schemas)
	rt.identities(doc)
	rt.credits(doc)
	rt.usage(doc)
	loosen(doc.OpenAPI().Components.Schemas)

	text, err := json.Marshal(doc.OpenAPI())
	if err != nil {
		panic("api: the OpenAPI document cannot be written: " + err.Error())
	}
	rt.mux.HandleFunc("GET "+openAPIPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(text)
	})
	return rt, doc
}

func config() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	// Both are decimal numbers in JSON, exact in Go.
	registry.RegisterTypeAlias(reflect.TypeFor[project.USD](), reflect.TypeFor[*float64]())
	registry.RegisterTypeAlias(reflect.TypeFor[json.Number](), reflect.TypeFor[float64]())
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "AI Ratelimit",
				Version: "1",
				Description: "The control plane. Errors are problem details (RFC 9457) that name the field. " +
					"Times are RFC 3339 in UTC, money is USD as a decimal number of at most six places.",
			},
			Tags: []*huma.Tag{{Name: identitiesTag, Description: "The end users of an app: what each may use and has used."}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{"secretKey": {
					Type: "http", Scheme: "bearer", BearerFormat: "sk_…",
					Description: "The project's secret key, for servers only. It opens its own project.",
				}},
			},
			Security: []map[string][]string{{"secretKey": {}}},
		},
		Formats:                      map[string]huma.Format{jsonType: format, "json": format}, // and what ends in +json
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
	}
	c.AllowAdditionalPropertiesByDefault = true
	return c
}

// loosen allows additional fields in answers, and marks arrays as never null. Requests stay strict by their types.
func loosen(schemas huma.Registry) {
	for _, s := range schemas.Map() {
		if s.AdditionalProperties == true {
			s.AdditionalProperties = nil
		}
		for _, property := range s.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
		}
	}
}

// marshal writes JSON like json.Marshal, but does not escape <, > and &.
func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := marshal(&b, v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// failures are the descriptions of the problems that operations answer with, by status.
var failures = map[int]string{
	http.StatusBadRequest:            "The request is not valid; `errors` names the fields.",
	http.StatusUnauthorized:          "The secret key is missing or wrong.",
	http.StatusForbidden:             "The secret key opens another project.",
	http.StatusNotFound:              "The project has no such identity: it was never created, and has made no request.",
	http.StatusRequestTimeout:        "The body did not arrive in time.",
	http.StatusConflict:              "The state does not allow it, or the Idempotency-Key was used for a different request.",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "The body is not JSON.",
	http.StatusInternalServerError:   "Something went wrong on our side.",
	http.StatusServiceUnavailable:    "The database cannot be reached at the moment. A change may or may not have been made; an Idempotency-Key makes it safe to send it again.",
}

// problems turns the failures into components, so that each is described once.
func problems(r huma.Registry) map[string]*huma.Response {
	schema := r.Schema(reflect.TypeFor[problem](), true, "")
	out := make(map[string]*huma.Response, len(failures))
	for status, description := range failures {
		example := refuse(status, "%s", description)
		res := &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			problemType: {Schema: schema, Example: example}}}
		switch status {
		case http.StatusBadRequest:
			example.Errors = []fieldProblem{{"body.tokens", "must be a whole number from 1 to 1000000000000000"}}
			example.Detail = fieldProblems(example.Errors).Error()
		case http.StatusServiceUnavailable:
			res.Headers = map[string]*huma.Param{"Retry-After": {
				Description: "In how many seconds to try again.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		out[responseName(status)] = res
	}
	return out
}

func responseName(status int) string { return "Problem" + strconv.Itoa(status) }

// example is a request and its answer, as JSON.
type example struct{ request, response string }

// register mounts an operation and describes it. statuses are its possible failures in addition to those of every
// operation.
func register[I, O any](c *control, doc huma.API, op huma.Operation, ex example, statuses []int,
	handle func(context.Context, *I) (*O, error)) {
	op.SkipValidateBody = true // decoding checks it strictly
	op.MaxBodyBytes = -1       // the router's http.MaxBytesReader limits it
	op.BodyReadTimeout = bodyTimeout
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	statuses = append(statuses, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusInternalServerError, http.StatusServiceUnavailable)
	if ex.request != "" {
		statuses = append(statuses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		if op.RequestBody == nil {
			op.RequestBody = &huma.RequestBody{}
		}
		op.RequestBody.Content = map[string]*huma.MediaType{jsonType: {Example: json.RawMessage(ex.request)}}
	}
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + responseName(status)}
	}
	if ex.response != "" {
		op.Responses["200"] = &huma.Response{Description: "OK",
			Content: map[string]*huma.MediaType{jsonType: {Example: json.RawMessage(ex.response)}}}
	}
	huma.Register(doc, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, c.problemOf(ctx, err)
		}
		return out, nil
	})
}
