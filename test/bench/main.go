// Command bench measures what the gateway costs: beside a bare reverse proxy, in the same
// run, on this machine, over loopback, in front of an upstream that answers at once.
//
// With -only reads it measures the reads of the control plane instead: see reads.go.
//
// Every target is a process of its own, and they take turns: each round measures all of
// them for a slice of time, and what is reported is the median over the rounds. Ratios
// can be compared between machines, absolute figures cannot. Nothing fails for being slow;
// a wrong answer, or a request that is not counted, fails the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/airatelimit/airatelimit/test/pgtest"
)

// options say how long and what to measure.
type options struct {
	seconds    float64
	rounds     int
	identities []int
	only       string
	pooled     bool
	postgres   bool
	fill       bool
	times      int
	profile    string
	against    string
}

const (
	busyConnections = 64
	steadyRate      = 500 // requests/s
)

func main() {
	var (
		o          options
		identities = flag.String("identities", "1,1000,100000", "measure with so many `identities` live, each in a gateway of its own")
		quick      = flag.Bool("quick", false, "measure for half a minute: noisy")
		role       = flag.String("role", "", "what this program starts itself as: upstream, proxy, pooled (the proxy with pooled buffers) or gateway")
		upstream   = flag.String("upstream", "", "the address behind the role proxy")
	)
	flag.Float64Var(&o.seconds, "seconds", 6, "measure each target so long in each measurement, over all rounds")
	flag.IntVar(&o.rounds, "rounds", 5, "take turns so often")
	flag.StringVar(&o.only, "only", "", "run one measurement: "+measurementNames())
	flag.BoolVar(&o.pooled, "pooled", false, "give the bare proxy pooled buffers, which it does not have by itself")
	flag.BoolVar(&o.postgres, "postgres", false, "keep the gateways' books in a PostgreSQL of their own on this machine, which syncs what it commits, instead of in SQLite; with -only reads, leave SQLite out")
	flag.BoolVar(&o.fill, "fill", false, "put the identities into the tables, instead of making a request of each: for a million. With SQLite those are not in memory then")
	flag.StringVar(&o.profile, "cpuprofile", "", "write CPU profiles of the gateway to `file`, with the first of the identities, and of the bare proxy to file.proxy")
	flag.StringVar(&o.against, "against", "", "measure the gateway in `file` too, of another version, with the first of the identities")
	flag.Parse()
	if *role != "" {
		exit(runRole(*role, *upstream, o.profile))
	}
	o.times = readsTimes
	if *quick {
		o.seconds, o.rounds, o.times = 1.2, 3, 3
	}
	if !set("identities") {
		*identities = byDefault(o.only, *quick, *identities)
	}
	for s := range strings.SplitSeq(*identities, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 99_999_999 {
			exit(fmt.Errorf("-identities: %q is no number of identities", s))
		}
		o.identities = append(o.identities, n)
	}
	if o.profile != "" {
		o.identities = o.identities[:1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if o.only == readsName {
		exit(runReads(ctx, o))
	}
	exit(run(ctx, o))
}

// byDefault returns the numbers of identities that are measured if none are given.
func byDefault(only string, quick bool, identities string) string {
	switch {
	case only == readsName && quick:
		return "1000"
	case only == readsName:
		return strconv.Itoa(readsIdentities)
	case quick:
		return "1,1000,10000"
	}
	return identities
}

func set(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// postgresDefaults undo what makes the tests' PostgreSQL small.
var postgresDefaults = map[string]string{"shared_buffers": "128MB", "max_wal_size": "1GB"}

// bench is everything that runs.
type bench struct {
	options
	direct, proxy *target
	gateways      []*target
	other         *target // the gateway of another version, or nil
	figures       map[*target]*figures
	database      *pgtest.Cluster // with PostgreSQL only
	need          float64         // bytes an identity takes in memory at the least
	stolen        []string        // how much of each measurement's time others had
}

func (b *bench) targets() []*target {
	all := append([]*target{b.direct, b.proxy}, b.gateways...)
	if b.other != nil {
		all = append(all, b.other)
	}
	return all
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "airatelimit-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, figures: map[*target]*figures{}}
	defer b.stop()
	if err := b.start(ctx, dir); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	for _, g := range b.gateways {
		if err := g.check(); err != nil {
			return err
		}
	}
	b.report(os.Stdout)
	return nil
}

// start starts every target and makes its identities known.
func (b *bench) start(ctx context.Context, dir string) (err error) {
	progress("building")
	binary, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if !b.postgres { // of which a gateway keeps no identities in memory
		if b.need, err = identityNeeds(ctx, dir); err != nil {
			return err
		}
	}
	if b.direct, err = startUpstream(ctx); err != nil {
		return err
	}
	if b.proxy, err = startProxy(ctx, b.direct.addr, b.pooled, b.profile); err != nil {
		return err
	}
	if b.postgres {
		if b.database, err = pgtest.Start(pgtest.Options{TCP: true, Durable: true, Settings: postgresDefaults}); err != nil {
			return err
		}
	}
	for _, n := range b.identities {
		progress("a gateway with " + plural(n))
		g, err := b.startGateway(ctx, binary, "gateway", dir, n)
		if g != nil {
			b.gateways = append(b.gateways, g)
		}
		if err != nil {
			return err
		}
	}
	if b.against != "" {
		progress("the gateway of another version")
		if b.other, err = b.startGateway(ctx, b.against, "other", dir, b.identities[0]); err != nil {
			return err
		}
	}
	for _, t := range b.targets() {
		b.figures[t] = &figures{}
		if t.full != nil {
			b.figures[t.full] = &figures{}
		}
		for _, g := range t.guarded {
			b.figures[g] = &figures{}
		}
		// Connections, pools and caches are warm before anything is measured.
		if _, err := closedLoop(ctx, t, t.chat, busyConnections, 300*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) stop() {
	for i := len(b.gateways) - 1; i >= 0; i-- {
		b.gateways[i].process.stop()
	}
	for _, t := range []*target{b.other, b.proxy, b.direct} {
		if t != nil {
			t.process.stop()
		}
	}
	if b.database != nil {
		_ = b.database.Remove() // a temporary folder
	}
}

// progress tells on standard error what is being done.
func progress(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }
