package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// place is the meaning of a value by its position in the body. The elements of an array have the place of the array.
type place uint8

const (
	elsewhere       place = iota // text, and perhaps names of objects
	free                         // text in which the client's own schemas may use any name
	root                         // the body
	streaming                    // stream_options
	generation                   // generationConfig
	nested                       // Gemini: a request inside the request
	part                         // message, item or content part
	partType                     // its type
	partRole                     // its role
	partID                       // its id
	partSecret                   // reasoning that travels with its item, encrypted
	imageURL                     // an image: its URL, or an object that has it
	blob                         // an object with embedded data
	blobKind                     // how it is embedded
	blobMedia                    // its media type
	blobData                     // the data
	tool                         // OpenAI's or Anthropic's tool
	toolType                     // its type
	toolModel                    // its model
	toolUses                     // its bound of uses
	toolTokens                   // its bound of output
	toolExecution                // whether the client or the provider runs it
	toolEnvironment              // the environment in which it runs
	toolFunction                 // the description of a function
	toolParameters               // that, or the settings of a hosted tool
	toolForeign                  // a tool of Google's in OpenAI's list
	toolInside                   // anything else of it
	toolModels                   // models in that
	fallbackModels               // models that may answer in place of the first, or entries with one
	fallbackCap                  // such a model's own output cap
	fallbackSpeed                // its own speed
	routeModels                  // OpenRouter's models
	plugin                       // OpenRouter's plugin
	pluginID                     // its id
	pluginInside                 // anything else of it
	pluginModel                  // models in it
	moderation                   // settings of moderation in addition to an answer
	moderationModel              // its model
	routing                      // Google's routingConfig
	switches                     // a field that turns a hosted tool on
	predicted                    // predicted output
	geminiTool                   // Gemini's tool
	googleHosted                 // one that Google runs
	googleLocal                  // one of Google's that the client runs
	functionReply                // Gemini's functionResponse, which can hold parts
	extra                        // extra_body, which Google's compatible endpoint reads
	management                   // context_management
	prompts                      // prompts of Completions
	speech                       // text to be spoken
	storedPrompt                 // a prompt stored with OpenAI
	conversed                    // anything but null goes on with a stored conversation, which is not in the body
	hidden                       // anything but null refers to input that is not in the body
)

// reader walks a JSON body and fills the envelope.
type reader struct {
	scanner
	e     *Envelope
	again int // bytes that have been read once more
}

func (e *Envelope) readJSON() error {
	e.SoundAbsent = e.Endpoint.Operation == Transcriptions || e.Endpoint.Operation == Translations
	r := reader{scanner: scanner{data: e.body}, e: e}
	if err := r.preamble(); err != nil {
		return err
	}
	if err := r.object(root); err != nil {
		return err
	}
	if r.space(); r.pos < len(r.data) {
		return r.syntax("nothing more after the JSON document")
	}
	return nil
}

// preamble refuses a body that does not begin like a JSON object or is not UTF-8.
func (r *reader) preamble() error {
	if bytes.HasPrefix(r.data, []byte("\ufeff")) {
		return invalid("", "The request body begins with a byte order mark. Send UTF-8 without one.")
	}
	if !utf8.Valid(r.data) {
		return invalid("", "The request body is not valid UTF-8. Encode it as UTF-8.")
	}
	if r.space(); r.pos >= len(r.data) {
		return invalid("", "The request body is empty. Send a JSON object.")
	}
	k, err := r.peek()
	if err == nil && k != object {
		err = invalid("", "The request body must be a JSON object, got %s.", k)
	}
	return err
}

// value reads any value.
func (r *reader) value(at place) (token, error) {
	k, err := r.peek()
	if err != nil {
		return token{}, err
	}
	start := r.pos
	switch k {
	case object:
		err = r.object(at)
	case array:
		err = r.array(at)
	default:
		return r.scalar(k)
	}
	return token{start: start, end: r.pos, kind: k}, err
}

func (r *reader) array(at place) error {
	if at == prompts {
		return r.promptList()
	}
	if err := r.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.next(first, ']')
		if err != nil || !more {
			return err
		}
		v, err := r.value(at)
		if err != nil {
			return err
		}
		if err := r.leaf(at, v); err != nil {
			return err
		}
		if at == part {
			r.hear(v)
		}
	}
}

// promptList counts the prompts of Completions. Each element is one, but an array of numbers is a single prompt in tokens.
func (r *reader) promptList() error {
	if err := r.enter(); err != nil {
		return err
	}
	texts, tokens := int64(0), int64(0)
	for first := true; ; first = false {
		more, err := r.next(first, ']')
		if err != nil {
			return err
		}
		if !more {
			r.e.Answers = max(r.e.Answers, texts+tokens)
			return nil
		}
		v, err := r.value(elsewhere)
		if err != nil {
			return err
		}
		if v.kind == numeric {
			tokens = 1
		} else {
			texts++
		}
		r.hearPrompt(v)
	}
}

// frame collects the members of an object that are judged together.
type frame struct {
	seen fieldSet
	item itemFrame
	blob blobFrame
	tool *toolFrame // of a tool or a plugin
}

func (r *reader) object(at place) error {
	if err := r.enter(); err != nil {
		return err
	}
	var f frame
	if at == tool || at == plugin {
		f.tool = new(toolFrame)
	}
	objects, models, turns := len(r.e.Demands.Objects), len(r.e.Demands.Models), len(r.e.turns)
	for first := true; ; first = false {
		more, err := r.next(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := r.member(at, &f); err != nil {
			return err
		}
	}
	switch at {
	case part:
		r.item(&f.item)
		r.spoken(turns, f.item.speaker)
		if f.item.result {
			r.e.Demands.Objects = r.e.Demands.Objects[:objects] // a tool's result reports the objects that the tool made; it does not ask for them
		}
	case blob:
		r.blob(&f.blob)
	case tool:
		f.tool.named = len(r.e.Demands.Models) > models
		return r.tool(f.tool)
	case plugin:
		return r.plugin(f.tool)
	}
	return nil
}

func (r *reader) member(at place, f *frame) error {
	tok, err := r.key()
	if err != nil {
		return err
	}
	if tok.escaped {
		if err := r.checkKey(tok); err != nil {
			return err
		}
	}
	key := r.short(tok) // until the next value is read
	r.name(key)
	if at == free {
		_, err := r.value(free)
		return err
	}
	ref := objectField(key)
	if at == root && string(key) == "prompt" && r.e.Endpoint.Operation.responses() {
		ref = promptObject
	}
	if at == root && string(key) == "preset" { // settings stored with OpenRouter, a model among them
		ref = objectID
	}
	if at == elsewhere && ref == noObject {
		_, err := r.value(elsewhere)
		return err
	}
	return r.known(at, key, ref, f)
}

// known reads a member whose name has a meaning at its place, or refers to an object.
func (r *reader) known(at place, key []byte, ref reference, f *frame) error {
	field, err := f.seen.add(r.controls(at), key)
	if err != nil {
		return err
	}
	if field != none && at == extra {
		return invalid("extra_body", "`extra_body` must not hold `%s`. Put it at the top of the body.", params[field])
	}
	inner := r.within(at, key)
	name := ""
	if ref != noObject || inner == switches || inner == googleHosted {
		name = string(key)
	}
	if at == root && field == none && r.e.Demands.Steering == "" && isSteering(key) {
		r.e.Demands.Steering = string(key)
	}
	heard := r.hearing(at, inner, key)
	v, err := r.value(inner)
	if err != nil {
		return err
	}
	r.heard(heard, v, f)
	if ref != noObject {
		if err := r.refer(name, ref, v); err != nil {
			return err
		}
	}
	switch {
	case field != none && at != tool:
		return r.control(field, v)
	case inner == switches:
		return r.switchOn(name, v)
	case inner == googleHosted:
		return r.googleTool(name, v)
	}
	if inner <= part { // the value itself is not recorded
		return nil
	}
	if err := r.leaf(inner, v); err != nil {
		return err
	}
	return r.note(inner, v, f)
}

// checkKey refuses a field's name that parsers read differently: a name with a NUL, at which C strings end, or with half of
// a surrogate pair.
func (r *reader) checkKey(key token) error {
	raw := r.inside(key)
	decoded, ok := unescape(make([]byte, 0, min(len(raw), 256)), raw)
	if ok && bytes.IndexByte(decoded, 0) < 0 {
		return nil
	}
	return invalid("", "A field's name holds a NUL or half of a surrogate pair. Leave it out.")
}

// short decodes a string to compare it with the few known words; the result is valid until the next call. A longer string
// comes back undecoded, and its backslashes keep it from matching a known word.
func (r *reader) short(v token) []byte {
	raw := r.inside(v)
	if !v.escaped || len(raw) > len(r.e.scratch) {
		return raw
	}
	word, _ := unescape(r.e.scratch[:0], raw)
	return word
}

// controls returns the control fields that an object at a place can have.
func (r *reader) controls(at place) []spelling {
	switch at {
	case root:
		return r.e.spec().rootFields(r.e.Endpoint.Operation)
	case extra:
		return rootFields
	case tool:
		return toolFields
	case streaming:
		return streamFields
	case generation:
		return generationFields
	case nested:
		return nestedFields
	default:
		return nil
	}
}

// within returns the place of the value under key in an object at a place.
func (r *reader) within(at place, key []byte) place {
	if at == root && string(key) == "stream_options" {
		return streaming
	}
	if p, ok := demandPlace(at, key); ok {
		return p
	}
	p := r.e.spec().place(r.e.Endpoint.Operation, at, key)
	if p == elsewhere && r.e.listen && talks(at, key) {
		return part
	}
	return p
}

// control checks and records the value of a control field.
func (r *reader) control(field control, v token) error {
	e := r.e
	if field == model && e.spec().ModelInPath {
		return r.repeatedModel(v)
	}
	if err := e.check(field, v); err != nil {
		return err
	}
	e.fields[field] = v
	switch {
	case field == model:
		return r.model(v)
	case field == systemPrompt && v.kind == text:
		return r.systemPrompt(v)
	case field == fallbackList && v.kind == text:
		return r.secondModel(fallbackModels, v)
	}
	return nil
}

func (r *reader) model(v token) error {
	name, ok := r.decode(v)
	if !ok {
		return invalid("model", "`model` must not hold control characters or broken Unicode.")
	}
	r.e.Model = name
	if err := r.e.Demands.addPreset(name); err != nil {
		return err
	}
	return checkModel(name)
}

// repeatedModel checks a model inside a Gemini body, which must be the path's.
func (r *reader) repeatedModel(v token) error {
	if v.kind == null {
		return nil
	}
	if err := r.e.check(model, v); err != nil {
		return err
	}
	name, ok := r.decode(v)
	if name, _ = strings.CutPrefix(name, modelsPrefix); !ok || name != r.e.Model {
		return invalid("model", "`model` in the body is not the model in the path. Leave it out, or name the same model.")
	}
	r.e.models = append(r.e.models, v)
	return nil
}

func (r *reader) systemPrompt(v token) error {
	name, ok := r.decode(v)
	if !ok {
		return invalid("systemPrompt", "`systemPrompt` has broken Unicode.")
	}
	r.e.SystemPrompt = &name
	return nil
}
