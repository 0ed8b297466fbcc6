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
	encrypted                  // reasoning that travels with its item
	imageURL                   // an image: its URL, or an object that has it
	blob                       // an object with embedded data, its type and its media type
	blobKind                   // how it is embedded
	blobMedia                  // its media type
	blobData                   // the data
	tool                       // OpenAI's or Anthropic's tool
	toolType                   // its type
	geminiTool                 // Gemini's tool: each field but the functions is one that Google runs
	functionReply              // Gemini's functionResponse, which can hold parts
	extra                      // extra_body of OpenAI's SDK, sent literally
	management                 // context_management: compaction reads the input again
	prompts                    // prompts of Completions
	speech                     // text to be spoken
	hidden                     // anything but null refers to input that is not in the body
)

// reader walks a JSON body and fills the envelope.
type reader struct {
	scanner
	e       *Envelope
	scratch [256]byte // an escaped key, decoded
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
	inner := at
	if at == prompts {
		inner = elsewhere
	}
	texts, numbers := int64(0), int64(0)
	if err := r.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.next(first, ']')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		v, err := r.value(inner)
		if err != nil {
			return err
		}
		if v.kind == numeric {
			numbers++
		} else {
			texts++
		}
		r.leaf(inner, v, nil)
	}
	r.leave()
	if at == prompts {
		// An array of numbers is one prompt in tokens.
		r.e.Answers = max(r.e.Answers, texts+min(numbers, 1))
	}
	return nil
}

// frame is what an object's members say together.
type frame struct {
	seen                       uint32 // control fields, by bit
	id, typed, role, reasoning bool
	encrypted                  bool
	blob                       blobFrame
}

func (r *reader) object(at place) error {
	var f frame
	if err := r.enter(); err != nil {
		return err
	}
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
	r.leave()
	switch at {
	case part:
		if f.id && !f.typed && !f.role || f.reasoning && !f.encrypted {
			r.e.Input.Opaque = true // the provider has the item
		}
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
	if at == elsewhere {
		_, err := r.value(elsewhere)
		return err
	}
	key := r.name(tok)
	field, err := r.control(at, key, f)
	if err != nil {
		return err
	}
	inner := r.within(at, key)
	v, err := r.value(inner)
	if err != nil {
		return err
	}
	if field != none {
		return r.field(at, field, v)
	}
	r.leaf(inner, v, f)
	return nil
}

// name decodes a key. One too long to be any that is looked for stays as it is, which with its backslash matches none.
func (r *reader) name(tok token) []byte {
	raw := r.inside(tok)
	if !tok.escaped || len(raw) > len(r.scratch) {
		return raw
	}
	key, _ := unescape(r.scratch[:0], raw, len(r.scratch))
	return key
}

// inside returns what stands between a string's quotes.
func (r *reader) inside(tok token) []byte { return r.data[tok.start+1 : tok.end-1] }

// spellings returns the control fields that an object at a place can have.
func (r *reader) spellings(at place) []spelling {
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

// control finds the control field that key names, and refuses it when it is there already or in another case.
func (r *reader) control(at place, key []byte, f *frame) (control, error) {
	for _, s := range r.spellings(at) {
		if string(key) == s.name {
			if f.seen&(1<<s.field) != 0 {
				return none, invalid(params[s.field], "`%s` is given more than once. Send it once.", params[s.field])
			}
			f.seen |= 1 << s.field
			return s.field, nil
		}
	}
	for _, s := range r.spellings(at) {
		if foldEqual(key, s.name) {
			return none, invalid(params[s.field], "A field differs from `%s` only in letter case. Write it as `%s`.", s.name, s.name)
		}
	}
	return none, nil
}

// foldEqual reports whether key is name in some letter case.
func foldEqual(key []byte, name string) bool {
	// The longest characters that fold to ASCII are the three bytes of the Kelvin sign.
	return len(key) >= len(name) && len(key) <= 3*len(name) && strings.EqualFold(string(key), name)
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

// field records the value of a control field.
func (r *reader) field(at place, field control, v token) (err error) {
	e := r.e
	switch field {
	case model:
		return r.model(at, v)
	case stream:
		e.Stream, err = e.flag(field, v)
	case includeUsage:
		e.IncludeUsage, err = e.flag(field, v)
	case streamOptions, systemPromptVariables, generationConfig:
		if v.kind != object && v.kind != null {
			err = wrongKind(field, "an object", v.kind)
		}
	case maxTokens, maxCompletionTokens, maxOutputTokens, generationMaxOutput:
		err = e.cap(field, v)
	case choices, bestOf, candidateCount:
		_, err = e.integer(field, v, 1, maxChoices)
	case systemPrompt:
		err = r.systemPrompt(v)
	}
	e.fields[field] = v
	return err
}

func (r *reader) model(at place, v token) error {
	e := r.e
	if e.Endpoint.Dialect == Gemini {
		return r.repeatedModel(v)
	}
	if v.kind != text {
		return wrongKind(model, "a string", v.kind)
	}
	name, ok := r.decode(v)
	if !ok {
		return invalid("model", "`model` must not hold control characters or broken Unicode.")
	}
	e.Model = name
	return checkModel(name)
}

// repeatedModel checks a model inside a Gemini body, which must be the path's.
func (r *reader) repeatedModel(v token) error {
	if v.kind == null {
		return nil
	}
	if v.kind != text {
		return wrongKind(model, "a string", v.kind)
	}
	name, _ := r.decode(v)
	if strings.TrimPrefix(name, "models/") != r.e.Model {
		return invalid("model", "`model` in the body is not the model in the path. Leave it out, or name the same model.")
	}
	r.e.models = append(r.e.models, v)
	return nil
}

func (r *reader) systemPrompt(v token) error {
	if v.kind == null {
		return nil
	}
	if v.kind != text {
		return wrongKind(systemPrompt, "a string", v.kind)
	}
	name, ok := r.decode(v)
	if !ok {
		return invalid("systemPrompt", "`systemPrompt` has broken Unicode.")
	}
	r.e.SystemPrompt = &name
	return nil
}

// decode returns what a string stands for.
func (r *reader) decode(v token) (s string, ok bool) {
	raw := r.inside(v)
	if !v.escaped {
		return string(raw), true
	}
	decoded, ok := unescape(make([]byte, 0, len(raw)), raw, len(raw))
	return string(decoded), ok
}

// short returns what a string stands for where it could be one of the few words that are looked for, until the next call.
func (r *reader) short(v token) []byte {
	if v.kind != text {
		return nil
	}
	return r.name(v)
}

// leaf measures a value where it stands. f is the object that it is a member of, nil in arrays.
func (r *reader) leaf(at place, v token, f *frame) {
	in := &r.e.Input
	switch at {
	case hidden:
		in.Opaque = in.Opaque || v.kind != null && v.kind != array // its elements tell
	case imageURL:
		r.image(v)
	case toolType:
		word := string(r.short(v))
		in.Opaque = in.Opaque || v.kind != null && word != "function" && word != "custom"
	case management:
		in.Opaque = in.Opaque || bytes.HasPrefix(r.short(v), []byte("compact"))
	case speech:
		if v.kind == text {
			r.e.Characters += runes(r.inside(v))
		}
	}
	if f != nil && v.kind != null {
		r.note(at, v, f)
	}
}

// note keeps what an object's members say together.
func (r *reader) note(at place, v token, f *frame) {
	switch at {
	case partID:
		f.id = true
	case partRole:
		f.role = true
	case encrypted:
		f.encrypted = true
	case partType:
		word := string(r.short(v))
		f.typed = true
		f.reasoning = f.reasoning || word == "reasoning"
		r.e.Input.Opaque = r.e.Input.Opaque || hiddenType(word)
	case blobKind, blobMedia, blobData:
		r.noteBlob(at, v, &f.blob)
	}
}

// hiddenType reports whether a part or item of that type has its content with the provider, or is no text or image.
func hiddenType(word string) bool {
	switch word {
	case "document", "container_upload", // Anthropic
		"item_reference", "image_generation_call": // Responses
		return true
	default:
		return false
	}
}
