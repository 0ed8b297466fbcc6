// Package pgtest runs private PostgreSQL clusters for tests, from the installed binaries.
//
// Tests that only need a database share one cluster a test binary, see [Database]; those that stop, kill or fail
// over have a [Cluster] of their own. Everything lives in one temporary folder, and ends with the test binary
// however that ends.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take for anything. It is generous: a busy machine must not fail a test.
const patience = 60 * time.Second

// shared is the cluster of the tests that only need a database.
var shared = sync.OnceValues(func() (*Cluster, error) { return Start(Options{}) })

// Shared returns the cluster that the tests of this binary share. A test without PostgreSQL on its machine is
// skipped, which CI takes for a failure.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	c, err := shared()
	check(t, err)
	return c
}

// Database returns the URL of an empty database of the test's own in the shared cluster. Its user owns it, and is
// nothing more. It is dropped when the test ends, whoever is connected then.
func Database(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

// Template is a database that is prepared once a test binary, of which tests get copies: that takes a few
// hundredths of a second, whatever the preparation took.
type Template struct {
	// Prepare brings an empty database into the state to copy. It leaves no connection open.
	Prepare func(ctx context.Context, url string) error

	once sync.Once
	name string
	err  error
}

// Database returns the URL of a copy, which is the test's own and dropped when it ends.
func (p *Template) Database(t testing.TB) string {
	t.Helper()
	c := Shared(t)
	p.once.Do(func() {
		p.name = c.newName()
		var url string
		if url, p.err = c.CreateDatabase(p.name, ""); p.err == nil {
			p.err = p.Prepare(context.Background(), url)
		}
	})
	if p.err != nil {
		t.Fatalf("prepare the database that tests copy: %v", p.err)
	}
	return database(t, p.name)
}

func database(t testing.TB, template string) string {
	t.Helper()
	c := Shared(t)
	name := c.newName()
	url, err := c.CreateDatabase(name, template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Exec("postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return url
}

// New starts a cluster of the test's own, which ends with the test.
func New(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c, err := Start(opts)
	check(t, err)
	t.Cleanup(func() {
		if err := c.Remove(); err != nil {
			t.Errorf("remove the cluster: %v", err)
		}
	})
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, ErrMissing):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// owner is the role of [Cluster.CreateDatabase].
const owner = "app"

// CreateDatabase makes a database, a copy of a template that nobody is connected to or with "" an empty one. The URL is
// that of a role which owns the database and is no superuser.
func (c *Cluster) CreateDatabase(name, template string) (url string, err error) {
	if template == "" {
		template = "template0"
	}
	// Copying files beats logging them where nothing must outlive the machine.
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, template, owner)
	if c.version >= 15 {
		statement += " STRATEGY " + c.strategy()
	}
	if err := c.Exec("postgres", statement); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return c.url(owner, name), nil
}

// Exec runs statements as the superuser, one after the other.
func (c *Cluster) Exec(database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost with it
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// Query returns the first column of the first row, as text, of a query by the superuser.
func (c *Cluster) Query(database, query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost with it
	var text string
	err = conn.QueryRow(ctx, "SELECT q.v::text FROM ("+strings.TrimSuffix(query, ";")+") q (v)").Scan(&text)
	return text, err
}
