package ledger

import "encoding/json"

// Entry is a line in the audit trail. It has no key, prompt or answer, and of a free text at most that it was set.
type Entry struct {
	Actor    Actor
	Action   string
	Identity string // that was changed; "" if it was something else of the project
	Target   string // what was changed; "" if it was the identity
	Reason   string
	// Detail is an object of figures, such as the amounts of a gift. nil is {}.
	Detail json.RawMessage
	// Changes is a list of changed settings, each with its path and the values before and after. nil is [].
	Changes   json.RawMessage
	RequestID string // "" if no request to the API caused the change
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
