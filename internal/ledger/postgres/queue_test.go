package postgres

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A call that comes while a batch is at the database never waits longer for it than
// maxGatherTime.
func TestNothingWaitsForABatchThatHangs(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, run := range map[string]func(q hanging){
		"a call": func(q hanging) {
			q.ask("a")
			q.wantTaken(0)
			time.Sleep(ms)
			q.ask("b")
			q.wantTaken(ms + maxGatherTime)
		},
		"a call after others that a lane has taken early, coming back": func(q hanging) {
			q.ask("a")
			first := q.wantTaken(0)
			q.ask("b")
			time.Sleep(ms)
			q.give(first, remainder{})
			q.wantTaken(ms)
			time.Sleep(ms / 2)
			q.ask("c")
			q.wantTaken(ms + ms/2 + maxGatherTime)
		},
		"more calls than one batch takes": func(q hanging) {
			q.ask("a")
			q.wantTaken(0)
			names := make([]string, maxCalls+1)
			for i := range names {
				names[i] = fmt.Sprint(i)
			}
			q.ask(names...)
			q.wantTaken(0)
			q.wantTaken(maxGatherTime)
		},
		"more calls on one account than one batch takes": func(q hanging) {
			q.ask(slices.Repeat([]string{"a"}, maxCalls+1)...)
			lines := q.wantTaken(0)
			if n := len(lines[0].calls); n != 1 {
				q.t.Errorf("%d calls are left, want 1", n)
			}
			q.give(lines, remainder{})
			q.wantTaken(0)
		},
		"the end of a request": func(q hanging) {
			q.end("a")
			time.Sleep(ms)
			q.end("b")
			q.wantLines(q.wantTaken(endsGatherTime), "a", "b")
			q.end("c")
			q.wantTaken(2 * endsGatherTime)
		},
		"the end of a request, before a call": func(q hanging) {
			q.end("a")
			time.Sleep(ms)
			q.ask("b")
			q.wantLines(q.wantTaken(ms), "a", "b")
			q.end("c")
			q.ask("d")
			q.wantLines(q.wantTaken(ms+maxGatherTime), "c", "d")
		},
		"the end of a request, before a call on its account": func(q hanging) {
			q.end("a")
			time.Sleep(ms)
			q.ask("a")
			q.wantTaken(ms)
		},
		"a call on an account that is given back": func(q hanging) {
			q.ask("a")
			lines := q.wantTaken(0)
			q.end("a")
			q.ask("a")
			q.give(lines, remainder{})
			q.wantTaken(0)
		},
		"a call at the end of a pause": func(q hanging) {
			q.ask("a")
			q.wantTaken(0)
			q.ask("b")
			q.give(q.wantTaken(maxGatherTime), remainder{unavailable: true})
			time.Sleep(minPause - ms)
			q.ask("c")
			q.wantTaken(maxGatherTime + minPause - ms + maxGatherTime)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := hanging{queue: newQueue(nil), t: t, began: time.Now(), taken: make(chan taken, 10)}
				go q.lanes()
				run(q)
				q.mu.Lock()
				clear(q.lines)
				q.mu.Unlock()
				defer q.close(t.Context())()
			})
		})
	}
}

// hanging is a queue whose batches do not return unless a test returns them.
type hanging struct {
	*queue
	t     *testing.T
	began time.Time
	taken chan taken
}

// taken is a batch and the time at which it was taken.
type taken struct {
	lines []*line
	after time.Duration
}

// lanes takes one batch after the other, like that many lanes.
func (q hanging) lanes() {
	for {
		lines, _ := q.take()
		if lines == nil {
			return
		}
		q.taken <- taken{lines, time.Since(q.began)}
	}
}

// ask adds calls that a caller waits for, all before a lane can take any.
func (q hanging) ask(names ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		c := &call{kind: readAccount, key: named(name)}
		c.expectAnswer()
		q.add(c)
	}
}

// end adds the end of a request.
func (q hanging) end(name string) { q.push(&call{kind: settle, key: named(name)}) }

func (q hanging) wantLines(lines []*line, names ...string) {
	q.t.Helper()
	var got []string
	for _, n := range lines {
		got = append(got, n.key.Identity)
	}
	if !slices.Equal(got, names) {
		q.t.Errorf("taken: %q, want %q", got, names)
	}
}

func (q hanging) wantTaken(after time.Duration) []*line {
	q.t.Helper()
	select {
	case got := <-q.taken:
		if got.after != after {
			q.t.Errorf("a batch was taken after %s, want %s", got.after, after)
		}
		return got.lines
	case <-time.After(time.Minute):
		q.t.Errorf("no batch was taken, want one after %s", after)
		return nil
	}
}
