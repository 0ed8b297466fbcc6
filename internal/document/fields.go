package document

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError is a problem of one member of a document.
type FieldError struct {
	Path    string // tiers.pro.modelLimits.gpt-4o.requestLimit; "" for the document itself
	Problem string // a phrase with the fault and the correct form: "must be …, not …"
}

func (e *FieldError) Error() string {
	if e.Path == "" {
		return "the document " + e.Problem
	}
	return e.Path + ": " + e.Problem
}

// Errorf returns a *FieldError.
func Errorf(path, format string, args ...any) error {
	return &FieldError{Path: path, Problem: fmt.Sprintf(format, args...)}
}

// Setter stores a value of the document. Its error is the problem of the value: "must be …". A *FieldError may name a part of
// the value.
type Setter func(path string, v Value) error

// Fields are the members that an object may have.
type Fields map[string]Setter

// Set applies an object's members in their order, up to the first error, which is a *FieldError. Only the fields that the
// object names change.
func (fs Fields) Set(path string, v Value) error {
	for err := range fs.SetEach(path, v) {
		return err
	}
	return nil
}

// SetEach is Set, but goes on after an error.
func (fs Fields) SetEach(path string, v Value) iter.Seq[*FieldError] {
	return func(yield func(*FieldError) bool) {
		if v.Kind() != Object {
			yield(&FieldError{path, "must be an object, not " + v.Describe()})
			return
		}
		for m := range v.Members() {
			at, set := Join(path, m.Name), fs[m.Name]
			var err error
			switch {
			case set != nil:
				err = set(at, m.Value)
			case !v.lenient:
				err = fs.Unknown(m.Name)
			}
			if err == nil {
				continue
			}
			field := &FieldError{at, err.Error()}
			errors.As(err, &field)
			if !yield(field) {
				return
			}
		}
	}
}

// Unknown returns the problem of a member that an object may not have.
func (fs Fields) Unknown(name string) error {
	names := slices.Sorted(maps.Keys(fs))
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return errors.New("is not known; letter case matters: " + known)
		}
	}
	return errors.New("is not known; known here are " + strings.Join(names, ", "))
}

// Toggle sets a boolean; null is its default.
func Toggle(into *bool, byDefault bool) Setter {
	return func(_ string, v Value) error {
		switch v.Kind() {
		case Null:
			*into = byDefault
		case Boolean:
			*into = v.True()
		default:
			return fmt.Errorf("must be true or false, not %s", v.Describe())
		}
		return nil
	}
}

// Join appends a member's name to a path, fit to be shown.
func Join(path, name string) string {
	const most = 100
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	if name == "" || !Printable(name) || strings.TrimSpace(name) != name {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// Index appends an array's index to a path.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Printable reports whether s is UTF-8 of characters that can be seen, and spaces.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
