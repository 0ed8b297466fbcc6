package mail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scripted fails as often as told, and then sends.
type scripted struct {
	mu   sync.Mutex
	errs []error
	sent []string
	at   []time.Time
}

func (*scripted) Kind() string { return "smtp" }

func (s *scripted) Send(_ context.Context, m Message) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return "", err
	}
	s.sent = append(s.sent, m.Key)
	return "", nil
}

func job(key string) Job {
	return func(context.Context) (Message, bool, error) { return Message{Key: key}, true, nil }
}

func TestAQueueTriesAgainWhatMayPass(t *testing.T) {
	t.Parallel()
	passing, final := Passing{errors.New("later")}, errors.New("never")
	for name, tc := range map[string]struct {
		errs     []error
		sent     int
		attempts int
		took     time.Duration
		logged   string
	}{
		"AtOnce":   {nil, 1, 1, 0, ""},
		"Twice":    {[]error{passing, passing}, 1, 3, 12 * time.Second, ""},
		"Never":    {[]error{final}, 0, 1, 0, "never"},
		"TooOften": {[]error{passing, passing, passing, passing}, 0, 4, 62 * time.Second, "later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				s := &scripted{errs: tc.errs}
				q := NewQueue(s, slog.New(slog.NewTextHandler(&log, nil)))
				ctx, stop := context.WithCancel(context.Background())
				done := make(chan struct{})
				go func() {
					defer close(done)
					q.Run(ctx)
				}()
				q.Post(job("a"))
				time.Sleep(2 * time.Minute) // of the test's own clock
				stop()
				<-done
				if len(s.sent) != tc.sent || len(s.at) != tc.attempts {
					t.Errorf("%d sent in %d attempts, want %d in %d", len(s.sent), len(s.at), tc.sent, tc.attempts)
				}
				if took := s.at[len(s.at)-1].Sub(s.at[0]); took != tc.took {
					t.Errorf("took %s, want %s", took, tc.took)
				}
				if tc.logged == "" != (log.Len() == 0) || !strings.Contains(log.String(), tc.logged) {
					t.Errorf("logged %q, want %q", log.String(), tc.logged)
				}
				time.Sleep(lastTime) // the queue's own timer
			})
		})
	}
}

func TestAQueueSendsWhatWaitsWhenItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		q := NewQueue(s, slog.New(slog.DiscardHandler))
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			q.Post(job(key))
		}
		q.Post(func(context.Context) (Message, bool, error) { return Message{Key: "no"}, false, nil })
		q.Post(func(context.Context) (Message, bool, error) { return Message{Key: "no"}, true, errors.New("hush") })
		ctx, stop := context.WithCancel(context.Background())
		stop()
		q.Run(ctx)
		if len(s.sent) != 6 {
			t.Errorf("sent %q, want six", s.sent)
		}
		time.Sleep(lastTime)
	})
}

// A server that does not answer delays the end by a moment only.
func TestAQueueDoesNotDelayTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(hanging{}, slog.New(slog.DiscardHandler))
		q.Post(job("a"))
		ctx, stop := context.WithCancel(context.Background())
		stop()
		began := time.Now()
		q.Run(ctx)
		if took := time.Since(began); took > lastTime {
			t.Errorf("took %s", took)
		}
	})
}

type hanging struct{}

func (hanging) Kind() string { return "smtp" }

func (hanging) Send(ctx context.Context, _ Message) (string, error) {
	<-ctx.Done()
	return "", Passing{ctx.Err()}
}

// The log has a link only where no mail is sent, and only outside production.
func TestLinksAreInTheLogOfDevelopersOnly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if _, err := (Log{l}).Send(t.Context(), signIn()); err != nil || !strings.Contains(log.String(), "/login#t=TOKEN") {
		t.Errorf("%v, log %s", err, log.String())
	}
	log.Reset()
	if _, err := (None{l}).Send(t.Context(), signIn()); err != nil || strings.Contains(log.String(), "TOKEN") || strings.Contains(log.String(), "418") ||
		!strings.Contains(log.String(), "login-link") {
		t.Errorf("%v, log %s", err, log.String())
	}
}
