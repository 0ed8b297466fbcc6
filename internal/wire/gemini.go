package wire

// geminiPlace returns the place of the value under key in a Gemini body. Google reads snake_case names, those of its
// protobuf messages, beside its JSON names.
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
