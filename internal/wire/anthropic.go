package wire

import (
	"net/http"
	"strings"
)

// addressAlone is the hint for SDKs that add the version to their base URL.
const addressAlone = "If the SDK added this path, its base URL should be this server's address alone, without a path."

// anthropic is Anthropic's API. Its servers have OpenAI's chat completions too.
var anthropic = Spec{
	Name:            "anthropic",
	KeyPlace:        "x-api-key",
	RequestIDHeader: "Request-Id",
	Serves:          "/v1/messages and /v1/chat/completions",
	Paths: map[Operation]string{
		Messages:           "/v1/messages",
		CountMessageTokens: "/v1/messages/count_tokens",
		ChatCompletions:    "/v1/chat/completions",
	},
	List:          ModelList{Path: "/v1/models", Query: "limit=1000", Header: map[string]string{"Anthropic-Version": "2023-06-01"}, Member: "data"},
	Surplus:       []string{"/v1", "/messages"},
	CompletionCap: true,

	posts:      map[string]Operation{"/v1/messages": Messages, "/v1/messages/count_tokens": CountMessageTokens},
	baseHint:   addressAlone,
	ownsPath:   func(path string) bool { return strings.HasPrefix(path, "/v1/messages") },
	ownsCaller: func(h http.Header, _ string) bool { return h.Get("Anthropic-Version") != "" },

	body:  anthropicBody,
	names: anthropicNames,

	place:        func(_ Operation, at place, key []byte) place { return anthropicPlace(at, key) },
	rootFields:   func(Operation) []spelling { return rootFields },
	finish:       modelInBody,
	caps:         outputCaps,
	choices:      []control{choices, bestOf},
	unread:       unread,
	untypedTools: true,
}

// anthropicNames are Anthropic's names of a status, as in the table of types in docs/http-api.md.
var anthropicNames = map[int]string{
	http.StatusBadRequest:            "invalid_request_error",
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "billing_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	http.StatusInternalServerError:   "api_error",
	http.StatusBadGateway:            "api_error",
	http.StatusServiceUnavailable:    "overloaded_error",
	http.StatusGatewayTimeout:        "timeout_error",
}

// anthropicBody is the error as Anthropic writes it.
func anthropicBody(e *Error, name, requestID string) []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.text("type", "error")
	o.open("error")
	o.text("message", e.Message)
	o.text("type", name)
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

// anthropicPlace returns the place of the value under key in a Messages body. A tool call's input is free-form and counts
// as text. A tool result's content has parts again.
func anthropicPlace(at place, key []byte) place {
	switch at {
	case root:
		switch string(key) {
		case "messages", "system":
			return part
		case "tools":
			return tool
		case "context_management":
			return management
		case "fallbacks":
			return fallbackModels
		case "models":
			return routeModels
		case "mcp_servers":
			return switches
		case "container":
			return hidden
		case "metadata", "tool_choice", "output_config", "output_format", "systemPromptVariables":
			return free
		}
	case part:
		switch string(key) {
		case "content":
			return part
		case "type":
			return partType
		case "source":
			return blob
		case "file_id":
			return hidden
		case "input", "citations", "metadata":
			return free
		}
	case blob:
		return anthropicSource(key)
	case management:
		switch string(key) {
		case "edits", "type":
			return management
		}
	}
	return elsewhere
}

func anthropicSource(key []byte) place {
	switch {
	case foldEqual(key, "type"):
		return blobKind
	case foldEqual(key, "media_type"):
		return blobMedia
	case foldEqual(key, "data"):
		return blobData
	case string(key) == "content":
		return part
	case string(key) == "file_id":
		return hidden
	default:
		return elsewhere
	}
}
