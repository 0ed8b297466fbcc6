package wire

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Dialect is the vendor's API whose requests and errors an endpoint speaks.
type Dialect uint8

// The dialects of the data plane.
const (
	OpenAI Dialect = iota
	Anthropic
	Gemini
)

// String returns the name that a project's settings use.
func (d Dialect) String() string {
	switch d {
	case Anthropic:
		return "anthropic"
	case Gemini:
		return "gemini"
	default:
		return "openai"
	}
}

// Operation is what a request asks for.
type Operation uint8

// The operations of the data plane, OpenAI's first, then Anthropic's, Gemini's and our own.
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
	ListModels

	Messages
	CountMessageTokens

	GenerateContent
	StreamGenerateContent
	CountTokens
	EmbedContent
	BatchEmbedContents
	ListGeminiModels

	OwnUsage
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
	ListModels:            "models",
	Messages:              "messages",
	CountMessageTokens:    "messages.countTokens",
	GenerateContent:       "generateContent",
	StreamGenerateContent: "streamGenerateContent",
	CountTokens:           "countTokens",
	EmbedContent:          "embedContent",
	BatchEmbedContents:    "batchEmbedContents",
	ListGeminiModels:      "gemini.models",
	OwnUsage:              "usage",
}

// String returns a name of few and fixed values, fit for a metric's label.
func (op Operation) String() string {
	if int(op) < len(operations) {
		return operations[op]
	}
	return "unknown"
}

// Endpoint is one of the contract's endpoints, as a request named it.
type Endpoint struct {
	Dialect   Dialect
	Operation Operation
	Method    string
	Path      string // as sent, percent-encoding included
	Model     string // Gemini only: the model of the path, percent-decoded
}

// Metered reports whether a request there counts against limits.
func (ep Endpoint) Metered() bool {
	switch ep.Operation {
	case ListModels, ListGeminiModels, OwnUsage, CountMessageTokens, CountTokens:
		return false
	default:
		return true
	}
}

// multipart reports whether a body there may be a form.
func (ep Endpoint) multipart() bool {
	switch ep.Operation {
	case ImageEdits, Speech, Transcriptions, Translations:
		return true
	default:
		return false
	}
}

// posts are the endpoints that take a body at a fixed path.
var posts = map[string]Endpoint{
	"/v1/chat/completions":      {Operation: ChatCompletions},
	"/v1/completions":           {Operation: Completions},
	"/v1/responses":             {Operation: Responses},
	"/v1/embeddings":            {Operation: Embeddings},
	"/v1/moderations":           {Operation: Moderations},
	"/v1/images/generations":    {Operation: ImageGenerations},
	"/v1/images/edits":          {Operation: ImageEdits},
	"/v1/audio/speech":          {Operation: Speech},
	"/v1/audio/transcriptions":  {Operation: Transcriptions},
	"/v1/audio/translations":    {Operation: Translations},
	"/v1/messages":              {Dialect: Anthropic, Operation: Messages},
	"/v1/messages/count_tokens": {Dialect: Anthropic, Operation: CountMessageTokens},
}

// gets are the endpoints that only answer.
var gets = map[string]Endpoint{
	"/v1/models":     {Operation: ListModels},
	"/v1/usage":      {Operation: OwnUsage},
	"/v1beta/models": {Dialect: Gemini, Operation: ListGeminiModels},
}

// actions are what may follow a Gemini model's colon.
var actions = map[string]Operation{
	"generateContent":       GenerateContent,
	"streamGenerateContent": StreamGenerateContent,
	"countTokens":           CountTokens,
	"embedContent":          EmbedContent,
	"batchEmbedContents":    BatchEmbedContents,
}

// Match finds the endpoint at a path as [net/url.URL.EscapedPath] spells it. Only the contract's own spelling counts: a
// doubled or trailing slash, a dot segment, another case, an encoded separator or another method is *Error 404
// unsupported_endpoint, so that nothing reaches a provider's path that was not meant.
func Match(method, escapedPath string) (Endpoint, error) {
	ep, ok := match(method, escapedPath)
	if !ok {
		return Endpoint{}, &Error{
			Status:  http.StatusNotFound,
			Code:    "unsupported_endpoint",
			Message: "AI Ratelimit does not serve this method and path. Use one of the documented endpoints in its exact spelling." + baseHint(escapedPath),
		}
	}
	ep.Method, ep.Path = method, escapedPath
	return ep, nil
}

func match(method, path string) (Endpoint, bool) {
	switch method {
	case http.MethodGet:
		ep, ok := gets[path]
		return ep, ok
	case http.MethodPost:
		if rest, ok := geminiModels(path); ok {
			return matchGemini(rest)
		}
		ep, ok := posts[path]
		return ep, ok
	default:
		return Endpoint{}, false
	}
}

// geminiModels returns what follows the models' collection of Gemini's API. Google serves it as v1beta and as v1, and
// its SDK for JavaScript takes v1 unless told otherwise; both go to the vendor as they came.
func geminiModels(path string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, "/v1beta/models/"); ok {
		return rest, true
	}
	return strings.CutPrefix(path, "/v1/models/")
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

// pathModel decodes the model of a Gemini path. An encoded slash sets a provider's name apart, as in "openrouter%2Fx";
// what a server could take for the path's own punctuation, or decode a second time, is refused.
func pathModel(escaped string) (string, bool) {
	if strings.Contains(escaped, "/") {
		return "", false
	}
	model, err := url.PathUnescape(escaped)
	if err != nil || !utf8.ValidString(model) {
		return "", false
	}
	for _, r := range model {
		if unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`:%?#\`, r) {
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

// DialectOf guesses the dialect in which a caller of path expects an error, for paths that no endpoint matches too.
func DialectOf(path string) Dialect {
	// Below /v1/models are OpenAI's calls on one model too, whose only colons are those of a fine-tuned one's name.
	model, below := strings.CutPrefix(path, "/v1/models/")
	switch {
	case strings.HasPrefix(path, "/v1beta"), below && strings.Contains(model, ":") && !strings.HasPrefix(model, "ft:"):
		return Gemini
	case strings.HasPrefix(path, "/v1/messages"):
		return Anthropic
	}
	ep, _ := misplaced(path)
	return ep.Dialect
}

// misplaced finds the endpoint that is meant by a path which ends like it: of a client whose base URL lacks the version,
// or has it twice, or is another vendor's.
func misplaced(path string) (meant Endpoint, ok bool) {
	if _, action, ok := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ":"); ok {
		if op, ok := actions[action]; ok && strings.Contains(path, "/models/") {
			return Endpoint{Dialect: Gemini, Operation: op}, true
		}
		return Endpoint{}, false
	}
	versioned := strings.HasPrefix(path, "/v1")
	longest := ""
	for _, all := range [...]map[string]Endpoint{posts, gets} {
		for own, ep := range all {
			end := own
			if path == own || !strings.HasSuffix(path, own) {
				end = strings.TrimPrefix(own, "/v1")
				// OpenAI's threads have messages too.
				lacking := !versioned && end[0] == '/' && (path == end || end != "/messages" && strings.HasSuffix(path, end))
				if !lacking {
					continue
				}
			}
			if len(end) > len(longest) {
				meant, ok, longest = ep, true, end
			}
		}
	}
	return meant, ok
}

// baseHint says what the base URL should be where a path ends as an endpoint's does.
func baseHint(path string) string {
	switch ep, ok := misplaced(path); {
	case !ok:
		return ""
	case ep.Dialect == OpenAI:
		return " If the SDK added this path, its base URL should be this server's address followed by /v1."
	default:
		return " If the SDK added this path, its base URL should be this server's address alone, without a path."
	}
}
