package wire

import "bytes"

// Input is how large a request's input can be.
type Input struct {
	// TextBytes are the bytes of the body that are not recognised image data. A token is at least one byte.
	TextBytes int64
	// ControlBytes are those of TextBytes that no model reads: plain control fields of OpenAI's and Anthropic's JSON.
	ControlBytes int64
	Images       int64 // embedded or by URL
	// Opaque says that the provider reads input which the body does not show: files by id or URL, stored conversations,
	// caches, documents, audio and video, tools that the provider runs.
	Opaque bool
}

// name notes a field by its name, wherever it stands.
func (r *reader) name(key []byte) {
	switch string(key) {
	case "tools":
		r.e.Tools = true
	case "cache_control":
		r.e.CacheControl = true
	}
}

// leaf measures a value where it stands, be it in an array or an object.
func (r *reader) leaf(at place, v token) {
	in := &r.e.Input
	switch at {
	case hidden:
		if v.kind != null && v.kind != array { // an array's elements tell
			in.Opaque = true
		}
	case imageURL:
		if v.kind == text {
			r.image(r.inside(v))
		}
	case toolType:
		if v.kind != null && !(v.kind == text && clientTool(r.short(v))) {
			in.Opaque = true
		}
	case management:
		if v.kind == text && bytes.HasPrefix(r.short(v), []byte("compact")) {
			in.Opaque = true // the provider reads the input once more
		}
	case speech:
		if v.kind == text {
			r.e.Characters += runes(r.inside(v))
		}
	}
}

// clientTool reports whether the client runs tools of that type, so that their results are in the body.
func clientTool(word []byte) bool { return string(word) == "function" || string(word) == "custom" }

// note keeps a string that says what the object around it is.
func (r *reader) note(at place, v token, f *frame) {
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
}

// itemFrame is what a message, item or part says about itself.
type itemFrame struct{ id, typed, role, reasoning, secret bool }

func (r *reader) itemType(word []byte, f *itemFrame) {
	switch string(word) {
	case "reasoning":
		f.reasoning = true
	case "document", "container_upload", // Anthropic
		"item_reference", "image_generation_call": // Responses
		r.e.Input.Opaque = true
	}
}

// item judges a message, item or part when all its members are known: the Responses API takes items that it has stored by
// their id alone, and reasoning by its id.
func (r *reader) item(f *itemFrame) {
	if f.id && !f.typed && !f.role || f.reasoning && !f.secret {
		r.e.Input.Opaque = true
	}
}
