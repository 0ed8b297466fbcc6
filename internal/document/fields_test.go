package document

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestFieldsNameEveryMemberAtFault(t *testing.T) {
	t.Parallel()
	var on bool
	fields := Fields{
		"on":    Toggle(&on, true),
		"whole": func(string, Value) error { return errors.New("is wrong") },
		"part":  func(path string, _ Value) error { return Errorf(Index(path, 1), "is wrong") },
	}
	for doc, want := range map[string][]string{
		`{}`:                                   nil,
		`{"on": null}`:                         nil,
		`[]`:                                   {"body: must be an object, not an array"},
		`{"whole": 1, "part": 1, "on": "yes"}`: {"body.whole: is wrong", "body.part[1]: is wrong", `body.on: must be true or false, not "yes"`},
		`{"ON": true}`:                         {"body.ON: is not known; letter case matters: on"},
		`{" on": true, "x": 1}`:                {`body." on": is not known; known here are on, part, whole`, "body.x: is not known; known here are on, part, whole"},
	} {
		v, err := Parse("body", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for err := range fields.SetEach("body", v) {
			got = append(got, err.Error())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
		first := ""
		if err := fields.Set("body", v); err != nil {
			first = err.Error()
		}
		if first != strings.Join(want[:min(1, len(want))], "") {
			t.Errorf("%s: the first error is %q, want %q", doc, first, want)
		}
	}
	if !on {
		t.Error("null did not set the default")
	}
}

func TestUnknownMembersOfAStoredDocumentArePassedOver(t *testing.T) {
	t.Parallel()
	v, err := Parse("", []byte(`{"new": 1, "known": {"new": 2, "on": true}, "list": [{"new": 3}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var on, other bool
	fields := Fields{
		"known": Fields{"on": Toggle(&on, false)}.Set,
		"list": func(path string, v Value) error {
			return Fields{"on": Toggle(&other, false)}.Set(Index(path, 0), slices.Collect(v.Items())[0])
		},
	}
	if err := fields.Set("", v.AllowUnknown()); err != nil || !on {
		t.Errorf("error %v, on %v; want nil and true", err, on)
	}
	if err := fields.Set("", v); err == nil || err.Error() != "new: is not known; known here are known, list" {
		t.Errorf("without AllowUnknown: %v", err)
	}
}
