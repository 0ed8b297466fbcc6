package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// inForce is within what time a change must be in force everywhere.
const inForce = 2 * time.Second

// logged is a log that can be waited for.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logged) await(t *testing.T, text string) {
	t.Helper()
	await(t, text, func() bool { return strings.Contains(l.String(), text) })
}

// await returns how long a condition took to hold.
func await(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for deadline := began.Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
	return time.Since(began)
}

// run keeps a catalog up to date as a server does, with or without its listener, until the test ends.
func run(t *testing.T, c *Catalog, listen bool) *logged {
	t.Helper()
	out := &logged{}
	log := slog.New(slog.NewTextHandler(out, nil))
	ctx, stop := context.WithCancel(context.Background())
	tick := time.NewTicker(c.store.db.PollInterval())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx, tick.C, log) })
	if listen {
		running.Go(func() { c.Listen(ctx, log) })
	}
	t.Cleanup(func() {
		stop()
		tick.Stop()
		running.Wait()
	})
	return out
}

// listeners counts the connections that listen for changes in a database.
func listeners(t *testing.T, db *DB) int {
	t.Helper()
	return scan[int](t, db.Read, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE '%listener' AND query LIKE 'LISTEN%'`)
}

func TestAChangeIsInForceOnEveryNodeInTime(t *testing.T) {
	t.Parallel()
	for mode, listen := range map[string]bool{"with the listener": true, "by the poll alone": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			location := migrated.Database(t)
			s := newStore(t, location)
			rec, _ := create(t, s, `{"name": "A"}`)
			var nodes []*Catalog
			for range 3 {
				c := newCatalog(t, newStore(t, location))
				run(t, c, listen)
				nodes = append(nodes, c)
			}
			if listen {
				await(t, "the listeners", func() bool { return listeners(t, s.db) == len(nodes) })
			}
			for _, want := range []string{"B", "C", "D"} {
				update(t, s, rec.Key, `{"name": "`+want+`"}`)
				took := await(t, want, func() bool {
					for _, c := range nodes {
						if c.state.Load().projects[rec.Key].snapshot.Name != want {
							return false
						}
					}
					return true
				})
				if took > inForce {
					t.Errorf("in force everywhere after %s, want %s at most", took, inForce)
				}
				t.Logf("in force everywhere after %s", took)
			}
		})
	}
}

// A poll would hide a missing notification.
func TestAListenerIsToldOfEachChange(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	s := newStore(t, location)
	rec, _ := create(t, s, `{"name": "A"}`)
	c := newCatalog(t, newStore(t, location))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Listen(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	await(t, "the listener", func() bool { return listeners(t, s.db) == 1 })
	// The first may be seen by the look with which it begins.
	for _, want := range []string{"B", "C"} {
		update(t, s, rec.Key, `{"name": "`+want+`"}`)
		await(t, want, func() bool { return name(t, c, rec.Key) == want })
	}
}

func TestAListenerThatIsCutOffComesBack(t *testing.T) {
	t.Parallel()
	location := migrated.Database(t)
	s := newStore(t, location)
	rec, _ := create(t, s, `{"name": "A"}`)
	c := newCatalog(t, newStore(t, location))
	log := run(t, c, true)
	for _, want := range []string{"B", "C"} {
		await(t, "the listener", func() bool { return listeners(t, s.db) == 1 })
		n := scan[int](t, s.db.Read, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE '%listener'`)
		if n != 1 {
			t.Fatalf("cut %d listeners, want 1", n)
		}
		update(t, s, rec.Key, `{"name": "`+want+`"}`)
		if took := await(t, want, func() bool { return name(t, c, rec.Key) == want }); took > inForce {
			t.Errorf("in force after %s, want %s at most", took, inForce)
		}
	}
	log.await(t, "project change listener disconnected")
}

// The tests' own cluster, because it is stopped.
func TestTheLastStateStandsWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t, pgtest.Options{TCP: true})
	location, err := cluster.CreateDatabase("limits", "")
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, location)
	rec, _ := create(t, s, `{"name": "A"}`)
	c := newCatalog(t, s)
	log := run(t, c, true)
	await(t, "the listener", func() bool { return listeners(t, s.db) == 1 })
	if err := cluster.Stop(pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	log.await(t, "last known projects stay in use")
	if got := name(t, c, rec.Key); got != "A" {
		t.Errorf("name = %q, want A", got)
	}
	if _, err := c.Project(t.Context(), "pk_unknown"); err == nil || errors.Is(err, project.ErrNotFound) {
		t.Errorf("unknown key: %v, want an error that is not ErrNotFound", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the listener", func() bool { return cluster.Exec("limits", `SELECT 1`) == nil && listeners(t, s.db) == 1 })
	update(t, s, rec.Key, `{"name": "B"}`)
	await(t, "the change", func() bool { return name(t, c, rec.Key) == "B" })
}
