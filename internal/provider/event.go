package provider

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Complaints replaces errors that the app must not see within an answer of status 2xx: those about a stored key or its
// account, and those that quote the developer's own text. It looks in the events of a stream, in a JSON document, and in the
// elements of a JSON array. The zero value replaces nothing.
type Complaints struct {
	Provider *project.Provider // whose key is stored; nil for none
	Dialect  wire.Dialect      // of the errors that replace the provider's
	DocsURL  string            // for the doc_url of these errors; "": none
	// Found is called with each complaint about the key or its account, for the developer's log.
	Found func(Complaint)
	// Quotes reports whether an error quotes the developer's text; nil if there is no such text.
	Quotes func(failure []byte) bool

	form   answerForm
	held   []byte    // events: the beginning of a line that may be an error; JSON: a part of an error
	within bool      // events: the next byte continues a line whose beginning was passed on
	docs   documents // JSON
	out    []byte
}

// answerForm is an answer's format, as its first bytes show it.
type answerForm uint8

const (
	formUnknown answerForm = iota
	formEvents
	formJSON
)

// The longest line or error, in bytes, that is examined: errors are short, unless they quote a request.
const (
	maxHeld    = 16 << 10
	maxQuoting = 256 << 10
)

// longest is the longest line or error that is examined.
func (c *Complaints) longest() int {
	if c.Quotes != nil {
		return maxQuoting
	}
	return maxHeld
}

// The messages that replace the provider's.
const (
	accountMessage = `"The provider refused the account of this app. The app's developer has to act."`
	quotingMessage = `"The provider's error is not shown, because it quotes the stored prompt."`
)

// own is the error that replaces the provider's, an object or a string as that one is.
func (c *Complaints) own(failure []byte, code, message string) string {
	if failure[0] == '"' {
		return message
	}
	doc := wire.DocURL(c.DocsURL, code)
	if c.Dialect.Spec().NumberedErrors {
		e := wire.Error{Status: http.StatusBadGateway, Code: code, Message: message[1 : len(message)-1], DocURL: doc}
		return gjson.GetBytes(e.Body(c.Dialect, ""), "error").Raw
	}
	if doc != "" {
		quoted, _ := json.Marshal(doc) // cannot fail
		doc = `,"doc_url":` + string(quoted)
	}
	return `{"type":"error","code":"` + code + `","message":` + message + doc + `}`
}

// Next reads p and returns the bytes of the answer that can be passed on. The beginning of an event's line, and an error
// within JSON, are held back until their end has come; last says that p is the answer's end. The result is valid until the
// next call.
func (c *Complaints) Next(p []byte, last bool) []byte {
	if c.Provider == nil && c.Quotes == nil {
		return p
	}
	if c.form == formUnknown {
		if p = c.withoutMark(p, last); len(p) == 0 {
			return nil
		}
		start := bytes.TrimLeft(p, " \t\r\n")
		switch {
		case len(start) == 0:
			return p
		case start[0] != '{' && start[0] != '[':
			c.form = formEvents
		case last && !bytes.Contains(p, errorName): // most whole answers
			return p
		default:
			c.form = formJSON
		}
	}
	if c.form == formJSON {
		return c.json(p, last)
	}
	return c.events(p, last)
}

// byteOrderMark may begin an answer, and hides its first line from readers that do not know it.
var byteOrderMark = []byte("\uFEFF")

// withoutMark cuts off a byte order mark. It holds back the beginning of one.
func (c *Complaints) withoutMark(p []byte, last bool) []byte {
	if len(c.held) > 0 {
		p = append(c.held, p...)
		c.held = nil
	}
	if !last && len(p) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, p) {
		c.held = bytes.Clone(p)
		return nil
	}
	return bytes.TrimPrefix(p, byteOrderMark)
}

// errorName is the member that holds an error, and a type of events that are errors.
var errorName = []byte(`"error"`)

// lineEnds are the bytes that end a line of a stream.
const lineEnds = "\r\n"

func (c *Complaints) events(p []byte, last bool) []byte {
	if len(c.held) > 0 {
		p = append(c.held, p...)
		c.held = nil
	}
	start := 0 // where the last line begins
	if i := bytes.LastIndexAny(p, lineEnds); i >= 0 || !c.within {
		start = i + 1
		if rest := p[start:]; !last && len(rest) <= c.longest() && bytes.HasPrefix(rest, dataField[:min(len(rest), len(dataField))]) {
			c.held = bytes.Clone(rest)
			p = p[:start]
		}
	}
	begun := c.within
	if len(p) > 0 {
		end := p[len(p)-1]
		c.within = end != '\n' && end != '\r'
	}
	if !bytes.Contains(p, errorName) {
		return p
	}
	var out []byte
	for len(p) > 0 {
		n := bytes.IndexAny(p, lineEnds) + 1
		if n == 0 {
			n = len(p)
		}
		line := p[:n]
		if !begun {
			line = c.line(line)
		}
		begun = false
		out, p = append(out, line...), p[n:]
	}
	return out
}

// dataField is the beginning of a stream's data lines.
var dataField = []byte("data:")

// line returns a line with its error replaced, unless that may be shown.
func (c *Complaints) line(line []byte) []byte {
	doc, ok := bytes.CutPrefix(line, dataField)
	if !ok || len(line) > c.longest() || !bytes.Contains(doc, errorName) {
		return line
	}
	failure := gjson.GetBytes(doc, "error")
	if !isError(failure) {
		failure = gjson.GetBytes(doc, "response.error")
	}
	at := failure.Index
	if !isError(failure) {
		at = bytes.IndexByte(doc, '{')
		if at < 0 || gjson.GetBytes(doc, "type").Str != "error" && gjson.GetBytes(doc, "object").Str != "error" {
			return line
		}
		failure = gjson.ParseBytes(bytes.TrimRight(doc[at:], " \t"+lineEnds))
	}
	own := c.judge([]byte(failure.Raw))
	if own == "" {
		return line
	}
	at += len(dataField)
	return append(append(bytes.Clone(line[:at]), own...), line[at+len(failure.Raw):]...)
}

func isError(v gjson.Result) bool { return v.IsObject() || v.Type == gjson.String }

// judge returns the replacement of a provider's error, which is an object or a string in JSON. It is "" if the error may be
// shown.
func (c *Complaints) judge(failure []byte) string {
	if c.Provider != nil {
		if about := Complain(0, failure, c.Provider); about.Kind != NoComplaint {
			c.Found(about)
			return c.own(failure, "provider_auth_failed", accountMessage)
		}
	}
	if c.Quotes != nil && c.Quotes(failure) {
		return c.own(failure, "provider_refused", quotingMessage)
	}
	return ""
}

func (c *Complaints) json(p []byte, last bool) []byte {
	c.out = c.out[:0]
	for len(p) > 0 {
		n := c.docs.next(p)
		part := p[:n]
		switch ofError := c.docs.inside || c.docs.ended; {
		case ofError && len(c.held)+n > c.longest():
			c.out = append(append(c.out, c.held...), part...)
			c.held, c.docs.inside = nil, false
		case ofError:
			c.held = append(c.held, part...)
			if c.docs.ended {
				c.release()
			}
		case n == len(p) && len(c.out) == 0:
			return part
		default:
			c.out = append(c.out, part...)
		}
		p = p[n:]
	}
	if last {
		c.release()
	}
	return c.out
}

// release passes on the held part of an error, or its replacement.
func (c *Complaints) release() {
	if len(c.held) == 0 {
		return
	}
	if own := c.judge(c.held); own != "" {
		c.out = append(c.out, own...)
	} else {
		c.out = append(c.out, c.held...)
	}
	c.held = nil
}

// documents finds the values of the member "error" in a JSON document, in the elements of an array of documents, or in
// documents one after the other. Its zero value is at the beginning.
type documents struct {
	inside bool // an error's value has begun and not ended
	ended  bool // the bytes that were read last end an error's value

	depth   int  // of arrays and objects
	array   bool // the outermost value is an array of documents
	text    bool // within a string
	escaped bool // the next byte of the string is escaped
	first   bool // the next string is the name of a member
	name    int  // how many bytes of "error" the name has so far; -1 if it is another name, or no name
	found   bool // the name was "error": its value comes next
	outer   int  // the depth around the error's value
}

// next reads p up to where an error's value begins or ends, or to p's end, and returns how many bytes that are. p is not
// empty.
func (d *documents) next(p []byte) int {
	d.ended = false
	for i := 0; i < len(p); i++ {
		if d.text && !d.escaped && d.name < 0 { // the case of most bytes
			for i < len(p) && p[i] != '"' && p[i] != '\\' {
				i++
			}
			if i == len(p) {
				break
			}
		}
		b := p[i]
		switch {
		case d.escaped:
			d.escaped = false
		case d.text:
			d.letter(b)
		case d.found && (b == '{' || b == '"'):
			if i > 0 { // the caller passes on the bytes before
				return i
			}
			d.inside, d.outer = true, d.depth
			d.mark(b)
		default:
			d.mark(b)
		}
		if d.inside && !d.text && d.depth == d.outer && (b == '"' || b == '}') {
			d.inside, d.ended = false, true
			return i + 1
		}
	}
	return len(p)
}

// letter reads a byte of a string.
func (d *documents) letter(b byte) {
	const wanted = "error"
	switch {
	case b == '\\':
		d.escaped, d.name = true, -1
	case b == '"':
		d.text = false
		d.found = d.name == len(wanted)
	case d.name >= 0 && d.name < len(wanted) && wanted[d.name] == b:
		d.name++
	default:
		d.name = -1
	}
}

// mark reads a byte outside of strings.
func (d *documents) mark(b byte) {
	switch b {
	case ' ', '\t', '\r', '\n':
		return
	case ':':
		d.first = false
		return
	case '"':
		d.text, d.name = true, -1
		if level := d.depth == 1 && !d.array || d.depth == 2 && d.array; d.first && level && !d.inside {
			d.name = 0
		}
	case '{', '[':
		if d.depth == 0 {
			d.array = b == '['
		}
		d.depth++
	case '}', ']':
		d.depth--
	}
	d.first = b == '{' || b == ','
	d.found = false
}
