package gateway

import (
	"bytes"

	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/tidwall/gjson"
)

// largeAnswer meters a JSON answer that is too large to be held: embeddings by the
// thousand, images. Their usage stands at the top level, before or after the bulk, so
// what is kept of the answer is its head and its tail.
type largeAnswer struct {
	kind       meter.Kind
	head, tail []byte
	images     int64
	last       []byte // the end of the last write, for names cut in two
}

const (
	headKept = 4 << 10
	tailKept = 16 << 10
)

func newLargeAnswer(kind meter.Kind) *largeAnswer { return &largeAnswer{kind: kind} }

// Write implements watcher.
func (l *largeAnswer) Write(dst, p []byte) []byte {
	if room := headKept - len(l.head); room > 0 {
		l.head = append(l.head, p[:min(room, len(p))]...)
	}
	l.tail = append(l.tail, p...)
	if over := len(l.tail) - tailKept; over > 0 {
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
	l.countImages(p)
	return append(dst, p...)
}

func (l *largeAnswer) countImages(p []byte) {
	name := []byte(`"b64_json"`)
	joined := append(l.last, p...)
	l.images += int64(bytes.Count(joined, name))
	// What is kept is shorter than the name, so none is counted twice.
	l.last = append([]byte(nil), joined[max(0, len(joined)-len(name)+1):]...)
}

// Flush implements watcher.
func (l *largeAnswer) Flush(dst []byte) []byte { return dst }

// Result implements watcher.
func (l *largeAnswer) Result() meter.Result {
	for _, part := range [...][]byte{l.tail, l.head} {
		for _, name := range [...]string{"usage", "usageMetadata"} {
			if r, ok := l.figures(part, name); ok {
				r.Images, r.Usage.Images = l.images, l.images
				return r
			}
		}
	}
	return meter.Result{Images: l.images, Complete: true}
}

// figures reads the last member of that name whose value is figures. A quoted name that a
// colon follows cannot stand within a JSON string, where quotes are escaped.
func (l *largeAnswer) figures(part []byte, name string) (meter.Result, bool) {
	quoted := []byte(`"` + name + `"`)
	for {
		i := bytes.LastIndex(part, quoted)
		if i < 0 {
			return meter.Result{}, false
		}
		member := part[i:]
		part = part[:i]
		if !bytes.HasPrefix(bytes.TrimLeft(member[len(quoted):], " \t\r\n"), []byte(":")) {
			continue
		}
		figures := gjson.GetBytes(append([]byte("{"), member...), name)
		if r := meter.Whole(l.kind, []byte(`{"`+name+`":`+figures.Raw+`}`)); figures.IsObject() && r.Known {
			return r, true
		}
	}
}
