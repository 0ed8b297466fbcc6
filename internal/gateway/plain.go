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

// plainServers remembers the servers that refuse the wish for usage in a stream, so that they need not be asked twice for
// every answer. It is bounded, because clients choose the names of models.
type plainServers struct {
	some  atomic.Bool // has ever known any: most gateways never do
	mu    sync.Mutex
	known map[string]refusals
}

// refusals are those of one server since it last took the wish.
type refusals struct {
	count int
	until time.Time // when they are forgotten
}

const (
	mostPlain   = 1024
	plainFor    = time.Hour
	surelyPlain = 3 // refusals in a row that are no accident of one machine behind the server
)

// has reports whether a server refuses the wish, as far as is remembered.
func (p *plainServers) has(server string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.known[server]
	return r.count >= surelyPlain && now.Before(r.until)
}

// refused notes a refusal. Where there are too many servers, any other is forgotten: it is asked again.
func (p *plainServers) refused(server string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[string]refusals)
	}
	r := p.known[server]
	if !now.Before(r.until) {
		r.count = 0
	}
	if _, here := p.known[server]; !here && len(p.known) >= mostPlain {
		for other := range p.known {
			delete(p.known, other)
			break
		}
	}
	p.some.Store(true)
	p.known[server] = refusals{count: r.count + 1, until: now.Add(plainFor)}
}

// took notes that a server took the wish.
func (p *plainServers) took(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, server)
}

// server names the model at the provider's server.
func (c *call) server() string { return c.target.Provider.BaseURL + " " + c.target.Model }

// wantsUsage reports whether figures are asked for in a stream whose client has not asked. Mistral refuses the option
// and sends the figures anyway.
func (c *call) wantsUsage() bool {
	if c.ep.Operation != wire.ChatCompletions && c.ep.Operation != wire.Completions {
		return false
	}
	by := c.target.Provider
	return c.env.Stream && !c.env.IncludeUsage && by.Vendor != "mistral" && !by.PlainStreams &&
		!(c.g.plain.some.Load() && c.g.plain.has(c.server(), c.start))
}

// askPlainly sends a request once more, without the wish for usage that we had added, where the provider's answer is a
// refusal of it. Any other answer it returns, to be read anew. Some servers refuse with 422.
func (c *call) askPlainly(x *exchange, refusal *http.Response, edit *wire.Edit) (*http.Response, error) {
	switch refusal.StatusCode {
	case http.StatusOK:
		if c.g.plain.some.Load() {
			c.g.plain.took(c.server())
		}
		return refusal, nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
	default:
		return refusal, nil
	}
	body, _, err := decoded(refusal)
	var head []byte
	if err == nil {
		head, err = io.ReadAll(io.LimitReader(body, errorBody))
	}
	if err != nil || !aboutOption(head) {
		rest := io.MultiReader(bytes.NewReader(head), &failing{body, err})
		refusal.Body = struct {
			io.Reader
			io.Closer
		}{rest, refusal.Body}
		return refusal, nil
	}
	_ = refusal.Body.Close()
	edit.IncludeUsage = false
	again := new(outgoingBody) // the transport may still hold the first
	req, err := c.outgoing(x, again, *edit)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(x, req, again)
	if err == nil && resp.StatusCode < 300 {
		c.g.plain.refused(c.server(), c.g.Now())
	}
	return resp, err
}

// failing is a reader that fails from the start where reading it has failed before.
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

// aboutOption reports whether a provider's error speaks of the option that we add, or of nothing.
func aboutOption(body []byte) bool {
	lower := bytes.ToLower(body)
	return len(bytes.TrimSpace(body)) == 0 || bytes.Contains(lower, []byte("stream_options")) || bytes.Contains(lower, []byte("include_usage"))
}
