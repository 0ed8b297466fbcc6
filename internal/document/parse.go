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
	r := reader{json.NewDecoder(bytes.NewReader(data)), data}
	r.UseNumber() // a number too large for a float64 is a number
	if err := r.value(path, 0); err != nil {
		return Value{}, err
	}
	if _, err := r.Token(); err != io.EOF {
		return Value{}, Errorf(path, "is not valid JSON near byte %d: something follows the end of the value; send one value", r.InputOffset())
	}
	return Value{raw: bytes.TrimSpace(data)}, nil
}

type reader struct {
	*json.Decoder
	data []byte
}

// value reads a value with its contents.
func (r reader) value(path string, depth int) error {
	if depth > maxDepth {
		return Errorf(path, "is nested deeper than %d levels; flatten it", maxDepth)
	}
	token, raw, err := r.token(path)
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		return checkText(path, t, raw)
	case json.Delim:
		if t == '[' {
			return r.items(path, depth)
		}
		return r.members(path, depth)
	}
	return nil
}

func (r reader) items(path string, depth int) error {
	for i := 0; r.More(); i++ {
		if err := r.value(Index(path, i), depth+1); err != nil {
			return err
		}
	}
	_, _, err := r.token(path)
	return err
}

func (r reader) members(path string, depth int) error {
	seen := make(map[string]bool)
	for r.More() {
		token, raw, err := r.token(path)
		if err != nil {
			return err
		}
		name := token.(string)
		at := Join(path, name)
		if err := checkText(at, name, raw); err != nil {
			return err
		}
		if seen[name] {
			return Errorf(at, "is there twice; leave one out")
		}
		seen[name] = true
		if err := r.value(at, depth+1); err != nil {
			return err
		}
	}
	_, _, err := r.token(path)
	return err
}

// token reads the next token. raw is its text in the document, without separators before it.
func (r reader) token(path string) (token json.Token, raw []byte, err error) {
	start := r.InputOffset()
	token, err = r.Token()
	end := r.InputOffset()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, Errorf(path, "is not valid JSON: it ends early, at byte %d; send all of it", len(r.data))
	case err != nil:
		return nil, nil, Errorf(path, "is not valid JSON near byte %d: %v", end, err)
	}
	return token, r.data[start:end], nil
}

// checkText refuses a string that some part of the system could not keep unchanged. encoding/json decodes invalid characters
// to U+FFFD, so that two different names would become one.
func checkText(path, s string, raw []byte) error {
	switch {
	case strings.Contains(s, "\x00"): // PostgreSQL cannot store it in text or jsonb
		return Errorf(path, "has the character U+0000, which cannot be stored; leave it out")
	case !strings.ContainsRune(s, utf8.RuneError):
		return nil
	case !utf8.Valid(raw):
		return Errorf(path, "is not valid UTF-8; encode it as UTF-8")
	case halfCharacter(raw):
		return Errorf(path, `has a \u escape that is half a character: a surrogate without its other half; write both, or the character itself`)
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
		raw = escape[len("uXXXX"):]
		if !utf16.IsSurrogate(first) {
			continue
		}
		after, _ := bytes.CutPrefix(raw, []byte(`\`))
		second, isUnit := codeUnit(after)
		if len(after) == len(raw) || !isUnit || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		raw = after[len("uXXXX"):]
	}
}

// codeUnit reads an escape after its backslash, if it is \u.
func codeUnit(escape []byte) (rune, bool) {
	if len(escape) < len("uXXXX") || escape[0] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(escape[1:len("uXXXX")]), 16, 16)
	return rune(u), err == nil
}
