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

// maxBody bounds the bodies of all calls but the one for many identities, in bytes.
const maxBody = 1 << 20

// body is a request's body as it was sent. T is what describes it in the OpenAPI document; nothing is ever decoded
// into a T, because package document reads more strictly.
type body[T any] struct{ data []byte }

// Schema implements huma.SchemaProvider.
func (body[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// keep takes a copy of the body, whose bytes are huma's to use again.
func (b *body[T]) keep(data []byte) { b.data = bytes.Clone(data) }

// unmarshal is what huma calls to decode a body: it is kept, and decoded by who knows its fields.
func unmarshal(data []byte, into any) error {
	into.(interface{ keep([]byte) }).keep(data)
	return nil
}

// stored is an answer of type T as it was marshalled once, so that a repetition gets the very same.
type stored[T any] struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (stored[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// readBody sets what a body's members stand for. The error is fieldProblems: everything that is wrong.
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

// readObject sets what the members of an object stand for, and returns what is wrong with them. at is its location.
func readObject(at string, v document.Value, fields document.Fields) (ps fieldProblems) {
	for err := range fields.SetEach(at, v) {
		if ps = append(ps, fieldProblem{err.Path, err.Problem}); len(ps) >= maxProblems {
			break
		}
	}
	return ps
}

// text sets a string of at most most bytes.
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

// optional leaves as it is what is null.
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

// maxCount is the largest number of requests, tokens or micro-USD that a limit takes, and so a gift.
const maxCount = 1e15
