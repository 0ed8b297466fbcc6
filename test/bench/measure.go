package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// series is one figure of a target, a value a round.
type series []float64

// median is 0 where nothing was measured.
func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// quantile is 0 where nothing was measured.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[int(q*float64(len(s)-1))]
}

// over returns the ratio to another series of each round.
func (s series) over(other series) series {
	var ratios series
	for i := range min(len(s), len(other)) {
		if other[i] > 0 {
			ratios = append(ratios, s[i]/other[i])
		}
	}
	return ratios
}

// quantiles are latencies in ns.
type quantiles struct{ p50, p99 series }

func (q *quantiles) add(s *sample) {
	q.p50, q.p99 = append(q.p50, s.quantile(0.50)), append(q.p99, s.quantile(0.99))
}

// figures are what was measured of one target.
type figures struct {
	rate, cpu, steadyCPU   series // requests/s and, of CPU time, ns a request
	alone, steady, streams quantiles
}

// measurement is one thing that is measured of all targets in turn.
type measurement struct {
	name  string
	share float64 // of the time that a target gets
	take  func(ctx context.Context, t *target, f *figures, d time.Duration) error
}

var measurements = []measurement{
	{"throughput", 1, func(ctx context.Context, t *target, f *figures, d time.Duration) error {
		s, err := closedLoop(ctx, t, t.chat, busyConnections, d)
		f.rate, f.cpu = append(f.rate, s.rate()), append(f.cpu, s.cpuPerRequest())
		return err
	}},
	{"latency", 0.8, func(ctx context.Context, t *target, f *figures, d time.Duration) error {
		s, err := closedLoop(ctx, t, t.chat, 1, d)
		f.alone.add(&s)
		return err
	}},
	{"steady", 1.5, func(ctx context.Context, t *target, f *figures, d time.Duration) error {
		s, err := openLoop(ctx, t, t.chat, steadyRate, d)
		f.steady.add(&s)
		f.steadyCPU = append(f.steadyCPU, s.cpuPerRequest())
		return err
	}},
	{"streams", 0.4, func(ctx context.Context, t *target, f *figures, d time.Duration) error {
		s, err := closedLoop(ctx, t, t.stream, 1, d)
		f.streams.add(&s)
		return err
	}},
}

func measurementNames() string {
	names := make([]string, len(measurements))
	for i, m := range measurements {
		names[i] = m.name
	}
	return strings.Join(append(names, "refusals", "guard", readsName), ", ")
}

// measure takes every measurement of every target, turn by turn. The order of the turns is
// random: a target that comes right after itself is faster than one that comes after others.
func (b *bench) measure(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2)) // the same order in each run
	for _, m := range measurements {
		if b.only != "" && b.only != m.name {
			continue
		}
		progress(m.name)
		before := processorsNow()
		for range b.rounds {
			targets := b.targets()
			random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
			for _, t := range targets {
				if err := m.take(ctx, t, b.figures[t], b.slice(m.share)); err != nil {
					return err
				}
				t.emptyLog()
			}
		}
		b.noteStolen(m.name, before)
	}
	for _, g := range b.gateways {
		g.memory.end = g.process.memory()
	}
	if b.only == "" || b.only == "refusals" {
		if err := b.measureRefusals(ctx); err != nil {
			return err
		}
	}
	if b.only == "" || b.only == "guard" {
		return b.measureGuard(ctx)
	}
	return nil
}

// measureGuard compares the gateway with and without the guard.
func (b *bench) measureGuard(ctx context.Context) error {
	progress("guard")
	for range b.rounds {
		for _, g := range b.gateways[0].guarded {
			s, err := closedLoop(ctx, g, g.chat, busyConnections, b.slice(0.4))
			if err != nil {
				return err
			}
			f := b.figures[g]
			f.rate, f.cpu = append(f.rate, s.rate()), append(f.cpu, s.cpuPerRequest())
			b.gateways[0].emptyLog()
		}
	}
	return nil
}

// measureRefusals compares what a gateway refuses with what it admits.
func (b *bench) measureRefusals(ctx context.Context) error {
	progress("refusals")
	g := b.gateways[0]
	for range b.rounds {
		s, err := closedLoop(ctx, g.full, g.full.chat, busyConnections, b.slice(0.4))
		if err != nil {
			return err
		}
		f := b.figures[g.full]
		f.rate, f.cpu = append(f.rate, s.rate()), append(f.cpu, s.cpuPerRequest())
		g.emptyLog()
	}
	return nil
}

func (b *bench) slice(share float64) time.Duration {
	return time.Duration(b.seconds * share / float64(b.rounds) * float64(time.Second))
}
