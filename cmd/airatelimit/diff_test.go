package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferencesNameEachField(t *testing.T) {
	t.Parallel()
	got, err := differences(
		[]byte(`{"name":"A","tiers":{"pro":{"requestLimit":5,"x":null}},"models":["a"],"gone":{"a":1},"same":[1],"big":12345678901234567,"null":1}`),
		[]byte(`{"name":"B","tiers":{"pro":{"requestLimit":-1,"x":null},"free":{"x":null,"y":{"z":null}}},"models":["a","b"],"same":[1],"was":{"b":"<c>","n":null},"big":12345678901234568,"null":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`big: 12345678901234567 → 12345678901234568`,
		`gone: removed (was {"a":1})`,
		`models: ["a"] → ["a","b"]`,
		`name: "A" → "B"`,
		`null: 1 → null`,
		`tiers.free: {} (new)`,
		`tiers.pro.requestLimit: 5 → -1`,
		`was: {"b":"<c>"} (new)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got, err := differences([]byte(`{"a":{"b":1}}`), []byte(`{"a":{"b":1}}`)); err != nil || len(got) != 0 {
		t.Errorf("differences of the same = %v, %v", got, err)
	}
}
