package wire

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
	case tool, toolInside, toolParameters, toolFunction, toolEnvironment, toolModels, fallbackModels:
		return demandPlace(at, key)
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
