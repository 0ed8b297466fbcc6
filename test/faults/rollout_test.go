package faults

import (
	"fmt"
	"testing"
)

// During a rollout a newer node has upgraded the schema, by what migrations may do: columns are added to the tables that
// requests touch, and an index is made beside them. Older nodes that serve go on, one of them starts again, and what they
// write has the new columns' defaults.
func TestOlderNodesServeBesideANewerSchema(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(2)
	l := f.load(12, "rollout", calm)
	f.more(60, answered)
	newer := f.db.number(`SELECT max(version_id) + 1 FROM goose_db_version`)
	// As migrations do: each is a transaction, but for one that makes an index beside who writes.
	f.db.migrate(fmt.Sprintf(`ALTER TABLE identities ADD COLUMN added bigint NOT NULL DEFAULT 7;
		ALTER TABLE holds ADD COLUMN added bigint NOT NULL DEFAULT 7;
		ALTER TABLE usage ADD COLUMN added bigint NOT NULL DEFAULT 7;
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, newer),
		`CREATE INDEX CONCURRENTLY usage_added ON usage (project_id, added)`,
		fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, newer+1))
	f.more(100, answered)

	old := f.nodes[0]
	f.nodes = f.nodes[1:]
	f.serve(1)
	l.turnTo(f.nodes...)
	old.Stop()
	f.more(100, answered)
	l.end()
	f.reconcile()
	f.fillAll()
	for _, table := range []string{"identities", "usage"} {
		if n := f.db.number(`SELECT count(*) FROM ` + table + ` WHERE added <> 7`); n != 0 {
			t.Errorf("%d rows of %s have something else than the default in a column that nobody knows", n, table)
		}
	}
}

// migrate upgrades the schema. Statements that come as one text are one transaction.
func (d *database) migrate(statements ...string) {
	d.t.Helper()
	if err := d.cluster.Exec(d.name, statements...); err != nil {
		d.t.Fatal(err)
	}
}
