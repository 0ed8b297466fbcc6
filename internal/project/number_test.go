package project

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// Decimal USD become integer micro-USD without floating point on the way.
func TestAmountsAreExact(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want int64
		err  error
	}{
		{"0", 0, nil},
		{"-0", 0, nil},
		{"0.0000000", 0, nil},
		{"0e999", 0, nil},
		{"0.1", 100_000, nil},
		{"0.3", 300_000, nil},
		{"1e-1", 100_000, nil},
		{"4.35", 4_350_000, nil}, // 4.35*1e6 is 4349999.999999999 in floating point
		{"1.000001", 1_000_001, nil},
		{"1.0000010000", 1_000_001, nil},
		{"1000000000", 1e15, nil},
		{"1e9", 1e15, nil},
		{"1000000000.000001", 0, errRange},
		{"1e10", 0, errRange},
		{"1e400", 0, errRange},
		{"1e99999999999999999999", 0, errRange},
		{"0.0000001", 0, errInexact},
		{"1e-7", 0, errInexact},
		{"-1", -1, nil},
		{"-1.00", -1, nil},
		{"-1.000001", 0, errRange},
		{"-0.000001", 0, errRange},
		{"-2", 0, errRange},
		{"-10", 0, errRange},
		{"9223372036854775807", 0, errRange},
	} {
		got, err := amount(tc.in, microsUSD)
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("amount(%s) = %d, %v; want %d, %v", tc.in, got, err, tc.want, tc.err)
		}
	}
}

func TestUSDReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	for micros, want := range map[USD]string{
		-1: "-1", 0: "0", 1: "0.000001", 100_000: "0.1", 1_000_000: "1", 10_000_000: "10", 1_234_567: "1.234567", 1e15: "1000000000",
	} {
		if got := mustMarshal(t, micros); got != want {
			t.Errorf("%d micro-USD are written %s; want %s", int64(micros), got, want)
		}
	}
	if _, err := json.Marshal(USD(-5)); err == nil {
		t.Error("a negative amount is written")
	}
	rapid.Check(t, func(t *rapid.T) {
		before := USD(rapid.Int64Range(-1, maxCount).Draw(t, "micros"))
		text, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		var after USD
		if err := json.Unmarshal(text, &after); err != nil || after != before {
			t.Fatalf("%d, written %s, is read as %d, %v", int64(before), text, int64(after), err)
		}
	})
}
