package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/airatelimit/airatelimit/test/pgtest"
)

// database is what nodes share: one of PostgreSQL's, or with SQLite a file that one node has.
type database struct {
	t       *testing.T
	name    string
	url     string // as DATABASE_URL; "" until a fleet has made a SQLite file
	cluster *pgtest.Cluster
}

var databases atomic.Int64

// in makes an empty database in a cluster.
func in(t *testing.T, c *pgtest.Cluster) *database {
	t.Helper()
	name := "faults_" + strconv.FormatInt(databases.Add(1), 10)
	url, err := c.CreateDatabase(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return &database{t: t, name: name, url: url, cluster: c}
}

// free are clusters that tests have stopped and killed as they liked, and that run again.
var free = make(chan *pgtest.Cluster, 16)

// private returns a cluster that is the test's own while it runs, to be stopped and killed, with an empty database. The
// test gives it back running.
func private(t *testing.T) (*pgtest.Cluster, *database) {
	t.Helper()
	var c *pgtest.Cluster
	select {
	case c = <-free:
	default:
		var err error
		c, err = pgtest.Start(pgtest.Options{TCP: true})
		if errors.Is(err, pgtest.ErrMissing) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if c.Pid() == 0 {
			if err := c.Start(); err != nil {
				t.Errorf("start the cluster again: %v", err)
				return
			}
		}
		free <- c
	})
	return c, in(t, c)
}

// file is a SQLite database.
func file(t *testing.T) *database { return &database{t: t} }

// open connects beside the nodes.
func (d *database) open() *sql.DB {
	d.t.Helper()
	driver, location := "pgx", withoutNames(d.url)
	if path, ok := strings.CutPrefix(d.url, "sqlite:"); ok {
		driver, location = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, location)
	if err != nil {
		d.t.Fatal(err)
	}
	return db
}

// cut ends the connections whose application has a name like this one. It returns how many there were.
func (d *database) cut(application string) int {
	d.t.Helper()
	return d.number(fmt.Sprintf(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = '%s' AND application_name LIKE '%s'`, d.name, application))
}

// count returns how many connections have an application with a name like this one.
func (d *database) count(application string) int {
	d.t.Helper()
	return d.number(fmt.Sprintf(`SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND application_name LIKE '%s'`, d.name, application))
}

func (d *database) number(query string) int {
	d.t.Helper()
	text, err := d.cluster.Query(d.name, query)
	if err != nil {
		d.t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// kept is what the database says of an identity: the sum of its usage, and what it believes to be running.
type kept struct {
	requests, tokens, micros int64
	holds                    int
}

// read reads what is kept of a project's identities. Nothing of it may be negative.
func (d *database) read(project string) map[string]*kept {
	d.t.Helper()
	db := d.open()
	defer db.Close() //nolint:errcheck // it was only read
	all := map[string]*kept{}
	of := func(identity string) *kept {
		if all[identity] == nil {
			all[identity] = new(kept)
		}
		return all[identity]
	}
	d.query(db, `SELECT identity, hour, model, CAST(sum(requests) AS bigint), CAST(sum(tokens) AS bigint), CAST(sum(micros) AS bigint)
		FROM usage WHERE project_id = $1 GROUP BY identity, hour, model`, project, func(scan func(...any) error) error {
		var name, model string
		var hour int64
		var k kept
		if err := scan(&name, &hour, &model, &k.requests, &k.tokens, &k.micros); err != nil {
			return err
		}
		if k.requests < 0 || k.tokens < 0 || k.micros < 0 {
			d.t.Errorf("%s, %s in hour %d: %+v, want nothing negative", name, model, hour, k)
		}
		sum := of(name)
		sum.requests, sum.tokens, sum.micros = sum.requests+k.requests, sum.tokens+k.tokens, sum.micros+k.micros
		return nil
	})
	d.query(db, `SELECT identity, count(*) FROM holds WHERE project_id = $1 GROUP BY identity`, project, func(scan func(...any) error) error {
		var name string
		var n int
		err := scan(&name, &n)
		of(name).holds = n
		return err
	})
	return all
}

func (d *database) query(db *sql.DB, query, project string, row func(scan func(...any) error) error) {
	d.t.Helper()
	rows, err := db.QueryContext(context.Background(), query, project)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read to its end
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
}

// holds is how many requests the database believes to be running.
func (d *database) holds() (n int) {
	d.t.Helper()
	db := d.open()
	defer db.Close() //nolint:errcheck // it was only read
	if err := db.QueryRow(`SELECT count(*) FROM holds`).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// consistent checks that what is kept beside an account is the sum of its usage in that period. A SQLite file has only
// the usage.
func (d *database) consistent() {
	d.t.Helper()
	if d.cluster == nil {
		return
	}
	db := d.open()
	defer db.Close() //nolint:errcheck // it was only read
	rows, err := db.Query(`SELECT i.identity, i.used, coalesce(sum(u.requests), 0), coalesce(sum(u.tokens), 0), coalesce(sum(u.micros), 0)
		FROM identities AS i LEFT JOIN usage AS u ON u.project_id = i.project_id AND u.identity = i.identity AND u.hour >= i.period_start
		WHERE i.period >= 0 GROUP BY i.project_id, i.identity`)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read to its end
	for rows.Next() {
		var identity, used string
		var want, got [3]int64
		if err := rows.Scan(&identity, &used, &want[0], &want[1], &want[2]); err != nil {
			d.t.Fatal(err)
		}
		for line := range strings.Lines(used) {
			for i, figure := range strings.Split(strings.TrimSpace(line), "\t")[1:] {
				n, _ := strconv.ParseInt(figure, 10, 64)
				got[i%3] += n
			}
		}
		if got != want {
			d.t.Errorf("%s: its account says %v, its usage adds up to %v", identity, got, want)
		}
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
}

// withoutNames has statements sent without names, which a pooler could not find again.
func withoutNames(location string) string {
	by := "?"
	if strings.Contains(location, "?") {
		by = "&"
	}
	return location + by + "default_query_exec_mode=exec"
}

// lock runs a statement that takes a lock, and returns what lets go of it.
func (d *database) lock(statement string) (unlock func()) {
	d.t.Helper()
	db, err := sql.Open("pgx", d.cluster.URL(d.name))
	if err != nil {
		d.t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err == nil {
		_, err = tx.Exec(statement)
	}
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
