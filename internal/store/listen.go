package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel carries a notification of each change of a project, sent in its transaction. messageChannel carries messages
// between nodes, which may be lost.
const channel, messageChannel = "airatelimit_projects", "airatelimit_live"

// Send sends a message of less than 8000 bytes to all nodes, this one included. A message may be lost. It implements
// live.Bus.
func (db *DB) Send(ctx context.Context, payload string) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	_, err := db.Write.ExecContext(ctx, `SELECT pg_notify($1, $2)`, messageChannel, payload)
	return err
}

// mostMessages is how many messages wait to be received.
const mostMessages = 256

// Messages returns the messages that nodes send. While nobody receives them, the latest are lost.
func (c *Catalog) Messages() <-chan string { return c.messages }

const (
	// The pause before the listener connects again doubles from the first to the last.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// errPooler means that notifications would never reach the connection.
var errPooler = errors.New("a pooler is in front of the database")

// Listen refreshes whenever another process has changed a project, until ctx ends. It has a connection of its own, and
// makes changes visible at once. [Catalog.Run] does not depend on it. With SQLite it returns immediately.
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
			log.Info("project changes found by polling: a pooler passes no notifications")
			return
		case listening:
			log.Warn("project change listener disconnected", "error", err)
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

// listen returns when its connection is lost, and reports whether it had one.
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
	// A pooler reports process ids of its own.
	if backend != conn.PgConn().PID() {
		return false, errPooler
	}
	if _, err := conn.Exec(ctx, `LISTEN `+channel+`; LISTEN `+messageChannel, pgx.QueryExecModeSimpleProtocol); err != nil {
		return false, err
	}
	for {
		// The first refresh finds changes from before the LISTEN.
		if err := c.Refresh(ctx); err != nil {
			return true, err
		}
		if err := c.awaitChange(ctx, conn); err != nil {
			return true, fmt.Errorf("listen: %w", err)
		}
	}
}

// awaitChange returns when a project has changed, and passes on the messages that come before.
func (c *Catalog) awaitChange(ctx context.Context, conn *pgx.Conn) error {
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil || n.Channel == channel {
			return err
		}
		select {
		case c.messages <- n.Payload:
		default:
		}
	}
}
