package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// net/http answers what it cannot take as a request by itself, in plain text: control
// characters in a header, headers without end. Clients of ours read one shape of errors,
// so these answers are put into it where they are written.

// plainly is how net/http ends the head of such an answer. No answer of a handler looks
// like it: those have a date.
const plainly = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// refusing is a listener whose connections translate net/http's own refusals.
type refusing struct{ net.Listener }

// Accept implements net.Listener.
func (l refusing) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &refusingConn{TCPConn: tcp}, nil
	}
	return c, err
}

// refusingConn remembers the beginning of what came since the last answer: a request's
// line, which says whose errors the client reads, and its first headers.
type refusingConn struct {
	*net.TCPConn

	mu       sync.Mutex // net/http reads while a handler writes
	head     [2048]byte
	n        int
	answered bool
}

// Read implements net.Conn.
func (c *refusingConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	if c.answered {
		c.n, c.answered = 0, false
	}
	c.n += copy(c.head[c.n:], p[:n])
	c.mu.Unlock()
	return n, err
}

// Write implements net.Conn.
func (c *refusingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.answered = true
	c.mu.Unlock()
	if status, text, ok := refusal(p); ok {
		c.mu.Lock()
		head := string(c.head[:c.n])
		c.mu.Unlock()
		_, err := c.TCPConn.Write(translated(head, status, text))
		return len(p), err
	}
	return c.TCPConn.Write(p)
}

// refusal reads an answer of net/http's own.
func refusal(p []byte) (status int, text string, ok bool) {
	head, _, found := bytes.Cut(p[:min(len(p), 512)], []byte(plainly))
	rest, is := bytes.CutPrefix(head, []byte("HTTP/1.1 "))
	if !found || !is || bytes.Contains(rest, []byte("\r\n")) {
		return 0, "", false
	}
	code, text, _ := strings.Cut(string(rest), " ")
	status, err := strconv.Atoi(code)
	return status, text, err == nil && status >= 400
}

// badIdentity reports whether the head of a request names an identity that no header may hold.
func badIdentity(head string) bool {
	head, _, _ = strings.Cut(head, "\r\n\r\n")
	for _, line := range strings.Split(head, "\n")[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "X-Identity") && strings.ContainsFunc(strings.TrimSuffix(value, "\r"), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return true
		}
	}
	return false
}

// translated is the refusal as the client of a request reads it that begins with head.
func translated(head string, status int, text string) []byte {
	_, path, _ := strings.Cut(head, " ")
	path, _, _ = strings.Cut(path, " ")
	path, _, _ = strings.Cut(path, "?")
	message := "The request is not valid HTTP: " + strings.ToLower(strings.TrimPrefix(text, "Bad Request: ")) + "."
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge:
		message = "The request has too large headers: at most 64 KB in all."
	case text == http.StatusText(status):
		message = "The request is not valid HTTP."
	}
	id := newRequestID()
	kind := "application/json"
	refused := wire.Error{Status: status, Code: "invalid_request", Message: message}
	if status == http.StatusBadRequest && badIdentity(head) {
		refused = wire.Error{Status: status, Code: "invalid_identity", Param: "x-identity", Message: "x-identity contains characters that cannot be printed."}
	}
	dialect := wire.DialectOf(path)
	body := refused.Body(dialect, id)
	if strings.HasPrefix(path, "/api/") {
		kind = "application/problem+json"
		body, _ = json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": message}) // cannot fail
	}
	answer := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nX-Request-Id: %s\r\n",
		status, http.StatusText(status), kind, len(body), id)
	if dialect == wire.Anthropic {
		answer = fmt.Appendf(answer, "Request-Id: %s\r\n", id)
	}
	return append(append(answer, "Connection: close\r\n\r\n"...), body...)
}
