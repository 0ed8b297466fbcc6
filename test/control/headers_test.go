package control

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// inert are the headers of every answer of the control plane. A page on our origin could otherwise use the session.
var inert = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
}

// Every answer of the control plane is inert: no browser takes it for a page, keeps it, or shows it to another site.
func TestAnswersOfTheControlPlaneAreInert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, op := range w.ops {
		for _, k := range kinds {
			r := w.requestOf(w.mine, w.mine, op, k.make(w, w.mine), w.example(op))
			r.Header.Set("Origin", "https://attacker.example")
			w.wantInert(op.String()+" with "+k.name, w.do(op, r))
		}
	}
	for _, odd := range []string{"GET /api/", "GET /api/nothing", "GET /api/openapi.json", "OPTIONS /api/openapi.json", "POST /api/openapi.json", "GET /api//projects",
		"GET /api/projects/%2e%2e/identities", "TRACE /api/health", "GET /api/projects/pk_x/identities/%00"} {
		method, path, _ := strings.Cut(odd, " ")
		r, err := http.NewRequest(method, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.wantInert(odd, w.Do(r))
	}
}

func (w *world) wantInert(what string, a stack.Answer) {
	w.t.Helper()
	for name, want := range inert {
		if got := strings.Join(a.Header[name], ", "); got != want {
			w.t.Errorf("%s: status %d has %s: %q, want %q", what, a.Status, name, got, want)
		}
	}
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			w.t.Errorf("%s: status %d has %s", what, a.Status, name)
		}
	}
	if a.Header.Get("X-Request-Id") == "" {
		w.t.Errorf("%s: status %d has no request id", what, a.Status)
	}
	if kind := a.Header.Get("Content-Type"); a.Body != "" && !strings.HasPrefix(kind, "application/") && !strings.HasPrefix(kind, "text/csv") {
		w.t.Errorf("%s: status %d has the type %q", what, a.Status, kind)
	}
}

// Names and keys made by the server cannot be guessed from others that it has made.
func TestMadeUpNamesAreUnguessable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const most = 64
	seen := map[string][]string{}
	for range most {
		k := w.project()
		seen["project key"] = append(seen["project key"], k.project)
		seen["secret key"] = append(seen["secret key"], k.secret)
		a := w.Do(w.Request(http.MethodGet, "/api/nothing", "", ""))
		seen["request id"] = append(seen["request id"], a.Header.Get("X-Request-Id"))
	}
	for kind, names := range seen {
		wantScattered(t, kind, names)
	}
}

// wantScattered checks that names of one kind are different in most of their characters: at each place behind the common
// beginning a random text has many different ones.
func wantScattered(t *testing.T, kind string, names []string) {
	t.Helper()
	length := len(names[0])
	varying := 0
	for i := range length {
		different := map[byte]bool{}
		for _, name := range names {
			if len(name) != length {
				t.Errorf("%s: %q is not as long as %q", kind, name, names[0])
				return
			}
			different[name[i]] = true
		}
		if len(different) >= 12 {
			varying++
		}
	}
	if varying < 20 { // of at least 32 characters each: 100 bits
		t.Errorf("%s: only %d characters of %q vary freely, want 20", kind, varying, names[0])
	}
}

// Ids in answers of calls that make something differ so much from one call to the next that none can be guessed from another.
func TestIdsInAnswersAreUnguessable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	compared := 0
	for _, op := range w.ops {
		if op.Method != http.MethodPost || op.streams() {
			continue
		}
		var answers [2]map[string]string
		for i, k := range []keys{w.mine, w.other} {
			answers[i] = map[string]string{}
			a := w.do(op, w.requestOf(k, k, op, w.insider(k, op), w.example(op)))
			var v any
			if a.Status < 300 && json.Unmarshal([]byte(a.Body), &v) == nil {
				idsOf("", v, answers[i])
			}
		}
		for at, one := range answers[0] {
			if another := answers[1][at]; another != "" && another != one {
				compared++
				if n := different(one, another); n < 12 {
					t.Errorf("%s: %s is %q and then %q: %d characters differ, want 12", op, at, one, another, n)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("no ids were compared")
	}
}

// idsOf are the texts in an answer that are called an id, by where they stand.
func idsOf(at string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && (name == "id" || strings.HasSuffix(name, "Id")) {
				into[at+"."+name] = text
			}
			idsOf(at+"."+name, member, into)
		}
	case []any:
		for i, item := range v {
			idsOf(at+"["+strconv.Itoa(i)+"]", item, into)
		}
	}
}

// different counts the places at which two texts differ.
func different(a, b string) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
