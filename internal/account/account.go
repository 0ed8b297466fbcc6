// Package account has the people who use the control plane: users, their sessions, and their roles in projects. It decides
// nothing by a clock of its own, and knows no database.
//
// Invariants: a mail address is kept in lower case, so that a user has one account. Tokens, codes and the values of cookies
// are kept only as hashes.
package account

import (
	"errors"
	"strings"
	"time"
)

// ErrNotFound means that there is no such user, session, member or invitation.
var ErrNotFound = errors.New("no such account")

// Role is what a user may do in a project. The zero value may do nothing.
type Role string

// The roles. Each may do what the one before may.
const (
	Viewer Role = "viewer" // sees figures and settings
	Admin  Role = "admin"  // changes settings and identities
	Owner  Role = "owner"  // deletes the project, and says who its members are
)

// Roles are all roles, the smallest first.
var Roles = []Role{Viewer, Admin, Owner}

// Covers reports whether a user with the role may do what needs another one.
func (r Role) Covers(needed Role) bool { return r.rank() >= needed.rank() && r.rank() > 0 }

// Known reports whether the role is one of [Roles].
func (r Role) Known() bool { return r.rank() > 0 }

func (r Role) rank() int {
	for i, role := range Roles {
		if r == role {
			return i + 1
		}
	}
	return 0
}

// User is a person with an account.
type User struct {
	ID        string // us_…
	Email     string // in lower case
	CreatedAt time.Time
}

// SessionTime is how long a session lives after its last use.
const SessionTime = 30 * 24 * time.Hour

// TouchAfter is how old the note of a session's last use becomes before it is written anew. So a call seldom writes.
const TouchAfter = time.Hour

// Session is a browser in which a user has signed in.
type Session struct {
	ID        string // se_…: names the session and does not open it
	User      User
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	IP        string
	Agent     string // the browser's User-Agent
}

// Member is a user with a role in a project.
type Member struct {
	User  User
	Role  Role
	Since time.Time
}

// MaxProjects is how many projects a user may own and still make another.
const MaxProjects = 100

// MaxMembers is how many members and invitations a project has at most.
const MaxMembers = 200

// ErrTooManyProjects means that a user owns as many projects as a user may make.
var ErrTooManyProjects = errors.New("the user has as many projects as a user may make")

// Why a project's members cannot be as somebody wants them.
var (
	ErrLastOwner    = errors.New("a project keeps an owner")
	ErrMember       = errors.New("the user is a member already")
	ErrFull         = errors.New("the project has as many members as it may have")
	ErrOtherAddress = errors.New("the invitation is for another address")
)

// Invitation is an offer of a role in a project to whoever has a mail address.
type Invitation struct {
	ID        string // in_…
	Project   string // pk_…
	Email     string
	Role      Role
	Inviter   string // the mail address of who invites
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InvitationProof names an invitation: by its id, for its address's own session, or by the token of its mail. Without a
// session it also needs the address that the mail went to, as a [Proof] does.
type InvitationProof struct {
	ID    string
	Token [32]byte
	Email string
}

// Membership is a project with the role that a user has in it.
type Membership struct {
	Project string // pk_…
	Role    Role
}

const (
	maxAddress = 254 // bytes of a mail address: RFC 5321, 4.5.3.1.3, without the angle brackets
	maxLocal   = 64
)

// Address returns a mail address in the form in which it is kept, or false if text is none. It takes what a browser's
// field of type email takes, so no name, no comment, no space and nothing but ASCII.
func Address(text string) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	local, domain, ok := strings.Cut(text, "@")
	if !ok || len(text) > maxAddress || local == "" || len(local) > maxLocal {
		return "", false
	}
	for _, c := range []byte(local) {
		if !letterOrDigit(c) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", c) < 0 {
			return "", false
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if !isLabel(label) {
			return "", false
		}
	}
	return text, true
}

// isLabel reports whether text may be a part of a host name.
func isLabel(text string) bool {
	if text == "" || len(text) > 63 || text[0] == '-' || text[len(text)-1] == '-' {
		return false
	}
	for _, c := range []byte(text) {
		if !letterOrDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
