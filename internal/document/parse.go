// Package document reads the JSON documents that people write: a project's settings, a book of prices, the bodies of
// /api.
//
// Invariants: a document is refused, with the path of the member at fault, if two readers could read it differently or a
// database could not keep it. An unknown member is refused, except in stored documents. Nothing is decoded into a struct,
// because encoding/json accepts Tokens as tokens, and of two members with one name takes the last.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects are nested.
const maxDepth = 32

// Parse checks that data is exactly one JSON value, and returns it. path is its name in errors, "" for "the document".
// Errors are *FieldError. The value shares data's memory.
func Parse(path string, data []byte) (Value, error) {
	r := reader{Decoder: json.NewDecoder(bytes.NewReader(data)), data: data, root: path}
	r.UseNumber() // a number too large for a float64 is a number
	if err := r.value(); err != nil {
		return Value{}, err
	}
	if _, err := r.Token(); err != io.EOF {
		return Value{}, r.errorf("is not valid JSON near byte %d: something follows the end of the value; send one value", r.InputOffset())
	}
	return Value{raw: bytes.TrimSpace(data)}, nil
}

type reader struct {
	*json.Decoder
	data  []byte
	root  string // the path of the document
	steps []step // from the document to the value that is read
}

// step leads from a value to one of its parts.
type step struct {
	name  string // of a member
	index int    // of an element; -1 for a member
}

// errorf returns an error of the value that is read. Only errors need its path, so only they pay for it.
func (r *reader) errorf(format string, args ...any) error {
	path := r.root
	for _, s := range r.steps {
		if s.index < 0 {
			path = Join(path, s.name)
		} else {
			path = Index(path, s.index)
		}
	}
	return Errorf(path, format, args...)
}

// value reads a value with its contents.
func (r *reader) value() error {
	if len(r.steps) > maxDepth {
		return r.errorf("is nested deeper than %d levels; flatten it", maxDepth)
	}
	token, raw, err := r.token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		return r.checkText(t, raw)
	case json.Delim:
		if t == '[' {
			return r.items()
		}
		return r.members()
	}
	return nil
}

func (r *reader) items() error {
	depth := len(r.steps)
	for i := 0; r.More(); i++ {
		r.steps = append(r.steps, step{index: i})
		if err := r.value(); err != nil {
			return err
		}
		r.steps = r.steps[:depth]
	}
	_, _, err := r.token()
	return err
}

func (r *reader) members() error {
	depth, seen := len(r.steps), names{data: r.data}
	for r.More() {
		token, raw, err := r.token()
		if err != nil {
			return err
		}
		name := token.(string)
		r.steps = append(r.steps, step{name, -1})
		if err := r.checkText(name, raw); err != nil {
			return err
		}
		if !seen.add(name, int(r.InputOffset())-len(raw)+bytes.IndexByte(raw, '"')) {
			return r.errorf("is there twice; leave one out")
		}
		if err := r.value(); err != nil {
			return err
		}
		r.steps = r.steps[:depth]
	}
	_, _, err := r.token()
	return err
}

// token reads the next token. raw is its text in the document, after the separator and the spaces before it. An error names
// the byte at which the token begins; the fault may be further on in it.
func (r *reader) token() (token json.Token, raw []byte, err error) {
	start := r.InputOffset()
	token, err = r.Token()
	end := r.InputOffset()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, r.errorf("is not valid JSON: it ends early, at byte %d; send all of it", len(r.data))
	case err != nil:
		return nil, nil, r.errorf("is not valid JSON near byte %d: %v", end, err)
	}
	return token, r.data[start:end], nil
}

// checkText refuses a string that some part of the system could not keep unchanged. encoding/json decodes invalid characters
// to U+FFFD, so that two different names would become one.
func (r *reader) checkText(s string, raw []byte) error {
	switch {
	case strings.Contains(s, "\x00"): // PostgreSQL cannot store it in text or jsonb
		return r.errorf("has the character U+0000, which cannot be stored; leave it out")
	case !strings.ContainsRune(s, utf8.RuneError):
		return nil
	case !utf8.Valid(raw):
		return r.errorf("is not valid UTF-8; encode it as UTF-8")
	case halfCharacter(raw):
		return r.errorf(`has a \u escape that is half a character: a surrogate without its other half; write both, or the character itself`)
	}
	return nil
}

// halfCharacter reports whether a valid string has an escaped UTF-16 surrogate without its other half.
func halfCharacter(raw []byte) bool {
	for {
		_, escape, found := bytes.Cut(raw, []byte(`\`))
		if !found {
			return false
		}
		first, isUnit := codeUnit(escape)
		if !isUnit {
			raw = escape[1:]
			continue
		}
		raw = escape[unitLength:]
		if !utf16.IsSurrogate(first) {
			continue
		}
		after, _ := bytes.CutPrefix(raw, []byte(`\`))
		second, isUnit := codeUnit(after)
		if len(after) == len(raw) || !isUnit || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		raw = after[unitLength:]
	}
}

// unitLength is the length of a UTF-16 code unit's escape after its backslash: u and four digits.
const unitLength = 5

// codeUnit reads an escape after its backslash, if it is \u.
func codeUnit(escape []byte) (rune, bool) {
	if len(escape) < unitLength || escape[0] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(escape[1:unitLength]), 16, 16)
	return rune(u), err == nil
}
