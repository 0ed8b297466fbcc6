package control

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// refusal is what a caller gets who may not make a call; the zero value is nobody's.
type refusal struct {
	status int
	code   string
}

var accessCodes = []string{"invalid_secret_key", "wrong_project"}

// keyCallers are callers with a secret key or without anything, and what a call that takes secret keys says to each.
func (w *world) keyCallers() map[caller]refusal {
	unauthorized := refusal{http.StatusUnauthorized, "invalid_secret_key"}
	last := w.mine.secret[len(w.mine.secret)-1:]
	altered := strings.TrimSuffix(w.mine.secret, last) + map[bool]string{true: "b", false: "a"}[last == "a"]
	return map[caller]refusal{
		{"nothing", ""}:                                       unauthorized,
		{"a malformed key", "Bearer sk_"}:                     unauthorized,
		{"an altered key", "Bearer " + altered}:               unauthorized,
		{"a key cut off", "Bearer " + w.mine.secret[:30]}:     unauthorized,
		{"the project key", "Bearer " + w.mine.project}:       unauthorized,
		{"another scheme", "Basic " + w.mine.secret}:          unauthorized,
		{"another project's key", "Bearer " + w.other.secret}: {http.StatusForbidden, "wrong_project"},
		{"the secret key", "Bearer " + w.mine.secret}:         {},
	}
}

// Every call of the document, with every kind of caller, answers as the access that it declares says. What is refused
// changes nothing and shows nothing.
func TestMatrix_EveryCallWithEveryCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.everything()
	refused := 0
	for _, op := range w.ops {
		for c, want := range w.keyCallers() {
			if want.status == 0 {
				continue
			}
			refused++
			a := w.call(op, c, w.example(op))
			if a.Status != want.status || problemCode(a) != want.code || !isProblem(a) {
				t.Errorf("%s with %s: status %d %s, want %d %s: %.300s", op, c.name, a.Status, problemCode(a), want.status, want.code, a.Body)
			}
			w.wantNothingShown(op, c, a, w.mine)
		}
	}
	if after := w.everything(); after != before {
		t.Errorf("refused calls have changed something:\nbefore %s\nafter  %s", before, after)
	}
	for _, op := range w.ops {
		for c, want := range w.keyCallers() {
			if want.status == 0 {
				w.wantAdmitted(op, c)
			}
		}
	}
	if refused < 60 {
		t.Errorf("only %d calls were refused", refused)
	}
}

// wantAdmitted checks that a caller who may make a call gets an answer that the document has, and that is not about
// access. Each call is about a project of its own, because some calls end what they are about.
func (w *world) wantAdmitted(op *operation, c caller) {
	w.t.Helper()
	k := w.project("fresh")
	w.seed(k)
	c.authorization = "Bearer " + k.secret
	a := w.Do(w.requestOf(k, op, c, w.example(op)))
	if code := problemCode(a); slices.Contains(accessCodes, code) || op.Responses[strconv.Itoa(a.Status)] == nil || a.Status >= 500 {
		w.t.Errorf("%s with %s: status %d %s, want one that the document has and that is not about access: %.300s", op, c.name, a.Status, code, a.Body)
	}
}

// everything is what the reading calls about the project say.
func (w *world) everything() string {
	w.t.Helper()
	var all strings.Builder
	for _, op := range w.ops {
		if op.Method != http.MethodGet || !op.ofProject() {
			continue
		}
		a := w.call(op, w.insider(op), "")
		if a.Status >= 500 {
			w.t.Fatalf("%s: status %d: %s", op, a.Status, a.Body)
		}
		var v any
		if json.Unmarshal([]byte(a.Body), &v) == nil {
			delete(asObject(v), "asOf")
			text, _ := json.Marshal(v)
			a.Body = string(text)
		}
		all.WriteString(op.String() + " " + a.Body + "\n")
	}
	return all.String()
}

func asObject(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// wantNothingShown checks that an answer has no data of a project.
func (w *world) wantNothingShown(op *operation, c caller, a stack.Answer, of keys) {
	w.t.Helper()
	for _, hidden := range []string{mark(of), of.secret} {
		if strings.Contains(a.Body, hidden) {
			w.t.Errorf("%s with %s shows %q: %.300s", op, c.name, hidden, a.Body)
		}
	}
}

// Two projects with the same names in them see nothing of each other: whatever a project's key is used for, and whatever
// is named in its paths, the other's data is neither shown nor changed.
func TestMatrix_ProjectsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.everything()
	for _, op := range w.ops {
		if !op.ofProject() {
			continue
		}
		outsider := caller{"another project's key", "Bearer " + w.other.secret}
		for _, about := range []keys{w.mine, w.other} {
			a := w.Do(w.requestOf(about, op, outsider, w.example(op)))
			if a.Status >= 500 {
				t.Errorf("%s: status %d: %s", op, a.Status, a.Body)
			}
			w.wantNothingShown(op, outsider, a, w.mine)
		}
	}
	if after := w.everything(); after != before {
		t.Errorf("another project's calls have changed something:\nbefore %s\nafter  %s", before, after)
	}
}
