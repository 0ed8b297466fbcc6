package privacy

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/stack"
)

// run is a server on which everything marked is tried.
type run struct {
	*stack.Stack
	t      *testing.T
	marks  marks
	traces *sink
	panics atomic.Bool // the next step of a request panics, with a mark
	hangs  chan struct{}
}

// sink collects what a server sends to a collector of traces.
type sink struct {
	*httptest.Server
	mu  sync.Mutex
	got bytes.Buffer
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := new(sink)
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.got.Bytes())
}

func newRun(t *testing.T) *run {
	t.Helper()
	r := &run{t: t, marks: newMarks(), traces: newSink(t), hangs: make(chan struct{}, 1)}
	vendor := echo.New(echo.Options{Answer: func(_, text string) string { return r.marks.answer.text + " " + text }})
	t.Cleanup(vendor.Close)
	key := `{"key": "` + r.marks.storedKey.text + `"}`
	r.Stack = stack.New(t, stack.Options{
		Settings: `{"modelLimits": {"gpt-4o-blocked": {"requestLimit": 0}}, "tiers": {"strict": {"tokenLimit": 1}},
			"providers": {"openai": ` + key + `, "anthropic": ` + key + `, "google": ` + key + `}}`,
		Upstream: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.upstream(vendor, w, q) }),
		Now:      r.now,
		Env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.traces.URL, "OTEL_BSP_SCHEDULE_DELAY": "100", "LOG_LEVEL": "debug",
			"MAX_BODY_MB": "1", "DRAIN_SECONDS": "1"},
	})
	return r
}

// now is the server's clock. It panics in the middle of a request when a test has asked for that.
func (r *run) now() time.Time {
	if r.panics.Load() && within("gateway.(*call).reserve", "api.(*control).now") && r.panics.CompareAndSwap(true, false) {
		panic("with " + r.marks.prompt.text)
	}
	return time.Now()
}

// within reports whether a function with one of the names is running in this goroutine.
func within(names ...string) bool {
	var at [64]uintptr
	frames := runtime.CallersFrames(at[:runtime.Callers(2, at[:])])
	for {
		frame, more := frames.Next()
		for _, name := range names {
			if strings.HasSuffix(frame.Function, name) {
				return true
			}
		}
		if !more {
			return false
		}
	}
}

// upstream is the provider. With X-Kind it quotes the request's body and key in an error, in a header and in a stream.
func (r *run) upstream(vendor http.Handler, w http.ResponseWriter, q *http.Request) {
	status := 0
	_, _ = fmt.Sscan(q.Header.Get("X-Kind"), &status)
	if status == 0 {
		if strings.HasPrefix(q.Header.Get(echo.FaultHeader), "hang") {
			select {
			case r.hangs <- struct{}{}:
			default:
			}
		}
		vendor.ServeHTTP(w, q)
		return
	}
	body, _ := io.ReadAll(q.Body)
	quoted := fmt.Sprintf("%s %s %v %s", r.marks.providersMessage.text, body, q.Header, q.URL)
	text, _ := json.Marshal(quoted)
	w.Header().Set("X-Request-Id", r.marks.providersMessage.text)
	w.Header().Set("Retry-After", r.marks.providersMessage.text)
	w.Header().Set("Location", "/"+r.marks.providersMessage.text)
	w.Header().Set("Content-Type", q.Header.Get("X-Form"))
	w.WriteHeader(status)
	switch q.Header.Get("X-Form") {
	case "application/json":
		_, _ = fmt.Fprintf(w, `{"error":{"message":%s,"code":"invalid_api_key"}}`, text)
	case "text/event-stream":
		_, _ = fmt.Fprintf(w, "data: {\"error\":{\"message\":%s}}\n\n", text)
	default:
		_, _ = io.WriteString(w, quoted)
	}
}

// form is a request to the data plane.
type form struct {
	path, body string
	headers    []string
}

// words has a mark often enough that it stands whole on some page of a file.
func words(m mark) string { return strings.TrimSpace(strings.Repeat(m.text+" four words around ", 3)) }

// forms are requests in all dialects, each with marks at all places where a text may stand.
func (r *run) forms(stream bool) []form {
	prompt, system, tool := words(r.marks.prompt), words(r.marks.system), words(r.marks.tool)
	image := base64.StdEncoding.EncodeToString([]byte(prompt))
	return []form{
		{path: "/v1/chat/completions", body: fmt.Sprintf(`{"model":"gpt-4o","stream":%t,"max_tokens":50,"user":%q,"tools":[{"type":"function","function":{"name":"f","description":%q}}],
			"messages":[{"role":"system","content":%q},{"role":"user","content":[{"type":"text","text":%q},{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}}]}]}`,
			stream, r.marks.prompt.text, tool, system, prompt, image)},
		{path: "/v1/responses", body: fmt.Sprintf(`{"model":"gpt-4o","stream":%t,"max_output_tokens":50,"instructions":%q,"input":%q,"metadata":{"a":%q}}`, stream, system, prompt, tool)},
		{path: "/v1/completions", body: fmt.Sprintf(`{"model":"gpt-3.5-turbo-instruct","stream":%t,"max_tokens":50,"prompt":%q}`, stream, prompt)},
		{path: "/v1/messages", headers: []string{"Anthropic-Version", "2023-06-01"}, body: fmt.Sprintf(`{"model":"claude-sonnet-4-5","stream":%t,"max_tokens":50,"system":%q,
			"tools":[{"name":"f","description":%q,"input_schema":{"type":"object"}}],"messages":[{"role":"user","content":%q}]}`, stream, system, tool, prompt)},
		{path: "/v1beta/models/gemini-2.0-flash:" + map[bool]string{true: "streamGenerateContent?alt=sse", false: "generateContent"}[stream],
			body: fmt.Sprintf(`{"systemInstruction":{"parts":[{"text":%q}]},"contents":[{"role":"user","parts":[{"text":%q}]}],"generationConfig":{"maxOutputTokens":50}}`, system, prompt)},
	}
}

// others are requests that have no stream.
func (r *run) others() []form {
	prompt := words(r.marks.prompt)
	return []form{
		{path: "/v1/embeddings", body: fmt.Sprintf(`{"model":"text-embedding-3-small","input":[%q]}`, prompt)},
		{path: "/v1/moderations", body: fmt.Sprintf(`{"model":"omni-moderation-latest","input":%q}`, prompt)},
		{path: "/v1/images/generations", body: fmt.Sprintf(`{"model":"gpt-image-1","prompt":%q}`, prompt)},
		{path: "/v1/audio/speech", body: fmt.Sprintf(`{"model":"tts-1","voice":"alloy","input":%q}`, prompt)},
		{path: "/v1/messages/count_tokens", body: fmt.Sprintf(`{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":%q}]}`, prompt)},
		{path: "/v1/responses/input_tokens", body: fmt.Sprintf(`{"model":"gpt-4o","input":%q}`, prompt)},
		{path: "/v1beta/models/text-embedding-004:embedContent", body: fmt.Sprintf(`{"content":{"parts":[{"text":%q}]}}`, prompt)},
		r.recording(),
	}
}

// recording is a form with a file.
func (r *run) recording() form {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("model", "whisper-1")
	_ = w.WriteField("prompt", words(r.marks.prompt))
	file, err := w.CreateFormFile("file", r.marks.file.text+".mp3")
	if err == nil {
		_, err = io.WriteString(file, words(r.marks.prompt))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	_ = w.Close()
	return form{"/v1/audio/transcriptions", b.String(), []string{"Content-Type", w.FormDataContentType()}}
}

// send sends a form, and returns the status; 0 where the connection ended. What comes back may have the app's own texts, but
// not the developer's key and prompt.
func (r *run) send(ctx context.Context, f form, headers ...string) int {
	r.t.Helper()
	q := r.Request(http.MethodPost, f.path, "user-1", f.body, append(f.headers, headers...)...).WithContext(ctx)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	for _, m := range []mark{r.marks.storedKey, r.marks.storedPrompt} {
		if m == r.marks.storedPrompt && resp.StatusCode == http.StatusOK && slices.Contains(headers, "text/html") {
			continue // the answer is no error: the quotation stands where a model's own words stand
		}
		if found := find(append(body, fmt.Sprint(resp.Header)...), m.text); found != "" {
			r.t.Errorf("%s with %q answers the app with %s: %q", f.path, headers, m.what, found)
		}
	}
	return resp.StatusCode
}

// prompted adds the stored prompt to a request.
func (r *run) prompted(f form) form {
	f.body = strings.Replace(f.body, "{", `{"systemPrompt":"`+promptName+`","systemPromptVariables":{"v":"`+words(r.marks.variable)+`"},`, 1)
	return f
}

// everything sends marked requests on every path of the data plane.
func (r *run) everything(ctx context.Context) {
	r.t.Helper()
	answered := 0
	all := append(append(r.forms(false), r.forms(true)...), r.others()...)
	for _, f := range append(r.forms(false), r.forms(true)...) {
		all = append(all, r.prompted(f))
	}
	for _, f := range all {
		if r.send(ctx, f) == http.StatusOK {
			answered++
		}
		r.send(ctx, f, "X-Tier", "strict")                                                                      // refused for a limit
		r.send(ctx, f, "Content-Encoding", "gzip")                                                              // refused as compressed
		r.send(ctx, form{f.path, f.body[:len(f.body)/2], f.headers})                                            // broken off
		r.send(ctx, form{f.path, strings.ReplaceAll(f.body, `"model"`, `"model":"gpt-4o","model"`), f.headers}) // a field that is there twice
		r.send(ctx, form{f.path, f.body + strings.Repeat(" ", 1<<20), f.headers})                               // too large
		r.send(ctx, f, "X-Project-Key", "pk_unknown4567890123456789")
		r.send(ctx, f, "Authorization", "Bearer sk-proj-"+r.marks.clientKey.text, "X-Api-Key", "sk-ant-"+r.marks.clientKey.text, "X-Goog-Api-Key", "AIza"+r.marks.clientKey.text)
		r.send(ctx, f, "X-Unknown", r.marks.header.text, "User-Agent", r.marks.header.text, "Cookie", "a="+r.marks.header.text, "Referer", "https://app.example/"+r.marks.header.text)
		r.send(ctx, f, "X-Wrong", "sk_"+strings.ToLower(r.marks.secretKey.text)+strings.Repeat("a", 50))
		r.panics.Store(true)
		r.send(ctx, f)
	}
	if answered < 20 {
		r.t.Errorf("only %d of the marked requests were answered", answered)
	}
	r.send(ctx, form{path: "/v1/chat/completions", body: strings.Replace(r.forms(false)[0].body, "gpt-4o", "gpt-4o-blocked", 1)})
	r.send(ctx, form{path: "/v1/chat/completions?x=" + r.marks.query.text, body: r.forms(false)[0].body})
	r.send(ctx, form{path: "/v1/nowhere", body: r.forms(false)[0].body})
	r.faults(ctx)
	r.quotes(ctx)
	r.malformed()
}

// faults lets the provider fail in each way, and leaves where it hangs.
func (r *run) faults(ctx context.Context) {
	for fault := echo.None; fault.String() != "unknown"; fault++ {
		for _, stream := range []bool{false, true} {
			hangs := strings.HasPrefix(fault.String(), "hang")
			if hangs && !stream {
				continue // such a call is read to its end after its client has gone
			}
			for i, f := range r.forms(stream) {
				if i%2 == 0 {
					f = r.prompted(f)
				}
				leaving, leave := context.WithCancel(ctx)
				if hangs {
					go func() {
						select {
						case <-r.hangs:
							leave()
						case <-leaving.Done(): // it never came to hang
						}
					}()
				}
				r.send(leaving, f, echo.FaultHeader, fault.String())
				leave()
			}
		}
	}
}

// quotes lets the provider quote the request in errors of every status and form.
func (r *run) quotes(ctx context.Context) {
	for _, status := range []int{200, 307, 400, 401, 403, 404, 429, 500, 503} {
		for _, kind := range []string{"application/json", "text/event-stream", "text/html"} {
			for _, f := range append(r.forms(false), r.forms(true)...) {
				r.send(ctx, f, "X-Kind", fmt.Sprint(status), "X-Form", kind)
				r.send(ctx, r.prompted(f), "X-Kind", fmt.Sprint(status), "X-Form", kind)
			}
		}
	}
}

// malformed sends what is no HTTP, or is refused before it is a request.
func (r *run) malformed() {
	r.t.Helper()
	head := "POST /v1/chat/completions?q=" + r.marks.query.text + " HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + r.ProjectKey + "\r\nX-Identity: u\r\nAuthorization: Bearer " + r.marks.clientKey.text + "\r\n"
	for _, text := range []string{
		head + "X: \x01" + r.marks.header.text + "\r\n\r\n",
		head + "X: " + strings.Repeat(r.marks.header.text, 5000) + "\r\n\r\n",
		head + "Content-Length: x" + r.marks.header.text + "\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\nzz" + r.marks.prompt.text + "\r\n",
		head + "Content-Length: 500\r\n\r\n" + r.marks.prompt.text,
		r.marks.prompt.text + " / HTTP/1.1\r\n\r\n",
		"GET /" + r.marks.query.text + "\x7f HTTP/1.1\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
		if err != nil {
			r.t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

// promptName is the stored prompt.
const promptName = "private"

// store stores the prompt: two versions, the second of which a request gets.
func (r *run) store() {
	r.t.Helper()
	text := words(r.marks.storedPrompt) + " {{v}}"
	stack.WantStatus(r.t, r.Control(http.MethodPost, "/prompts", fmt.Sprintf(`{"name": %q, "content": %q}`, promptName, "First: "+text)), http.StatusCreated)
	stack.WantStatus(r.t, r.Control(http.MethodPut, "/prompts/"+promptName, fmt.Sprintf(`{"content": %q}`, text)), http.StatusOK)
	stack.WantStatus(r.t, r.Control(http.MethodPost, "/prompts/"+promptName+"/render", fmt.Sprintf(`{"variables": {"v": %q}}`, r.marks.variable.text)), http.StatusOK)
}

// listen takes the live events of the project from now on.
func (r *run) listen(cookie string) *stack.Log {
	r.t.Helper()
	q := r.Request(http.MethodGet, "/api/projects/"+r.ProjectKey+"/live", "", "", "Cookie", cookie)
	q.Header.Del("X-Project-Key")
	resp, err := http.DefaultClient.Do(q)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("live events: %v, %v", resp, err)
	}
	events := new(stack.Log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(events, resp.Body)
	}()
	r.t.Cleanup(func() {
		_ = resp.Body.Close()
		<-ended
	})
	return events
}

// control makes marked calls of the control plane, right ones and wrong ones.
func (r *run) control() {
	r.t.Helper()
	own := fmt.Sprintf(`{"metadata": {"a": %q}, "limitResponse": {"message": %q}, "reason": %q}`, r.marks.metadata.text, r.marks.metadata.text, r.marks.metadata.text)
	stack.WantStatus(r.t, r.Control(http.MethodPut, "/identities/user-1", own), http.StatusOK)
	for key, want := range map[string]int{r.marks.storedKey.text: http.StatusOK, "KEY=" + r.marks.storedKey.text: http.StatusBadRequest} {
		a := r.Control(http.MethodPatch, "", fmt.Sprintf(`{"providers": {"mistral": {"key": %q}}}`, key))
		stack.WantStatus(r.t, a, want)
		r.search("the answer to a new key", []byte(a.Body), true)
	}
	wrong := r.marks.secretKey.text
	for _, body := range []string{`{"` + wrong + `": 1}`, `{"tier": "` + wrong + `"}`, `{"modelLimits": {"` + wrong + `": 1}}`, wrong, `{"requestLimit": "` + wrong + `"`} {
		r.Control(http.MethodPut, "/identities/user-1", body)
		r.Control(http.MethodPost, "/identities/user-1/gift", body)
	}
	q := r.Request(http.MethodGet, "/api/projects/"+r.ProjectKey+"/identities?"+wrong+"="+wrong, "", "", "Authorization", "Bearer sk_"+wrong)
	r.Do(q)
	r.panics.Store(true)
	r.Control(http.MethodGet, "/identities/user-1", "")
	r.panics.Store(false)
}
