package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
)

// The subjects of [Store.alone] for accounts, in their order.
const (
	aloneBlock = "sign-ins of block "   // + the block of addresses
	aloneEmail = "sign-ins of address " // + the mail address
	aloneUsers = "the first user"
)

const (
	queryByBlock = `SELECT created_at FROM sign_ins WHERE block = $1 AND created_at > $2 ORDER BY created_at DESC LIMIT 1 OFFSET $3`
	queryByEmail = `SELECT created_at FROM sign_ins WHERE email = $1 AND created_at > $2 AND kind = 'mail' ORDER BY created_at DESC LIMIT 1 OFFSET $3`
	queryWrong   = `SELECT CAST(coalesce(sum(wrong_codes), 0) AS bigint) FROM sign_ins WHERE email = $1 AND created_at > $2`
	queryInvited = `SELECT EXISTS (SELECT 1 FROM invitations WHERE email = $1 AND expires_at > $2)`
	endLinks     = `UPDATE sign_ins SET link_gone_at = $1 WHERE email = $2 AND created_at > $3 AND kind = 'mail' AND link_gone_at = 0`
	queryAsk     = `SELECT id, kind, email, next, code_hash, browser_hash, wrong_codes, link_gone_at, code_used_at, expires_at
		FROM sign_ins WHERE `
)

// AskSignIn keeps a request to sign in by mail, and ends the links of earlier requests of the address. Too many requests
// are [account.TooMany]. It does the same whether or not the address has an account.
func (s *Store) AskSignIn(ctx context.Context, a account.Ask, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := errors.Join(s.alone(ctx, tx, aloneBlock+a.Block), s.alone(ctx, tx, aloneEmail+a.Email)); err != nil {
			return err
		}
		if err := rare(ctx, tx, queryByBlock, a.Block, account.PerBlock, account.PerBlockTime, now); err != nil {
			return err
		}
		if err := rare(ctx, tx, queryByEmail, a.Email, account.PerAddress, account.PerAddressTime, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, endLinks, now.UnixMicro(), a.Email, now.Add(-account.LinkTime).UnixMicro()); err != nil {
			return err
		}
		return insertAsk(ctx, tx, a, now)
	})
}

// rare returns [account.TooMany] if a subject has asked most times within a time.
func rare(ctx context.Context, tx *sql.Tx, query, subject string, most int, within time.Duration, now time.Time) error {
	var at int64
	err := tx.QueryRowContext(ctx, query, subject, now.Add(-within).UnixMicro(), most-1).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return account.TooMany{RetryAfter: time.UnixMicro(at).Add(within).Sub(now)}
}

func insertAsk(ctx context.Context, tx *sql.Tx, a account.Ask, now time.Time) error {
	browser := []byte{}
	if a.Browser != [32]byte{} {
		browser = a.Browser[:]
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sign_ins (id, kind, email, next, block, token_hash, code_hash, browser_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, a.ID, a.Kind, a.Email, a.Next, a.Block, a.Token[:],
		append([]byte{}, a.Code...), browser, now.UnixMicro(), a.Expires.UnixMicro())
	return err
}

// ask is a stored request to sign in.
type ask struct {
	id, kind, email, next      string
	code, browser              []byte
	wrong                      int
	linkGone, codeUsed, expire int64
}

// askBy reads a request, and locks it until the transaction ends.
func (s *Store) askBy(ctx context.Context, tx *sql.Tx, where string, arg any) (a ask, err error) {
	lock := ""
	if s.db.Pool != nil {
		lock = " FOR UPDATE"
	}
	err = tx.QueryRowContext(ctx, queryAsk+where+lock, arg).Scan(&a.id, &a.kind, &a.email, &a.next, &a.code, &a.browser,
		&a.wrong, &a.linkGone, &a.codeUsed, &a.expire)
	return a, missing(err)
}

// live returns why the request's link can no longer be used, or nil.
func (a ask) live(now time.Time) error {
	switch {
	case a.linkGone != 0:
		return account.ErrLinkUsed
	case a.expire <= now.UnixMicro():
		return account.ErrLinkExpired
	}
	return nil
}

// MaySignIn reports whether a mail to the address could end in a session: it has an account, or may get one.
func (s *Store) MaySignIn(ctx context.Context, email string, signup account.Signup, now time.Time) (may bool, err error) {
	err = s.db.read(ctx, readTime, func(ctx context.Context, q queryer) error {
		if _, err = userByEmail(ctx, q, email); errors.Is(err, account.ErrNotFound) {
			err = mayCreate(ctx, q, email, signup, now)
		}
		if errors.Is(err, account.ErrClosed) {
			return nil
		}
		may = err == nil
		return err
	})
	return may, err
}

// mayCreate returns [account.ErrClosed] if the address may get no account.
func mayCreate(ctx context.Context, q queryer, email string, signup account.Signup, now time.Time) error {
	switch signup {
	case account.SignupOpen:
		return nil
	case account.SignupFirst:
		some, err := hasUsers(ctx, q)
		if err != nil || !some {
			return err
		}
		var invited bool
		if err := q.QueryRowContext(ctx, queryInvited, email, now.UnixMicro()).Scan(&invited); err != nil || invited {
			return err
		}
	}
	return account.ErrClosed
}

// userFor returns the user with an address that somebody has proved to have, and creates it if it may be.
func (s *Store) userFor(ctx context.Context, tx *sql.Tx, email string, signup account.Signup, now time.Time) (account.User, error) {
	u, err := userByEmail(ctx, tx, email)
	if !errors.Is(err, account.ErrNotFound) {
		return u, err
	}
	if err := s.alone(ctx, tx, aloneUsers); err != nil {
		return u, err
	}
	if err := mayCreate(ctx, tx, email, signup, now); err != nil {
		return u, err
	}
	return ensureUser(ctx, tx, email, now)
}

// SignInByLink makes a session for somebody who opened a link. The link is then used. Its errors are those of package
// account; after them the link is as good as before.
func (s *Store) SignInByLink(ctx context.Context, p account.Proof, signup account.Signup, se account.NewSession, now time.Time) (in account.SignedIn, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		a, err := s.askBy(ctx, tx, "token_hash = $1", p.Token[:])
		switch {
		case errors.Is(err, account.ErrNotFound), err == nil && a.kind == account.BySetup:
			return account.ErrLinkExpired
		case err != nil:
			return err
		}
		if err := a.live(now); err != nil {
			return err
		}
		if !bytes.Equal(a.browser, p.Browser[:]) && a.email != p.Email {
			return account.ErrOtherBrowser
		}
		if err := useLink(ctx, tx, a.id, now); err != nil {
			return err
		}
		in, err = s.signIn(ctx, tx, a, signup, se, now)
		return err
	})
	return in, err
}

func useLink(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE sign_ins SET link_gone_at = $1 WHERE id = $2`, now.UnixMicro(), id)
	return err
}

func (s *Store) signIn(ctx context.Context, tx *sql.Tx, a ask, signup account.Signup, se account.NewSession, now time.Time) (account.SignedIn, error) {
	u, err := s.userFor(ctx, tx, a.email, signup, now)
	if err != nil {
		return account.SignedIn{}, err
	}
	session, err := startSession(ctx, tx, u, se.Token, se.IP, se.Agent, now)
	return account.SignedIn{Session: session, Next: a.next}, err
}

// SignInByCode makes a session for somebody who typed a code. The code is then used. A wrong code is [account.CodeWrong]
// and is counted, for the request and for its address.
func (s *Store) SignInByCode(ctx context.Context, g account.Guess, signup account.Signup, se account.NewSession, now time.Time) (in account.SignedIn, err error) {
	var refused error // what is written stands all the same
	err = s.write(ctx, func(tx *sql.Tx) error {
		var email string
		err := tx.QueryRowContext(ctx, `SELECT email FROM sign_ins WHERE id = $1`, g.Request).Scan(&email)
		if errors.Is(err, sql.ErrNoRows) {
			return account.CodeWrong{}
		}
		if err == nil {
			err = s.alone(ctx, tx, aloneEmail+email)
		}
		if err != nil {
			return err
		}
		in, refused, err = s.guess(ctx, tx, g, signup, se, now)
		return err
	})
	return in, errors.Join(err, refused)
}

// guess tries a code. A refused one is counted, so it is no error of the transaction.
func (s *Store) guess(ctx context.Context, tx *sql.Tx, g account.Guess, signup account.Signup, se account.NewSession, now time.Time) (in account.SignedIn, refused, err error) {
	a, err := s.askBy(ctx, tx, "id = $1", g.Request)
	if err != nil {
		return in, nil, err
	}
	var today int
	if err := tx.QueryRowContext(ctx, queryWrong, a.email, now.Add(-account.WrongTime-account.LinkTime).UnixMicro()).Scan(&today); err != nil {
		return in, nil, err
	}
	left := min(account.MaxTries-a.wrong, account.MaxWrongADay-today)
	switch {
	case a.codeUsed != 0:
		return in, account.ErrLinkUsed, nil
	case a.expire <= now.UnixMicro():
		return in, account.ErrLinkExpired, nil
	case left <= 0, !bytes.Equal(a.browser, g.Browser[:]): // another browser could use up the tries
		return in, account.CodeWrong{TriesLeft: max(left, 0)}, nil
	}
	if hmac.Equal(a.code, g.Code) {
		in, err = s.signIn(ctx, tx, a, signup, se, now)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE sign_ins SET code_used_at = $1 WHERE id = $2`, now.UnixMicro(), a.id)
		}
		if !errors.Is(err, account.ErrClosed) {
			return in, nil, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE sign_ins SET wrong_codes = wrong_codes + 1 WHERE id = $1`, a.id)
	return account.SignedIn{}, account.CodeWrong{TriesLeft: left - 1}, err
}

// OfferSetup keeps a link by which the first account can be made, if there is no account yet.
func (s *Store) OfferSetup(ctx context.Context, a account.Ask, now time.Time) (offered bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		some, err := hasUsers(ctx, tx)
		if err != nil || some {
			return err
		}
		offered = true
		return insertAsk(ctx, tx, a, now)
	})
	return offered, err
}

// SetUp makes the first account, for somebody who has the link that the server printed at its start. The user becomes the
// owner of all projects that have no member: a command made them.
func (s *Store) SetUp(ctx context.Context, token [32]byte, email string, se account.NewSession, now time.Time) (in account.SignedIn, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx, aloneUsers); err != nil {
			return err
		}
		some, err := hasUsers(ctx, tx)
		if err != nil {
			return err
		}
		if some {
			return account.ErrAlreadySetUp
		}
		a, err := s.askBy(ctx, tx, "token_hash = $1", token[:])
		if errors.Is(err, account.ErrNotFound) || err == nil && a.kind != account.BySetup {
			return account.ErrLinkExpired
		}
		if err == nil {
			err = a.live(now)
		}
		if err == nil {
			err = useLink(ctx, tx, a.id, now)
		}
		if err != nil {
			return err
		}
		u, err := ensureUser(ctx, tx, email, now)
		if err == nil {
			err = adopt(ctx, tx, u, now)
		}
		if err != nil {
			return err
		}
		in.Session, err = startSession(ctx, tx, u, se.Token, se.IP, se.Agent, now)
		return err
	})
	return in, err
}

// adopt makes a user the owner of all projects that have no member.
func adopt(ctx context.Context, tx *sql.Tx, u account.User, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO members (project_id, user_id, role, created_at)
		SELECT p.id, u.id, 'owner', $2 FROM projects p, users u
		WHERE u.id = $1 AND NOT EXISTS (SELECT 1 FROM members m WHERE m.project_id = p.id)`, u.ID, now.UnixMicro())
	return err
}

// OfferLogin keeps a link of an operator for an address, and makes its account if there is none. The first account becomes
// the owner of all projects that have no member.
func (s *Store) OfferLogin(ctx context.Context, a account.Ask, now time.Time) (created bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.alone(ctx, tx, aloneUsers); err != nil {
			return err
		}
		some, err := hasUsers(ctx, tx)
		if err != nil {
			return err
		}
		if _, err = userByEmail(ctx, tx, a.Email); errors.Is(err, account.ErrNotFound) {
			created = true
			var u account.User
			if u, err = ensureUser(ctx, tx, a.Email, now); err == nil && !some {
				err = adopt(ctx, tx, u, now)
			}
		}
		if err != nil {
			return err
		}
		return insertAsk(ctx, tx, a, now)
	})
	return created, err
}
