package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// write runs do in a transaction that changes accounts. It raises no revision: no snapshot has anything of them.
func (s *Store) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// alone makes transactions that name the same subject run one after the other, on all nodes, until they end. SQLite runs
// one writing transaction at a time anyway. Several subjects must be named in the same order everywhere.
func (s *Store) alone(ctx context.Context, tx *sql.Tx, subject string) error {
	if s.db.Pool == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, subject)
	return err
}

// EnsureUser returns the user with a mail address, and creates it if there is none.
func (s *Store) EnsureUser(ctx context.Context, email string, now time.Time) (u account.User, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		u, err = ensureUser(ctx, tx, email, now)
		return err
	})
	return u, err
}

func ensureUser(ctx context.Context, tx *sql.Tx, email string, now time.Time) (account.User, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING`,
		secret.NewID("us_"), email, now.UnixMicro())
	if err != nil {
		return account.User{}, fmt.Errorf("create user: %w", err)
	}
	return userByEmail(ctx, tx, email)
}

const queryUser = `SELECT id, email, created_at FROM users WHERE email = $1`

// userByEmail returns the user with a mail address, or [account.ErrNotFound].
func userByEmail(ctx context.Context, q queryer, email string) (u account.User, err error) {
	var created int64
	err = q.QueryRowContext(ctx, queryUser, email).Scan(&u.ID, &u.Email, &created)
	u.CreatedAt = time.UnixMicro(created).UTC()
	return u, missing(err)
}

// missing turns the error for no row into [account.ErrNotFound].
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return account.ErrNotFound
	}
	return err
}

// HasUsers reports whether anybody has an account.
func (s *Store) HasUsers(ctx context.Context) (some bool, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		some, err = hasUsers(ctx, q)
		return err
	})
	return some, err
}

func hasUsers(ctx context.Context, q queryer) (some bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users)`).Scan(&some)
	return some, err
}

// startSession makes a session of a user for the holder of the token.
func startSession(ctx context.Context, tx *sql.Tx, u account.User, token [32]byte, ip, agent string, now time.Time) (account.Session, error) {
	se := account.Session{ID: secret.NewID("se_"), User: u, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(account.SessionTime), IP: ip, Agent: agent}
	_, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, id, user_id, created_at, seen_at, expires_at, ip, agent)
		VALUES ($1, $2, $3, $4, $4, $5, $6, $7)`, token[:], se.ID, u.ID, now.UnixMicro(), se.ExpiresAt.UnixMicro(), ip, agent)
	return se, err
}

const (
	sessionColumns = `s.id, s.created_at, s.seen_at, s.expires_at, s.ip, s.agent, u.id, u.email, u.created_at`

	querySession = `SELECT ` + sessionColumns + `, coalesce(m.role, '')
		FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN members m ON m.project_id = $2 AND m.user_id = s.user_id
		WHERE s.hash = $1 AND s.expires_at > $3`
	querySessions = `SELECT ` + sessionColumns + ` FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.id LIMIT 200`
)

// Session returns the session that a token opens, and the user's role in a project: "" if the user is no member or there
// is no such project. A session that has ended is [account.ErrNotFound].
func (s *Store) Session(ctx context.Context, token [32]byte, project string, now time.Time) (se account.Session, role account.Role, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		se, err = scanSession(q.QueryRowContext(ctx, querySession, token[:], project, now.UnixMicro()).Scan, &role)
		return missing(err)
	})
	return se, role, err
}

func scanSession(scan func(...any) error, more ...any) (se account.Session, err error) {
	var created, seen, expires, since int64
	err = scan(append([]any{&se.ID, &created, &seen, &expires, &se.IP, &se.Agent, &se.User.ID, &se.User.Email, &since}, more...)...)
	se.CreatedAt, se.SeenAt, se.ExpiresAt = time.UnixMicro(created).UTC(), time.UnixMicro(seen).UTC(), time.UnixMicro(expires).UTC()
	se.User.CreatedAt = time.UnixMicro(since).UTC()
	return se, err
}

// TouchSession notes that a session is in use, and so lengthens its life.
func (s *Store) TouchSession(ctx context.Context, id, ip string, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET seen_at = $1, expires_at = $2, ip = $3 WHERE id = $4 AND seen_at < $1`,
			now.UnixMicro(), now.Add(account.SessionTime).UnixMicro(), ip, id)
		return err
	})
}

// Sessions returns the sessions of a user.
func (s *Store) Sessions(ctx context.Context, user string, now time.Time) (all []account.Session, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		rows, err := q.QueryContext(ctx, querySessions, user, now.UnixMicro())
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // rows.Err returns its error
		for rows.Next() {
			se, err := scanSession(rows.Scan)
			if err != nil {
				return err
			}
			all = append(all, se)
		}
		return rows.Err()
	})
	return all, err
}

// EndSession ends a session of a user. Another user's session is [account.ErrNotFound].
func (s *Store) EndSession(ctx context.Context, user, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		return found(tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id = $2`, user, id))
	})
}

// EndOtherSessions ends all sessions of a user but one.
func (s *Store) EndOtherSessions(ctx context.Context, user, keep string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, user, keep)
		return err
	})
}

// found is [account.ErrNotFound] for a statement that changed no row.
func found(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return account.ErrNotFound
}
