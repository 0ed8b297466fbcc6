package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
)

// SetMember gives a user a role in a project, in place of the user's former one. It keeps no last owner: it is for
// operators and for tests.
func (s *Store) SetMember(ctx context.Context, project, user string, role account.Role, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error { return setMember(ctx, tx, project, user, role, now) })
}

// setMember also serves the creation of a project, whose first member is its owner.
func setMember(ctx context.Context, tx *sql.Tx, project, user string, role account.Role, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO members (project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role`, project, user, role, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("add a member: %w", err)
	}
	return nil
}

const queryMemberships = `SELECT project_id, role FROM members WHERE user_id = $1 ORDER BY project_id LIMIT 1000`

// Memberships returns the projects of a user with the user's roles in them.
func (s *Store) Memberships(ctx context.Context, user string) (all []account.Membership, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, queryMemberships, user)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		for rows.Next() {
			var m account.Membership
			if err := rows.Scan(&m.Project, &m.Role); err != nil {
				return err
			}
			all = append(all, m)
		}
		return rows.Err()
	})
	return all, err
}
