package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
)

// AddMember gives a user a role in a project, in place of the user's former one, as an operator wants it: also to the last
// owner.
func (s *Store) AddMember(ctx context.Context, project string, u account.User, role account.Role, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := setMember(ctx, tx, project, u.ID, role, now); err != nil {
			return err
		}
		return putMembers(ctx, tx, project, ledger.ActionAddMember, u.Email, map[string]account.Role{"role": role})
	})
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

const (
	queryMembers     = `SELECT u.id, u.email, u.created_at, m.role, m.created_at FROM members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1`
	queryInvitations = `SELECT id, project_id, email, role, inviter, created_at, expires_at FROM invitations WHERE `
	countMembers     = `SELECT (SELECT count(*) FROM members WHERE project_id = $1) + (SELECT count(*) FROM invitations WHERE project_id = $1)`
)

// aloneMembers begins the subject of changes of a project's members.
const aloneMembers = "members of "

// Members returns the members of a project and its invitations, ended ones too, in the order of their addresses.
func (s *Store) Members(ctx context.Context, project string) (members []account.Member, invitations []account.Invitation, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		if members, err = membersOf(ctx, q, queryMembers+` ORDER BY u.email`, project); err != nil {
			return err
		}
		invitations, err = invitationsOf(ctx, q, `project_id = $1 ORDER BY email`, project)
		return err
	})
	return members, invitations, err
}

func membersOf(ctx context.Context, q queryer, query string, args ...any) (all []account.Member, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	for rows.Next() {
		var m account.Member
		var created, since int64
		if err := rows.Scan(&m.User.ID, &m.User.Email, &created, &m.Role, &since); err != nil {
			return nil, err
		}
		m.User.CreatedAt, m.Since = time.UnixMicro(created).UTC(), time.UnixMicro(since).UTC()
		all = append(all, m)
	}
	return all, rows.Err()
}

func invitationsOf(ctx context.Context, q queryer, where string, args ...any) (all []account.Invitation, err error) {
	rows, err := q.QueryContext(ctx, queryInvitations+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	for rows.Next() {
		var i account.Invitation
		var created, expires int64
		if err := rows.Scan(&i.ID, &i.Project, &i.Email, &i.Role, &i.Inviter, &created, &expires); err != nil {
			return nil, err
		}
		i.CreatedAt, i.ExpiresAt = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
		all = append(all, i)
	}
	return all, rows.Err()
}

// ChangeMember gives a member another role. The last owner stays one: [account.ErrLastOwner].
func (s *Store) ChangeMember(ctx context.Context, project, user string, role account.Role) (m account.Member, err error) {
	err = s.changeMembers(ctx, project, func(tx *sql.Tx) error {
		if m, err = memberBy(ctx, tx, project, user); err != nil {
			return err
		}
		before := m.Role
		m.Role = role
		if err := setMember(ctx, tx, project, user, role, m.Since); err != nil {
			return err
		}
		return putMembers(ctx, tx, project, ledger.ActionChangeMember, m.User.Email, map[string]account.Role{"from": before, "to": role})
	})
	return m, err
}

// memberBy returns a member of a project, or [account.ErrNotFound].
func memberBy(ctx context.Context, tx *sql.Tx, project, user string) (account.Member, error) {
	all, err := membersOf(ctx, tx, queryMembers+` AND m.user_id = $2`, project, user)
	if err == nil && len(all) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return account.Member{}, err
	}
	return all[0], nil
}

// putMembers adds a line about somebody's role to the audit trail of a project.
func putMembers(ctx context.Context, tx *sql.Tx, project, action, email string, roles map[string]account.Role) error {
	detail, err := json.Marshal(roles)
	if err != nil {
		return err
	}
	return putEntry(ctx, tx, project, ledger.CauseOf(ctx), ledger.Entry{Action: action, Target: email, Detail: detail})
}

// RemoveMember removes a member. The last owner stays: [account.ErrLastOwner].
func (s *Store) RemoveMember(ctx context.Context, project, user string) error {
	return s.changeMembers(ctx, project, func(tx *sql.Tx) error {
		m, err := memberBy(ctx, tx, project, user)
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM members WHERE project_id = $1 AND user_id = $2`, project, user)
		}
		if err != nil {
			return err
		}
		return putMembers(ctx, tx, project, ledger.ActionRemoveMember, m.User.Email, map[string]account.Role{"role": m.Role})
	})
}

// changeMembers changes the members of a project, one change after the other, and takes no project its last owner.
func (s *Store) changeMembers(ctx context.Context, project string, do func(tx *sql.Tx) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx, aloneMembers+project); err != nil {
			return err
		}
		before, err := owned(ctx, tx, project)
		if err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		after, err := owned(ctx, tx, project)
		if err == nil && before && !after {
			return account.ErrLastOwner
		}
		return err
	})
}

// owned reports whether a project has an owner. One that a command made has none.
func owned(ctx context.Context, tx *sql.Tx, project string) (has bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM members WHERE project_id = $1 AND role = 'owner')`, project).Scan(&has)
	return has, err
}

// Invite keeps an invitation, in place of an earlier one of the address. A member is [account.ErrMember].
func (s *Store) Invite(ctx context.Context, i account.Invitation, token [32]byte) (account.Invitation, error) {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx, aloneMembers+i.Project); err != nil {
			return err
		}
		var member bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users u JOIN members m ON m.user_id = u.id
			WHERE u.email = $1 AND m.project_id = $2)`, i.Email, i.Project).Scan(&member)
		if err == nil && member {
			return account.ErrMember
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM invitations WHERE project_id = $1 AND email = $2`, i.Project, i.Email)
		}
		var n int
		if err == nil {
			err = tx.QueryRowContext(ctx, countMembers, i.Project).Scan(&n)
		}
		if err != nil {
			return err
		}
		if n >= account.MaxMembers {
			return account.ErrFull
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO invitations (id, project_id, email, role, token_hash, inviter, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, i.ID, i.Project, i.Email, i.Role, token[:], i.Inviter, i.CreatedAt.UnixMicro(), i.ExpiresAt.UnixMicro())
		if err != nil {
			return err
		}
		return putMembers(ctx, tx, i.Project, ledger.ActionInviteMember, i.Email, map[string]account.Role{"role": i.Role})
	})
	return i, err
}

// RenewInvitation gives an invitation of a project another token and another end.
func (s *Store) RenewInvitation(ctx context.Context, project, id string, token [32]byte, expires time.Time) (account.Invitation, error) {
	return s.changeInvitation(ctx, ledger.ActionResendInvitation, `UPDATE invitations SET token_hash = $3, expires_at = $4 WHERE project_id = $1 AND id = $2`,
		project, id, token[:], expires.UnixMicro())
}

// ChangeInvitation gives an invitation of a project another role.
func (s *Store) ChangeInvitation(ctx context.Context, project, id string, role account.Role) (account.Invitation, error) {
	return s.changeInvitation(ctx, ledger.ActionChangeInvitation, `UPDATE invitations SET role = $3 WHERE project_id = $1 AND id = $2`, project, id, role)
}

func (s *Store) changeInvitation(ctx context.Context, action, statement, project, id string, args ...any) (i account.Invitation, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := found(tx.ExecContext(ctx, statement, append([]any{project, id}, args...)...)); err != nil {
			return err
		}
		all, err := invitationsOf(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		i = all[0]
		return putMembers(ctx, tx, project, action, i.Email, map[string]account.Role{"role": i.Role})
	})
	return i, err
}

// Uninvite takes an invitation of a project back.
func (s *Store) Uninvite(ctx context.Context, project, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		all, err := invitationsOf(ctx, tx, `project_id = $1 AND id = $2`, project, id)
		if err == nil && len(all) == 0 {
			err = account.ErrNotFound
		}
		if err == nil {
			err = found(tx.ExecContext(ctx, `DELETE FROM invitations WHERE project_id = $1 AND id = $2`, project, id))
		}
		if err != nil {
			return err
		}
		return putMembers(ctx, tx, project, ledger.ActionCancelInvitation, all[0].Email, map[string]account.Role{"role": all[0].Role})
	})
}

// InvitationsTo returns the invitations that an address may accept.
func (s *Store) InvitationsTo(ctx context.Context, email string, now time.Time) (all []account.Invitation, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		all, err = invitationsOf(ctx, q, `email = $1 AND expires_at > $2 ORDER BY id LIMIT 200`, email, now.UnixMicro())
		return err
	})
	return all, err
}

// AcceptInvitation makes a user a member, if the invitation is for the user's address.
func (s *Store) AcceptInvitation(ctx context.Context, p account.InvitationProof, u account.User, now time.Time) (m account.Membership, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		i, err := s.invitationBy(ctx, tx, p, now)
		if err != nil {
			return err
		}
		if i.Email != u.Email {
			return account.ErrOtherAddress
		}
		m, err = s.join(ctx, tx, i, u, now)
		return err
	})
	return m, err
}

// JoinByInvitation makes the address of an invitation's mail a member, with an account and a session.
func (s *Store) JoinByInvitation(ctx context.Context, p account.InvitationProof, signup account.Signup, se account.NewSession, now time.Time) (m account.Membership, err error) {
	p.ID = ""
	err = s.write(ctx, func(tx *sql.Tx) error {
		i, err := s.invitationBy(ctx, tx, p, now)
		if err != nil {
			return err
		}
		if i.Email != p.Email {
			return account.ErrOtherBrowser
		}
		u, err := s.userFor(ctx, tx, i.Email, signup, now)
		if err == nil {
			m, err = s.join(ctx, tx, i, u, now)
		}
		if err == nil {
			_, err = startSession(ctx, tx, u, se.Token, se.IP, se.Agent, now)
		}
		return err
	})
	return m, err
}

// invitationBy returns an invitation that lives. Two calls that accept it at once see it one after the other.
func (s *Store) invitationBy(ctx context.Context, tx *sql.Tx, p account.InvitationProof, now time.Time) (account.Invitation, error) {
	lock := ""
	if s.db.Pool != nil {
		lock = " FOR UPDATE"
	}
	where, arg := `token_hash = $1 AND expires_at > $2`, any(p.Token[:])
	if p.ID != "" {
		where, arg = `id = $1 AND expires_at > $2`, any(p.ID)
	}
	all, err := invitationsOf(ctx, tx, where+lock, arg, now.UnixMicro())
	if err == nil && len(all) == 0 {
		err = account.ErrLinkExpired
	}
	if err != nil {
		return account.Invitation{}, err
	}
	return all[0], nil
}

// join makes a user a member, and ends the invitation. A member keeps the role.
func (s *Store) join(ctx context.Context, tx *sql.Tx, i account.Invitation, u account.User, now time.Time) (account.Membership, error) {
	m := account.Membership{Project: i.Project}
	_, err := tx.ExecContext(ctx, `INSERT INTO members (project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (project_id, user_id) DO NOTHING`, i.Project, u.ID, i.Role, now.UnixMicro())
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM invitations WHERE id = $1`, i.ID)
	}
	if err == nil {
		err = tx.QueryRowContext(ctx, `SELECT role FROM members WHERE project_id = $1 AND user_id = $2`, i.Project, u.ID).Scan(&m.Role)
	}
	if err != nil {
		return m, err
	}
	cause := ledger.CauseOf(ctx) // of nobody, if the call also signs in
	cause.By = ledger.Actor{Kind: ledger.User, ID: u.ID, Email: u.Email}
	return m, putMembers(ledger.WithCause(ctx, cause), tx, i.Project, ledger.ActionAcceptInvitation, u.Email, map[string]account.Role{"role": m.Role})
}
