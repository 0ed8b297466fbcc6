package wire

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A new dialect that lacks a part must fail here, instead of being read as OpenAI's.
func TestEveryDialectIsComplete(t *testing.T) {
	t.Parallel()
	mayBeEmpty := []string{"RequestIDHeader", "ownsCaller", "posts", "gets", "unread", "blobKind"}
	for i, s := range specs {
		d := Dialect(i)
		if s == nil {
			t.Fatalf("dialect %d has no Spec", i)
		}
		for field, v := range reflect.ValueOf(*s).Fields() {
			if v.Kind() != reflect.Bool && v.IsZero() && !slices.Contains(mayBeEmpty, field.Name) {
				t.Errorf("%v lacks %s", d, field.Name)
			}
		}
		if got, ok := ParseDialect(s.Name); !ok || got != d {
			t.Errorf("ParseDialect(%q) = %v, %t; want %v", s.Name, got, ok, d)
		}
		if s.place(0, root, []byte("tools")) == elsewhere {
			t.Errorf("%v does not read tools", d)
		}
		if (s.ownsCaller == nil) != (d == OpenAI) {
			t.Errorf("%v: only the default has no mark of its callers", d)
		}
		if got, want := slices.Sorted(maps.Keys(s.names)), slices.Sorted(maps.Keys(openAINames)); !slices.Equal(got, want) {
			t.Errorf("%v names the statuses %v, want %v", d, got, want)
		}
		for op, path := range s.Paths {
			if s.ModelInPath && !strings.Contains(path, "{model}") && !slices.Contains(slices.Collect(maps.Keys(openAI.Paths)), op) {
				t.Errorf("%v: %s does not name the model", d, path)
			}
		}
	}
	if got, ok := ParseDialect("nobody"); ok {
		t.Errorf("ParseDialect of an unknown name = %v", got)
	}
}

// Every endpoint is one dialect's, and some provider serves its operation.
func TestEveryEndpointBelongsToADialect(t *testing.T) {
	t.Parallel()
	fixed := 0
	for _, s := range specs {
		fixed += len(s.posts) + len(s.gets)
	}
	if got := len(posts) + len(gets); got != fixed {
		t.Errorf("%d paths of %d: two dialects have the same path", got, fixed)
	}
	for op := range Operation(NumOperations) {
		served := slices.ContainsFunc(specs[:], func(s *Spec) bool { return s.Paths[op] != "" })
		if own := (Endpoint{Operation: op}).Own(); served == own {
			t.Errorf("%v: served by a provider %t, by the gateway %t", op, served, own)
		}
	}
}
