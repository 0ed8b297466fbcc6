package meter

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// bulk is the kept part of an event or answer that is too long to be kept whole: its beginning and its end. The usage is
// there; the middle is thousands of embeddings or an image.
type bulk struct {
	head, tail []byte
	images     int64
}

const (
	headKept = 4 << 10
	tailKept = 16 << 10
)

var imageKey = []byte(`"b64_json"`)

func (l *bulk) write(p []byte) {
	l.countImages(p)
	if room := headKept - len(l.head); room > 0 {
		l.head = append(l.head, p[:min(room, len(p))]...)
	}
	if len(p) >= tailKept {
		l.tail = append(l.tail[:0], p[len(p)-tailKept:]...)
		return
	}
	l.tail = append(l.tail, p...)
	if over := len(l.tail) - tailKept; over > 0 {
		l.tail = l.tail[:copy(l.tail, l.tail[over:])]
	}
}

// countImages counts the images in p, including one whose field name began before p.
func (l *bulk) countImages(p []byte) {
	l.images += int64(bytes.Count(p, imageKey))
	before := l.tail[max(0, len(l.tail)-len(imageKey)+1):]
	seam := append(append(make([]byte, 0, 2*len(imageKey)), before...), p[:min(len(p), len(imageKey)-1)]...)
	l.images += int64(bytes.Count(seam, imageKey))
}

// member returns the last object of that name in the kept end, or else in the kept beginning. A quoted name with a colon
// after it cannot be inside a JSON string, where quotes are escaped.
func (l *bulk) member(name string) gjson.Result {
	quoted := []byte(`"` + name + `"`)
	for _, part := range [...][]byte{l.tail, l.head} {
		for {
			i := bytes.LastIndex(part, quoted)
			if i < 0 {
				break
			}
			value := bytes.TrimLeft(part[i+len(quoted):], space)
			part = part[:i]
			if len(value) == 0 || value[0] != ':' {
				continue
			}
			value = bytes.TrimLeft(value[1:], space)
			var at nesting
			if len(value) > 0 && value[0] == '{' {
				if n, done := at.next(value); done {
					return gjson.ParseBytes(value[:n])
				}
			}
		}
	}
	return gjson.Result{}
}

// kind is the first type that the beginning names.
func (l *bulk) kind() string {
	i := bytes.Index(l.head, []byte(`"type"`))
	if i < 0 {
		return ""
	}
	return gjson.GetBytes(append([]byte("{"), l.head[i:]...), "type").Str
}

// object writes the members of those names as one JSON object.
func (l *bulk) object(prefix string, names ...string) string {
	var b strings.Builder
	b.WriteString("{" + prefix)
	for _, name := range names {
		if v := l.member(name); v.IsObject() {
			if b.Len() > 1 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":` + v.Raw)
		}
	}
	b.WriteByte('}')
	return b.String()
}

// wholeBulk reads a whole answer that was too long to be kept whole.
func (m *meter) wholeBulk(l *bulk) {
	m.media = !m.format.figures
	m.whole([]byte(l.object("", "usage", "usageMetadata", "tool_usage", "error")))
	m.res.Images = l.images
}

// eventBulk reads an event that was too long to be kept whole.
func (m *meter) eventBulk(l *bulk) {
	m.media = true
	if m.format.long != nil {
		m.format.long(m, l)
	}
}
