package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body, and so the recursion of the reader.
const maxDepth = 200

// kind is the type of a JSON value.
type kind uint8

const (
	missing kind = iota
	null
	boolean
	numeric
	text
	array
	object
)

// String returns the kind as error messages name it.
func (k kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// token is a value's range in the body, the quotes of a string included.
type token struct {
	start, end int
	kind       kind
	escaped    bool // a string with at least one backslash
}

// scanner reads JSON (RFC 8259) once from left to right. Its input is valid UTF-8.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// syntax makes the error for the byte at pos.
func (s *scanner) syntax(expected string) error {
	switch {
	case s.pos >= len(s.data):
		return invalid("", "The request body ends early, at byte %d, where %s should follow: it was cut off. Send the whole JSON document.", len(s.data), expected)
	case s.data[s.pos] == 0:
		return invalid("", "The request body has a NUL at byte %d. Write it as \\u0000 inside a string, or leave it out.", s.pos)
	default:
		return invalid("", "The request body is not valid JSON: at byte %d there should be %s.", s.pos, expected)
	}
}

// space skips whitespace and returns the byte after it, 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// peek skips whitespace and returns the kind of the value that begins there.
func (s *scanner) peek() (kind, error) {
	switch c := s.space(); c {
	case '{':
		return object, nil
	case '[':
		return array, nil
	case '"':
		return text, nil
	case 't', 'f':
		return boolean, nil
	case 'n':
		return null, nil
	default:
		if c == '-' || isDigit(c) {
			return numeric, nil
		}
		return missing, s.syntax("a value")
	}
}

// enter reads the bracket that opens an array or object.
func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return invalid("", "The request body is nested more than %d levels deep. Flatten it.", maxDepth)
	}
	s.pos++
	return nil
}

// next goes to the next element of an array or member of an object and reports whether there is one. If there is none it
// reads the closing bracket.
func (s *scanner) next(first bool, closing byte) (bool, error) {
	c := s.space()
	if c == closing {
		s.depth--
		s.pos++
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, s.syntax("a comma or " + strconv.QuoteRune(rune(closing)))
	}
	s.pos++
	return true, nil
}

// key reads a member's name and the colon after it.
func (s *scanner) key() (token, error) {
	if s.space() != '"' {
		return token{}, s.syntax("a field name in double quotes")
	}
	key, err := s.text()
	if err != nil {
		return token{}, err
	}
	if s.space() != ':' {
		return token{}, s.syntax("a colon")
	}
	s.pos++
	return key, nil
}

// scalar reads a value that is neither array nor object.
func (s *scanner) scalar(k kind) (token, error) {
	switch k {
	case text:
		return s.text()
	case numeric:
		return s.number()
	default:
		return s.literal(k)
	}
}

func (s *scanner) literal(k kind) (token, error) {
	word := "null"
	switch s.data[s.pos] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	start := s.pos
	for i := range len(word) {
		if s.pos >= len(s.data) || s.data[s.pos] != word[i] {
			return token{}, s.syntax("true, false or null")
		}
		s.pos++
	}
	return token{start: start, end: s.pos, kind: k}, nil
}

func (s *scanner) number() (token, error) {
	start := s.pos
	if s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if err := s.digits(); err != nil {
		return token{}, err
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return token{}, err
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if err := s.digits(); err != nil {
			return token{}, err
		}
	}
	return token{start: start, end: s.pos, kind: numeric}, nil
}

// digits reads one digit or more.
func (s *scanner) digits() error {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		return s.syntax("a digit")
	}
	return nil
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// text reads a string.
func (s *scanner) text() (token, error) {
	tok := token{start: s.pos, kind: text}
	s.pos++
	for {
		s.pos += plain(s.data[s.pos:])
		if s.pos >= len(s.data) {
			return token{}, s.syntax("the end of a string")
		}
		switch c := s.data[s.pos]; c {
		case '"':
			s.pos++
			tok.end = s.pos
			return tok, nil
		case '\\':
			tok.escaped = true
			if err := s.escape(); err != nil {
				return token{}, err
			}
		default:
			return token{}, s.syntax("no control character; write it as an escape, such as \\n")
		}
	}
}

// inside returns the bytes between a string's quotes.
func (s *scanner) inside(v token) []byte { return s.data[v.start+1 : v.end-1] }

// decode returns a string's decoded value; ok is false if parsers would disagree about it.
func (s *scanner) decode(v token) (value string, ok bool) {
	raw := s.inside(v)
	if !v.escaped {
		return string(raw), true
	}
	decoded, ok := unescape(make([]byte, 0, len(raw)), raw)
	return string(decoded), ok
}

// escape reads a backslash and the escape after it.
func (s *scanner) escape() error {
	s.pos++
	if s.pos >= len(s.data) {
		return s.syntax("an escape")
	}
	switch s.data[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if s.pos >= len(s.data) || hexDigit(s.data[s.pos]) < 0 {
				return s.syntax("four hexadecimal digits")
			}
			s.pos++
		}
		return nil
	default:
		return s.syntax("an escape that JSON knows")
	}
}

// Bytes repeated in all eight lanes of a word.
const (
	lanes = 0x0101010101010101
	high  = 0x8080808080808080
)

// plain returns how many bytes at the start of p stand for themselves in a string: up to the first quote, backslash or
// control character. It reads eight bytes at a time, because long strings are most of a body. (x-n)&^x sets the high bit
// of each lane whose byte is below n. A borrow can set it wrongly only in lanes above a right one, so the lowest is right.
func plain(p []byte) int {
	n := 0
	for ; len(p)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(p[n:])
		quote, slash := x^lanes*'"', x^lanes*'\\'
		stop := ((x-lanes*' ')&^x | (quote-lanes)&^quote | (slash-lanes)&^slash) & high
		if stop != 0 {
			return n + bits.TrailingZeros64(stop)/8
		}
	}
	for ; n < len(p); n++ {
		if c := p[n]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// hexDigit returns the value of c, -1 if it is no hexadecimal digit.
func hexDigit(c byte) rune {
	switch {
	case isDigit(c):
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	default:
		return -1
	}
}

// unescape appends the decoded inside of a string, which is never longer than raw. ok is false if an escape is half of a
// surrogate pair: parsers disagree about its meaning. raw was checked by [scanner.text].
func unescape(dst, raw []byte) (out []byte, ok bool) {
	ok = true
	for len(raw) > 0 {
		c := raw[0]
		if c != '\\' {
			dst = append(dst, c)
			raw = raw[1:]
			continue
		}
		if raw[1] != 'u' {
			dst = append(dst, unescaped(raw[1]))
			raw = raw[2:]
			continue
		}
		r := codeUnit(raw)
		raw = raw[6:]
		if utf16.IsSurrogate(r) {
			pair := utf8.RuneError
			if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
				pair = utf16.DecodeRune(r, codeUnit(raw))
			}
			if r = pair; r == utf8.RuneError {
				ok = false
			} else {
				raw = raw[6:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, ok
}

// codeUnit reads the four hexadecimal digits of a \u escape.
func codeUnit(raw []byte) rune {
	r := rune(0)
	for _, c := range raw[2:6] {
		r = r<<4 | hexDigit(c)
	}
	return r
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return c
	}
}

// runes counts the characters of a string from its raw inside.
func runes(raw []byte) int64 {
	n := utf8.RuneCount(raw)
	for i := bytes.IndexByte(raw, '\\'); i >= 0; i = bytes.IndexByte(raw, '\\') {
		if raw[i+1] != 'u' {
			n--
			raw = raw[i+2:]
			continue
		}
		n -= 5
		r := codeUnit(raw[i:])
		raw = raw[i+6:]
		if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' && utf16.DecodeRune(r, codeUnit(raw)) != utf8.RuneError {
			n-- // the pair is one character
		}
	}
	return int64(n)
}

// quote returns s as a JSON string.
func quote(s string) []byte { return appendQuoted(make([]byte, 0, len(s)+len(`""`)), s) }

// appendQuoted appends s as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := encode(s)
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
