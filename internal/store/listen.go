package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where changes of projects are notified, in their transactions.
const channel = "airatelimit_projects"

const (
	// The listener's connection is made again after these times, doubling from the first to the last.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// errPooler means that nobody would ever notify the connection.
var errPooler = errors.New("a pooler stands before the database")

// Listen refreshes whenever another process has changed a project, on a connection of its own, until ctx ends. It makes
// changes known at once; that they are known in time is up to [Catalog.Run], which needs nothing of it. A SQLite file
// has nothing to listen to.
func (c *Catalog) Listen(ctx context.Context, log *slog.Logger) {
	if c.store.db.Pool == nil {
		return
	}
	backoff := firstBackoff
	for {
		listening, err := c.listen(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errPooler):
			log.Info("changes of projects are polled for: notifications do not come through a pooler")
			return
		case listening:
			log.Warn("lost the connection that listens for changes of projects", "error", err)
			backoff = firstBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// listen returns when its connection is lost, and whether it had one.
func (c *Catalog) listen(ctx context.Context) (listening bool, err error) {
	cfg := c.store.db.Pool.Config().ConnConfig
	cfg.RuntimeParams["application_name"] += " listener"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with it
	var backend uint32
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return false, err
	}
	// A pooler gives clients numbers of its own.
	if backend != conn.PgConn().PID() {
		return false, errPooler
	}
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return false, err
	}
	for {
		// The first time this is for what was notified before the LISTEN.
		if err := c.Refresh(ctx); err != nil {
			return true, err
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, fmt.Errorf("listen: %w", err)
		}
	}
}
