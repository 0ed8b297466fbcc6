package project

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// minSecret is the length, in bytes, from which a stored key is hidden. A shorter key is a dummy for a server that needs
// none, and could be ordinary text.
const minSecret = 8

// keyForm is a form in which an answer may quote a key.
type keyForm struct {
	text  string
	bytes []byte // text
	from  int    // where the part to search for begins; text before it, such as "sk-", is common
}

// newKeyForm lets searches begin at the byte that is least common in JSON: an upper-case letter, or else a digit.
func newKeyForm(text string) keyForm {
	f := keyForm{text: text, bytes: []byte(text)}
	best := 0
	for i, c := range f.bytes[:len(text)-minSecret+1] {
		rank := 0
		switch {
		case c >= 'A' && c <= 'Z':
			rank = 2
		case c >= '0' && c <= '9':
			rank = 1
		}
		if rank > best {
			best, f.from = rank, i
		}
	}
	return f
}

// keyForms returns the forms in which an answer may quote a key: plain, escaped for a URL or for JSON, and inside
// base64, such as a Basic authorization.
func keyForms(key string) []keyForm {
	if len(key) < minSecret {
		return nil
	}
	var forms []keyForm
	add := func(form string) {
		for _, f := range forms {
			if f.text == form {
				return
			}
		}
		if len(form) >= minSecret {
			forms = append(forms, newKeyForm(form))
		}
	}
	add(key)
	add(url.QueryEscape(key))
	add(strings.ReplaceAll(key, "/", `\/`))
	if quoted, err := json.Marshal(key); err == nil {
		add(string(quoted[1 : len(quoted)-1]))
	}
	for before := range 3 { // bytes of a group of three that precede the key: their bits mix with its first ones
		padded := append(make([]byte, before), key...)
		from, to := (before*8+5)/6, len(padded)*8/6
		add(base64.StdEncoding.EncodeToString(padded)[from:to])
		add(base64.URLEncoding.EncodeToString(padded)[from:to])
	}
	return forms
}

// Quotes reports whether text contains the stored key in one of its forms.
func (p *Provider) Quotes(text string) bool {
	for i := range p.forms {
		if strings.Contains(text, p.forms[i].text) {
			return true
		}
	}
	return false
}

// Redactor hides a provider's stored key in an answer that comes in pieces. The zero value hides nothing.
type Redactor struct {
	forms []keyForm
	held  []byte // bytes that may be the beginning of a key
	buf   []byte
}

// Redactor returns a new Redactor for an answer of the provider.
func (p *Provider) Redactor() Redactor { return Redactor{forms: p.forms} }

// Next takes the next piece of the answer and returns the bytes to pass on, with asterisks in place of the key. It holds
// back bytes at the end that may be the beginning of the key. last says that p ends the answer; then nothing is held back.
// Next writes to p. Its result is valid until the next call.
func (r *Redactor) Next(p []byte, last bool) []byte {
	if len(r.forms) == 0 {
		return p
	}
	if len(r.held) > 0 {
		r.buf = append(append(r.buf[:0], r.held...), p...)
		p, r.held = r.buf, r.held[:0]
	}
	for i := range r.forms {
		r.forms[i].hide(p)
	}
	if last {
		return p
	}
	n := 0
	for i := range r.forms {
		n = max(n, partial(p, r.forms[i].bytes))
	}
	if n > 0 {
		r.held = append(r.held, p[len(p)-n:]...)
	}
	return p[:len(p)-n]
}

// needle is how many bytes of a key are searched for first: as many as the processor compares at once.
const needle = 32

// hide writes asterisks over the form wherever it is in p.
func (f *keyForm) hide(p []byte) {
	part := f.bytes[f.from:min(len(f.bytes), f.from+needle)]
	for at := f.from; at < len(p); {
		i := bytes.Index(p[at:], part)
		if i < 0 {
			return
		}
		at += i
		start := at - f.from
		if !bytes.HasPrefix(p[start:], f.bytes) {
			at++
			continue
		}
		for j := range f.bytes {
			p[start+j] = '*'
		}
		at += len(f.bytes)
	}
}

// partial returns how many bytes at the end of p are the beginning of form.
func partial(p, form []byte) int {
	if len(p) == 0 || p[len(p)-1] <= ' ' { // the usual case: no key has a space
		return 0
	}
	tail := p[max(0, len(p)-len(form)+1):]
	for {
		i := bytes.IndexByte(tail, form[0])
		if i < 0 {
			return 0
		}
		if tail = tail[i:]; bytes.HasPrefix(form, tail) {
			return len(tail)
		}
		tail = tail[1:]
	}
}

// masks stand in errors for the hidden part of a key. JSON may escape the last two.
var masks = []string{"***", "...", "…", "••", `\u2026`, `\u2022`}

// Hints reports whether an error's text contains the stored key, its first or last characters, or a mask that shows its ends.
func (p *Provider) Hints(text []byte) bool {
	const begins, shown, ends = 16, 8, 4 // all keys of a vendor may begin alike, as "sk-ant-api03-"
	if len(p.Key) < 2*shown {
		return len(p.forms) > 0 && p.Quotes(string(text))
	}
	if bytes.Contains(text, []byte(p.Key[len(p.Key)-shown:])) || p.Quotes(string(text)) {
		return true
	}
	if len(p.Key) >= 2*begins && bytes.Contains(text, []byte(p.Key[:begins])) {
		return true
	}
	for _, mask := range masks {
		if bytes.Contains(text, []byte(mask)) {
			return bytes.Contains(text, []byte(p.Key[len(p.Key)-ends:]))
		}
	}
	return false
}
