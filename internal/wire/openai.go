package wire

import "bytes"

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
	case tool, toolInside, toolParameters, toolFunction, toolEnvironment, toolModels, fallbackModels, plugin, pluginInside, moderation:
		return demandPlace(at, key)
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
	case "previous_response_id", "conversation", "container", "cached_content", "cachedContent":
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
