// Package mail writes the few mails that the control plane sends, and sends them: by Resend's HTTP API or by SMTP.
// Without either, a developer finds the link in the log.
//
// Invariants: a mail has one link, a complete text part, no picture, no font and nothing that tracks. Text of people
// (names of projects, addresses) is escaped, short, and cannot become a link. Links and codes are in no log but [Log]'s.
package mail

import (
	"context"
	"log/slog"
	"net/mail"
	"strings"
)

// Message is a mail to one person.
type Message struct {
	Key     string // names the mail: a service that gets it twice sends it once
	To      string
	Subject string
	Text    string
	HTML    string
	Link    string // the one that is in Text and HTML; "" none
}

// Sender sends mails.
type Sender interface {
	// Kind is how it sends: resend, smtp, log or none.
	Kind() string
	// Send returns when another server has taken the mail, with that server's answer. An error may be [Passing].
	Send(ctx context.Context, m Message) (answer string, err error)
}

// Passing is an error that may pass by itself, so that the mail should be sent again.
type Passing struct{ Err error }

func (p Passing) Error() string { return p.Err.Error() }

// Unwrap returns the cause.
func (p Passing) Unwrap() error { return p.Err }

// senderName is the name beside the sender's address where EMAIL_FROM has none.
const senderName = "AI Ratelimit"

// parseFrom returns a sender with a name. The configuration has checked the address.
func parseFrom(from string) *mail.Address {
	a, err := mail.ParseAddress(from)
	if err != nil {
		a = &mail.Address{Address: from}
	}
	if a.Name == "" {
		a.Name = senderName
	}
	return a
}

// Domain is the part of a sender's address behind the @, in lower case.
func Domain(from string) string {
	_, domain, _ := strings.Cut(parseFrom(from).Address, "@")
	return strings.ToLower(domain)
}

// headers are those of every mail: a program wrote it, and no program should answer it.
var headers = map[string]string{
	"Auto-Submitted":           "auto-generated",
	"X-Auto-Response-Suppress": "All",
}

// Log writes the links of mails to the log, for a developer who has no mail server. It is never used in production.
type Log struct{ Log *slog.Logger }

// Kind implements [Sender].
func (Log) Kind() string { return "log" }

// Send implements [Sender].
func (l Log) Send(_ context.Context, m Message) (string, error) {
	l.Log.Info("no mail is set up: open this link", "link", m.Link, "to", m.To, "subject", m.Subject)
	return "written to the log", nil
}

// None sends nothing: production without a mail server.
type None struct{ Log *slog.Logger }

// Kind implements [Sender].
func (None) Kind() string { return "none" }

// Send implements [Sender].
func (n None) Send(context.Context, Message) (string, error) {
	n.Log.Warn("mail not sent: set RESEND_API_KEY or SMTP_URL, or run airatelimit login-link")
	return "not sent", nil
}
