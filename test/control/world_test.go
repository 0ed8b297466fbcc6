// Package control tests what holds for every call of the control plane. It reads the calls from the OpenAPI document, so
// a new one is tested without a change here.
package control

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }

// knownIdentity is one that every project of a world has.
const knownIdentity = "user-123"

// world is a server with projects of different people.
type world struct {
	*stack.Stack
	t      *testing.T
	store  *store.Store
	doc    *document
	ops    []*operation
	mine   keys // of the project that calls are about
	other  keys // of somebody else's project
	people int
}

type keys struct{ project, secret string }

// caller is a way to make a call. The zero value sends nothing.
type caller struct {
	name          string
	authorization string
	cookie        string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	// The calls come from many clients, because each may make few calls without a session.
	s := stack.New(t, stack.Options{Settings: `{"tiers": {"free": {}, "pro": {}}}`, Env: map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8"}})
	w := &world{Stack: s, t: t, store: s.Store(), doc: describe(t, s)}
	w.ops = w.doc.operations(t)
	w.mine, w.other = w.project(), w.project()
	return w
}

// project makes a project with what the examples of the document are about.
func (w *world) project() keys {
	w.t.Helper()
	settings, err := project.ParseSettings([]byte(`{"name": "test", "tiers": {"free": {}, "pro": {}}}`))
	if err != nil {
		w.t.Fatal(err)
	}
	rec, secretKey, err := w.store.CreateProject(context.Background(), settings)
	if err != nil {
		w.t.Fatal(err)
	}
	k := keys{rec.Key, secretKey}
	r := w.Request(http.MethodPut, "/api/projects/"+k.project+"/identities/"+knownIdentity, "", `{"metadata": {"of": "`+mark(k)+`"}}`)
	r.Header.Set("Authorization", "Bearer "+k.secret)
	stack.WantStatus(w.t, w.Do(r), http.StatusCreated)
	owner := w.person(k, account.Owner)
	for _, op := range w.ops {
		if list := w.doc.Paths[op.Path]["get"]; op.Method == http.MethodPost && list != nil && op.ofProject() {
			w.do(op, w.requestOf(k, k, op, owner, marked(w.example(op), mark(k))))
		}
	}
	return k
}

// marked puts a mark into the free texts of a body.
func marked(body, mark string) string {
	var members map[string]any
	if json.Unmarshal([]byte(body), &members) != nil {
		return body
	}
	for _, name := range []string{"content", "description", "reason"} {
		if text, ok := members[name].(string); ok {
			members[name] = text + " " + mark
		}
	}
	text, _ := json.Marshal(members)
	return string(text)
}

// mark is a text that only the data of a project has.
func mark(k keys) string { return "data-of-" + k.project }

// person signs in as somebody new, who has a role in the project; "" is none.
func (w *world) person(k keys, role account.Role) caller {
	w.t.Helper()
	w.people++
	return w.personOf(fmt.Sprintf("person-%d@example.com", w.people), k, role).caller
}

// person is a caller with an account.
type person struct {
	caller
	id string
}

// personOf is person with a mail address.
func (w *world) personOf(email string, k keys, role account.Role) person {
	w.t.Helper()
	u, token := stack.SignIn(w.t, w.store, email)
	if role != "" {
		if err := w.store.AddMember(context.Background(), k.project, u, role, time.Now()); err != nil {
			w.t.Fatal(err)
		}
	}
	return person{caller{name: "a session, role " + string(role), cookie: "airatelimit=" + token}, u.ID}
}

// insider is a caller who may make the call, about a project.
func (w *world) insider(k keys, op *operation) caller {
	switch {
	case op.takes("secretKey"):
		return caller{name: "the secret key", authorization: "Bearer " + k.secret}
	case op.takes("session"):
		return w.person(k, account.Owner)
	}
	return caller{name: "nothing"}
}

// example is the body that the document shows for a call.
func (w *world) example(op *operation) string {
	_, example := op.body()
	return cmp.Or(string(example), op.file())
}

// call makes a call about the project of the world.
func (w *world) call(op *operation, c caller, body string) stack.Answer {
	w.t.Helper()
	return w.do(op, w.requestOf(w.mine, w.mine, op, c, body))
}

// do sends a call. Of a stream of events it reads only the head.
func (w *world) do(op *operation, r *http.Request) stack.Answer {
	w.t.Helper()
	if !op.streams() {
		return w.Do(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a stream is left
	a := stack.Answer{Status: resp.StatusCode, Header: resp.Header}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		body, _ := io.ReadAll(resp.Body)
		a.Body = string(body)
	}
	return a
}

// requestOf is a call about a project. What its path names within the project are names and ids of the second one.
func (w *world) requestOf(about, within keys, op *operation, c caller, body string) *http.Request {
	w.t.Helper()
	path := op.fill(func(name string) string {
		if name == "projectId" {
			return about.project
		}
		return escape(w.value(within, op, name))
	})
	r := w.Request(op.Method, path+op.query(), "", body)
	if op.file() != "" {
		r.Header.Set("Content-Type", "text/csv")
	}
	c.sign(r)
	if c.cookie != "" && op.Method != http.MethodGet && w.doc.Paths[op.Path]["get"] != nil {
		read := w.Request(http.MethodGet, path, "", "")
		c.sign(read)
		if tag := w.Do(read).Header.Get("ETag"); tag != "" {
			r.Header.Set("If-Match", tag)
		}
	}
	return r
}

// sign makes a request the caller's own.
func (c caller) sign(r *http.Request) {
	r.Header.Del("X-Project-Key")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", rand.IntN(256), rand.IntN(256)))
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
}

// value is that of a parameter in a call's path: the first that the list before it has.
func (w *world) value(k keys, op *operation, name string) string {
	if name == "identity" {
		return knownIdentity
	}
	before, _, _ := strings.Cut(op.Path, "/{"+name+"}")
	list := w.doc.Paths[before]["get"]
	if list == nil || before == op.Path {
		return "1"
	}
	var page struct{ Items []map[string]any }
	a := w.Do(w.requestOf(k, k, list, w.insider(k, list), ""))
	if json.Unmarshal([]byte(a.Body), &page) != nil || len(page.Items) == 0 {
		return "1"
	}
	for _, field := range []string{name, map[bool]string{true: "version"}[name == "n"], "id", "name", "version"} {
		if v, ok := page.Items[0][field]; ok {
			return fmt.Sprint(v)
		}
	}
	return "1"
}

// problemCode is the code of a problem, or "".
func problemCode(a stack.Answer) string {
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(a.Body), &p)
	return p.Code
}

func isProblem(a stack.Answer) bool {
	return strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json")
}

// escape writes a name for a path, so that "." and ".." stay names too.
func escape(name string) string { return strings.ReplaceAll(url.PathEscape(name), ".", "%2E") }

// ofProject are the operations about one project.
func (w *world) ofProject() []*operation {
	return slices.DeleteFunc(slices.Clone(w.ops), func(op *operation) bool { return !op.ofProject() })
}
