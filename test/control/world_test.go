// Package control tests what holds for every call of the control plane. It reads the calls from the OpenAPI document, so
// a new one is tested without a change here.
package control

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }

// knownIdentity is one that every project of a world has.
const knownIdentity = "user-123"

// world is a server with projects of different people.
type world struct {
	*stack.Stack
	t     *testing.T
	doc   *document
	ops   []*operation
	mine  keys // of the project that calls are about
	other keys // of somebody else's project
}

type keys struct{ project, secret string }

// caller is a way to make a call.
type caller struct {
	name          string
	authorization string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := stack.New(t, stack.Options{Settings: `{"tiers": {"free": {}, "pro": {}}}`})
	w := &world{Stack: s, t: t, doc: describe(t, s), mine: keys{s.ProjectKey, s.SecretKey}}
	w.ops = w.doc.operations(t)
	w.other = w.project("somebody else's")
	for _, k := range []keys{w.mine, w.other} {
		w.seed(k)
	}
	return w
}

// project makes another project.
func (w *world) project(name string) keys {
	w.t.Helper()
	settings, err := project.ParseSettings([]byte(`{"name": "` + name + `", "tiers": {"free": {}, "pro": {}}}`))
	if err != nil {
		w.t.Fatal(err)
	}
	rec, secretKey, err := w.Store().CreateProject(context.Background(), settings)
	if err != nil {
		w.t.Fatal(err)
	}
	return keys{rec.Key, secretKey}
}

// seed makes what calls with the examples of the document are about.
func (w *world) seed(k keys) {
	w.t.Helper()
	r := w.Request(http.MethodPut, "/api/projects/"+k.project+"/identities/"+knownIdentity, "", `{"metadata": {"of": "`+mark(k)+`"}}`)
	r.Header.Set("Authorization", "Bearer "+k.secret)
	stack.WantStatus(w.t, w.Do(r), http.StatusCreated)
}

// mark is a text that only the data of a project has.
func mark(k keys) string { return "data-of-" + k.project }

// insider is a caller who may make the call, about the project of the world.
func (w *world) insider(*operation) caller {
	return caller{"the secret key", "Bearer " + w.mine.secret}
}

// example is the body that the document shows for a call.
func (w *world) example(op *operation) string {
	_, example := op.body()
	return string(example)
}

// call makes a call about the project of the world.
func (w *world) call(op *operation, c caller, body string) stack.Answer {
	w.t.Helper()
	return w.Do(w.request(op, c, body))
}

// request is a call about the project of the world.
func (w *world) request(op *operation, c caller, body string) *http.Request {
	w.t.Helper()
	return w.requestOf(w.mine, op, c, body)
}

// requestOf is a call about a project.
func (w *world) requestOf(k keys, op *operation, c caller, body string) *http.Request {
	w.t.Helper()
	path := op.fill(func(name string) string { return url.PathEscape(w.value(k, name)) })
	r := w.Request(op.Method, path+op.query(), "", body)
	r.Header.Del("X-Project-Key")
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
	return r
}

// value is that of a parameter in a path about a project.
func (w *world) value(k keys, name string) string {
	switch name {
	case "projectId":
		return k.project
	case "identity":
		return knownIdentity
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
