package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// The targets, as ratios to the bare proxy but for the memory.
const (
	leastThroughput = 1.0
	mostAddedP50    = 1.3
	mostAddedP99    = 2.0
	mostMemory      = 64 << 20

	// With PostgreSQL on the same machine, which takes its part of the processors.
	leastThroughputPostgres = 0.5
	mostAddedPostgres       = 3 * time.Millisecond // at the median, 500 requests/s
)

// report prints the ratios first, with a mark where there is a target, then the figures
// that they were made from.
func (b *bench) report(w io.Writer) {
	fmt.Fprintf(w, "\nAI Ratelimit beside a bare httputil.ReverseProxy: %d CPUs, %s/%s, %s.\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(w, "Medians of %d rounds. Added is what comes on top of asking the upstream directly;\n"+
		"a dash was not measured, or is lost in the noise of a machine that does something else.\n%s\n", b.rounds, b.stolenLine())
	b.ratios(w)
	b.versions(w)
	fmt.Fprintln(w)
	b.absolute(w)
	fmt.Fprintln(w)
	b.memoryTable(w)
	b.refusals(w)
	b.guard(w)
}

// guard prints what the guard costs.
func (b *bench) guard(w io.Writer) {
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	for _, g := range b.gateways[0].guarded {
		if f := b.figures[g]; len(f.rate) > 0 {
			fmt.Fprintf(t, "%s\t%.0f requests/s\t%.0f µs of CPU each\t\n", g.name, f.rate.median(), f.cpu.median()/float64(time.Microsecond))
		}
	}
}

func (b *bench) ratios(w io.Writer) {
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	fmt.Fprint(t, "gateway / bare proxy\ttarget\t")
	for _, g := range b.gateways {
		fmt.Fprint(t, plural(g.identities)+"\t")
	}
	fmt.Fprintln(t)
	row := func(name, target string, value func(f *figures) string) {
		fmt.Fprint(t, name+"\t"+target+"\t")
		for _, g := range b.gateways {
			fmt.Fprint(t, value(b.figures[g])+"\t")
		}
		fmt.Fprintln(t)
	}
	proxy, direct := b.figures[b.proxy], b.figures[b.direct]
	added := func(name string, most float64, of func(f *figures) series) {
		target := "-"
		if most > 0 {
			target = fmt.Sprintf("at most %.1f", most)
		}
		row(name, target, func(f *figures) string {
			d := of(direct).median()
			return atMost(of(f).median()-d, of(proxy).median()-d, most)
		})
	}
	least, addedP50, addedP99 := leastThroughput, mostAddedP50, mostAddedP99
	if b.postgres {
		least, addedP50, addedP99 = leastThroughputPostgres, 0, 0
	}
	row("throughput, 64 connections", fmt.Sprintf("at least %.2f", least), func(f *figures) string {
		if proxy.rate.median() == 0 {
			return "-"
		}
		ratio := f.rate.median() / proxy.rate.median()
		return fmt.Sprintf("%.2f %s", ratio, mark(ratio >= least))
	})
	added("added p50, 1 connection", addedP50, func(f *figures) series { return f.alone.p50 })
	added("added p99, 1 connection", addedP99, func(f *figures) series { return f.alone.p99 })
	added("added p50, 500 requests/s", addedP50, func(f *figures) series { return f.steady.p50 })
	added("added p99, 500 requests/s", addedP99, func(f *figures) series { return f.steady.p99 })
	if b.postgres {
		row("added p50, 500 requests/s, ms", fmt.Sprintf("at most %.1f", mostAddedPostgres.Seconds()*1000), func(f *figures) string {
			if len(f.steady.p50) == 0 {
				return "-"
			}
			ms := (f.steady.p50.median() - direct.steady.p50.median()) / float64(time.Millisecond)
			return fmt.Sprintf("%.2f %s", ms, mark(ms <= mostAddedPostgres.Seconds()*1000))
		})
	}
	added("added to a stream's first event, p50", 0, func(f *figures) series { return f.streams.p50 })
	added("added to a stream's first event, p99", 0, func(f *figures) series { return f.streams.p99 })
	row("CPU a request, 64 connections", "-", func(f *figures) string { return atMost(f.cpu.median(), proxy.cpu.median(), 0) })
	row("CPU a request, 500 requests/s", "-", func(f *figures) string { return atMost(f.steadyCPU.median(), proxy.steadyCPU.median(), 0) })
	fmt.Fprint(t, "memory beyond the identities\tat most 64 MB\t")
	for _, g := range b.gateways {
		beyond := float64(g.memory.end) - b.need*float64(g.live())
		fmt.Fprintf(t, "%s %s\t", megabytes(beyond), mark(beyond <= mostMemory))
	}
	fmt.Fprintln(t)
}

// versions compares the gateway with the one of another version. Both were measured in
// each round, and the median of the rounds' ratios is steadier than the ratio of medians.
func (b *bench) versions(w io.Writer) {
	if b.other == nil {
		return
	}
	fmt.Fprintln(w, "\nThe gateway beside the one of -against, median of the rounds' ratios with their quartiles:")
	now, other := b.figures[b.gateways[0]], b.figures[b.other]
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	for _, row := range []struct {
		name       string
		now, other series
	}{
		{"throughput, 64 connections", now.rate, other.rate},
		{"CPU a request, 64 connections", now.cpu, other.cpu},
		{"p50, 1 connection", now.alone.p50, other.alone.p50},
		{"p50, 500 requests/s", now.steady.p50, other.steady.p50},
		{"CPU a request, 500 requests/s", now.steadyCPU, other.steadyCPU},
		{"a stream's first event, p50", now.streams.p50, other.streams.p50},
	} {
		if r := row.now.over(row.other); len(r) > 0 {
			fmt.Fprintf(t, "%s\t%.3f\t%.3f to %.3f\t\n", row.name, r.median(), r.quantile(0.25), r.quantile(0.75))
		}
	}
}

// atMost prints a ratio and whether it is within what is allowed, where that is not 0.
func atMost(value, to, most float64) string {
	switch {
	case value <= 0 || to <= 0:
		return "-" // not measured, or lost in the noise
	case most == 0:
		return fmt.Sprintf("%.2f", value/to)
	}
	return fmt.Sprintf("%.2f %s", value/to, mark(value/to <= most))
}

func mark(met bool) string {
	if met {
		return "PASS"
	}
	return "below target"
}

func (b *bench) absolute(w io.Writer) {
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	fmt.Fprintln(t, "µs\trequests/s\tCPU\tp50, alone\tp99\tp50, 500/s\tp99\tCPU, 500/s\tfirst event p50\tp99\t")
	for _, target := range b.targets() {
		f := b.figures[target]
		fmt.Fprintf(t, "%s\t%.0f\t", target.name, f.rate.median())
		for _, s := range []series{f.cpu, f.alone.p50, f.alone.p99, f.steady.p50, f.steady.p99, f.steadyCPU, f.streams.p50, f.streams.p99} {
			fmt.Fprintf(t, "%.0f\t", s.median()/float64(time.Microsecond))
		}
		fmt.Fprintln(t)
	}
}

func (b *bench) memoryTable(w io.Writer) {
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	fmt.Fprintln(t, "resident memory\tat the start\tonce all are live\tafter the load\tidentities need\tbeyond that\ta further identity\t")
	first := b.gateways[0]
	for _, g := range b.gateways {
		need, each := b.need*float64(g.live()), "-"
		if more := g.live() - first.live(); more > 0 {
			each = fmt.Sprintf("%.0f bytes", float64(g.memory.end-first.memory.end)/float64(more))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", g.name, megabytes(float64(g.memory.start)), megabytes(float64(g.memory.live)),
			megabytes(float64(g.memory.end)), megabytes(need), megabytes(float64(g.memory.end)-need), each)
	}
	fmt.Fprintf(t, "%s\t\t\t%s\t\t\t\t\n", b.proxy.name, megabytes(float64(b.proxy.process.memory())))
	fmt.Fprintf(w, "A live identity needs %.0f bytes of heap.\n", b.need)
}

func (b *bench) refusals(w io.Writer) {
	g := b.gateways[0]
	refused, admitted := b.figures[g.full], b.figures[g]
	if len(refused.rate) == 0 {
		return
	}
	fmt.Fprintf(w, "\nRefusals: %.0f/s at %.0f µs of CPU each", refused.rate.median(), refused.cpu.median()/float64(time.Microsecond))
	if len(admitted.rate) > 0 {
		fmt.Fprintf(w, ", %.2f times the throughput of admissions", refused.rate.median()/admitted.rate.median())
	}
	fmt.Fprintln(w, ".")
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 3, ' ', 0) }

func megabytes(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/(1<<20)) }

func plural(n int) string {
	if n == 1 {
		return "1 identity"
	}
	return thousands(n) + " identities"
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	var groups []string
	for ; len(s) > 3; s = s[:len(s)-3] {
		groups = append([]string{s[len(s)-3:]}, groups...)
	}
	return strings.Join(append([]string{s}, groups...), ",")
}
