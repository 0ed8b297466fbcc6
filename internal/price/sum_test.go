package price_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"pgregory.net/rapid"
)

// Two models that answer in turn cost no more than Plus says, and one of two models no more than Dearest says.
func TestCombinedPricesAreNeverBelowTheirParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, q, u := anyPrice().Draw(t, "p"), anyPrice().Draw(t, "q"), usage().Draw(t, "usage")
		a, b := p.Cost(u), q.Cost(u)
		both := a + b
		if a > math.MaxInt64-b {
			both = math.MaxInt64
		}
		if got := p.Plus(q).Cost(u); got < both-1 { // each is rounded up, the sum once
			t.Fatalf("the sum costs %d, its parts %d and %d", got, a, b)
		}
		if got := p.Dearest(q).Cost(u); got < max(a, b) {
			t.Fatalf("the dearer costs %d, the two %d and %d", got, a, b)
		}
	})
}

// A combined price covers every field of Price, future fields included.
func TestCombinedPricesLeaveNothingOut(t *testing.T) {
	t.Parallel()
	ones := func() price.Price {
		var p price.Price
		fill(reflect.ValueOf(&p).Elem(), 1)
		return p
	}
	p := ones()
	for name, got := range map[string]price.Price{"Plus": p.Plus(ones()), "Dearest": p.Dearest(ones())} {
		check(t, name, reflect.ValueOf(got))
	}
}

func fill(v reflect.Value, n int64) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			fill(f, n)
		case reflect.Array:
			for j := range f.Len() {
				f.Index(j).SetInt(n)
			}
		case reflect.Int64:
			f.SetInt(n)
		}
	}
}

func check(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			check(t, name, f)
		case reflect.Int64:
			if f.Int() == 0 {
				t.Errorf("%s leaves out %s", name, v.Type().Field(i).Name)
			}
		case reflect.Array:
			for j := range f.Len() {
				if f.Index(j).Int() == 0 {
					t.Errorf("%s leaves out %s[%d]", name, v.Type().Field(i).Name, j)
				}
			}
		}
	}
}
