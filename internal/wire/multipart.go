package wire

import (
	"bytes"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forms are read more strictly than RFC 2046 and RFC 7578 require, because parsers disagree about the rest. The delimiter
// stands only between parts, lines end in CRLF, and nothing precedes the first part or follows the last.

// formReader walks a multipart/form-data body and fills the envelope.
type formReader struct {
	e      *Envelope
	marker []byte // two hyphens and the boundary
	pos    int
	seen   fieldSet
}

// formPart holds the relevant facts of a part's header.
type formPart struct {
	name  string
	file  bool
	plain bool // the content is plain text: no media type but text/plain, no transfer encoding
	other bool // the charset agrees with UTF-8 in ASCII only
}

func (e *Envelope) readForm(boundary string) error {
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
		if strings.Contains(line, string(f.marker)) {
			return p, f.malformed("no boundary above it")
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
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
			plain, other := plainText(value)
			p.plain, p.other = p.plain && plain, p.other || other
		case "content-transfer-encoding":
			p.plain = p.plain && (strings.EqualFold(value, "binary") || strings.EqualFold(value, "8bit") || strings.EqualFold(value, "7bit"))
		}
	}
	if !disposed {
		return p, invalid("", "A part of the multipart form has no Content-Disposition header.")
	}
	return p, nil
}

// maxLine is the longest header line of a part in bytes.
const maxLine = 8 << 10

// line reads up to CRLF. The line has no control characters except tabs.
func (f *formReader) line() (string, bool) {
	rest := f.e.body[f.pos:]
	n := bytes.Index(rest[:min(len(rest), maxLine)], []byte("\r\n"))
	if n < 0 {
		if len(rest) < maxLine {
			f.pos = len(f.e.body)
		}
		return "", false
	}
	line := string(rest[:n])
	if !utf8.ValidString(line) || strings.ContainsFunc(strings.ReplaceAll(line, "\t", ""), unicode.IsControl) {
		return "", false
	}
	f.pos += n + 2
	return line, true
}

// disposition reads form-data with a name and, for files, a filename. It refuses escaped quotes and the extended and
// continued forms of a name, because parsers disagree about them.
func disposition(value string) (name string, file, ok bool) {
	rest, ok := strings.CutPrefix(value, "form-data")
	if !ok || strings.Contains(rest, `\"`) {
		return "", false, false
	}
	named := false
	for rest != "" {
		var key, param string
		if key, param, rest, ok = parameter(rest); !ok {
			return "", false, false
		}
		switch {
		case key == "name" && !named:
			name, named = param, true
		case key == "filename", key == "filename*": // clients often send both; a file's name decides nothing
			file = true
		case strings.HasPrefix(key, "name"), strings.HasPrefix(key, "filename"):
			return "", false, false
		}
	}
	// Some parsers decode names like mail headers (RFC 2047).
	return name, file, name != "" && !strings.Contains(name, "=?")
}

// parameter reads "; key=value". The value is a token or a quoted string.
func parameter(s string) (key, value, rest string, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimLeft(s, " \t"), ";")
	if !ok {
		return "", "", "", false
	}
	key, s, ok = strings.Cut(s, "=")
	key = strings.ToLower(strings.TrimLeft(key, " \t"))
	if !ok || !isToken(key) {
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
	return key, value, s[end:], isToken(value)
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, tokenLetters) == ""
}

// plainText reports whether a part of that type is text, and whether its charset agrees with UTF-8 in ASCII only. RFC
// 7578, section 4.4, lets a text field have a type and a charset. Apache's client sends ISO-8859-1 or US-ASCII, .NET and
// OkHttp send UTF-8.
func plainText(contentType string) (plain, other bool) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "text/plain" || strings.ContainsAny(contentType, `\*%`) {
		return false, false
	}
	for name := range params {
		if name != "charset" && name != "format" && name != "delsp" {
			return false, false
		}
	}
	return charset(params["charset"])
}

// charset reports whether ASCII stands for itself in a charset, and whether its other characters differ from UTF-8. It
// knows the names that clients use.
func charset(name string) (plain, other bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return true, false
	case "iso-8859-1", "iso_8859-1", "iso8859-1", "latin1", "latin-1", "iso-8859-15", "windows-1252", "cp1252":
		return true, true
	}
	return false, false
}

// content measures a part, or reads it as a control field.
func (f *formReader) content(p formPart, at token) error {
	value := f.e.body[at.start:at.end]
	base, _, bracketed := strings.Cut(p.name, "[")
	field, err := f.seen.add(rootFields, []byte(base))
	switch {
	case err != nil:
		return err
	case base == "_charset_": // RFC 7578, section 4.6: the default charset of all fields
		if plain, other := charset(string(value)); !plain || other {
			return invalid("_charset_", "The form's charset is not supported. Send its text fields as UTF-8.")
		}
		return nil
	case field == none:
		if f.e.Demands.Steering == "" && isSteering([]byte(base)) {
			f.e.Demands.Steering = base
		}
		f.measure(base, p.file, value)
		return f.refer(p.name, value)
	case bracketed, field == fallbackList, field == toolList:
		return invalid(params[field], "`%s` must not be a list in a form.", params[field])
	case p.file, !p.plain, !utf8.Valid(value), p.other && !ascii(value):
		return invalid(params[field], "`%s` must be a plain text field of the form: text/plain in UTF-8, or without a type.", params[field])
	}
	return f.control(field, at)
}

// refer notes an object of the account that a part's value refers to. The fields have the same names as in JSON, alone or
// in brackets.
func (f *formReader) refer(name string, value []byte) error {
	for field := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '[' || r == ']' }) {
		ref := objectField([]byte(field))
		if ref == noObject || ref == voiceObject && field == name {
			continue
		}
		id := string(value[:min(len(value), maxID)])
		if ref == uriObject && !storedURI(id) || ref == skillObject && builtinSkill(id) {
			continue
		}
		if err := f.e.Demands.addObject(field, id); err != nil {
			return err
		}
	}
	return nil
}

// maxID is how many bytes of an object's id are read. No vendor has longer ids.
const maxID = 1 << 10

func ascii(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// control checks and records the value of a control field. A form has only text, which it reads as the field's JSON type.
func (f *formReader) control(field control, at token) error {
	e := f.e
	value := string(e.body[at.start:at.end])
	at.kind = text
	switch {
	case value == "true", value == "false":
		at.kind = boolean
	case value != "" && strings.Trim(value, "0123456789") == "":
		at.kind = numeric
	}
	if field == model {
		at.kind = text
		e.Model = value
		if err := checkModel(value); err != nil {
			return err
		}
	}
	e.fields[field] = at
	return e.check(field, at)
}

// measure counts a part that is no control field. name has no brackets.
func (f *formReader) measure(name string, file bool, value []byte) {
	e := f.e
	switch e.Endpoint.Operation {
	case ImageEdits:
		if name != "image" && name != "mask" {
			return
		}
		e.Input.Images++
		if rawImage(value) {
			e.Input.TextBytes -= int64(len(value))
		}
	case Speech:
		if name == "input" {
			e.Characters += int64(utf8.RuneCount(value))
		}
	case Transcriptions, Translations:
		switch {
		case name == "file" || file:
			e.Sounds = append(e.Sounds, value)
			e.Input.TextBytes -= int64(len(value))
		case name == "known_speaker_references":
			e.SoundClips++
		case name == "url", name == "file_url", name == "file_id": // Groq's, Mistral's
			e.SoundAbsent = true
		}
	}
}

// formBoundary checks the boundary that a Content-Type header names. A provider could read an escaped or split boundary
// differently.
func formBoundary(contentType string, params map[string]string) (string, error) {
	boundary := params["boundary"]
	if name := params["charset"]; name != "" {
		// Some servers decode the names and values of all fields with this charset.
		if plain, other := charset(name); !plain || other {
			return "", invalid("", "The multipart form must be UTF-8. Remove the charset from the Content-Type header.")
		}
	}
	switch {
	case boundary == "":
		return "", invalid("", "The Content-Type header names no multipart boundary. Let your HTTP client set the header.")
	case len(boundary) > 70, strings.Trim(boundary, boundaryLetters) != "", strings.ContainsAny(contentType, `\*%`):
		return "", invalid("", "The multipart boundary must be at most 70 letters, digits or any of '()+_,-./:=? as they are.")
	}
	return boundary, nil
}

const (
	alphanumerics   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	boundaryLetters = alphanumerics + "'()+_,-./:=?"
	tokenLetters    = alphanumerics + "!#$%&'*+-.^_`|~" // RFC 9110, section 5.6.2
)
