package wire

import (
	"net/http"
	"slices"
)

// Dialect is the vendor's API whose requests and errors an endpoint uses.
type Dialect uint8

// The dialects of the data plane.
const (
	OpenAI Dialect = iota
	Anthropic
	Gemini

	NumDialects = 3
)

// Spec describes a dialect, except for its places and error bodies. Every pointer, map and function is set, unless its
// comment says when it is not.
type Spec struct {
	Name            string // in a project's settings
	KeyPlace        string // the header of the provider's key, as project.Place writes it
	RequestIDHeader string // in which its SDKs look for the request id; "" if that is X-Request-Id
	Serves          string // the endpoints of its providers, for messages

	// Paths are the operations that a provider of the dialect serves, by their path below its base URL, in which {model}
	// stands for the model.
	Paths map[Operation]string
	// List asks a provider of the dialect for its models.
	List ModelList
	// Surplus are ends of those paths, which a base URL must not have.
	Surplus []string

	ModelInPath    bool // its endpoints name the model in the path, and its model names may begin with models/
	SlashedModels  bool // names with a slash are usual on servers of the dialect, such as OpenRouter
	CompletionCap  bool // all servers of the dialect know max_completion_tokens at /v1/chat/completions
	CachesUnasked  bool // its providers write input into a cache without being asked
	NumberedErrors bool // clients read a number from the code of an error, the status
	LateFigures    bool // a stream may correct its figures up to its very end

	posts, gets map[string]Operation // its endpoints with a fixed path; empty for none
	baseHint    string               // which base URL its SDK needs to call an endpoint here
	ownsPath    func(path string) bool
	ownsCaller  func(h http.Header, rawQuery string) bool // nil: the default

	body  func(e *Error, name, requestID string) []byte // name is that of the status
	names map[int]string                                // of statuses; any other 4xx has the name of 400, any other status that of 500

	place      func(op Operation, at place, key []byte) place // of the value under key in an object
	rootFields func(op Operation) []spelling
	finish     func(e *Envelope) error // reads model and stream
	caps       []control               // they bound an answer's tokens
	choices    []control               // they multiply answers
	unread     []control               // they have plain values that no model reads; empty if a body has none at its top

	blobKind      string // how data is embedded in a body; "" if the body says it
	untypedTools  bool   // a tool without a type is the client's, even without a description
	capInside     bool   // the output cap stands in generationConfig
	streamOptions bool   // stream_options.include_usage asks for the usage of a stream
}

// ModelList is how a provider of a dialect is asked for its models.
type ModelList struct {
	Path   string // below its base URL
	Query  string // raw
	Header map[string]string
	Member string // of the answer, that lists them
}

// specs are the dialects.
var specs = [NumDialects]*Spec{OpenAI: &openAI, Anthropic: &anthropic, Gemini: &gemini}

// Spec returns the description of the dialect.
func (d Dialect) Spec() *Spec { return specs[d] }

// String returns the name that a project's settings use.
func (d Dialect) String() string { return d.Spec().Name }

// ParseDialect is the inverse of String.
func ParseDialect(name string) (Dialect, bool) {
	i := slices.Index(DialectNames(), name)
	return Dialect(max(i, 0)), i >= 0
}

// DialectNames returns the names of all dialects.
func DialectNames() []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	return names
}

// modelInBody reads the control fields of a body that names its model.
func modelInBody(e *Envelope) error {
	switch {
	case e.fields[model].kind != missing:
	case e.Endpoint.Operation == Moderations:
		e.Model = defaultModeration
	default:
		return invalid("model", "`model` is missing. Name the model to use.")
	}
	e.Stream = e.isTrue(stream)
	e.IncludeUsage = e.isTrue(includeUsage)
	return nil
}
