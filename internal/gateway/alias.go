package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/sse"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// This file is about aliases: which models a request may use, and when the next one is tried.

// aliased is the choice of an alias. It is empty for a request that names a model.
type aliased struct {
	choices []string // the variant, then the fallbacks
	attempt int      // the index of the model in use

	home *project.Provider // of the first attempt
}

// asked returns the model to route, and the provider that the request names for it. For an alias, the settings name both.
func (c *call) asked() (model, named string) {
	if c.attempt == 0 {
		c.choices = nil // the tier, and so the variant, may differ from an earlier decision
		if a, ok := c.caller.Project.Alias(c.env.Model); ok {
			c.choices = a.Models(c.caller.Identity, c.tier)
		}
	}
	if c.choices == nil {
		return c.env.Model, wire.HeaderValue(c.r.Header, "X-Provider")
	}
	return c.choices[c.attempt], ""
}

// errElsewhere means that a fallback cannot go on with what the first model's provider may have stored.
var errElsewhere = errors.New("another provider does not know the conversation")

// noteModel notes where an alias leads, and says so in the answer.
func (c *call) noteModel() error {
	if c.choices == nil {
		return nil
	}
	if c.attempt == 0 {
		c.home = c.target.Provider
	} else if c.ep.Operation == wire.Responses && c.home != c.target.Provider {
		return errElsewhere
	}
	h := c.w.Header()
	h["X-Model-Requested"] = []string{c.env.Model}
	h["X-Model-Used"] = []string{c.target.Model}
	return nil
}

// mayFallBack reports whether another model is left to try. A request that goes on with a conversation stays with its model.
func (c *call) mayFallBack(x *exchange) bool {
	return c.attempt+1 < len(c.choices) && c.ep.Metered() && !c.env.Continues && !c.started && x.ctx.Err() == nil && !x.gone.Load()
}

// failedStatus reports whether a provider's status is about the provider, not about the request.
func failedStatus(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, 529: // Anthropic's: overloaded
		return true
	}
	return false
}

// failedFirst reports whether an attempt has failed so that another model may be tried: no connection was made, the status is
// about the provider, or the first event of the stream is an error.
func (c *call) failedFirst(x *exchange, resp *http.Response, err error) bool {
	switch {
	case err != nil:
		return x.unreached(err)
	case failedStatus(resp.StatusCode):
		return true
	}
	plain := wire.HeaderValue(resp.Header, "Content-Encoding") == ""
	return resp.StatusCode == http.StatusOK && c.streamed() && plain && beginsWithError(x, resp)
}

// fallBack releases the failed attempt and reserves the next model that can be tried, under its own limits. It reports false,
// with the failed attempt in place again, if there is none. The error is errClientGone or nil.
func (c *call) fallBack(ctx context.Context, query string) (edit wire.Edit, ok bool, err error) {
	c.release()
	failed := struct {
		upstream
		reservation
	}{c.upstream, c.reservation}
	c.giveWindows()
	for c.attempt++; c.attempt < len(c.choices); c.attempt++ {
		c.reservation = reservation{}
		if edit, err = c.admit(ctx, query); err == nil {
			c.at.Sent = 0
			return edit, true, nil
		}
		if errors.Is(err, errClientGone) {
			return edit, false, err
		}
	}
	c.upstream, c.reservation = failed.upstream, failed.reservation
	c.w.Header()["X-Model-Used"] = []string{c.target.Model}
	return edit, false, nil
}

// maxPeek is how many bytes of a stream are held back to see whether its first event is an error.
const maxPeek = 64 << 10

// beginsWithError reports whether the first event of a stream is an error about the provider. It reads no further than that
// event, and puts the bytes back. A stream that begins with a comment passes at once: its client must see it.
func beginsWithError(x *exchange, resp *http.Response) bool {
	var (
		scan sse.Scanner
		head []byte
		body = &idleReader{resp.Body, x}
		buf  [4 << 10]byte
	)
	for {
		n, err := body.Read(buf[:])
		head = append(head, buf[:n]...)
		frame, _, found := scan.Next(bytes.Clone(buf[:n]))
		if !found && err == nil && len(head) < maxPeek && !notEvents(head) {
			continue
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), &failing{resp.Body, err}), resp.Body}
		return found && !frame.Part && isFailure(frame)
	}
}

// notEvents reports whether an answer begins like JSON instead of a stream of events.
func notEvents(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && (head[0] == '[' || head[0] == '{')
}

// isFailure reports whether an event is an error about the provider, not about the request.
func isFailure(f sse.Frame) bool {
	if !gjson.ValidBytes(f.Data) {
		return string(f.Event) == "error"
	}
	event := gjson.ParseBytes(f.Data)
	object, kind := event.Get("error"), event.Get("type").String()
	if kind == "response.failed" {
		object = event.Get("response.error")
	}
	if string(f.Event) != "error" && kind != "error" && kind != "response.failed" && !object.IsObject() && object.Type != gjson.String {
		return false
	}
	switch object.Get("type").String() {
	case "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "request_too_large":
		return false
	}
	code := object.Get("code").Int()
	return code < 400 || code > 499 || code == http.StatusTooManyRequests
}
