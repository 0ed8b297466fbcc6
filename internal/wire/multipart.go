package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Forms are read more narrowly than RFC 2046 and RFC 7578 allow, since parsers differ in what they make of the rest. The
// delimiter occurs nowhere but between parts, lines end in CRLF, nothing precedes the first part or follows the last.

// formReader walks a multipart/form-data body and fills the envelope.
type formReader struct {
	e      *Envelope
	marker []byte // two hyphens and the boundary
	pos    int
	seen   uint32 // control fields, by bit
}

// formPart is one part's header, as far as it matters.
type formPart struct {
	name  string
	file  bool
	plain bool // the content stands for itself: no media type but text/plain, no transfer encoding
}

func (e *Envelope) readForm(boundary string) error {
	if len(boundary) > 70 {
		return invalid("", "The multipart boundary is longer than 70 characters.")
	}
	if len(e.body) == 0 {
		return invalid("", "The request body is empty. Send a multipart form.")
	}
	f := formReader{e: e, marker: []byte("--" + boundary)}
	if !bytes.HasPrefix(e.body, f.marker) {
		return invalid("", "The multipart form does not begin with its boundary. Let your HTTP client set the Content-Type header.")
	}
	f.pos = len(f.marker)
	for {
		rest := e.body[f.pos:]
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			f.pos += 2
		case bytes.Equal(rest, []byte("--")), bytes.Equal(rest, []byte("--\r\n")):
			return nil
		default:
			return f.malformed("a line end or the final boundary")
		}
		if err := f.part(); err != nil {
			return err
		}
	}
}

func (f *formReader) malformed(expected string) error {
	if f.pos >= len(f.e.body) {
		return invalid("", "The multipart form ends early, at byte %d: it was cut off. Send it whole.", len(f.e.body))
	}
	return invalid("", "The multipart form is malformed: at byte %d there should be %s.", f.pos, expected)
}

// part reads a part and the delimiter after it.
func (f *formReader) part() error {
	p, err := f.header()
	if err != nil {
		return err
	}
	start := f.pos
	n := bytes.Index(f.e.body[start:], f.marker)
	if n < 0 {
		f.pos = len(f.e.body)
		return f.malformed("the boundary")
	}
	f.pos += n
	end := f.pos - 2
	if end < start || string(f.e.body[end:f.pos]) != "\r\n" {
		return f.malformed("no boundary inside a part")
	}
	f.pos += len(f.marker)
	return f.content(p, token{start: start, end: end})
}

// header reads the header lines of a part and the empty line after them.
func (f *formReader) header() (p formPart, err error) {
	p.plain = true
	disposed := false
	for {
		line, ok := f.line()
		if !ok {
			return p, f.malformed("a header line")
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t\"") {
			return p, f.malformed("a header above it")
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-disposition":
			if disposed {
				return p, invalid("", "A part of the multipart form has two Content-Disposition headers.")
			}
			disposed = true
			if p.name, p.file, ok = disposition(value); !ok {
				return p, invalid("", "A part of the multipart form needs the header Content-Disposition: form-data; name=\"…\".")
			}
		case "content-type":
			p.plain = p.plain && plainText(value)
		case "content-transfer-encoding":
			p.plain = p.plain && (strings.EqualFold(value, "binary") || strings.EqualFold(value, "8bit") || strings.EqualFold(value, "7bit"))
		}
	}
	if !disposed {
		return p, invalid("", "A part of the multipart form has no Content-Disposition header.")
	}
	return p, nil
}

// line reads up to CRLF.
func (f *formReader) line() (string, bool) {
	rest := f.e.body[f.pos:]
	n := bytes.Index(rest[:min(len(rest), 8<<10)], []byte("\r\n"))
	if n < 0 || bytes.ContainsAny(rest[:n], "\r\n\x00") || !utf8.Valid(rest[:n]) {
		if n < 0 && len(rest) < 8<<10 {
			f.pos = len(f.e.body)
		}
		return "", false
	}
	f.pos += n + 2
	return string(rest[:n]), true
}

// disposition reads form-data with a name and, for files, a filename. Escaped quotes are refused, as parsers disagree
// about them; so are the extended and the continued forms of a name.
func disposition(value string) (name string, file, ok bool) {
	rest, ok := strings.CutPrefix(value, "form-data")
	if !ok || strings.Contains(rest, `\"`) {
		return "", false, false
	}
	seen := map[string]bool{}
	for rest != "" {
		var key, param string
		if key, param, rest, ok = parameter(rest); !ok || seen[key] {
			return "", false, false
		}
		seen[key] = true
		switch {
		case key == "name":
			name = param
		case key == "filename", key == "filename*":
			file = true
		case strings.HasPrefix(key, "name"), strings.HasPrefix(key, "filename"):
			return "", false, false
		}
	}
	return name, file, seen["name"] && name != ""
}

// parameter reads "; key=value" with the value a token or in quotes.
func parameter(s string) (key, value, rest string, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimLeft(s, " \t"), ";")
	if !ok {
		return "", "", "", false
	}
	key, s, ok = strings.Cut(s, "=")
	key = strings.ToLower(strings.TrimLeft(key, " \t"))
	if !ok || key == "" || strings.ContainsAny(key, " \t\";") {
		return "", "", "", false
	}
	if quoted, isQuoted := strings.CutPrefix(s, `"`); isQuoted {
		value, rest, ok = strings.Cut(quoted, `"`)
		return key, value, rest, ok
	}
	end := strings.IndexAny(s, " \t;")
	if end < 0 {
		end = len(s)
	}
	value = s[:end]
	return key, value, s[end:], value != "" && !strings.Contains(value, `"`)
}

// plainText reports whether a part of that type is UTF-8 text as it stands.
func plainText(contentType string) bool {
	switch strings.ToLower(strings.ReplaceAll(contentType, " ", "")) {
	case "text/plain", "text/plain;charset=utf-8", `text/plain;charset="utf-8"`:
		return true
	default:
		return false
	}
}

// content measures a part or reads it as a control field.
func (f *formReader) content(p formPart, at token) error {
	e := f.e
	value := e.body[at.start:at.end]
	base, _, bracketed := strings.Cut(p.name, "[")
	for _, s := range rootFields {
		if !strings.EqualFold(base, s.name) {
			continue
		}
		switch {
		case base != s.name, bracketed:
			return invalid(params[s.field], "A form field differs from `%s` only in letter case or brackets. Write it as `%s`.", s.name, s.name)
		case f.seen&(1<<s.field) != 0:
			return invalid(params[s.field], "`%s` is given more than once. Send it once.", s.name)
		case p.file, !p.plain, !utf8.Valid(value):
			return invalid(params[s.field], "`%s` must be a plain text field of the form.", s.name)
		}
		f.seen |= 1 << s.field
		return f.field(s.field, at)
	}
	f.measure(p, base, value)
	return nil
}

// field records a control field's value.
func (f *formReader) field(field control, at token) (err error) {
	e := f.e
	value := string(e.body[at.start:at.end])
	at.kind = text
	switch field {
	case model:
		e.Model = value
		err = checkModel(value)
	case stream:
		e.Stream = value == "true"
		if !e.Stream && value != "false" {
			err = invalid("stream", "`stream` must be true or false.")
		}
	case maxTokens, maxCompletionTokens, maxOutputTokens:
		at.kind = numeric
		err = e.cap(field, at)
	case choices, bestOf:
		at.kind = numeric
		_, err = e.integer(field, at, 1, maxChoices)
	}
	e.fields[field] = at
	return err
}

// measure weighs a part that is no control field. base is its name without brackets.
func (f *formReader) measure(p formPart, base string, value []byte) {
	e := f.e
	switch e.Endpoint.Operation {
	case ImageEdits:
		if base != "image" && base != "mask" {
			return
		}
		e.Input.Images++
		if rawImage(value) {
			e.Input.TextBytes -= int64(len(value))
		}
	case Speech:
		if p.name == "input" {
			e.Characters += int64(utf8.RuneCount(value))
		}
	}
}
