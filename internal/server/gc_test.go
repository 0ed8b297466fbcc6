package server

import "testing"

func TestGarbageHasItsHeadroomWhateverIsLive(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		live uint64
		want int
	}{
		{0, gcMaxPercent},
		{1 << 20, gcMaxPercent},
		{gcHeadroom, 100},
		{4 * gcHeadroom / 3, 75},
		{1 << 40, gcMinPercent},
	} {
		if got := gcPercent(tc.live); got != tc.want {
			t.Errorf("gcPercent(%d) = %d, want %d", tc.live, got, tc.want)
		}
	}
}
