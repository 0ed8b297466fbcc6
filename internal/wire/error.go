package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Error is an error of the gateway, independent of dialects. Its texts reach the client, so they hold no text of a prompt
// or a key.
type Error struct {
	Status  int    // HTTP status
	Code    string // one of docs/errors.md, such as "limit_exceeded"
	Message string // the problem and its remedy
	Param   string // the field at fault, such as "stream_options.include_usage"; "" for none
	Type    string // OpenAI's type if it is not the usual one of the status; else ""
	DocURL  string // the page that explains the code, see the function DocURL; "" for none

	// Fields are the developer's own fields of a limit response (deepLink, upgradeUrl, …). They never replace a standard field.
	Fields     map[string]any
	Limit      *LimitDetail  // the limit that refused; nil for other refusals
	RetryAfter time.Duration // the wait until another try can succeed; 0 if none makes sense
	RetryMs    int64         // the wait in milliseconds, for SDKs that can repeat sooner than Retry-After says; 0 for none
	NoRetry    bool          // SDKs are told not to repeat the request
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

// DocURL returns the page that explains a code. base is the address at which the folder docs is published. The result is ""
// if base is "".
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

// Body returns the error as d's own SDKs read it, always valid JSON. The message comes first, because clients show the
// beginning of an unknown body. requestID is the value of the x-request-id header.
func (e *Error) Body(d Dialect, requestID string) []byte {
	s := d.Spec()
	return s.body(e, e.name(s.names), requestID)
}

// name returns the name of the error's status in a dialect.
func (e *Error) name(of map[int]string) string {
	switch name, ok := of[e.Status]; {
	case ok:
		return name
	case e.Status >= 400 && e.Status < 500:
		return of[http.StatusBadRequest]
	default:
		return of[http.StatusInternalServerError]
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

func (l *LimitDetail) resetsAt() string { return l.ResetsAt.UTC().Format(time.RFC3339) }

// number returns n, or 0 if n is empty or not a number: a broken detail must not break the body.
func number(n json.Number) string {
	if _, err := n.Float64(); err != nil || !json.Valid([]byte(n)) {
		return "0"
	}
	return string(n)
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
