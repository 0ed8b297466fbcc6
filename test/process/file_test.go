package process

import (
	"database/sql"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite"
)

// kept is what the file says of an identity, over all models and hours.
type kept struct{ requests, tokens, micros int64 }

// file reads what the database file holds of a project's usage, and how many holds there are. It
// may be read beside a running process.
func (in *installation) file(projectKey string) (usage map[string]kept, holds int) {
	in.t.Helper()
	dsn := url.URL{Scheme: "file", Path: filepath.Join(in.dir, "airatelimit.db"), RawQuery: "_query_only=on&_busy_timeout=5000"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		in.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only read
	if err := db.QueryRow(`SELECT count(*) FROM holds`).Scan(&holds); err != nil {
		in.t.Fatal(err)
	}
	rows, err := db.Query(`SELECT identity, sum(requests), sum(tokens), sum(micros) FROM usage WHERE project_id = ? GROUP BY identity`, projectKey)
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
		if err := rows.Scan(&name, &k.requests, &k.tokens, &k.micros); err != nil {
			in.t.Fatal(err)
		}
		usage[name] = k
	}
	if err := rows.Err(); err != nil {
		in.t.Fatal(err)
	}
	return usage, holds
}
