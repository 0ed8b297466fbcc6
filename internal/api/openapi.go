package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	jsonType    = "application/json"
	openAPIPath = "/api/openapi.json"

	bodyTimeout = 30 * time.Second
)

// build mounts every operation and the OpenAPI document.
func build(o Options) (*router, huma.API) {
	rt := &router{control: newControl(o), mux: http.NewServeMux(), large: make(chan struct{}, maxLarge)}
	doc := huma.NewAPI(rt.config(), rt)
	doc.OpenAPI().Components.Responses = problems(doc.OpenAPI().Components.Schemas)
	rt.projects(doc)
	rt.versions(doc)
	rt.audit(doc)
	rt.identities(doc)
	rt.credits(doc)
	rt.usage(doc)
	rt.limits(doc)
	rt.history(doc)
	rt.prompts(doc)
	rt.providers(doc)
	rt.signIn(doc)
	rt.sessions(doc)
	rt.members(doc)
	rt.operations(doc)
	rt.reports(doc)
	rt.security(doc)
	rt.liveEvents(doc)
	rt.exports(doc)
	rt.imports(doc)
	dataPlane(doc.OpenAPI())
	loosen(doc.OpenAPI().Components.Schemas)
	describeSettings(doc.OpenAPI())

	text := sync.OnceValue(func() []byte { // at the first request: most servers never get one, and it takes half of a start
		text, err := json.Marshal(doc.OpenAPI())
		if err != nil {
			panic("api: the OpenAPI document cannot be written: " + err.Error())
		}
		return text
	})
	rt.mux.HandleFunc("GET "+openAPIPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(text())
	})
	return rt, doc
}

func (c *control) config() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	// Both are decimal numbers in JSON, exact in Go.
	registry.RegisterTypeAlias(reflect.TypeFor[project.USD](), reflect.TypeFor[*float64]())
	registry.RegisterTypeAlias(reflect.TypeFor[json.Number](), reflect.TypeFor[float64]())
	format := huma.Format{Marshal: c.marshal, Unmarshal: unmarshal}
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "AI Ratelimit",
				Version: "1",
				Description: "The data plane (/v1, /v1beta) takes requests to models from apps. The control plane (/api) is for servers and for people who have signed in; its errors are " +
					"problem details (RFC 9457) that name the field. The schema Settings is a project's settings document. " +
					"Times are RFC 3339 in UTC, money is USD as a decimal number of at most six places.",
			},
			Tags: []*huma.Tag{{Name: identitiesTag, Description: "The end users of an app: the limits and the usage of each."},
				{Name: projectsTag, Description: "Projects: their settings, the versions of these, secret keys and the audit trail."},
				{Name: limitsTag, Description: "What the limits do: explained, previewed and summed up."},
				{Name: providersTag, Description: "The providers of a project, and their stored keys."},
				{Name: promptsTag, Description: "System prompts that are stored on the server, so that an app's users cannot read or change them."},
				{Name: accountsTag, Description: "Signing in, and the sessions of the signed-in user."},
				{Name: membersTag, Description: "The people who may open a project, and their roles."},
				{Name: reportsTag, Description: "What a project is used for, added up by hour and day."},
				{Name: securityTag, Description: "The guard: what it found, and what it finds in a text."}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{"secretKey": {
					Type: "http", Scheme: "bearer", BearerFormat: "sk_…",
					Description: "The project's secret key, for servers only. It opens its own project.",
				}, "session": {
					Type: "apiKey", In: "cookie", Name: c.cookieName(),
					Description: "The cookie of a person who has signed in. x-role of an operation is the role that the person needs in the project.",
				}, "projectKey": {
					Type: "apiKey", In: "header", Name: "x-project-key",
					Description: "The project's public key (pk_…). It may stand where an SDK puts its API key instead: Authorization, x-api-key, x-goog-api-key or ?key=.",
				}},
			},
			Security: []map[string][]string{{"secretKey": {}}},
		},
		Formats:                      map[string]huma.Format{jsonType: format, "json": format}, // "json" also serves types that end in +json
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
	}
	cfg.AllowAdditionalPropertiesByDefault = true
	return cfg
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

// describeSettings adds the schema of a project's settings document. No operation has it yet, so an extension refers to it.
func describeSettings(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	doc.Extensions = map[string]any{"x-settings": schemas.Schema(reflect.TypeFor[project.Settings](), true, "")}
	byDefault := members(project.Default())
	for name, defaults := range map[string]map[string]any{
		"Settings": byDefault, "Security": members(byDefault["security"]), "TierFields": nil, "ProviderFields": nil,
		"Override": nil, "FeePrices": nil, "AbovePrices": nil, "AliasFields": nil,
	} {
		s := schemas.Map()[name]
		s.AdditionalProperties, s.Required = false, nil // unknown names are refused, absent ones keep their value
		for field, property := range s.Properties {
			switch value := defaults[field].(type) {
			case bool, float64, string:
				property.Default = value
			}
			if field == "modelLimits" { // as a request may have it
				property.AdditionalProperties = schemas.Schema(reflect.TypeFor[modelLimitFields](), true, "")
			}
			if field == "providers" { // null removes one
				of := property.AdditionalProperties.(*huma.Schema)
				property.AdditionalProperties = &huma.Schema{AnyOf: []*huma.Schema{of, {Type: "null"}}}
			}
			// Null stands for the default.
			if property.Ref != "" {
				s.Properties[field] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: property.Ref}, {Type: "null"}}, Description: property.Description}
			}
			if property.Enum != nil {
				property.Enum = append(property.Enum, nil)
			}
			property.Nullable = true
		}
		s.PrecomputeMessages()
	}
}

// members returns the members of v as JSON.
func members(v any) (of map[string]any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &of)
	}
	if err != nil {
		panic("api: the default settings cannot be written: " + err.Error())
	}
	return of
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

// failure is a kind of problem. A problem of its status has one of the codes.
type failure struct {
	codes       []string
	description string
}

// failures are the problems that operations answer with, by status.
var failures = map[int]failure{
	http.StatusBadRequest: {[]string{"invalid_request"}, "The request is not valid. `errors` names the fields."},
	http.StatusUnauthorized: {[]string{"invalid_secret_key", "not_signed_in", "link_used", "link_expired", "address_needed", "code_wrong"},
		"The secret key is missing or wrong, the session has ended, or what was sent to sign in is not good (any more)."},
	http.StatusForbidden: {[]string{"wrong_project", "role_too_small", "session_required", "cross_origin", "wrong_account", "signup_closed"},
		"The secret key opens another project, the session's role in the project is too small, the call needs a session, a page of another site made it, or an invitation is not for the user."},
	http.StatusNotFound: {[]string{"unknown_identity", "unknown_operation", "unknown_project", "unknown_session", "unknown_member", "unknown_prompt", "unknown_provider", "not_found", "unknown_version"},
		"The project does not know the identity (nobody has created it, and it has made no request), the session's user is no member of the project, or nothing is at the path."},
	http.StatusRequestTimeout:  {[]string{"request_timeout"}, "The body did not arrive in time."},
	http.StatusTooManyRequests: {[]string{"too_many_calls"}, "That was too often. `Retry-After` says when to try again."},
	http.StatusConflict: {[]string{"idempotency_key_reused", "count_changed", "unknown_tier", "already_set_up", "already_member", "too_many_members", "last_owner", "too_many_projects", "prompt_exists", "too_many_prompts", "encryption_key_missing"},
		"The call does not fit what there is, as `detail` says. For example: the Idempotency-Key was used for a different request, or the project no longer has the identity's tier and rejects unknown tiers."},
	http.StatusUnprocessableEntity: {[]string{"key_refused", "key_required"},
		"The provider refuses the key, and `test` says why; or a provider moves to another host, and its key must be given again."},
	http.StatusPreconditionFailed:    {[]string{"document_changed"}, "The document has changed since it was read. `current` is the document as it is now."},
	http.StatusPreconditionRequired:  {[]string{"if_match_required"}, "A session must send If-Match with a change."},
	http.StatusRequestEntityTooLarge: {[]string{"request_too_large"}, "The body is too large."},
	http.StatusUnsupportedMediaType:  {[]string{"unsupported_media_type"}, "The body is not of the type that the call takes (JSON, or CSV for an import), or it is compressed."},
	http.StatusInternalServerError:   {[]string{"internal_error"}, "The server has a fault."},
	http.StatusServiceUnavailable: {[]string{"unavailable"}, "The server cannot reach its database, is starting or shutting down, or has no memory left for bodies. " +
		"The change may have been made: send it again with the same Idempotency-Key."},
}

// problems turns the failures into components, so that each is described once.
func problems(r huma.Registry) map[string]*huma.Response {
	schema := r.Schema(reflect.TypeFor[problem](), true, "")
	code := r.Map()["Problem"].Properties["code"]
	code.Examples = nil
	listCodes(code, []string{"method_not_allowed"}) // for calls that match no operation
	out := make(map[string]*huma.Response, len(failures))
	for status, f := range failures {
		example := refuse(status, f.codes[0], "%s", f.description)
		res := &huma.Response{Description: f.description + " `code` is " + strings.Join(f.codes, " or ") + ".", Content: map[string]*huma.MediaType{
			problemType: {Schema: schema, Example: example}}}
		switch status {
		case http.StatusBadRequest:
			example.Errors = []fieldProblem{{"body.tokens", "must be a whole number from 1 to 1000000000000000"}}
			example.Detail = fieldProblems(example.Errors).Error()
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			res.Headers = map[string]*huma.Param{"Retry-After": {
				Description: "The seconds to wait before another try.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		listCodes(code, f.codes)
		out[responseName(status)] = res
	}
	return out
}

// listCodes adds codes to the examples of a schema, in order. They are no enum, because a later version may have more.
func listCodes(schema *huma.Schema, codes []string) {
	for _, code := range codes {
		if !slices.Contains(schema.Examples, any(code)) {
			schema.Examples = append(schema.Examples, code)
		}
	}
	slices.SortFunc(schema.Examples, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
}

func responseName(status int) string { return "Problem" + strconv.Itoa(status) }

// example is a request and its answer, as JSON. The request is a CSV file if the operation declares such a body.
type example struct{ request, response string }

// register mounts an operation that callers with the access may make, and describes it. statuses are its possible
// failures in addition to those of every operation.
func register[I, O any](c *control, doc huma.API, a access, op huma.Operation, ex example, statuses []int,
	handle func(context.Context, *I) (*O, error)) {
	declare(&op, a)
	op.SkipValidateBody = true // decoding checks it strictly
	op.MaxBodyBytes = -1       // the router's http.MaxBytesReader limits it
	op.BodyReadTimeout = bodyTimeout
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	statuses = append(statuses, http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if a != accessOpen {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusTooManyRequests)
	}
	if a.role() != "" {
		statuses = append(statuses, http.StatusNotFound)
	}
	kind := bodyType(&op)
	if ex.request != "" {
		statuses = append(statuses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		if op.RequestBody == nil {
			op.RequestBody = &huma.RequestBody{}
		}
		if kind == jsonType {
			op.RequestBody.Content = map[string]*huma.MediaType{jsonType: {Example: json.RawMessage(ex.request)}}
		}
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
	if kind == fileType { // huma describes it as bytes
		op.RequestBody.Content[fileType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}, Example: ex.request}
	}
}
