package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what one slice of time has measured of one target.
type sample struct {
	took      time.Duration
	cpu       time.Duration   // of the target's process
	latencies []time.Duration // sorted
}

func (s *sample) rate() float64 { return float64(len(s.latencies)) / s.took.Seconds() }

func (s *sample) cpuPerRequest() float64 {
	return float64(s.cpu) / float64(max(1, len(s.latencies)))
}

// quantile returns the latency in ns that a part q of the requests did not exceed.
func (s *sample) quantile(q float64) float64 {
	n := len(s.latencies)
	if n == 0 {
		return 0
	}
	return float64(s.latencies[min(n-1, int(q*float64(n)))])
}

// closedLoop keeps n connections busy for a time: each sends its next request when it has
// the answer to the last one. A latency is the time to the first event of a stream, or to
// the end of another answer.
func closedLoop(ctx context.Context, t *target, req *request, n int, d time.Duration) (sample, error) {
	return measure(t, d, func(end time.Time) ([]time.Duration, error) {
		return each(n, func(int) ([]time.Duration, error) {
			c, err := dial(t.addr, req)
			if err != nil {
				return nil, err
			}
			defer c.Close() //nolint:errcheck // everything expected was read
			latencies := make([]time.Duration, 0, 1<<14)
			for start := time.Now(); start.Before(end) && ctx.Err() == nil; start = time.Now() {
				if err := c.send(t.next()); err != nil {
					return nil, err
				}
				got, err := c.receive()
				if err != nil {
					return nil, err
				}
				latencies = append(latencies, got.Sub(start))
			}
			return latencies, ctx.Err()
		})
	})
}

// steadyConnections carry the open loop; a rate that they cannot carry shows as latency.
const steadyConnections = 32

// openLoop sends at a steady rate whatever the answers do. A latency counts from the time
// at which the request was due, so that every request which a stall delays feels it.
func openLoop(ctx context.Context, t *target, req *request, perSecond int, d time.Duration) (sample, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	conns := make([]*conn, steadyConnections)
	idle := make(chan *conn, steadyConnections)
	for i := range conns {
		c, err := dial(t.addr, req)
		if err != nil {
			return sample{}, err
		}
		defer c.Close() //nolint:errcheck // everything expected was read
		context.AfterFunc(ctx, func() { _ = c.Close() })
		conns[i] = c
		idle <- c
	}
	return measure(t, d, func(end time.Time) ([]time.Duration, error) {
		go func() { fail(sendSteadily(ctx, t, idle, perSecond, end)) }()
		latencies, _ := each(steadyConnections, func(i int) (latencies []time.Duration, _ error) {
			for c := conns[i]; ; idle <- c {
				got, err := c.receive()
				if err != nil {
					if c.due.Load() != hungUp {
						fail(err)
					}
					return latencies, nil
				}
				latencies = append(latencies, got.Sub(epoch)-time.Duration(c.due.Load()))
			}
		})
		<-ctx.Done()
		if err := context.Cause(ctx); !errors.Is(err, errDone) {
			return nil, err
		}
		return latencies, nil
	})
}

// hungUp is the due of a connection that is at its end.
const hungUp = -1

// epoch is what due counts from.
var epoch = time.Now()

// errDone says that the open loop came to its end.
var errDone = errors.New("done")

// sendSteadily sends what is due until the end, and hangs up each connection once it has
// its answer.
func sendSteadily(ctx context.Context, t *target, idle chan *conn, perSecond int, end time.Time) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for at := time.Now(); at.Before(end); at = at.Add(time.Second / time.Duration(perSecond)) {
		sleepUntil(at)
		select {
		case c := <-idle:
			c.due.Store(int64(at.Sub(epoch)))
			if err := c.send(t.next()); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for range steadyConnections {
		select {
		case c := <-idle:
			c.due.Store(hungUp)
			_ = c.Close()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errDone
}

// sendEach sends one request of each of the target's identities.
func sendEach(ctx context.Context, t *target, req *request) error {
	var sent atomic.Int64
	_, err := each(min(t.identities, 32), func(int) ([]time.Duration, error) {
		c, err := dial(t.addr, req)
		if err != nil {
			return nil, err
		}
		defer c.Close() //nolint:errcheck // everything expected was read
		for sent.Add(1) <= int64(t.identities) && ctx.Err() == nil {
			if err := c.send(t.next()); err != nil {
				return nil, err
			}
			if _, err := c.receive(); err != nil {
				return nil, err
			}
		}
		return nil, ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// measure runs a load until the end that it is given, and takes the target's CPU time.
func measure(t *target, d time.Duration, load func(end time.Time) ([]time.Duration, error)) (s sample, err error) {
	cpu, start := t.process.cpu(), time.Now()
	if s.latencies, err = load(start.Add(d)); err != nil {
		return s, fmt.Errorf("%s: %w", t.name, err)
	}
	s.took, s.cpu = time.Since(start), t.process.cpu()-cpu
	slices.Sort(s.latencies)
	return s, nil
}

// each runs n loads at once and joins what they measured. Of several errors it returns one.
func each(n int, load func(i int) ([]time.Duration, error)) ([]time.Duration, error) {
	all, errs := make([][]time.Duration, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i], errs[i] = load(i) })
	}
	wg.Wait()
	return slices.Concat(all...), cmp.Or(errs...)
}
