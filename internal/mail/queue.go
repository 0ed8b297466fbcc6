package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Job writes a mail, or decides that none is to be sent. It runs after the call that posted it was answered, so that the
// answer cannot show what it finds.
type Job func(ctx context.Context) (m Message, send bool, err error)

const (
	waiting   = 1000 // jobs that may wait
	senders   = 4    // mails under way at once, so that a slow server delays few
	attempts  = 4    // of one mail
	lastTime  = 1500 * time.Millisecond
	firstWait = 2 * time.Second // before the second attempt; each later wait is five times as long
)

// Queue sends mails in the background.
type Queue struct {
	sender Sender
	log    *slog.Logger
	jobs   chan Job
}

// NewQueue returns a queue that sends nothing until [Queue.Run] runs.
func NewQueue(s Sender, log *slog.Logger) *Queue {
	return &Queue{sender: s, log: log, jobs: make(chan Job, waiting)}
}

// Kind is how the queue sends.
func (q *Queue) Kind() string { return q.sender.Kind() }

// Post adds a job. It reports false if too many wait.
func (q *Queue) Post(j Job) bool {
	select {
	case q.jobs <- j:
		return true
	default:
		return false
	}
}

// Run sends until ctx ends, and then has a moment for what still waits.
func (q *Queue) Run(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(lastTime, cancel) })
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for j := q.next(ctx); j != nil; j = q.next(ctx) {
				q.do(sending, j)
			}
		})
	}
	all.Wait()
}

// next waits for a job. After the end of ctx it returns those that wait, and then nil.
func (q *Queue) next(ctx context.Context) Job {
	select {
	case j := <-q.jobs:
		return j
	default:
	}
	select {
	case j := <-q.jobs:
		return j
	case <-ctx.Done():
		return nil
	}
}

func (q *Queue) do(ctx context.Context, j Job) {
	m, send, err := j(ctx)
	if err != nil {
		q.log.Error("mail not written", "error", err)
		return
	}
	if !send {
		return
	}
	for attempt, wait := 1, firstWait; ; attempt, wait = attempt+1, 5*wait {
		answer, err := q.sender.Send(ctx, m)
		if err == nil {
			q.log.Debug("mail sent", "mail", m.Key, "answer", answer)
			return
		}
		var passing Passing
		if !errors.As(err, &passing) || attempt == attempts || ctx.Err() != nil {
			q.log.Error("mail not sent", "mail", m.Key, "attempts", attempt, "error", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
