package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error is an error of the gateway, independent of dialects. Its texts reach the client, so they hold no text of a prompt
// or a key.
type Error struct {
	Status  int    // HTTP status
	Code    string // one of docs/errors.md, such as "limit_exceeded"
	Message string // what is wrong and what to do about it
	Param   string // the field at fault, such as "stream_options.include_usage"; "" for none
	Type    string // OpenAI's type if it is not the usual one of the status; else ""
	DocURL  string // where the code is explained, see DocURL; "" for none

	// Fields are the developer's own fields of a limit response (deepLink, upgradeUrl, …). They never replace a standard field.
	Fields     map[string]any
	Limit      *LimitDetail  // the limit that refused; nil for other refusals
	RetryAfter time.Duration // the wait until another try can succeed; 0 if none makes sense
}

// LimitDetail is the limit that refused a request. Costs are decimal USD.
type LimitDetail struct {
	Metric    string  // requests, tokens or costUsd
	Scope     string  // identity, tier, project or model: the level that set the limit
	Model     *string // nil unless the limit is one model's
	Tier      *string // nil if the caller has none
	Period    string
	Limit     json.Number
	Used      json.Number
	Remaining json.Number
	ResetsAt  time.Time // zero if the limit does not reset
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// DocURL returns where a code is explained, if base is the address at which the folder docs is published, or "" if base
// is "".
func DocURL(base, code string) string {
	if base == "" {
		return ""
	}
	return base + "/errors.md#" + code
}

// invalid makes the 400 that names the field at fault; param may be empty.
func invalid(param, format string, args ...any) *Error {
	return &Error{
		Status:  http.StatusBadRequest,
		Code:    "invalid_request",
		Message: fmt.Sprintf(format, args...),
		Param:   param,
	}
}

// names are the names of a status in the three dialects.
type names struct{ openAI, anthropic, gemini string }

// statuses is the table of types in docs/http-api.md.
var statuses = map[int]names{
	http.StatusBadRequest:            {"invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
	http.StatusUnauthorized:          {"authentication_error", "authentication_error", "UNAUTHENTICATED"},
	http.StatusPaymentRequired:       {"rate_limit_exceeded", "billing_error", "RESOURCE_EXHAUSTED"}, // Google has no name for it
	http.StatusForbidden:             {"permission_error", "permission_error", "PERMISSION_DENIED"},
	http.StatusNotFound:              {"invalid_request_error", "not_found_error", "NOT_FOUND"},
	http.StatusRequestEntityTooLarge: {"invalid_request_error", "request_too_large", "INVALID_ARGUMENT"},
	http.StatusTooManyRequests:       {"rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"},
	http.StatusBadGateway:            {"api_error", "api_error", "UNAVAILABLE"},
	http.StatusServiceUnavailable:    {"api_error", "overloaded_error", "UNAVAILABLE"},
	http.StatusGatewayTimeout:        {"api_error", "timeout_error", "DEADLINE_EXCEEDED"},
}

func (e *Error) names() names {
	n, ok := statuses[e.Status]
	switch {
	case ok:
	case e.Status >= 400 && e.Status < 500:
		n = statuses[http.StatusBadRequest]
	default:
		n = names{"api_error", "api_error", "INTERNAL"}
	}
	switch e.Code {
	case "security_blocked":
		n.openAI = "security_policy_violation"
	case "limit_exceeded": // whichever status the project has chosen
		n.openAI = "rate_limit_exceeded"
	}
	if e.Type != "" {
		n.openAI = e.Type
	}
	return n
}

// Body returns the error as d's own SDKs read it, always valid JSON. The message comes first, because clients show the
// beginning of an unknown body. requestID is the value of the x-request-id header.
func (e *Error) Body(d Dialect, requestID string) []byte {
	switch d {
	case Anthropic:
		return e.anthropic(requestID)
	case Gemini:
		return e.gemini()
	default:
		return e.openAI()
	}
}

// reserved are the error's own members, which a developer's field must not replace in any dialect.
var reserved = []string{"message", "type", "code", "param", "limit", "details"}

// ownFields returns the names of the developer's fields that may be shown, in order.
func (e *Error) ownFields() []string {
	if len(e.Fields) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(e.Fields)), func(name string) bool {
		return slices.Contains(reserved, name)
	})
}

func (e *Error) openAI() []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.open("error")
	o.text("message", e.Message)
	o.text("type", e.names().openAI)
	if e.Param == "" {
		o.raw("param", "null")
	} else {
		o.text("param", e.Param)
	}
	o.text("code", e.Code)
	e.appendExtras(&o)
	o.close()
	o.close()
	return o.buf
}

func (e *Error) anthropic(requestID string) []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.text("type", "error")
	o.open("error")
	o.text("message", e.Message)
	o.text("type", e.names().anthropic)
	o.text("code", e.Code)
	o.open("details")
	o.text("error_code", e.Code)
	o.close()
	e.appendExtras(&o)
	o.close()
	o.text("request_id", requestID)
	o.close()
	return o.buf
}

func (e *Error) gemini() []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.open("error")
	o.text("message", e.Message)
	o.raw("code", strconv.Itoa(e.Status))
	o.text("status", e.names().gemini)
	details := []any{errorInfo{
		Type:     "type.googleapis.com/google.rpc.ErrorInfo",
		Reason:   strings.ToUpper(e.Code),
		Domain:   "airatelimit",
		Metadata: e.metadata(),
	}}
	if e.Status == http.StatusTooManyRequests && e.RetryAfter > 0 {
		details = append(details, retryInfo{
			Type:       "type.googleapis.com/google.rpc.RetryInfo",
			RetryDelay: seconds(e.RetryAfter),
		})
	}
	if e.Limit != nil && e.RetryAfter == 0 {
		details = append(details, e.quotaFailure())
	}
	o.any("details", details)
	o.close()
	o.close()
	return o.buf
}

// quotaFailure is google.rpc.QuotaFailure as JSON. Google distinguishes a used-up quota from a burst with it: its clients
// take a "PerDay" quota as final and retry after any other 429.
type quotaFailure struct {
	Type       string           `json:"@type"`
	Violations []quotaViolation `json:"violations"`
}

type quotaViolation struct {
	Description string `json:"description"`
	QuotaID     string `json:"quotaId"`
}

// quotaPeriods are the names of periods in Google's quota ids.
var quotaPeriods = map[string]string{"hourly": "PerHour", "daily": "PerDay", "weekly": "PerWeek", "monthly": "PerMonth"}

func (e *Error) quotaFailure() quotaFailure {
	return quotaFailure{
		Type:       "type.googleapis.com/google.rpc.QuotaFailure",
		Violations: []quotaViolation{{Description: e.Message, QuotaID: e.Limit.Metric + quotaPeriods[e.Limit.Period]}},
	}
}

// errorInfo is google.rpc.ErrorInfo as JSON.
type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

// retryInfo is google.rpc.RetryInfo as JSON.
type retryInfo struct {
	Type       string `json:"@type"`
	RetryDelay string `json:"retryDelay"`
}

// docURL returns the error's DocURL, or "" if the developer has a field of that name: the developer's own page is closer
// to the app's users.
func (e *Error) docURL() string {
	if _, ok := e.Fields["doc_url"]; ok {
		return ""
	}
	return e.DocURL
}

// appendExtras writes the page of the code, the developer's fields and the limit as further members of the error object.
func (e *Error) appendExtras(o *objectWriter) {
	if u := e.docURL(); u != "" {
		o.text("doc_url", u)
	}
	for _, name := range e.ownFields() {
		o.any(name, e.Fields[name])
	}
	l := e.Limit
	if l == nil {
		return
	}
	o.open("limit")
	o.text("metric", l.Metric)
	o.text("scope", l.Scope)
	o.textOrNull("model", l.Model)
	o.textOrNull("tier", l.Tier)
	o.text("period", l.Period)
	o.raw("limit", number(l.Limit))
	o.raw("used", number(l.Used))
	o.raw("remaining", number(l.Remaining))
	if l.ResetsAt.IsZero() {
		o.raw("resetsAt", "null")
	} else {
		o.text("resetsAt", l.resetsAt())
	}
	o.close()
}

// metadata returns the members of appendExtras as Gemini's ErrorInfo carries them: flat and as strings.
func (e *Error) metadata() map[string]string {
	m := map[string]string{}
	if u := e.docURL(); u != "" {
		m["doc_url"] = u
	}
	for _, name := range e.ownFields() {
		if !strings.HasPrefix(name, "limit.") {
			flatten(m, name, e.Fields[name])
		}
	}
	if e.Param != "" {
		m["param"] = e.Param
	}
	l := e.Limit
	if l == nil {
		return m
	}
	m["limit.metric"], m["limit.scope"], m["limit.period"] = l.Metric, l.Scope, l.Period
	m["limit.limit"], m["limit.used"], m["limit.remaining"] = number(l.Limit), number(l.Used), number(l.Remaining)
	if l.Model != nil {
		m["limit.model"] = *l.Model
	}
	if l.Tier != nil {
		m["limit.tier"] = *l.Tier
	}
	if !l.ResetsAt.IsZero() {
		m["limit.resetsAt"] = l.resetsAt()
	}
	return m
}

// flatten writes v below name: objects with dotted names, arrays as JSON, null not at all.
func flatten(m map[string]string, name string, v any) {
	switch v := v.(type) {
	case nil:
	case string:
		m[name] = v
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			flatten(m, name+"."+key, v[key])
		}
	default:
		if text, ok := encode(v); ok {
			m[name] = string(text)
		}
	}
}

func (l *LimitDetail) resetsAt() string { return l.ResetsAt.UTC().Format(time.RFC3339) }

// number returns n, or 0 if n is empty or not a number: a broken detail must not break the body.
func number(n json.Number) string {
	if _, err := n.Float64(); err != nil || !json.Valid([]byte(n)) {
		return "0"
	}
	return string(n)
}

// seconds writes a duration as protobuf's JSON does: decimal seconds and an s.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(max(d, 0).Seconds(), 'f', -1, 64) + "s"
}

// usualBody is a size in bytes that most error bodies fit into.
const usualBody = 640

// objectWriter writes a JSON object with its members in the order given.
type objectWriter struct {
	buf   []byte
	comma bool
}

func (o *objectWriter) name(name string) {
	if o.comma {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(appendQuoted(o.buf, name), ':')
	o.comma = true
}

// raw writes a value that is JSON already.
func (o *objectWriter) raw(name, value string) {
	o.name(name)
	o.buf = append(o.buf, value...)
}

func (o *objectWriter) text(name, value string) {
	o.name(name)
	o.buf = appendQuoted(o.buf, value)
}

func (o *objectWriter) textOrNull(name string, value *string) {
	if value == nil {
		o.raw(name, "null")
		return
	}
	o.text(name, *value)
}

// any writes any value, or nothing if it has no JSON form.
func (o *objectWriter) any(name string, v any) {
	if s, ok := v.(string); ok {
		o.text(name, s)
	} else if text, ok := encode(v); ok {
		o.raw(name, string(text))
	}
}

// open begins an object as a member; "" begins the outermost object.
func (o *objectWriter) open(name string) {
	if name != "" {
		o.name(name)
	}
	o.buf = append(o.buf, '{')
	o.comma = false
}

func (o *objectWriter) close() {
	o.buf = append(o.buf, '}')
	o.comma = true
}

// encode returns v as JSON without escaping <, > and &, because people read errors.
func encode(v any) ([]byte, bool) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, false
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), true
}
