package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// unsupported is the refusal of a method and path that no endpoint has. Its message names the requested feature and whether
// it is planned, or else the endpoint that was probably meant and the necessary change.
func unsupported(method, escapedPath string) *Error {
	asked := ShownMethod(method) + " " + ShownPath(escapedPath)
	return &Error{Status: http.StatusNotFound, Code: "unsupported_endpoint", Message: explain(method, asked, plainPath(escapedPath))}
}

// longestSlip is the longest path, in bytes, that is compared with the endpoints.
const longestSlip = 128

func explain(method, asked, p string) string {
	const generic = "AI Ratelimit does not serve %s. docs/sdks.md lists the endpoints, such as POST /v1/chat/completions."
	if p == "/" || len(p) > longestSlip {
		return fmt.Sprintf(generic, asked)
	}
	if own := pathsAt(p); len(own) > 0 {
		return slip(method, asked, own)
	}
	tail := unversioned(p)
	meant, ok := misplaced(p)
	if f, named := featureAt(features, tail); named && !meant.ep.Dialect.Spec().ModelInPath {
		return f.explain(asked)
	}
	if ok {
		return fmt.Sprintf("AI Ratelimit does not serve %s. The endpoint is %s. %s", asked, meant, meant.ep.Dialect.Spec().baseHint)
	}
	if meant, ok := nearest(tail); ok {
		return fmt.Sprintf("AI Ratelimit does not serve %s. The nearest endpoint is %s.", asked, meant)
	}
	if f, ok := featureAt(stored, tail); ok {
		return f.explain(asked)
	}
	return fmt.Sprintf(generic, asked)
}

// slip names the endpoint that a request meant but got wrong in method or spelling.
func slip(method, asked string, own []served) string {
	if i := slices.IndexFunc(own, func(s served) bool { return s.method == method }); i >= 0 {
		return fmt.Sprintf("AI Ratelimit does not serve %s. Write it exactly as %s.", asked, own[i])
	}
	if f, ok := featureAt(stored, unversioned(own[0].path)); ok && own[0].ep.Operation == GetModel && method == http.MethodDelete {
		return f.explain(asked)
	}
	return fmt.Sprintf("AI Ratelimit does not serve %s: the method is wrong. Send %s.", asked, own[0])
}

// served is an endpoint as messages show it.
type served struct {
	method, path string
	ep           Endpoint
}

// String returns the method and the path.
func (s served) String() string { return s.method + " " + s.path }

// servedPaths are the endpoints without a model in the path, in a fixed order.
var servedPaths = listServed()

func listServed() []served {
	var all []served
	for p, ep := range posts {
		all = append(all, served{http.MethodPost, p, ep})
	}
	for p, ep := range gets {
		all = append(all, served{http.MethodGet, p, ep})
	}
	slices.SortFunc(all, func(a, b served) int { return strings.Compare(a.path, b.path) })
	return all
}

// getModels are the endpoints that describe the model in the path.
var getModels = []served{
	{http.MethodGet, "/v1/models/{model}", Endpoint{Operation: GetModel}},
	{http.MethodGet, "/v1beta/models/{model}", Endpoint{Dialect: Gemini, Operation: GetModel}},
}

// Endpoints returns every endpoint, in a fixed order. {model} stands for the model in a Path. Gemini's endpoints are
// listed below /v1beta only.
func Endpoints() []Endpoint {
	var all []Endpoint
	for _, s := range slices.Concat(servedPaths, getModels, geminiPaths) {
		s.ep.Method, s.ep.Path = s.method, s.path
		all = append(all, s.ep)
	}
	return all
}

// plainPath normalises a path: it removes escapes, doubled and trailing slashes, dot segments, upper case and trailing
// punctuation.
func plainPath(escapedPath string) string {
	if len(escapedPath) > longestSlip {
		return escapedPath
	}
	p := escapedPath
	if decoded, err := url.PathUnescape(p); err == nil {
		p = decoded
	}
	p, _, _ = strings.Cut(strings.ReplaceAll(p, `\`, "/"), ";")
	p = strings.TrimRight(p, "/.,?#\x00 ")
	return strings.ToLower(path.Clean("/" + p))
}

// pathsAt returns the endpoints at a plain path.
func pathsAt(p string) []served {
	var own []served
	for _, s := range servedPaths {
		if s.path == p {
			own = append(own, s)
		}
	}
	rest, ok := modelsCollection(p)
	if !ok || rest == "" {
		return own
	}
	if _, action, found := strings.Cut(rest, ":"); found && !strings.HasPrefix(rest, "ft:") {
		for _, s := range geminiPaths {
			if strings.EqualFold(s.action(), action) {
				return append(own, s)
			}
		}
		return own
	}
	if strings.HasPrefix(p, "/v1beta/") {
		return append(own, getModels[1], served{http.MethodPost, getModels[1].path + ":generateContent", Endpoint{Dialect: Gemini}})
	}
	return append(own, getModels[0])
}

// geminiPaths are Gemini's endpoints with the model in the path, in a fixed order.
var geminiPaths = listGemini()

func listGemini() []served {
	var all []served
	for action, op := range actions {
		all = append(all, served{http.MethodPost, "/v1beta/models/{model}:" + action, Endpoint{Dialect: Gemini, Operation: op}})
	}
	slices.SortFunc(all, func(a, b served) int { return strings.Compare(a.path, b.path) })
	return all
}

// action is the part of a Gemini path after its colon.
func (s served) action() string { return s.path[strings.LastIndexByte(s.path, ':')+1:] }

// unversioned returns the part of a plain path after its last version, without a leading slash.
func unversioned(p string) string {
	segments := strings.Split(p[1:], "/")
	for i, segment := range slices.Backward(segments) {
		switch segment {
		case "v1", "v1beta", "v1alpha":
			return strings.Join(segments[i+1:], "/")
		}
	}
	return p[1:]
}

// misplaced finds the endpoint whose path is the end of the requested path. The client's base URL lacks the version, has
// it twice, or is another vendor's.
func misplaced(p string) (meant served, ok bool) {
	if _, action, ok := strings.Cut(p[strings.LastIndexByte(p, '/')+1:], ":"); ok {
		for _, s := range geminiPaths {
			if strings.EqualFold(s.action(), action) && strings.Contains(p, "/models/") {
				return s, true
			}
		}
		return served{}, false
	}
	versioned := strings.HasPrefix(p, "/v1")
	longest := 0
	for _, s := range servedPaths {
		end := s.path
		if p == end || !strings.HasSuffix(p, end) {
			end = s.path[strings.Index(s.path[1:], "/")+1:]
			lacks := strings.HasSuffix(p, end) && (!versioned || strings.Count(end, "/") > 1)
			if !lacks {
				continue
			}
		}
		if len(end) > longest {
			meant, ok, longest = s, true, len(end)
		}
	}
	return meant, ok
}

// nearest finds the endpoint with the most similar path; tail has no version.
func nearest(tail string) (meant served, ok bool) {
	asked := strings.ReplaceAll(tail, "-", "_")
	if _, action, found := strings.Cut(asked, ":"); found {
		for _, s := range geminiPaths {
			if len(action) > 2 && strings.HasPrefix(strings.ToLower(s.action()), action) {
				return s, true
			}
		}
		return closest(geminiPaths, action, served.action)
	}
	for _, s := range servedPaths {
		if asked != "" && strings.HasPrefix(unversioned(s.path), asked+"/") {
			return s, true // "chat" for "chat/completions"
		}
	}
	return closest(servedPaths, asked, func(s served) string { return unversioned(s.path) })
}

// closest is the endpoint whose spelling differs from asked in the fewest bytes, at most a third of them.
func closest(list []served, asked string, spelling func(served) string) (meant served, ok bool) {
	least := min(max(2, len(asked)/3), len(asked)-1) + 1
	for _, s := range list {
		// A path with more segments than the endpoint has an id, not a misspelling.
		if n := strings.Count(asked, "/"); n > 0 && n != strings.Count(spelling(s), "/") {
			continue
		}
		if d := distance(asked, strings.ToLower(spelling(s))); d < least {
			meant, ok, least = s, true, d
		}
	}
	return meant, ok
}

// distance is the Levenshtein distance: how many bytes must be changed, added or removed to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// DialectOf guesses the dialect in which a caller of path expects an error, even if no endpoint matches the path.
func DialectOf(path string) Dialect {
	for d, s := range specs {
		if s.ownsPath(path) {
			return Dialect(d)
		}
	}
	p := plainPath(path)
	meant, _ := misplaced(p)
	if f, ok := featureAt(features, unversioned(p)); ok && !meant.ep.Dialect.Spec().ModelInPath {
		return f.dialect
	}
	return meant.ep.Dialect
}

// CallerDialect is the caller's dialect at a path that several vendors have, such as /v1/models and /v1/files, or that no
// vendor has. It is byPath, the path's dialect, unless that is only the default, OpenAI's, and the headers or the query are
// another vendor's.
func CallerDialect(byPath Dialect, path string, h http.Header, rawQuery string) Dialect {
	if byPath != OpenAI || ofOpenAIAlone(path) {
		return byPath
	}
	for d, s := range specs {
		if s.ownsCaller != nil && s.ownsCaller(h, rawQuery) {
			return Dialect(d)
		}
	}
	return OpenAI
}

// ofOpenAIAlone reports whether a path begins like an endpoint that only OpenAI has.
func ofOpenAIAlone(path string) bool {
	first, _, _ := strings.Cut(unversioned(plainPath(path)), "/")
	for _, s := range servedPaths {
		begin, _, _ := strings.Cut(unversioned(s.path), "/")
		if begin == first && s.ep.Dialect == OpenAI && !s.ep.Own() {
			return true
		}
	}
	return false
}

// longestShown is the most bytes of a path that a message or the log shows.
const longestShown = 120

// ShownPath returns a path fit for a message and a log: short, printable ASCII, and without words that may be keys or ids.
func ShownPath(escapedPath string) string {
	p, _, _ := strings.Cut(escapedPath, "?")
	if len(p) > longestShown {
		p = p[:longestShown] + "..."
	}
	segments := strings.Split(p, "/")
	for i, segment := range segments {
		segments[i] = shownSegment(segment)
	}
	return strings.Join(segments, "/")
}

// keyMarks are the prefixes of vendors' keys and of project keys.
var keyMarks = []string{"sk-", "sk_", "pk_", "st_", "aiza", "aq.", "xai-", "gsk_", "eyj"}

// longestWord is the longest word with a digit, in bytes, that is shown whole. A longer one may be a key.
const longestWord = 24

func shownSegment(segment string) string {
	for _, word := range strings.FieldsFunc(strings.ToLower(segment), func(r rune) bool { return strings.ContainsRune("=%:;,&@+", r) }) {
		word = strings.TrimPrefix(word, "20") // from an encoded space
		for _, mark := range keyMarks {
			at := strings.Index(word, mark)
			if at == 0 && len(word) > len(mark)+4 || at > 0 && mayBeKey(word[at+len(mark):]) {
				return "..."
			}
		}
	}
	for word := range strings.SplitSeq(segment, ":") { // Gemini's segments are MODEL:ACTION
		if len(word) > longestWord && strings.ContainsAny(word, "0123456789") {
			return printable(segment[:6]) + "..."
		}
	}
	return printable(segment)
}

// mayBeKey reports whether the text behind a mark within a word looks like a key that was pasted to the word. Words such as
// task-list have a mark too.
func mayBeKey(rest string) bool { return len(rest) >= 12 && strings.ContainsAny(rest, "0123456789") }

// ShownMethod returns a method fit for a message and a log.
func ShownMethod(method string) string {
	if len(method) > 10 {
		method = method[:10] + "..."
	}
	return printable(method)
}

// printable replaces characters that are not printable ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}
