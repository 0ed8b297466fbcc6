package wire

import (
	"bytes"
	"net/http"
	"strings"
)

// openAI is OpenAI's API, and that of the many servers that are compatible with it.
var openAI = Spec{
	Name:     "openai",
	KeyPlace: "Authorization",
	Serves:   "/v1/chat/completions and the other OpenAI endpoints",
	Paths: map[Operation]string{ // its base URLs end in /v1
		ChatCompletions:     "/chat/completions",
		Completions:         "/completions",
		Responses:           "/responses",
		CountResponseTokens: "/responses/input_tokens",
		CompactResponse:     "/responses/compact",
		Embeddings:          "/embeddings",
		Moderations:         "/moderations",
		ImageGenerations:    "/images/generations",
		ImageEdits:          "/images/edits",
		Speech:              "/audio/speech",
		Transcriptions:      "/audio/transcriptions",
		Translations:        "/audio/translations",
	},
	List:          ModelList{Path: "/models", Member: "data"},
	Surplus:       []string{"/chat/completions", "/responses"},
	SlashedModels: true,
	CachesUnasked: true,

	posts: map[string]Operation{
		"/v1/chat/completions":       ChatCompletions,
		"/v1/completions":            Completions,
		"/v1/responses":              Responses,
		"/v1/embeddings":             Embeddings,
		"/v1/moderations":            Moderations,
		"/v1/images/generations":     ImageGenerations,
		"/v1/images/edits":           ImageEdits,
		"/v1/audio/speech":           Speech,
		"/v1/audio/transcriptions":   Transcriptions,
		"/v1/audio/translations":     Translations,
		"/v1/responses/input_tokens": CountResponseTokens,
		"/v1/responses/compact":      CompactResponse,
	},
	gets:     map[string]Operation{"/v1/models": ListModels, "/v1/usage": OwnUsage},
	baseHint: "If the SDK added this path, its base URL should be this server's address followed by /v1.",
	ownsPath: func(path string) bool { return strings.HasPrefix(path, "/v1beta/openai/") },

	body:  openAIBody,
	names: openAINames,

	place: openAIPlace,
	rootFields: func(op Operation) []spelling {
		if op.responses() {
			return responsesRootFields
		}
		return rootFields
	},
	finish:        modelInBody,
	caps:          outputCaps,
	choices:       []control{choices, bestOf},
	unread:        unread,
	streamOptions: true,
}

// openAINames are OpenAI's names of a status, as in the table of types in docs/http-api.md.
var openAINames = map[int]string{
	http.StatusBadRequest:            "invalid_request_error",
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "rate_limit_exceeded",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "invalid_request_error",
	http.StatusRequestEntityTooLarge: "invalid_request_error",
	http.StatusTooManyRequests:       "rate_limit_exceeded",
	http.StatusInternalServerError:   "api_error",
	http.StatusBadGateway:            "api_error",
	http.StatusServiceUnavailable:    "api_error",
	http.StatusGatewayTimeout:        "api_error",
}

// openAIType is the error's type.
func (e *Error) openAIType(name string) string {
	switch {
	case e.Type != "":
		return e.Type
	case e.Code == "security_blocked":
		return "security_policy_violation"
	case e.Code == "limit_exceeded": // whichever status the project has chosen
		return "rate_limit_exceeded"
	}
	return name
}

// openAIBody is the error as OpenAI writes it.
func openAIBody(e *Error, name, _ string) []byte {
	o := objectWriter{buf: make([]byte, 0, usualBody)}
	o.open("")
	o.open("error")
	o.text("message", e.Message)
	o.text("type", e.openAIType(name))
	if e.Param == "" {
		o.raw("param", "null")
	} else {
		o.text("param", e.Param)
	}
	o.text("code", e.Code)
	e.appendExtras(&o)
	o.close()
	o.close()
	return o.buf
}

// openAIPlace returns the place of the value under key in a body of OpenAI's dialect. Chat messages, Responses items and
// content parts share their fields' names, and so one place.
func openAIPlace(op Operation, at place, key []byte) place {
	switch at {
	case root:
		return openAIRoot(op, key)
	case part:
		return openAIPart(key)
	case imageURL:
		switch string(key) {
		case "url", "image_url":
			return imageURL
		case "file_id":
			return hidden
		}
	case management:
		if string(key) == "type" {
			return management
		}
	case extra:
		switch string(key) {
		case "cached_content", "cachedContent":
			return hidden
		case "plugins", "mcp_servers":
			return switches
		}
		if searching(key) {
			return switches
		}
		return extra
	}
	return elsewhere
}

func openAIRoot(op Operation, key []byte) place {
	switch string(key) {
	case "messages":
		return part
	case "input":
		switch op {
		case Responses, CountResponseTokens, CompactResponse, Moderations:
			return part
		case Speech:
			return speech
		}
	case "prompt":
		switch op {
		case Completions:
			return prompts
		case Responses, CountResponseTokens, CompactResponse:
			return storedPrompt
		}
	case "image", "images", "mask":
		if op == ImageEdits || op == ImageGenerations {
			return imageURL
		}
	case "tools":
		return tool
	case "fallbacks":
		return fallbackModels
	case "models":
		return routeModels
	case "plugins":
		return plugin
	case "prediction":
		return predicted
	case "moderation":
		return moderation
	case "context_management":
		return management
	case "extra_body":
		return extra
	case "mcp_servers":
		return switches
	case "previous_response_id", "conversation":
		return conversed
	case "container", "cached_content", "cachedContent":
		return hidden
	case "metadata", "response_format", "text", "logit_bias", "tool_choice", "functions", "systemPromptVariables":
		return free
	}
	if searching(key) {
		return switches
	}
	return elsewhere
}

// searching reports whether a field's name is about searches, which providers run for a fee: OpenAI's web_search_options,
// xAI's search_parameters, Qwen's enable_search and similar fields.
func searching(key []byte) bool {
	const word = "search"
	for i := 0; i+len(word) <= len(key); i++ {
		if key[i]|0x20 == 's' && bytes.EqualFold(key[i:i+len(word)], []byte(word)) {
			return true
		}
	}
	return false
}

func openAIPart(key []byte) place {
	switch string(key) {
	case "content", "output":
		return part
	case "type":
		return partType
	case "role":
		return partRole
	case "id":
		return partID
	case "encrypted_content":
		return partSecret
	case "image_url":
		return imageURL
	case "tools": // of items of the Responses API that add tools
		return tool
	case "arguments", "function", "annotations", "results", "metadata":
		return free
	case "input_audio", "audio", "audio_url", "video_url", "file", "file_id", "file_url", "file_data":
		return hidden
	}
	return elsewhere
}
