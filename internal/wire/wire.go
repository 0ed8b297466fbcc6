// Package wire reads request envelopes and writes error bodies, one file a dialect.
//
// An envelope is what must be known of a request before it is forwarded: its model, whether it streams, its output cap, how
// much answer it asks for and how large its input can be. Invariants:
//
//   - What was checked is what is sent. A body is read once, by this package's own strict reader; every control field has
//     one value in it, whoever parses it next: duplicates, and names that differ only in letter case, are refused.
//   - Edits leave every byte alone that they do not have to change.
//   - Input.TextBytes is never fewer than the input's text tokens, unless Input.Opaque says that there is more.
//   - Reading is linear in the body and bounded in depth.
package wire

import (
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxModel is the longest model name in bytes.
const maxModel = 256

// Envelope is what a request says about itself.
type Envelope struct {
	Endpoint     Endpoint
	Model        string // as the client wrote it, decoded
	Stream       bool
	IncludeUsage bool // the client asked for stream_options.include_usage itself

	Capped    bool  // at least one output cap is given
	MaxOutput int64 // tokens an answer; the largest cap given
	Answers   int64 // answers asked for: choices × prompts, candidates or images; at least 1

	SystemPrompt *string // name of the stored prompt asked for; nil for none
	Input        Input
	Characters   int64 // of the text to be spoken, for Speech

	body   []byte
	form   bool            // multipart/form-data
	fields [controls]token // values of the control fields; kind missing where absent
	models []token         // Gemini: the models that the body repeats
}

// Input is how large a request's input can be.
type Input struct {
	// TextBytes are the bytes of the body that are not recognised image data. A token is at least one byte.
	TextBytes int64
	Images    int64 // embedded or by URL
	// Opaque says that the provider reads input which the body does not show: files by id or URL, stored conversations,
	// caches, documents, audio and video, tools that the provider runs.
	Opaque bool
}

// Parse reads the body of a request to ep. Every error is an *Error of status 400 that names the field at fault.
func Parse(ep Endpoint, contentType string, body []byte) (*Envelope, error) {
	e := &Envelope{Endpoint: ep, Model: ep.Model, Answers: 1, body: body}
	if ep.Method == http.MethodGet {
		return e, nil
	}
	boundary, err := mediaType(ep, contentType)
	if err != nil {
		return nil, err
	}
	e.Input.TextBytes = int64(len(body))
	e.Input.Opaque = ep.Operation == Transcriptions || ep.Operation == Translations
	if boundary != "" {
		e.form = true
		err = e.readForm(boundary)
	} else {
		err = e.readJSON()
	}
	if err != nil {
		return nil, err
	}
	return e, e.finish()
}

// mediaType returns the boundary of a form, "" for JSON. Clients that call JSON plain text, or nothing, are believed.
func mediaType(ep Endpoint, contentType string) (boundary string, err error) {
	if contentType == "" || contentType == "application/json" {
		return "", nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", invalid("", "The Content-Type header cannot be read. Send application/json.")
	}
	switch {
	case media == "multipart/form-data" && ep.multipart():
		if params["boundary"] == "" {
			return "", invalid("", "The Content-Type header names no multipart boundary. Let your HTTP client set the header.")
		}
		return params["boundary"], nil
	case strings.HasPrefix(media, "multipart/"), media == "application/x-www-form-urlencoded":
		return "", invalid("", "This endpoint does not take %s. Send JSON with Content-Type application/json.", media)
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
		return "", nil
	default:
		return "", invalid("", "The request body must be UTF-8. Remove the charset from the Content-Type header.")
	}
}

// finish derives from the control fields what needs all of them.
func (e *Envelope) finish() error {
	if e.Endpoint.Dialect != Gemini && e.fields[model].kind == missing {
		return invalid("model", "`model` is missing. Name the model to use.")
	}
	e.Answers *= e.choices()
	return nil
}

// choices returns how many answers are asked for to each prompt.
func (e *Envelope) choices() int64 {
	if e.Endpoint.Dialect == Gemini {
		n, _ := e.amount(candidateCount)
		return max(n, 1)
	}
	n, _ := e.amount(choices)
	best, _ := e.amount(bestOf)
	return max(n, best, 1)
}

// checkModel refuses names that no provider has and that logs or other parsers could misread.
func checkModel(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("model", "`model` is empty. Name the model to use.")
	case len(name) > maxModel:
		return invalid("model", "`model` is longer than %d bytes.", maxModel)
	case !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return invalid("model", "`model` must not hold control characters or broken Unicode.")
	}
	return nil
}
