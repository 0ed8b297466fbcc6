package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// place is an object within a body, as the names and the positions that lead to it.
type place []any

func (p place) String() string {
	text := "body"
	for _, part := range p {
		if n, ok := part.(int); ok {
			text += fmt.Sprintf("[%d]", n)
		} else {
			text += fmt.Sprintf(".%v", part)
		}
	}
	return text
}

// anyName stands for a member of an object that takes any names. The settings read some of them, such as a model's.
const anyName = "gpt-4o"

// objects are all places in bodies of a schema where an object stands whose members are known.
func (d *document) objects(s *schema, at place, within []*schema) (found map[string]objectAt) {
	found = map[string]objectAt{}
	s = d.at(s)
	if s == nil || slices.Contains(within, s) || len(within) > 8 {
		return found
	}
	within = append(slices.Clone(within), s)
	if s.strict() {
		found[at.String()] = objectAt{slices.Clone(at), s}
	}
	inner := func(of *schema, next any) {
		maps.Copy(found, d.objects(of, append(slices.Clone(at), next), within))
	}
	for name, property := range s.Properties {
		inner(property, name)
	}
	if s.Items != nil {
		inner(s.Items, 0)
	}
	if each := s.each(); each != nil {
		inner(each, anyName)
	}
	for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
		maps.Copy(found, d.objects(one, at, within))
	}
	return found
}

type objectAt struct {
	place  place
	schema *schema
}

// fields are the names of all members of answers of a schema, however deep.
func (d *document) fields(s *schema, into map[string]bool, within []*schema) {
	s = d.at(s)
	if s == nil || slices.Contains(within, s) {
		return
	}
	within = append(within, s)
	for name, property := range s.Properties {
		into[name] = true
		d.fields(property, into, within)
	}
	d.fields(s.Items, into, within)
	if each := s.each(); each != nil {
		d.fields(each, into, within)
	}
	for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
		d.fields(one, into, within)
	}
}

// columns are names of what is kept beside the fields of answers: no call has them.
var columns = []string{"nobodyKnowsThis", "id", "projectId", "project_id", "revision", "createdAt", "created_at", "secretHash", "secret_hash",
	"secretId", "userId", "ownerId", "isAdmin", "known", "state", "usage", "holds", "__proto__", "constructor"}

// insert returns a body with more members in the object at a place, which is made where the body has none.
func insert(t *testing.T, body json.RawMessage, at place, names []string) string {
	t.Helper()
	var whole any
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatalf("the example %s: %v", body, err)
	}
	text, err := json.Marshal(inserted(whole, at, names))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func inserted(v any, at place, names []string) any {
	if len(at) > 0 && at[0] == 0 {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			list = []any{nil}
		}
		list[0] = inserted(list[0], at[1:], names)
		return list
	}
	object, ok := v.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	if len(at) > 0 {
		key := at[0].(string)
		object[key] = inserted(object[key], at[1:], names)
		return object
	}
	for _, name := range names {
		object[name] = nil
	}
	return object
}

// atOnce is how many unknown fields are sent at once. An answer names 50 at most.
const atOnce = 40

// Every writing call refuses, by its name, each field that it does not list: made-up ones, columns of the database, and
// all fields that answers have and requests have not. In each object of its body, however deep.
func TestMassAssignmentIsRefusedByName(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t) // no call reaches the database
	w := newWorld(t)
	readable := map[string]bool{}
	for _, op := range w.ops {
		w.doc.fields(w.doc.answers(op), readable, nil)
	}
	for _, name := range columns {
		readable[name] = true
	}
	tried := 0
	for _, op := range w.ops {
		s, _ := op.body()
		if s == nil {
			continue
		}
		objects := w.doc.objects(s, nil, nil)
		if objects["body"].schema == nil {
			t.Errorf("%s does not say that unknown fields of its body are refused", op)
		}
		for at, object := range objects {
			foreign := slices.DeleteFunc(slices.Sorted(maps.Keys(readable)), func(name string) bool {
				return object.schema.Properties[name] != nil || op.allows(at, name)
			})
			for names := range slices.Chunk(foreign, atOnce) {
				tried += len(names)
				w.wantRefused(op, at, object, names)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d fields were tried", tried)
	}
}

// Every call that takes a file refuses, by its name, a column that it does not list.
func TestUnknownColumnsAreRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tried := 0
	for _, op := range w.ops {
		first, rest, _ := strings.Cut(op.file(), "\n")
		if first == "" {
			continue
		}
		for _, name := range slices.Concat(columns, []string{"limit", "projectKey", "secretKey"}) {
			if name == "createdAt" { // of an export: it is passed over
				continue
			}
			tried++
			a := w.call(op, w.insider(w.mine, op), first+","+name+"\n"+strings.ReplaceAll(rest, "\n", ",1\n"))
			if a.Status != 400 || !strings.Contains(a.Body, `"location":"line 1, `+name+`"`) {
				t.Errorf("%s: status %d, want 400 that names the column %s: %.300s", op, a.Status, name, a.Body)
			}
		}
	}
	if tried == 0 {
		t.Error("no call takes a file")
	}
}

// wantRefused checks that each of the fields is refused by its name. An answer need not name all: the others are sent
// again.
func (w *world) wantRefused(op *operation, at string, object objectAt, names []string) {
	w.t.Helper()
	_, example := op.body()
	for len(names) > 0 {
		a := w.call(op, w.insider(w.mine, op), insert(w.t, example, object.place, names))
		rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return refuses(w.t, a, name) })
		if a.Status != 400 || len(rest) == len(names) {
			w.t.Errorf("%s with %s of %q: status %d, want 400 that names them: %.300s", op, at, names, a.Status, a.Body)
			return
		}
		names = rest
	}
}

// allows reports whether a body may repeat what the path says.
func (op *operation) allows(at, name string) bool {
	return at == "body" && strings.Contains(op.Path, "{"+name+"}")
}

// refuses reports whether a problem lists a field of that name.
func refuses(t *testing.T, a stack.Answer, name string) bool {
	t.Helper()
	list, _ := a.JSON(t)["errors"].([]any)
	return slices.ContainsFunc(list, func(v any) bool {
		at, _ := v.(map[string]any)["location"].(string)
		return strings.HasSuffix(at, "."+name)
	})
}

// Every call refuses, by its name, a query parameter that it does not list.
func TestUnknownParametersAreRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, op := range w.ops {
		r := w.requestOf(w.mine, w.mine, op, w.insider(w.mine, op), w.example(op))
		q := r.URL.Query()
		q.Set("nobodyKnowsThis", "1")
		r.URL.RawQuery = q.Encode()
		if a := w.do(op, r); a.Status != 400 || !refuses(t, a, "nobodyKnowsThis") {
			t.Errorf("%s: status %d, want 400 that names the parameter: %.300s", op, a.Status, a.Body)
		}
	}
}
