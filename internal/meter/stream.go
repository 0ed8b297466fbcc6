package meter

import (
	"sync"

	"github.com/airatelimit/airatelimit/internal/sse"
)

const (
	// maxEvent is the longest event, in bytes, that is kept and read whole. Of a longer event, only the beginning and
	// the end are read: events that carry an image have their figures there.
	maxEvent = 1 << 20
	// freeEvent is how many bytes of an event every stream may keep without taking memory from Memory.
	freeEvent = 64 << 10
)

// Stage is how much of a stream has come.
type Stage uint8

// The stages of a stream.
const (
	Running  Stage = iota
	Ended          // the model's output has ended, figures may follow
	Complete       // the stream's documented end has come
)

// form is an answer's format, detected from its first bytes.
type form uint8

const (
	unknown form = iota
	events       // server-sent events
	array        // a JSON array of chunks, or chunks without an array
	object       // one JSON object
)

// Stream meters an answer on its way to the client.
type Stream struct {
	meter
	hide   bool
	form   form
	mark   int // bytes of a byte order mark seen
	memory *Memory
	taken  int // bytes taken from Memory

	events  sse.Scanner
	objects objects
	body    []byte // of an answer in the form object
	nesting nesting
	long    *bulk // the event or object that is too long to be kept whole
}

// NewStream returns a meter for one answer of format k that is passed on as it comes. The first bytes say whether it is
// events or JSON.
func NewStream(k Kind, o Options) *Stream {
	s := streams.Get().(*Stream)
	*s = Stream{meter: newMeter(k, o), hide: o.HideUsage && formats[k].usageOnly, memory: o.Memory}
	return s
}

// streams are reused, like meters.
var streams = sync.Pool{New: func() any { return new(Stream) }}

// Write reads bytes from upstream, cut anywhere, and appends to dst the bytes for the client: the same bytes at once, or
// with HideUsage the events that are complete. White space before the answer and comments between events always pass at
// once.
func (s *Stream) Write(dst, p []byte) []byte {
	if s.form == unknown {
		lead := s.detect(p)
		dst, p = append(dst, p[:lead]...), p[lead:]
		if s.form == unknown {
			return dst
		}
	}
	if !s.hide || s.form != events {
		dst = append(dst, p...)
	}
	limit := s.room(len(p))
	switch s.form {
	case array:
		s.objects.limit = limit
		s.objects.write(p, s.chunk, s.longPart)
	case object:
		s.object(p, limit)
	default:
		s.events.Limit = limit
		for len(p) > 0 {
			f, rest, ok := s.events.Next(p)
			if !ok {
				break
			}
			dst, p = s.frame(dst, f), rest
		}
	}
	s.giveBack(s.kept())
	return dst
}

// Flush ends the stream. An event without its blank line counts. Held bytes are appended to dst.
func (s *Stream) Flush(dst []byte) []byte {
	if f, ok := s.events.Flush(); ok {
		dst = s.frame(dst, f)
	}
	s.endLong()
	if s.body != nil {
		s.whole(s.body)
		s.body = nil
	}
	s.giveBack(0)
	return dst
}

// Close gives back the stream and its memory. It must not be used afterwards.
func (s *Stream) Close() {
	s.giveBack(0)
	*s = Stream{}
	streams.Put(s)
}

// Heard is the number of bytes of output text so far. It is cheap.
func (s *Stream) Heard() int64 { return s.res.OutputText }

// Result is the result so far.
func (s *Stream) Result() Result { return s.result() }

// Stage is how much of the stream has come. It is cheap.
func (s *Stream) Stage() Stage { return s.stage() }

// Finished reports whether the stream has ended with all the answers that the request asks for: choices, candidates or
// images. Until then the figures of Result cover only a part, even if they are known: vendors may send the answers one
// after the other.
func (s *Stream) Finished(answers int64) bool {
	switch {
	case s.stage() == Running:
		return false
	case s.form == object, s.blocked, s.format.finished == nil:
		return true
	}
	return s.format.finished(&s.meter, answers)
}

var byteOrderMark = []byte("\uFEFF")

// detect sets the form of an answer by its first byte that is neither white space nor part of a byte order mark. It
// returns how many bytes came before.
func (s *Stream) detect(p []byte) (lead int) {
	for _, b := range p {
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		case s.mark < len(byteOrderMark) && b == byteOrderMark[s.mark]:
			s.mark++
		case (b == '[' || b == '{') && s.format.array:
			s.form = array
			return lead
		case b == '{':
			s.form = object
			return lead
		default:
			s.form = events
			return lead
		}
		lead++
	}
	return lead
}

// frame reads one event, or a piece of one that is too long.
func (s *Stream) frame(dst []byte, f sse.Frame) []byte {
	hidden := false
	switch {
	case f.Part:
		s.longPart(f.Raw, false)
	case f.Data != nil:
		s.endLong()
		hidden = s.format.event != nil && s.format.event(&s.meter, f.Event, f.Data)
	default:
		s.endLong()
	}
	if s.hide && !hidden {
		dst = append(dst, f.Raw...)
	}
	return dst
}

// object collects an answer that is one JSON object, and reads it as soon as it closes.
func (s *Stream) object(p []byte, limit int) {
	if s.nesting.closed {
		return
	}
	n, done := s.nesting.next(p)
	p = p[:n]
	switch {
	case s.long != nil || len(s.body)+n > limit:
		if s.long == nil && len(s.body) > 0 {
			s.longPart(s.body, false)
		}
		s.body = nil
		s.longPart(p, done)
	default:
		s.body = append(s.body, p...)
		if done {
			s.whole(s.body)
			s.body = nil
		}
	}
	s.nesting.closed = done
}

// longPart reads a piece of an event or object that is too long to be kept whole.
func (s *Stream) longPart(p []byte, last bool) {
	if s.long == nil {
		s.long = new(bulk)
	}
	s.long.write(p)
	if last {
		s.endLong()
	}
}

func (s *Stream) endLong() {
	if s.long == nil {
		return
	}
	long := s.long
	s.long = nil
	if s.form == object {
		s.wholeBulk(long)
	} else {
		s.eventBulk(long)
	}
}

// kept is the number of bytes that the stream holds of an unfinished event.
func (s *Stream) kept() int { return s.events.Held() + cap(s.objects.buf) + cap(s.body) }

// room takes memory for n more bytes and returns how long an event may be.
func (s *Stream) room(n int) int {
	need := 2 * (s.kept() + n) // buffers grow by doubling
	if need <= freeEvent || s.memory == nil {
		return maxEvent
	}
	if need > s.taken {
		if !s.memory.Take(need - s.taken) {
			return freeEvent / 2
		}
		s.taken = need
	}
	return maxEvent
}

// giveBack gives back the memory that kept bytes do not need.
func (s *Stream) giveBack(kept int) {
	if s.taken > 0 && 2*kept < s.taken {
		s.memory.Give(s.taken - 2*kept)
		s.taken = 2 * kept
	}
}
