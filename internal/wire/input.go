package wire

import "bytes"

// Input is the largest possible size of a request's input.
type Input struct {
	// TextBytes are the bytes of the body that are not recognised image data. A token is at least one byte.
	TextBytes int64
	// ControlBytes are the part of TextBytes that no model reads: plain control fields of OpenAI's and Anthropic's JSON.
	ControlBytes int64
	Images       int64 // embedded or by URL
	// Opaque says that the provider reads input that the body does not show: files by id or URL, stored conversations,
	// caches, documents, audio and video. It does not cover the results of hosted tools: see Demands.Tools.
	Opaque bool
}

// name notes a field by its name, at any place.
func (r *reader) name(key []byte) {
	switch string(key) {
	case "tools":
		r.e.Tools = true
	case "cache_control":
		r.e.CacheControl = true
	}
}

// leaf measures a value at its place, in an array or an object.
func (r *reader) leaf(at place, v token) error {
	in := &r.e.Input
	switch at {
	case conversed:
		if v.kind != null {
			in.Opaque, r.e.Continues = true, true
		}
	case hidden:
		if v.kind != null && v.kind != array { // an array's elements are measured themselves
			in.Opaque = true
		}
	case imageURL:
		if v.kind == text {
			r.image(r.inside(v))
		}
	case tool:
		if v.kind == text { // a tool that only has a name
			return r.e.Demands.addTool(Tool{Param: "tools", Type: string(r.short(v)), MaxUses: -1, MaxTokens: -1})
		}
	case storedPrompt:
		in.Opaque = in.Opaque || v.kind != null
	case routeModels:
		if v.kind == object { // it is unknown which members name a model
			return invalid("models", "`models` must be a list of models' names.")
		}
		return r.secondModel(at, v)
	case fallbackModels, toolModels, pluginModel, moderationModel:
		return r.secondModel(at, v)
	case fallbackCap, fallbackSpeed:
		r.ownSettings(at, v)
	case routing:
		if v.kind != null {
			r.e.Demands.Chooses = modelParams[at]
		}
	case predicted:
		if v.kind != null {
			r.e.Demands.Prediction += int64(v.end - v.start)
		}
	case googleLocal:
		r.e.Demands.TypedTools++
	case management:
		if v.kind == text && bytes.HasPrefix(r.short(v), []byte("compact")) {
			in.Opaque = true // the provider reads the input once more, and writes a summary
			r.e.Demands.Compactions++
		}
	case speech:
		if v.kind == text {
			r.e.Characters += runes(r.inside(v))
		}
	}
	return nil
}

// note records a value that identifies the object around it.
func (r *reader) note(at place, v token, f *frame) error {
	switch at {
	case toolType, toolModel, toolUses, toolTokens, toolExecution, toolEnvironment, toolFunction, toolParameters, toolForeign:
		return r.noteTool(at, v, f.tool)
	case pluginID:
		f.tool.kind = v
		return nil
	}
	if v.kind != text {
		return nil
	}
	switch at {
	case partID:
		f.item.id = true
	case partRole:
		f.item.role = true
	case partSecret:
		f.item.secret = true
	case partType:
		f.item.typed = true
		r.itemType(r.short(v), &f.item)
	case blobKind, blobMedia, blobData:
		r.noteBlob(at, v, &f.blob)
	}
	return nil
}

// itemFrame holds the members of a message, item or part.
type itemFrame struct {
	id, typed, role, reasoning, secret, result bool
	voiced                                     bool // it has a role
	speaker                                    Speaker
}

func (r *reader) itemType(word []byte, f *itemFrame) {
	switch string(word) {
	case "reasoning":
		f.reasoning = true
	case "document", "container_upload", // Anthropic
		"item_reference", "image_generation_call": // Responses
		r.e.Input.Opaque = true
	case "code_execution_output", "bash_code_execution_output": // Anthropic: names files that the tool made
		f.result = true
	}
}

// item measures a message, item or part once all its members are read. The Responses API takes stored items by their id
// alone, and reasoning by its id.
func (r *reader) item(f *itemFrame) {
	if f.id && !f.typed && !f.role || f.reasoning && !f.secret {
		r.e.Input.Opaque = true
	}
}
