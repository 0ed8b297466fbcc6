package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/store"
)

// fill makes identities of a project known which have used the model before, and nothing this hour.
func fill(ctx context.Context, location, project string, identities int) (err error) {
	db, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	from := fmt.Sprintf(` FROM (WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < %d)
		SELECT 'user-' || substr(CAST(1%0*d + n AS text), 2) AS name FROM i) AS names`, identities, identityDigits, 0)
	statements := []string{
		`INSERT INTO identities (project_id, identity, known, created_at, updated_at) SELECT '` + project + `', name, true, 1, 1` + from,
		fmt.Sprintf(`INSERT INTO usage (project_id, identity, hour, model, tier, kind) SELECT '%s', name, %d, 'gpt-4o-mini', '', 0`,
			project, time.Now().Unix()/3600) + from,
	}
	if db.Pool != nil {
		statements = append(statements, `VACUUM ANALYZE`) // as PostgreSQL would by itself before long
	}
	for _, statement := range statements {
		if _, err := db.Write.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
