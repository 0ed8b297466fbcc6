package process

import (
	"database/sql"
	"net/url"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// kept is what the database says of an identity, over all models and hours.
type kept struct {
	requests, tokens, micros int64
	held                     int64 // requests of these that run, or that a process which is gone has left behind
}

// file reads what the database has of a project's usage, that of holds included, and how many holds there are. It
// may be read beside a running process.
func (in *installation) file(projectKey string) (usage map[string]kept, holds int) {
	in.t.Helper()
	dsn := url.URL{Scheme: "file", Path: filepath.Join(in.Dir, "airatelimit.db"), RawQuery: "_query_only=on&_busy_timeout=5000"}
	db, err := sql.Open("sqlite", dsn.String())
	if in.database != "" {
		db, err = sql.Open("pgx", in.database)
	}
	if err != nil {
		in.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read
	if err := db.QueryRow(`SELECT count(*) FROM holds`).Scan(&holds); err != nil {
		in.t.Fatal(err)
	}
	rows, err := db.Query(`SELECT identity, CAST(sum(requests) AS bigint), CAST(sum(tokens) AS bigint), CAST(sum(micros) AS bigint), sum(held)
		FROM (SELECT identity, requests, tokens, micros, 0 AS held FROM usage WHERE project_id = $1 UNION ALL
			SELECT identity, requests, tokens, micros, 1 FROM holds WHERE project_id = $1) AS counted GROUP BY identity`, projectKey)
	if err != nil {
		in.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	usage = map[string]kept{}
	for rows.Next() {
		var (
			name string
			k    kept
		)
		if err := rows.Scan(&name, &k.requests, &k.tokens, &k.micros, &k.held); err != nil {
			in.t.Fatal(err)
		}
		usage[name] = k
	}
	if err := rows.Err(); err != nil {
		in.t.Fatal(err)
	}
	return usage, holds
}
