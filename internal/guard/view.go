package guard

import (
	"encoding/base64"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// view is a text that another text hides, and where it stands in it.
type view struct {
	kind       string
	text       string
	start, end int // in the source, in bytes
}

const (
	// viewShare bounds the views of a text: together they have at most that many times its bytes.
	viewShare = 4
	// shortestRun is the least length of an encoded run.
	shortestRun = 16
)

// views returns the texts that a text hides, also under a second disguise within the first. They are never longer together than viewShare times the text, and finding them
// is linear in it.
func (g *Guard) views(source string) []view {
	left := viewShare * len(source)
	found := g.add(nil, &left, source, decoders[:])
	found = g.add(found, &left, source, mirrors[:])
	outer := len(found)
	for i := range outer {
		v := found[i]
		before := len(found)
		found = g.add(found, &left, v.text, decoders[:])
		for j := before; j < len(found); j++ { // the place in the source is that of the outer disguise
			found[j].kind = v.kind + "+" + found[j].kind
			found[j].start, found[j].end = v.start, v.end
		}
	}
	return found
}

// add appends what some decoders find in a text.
func (g *Guard) add(found []view, left *int, source string, by []decoder) []view {
	for _, d := range by {
		v, ok := d.find(g, source)
		if !ok || len(v.text) > *left || !readable(v.text) {
			continue
		}
		*left -= len(v.text)
		v.kind = d.kind
		found = append(found, v)
	}
	return found
}

// decoder finds one kind of disguise.
type decoder struct {
	kind string
	find func(g *Guard, source string) (view, bool)
}

// decoders undo encodings.
var decoders = [...]decoder{
	{"base64", func(_ *Guard, s string) (view, bool) { return collect(s, base64Run) }},
	{"hex", func(_ *Guard, s string) (view, bool) { return collect(s, hexRun) }},
	{"percent", func(_ *Guard, s string) (view, bool) { return collect(s, percentRun) }},
	{"entities", func(_ *Guard, s string) (view, bool) { return collect(s, entityRun) }},
	{"escapes", func(_ *Guard, s string) (view, bool) { return collect(s, escapeRun) }},
}

// mirrors undo what is done to all letters of a text.
var mirrors = [...]decoder{
	{"rot13", func(g *Guard, s string) (view, bool) { return g.mirror(s, wordRot13, rot13) }},
	{"reversed", func(g *Guard, s string) (view, bool) { return g.mirror(s, wordReversed, reversed) }},
	{"reversedWords", func(g *Guard, s string) (view, bool) { return g.mirror(s, wordReversed, reversedWords) }},
}

// collect decodes the runs that decode finds, one after the other, and joins them with spaces. decode returns the decoded run
// at the beginning of a string and its length; length 0 if none begins there, and then how many bytes to skip at least.
func collect(s string, decode func(s string) (decoded string, length, skip int)) (view, bool) {
	v := view{start: -1}
	var b strings.Builder
	for i := 0; i < len(s); {
		decoded, length, skip := decode(s[i:])
		if length == 0 {
			i += max(skip, 1)
			continue
		}
		if v.start < 0 {
			v.start = i
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(decoded)
		i += length
		v.end = i
	}
	v.text = b.String()
	return v, v.start >= 0
}

func isBase64(c byte) bool {
	return c < utf8.RuneSelf && (asciiClass[c] == isLetter || asciiClass[c] == isDigit || c == '+' || c == '/' || c == '-' || c == '_')
}

// base64Run decodes a run of base64, of either alphabet, with or without padding.
func base64Run(s string) (decoded string, length, skip int) {
	n := 0
	for n < len(s) && isBase64(s[n]) {
		n++
	}
	if n < shortestRun {
		return "", 0, n + 1
	}
	encoding, raw := base64.RawStdEncoding, s[:n]
	if strings.ContainsAny(raw, "-_") {
		encoding = base64.RawURLEncoding
	}
	if n%4 == 1 { // cut off
		raw = raw[:n-1]
	}
	out, err := encoding.DecodeString(raw)
	if err != nil || !printable(out) {
		return "", 0, n
	}
	for n < len(s) && s[n] == '=' {
		n++
	}
	return string(out), n, 0
}

// printable reports whether bytes are text: UTF-8 with hardly a control character.
func printable(b []byte) bool {
	odd := 0
	for len(b) > 0 {
		c, size := utf8.DecodeRune(b)
		if c == utf8.RuneError && size == 1 {
			if len(b) < utf8.UTFMax { // cut off
				return true
			}
			return false
		}
		if unicode.IsControl(c) && c != '\n' && c != '\t' && c != '\r' {
			odd++
		}
		b = b[size:]
	}
	return odd == 0
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// hexRun decodes pairs of hexadecimal digits, which may be separated by single spaces, colons, commas, "0x" or "\x".
func hexRun(s string) (decoded string, length, skip int) {
	var out []byte
	n, end := 0, 0
	for n < len(s) {
		for n < len(s) && len(out) > 0 && n-end < 2 && (s[n] == ' ' || s[n] == ':' || s[n] == ',' || s[n] == '-') {
			n++
		}
		if n+1 < len(s) && (s[n] == '0' || s[n] == '\\') && s[n+1] == 'x' {
			n += 2
		}
		if n+1 >= len(s) || hexValue(s[n]) < 0 || hexValue(s[n+1]) < 0 {
			break
		}
		out = append(out, byte(hexValue(s[n])<<4|hexValue(s[n+1])))
		n += 2
		end = n
	}
	if len(out) < shortestRun/2 || !printable(out) {
		return "", 0, max(end-1, 1)
	}
	return string(out), end, 0
}

// percentRun decodes a run without spaces that has percent escapes.
func percentRun(s string) (decoded string, length, skip int) {
	n := 0
	var out []byte
	escapes := 0
	for n < len(s) && s[n] > ' ' {
		switch {
		case s[n] == '%' && n+2 < len(s) && hexValue(s[n+1]) >= 0 && hexValue(s[n+2]) >= 0:
			out = append(out, byte(hexValue(s[n+1])<<4|hexValue(s[n+2])))
			n += 3
			escapes++
			continue
		case s[n] == '+':
			out = append(out, ' ')
		default:
			out = append(out, s[n])
		}
		n++
	}
	if escapes < 2 || !utf8.Valid(out) {
		return "", 0, n + 1
	}
	return string(out), n, 0
}

// entityRun decodes a run without spaces that has HTML entities.
func entityRun(s string) (decoded string, length, skip int) {
	n, entities := 0, 0
	for n < len(s) && s[n] > ' ' {
		if s[n] == '&' {
			entities++
		}
		n++
	}
	if entities < 3 {
		return "", 0, n + 1
	}
	out := html.UnescapeString(s[:n])
	if out == s[:n] {
		return "", 0, n + 1
	}
	return out, n, 0
}

// escapeRun decodes a run without spaces that has escapes such as \u0069.
func escapeRun(s string) (decoded string, length, skip int) {
	n, escapes := 0, 0
	var out []byte
	for n < len(s) && s[n] > ' ' {
		if s[n] == '\\' && n+5 < len(s) && s[n+1] == 'u' {
			c, ok := 0, true
			for _, d := range []byte(s[n+2 : n+6]) {
				ok = ok && hexValue(d) >= 0
				c = c<<4 | hexValue(d)&15
			}
			if ok {
				out = utf8.AppendRune(out, rune(c))
				n += 6
				escapes++
				continue
			}
		}
		out = append(out, s[n])
		n++
	}
	if escapes < 3 {
		return "", 0, n + 1
	}
	return string(out), n, 0
}

// How a word can be known.
const (
	wordPlain = 1 << iota
	wordRot13
	wordReversed
)

// mirror changes the whole text if more of its words are known in that way than as they stand.
func (g *Guard) mirror(s string, how uint8, change func(string) string) (view, bool) {
	plain, changed := 0, 0
	for i := 0; i < len(s); {
		if s[i] >= utf8.RuneSelf || asciiClass[s[i]] != isLetter {
			i++
			continue
		}
		var word [12]byte
		n := 0
		for ; i < len(s) && s[i] < utf8.RuneSelf && asciiClass[s[i]] == isLetter; i++ {
			if n < len(word) {
				word[n] = s[i] | 0x20
			}
			n++
		}
		if n > len(word) {
			continue
		}
		known := commonWords[string(word[:n])]
		if known&wordPlain != 0 {
			plain++
		}
		if known&how != 0 {
			changed++
		}
	}
	if changed < 2 || changed <= plain {
		return view{}, false
	}
	return view{text: change(s), end: len(s)}, true
}

func rot13(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < utf8.RuneSelf && asciiClass[c] == isLetter {
			b[i] = c&0x20 | (c&^0x20-'A'+13)%26 + 'A'
		}
	}
	return string(b)
}

func reversed(s string) string {
	b := make([]byte, len(s))
	at := len(s)
	for i := 0; i < len(s); {
		_, size := utf8.DecodeRuneInString(s[i:])
		at -= size
		copy(b[at:], s[i:i+size])
		i += size
	}
	return string(b)
}

// reversedWords turns each word around and leaves the words in their order.
func reversedWords(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], ' ')
		if n < 0 {
			n = len(s) - i
		}
		b.WriteString(reversed(s[i : i+n]))
		if i += n; i < len(s) {
			b.WriteByte(' ')
			i++
		}
	}
	return b.String()
}

// readable reports whether a decoded text is worth reading: it has words.
func readable(s string) bool {
	letters := 0
	for _, c := range s {
		if unicode.IsLetter(c) {
			letters++
		}
	}
	return letters >= 6
}

// commonWords are frequent words, as they are, in rot13 and reversed.
var commonWords = func() map[string]uint8 {
	m := map[string]uint8{}
	for w := range strings.FieldsSeq(`the and you your that this with for are not all any from have was will what when how who why can say tell show print
		ignore previous instructions prompt system reveal repeat above rules output everything disregard forget safety guidelines prior before initial
		now act must write text word words message please password secret key give follow new is to of in it me my do as if no be or an`) {
		m[w] |= wordPlain
		m[rot13(w)] |= wordRot13
		if r := reversed(w); r != w {
			m[r] |= wordReversed
		}
	}
	return m
}()
