// Package sse reads server-sent events without changing them.
//
// A Scanner cuts a stream into frames. A frame is the raw bytes of one event with the blank line at its end. All frames
// together are the stream, byte for byte, however the stream was cut on its way. The format is that of the WHATWG HTML
// standard, section 9.2.6, with one difference: a last event without its blank line counts, because vendors end streams
// this way and bill the tokens in that event.
package sse

import "bytes"

// DefaultLimit is the longest frame, in bytes, that a Scanner without a Limit keeps in memory.
const DefaultLimit = 4 << 20

// keep is the largest buffer, in bytes, that a Scanner keeps between frames.
const keep = 64 << 10

// Frame is one event as it was sent. Its slices are valid until the next call of the Scanner.
type Frame struct {
	Raw   []byte // every byte of the event, comments within it and line ends included
	Event []byte // value of the last event field; nil if there is none
	Data  []byte // values of the data fields joined by \n; nil if there is none
	// Part says that Raw is a piece of an event longer than the limit. Its fields are not read. The pieces depend on how
	// the event arrived.
	Part bool
}

// Scanner finds the frames of one stream. The zero value is ready to use.
type Scanner struct {
	Limit int // longest frame kept in memory, in bytes; 0: DefaultLimit

	buf  []byte // the bytes so far of a frame that arrives in pieces
	data []byte // joined data of a frame with several data lines
	lines
	begun bool // the first frame, which may begin with a byte order mark, was read
	long  bool // inside a frame beyond the limit
}

// Next reads p up to the end of a frame and returns that frame and the rest of p, to be passed to Next again. If p ends
// inside a frame, the Scanner keeps its bytes and reports false.
//
// If the last byte of p is the CR that ends a frame, the frame is complete only when the next byte is known, which may be
// LF. A comment line before the first field of an event is a frame of its own, so that comments that keep a connection
// alive are not held back.
func (s *Scanner) Next(p []byte) (f Frame, rest []byte, ok bool) {
	if len(s.buf) == 0 && cap(s.buf)+cap(s.data) > keep {
		s.buf, s.data = nil, nil
	}
	for len(p) > 0 {
		n, done := s.end(p)
		if s.long {
			s.long = !done
			if n > 0 {
				return Frame{Raw: p[:n], Part: true}, p[n:], true
			}
			continue
		}
		raw := p[:n]
		if len(s.buf) > 0 || !done {
			s.buf = append(s.buf, raw...)
			raw = s.buf
		}
		p = p[n:]
		if len(raw) > s.limit() {
			s.begun, s.long, s.buf = true, !done, s.buf[:0]
			return Frame{Raw: raw, Part: true}, p, true
		}
		if done {
			s.buf = s.buf[:0]
			return s.parse(raw), p, true
		}
	}
	return Frame{}, nil, false
}

// Flush ends the stream: the bytes since the last complete frame are the last frame. It reports false if there are none.
// It resets the Scanner.
func (s *Scanner) Flush() (Frame, bool) {
	if len(s.buf) == 0 {
		*s = Scanner{Limit: s.Limit}
		return Frame{}, false
	}
	f := s.parse(s.buf)
	*s = Scanner{Limit: s.Limit}
	return f, true
}

// Held is the size of the Scanner's buffers in bytes.
func (s *Scanner) Held() int { return cap(s.buf) + cap(s.data) }

func (s *Scanner) limit() int {
	if s.Limit > 0 {
		return s.Limit
	}
	return DefaultLimit
}

// lines follows line ends across pieces of a stream.
type lines struct {
	begun   bool // the frame has bytes
	comment bool // its first byte is a colon
	inLine  bool // the current line has bytes
	cr      bool // the last byte was a CR, and its LF may come
	last    bool // the line that this CR ended is the frame's last
}

// end looks for the end of the current frame. It returns how many bytes of p, which is not empty, belong to the frame and
// whether the frame ends there.
func (l *lines) end(p []byte) (n int, done bool) {
	if l.cr {
		if p[0] == '\n' {
			n = 1
		}
		if l.last {
			*l = lines{}
			return n, true
		}
		l.cr = false
	}
	if !l.begun {
		l.begun, l.comment = true, p[0] == ':'
	}
	for n < len(p) {
		eol := lineEnd(p[n:])
		if eol < 0 {
			l.inLine = true
			return len(p), false
		}
		last := l.comment || eol == 0 && !l.inLine
		l.inLine = false
		n += eol + 1
		if p[n-1] == '\r' {
			if n == len(p) {
				l.cr, l.last = true, last
				return n, false
			}
			if p[n] == '\n' {
				n++
			}
		}
		if last {
			*l = lines{}
			return n, true
		}
	}
	return n, false
}

// lineEnd is the index of the first CR or LF of p, or -1.
func lineEnd(p []byte) int {
	lf := bytes.IndexByte(p, '\n')
	line := p
	if lf >= 0 {
		line = p[:lf]
	}
	if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

var byteOrderMark = []byte("\uFEFF")

// parse reads the fields of a frame. A single data line, which is what vendors send, is not copied.
func (s *Scanner) parse(raw []byte) Frame {
	f := Frame{Raw: raw}
	rest := raw
	if !s.begun {
		s.begun = true
		rest = bytes.TrimPrefix(rest, byteOrderMark)
	}
	joined := false
	for len(rest) > 0 {
		var line []byte
		line, rest = cutLine(rest)
		name, value := field(line)
		switch string(name) {
		case "event":
			f.Event = value
		case "data":
			switch {
			case f.Data == nil:
				f.Data = value
			case !joined:
				joined = true
				s.data = append(s.data[:0], f.Data...)
				fallthrough
			default:
				s.data = append(append(s.data, '\n'), value...)
				f.Data = s.data
			}
		}
	}
	return f
}

func cutLine(p []byte) (line, rest []byte) {
	eol := lineEnd(p)
	if eol < 0 {
		return p, nil
	}
	next := eol + 1
	if p[eol] == '\r' && next < len(p) && p[next] == '\n' {
		next++
	}
	return p[:eol], p[next:]
}

// field splits a line at its first colon; one space after it belongs to neither. A comment has no name.
func field(line []byte) (name, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, line[len(line):]
	}
	value = line[colon+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return line[:colon], value
}

// AppendEvent appends one event to dst: an event field unless event is empty, a data field for each line of data, and the
// blank line.
func AppendEvent(dst []byte, event string, data []byte) []byte {
	if event != "" {
		dst = append(append(append(dst, "event: "...), event...), '\n')
	}
	for more := true; more; {
		var line []byte
		line, data, more = bytes.Cut(data, []byte{'\n'})
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}
