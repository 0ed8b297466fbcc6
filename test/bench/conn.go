package main

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// request is a request made in advance. Where it names an identity, the digits of that
// name are written into a copy before each sending.
type request struct {
	bytes  []byte
	digits int // where the identity's digits begin; 0 for none
	status string
	stream bool

	fresh int          // where digits of the text begin that differ in each request; 0 for none
	sent  atomic.Int64 // requests with such digits
}

const identityDigits = 8

// chatBody is a chat request of usual size, about 1 KB.
func chatBody(stream bool) string {
	b := bytes.NewBufferString(`{"model":"gpt-4o-mini","temperature":0.7,"max_completion_tokens":512,`)
	if stream {
		b.WriteString(`"stream":true,"stream_options":{"include_usage":true},`)
	}
	b.WriteString(`"messages":[{"role":"system","content":"You are a helpful assistant. Answer briefly and in the user's language."}`)
	for b.Len() < 950 {
		b.WriteString(`,{"role":"user","content":"How do I boil an egg \"just right\"?\nIt is a large one."},{"role":"assistant","content":"Seven minutes."}`)
	}
	b.WriteString(`,{"role":"user","content":"And a small one?"}]}`)
	return b.String()
}

// freshMark stands in a body for digits that differ in each request.
const freshMark = "########"

// freshBody is a chat request with one message of 1 KB that no other request has.
func freshBody() string {
	text := "Please help me to plan a weekend with my parents, number " + freshMark + "."
	for len(text) < 1<<10 {
		text += " They like old churches, good coffee and short walks, and my father cannot climb many stairs."
	}
	return `{"model":"gpt-4o-mini","max_completion_tokens":512,"messages":[{"role":"user","content":"` + text[:1<<10] + `"}]}`
}

// newRequest makes the request that every target gets, the same to the byte but for the
// host and the keys, which are as long.
func newRequest(addr, projectKey, status string, stream bool) *request {
	return requestOf(addr, projectKey, status, stream, chatBody(stream))
}

func requestOf(addr, projectKey, status string, stream bool, body string) *request {
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: " + addr +
		"\r\nUser-Agent: bench\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\nX-Project-Key: " + projectKey + "\r\nX-Identity: user-"
	r := &request{bytes: []byte(head + "00000000\r\n\r\n" + body), digits: len(head), status: status, stream: stream}
	r.fresh = max(0, bytes.Index(r.bytes, []byte(freshMark)))
	return r
}

// conn is a connection that has one request at a time under way. It does no more than it
// must: what it costs is taken from the machine that is measured.
type conn struct {
	net.Conn
	req *request
	out []byte // the request, with the identity of the moment
	in  []byte
	due atomic.Int64 // when the request was due, in the open loop: ns since epoch, or hungUp
}

func dial(addr string, req *request) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, req: req, out: bytes.Clone(req.bytes), in: make([]byte, 0, 32<<10)}, nil
}

// send sends the request as the identity of a number.
func (c *conn) send(identity int) error {
	c.write(c.req.digits, identity)
	if c.req.fresh > 0 {
		c.write(c.req.fresh, int(c.req.sent.Add(1)))
	}
	_, err := c.Write(c.out)
	return err
}

// write writes the last digits of a number.
func (c *conn) write(at, n int) {
	for i := at + identityDigits - 1; i >= at; i-- {
		c.out[i] = byte('0' + n%10)
		n /= 10
	}
}

var (
	headEnd   = []byte("\r\n\r\n")
	lengthKey = []byte("\r\nContent-Length: ")
	chunked   = []byte("\r\nTransfer-Encoding: chunked\r\n")
	lastChunk = []byte("\r\n0\r\n\r\n")
	eventData = []byte("data:")
)

// receive reads an answer to its end and returns when its first event, or else the whole
// of it, was there. It fails where the answer is not the one that is expected.
func (c *conn) receive() (time.Time, error) {
	c.in = c.in[:0]
	body, size := 0, -1
	var first time.Time
	for {
		n, err := c.Read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return first, fmt.Errorf("answer broke off after %d bytes: %w", len(c.in), err)
		}
		c.in = c.in[:len(c.in)+n]
		if body == 0 {
			if body, size, err = c.head(); err != nil {
				return first, err
			}
		}
		switch {
		case body == 0:
		case size >= 0 && len(c.in) >= body+size:
			if c.req.stream {
				return first, fmt.Errorf("answer is no stream: %s", c.in)
			}
			return time.Now(), nil
		case size < 0 && first.IsZero() && bytes.Contains(c.in[body:], eventData):
			first = time.Now()
		}
		if body > 0 && size < 0 && bytes.HasSuffix(c.in, lastChunk) {
			return first, nil
		}
		if len(c.in) == cap(c.in) {
			return first, fmt.Errorf("answer is larger than %d bytes", len(c.in))
		}
	}
}

// head looks at the answer's header, once it is there: where the body begins, and its size,
// or -1 where it is chunked.
func (c *conn) head() (body, size int, err error) {
	i := bytes.Index(c.in, headEnd)
	if i < 0 {
		return 0, -1, nil
	}
	head, body := c.in[:i+2], i+len(headEnd)
	if status := string(head[min(9, len(head)):min(12, len(head))]); status != c.req.status {
		return 0, -1, fmt.Errorf("status %s, want %s: %s", status, c.req.status, c.in)
	}
	if i := bytes.Index(head, lengthKey); i >= 0 {
		digits, _, _ := bytes.Cut(head[i+len(lengthKey):], []byte("\r"))
		size, err = strconv.Atoi(string(digits))
		return body, size, err
	}
	if !bytes.Contains(head, chunked) {
		return 0, -1, fmt.Errorf("answer without a length: %s", head)
	}
	return body, -1, nil
}
