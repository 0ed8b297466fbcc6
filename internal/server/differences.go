package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/airatelimit/airatelimit/internal/store"
)

const (
	differencesPoll = time.Minute
	// mostAhead is by how much two clocks may differ: below it nobody's day begins noticeably early or late.
	mostAhead = 3 * time.Second
)

// differences warns of what makes limits on PostgreSQL less exact than they should be: once, and again when it has been
// otherwise in between.
type differences struct {
	log             *slog.Logger
	forgets, astray bool
}

// run looks now, and now and then until ctx ends. Whether the database is there is not its concern.
func (d *differences) run(ctx context.Context, db *store.DB) {
	tick := time.NewTicker(differencesPoll)
	defer tick.Stop()
	for {
		if found, err := db.Differences(ctx); err == nil {
			d.warn(found)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *differences) warn(found store.Differences) {
	if found.Forgets && !d.forgets {
		d.log.Warn("PostgreSQL has synchronous_commit=off: after a crash it may have forgotten requests that were admitted, and admit as many again (docs/postgresql.md)")
	}
	astray := found.Ahead.Abs() > mostAhead
	if astray && !d.astray {
		d.log.Warn("this machine's clock and the database's differ: periods begin at different times on different nodes; have both keep time by NTP", "database_ahead", found.Ahead.Round(time.Millisecond))
	}
	d.forgets, d.astray = found.Forgets, astray
}
