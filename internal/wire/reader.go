package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// place is what a value is to the provider by where it stands. Arrays are transparent: their elements stand where they do.
type place uint8

const (
	elsewhere     place = iota // text, whatever it says
	root                       // the body
	streaming                  // stream_options
	generation                 // generationConfig
	nested                     // Gemini: a request inside the request
	part                       // message, item or content part
	partType                   // its type
	partRole                   // its role
	partID                     // its id
	partSecret                 // reasoning that travels with its item, encrypted
	imageURL                   // an image: its URL, or an object that has it
	blob                       // an object with embedded data
	blobKind                   // how it is embedded
	blobMedia                  // its media type
	blobData                   // the data
	tool                       // OpenAI's or Anthropic's tool
	toolType                   // its type
	geminiTool                 // Gemini's tool: Google runs all but functions
	functionReply              // Gemini's functionResponse, which can hold parts
	extra                      // extra_body, which Google's compatible endpoint reads
	management                 // context_management
	prompts                    // prompts of Completions
	speech                     // text to be spoken
	hidden                     // anything but null refers to input that is not in the body
)

// reader walks a JSON body and fills the envelope.
type reader struct {
	scanner
	e       *Envelope
	scratch [256]byte // a short string, decoded
}

func (e *Envelope) readJSON() error {
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

// preamble refuses what is no JSON object from its first bytes on, and what is no text.
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
		r.leaf(at, v)
	}
}

// promptList counts the prompts of Completions: one each, but an array of numbers is a single one in tokens.
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
	}
}

// frame is what an object's members say together.
type frame struct {
	seen fieldSet
	item itemFrame
	blob blobFrame
}

func (r *reader) object(at place) error {
	if err := r.enter(); err != nil {
		return err
	}
	var f frame
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
	case blob:
		r.blob(&f.blob)
	}
	return nil
}

func (r *reader) member(at place, f *frame) error {
	tok, err := r.key()
	if err != nil {
		return err
	}
	key := r.short(tok) // until the next value is read
	r.name(key)
	if at == elsewhere {
		_, err := r.value(elsewhere)
		return err
	}
	field, err := f.seen.add(r.controls(at), key)
	if err != nil {
		return err
	}
	inner := r.within(at, key)
	v, err := r.value(inner)
	if err != nil {
		return err
	}
	if field != none {
		return r.control(field, v)
	}
	r.leaf(inner, v)
	if v.kind == text {
		r.note(inner, v, f)
	}
	return nil
}

// inside returns what stands between a string's quotes.
func (r *reader) inside(v token) []byte { return r.data[v.start+1 : v.end-1] }

// short decodes a string that may be one of the few words that are looked for, until the next call. One too long to be any
// comes back as it is written, and its backslashes keep it from being taken for one.
func (r *reader) short(v token) []byte {
	raw := r.inside(v)
	if !v.escaped || len(raw) > len(r.scratch) {
		return raw
	}
	word, _ := unescape(r.scratch[:0], raw)
	return word
}

// decode returns what a string stands for; ok is false where parsers would disagree.
func (r *reader) decode(v token) (s string, ok bool) {
	raw := r.inside(v)
	if !v.escaped {
		return string(raw), true
	}
	decoded, ok := unescape(make([]byte, 0, len(raw)), raw)
	return string(decoded), ok
}

// controls returns the control fields that an object at a place can have.
func (r *reader) controls(at place) []spelling {
	switch at {
	case root:
		if r.e.Endpoint.Dialect == Gemini {
			return geminiRootFields
		}
		return rootFields
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

// within tells where the value under key stands, of an object that stands at a place.
func (r *reader) within(at place, key []byte) place {
	switch {
	case at == root && string(key) == "stream_options":
		return streaming
	case r.e.Endpoint.Dialect == Anthropic:
		return anthropicPlace(at, key)
	case r.e.Endpoint.Dialect == Gemini:
		return geminiPlace(at, key)
	default:
		return openAIPlace(r.e.Endpoint.Operation, at, key)
	}
}

// control checks and records the value of a control field.
func (r *reader) control(field control, v token) error {
	e := r.e
	if field == model && e.Endpoint.Dialect == Gemini {
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
	}
	return nil
}

func (r *reader) model(v token) error {
	name, ok := r.decode(v)
	if !ok {
		return invalid("model", "`model` must not hold control characters or broken Unicode.")
	}
	r.e.Model = name
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
