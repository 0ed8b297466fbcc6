package project

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/airatelimit/airatelimit/internal/document"
)

// maxResponse bounds a limit response as compact JSON, in bytes: every refusal carries it.
const maxResponse = 8 << 10

var (
	responseTexts = []string{"message", "deepLink", "upgradeUrl"}
	// reservedFields are members that the gateway sets in every limit error.
	reservedFields = []string{"type", "code", "param", "limit", "details"}
)

// LimitResponse sets a limit response: any object whose texts are strings (or null, which inherits).
func LimitResponse(into *map[string]any) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = nil
			return nil
		}
		if v.Kind() != document.Object {
			return document.Errorf(path, "must be an object or null, not %s", v.Describe())
		}
		for m := range v.Members() {
			if err := responseField(document.Join(path, m.Name), m); err != nil {
				return err
			}
		}
		// An escape is six bytes of text for one. A text larger than that is not decoded: it takes many times its bytes.
		var compact bytes.Buffer
		if err := json.Compact(&compact, v.Raw()); err != nil || compact.Len() > len(`\u0000`)*maxResponse {
			return document.Errorf(path, "is larger than %d bytes", maxResponse)
		}
		out := v.Any().(map[string]any)
		if b, err := json.Marshal(out); err != nil || len(b) > maxResponse {
			return document.Errorf(path, "is larger than %d bytes", maxResponse)
		}
		*into = out
		return nil
	}
}

func responseField(path string, m document.Member) error {
	if slices.Contains(reservedFields, m.Name) {
		return document.Errorf(path, "is set by AI Ratelimit in every error; choose another name")
	}
	for _, name := range responseTexts {
		switch {
		case m.Name == name:
			if m.Value.Kind() != document.String && m.Value.Kind() != document.Null {
				return document.Errorf(path, "must be a string or null, not %s", m.Value.Describe())
			}
		case strings.EqualFold(m.Name, name):
			return document.Errorf(path, "differs from %s only in letter case", name)
		}
	}
	return nil
}

// MergeLimitResponse merges responses field by field: the first level that sets a field wins. Pass the identity's
// response, the tier's, then the project's. A null field inherits. The result is a new map that shares its values with
// the levels.
func MergeLimitResponse(levels ...map[string]any) map[string]any {
	merged := make(map[string]any)
	for _, level := range levels {
		for name, v := range level {
			if _, set := merged[name]; !set && v != nil {
				merged[name] = v
			}
		}
	}
	return merged
}

// Fill returns a copy of v with {{name}} replaced by vars[name] in every string, also inside objects and arrays. A name
// that vars lacks stays as written. Filled-in text is not filled in again, so an identity "{{limit}}" is shown as that.
// In a URL the values are percent-encoded, so that a name from a client cannot add a parameter.
func Fill(v any, vars map[string]string) any {
	switch v := v.(type) {
	case string:
		return fillText(v, vars)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = Fill(item, vars)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = Fill(item, vars)
		}
		return out
	}
	return v
}

func fillText(s string, vars map[string]string) string {
	var out strings.Builder
	inURL := isURL(s)
	for {
		before, rest, ok := strings.Cut(s, "{{")
		if !ok {
			if out.Len() == 0 {
				return s
			}
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}}")
		if filled, known := vars[name]; closed && known {
			if inURL {
				filled = percentEncode(filled)
			}
			out.WriteString(filled)
			s = after
			continue
		}
		// One brace at a time: in "{{{limit}}" the name starts at the second.
		out.WriteByte('{')
		s = s[len(before)+1:]
	}
}

// isURL reports whether a text is a URL as a whole: a scheme such as https or the app's own, "://", and no space.
func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	return ok && scheme != "" && !strings.ContainsFunc(scheme, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-.", r))
	}) && !strings.ContainsFunc(rest, unicode.IsSpace)
}

// percentEncode keeps only the unreserved characters of RFC 3986, section 2.3, so that a value stays one value both in a
// path and in a query.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
