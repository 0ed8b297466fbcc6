package meter

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// maxFigure is the largest credible count: far more tokens than any request can have.
const maxFigure = 1_000_000_000_000

// figure reads a count. A value that is absent, null, not a number, negative, fractional or above maxFigure is no count;
// zero is one.
func figure(v gjson.Result) (int64, bool) {
	if v.Type != gjson.Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.Raw, 10, 64); err == nil {
		if n < 0 || n > maxFigure {
			return 0, false
		}
		return n, true
	}
	f, ok := decimal(v.Raw)
	if !ok || f > maxFigure || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// decimal reads a JSON number that is not negative. JSON has none of Go's hexadecimal numbers or infinities.
func decimal(raw string) (float64, bool) {
	if strings.Trim(raw, "0123456789.eE+-") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	return f, err == nil && f >= 0
}

// part reads a count, 0 if it is absent.
func part(v gjson.Result) int64 {
	n, _ := figure(v)
	return n
}

// millis reads seconds, which may have a fraction, as milliseconds rounded up.
func millis(v gjson.Result) (int64, bool) {
	if v.Type != gjson.Number {
		return 0, false
	}
	f, ok := decimal(v.Raw)
	if !ok || f > maxFigure/1000 {
		return 0, false
	}
	const noise = 1e-6 // the rounding error of decimal fractions in binary
	return int64(math.Ceil(f*1000 - noise)), true
}

func saturate(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// length is the bytes of a string's text, not of its JSON.
func length(v gjson.Result) int64 {
	if v.Type != gjson.String {
		return 0
	}
	return int64(len(v.Str))
}

// maxNesting bounds the depth of the search for text; answers have text at a depth of four or five.
const maxNesting = 16

// text is the bytes of text in a message or its delta: every string under a key that holds text, at any depth, and the
// JSON of tool arguments that are an object.
func text(v gjson.Result) int64 { return textAt("", v, maxNesting) }

func textAt(key string, v gjson.Result, depth int) (n int64) {
	switch {
	case v.Type == gjson.String:
		if holdsText(key) {
			n = length(v)
		}
	case depth == 0:
	case v.IsArray():
		v.ForEach(func(_, e gjson.Result) bool {
			n += textAt(key, e, depth-1)
			return true
		})
	case v.IsObject():
		if key == "input" || key == "args" {
			return int64(len(v.Raw))
		}
		v.ForEach(func(k, e gjson.Result) bool {
			if k.Str != "annotations" && k.Str != "reasoning_details" { // both repeat text that is elsewhere
				n += textAt(k.Str, e, depth-1)
			}
			return true
		})
	}
	return n
}

// holdsText reports whether vendors put answer text in a field. Identifiers, roles, signatures, citations, encrypted
// reasoning and encoded media have other names.
func holdsText(key string) bool {
	switch key {
	case "text", "content", "reasoning_content", "reasoning", "refusal", "thinking", "transcript", "summary",
		"arguments", "input", "partial_json", "name", "code":
		return true
	}
	return false
}

// nesting follows the brackets of JSON across pieces. It does not recurse, so endless nesting
// is harmless.
type nesting struct {
	depth    int
	inString bool
	escaped  bool
	closed   bool // the caller's: the value has ended
}

// next reads p up to the end of the current value. It returns how many bytes belong to the value and whether it ended.
func (s *nesting) next(p []byte) (n int, done bool) {
	for n < len(p) {
		if s.inString {
			n += s.skipString(p[n:])
			continue
		}
		switch p[n] {
		case '"':
			s.inString = true
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.depth--; s.depth <= 0 {
				return n + 1, true
			}
		}
		n++
	}
	return n, false
}

// skipString returns how many bytes of p belong to the string that p begins in.
func (s *nesting) skipString(p []byte) (n int) {
	if s.escaped {
		s.escaped = false
		n = 1
	}
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '"')
		if i < 0 {
			i = len(p) - n
		}
		b := bytes.IndexByte(p[n:n+i], '\\')
		switch {
		case b < 0 && n+i == len(p):
			return len(p)
		case b < 0:
			s.inString = false
			return n + i + 1
		case n+b+1 == len(p):
			s.escaped = true
			return len(p)
		}
		n += b + 2
	}
	return len(p)
}

const space = " \t\r\n"

// complete reports whether p is one JSON object that closes where p ends. Figures of a truncated object are not read: their
// last digits may be missing.
func complete(p []byte) bool { return closes(p, '{') }

func completeArray(p []byte) bool { return closes(p, '[') }

func closes(p []byte, open byte) bool {
	p = bytes.Trim(p, space)
	if len(p) == 0 || p[0] != open {
		return false
	}
	var s nesting
	n, done := s.next(p)
	return done && n == len(p)
}

// members calls each with the key and the raw value of every member of a JSON object, without looking into the value. It
// reports whether p is one object that closes where p ends.
func members(p []byte, each func(key, value []byte)) bool {
	p = bytes.Trim(p, space)
	if len(p) == 0 || p[0] != '{' {
		return false
	}
	for p = p[1:]; ; {
		p = afterSpace(p, ',')
		if len(p) == 0 || p[0] != '"' {
			return len(p) == 1 && p[0] == '}'
		}
		n, ended := valueLength(p)
		if !ended {
			return false
		}
		key := p[1 : n-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			key = []byte(parsed(p[:n]).Str)
		}
		p = afterSpace(p[n:], ':')
		if n, ended = valueLength(p); !ended {
			return false
		}
		each(key, p[:n])
		p = p[n:]
	}
}

// afterSpace cuts white space and a separator off the start of p. bytes.TrimLeft would prepare the set of bytes each time.
func afterSpace(p []byte, separator byte) []byte {
	for len(p) > 0 && (p[0] == separator || p[0] == ' ' || p[0] == '\t' || p[0] == '\r' || p[0] == '\n') {
		p = p[1:]
	}
	return p
}

// valueLength returns how many bytes at the start of p belong to a JSON value, and whether it ends within p.
func valueLength(p []byte) (n int, ended bool) {
	var s nesting
	switch {
	case len(p) == 0:
		return 0, false
	case p[0] == '"':
		s.inString = true
		n = 1 + s.skipString(p[1:])
		return n, !s.inString
	case p[0] == '{', p[0] == '[':
		return s.next(p)
	}
	n = bytes.IndexAny(p, space+",}]")
	return max(n, 0), n >= 0
}

// parsed is gjson.ParseBytes without a copy. p must not change while the result is used.
func parsed(p []byte) gjson.Result { return gjson.Parse(unsafe.String(unsafe.SliceData(p), len(p))) }

// objects finds the objects of a JSON array that arrives in pieces.
type objects struct {
	limit int // the longest object in bytes that is kept; a longer one is handed on in pieces
	buf   []byte
	in    bool
	long  bool
	at    nesting
}

// write calls each with every object that p completes, and long with the pieces of an object beyond the limit. The slices
// are valid during the call.
func (o *objects) write(p []byte, each func([]byte), long func(piece []byte, last bool)) {
	for len(p) > 0 {
		if !o.in {
			i := bytes.IndexByte(p, '{')
			if i < 0 {
				return
			}
			p, o.in, o.at = p[i:], true, nesting{}
		}
		n, done := o.at.next(p)
		object := p[:n]
		p = p[n:]
		if !o.long && len(o.buf)+n > o.limit {
			o.long = true
			if len(o.buf) > 0 {
				long(o.buf, false)
			}
			o.buf = nil
		}
		if o.long {
			long(object, done)
			o.in, o.long = !done, !done
			continue
		}
		if len(o.buf) > 0 || !done {
			o.buf = append(o.buf, object...)
			object = o.buf
		}
		if done {
			each(object)
			if o.buf, o.in = o.buf[:0], false; cap(o.buf) > keepObject {
				o.buf = nil
			}
		}
	}
}

// keepObject is the largest buffer in bytes that is kept between objects.
const keepObject = 64 << 10
