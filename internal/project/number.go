package project

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
)

const (
	maxCount  = 1e15 // requests, tokens, micro-USD: above any real limit, and sums of many still fit an int64
	maxBurst  = 1e9  // requests a minute or at once
	microsUSD = 6    // decimals of a USD that are kept
)

// USD is an amount in integer micro-USD. In JSON it is a decimal number of USD; limit.Unlimited is -1.
type USD int64

// String returns the exact decimal number of USD.
func (u USD) String() string {
	s := fmt.Sprintf("%d.%06d", int64(u)/1e6, int64(u)%1e6)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON writes the exact decimal number of USD.
func (u USD) MarshalJSON() ([]byte, error) {
	if u == limit.Unlimited {
		return []byte("-1"), nil
	}
	if u < 0 {
		return nil, fmt.Errorf("project: %d micro-USD is negative", int64(u))
	}
	return []byte(u.String()), nil
}

// UnmarshalJSON reads an exact amount in any spelling.
func (u *USD) UnmarshalJSON(data []byte) error {
	n, err := amount(string(data), microsUSD)
	if err == nil {
		*u = USD(n)
	}
	return err
}

// number sets what read makes of a number; null inherits.
func number[T any](into **T, read func(path string, v document.Value) (T, error)) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = nil
			return nil
		}
		if v.Kind() != document.Number {
			return document.Errorf(path, "must be a number or null, not %s", v.Describe())
		}
		n, err := read(path, v)
		if err != nil {
			return err
		}
		*into = &n
		return nil
	}
}

// count sets a whole number from 0 to most, or -1; null inherits.
func count(into **int64, most int64) document.Setter {
	return number(into, func(path string, v document.Value) (int64, error) {
		n, err := amount(v.Text(), 0)
		if err != nil || n > most {
			return 0, document.Errorf(path, "must be a whole number from 0 to %d, or -1 for unlimited, not %s", most, v.Describe())
		}
		return n, nil
	})
}

// dollars sets an amount of at most six decimals, or -1; null inherits.
func dollars(into **USD) document.Setter {
	return number(into, func(path string, v document.Value) (USD, error) {
		n, err := amount(v.Text(), microsUSD)
		if errors.Is(err, errInexact) {
			return 0, document.Errorf(path, "has more than %d decimals: %s", microsUSD, v.Describe())
		}
		if err != nil {
			return 0, document.Errorf(path, "must be USD from 0 to %d, or -1 for unlimited, not %s", int64(maxCount/1e6), v.Describe())
		}
		return USD(n), nil
	})
}

// rate sets a price from 0 on. Prices are floating-point in package price, which rounds each to the nearest pico-USD.
func rate(into **float64) document.Setter {
	return number(into, func(path string, v document.Value) (float64, error) {
		usd, err := strconv.ParseFloat(v.Text(), 64)
		if err != nil || usd < 0 {
			return 0, document.Errorf(path, "must be USD from 0, not %s", v.Describe())
		}
		return usd, nil
	})
}

var (
	errInexact = errors.New("more decimals than can be kept")
	errRange   = errors.New("out of range")
)

// amount returns the JSON number s times ten to the power of scale, exactly, without floating point. -1 in any
// spelling is limit.Unlimited whatever the scale; everything else is from 0 to maxCount.
func amount(s string, scale int) (int64, error) {
	digits, negative := strings.CutPrefix(s, "-")
	mantissa, exponent := digits, 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		e, err := strconv.Atoi(digits[i+1:])
		if err != nil || e > 1000 || e < -1000 {
			return 0, errRange
		}
		mantissa, exponent = digits[:i], e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	exponent -= len(fraction)
	if trimmed := strings.TrimRight(digits, "0"); trimmed != digits {
		exponent += len(digits) - len(trimmed)
		digits = trimmed
	}
	switch {
	case digits == "":
		return 0, nil
	case negative && digits == "1" && exponent == 0:
		return limit.Unlimited, nil
	case negative:
		return 0, errRange
	}
	exponent += scale
	if exponent < 0 {
		return 0, errInexact
	}
	const most = 16 // digits of maxCount
	if len(digits)+exponent > most {
		return 0, errRange
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", exponent), 10, 64)
	if err != nil || n > maxCount {
		return 0, errRange
	}
	return n, nil
}
