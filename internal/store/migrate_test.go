package store

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/pressly/goose/v3"
)

// formerly gives a database the schema of an earlier version, and what the statements write there. It closes db.
func formerly(t *testing.T, db *sql.DB, dialect goose.Dialect, folder string, version int64, statements []string) {
	t.Helper()
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if dialect == goose.DialectPostgres {
			s = strings.ReplaceAll(s, "AS BLOB", "AS bytea")
		}
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// onEachFormer runs a test on every database, in the schema of the first version, with what the statements wrote there.
func onEachFormer(t *testing.T, statements []string, test func(t *testing.T, location string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "former.db")
		db, err := handle(path, writePragmas(), 1)
		if err != nil {
			t.Fatal(err)
		}
		formerly(t, db, goose.DialectSQLite3, "sqlite", 4, statements)
		test(t, path)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		location := pgtest.Database(t)
		db, err := sql.Open("pgx", location)
		if err != nil {
			t.Fatal(err)
		}
		formerly(t, db, goose.DialectPostgres, "postgres", 2, statements)
		test(t, location)
	})
}

// Only secret keys could change an identity before the audit trail had actors.
func TestAnUpgradeKeepsTheAuditTrail(t *testing.T) {
	t.Parallel()
	onEachFormer(t, []string{
		`INSERT INTO audit (project_id, identity, action, reason, detail, at) VALUES ('pk_1', 'ann', 'gift', 'sorry', '{"tokens":5}', 7)`,
	}, func(t *testing.T, location string) {
		db := openTest(t, location)
		const text = `SELECT identity || '|' || action || '|' || reason || '|' || detail || '|' || actor_kind || '|' || actor_id || '|' || target || '|' || changes FROM audit`
		if got, want := scan[string](t, db.Read, text), `ann|gift|sorry|{"tokens":5}|secretKey|||[]`; got != want {
			t.Errorf("after the upgrade %q, want %q", got, want)
		}
	})
}
