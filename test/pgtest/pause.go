package pgtest

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// Pause stops every process of the server where it is: to its clients a machine that has gone silent. Resume lets them go
// on; a server that is paused cannot be stopped, but killed.
func (c *Cluster) Pause() (resume func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx) //nolint:errcheck // nobody answers
	pids := []int{c.pid}
	resume = func() error {
		var errs []error
		for _, pid := range pids {
			// One that was cut off in between may be gone.
			if err := syscall.Kill(pid, syscall.SIGCONT); !errors.Is(err, syscall.ESRCH) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	// First of all the one that makes others.
	if err := syscall.Kill(c.pid, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("pause PostgreSQL: %w", err)
	}
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity`)
	if err != nil {
		return nil, errors.Join(err, resume())
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, errors.Join(err, resume())
	}
	pids = append(pids, found...)
	for _, pid := range found {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, errors.Join(err, resume())
		}
	}
	return resume, nil
}
