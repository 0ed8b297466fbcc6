package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// throttle bounds how often each subject may do something, on this node: burst times at once, and then once in every.
// It is GCRA: a subject's whole state is the time at which its burst is there again.
type throttle struct {
	every time.Duration
	burst int

	mu    sync.Mutex
	whole map[string]time.Time
}

func newThrottle(every time.Duration, burst int) *throttle {
	return &throttle{every: every, burst: burst, whole: map[string]time.Time{}}
}

// maxSubjects is how many subjects are kept before those without a state are dropped.
const maxSubjects = 10_000

// take counts one time. If it is one too many, it is not counted, and take returns the wait until the next.
func (t *throttle) take(subject string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.whole) >= maxSubjects {
		for s, at := range t.whole {
			if !at.After(now) {
				delete(t.whole, s)
			}
		}
	}
	at := t.whole[subject]
	if at.Before(now) {
		at = now
	}
	next := at.Add(t.every)
	if wait := next.Sub(now) - time.Duration(t.burst)*t.every; wait > 0 {
		return wait
	}
	t.whole[subject] = next
	return 0
}

// refuse returns the problem of a call that is one too many, or nil.
func (t *throttle) refuse(subject string, now time.Time) error {
	if wait := t.take(subject, now); wait > 0 {
		return tooMany(wait)
	}
	return nil
}

func tooMany(wait time.Duration) *problem {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	return refuse(http.StatusTooManyRequests, "too_many_calls", "That was too often. Try again in %d s.", seconds).
		with("Retry-After", strconv.Itoa(seconds))
}
