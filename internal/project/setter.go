package project

import (
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
)

// maxDocument is the size of the largest document, in bytes, as it is sent and as it is stored. Nodes of earlier versions
// read no stored document that is larger.
const maxDocument = 1 << 20

// parse reads a document of a bounded size.
func parse(data []byte) (document.Value, error) {
	if len(data) > maxDocument {
		return document.Value{}, document.Errorf("", "is larger than %d bytes; make it smaller", maxDocument)
	}
	return document.Parse("", data)
}

// choice sets one of several names; null is the first.
func choice(into *string, names ...string) document.Setter {
	return func(path string, v document.Value) error {
		switch {
		case v.Kind() == document.Null:
			*into = names[0]
		case v.Kind() == document.String && slices.Contains(names, v.Text()):
			*into = v.Text()
		default:
			return document.Errorf(path, "must be one of %s, not %s", strings.Join(names, ", "), v.Describe())
		}
		return nil
	}
}

// emptyIsNull reads an empty array as null. It is for fields in which an empty list and no list mean the same.
func emptyIsNull(set document.Setter) document.Setter {
	return func(path string, v document.Value) error {
		if v.Empty() {
			v = document.Value{}
		}
		return set(path, v)
	}
}

// list reads an array of strings and passes each through check. No two results may be equal. Null is nil. An empty list is
// refused, because it could mean "all" as well as "none".
func list(into *[]string, check func(path, s string) (same string, err error)) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = nil
			return nil
		}
		if v.Kind() != document.Array {
			return document.Errorf(path, "must be an array of strings or null, not %s", v.Describe())
		}
		if v.Empty() {
			return document.Errorf(path, "is empty; null means all, or list at least one")
		}
		var out []string
		seen := make(map[string]string)
		for item := range v.Items() {
			at := document.Index(path, len(out))
			if item.Kind() != document.String {
				return document.Errorf(at, "must be a string, not %s", item.Describe())
			}
			name := item.Text()
			same, err := check(at, name)
			if err != nil {
				return err
			}
			if first, twice := seen[same]; twice {
				return document.Errorf(at, "is the same as %q", first)
			}
			seen[same], out = name, append(out, name)
		}
		*into = out
		return nil
	}
}

// listOrNone reads as list does, but accepts an empty list, which means "none".
func listOrNone(into *[]string, check func(path, s string) (same string, err error)) document.Setter {
	return func(path string, v document.Value) error {
		if v.Empty() {
			*into = []string{}
			return nil
		}
		return list(into, check)(path, v)
	}
}

// status sets one of several HTTP statuses; null is the first.
func status(into *int, statuses ...int) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = statuses[0]
			return nil
		}
		n := int64(-1)
		if v.Kind() == document.Number {
			n, _ = amount(v.Text(), 0)
		}
		if !slices.Contains(statuses, int(n)) {
			names := make([]string, len(statuses))
			for i, s := range statuses {
				names[i] = strconv.Itoa(s)
			}
			return document.Errorf(path, "must be one of %s, not %s", strings.Join(names, ", "), v.Describe())
		}
		*into = int(n)
		return nil
	}
}

// optional sets a string that check accepts; null is nil.
func optional(into **string, check func(path, s string) error) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = nil
			return nil
		}
		if v.Kind() != document.String {
			return document.Errorf(path, "must be a string or null, not %s", v.Describe())
		}
		s := v.Text()
		if err := check(path, s); err != nil {
			return err
		}
		*into = &s
		return nil
	}
}
