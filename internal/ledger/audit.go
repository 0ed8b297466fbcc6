package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Entry is a line in the audit trail. It has no key, prompt or answer. Of an identity's texts it has at most that they were
// set.
type Entry struct {
	Actor    Actor
	Action   string // one of Actions
	Identity string // that was changed; "" if it was something else of the project
	Target   string // what was changed; "" if it was the identity
	Reason   string
	// Detail is an object of figures, such as the amounts of a gift. nil is {}.
	Detail json.RawMessage
	// Changes is a list of changed settings, each with its path and the values before and after. nil is [].
	Changes   json.RawMessage
	RequestID string // "" if no request to the API caused the change
}

// The actions of the audit trail. An action has the name of the API's call (its operationId) that makes such a change. Those
// of the last group have a name of the same kind, because their call does more than one thing, or there is none.
const (
	ActionCreateProject    = "createProject"
	ActionChangeProject    = "changeProject"
	ActionRestoreSettings  = "restoreSettings"
	ActionRegenerateSecret = "regenerateSecret"
	ActionSetProvider      = "setProvider"
	ActionDeleteProvider   = "deleteProvider"

	ActionCreatePrompt  = "createPrompt"
	ActionUpdatePrompt  = "updatePrompt"
	ActionRestorePrompt = "restorePrompt"
	ActionDeletePrompt  = "deletePrompt"

	ActionInviteMember     = "inviteMember"
	ActionResendInvitation = "resendInvitation"
	ActionAcceptInvitation = "acceptInvitation"
	ActionChangeMember     = "changeMember"
	ActionRemoveMember     = "removeMember"

	ActionUpdateIdentity   = "updateIdentity"
	ActionDeleteIdentity   = "deleteIdentity"
	ActionGiftIdentity     = "giftIdentity"
	ActionPromoteIdentity  = "promoteIdentity"
	ActionResetIdentity    = "resetIdentity"
	ActionStartOperation   = "startOperation"
	ActionImportIdentities = "importIdentities"
	ActionCancelOperation  = "cancelOperation"

	ActionCreateIdentity   = "createIdentity"   // by any call that makes an identity known
	ActionChangeInvitation = "changeInvitation" // the role of somebody who is invited
	ActionCancelInvitation = "cancelInvitation"
	ActionAddMember        = "addMember" // by the command line
)

// Actions are all actions, in the order of the documentation.
var Actions = []string{
	ActionCreateProject, ActionChangeProject, ActionRestoreSettings, ActionRegenerateSecret, ActionSetProvider, ActionDeleteProvider,
	ActionCreatePrompt, ActionUpdatePrompt, ActionRestorePrompt, ActionDeletePrompt,
	ActionInviteMember, ActionResendInvitation, ActionAcceptInvitation, ActionChangeMember, ActionRemoveMember, ActionAddMember,
	ActionChangeInvitation, ActionCancelInvitation,
	ActionCreateIdentity, ActionUpdateIdentity, ActionDeleteIdentity, ActionGiftIdentity, ActionPromoteIdentity, ActionResetIdentity,
	ActionStartOperation, ActionImportIdentities, ActionCancelOperation,
}

// Actor is who made a change.
type Actor struct {
	Kind  ActorKind
	ID    string // of the user, or the public part of the secret key; "" if the kind says all
	Email string // of a user; "" otherwise
}

// ActorKind is a kind of actor, as it is stored and shown.
type ActorKind string

// The kinds of actors.
const (
	User      ActorKind = "user"      // a person with a session
	SecretKey ActorKind = "secretKey" // a developer's server
	CLI       ActorKind = "cli"       // a person at the command line
	System    ActorKind = "system"    // the server itself
)

// Texts returns the detail and the changes as a store writes them.
func (e *Entry) Texts() (detail, changes string) {
	detail, changes = string(e.Detail), string(e.Changes)
	if detail == "" {
		detail = "{}"
	}
	if changes == "" {
		changes = "[]"
	}
	return detail, changes
}

// Is reports whether the actor is one that a person looks for: by its kind, its id or its mail address.
func (a Actor) Is(wanted string) bool {
	return wanted == string(a.Kind) || wanted == a.ID || a.Email != "" && strings.EqualFold(wanted, a.Email)
}

// Cause is who makes a change, when and why.
type Cause struct {
	By        Actor
	At        time.Time
	Reason    string
	RequestID string
}

type causeKey struct{}

// WithCause returns a context for calls that change something for a cause.
func WithCause(ctx context.Context, c Cause) context.Context {
	return context.WithValue(ctx, causeKey{}, c)
}

// CauseOf returns the cause of the changes that are made with ctx. Without one it is the server itself, now.
func CauseOf(ctx context.Context) Cause {
	c, ok := ctx.Value(causeKey{}).(Cause)
	if !ok {
		c = Cause{By: Actor{Kind: System}, At: time.Now()}
	}
	c.At = c.At.UTC().Truncate(time.Microsecond)
	return c
}

// Line is an entry of the audit trail as it was written.
type Line struct {
	ID int64
	At time.Time
	Entry
}

// Position is a place in the order of an audit trail.
type Position struct {
	At time.Time
	ID int64
}

// FindLines says which lines of a project's audit trail to return, the newest first.
type FindLines struct {
	Project  string
	Identity string    // "" for all, and for what is no identity's
	Action   string    // "" for all
	Actor    string    // a kind, an id or a mail address; "" for all
	From, To time.Time // From ≤ at < To; a zero time is no bound
	Before   Position  // only lines before this one; zero starts at the newest
	Limit    int       // 1 or more
}

// MaxLines is how many lines one call looks at for those with an action or an actor. The next call goes on from there.
const MaxLines = 3_000

// Matches reports whether a line has the action and the actor.
func (f FindLines) Matches(l *Line) bool {
	return (f.Action == "" || f.Action == l.Action) && (f.Actor == "" || l.Actor.Is(f.Actor))
}
