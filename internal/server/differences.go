package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/airatelimit/airatelimit/internal/store"
)

const (
	differencesPoll = time.Minute
	// maxAhead is the largest difference of clocks without a warning: up to it, no period begins noticeably early or late.
	maxAhead = 3 * time.Second
)

// differences warns of settings and clocks that make limits on PostgreSQL inexact. It warns once, and again if the
// problem returns.
type differences struct {
	log             *slog.Logger
	forgets, skewed bool
}

// run checks at once and then at intervals until ctx ends. It ignores errors, because health reports them.
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
		d.log.Warn("admitted requests may be lost in a database crash: see docs/postgresql.md", "synchronous_commit", "off")
	}
	skewed := found.Ahead.Abs() > maxAhead
	if skewed && !d.skewed {
		d.log.Warn("clocks of this machine and the database differ: synchronize both with NTP", "database_ahead", found.Ahead.Round(time.Millisecond))
	}
	d.forgets, d.skewed = found.Forgets, skewed
}
