package gateway

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// exposed are the headers that a browser app may read.
const exposed = "RateLimit, RateLimit-Policy, Retry-After, Retry-After-Ms, X-Should-Retry, X-Request-Id, X-Provider-Request-Id, Request-Id, " +
	"X-RateLimit-Limit-Requests, X-RateLimit-Remaining-Requests, X-RateLimit-Reset-Requests, " +
	"X-RateLimit-Limit-Tokens, X-RateLimit-Remaining-Tokens, X-RateLimit-Reset-Tokens, X-RateLimit-Unchecked, " +
	"X-Model-Used, X-Model-Requested, OpenAI-Processing-Ms, OpenAI-Version, OpenAI-Model"

// sandbox is the same on every answer that needs it.
var sandbox = []string{"sandbox"}

const requestIDAlphabet = "0123456789abcdefghijklmnopqrstuv"

// newRequestID returns a name for a request. It is unique, not secret.
func newRequestID() string {
	var id [4 + 24]byte
	copy(id[:], "req_")
	for i, n := 4, uint64(0); i < len(id); i++ {
		if (i-4)%12 == 0 {
			n = rand.Uint64()
		}
		id[i] = requestIDAlphabet[n&31]
		n >>= 5
	}
	return string(id[:])
}

// commonHeaders sets the headers of every answer.
func (c *call) commonHeaders() {
	h := c.w.Header()
	admission.Identify(h, c.id)
	if wire.HeaderValue(c.r.Header, "Origin") != "" {
		// No cookies are involved, so any page may ask. The project's allowedOrigins are
		// checked later, with the project.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", exposed)
	}
}

// dated is the Date header of all answers in a second.
type dated struct {
	second int64
	value  []string
}

// date returns the Date header's value. net/http would format it anew for each answer.
func (g *Gateway) date(now time.Time) []string {
	last := g.lastDate.Load()
	if second := now.Unix(); last == nil || last.second != second {
		last = &dated{second, []string{now.UTC().Format(http.TimeFormat)}}
		g.lastDate.Store(last)
	}
	return last.value
}

// preflight answers the request that a browser sends ahead of the real one. It carries no
// project key, so its answer cannot depend on the project.
func (c *call) preflight() {
	c.outcome = "preflight"
	h := c.w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked := c.r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "86400")
	h.Add("Vary", "Access-Control-Request-Headers")
	c.writeHeader(http.StatusNoContent)
}

// passHeader copies the provider's headers. It leaves out the length of an edited body, which can be shorter.
func (c *call) passHeader(resp *http.Response, edited bool) {
	h := c.w.Header()
	// The gateway's limit headers replace the provider's, which are not about the end user. The gateway has none for an
	// answer that is not metered, or whose request was let through unchecked.
	provider.ResponseHeader(h, resp.Header, c.target.Provider, c.target.Stored, c.rules.Any())
	if edited {
		h.Del("Content-Length")
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if name := c.ep.Dialect.Spec().RequestIDHeader; name != "" {
		h[name] = h["X-Request-Id"]
	}
	if wire.HeaderValue(h, "Access-Control-Expose-Headers") != "" {
		c.exposePassed()
	}
}

// exposePassed lets a browser app read the provider's headers that are passed on.
func (c *call) exposePassed() {
	h := c.w.Header()
	var names []string
	for name := range h {
		if provider.Passed(c.target.Provider, name) && !strings.Contains(exposed, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	h.Set("Access-Control-Expose-Headers", strings.Join(append([]string{exposed}, names...), ", "))
}

// inert reports whether a browser runs nothing in an answer of that type: it shows JSON and event streams as text.
func inert(kind []string) bool {
	if len(kind) != 1 {
		return false
	}
	media, _, _ := strings.Cut(kind[0], ";")
	media = strings.TrimSpace(media)
	return strings.EqualFold(media, "application/json") || strings.EqualFold(media, "text/event-stream")
}

func (c *call) writeHeader(status int) {
	if c.decision != nil {
		admission.LimitHeaders(c.w.Header(), c.decision, c.caller.Project.Period, c.now)
	}
	h := c.w.Header()
	h["Date"] = c.g.date(c.start.Add(max(c.at.Decided, c.at.Answered, c.at.Last)))
	if !inert(h["Content-Type"]) {
		// A page in a provider's answer must not run on this origin.
		h["Content-Security-Policy"] = sandbox
	}
	if !c.bodyRead {
		wire.EarlyAnswer(c.w, c.r)
	}
	c.status, c.started = status, true
	c.w.WriteHeader(status)
}

// write writes to the client. It reports false if the client has gone or does not read.
func (c *call) write(p []byte) bool {
	_, err := c.w.Write(p)
	return err == nil
}

// fail answers with err in the dialect of the call.
func (c *call) fail(err error) {
	err = asUnavailable(err)
	e, ok := errors.AsType[*wire.Error](err)
	if !ok { // errClientGone
		c.outcome, c.status = "client_gone", 499
		panic(http.ErrAbortHandler)
	}
	c.outcome = e.Code
	shown := *e
	shown.DocURL = wire.DocURL(c.g.DocsURL, e.Code)
	body := admission.WriteError(c.w.Header(), &shown, c.ep.Dialect, c.id)
	c.writeHeader(e.Status)
	c.write(body)
}

// key names the caller's account.
func (c *call) key() ledger.Key {
	return ledger.Key{Project: c.caller.Project.Key, Identity: c.caller.Identity}
}
