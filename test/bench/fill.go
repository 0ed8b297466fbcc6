package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/store"
)

// fill makes identities of a project known, as a gateway leaves those who have come before: they have a row of usage of this
// hour, in which nothing is counted, and where the account keeps its sum it is that of this day. (Where it keeps none, the
// first request of each would have to ask for it.)
func fill(ctx context.Context, location, project string, identities int) (err error) {
	db, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now()
	summed, sum := "", ""
	if db.Pool != nil {
		summed = ", period, period_start"
		sum = fmt.Sprintf(", %d, %d", limit.Daily, limit.Daily.Start(now).Unix()/3600)
	}
	from := fmt.Sprintf(` FROM (WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < %d)
		SELECT 'user-' || substr(CAST(1%0*d + n AS text), 2) AS name FROM i) AS names`, identities, identityDigits, 0)
	statements := []string{
		fmt.Sprintf(`INSERT INTO identities (project_id, identity, known, created_at, updated_at%s) SELECT '%s', name, true, 1, 1%s`,
			summed, project, sum) + from,
		fmt.Sprintf(`INSERT INTO usage (project_id, identity, hour, model, tier, kind) SELECT '%s', name, %d, 'gpt-4o-mini', '', 0`,
			project, now.Unix()/3600) + from,
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
