package provider

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/airatelimit/airatelimit/internal/project"
)

// Complaints replaces what a stream's error events say about a stored key's account. The zero value replaces nothing.
type Complaints struct {
	Provider *project.Provider // whose key is stored
	// Found is called with each complaint, for the developer's log.
	Found func(Complaint)

	held   []byte // the beginning of a line that may be such an event
	within bool   // the next byte continues a line whose beginning was passed on
}

// mostHeld is the longest line, in bytes, that is examined: errors are short.
const mostHeld = 16 << 10

// accountMessage replaces the provider's message.
const accountMessage = `"The provider refused the account of this app. The app's developer has to act."`

// Next reads p and returns the bytes of the stream that can be passed on. The beginning of a data line is held back until
// its end has come; last says that p is the stream's end. The result is valid until the next call.
func (c *Complaints) Next(p []byte, last bool) []byte {
	if c.Provider == nil {
		return p
	}
	if len(c.held) > 0 {
		p = append(c.held, p...)
		c.held = nil
	}
	start := 0 // where the last line begins
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 || !c.within {
		start = i + 1
		if rest := p[start:]; !last && len(rest) <= mostHeld && bytes.HasPrefix(rest, dataField[:min(len(rest), len(dataField))]) {
			c.held = bytes.Clone(rest)
			p = p[:start]
		}
	}
	begun := c.within
	if len(p) > 0 {
		c.within = p[len(p)-1] != '\n'
	}
	if !bytes.Contains(p, []byte(`"error"`)) {
		return p
	}
	var out []byte
	for line := range bytes.Lines(p) {
		if !begun {
			line = c.line(line)
		}
		begun = false
		out = append(out, line...)
	}
	return out
}

// dataField is the beginning of a stream's data lines.
var dataField = []byte("data:")

// line returns a line with the message of its error replaced, if that is a complaint.
func (c *Complaints) line(line []byte) []byte {
	doc, ok := bytes.CutPrefix(line, dataField)
	if !ok || len(line) > mostHeld || !bytes.Contains(doc, []byte(`"error"`)) {
		return line
	}
	failure := gjson.GetBytes(doc, "error")
	if !failure.IsObject() {
		failure = gjson.GetBytes(doc, "response.error")
	}
	if !failure.IsObject() && gjson.GetBytes(doc, "type").Str == "error" {
		failure = gjson.ParseBytes(bytes.TrimSpace(doc))
	}
	if !failure.IsObject() {
		return line
	}
	about := Complain(0, []byte(failure.Raw), c.Provider)
	if about.Kind == NoComplaint {
		return line
	}
	c.Found(about)
	at := bytes.Index(line, []byte(failure.Raw))
	own := `{"type":"error","code":"provider_auth_failed","message":` + accountMessage + `}`
	return append(append(bytes.Clone(line[:at]), own...), line[at+len(failure.Raw):]...)
}
