package control

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/test/stack"
)

// refusal is what a caller gets who may not make a call; the zero value is for one who may.
type refusal struct {
	status int
	code   string
}

var (
	wrongKey    = refusal{http.StatusUnauthorized, "invalid_secret_key"}
	wrongProj   = refusal{http.StatusForbidden, "wrong_project"}
	notSignedIn = refusal{http.StatusUnauthorized, "not_signed_in"}
	needSession = refusal{http.StatusForbidden, "session_required"}
	noProject   = refusal{http.StatusNotFound, "unknown_project"}
	smallRole   = refusal{http.StatusForbidden, "role_too_small"}
)

// kind is a kind of caller, and what a call says to it.
type kind struct {
	name string
	make func(w *world, k keys) caller
	want func(op *operation) refusal
}

// kinds are all kinds of callers. A call says by its security and its x-role which it takes.
var kinds = []kind{
	{"nothing", func(*world, keys) caller { return caller{} }, func(op *operation) refusal {
		if op.takes("secretKey") {
			return wrongKey
		}
		return notSignedIn
	}},
	{"a malformed key", bearer(func(*world, keys) string { return "sk_" }), byKey(wrongKey)},
	{"the project key", bearer(func(_ *world, k keys) string { return k.project }), byKey(wrongKey)},
	{"a key cut off", bearer(func(_ *world, k keys) string { return k.secret[:30] }), byKey(wrongKey)},
	{"an altered key", bearer(func(_ *world, k keys) string { return altered(k.secret) }), byKey(wrongKey)},
	{"another project's key", bearer(func(w *world, _ keys) string { return w.other.secret }), byKey(wrongProj)},
	{"the secret key", bearer(func(_ *world, k keys) string { return k.secret }), byKey(refusal{})},
	{"a made-up session", func(*world, keys) caller { return caller{cookie: "airatelimit=" + secret.NewToken()} }, func(*operation) refusal { return notSignedIn }},
	{"a stranger", session(""), byRole("")},
	{"another project's owner", func(w *world, _ keys) caller { return w.person(w.other, account.Owner) }, byRole("")},
	{"a viewer", session(account.Viewer), byRole(account.Viewer)},
	{"an admin", session(account.Admin), byRole(account.Admin)},
	{"an owner", session(account.Owner), byRole(account.Owner)},
}

func bearer(key func(*world, keys) string) func(*world, keys) caller {
	return func(w *world, k keys) caller { return caller{authorization: "Bearer " + key(w, k)} }
}

func session(role account.Role) func(*world, keys) caller {
	return func(w *world, k keys) caller { return w.person(k, role) }
}

// byKey is what a call says to a secret key: what is given, if it takes such keys at all.
func byKey(r refusal) func(*operation) refusal {
	return func(op *operation) refusal {
		if op.takes("secretKey") {
			return r
		}
		return needSession
	}
}

// narrower are calls that need a larger role for what this test asks of them than the one that they declare.
var narrower = map[string]account.Role{
	"removeMember": account.Owner, // every member may leave, and only an owner removes others
}

// byRole is what a call says to a session with a role in the project, or with none.
func byRole(role account.Role) func(*operation) refusal {
	return func(op *operation) refusal {
		switch {
		case op.Role == "":
			return refusal{}
		case role == "":
			return noProject
		case role.Covers(cmp.Or(narrower[op.ID], account.Role(op.Role))):
			return refusal{}
		}
		return smallRole
	}
}

// altered is a key with another last character.
func altered(key string) string {
	last := len(key) - 1
	if key[last] == 'a' {
		return key[:last] + "b"
	}
	return key[:last] + "a"
}

// refusalOf is what a call says to a kind of caller.
func (k kind) refusalOf(op *operation) refusal {
	if len(op.Security) == 0 {
		return refusal{}
	}
	return k.want(op)
}

// Every call says who may make it, in a way that this test understands: else the rest would test nothing.
func TestMatrix_EveryCallDeclaresItsAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, op := range w.ops {
		key, session, role := op.takes("secretKey"), op.takes("session"), op.Role
		switch {
		case op.ofProject() != (role != ""),
			role != "" && !account.Role(role).Known(),
			len(op.Security) > 0 && !session,
			key && role == string(account.Owner):
			t.Errorf("%s: takes keys %t, sessions %t, role %q", op, key, session, role)
		}
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
		for _, k := range kinds {
			want := k.refusalOf(op)
			if want == (refusal{}) {
				continue
			}
			refused++
			a := w.call(op, k.make(w, w.mine), w.example(op))
			if a.Status != want.status || problemCode(a) != want.code || !isProblem(a) {
				t.Errorf("%s with %s: status %d %s, want %d %s: %.300s", op, k.name, a.Status, problemCode(a), want.status, want.code, a.Body)
			}
			w.wantNothingShown(op.String()+" with "+k.name, a, w.mine)
		}
	}
	if after := w.everything(); after != before {
		t.Errorf("refused calls have changed something:\nbefore %s\nafter  %s", before, after)
	}
	for _, op := range w.ops {
		for _, k := range kinds {
			if k.refusalOf(op) == (refusal{}) {
				w.wantAdmitted(op, k)
			}
		}
	}
	if refused < 80 {
		t.Errorf("only %d calls were refused", refused)
	}
}

// wantAdmitted checks that a caller who may make a call gets an answer that the document has, and that is not about
// access. Each call is about a project of its own, because some calls end what they are about.
func (w *world) wantAdmitted(op *operation, k kind) {
	w.t.Helper()
	about := w.mine
	if op.ofProject() && op.Method != http.MethodGet {
		about = w.project()
	}
	a := w.do(op, w.requestOf(about, about, op, k.make(w, about), w.example(op)))
	code := problemCode(a)
	aboutAccess := []string{wrongKey.code, wrongProj.code, needSession.code, noProject.code, smallRole.code}
	if len(op.Security) > 0 {
		aboutAccess = append(aboutAccess, notSignedIn.code)
	}
	if slices.Contains(aboutAccess, code) || op.Responses[strconv.Itoa(a.Status)] == nil || a.Status >= 500 {
		w.t.Errorf("%s with %s: status %d %s, want one that the document has and that is not about access: %.300s", op, k.name, a.Status, code, a.Body)
	}
}

// everything is what the reading calls about the project say.
func (w *world) everything() string {
	w.t.Helper()
	var all strings.Builder
	for _, op := range w.ofProject() {
		if op.Method != http.MethodGet || op.streams() {
			continue
		}
		a := w.call(op, w.insider(w.mine, op), "")
		if a.Status >= 500 {
			w.t.Fatalf("%s: status %d: %s", op, a.Status, a.Body)
		}
		var members map[string]any
		if json.Unmarshal([]byte(a.Body), &members) == nil {
			delete(members, "asOf")
			text, _ := json.Marshal(members)
			a.Body = string(text)
		}
		if strings.HasSuffix(op.Path, "/members") || strings.HasSuffix(op.Path, "/overview") {
			a.Body = "" // the test's own people; what was done before, which is added up later
		}
		if strings.HasSuffix(op.Path, "/audit") || strings.HasSuffix(op.Path, "/audit.csv") {
			a.Body = strings.Join(w.trail(w.mine), " ")
		}
		all.WriteString(op.String() + " " + a.Body + "\n")
	}
	return all.String()
}

// wantNothingShown checks that an answer has no data of a project.
func (w *world) wantNothingShown(what string, a stack.Answer, of keys) {
	w.t.Helper()
	for _, hidden := range []string{mark(of), of.secret} {
		if strings.Contains(a.Body, hidden) {
			w.t.Errorf("%s shows %q: %.300s", what, hidden, a.Body)
		}
	}
}

// Two projects with the same names in them see nothing of each other: whatever the one's people and keys call, and whatever
// ids of the other stand in the paths, the other's data is neither shown nor changed.
func TestMatrix_ProjectsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.everything()
	for _, op := range w.ops {
		outsiders := []caller{w.person(w.other, account.Owner)}
		if op.takes("secretKey") {
			outsiders = append(outsiders, caller{name: "another project's key", authorization: "Bearer " + w.other.secret})
		}
		for _, outsider := range outsiders {
			for _, about := range []keys{w.mine, w.other} {
				if op.Method == http.MethodDelete && !strings.HasSuffix(op.Path, "/{identity}") && about == w.other && strings.HasSuffix(op.Path, "{projectId}") {
					continue // it ends the outsider's own project
				}
				a := w.do(op, w.requestOf(about, w.mine, op, outsider, w.example(op)))
				if a.Status >= 500 {
					t.Errorf("%s: status %d: %s", op, a.Status, a.Body)
				}
				w.wantNothingShown(op.String()+" with "+outsider.name, a, w.mine)
			}
		}
	}
	if after := w.everything(); after != before {
		t.Errorf("another project's calls have changed something:\nbefore %s\nafter  %s", before, after)
	}
}
