package control

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/stack"
)

// traceless are calls that are no GET and leave no entry in a project's audit trail, each with the reason.
var traceless = map[string]string{
	"explainLimits":        "it changes nothing",
	"previewLimitResponse": "it changes nothing",
	"renderPrompt":         "it changes nothing",
	"testProvider":         "it changes nothing",
	"testGuard":            "it changes nothing",
	"deleteProject":        "it deletes the trail",

	// These are about an account, and an account is no project's.
	"logOut": "an account's", "endOtherSessions": "an account's", "endSession": "an account's", "setUp": "an account's",
	"requestMagicLink": "an account's", "verifyMagicLink": "an account's",
}

// change is a call that changes something of a project. A text in braces in its path or its body stands for a value of an
// answer before.
type change struct {
	id, path, body string
	actions        string // of the entries that it leaves, in their order
	keep           string // a member of the answer, for the calls that follow
	session        bool
}

// changes are calls of all operations that change something, in an order in which each finds what it is about.
var changes = []change{
	{id: "changeProject", body: `{"requestLimit": 7}`, actions: "changeProject"},
	{id: "restoreSettings", path: "n=1", actions: "restoreSettings"},
	{id: "setProvider", path: "provider=openai", body: `{"key": "sk-proj-0123456789-abcdWXYZ"}`, actions: "setProvider"},
	{id: "deleteProvider", path: "provider=openai", actions: "deleteProvider"},
	{id: "createPrompt", body: `{"name": "traced", "content": "a"}`, actions: "createPrompt"},
	{id: "updatePrompt", path: "prompt=traced", body: `{"content": "b"}`, actions: "updatePrompt"},
	{id: "restorePrompt", path: "prompt=traced,version=1", actions: "restorePrompt"},
	{id: "deletePrompt", path: "prompt=traced", actions: "deletePrompt"},

	{id: "setIdentity", body: `{"identity": "new"}`, actions: "createIdentity"},
	{id: "setIdentity", body: `{"identity": "new", "requestLimit": 1}`, actions: "updateIdentity"},
	{id: "setIdentities", body: `{"items": [{"identity": "new"}, {"identity": "newer"}]}`, actions: "updateIdentity createIdentity"},
	{id: "updateIdentity", path: "identity=new", body: `{"requestLimit": 2}`, actions: "updateIdentity"},
	{id: "giftIdentity", path: "identity=new", body: `{"requests": 1}`, actions: "giftIdentity"},
	{id: "giftIdentity", path: "identity=unknown", body: `{"requests": 1}`, actions: "createIdentity giftIdentity"},
	{id: "promoteIdentity", path: "identity=new", body: `{"unlimitedUntil": "2030-01-01"}`, actions: "promoteIdentity"},
	{id: "resetIdentity", path: "identity=new", body: `{}`, actions: "resetIdentity"},
	{id: "deleteIdentity", path: "identity=new", actions: "deleteIdentity"},
	{id: "startOperation", body: `{"action": "gift", "items": ["newer"], "params": {"requests": 1}}`, actions: "startOperation giftIdentity", keep: "operationId"},
	{id: "importIdentities", body: "identity,requestLimit\nimported,3\n", actions: "importIdentities createIdentity"},

	{id: "inviteMember", body: `{"email": "invited@example.com", "role": "viewer"}`, actions: "inviteMember", keep: "id", session: true},
	{id: "resendInvitation", path: "invitation={id}", actions: "resendInvitation", session: true},
	{id: "changeMember", path: "member={id}", body: `{"role": "admin"}`, actions: "changeInvitation", session: true},
	{id: "removeMember", path: "member={id}", actions: "cancelInvitation", session: true},
	{id: "inviteMember", body: `{"email": "joining@example.com", "role": "viewer"}`, actions: "inviteMember", keep: "id", session: true},
	{id: "acceptInvitation", body: `{"id": "{id}"}`, actions: "acceptInvitation"},
	{id: "changeMember", path: "member={joined}", body: `{"role": "admin"}`, actions: "changeMember", session: true},
	{id: "removeMember", path: "member={joined}", actions: "removeMember", session: true},
	{id: "regenerateSecret", body: `{"graceSeconds": 3600}`, actions: "regenerateSecret"},
}

// ended are calls whose entries are tested where their effect does not depend on how fast something runs.
var ended = map[string]string{
	"cancelOperation": "internal/api/operations_test.go",
	"createProject":   "TestTheAuditTrailNamesEveryChange, before its other calls",
}

// Every call that changes something of a project leaves entries in its audit trail, under actions of the documented list. A
// new call is to be added to changes.
func TestTheAuditTrailNamesEveryChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.created()
	owner, joining := w.person(k, account.Owner), w.personOf("joining@example.com", k, "")
	called := map[string]bool{}
	values := map[string]string{"joined": joining.id}
	for _, c := range changes {
		op := w.operation(c.id)
		if op == nil {
			if c.id != "importIdentities" { // not every version of the document has it
				t.Errorf("there is no call %s", c.id)
			}
			continue
		}
		called[c.id] = true
		known := len(w.trail(k))
		by := caller{authorization: "Bearer " + k.secret}
		if c.session {
			by = owner
		}
		if c.id == "acceptInvitation" {
			by = joining.caller
		}
		a := w.Do(w.changing(k, op, by, c, values))
		if a.Status < 200 || a.Status > 299 {
			t.Errorf("%s: status %d: %s", c.id, a.Status, a.Body)
			continue
		}
		if c.keep != "" {
			values[c.keep], _ = a.JSON(t)[c.keep].(string)
		}
		w.awaitTrail(k, c.id, known, strings.Fields(c.actions))
	}
	for _, op := range w.ops {
		if op.Method != http.MethodGet && !called[op.ID] && traceless[op.ID] == "" && ended[op.ID] == "" {
			t.Errorf("%s: %s is no GET, so its entry in the audit trail is to be tested: add it to changes, or to traceless with the reason", op, op.ID)
		}
	}
}

// created creates a project by the API, and checks the first entry of its trail.
func (w *world) created() keys {
	w.t.Helper()
	op, by := w.operation("createProject"), w.person(keys{}, "")
	r := w.Request(op.Method, op.Path, "", `{"name": "traced", "settings": {}}`)
	by.sign(r)
	a := w.Do(r)
	stack.WantStatus(w.t, a, http.StatusCreated)
	var made struct {
		Project   struct{ ProjectID string }
		SecretKey string
	}
	if err := json.Unmarshal([]byte(a.Body), &made); err != nil {
		w.t.Fatal(err)
	}
	k := keys{made.Project.ProjectID, made.SecretKey}
	if got := w.trail(k); !slices.Equal(got, []string{"createProject"}) {
		w.t.Errorf("a new project's audit trail has %q", got)
	}
	return k
}

// operation is the operation of an id, or nil.
func (w *world) operation(id string) *operation {
	for _, op := range w.ops {
		if op.ID == id {
			return op
		}
	}
	return nil
}

// changing is the request of a change.
func (w *world) changing(k keys, op *operation, by caller, c change, values map[string]string) *http.Request {
	w.t.Helper()
	filled := func(text string) string {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			text = strings.ReplaceAll(text, "{"+name+"}", values[name])
		}
		return text
	}
	path := op.fill(func(name string) string {
		if name == "projectId" {
			return k.project
		}
		for _, pair := range strings.Split(c.path, ",") {
			if parameter, value, _ := strings.Cut(pair, "="); parameter == name {
				return escape(filled(value))
			}
		}
		w.t.Fatalf("%s: the path has %s", c.id, name)
		return ""
	})
	r := w.Request(op.Method, path, "", filled(c.body))
	by.sign(r)
	r.Header.Set("If-Match", "*")
	if op.RequestBody != nil {
		for kind := range op.RequestBody.Content {
			r.Header.Set("Content-Type", kind)
		}
	}
	return r
}

// trail are the actions in a project's audit trail, the oldest first. An operator's members are left out: tests add them.
func (w *world) trail(k keys) (actions []string) {
	w.t.Helper()
	r := w.Request(http.MethodGet, "/api/projects/"+k.project+"/audit?limit=200", "", "")
	caller{authorization: "Bearer " + k.secret}.sign(r)
	a := w.Do(r)
	stack.WantStatus(w.t, a, http.StatusOK)
	var page struct{ Items []struct{ Action string } }
	if err := json.Unmarshal([]byte(a.Body), &page); err != nil {
		w.t.Fatal(err)
	}
	for _, line := range slices.Backward(page.Items) {
		if line.Action != ledger.ActionAddMember {
			actions = append(actions, line.Action)
		}
	}
	return actions
}

// awaitTrail checks the entries that a call leaves, some of which an operation leaves later.
func (w *world) awaitTrail(k keys, id string, known int, want []string) {
	w.t.Helper()
	var got []string
	await.Soon(w.t, "the entries of "+id, func() bool {
		got = w.trail(k)[known:]
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		w.t.Errorf("%s leaves entries of %q, want %q", id, got, want)
	}
	for _, action := range got {
		if !slices.Contains(ledger.Actions, action) {
			w.t.Errorf("%s: %s is none of the documented actions", id, action)
		}
	}
}
