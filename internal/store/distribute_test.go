package store

import (
	"slices"
	"strings"
	"testing"
)

// An engine that distributes tables by the hash of a key keeps only such constraints unique that contain the key, and
// enforces no references between machines. The tables that requests touch must need neither.
func TestTablesOfRequestsCanBeDistributedByHash(t *testing.T) {
	t.Parallel()
	db := openTest(t, migrated.Database(t))
	rows, err := db.Read.Query(`SELECT r.relname, i.indexrelid::regclass::text, string_agg(coalesce(a.attname, 'an expression'), ',' ORDER BY k.n)
		FROM pg_index AS i JOIN pg_class AS r ON r.oid = i.indrelid
		CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(column_number, n)
		LEFT JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.column_number
		WHERE r.relnamespace = current_schema()::regnamespace AND (i.indisunique OR i.indisexclusion) GROUP BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	var unique []string
	for rows.Next() {
		var table, index, columns string
		if err := rows.Scan(&table, &index, &columns); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(hot, table) {
			continue
		}
		unique = append(unique, table)
		if !strings.HasPrefix(columns+",", "project_id,identity,") {
			t.Errorf("%s of %s is unique by (%s), want it to begin with (project_id, identity)", index, table, columns)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, table := range hot {
		if !slices.Contains(unique, table) {
			t.Errorf("nothing of %s is unique, want its key to be", table)
		}
	}
	for _, table := range hot {
		const references = `SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND $1::regclass IN (conrelid, confrelid)`
		if n := scan[int](t, db.Read, references, table); n != 0 {
			t.Errorf("%d foreign keys from %s or to it, want none", n, table)
		}
	}
}

// hot are the tables that requests and changes of identities touch.
var hot = []string{"identities", "usage", "holds", "audit"}
