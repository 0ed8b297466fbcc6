package wire

import "slices"

// Veil replaces the members of an answer in which a provider repeats the instruction of a request with null: those named in
// veiled, at the top of a JSON document or in its member response. Every other byte is as it was. It reads whole documents
// and event streams, in pieces of any size. The zero value replaces nothing.
type Veil struct {
	On bool

	events, known bool   // the answer's form, once it is known
	line          uint8  // events: how far the line has been read, see lineStart
	field         []byte // events: the name of the line's field so far
	empty         bool   // events: the line has no byte so far
	carriage      bool   // events: the byte before was a carriage return, which ends a line
	doc           veiledDocument
	out           []byte
}

// veiled are the members that vendors and compatible servers document for it: OpenAI's instructions of a response, and the
// prompt, in text or in tokens, of servers such as Together and vLLM.
var veiled = []string{"instructions", "prompt", "prompt_logprobs", "prompt_token_ids"}

// How far a line of a stream has been read.
const (
	lineStart uint8 = iota // a part of the field's name
	lineData               // the name data and the colon
	lineOther              // another name
)

// Next returns what may be shown of the next piece of an answer. The result is valid until the next call.
func (v *Veil) Next(p []byte) []byte {
	if !v.On {
		return p
	}
	v.out = slices.Grow(v.out[:0], len(p)+len("null"))
	for _, b := range p {
		if !v.known && !v.recognise(b) {
			v.out = append(v.out, b)
			continue
		}
		if v.events {
			v.event(b)
		} else {
			v.out = v.doc.next(v.out, b)
		}
	}
	return v.out
}

// recognise tells the answer's form by its first byte. White space and a byte order mark before it do not count.
func (v *Veil) recognise(b byte) bool {
	switch {
	case b == ' ', b == '\t', b == '\r', b == '\n', b >= 0x80:
		return false
	}
	v.known, v.events, v.empty = true, b != '{' && b != '[', true
	return true
}

// event reads a byte of a stream.
func (v *Veil) event(b byte) {
	if b == '\n' && v.carriage { // the line has ended before
		v.carriage = false
		v.out = append(v.out, b)
		return
	}
	v.carriage = b == '\r'
	if b == '\n' || b == '\r' {
		if v.empty {
			v.doc = veiledDocument{} // the event has ended
		}
		v.empty, v.line, v.field = true, lineStart, v.field[:0]
		v.out = append(v.out, b)
		return
	}
	v.empty = false
	switch v.line {
	case lineData:
		v.out = v.doc.next(v.out, b)
		return
	case lineStart:
		switch {
		case b == ':' && string(v.field) == "data":
			v.line = lineData
		case b == ':' || len(v.field) >= len("data"):
			v.line = lineOther
		default:
			v.field = append(v.field, b)
		}
	}
	v.out = append(v.out, b)
}

// veiledDocument is the state within a JSON document. Its zero value is at the beginning.
type veiledDocument struct {
	depth    int
	object   bool   // the outermost value is an object
	response bool   // depth 2 is in its member response
	text     bool   // within a string
	escaped  bool   // the next byte of the string is escaped
	first    bool   // the next string is the name of a member
	named    bool   // the string is the name of a member that matters
	name     []byte // its bytes, as they are written
	found    string // the name whose value comes next; "" for one that does not matter
	dropping uint8  // the kind of the value that is dropped
	outer    int    // the depth around a dropped array or object
}

// The kinds of dropped values.
const (
	dropNothing uint8 = iota
	dropText
	dropNested
	dropWord // a number, true, false or null
)

// maxVeiledName is longer than every name that matters, escapes included.
const maxVeiledName = 6 * 20

// next reads a byte and appends what may be shown of it.
func (d *veiledDocument) next(out []byte, b byte) []byte {
	switch d.dropping {
	case dropText, dropNested:
		d.drop(b)
		return out
	case dropWord:
		switch b {
		case ',', '}', ']', ' ', '\t':
			d.dropping = dropNothing
		default:
			return out
		}
	}
	if d.text {
		d.letter(b)
		return append(out, b)
	}
	if d.found != "" && d.hides(b) {
		return append(out, "null"...)
	}
	d.mark(b)
	return append(out, b)
}

// hides reports whether a byte begins a value that is not shown, and begins to drop it.
func (d *veiledDocument) hides(b byte) bool {
	if b == ' ' || b == '\t' || b == '\r' || b == '\n' || b == ':' || !slices.Contains(veiled, d.found) {
		return false
	}
	d.found = ""
	switch b {
	case '"':
		d.dropping = dropText
	case '{', '[':
		d.dropping, d.outer = dropNested, d.depth
		d.depth++
	default:
		d.dropping = dropWord
	}
	return true
}

// drop reads a byte of a value that is not shown.
func (d *veiledDocument) drop(b byte) {
	switch {
	case d.escaped:
		d.escaped = false
	case b == '\\':
		d.escaped = d.text || d.dropping == dropText
	case d.dropping == dropText:
		if b == '"' {
			d.dropping = dropNothing
		}
	case b == '"':
		d.text = !d.text
	case d.text:
	case b == '{', b == '[':
		d.depth++
	case b == '}', b == ']':
		if d.depth--; d.depth == d.outer {
			d.dropping = dropNothing
		}
	}
}

// letter reads a byte of a string.
func (d *veiledDocument) letter(b byte) {
	switch {
	case d.escaped:
		d.escaped = false
	case b == '\\':
		d.escaped = true
	case b == '"':
		d.text = false
		if d.named {
			d.found, d.named = d.word(), false
		}
		return
	}
	if d.named && len(d.name) <= maxVeiledName {
		d.name = append(d.name, b)
	}
}

// word decodes the name that was read. A name with a broken escape is none that matters.
func (d *veiledDocument) word() string {
	quoted := append(append([]byte{'"'}, d.name...), '"')
	s := scanner{data: quoted}
	tok, err := s.text()
	if err != nil || tok.end != len(quoted) {
		return ""
	}
	name, _ := s.decode(tok)
	return name
}

// mark reads a byte outside of strings.
func (d *veiledDocument) mark(b byte) {
	switch b {
	case ' ', '\t', '\r', '\n':
		return
	case ':':
		d.first = false
		return
	case '"':
		d.text = true
		d.named = d.first && d.object && (d.depth == 1 || d.depth == 2 && d.response)
		d.name = d.name[:0]
	case '{', '[':
		if d.depth == 0 {
			d.object = b == '{'
		}
		if d.depth == 1 {
			d.response = b == '{' && d.found == "response"
		}
		d.depth++
	case '}', ']':
		d.depth--
	}
	d.first = b == '{' || b == ','
	d.found = ""
}
