package meter

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

type member struct{ key, value string }

func membersOf(p []byte) (all []member, whole bool) {
	whole = members(p, func(key, value []byte) { all = append(all, member{string(key), string(value)}) })
	return all, whole
}

func checkMembers(t rapid.TB, doc []byte) {
	t.Helper()
	var want []member
	gjson.ParseBytes(doc).ForEach(func(key, v gjson.Result) bool {
		want = append(want, member{key.Str, v.Raw})
		return true
	})
	got, whole := membersOf(doc)
	if !whole || len(got) != len(want) {
		t.Fatalf("members of %s: %q, whole %t; want %q", doc, got, whole, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("member %d of %s: %q, want %q", i, doc, got[i], want[i])
		}
	}
}

// Every object is read as another parser reads it, and none of its beginnings is whole.
func TestMembers(t *testing.T) {
	t.Parallel()
	value := rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.String().AsAny(),
		rapid.SliceOfN(rapid.String(), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).AsAny())
	rapid.Check(t, func(t *rapid.T) {
		doc, err := json.Marshal(rapid.MapOfN(rapid.String(), value, 0, 5).Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, doc, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		checkMembers(t, doc)
		checkMembers(t, indented.Bytes())
		for n := range doc {
			if got, whole := membersOf(doc[:n]); whole {
				t.Fatalf("%s is whole, with %q", doc[:n], got)
			}
		}
	})
}

func TestMembers_escapedKeyAndGarbage(t *testing.T) {
	t.Parallel()
	checkMembers(t, []byte(`{"us\u0061ge":{"a":"}"},"b\"":"\\","c":-1.5e3}`))
	for _, doc := range []string{``, ` `, `[]`, `"a"`, `{`, `{"`, `{"a`, `{"a\`, `{"a"`, `{"a":`, `{"a":1`, `{"a":"`, `{"a":[`, `{"a":1}}`, `{"a":1} {}`, `{a:1}`, `{"a":1]}`} {
		if got, whole := membersOf([]byte(doc)); whole {
			t.Errorf("%s is whole, with %q", doc, got)
		}
	}
}
