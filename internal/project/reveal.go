package project

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// leastSecret is the length, in bytes, below which a stored key is no secret that could be told from other text: what
// a server that asks for no key is given.
const leastSecret = 8

// keyForms returns the ways in which an answer may quote a key: as it is, escaped for a URL or for JSON, and within
// text that is encoded as base64 as a whole, a Basic authorization for one.
func keyForms(key string) [][]byte {
	if len(key) < leastSecret {
		return nil
	}
	var forms [][]byte
	add := func(form string) {
		for _, f := range forms {
			if string(f) == form {
				return
			}
		}
		if len(form) >= leastSecret {
			forms = append(forms, []byte(form))
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
	for _, form := range p.forms {
		if strings.Contains(text, string(form)) {
			return true
		}
	}
	return false
}

// Redactor hides a provider's stored key in an answer that passes in pieces. The zero value hides nothing.
type Redactor struct {
	forms [][]byte
	held  []byte // the end of what has come, where it may be the beginning of a key
	buf   []byte
}

// Redactor returns one for an answer of the provider.
func (p *Provider) Redactor() Redactor { return Redactor{forms: p.forms} }

// Next returns the bytes of the answer that can be passed on, p among them, with the key's replaced by as many
// asterisks. It writes to p, and what it returns is valid until it is called again. The last bytes are held back where
// they begin as the key does; last says that nothing more comes.
func (r *Redactor) Next(p []byte, last bool) []byte {
	if len(r.forms) == 0 {
		return p
	}
	if len(r.held) > 0 {
		r.buf = append(append(r.buf[:0], r.held...), p...)
		p, r.held = r.buf, r.held[:0]
	}
	for _, form := range r.forms {
		hide(p, form)
	}
	if last {
		return p
	}
	n := 0
	for _, form := range r.forms {
		n = max(n, begun(p, form))
	}
	if n > 0 {
		r.held = append(r.held, p[len(p)-n:]...)
	}
	return p[:len(p)-n]
}

// needle is how many bytes of a key are searched for: as many as the processor compares at once.
const needle = 32

func hide(p, form []byte) {
	start := form[:min(len(form), needle)]
	for {
		i := bytes.Index(p, start)
		if i < 0 {
			return
		}
		if p = p[i:]; !bytes.HasPrefix(p, form) {
			p = p[1:]
			continue
		}
		for j := range form {
			p[j] = '*'
		}
		p = p[len(form):]
	}
}

// begun returns how many bytes at the end of p a form begins with.
func begun(p, form []byte) int {
	if len(p) == 0 || p[len(p)-1] <= ' ' { // the usual end: no key has a space
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

// Hints reports whether an error's text contains the stored key, its last characters, or a mask that shows its ends.
func (p *Provider) Hints(text []byte) bool {
	const shown, ends = 8, 4
	if len(p.Key) < 2*shown {
		return len(p.forms) > 0 && p.Quotes(string(text))
	}
	if bytes.Contains(text, []byte(p.Key[len(p.Key)-shown:])) || p.Quotes(string(text)) {
		return true
	}
	masked := bytes.Contains(text, []byte("***")) || bytes.Contains(text, []byte("...")) || bytes.Contains(text, []byte("…"))
	return masked && bytes.Contains(text, []byte(p.Key[len(p.Key)-ends:]))
}
