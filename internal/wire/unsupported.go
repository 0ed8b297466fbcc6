package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// unsupported is the refusal of a method and path that no endpoint has. Its message says the most useful thing that is
// known: which feature was asked for and whether it is planned, or which endpoint was meant and what to change.
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
	if f, named := featureAt(features, tail); named && meant.ep.Dialect != Gemini {
		return f.explain(asked)
	}
	if ok {
		return fmt.Sprintf("AI Ratelimit does not serve %s. The endpoint is %s. %s", asked, meant, baseHint(meant.ep))
	}
	if meant, ok := nearest(tail); ok {
		return fmt.Sprintf("AI Ratelimit does not serve %s. The nearest endpoint is %s.", asked, meant)
	}
	if f, ok := featureAt(stored, tail); ok {
		return f.explain(asked)
	}
	return fmt.Sprintf(generic, asked)
}

// slip names the endpoints that a path means, whose method or spelling is another.
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

// servedPaths are the endpoints without a model in their path, in a fixed order.
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

// plainPath returns a path without what makes spellings odd: escapes, doubled and trailing slashes, dot segments, upper case,
// trailing punctuation.
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
		get := served{http.MethodGet, "/v1beta/models/{model}", Endpoint{Dialect: Gemini, Operation: GetModel}}
		return append(own, get, served{http.MethodPost, get.path + ":generateContent", Endpoint{Dialect: Gemini}})
	}
	return append(own, served{http.MethodGet, "/v1/models/{model}", Endpoint{Operation: GetModel}})
}

// geminiPaths are Gemini's endpoints, whose path names the model, in a fixed order.
var geminiPaths = listGemini()

func listGemini() []served {
	var all []served
	for action, op := range actions {
		all = append(all, served{http.MethodPost, "/v1beta/models/{model}:" + action, Endpoint{Dialect: Gemini, Operation: op}})
	}
	slices.SortFunc(all, func(a, b served) int { return strings.Compare(a.path, b.path) })
	return all
}

// action is what follows the colon of a Gemini path.
func (s served) action() string { return s.path[strings.LastIndexByte(s.path, ':')+1:] }

// unversioned returns what follows the last version in a plain path, without a slash before it.
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

// misplaced finds the endpoint that is meant by a path which ends like it: of a client whose base URL lacks the version,
// or has it twice, or is another vendor's.
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

// baseHint says what the base URL should be of the SDK that calls an endpoint.
func baseHint(ep Endpoint) string {
	if ep.Dialect == OpenAI {
		return "If the SDK added this path, its base URL should be this server's address followed by /v1."
	}
	return "If the SDK added this path, its base URL should be this server's address alone, without a path."
}

// nearest finds the endpoint whose path is spelt most like a path without its version.
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

// closest is the endpoint whose spelling differs from asked in the fewest characters, at most a third of them.
func closest(list []served, asked string, spelling func(served) string) (meant served, ok bool) {
	least := min(max(2, len(asked)/3), len(asked)-1) + 1
	for _, s := range list {
		// More segments than the endpoint has are an id, not a slip.
		if n := strings.Count(asked, "/"); n > 0 && n != strings.Count(spelling(s), "/") {
			continue
		}
		if d := distance(asked, strings.ToLower(spelling(s))); d < least {
			meant, ok, least = s, true, d
		}
	}
	return meant, ok
}

// distance is Levenshtein's: how many bytes must be changed, added or removed to make b of a.
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

// DialectOf guesses the dialect in which a caller of path expects an error, for paths that no endpoint matches too.
func DialectOf(path string) Dialect {
	// Below /v1/models are OpenAI's calls on one model too, whose only colons are those of a fine-tuned one's name.
	model, below := strings.CutPrefix(path, "/v1/models/")
	switch {
	case strings.HasPrefix(path, "/v1beta/openai/"):
		return OpenAI
	case strings.HasPrefix(path, "/v1beta"), strings.HasPrefix(path, "/upload/v1beta"), below && strings.Contains(model, ":") && !strings.HasPrefix(model, "ft:"):
		return Gemini
	case strings.HasPrefix(path, "/v1/messages"):
		return Anthropic
	}
	p := plainPath(path)
	meant, _ := misplaced(p)
	if f, ok := featureAt(features, unversioned(p)); ok && meant.ep.Dialect != Gemini {
		return f.dialect
	}
	return meant.ep.Dialect
}

// CallerDialect is the dialect that the caller of a path reads which several vendors have, /v1/models and /v1/files among
// them, or which nobody has: byPath, which the path tells, unless that is OpenAI's for want of a better one, and the headers
// or the URL's query are another vendor's.
func CallerDialect(byPath Dialect, path string, h http.Header, rawQuery string) Dialect {
	switch {
	case byPath != OpenAI, ofOpenAIAlone(path):
		return byPath
	case h.Get("Anthropic-Version") != "":
		return Anthropic
	case h.Get("X-Goog-Api-Key") != "", h.Get("X-Goog-Api-Client") != "", strings.HasPrefix(rawQuery, "key="), strings.Contains(rawQuery, "&key="):
		return Gemini
	}
	return OpenAI
}

// ofOpenAIAlone reports whether a path begins as one of OpenAI's endpoints that no other vendor has.
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

// ShownPath returns a path fit for a message and a log: short, of printable ASCII, and without what may be a key or an id.
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

// keyMarks are what the keys of vendors, and ours, begin with.
var keyMarks = []string{"sk-", "sk_", "pk_", "st_", "aiza", "aq.", "xai-", "gsk_", "eyj"}

// longestWord is the longest word of a path, in bytes, that is shown whole although it has a digit: what is longer may be a key.
const longestWord = 24

func shownSegment(segment string) string {
	for _, word := range strings.FieldsFunc(strings.ToLower(segment), func(r rune) bool { return strings.ContainsRune("=%:;,&@+", r) }) {
		word = strings.TrimPrefix(word, "20") // of an encoded space
		for _, mark := range keyMarks {
			if strings.HasPrefix(word, mark) && len(word) > len(mark)+4 {
				return "..."
			}
		}
	}
	for word := range strings.SplitSeq(segment, ":") { // Gemini's are MODEL:ACTION
		if len(word) > longestWord && strings.ContainsAny(word, "0123456789") {
			return printable(segment[:6]) + "..."
		}
	}
	return printable(segment)
}

// ShownMethod returns a method fit for a message and a log.
func ShownMethod(method string) string {
	if len(method) > 10 {
		method = method[:10] + "..."
	}
	return printable(method)
}

// printable replaces what is not printable ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}
