package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDocument = 1 << 20 // bytes
	maxDepth    = 32      // nested arrays and objects
)

// FieldError reports what is wrong with one field of a document.
type FieldError struct {
	Path    string // tiers.pro.modelLimits.gpt-4o.requestLimit; "" for the document itself
	Problem string // a phrase that says what is wrong and what would be right
}

func (e *FieldError) Error() string {
	if e.Path == "" {
		return "the document " + e.Problem
	}
	return e.Path + ": " + e.Problem
}

func fieldError(path, format string, args ...any) error {
	return &FieldError{Path: path, Problem: fmt.Sprintf(format, args...)}
}

// kind is a JSON type.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

var kindNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

func (k kind) String() string { return kindNames[k] }

// value is a parsed JSON value. Unlike what encoding/json makes of one it keeps the order of an object's members and
// the spelling of a number, and it cannot have come from an object with two members of one name.
type value struct {
	kind    kind
	is      bool
	text    string // the string, or the number as written
	items   []value
	members []member
	lenient bool // an object that may have members which nobody knows
}

type member struct {
	name  string
	value value
}

// parse reads exactly one JSON value.
func parse(data []byte) (value, error) {
	if len(data) > maxDocument {
		return value{}, fieldError("", "is larger than %d bytes", maxDocument)
	}
	// encoding/json would replace what is not UTF-8, so that a name differs from the one that was sent.
	if !utf8.Valid(data) {
		return value{}, fieldError("", "is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, "", 0)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("something follows the end of the value")
		}
	}
	var field *FieldError
	switch {
	case err == nil || errors.As(err, &field):
		return v, err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return value{}, fieldError("", "is not valid JSON near byte %d: %v", d.InputOffset(), err)
}

func parseValue(d *json.Decoder, path string, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fieldError(path, "is nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return value{}, err
	}
	switch t := token.(type) {
	case bool:
		return value{kind: boolean, is: t}, nil
	case json.Number:
		return value{kind: number, text: t.String()}, nil
	case string:
		// PostgreSQL stores no NUL in text or jsonb.
		if strings.Contains(t, "\x00") {
			return value{}, fieldError(path, "contains the character U+0000")
		}
		return value{kind: text, text: t}, nil
	case json.Delim:
		if t == '[' {
			return parseArray(d, path, depth)
		}
		return parseObject(d, path, depth)
	default:
		return value{}, nil
	}
}

func parseArray(d *json.Decoder, path string, depth int) (value, error) {
	v := value{kind: array}
	for d.More() {
		item, err := parseValue(d, path+"["+strconv.Itoa(len(v.items))+"]", depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := d.Token()
	return v, err
}

func parseObject(d *json.Decoder, path string, depth int) (value, error) {
	v := value{kind: object}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return value{}, err
		}
		name, _ := token.(string)
		at := join(path, name)
		if seen[name] {
			return value{}, fieldError(at, "is there twice")
		}
		if strings.Contains(name, "\x00") {
			return value{}, fieldError(at, "contains the character U+0000")
		}
		seen[name] = true
		mv, err := parseValue(d, at, depth+1)
		if err != nil {
			return value{}, err
		}
		v.members = append(v.members, member{name, mv})
	}
	_, err := d.Token()
	return v, err
}

// any returns v as encoding/json would with numbers kept as written (json.Number).
func (v value) any() any {
	switch v.kind {
	case boolean:
		return v.is
	case number:
		return json.Number(v.text)
	case text:
		return v.text
	case array:
		out := make([]any, len(v.items))
		for i, item := range v.items {
			out[i] = item.any()
		}
		return out
	case object:
		out := make(map[string]any, len(v.members))
		for _, m := range v.members {
			out[m.name] = m.value.any()
		}
		return out
	}
	return nil
}

// allowUnknown has fields pass over members that they do not know, in all objects of v.
func (v *value) allowUnknown() {
	v.lenient = true
	for i := range v.members {
		v.members[i].value.allowUnknown()
	}
	for i := range v.items {
		v.items[i].allowUnknown()
	}
}

// describe names v in an error message: the value if it is short, else its type.
func (v value) describe() string {
	switch {
	case v.kind == text && len(v.text) <= 40:
		return strconv.Quote(v.text)
	case v.kind == number && len(v.text) <= 40:
		return v.text
	case v.kind == boolean:
		return strconv.FormatBool(v.is)
	}
	return v.kind.String()
}

// join appends a member's name to a path, fit to be shown.
func join(path, name string) string {
	const most = 100
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	if name == "" || !printable(name) || strings.TrimSpace(name) != name {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// setter stores a value of the document in the field of a struct.
type setter func(path string, v value) error

// fields are the members an object may have.
type fields map[string]setter

// set applies an object's members in their order. Only the fields it names change.
func (fs fields) set(path string, v value) error {
	if v.kind != object {
		return fieldError(path, "must be an object, not %s", v.describe())
	}
	for _, m := range v.members {
		set, ok := fs[m.name]
		if !ok && v.lenient {
			continue
		}
		if !ok {
			return fs.unknown(join(path, m.name), m.name)
		}
		if err := set(join(path, m.name), m.value); err != nil {
			return err
		}
	}
	return nil
}

func (fs fields) unknown(path, name string) error {
	names := make([]string, 0, len(fs))
	for known := range fs {
		if strings.EqualFold(known, name) {
			return fieldError(path, "is not known; letter case matters: %s", known)
		}
		names = append(names, known)
	}
	slices.Sort(names)
	return fieldError(path, "is not known; known here are %s", strings.Join(names, ", "))
}

// toggle sets a boolean; null is its default.
func toggle(into *bool, byDefault bool) setter {
	return func(path string, v value) error {
		switch v.kind {
		case null:
			*into = byDefault
		case boolean:
			*into = v.is
		default:
			return fieldError(path, "must be true or false, not %s", v.describe())
		}
		return nil
	}
}

// choice sets one of several names; null is the first.
func choice(into *string, names ...string) setter {
	return func(path string, v value) error {
		switch {
		case v.kind == null:
			*into = names[0]
		case v.kind == text && slices.Contains(names, v.text):
			*into = v.text
		default:
			return fieldError(path, "must be one of %s, not %s", strings.Join(names, ", "), v.describe())
		}
		return nil
	}
}

// emptyIsNull takes an empty array for null, where none and no list are the same.
func emptyIsNull(set setter) setter {
	return func(path string, v value) error {
		if v.kind == array && len(v.items) == 0 {
			v = value{kind: null}
		}
		return set(path, v)
	}
}

// list reads an array of strings, each passed through check, of which no two are equal after it. Null is nil. An
// empty list is refused: it could be meant as "all" as well as "none".
func list(into *[]string, check func(path, s string) (same string, err error)) setter {
	return func(path string, v value) error {
		if v.kind == null {
			*into = nil
			return nil
		}
		if v.kind != array {
			return fieldError(path, "must be an array of strings or null, not %s", v.describe())
		}
		if len(v.items) == 0 {
			return fieldError(path, "is empty; null means all, or list at least one")
		}
		out := make([]string, len(v.items))
		seen := make(map[string]string, len(v.items))
		for i, item := range v.items {
			at := path + "[" + strconv.Itoa(i) + "]"
			if item.kind != text {
				return fieldError(at, "must be a string, not %s", item.describe())
			}
			same, err := check(at, item.text)
			if err != nil {
				return err
			}
			if first, twice := seen[same]; twice {
				return fieldError(at, "is the same as %q", first)
			}
			seen[same], out[i] = item.text, item.text
		}
		*into = out
		return nil
	}
}

// listOrNone reads as list does, and takes the empty list too, which stands for none.
func listOrNone(into *[]string, check func(path, s string) (same string, err error)) setter {
	return func(path string, v value) error {
		if v.kind == array && len(v.items) == 0 {
			*into = []string{}
			return nil
		}
		return list(into, check)(path, v)
	}
}

// status sets one of several HTTP statuses; null is the first.
func status(into *int, statuses ...int) setter {
	return func(path string, v value) error {
		if v.kind == null {
			*into = statuses[0]
			return nil
		}
		n := int64(-1)
		if v.kind == number {
			n, _ = amount(v.text, 0)
		}
		if !slices.Contains(statuses, int(n)) {
			names := make([]string, len(statuses))
			for i, s := range statuses {
				names[i] = strconv.Itoa(s)
			}
			return fieldError(path, "must be one of %s, not %s", strings.Join(names, ", "), v.describe())
		}
		*into = int(n)
		return nil
	}
}

// optional sets a string that check accepts; null is nil.
func optional(into **string, check func(path, s string) error) setter {
	return func(path string, v value) error {
		if v.kind == null {
			*into = nil
			return nil
		}
		if v.kind != text {
			return fieldError(path, "must be a string or null, not %s", v.describe())
		}
		if err := check(path, v.text); err != nil {
			return err
		}
		*into = &v.text
		return nil
	}
}
