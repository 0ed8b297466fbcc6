package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// access is who may call an operation. Every operation declares one; see declare.
type access uint8

const (
	_              access = iota
	accessOpen            // anybody
	accessSignedIn        // a session
	accessMember          // a session with any role in the project
	accessRead            // the project's secret key, or a session with any role in the project
	accessChange          // the project's secret key, or a session with the role admin or owner
	accessOwner           // a session with the role owner
)

// role is the role that a session needs in the project of the path; "" if the path has none.
func (a access) role() account.Role {
	switch a {
	case accessMember, accessRead:
		return account.Viewer
	case accessChange:
		return account.Admin
	case accessOwner:
		return account.Owner
	}
	return ""
}

// takesKeys reports whether a secret key may make the call.
func (a access) takesKeys() bool { return a == accessRead || a == accessChange }

// accessKey is the name of the access in an operation's Metadata.
const accessKey = "access"

// declare writes the access of an operation into it, and into the OpenAPI document: x-role is the role that a session
// needs. An operation without it stops the program when it is mounted.
func declare(op *huma.Operation, a access) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[accessKey] = a
	op.Security = []map[string][]string{}
	if a.takesKeys() {
		op.Security = append(op.Security, map[string][]string{"secretKey": {}})
	}
	if a != accessOpen {
		op.Security = append(op.Security, map[string][]string{"session": {}})
	}
	if role := a.role(); role != "" {
		if op.Extensions == nil {
			op.Extensions = map[string]any{}
		}
		op.Extensions["x-role"] = role
	}
}

// callerKind is how a caller has shown who it is.
type callerKind uint8

const (
	callerNobody    callerKind = iota // only where the access is accessOpen
	callerSecretKey                   // a developer's server
	callerSession                     // a person
)

// caller is who makes a call.
type caller struct {
	kind    callerKind
	keyID   string          // of callerSecretKey: the public part of the key
	session account.Session // of callerSession, with its user
	role    account.Role    // of callerSession: in the project of the path, "" if the path has none
}

// actor is the caller in the audit trail.
func (c caller) actor() ledger.Actor {
	switch c.kind {
	case callerSecretKey:
		return ledger.Actor{Kind: ledger.SecretKey, ID: c.keyID}
	case callerSession:
		return ledger.Actor{Kind: ledger.User, ID: c.session.User.ID, Email: c.session.User.Email}
	}
	return ledger.Actor{Kind: ledger.System}
}

// Accounts keeps people, their sessions and their roles in projects. Its errors are those of package account, and those of
// a database that cannot be reached.
type Accounts interface {
	HasUsers(ctx context.Context) (bool, error)
	MaySignIn(ctx context.Context, email string, signup account.Signup, now time.Time) (bool, error)
	AskSignIn(ctx context.Context, a account.Ask, now time.Time) error
	SignInByLink(ctx context.Context, p account.Proof, signup account.Signup, s account.NewSession, now time.Time) (account.SignedIn, error)
	SignInByCode(ctx context.Context, g account.Guess, signup account.Signup, s account.NewSession, now time.Time) (account.SignedIn, error)
	SetUp(ctx context.Context, token [32]byte, email string, s account.NewSession, now time.Time) (account.SignedIn, error)

	Session(ctx context.Context, token [32]byte, project string, now time.Time) (account.Session, account.Role, error)
	TouchSession(ctx context.Context, id, ip string, now time.Time) error
	Sessions(ctx context.Context, user string, now time.Time) ([]account.Session, error)
	EndSession(ctx context.Context, user, id string) error
	EndOtherSessions(ctx context.Context, user, keep string) error

	Memberships(ctx context.Context, user string) ([]account.Membership, error)
	Members(ctx context.Context, project string) ([]account.Member, []account.Invitation, error)
	ChangeMember(ctx context.Context, project, user string, role account.Role) (account.Member, error)
	RemoveMember(ctx context.Context, project, user string) error

	Invite(ctx context.Context, i account.Invitation, token [32]byte) (account.Invitation, error)
	RenewInvitation(ctx context.Context, project, id string, token [32]byte, expires time.Time) (account.Invitation, error)
	ChangeInvitation(ctx context.Context, project, id string, role account.Role) (account.Invitation, error)
	Uninvite(ctx context.Context, project, id string) error
	InvitationsTo(ctx context.Context, email string, now time.Time) ([]account.Invitation, error)
	AcceptInvitation(ctx context.Context, p account.InvitationProof, u account.User, now time.Time) (account.Membership, error)
	JoinByInvitation(ctx context.Context, p account.InvitationProof, signup account.Signup, s account.NewSession, now time.Time) (account.Membership, error)
}

// authenticate finds out who makes a call, and the project in its path, and returns an error if the caller may not make
// the call. A request with an Authorization header is a secret key's, whatever cookies it has.
func (c *control) authenticate(r *http.Request, a access) (caller, *project.Snapshot, error) {
	if len(r.Header["Authorization"]) > 0 && a != accessOpen {
		if !a.takesKeys() {
			return caller{}, nil, refuse(http.StatusForbidden, "session_required", "A secret key cannot make this call. Sign in, and make it with the session's cookie.")
		}
		return c.bySecretKey(r)
	}
	if err := c.origins.Check(r); err != nil {
		return caller{}, nil, refuse(http.StatusForbidden, "cross_origin",
			"A page of another site made this call. Make it from the dashboard, or add the page's origin to CORS_ORIGIN.")
	}
	who, err := c.bySession(r)
	switch {
	case a == accessOpen && errors.Is(err, account.ErrNotFound):
		return caller{}, nil, nil
	case errors.Is(err, account.ErrNotFound) && a.takesKeys() && c.cookieOf(r) == "":
		return caller{}, nil, unauthorized()
	case errors.Is(err, account.ErrNotFound):
		return caller{}, nil, notSignedIn()
	case err != nil:
		return caller{}, nil, away(err)
	}
	if a.role() == "" {
		return who, nil, nil
	}
	p, err := c.memberOf(r, who, a.role())
	return who, p, err
}

// bySecretKey returns the project of a request's secret key, if it is the project in the path. The answer is the same
// for a missing, malformed, unknown or wrong key, and does not show whether another project exists.
func (c *control) bySecretKey(r *http.Request) (caller, *project.Snapshot, error) {
	token := bearer(r.Header["Authorization"])
	if strings.HasPrefix(token, project.TokenStart) {
		return caller{}, nil, unauthorizedBy("Tokens that begin with " + project.TokenStart + " are for verified identities, which are not supported yet. Send the project's secret key (sk_…).")
	}
	id, hash, ok := secret.ParseSecretKey(token)
	if !ok {
		return caller{}, nil, unauthorized()
	}
	rec, err := c.Secrets.ProjectBySecretID(r.Context(), id)
	switch {
	case errors.Is(err, project.ErrNotFound):
		return caller{}, nil, unauthorized()
	case err != nil:
		return caller{}, nil, away(err)
	case !secret.Equal(hash, rec.SecretHash), !rec.SecretEndsAt.IsZero() && !c.now().Before(rec.SecretEndsAt):
		return caller{}, nil, unauthorized()
	case rec.Key != r.PathValue("projectId"):
		return caller{}, nil, refuse(http.StatusForbidden, "wrong_project", "This secret key opens another project than the one in the path.")
	}
	p, err := c.Projects.Project(r.Context(), rec.Key)
	switch {
	case errors.Is(err, project.ErrNotFound), err == nil && p == nil: // deleted a moment ago
		return caller{}, nil, unauthorized()
	case err != nil:
		return caller{}, nil, away(err)
	}
	return caller{kind: callerSecretKey, keyID: id}, p, nil
}

// bySession returns the caller whose session's cookie the request has, or [account.ErrNotFound].
func (c *control) bySession(r *http.Request) (caller, error) {
	token := c.cookieOf(r)
	if !secret.IsToken(token) {
		return caller{}, account.ErrNotFound
	}
	now := c.now()
	session, role, err := c.Accounts.Session(r.Context(), secret.Hash(token), r.PathValue("projectId"), now)
	if err != nil {
		return caller{}, err
	}
	return caller{kind: callerSession, session: session, role: role}, nil
}

// memberOf returns the project in the path if the caller has the role in it. For all who are no members, the project does
// not exist.
func (c *control) memberOf(r *http.Request, who caller, needed account.Role) (*project.Snapshot, error) {
	if !who.role.Known() {
		return nil, unknownProject()
	}
	p, err := c.Projects.Project(r.Context(), r.PathValue("projectId"))
	switch {
	case errors.Is(err, project.ErrNotFound), err == nil && p == nil:
		return nil, unknownProject()
	case err != nil:
		return nil, away(err)
	case !who.role.Covers(needed):
		return nil, roleTooSmall(who.role, needed)
	}
	return p, nil
}

func notSignedIn() *problem {
	return refuse(http.StatusUnauthorized, "not_signed_in", "There is no session, or it has ended. Sign in again.")
}

func roleTooSmall(have, needed account.Role) *problem {
	return refuse(http.StatusForbidden, "role_too_small", "Your role in this project is %s, and this call needs %s. Ask an owner of the project.", have, needed)
}

func unknownProject() *problem {
	return refuse(http.StatusNotFound, "unknown_project", "There is no such project, or you are not a member of it.")
}

func unauthorized() *problem {
	return unauthorizedBy("Send the project's secret key: Authorization: Bearer sk_… It is shown once, when the project is created or the key regenerated. People sign in instead.")
}

func unauthorizedBy(detail string) *problem {
	return refuse(http.StatusUnauthorized, "invalid_secret_key", "%s", detail).with("WWW-Authenticate", `Bearer realm="airatelimit"`)
}

// bearer returns the token of the Authorization header, or "" if there is none or more than one.
func bearer(headers []string) string {
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
