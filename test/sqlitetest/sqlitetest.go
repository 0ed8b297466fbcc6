// Package sqlitetest makes SQLite files for tests, as pgtest makes PostgreSQL databases.
package sqlitetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Template is a file that tests copy: a copy takes a hundredth of the time of the migrations. The zero value with Prepare
// set is ready.
type Template struct {
	// Prepare makes the file at a path, and closes it.
	Prepare func(ctx context.Context, path string) error

	once sync.Once
	text []byte
	err  error
}

// Copy writes a copy of the template to path.
func (p *Template) Copy(t testing.TB, path string) {
	t.Helper()
	p.once.Do(func() { p.err = p.make(t.TempDir()) })
	if p.err != nil {
		t.Fatalf("template of a SQLite file: %v", p.err)
	}
	if err := os.WriteFile(path, p.text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// make fills the template by way of a file in dir.
func (p *Template) make(dir string) (err error) {
	path := filepath.Join(dir, "template.db")
	if err := p.Prepare(context.Background(), path); err != nil {
		return err
	}
	p.text, err = os.ReadFile(path)
	return err
}
