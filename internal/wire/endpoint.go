package wire

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Operation is the kind of work that an endpoint does.
type Operation uint8

// The operations of the data plane: OpenAI's, Anthropic's, Gemini's, then those that the gateway answers itself.
const (
	ChatCompletions Operation = iota
	Completions
	Responses
	Embeddings
	Moderations
	ImageGenerations
	ImageEdits
	Speech
	Transcriptions
	Translations
	CountResponseTokens
	CompactResponse

	Messages
	CountMessageTokens

	GenerateContent
	StreamGenerateContent
	CountTokens
	EmbedContent
	BatchEmbedContents

	ListModels
	GetModel
	OwnUsage

	NumOperations = int(OwnUsage) + 1
)

// operations names each operation as metrics and logs show it.
var operations = [...]string{
	ChatCompletions:       "chat.completions",
	Completions:           "completions",
	Responses:             "responses",
	Embeddings:            "embeddings",
	Moderations:           "moderations",
	ImageGenerations:      "images.generations",
	ImageEdits:            "images.edits",
	Speech:                "audio.speech",
	Transcriptions:        "audio.transcriptions",
	Translations:          "audio.translations",
	CountResponseTokens:   "responses.inputTokens",
	CompactResponse:       "responses.compact",
	Messages:              "messages",
	CountMessageTokens:    "messages.countTokens",
	GenerateContent:       "generateContent",
	StreamGenerateContent: "streamGenerateContent",
	CountTokens:           "countTokens",
	EmbedContent:          "embedContent",
	BatchEmbedContents:    "batchEmbedContents",
	ListModels:            "models",
	GetModel:              "models.get",
	OwnUsage:              "usage",
}

// String returns a fixed name, fit for a metric's label.
func (op Operation) String() string {
	if int(op) < len(operations) {
		return operations[op]
	}
	return "unknown"
}

// Endpoint is one of the endpoints in docs/http-api.md, as a request named it.
type Endpoint struct {
	Dialect   Dialect
	Operation Operation
	Method    string
	Path      string // as sent, percent-encoding included
	Model     string // the model that the path names, percent-decoded; "" if the body names it
}

// Metered reports whether a request there counts against limits.
func (ep Endpoint) Metered() bool {
	switch ep.Operation {
	case CountMessageTokens, CountTokens, CountResponseTokens:
		return false
	default:
		return !ep.Own()
	}
}

// Own reports whether the gateway answers there itself, without a provider.
func (ep Endpoint) Own() bool {
	return ep.Operation == ListModels || ep.Operation == GetModel || ep.Operation == OwnUsage
}

// Multipart reports whether a body there may be a form.
func (ep Endpoint) Multipart() bool {
	switch ep.Operation {
	case ImageEdits, Speech, Transcriptions, Translations:
		return true
	default:
		return false
	}
}

// posts and gets are the endpoints with a fixed path, which take a body or none.
var posts, gets = fixedPaths()

func fixedPaths() (posts, gets map[string]Endpoint) {
	posts, gets = map[string]Endpoint{}, map[string]Endpoint{}
	for d, s := range specs {
		for path, op := range s.posts {
			posts[path] = Endpoint{Dialect: Dialect(d), Operation: op}
		}
		for path, op := range s.gets {
			gets[path] = Endpoint{Dialect: Dialect(d), Operation: op}
		}
	}
	return posts, gets
}

// actions are the operations of Gemini by the action after the model's colon.
var actions = map[string]Operation{
	"generateContent":       GenerateContent,
	"streamGenerateContent": StreamGenerateContent,
	"countTokens":           CountTokens,
	"embedContent":          EmbedContent,
	"batchEmbedContents":    BatchEmbedContents,
}

// Match finds the endpoint at a path as [net/url.URL.EscapedPath] spells it. Only the contract's own spelling counts. A
// doubled or trailing slash, a dot segment, another case, an encoded separator or another method is an *Error 404
// unsupported_endpoint, so that no request reaches an unintended path of a provider. The message names the requested
// feature or the nearest endpoint.
func Match(method, escapedPath string) (Endpoint, error) {
	ep, ok := match(method, escapedPath)
	if !ok {
		return Endpoint{}, unsupported(method, escapedPath)
	}
	ep.Method, ep.Path = method, escapedPath
	return ep, nil
}

func match(method, path string) (Endpoint, bool) {
	switch method {
	case http.MethodGet:
		if ep, ok := gets[path]; ok {
			return ep, true
		}
		if rest, ok := modelsCollection(path); ok {
			return matchModel(path, rest)
		}
	case http.MethodPost:
		if ep, ok := posts[path]; ok {
			return ep, true
		}
		if rest, ok := modelsCollection(path); ok {
			return matchGemini(rest)
		}
	}
	return Endpoint{}, false
}

// modelsCollection returns the rest of a path after Gemini's collection of models. Google serves its API as v1beta and as
// v1, and its JavaScript SDK defaults to v1. The provider gets the version that the client used.
func modelsCollection(path string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, "/v1beta/models/"); ok {
		return rest, true
	}
	return strings.CutPrefix(path, "/v1/models/")
}

// matchModel reads the model of GET /v1/models/{id}. The id may have slashes and colons: "openrouter/x", "ft:gpt-4o::x".
func matchModel(path, rest string) (Endpoint, bool) {
	if _, action, ok := strings.Cut(rest, ":"); ok && actions[action] != 0 {
		return Endpoint{}, false
	}
	ep := Endpoint{Operation: GetModel}
	if strings.HasPrefix(path, "/v1beta/") {
		ep.Dialect = Gemini
	}
	// Google's model names have no colon. After a colon stands an action, which a GET cannot ask for.
	without := `%?#\`
	if ep.Dialect == Gemini {
		without = `:%?#\`
	}
	name, ok := decodeModel(rest, without)
	ep.Model = name
	return ep, ok
}

// matchGemini reads "{model}:{action}".
func matchGemini(rest string) (Endpoint, bool) {
	escaped, action, _ := strings.Cut(rest, ":")
	op, ok := actions[action]
	if !ok {
		return Endpoint{}, false
	}
	model, ok := pathModel(escaped)
	return Endpoint{Dialect: Gemini, Operation: op, Model: model}, ok
}

// pathModel decodes the model of a Gemini path. An encoded slash separates a provider's name, as in "openrouter%2Fx".
func pathModel(escaped string) (string, bool) {
	if strings.Contains(escaped, "/") {
		return "", false
	}
	return decodeModel(escaped, `:%?#\`)
}

// decodeModel decodes a model's name in a path. It refuses characters that a server could read as the path's own
// punctuation or decode a second time, and every character of without.
func decodeModel(escaped, without string) (string, bool) {
	model, err := url.PathUnescape(escaped)
	if err != nil || !utf8.ValidString(model) {
		return "", false
	}
	for _, r := range model {
		if unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(without, r) {
			return "", false
		}
	}
	for segment := range strings.SplitSeq(model, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", false
		}
	}
	return model, true
}
