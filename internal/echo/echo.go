// Package echo is a provider that echoes the user's text.
//
// It speaks the documented formats of OpenAI, Anthropic and Google's Gemini API, whole and streamed, so that the demo, the
// built-in provider of projects, the end-to-end tests and the benchmarks need neither a key nor the network. Its invariants:
//
//   - The same request gets the same bytes: ids are derived from model and text, and every time is [Created].
//   - A token is a word ([Tokens]). Usage counts the words of every text in the request, [ImageTokens] an image, and
//     the words of the answer that were sent.
//   - The answer is [Prefix] and the user's last text. It is cut at the request's output cap with the vendor's finish
//     reason, and streamed one word an event with the vendor's events, fields and line ends.
//   - It refuses requests as the vendors document, in the cases that concern a proxy: a missing key, a body without a
//     required field, `max_tokens` for a reasoning model, `stream_options` without a stream, a cap below the vendor's minimum.
//
// A request with tools whose last user text contains [ToolCue] is answered with a call of the first tool.
//
// # Base URLs
//
// One handler serves all three vendors. The server's URL is the base URL for Anthropic and Gemini; with `/v1` appended it is
// the base URL for OpenAI. Any key is accepted, in the place that the vendor documents.
//
// # Faults
//
// [Options.Fault] decides how a request fails. Otherwise the header [FaultHeader] with a [Fault]'s name does, or a model name
// that ends in `-fault-NAME`, such as `gpt-4o-fault-break`.
//
// # In a server
//
// With [Options.Public] anybody may ask: no key is needed, no request chooses a fault, and one request cannot take much memory
// or time, because its body, its answers and the repeated text are bounded.
package echo

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

const (
	// Prefix begins every answer.
	Prefix = "echo: "
	// ToolCue in the user's text makes the answer a tool call, if the request has tools.
	ToolCue = "use tool"
	// FaultHeader names the [Fault] that a request asks for.
	FaultHeader = "X-Echo-Fault"
	// Created is the time of every answer, in Unix seconds.
	Created = 1750000000
	// MaxBody is the size of the largest request body that is read, in bytes. MaxPublicBody is that of [Options.Public].
	MaxBody       = 64 << 20
	MaxPublicBody = 1 << 20
	// MaxPublicText is how many bytes of the user's text an answer repeats with [Options.Public]. A longer text is cut, as by
	// an output cap.
	MaxPublicText = 4 << 10
	// maxPublicInputs and maxPublicAnswers are how many of them a request may have with [Options.Public].
	maxPublicInputs  = 128
	maxPublicAnswers = 8
)

// Options configure a [Provider]. The zero value fails no request.
type Options struct {
	// Recorder, if set, records every request.
	Recorder *Recorder
	// Before is called when a request has been read and recorded, before any part of the answer is sent.
	Before func(*http.Request)
	// Between is called before every event of a stream but the first. A hook that waits should also watch
	// the request's context.
	Between func(*http.Request)
	// After is called when a request has ended in any way. The request's context shows whether the client disconnected
	// before that.
	After func(*http.Request)
	// Fault chooses how a request fails; model is "" if the request names none.
	Fault func(r *http.Request, model string) Fault
	// Answer replaces the whole answer, Prefix included; text is the user's last text.
	Answer func(model, text string) string
	// Extra is added to the usage of every chat-like answer.
	Extra Extra
	// Models are the names in the list of models. Requests may name any other model too.
	Models []string
	// Public is for a provider that anybody may ask.
	Public bool
}

// Extra is usage beyond the words of a chat-like request, in tokens. It is reported in the vendor's own way: OpenAI and
// Gemini count cached tokens inside the input, Anthropic beside it; OpenAI counts reasoning inside the output, Gemini beside
// it. If the request caps its output, reasoning is counted first.
type Extra struct {
	Cached     int64 // input read from a cache
	CacheWrite int64 // input written to a 5-minute cache; only Anthropic bills it
	Reasoning  int64 // output that is not shown; only OpenAI and Gemini report it separately
}

// Provider is the echo provider, an [http.Handler]. It is made by [New].
type Provider struct {
	opts   Options
	closed chan struct{}
	once   sync.Once
}

// New returns a provider that is ready to serve.
func New(opts Options) *Provider {
	return &Provider{opts: opts, closed: make(chan struct{})}
}

// Close ends the requests that hang by [Hang] or [HangMidway]. It may be called more than once.
func (p *Provider) Close() { p.once.Do(func() { close(p.closed) }) }

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.opts.After != nil {
		defer p.opts.After(r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, p.maxBody()))
	c := &call{p: p, w: w, r: r, body: body}
	rt := route(r)
	c.dialect, c.model = rt.dialect, rt.model
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		c.refuse(problem{Status: http.StatusRequestEntityTooLarge, Message: "The request body is too large."})
		return
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.model == "" {
		c.model = c.modelInBody()
	}
	if rec := p.opts.Recorder; rec != nil {
		rec.record(r, c.model, body)
	}
	if p.opts.Before != nil {
		p.opts.Before(r)
	}
	c.fault = p.fault(r, c.model)
	if c.strike() {
		return
	}
	c.serve(rt)
}

func (p *Provider) maxBody() int64 {
	if p.opts.Public {
		return MaxPublicBody
	}
	return MaxBody
}

// call is one request on its way to an answer.
type call struct {
	p       *Provider
	w       http.ResponseWriter
	r       *http.Request
	dialect dialect
	model   string
	body    []byte
	fault   Fault
}

func (c *call) serve(rt endpoint) {
	switch {
	case rt.answer == nil:
		c.refuse(problem{Status: http.StatusNotFound, Message: "Unknown path " + c.r.URL.Path + "."})
	case c.r.Method != rt.method():
		c.w.Header().Set("Allow", rt.method())
		c.refuse(problem{Status: http.StatusMethodNotAllowed, Code: "method_not_supported",
			Message: "Not allowed to " + c.r.Method + " on " + c.r.URL.Path + "."})
	case c.key() == "" && !c.p.opts.Public:
		c.refuse(c.dialect.missingKey())
	default:
		c.setVendorHeaders()
		rt.answer(c)
	}
}

// endpoint is the endpoint of a path; answer is nil for an unknown path.
type endpoint struct {
	dialect dialect
	model   string // the model in the path, if it names one
	answer  func(*call)
	get     bool
}

func (e endpoint) method() string {
	if e.get {
		return http.MethodGet
	}
	return http.MethodPost
}

var endpoints = map[string]endpoint{
	"/v1/chat/completions":            {dialect: openAI, answer: (*call).chat},
	"/v1beta/openai/chat/completions": {dialect: openAI, answer: (*call).chat},
	"/v1/completions":                 {dialect: openAI, answer: (*call).completions},
	"/v1/responses":                   {dialect: openAI, answer: (*call).responses},
	"/v1/responses/input_tokens":      {dialect: openAI, answer: (*call).countResponseTokens},
	"/v1/responses/compact":           {dialect: openAI, answer: (*call).compactResponse},
	"/v1/embeddings":                  {dialect: openAI, answer: (*call).embeddings},
	"/v1/moderations":                 {dialect: openAI, answer: (*call).moderations},
	"/v1/images/generations":          {dialect: openAI, answer: (*call).images},
	"/v1/images/edits":                {dialect: openAI, answer: (*call).imageEdits},
	"/v1/audio/speech":                {dialect: openAI, answer: (*call).speech},
	"/v1/audio/transcriptions":        {dialect: openAI, answer: (*call).transcriptions},
	"/v1/audio/translations":          {dialect: openAI, answer: (*call).translations},
	"/v1/messages":                    {dialect: anthropic, answer: (*call).messages},
	"/v1/messages/count_tokens":       {dialect: anthropic, answer: (*call).countMessageTokens},
	"/v1/models":                      {dialect: openAI, answer: (*call).models, get: true},
	"/v1beta/models":                  {dialect: gemini, answer: (*call).geminiModels, get: true},
}

var geminiMethods = map[string]func(*call){
	"generateContent":       (*call).generateContent,
	"streamGenerateContent": (*call).streamGenerateContent,
	"countTokens":           (*call).countTokens,
	"embedContent":          (*call).embedContent,
	"batchEmbedContents":    (*call).batchEmbedContents,
}

func route(r *http.Request) endpoint {
	path := r.URL.Path
	if ep, ok := endpoints[path]; ok {
		if ep.get && ep.dialect == openAI && r.Header.Get("Anthropic-Version") != "" {
			ep.dialect = anthropic
		}
		return ep
	}
	for _, collection := range []string{"/v1beta/models/", "/v1/models/"} {
		rest, ok := strings.CutPrefix(path, collection)
		if i := strings.LastIndexByte(rest, ':'); ok && i > 0 {
			return endpoint{dialect: gemini, model: rest[:i], answer: geminiMethods[rest[i+1:]]}
		}
	}
	switch {
	case strings.HasPrefix(path, "/v1beta/"):
		return endpoint{dialect: gemini}
	case strings.HasPrefix(path, "/v1/messages"):
		return endpoint{dialect: anthropic}
	}
	return endpoint{dialect: openAI}
}

// key returns the client's key from its place in the dialect.
func (c *call) key() string {
	h := c.r.Header
	bearer, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	switch c.dialect {
	case anthropic:
		return cmp.Or(h.Get("X-Api-Key"), bearer)
	case gemini:
		return cmp.Or(h.Get("X-Goog-Api-Key"), c.r.URL.Query().Get("key"), bearer)
	}
	return bearer
}

// setVendorHeaders sets the vendors' headers about the key's account, so that tests can check that a proxy removes them.
func (c *call) setVendorHeaders() {
	h := c.w.Header()
	id := "req_" + digest(c.model, string(c.body))
	switch c.dialect {
	case openAI:
		h.Set("X-Request-Id", id)
		h.Set("Openai-Organization", "org-echo")
		h.Set("Openai-Project", "proj_echo")
		h.Set("Openai-Version", "2020-10-01")
		h.Set("Openai-Processing-Ms", "1")
		h.Set("X-Ratelimit-Limit-Requests", "10000")
		h.Set("X-Ratelimit-Remaining-Requests", "9999")
		h.Set("X-Ratelimit-Reset-Requests", "6ms")
	case anthropic:
		h.Set("Request-Id", id)
		h.Set("Anthropic-Organization-Id", "org-echo")
		h.Set("Anthropic-Ratelimit-Requests-Limit", "1000")
		h.Set("Anthropic-Ratelimit-Requests-Remaining", "999")
	case gemini:
		h.Set("Server-Timing", "gfet4t7; dur=1")
	}
	h.Set("Set-Cookie", "__echo=1; Path=/; HttpOnly")
}

// modelInBody returns the model that a JSON or multipart body names, or "".
func (c *call) modelInBody() string {
	if c.multipart() {
		form, err := c.form()
		if err != nil {
			return ""
		}
		return form.value("model")
	}
	var req struct {
		Model string `json:"model"`
	}
	if err := c.decode(&req); err != nil {
		return ""
	}
	return req.Model
}

func (c *call) multipart() bool {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	return kind == "multipart/form-data"
}
