package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// problem is the answer to a call that failed: problem details for HTTP APIs, RFC 9457. Its type is always
// "about:blank" and so left out.
type problem struct {
	Title     string         `json:"title" doc:"What the status means." example:"Bad Request"`
	Status    int            `json:"status" doc:"The HTTP status." example:"400"`
	Code      string         `json:"code" doc:"The cause, for programs: a code of docs/errors.md." example:"invalid_request"`
	Detail    string         `json:"detail" doc:"What is wrong, and what to do about it." example:"body.tokens: must be a whole number from 1 to 1000000000000000"`
	Errors    []fieldProblem `json:"errors,omitempty" doc:"The parts of the request that are wrong."`
	TriesLeft *int           `json:"triesLeft,omitempty" doc:"With code_wrong: how often the code may still be tried."`
	Current   any            `json:"current,omitempty" doc:"With document_changed: the document as it is now."`
	DocURL    string         `json:"doc_url,omitempty" doc:"The page that explains the code. Absent unless the server has PUBLIC_DOCS_URL."`

	Test *KeyTest `json:"test,omitempty" doc:"With key_refused: what the test has found."`

	header http.Header
}

// fieldProblem is a problem of one part of a request.
type fieldProblem struct {
	Location string `json:"location" doc:"The field, after body, query, path or header." example:"body.tokens"`
	Message  string `json:"message" doc:"What is wrong, and what is right." example:"must be a whole number from 1 to 1000000000000000"`
}

// fieldProblems is an error: a request that is not valid.
type fieldProblems []fieldProblem

// maxProblems is how many problems an answer lists at most.
const maxProblems = 50

func (ps fieldProblems) Error() string {
	text := ps[0].Location + ": " + ps[0].Message
	if more := len(ps) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

func wrong(location, format string, args ...any) error {
	return fieldProblems{{location, fmt.Sprintf(format, args...)}}
}

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func (p *problem) with(header, value string) *problem {
	p.header = http.Header{http.CanonicalHeaderKey(header): {value}}
	return p
}

func (p *problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header { return p.header }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// write answers with the problem outside huma.
func (c *control) write(w http.ResponseWriter, p *problem) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = c.marshal(w, p)
}

// marshal writes an answer. A problem gets the address at which its code is explained.
func (c *control) marshal(w io.Writer, v any) error {
	if p, ok := v.(*problem); ok {
		p.DocURL = wire.DocURL(c.DocsURL, p.Code)
	}
	return marshal(w, v)
}

// Problem returns the body of a control-plane error, for requests that do not reach the control plane. docsURL is that of
// [Options].
func Problem(status int, code, detail, docsURL string) []byte {
	p := refuse(status, code, "%s", detail)
	p.DocURL = wire.DocURL(docsURL, code)
	body, _ := encode(p) // cannot fail
	return body
}

// huma's only hook for errors that it finds itself, in parameters and bodies, is a global variable. Nothing else in the
// program uses huma.
func init() { huma.NewError = ofHuma }

// ofHuma turns huma's error about a request into a problem. It is always the client's mistake.
func ofHuma(status int, detail string, errs ...error) huma.StatusError {
	var tooLarge *http.MaxBytesError
	cause := errors.Join(errs...)
	switch {
	case errors.As(cause, &tooLarge):
		return bodyTooLarge(tooLarge.Limit)
	case status == http.StatusRequestTimeout:
		return refuse(http.StatusRequestTimeout, "request_timeout", "%s", detail)
	case errors.Is(cause, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "invalid_request", "The request ended before its body did.")
	case status == http.StatusInternalServerError:
		return refuse(http.StatusInternalServerError, "internal_error", "%s", detail)
	case status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	}
	p := refuse(status, "invalid_request", "%s", detail)
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, fieldProblem{d.Location, d.Message})
		}
	}
	if len(errs) == 0 && status == http.StatusBadRequest {
		p.Errors = []fieldProblem{{"body", detail}}
	}
	if len(p.Errors) > 0 {
		p.Detail = fieldProblems(p.Errors).Error()
	}
	return p
}

func bodyTooLarge(most int64) *problem {
	return refuse(http.StatusRequestEntityTooLarge, "request_too_large", "The body has more than %d bytes. Send less at a time.", most)
}

// errAway means that the database of projects and accounts cannot answer now.
var errAway = errors.New("database unavailable")

// away marks an error of a store for which there is no answer in the table: the database's, which is no fault of the
// caller.
func away(err error) error {
	if err == nil || answerTo(err) != nil || errors.Is(err, ledger.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", errAway, err)
}

// problemOf turns an error into the answer. It logs internal errors and does not show them.
func (c *control) problemOf(ctx context.Context, err error) *problem {
	if p := answerTo(err); p != nil {
		return p
	}
	if errors.Is(err, ledger.ErrUnavailable) || errors.Is(err, errAway) || ctx.Err() != nil {
		c.logFailure(ctx, slog.LevelWarn, "control plane unavailable", err)
		return refuse(http.StatusServiceUnavailable, "unavailable", "The database cannot be reached at the moment. Try again shortly; "+
			"with the same Idempotency-Key a change is not applied twice.").
			with("Retry-After", "1")
	}
	c.logFailure(ctx, slog.LevelError, "control plane failed", err)
	return internalError()
}

// answerTo is the table of errors and their answers, for errors that the caller can do something about. For any other it
// is nil.
func answerTo(err error) *problem {
	var (
		p      *problem
		fields fieldProblems
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &fields):
		p = refuse(http.StatusBadRequest, "invalid_request", "%s", fields.Error())
		p.Errors = fields
		return p
	case errors.Is(err, secret.ErrNoKey):
		return refuse(http.StatusConflict, "encryption_key_missing", "The server cannot store a provider's key, because ENCRYPTION_KEY is not set. Set it, or let apps send their own keys.")
	case errors.Is(err, ledger.ErrUnknown):
		return refuse(http.StatusNotFound, "unknown_identity", "The project has no such identity. An identity exists once it was created or has made a request.")
	case errors.Is(err, operation.ErrUnknown):
		return refuse(http.StatusNotFound, "unknown_operation", "The project has no such operation.")
	case errors.Is(err, prompt.ErrNotFound):
		return refuse(http.StatusNotFound, "unknown_prompt", "The project has no such prompt, or the prompt no such version.")
	case errors.Is(err, prompt.ErrTooMany):
		return refuse(http.StatusConflict, "too_many_prompts", "The project has %d prompts, as many as it may have. Delete one first.", prompt.MaxPrompts)
	case errors.Is(err, project.ErrNotFound): // deleted after the caller was checked
		return unknownProject()
	case errors.Is(err, ledger.ErrReused):
		return refuse(http.StatusConflict, "idempotency_key_reused", "This Idempotency-Key was used for a different request. Use a new key for each request.")
	}
	return accountProblem(err)
}

func internalError() *problem {
	return refuse(http.StatusInternalServerError, "internal_error",
		"The server failed while it processed the call. Try again. If it fails again, report the x-request-id.")
}

func (c *control) logFailure(ctx context.Context, level slog.Level, message string, err error) {
	call := callOf(ctx)
	c.Log.LogAttrs(ctx, level, message, slog.String("request", call.id), slog.String("error", err.Error()))
}
