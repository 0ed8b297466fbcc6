package wire

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gemini is the API of Google's Gemini. Its servers have some of OpenAI's endpoints too.
var gemini = Spec{
	Name:     "gemini",
	KeyPlace: "x-goog-api-key",
	Serves:   "/v1beta/models/{model}:generateContent and its like, /v1/chat/completions, /v1/embeddings and /v1/images/generations",
	Paths: map[Operation]string{
		GenerateContent:       "/v1beta/models/{model}:generateContent",
		StreamGenerateContent: "/v1beta/models/{model}:streamGenerateContent",
		CountTokens:           "/v1beta/models/{model}:countTokens",
		EmbedContent:          "/v1beta/models/{model}:embedContent",
		BatchEmbedContents:    "/v1beta/models/{model}:batchEmbedContents",
		ChatCompletions:       "/v1beta/openai/chat/completions",
		Embeddings:            "/v1beta/openai/embeddings",
		ImageGenerations:      "/v1beta/openai/images/generations",
	},
	List:           ModelList{Path: "/v1beta/models", Query: "pageSize=1000", Member: "models"},
	Surplus:        []string{"/v1beta", "/models", "/openai"},
	ModelInPath:    true,
	CompletionCap:  true,
	LateFigures:    true,
	NumberedErrors: true,

	gets:     map[string]Operation{"/v1beta/models": ListModels},
	baseHint: addressAlone,
	ownsPath: func(path string) bool {
		// OpenAI's calls on one model are below /v1/models too. Only names of fine-tuned models have colons there.
		model, below := strings.CutPrefix(path, "/v1/models/")
		return strings.HasPrefix(path, "/v1beta") || strings.HasPrefix(path, "/upload/v1beta") ||
			below && strings.Contains(model, ":") && !strings.HasPrefix(model, "ft:")
	},
	ownsCaller: func(h http.Header, rawQuery string) bool {
		return h.Get("X-Goog-Api-Key") != "" || h.Get("X-Goog-Api-Client") != "" ||
			strings.HasPrefix(rawQuery, "key=") || strings.Contains(rawQuery, "&key=")
	},

	body:  geminiBody,
	names: geminiNames,

	place:      func(_ Operation, at place, key []byte) place { return geminiPlace(at, key) },
	rootFields: func(Operation) []spelling { return geminiRootFields },
	finish: func(e *Envelope) error {
		e.Stream = e.Endpoint.Operation == StreamGenerateContent
		return nil
	},
	caps:      []control{generationMaxOutput},
	choices:   []control{candidateCount},
	blobKind:  "base64",
	capInside: true,
}

// geminiNames are Google's names of a status, as in the table of types in docs/http-api.md.
var geminiNames = map[int]string{
	http.StatusBadRequest:            "INVALID_ARGUMENT",
	http.StatusUnauthorized:          "UNAUTHENTICATED",
	http.StatusPaymentRequired:       "RESOURCE_EXHAUSTED", // Google has no name for it
	http.StatusForbidden:             "PERMISSION_DENIED",
	http.StatusNotFound:              "NOT_FOUND",
	http.StatusRequestEntityTooLarge: "INVALID_ARGUMENT",
	http.StatusTooManyRequests:       "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError:   "INTERNAL",
	http.StatusBadGateway:            "UNAVAILABLE",
	http.StatusServiceUnavailable:    "UNAVAILABLE",
	http.StatusGatewayTimeout:        "DEADLINE_EXCEEDED",
}

// geminiBody is the error as Google writes it.
func geminiBody(e *Error, name, _ string) []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.open("error")
	o.text("message", e.Message)
	o.raw("code", strconv.Itoa(e.Status))
	o.text("status", name)
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

// seconds writes a duration as protobuf's JSON does: decimal seconds and an s.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(max(d, 0).Seconds(), 'f', -1, 64) + "s"
}

// geminiPlace returns the place of the value under key in a Gemini body. Google reads snake_case names, those of its
// protobuf messages, besides its JSON names.
func geminiPlace(at place, key []byte) place {
	switch at {
	case root, nested:
		return geminiRoot(at, key)
	case part:
		return geminiPart(key)
	case functionReply:
		if string(key) == "parts" {
			return part
		}
		return free
	case blob:
		switch {
		case foldEqual(key, "mimeType"), foldEqual(key, "mime_type"):
			return blobMedia
		case foldEqual(key, "data"):
			return blobData
		}
	case geminiTool:
		switch string(key) {
		case "functionDeclarations", "function_declarations":
			return free
		case "computerUse", "computer_use":
			return googleLocal
		}
		return googleHosted
	case generation:
		switch string(key) {
		case "routingConfig", "routing_config":
			return routing
		}
		return free
	}
	return elsewhere
}

func geminiRoot(at place, key []byte) place {
	switch string(key) {
	case "contents", "content", "systemInstruction", "system_instruction":
		return part
	case "generationConfig", "generation_config":
		if at == root {
			return generation
		}
	case "requests", "generateContentRequest", "generate_content_request":
		return nested
	case "tools":
		return geminiTool
	case "cachedContent", "cached_content":
		return hidden
	case "fallbacks":
		return fallbackModels
	case "models":
		return routeModels
	case "toolConfig", "tool_config", "labels", "systemPromptVariables":
		return free
	}
	return elsewhere
}

func geminiPart(key []byte) place {
	switch string(key) {
	case "parts":
		return part
	case "inlineData", "inline_data":
		return blob
	case "fileData", "file_data":
		return hidden
	case "functionResponse", "function_response":
		return functionReply
	case "functionCall", "function_call", "toolCall", "tool_call", "toolResponse", "tool_response", "partMetadata", "part_metadata":
		return free
	}
	return elsewhere
}
