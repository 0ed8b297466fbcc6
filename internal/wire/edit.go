package wire

import (
	"cmp"
	"slices"
	"strconv"
)

// Edit is a change of a body before it is forwarded. The zero value changes nothing.
type Edit struct {
	Model string // model to send; "" leaves it. A Gemini path is the caller's to change.

	// MaxOutput, in tokens, lowers every higher output cap; 0 leaves them. A body without a cap gets one named CapField:
	// max_tokens, max_completion_tokens or max_output_tokens. A Gemini body gets generationConfig.maxOutputTokens unless
	// CapField is "". A form gets none.
	MaxOutput int64
	CapField  string

	IncludeUsage bool // set stream_options.include_usage, in OpenAI's dialect
}

// patch replaces body[start:end].
type patch struct {
	start, end int
	with       []byte
}

// patches collects replacements, and members to insert at the start of an object.
type patches struct {
	body []byte
	list []patch
}

func (p *patches) replace(at token, with []byte) {
	p.list = append(p.list, patch{at.start, at.end, with})
}

// insert adds a member at the start of the object that begins at open. It may be called several times for an object.
func (p *patches) insert(open int, name string, value []byte) {
	for i := range p.list {
		if p.list[i].start == open+1 && p.list[i].end == open+1 {
			p.list[i].with = slices.Concat(asMember(name, value), []byte(","), p.list[i].with)
			return
		}
	}
	s := scanner{data: p.body, pos: open + 1}
	p.prepend(open, asMember(name, value), s.space() != '}')
}

// prepend puts a member or an element before those that are left in the object or array that begins at open.
func (p *patches) prepend(open int, with []byte, left bool) {
	if left {
		with = append(with, ',')
	}
	p.list = append(p.list, patch{open + 1, open + 1, with})
}

func asMember(name string, value []byte) []byte { return append(append(quote(name), ':'), value...) }

// word decodes a string to compare it with known words.
func (p *patches) word(v token) []byte {
	raw := p.body[v.start+1 : v.end-1]
	if !v.escaped {
		return raw
	}
	decoded, _ := unescape(make([]byte, 0, len(raw)), raw)
	return decoded
}

// apply returns the body with the replacements made, or the body itself if there are none.
func (p *patches) apply() []byte {
	if len(p.list) == 0 {
		return p.body
	}
	// An insertion comes before a removal at the same byte, and after earlier insertions there.
	slices.SortStableFunc(p.list, func(a, b patch) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	size := len(p.body)
	for _, c := range p.list {
		size += len(c.with)
	}
	out := make([]byte, 0, size)
	done := 0
	for _, c := range p.list {
		out = append(out, p.body[done:c.start]...)
		out = append(out, c.with...)
		done = c.end
	}
	return append(out, p.body[done:]...)
}

// Apply returns the body with the edit made and every other byte as it was, or the same slice if nothing changes.
func (e *Envelope) Apply(edit Edit) []byte {
	p := patches{body: e.body}
	if edit.Model != "" && edit.Model != e.Model {
		e.editModel(&p, edit.Model)
	}
	if edit.MaxOutput > 0 {
		e.editCap(&p, edit)
	}
	if edit.IncludeUsage && !e.IncludeUsage && e.spec().streamOptions && !e.form {
		e.editUsage(&p)
	}
	return p.apply()
}

func (e *Envelope) editModel(p *patches, name string) {
	switch {
	case e.form:
		p.replace(e.fields[model], []byte(name))
	case e.spec().ModelInPath:
		for _, tok := range e.models {
			p.replace(tok, quote(e.prefix(p.word(tok))+name))
		}
	default:
		p.replace(e.fields[model], quote(name))
	}
}

// prefix returns the "models/" before a model in a Gemini body, or "".
func (e *Envelope) prefix(inBody []byte) string {
	if len(inBody) == len(e.Model) {
		return ""
	}
	return modelsPrefix
}

// editCap lowers the caps that are too high, and adds one if there is none.
func (e *Envelope) editCap(p *patches, edit Edit) {
	limit := []byte(strconv.FormatInt(edit.MaxOutput, 10))
	for _, field := range e.spec().caps {
		empty := e.isEmptyCap(field) && e.applies(field) && edit.CapField != "" && !e.spec().capInside
		if n, ok := e.amount(field); ok && n > edit.MaxOutput || empty {
			p.replace(e.fields[field], limit)
		}
	}
	if e.Capped || edit.CapField == "" || e.form {
		return
	}
	if e.spec().capInside {
		e.addGenerationCap(p, limit)
		return
	}
	for _, field := range e.spec().caps {
		if params[field] != edit.CapField {
			continue
		}
		switch tok := e.fields[field]; tok.kind {
		case missing:
			p.insert(e.open(), edit.CapField, limit)
		case null:
			p.replace(tok, limit)
		}
	}
}

func (e *Envelope) addGenerationCap(p *patches, limit []byte) {
	config, tok := e.fields[generationConfig], e.fields[generationMaxOutput]
	switch {
	case tok.kind != missing:
		p.replace(tok, limit)
	case config.kind == object:
		p.insert(config.start, "maxOutputTokens", limit)
	default:
		made := slices.Concat([]byte(`{"maxOutputTokens":`), limit, []byte("}"))
		if config.kind == null {
			p.replace(config, made)
		} else {
			p.insert(e.open(), "generationConfig", made)
		}
	}
}

func (e *Envelope) editUsage(p *patches) {
	options, tok := e.fields[streamOptions], e.fields[includeUsage]
	switch {
	case tok.kind != missing:
		p.replace(tok, []byte("true"))
	case options.kind == object:
		p.insert(options.start, "include_usage", []byte("true"))
	case options.kind == null:
		p.replace(options, []byte(`{"include_usage":true}`))
	default:
		p.insert(e.open(), "stream_options", []byte(`{"include_usage":true}`))
	}
}

// open returns where the body's object begins.
func (e *Envelope) open() int {
	s := scanner{data: e.body}
	s.space()
	return s.pos
}
