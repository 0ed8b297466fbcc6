// Package wire reads request envelopes and writes error bodies, one file a dialect.
//
// An envelope holds the facts that the gateway needs before it forwards a request: the model, whether the answer is
// streamed, the output cap, the number of answers, and the largest possible size of the input. Invariants:
//
//   - The sent body is the checked body. This package's strict reader reads it once. Every control field has one value for
//     every later parser: duplicates, and names that differ only in letter case, are refused.
//   - An edit changes only the bytes that it must change.
//   - Input.TextBytes is never fewer than the input's text tokens, unless Input.Opaque says that there is more.
//   - Reading is linear in the body and bounded in depth.
package wire

import (
	"mime"
	"net/http"
	"strings"
)

// maxModel is the longest model name in bytes.
const maxModel = 256

// modelsPrefix may stand before a model in a Gemini body.
const modelsPrefix = "models/"

// Envelope is the facts about a request in its body.
type Envelope struct {
	Endpoint     Endpoint
	Model        string // as the client wrote it, decoded
	Stream       bool
	IncludeUsage bool // the client asked for stream_options.include_usage itself

	Capped    bool  // at least one output cap is given
	MaxOutput int64 // tokens an answer; the largest cap given
	Answers   int64 // requested answers: choices × prompts, candidates or images; at least 1

	SystemPrompt *string // name of the requested stored prompt; nil for none
	Input        Input
	Demands      Demands
	Continues    bool  // the body goes on with a conversation that the provider has stored
	Tools        bool  // the body has a field named tools somewhere
	CacheControl bool  // the body has a field named cache_control somewhere
	Characters   int64 // of the text to be spoken, for Speech

	// Tokenised says that a prompt is given as token numbers, which cannot be read. It is set by ParseTurns.
	Tokenised bool

	Sounds      [][]byte // the recordings to be transcribed, parts of the body, for Transcriptions and Translations
	SoundClips  int64    // short recordings of the speakers' voices, besides Sounds
	SoundAbsent bool     // the body names a recording that it does not hold

	body   []byte
	form   bool            // multipart/form-data
	fields [controls]token // values of the control fields; of kind missing if absent
	models []token         // Gemini: the models that the body repeats
	listen bool            // turns are collected
	turns  []turn

	scratch [256]byte // a short string, decoded; here, because it would leave the reader's stack through Spec.place
}

// Forget drops the body. It cannot be edited afterwards.
func (e *Envelope) Forget() {
	e.body, e.Sounds, e.models, e.turns = nil, nil, nil, nil
	e.fields = [controls]token{}
}

// Parse reads the body of a request to ep. Every error is an *Error of status 400 that names the field at fault.
func Parse(ep Endpoint, contentType string, body []byte) (*Envelope, error) {
	return parse(&Envelope{Endpoint: ep, Model: ep.Model, Answers: 1, body: body}, contentType)
}

// ParseTurns is Parse, and also notes what each side of a conversation has said, for [Envelope.Turns].
func ParseTurns(ep Endpoint, contentType string, body []byte) (*Envelope, error) {
	return parse(&Envelope{Endpoint: ep, Model: ep.Model, Answers: 1, body: body, listen: true}, contentType)
}

func parse(e *Envelope, contentType string) (*Envelope, error) {
	ep, body := e.Endpoint, e.body
	if ep.Method == http.MethodGet {
		return e, nil
	}
	if ep.Model != "" {
		if err := checkModel(ep.Model); err != nil {
			return nil, err
		}
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
	if err == nil {
		err = e.finish()
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ContentType returns the Content-Type for the provider: the format as which the body was read, in the client's spelling if
// that means the same. Under another type, such as protobuf for Google, a server could read another request than the
// checked one.
func (e *Envelope) ContentType(sent string) string {
	if e.form {
		return sent
	}
	if media, _, _ := strings.Cut(sent, ";"); strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return sent
	}
	return "application/json"
}

// mediaType returns the boundary of a form, "" for JSON. It refuses other forms and reads any other type as JSON.
func mediaType(ep Endpoint, contentType string) (boundary string, err error) {
	if contentType == "" || contentType == "application/json" {
		return "", nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", invalid("", "The Content-Type header cannot be read. Send application/json.")
	}
	switch {
	case media == "multipart/form-data" && ep.Multipart():
		return formBoundary(contentType, params)
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

// HeaderValue returns the first value of a header, "" if there is none. The name must be in its canonical form, into which
// Header.Get would bring it for each request.
func HeaderValue(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
