package document

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Kind is a JSON type. It is written as error messages name it.
type Kind string

// The kinds of values.
const (
	Null    Kind = "null"
	Boolean Kind = "a boolean"
	Number  Kind = "a number"
	String  Kind = "a string"
	Array   Kind = "an array"
	Object  Kind = "an object"
)

// Value is a JSON value of a document that Parse accepted. The zero value is null. It holds the text and decodes it on
// demand, so a large body takes no more memory than its bytes.
type Value struct {
	raw     json.RawMessage
	lenient bool
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value Value
}

// AllowUnknown returns v in a form in which Fields ignore unknown members.
func (v Value) AllowUnknown() Value {
	v.lenient = true
	return v
}

// Raw returns the value as it is written.
func (v Value) Raw() json.RawMessage { return v.raw }

// Kind returns the value's type.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return Null
	}
	switch v.raw[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Boolean
	case 'n':
		return Null
	}
	return Number
}

// True reports whether the value is true.
func (v Value) True() bool { return string(v.raw) == "true" }

// Text returns a string, or a number as it is written; "" for another kind.
func (v Value) Text() (s string) {
	switch v.Kind() {
	case Number:
		s = string(v.raw)
	case String:
		if bytes.IndexByte(v.raw, '\\') < 0 {
			return string(v.raw[1 : len(v.raw)-1])
		}
		_ = json.Unmarshal(v.raw, &s)
	}
	return s
}

// Items returns the elements of an array.
func (v Value) Items() []Value {
	if v.Kind() != Array {
		return nil
	}
	return v.parts()
}

// Members returns the members of an object in their order.
func (v Value) Members() []Member {
	if v.Kind() != Object {
		return nil
	}
	parts := v.parts()
	members := make([]Member, len(parts)/2)
	for i := range members {
		members[i] = Member{parts[2*i].Text(), parts[2*i+1]}
	}
	return members
}

// parts returns the texts between the brackets, commas and colons of an array or object. It needs no grammar, because Parse
// has checked the document.
func (v Value) parts() (parts []Value) {
	depth, start, last := 0, 1, len(v.raw)-1
	for i := 1; i <= last; i++ {
		switch c := v.raw[i]; {
		case c == '"':
			for i++; v.raw[i] != '"'; i++ {
				if v.raw[i] == '\\' {
					i++
				}
			}
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == ':' || i == last):
			if part := bytes.TrimSpace(v.raw[start:i]); len(part) > 0 {
				parts = append(parts, Value{json.RawMessage(part), v.lenient})
			}
			start = i + 1
		case c == ']' || c == '}':
			depth--
		}
	}
	return parts
}

// Any returns the value as encoding/json does, with numbers as they are written (json.Number).
func (v Value) Any() (decoded any) {
	d := json.NewDecoder(bytes.NewReader(v.raw))
	d.UseNumber()
	_ = d.Decode(&decoded)
	return decoded
}

// Describe names the value in an error message: itself if it is short, else its kind. A value that may be a secret is
// named by its Kind alone.
func (v Value) Describe() string {
	const most = 40
	switch k := v.Kind(); {
	case k == String && len(v.Text()) <= most:
		return strconv.Quote(v.Text())
	case k == Boolean, k == Number && len(v.raw) <= most:
		return string(v.raw)
	default:
		return string(k)
	}
}
