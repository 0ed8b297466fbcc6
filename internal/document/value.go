package document

import (
	"bytes"
	"encoding/json"
	"iter"
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

// Value is a JSON value of a document that Parse accepted. The zero value is null. It holds the text, and
// decodes a part when it is asked for, so that a large body takes no more memory than its bytes.
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
func (v Value) Text() string {
	switch v.Kind() {
	case Number:
		return string(v.raw)
	case String:
		if bytes.IndexByte(v.raw, '\\') < 0 {
			return string(v.raw[1 : len(v.raw)-1])
		}
		var s string
		_ = json.Unmarshal(v.raw, &s)
		return s
	}
	return ""
}

// Items goes through the elements of an array.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() == Array {
			v.parts(yield)
		}
	}
}

// Members goes through the members of an object in their order.
func (v Value) Members() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		if v.Kind() != Object {
			return
		}
		var name Value
		named := false
		v.parts(func(part Value) bool {
			if named = !named; named {
				name = part
				return true
			}
			return yield(Member{name.Text(), part})
		})
	}
}

// Empty reports whether the value is an array without elements.
func (v Value) Empty() bool {
	for range v.Items() {
		return false
	}
	return v.Kind() == Array
}

// parts yields the texts between the brackets, commas and colons of an array or object, until yield returns false. It needs
// no grammar, because Parse has checked the document.
func (v Value) parts(yield func(Value) bool) {
	depth, start, last := 0, 1, len(v.raw)-1
	for i := 1; i <= last; i++ {
		switch c := v.raw[i]; {
		case c == '"':
			i += endOfString(v.raw[i:])
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == ':' || i == last):
			if part := bytes.TrimSpace(v.raw[start:i]); len(part) > 0 && !yield(Value{json.RawMessage(part), v.lenient}) {
				return
			}
			start = i + 1
		case c == ']' || c == '}':
			depth--
		}
	}
}

// endOfString returns the index of the closing quote of the string that raw begins with.
func endOfString(raw []byte) int {
	i := 1
	for ; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i
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
