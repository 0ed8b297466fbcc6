package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Settings and the bodies of /api were once read by two readers. What either refused is refused, at the member at fault.
func TestADocumentWithTwoReadingsIsRefused(t *testing.T) {
	t.Parallel()
	deep := func(open, end string, levels int) string {
		return strings.Repeat(open, levels) + "1" + strings.Repeat(end, levels)
	}
	for name, tc := range map[string]struct{ doc, path, problem string }{
		"a member twice":                         {`{"a": 1, "b": {"c": [0, {"d": 1, "d": 2}]}}`, "body.b.c[1].d", "is there twice"},
		"a member twice, once escaped":           {`{"a": 1, "\u0061": 2}`, "body.a", "is there twice"},
		"a member without a name twice":          {`{"": 1, "": 2}`, `body.""`, "is there twice"},
		"a NUL in a string":                      {`{"a": {"b": "x\u0000"}}`, "body.a.b", "U+0000"},
		"a NUL in a name":                        {`{"a\u0000": 1}`, `body."a\x00"`, "U+0000"},
		"a NUL between values":                   {"{\"a\": \x00}", "body.a", "is not valid JSON near byte 6"},
		"half a character":                       {`["\ud83d"]`, "body[0]", "half a character"},
		"halves in the wrong order":              {`["\ude00\ud83d"]`, "body[0]", "half a character"},
		"half a character before another escape": {`["\ud83d\u0041"]`, "body[0]", "half a character"},
		"half a character before a backslash":    {`["\ud83d\\ude00"]`, "body[0]", "half a character"},
		"half a character after a backslash":     {`["\\\ude00"]`, "body[0]", "half a character"},
		"half a character beside U+FFFD":         {`["\ufffd` + "\ufffd" + `\ud83d"]`, "body[0]", "half a character"},
		"half a character in a name":             {`{"a": {"\ud83d": 1}}`, "body.a.\ufffd", "half a character"},
		"two names of half a character":          {`{"\ud83d": 1, "\ud83e": 1}`, "body.\ufffd", "half a character"},
		"no UTF-8":                               {"[\"\xc3\"]", "body[0]", "UTF-8"},
		"no UTF-8 in a name":                     {"{\"a\xff\": 1}", "body.a\ufffd", "UTF-8"},
		"no UTF-8 between values":                {"[1\xff]", "body[1]", "is not valid JSON"},
		"a second value":                         {`{"a": 1}{"a": 1}`, "body", "something follows"},
		"a bracket too many":                     {`{"a": 1}}`, "body", "something follows"},
		"a number with a leading zero":           {`{"a": 01}`, "body", "is not valid JSON"},
		"a number with a plus":                   {`{"a": +1}`, "body.a", "is not valid JSON"},
		"a number without an integer part":       {`{"a": .5}`, "body.a", "is not valid JSON"},
		"not a number":                           {`{"a": [NaN]}`, "body.a[0]", "is not valid JSON"},
		"a trailing comma":                       {`{"a": 1,}`, "body", "is not valid JSON"},
		"a trailing comma in an array":           {`[1,]`, "body[1]", "is not valid JSON"},
		"a name without quotes":                  {`{a: 1}`, "body", "is not valid JSON"},
		"a comment":                              {"// settings\n{}", "body", "is not valid JSON"},
		"a byte order mark":                      {"\ufeff{}", "body", "is not valid JSON"},
		"cut short":                              {`{"a": {"b": tr`, "body.a.b", "ends early, at byte 14"},
		"nothing":                                {"", "body", "ends early, at byte 0"},
		"spaces":                                 {" \n", "body", "ends early"},
		"objects too deep":                       {deep(`{"a":`, "}", 33), "body" + strings.Repeat(".a", 33), "deeper than 32"},
		"arrays too deep":                        {deep("[", "]", 20_000), "body" + strings.Repeat("[0]", 33), "deeper than 32"},
	} {
		_, err := Parse("body", []byte(tc.doc))
		var field *FieldError
		if !errors.As(err, &field) || field.Path != tc.path || !strings.Contains(field.Problem, tc.problem) {
			t.Errorf("%s: %.60s: %v, want %s: … %s …", name, tc.doc, err, tc.path, tc.problem)
		}
	}
	for _, doc := range []string{
		`{"a": 1, "A": 2}`, `["\ud83d\ude00", "\\ud83d", "\\\\", "\u00e9"]`, `"\n"`, `null`, ` [1e400] `, `{"a": {"b": 1}, "c": {"b": 1}}`,
		`["\ufffd", "\\\ufffd\\ud83d", "\ufffd\ud83d\ude00"]`, "[\"\ufffd\"]", `[-0, 1E+2, 99999999999999999999]`, deep("[", "]", 32),
	} {
		if _, err := Parse("body", []byte(doc)); err != nil {
			t.Errorf("%s: %v, want it accepted", doc, err)
		}
	}
}

// What Parse accepts says one thing, and encoding/json agrees about it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, -1.5e3, true, null, "x\u00e9\ud83d\ude00"], "b": {"": {}}}`, `{"a": 1, "a": 2}`, `["\ud800"]`, `["\ufffd\ud800"]`, `[[[[`, "[\"\xff\"]",
		`{"a\u0000": 1}`, ` 1 `, `1 2`, `"\\ud83d"`, `[1,]`, `{"a"`, "\ufeff1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse("body", data)
		if err != nil {
			var field *FieldError
			if !errors.As(err, &field) || !strings.HasPrefix(field.Path, "body") || field.Problem == "" {
				t.Fatalf("%q: %#v is not a complaint about a member", data, err)
			}
			return
		}
		var want any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(&want); err != nil || !json.Valid(data) {
			t.Fatalf("accepted %q: %v", data, err)
		}
		if got := rebuilt(t, v); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(v.Any(), want) {
			t.Fatalf("%q is read as %v and %v, want %v", data, got, v.Any(), want)
		}
	})
}

// rebuilt decodes a value member by member.
func rebuilt(t *testing.T, v Value) any {
	switch v.Kind() {
	case Null:
		return nil
	case Boolean:
		return v.True()
	case Number:
		return json.Number(v.Text())
	case String:
		return v.Text()
	case Array:
		items := []any{}
		for item := range v.Items() {
			items = append(items, rebuilt(t, item))
		}
		return items
	}
	members := map[string]any{}
	for m := range v.Members() {
		if _, twice := members[m.Name]; twice {
			t.Fatalf("%s has two members %q", v.Raw(), m.Name)
		}
		members[m.Name] = rebuilt(t, m.Value)
	}
	return members
}
