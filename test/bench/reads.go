package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/server"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

const (
	readsName       = "reads"
	readsIdentities = 1_000_000
	readsTimes      = 20
	mostRead        = 50 * time.Millisecond
	// sessionPause keeps a session within its calls a second.
	sessionPause = 60 * time.Millisecond
)

// readings are what one read took on one database.
type readings struct {
	first time.Duration // since the server started
	again series
}

// reads times the reads of the control plane on databases of both kinds.
type reads struct {
	times     int
	databases []string // the kinds
	calls     []string
	operation map[string]string // by call
	took      map[string]map[string]*readings
}

// runReads fills a database of each kind, starts the server on it, and makes every read: once, and then some times again. It
// prints what they took.
func runReads(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "airatelimit-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &reads{times: o.times, operation: map[string]string{}, took: map[string]map[string]*readings{}}
	defer func() { r.report(os.Stdout, o.identities[0]) }() // also when the second database fails
	if !o.postgres {
		if err := r.on(ctx, "SQLite", filepath.Join(dir, "airatelimit.db"), dir, o.identities[0], func() error { return nil }); err != nil {
			return err
		}
	}
	// In PostgreSQL's own defaults, expensive queries are compiled.
	settings := map[string]string{"jit": "on"}
	for name, value := range postgresDefaults {
		settings[name] = value
	}
	cluster, err := pgtest.Start(pgtest.Options{TCP: true, Durable: true, Settings: settings})
	switch {
	case errors.Is(err, pgtest.ErrMissing):
		progress("PostgreSQL is not installed")
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, cluster.Remove()) }()
		url, err := cluster.CreateDatabase("reads", "")
		if err != nil {
			return err
		}
		restart := func() error { return errors.Join(cluster.Stop(pgtest.Fast), cluster.Start()) }
		if err := r.on(ctx, "PostgreSQL", url, dir, o.identities[0], restart); err != nil {
			return err
		}
	}
	return nil
}

// on times all reads on an empty database of a kind. cool empties the caches of its server.
func (r *reads) on(ctx context.Context, kind, location, dir string, identities int, cool func() error) error {
	progress(fmt.Sprintf("filling %s with %s", kind, plural(identities)))
	began := time.Now()
	w, err := newWorld(ctx, location, identities)
	if err != nil {
		return err
	}
	progress(fmt.Sprintf("filled in %s", time.Since(began).Round(time.Second)))
	if err := cool(); err != nil {
		return err
	}
	base, stop, err := serveReads(ctx, location, dir)
	if err != nil {
		return err
	}
	progress("reading from " + kind)
	err = r.time(ctx, w, kind, base)
	return errors.Join(err, stop())
}

// serveReads starts the server in this process.
func serveReads(ctx context.Context, location, dir string) (base string, stop func() error, err error) {
	env := map[string]string{"DATABASE_URL": location, "DATA_DIR": dir}
	if filepath.IsAbs(location) {
		env["DATABASE_URL"] = "sqlite:" + location
	}
	cfg, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		return "", nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, end := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, cfg, server.Options{Listener: ln, Log: slog.New(slog.DiscardHandler), Ready: func(net.Addr) { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		end()
		return "", nil, errors.Join(err, errors.New("the server did not start"))
	}
	return "http://" + ln.Addr().String(), func() error {
		end()
		return <-ended
	}, nil
}

// time makes every read.
func (r *reads) time(ctx context.Context, w *world, kind, base string) error {
	sorts, operations, err := described(base)
	if err != nil {
		return err
	}
	r.took[kind] = map[string]*readings{}
	for _, c := range w.calls(sorts) {
		took := &readings{}
		for i := range r.times + 1 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			one, err := c.once(w, base)
			if err != nil {
				return err
			}
			if i == 0 {
				took.first = one
			} else {
				took.again = append(took.again, float64(one))
			}
		}
		name := c.name(w)
		if c.body != "" && r.took[kind][name] != nil {
			name += " (2)"
		}
		if r.operation[name] == "" {
			r.calls, r.operation[name] = append(r.calls, name), c.operation
		}
		r.took[kind][name] = took
		operations = slices.DeleteFunc(operations, func(known string) bool { return known == c.operation })
	}
	if len(operations) > 0 {
		return fmt.Errorf("reads that are not timed: %v. Add them to calls.go", operations)
	}
	r.databases = append(r.databases, kind)
	return nil
}

// once makes the call and returns how long it took, to the answer's last byte.
func (c *call) once(w *world, base string) (time.Duration, error) {
	req, err := c.request(w, base)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", c.name(w), resp.Status, body)
	}
	if c.session {
		time.Sleep(sessionPause)
	}
	return took, err
}

// described returns, from the OpenAPI document, the orders of the list of identities and the ids of all reads to time.
func described(base string) (sorts, reads []string, err error) {
	resp, err := http.Get(base + "/api/openapi.json")
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // decoded below
	var doc struct {
		Paths map[string]struct {
			Get *struct {
				OperationID string
				Parameters  []struct {
					Name   string
					Schema struct{ Enum []string }
				}
				Security []map[string][]string
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		return nil, nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	for path, item := range doc.Paths {
		if item.Get == nil || len(path) < 5 || path[:5] != "/api/" || slices.Contains(untimed, item.Get.OperationID) {
			continue
		}
		reads = append(reads, item.Get.OperationID)
		for _, p := range item.Get.Parameters {
			if item.Get.OperationID == "listIdentities" && p.Name == "sort" {
				sorts = p.Schema.Enum
			}
		}
	}
	return sorts, reads, nil
}

// report prints a row for each call, and a table with the slowest call of each operation.
func (r *reads) report(w io.Writer, identities int) {
	if len(r.databases) == 0 {
		return
	}
	fmt.Fprintf(w, "\nReads of the control plane: %s, ten requests of each in 90 days; %d CPUs, %s/%s, %s.\n", plural(identities), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(w, "In ms: the first call after the start, then the least, the median and the most of %d more. More than %d ms is marked with !\n\n", r.times, mostRead.Milliseconds())
	t := table(w)
	fmt.Fprint(t, "\t")
	for _, kind := range r.databases {
		fmt.Fprintf(t, "%s: first\tleast\tmedian\tmost\t", kind)
	}
	fmt.Fprintln(t)
	for _, name := range r.calls {
		fmt.Fprint(t, name+"\t")
		for _, kind := range r.databases {
			took := r.took[kind][name]
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t", milliseconds(took.first), milliseconds(took.least()), milliseconds(time.Duration(took.again.median())), milliseconds(took.most()))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // standard output
	r.slowest(w)
}

func (r *readings) least() time.Duration { return time.Duration(slices.Min(r.again)) }

func (r *readings) most() time.Duration { return time.Duration(slices.Max(r.again)) }

// slowest prints the slowest call of each operation.
func (r *reads) slowest(w io.Writer) {
	fmt.Fprint(w, "\nThe call of each operation with the greatest median, with its least time and its median:\n\n")
	t := table(w)
	defer t.Flush() //nolint:errcheck // standard output
	var done []string
	over := 0
	for _, name := range r.calls {
		operation := r.operation[name]
		if slices.Contains(done, operation) {
			continue
		}
		done = append(done, operation)
		fmt.Fprint(t, operation+"\t")
		for _, kind := range r.databases {
			most, which := 0.0, ""
			for _, call := range r.calls {
				if median := r.took[kind][call].again.median(); r.operation[call] == operation && median > most {
					most, which = median, call
				}
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t", milliseconds(r.took[kind][which].least()), milliseconds(time.Duration(most)), which)
			if time.Duration(most) > mostRead {
				over++
			}
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "\nOver %d ms: %d.\n", mostRead.Milliseconds(), over)
}

func milliseconds(d time.Duration) string {
	mark := ""
	if d > mostRead {
		mark = " !"
	}
	return fmt.Sprintf("%.1f%s", float64(d)/float64(time.Millisecond), mark)
}
