package api

import (
	"fmt"
	"testing"
	"time"
)

func TestAThrottleGivesItsBurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	th := newThrottle(time.Second, 3)
	at := noon
	for i, tc := range []struct{ after, wait time.Duration }{
		{0, 0}, {0, 0}, {0, 0}, {0, time.Second}, {400 * time.Millisecond, 600 * time.Millisecond}, {600 * time.Millisecond, 0},
		{0, time.Second}, {time.Hour, 0}, {0, 0}, {0, 0}, {0, time.Second},
	} {
		at = at.Add(tc.after)
		if got := th.take("a", at); got != tc.wait {
			t.Errorf("call %d: wait %s, want %s", i, got, tc.wait)
		}
	}
	if got := th.take("b", at); got != 0 {
		t.Errorf("another subject waits %s", got)
	}
}

func TestAThrottleForgetsWhoHasItsWholeBurst(t *testing.T) {
	t.Parallel()
	th := newThrottle(time.Second, 3)
	for i := range 3 * maxSubjects {
		th.take(fmt.Sprint(i), noon.Add(time.Duration(i)*time.Millisecond))
	}
	if n := len(th.whole); n > maxSubjects {
		t.Errorf("%d subjects are kept, want at most %d", n, maxSubjects)
	}
}
