package gateway

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// plainServers remembers the servers that refuse stream_options, so that not every request to them is sent twice. It is
// bounded, because clients choose the names of models.
type plainServers struct {
	some  atomic.Bool // a server was noted; most gateways never note one
	mu    sync.Mutex
	known map[string]refusals
}

// refusals are the refusals of one server since it last accepted stream_options.
type refusals struct {
	count int
	until time.Time // when they are forgotten
}

const (
	maxPlain   = 1024
	plainFor   = time.Hour
	plainAfter = 3 // refusals in a row; fewer could come from one faulty machine behind the server
)

// refuses reports whether a server is known to refuse stream_options.
func (p *plainServers) refuses(server string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.known[server]
	return r.count >= plainAfter && now.Before(r.until)
}

// noteRefusal notes a refusal. If too many servers are noted, it forgets one of them, whose next request has stream_options
// again.
func (p *plainServers) noteRefusal(server string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[string]refusals)
	}
	r := p.known[server]
	if !now.Before(r.until) {
		r.count = 0
	}
	if _, here := p.known[server]; !here && len(p.known) >= maxPlain {
		for other := range p.known {
			delete(p.known, other)
			break
		}
	}
	p.some.Store(true)
	p.known[server] = refusals{count: r.count + 1, until: now.Add(plainFor)}
}

// noteAccepted notes that a server accepted stream_options.
func (p *plainServers) noteAccepted(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, server)
}

// server is the key of plainServers: the provider's base URL and the model.
func (c *call) server() string { return c.target.Provider.BaseURL + " " + c.target.Model }

// wantsUsage reports whether to ask for the usage of a stream on the client's behalf. Some servers refuse the option.
func (c *call) wantsUsage() bool {
	if c.ep.Operation != wire.ChatCompletions && c.ep.Operation != wire.Completions {
		return false
	}
	by := c.target.Provider
	return c.env.Stream && !c.env.IncludeUsage && !by.Quirks().NoStreamOptions && !by.PlainStreams &&
		!(c.g.plain.some.Load() && c.g.plain.refuses(c.server(), c.start))
}

// retryPlain repeats a request without the stream_options that the gateway added, if the provider's answer refuses them.
// It returns any other answer, readable from its first byte. Some servers refuse with 422.
func (c *call) retryPlain(x *exchange, refusal *http.Response, edit *wire.Edit) (*http.Response, error) {
	switch refusal.StatusCode {
	case http.StatusOK:
		if c.g.plain.some.Load() {
			c.g.plain.noteAccepted(c.server())
		}
		return refusal, nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
	default:
		return refusal, nil
	}
	head, body, err := c.errorHead(refusal)
	if err != nil || !aboutOption(head) {
		rest := io.MultiReader(bytes.NewReader(head), &failing{body, err})
		refusal.Body = struct {
			io.Reader
			io.Closer
		}{rest, refusal.Body}
		return refusal, nil
	}
	_ = refusal.Body.Close()
	c.giveWindows()
	edit.IncludeUsage = false
	x.body = new(outgoingBody) // the transport may still use the first one
	req, err := c.outgoing(x, *edit)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(x, req)
	if err == nil && resp.StatusCode < 300 {
		c.g.plain.noteRefusal(c.server(), c.g.Now())
	}
	return resp, err
}

// failing is a reader that returns err instead of reading, if err is not nil.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.Read(p)
}

// aboutOption reports whether a provider's error is empty or names the option that the gateway adds.
func aboutOption(body []byte) bool {
	lower := bytes.ToLower(body)
	return len(bytes.TrimSpace(body)) == 0 || bytes.Contains(lower, []byte("stream_options")) || bytes.Contains(lower, []byte("include_usage"))
}
