package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// router routes on the escaped path, so that an identity may have any name: on the decoded path, ServeMux would take a
// segment "%2F" for the end of the path. Unusual spellings of a path (//, /../) get 404, never a redirect.
type router struct {
	*control
	mux *http.ServeMux

	// large limits how many calls with large bodies run at once, because bodies are in memory.
	large chan struct{}
}

const maxLarge = 4

// call is the state of one request.
type call struct {
	id      string
	caller  caller            // the zero value until it was checked
	project *project.Snapshot // of the path, nil until the caller was checked
	dry     bool              // the call has dryRun=true
	request *http.Request     // its URL.Path is as it was sent
	header  http.Header       // of the answer
}

type callKey struct{}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// setCookie adds a cookie to the answer.
func (c *call) setCookie(cookie *http.Cookie) { c.header.Add("Set-Cookie", cookie.String()) }

// projectOf returns the project of the path, which is open to the caller.
func projectOf(ctx context.Context) *project.Snapshot { return callOf(ctx).project }

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := rt.Now()
	current := &call{id: "req_" + strings.ToLower(rand.Text())}
	h := w.Header()
	h.Set("X-Request-Id", current.id)
	Protect(h)

	sent := r.URL.EscapedPath()
	routed := r.WithContext(context.WithValue(r.Context(), callKey{}, current))
	routed.URL = &url.URL{Path: sent, RawQuery: r.URL.RawQuery}
	routed.Header = r.Header.Clone()
	routed.Header.Del("Accept") // every answer is JSON, but huma would negotiate
	// The NopCloser keeps huma from closing a body that is too large, because End reads the rest.
	whole := &wire.Body{ReadCloser: r.Body}
	routed.Body = io.NopCloser(http.MaxBytesReader(w, whole, rt.bound(r.Method, sent)))
	current.request, current.header = routed, h
	out := &wire.Answer{ResponseWriter: w, Request: r, Body: whole}
	defer func() {
		rt.recover(out, current, recover())
		attrs := []slog.Attr{slog.String("request", current.id), slog.Int("status", out.Status),
			slog.String("operation", routed.Pattern), slog.Duration("took", rt.Now().Sub(start))}
		if current.project != nil {
			attrs = append(attrs, slog.String("project", current.project.Key))
		}
		rt.Log.LogAttrs(r.Context(), slog.LevelInfo, "control plane", attrs...)
		out.End(wire.LingerTime)
	}()
	if rt.allowOrigin(out, routed) {
		return
	}
	if p := rt.misrouted(routed); p != nil {
		rt.write(out, p)
		return
	}
	rt.mux.ServeHTTP(out, routed)
}

// Protect sets the headers of every answer below /api. A browser then takes no answer for a page, keeps none, and gives
// none to another site.
func Protect(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// misrouted returns a problem if no operation matches the request.
func (rt *router) misrouted(r *http.Request) *problem {
	if r.URL.Path != path.Clean(r.URL.Path) {
		return notFound()
	}
	refusal, pattern := rt.mux.Handler(r)
	if pattern != "" {
		return nil
	}
	var answer header
	refusal.ServeHTTP(&answer, r)
	if allow := answer.Header().Get("Allow"); allow != "" {
		return refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This path accepts only %s.", allow).with("Allow", allow)
	}
	if strings.HasPrefix(r.URL.Path, hooksPath) {
		return refuse(http.StatusNotFound, "not_found", "Paths below %s are for notifications by stores and payment services, which are not supported yet.", hooksPath)
	}
	return notFound()
}

// hooksPath begins the paths of calls that a later version has.
const hooksPath = "/api/hooks/"

func notFound() *problem {
	return refuse(http.StatusNotFound, "not_found", "There is nothing at this path. /api/openapi.json lists all paths.")
}

// storable reports whether a database may have a text. PostgreSQL fails on a query with any other.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// recover answers after a handler's panic. It logs the stack and the type of the value, but not the value.
func (rt *router) recover(w *wire.Answer, current *call, panicked any) {
	if panicked == nil {
		return
	}
	if panicked == http.ErrAbortHandler { //nolint:errorlint // the value that net/http looks for
		panic(panicked)
	}
	rt.Log.Error("panic", "request", current.id, "type", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
	if w.Status != 0 {
		panic(http.ErrAbortHandler)
	}
	rt.write(w, internalError())
}

// Handle implements huma.Adapter. It checks the caller of every operation, and decodes the wildcards of its path.
func (rt *router) Handle(op *huma.Operation, handle func(huma.Context)) {
	access, ok := op.Metadata[accessKey].(access)
	if !ok {
		panic("api: " + op.Method + " " + op.Path + " does not declare who may call it")
	}
	names, kind := wildcards.FindAllStringSubmatch(op.Path, -1), bodyType(op)
	rt.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range names {
			// It cannot fail: the whole path was decoded before.
			decoded, _ := url.PathUnescape(r.PathValue(name[1]))
			if name[1] != "identity" && !storable(decoded) { // the calls themselves check identities
				rt.write(w, notFound())
				return
			}
			r.SetPathValue(name[1], decoded)
		}
		if err := rt.admit(w, r, access, kind); err != nil {
			rt.write(w, rt.problemOf(r.Context(), err))
			return
		}
		if r.ContentLength > maxBody || r.ContentLength < 0 && rt.bound(r.Method, r.URL.Path) > maxBody {
			select {
			case rt.large <- struct{}{}:
				defer func() { <-rt.large }()
			case <-r.Context().Done():
				return // the client has disconnected
			}
		}
		memory := rt.memoryFor(r)
		if !rt.Bodies.Take(memory, rt.Bodies.Spare()) {
			rt.write(w, refuse(http.StatusServiceUnavailable, "unavailable",
				"This server has too many large requests in memory. Try again in a moment.").with("Retry-After", "1"))
			return
		}
		defer rt.Bodies.Give(memory)
		handle(humago.NewContext(op, r, w))
	})
}

// bodyType returns the type of the bodies of an operation.
func bodyType(op *huma.Operation) string {
	if op.RequestBody != nil && op.RequestBody.Content[fileType] != nil {
		return fileType
	}
	return jsonType
}

// admit checks the caller, and what the request says of its body, which must be of a kind.
func (rt *router) admit(w http.ResponseWriter, r *http.Request, a access, kind string) (err error) {
	current := callOf(r.Context())
	if current.caller, current.project, err = rt.authenticate(r, a); err != nil {
		return err
	}
	if user := current.caller.session.User.ID; user != "" {
		if err := rt.calls.refuse(user, rt.now()); err != nil {
			return err
		}
	}
	rt.touch(w, r, current.caller)
	byKey := current.caller.kind == callerSecretKey
	return errors.Join(checkOnce(r), checkBody(r, rt.bound(r.Method, r.URL.Path), kind, byKey))
}

// memoryFor returns how many bytes of memory a call's body may need: its buffer, which doubles as it grows, and the kept
// copy.
func (rt *router) memoryFor(r *http.Request) int64 {
	size := r.ContentLength
	if size < 0 {
		size = rt.bound(r.Method, r.URL.Path)
	}
	return 3 * size
}

var wildcards = regexp.MustCompile(`\{(\w+)\}`)

// bound returns how many bytes the body of a call may have.
func (rt *router) bound(method, path string) int64 {
	if method == http.MethodPost && (strings.HasSuffix(path, "/identities/bulk") || strings.HasSuffix(path, "/imports")) {
		return max(maxBody, rt.MaxBody)
	}
	return maxBody
}

// checkBody checks the headers that describe the body, before it is read. Only a server may leave the type away: pages of
// other sites can make a browser send a body without one.
func checkBody(r *http.Request, most int64, kind string, mayOmitType bool) error {
	if r.ContentLength > most {
		return bodyTooLarge(most)
	}
	if r.ContentLength == 0 {
		return nil
	}
	if sent := r.Header.Get("Content-Type"); sent != "" || !mayOmitType {
		if has, _, err := mime.ParseMediaType(sent); err != nil || has != kind {
			return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "The body must be %s. Send it with Content-Type: %s.",
				map[string]string{jsonType: "JSON", fileType: "a CSV file"}[kind], kind)
		}
	}
	if r.Header.Get("Content-Encoding") != "" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "The body must not be compressed.")
	}
	return nil
}

// checkOnce refuses an empty Idempotency-Key, and several different ones: the caller could not know whether its call is
// applied once.
func checkOnce(r *http.Request) error {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil
	}
	if strings.TrimSpace(keys[0]) == "" {
		return wrong("header.Idempotency-Key", "is empty; give a key, or leave the header out")
	}
	for _, key := range keys[1:] {
		if key != keys[0] {
			return wrong("header.Idempotency-Key", "was sent twice with different values; send one")
		}
	}
	return nil
}

// header is a ResponseWriter that keeps only the header.
type header struct{ h http.Header }

func (w *header) Header() http.Header {
	if w.h == nil {
		w.h = http.Header{}
	}
	return w.h
}

func (w *header) Write(p []byte) (int, error) { return len(p), nil }

func (w *header) WriteHeader(int) {}
