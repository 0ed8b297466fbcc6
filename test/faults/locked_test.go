package faults

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	behind = regexp.MustCompile(`database not writable: requests continue until the journal is full`)
	folded = regexp.MustCompile(`journal folded into the database again`)
)

// Somebody else writes to the SQLite file for longer than the server waits for it. Requests go on, in the journal; what must be in
// the file to count, a gift, is refused. Afterwards the file has everything, once: also where the server was killed meanwhile.
func TestFileIsLocked(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"released", "killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, file(t), tiers)
			f.serve(1)
			p := f.nodes[0]
			f.set(p, "ann", `"enabled": true`)
			l := f.load(8, "locked", calm)
			f.more(60, answered)
			unlock := f.db.lockFile()
			if p.Log.Wait(p, behind) == nil {
				t.Fatalf("does not say that it cannot write:\n%s", p.Log.String())
			}
			f.more(60, answered)
			gift := func() answer {
				return f.control(p, http.MethodPost, "/ann/gift", `{"requests": 5}`, "Idempotency-Key", "five")
			}
			if a := gift(); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("a gift while the file is locked: %d %v %s, want 503 with Retry-After", a.status, a.err, a.body)
			}
			if end == "killed" {
				f.kill(0)
				l.end()
				unlock()
				f.serve(1)
				f.afterKills()
				return
			}
			unlock()
			if p.Log.Wait(p, folded) == nil {
				t.Fatalf("does not say that it can write again:\n%s", p.Log.String())
			}
			f.more(60, answered)
			if a := gift(); a.status != http.StatusOK {
				t.Errorf("the same gift afterwards: %d %v %s", a.status, a.err, a.body)
			}
			if u := f.usageOf(p, "ann", ""); u.Credits.Requests != 5 {
				t.Errorf("%d requests were given, want 5, once", u.Credits.Requests)
			}
			l.end()
			f.reconcile()
			f.fillAll()
		})
	}
}

// lockFile takes the lock of who writes to a SQLite file, and returns what lets go of it.
func (d *database) lockFile() (unlock func()) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(d.url, "sqlite:")+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		d.t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	var once sync.Once
	unlock = func() {
		once.Do(func() {
			if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
				d.t.Error(err)
			}
		})
	}
	d.t.Cleanup(unlock)
	return unlock
}
