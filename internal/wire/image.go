package wire

import "bytes"

// Image data costs by the image, not by the byte. It is left out of the text only if the provider cannot read it as text:
// it is at an image's place, declared as an image, and in base64 letters only. Otherwise a prompt could hide in it.

// magics are the first letters of base64 images: PNG, JPEG, GIF, WebP (RIFF).
var magics = [...]string{"iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR"}

// blobFrame holds the members of an object with embedded data: Anthropic's source or Gemini's inlineData.
type blobFrame struct {
	seen     uint8  // its members, by bit
	repeated bool   // a member is there twice: the next parser may read the other one
	kind     string // "base64", "url", "text", "content" or ""
	media    string // "image", "text" or "": the media type before its slash
	image    int    // bytes of data in an image's base64 letters
	data     token
}

// noteBlob notes a member of an object with embedded data.
func (r *reader) noteBlob(at place, v token, f *blobFrame) {
	bit := uint8(1) << (at - blobKind)
	f.repeated = f.repeated || f.seen&bit != 0
	f.seen |= bit
	switch at {
	case blobKind:
		f.kind = oneOf(r.short(v), "base64", "url", "text", "content")
	case blobMedia:
		media, _, _ := bytes.Cut(r.short(v), []byte("/"))
		f.media = oneOf(bytes.ToLower(media), "image", "text")
	case blobData:
		f.data = v
		if raw := r.inside(v); imageMagic(raw) && base64Letters(raw) {
			f.image = len(raw)
		}
	}
}

// oneOf returns word if it is among words, else "".
func oneOf(word []byte, words ...string) string {
	for _, w := range words {
		if string(word) == w {
			return w
		}
	}
	return ""
}

// blob measures an object with embedded data once all its members are read.
func (r *reader) blob(f *blobFrame) {
	in := &r.e.Input
	embedding := f.kind
	if kind := r.e.spec().blobKind; kind != "" {
		embedding = kind
	}
	switch {
	case f.repeated:
		in.Opaque = true
	case embedding == "text", embedding == "content", embedding == "base64" && f.media == "text":
		r.hear(f.data) // counts as text of its own length
	case embedding == "url":
		in.Images++
	case embedding == "base64" && f.media == "image":
		in.Images++
		in.TextBytes -= int64(f.image)
	default:
		in.Opaque = true
	}
}

// image measures a string at an image's place: a data URL or an address. raw is the inside of the string.
func (r *reader) image(raw []byte) {
	in := &r.e.Input
	if len(raw) < 5 || !bytes.EqualFold(raw[:5], []byte("data:")) {
		in.Images++
		return
	}
	comma := bytes.IndexByte(raw[:min(len(raw), len(r.e.scratch))], ',')
	header, _ := unescape(r.e.scratch[:0], raw[:max(comma, 0)])
	header = bytes.ToLower(header)
	if !bytes.HasPrefix(header, []byte("data:image/")) {
		in.Opaque = true
		return
	}
	in.Images++
	if data := raw[comma+1:]; bytes.HasSuffix(header, []byte(";base64")) && base64Letters(data) {
		in.TextBytes -= int64(len(data))
	}
}

// imageMagic reports whether base64 data, the inside of a JSON string, begins like an image.
func imageMagic(raw []byte) bool {
	var start [16]byte
	head := unescapeSlashes(start[:0], raw)
	for _, magic := range magics {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// unescapeSlashes appends raw to dst, up to its capacity, with \/ as /: some encoders escape slashes.
func unescapeSlashes(dst, raw []byte) []byte {
	for i := 0; i < len(raw) && len(dst) < cap(dst); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && raw[i+1] == '/' {
			continue
		}
		dst = append(dst, raw[i])
	}
	return dst
}

// letters are the letters of base64, standard and URL-safe, and its padding.
var letters = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=") {
		set[c] = true
	}
	return set
}()

// base64Letters reports whether the inside of a JSON string holds base64's letters only, slashes escaped or not.
func base64Letters(raw []byte) bool {
	for i := bytes.IndexByte(raw, '\\'); i >= 0; i = bytes.IndexByte(raw, '\\') {
		if raw[i+1] != '/' || !inAlphabet(raw[:i]) {
			return false
		}
		raw = raw[i+2:]
	}
	return inAlphabet(raw)
}

func inAlphabet(p []byte) bool {
	for ; len(p) >= 8; p = p[8:] {
		if !(letters[p[0]] && letters[p[1]] && letters[p[2]] && letters[p[3]] &&
			letters[p[4]] && letters[p[5]] && letters[p[6]] && letters[p[7]]) {
			return false
		}
	}
	for _, c := range p {
		if !letters[c] {
			return false
		}
	}
	return true
}

// rawImage reports whether a file begins like an image.
func rawImage(file []byte) bool {
	for _, magic := range [...]string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "RIFF"} {
		if bytes.HasPrefix(file, []byte(magic)) {
			return true
		}
	}
	return false
}
