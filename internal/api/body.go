package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
)

// maxBody bounds the bodies of calls, in bytes. The bulk call and imports have a bound of their own.
const maxBody = 1 << 20

// body is a request's body as it was sent. T describes it in the OpenAPI document. Nothing is decoded into a T, because
// package document reads more strictly.
type body[T any] struct{ data []byte }

// Schema implements huma.SchemaProvider.
func (body[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// keep copies the body, because huma reuses its bytes.
func (b *body[T]) keep(data []byte) { b.data = bytes.Clone(data) }

// unmarshal is called by huma to decode a body. It only keeps the bytes; the operation decodes them.
func unmarshal(data []byte, into any) error {
	into.(interface{ keep([]byte) }).keep(data)
	return nil
}

// stored is an answer of type T, marshalled once, so that a repeated call gets the same bytes.
type stored[T any] struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (stored[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// readBody sets fields from the members of a body. The error is fieldProblems, with every problem.
func readBody(data []byte, fields document.Fields) error {
	v, err := parse(data)
	if err != nil {
		return err
	}
	if ps := readObject("body", v, fields); len(ps) > 0 {
		return ps
	}
	return nil
}

// parse checks a body. The error is fieldProblems.
func parse(data []byte) (document.Value, error) {
	v, err := document.Parse("body", data)
	var field *document.FieldError
	if errors.As(err, &field) {
		return v, fieldProblems{{field.Path, field.Problem}}
	}
	return v, err
}

// readObject sets fields from the members of an object, and returns their problems. at is the object's location.
func readObject(at string, v document.Value, fields document.Fields) (ps fieldProblems) {
	for err := range fields.SetEach(at, v) {
		if ps = append(ps, fieldProblem{err.Path, err.Problem}); len(ps) >= maxProblems {
			break
		}
	}
	return ps
}

// text sets a string of bounded length, in bytes.
func text(into *string, most int) document.Setter {
	return func(_ string, v document.Value) error {
		if v.Kind() != document.String {
			return fmt.Errorf("must be a string, not %s", v.Describe())
		}
		s := v.Text()
		if len(s) > most || !identity.Printable(s) {
			return fmt.Errorf("must be at most %d bytes of printable text", most)
		}
		*into = s
		return nil
	}
}

// optional ignores null, so that the field keeps its value.
func optional(set document.Setter) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			return nil
		}
		return set(path, v)
	}
}

// positive sets a whole number from 1 to maxCount. 1000000.0 is one: several languages write it so.
func positive(into *int64) document.Setter {
	return func(_ string, v document.Value) error {
		whole, fraction, _ := strings.Cut(string(v.Raw()), ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n < 1 || n > maxCount || strings.Trim(fraction, "0") != "" {
			return fmt.Errorf("must be a whole number from 1 to %d", int64(maxCount))
		}
		*into = n
		return nil
	}
}

// maxCount is the largest number of requests, tokens or micro-USD in a limit, and so in a gift.
const maxCount = 1e15
