package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	maxBody  = 1 << 20 // bytes, of all calls but the one for many identities
	maxDepth = 32      // of nested arrays and objects, as in a project's settings
)

// body is a request's body as it was sent. T is what describes it in the OpenAPI document; nothing is ever decoded
// into a T, because encoding/json takes Tokens for tokens and the last of two members for the only one.
type body[T any] struct{ data []byte }

// Schema implements huma.SchemaProvider.
func (body[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// keep takes a copy of the body, whose bytes are huma's to use again.
func (b *body[T]) keep(data []byte) { b.data = bytes.Clone(data) }

// unmarshal is what huma calls to decode a body: it is kept, and decoded by who knows its fields.
func unmarshal(data []byte, into any) error {
	into.(interface{ keep([]byte) }).keep(data)
	return nil
}

// stored is an answer of type T as it was marshalled once, so that a repetition gets the very same.
type stored[T any] struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (stored[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// fields are the members that an object may have. Each sets what it stands for, or says in an error what is wrong
// with the value: "must be …". A *project.FieldError may name a part of the value.
type fields map[string]func(value json.RawMessage) error

// readBody sets what a body's members stand for. It returns fieldProblems, with everything that is wrong.
func (fs fields) readBody(data []byte) error {
	if err := check(data); err != nil {
		return err
	}
	if ps := fs.read("body", data); len(ps) > 0 {
		return ps
	}
	return nil
}

// read sets what the members of an object stand for; the object is part of a document that was checked.
func (fs fields) read(at string, data json.RawMessage) (ps fieldProblems) {
	members, err := membersOf(data)
	if err != nil {
		return fieldProblems{{at, err.Error()}}
	}
	for _, m := range members {
		if len(ps) >= maxProblems {
			break
		}
		location := join(at, m.name)
		set, ok := fs[m.name]
		if !ok {
			ps = append(ps, fieldProblem{location, fs.unknown(m.name)})
			continue
		}
		err := set(m.value)
		var inside *project.FieldError
		switch {
		case errors.As(err, &inside):
			ps = append(ps, fieldProblem{at + "." + inside.Path, inside.Problem})
		case err != nil:
			ps = append(ps, fieldProblem{location, err.Error()})
		}
	}
	return ps
}

func (fs fields) unknown(name string) string {
	names := slices.Sorted(maps.Keys(fs))
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return "is not known; letter case matters: " + known
		}
	}
	return "is not known; known here are " + strings.Join(names, ", ")
}

// member is a member of an object.
type member struct {
	name  string
	value json.RawMessage
}

func membersOf(data json.RawMessage) ([]member, error) {
	if kindOf(data) != "an object" {
		return nil, fmt.Errorf("must be an object, not %s", kindOf(data))
	}
	var members []member
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		members = append(members, member{name.(string), value})
	}
	return members, nil
}

// check refuses a document that two of its readers could take for different ones, or that no store could keep.
func check(data []byte) error {
	if !utf8.Valid(data) {
		return wrong("body", "is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return wrong("body", "is not valid JSON at byte %d: %v", syntax.Offset, err)
		}
		return wrong("body", "is not valid JSON: %v", err)
	}
	if halfCharacter(data) {
		return wrong("body", `has a \u escape that is half a character: a surrogate without its other half`)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return checkValue(d, "body", 0)
}

func checkValue(d *json.Decoder, at string, depth int) error {
	if depth > maxDepth {
		return wrong(at, "is nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return wrong(at, "is not valid JSON: %v", err)
	}
	switch t := token.(type) {
	case string:
		if strings.Contains(t, "\x00") {
			return wrong(at, "has the character U+0000, which cannot be stored")
		}
	case json.Delim:
		if t == '[' {
			return checkItems(d, at, depth)
		}
		return checkMembers(d, at, depth)
	}
	return nil
}

func checkItems(d *json.Decoder, at string, depth int) error {
	for i := 0; d.More(); i++ {
		if err := checkValue(d, index(at, i), depth+1); err != nil {
			return err
		}
	}
	return closing(d, at)
}

func checkMembers(d *json.Decoder, at string, depth int) error {
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return wrong(at, "is not valid JSON: %v", err)
		}
		name := token.(string)
		location := join(at, name)
		switch {
		case seen[name]:
			return wrong(location, "is there twice")
		case strings.Contains(name, "\x00"):
			return wrong(location, "has the character U+0000, which cannot be stored")
		}
		seen[name] = true
		if err := checkValue(d, location, depth+1); err != nil {
			return err
		}
	}
	return closing(d, at)
}

func closing(d *json.Decoder, at string) error {
	if _, err := d.Token(); err != nil && err != io.EOF {
		return wrong(at, "is not valid JSON: %v", err)
	}
	return nil
}

// halfCharacter reports whether valid JSON has a UTF-16 surrogate without its other half in an escape. encoding/json
// reads those as U+FFFD, and two different names as one.
func halfCharacter(data []byte) bool {
	unit := func(at int) (rune, bool) { // the escape that begins there
		if at+6 > len(data) || data[at] != '\\' || data[at+1] != 'u' {
			return 0, false
		}
		u, err := strconv.ParseUint(string(data[at+2:at+6]), 16, 16)
		return rune(u), err == nil
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		first, ok := unit(i)
		if !ok {
			i++ // an escape of two bytes
			continue
		}
		i += 5
		switch {
		case first >= 0xDC00 && first <= 0xDFFF:
			return true
		case first >= 0xD800 && first <= 0xDBFF:
			if second, ok := unit(i + 1); !ok || second < 0xDC00 || second > 0xDFFF {
				return true
			}
			i += 6
		}
	}
	return false
}

// kindOf names the type of a JSON value.
func kindOf(value json.RawMessage) string {
	for _, c := range value {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			return "an object"
		case '[':
			return "an array"
		case '"':
			return "a string"
		case 't', 'f':
			return "a boolean"
		case 'n':
			return "null"
		}
		return "a number"
	}
	return "nothing"
}

// text sets a string of at most most bytes.
func text(into *string, most int) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if kindOf(value) != "a string" {
			return fmt.Errorf("must be a string, not %s", kindOf(value))
		}
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return err
		}
		if len(s) > most || !identity.Printable(s) {
			return fmt.Errorf("must be at most %d bytes of printable text", most)
		}
		*into = s
		return nil
	}
}

// optional leaves as it is what is null.
func optional(set func(json.RawMessage) error) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if kindOf(value) == "null" {
			return nil
		}
		return set(value)
	}
}

// flag sets a boolean.
func flag(into *bool) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		if kindOf(value) != "a boolean" {
			return fmt.Errorf("must be true or false, not %s", kindOf(value))
		}
		return json.Unmarshal(value, into)
	}
}

// positive sets a whole number from 1 to maxCount. 1000000.0 is one: several languages write it so.
func positive(into *int64) func(json.RawMessage) error {
	return func(value json.RawMessage) error {
		whole, fraction, _ := strings.Cut(string(value), ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n < 1 || n > maxCount || strings.Trim(fraction, "0") != "" {
			return fmt.Errorf("must be a whole number from 1 to %d", int64(maxCount))
		}
		*into = n
		return nil
	}
}

// maxCount is the largest number of requests, tokens or micro-USD that a limit takes, and so a gift.
const maxCount = 1e15

// join appends a member's name to a location, fit to be shown.
func join(at, name string) string {
	const most = 100
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	if name == "" || !identity.Printable(name) {
		name = strconv.Quote(name)
	}
	return at + "." + name
}

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }
