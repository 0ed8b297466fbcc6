package echo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// dialect is the vendor whose formats a path speaks.
type dialect uint8

const (
	openAI dialect = iota
	anthropic
	gemini
)

// problem is a refusal. Type, Code and Param are OpenAI's; for the other vendors, the status decides the kind of error.
type problem struct {
	Status  int
	Type    string
	Code    string
	Param   string
	Message string
}

// refuse answers with an error in the vendor's format.
func (c *call) refuse(p problem) {
	data := c.dialect.errorBody(p, "req_"+digest(c.model, string(c.body)))
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	c.w.WriteHeader(p.Status)
	_, _ = c.w.Write(data) // an error means that the client has gone
}

// badRequest refuses with 400 and names the field at fault.
func (c *call) badRequest(param, message string) {
	c.refuse(problem{Status: http.StatusBadRequest, Param: param, Message: message})
}

func (d dialect) missingKey() problem {
	switch d {
	case anthropic:
		return problem{Status: http.StatusUnauthorized, Message: "x-api-key header is required"}
	case gemini:
		// Google answers 403, not 401, to a caller without any credential.
		return problem{Status: http.StatusForbidden, Message: "The caller has no established identity: send an API key."}
	}
	return problem{Status: http.StatusUnauthorized, Message: "No API key was sent: use an Authorization header with a Bearer key."}
}

func (d dialect) errorBody(p problem, requestID string) []byte {
	switch d {
	case anthropic:
		return marshal(anthropicError(p, requestID))
	case gemini:
		return marshal(geminiError(p))
	}
	return marshal(openAIError(p))
}

// openAIError follows https://platform.openai.com/docs/guides/error-codes.
func openAIError(p problem) any {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	kind := p.Type
	if kind == "" {
		kind = "invalid_request_error"
		if p.Status >= 500 {
			kind = "server_error"
		}
	}
	return struct {
		Error body `json:"error"`
	}{body{p.Message, kind, orNull(p.Param), orNull(p.Code)}}
}

// anthropicKinds are the types of https://docs.anthropic.com/en/api/errors.
var anthropicKinds = map[int]string{
	http.StatusBadRequest:            "invalid_request_error",
	http.StatusUnauthorized:          "authentication_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	statusOverloaded:                 "overloaded_error",
}

// statusOverloaded is Anthropic's status for a busy service.
const statusOverloaded = 529

func anthropicError(p problem, requestID string) any {
	type body struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	kind := anthropicKinds[p.Status]
	if kind == "" {
		kind = "api_error"
	}
	return struct {
		Type      string `json:"type"`
		Error     body   `json:"error"`
		RequestID string `json:"request_id"`
	}{"error", body{kind, p.Message}, requestID}
}

// geminiStatuses are the names that Google's APIs give to HTTP statuses (google.rpc.Code).
var geminiStatuses = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
}

func geminiError(p problem) any {
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []any  `json:"details,omitempty"`
	}
	status := geminiStatuses[p.Status]
	if status == "" {
		status = "INVALID_ARGUMENT"
	}
	var details []any
	switch {
	case p.Status == http.StatusTooManyRequests:
		details = []any{
			map[string]any{"@type": "type.googleapis.com/google.rpc.QuotaFailure",
				"violations": []any{map[string]any{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}}},
			map[string]any{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"},
		}
	case p.Code == invalidKey:
		details = []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "API_KEY_INVALID", "domain": "googleapis.com"}}
	}
	return struct {
		Error body `json:"error"`
	}{body{p.Status, p.Message, status, details}}
}

// marshal encodes as the vendors do, without escaping for HTML. The values of this package always encode.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("echo: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
