package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// refusals are the codes of the data plane's errors, by status.
var refusals = map[int][]string{
	http.StatusBadRequest: {"invalid_request", "missing_identity", "invalid_identity", "unknown_model", "unknown_tier", "unknown_system_prompt",
		"key_provider_mismatch", "unpriced_model", "unbounded_cost", "unsupported_parameter"},
	http.StatusUnauthorized:          {"missing_project_key", "invalid_project_key", "missing_provider_key", "secret_key_in_app"},
	http.StatusPaymentRequired:       {"limit_exceeded"},
	http.StatusForbidden:             {"identity_disabled", "model_not_allowed", "origin_not_allowed", "limit_exceeded", "security_blocked"},
	http.StatusNotFound:              {"unsupported_endpoint", "unknown_model"},
	http.StatusRequestEntityTooLarge: {"request_too_large"},
	http.StatusTooManyRequests:       {"limit_exceeded", "burst_exceeded", "concurrency_exceeded", "provider_limited"},
	http.StatusInternalServerError:   {"internal_error"},
	http.StatusBadGateway:            {"provider_unreachable", "provider_auth_failed", "provider_refused"},
	http.StatusServiceUnavailable:    {"unavailable"},
	http.StatusGatewayTimeout:        {"provider_timeout"},
}

// openAIError describes an error in OpenAI's dialect.
type openAIError struct {
	Error errorObject `json:"error"`
}

// anthropicError describes an error in Anthropic's dialect.
type anthropicError struct {
	Type      string      `json:"type" enum:"error"`
	Error     errorObject `json:"error"`
	RequestID string      `json:"request_id" doc:"The same as the header x-request-id."`
}

// errorObject is the error in OpenAI's and in Anthropic's dialect. A limit response may add members.
type errorObject struct {
	Message string        `json:"message" doc:"What is wrong, and what to do about it."`
	Type    string        `json:"type" doc:"The vendor's own name for the status."`
	Param   *string       `json:"param,omitempty" nullable:"true" doc:"The field that is wrong. OpenAI's dialect only."`
	Code    string        `json:"code" doc:"The cause, for programs: a code of docs/errors.md. A later version may have more."`
	Details *errorDetails `json:"details,omitempty" doc:"The code once more. Anthropic's dialect only."`
	DocURL  string        `json:"doc_url,omitempty" doc:"The page that explains the code. Absent unless the server has PUBLIC_DOCS_URL."`
	Limit   *errorLimit   `json:"limit,omitempty" doc:"The limit that refused, of limit_exceeded."`
}

type errorDetails struct {
	Code string `json:"error_code"`
}

// errorLimit is the limit that refused a request.
type errorLimit struct {
	Metric    string     `json:"metric" enum:"requests,tokens,costUsd"`
	Scope     string     `json:"scope" enum:"identity,tier,project,model" doc:"The level that set the limit."`
	Model     *string    `json:"model" doc:"The model, if the limit is a model's."`
	Tier      *string    `json:"tier" doc:"The tier of the identity."`
	Period    string     `json:"period" enum:"hourly,daily,weekly,monthly"`
	Limit     float64    `json:"limit"`
	Used      float64    `json:"used"`
	Remaining float64    `json:"remaining"`
	ResetsAt  *time.Time `json:"resetsAt" doc:"The end of the period. Null if waiting does not help."`
}

// geminiError describes an error in Gemini's dialect.
type geminiError struct {
	Error geminiErrorObject `json:"error"`
}

type geminiErrorObject struct {
	Message string         `json:"message" doc:"What is wrong, and what to do about it."`
	Code    int            `json:"code" doc:"The HTTP status."`
	Status  string         `json:"status" doc:"Google's own name for the status."`
	Details []geminiDetail `json:"details" doc:"First an ErrorInfo. A RetryInfo or a QuotaFailure may follow."`
}

type geminiDetail struct {
	Type       string            `json:"@type" example:"type.googleapis.com/google.rpc.ErrorInfo"`
	Reason     string            `json:"reason,omitempty" doc:"The code in upper case."`
	Domain     string            `json:"domain,omitempty" doc:"The maker of the error: airatelimit."`
	Metadata   map[string]string `json:"metadata,omitempty" doc:"As text: param, doc_url, the members of limit (limit.used), and the fields of the limit response."`
	RetryDelay string            `json:"retryDelay,omitempty" doc:"The wait before another try." example:"2.5s"`
	Violations []geminiQuota     `json:"violations,omitempty" doc:"The quotas that are used up."`
}

type geminiQuota struct {
	Description string `json:"description"`
	QuotaID     string `json:"quotaId" example:"requestsPerDay"`
}

// errorTypes are the types that describe the errors of the dialects.
var errorTypes = [wire.NumDialects]reflect.Type{
	wire.OpenAI: reflect.TypeFor[openAIError](), wire.Anthropic: reflect.TypeFor[anthropicError](), wire.Gemini: reflect.TypeFor[geminiError](),
}

// vendors are the tags of the data plane.
var vendors = [wire.NumDialects]string{wire.OpenAI: "OpenAI", wire.Anthropic: "Anthropic", wire.Gemini: "Gemini"}

// summaries describe the operations of the data plane in one line each.
var summaries = [wire.NumOperations]string{
	wire.ChatCompletions:       "Chat with a model of any provider",
	wire.Completions:           "Complete a text",
	wire.Responses:             "Get a response",
	wire.Embeddings:            "Make embeddings",
	wire.Moderations:           "Classify content",
	wire.ImageGenerations:      "Make images",
	wire.ImageEdits:            "Edit images",
	wire.Speech:                "Turn text into speech",
	wire.Transcriptions:        "Transcribe a recording",
	wire.Translations:          "Translate a recording",
	wire.CountResponseTokens:   "Count the input tokens of a response",
	wire.CompactResponse:       "Compact a conversation",
	wire.Messages:              "Chat with a model",
	wire.CountMessageTokens:    "Count the input tokens of a message",
	wire.GenerateContent:       "Chat with a model",
	wire.StreamGenerateContent: "Chat with a model, streamed",
	wire.CountTokens:           "Count tokens",
	wire.EmbedContent:          "Make an embedding",
	wire.BatchEmbedContents:    "Make several embeddings",
	wire.ListModels:            "List the models that the project allows",
	wire.GetModel:              "Read a model that the project allows",
	wire.OwnUsage:              "Read the caller's limits and usage",
}

// dataPlane describes the endpoints that the gateway serves. Package wire lists them.
func dataPlane(doc *huma.OpenAPI) {
	for d, name := range vendors {
		describeRefusals(doc.Components, wire.Dialect(d))
		doc.Tags = append(doc.Tags, &huma.Tag{Name: name, Description: "Requests as " + name + "'s SDKs send them. The body goes to the provider, and its answer, " +
			"also an error, comes back unchanged. docs/http-api.md has the exceptions."})
	}
	for _, ep := range wire.Endpoints() {
		doc.AddOperation(operationAt(doc.Components.Schemas, ep))
	}
}

// describeRefusals adds the refusals in a dialect to the responses of the document.
func describeRefusals(c *huma.Components, d wire.Dialect) {
	schema := c.Schemas.Schema(errorTypes[d], true, "")
	for status, codes := range refusals {
		e := wire.Error{Status: status, Code: codes[0], Message: "What is wrong, and what to do about it."}
		c.Responses[refusalName(d, status)] = &huma.Response{
			Description: http.StatusText(status) + ". The code is " + strings.Join(codes, " or ") + ".",
			Content:     map[string]*huma.MediaType{jsonType: {Schema: schema, Example: json.RawMessage(e.Body(d, "req_0k2m4q6s8u"))}},
		}
		if d != wire.Gemini {
			listCodes(c.Schemas.Map()["ErrorObject"].Properties["code"], codes)
		}
	}
}

func refusalName(d wire.Dialect, status int) string { return vendors[d] + strconv.Itoa(status) }

// operationAt describes the operation of an endpoint.
func operationAt(schemas huma.Registry, ep wire.Endpoint) *huma.Operation {
	op := &huma.Operation{
		OperationID: ep.Dialect.String() + "." + ep.Operation.String(), Method: ep.Method, Path: ep.Path,
		Tags: []string{vendors[ep.Dialect]}, Summary: summaries[ep.Operation],
		Security: []map[string][]string{{"projectKey": {}}}, Parameters: parametersAt(ep),
		Responses: map[string]*huma.Response{"200": {
			Description: "The provider's answer, as JSON, as a stream of events or as a file.", Headers: answerHeaders(ep.Metered()),
			Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{}}}}},
	}
	statuses := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusInternalServerError, http.StatusServiceUnavailable}
	switch {
	case ep.Operation == wire.OwnUsage:
		op.Responses["200"].Description = "The limits, and what is used and left."
		op.Responses["200"].Content = map[string]*huma.MediaType{jsonType: {Schema: schemas.Schema(reflect.TypeFor[ledger.Usage](), true, "")}}
	case ep.Own():
		op.Description = "A request with anthropic-version, or with a key of Google's kind, gets that vendor's form."
		op.Responses["200"].Description = "The models, in the vendor's form."
		op.Responses["200"].Content = map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{Type: huma.TypeObject}}}
	default:
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout)
		op.RequestBody = &huma.RequestBody{Required: true, Description: "The body of the vendor's own API.",
			Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{Type: huma.TypeObject}}}}
		if ep.Multipart() {
			op.RequestBody.Content["multipart/form-data"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}}
		}
	}
	switch {
	case ep.Metered():
		statuses = append(statuses, http.StatusPaymentRequired)
	case !ep.Own():
		op.Description = "Free: it counts against requestsPerMinute and concurrentRequests only."
	}
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refusalName(ep.Dialect, status)}
	}
	return op
}

// parametersAt describes the parameters of an endpoint that are the gateway's.
func parametersAt(ep wire.Endpoint) []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	params := []*huma.Param{
		{Name: "x-identity", In: "header", Required: true, Schema: text, Example: "user-123",
			Description: "The end user: 1 to 512 bytes of printable UTF-8."},
		{Name: "x-tier", In: "header", Schema: text, Example: "free",
			Description: "The pricing tier by name. A tier that your server has set on the identity wins."},
	}
	if strings.Contains(ep.Path, "{model}") {
		params = append(params, &huma.Param{Name: "model", In: "path", Required: true, Schema: text, Description: "The model."})
	}
	if !ep.Own() {
		params = append(params, &huma.Param{Name: "x-provider", In: "header", Schema: text, Example: "openai",
			Description: "The provider by name, if the model does not tell."})
	}
	return params
}

// answerHeaders describes the headers of an answer that are the gateway's.
func answerHeaders(metered bool) map[string]*huma.Param {
	header := func(example, description string) *huma.Param {
		return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	headers := map[string]*huma.Param{"x-request-id": header("req_0k2m4q6s8u", "The id of the request, also in the log.")}
	if metered {
		headers["ratelimit-policy"] = header(`"requests-daily";q=5;w=86400`, "The limits in force: quota and window in seconds.")
		headers["ratelimit"] = header(`"requests-daily";r=2;t=3600`, "What remains after this request, and the seconds until the reset.")
	}
	return headers
}
