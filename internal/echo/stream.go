package echo

import (
	"net/http"
	"strconv"
)

// json answers with a whole JSON document.
func (c *call) json(v any) { c.whole("application/json", marshal(v)) }

// whole answers with data, or with as much of it as the fault allows.
func (c *call) whole(contentType string, data []byte) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	switch c.fault {
	case StreamError:
		c.refuse(broken)
		return
	case Truncate:
		data = data[:len(data)/2]
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	c.w.WriteHeader(http.StatusOK)
	if c.fault == HangMidway || c.fault == Break {
		c.write(data[:len(data)/2])
		c.midway()
	}
	c.write(data)
	c.end()
}

// midway ends an answer of which half has been sent.
func (c *call) midway() {
	if c.fault == HangMidway {
		c.hang()
	}
	panic(http.ErrAbortHandler)
}

// write sends data at once. It ignores errors, because the request's context shows a disconnected client.
func (c *call) write(data []byte) {
	_, _ = c.w.Write(data)
	_ = http.NewResponseController(c.w).Flush()
}

func (c *call) end() {
	if z, ok := c.w.(*gzipWriter); ok {
		z.close()
	}
}

// framing is how a dialect separates the events of a stream.
type framing struct {
	contentType        string
	first, head, blank string // before the first event, before each other one, after each
	last               string // after the last event
}

var (
	lines   = framing{contentType: "text/event-stream; charset=utf-8", first: "data: ", head: "data: ", blank: "\n\n"}
	crLines = framing{contentType: "text/event-stream", first: "data: ", head: "data: ", blank: "\r\n\r\n"}
	array   = framing{contentType: "application/json; charset=UTF-8", first: "[", head: ",\r\n", last: "]"}
)

// stream is an answer that is sent event by event. Events after its end are dropped.
type stream struct {
	c    *call
	form framing
	sent int
	open bool // the last event waits for its blank line
	over bool
	fail func(problem) // sends the dialect's error event
}

func (c *call) stream(form framing) *stream {
	c.w.Header().Set("Content-Type", form.contentType)
	c.w.Header().Set("Cache-Control", "no-cache")
	c.w.WriteHeader(http.StatusOK)
	s := &stream{c: c, form: form}
	s.fail = func(p problem) { s.event("", openAIError(p)) }
	return s
}

// event sends v as the data of an event; name may be empty.
func (s *stream) event(name string, v any) { s.data(name, marshal(v)) }

func (s *stream) data(name string, data []byte) {
	if s.over || s.c.r.Context().Err() != nil {
		return
	}
	head := s.form.head
	if s.sent == 0 {
		head = s.form.first
	} else if s.c.p.opts.Between != nil {
		s.c.p.opts.Between(s.c.r)
	}
	if s.open {
		head = s.form.blank[:len(s.form.blank)/2] + head
	}
	if name != "" {
		head = "event: " + name + "\n" + head
	}
	s.sent++
	frame := append([]byte(head), data...)
	if s.c.fault == Unterminated {
		// The line ends, the blank line comes with the next event, and so never for the last.
		s.open = true
		frame = append(frame, s.form.blank[:len(s.form.blank)/2]...)
	} else {
		frame = append(frame, s.form.blank...)
	}
	s.c.write(frame)
}

// word is called before piece i of the n pieces of a streamed answer. Faults midway happen here.
func (s *stream) word(i, n int) {
	if i != n/2 || s.over {
		return
	}
	switch s.c.fault {
	case HangMidway, Break:
		s.c.midway()
	case Truncate:
		s.over = true
	case StreamError:
		s.fail(broken)
		s.over = true
	}
}

func (s *stream) end() {
	if !s.over {
		s.c.write([]byte(s.form.last))
	}
	s.c.end()
}
